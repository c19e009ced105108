//! CSV and JSON that no connector knows, row by row: a row that cannot be read is left out and counted, as connectors do it.
//!
//! Rows are parsed by Arrow, a batch at once; of a batch that it refuses the rows that are at fault are found by halves.
//! `records` cuts files into rows, `parser` makes batches of them, `exact` sees to it that no value loses a part, `schema` knows
//! their columns where a bad row is among the first. Which columns a table has, and which reader a file gets, is decided in `listing`.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use file_source::text::objects::{find_objects, read_objects};
use file_source::{Format, LineDecoder, LinePiece, Next, Outcome, Scan, Sink, SourceFile, read_head, read_lines_of};
use flow_source::{Place, QualityReport};
use serde_json::Value;

use super::ROWS_FOR_TYPES;
use super::delimited::Delimited;
use super::folder_columns::FolderColumns;
use crate::render::visible;
use parser::Parser;
use records::Records;

mod exact;
mod parser;
mod records;
pub(super) mod schema;

/// Bytes of a JSON file that tell whether a row is a line.
const HEAD_BYTES: usize = 64 * 1024;

/// How rows are written.
#[derive(Debug, Clone)]
pub(super) enum Writing {
    /// Values between separators.
    Csv(Delimited),
    /// Objects, a line each or over several lines, also in an array.
    Json,
}

/// Files of one kind with the same columns.
#[derive(Debug)]
pub(super) struct PlainFiles {
    writing: Writing,
    files: Vec<SourceFile>,
    /// Columns of the rows.
    rows: SchemaRef,
    folders: Option<FolderColumns>,
    /// With the columns of folders.
    schema: SchemaRef,
}

impl PlainFiles {
    pub(super) fn new(writing: Writing, paths: Vec<PathBuf>, schema: SchemaRef) -> PlainFiles {
        let file = match writing {
            // A value in quotes may go on in the next line, so that no place in the middle is known to be a beginning.
            Writing::Csv(_) => SourceFile::whole,
            Writing::Json => SourceFile::of_lines,
        };
        let files = paths.into_iter().map(file).collect();
        PlainFiles { writing, files, rows: Arc::clone(&schema), folders: None, schema }
    }

    /// The same with columns of their folders.
    pub(super) fn within(self, folders: FolderColumns) -> PlainFiles {
        PlainFiles { schema: folders.behind(&self.rows), folders: Some(folders), ..self }
    }

    /// The columns of a query whose values are in the rows.
    fn of_rows(&self, wanted: &SchemaRef) -> SchemaRef {
        let Some(folders) = &self.folders else { return Arc::clone(wanted) };
        let fields = wanted.fields().iter().filter(|field| folders.value(0, field.name()).is_none());
        Arc::new(Schema::new_with_metadata(fields.cloned().collect::<Vec<_>>(), wanted.metadata().clone()))
    }

    /// The values of a file in the columns of a query.
    fn values(&self, file: usize, wanted: &SchemaRef) -> Vec<Option<ScalarValue>> {
        let text = |value: Option<&str>| ScalarValue::Utf8(value.map(str::to_owned));
        let value = |name: &str| self.folders.as_ref()?.value(file, name).map(text);
        wanted.fields().iter().map(|field| value(field.name())).collect()
    }
}

impl Format for PlainFiles {
    fn name(&self) -> &'static str {
        match self.writing {
            Writing::Csv(_) => "csv",
            Writing::Json => "json",
        }
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn files(&self) -> &[SourceFile] {
        &self.files
    }

    fn read(&self, piece: &file_source::Piece, scan: &Scan, sink: &mut Sink<'_>) -> DataFusionResult<Next> {
        let path = &self.files[piece.file].path;
        let of_rows = self.of_rows(&scan.schema);
        let parser = Parser::new(&self.writing, &self.rows, &of_rows)?;
        let is_lines = match &self.writing {
            Writing::Csv(_) => true,
            Writing::Json => is_object_a_line(&read_head(path, HEAD_BYTES)?),
        };
        let lines = LinePiece::new(path, piece);
        let mut rows = Rows {
            records: Records::new(&self.writing),
            parser,
            lines: &lines,
            report: Arc::clone(&scan.report),
            of_rows,
            schema: Arc::clone(&scan.schema),
            values: self.values(piece.file, &scan.schema),
        };
        match is_lines {
            true => read_lines_of(&lines, scan, sink, &mut rows),
            // Where objects begin is not known in the middle: the first piece is all.
            false if !lines.is_first() => Ok(Next::Continue),
            false => read_objects(path, 0, scan, sink, &mut rows),
        }
    }
}

