//! A set of captures as a table: which kind of rows, and what is opened.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use datafusion_common::Result;
use file_source::{Format, Next, Piece, Scan, Sink, SourceFile, read_head};
use flow_source::{Place, QualityReport, SourceError, flow_schema};

use crate::options::PcapOptions;
use crate::read::read;
use crate::rows;

/// Bytes that tell a capture from other files.
const HEAD_BYTES: usize = 64;

/// What the rows of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Biflows in the common flow schema.
    Flows,
    /// One row a packet.
    Packets,
    /// DNS questions with their answers.
    Dns,
    /// TLS greetings.
    Tls,
    /// HTTP requests.
    Http,
}

impl View {
    fn schema(self) -> SchemaRef {
        match self {
            Self::Flows => flow_schema(),
            Self::Packets => rows::packet_schema(),
            Self::Dns => rows::dns_schema(),
            Self::Tls => rows::tls_schema(),
            Self::Http => rows::http_schema(),
        }
    }
}

/// One or more captures.
#[derive(Debug)]
pub(crate) struct Captures {
    files: Vec<SourceFile>,
    empty: Vec<PathBuf>,
    schema: SchemaRef,
    pub(crate) view: View,
    pub(crate) options: PcapOptions,
}

impl Captures {
    pub(crate) fn open(paths: Vec<PathBuf>, view: View, options: PcapOptions) -> Result<Self, SourceError> {
        let (mut files, mut empty) = (Vec::new(), Vec::new());
        for path in paths {
            let head = read_head(&path, HEAD_BYTES)?;
            if head.is_empty() {
                empty.push(path);
            } else if packet_file::recognises(&head) {
                files.push(SourceFile::whole(path));
            } else {
                let found = format!("bytes that begin with {:02x?}", &head[..head.len().min(16)]);
                return Err(not_a_capture(path, found));
            }
        }
        match (files.is_empty(), empty.pop()) {
            (true, Some(path)) => Err(not_a_capture(path, "an empty file".into())),
            (true, None) => Err(SourceError::NoFile { pattern: String::new() }),
            (false, last) => {
                empty.extend(last);
                Ok(Self { files, empty, schema: view.schema(), view, options })
            }
        }
    }
}

fn not_a_capture(path: PathBuf, found: String) -> SourceError {
    SourceError::UnexpectedContent {
        path,
        place: Place::File,
        found,
        expected: "a pcap or pcapng capture".into(),
        hint: None,
    }
}

impl Format for Captures {
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
        for path in &self.empty {
            report.note(format!("`{}` is empty", path.display()));
        }
    }

    fn read(&self, piece: &Piece, scan: &Scan, sink: &mut Sink<'_>) -> Result<Next> {
        read(self, &self.files[piece.file].path, scan, sink)
    }
}
