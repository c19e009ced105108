//! NetFlow v1, v5, v7, v9 and IPFIX as tables: exports inside pcap and pcapng captures, IPFIX files (RFC 5655), and
//! dumps of export packets one after the other; plain, gzip or zstd.
//!
//! [`open_flows`] gives the common flow schema, [`open_log`] a column per information element of the templates, under
//! IANA's names. Limits are in [`options`].
//!
//! Rooms: `decode` (bytes to records, records to flows; no files), `messages` (files to messages), `native` and `read`
//! (records to batches), `table`; [`live`] (datagrams as they come).
//!
//! Counters are as exported: of sampled flows they are multiplied by nobody, and `sampling_rate` says of how many
//! packets one was taken. Records whose template never comes, records that break off and damaged messages are left
//! out and counted, with their offset, in the [`flow_source::QualityReport`].

mod decode;
pub mod live;
mod messages;
mod native;
pub mod options;
mod read;
mod table;

use std::path::PathBuf;
use std::sync::Arc;

use datafusion_catalog::TableProvider;
use file_source::FileTable;
use flow_source::{Connector, SourceError};

use messages::{Container, is_export_capture};
use table::{ExportFiles, View};

/// The connector's name in configuration and in the column `source`.
pub const NAME: &str = "netflow";

/// Opens files with a column per information element. Options records are rows too.
///
/// # Errors
/// When there is no file, one cannot be read, or one holds neither messages nor a capture.
pub fn open_log(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    Ok(Arc::new(FileTable::new(ExportFiles::open(paths, View::Native)?)))
}

/// Opens files in the common flow schema.
///
/// # Errors
/// As [`open_log`].
pub fn open_flows(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    Ok(Arc::new(FileTable::new(ExportFiles::open(paths, View::Flows)?)))
}

/// This connector for the engine's registry. It takes captures of which most packets are exports of flows; others are
/// taken for the traffic itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct NetflowConnector;

impl Connector for NetflowConnector {
    fn name(&self) -> &'static str {
        NAME
    }

    fn file_kind(&self) -> &'static str {
        "NetFlow or IPFIX messages"
    }

    fn readable(&self) -> &'static str {
        "NetFlow and IPFIX messages, bare or captured"
    }

    fn recognises(&self, first_bytes: &[u8]) -> bool {
        match Container::of(first_bytes) {
            Some(Container::Messages) => true,
            Some(Container::Capture) => is_export_capture(first_bytes),
            None => false,
        }
    }

    fn open_log(&self, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
        open_log(paths)
    }

    fn open_flows(&self, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
        open_flows(paths)
    }
}
