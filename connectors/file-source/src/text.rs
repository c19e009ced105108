//! Text files whose lines or objects are records: what a connector for such a format fills in, and all the rest of it.
//!
//! A connector says how to tell its files ([`TextSource::layout`]), which fields make a flow, and how
//! ([`TextSource::flow`]); [`TextConnector`] makes the two kinds of table of that. Rooms: `fields` (the values of a
//! record), `json` and `delimited` (where they are), `objects` (JSON that is not one object a line) on `cutter`, `native` (their
//! kinds, and the table with the source's own columns), `files` (the table's files), `zone` (times without a zone).

mod cutter;
pub mod delimited;
pub mod fields;
mod files;
mod json;
mod native;
pub mod objects;
pub mod zone;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion_catalog::TableProvider;
use flow_source::{Connector, FlowRows, QualityReport, SourceError};

use crate::lines::{Outcome, without_bom};
use crate::table::FileTable;
use files::{TextFiles, View};

pub use fields::{Fields, Kind};
pub use zone::Zone;

/// Bytes read from the front of a file to learn its layout and columns.
pub const HEAD_BYTES: usize = 256 * 1024;

/// How the records of a file are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One JSON object a line.
    JsonLines,
    /// JSON objects anywhere: over several lines, in an array, or within so many objects around them.
    JsonObjects {
        /// 0 for objects of the outermost level or of an array there.
        depth: usize,
    },
    /// Values between separators.
    Delimited {
        /// Between values; a space stands for any number of blanks.
        separator: u8,
        /// The names of the values, in order.
        names: Vec<String>,
    },
}

/// One format of text files.
pub trait TextSource: fmt::Debug + Default + Clone + Send + Sync + 'static {
    /// The name in configuration and in the column `source`.
    const NAME: &'static str;
    /// What one of its files is, with article.
    const FILE_KIND: &'static str;
    /// What it reads, in the plural.
    const READABLE: &'static str;
    /// The fields that [`flow`](Self::flow) looks at, by the place under which it asks for them. Fields of JSON
    /// objects within objects are named with dots.
    const FIELDS: &'static [&'static str];
    /// Fields of the source's own that hold points in time, and how they are written.
    const TIMES: &'static [&'static str];

    /// The layout of a file with this beginning; `None` when it is not of this format.
    fn layout(&self, head: &[u8]) -> Option<Layout>;

    /// Makes flows of a record and pushes them; [`Outcome::NoRow`] when it is not about a flow.
    ///
    /// # Errors
    /// Why the record is rejected; then nothing has been pushed.
    fn flow(&self, fields: &Fields<'_>, rows: &mut FlowRows, line: u64) -> Result<Outcome, String>;

    /// Whether a line ends the records, as that before a summary does; after the next header they go on.
    fn ends(&self, _line: &[u8]) -> bool {
        false
    }

    /// The same with times of this zone where they are written without one, or with one that is to be ignored; `None` when
    /// there are none such.
    fn in_zone(&self, _zone: Zone) -> Option<Self> {
        None
    }

    /// What to say about all files of this source.
    fn remark(&self, _report: &QualityReport) {}
}

/// A format of text files as a connector.
#[derive(Debug, Default)]
pub struct TextConnector<S>(
    /// The format, with its settings.
    pub S,
);

impl<S: TextSource> TextConnector<S> {
    /// A table with the source's own columns.
    ///
    /// # Errors
    /// When a file cannot be read or is not of this format.
    pub fn open_log_of(source: S, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
        Ok(Arc::new(FileTable::new(TextFiles::open(source, paths, View::Native)?)))
    }

    /// A table in the common flow schema.
    ///
    /// # Errors
    /// As [`open_log_of`](Self::open_log_of).
    pub fn open_flows_of(source: S, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
        Ok(Arc::new(FileTable::new(TextFiles::open(source, paths, View::Flows)?)))
    }
}

impl<S: TextSource> Connector for TextConnector<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn file_kind(&self) -> &'static str {
        S::FILE_KIND
    }

    fn readable(&self) -> &'static str {
        S::READABLE
    }

    fn recognises(&self, first_bytes: &[u8]) -> bool {
        self.0.layout(without_bom(first_bytes)).is_some()
    }

    fn open_log(&self, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
        Self::open_log_of(self.0.clone(), paths)
    }

    fn open_flows(&self, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
        Self::open_flows_of(self.0.clone(), paths)
    }

    fn in_zone(&self, zone: &str, ignores_written: bool) -> Option<Box<dyn Connector>> {
        let zone = Zone::of(zone.parse().ok()?).ignoring_written(ignores_written);
        Some(Box::new(Self(self.0.in_zone(zone)?)))
    }
}
