//! CSV and JSON that no connector knows, row by row: a row that cannot be read is left out and counted, as connectors do it.
//!
//! Rows are parsed by Arrow, a batch at once; of a batch that it refuses the rows that are at fault are found by halves.
//! `records` cuts files into rows, `parser` makes batches of them, `schema` knows their columns where a bad row is among the
//! first. Which columns a table has, and which reader a file gets, is decided in `listing`.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result as DataFusionResult;
use file_source::text::objects::read_objects;
use file_source::{Format, LineDecoder, LinePiece, Next, Outcome, Scan, Sink, SourceFile, read_head, read_lines_of};
use flow_source::{Place, QualityReport};

use super::delimited::Delimited;
use parser::Parser;
use records::Records;

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
    schema: SchemaRef,
}

impl PlainFiles {
    pub(super) fn new(writing: Writing, paths: Vec<PathBuf>, schema: SchemaRef) -> PlainFiles {
        let file = match writing {
            // A value in quotes may go on in the next line, so that no place in the middle is known to be a beginning.
            Writing::Csv(_) => SourceFile::whole,
            Writing::Json => SourceFile::of_lines,
        };
        PlainFiles { writing, files: paths.into_iter().map(file).collect(), schema }
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
        let parser = Parser::new(&self.writing, &self.schema, &scan.schema)?;
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
            schema: Arc::clone(&scan.schema),
        };
        match is_lines {
            true => read_lines_of(&lines, scan, sink, &mut rows),
            // Where objects begin is not known in the middle: the first piece is all.
            false if !lines.is_first() => Ok(Next::Continue),
            false => read_objects(path, 0, scan, sink, &mut rows),
        }
    }
}

/// Whether the first line of a JSON file is a whole object.
fn is_object_a_line(head: &[u8]) -> bool {
    let head = file_source::without_bom(head);
    let mut lines = head.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let Some(first) = lines.next() else { return true };
    // A line longer than what is looked at is one of many.
    let is_cut = lines.next().is_none() && head.len() == HEAD_BYTES;
    is_cut || matches!(serde_json::from_slice(first), Ok(serde_json::Value::Object(_)))
}

/// The rows of one file under construction.
struct Rows<'a> {
    records: Records,
    parser: Parser,
    lines: &'a LinePiece<'a>,
    report: Arc<QualityReport>,
    schema: SchemaRef,
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
        self.records.len()
    }

    fn take(&mut self) -> DataFusionResult<RecordBatch> {
        self.records.close();
        self.tell_faults();
        let mut batches = Vec::new();
        self.parse(0, self.records.whole(), &mut batches)?;
        self.records.clear();
        match batches.as_slice() {
            [only] => Ok(only.clone()),
            _ => Ok(concat_batches(&self.schema, &batches)?),
        }
    }
}
