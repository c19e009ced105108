//! `shutdown_request`: a running cell is stopped, the reply goes out, then the process ends.

use kernel_protocol::Message;
use serde_json::{Value, json};

use crate::kernel::Kernel;

/// The content of the reply; the process ends once it is on its way. Also published on iopub, as ipykernel does.
pub async fn answer(kernel: &Kernel, request: &Message) -> Value {
    let content = json!({"status": "ok", "restart": request.flag("restart", false)});
    kernel.execution.interrupt();
    kernel.iopub.publish(&request.header, "shutdown_reply", content.clone()).await;
    kernel.stop();
    content
}
