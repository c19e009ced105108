//! A set of Zeek logs: what is opened, the columns of the table, and its rows.
//!
//! Opening reads the first bytes of each file. Planning and threads are `file-source`'s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};
use datafusion_common::Result;
use file_source::{Format, LineDecoder, Next, Outcome, Piece, Scan, Sink, SourceFile, read_lines};
use flow_source::{Place, QualityReport, SourceError, flow_schema};

use crate::decode::json::JsonDecoder;
use crate::decode::tsv::TsvDecoder;
use crate::decode::{Rowset, Wanted};
use crate::flows;
use crate::options::{COLUMNS_MAX, ZeekOptions};
use crate::sniff::{LogFile, ZeekFormat, examine, unite_columns};
use crate::types::Kind;

/// Which columns a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Zeek's own.
    Native,
    /// The common flow schema.
    Flows,
}

/// One or more logs read as one table.
#[derive(Debug)]
pub(crate) struct ZeekLogs {
    files: Vec<SourceFile>,
    /// What is known of each of the files.
    logs: Vec<LogFile>,
    /// The logs' columns with the kinds they are decoded to; also those not wanted are checked.
    columns: Vec<(String, Kind)>,
    schema: SchemaRef,
    view: View,
    empty_files: Vec<PathBuf>,
}

impl ZeekLogs {
    pub(crate) fn open(paths: Vec<PathBuf>, options: ZeekOptions, view: View) -> Result<Self, SourceError> {
        let mut logs = Vec::new();
        let mut columns = Vec::new();
        let mut empty_files = Vec::new();
        for path in paths {
            let Some(log) = examine(&path, options)? else {
                empty_files.push(path);
                continue;
            };
            if view == View::Flows {
                flows::require_conn(&log)?;
            }
            unite_columns(&mut columns, &log.columns);
            check_width(&log, columns.len())?;
            logs.push(log);
        }
        if logs.is_empty() {
            return Err(nothing_to_read(empty_files));
        }
        let schema = match view {
            View::Native => native_schema(&columns),
            View::Flows => flow_schema(),
        };
        if view == View::Flows {
            flows::fix_kinds(&mut columns);
        }
        let files = logs.iter().map(|log| SourceFile::whole(log.path.clone())).collect();
        Ok(Self { files, logs, columns, schema, view, empty_files })
    }

    fn wanted(&self, schema: &Schema) -> Vec<Wanted> {
        match self.view {
            View::Native => schema.fields().iter().filter_map(|field| self.column(field.name())).collect(),
            View::Flows => flows::wanted(schema, &self.columns),
        }
    }

    fn column(&self, name: &str) -> Option<Wanted> {
        let (name, kind) = self.columns.iter().find(|(known, _)| known == name)?;
        Some(Wanted { name: name.clone(), kind: kind.clone() })
    }
}

impl Format for ZeekLogs {
    fn name(&self) -> &'static str {
        crate::NAME
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn files(&self) -> &[SourceFile] {
        &self.files
    }

    fn remark(&self, report: &QualityReport) {
        for path in &self.empty_files {
            report.note(format!("`{}` is empty", path.display()));
        }
    }

    fn read(&self, piece: &Piece, scan: &Scan, sink: &mut Sink<'_>) -> Result<Next> {
        let log = &self.logs[piece.file];
        let with_lines = self.view == View::Flows && scan.schema.column_with_name("source_row").is_some();
        let rows = Rowset::new(self.wanted(&scan.schema), with_lines);
        let decoder = match log.format {
            ZeekFormat::Tsv => Decoder::Tsv(TsvDecoder::new(self.columns.clone())),
            ZeekFormat::Json => Decoder::Json(JsonDecoder::new(&self.columns, log.time_format, &rows)),
        };
        let mut lines = LogLines { path: &log.path, view: self.view, schema: &scan.schema, decoder, rows };
        read_lines(&log.path, scan, sink, &mut lines)
    }
}

enum Decoder {
    Tsv(TsvDecoder),
    Json(JsonDecoder),
}

/// The rows of one log under construction.
struct LogLines<'a> {
    path: &'a Path,
    view: View,
    schema: &'a SchemaRef,
    decoder: Decoder,
    rows: Rowset,
}

impl LineDecoder for LogLines<'_> {
    fn line(&mut self, line: &[u8], number: u64) -> Result<Outcome, String> {
        match &mut self.decoder {
            Decoder::Tsv(decoder) => decoder.line(line, number, &mut self.rows),
            Decoder::Json(decoder) => decoder.line(line, number, &mut self.rows),
        }
    }

    fn rows(&self) -> usize {
        self.rows.rows()
    }

    fn take(&mut self) -> Result<RecordBatch> {
        let rows = self.rows.take();
        if self.view == View::Flows {
            return Ok(flows::batch(self.schema, self.rows.wanted(), &rows, self.path)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.count));
        Ok(RecordBatch::try_new_with_options(Arc::clone(self.schema), rows.columns, &options)?)
    }

    fn remarks(&mut self) -> Vec<String> {
        let unknown = match &mut self.decoder {
            Decoder::Tsv(decoder) => decoder.take_unknown(),
            Decoder::Json(decoder) => decoder.take_unknown(),
        };
        if unknown.is_empty() {
            return Vec::new();
        }
        let names = unknown.join("`, `");
        vec![format!("`{}` has columns the table does not have: `{names}`", self.path.display())]
    }
}

fn native_schema(columns: &[(String, Kind)]) -> SchemaRef {
    let fields = columns.iter().map(|(name, kind)| Field::new(name, kind.data_type(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn check_width(log: &LogFile, columns: usize) -> Result<(), SourceError> {
    if columns <= COLUMNS_MAX {
        return Ok(());
    }
    Err(SourceError::UnexpectedContent {
        path: log.path.clone(),
        place: Place::File,
        found: format!("{columns} different columns in the files read so far"),
        expected: format!("at most {COLUMNS_MAX}"),
        hint: Some("Open logs of one kind at a time, e.g. `http.*.log`".into()),
    })
}

fn nothing_to_read(mut empty_files: Vec<PathBuf>) -> SourceError {
    match empty_files.pop() {
        None => SourceError::NoFile { pattern: String::new() },
        Some(path) => SourceError::UnexpectedContent {
            path,
            place: Place::File,
            found: "an empty file".into(),
            expected: "a Zeek log".into(),
            hint: Some("Zeek may not have written to it yet; a log without rows still has header lines".into()),
        },
    }
}
