//! Suricata's EVE JSON logs as tables: flow and netflow events under the common flow schema, or all events with their
//! own columns, those of objects in them named with dots (`flow.pkts_toserver`).
//!
//! Limits are those of `file-source`'s text room. Suricata counts whole frames, which rows say with the note `bytes_l2`.

mod decode;

use std::path::PathBuf;
use std::sync::Arc;

use datafusion_catalog::TableProvider;
use file_source::text::TextConnector;
use flow_source::SourceError;

pub use decode::Eve;

/// This connector for the engine's registry.
pub type EveConnector = TextConnector<Eve>;

/// Opens files with the source's own columns.
///
/// # Errors
/// When there is no file, one cannot be read, or one is of another format.
pub fn open_log(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    TextConnector::open_log_of(Eve::default(), paths)
}

/// Opens files in the common flow schema.
///
/// # Errors
/// As [`open_log`].
pub fn open_flows(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    TextConnector::open_flows_of(Eve::default(), paths)
}
