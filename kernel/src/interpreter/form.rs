//! `%%form` cells: a form of widgets, whose fields are parameters of queries; `%%parameters` cells: values of them.

use kernel_protocol::MimeBundle;
use serde_json::Map;

use super::{Done, Job};
use crate::{form::given, report::Report};

/// Runs a `%%form` cell.
///
/// # Errors
/// What is wrong with the text of the form.
pub async fn run(text: &str, job: &Job) -> Result<Done, Report> {
    let header = job.prompt.header();
    let bundle = job.kernel.forms.show(header, &job.cell_key(text), text).await?;
    show(bundle, job).await
}

/// Runs a `%%parameters` cell.
///
/// # Errors
/// What is wrong with its text, or with a value of a field that is shown.
pub async fn give(text: &str, job: &Job) -> Result<Done, Report> {
    let values = given::of_toml(text).map_err(|error| {
        Report::new("FormError", "the parameters are not written in TOML")
            .with_hint(format!("a line is written  limit = 100  or  src = \"10.0.0.1\"\n{error}"))
    })?;
    job.kernel.forms.give(job.prompt.header(), values).await?;
    Ok(Done::default())
}

/// Shows a view of widgets.
pub async fn show(bundle: MimeBundle, job: &Job) -> Result<Done, Report> {
    job.kernel.widgets.flush().await;
    job.outputs.display(bundle, Map::new(), Map::new(), false).await;
    Ok(Done::default())
}
