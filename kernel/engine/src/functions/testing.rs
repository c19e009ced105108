//! What tests of functions share: the samples, and queries that must work.

use std::path::PathBuf;

use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::{CancellationToken, Engine, QueryOptions, QueryResult};

/// A sample file of the developers' machines: below `FLOWDECK_SAMPLES`, else in a folder `shared/samples` further up.
/// `None`, with a printed reason, where there is none.
pub(super) fn sample(path: &str) -> Option<PathBuf> {
    let named = std::env::var_os("FLOWDECK_SAMPLES").map(PathBuf::from);
    let above = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let above = above.ancestors().map(|folder| folder.join("shared/samples"));
    let found = named.into_iter().chain(above).map(|samples| samples.join(path)).find(|path| path.exists());
    if found.is_none() {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped: no sample {path}");
    }
    found
}

/// The rows of `SELECT {sql}`.
pub(super) async fn select(engine: &Engine, sql: &str) -> QueryResult {
    let outcome = engine.query(&format!("SELECT {sql}"), QueryOptions::default(), CancellationToken::new()).await;
    outcome.unwrap_or_else(|fault| panic!("{sql}: {fault}"))
}

/// The first value of a result as text.
pub(super) fn first_value(result: &QueryResult) -> String {
    let options = FormatOptions::default().with_null("NULL");
    let shown = ArrayFormatter::try_new(result.batches[0].column(0), &options).expect("a type that can be shown");
    shown.value(0).to_string()
}
