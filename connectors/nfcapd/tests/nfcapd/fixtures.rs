//! Helpers: samples, nfdump, SQL.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::prelude::{SessionConfig, SessionContext};

/// A sample of ../shared/samples/nfcapd; `None` (with a printed reason) where the folder is absent.
pub(crate) fn sample(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/nfcapd");
    if !folder.is_dir() {
        eprintln!("skipped: the sample folder {} is absent", folder.display());
        return None;
    }
    Some(folder.join(name))
}

/// What nfdump prints; `None` (with a printed reason) where nfdump is not installed.
pub(crate) fn nfdump(arguments: &[&str]) -> Option<Vec<u8>> {
    let command = Command::new("nfdump").args(arguments).env("TZ", "UTC").stderr(Stdio::null()).output();
    match command {
        Ok(output) => Some(output.stdout),
        Err(error) => {
            eprintln!("skipped: nfdump does not run ({error}); scripts/setup.sh nfdump installs it");
            None
        }
    }
}

/// A session that reads in `partitions` places at once; one of them keeps the order of a file.
pub(crate) fn context(partitions: usize) -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(partitions))
}

pub(crate) async fn query_in(partitions: usize, table: &Arc<dyn TableProvider>, sql: &str) -> Vec<RecordBatch> {
    let context = context(partitions);
    context.register_table("t", Arc::clone(table)).unwrap();
    context.sql(sql).await.unwrap().collect().await.unwrap()
}

/// The values of batches as text, a line per row; NULL is `NULL`.
pub(crate) fn lines(batches: &[RecordBatch]) -> Vec<String> {
    cells(batches).into_iter().map(|row| row.join("|")).collect()
}

/// The values of batches as text.
pub(crate) fn cells(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL").with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.3f"));
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayRef> = batch.columns().iter().map(readable).collect();
        let columns: Vec<_> = columns.iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column.value(row).to_string()).collect());
        }
    }
    rows
}

/// Addresses as text; there are no other columns of 16 bytes.
fn readable(column: &ArrayRef) -> ArrayRef {
    match column.as_fixed_size_binary_opt() {
        Some(addresses) => Arc::new(flow_source::address::ip_texts(addresses)),
        None => Arc::clone(column),
    }
}

/// All values of a query as text, a row per line, columns separated by `|`.
pub(crate) async fn text(table: &Arc<dyn TableProvider>, sql: &str) -> String {
    lines(&query_in(2, table, sql).await).join("\n")
}

#[track_caller]
pub(crate) fn log(path: &Path) -> Arc<dyn TableProvider> {
    connector_nfcapd::open_log(vec![path.to_owned()]).unwrap()
}

#[track_caller]
pub(crate) fn flows(path: &Path) -> Arc<dyn TableProvider> {
    connector_nfcapd::open_flows(vec![path.to_owned()]).unwrap()
}
