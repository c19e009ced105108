//! What a cell puts out, on its way to iopub with the cell's parent header.

use kernel_protocol::{MimeBundle, socket::iopub::Iopub, wire::header::Header};
use serde_json::{Map, Value, json};

use crate::report::Report;

/// The outputs of one cell. Clones belong to the same cell, also after it ended.
#[derive(Clone)]
pub struct Outputs {
    iopub: Iopub,
    parent: Header,
    execution_count: u64,
    /// A silent cell runs, but nothing of it is published.
    silent: bool,
}

impl Outputs {
    /// Outputs of the cell that the request with the header `parent` runs.
    pub fn new(iopub: Iopub, parent: Header, execution_count: u64, silent: bool) -> Outputs {
        Outputs { iopub, parent, execution_count, silent }
    }

    /// Text for `stdout` or `stderr`.
    pub async fn stream(&self, name: &'static str, text: String) {
        if !self.silent {
            self.iopub.stream(&self.parent, name, text).await;
        }
    }

    /// A displayed value; with `update` it replaces the one of the same `display_id`.
    pub async fn display(
        &self,
        data: MimeBundle,
        metadata: Map<String, Value>,
        transient: Map<String, Value>,
        update: bool,
    ) {
        let msg_type = if update { "update_display_data" } else { "display_data" };
        self.publish(msg_type, json!({"data": data, "metadata": metadata, "transient": transient})).await;
    }

    /// The value of the cell.
    pub async fn result(&self, data: MimeBundle) {
        let content = json!({"execution_count": self.execution_count, "data": data, "metadata": {}, "transient": {}});
        self.publish("execute_result", content).await;
    }

    /// Clears what the cell put out so far, or with `wait` when the next output comes.
    pub async fn clear(&self, wait: bool) {
        self.publish("clear_output", json!({"wait": wait})).await;
    }

    /// The cell failed.
    pub async fn error(&self, report: &Report) {
        self.publish("error", Value::Object(report.content())).await;
    }

    async fn publish(&self, msg_type: &str, content: Value) {
        if !self.silent {
            self.iopub.publish(&self.parent, msg_type, content).await;
        }
    }
}
