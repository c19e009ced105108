//! The connectors there are: the only place in the engine that names one.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use datafusion::catalog::TableProvider;
use flow_source::{Connector, SourceError};
use remote_source::RemoteConnector;

/// Published lists in files: reading, updating.
pub mod lists {
    pub use connector_blocklist::{Blocklist, Listed, Sought};
    pub use connector_toplist::TopList;
    pub use list_file::{Fetched, ListError, Origin, UpdateError, update};
}

/// The connectors, in the order in which they are asked whether a file is theirs: the surest signature first.
fn all() -> &'static [Box<dyn Connector>] {
    static ALL: LazyLock<Vec<Box<dyn Connector>>> = LazyLock::new(|| {
        vec![
            Box::new(connector_nfcapd::NfcapdConnector),
            // Before the captures: one of exported flows is read as these flows.
            Box::new(connector_netflow::NetflowConnector),
            Box::new(connector_pcap::PcapConnector),
            Box::new(connector_zeek::ZeekConnector),
            Box::new(connector_eve::EveConnector::default()),
            Box::new(connector_ipfixcol2::IpfixcolConnector::default()),
            Box::new(connector_cloud_flow_logs::AzureConnector::default()),
            Box::new(connector_cloud_flow_logs::GcpConnector::default()),
            Box::new(connector_cloud_flow_logs::TrafficAnalyticsConnector::default()),
            Box::new(connector_nfdump_text::NfdumpTextConnector::default()),
            Box::new(connector_argus::ArgusConnector::default()),
            Box::new(connector_cloud_flow_logs::AwsConnector::default()),
        ]
    });
    &ALL
}

/// The servers that are asked for flows.
static SERVERS: &[&dyn RemoteConnector] = &[
    &connector_flowmon::Flowmon,
    &connector_postgresql::PostgresqlConnector,
    &connector_clickhouse::ClickhouseConnector,
    &connector_opensearch::OpensearchConnector,
    &connector_splunk::SplunkConnector,
];

/// The services that know something of addresses, names and hashes.
pub(crate) static SERVICES: &[&enrichment::Service] = &[
    &connector_virustotal::VIRUSTOTAL,
    &connector_abuseipdb::ABUSEIPDB,
    &connector_greynoise::GREYNOISE,
    &connector_rdap::RDAP,
    &connector_misp::MISP,
];

/// The connector whose files begin like this.
pub(crate) fn recognise(head: &[u8]) -> Option<&'static dyn Connector> {
    all().iter().map(AsRef::as_ref).find(|connector| connector.recognises(head))
}

/// Their names, as sources may give them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    all().iter().map(|connector| connector.name()).chain(servers().map(|connector| connector.name()))
}

/// The connectors of servers.
pub(crate) fn servers() -> impl Iterator<Item = &'static dyn RemoteConnector> {
    SERVERS.iter().copied()
}

/// The connector of a server of that name.
pub(crate) fn server_named(name: &str) -> Option<&'static dyn RemoteConnector> {
    servers().find(|connector| connector.name() == name)
}

/// The connector of that name.
pub(crate) fn named(name: &str) -> Option<&'static dyn Connector> {
    all().iter().map(AsRef::as_ref).find(|connector| connector.name() == name)
}

/// What the connectors read, in words, e.g. `Zeek logs, nfcapd files`.
pub(crate) fn readable() -> String {
    all().iter().map(|connector| connector.readable()).collect::<Vec<_>>().join(", ")
}

/// Flows where the files hold them, else the files as they are.
pub(crate) fn open_either(
    connector: &dyn Connector,
    paths: Vec<PathBuf>,
) -> Result<Arc<dyn TableProvider>, SourceError> {
    connector.open_flows(paths.clone()).or_else(|_| connector.open_log(paths))
}
