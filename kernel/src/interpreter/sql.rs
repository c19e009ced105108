//! `%%sql` and `%%plot` cells: a query of the engine, its result shown or drawn and, with `--into`, kept as a table.

use std::sync::Arc;

use flow_engine::{ProgressCallback, QueryOptions};
use kernel_protocol::MimeBundle;
use serde_json::Value;

use super::{Done, Job, form};
use crate::{
    cell::{SqlCell, Trigger},
    engine,
    exports::Interval,
    form::{Wrong, live},
    kernel::Kernel,
    plot,
    report::Report,
    results::Made,
    table::About,
};

/// Runs a `%%sql` or `%%plot` cell.
///
/// # Errors
/// What the engine says, worded for the notebook; `Interrupted` when the user stopped the query.
pub async fn run(cell: SqlCell, job: &Job) -> Result<Done, Report> {
    if cell.trigger != Trigger::Once {
        let key = job.cell_key(&cell.query);
        let bundle = live::start(&job.kernel, job.prompt.header(), &key, cell).await?;
        return form::show(bundle, job).await;
    }
    let room = engine::ready().await?;
    let mut options = QueryOptions { limit: cell.rows_max(), ..QueryOptions::default() };
    let cause = job.prompt.header();
    let parameters = job.kernel.forms.parameters(cause, &cell.query).await.map_err(|wrong| not_filled_in(&wrong))?;
    for (name, parameter) in &parameters {
        options = options.with_parameter(name, parameter.clone());
    }
    options.progress = watched(&job.kernel);
    let result =
        room.engine.query(&cell.query, options, job.cancel.clone()).await.map_err(|error| room.report(&error))?;
    if let Some(name) = &cell.into {
        room.engine.register_result(name, &result).map_err(|error| room.report(&error))?;
        job.kernel.forms.table_is_there(cause, name).await;
    }
    let made = |plot| Made::of(&cell, job.kernel.forms.without_secrets(&parameters), &result, plot);
    if let Some(wanted) = &cell.plot {
        let plot = plot::of(room, result.clone(), &wanted.request, job.cancel.clone()).await?;
        made(Some(&plot)).into_iter().for_each(|made| job.kernel.results.add(made));
        let bundle = match wanted.selection.is_nothing() {
            true => plot.bundle().await?,
            false => {
                let key = job.cell_key(&cell.query);
                job.kernel.plots.show(cause, &key, &plot, &wanted.selection).await?
            }
        };
        let done = put_out(bundle, job).await;
        if let Some(picture) = wanted.save {
            let path = plot.save(picture, Interval::of(&parameters)).await?;
            job.outputs.stream("stdout", format!("saved {}\n", path.display())).await;
        }
        return Ok(done);
    }
    made(None).into_iter().for_each(|made| job.kernel.results.add(made));
    let about = About {
        name: cell.into,
        interval: Interval::of(&parameters),
        fill: cell.fill,
        selection: cell.selection,
        ..About::default()
    };
    let bundle = match job.outputs.are_seen() {
        true => job.kernel.tables.show_below(room, cause, job.prompt.cell_id(), result, about).await?,
        false => tokio::task::spawn_blocking(move || engine::shown(&result)).await.map_err(Report::internal)?,
    };
    Ok(put_out(bundle, job).await)
}

/// Tells who runs a notebook without a page how far a query is; nobody else asks.
pub(crate) fn watched(kernel: &Arc<Kernel>) -> Option<ProgressCallback> {
    let kernel = (kernel.progress.receiver_count() > 0).then(|| kernel.clone())?;
    Some(Arc::new(move |progress| {
        kernel.progress.send_replace(progress);
    }))
}

async fn put_out(bundle: MimeBundle, job: &Job) -> Done {
    let result_text = bundle.get("text/plain").and_then(Value::as_str).map(str::to_owned);
    job.outputs.result(bundle).await;
    Done { result_text, ..Done::default() }
}

fn not_filled_in(wrong: &[Wrong]) -> Report {
    let facts: Vec<String> = wrong.iter().map(|Wrong { label, fact }| format!("{label}: {fact}")).collect();
    Report::new("FormError", facts.join("; "))
        .with_hint("correct the fields of the form above, then run this cell again")
}
