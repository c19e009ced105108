//! `interrupt_request`: stops the running cell. Without one it does nothing: clients interrupt before every shutdown.

use serde_json::{Value, json};

use crate::kernel::Kernel;

/// Stops the running cell, if there is one, and the cells queued behind it.
pub fn answer(kernel: &Kernel) -> Value {
    let was_running = kernel.execution.interrupt();
    tracing::info!(was_running, "interrupt");
    json!({"status": "ok"})
}
