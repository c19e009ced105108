//! The rows a query brought, with what belongs to them: how many, whether more exist, how long it took, what is
//! doubtful about them.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use std::sync::Arc;

use crate::error::EngineError;
use crate::export;
use crate::keep::Kept;
use crate::names;
use crate::notes::Note;

/// The answer to one query.
#[derive(Debug, Clone)]
pub struct QueryResult {
    /// The columns, as the query named them: two may have one name.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// How many rows `batches` hold.
    pub row_count: usize,
    /// Whether the query had more rows than its limit let through.
    pub truncated: bool,
    /// From the text of the query to its last row.
    pub elapsed: Duration,
    /// What the analyst must know about the data behind the rows, such as rows a source rejected.
    pub notes: Vec<Note>,
    /// The memory and disk that the rows take, given back when nobody has the result any more.
    pub(crate) _kept: Kept,
}

impl QueryResult {
    /// A result of rows that come from elsewhere.
    pub fn of_batches(schema: SchemaRef, batches: Vec<RecordBatch>) -> QueryResult {
        let row_count = batches.iter().map(RecordBatch::num_rows).sum();
        QueryResult {
            schema,
            batches,
            row_count,
            truncated: false,
            elapsed: Duration::ZERO,
            notes: Vec::new(),
            _kept: Kept::default(),
        }
    }

    /// The same rows under names of which none repeats (`bytes`, `bytes_2`), as tables and files need them.
    pub fn with_distinct_names(&self) -> Result<QueryResult, EngineError> {
        let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let fields: Vec<Field> = names::distinct(&names)
            .into_iter()
            .zip(self.schema.fields())
            // What the plan promised about NULL may be narrower than what a later table under this name holds.
            .map(|(name, field)| field.as_ref().clone().with_name(name).with_nullable(true))
            .collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()));
        let renamed = self.batches.iter().map(|batch| {
            let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&schema), batch.columns().to_vec(), &options)
        });
        let batches = renamed
            .collect::<Result<Vec<_>, _>>()
            .map_err(|fault| EngineError::internal(format!("rows do not fit their own columns: {fault}")))?;
        Ok(QueryResult { schema, batches, ..self.clone() })
    }

    /// The same rows with addresses as text, for programs that do not know their type.
    pub fn with_readable_addresses(&self) -> Result<QueryResult, EngineError> {
        let readable = |batch: &RecordBatch| {
            export::readable(batch).map_err(|fault| EngineError::internal(format!("addresses have no text: {fault}")))
        };
        let schema = readable(&RecordBatch::new_empty(Arc::clone(&self.schema)))?.schema();
        let batches = self.batches.iter().map(readable).collect::<Result<Vec<_>, _>>()?;
        Ok(QueryResult { schema, batches, ..self.clone() })
    }
}
