//! Helpers: temporary files, samples and SQL.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::prelude::{SessionConfig, SessionContext};

/// A folder with files that is removed at the end of the test.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn add(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

pub(crate) fn context() -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2))
}

/// All values of a query as text, a row per line, columns separated by `|`; NULL is `NULL`.
pub(crate) async fn text(table: &Arc<dyn TableProvider>, sql: &str) -> String {
    let context = context();
    context.register_table("t", Arc::clone(table)).unwrap();
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let options = FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in batches {
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
