//! Sources under their names, whatever other tables there are: what `read_source('NAME')` reads, which channels one has, and
//! which are not open yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::Result as DataFusionResult;
use datafusion::prelude::DataFrame;
use futures::StreamExt;

use super::Registered;
use super::later::{Later, SourceStatus};
use crate::engine::{Engine, WeakEngine};
use crate::error::{EngineError, UnopenedFault};
use crate::files::remote::QueryWatch;

/// The column that holds channels.
const CHANNEL_COLUMN: &str = "sensor";
/// More channels are no choice any more.
const CHANNELS_MAX: usize = 200;
/// How long is looked for channels in files, which do not list them.
const CHANNELS_TIMEOUT: Duration = Duration::from_secs(10);

/// The sources of an engine. Unlike tables they are not replaced by results of queries.
#[derive(Debug, Default)]
pub(crate) struct NamedSources {
    known: RwLock<BTreeMap<String, Source>>,
    /// Which opens them.
    engine: OnceLock<WeakEngine>,
}

#[derive(Debug, Clone)]
enum Source {
    Open(Named),
    Later(Arc<Later>),
}

/// One source that is open.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) table: Arc<dyn TableProvider>,
    /// Who saw its flows, where it says so by itself.
    channels: Option<Vec<String>>,
    registered: Registered,
    /// Whether it was not open when it became known.
    was_later: bool,
}

/// Why there is nothing to read.
pub(crate) enum NoSource {
    /// No source has this name; these do.
    Unknown(Vec<String>),
    /// It cannot be opened.
    Fault(UnopenedFault),
}

impl NamedSources {
    /// Says which engine opens them.
    pub(crate) fn belong_to(&self, engine: WeakEngine) {
        // There is one engine for these sources, and it says so once.
        let _ = self.engine.set(engine);
    }

    pub(crate) fn insert(
        &self,
        name: &str,
        table: Arc<dyn TableProvider>,
        channels: Option<Vec<String>>,
        registered: Registered,
    ) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let was_later = matches!(known.get(name), Some(Source::Later(_)));
        known.insert(name.to_owned(), Source::Open(Named { table, channels, registered, was_later }));
    }

    pub(crate) fn insert_later(&self, later: Later) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(later.name().to_owned(), Source::Later(Arc::new(later)));
    }

    pub(crate) fn remove(&self, name: &str) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// The names of sources that are not open.
    pub(crate) fn unopened(&self) -> Vec<String> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let unopened = known.iter().filter(|(_, source)| matches!(source, Source::Later(_)));
        unopened.map(|(name, _)| name.clone()).collect()
    }

    /// A source that is not open, by its name as it is kept.
    pub(crate) fn later(&self, name: &str) -> Option<Arc<Later>> {
        match self.known.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            Some(Source::Later(later)) => Some(Arc::clone(later)),
            _ => None,
        }
    }

    /// What is known of a source that was not open at first.
    pub(crate) fn status(&self, name: &str) -> Option<SourceStatus> {
        match self.find(name).ok()? {
            Source::Open(named) => named.was_later.then_some(SourceStatus::Open(named.registered)),
            Source::Later(later) => Some(match later.failure() {
                Some((_, fault)) => SourceStatus::Failed(fault),
                None => SourceStatus::Unopened,
            }),
        }
    }

    /// The format of a source that is open.
    pub(crate) fn opened_as(&self, name: &str) -> Option<&'static str> {
        match self.find(name).ok()? {
            Source::Open(named) => Some(named.registered.format),
            Source::Later(_) => None,
        }
    }

    fn find(&self, name: &str) -> Result<Source, NoSource> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&name.to_ascii_lowercase()).cloned();
        found.ok_or_else(|| NoSource::Unknown(known.keys().cloned().collect()))
    }

    /// A source, by its name in any case, opened if it is not.
    pub(crate) async fn get(&self, name: &str, watch: &QueryWatch) -> Result<Named, NoSource> {
        let later = match self.find(name)? {
            Source::Open(named) => return Ok(named),
            Source::Later(later) => later,
        };
        let engine = self.engine.get().and_then(WeakEngine::upgrade);
        let broken = |fact: &str| NoSource::Fault(UnopenedFault::new(name, EngineError::internal(fact)));
        let engine = engine.ok_or_else(|| broken("the engine is gone"))?;
        later.opened(&engine, watch).await.map_err(NoSource::Fault)?;
        match self.find(name)? {
            Source::Open(named) => Ok(named),
            Source::Later(_) => Err(broken("what was opened is not open")),
        }
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
        let found = self.sources().get(source, &QueryWatch::default()).await;
        let Named { table, channels, .. } = found.map_err(|fault| match fault {
            NoSource::Unknown(_) => no_source(source),
            NoSource::Fault(fault) => fault.into(),
        })?;
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
        let format = "rows of a test";
        let remarks = Vec::new();
        let registered = Registered { table: "flows".into(), format, files: 0, bytes: 0, modified: None, remarks };
        engine.sources().insert("flows", Arc::new(table), None, registered);
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
