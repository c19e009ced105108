//! `%%form` cells: a form of widgets, whose fields are parameters of queries.

use kernel_protocol::MimeBundle;
use serde_json::Map;

use super::{Done, Job};
use crate::report::Report;

/// Runs a `%%form` cell.
///
/// # Errors
/// What is wrong with the text of the form.
pub async fn run(text: &str, job: &Job) -> Result<Done, Report> {
    let header = job.prompt.header();
    let bundle = job.kernel.forms.show(header, &job.cell_key(text), text).await?;
    show(bundle, job).await
}

/// Shows a view of widgets.
pub async fn show(bundle: MimeBundle, job: &Job) -> Result<Done, Report> {
    job.kernel.widgets.flush().await;
    job.outputs.display(bundle, Map::new(), Map::new(), false).await;
    Ok(Done::default())
}
