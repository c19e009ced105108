//! Helpers: samples, temporary logs, SQL.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::prelude::{SessionConfig, SessionContext};

pub(crate) const CONN_HEADER: &str = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
    #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tlocal_orig\t\
    local_resp\thistory\torig_pkts\torig_ip_bytes\ttunnel_parents\n\
    #types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tbool\tbool\tstring\tcount\tcount\tset[string]\n";

/// A sample of ../shared/samples/zeek; `None` (with a printed reason) where the folder is absent.
pub(crate) fn sample(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/zeek");
    if !folder.is_dir() {
        eprintln!("skipped: the sample folder {} is absent", folder.display());
        return None;
    }
    Some(folder.join(name))
}

/// A folder with logs that is removed at the end of the test.
pub(crate) struct Logs(tempfile::TempDir);

impl Logs {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn add(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(content.as_ref()).unwrap();
        path
    }
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn context() -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2))
}

pub(crate) async fn query(table: &Arc<dyn TableProvider>, sql: &str) -> Vec<RecordBatch> {
    let context = context();
    context.register_table("t", Arc::clone(table)).unwrap();
    context.sql(sql).await.unwrap().collect().await.unwrap()
}

/// All values of a query as text, a row per line, columns separated by `|`; NULL is `NULL`.
pub(crate) async fn text(table: &Arc<dyn TableProvider>, sql: &str) -> String {
    let options = FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in query(table, sql).await {
        let columns: Vec<ArrayRef> = batch.columns().iter().map(readable).collect();
        let columns: Vec<_> = columns.iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            lines.push(columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|"));
        }
    }
    lines.join("\n")
}

/// Addresses as text; there are no other columns of 16 bytes.
fn readable(column: &ArrayRef) -> ArrayRef {
    match column.as_fixed_size_binary_opt() {
        Some(addresses) => Arc::new(flow_source::address::ip_texts(addresses)),
        None => Arc::clone(column),
    }
}

#[track_caller]
pub(crate) fn log(path: PathBuf) -> Arc<dyn TableProvider> {
    connector_zeek::open_log(vec![path]).unwrap()
}

#[track_caller]
pub(crate) fn flows(path: PathBuf) -> Arc<dyn TableProvider> {
    connector_zeek::open_flows(vec![path]).unwrap()
}
