//! The files of one table of a text format: what is opened, and their rows.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};
use datafusion_common::Result;
use flow_source::{FlowRows, Place, QualityReport, SourceError, flow_schema};

use super::cutter::{Cut, Cutter};
use super::delimited;
use super::fields::{Fields, Kind, excerpt};
use super::json::Finder;
use super::native::{Columns, NativeRows, SAMPLE_ROWS_MAX, kind_of_text};
use super::objects::read_objects;
use super::{HEAD_BYTES, Layout, TextSource};
use crate::format::{Format, Next, Scan, Sink};
use crate::input::read_head;
use crate::line_pieces::LinePiece;
use crate::lines::{LineDecoder, Outcome, read_lines_of, without_bom};
use crate::pieces::{Piece, SourceFile};

/// What stands for "none" in delimited files.
const NO_VALUE: [&str; 2] = ["", "-"];

/// The column of flows that names file and line.
const SOURCE_ROW: &str = "source_row";

/// Which columns a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// The source's own.
    Native,
    /// The common flow schema.
    Flows,
}

/// One or more files read as one table.
#[derive(Debug)]
pub(crate) struct TextFiles<S> {
    source: S,
    files: Vec<SourceFile>,
    /// How each of the files is written.
    layouts: Vec<Layout>,
    /// The source's own columns; empty for a table of flows.
    columns: Vec<(String, Kind)>,
    schema: SchemaRef,
    view: View,
    empty_files: Vec<PathBuf>,
}

impl<S: TextSource> TextFiles<S> {
    pub(crate) fn open(source: S, paths: Vec<PathBuf>, view: View) -> Result<Self, SourceError> {
        let (mut files, mut layouts, mut empty_files) = (Vec::new(), Vec::new(), Vec::new());
        let mut columns = Columns::default();
        for path in paths {
            let head = read_head(&path, HEAD_BYTES)?;
            let head = without_bom(&head);
            if head.trim_ascii().is_empty() {
                empty_files.push(path);
                continue;
            }
            let layout = source.layout(head).ok_or_else(|| unexpected::<S>(&path, head))?;
            if view == View::Native {
                learn(&mut columns, &layout, head, &source);
            }
            files.push(match layout {
                Layout::JsonLines => SourceFile::of_lines(path),
                // Of a header or a last line, others know.
                Layout::JsonObjects { .. } | Layout::Delimited { .. } => SourceFile::whole(path),
            });
            layouts.push(layout);
        }
        if files.is_empty() {
            return Err(nothing_to_read::<S>(empty_files));
        }
        let columns = columns.settle(S::TIMES);
        let schema = match view {
            View::Native => native_schema(&columns),
            View::Flows => flow_schema(),
        };
        Ok(Self { source, files, layouts, columns, schema, view, empty_files })
    }

    fn decoder<'a>(&'a self, layout: &'a Layout, piece: &'a LinePiece<'a>, scan: &Scan) -> Decoder<'a, S> {
        let schema = Arc::clone(&scan.schema);
        let numbered = Some(piece).filter(|_| self.view == View::Flows && schema.index_of(SOURCE_ROW).is_ok());
        let is_json = !matches!(layout, Layout::Delimited { .. });
        let (rows, names): (Rows, Vec<&str>) = match self.view {
            View::Flows => (Rows::Flows(FlowRows::new(schema, S::NAME, piece.path())), S::FIELDS.to_vec()),
            View::Native => {
                let column = |name: &String| self.columns.iter().find(|(known, _)| known == name);
                let wanted: Vec<&(String, Kind)> =
                    schema.fields().iter().filter_map(|field| column(field.name())).collect();
                let kinds = wanted.iter().map(|(_, kind)| *kind).collect();
                let names = wanted.iter().map(|(name, _)| name.as_str()).collect();
                (Rows::Native(NativeRows::new(schema, kinds, is_json)), names)
            }
        };
        let places = match layout {
            Layout::Delimited { separator, names: own } => {
                let place = |name: &&str| own.iter().position(|known| known == name);
                Places::Delimited { separator: *separator, names: own, places: names.iter().map(place).collect() }
            }
            _ => Places::Json(Finder::new(names.iter().copied())),
        };
        Decoder { source: &self.source, names, places, rows, has_ended: false, numbered }
    }
}

impl<S: TextSource> Format for TextFiles<S> {
    fn name(&self) -> &'static str {
        S::NAME
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
        self.source.remark(report);
    }

    fn read(&self, piece: &Piece, scan: &Scan, sink: &mut Sink<'_>) -> Result<Next> {
        let (path, layout) = (&self.files[piece.file].path, &self.layouts[piece.file]);
        let lines = LinePiece::new(path, piece);
        let mut decoder = self.decoder(layout, &lines, scan);
        match layout {
            Layout::JsonObjects { depth } => read_objects(path, *depth, scan, sink, &mut decoder),
            Layout::JsonLines | Layout::Delimited { .. } => read_lines_of(&lines, scan, sink, &mut decoder),
        }
    }
}

enum Rows {
    Flows(FlowRows),
    Native(NativeRows),
}

/// Where in a record the wanted fields are.
enum Places<'a> {
    Json(Finder),
    Delimited {
        separator: u8,
        /// The names of all values of a line.
        names: &'a [String],
        /// The place of each wanted field among them.
        places: Vec<Option<usize>>,
    },
}

/// The rows of one file under construction.
struct Decoder<'a, S> {
    source: &'a S,
    /// The fields wanted.
    names: Vec<&'a str>,
    places: Places<'a>,
    rows: Rows,
    has_ended: bool,
    /// Where rows say in which line of their file they are.
    numbered: Option<&'a LinePiece<'a>>,
}

