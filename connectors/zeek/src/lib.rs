//! Zeek logs as tables: TSV and JSON, plain, gzip or zstd, one file or many.
//!
//! [`open_log`] keeps Zeek's own columns (names such as `id.orig_h` stay as they are and need quotes in SQL);
//! [`open_flows`] gives conn logs in the common flow schema. Options are in [`ZeekOptions`], limits in [`options`].
//!
//! Rooms: `sniff` (what is this file), `decode` (lines to columns), `types`, `flows` (conn rows to flow records), `table`
//! (the logs of one table). Bytes, lines, planning and threads are `file-source`'s.
//!
//! Bad rows are left out and counted in a [`flow_source::QualityReport`]: [`file_source::quality`] or
//! [`flow_source::quality_of_plan`].

mod decode;
mod flows;
pub mod options;
mod sniff;
mod table;
mod types;

use std::path::PathBuf;
use std::sync::Arc;

use datafusion_catalog::TableProvider;
use file_source::FileTable;
use flow_source::{Connector, SourceError};

pub use options::{TimeFormat, ZeekOptions};
pub use sniff::{ZeekFormat, sniff};

use table::{View, ZeekLogs};

/// The connector's name in configuration and in the column `source`.
pub const NAME: &str = "zeek";

/// Opens logs with Zeek's own columns. Files with different columns give the union.
///
/// # Errors
/// When there is no file, one cannot be read, or one is not a Zeek log.
pub fn open_log(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    open_log_with(paths, ZeekOptions::default())
}

/// [`open_log`] with options.
///
/// # Errors
/// As [`open_log`].
pub fn open_log_with(paths: Vec<PathBuf>, options: ZeekOptions) -> Result<Arc<dyn TableProvider>, SourceError> {
    Ok(Arc::new(FileTable::new(ZeekLogs::open(paths, options, View::Native)?)))
}

/// Opens conn logs in the common flow schema.
///
/// # Errors
/// As [`open_log`], and when a file is another log than conn; the error names which.
pub fn open_flows(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    open_flows_with(paths, ZeekOptions::default())
}

/// [`open_flows`] with options.
///
/// # Errors
/// As [`open_flows`].
pub fn open_flows_with(paths: Vec<PathBuf>, options: ZeekOptions) -> Result<Arc<dyn TableProvider>, SourceError> {
    Ok(Arc::new(FileTable::new(ZeekLogs::open(paths, options, View::Flows)?)))
}

/// This connector for the engine's registry.
#[derive(Clone, Copy, Debug, Default)]
pub struct ZeekConnector;

impl Connector for ZeekConnector {
    fn name(&self) -> &'static str {
        NAME
    }

    fn file_kind(&self) -> &'static str {
        "a Zeek log"
    }

    fn readable(&self) -> &'static str {
        "Zeek logs"
    }

    fn recognises(&self, first_bytes: &[u8]) -> bool {
        sniff(first_bytes).is_some()
    }

    fn open_log(&self, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
        open_log(paths)
    }

    fn open_flows(&self, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
        open_flows(paths)
    }
}
