//! What a cell puts out, and where it goes: to iopub under the cell's parent header, or to whoever gathers it.

use std::sync::{Arc, Mutex, MutexGuard};

use kernel_protocol::{MimeBundle, socket::iopub::Iopub, wire::header::Header};
use serde_json::{Map, Value, json};

use crate::report::Report;

/// The outputs of one cell. Clones belong to the same cell, also after it ended.
#[derive(Clone)]
pub struct Outputs {
    destination: Destination,
    execution_count: u64,
}

#[derive(Clone)]
enum Destination {
    /// Published, to be shown below the cell.
    Page { iopub: Iopub, parent: Header },
    /// A silent cell runs, but nothing of it is published.
    Nowhere,
    /// Kept: the value of a user expression.
    Gathered(Gathered),
}

/// The value that was put out last, kept instead of published.
#[derive(Clone, Default)]
pub struct Gathered(Arc<Mutex<Option<MimeBundle>>>);

impl Gathered {
    /// The value, if one was put out.
    pub fn take(&self) -> Option<MimeBundle> {
        self.value().take()
    }

    fn value(&self) -> MutexGuard<'_, Option<MimeBundle>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Outputs {
    /// Outputs of the cell that the request with the header `parent` runs.
    pub fn new(iopub: Iopub, parent: Header, execution_count: u64, silent: bool) -> Outputs {
        let destination = if silent { Destination::Nowhere } else { Destination::Page { iopub, parent } };
        Outputs { destination, execution_count }
    }

    /// Outputs of which the value is kept and the rest is dropped.
    pub fn gathered() -> (Outputs, Gathered) {
        let gathered = Gathered::default();
        (Outputs { destination: Destination::Gathered(gathered.clone()), execution_count: 0 }, gathered)
    }

    /// Text for `stdout` or `stderr`.
    pub async fn stream(&self, name: &'static str, text: String) {
        if let Destination::Page { iopub, parent } = &self.destination {
            iopub.stream(parent, name, text).await;
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
        if let Destination::Gathered(gathered) = &self.destination {
            *gathered.value() = Some(data);
            return;
        }
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
        if let Destination::Page { iopub, parent } = &self.destination {
            iopub.publish(parent, msg_type, content).await;
        }
    }
}