impl<S: TextSource> Decoder<'_, S> {
    fn json(&mut self, line: &[u8], number: u64) -> Result<Outcome, String> {
        let Places::Json(finder) = &self.places else { return Ok(Outcome::NoRow) };
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(Outcome::NoRow);
        }
        let mut values = vec![None; self.names.len()];
        finder
            .find(line, &mut values)
            .map_err(|error| format!("`{}` is not a JSON object: {error}", excerpt(&String::from_utf8_lossy(line))))?;
        self.record(&values, true, number)
    }

    fn delimited(&mut self, line: &[u8], number: u64) -> Result<Outcome, String> {
        let Places::Delimited { separator, names, places } = &self.places else { return Ok(Outcome::NoRow) };
        let line: Cow<'_, str> = String::from_utf8_lossy(line);
        if line.trim().is_empty() {
            return Ok(Outcome::NoRow);
        }
        let mut cut = Vec::with_capacity(names.len());
        delimited::cut(&line, *separator, &mut cut);
        if is_header(&cut, names) {
            self.has_ended = false;
            return Ok(Outcome::NoRow);
        }
        self.has_ended |= self.source.ends(line.as_bytes());
        if self.has_ended {
            return Ok(Outcome::NoRow);
        }
        while cut.len() > names.len() && cut.last().is_some_and(|value| value.is_empty()) {
            cut.pop();
        }
        if cut.len() != names.len() {
            return Err(format!("{} values, expected {}", cut.len(), names.len()));
        }
        let value = |place: &Option<usize>| place.map(|place| cut[place]).filter(|value| !NO_VALUE.contains(value));
        let values: Vec<Option<&str>> = places.iter().map(value).collect();
        self.record(&values, false, number)
    }

    fn record(&mut self, values: &[Option<&str>], is_json: bool, number: u64) -> Result<Outcome, String> {
        let number = self.numbered.map_or(number, |piece| piece.number(number));
        match &mut self.rows {
            Rows::Flows(rows) => self.source.flow(&Fields::new(&self.names, values, is_json), rows, number),
            Rows::Native(rows) => rows.push(values).map(|()| Outcome::Row),
        }
    }
}

impl<S: TextSource> LineDecoder for Decoder<'_, S> {
    fn line(&mut self, line: &[u8], number: u64) -> Result<Outcome, String> {
        match self.places {
            Places::Json(_) => self.json(line, number),
            Places::Delimited { .. } => self.delimited(line, number),
        }
    }

    fn rows(&self) -> usize {
        match &self.rows {
            Rows::Flows(rows) => rows.len(),
            Rows::Native(rows) => rows.len(),
        }
    }

    fn take(&mut self) -> Result<RecordBatch> {
        Ok(match &mut self.rows {
            Rows::Flows(rows) => rows.take()?,
            Rows::Native(rows) => rows.take()?,
        })
    }
}

fn is_header(cut: &[&str], names: &[String]) -> bool {
    cut.len() == names.len() && cut.iter().zip(names).all(|(value, name)| value.trim_start_matches('#').trim() == name)
}

/// Learns the source's own columns from the beginning of a file.
fn learn<S: TextSource>(columns: &mut Columns, layout: &Layout, head: &[u8], source: &S) {
    match layout {
        Layout::JsonLines => {
            complete_lines(head).take(SAMPLE_ROWS_MAX).for_each(|line| columns.learn_object(line.trim_ascii()));
        }
        Layout::JsonObjects { depth } => {
            let mut cutter = Cutter::new(*depth);
            let mut rest = head;
            for _ in 0..SAMPLE_ROWS_MAX {
                let (taken, is_complete) = cutter.take(rest);
                rest = &rest[taken..];
                if let (true, Cut::Object(_, object)) = (is_complete, cutter.record()) {
                    columns.learn_object(object);
                }
                if rest.is_empty() {
                    break;
                }
            }
        }
        Layout::Delimited { separator, names } => {
            names.iter().for_each(|name| columns.learn(name, None));
            let mut cut = Vec::new();
            for line in complete_lines(head).take(SAMPLE_ROWS_MAX) {
                let Ok(line) = std::str::from_utf8(line) else { continue };
                delimited::cut(line, *separator, &mut cut);
                if cut.len() != names.len() || is_header(&cut, names) || source.ends(line.as_bytes()) {
                    continue;
                }
                for (name, value) in names.iter().zip(&cut).filter(|(_, value)| !NO_VALUE.contains(value)) {
                    columns.learn(name, Some(kind_of_text(value)));
                }
            }
        }
    }
}

/// The lines of the beginning of a file; the last one only where the file ends with it.
fn complete_lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let complete = match memchr::memrchr(b'\n', head) {
        Some(end) if head.len() >= HEAD_BYTES => &head[..end],
        _ => head,
    };
    complete.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn native_schema(columns: &[(String, Kind)]) -> SchemaRef {
    let fields = columns.iter().map(|(name, kind)| Field::new(name, kind.data_type(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn unexpected<S: TextSource>(path: &Path, head: &[u8]) -> SourceError {
    let first = complete_lines(head).find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    SourceError::UnexpectedContent {
        path: path.to_owned(),
        place: Place::Line(1),
        found: format!("`{}`", excerpt(&String::from_utf8_lossy(first))),
        expected: S::FILE_KIND.to_owned(),
        hint: None,
    }
}

fn nothing_to_read<S: TextSource>(mut empty_files: Vec<PathBuf>) -> SourceError {
    match empty_files.pop() {
        None => SourceError::NoFile { pattern: String::new() },
        Some(path) => SourceError::UnexpectedContent {
            path,
            place: Place::File,
            found: "an empty file".into(),
            expected: S::FILE_KIND.to_owned(),
            hint: Some("Its writer may not have written to it yet".into()),
        },
    }
}
