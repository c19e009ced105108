//! Helpers: samples, temporary logs, SQL.

use std::{io::Write, path::PathBuf, sync::Arc};

pub(crate) use connector_test_support::{Files as Logs, context, text};
use datafusion::{arrow::array::RecordBatch, catalog::TableProvider};

pub(crate) const CONN_HEADER: &str = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
    #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tlocal_orig\t\
    local_resp\thistory\torig_pkts\torig_ip_bytes\ttunnel_parents\n\
    #types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tbool\tbool\tstring\tcount\tcount\tset[string]\n";

/// A sample of ../shared/samples/zeek; `None` (with a printed reason) where the folder is absent.
pub(crate) fn sample(name: &str) -> Option<PathBuf> {
    Some(connector_test_support::sample("zeek")?.join(name))
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) async fn query(table: &Arc<dyn TableProvider>, sql: &str) -> Vec<RecordBatch> {
    connector_test_support::query_in(2, table, sql).await
}

#[track_caller]
pub(crate) fn log(path: PathBuf) -> Arc<dyn TableProvider> {
    connector_zeek::open_log(vec![path]).unwrap()
}

#[track_caller]
pub(crate) fn flows(path: PathBuf) -> Arc<dyn TableProvider> {
    connector_zeek::open_flows(vec![path]).unwrap()
}
