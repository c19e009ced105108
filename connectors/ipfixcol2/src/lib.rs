//! Flows of ipfixcol2 as its JSON output writes them, one object a line, and those of ipfixcol 1.
//!
//! All options of the output are understood: names or numbers of elements, formatted or raw TCP flags and protocols, times
//! as texts or milliseconds. What ipfixcol2 could not convert is null there and NULL here.

mod decode;
mod elements;

use std::path::PathBuf;
use std::sync::Arc;

use datafusion_catalog::TableProvider;
use file_source::text::TextConnector;
use flow_source::SourceError;

pub use decode::Ipfixcol;

/// This connector for the engine's registry.
pub type IpfixcolConnector = TextConnector<Ipfixcol>;

/// Opens files with the source's own columns.
///
/// # Errors
/// When there is no file, one cannot be read, or one is of another format.
pub fn open_log(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    TextConnector::open_log_of(Ipfixcol::default(), paths)
}

/// Opens files in the common flow schema.
///
/// # Errors
/// As [`open_log`].
pub fn open_flows(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    TextConnector::open_flows_of(Ipfixcol::default(), paths)
}
