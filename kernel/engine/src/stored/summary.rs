//! What is in one column of a view: how many NULLs, how many different values, the range, its shape, what is frequent.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, UInt64Type};
use datafusion::common::ScalarValue;
use datafusion::functions::math::expr_fn::{floor, isnan};
use datafusion::functions_aggregate::expr_fn::{approx_distinct, count, max, min};
use datafusion::logical_expr::{Expr, cast, lit};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::plan::{condition, filtered};
use super::rows::column as column_of;
use super::{ColumnKind, StoredResult, View, kind_of, request};
use crate::error::EngineError;
use crate::render::cell::{Cell, Cells};
use crate::render::visible;

/// Bars of a histogram.
const BINS: usize = 24;
/// Frequent values that are named.
const COMMON_MAX: usize = 8;
/// With more different values than this none of them is frequent, and counting them would cost memory.
const COUNTED_VALUES_MAX: u64 = 1_000_000;
/// Numbers of which there are no more than this are names rather than amounts: ports, protocols.
const NAMELIKE_NUMBERS_MAX: u64 = 5_000;
/// Characters of a value that is named.
const VALUE_CHARS_MAX: usize = 100;

/// What is in one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The number of the column.
    pub column: usize,
    /// Rows of the view.
    pub row_count: u64,
    /// How many of them hold NULL.
    pub null_count: u64,
    /// About how many different values there are (HyperLogLog, 1 to 2 % off).
    pub distinct_count: u64,
    /// The least value.
    pub min: Option<String>,
    /// The greatest value; of floating-point numbers NaN counts as the greatest.
    pub max: Option<String>,
    /// The shape, in bars of one width from the least to the greatest value; empty where there is no such thing.
    pub bins: Vec<Bin>,
    /// The most frequent values, the most frequent first; empty where there are too many different ones.
    pub common: Vec<Common>,
}

/// One bar of a histogram: values from `from` up to the `from` of the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bin {
    /// The least value that belongs here.
    pub from: String,
    /// Rows whose value belongs here.
    pub count: u64,
}

/// A frequent value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Common {
    /// The value.
    pub text: String,
    /// Rows that hold it.
    pub count: u64,
}

impl StoredResult {
    /// Looks through one column of the rows of a view. May take seconds; returns soon after `cancel` is cancelled.
    ///
    /// # Errors
    /// [`EngineError::Stored`] when there is no such column, else what the engine says.
    pub async fn summary(&self, view: &View, column: usize, cancel: CancellationToken) -> Result<Summary, EngineError> {
        let field = request::column(&self.result().schema, column)?.clone();
        let look = Look { stored: self, view, index: column, field: &field, cancel };
        let mut summary = look.counts().await?;
        let kind = kind_of(&field);
        let is_amount = matches!(kind, ColumnKind::Number | ColumnKind::Time | ColumnKind::Duration);
        if is_amount {
            summary.bins = look.bins().await?;
        }
        let values_max = if is_amount { NAMELIKE_NUMBERS_MAX } else { COUNTED_VALUES_MAX };
        if kind != ColumnKind::Nested && summary.distinct_count <= values_max {
            summary.common = look.common().await?;
        }
        Ok(summary)
    }
}

struct Look<'a> {
    stored: &'a StoredResult,
    view: &'a View,
    index: usize,
    field: &'a Field,
    cancel: CancellationToken,
}

