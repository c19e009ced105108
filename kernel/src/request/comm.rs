//! Comms: no target is open yet, so an unknown one is closed at once, as the specification asks.

use kernel_protocol::Message;
use serde_json::{Value, json};

use crate::kernel::Kernel;

/// The open comms: none.
pub fn info() -> Value {
    json!({"status": "ok", "comms": {}})
}

/// Closes a comm that the front end opened. `data` must be there: nbclient reads it in every comm message.
pub async fn open(kernel: &Kernel, request: &Message) -> Option<Value> {
    let comm_id = request.text("comm_id");
    tracing::info!(comm_id, target_name = request.text("target_name"), "no such comm target");
    kernel.iopub.publish(&request.header, "comm_close", json!({"comm_id": comm_id, "data": {}})).await;
    None
}
