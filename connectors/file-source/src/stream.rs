//! Reading on a thread that may block, until done, limited or dropped.
//!
//! A dropped stream closes its channel; the format notices when it gives its next batch or asks the sink.

use std::sync::Arc;

use datafusion_execution::SendableRecordBatchStream;
use datafusion_physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion_physical_plan::stream::RecordBatchReceiverStreamBuilder;
use flow_source::SourceError;

use crate::format::{Format, Next, Scan, Sink};
use crate::pieces::Piece;

/// Batches decoded ahead of the reader.
const BATCHES_AHEAD: usize = 2;

/// Starts reading some pieces, in order.
pub(crate) fn start(
    format: Arc<dyn Format>,
    scan: Arc<Scan>,
    pieces: Vec<Piece>,
    metrics: &ExecutionPlanMetricsSet,
    partition: usize,
) -> SendableRecordBatchStream {
    let baseline = BaselineMetrics::new(metrics, partition);
    let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&scan.schema), BATCHES_AHEAD);
    let sender = builder.tx();
    builder.spawn_blocking(move || {
        let _timer = baseline.elapsed_compute().timer();
        let mut sink = Sink {
            sender: &sender,
            report: &scan.report,
            output_rows: baseline.output_rows().clone(),
            left: scan.limit.unwrap_or(usize::MAX),
            is_strict: scan.is_strict,
        };
        for piece in &pieces {
            if sink.is_closed() || format.read(piece, &scan, &mut sink)? == Next::Stop {
                break;
            }
        }
        match scan.report.first_loss().filter(|_| scan.is_strict) {
            Some((path, line, reason)) => Err(SourceError::Refused { path, line, reason }.into()),
            None => Ok(()),
        }
    });
    builder.build()
}
