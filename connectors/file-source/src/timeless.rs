//! Rows without a time. No condition on times is met by them, so they would be taken for rows outside of the window:
//! here they are counted wherever a query has such a condition.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampNanosecondType;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use flow_source::QualityReport;

use crate::times::{TimeBounds, TimeColumns};

/// When a flow was received; it tells of when a flow without times is.
pub(crate) const RECEIVED: &str = "received_time";

/// Where the columns are in which a query looks for a time.
#[derive(Clone, Copy, Debug)]
pub struct Timeless {
    start: Option<(usize, &'static str)>,
    end: Option<(usize, &'static str)>,
    received: Option<usize>,
}

impl Timeless {
    /// Of batches with this schema; `None` when the query has no condition on times.
    pub fn of(schema: &Schema, columns: TimeColumns, times: TimeBounds) -> Option<Self> {
        let place = |name: &'static str| Some((schema.index_of(name).ok()?, name));
        let is_bound = |bound| bound != crate::times::Span::ALL;
        let found = Self {
            start: columns.start.filter(|_| is_bound(times.start)).and_then(place),
            end: columns.end.filter(|_| is_bound(times.end)).and_then(place),
            received: schema.index_of(RECEIVED).ok().filter(|place| is_nanoseconds(schema.field(*place).data_type())),
        };
        (found.start.is_some() || found.end.is_some()).then_some(found)
    }

    /// Counts the rows of a batch that have none.
    pub fn look_at(self, batch: &RecordBatch, report: &QualityReport) {
        let start = self.start.map(|(place, name)| (batch.column(place), name));
        let has_start = |row: usize| start.is_none_or(|(times, _)| times.is_valid(row));
        if let Some((times, name)) = start.filter(|(times, _)| times.null_count() > 0) {
            self.count(batch, report, name, |row| times.is_null(row));
        }
        let end = self.end.map(|(place, name)| (batch.column(place), name));
        if let Some((times, name)) = end.filter(|(times, _)| times.null_count() > 0) {
            // Who has neither is told once.
            self.count(batch, report, name, |row| times.is_null(row) && has_start(row));
        }
    }

    fn count(&self, batch: &RecordBatch, report: &QualityReport, name: &'static str, is_meant: impl Fn(usize) -> bool) {
        let received =
            self.received.and_then(|place| batch.column(place).as_primitive_opt::<TimestampNanosecondType>());
        let mut rows = 0;
        let mut span: Option<(i64, i64)> = None;
        for row in (0..batch.num_rows()).filter(|row| is_meant(*row)) {
            rows += 1;
            if let Some(times) = received.filter(|times| times.is_valid(row)) {
                let moment = times.value(row);
                span = Some(span.map_or((moment, moment), |(from, to)| (from.min(moment), to.max(moment))));
            }
        }
        report.add_timeless(name, rows, span);
    }
}

fn is_nanoseconds(kind: &DataType) -> bool {
    matches!(kind, DataType::Timestamp(arrow_schema::TimeUnit::Nanosecond, _))
}
