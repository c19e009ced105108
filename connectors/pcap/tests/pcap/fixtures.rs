//! Helpers: samples, temporary files, SQL.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::prelude::{SessionConfig, SessionContext};
use flow_source::QualityReport;

/// A folder of ../shared/samples; `None` (with a printed reason) where it is absent.
pub(crate) fn samples(folder: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples").join(folder);
    if !folder.is_dir() {
        eprintln!("skipped: the sample folder {} is absent", folder.display());
        return None;
    }
    Some(folder)
}

pub(crate) fn context() -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2))
}

/// All values of a query as text, a row per line, columns separated by `|`; NULL is `NULL`.
pub(crate) async fn text(table: &Arc<dyn TableProvider>, sql: &str) -> String {
    let context = context();
    context.register_table("t", Arc::clone(table)).unwrap();
    let options = FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in context.sql(sql).await.unwrap().collect().await.unwrap() {
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

/// How many rows the whole table has.
pub(crate) async fn rows(table: &Arc<dyn TableProvider>) -> usize {
    let all = context().read_table(Arc::clone(table)).unwrap().collect().await.unwrap();
    all.iter().map(|batch| batch.num_rows()).sum()
}

pub(crate) fn report(table: &Arc<dyn TableProvider>) -> Arc<QualityReport> {
    file_source::quality(table.as_ref()).unwrap()
}

/// A folder with files that is removed at the end of the test.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn add(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(content.as_ref()).unwrap();
        path
    }
}
