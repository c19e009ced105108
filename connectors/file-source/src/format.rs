//! What a connector fills in: its files, its columns, and how a piece of a file becomes record batches.
//!
//! Everything around that (planning, threads, limits, stopping, counting) is done by the other rooms.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use datafusion_common::Result;
use datafusion_physical_plan::metrics::Count;
use flow_source::QualityReport;
use tokio::sync::mpsc::Sender;

use crate::pieces::{Piece, SourceFile};
use crate::timeless::Timeless;
use crate::times::{TimeBounds, TimeColumns};

/// A set of opened files of one kind, as one table.
///
/// Opening them (a few first bytes of each) is done before there is a `Format`; its methods but [`read`](Self::read)
/// touch no file.
pub trait Format: fmt::Debug + Send + Sync + 'static {
    /// The connector's name, for plans.
    fn name(&self) -> &'static str;

    /// All columns.
    fn schema(&self) -> SchemaRef;

    /// The files, at least one.
    fn files(&self) -> &[SourceFile];

    /// Which columns hold times that [`Scan::times`] and [`SourceFile::span`] are about.
    fn time_columns(&self) -> TimeColumns {
        TimeColumns::of(&self.schema())
    }

    /// What to say about the files whenever they are read. Called once a scan.
    fn remark(&self, _report: &QualityReport) {}

    /// Reads a piece of a file and gives its rows to `sink`, until it says [`Next::Stop`]. Runs on a thread that may
    /// block. Bad rows go to the report; a file that breaks after its first row gives its rows and reports that.
    ///
    /// # Errors
    /// When nothing can be read, or a batch cannot be made.
    fn read(&self, piece: &Piece, scan: &Scan, sink: &mut Sink<'_>) -> Result<Next>;
}

/// What a query wants of a table.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The columns to read: a projection of [`Format::schema`], and the schema of the batches.
    pub schema: SchemaRef,
    /// The query gets the first so many of them.
    pub(crate) columns: usize,
    /// Rows after which a partition may stop.
    pub limit: Option<usize>,
    /// Rows outside may be left out; the query checks again.
    pub times: TimeBounds,
    /// Grows while the scan runs.
    pub report: Arc<QualityReport>,
    /// Whether the scan fails at the first row that is left out. Formats need not look at it.
    pub is_strict: bool,
}

impl Scan {
    /// The columns that the query gets.
    pub(crate) fn query_schema(&self) -> SchemaRef {
        if self.columns == self.schema.fields().len() {
            return Arc::clone(&self.schema);
        }
        let fields: Vec<_> = self.schema.fields().iter().take(self.columns).cloned().collect();
        Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()))
    }
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// More rows are wanted.
    Continue,
    /// Nobody wants more rows.
    Stop,
}

/// Where the rows of a partition go.
#[derive(Debug)]
pub struct Sink<'a> {
    pub(crate) sender: &'a Sender<Result<RecordBatch>>,
    pub(crate) report: &'a QualityReport,
    pub(crate) output_rows: Count,
    pub(crate) left: usize,
    pub(crate) is_strict: bool,
    /// Columns that the query gets, the first of those that are read.
    pub(crate) columns: usize,
    pub(crate) timeless: Option<Timeless>,
}

impl Sink<'_> {
    /// Rows that may still be given.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Whether nobody waits for rows any more. To be asked now and then where many rows are read and none given.
    pub fn is_closed(&self) -> bool {
        self.left == 0 || self.has_failed() || self.sender.is_closed()
    }

    /// Whether a row was left out where none may be.
    pub(crate) fn has_failed(&self) -> bool {
        self.is_strict && self.report.has_losses()
    }

    /// Gives rows; those beyond the limit are cut off. Waits while the query is busy with earlier ones.
    pub fn give(&mut self, batch: RecordBatch) -> Next {
        if self.has_failed() {
            return Next::Stop;
        }
        let batch = if batch.num_rows() > self.left { batch.slice(0, self.left) } else { batch };
        let rows = batch.num_rows();
        if rows > 0 {
            if let Some(timeless) = self.timeless {
                timeless.look_at(&batch, self.report);
            }
            let batch = self.of_query(batch);
            self.left -= rows;
            self.report.add_rows(rows as u64);
            self.output_rows.add(rows);
            if self.sender.blocking_send(Ok(batch)).is_err() {
                return Next::Stop;
            }
        }
        if self.left == 0 { Next::Stop } else { Next::Continue }
    }

    /// The columns of the query; those behind were read to count rows by them.
    fn of_query(&self, batch: RecordBatch) -> RecordBatch {
        if batch.num_columns() <= self.columns {
            return batch;
        }
        let columns: Vec<usize> = (0..self.columns).collect();
        batch.project(&columns).unwrap_or(batch)
    }
}
