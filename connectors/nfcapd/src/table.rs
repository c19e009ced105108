//! A set of nfcapd files: what is opened, and the columns of the table.
//!
//! Opening reads the head of each file, and its statistics where they are at its end. Planning and threads are
//! `file-source`'s.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use datafusion_common::Result;
use file_source::{Format, Next, Piece, Scan, Sink, SourceFile, TimeColumns};
use flow_source::{Place, QualityReport, SourceError, flow_schema};

use crate::header::{self, Header, Layout};
use crate::native;
use crate::read::PieceReader;

/// Which columns a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// One per field of a record.
    Native,
    /// The common flow schema.
    Flows,
}

/// One or more files read as one table.
#[derive(Debug)]
pub(crate) struct NfcapdFiles {
    files: Vec<SourceFile>,
    /// The head of each of the files.
    headers: Vec<Header>,
    schema: SchemaRef,
    view: View,
    empty_files: Vec<PathBuf>,
}

impl NfcapdFiles {
    pub(crate) fn open(paths: Vec<PathBuf>, view: View) -> Result<Self, SourceError> {
        let schema = match view {
            View::Native => native::schema(),
            View::Flows => flow_schema(),
        };
        let mut opened = Self { files: Vec::new(), headers: Vec::new(), schema, view, empty_files: Vec::new() };
        for path in paths {
            let Some(header) = header::read(&path)? else {
                opened.empty_files.push(path);
                continue;
            };
            let splits = header.layout == Layout::V2 && !header.packed;
            opened.files.push(SourceFile { splits, span: header.span, ..SourceFile::whole(path) });
            opened.headers.push(header);
        }
        if opened.files.is_empty() {
            return Err(nothing_to_read(opened.empty_files));
        }
        Ok(opened)
    }
}

impl Format for NfcapdFiles {
    fn name(&self) -> &'static str {
        crate::NAME
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn files(&self) -> &[SourceFile] {
        &self.files
    }

    fn time_columns(&self) -> TimeColumns {
        match self.view {
            View::Native => TimeColumns { start: Some("first"), end: Some("last") },
            View::Flows => TimeColumns::FLOWS,
        }
    }

    fn remark(&self, report: &QualityReport) {
        for path in &self.empty_files {
            report.note(format!("`{}` is empty", path.display()));
        }
    }

    fn read(&self, piece: &Piece, scan: &Scan, sink: &mut Sink<'_>) -> Result<Next> {
        let path = &self.files[piece.file].path;
        PieceReader::new(path, &self.headers[piece.file], self.view, scan, sink).run(piece)
    }
}

fn nothing_to_read(mut empty_files: Vec<PathBuf>) -> SourceError {
    match empty_files.pop() {
        None => SourceError::NoFile { pattern: String::new() },
        Some(path) => SourceError::UnexpectedContent {
            path,
            place: Place::File,
            found: "an empty file".into(),
            expected: "an nfcapd file".into(),
            hint: Some("The collector may not have written to it yet; a file without flows still has a header".into()),
        },
    }
}
