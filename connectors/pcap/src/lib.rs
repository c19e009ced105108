//! pcap and pcapng captures as tables: biflows in the common flow schema, packets, and what is said in DNS, TLS
//! greetings and HTTP requests; plain, gzip or zstd.
//!
//! [`open_flows`] puts packets together to flows in both directions, [`open_log`] gives the packets themselves,
//! [`open_view`] any of the tables.
//!
//! A flow is what has the same VLAN, protocol and both ends; of ICMP a question and its answer belong together. It ends
//! after 65 s of silence, is cut after 5 minutes ([`PcapOptions`]), and ends when a closed TCP connection is opened
//! again. Source is who sent the first packet, or, if that is a SYN with ACK, who it is sent to. Bytes are of layer 3
//! by IP's own length, also where less was captured. Fragments count; ports of later fragments are not known, so they
//! are a flow of their own, with the note `fragments`. Tunnels are not opened, TCP over several segments is put in
//! order for the first 16 KiB a direction (TLS) or as long as nothing is missing (HTTP).
//!
//! Rooms: `assembler` and `biflow` (packets to flows), `inspect`, `stream`, `tls`, `http`, `dns` (what is said), `rows`
//! (side tables), `read`, `table`.
//!
//! ## Beside ipfixprobe
//! The same capture gives the same flows, but: ipfixprobe keeps all ICMP between two hosts in one flow, here each kind
//! of question is one; a capture that begins with a server's SYN-ACK is turned here.

mod assembler;
mod biflow;
mod dns;
mod http;
mod inspect;
pub mod options;
mod read;
mod rows;
mod stream;
mod table;
mod tls;

use std::path::PathBuf;
use std::sync::Arc;

use datafusion_catalog::TableProvider;
use file_source::FileTable;
use flow_source::{Connector, SourceError};

pub use options::PcapOptions;
pub use table::View;

/// The connector's name in configuration and in the column `source`.
pub const NAME: &str = "pcap";

/// Opens captures as one row a packet.
///
/// # Errors
/// When there is no file, one cannot be read, or one is no capture.
pub fn open_log(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    open_view(paths, View::Packets, PcapOptions::default())
}

/// Opens captures in the common flow schema.
///
/// # Errors
/// As [`open_log`].
pub fn open_flows(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    open_view(paths, View::Flows, PcapOptions::default())
}

/// Opens captures as a table of the given kind.
///
/// # Errors
/// As [`open_log`].
pub fn open_view(paths: Vec<PathBuf>, view: View, options: PcapOptions) -> Result<Arc<dyn TableProvider>, SourceError> {
    Ok(Arc::new(FileTable::new(table::Captures::open(paths, view, options)?)))
}

/// This connector for the engine's registry.
#[derive(Clone, Copy, Debug, Default)]
pub struct PcapConnector;

impl Connector for PcapConnector {
    fn name(&self) -> &'static str {
        NAME
    }

    fn file_kind(&self) -> &'static str {
        "a packet capture"
    }

    fn readable(&self) -> &'static str {
        "pcap and pcapng captures"
    }

    fn recognises(&self, first_bytes: &[u8]) -> bool {
        packet_file::recognises(first_bytes)
    }

    fn open_log(&self, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
        open_log(paths)
    }

    fn open_flows(&self, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
        open_flows(paths)
    }

    fn side_tables(&self) -> &'static [&'static str] {
        &["dns", "http", "tls"]
    }

    fn open_side_table(&self, name: &str, paths: Vec<PathBuf>) -> Option<Result<Arc<dyn TableProvider>, SourceError>> {
        let view = match name {
            "dns" => View::Dns,
            "http" => View::Http,
            "tls" => View::Tls,
            _ => return None,
        };
        Some(open_view(paths, view, PcapOptions::default()))
    }
}