/// Whether each line of a JSON file is an object, told from its beginning: some lines may be none.
fn is_object_a_line(head: &[u8]) -> bool {
    let is_cut = head.len() >= HEAD_BYTES;
    let head = file_source::without_bom(&head[..head.len().min(HEAD_BYTES)]).trim_ascii_start();
    if head.starts_with(b"[") {
        return false;
    }
    let is_object = |line: &&[u8]| matches!(serde_json::from_slice(line), Ok(Value::Object(_)));
    let lines = || head.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    if lines().next().is_none_or(|first| is_object(&first)) {
        return true;
    }
    // Over several lines, or several in one line, as JSON may be written.
    match serde_json::Deserializer::from_slice(head).into_iter::<Value>().next() {
        Some(Ok(_)) => false,
        // A line longer than what is looked at is one of many.
        Some(Err(fault)) if fault.is_eof() && is_cut => lines().count() == 1,
        _ => 2 * lines().filter(is_object).count() >= lines().count(),
    }
}

/// The objects in the beginning of a JSON file, as far as they can be read.
pub(super) fn for_each_object(head: &[u8], mut each: impl FnMut(Value) -> Next) {
    let mut of_text = |text: &[u8]| match serde_json::from_slice(text) {
        Ok(object @ Value::Object(_)) => each(object),
        _ => Next::Continue,
    };
    if !is_object_a_line(head) {
        return find_objects(head, of_text);
    }
    for line in file_source::without_bom(head).split(|byte| *byte == b'\n') {
        if of_text(line) == Next::Stop {
            return;
        }
    }
}

/// The rows of one file under construction.
struct Rows<'a> {
    records: Records,
    parser: Parser,
    lines: &'a LinePiece<'a>,
    report: Arc<QualityReport>,
    /// Columns that are parsed.
    of_rows: SchemaRef,
    /// Columns of the query.
    schema: SchemaRef,
    /// For each of them, its value in all rows where folders say it.
    values: Vec<Option<ScalarValue>>,
}

impl Rows<'_> {
    fn reject(&self, line: u64, reason: String) {
        self.report.reject(self.lines.path(), Place::Line(self.lines.number(line)), || reason);
    }

    fn tell_faults(&mut self) {
        for (line, reason) in self.records.take_faults() {
            self.reject(line, reason);
        }
    }

    /// What was parsed with the values of its folders.
    fn with_values(&self, batch: RecordBatch) -> DataFusionResult<RecordBatch> {
        if self.values.iter().all(Option::is_none) {
            return Ok(batch);
        }
        let rows = batch.num_rows();
        let mut parsed = batch.columns().iter().cloned();
        let columns = self.values.iter().filter_map(|value| match value {
            Some(value) => Some(value.to_array_of_size(rows)),
            None => parsed.next().map(Ok),
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let columns = columns.collect::<DataFusionResult<Vec<_>>>()?;
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }

    /// The batches of records from one place to another, without those that cannot be read.
    fn parse(&self, from: usize, to: usize, batches: &mut Vec<RecordBatch>) -> DataFusionResult<()> {
        let count = to - from;
        if count == 0 {
            return Ok(());
        }
        match self.parser.parse(self.records.text(from, to), count) {
            Ok(batch) if batch.num_rows() >= count => batches.push(batch),
            outcome if count == 1 => {
                let reason = self.parser.reason(self.records.text(from, to), outcome.err());
                self.reject(self.records.line(from), reason);
            }
            _ => {
                let middle = from + count / 2;
                self.parse(from, middle, batches)?;
                self.parse(middle, to, batches)?;
            }
        }
        Ok(())
    }
}

impl LineDecoder for Rows<'_> {
    fn line(&mut self, line: &[u8], number: u64) -> Result<Outcome, String> {
        let is_row = self.records.push(line, number);
        self.tell_faults();
        Ok(if is_row { Outcome::Row } else { Outcome::NoRow })
    }

    fn rows(&self) -> usize {
        self.records.whole()
    }

    fn end(&mut self) {
        self.records.end();
        self.tell_faults();
    }

    fn take(&mut self) -> DataFusionResult<RecordBatch> {
        let mut batches = Vec::new();
        self.parse(0, self.records.whole(), &mut batches)?;
        self.records.clear();
        if let Some(key) = self.parser.take_unknown_key() {
            self.report.note(format!(
                "{}: `{}` is in none of the first {ROWS_FOR_TYPES} rows and has no column",
                self.lines.path().display(),
                visible(&key)
            ));
        }
        match batches.as_slice() {
            [only] => self.with_values(only.clone()),
            _ => self.with_values(concat_batches(&self.of_rows, &batches)?),
        }
    }
}