impl Look<'_> {
    /// One batch: what `aggregates` give over the rows of the view, for each group.
    async fn aggregated(
        &self,
        more: Option<Expr>,
        groups: Vec<Expr>,
        aggregates: Vec<Expr>,
        limit: Option<usize>,
    ) -> Result<Option<RecordBatch>, EngineError> {
        let conditions = condition(self.stored, &self.view.request)?.into_iter().chain(more);
        let (stored, condition) = (self.stored.clone(), conditions.reduce(Expr::and));
        let engine = &self.stored.0.engine;
        let build = move |context: &datafusion::prelude::SessionContext| {
            let frame = filtered(context, &stored, condition)?.aggregate(groups, aggregates)?;
            let Some(limit) = limit else { return Ok(frame) };
            let by_count = Expr::Column(datafusion::common::Column::from_name("n")).sort(false, false);
            frame.sort(vec![by_count])?.limit(0, Some(limit))
        };
        let result = engine.run_frame(build, self.cancel.clone()).await?;
        let all = arrow::compute::concat_batches(&result.schema, &result.batches);
        let all = all.map_err(|fault| EngineError::internal(format!("a summary cannot be put together: {fault}")))?;
        Ok(Some(all).filter(|all| all.num_rows() > 0))
    }

    async fn counts(&self) -> Result<Summary, EngineError> {
        let value = || column_of(self.index);
        let counted = match self.field.data_type().is_floating() {
            true => cast(value(), DataType::Utf8),
            false => value(),
        };
        let mut aggregates = vec![count(lit(1)), count(value()), approx_distinct(counted)];
        let has_range = kind_of(self.field) != ColumnKind::Nested;
        if has_range {
            aggregates.extend([min(value()), max(value())]);
        }
        let row = self.aggregated(None, Vec::new(), aggregates, None).await?;
        let row = row.ok_or_else(|| EngineError::internal("counting gave nothing"))?;
        let (row_count, value_count) = (number(&row, 0, 0), number(&row, 1, 0));
        let text = |index: usize| self.text(row.column(index), 0);
        Ok(Summary {
            column: self.index,
            row_count,
            null_count: row_count.saturating_sub(value_count),
            distinct_count: number(&row, 2, 0).min(value_count),
            min: has_range.then(|| text(3)).flatten(),
            max: has_range.then(|| text(4)).flatten(),
            bins: Vec::new(),
            common: Vec::new(),
        })
    }

    async fn bins(&self) -> Result<Vec<Bin>, EngineError> {
        let is_float = self.field.data_type().is_floating();
        let is_real = is_float.then(|| isnan(column_of(self.index)).is_not_true());
        let amount = self.amount();
        let ends = vec![min(amount.clone()), max(amount.clone())];
        let Some(ends) = self.aggregated(is_real.clone(), Vec::new(), ends, None).await? else { return Ok(Vec::new()) };
        let end = |index: usize| {
            let column = ends.column(index).as_primitive_opt::<Float64Type>()?;
            Some(column.value(0)).filter(|end| column.is_valid(0) && end.is_finite())
        };
        let (Some(least), Some(greatest)) = (end(0), end(1)) else { return Ok(Vec::new()) };
        let width = (greatest - least) / BINS as f64;
        if !(width > 0.0 && width.is_finite()) {
            return Ok(Vec::new());
        }
        let place = floor((amount - lit(least)) / lit(width)).alias("bin");
        let some = column_of(self.index).is_not_null();
        let some = is_real.into_iter().fold(some, Expr::and);
        let counts = self.aggregated(Some(some), vec![place], vec![count(lit(1)).alias("n")], None).await?;
        let from = |bin: usize| self.amount_text(least + width * bin as f64);
        let mut bins: Vec<Bin> = (0..BINS).map(|bin| Bin { from: from(bin), count: 0 }).collect();
        let Some(counts) = counts else { return Ok(bins) };
        let places = counts.column(0).as_primitive_opt::<Float64Type>();
        for row in 0..counts.num_rows() {
            let place = places.map_or(0.0, |places| places.value(row));
            // The greatest value belongs to the last bar; rounding may put others beside the ends too.
            let bin = (place.max(0.0) as usize).min(BINS - 1);
            bins[bin].count += number(&counts, 1, row);
        }
        Ok(bins)
    }

    async fn common(&self) -> Result<Vec<Common>, EngineError> {
        let some = column_of(self.index).is_not_null();
        let (groups, counts) = (vec![column_of(self.index)], vec![count(lit(1)).alias("n")]);
        let found = self.aggregated(Some(some), groups, counts, Some(COMMON_MAX)).await?;
        let Some(found) = found else { return Ok(Vec::new()) };
        let one = |row: usize| Some(Common { text: self.text(found.column(0), row)?, count: number(&found, 1, row) });
        Ok((0..found.num_rows()).filter_map(one).collect())
    }

    /// The value as a number to compute with.
    fn amount(&self) -> Expr {
        let value = column_of(self.index);
        match self.field.data_type() {
            DataType::Timestamp(..) | DataType::Duration(_) | DataType::Date64 | DataType::Time64(_) => {
                cast(cast(value, DataType::Int64), DataType::Float64)
            }
            DataType::Date32 | DataType::Time32(_) => cast(cast(value, DataType::Int32), DataType::Float64),
            _ => cast(value, DataType::Float64),
        }
    }

    /// Such a number as a value of the column.
    fn amount_text(&self, amount: f64) -> String {
        let data_type = self.field.data_type();
        let is_discrete =
            !data_type.is_floating() && !matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..));
        if !is_discrete {
            return format!("{amount}");
        }
        let whole = ScalarValue::Int64(Some(amount.ceil() as i64)).to_array_of_size(1).ok();
        let narrow = |array: ArrayRef| match data_type {
            DataType::Date32 | DataType::Time32(_) => arrow::compute::cast(&array, &DataType::Int32).ok(),
            _ => Some(array),
        };
        let value = whole.and_then(narrow).and_then(|array| arrow::compute::cast(&array, data_type).ok());
        value.and_then(|array| self.text(&array, 0)).unwrap_or_else(|| format!("{amount}"))
    }

    /// A value of the column as it is shown.
    fn text(&self, values: &ArrayRef, row: usize) -> Option<String> {
        let field = match values.data_type() == self.field.data_type() {
            true => self.field.clone().with_nullable(true),
            false => Field::new(self.field.name(), values.data_type().clone(), true),
        };
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::clone(values)]).ok()?;
        match Cells::of(&batch).get(0, row, VALUE_CHARS_MAX) {
            Cell::Null => None,
            Cell::Text { text, is_cut } => Some(visible(&text) + if is_cut { "…" } else { "" }),
        }
    }
}

/// A count, which DataFusion gives with or without a sign.
fn number(batch: &RecordBatch, column: usize, row: usize) -> u64 {
    let column = batch.column(column);
    if let Some(counts) = column.as_primitive_opt::<Int64Type>() {
        return u64::try_from(counts.value(row)).unwrap_or(0);
    }
    column.as_primitive_opt::<UInt64Type>().map_or(0, |counts| counts.value(row))
}
