//! The connectors there are: the only place in the engine that names one.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use flow_source::{Connector, SourceError};

/// In the order in which they are asked whether a file is theirs: the surest signature first.
const CONNECTORS: &[&dyn Connector] = &[
    &connector_nfcapd::NfcapdConnector,
    // Before the captures: one of exported flows is read as these flows.
    &connector_netflow::NetflowConnector,
    &connector_pcap::PcapConnector,
    &connector_zeek::ZeekConnector,
];

/// The connector whose files begin like this.
pub(crate) fn recognise(head: &[u8]) -> Option<&'static dyn Connector> {
    CONNECTORS.iter().copied().find(|connector| connector.recognises(head))
}

/// What the connectors read, in words, e.g. `Zeek logs, nfcapd files`.
pub(crate) fn readable() -> String {
    CONNECTORS.iter().map(|connector| connector.readable()).collect::<Vec<_>>().join(", ")
}

/// Flows where the files hold them, else the files as they are.
pub(crate) fn open_either(
    connector: &dyn Connector,
    paths: Vec<PathBuf>,
) -> Result<Arc<dyn TableProvider>, SourceError> {
    connector.open_flows(paths.clone()).or_else(|_| connector.open_log(paths))
}
