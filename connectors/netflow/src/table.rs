//! A set of files with exported flows: what is opened, the columns, the templates that files share.
//!
//! Opening reads the head of each file. Planning and threads are `file-source`'s.

use std::collections::hash_map::Entry;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use datafusion_common::Result;
use file_source::{Format, Next, Piece, Scan, Sink, SourceFile, read_head};
use flow_source::{QualityReport, SourceError, flow_schema};

use crate::decode::{Decoder, ForeignTemplates, Record, RecordSink};
use crate::messages::{Container, MessageReader};
use crate::native::Columns;
use crate::options::HEAD_BYTES;
use crate::read::{not_an_export, read};

/// Which columns a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// The information elements of the templates.
    Native,
    /// The common flow schema.
    Flows,
}

/// A file and what it is.
#[derive(Debug)]
pub(crate) struct ExportFile {
    pub(crate) path: PathBuf,
    pub(crate) container: Container,
}

/// One or more files as one table.
#[derive(Debug)]
pub(crate) struct ExportFiles {
    sources: Vec<SourceFile>,
    files: Vec<ExportFile>,
    empty: Vec<PathBuf>,
    schema: SchemaRef,
    pub(crate) view: View,
    pub(crate) columns: Columns,
    /// Templates from the heads of all files.
    pub(crate) foreign: ForeignTemplates,
}

impl ExportFiles {
    pub(crate) fn open(paths: Vec<PathBuf>, view: View) -> Result<Self, SourceError> {
        let (mut files, mut empty) = (Vec::new(), Vec::new());
        let mut columns = Columns::default();
        let mut foreign = ForeignTemplates::new();
        for path in paths {
            let head = read_head(&path, HEAD_BYTES)?;
            if head.is_empty() {
                empty.push(path);
                continue;
            }
            let Some(container) = Container::of(&head) else {
                let found = format!("{:02x?}", &head[..head.len().min(16)]);
                return Err(not_an_export(&path, format!("bytes that begin with {found}")));
            };
            learn(head, container, &mut columns, &mut foreign);
            files.push(ExportFile { path, container });
        }
        if files.is_empty() {
            return Err(match empty.first() {
                Some(path) => not_an_export(path, "an empty file".into()),
                None => SourceError::NoFile { pattern: String::new() },
            });
        }
        let schema = match view {
            View::Native => columns.schema(),
            View::Flows => flow_schema(),
        };
        let sources = files.iter().map(|file| SourceFile::whole(file.path.clone())).collect();
        Ok(Self { sources, files, empty, schema, view, columns, foreign })
    }
}

impl Format for ExportFiles {
    fn name(&self) -> &'static str {
        crate::NAME
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn files(&self) -> &[SourceFile] {
        &self.sources
    }

    fn remark(&self, report: &QualityReport) {
        for path in &self.empty {
            report.note(format!("`{}` is empty", path.display()));
        }
    }

    fn read(&self, piece: &Piece, scan: &Scan, sink: &mut Sink<'_>) -> Result<Next> {
        read(self, &self.files[piece.file], scan, sink)
    }
}

/// Templates and columns of a file's head. Defects are met again, and reported, when the file is read.
fn learn(head: Vec<u8>, container: Container, columns: &mut Columns, foreign: &mut ForeignTemplates) {
    let mut decoder = Decoder::default();
    let mut fixed = FixedLayouts(columns);
    if let Ok(mut messages) = MessageReader::open(container, Box::new(io::Cursor::new(head))) {
        while let Ok(true) = messages.decode_next(&mut decoder, &mut fixed) {}
    }
    let mut templates: Vec<_> = decoder.templates().collect();
    templates.sort_by_key(|(domain, template)| (domain.id, template.id));
    for (domain, template) in templates {
        columns.add(template);
        match foreign.entry((domain.version, domain.id, template.id)) {
            Entry::Vacant(entry) => {
                entry.insert(Some(Arc::clone(template)));
            }
            Entry::Occupied(mut entry) => {
                if entry.get().as_ref().is_some_and(|known| known.fields != template.fields) {
                    entry.insert(None);
                }
            }
        }
    }
}

/// Takes the columns of versions without templates.
struct FixedLayouts<'a>(&'a mut Columns);

impl RecordSink for FixedLayouts<'_> {
    fn record(&mut self, record: &Record<'_>) {
        if record.template.id == 0 {
            self.0.add(record.template);
        }
    }

    fn reject(&mut self, _: u64, _: impl FnOnce() -> String) {}
}
