//! The only place that names the Zeek connector: what the engine asks of it, in the engine's words.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use flow_source::SourceError;

pub(crate) use connector_zeek::{open_log, read_head, sniff};

/// The logs under the flow schema.
pub(crate) use connector_zeek::open_flows;

/// Flows where the logs are of connections, else the logs as they are.
pub(crate) fn open_either(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    open_flows(paths.clone()).or_else(|_| open_log(paths))
}
