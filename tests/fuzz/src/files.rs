//! Files, as connectors read them, and blocks within them.

use std::path::PathBuf;
use std::sync::Arc;

use connector_netflow::NetflowConnector;
use connector_nfcapd::NfcapdConnector;
use connector_pcap::PcapConnector;
use connector_test_support::context_of;
use connector_zeek::ZeekConnector;
use datafusion::{catalog::TableProvider, prelude::SessionContext};
use flow_source::Connector;
use futures::StreamExt;
use tokio::runtime::Runtime;

use crate::{ROWS_MAX, Reader};

/// Records that a block around the input announces.
const BLOCK_RECORDS: u32 = 1000;

/// A connector, and what stays the same from input to input.
pub(crate) struct FileReader {
    connector: Box<dyn Connector>,
    /// What becomes of the input before it is a file.
    wrap: fn(&[u8]) -> Vec<u8>,
    /// The one file that is written again and again.
    file: PathBuf,
    _folder: tempfile::TempDir,
    context: SessionContext,
    runtime: Runtime,
}

impl FileReader {
    pub(crate) fn new(name: &str) -> Option<Self> {
        let connector: Box<dyn Connector> = match name {
            "nfcapd" | "blocks" => Box::new(NfcapdConnector),
            "netflow" => Box::new(NetflowConnector),
            "pcap" => Box::new(PcapConnector),
            // Whatever is packed with gzip or zstd as a whole.
            "packed" => Box::new(ZeekConnector),
            _ => return None,
        };
        let folder = crate::folder();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let wrap = if name == "blocks" { in_block } else { <[u8]>::to_vec };
        let file = folder.path().join("input");
        Some(Self { connector, wrap, file, _folder: folder, context: context_of(1), runtime })
    }
}

impl Reader for FileReader {
    fn read(&self, bytes: &[u8]) {
        let bytes = (self.wrap)(bytes);
        std::fs::write(&self.file, &bytes).unwrap();
        let connector = self.connector.as_ref();
        let _ = connector.recognises(&bytes);
        let paths = || vec![self.file.clone()];
        let side = connector.side_tables().iter().filter_map(|name| connector.open_side_table(name, paths()));
        let tables = [connector.open_flows(paths()), connector.open_log(paths())].into_iter().chain(side);
        for table in tables.flatten() {
            self.runtime.block_on(read(&self.context, table));
        }
    }
}

/// An nfcapd file of one block: the first byte of the input chooses how it is packed, the second the layout.
fn in_block(input: &[u8]) -> Vec<u8> {
    let (&[packing, layout], packed) = input.split_first_chunk().unwrap_or((&[0, 0], &[]));
    let is_first_layout = layout % 2 == 1;
    let mut file = vec![0x0c, 0xa5];
    if is_first_layout {
        let flags = [0_u32, 0x01, 0x08, 0x10][usize::from(packing) % 4];
        file.extend_from_slice(&[1, 0]);
        file.extend_from_slice(&flags.to_le_bytes());
        file.extend_from_slice(&1_u32.to_le_bytes());
        file.resize(276, 0);
    } else {
        file.resize(40, 0);
        file[2] = 2;
        file[16] = packing % 5;
        file[36] = 1;
    }
    file.extend_from_slice(&BLOCK_RECORDS.to_le_bytes());
    file.extend_from_slice(&u32::try_from(packed.len()).unwrap().to_le_bytes());
    let kind = if is_first_layout { 2_u16 } else { 3 };
    file.extend_from_slice(&kind.to_le_bytes());
    file.extend_from_slice(&[0, 0]);
    file.extend_from_slice(packed);
    file
}

/// Reads to the end, or to where there is enough.
async fn read(context: &SessionContext, table: Arc<dyn TableProvider>) {
    let frame = context.read_table(table).unwrap();
    let mut batches = frame.execute_stream().await.unwrap();
    let mut rows = 0;
    while let Some(Ok(batch)) = batches.next().await {
        rows += batch.num_rows();
        if rows > ROWS_MAX {
            break;
        }
    }
}
