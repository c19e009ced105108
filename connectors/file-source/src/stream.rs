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
    // A file in pieces is told once, and its other pieces give what they can.
    if piece.is_first() {
        scan.report.leave_out_file(source.to_string());
    }
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
