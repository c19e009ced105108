//! Reading from a server in a task of its own, until done, limited or dropped.
//!
//! Dropping the stream drops the task with everything that the connector holds: its connection, and what tells the server
//! to stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use datafusion_common::{DataFusionError, Result};
use datafusion_execution::SendableRecordBatchStream;
use datafusion_physical_plan::metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet};
use datafusion_physical_plan::stream::RecordBatchReceiverStreamBuilder;
use file_source::BATCH_ROWS;
use flow_source::QualityReport;
use tokio::sync::mpsc::Sender;

use crate::cell::Cell;
use crate::error::{Cause, RemoteError};
use crate::rows::{Recipe, Rows};
use crate::source::{RemoteSource, Request};

/// Batches read ahead of the reader.
const BATCHES_AHEAD: usize = 2;
/// After which a batch that is not full is given all the same, so that a slow server's first rows are seen.
const GIVE_AFTER: Duration = Duration::from_millis(500);

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// More rows are wanted.
    Continue,
    /// Nobody wants more rows.
    Stop,
}

/// Where the rows of a server go.
#[derive(Debug)]
pub struct Sink {
    rows: Rows,
    sender: Sender<Result<RecordBatch>>,
    report: Arc<QualityReport>,
    output_rows: Count,
    left: usize,
    is_strict: bool,
    place: String,
    given: u64,
    last: Instant,
}

impl Sink {
    /// Adds a row: a cell for each of the request's columns. Waits while the query is busy with earlier rows.
    ///
    /// # Errors
    /// When the source is strict and a value cannot be read.
    pub async fn push(&mut self, cells: &[Cell<'_>]) -> std::result::Result<Next, RemoteError> {
        if self.left == 0 {
            return Ok(Next::Stop);
        }
        self.left -= 1;
        self.given += 1;
        let unreadable = self.rows.push(cells);
        if let Some(place) = unreadable.filter(|_| self.is_strict) {
            let cause = Cause::Unreadable { row: self.given, column: self.rows.column_name(place).to_owned() };
            return Err(RemoteError::new(&self.place, cause));
        }
        let is_due = self.rows.len().is_multiple_of(64) && self.last.elapsed() > GIVE_AFTER;
        if self.left > 0 && self.rows.len() < BATCH_ROWS && !is_due {
            return Ok(Next::Continue);
        }
        self.give().await
    }

    /// Gives the rows so far without waiting for more; for pauses between answers of a server.
    ///
    /// # Errors
    /// When they make no batch.
    pub async fn give(&mut self) -> std::result::Result<Next, RemoteError> {
        self.last = Instant::now();
        let count = self.rows.len();
        if count == 0 {
            return Ok(self.next());
        }
        let batch = self.rows.take();
        let batch = batch.map_err(|fault| RemoteError::malformed(&self.place, &fault.to_string()))?;
        self.report.add_rows(count as u64);
        self.output_rows.add(count);
        match self.sender.send(Ok(batch)).await {
            Ok(()) => Ok(self.next()),
            Err(_) => Ok(Next::Stop),
        }
    }

    /// Rows that may still be given.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Counts bytes as they arrive.
    pub fn count_bytes(&self, bytes: usize) {
        self.report.add_bytes(bytes as u64);
    }

    /// Says something about the answer that the analyst should know.
    pub fn note(&self, note: String) {
        self.report.note(note);
    }

    fn next(&self) -> Next {
        if self.left == 0 || self.sender.is_closed() { Next::Stop } else { Next::Continue }
    }
}

/// What a scan needs beside its source.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) recipe: Recipe,
    pub(crate) request: Request,
    pub(crate) report: Arc<QualityReport>,
    pub(crate) schema: arrow_schema::SchemaRef,
    pub(crate) is_strict: bool,
}

/// Starts reading.
pub(crate) fn start(
    source: Arc<dyn RemoteSource>,
    scan: Arc<Scan>,
    metrics: &ExecutionPlanMetricsSet,
) -> SendableRecordBatchStream {
    let baseline = BaselineMetrics::new(metrics, 0);
    let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&scan.schema), BATCHES_AHEAD);
    let sender = builder.tx();
    builder.spawn(async move {
        if scan.request.predicate.is_never() || scan.request.limit == Some(0) {
            return Ok(());
        }
        let mut sink = Sink {
            rows: Rows::new(scan.recipe.clone(), source.name()),
            sender,
            report: Arc::clone(&scan.report),
            output_rows: baseline.output_rows().clone(),
            left: scan.request.limit.unwrap_or(usize::MAX),
            is_strict: scan.is_strict,
            place: source.place().to_owned(),
            given: 0,
            last: Instant::now(),
        };
        source.read(&scan.request, &mut sink).await.map_err(DataFusionError::from)?;
        sink.give().await.map(|_| ()).map_err(DataFusionError::from)
    });
    builder.build()
}
