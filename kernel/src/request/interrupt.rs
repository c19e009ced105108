//! `interrupt_request`: stops what runs. When nothing does it does nothing: clients interrupt before every shutdown.

use serde_json::{Value, json};

use crate::kernel::Kernel;

/// Stops the running cell and the queries of callbacks, if there are any.
pub fn answer(kernel: &Kernel) -> Value {
    let was_running = kernel.execution.interrupt() | kernel.interpreters.rust.cancel_callbacks();
    tracing::info!(was_running, "interrupt");
    json!({"status": "ok"})
}
