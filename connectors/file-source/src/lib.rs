//! What all connectors that read files share, so that each has only its format to describe.
//!
//! Reading order: [`format`] (what a connector fills in), [`input`] and [`lines`] (bytes and lines of a file,
//! decompressed), [`pieces`] (which partition reads what; `line_pieces`: of lines), [`times`] (the time window of a query), DataFusion's three
//! layers `table`, `plan`, `stream`, and on top of them [`text`] with [`value`] for formats that are lines or JSON
//! objects. No format is known here by name.

pub mod format;
pub mod input;
pub mod line_pieces;
mod lines;
pub mod pieces;
mod plan;
mod stream;
mod table;
pub mod text;
mod timeless;
pub mod times;
pub mod value;

pub use format::{Format, Next, Scan, Sink};
pub use input::{Compression, Input, read_head};
pub use line_pieces::LinePiece;
pub use lines::{LINE_BYTES_MAX, Line, LineDecoder, LineReader, Outcome, read_lines, read_lines_of, without_bom};
pub use pieces::{Piece, SourceFile};
pub use table::{FileTable, NamedTimes, left_out_by_names, quality, strict};
pub use timeless::Timeless;
pub use times::{Span, TimeBounds, TimeColumns};

/// Rows in one record batch.
pub const BATCH_ROWS: usize = 8192;

/// The worked example of docs/connectors.md.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/connectors.md")]
pub struct WorkedExample;
