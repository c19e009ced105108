//! `%%sql` cells: a query of the engine, its result shown and, with `--into`, kept as a table.

use flow_engine::QueryOptions;
use serde_json::Value;

use super::{Done, Job};
use crate::{cell::SqlCell, engine, report::Report};

/// Rows that a cell without `--limit` brings at most; the caption says when there were more.
const ROWS_MAX: usize = 1_000_000;

/// Runs a `%%sql` cell.
///
/// # Errors
/// What the engine says, worded for the notebook; `Interrupted` when the user stopped the query.
pub async fn run(cell: SqlCell, job: &Job) -> Result<Done, Report> {
    let room = engine::ready().await?;
    let options = QueryOptions { limit: Some(cell.limit.unwrap_or(ROWS_MAX)), ..QueryOptions::default() };
    let result =
        room.engine.query(&cell.query, options, job.cancel.clone()).await.map_err(|error| room.report(&error))?;
    if let Some(name) = &cell.into {
        room.engine.register_result(name, &result).map_err(|error| room.report(&error))?;
    }
    // Rendering a wide result takes milliseconds of computing: not on the threads of the protocol.
    let bundle = tokio::task::spawn_blocking(move || engine::shown(&result)).await.map_err(Report::internal)?;
    let result_text = bundle.get("text/plain").and_then(Value::as_str).map(str::to_owned);
    job.outputs.result(bundle).await;
    Ok(Done { result_text, ..Done::default() })
}
