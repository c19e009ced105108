//! Sources under their names, whatever other tables there are: what `read_source('NAME')` reads, and which channels one has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::Result as DataFusionResult;
use datafusion::prelude::DataFrame;
use futures::StreamExt;

use crate::{Engine, EngineError};

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

/// Who saw the flows of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Channels {
    /// In order; none for a source that does not say so.
    pub names: Vec<String>,
    /// Whether looking ended: else it took too long, and there may be more.
    pub is_complete: bool,
}

impl Engine {
    /// The channels of a source. Of files those are told that are found within some seconds.
    ///
    /// # Errors
    /// When there is no such source, or it cannot be read.
    pub async fn channels(&self, source: &str) -> Result<Channels, EngineError> {
        self.channels_within(source, CHANNELS_TIMEOUT).await
    }

    async fn channels_within(&self, source: &str, timeout: Duration) -> Result<Channels, EngineError> {
        let known = |names| Channels { names, is_complete: true };
        let Named { table, channels } = self.sources().get(source).map_err(|_| no_source(source))?;
        if let Some(channels) = channels {
            return Ok(known(channels));
        }
        if table.schema().column_with_name(CHANNEL_COLUMN).is_none() {
            return Ok(known(Vec::new()));
        }
        let found = Arc::new(Mutex::new(BTreeSet::new()));
        let frame = self.context().read_table(table).and_then(|frame| frame.select_columns(&[CHANNEL_COLUMN]));
        let looking = look(frame, Arc::clone(&found));
        // Dropped with its time, it stops.
        let task = self.executor().spawn(looking).map_err(|fault| EngineError::internal(fault.to_string()))?;
        let is_complete = match tokio::time::timeout(timeout, task).await {
            Err(_) => false,
            Ok(Err(fault)) => return Err(EngineError::internal(format!("looking for channels failed: {fault}"))),
            Ok(Ok(Err(fault))) => return Err(self.explain_datafusion(&fault)),
            Ok(Ok(Ok(()))) => true,
        };
        let names = found.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        Ok(Channels { names, is_complete })
    }
}

fn no_source(name: &str) -> EngineError {
    let name = crate::render::visible(name);
    EngineError::Source {
        text: format!("there is no source `{name}`"),
        hint: Some("Sources are named in flowdeck.toml".to_owned()),
        log: String::new(),
    }
}

/// Notes each channel when it is met, so that what was found is there whenever looking stops. A query that groups has
/// nothing until its end.
async fn look(frame: DataFusionResult<DataFrame>, found: Arc<Mutex<BTreeSet<String>>>) -> DataFusionResult<()> {
    let mut batches = frame?.execute_stream().await?;
    while let Some(batch) = batches.next().await {
        let texts = cast(batch?.column(0), &DataType::Utf8)?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        for name in texts.as_string::<i32>().iter().flatten() {
            if found.contains(name) {
                continue;
            }
            if found.len() == CHANNELS_MAX {
                return Ok(());
            }
            found.insert(name.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::array::{RecordBatch, StringArray};
    use arrow::datatypes::{Field, Schema, SchemaRef};
    use datafusion::catalog::streaming::StreamingTable;
    use datafusion::execution::{SendableRecordBatchStream, TaskContext};
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use datafusion::physical_plan::streaming::PartitionStream;
    use futures::stream;

    use super::*;

    /// Rows of a few channels; then it either ends or gives no more.
    #[derive(Debug)]
    struct Rows {
        schema: SchemaRef,
        ends: bool,
    }

    impl PartitionStream for Rows {
        fn schema(&self) -> &SchemaRef {
            &self.schema
        }

        fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
            let names = StringArray::from(vec![Some("lab"), None, Some("border"), Some("lab")]);
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), vec![Arc::new(names)]);
            let rows = stream::iter([batch.map_err(Into::into)]);
            let rows = if self.ends { rows.boxed() } else { rows.chain(stream::pending()).boxed() };
            Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
        }
    }

    async fn channels(ends: bool, timeout: Duration) -> Channels {
        let engine = Engine::new().expect("an engine");
        let schema = Arc::new(Schema::new(vec![Field::new(CHANNEL_COLUMN, DataType::Utf8, true)]));
        let rows = Rows { schema: Arc::clone(&schema), ends };
        let table = StreamingTable::try_new(schema, vec![Arc::new(rows)]).expect("a table");
        engine.sources().insert("flows", Arc::new(table), None);
        engine.channels_within("FLOWS", timeout).await.expect("channels")
    }

    #[tokio::test]
    async fn what_was_found_is_kept_when_looking_takes_too_long() {
        let names = vec!["border".to_owned(), "lab".to_owned()];
        let all = channels(true, Duration::from_secs(60)).await;
        assert_eq!(all, Channels { names: names.clone(), is_complete: true });
        let cut = channels(false, Duration::from_secs(2)).await;
        assert_eq!(cut, Channels { names, is_complete: false });
    }

    #[tokio::test]
    async fn an_unknown_source_is_an_error() {
        let engine = Engine::new().expect("an engine");
        let error = engine.channels("flows").await.expect_err("no source");
        assert_eq!(error.to_string(), "there is no source `flows`");
    }
}
