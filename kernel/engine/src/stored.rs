//! A result that is kept to be looked at: any place of it at once, sorted and filtered by structured requests.
//!
//! Requests come from a page in a browser and are hostile until proven otherwise: `request` checks them, `plan` makes
//! DataFusion expressions of them, never text of SQL. A view is the order of rows that such a request gives; it is
//! computed once and kept by whoever shows it. `page` lays a place of it out as text, `copy` as text for the
//! clipboard, `summary` tells about one column. The rows themselves are a [`QueryResult`], in memory or spilled.

mod copy;
mod export;
mod fault;
mod page;
pub(crate) mod plan;
mod request;
pub(crate) mod rows;
mod summary;
mod text_match;

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, Field};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use copy::{CopyForm, CopyRequest};
pub use fault::StoredFault;
pub use page::{Page, PageRequest};
pub use request::{ColumnFilter, Condition, SortKey, ViewRequest};
pub use summary::{Bin, Common, Summary};

use crate::engine::{Engine, field_type_text};
use crate::error::EngineError;
use crate::render::{self, cell};
use crate::result::QueryResult;

/// Rows of a selection at most: they are copied into a table of their own at each change.
const SELECTED_ROWS_MAX: usize = 100_000;

/// Rows that a sorted or filtered view can number.
const ROWS_MAX: usize = u32::MAX as usize;

/// A result and the engine that sorts and filters it. Clones share both.
#[derive(Debug, Clone)]
pub struct StoredResult(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    result: QueryResult,
    /// The number of the first row of each batch, and the count of all rows.
    starts: Vec<usize>,
}

/// What a column holds, for whoever lays it out or filters it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    Number,
    Time,
    Duration,
    Address,
    Text,
    Boolean,
    Binary,
    /// Lists, structures and what else holds values in a value.
    Nested,
}

/// A column as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name, in which everything invisible is made visible. Two columns may have one name.
    pub name: String,
    /// Its type as analysts read it.
    #[serde(rename = "type")]
    pub type_text: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// Which rows are seen, and in which order.
#[derive(Debug, Clone)]
pub struct View {
    /// What it was asked for by.
    pub request: ViewRequest,
    row_count: usize,
    /// Numbers of rows in the result; `None` when all are there in their own order.
    rows: Option<Arc<Vec<u32>>>,
}

impl View {
    /// How many rows are seen.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    fn row(&self, position: usize) -> usize {
        self.rows.as_ref().map_or(position, |rows| rows[position] as usize)
    }
}

impl StoredResult {
    /// Keeps a result.
    pub fn new(engine: &Engine, result: QueryResult) -> StoredResult {
        let mut starts = vec![0];
        let mut count = 0;
        for batch in &result.batches {
            count += batch.num_rows();
            starts.push(count);
        }
        StoredResult(Arc::new(Inner { engine: engine.clone(), result, starts }))
    }

    /// The rows as the query gave them.
    pub fn result(&self) -> &QueryResult {
        &self.0.result
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The columns in the order of the query.
    pub fn columns(&self) -> Vec<Column> {
        let fields = self.0.result.schema.fields().iter();
        fields
            .map(|field| Column {
                name: render::visible(field.name()),
                type_text: render::visible(&field_type_text(field)),
                kind: kind_of(field),
            })
            .collect()
    }

    /// All rows in the order of the query.
    pub fn whole(&self) -> View {
        View { request: ViewRequest::default(), row_count: self.0.result.row_count, rows: None }
    }

    /// The rows that a request asks for. May take seconds; returns soon after `cancel` is cancelled.
    ///
    /// # Errors
    /// [`EngineError::Stored`] for a request that makes no sense, else what the engine says.
    pub async fn view(&self, request: ViewRequest, cancel: CancellationToken) -> Result<View, EngineError> {
        request.check(&self.0.result.schema)?;
        if request.is_everything() {
            return Ok(View { request, ..self.whole() });
        }
        if self.0.result.row_count > ROWS_MAX {
            return Err(StoredFault::TooManyRows { limit: ROWS_MAX }.into());
        }
        let rows = plan::row_numbers(self, &request, cancel).await?;
        Ok(View { request, row_count: rows.len(), rows: Some(Arc::new(rows)) })
    }

    /// The number of the row at this place of a view, in the order of the query, counted from 0.
    ///
    /// # Errors
    /// [`EngineError::Stored`] when the view ends before.
    pub fn row_at(&self, view: &View, place: usize) -> Result<usize, EngineError> {
        match place < view.row_count {
            true => Ok(view.row(place)),
            false => Err(StoredFault::UnknownRow { row: place, count: view.row_count }.into()),
        }
    }

    /// The rows at these places of a view as a result of their own. Places beyond the end are left out.
    ///
    /// # Errors
    /// [`EngineError::Stored`] for more than 100,000 rows.
    pub fn selected(&self, view: &View, places: std::ops::Range<usize>) -> Result<QueryResult, EngineError> {
        request::at_most("selected rows", places.len(), SELECTED_ROWS_MAX)?;
        let columns: Vec<usize> = (0..self.0.result.schema.fields().len()).collect();
        let rows = self.gather(view, places, &columns)?;
        Ok(QueryResult::of_batches(rows.schema(), vec![rows]))
    }

    /// The rows at these places of a view, with the columns of these numbers. Places beyond the end are left out.
    fn gather(
        &self,
        view: &View,
        places: std::ops::Range<usize>,
        columns: &[usize],
    ) -> Result<RecordBatch, EngineError> {
        let inner = &*self.0;
        let places = places.start.min(view.row_count)..places.end.min(view.row_count);
        let unusable =
            |fault: arrow::error::ArrowError| EngineError::internal(format!("rows cannot be gathered: {fault}"));
        let schema = Arc::new(inner.result.schema.project(columns).map_err(unusable)?);
        let mut used: Vec<RecordBatch> = Vec::new();
        let mut slots = std::collections::HashMap::new();
        let mut indices = Vec::with_capacity(places.len());
        for place in places {
            let row = view.row(place);
            let batch = inner.starts.partition_point(|start| *start <= row).saturating_sub(1);
            let slot = match slots.get(&batch) {
                Some(slot) => *slot,
                None => {
                    used.push(inner.result.batches[batch].project(columns).map_err(unusable)?);
                    slots.insert(batch, used.len() - 1);
                    used.len() - 1
                }
            };
            indices.push((slot, row - inner.starts[batch]));
        }
        if indices.is_empty() {
            return Ok(RecordBatch::new_empty(schema));
        }
        if columns.is_empty() {
            let options = RecordBatchOptions::new().with_row_count(Some(indices.len()));
            return RecordBatch::try_new_with_options(schema, Vec::new(), &options).map_err(unusable);
        }
        let used: Vec<&RecordBatch> = used.iter().collect();
        interleave_record_batch(&used, &indices).map_err(unusable)
    }
}

/// What a column holds. The only place that decides it.
pub(crate) fn kind_of(field: &Field) -> ColumnKind {
    match field.data_type() {
        _ if flow_source::is_ip_field(field) => ColumnKind::Address,
        DataType::Dictionary(_, values) => kind_of(&Field::new("", values.as_ref().clone(), true)),
        DataType::RunEndEncoded(_, values) => kind_of(values),
        DataType::Boolean => ColumnKind::Boolean,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnKind::Text,
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) => {
            ColumnKind::Time
        }
        DataType::Duration(_) | DataType::Interval(_) => ColumnKind::Duration,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            ColumnKind::Binary
        }
        other if cell::is_number(other) => ColumnKind::Number,
        DataType::Null => ColumnKind::Text,
        _ => ColumnKind::Nested,
    }
}
