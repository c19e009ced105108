//! Flows of Argus as `ra` and `racluster` print them with `-c ,`, also the binetflow files of the CTU data sets.
//!
//! The header names the columns; `StartTime`, `Proto`, `SrcAddr`, `Dir` and `DstAddr` must be there. Times are of the clock
//! of the machine that printed them: [`Argus`] holds its zone, UTC unless set, and of the hour that comes twice at the
//! end of summer time the earlier one is taken.

mod decode;

use std::path::PathBuf;
use std::sync::Arc;

use datafusion_catalog::TableProvider;
use file_source::text::TextConnector;
use flow_source::SourceError;

pub use decode::Argus;

/// This connector for the engine's registry.
pub type ArgusConnector = TextConnector<Argus>;

/// Opens files with the source's own columns.
///
/// # Errors
/// When there is no file, one cannot be read, or one is of another format.
pub fn open_log(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    TextConnector::open_log_of(Argus::default(), paths)
}

/// Opens files in the common flow schema.
///
/// # Errors
/// As [`open_log`].
pub fn open_flows(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    TextConnector::open_flows_of(Argus::default(), paths)
}
