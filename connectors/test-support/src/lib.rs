//! What the tests of connectors share: samples, temporary files, and the answers to queries as text.
//!
//! For `[dev-dependencies]` alone: what goes wrong here ends the test that called.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, RecordBatch},
        util::display::{ArrayFormatter, FormatOptions},
    },
    catalog::TableProvider,
    prelude::{SessionConfig, SessionContext},
};

/// A file or folder of ../shared/samples; `None` (with a printed reason) where there are no samples.
#[must_use]
pub fn sample(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples");
    if !folder.is_dir() {
        eprintln!("skipped: the sample folder {} is absent", folder.display());
        return None;
    }
    Some(folder.join(name))
}

/// A folder with files that is removed at the end of the test.
#[derive(Debug)]
pub struct Files(tempfile::TempDir);

impl Files {
    /// An empty folder.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it makes a folder, which no default should")]
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a file; gives its path.
    #[track_caller]
    pub fn add(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// A session that reads in two places at once.
#[must_use]
pub fn context() -> SessionContext {
    context_of(2)
}

/// A session that reads in `partitions` places at once; one of them keeps the order of a file.
#[must_use]
pub fn context_of(partitions: usize) -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(partitions))
}

/// The answer to a query of the table `t`, read in `partitions` places at once.
pub async fn query_in(partitions: usize, table: &Arc<dyn TableProvider>, sql: &str) -> Vec<RecordBatch> {
    let context = context_of(partitions);
    context.register_table("t", Arc::clone(table)).unwrap();
    context.sql(sql).await.unwrap().collect().await.unwrap()
}

/// All values of a query of the table `t` as text, a row per line, columns separated by `|`; NULL is `NULL`.
pub async fn text(table: &Arc<dyn TableProvider>, sql: &str) -> String {
    lines(&query_in(2, table, sql).await, &FormatOptions::default().with_null("NULL")).join("\n")
}

/// The values of batches as text, a line per row, columns separated by `|`.
#[must_use]
pub fn lines(batches: &[RecordBatch], options: &FormatOptions<'_>) -> Vec<String> {
    cells(batches, options).into_iter().map(|row| row.join("|")).collect()
}

/// The values of batches as text, row by row.
#[must_use]
pub fn cells(batches: &[RecordBatch], options: &FormatOptions<'_>) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayRef> = batch.columns().iter().map(readable).collect();
        let columns: Vec<_> = columns.iter().map(|column| ArrayFormatter::try_new(column, options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column.value(row).to_string()).collect());
        }
    }
    rows
}

/// How many rows the whole table has.
pub async fn rows(table: &Arc<dyn TableProvider>) -> usize {
    let all = context().read_table(Arc::clone(table)).unwrap().collect().await.unwrap();
    all.iter().map(RecordBatch::num_rows).sum()
}

/// Addresses as text; there are no other columns of 16 bytes.
fn readable(column: &ArrayRef) -> ArrayRef {
    match column.as_fixed_size_binary_opt() {
        Some(addresses) => Arc::new(flow_source::address::ip_texts(addresses)),
        None => Arc::clone(column),
    }
}
