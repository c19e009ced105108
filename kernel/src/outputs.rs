//! What a cell or callback puts out, and where it goes: to iopub under the cell's parent header, into an Output widget,
//! or to whoever gathers it.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};

use kernel_protocol::{MimeBundle, socket::iopub::Iopub, wire::header::Header};
use serde_json::{Map, Value, json};
use widgets_comm::output::Output;

use crate::{kernel::Kernel, pace::Pace, report::Report, widgets::Widgets};

/// Text that one cell may print, bytes. A front end that keeps more of it becomes unusable.
const TEXT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The outputs of one cell. Clones belong to the same cell, also after it ended.
#[derive(Clone)]
pub struct Outputs {
    destination: Destination,
    execution_count: u64,
}

#[derive(Clone)]
enum Destination {
    /// Published, to be shown below the cell.
    Page(Arc<Page>),
    /// A silent cell runs, but nothing of it is published.
    Nowhere,
    /// Kept: the value of a user expression.
    Gathered(Gathered),
    /// Shown by an Output widget, on every page and after a reload.
    Widget { widgets: Arc<Widgets>, id: Arc<str>, cause: Header },
}

struct Page {
    iopub: Iopub,
    parent: Header,
    pace: Arc<Pace>,
    text_bytes: AtomicUsize,
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
    pub fn new(kernel: &Kernel, parent: Header, execution_count: u64, silent: bool) -> Outputs {
        let page =
            || Page { iopub: kernel.iopub.clone(), parent, pace: kernel.pace.clone(), text_bytes: AtomicUsize::new(0) };
        let destination = if silent { Destination::Nowhere } else { Destination::Page(Arc::new(page())) };
        Outputs { destination, execution_count }
    }

    /// Outputs of which the value is kept and the rest is dropped.
    pub fn gathered() -> (Outputs, Gathered) {
        let gathered = Gathered::default();
        (Outputs { destination: Destination::Gathered(gathered.clone()), execution_count: 0 }, gathered)
    }

    /// Outputs that an Output widget shows. `cause` is what led to them.
    pub fn of_widget(widgets: Arc<Widgets>, id: String, cause: Header) -> Outputs {
        Outputs { destination: Destination::Widget { widgets, id: id.into(), cause }, execution_count: 0 }
    }

    /// These outputs as what follows from another message; those of a cell stay the cell's.
    pub fn caused_by(mut self, header: Header) -> Outputs {
        if let Destination::Widget { cause, .. } = &mut self.destination {
            *cause = header;
        }
        self
    }

    /// These outputs while an Output widget captures them.
    pub fn captured_by(&self, widgets: Arc<Widgets>, id: &str) -> Outputs {
        let cause = match &self.destination {
            Destination::Page(page) => page.parent.clone(),
            Destination::Widget { cause, .. } => cause.clone(),
            // A silent cell stays silent, and an expression gives its value.
            Destination::Nowhere | Destination::Gathered(_) => return self.clone(),
        };
        Outputs { execution_count: self.execution_count, ..Outputs::of_widget(widgets, id.to_owned(), cause) }
    }

    /// The number of the cell in its front end; 0 when it has none.
    pub fn execution_count(&self) -> u64 {
        self.execution_count
    }

    /// Whether anybody sees them.
    pub fn are_seen(&self) -> bool {
        matches!(self.destination, Destination::Page(_) | Destination::Widget { .. })
    }

    /// Text for `stdout` or `stderr`.
    pub async fn stream(&self, name: &'static str, text: String) {
        match &self.destination {
            Destination::Page(page) => page.stream(name, text).await,
            Destination::Widget { widgets, id, cause } => {
                widgets.append_output(cause, id, Output::Stream { name: name.to_owned(), text }).await;
            }
            Destination::Nowhere | Destination::Gathered(_) => {}
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
        match &self.destination {
            Destination::Page(page) => {
                page.pace.wait(0).await;
                page.iopub.publish(&page.parent, msg_type, content).await;
            }
            Destination::Widget { widgets, id, cause } => {
                if let Some(output) = Output::parse(msg_type, &content) {
                    widgets.append_output(cause, id, output).await;
                }
            }
            Destination::Nowhere | Destination::Gathered(_) => {}
        }
    }
}

impl Page {
    async fn stream(&self, name: &'static str, mut text: String) {
        let before = self.text_bytes.fetch_add(text.len(), Ordering::Relaxed);
        let room = TEXT_BYTES_MAX.saturating_sub(before);
        let is_full = text.len() > room;
        if is_full {
            text.truncate(text.floor_char_boundary(room));
        }
        self.pace.wait(text.len()).await;
        self.iopub.stream(&self.parent, name, text).await;
        if is_full && before <= TEXT_BYTES_MAX {
            let megabytes = TEXT_BYTES_MAX / 1024 / 1024;
            let notice =
                format!("\noutput truncated: this cell printed more than {megabytes} MiB, the rest is not shown\n");
            self.iopub.stream(&self.parent, "stderr", notice).await;
        }
    }
}
