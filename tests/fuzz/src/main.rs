//! Bytes that are no file, for the readers of binary files: libFuzzer makes them, guided by what they reach in our crates.
//!
//! `make fuzz` builds this with coverage and runs every reader for a while; FLOWDECK_FUZZ names the reader. Nothing is
//! asked of the rows but that there are any number of them without a panic, in bounded memory and time: what is read of good
//! and damaged files is tested beside the readers.
#![no_main]
#![allow(clippy::unwrap_used, reason = "a failure of the machine is not to be taken for one of a reader")]

use std::{path::PathBuf, sync::LazyLock};

use connector_netflow::NetflowConnector;
use connector_nfcapd::NfcapdConnector;
use connector_pcap::PcapConnector;
use connector_test_support::context_of;
use datafusion::{catalog::TableProvider, prelude::SessionContext};
use flow_source::Connector;
use futures::StreamExt;
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Rows after which a file has given enough.
const ROWS_MAX: usize = 200_000;

/// What stays the same from input to input.
struct Bench {
    connector: Box<dyn Connector>,
    /// The one file that is written again and again.
    file: PathBuf,
    _folder: tempfile::TempDir,
    context: SessionContext,
    runtime: Runtime,
}

static BENCH: LazyLock<Bench> = LazyLock::new(|| {
    let connector: Box<dyn Connector> = match std::env::var("FLOWDECK_FUZZ").as_deref() {
        Ok("nfcapd") => Box::new(NfcapdConnector),
        Ok("netflow") => Box::new(NetflowConnector),
        Ok("pcap") => Box::new(PcapConnector),
        other => panic!("FLOWDECK_FUZZ={other:?} is none of nfcapd, netflow, pcap"),
    };
    // In memory where there is such a place: an input is a few kilobytes.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    Bench { connector, file: folder.path().join("input"), _folder: folder, context: context_of(1), runtime }
});

fuzz_target!(|bytes: &[u8]| {
    let bench = &*BENCH;
    std::fs::write(&bench.file, bytes).unwrap();
    let connector = bench.connector.as_ref();
    let _ = connector.recognises(bytes);
    let paths = || vec![bench.file.clone()];
    let side = connector.side_tables().iter().filter_map(|name| connector.open_side_table(name, paths()));
    let tables = [connector.open_flows(paths()), connector.open_log(paths())].into_iter().chain(side);
    for table in tables.flatten() {
        bench.runtime.block_on(read(&bench.context, table));
    }
});

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
