//! nfcapd files, the flow files of nfdump and its collectors, as tables: layout 1 (nfdump 1.6) and layout 2 (nfdump
//! 1.7), uncompressed or with LZO, LZ4, bzip2 or zstd, also packed as a whole with gzip or zstd.
//!
//! [`open_flows`] gives the common flow schema, [`open_log`] one column per field of a record, named as nfdump's JSON
//! output names it. There are no options; limits are in [`options`].
//!
//! Rooms: `header` (the file's head), `blocks` (the chain of blocks), `compression` and `lzo`, `record` (records and where their
//! elements are), `v1` (records of layout 1, turned into those of layout 2), `exporters`, `values` (elements to
//! columns), `flows` and `native` (the two kinds of table), `read` (a piece of a file), `table`.
//!
//! The format is documented by nfdump's own headers only. Numbers are in the byte order of the machine that wrote
//! them; big-endian files are recognised and refused.

mod blocks;
mod compression;
mod exporters;
mod flows;
mod header;
mod lzo;
mod native;
pub mod options;
mod read;
mod record;
mod table;
mod v1;
mod values;

use std::path::PathBuf;
use std::sync::Arc;

use datafusion_catalog::TableProvider;
use file_source::FileTable;
use flow_source::{Connector, SourceError};

use table::{NfcapdFiles, View};

/// The connector's name in configuration and in the column `source`.
pub const NAME: &str = "nfcapd";

/// Opens files with a column per field of a record.
///
/// # Errors
/// When there is no file, one cannot be read, or one is not an nfcapd file of a layout that is read here.
pub fn open_log(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    Ok(Arc::new(FileTable::new(NfcapdFiles::open(paths, View::Native)?)))
}

/// Opens files in the common flow schema.
///
/// # Errors
/// As [`open_log`].
pub fn open_flows(paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
    Ok(Arc::new(FileTable::new(NfcapdFiles::open(paths, View::Flows)?)))
}

/// This connector for the engine's registry.
#[derive(Clone, Copy, Debug, Default)]
pub struct NfcapdConnector;

impl Connector for NfcapdConnector {
    fn name(&self) -> &'static str {
        NAME
    }

    fn file_kind(&self) -> &'static str {
        "an nfcapd file"
    }

    fn readable(&self) -> &'static str {
        "nfcapd files"
    }

    fn recognises(&self, first_bytes: &[u8]) -> bool {
        header::is_nfcapd(first_bytes)
    }

    fn open_log(&self, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
        open_log(paths)
    }

    fn open_flows(&self, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError> {
        open_flows(paths)
    }
}
