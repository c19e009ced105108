//! Reports that are made when a button is pressed, by people who see no code: below the cell stands where the report is, and a
//! link that brings it to their own machine.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use html_escape::{encode_double_quoted_attribute as attribute, encode_text};
use kernel_protocol::{MimeBundle, wire::header::Header};
use widgets_comm::{buffers::State, registry::Event};

use super::{Written, make};
use crate::{
    cell::report::{Form, ReportCell},
    kernel::Kernel,
    report::Report,
    widgets::{Listening, new_id},
};

/// A larger report does not fit into a link; it is beside the notebook.
const LINK_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The reports of this kernel that wait for a press, by the key of their cell.
#[derive(Default)]
pub struct ReportButtons(Mutex<BTreeMap<String, Arc<ReportButton>>>);

/// A report that waits for a press.
struct ReportButton {
    kernel: Arc<Kernel>,
    cell: ReportCell,
    /// The HTML widget below the cell.
    area: String,
    /// One at a time.
    turn: tokio::sync::Mutex<()>,
    listening: Mutex<Option<Listening>>,
}

impl ReportButtons {
    /// Makes the report of this cell as if its button had been pressed. `None` when the cell has none.
    pub async fn run(&self, cell: &str, cause: &Header) -> Option<Result<(), Report>> {
        let waiting = lock(&self.0).get(cell).cloned()?;
        Some(waiting.press(cause).await)
    }
}

/// Shows the area of a report and waits for the button. `key` names its cell.
///
/// # Errors
/// When the button is not there.
pub async fn start(
    kernel: &Arc<Kernel>,
    cause: &Header,
    key: &str,
    button: &str,
    cell: ReportCell,
) -> Result<MimeBundle, Report> {
    let button = kernel.forms.button(button)?;
    let area = new_id();
    let state = State::new().with("value", "no report yet");
    kernel.widgets.open(cause, &area, "HTMLModel", state).await.map_err(Report::internal)?;
    let (turn, listening) = (tokio::sync::Mutex::default(), Mutex::default());
    let waiting = Arc::new(ReportButton { kernel: kernel.clone(), cell, area: area.clone(), turn, listening });
    let pressed = waiting.clone();
    let hears = move |event: &Event, cause: &Header| {
        if matches!(event, Event::Click { .. }) {
            let (pressed, cause) = (pressed.clone(), cause.clone());
            tokio::spawn(async move {
                // What went wrong stands in the area.
                let _ = pressed.press(&cause).await;
            });
        }
    };
    *lock(&waiting.listening) = Some(kernel.widgets.listen(&button, Arc::new(hears)));
    let earlier = lock(&kernel.reports.0).insert(key.to_owned(), waiting);
    if let Some(earlier) = earlier {
        if let Some(listening) = lock(&earlier.listening).take() {
            kernel.widgets.unlisten(&listening);
        }
        // A front end may have closed it.
        let _ = kernel.widgets.close(cause, &earlier.area).await;
    }
    kernel.widgets.view(&area).await.ok_or_else(|| Report::internal("the report's area is gone"))
}

impl ReportButton {
    async fn press(&self, cause: &Header) -> Result<(), Report> {
        let _one_at_a_time = self.turn.lock().await;
        self.say(cause, "making the report …").await;
        let outcome = written(&self.kernel, cause, &self.cell).await;
        let html = match &outcome {
            Ok((html, _)) => html.clone(),
            Err(report) => {
                let hint = report.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                encode_text(&format!("no report: {}{hint}", report.evalue)).into_owned()
            }
        };
        self.say(cause, &html).await;
        outcome.map(drop)
    }

    async fn say(&self, cause: &Header, html: &str) {
        if let Err(error) = self.kernel.widgets.set(cause, &self.area, "value", html).await {
            tracing::info!(%error, "a report's area is gone");
        }
        self.kernel.widgets.flush().await;
    }
}

/// Makes and saves a report; gives what is said about it, as HTML and as text.
///
/// # Errors
/// As [`make`] and [`Written::save`].
pub async fn written(kernel: &Arc<Kernel>, cause: &Header, cell: &ReportCell) -> Result<(String, String), Report> {
    let report = make(kernel, cause, cell).await?;
    let path = report.save().await?;
    let text = format!("report written to {}", path.display());
    Ok((format!("{}{}", encode_text(&text), link(&report)), text))
}

/// A link that brings the report to the reader's machine, wherever the kernel runs.
fn link(report: &Written) -> String {
    if report.text.len() > LINK_BYTES_MAX {
        return String::new();
    }
    let mime = match report.form {
        Form::Html => "text/html",
        Form::Markdown => "text/markdown",
    };
    let (name, data) = (attribute(&report.name), BASE64.encode(&report.text));
    // Voilà's pages do not mark links.
    let style = "text-decoration:underline;color:var(--jp-content-link-color,#1f5fa8)";
    format!(" · <a style=\"{style}\" download=\"{name}\" href=\"data:{mime};charset=utf-8;base64,{data}\">Download</a>")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
