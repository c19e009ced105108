//! Reading: files to lines to record batches, on a blocking thread, until done, limited or dropped.
//!
//! A dropped stream closes its channel; the thread notices at the next chunk of input or the next batch.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use datafusion_common::Result;
use datafusion_execution::SendableRecordBatchStream;
use datafusion_physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion_physical_plan::stream::RecordBatchReceiverStreamBuilder;
use flow_source::{Breakage, QualityReport};
use tokio::sync::mpsc::Sender;

use crate::decode::json::JsonDecoder;
use crate::decode::tsv::TsvDecoder;
use crate::decode::{Outcome, Rows, Rowset, Wanted};
use crate::flows;
use crate::input::{Compression, Input, Line, LineReader};
use crate::options::{BATCH_ROWS, LINE_BYTES_MAX};
use crate::sniff::{LogFile, ZeekFormat, without_bom};
use crate::table::View;
use crate::types::Kind;

/// Batches decoded ahead of the reader.
const BATCHES_AHEAD: usize = 2;
/// A batch is given early when its lines have this many bytes.
const BATCH_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What a scan reads and how it gives it.
#[derive(Debug)]
pub(crate) struct ScanJob {
    pub(crate) files: Arc<[LogFile]>,
    /// All columns of the logs; also those not wanted are checked.
    pub(crate) columns: Arc<[(String, Kind)]>,
    pub(crate) wanted: Vec<Wanted>,
    /// The schema of the batches.
    pub(crate) schema: SchemaRef,
    pub(crate) view: View,
    /// Rows after which a partition may stop.
    pub(crate) limit: Option<usize>,
    pub(crate) report: Arc<QualityReport>,
}

/// Starts reading some of the job's files.
pub(crate) fn start(
    job: Arc<ScanJob>,
    files: Vec<usize>,
    metrics: &ExecutionPlanMetricsSet,
    partition: usize,
) -> SendableRecordBatchStream {
    let baseline = BaselineMetrics::new(metrics, partition);
    let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&job.schema), BATCHES_AHEAD);
    let sender = builder.tx();
    builder.spawn_blocking(move || {
        let _timer = baseline.elapsed_compute().timer();
        let mut left = job.limit.unwrap_or(usize::MAX);
        for file in files {
            if left == 0 {
                break;
            }
            let mut scan = FileScan::open(&job, &job.files[file], &sender, left)?;
            if scan.run()? == Next::Stop {
                break;
            }
            left = scan.left;
        }
        Ok(())
    });
    builder.build()
}

/// Whether there is more to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Continue,
    Stop,
}

/// The reading of one file.
struct FileScan<'a> {
    job: &'a ScanJob,
    path: &'a Path,
    sender: &'a Sender<Result<RecordBatch>>,
    compression: Compression,
    reader: LineReader,
    decoder: Decoder,
    rows: Rowset,
    /// Rows that may still be given.
    left: usize,
    /// Where the current batch began.
    batch_offset: u64,
}

enum Decoder {
    Tsv(TsvDecoder),
    Json(JsonDecoder),
}

impl<'a> FileScan<'a> {
    fn open(job: &'a ScanJob, file: &'a LogFile, sender: &'a Sender<Result<RecordBatch>>, left: usize) -> Result<Self> {
        let input = Input::open(&file.path, Some(Arc::clone(&job.report)))?;
        let with_lines = job.view == View::Flows && job.schema.column_with_name("source_row").is_some();
        let rows = Rowset::new(job.wanted.clone(), with_lines);
        let decoder = match file.format {
            ZeekFormat::Tsv => Decoder::Tsv(TsvDecoder::new(job.columns.to_vec())),
            ZeekFormat::Json => Decoder::Json(JsonDecoder::new(&job.columns, file.time_format, &rows)),
        };
        let compression = input.compression;
        let reader = LineReader::new(input);
        Ok(Self { job, path: &file.path, sender, compression, reader, decoder, rows, left, batch_offset: 0 })
    }

    fn run(&mut self) -> Result<Next> {
        loop {
            let Self { reader, decoder, rows, job, path, .. } = self;
            let outcome = match reader.next() {
                Ok(Line::Text(number, line)) => {
                    let line = if number == 1 { without_bom(line) } else { line };
                    decoder.line(line, number, rows).unwrap_or_else(|reason| {
                        job.report.reject(path, number, || reason);
                        Outcome::NoRow
                    })
                }
                Ok(Line::TooLong(number)) => {
                    job.report.reject(path, number, || format!("a line of more than {LINE_BYTES_MAX} bytes"));
                    Outcome::NoRow
                }
                Ok(Line::Pause) if self.sender.is_closed() => return Ok(Next::Stop),
                Ok(Line::Pause) => continue,
                Ok(Line::End) => return self.give(),
                Err(error) => return self.break_off(error),
            };
            let full = match outcome {
                Outcome::NoRow => false,
                Outcome::NewBlock => true,
                Outcome::Row => self.rows.rows() >= BATCH_ROWS.min(self.left) || self.batch_bytes() > BATCH_BYTES_MAX,
            };
            if full && (self.give()? == Next::Stop || self.left == 0) {
                return Ok(Next::Stop);
            }
        }
    }

    fn batch_bytes(&self) -> u64 {
        self.reader.offset() - self.batch_offset
    }

    /// Gives the rows so far to the stream.
    fn give(&mut self) -> Result<Next> {
        self.batch_offset = self.reader.offset();
        let unknown = self.decoder.take_unknown();
        if !unknown.is_empty() {
            let names = unknown.join("`, `");
            self.job.report.note(format!("`{}` has columns the table does not have: `{names}`", self.path.display()));
        }
        if self.rows.rows() == 0 {
            return Ok(Next::Continue);
        }
        let rows = self.rows.take();
        self.left -= rows.count;
        self.job.report.add_rows(rows.count as u64);
        let batch = self.job.batch(rows, self.path)?;
        Ok(if self.sender.blocking_send(Ok(batch)).is_ok() { Next::Continue } else { Next::Stop })
    }

    /// The file breaks: its rows so far count, and the report says where. Nothing at all is an error.
    fn break_off(&mut self, error: std::io::Error) -> Result<Next> {
        let next = self.give()?;
        let (line, offset) = (self.reader.line(), self.reader.offset());
        let error = Input::defect(self.compression, self.path, offset, error);
        if line == 0 {
            return Err(error.into());
        }
        let reason = error.to_string();
        self.job.report.break_off(Breakage { path: self.path.to_owned(), line, offset, reason });
        Ok(next)
    }
}

impl Decoder {
    fn line(&mut self, line: &[u8], number: u64, rows: &mut Rowset) -> Result<Outcome, String> {
        match self {
            Self::Tsv(decoder) => decoder.line(line, number, rows),
            Self::Json(decoder) => decoder.line(line, number, rows),
        }
    }

    fn take_unknown(&mut self) -> Vec<String> {
        match self {
            Self::Tsv(decoder) => decoder.take_unknown(),
            Self::Json(decoder) => decoder.take_unknown(),
        }
    }
}

impl ScanJob {
    fn batch(&self, rows: Rows, path: &Path) -> Result<RecordBatch> {
        if self.view == View::Flows {
            return Ok(flows::batch(&self.schema, &self.wanted, &rows, path)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.count));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), rows.columns, &options)?)
    }
}
