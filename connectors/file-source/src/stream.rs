//! Reading on a thread that may block, until done, limited or dropped.
//!
//! A dropped stream closes its channel; the format notices when it gives its next batch or asks the sink.

use std::sync::Arc;

use datafusion_common::{DataFusionError, Result};
use datafusion_execution::SendableRecordBatchStream;
use datafusion_physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion_physical_plan::stream::RecordBatchReceiverStreamBuilder;
use flow_source::SourceError;

use crate::format::{Format, Next, Scan, Sink};
use crate::pieces::{Piece, SourceFile};
use crate::timeless::Timeless;

/// Batches decoded ahead of the reader.
const BATCHES_AHEAD: usize = 2;

/// One file of several that cannot be read does not hide the others: the report names it. Alone, or where no row may be
/// lost, it is an error.
fn leave_out(files: &[SourceFile], piece: &Piece, scan: &Scan, fault: DataFusionError) -> Result<Next> {
    let Some(source) = SourceError::find(&fault).filter(|_| files.len() > 1 && !scan.is_strict) else {
        return Err(fault);
    };
    // Any piece may be the one that fails; the others give what they can.
    scan.report.leave_out_file(&files[piece.file].path, source.to_string());
    Ok(Next::Continue)
}

/// Starts reading some pieces, in order.
pub(crate) fn start(
    format: Arc<dyn Format>,
    scan: Arc<Scan>,
    pieces: Vec<Piece>,
    metrics: &ExecutionPlanMetricsSet,
    partition: usize,
) -> SendableRecordBatchStream {
    let baseline = BaselineMetrics::new(metrics, partition);
    let mut builder = RecordBatchReceiverStreamBuilder::new(scan.query_schema(), BATCHES_AHEAD);
    let sender = builder.tx();
    builder.spawn_blocking(move || {
        let _timer = baseline.elapsed_compute().timer();
        let mut sink = Sink {
            sender: &sender,
            report: &scan.report,
            output_rows: baseline.output_rows().clone(),
            left: scan.limit.unwrap_or(usize::MAX),
            is_strict: scan.is_strict,
            columns: scan.columns,
            timeless: Timeless::of(&scan.schema, format.time_columns(), scan.times),
        };
        for piece in &pieces {
            if sink.is_closed() {
                break;
            }
            let outcome = format.read(piece, &scan, &mut sink);
            if outcome.or_else(|fault| leave_out(format.files(), piece, &scan, fault))? == Next::Stop {
                break;
            }
        }
        match scan.report.first_loss().filter(|_| scan.is_strict) {
            Some((path, place, reason)) => Err(SourceError::Refused { path, place, reason }.into()),
            None => Ok(()),
        }
    });
    builder.build()
}

#[cfg(test)]
mod tests {
    use std::io;

    use arrow_schema::Schema;

    use super::*;
    use crate::times::{TimeBounds, TimeColumns};

    #[test]
    fn any_piece_of_a_file_may_be_the_one_that_is_lost() {
        let files = ["a", "b"].map(|name| SourceFile::whole(name.into()));
        let schema = Schema::empty();
        let scan = Scan {
            times: TimeBounds::of(&[], TimeColumns::of(&schema)),
            schema: Arc::new(schema),
            columns: 0,
            limit: None,
            report: Arc::default(),
            is_strict: false,
        };
        for from in [5, 9] {
            let reason = io::Error::from(io::ErrorKind::NotFound);
            let fault = SourceError::Unreadable { path: "b".into(), reason };
            let next = leave_out(&files, &Piece { file: 1, from, to: u64::MAX }, &scan, fault.into());
            assert_eq!(next.expect("the others are read"), Next::Continue);
        }
        assert_eq!(scan.report.files_left_out().len(), 1, "{:?}", scan.report.files_left_out());
    }
}
