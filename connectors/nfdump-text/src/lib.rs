//! Flows as nfdump prints them with `-o csv`, `-o csv-fast`, `-o json` and `-o ndjson`.
//!
//! nfdump writes times of the clock of the machine it ran on, without a zone: [`NfdumpText`] holds that zone, UTC unless
//! set. Of the hour that comes twice at the end of summer time the earlier one is taken and the row noted. The `csv` of
//! older versions has whole seconds only. The summary at the end is left out.

mod decode;
mod names;

use std::path::PathBuf;
use std::sync::Arc;

use datafusion_catalog::TableProvider;
use file_source::text::TextConnector;
use flow_source::SourceError;

pub use decode::NfdumpText;

/// This connector for the engine's registry.
pub type NfdumpTextConnector = TextConnector<NfdumpText>;

/// Opens files with the source's own columns.
///
/// # Errors
/// When there is no file, one cannot be read, or one is of another format.
pub fn open_log(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    TextConnector::open_log_of(NfdumpText::default(), paths)
}

/// Opens files in the common flow schema.
///
/// # Errors
/// As [`open_log`].
pub fn open_flows(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    TextConnector::open_flows_of(NfdumpText::default(), paths)
}
