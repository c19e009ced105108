//! What is known of a source's rows: without reading them where the files say it, or by reading all of them.

use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType};
use chrono::{DateTime, Utc};
use datafusion::common::stats::Precision;
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use flow_source::schema::time_type;
use tokio_util::sync::CancellationToken;

use super::rows::{integers, texts};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::notes::Note;
use crate::query::QueryOptions;

/// The column of flows that their time range is about.
const START_TIME: &str = "start_time";
/// Columns of which a test counts the values.
const COLUMNS_COUNTED_MAX: usize = 300;
/// Where flows say what was changed in them.
const NOTES: &str = "notes";
/// Formats whose files say of themselves how many rows they have.
const TELLING: &[&str] = &["Parquet", "an Arrow IPC file", "an Arrow IPC stream"];
/// Kinds of notes that a test tells.
const MARKS_MAX: usize = 12;

/// What is known of a table's rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceFacts {
    /// How many rows.
    pub rows: Option<u64>,
    /// The earliest time.
    pub first: Option<DateTime<Utc>>,
    /// The latest time.
    pub last: Option<DateTime<Utc>>,
}

/// What reading all rows of a source showed.
#[derive(Debug, Clone)]
pub struct SourceTest {
    /// Its rows.
    pub facts: SourceFacts,
    /// The columns with the rows that have a value there, in the order of the table.
    pub filled: Vec<(String, u64)>,
    /// What was left out or is doubtful.
    pub notes: Vec<Note>,
    /// What flows say in their column `notes`, and how many say it, the most frequent first.
    pub marks: Vec<(String, u64)>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Engine {
    /// What the files of a table say of themselves (as Parquet does), without reading rows; nothing where they do not.
    pub async fn source_facts(&self, table: &str) -> SourceFacts {
        // A plan of others says nothing of their rows, and making one may fetch objects.
        if !self.sources().opened_as(table).is_some_and(|format| TELLING.contains(&format)) {
            return SourceFacts::default();
        }
        let engine = self.clone();
        let table = table.to_owned();
        let work = async move { engine.facts_of_statistics(&table).await };
        match self.executor().spawn(work) {
            Ok(task) => task.await.ok().and_then(Result::ok).unwrap_or_default(),
            Err(_) => SourceFacts::default(),
        }
    }

    async fn facts_of_statistics(&self, table: &str) -> DataFusionResult<SourceFacts> {
        let context = self.context();
        let time = self.time_column(table);
        let provider = context.table_provider(table).await?;
        let plan = context.read_table(provider)?.create_physical_plan().await?;
        let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new())?;
        let place = time.and_then(|time| plan.schema().index_of(&time).ok());
        let column = place.and_then(|place| statistics.column_statistics.get(place));
        let time = |value: &Precision<ScalarValue>| match value {
            Precision::Exact(value) => moment_of(value),
            _ => None,
        };
        Ok(SourceFacts {
            rows: match statistics.num_rows {
                Precision::Exact(rows) => Some(rows as u64),
                _ => None,
            },
            first: column.and_then(|column| time(&column.min_value)),
            last: column.and_then(|column| time(&column.max_value)),
        })
    }

    /// Reads all rows of a table, with all their columns.
    ///
    /// # Errors
    /// What reading them fails with.
    pub async fn test_source(&self, table: &str, cancel: CancellationToken) -> Result<SourceTest, EngineError> {
        self.open_source(table, &cancel).await?;
        let columns: Vec<String> =
            self.columns(table).into_iter().map(|(name, _)| name).take(COLUMNS_COUNTED_MAX).collect();
        let time = self.time_column(table).map(|time| identifier(&time));
        let range = time.map_or_else(|| "NULL, NULL".to_owned(), |time| format!("min({time}), max({time})"));
        let counts: String = columns.iter().map(|name| format!(", count({})", identifier(name))).collect();
        let query = format!("SELECT count(*), {range}{counts} FROM {}", identifier(table));
        let result = self.query(&query, QueryOptions::default(), cancel.clone()).await?;
        let batch = result.batches.first();
        let count = |place: usize| batch.and_then(|batch| integer(batch, place)).unwrap_or_default();
        let time = |place: usize| batch.and_then(|batch| moment(batch, place));
        let has_notes = columns.iter().position(|name| name == NOTES).is_some_and(|place| count(place + 3) > 0);
        let marks = if has_notes { self.marks(table, cancel).await? } else { Vec::new() };
        Ok(SourceTest {
            facts: SourceFacts { rows: Some(count(0)), first: time(1), last: time(2) },
            filled: columns.into_iter().enumerate().map(|(place, name)| (name, count(place + 3))).collect(),
            notes: result.notes.clone(),
            marks,
            elapsed: result.elapsed,
        })
    }

    /// What flows themselves say was changed or is missing, the most frequent first.
    async fn marks(&self, table: &str, cancel: CancellationToken) -> Result<Vec<(String, u64)>, EngineError> {
        let query = format!(
            "SELECT note, count(*) FROM (SELECT unnest({NOTES}) AS note FROM {}) GROUP BY note \
             ORDER BY 2 DESC, 1 LIMIT {MARKS_MAX}",
            identifier(table)
        );
        let result = self.query(&query, QueryOptions::default(), cancel).await?;
        let counts = integers(&result, 1).into_iter().map(|count| count.and_then(|count| u64::try_from(count).ok()));
        Ok(texts(&result, 0).into_iter().zip(counts).filter_map(|(note, count)| note.zip(count)).collect())
    }

    /// The column that tells when a row's event was: that of flows, else the first that holds times.
    pub(super) fn time_column(&self, table: &str) -> Option<String> {
        let columns = self.columns(table);
        let is_start = |(name, _): &&(String, String)| name == START_TIME;
        let is_time = |(_, kind): &&(String, String)| kind.to_lowercase().starts_with("timestamp");
        let found = columns.iter().find(is_start).or_else(|| columns.iter().find(is_time));
        found.map(|(name, _)| name.clone())
    }
}

/// A name as SQL takes it whatever is in it.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A count of the first row.
pub(super) fn integer(batch: &RecordBatch, column: usize) -> Option<u64> {
    let values = cast(batch, column, &DataType::Int64)?;
    let values = values.as_primitive_opt::<Int64Type>()?;
    let value = values.iter().next().flatten()?;
    u64::try_from(value).ok()
}

/// A time of the first row.
pub(super) fn moment(batch: &RecordBatch, column: usize) -> Option<DateTime<Utc>> {
    let values = cast(batch, column, &time_type())?;
    let value = values.as_primitive_opt::<TimestampNanosecondType>()?.iter().next().flatten()?;
    Some(DateTime::from_timestamp_nanos(value))
}

fn cast(batch: &RecordBatch, column: usize, to: &DataType) -> Option<ArrayRef> {
    arrow::compute::cast(batch.columns().get(column)?, to).ok()
}

fn moment_of(value: &ScalarValue) -> Option<DateTime<Utc>> {
    match value.cast_to(&time_type()).ok()? {
        ScalarValue::TimestampNanosecond(Some(nanos), _) => Some(DateTime::from_timestamp_nanos(nanos)),
        _ => None,
    }
}
