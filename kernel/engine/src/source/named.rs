//! Sources under their names, whatever other tables there are: what `read_source('NAME')` reads, and which channels one has.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arrow::array::AsArray;
use datafusion::catalog::TableProvider;

use crate::{CancellationToken, Engine, EngineError, Parameter, QueryOptions};

/// The column that holds channels.
const CHANNEL_COLUMN: &str = "sensor";
/// More channels are no choice any more.
const CHANNELS_MAX: usize = 200;
/// How long is looked for channels in files, which do not list them.
const CHANNELS_TIMEOUT: Duration = Duration::from_secs(10);

/// The sources of an engine. Unlike tables they are not replaced by results of queries.
#[derive(Debug, Default)]
pub(crate) struct NamedSources(RwLock<BTreeMap<String, Named>>);

/// One source.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) table: Arc<dyn TableProvider>,
    /// Who saw its flows, where it says so by itself.
    channels: Option<Vec<String>>,
}

impl NamedSources {
    pub(crate) fn insert(&self, name: &str, table: Arc<dyn TableProvider>, channels: Option<Vec<String>>) {
        let named = Named { table, channels };
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), named);
    }

    pub(crate) fn remove(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// A source, by its name in any case; else the names there are.
    pub(crate) fn get(&self, name: &str) -> Result<Named, Vec<String>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&name.to_ascii_lowercase()).cloned();
        found.ok_or_else(|| known.keys().cloned().collect())
    }
}

impl Engine {
    /// The channels of a source: who saw its flows. Empty for a source that does not say so. Of files those are told that
    /// are found within some seconds.
    ///
    /// # Errors
    /// When there is no such source, or it cannot be read.
    pub async fn channels(&self, source: &str) -> Result<Vec<String>, EngineError> {
        if let Ok(Named { table, channels }) = self.sources().get(source) {
            let has_column = table.schema().column_with_name(CHANNEL_COLUMN).is_some();
            if let Some(channels) = channels.or_else(|| (!has_column).then(Vec::new)) {
                return Ok(channels);
            }
        }
        let query = format!(
            "SELECT CAST({CHANNEL_COLUMN} AS VARCHAR) FROM read_source($source) WHERE {CHANNEL_COLUMN} IS NOT NULL \
             GROUP BY 1 ORDER BY 1 LIMIT {CHANNELS_MAX}"
        );
        let options = QueryOptions::default().with_parameter("source", Parameter::Text(Some(source.to_owned())));
        let cancel = CancellationToken::new();
        let stop = cancel.clone().drop_guard();
        match tokio::time::timeout(CHANNELS_TIMEOUT, self.query(&query, options, cancel)).await {
            Err(_) => {
                drop(stop);
                Ok(Vec::new())
            }
            Ok(result) => {
                let columns = result?.batches.into_iter().filter_map(|batch| {
                    let texts = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).ok()?;
                    Some(texts.as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>())
                });
                Ok(columns.flatten().collect())
            }
        }
    }
}
