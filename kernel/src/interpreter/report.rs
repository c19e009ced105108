//! `%%report` cells: a report of the results there are, at once or at each press of a button.

use kernel_protocol::MimeBundle;
use serde_json::{Map, Value};

use super::{Done, Job, form};
use crate::{
    case_report::button,
    cell::{Trigger, report::ReportCell},
    report::Report,
};

/// Runs a `%%report` cell.
///
/// # Errors
/// When there is nothing to report on, or the file cannot be written.
pub async fn run(cell: ReportCell, job: &Job) -> Result<Done, Report> {
    let cause = job.prompt.header();
    if let Trigger::Click(name) = cell.trigger() {
        // Its text names the cell where the front end does not.
        let key = job.cell_key(&format!("{cell:?}"));
        let bundle = button::start(&job.kernel, cause, &key, &name, cell).await?;
        return form::show(bundle, job).await;
    }
    let (html, text) = button::written(&job.kernel, cause, &cell).await?;
    let mut bundle = MimeBundle::new();
    bundle.insert("text/html".to_owned(), Value::from(html));
    bundle.insert("text/plain".to_owned(), Value::from(text));
    job.outputs.display(bundle, Map::new(), Map::new(), false).await;
    Ok(Done::default())
}
