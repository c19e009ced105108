//! Helpers: samples, nfdump, SQL.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

pub(crate) use connector_test_support::{context_of as context, query_in};
use datafusion::{
    arrow::{array::RecordBatch, util::display::FormatOptions},
    catalog::TableProvider,
};

/// A sample of ../shared/samples/nfcapd; `None` (with a printed reason) where the folder is absent.
pub(crate) fn sample(name: &str) -> Option<PathBuf> {
    Some(connector_test_support::sample("nfcapd")?.join(name))
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

/// Times as nfdump prints them.
const FORMAT: FormatOptions<'static> =
    FormatOptions::new().with_null("NULL").with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.3f"));

/// The values of batches as text, a line per row, columns separated by `|`; NULL is `NULL`.
pub(crate) fn lines(batches: &[RecordBatch]) -> Vec<String> {
    connector_test_support::lines(batches, &FORMAT)
}

/// The values of batches as text.
pub(crate) fn cells(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    connector_test_support::cells(batches, &FORMAT)
}

/// All values of a query as text.
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
