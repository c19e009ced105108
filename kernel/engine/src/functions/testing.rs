//! What tests of functions share: the samples, and values of queries.

use std::path::PathBuf;

use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::{CancellationToken, Engine, EngineError, QueryOptions};

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

/// The first value of `SELECT {sql}` as text.
pub(super) async fn try_select(engine: &Engine, sql: &str) -> Result<String, EngineError> {
    let result = engine.query(&format!("SELECT {sql}"), QueryOptions::default(), CancellationToken::new()).await?;
    let options = FormatOptions::default().with_null("NULL");
    let (field, column) = (result.schema.field(0), result.batches[0].column(0));
    let column = crate::ip::readable(field, column);
    let shown = ArrayFormatter::try_new(&column, &options).expect("a type that can be shown");
    Ok(shown.value(0).to_string())
}
