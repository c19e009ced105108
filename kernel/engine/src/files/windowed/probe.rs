//! Whether names can be believed: some files are looked into, and the times of their first flows compared with their names.
//!
//! Exports of old days have the day of the export in their names; where that shows, no file is left out by its name.

use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as DataFusionResult;
use datafusion::physical_plan::execute_stream;
use file_source::{Span, TimeColumns};
use futures::StreamExt;

use super::FileSet;
use crate::files::opened::{Made, make};
use crate::files::sniff::Wanted;
use crate::files::{FileFault, identified};
use crate::source::SourceSettings;

/// Files that are looked into at either end of a set until one has flows.
const FILES_TRIED_MAX: usize = 4;
/// Flows of a file that are looked at.
const ROWS_MAX: usize = 1000;
/// Of so many flows one may be of another time, as those that went on for days.
const ROWS_FOR_ONE_OUTSIDE: usize = 10;
/// Some files must be read far for their first flow; who has them does not wait for it.
const WAITED_MAX: Duration = Duration::from_secs(3);

/// What some files of a set show.
pub(super) enum Probed {
    /// Flows, of the times that names say.
    Right { made: Made, format: &'static str },
    /// Something else, or nothing that can be told from a few of them.
    Doubtful,
}

/// What one file shows.
enum Shown {
    Right(Made, &'static str),
    Wrong,
    Nothing,
}

/// Looks into the first and the last file of a set whose names say a time; of objects, which must be fetched, into the first.
///
/// # Errors
/// When a file of a strict source cannot be read, or none can be fetched.
pub(super) async fn probe(
    state: &dyn Session,
    set: &FileSet,
    spans: &[Option<Span>],
    settings: &SourceSettings,
) -> DataFusionResult<Probed> {
    let named: Vec<(usize, Span)> =
        spans.iter().enumerate().filter_map(|(place, span)| Some((place, (*span)?))).collect();
    let first: Vec<_> = named.iter().copied().take(FILES_TRIED_MAX).collect();
    let last: Vec<_> = named.iter().rev().copied().take(FILES_TRIED_MAX).collect();
    let ends = match set {
        FileSet::Files(_) => vec![first, last],
        FileSet::Objects { .. } => vec![first.into_iter().take(1).collect()],
    };
    let mut found = None;
    for end in ends {
        let mut is_right = false;
        for (place, span) in end {
            match look_into(state, set, place, span, settings).await? {
                Shown::Right(made, format) => {
                    if found.as_ref().is_some_and(|(_, known)| *known != format) {
                        return Ok(Probed::Doubtful);
                    }
                    found.get_or_insert((made, format));
                    is_right = true;
                    break;
                }
                Shown::Wrong => return Ok(Probed::Doubtful),
                Shown::Nothing => {}
            }
        }
        if !is_right {
            return Ok(Probed::Doubtful);
        }
    }
    Ok(found.map_or(Probed::Doubtful, |(made, format)| Probed::Right { made, format }))
}

async fn look_into(
    state: &dyn Session,
    set: &FileSet,
    place: usize,
    span: Span,
    settings: &SourceSettings,
) -> DataFusionResult<Shown> {
    let found = set.get(state, &[place]).await.map_err(FileFault::into_datafusion)?;
    // Of Parquet in a store all must be asked for its columns.
    if found.iter().any(|found| found.in_store.is_some()) {
        return Ok(Shown::Wrong);
    }
    let files = match identified(found, Wanted::of(settings), settings.strict) {
        Ok(files) => files,
        Err(fault) if !settings.strict || matches!(fault, FileFault::Empty { .. }) => return Ok(Shown::Nothing),
        Err(fault) => return Err(fault.into_datafusion()),
    };
    // What is wrong with it is said when all are opened.
    let Ok(made) = make(state, &files, settings).await else { return Ok(Shown::Nothing) };
    if !made.is_flows {
        return Ok(Shown::Wrong);
    }
    let columns: Vec<&str> = [TimeColumns::FLOWS.start, TimeColumns::FLOWS.end].into_iter().flatten().collect();
    Ok(match is_within(state, made.table.as_ref(), &columns, span).await {
        None => Shown::Nothing,
        Some(false) => Shown::Wrong,
        Some(true) => Shown::Right(made, files.format().name()),
    })
}

/// Whether the first rows of a table are of a time by some of its columns; `None` where that cannot be told soon.
pub(super) async fn is_within(
    state: &dyn Session,
    table: &dyn TableProvider,
    columns: &[&str],
    span: Span,
) -> Option<bool> {
    let counted = tokio::time::timeout(WAITED_MAX, times_of(state, table, columns, span)).await;
    let (inside, outside) = counted.ok()?.ok()?;
    (inside + outside > 0).then_some(outside * ROWS_FOR_ONE_OUTSIDE <= inside + outside)
}

/// How many of the first rows of a table are in a span and how many are not.
async fn times_of(
    state: &dyn Session,
    table: &dyn TableProvider,
    columns: &[&str],
    span: Span,
) -> DataFusionResult<(usize, usize)> {
    let schema = table.schema();
    let projection: Vec<usize> = columns.iter().filter_map(|name| schema.index_of(name).ok()).collect();
    let plan = table.scan(state, Some(&projection), &[], Some(ROWS_MAX)).await?;
    let mut batches = execute_stream(plan, state.task_ctx())?;
    let (mut inside, mut outside) = (0, 0);
    while let Some(batch) = batches.next().await {
        count(&batch?, span, &mut inside, &mut outside);
        if inside + outside >= ROWS_MAX {
            break;
        }
    }
    Ok((inside, outside))
}

/// A row without times tells nothing.
fn count(batch: &RecordBatch, span: Span, inside: &mut usize, outside: &mut usize) {
    for row in 0..batch.num_rows() {
        let times = batch.columns().iter().filter_map(|column| {
            let column = column.as_primitive_opt::<TimestampNanosecondType>()?;
            column.is_valid(row).then(|| column.value(row))
        });
        match times.map(|time| span.contains(time)).reduce(|one, two| one && two) {
            Some(true) => *inside += 1,
            Some(false) => *outside += 1,
            None => {}
        }
    }
}
