//! Comms: the widget targets are open, any other is closed at once, as the specification asks.

use kernel_protocol::Message;
use serde_json::{Value, json};

use crate::kernel::Kernel;

/// The open comms, of one target if the request names one.
pub async fn info(kernel: &Kernel, request: &Message) -> Value {
    let target = request.content.get("target_name").and_then(Value::as_str).filter(|target| !target.is_empty());
    json!({"status": "ok", "comms": kernel.widgets.comm_info(target).await})
}
