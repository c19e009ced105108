//! Questions about the rows of a result that plots ask DataFusion: extents, sums by group, the greatest groups.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast as cast_array, concat_batches};
use arrow::datatypes::{DataType, Field, Float64Type, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::common::metadata::FieldMetadata;
use datafusion::functions_aggregate::expr_fn::{avg, count, max, min, sum};
use datafusion::logical_expr::conditional_expressions::CaseBuilder;
use datafusion::logical_expr::{Expr, SortExpr, cast, col, lit};
use datafusion::prelude::{DataFrame, SessionContext};
use tokio_util::sync::CancellationToken;

use super::chart::{Axis, Scale};
use super::columns::{Columns, is_duration, is_time, plain};
use super::{Aggregate, NAME_CHARS_MAX, PlotRequest, name_text};
use crate::error::EngineError;
use crate::render::cell::{Cell, Cells};
use crate::stored::StoredResult;
use crate::stored::plan::filtered;
use crate::stored::rows::column as column_of;

/// The name of what is not among the greatest groups.
pub(super) const OTHER: &str = "other";
/// The name of a group of rows without a value.
const NO_VALUE: &str = "NULL";
/// Numbers beyond this are not drawn: their differences and sums might be infinite.
const AMOUNT_MAX: f64 = 1e300;
/// The aggregate, in the answers of [`Look::rows`].
const AMOUNT: &str = "amount";

/// One plot, while its rows are looked at.
pub(super) struct Look<'a> {
    pub(super) stored: &'a StoredResult,
    pub(super) request: &'a PlotRequest,
    pub(super) cancel: CancellationToken,
}

/// The ends of a column's values, in the unit of its axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) least: f64,
    pub(super) greatest: f64,
    /// Rows that have a value.
    pub(super) row_count: usize,
}

impl Extent {
    pub(super) fn span(&self) -> f64 {
        self.greatest - self.least
    }
}

/// The greatest values of a column, by an amount.
#[derive(Debug, Default)]
pub(super) struct Groups {
    column: usize,
    values: Vec<Expr>,
    /// What they are called; the last is [`OTHER`] if there are more.
    pub(super) names: Vec<String>,
    has_other: bool,
}

impl Groups {
    /// All rows as one group without a name.
    pub(super) fn one() -> Groups {
        Groups { names: vec![String::new()], ..Groups::default() }
    }

    /// The number of the group that a row belongs to.
    pub(super) fn place(&self) -> Expr {
        let number = |index: usize| lit(index as i64);
        let of = |value: &Expr| match value {
            Expr::Literal(value, _) if value.is_null() => column_of(self.column).is_null(),
            value => column_of(self.column).eq(value.clone()),
        };
        let pairs = self.values.iter().enumerate().map(|(index, value)| (of(value), number(index)));
        let (conditions, places): (Vec<Expr>, Vec<Expr>) = pairs.unzip();
        if conditions.is_empty() {
            return number(0);
        }
        CaseBuilder::new(None, conditions, places, Some(Box::new(number(self.values.len())))).end().unwrap_or(number(0))
    }

    /// "the 7 greatest values of dst_port, the rest as “other”"; nothing where all are there.
    pub(super) fn note(&self, name: &str) -> Option<String> {
        let count = self.values.len();
        self.has_other.then(|| format!("the {count} greatest values of {name}, the rest as “{OTHER}”"))
    }
}

impl Look<'_> {
    pub(super) fn columns(&self) -> Columns {
        let PlotRequest { x, y, by, value, end, .. } = self.request;
        Columns::new(&self.stored.result().schema, &[x, y, by, value, end])
    }

    pub(super) fn field(&self, index: usize) -> &Field {
        self.stored.result().schema.field(index)
    }

    /// The own name of a column.
    pub(super) fn column(&self, index: usize) -> Option<String> {
        Some(self.field(index).name().clone())
    }

    /// What a column is called.
    pub(super) fn name(&self, index: usize) -> String {
        name_text(self.field(index).name(), NAME_CHARS_MAX)
    }

    /// What `aggregates` give over the rows for which `condition` holds, for each group; one batch.
    pub(super) async fn rows(
        &self,
        condition: Option<Expr>,
        groups: Vec<Expr>,
        aggregates: Vec<Expr>,
        greatest: Option<(Vec<SortExpr>, usize)>,
    ) -> Result<RecordBatch, EngineError> {
        let build = move |frame: DataFrame| {
            let frame = frame.aggregate(groups, aggregates)?;
            let Some((order, limit)) = greatest else { return Ok(frame) };
            frame.sort(order)?.limit(0, Some(limit))
        };
        self.frame(condition, build).await
    }

    /// What `build` makes of the rows for which `condition` holds; one batch.
    pub(super) async fn frame<F>(&self, condition: Option<Expr>, build: F) -> Result<RecordBatch, EngineError>
    where
        F: FnOnce(DataFrame) -> datafusion::common::Result<DataFrame> + Send + 'static,
    {
        let stored = self.stored.clone();
        let run = move |context: &SessionContext| build(filtered(context, &stored, condition)?);
        let result = self.stored.engine().run_frame(run, self.cancel.clone()).await?;
        let all = concat_batches(&result.schema, &result.batches);
        all.map_err(|fault| EngineError::internal(format!("a plot cannot be put together: {fault}")))
    }

    /// The value of a column as a number: times in milliseconds since 1970, durations in seconds.
    pub(super) fn amount(&self, index: usize) -> Expr {
        let data_type = plain(self.field(index).data_type());
        let whole = || cast(cast(column_of(index), DataType::Int64), DataType::Float64);
        match data_type {
            DataType::Timestamp(unit, _) => whole() * lit(1e3 / per_second(*unit)),
            DataType::Duration(unit) => whole() * lit(1.0 / per_second(*unit)),
            DataType::Date64 => whole(),
            DataType::Date32 => cast(cast(column_of(index), DataType::Int32), DataType::Float64) * lit(86_400_000.0),
            _ => cast(column_of(index), DataType::Float64),
        }
    }

    /// Whether a row has a value in this column that can be drawn: no NULL, no NaN, nothing infinite.
    pub(super) fn is_drawn(&self, index: usize) -> Expr {
        let amount = || self.amount(index);
        amount().gt_eq(lit(-AMOUNT_MAX)).and(amount().lt_eq(lit(AMOUNT_MAX)))
    }

    /// As [`Look::is_drawn`]; above zero if the axis is logarithmic.
    pub(super) fn is_drawn_on(&self, index: usize, log: bool) -> Expr {
        let drawn = self.is_drawn(index);
        if log { drawn.and(self.amount(index).gt(lit(0.0))) } else { drawn }
    }

    /// What becomes of the amounts of several rows.
    pub(super) fn aggregate(&self, amount: Option<usize>) -> Aggregate {
        match amount {
            None => Aggregate::Count,
            Some(_) => self.request.aggregate.unwrap_or(Aggregate::Sum),
        }
    }

    /// Whether rows are counted, whatever columns there are.
    pub(super) fn counts(&self) -> bool {
        self.request.aggregate == Some(Aggregate::Count)
    }

    /// That as an expression.
    pub(super) fn aggregated(&self, amount: Option<usize>) -> Expr {
        let value = || amount.map_or(lit(1.0), |index| self.amount(index));
        let expression = match self.aggregate(amount) {
            Aggregate::Count => cast(count(lit(1)), DataType::Float64),
            Aggregate::Sum => sum(value()),
            Aggregate::Average => avg(value()),
            Aggregate::Least => min(value()),
            Aggregate::Greatest => max(value()),
        };
        expression.alias(AMOUNT)
    }

    /// The axis of an aggregate: "sum of bytes (B)".
    pub(super) fn amount_axis(&self, amount: Option<usize>) -> Axis {
        let label = match amount {
            None => "rows".into(),
            Some(index) => format!("{} of {}", self.aggregate(amount).name(), self.label(index)),
        };
        Axis { label, scale: if self.request.log { Scale::Log } else { Scale::Linear }, column: None }
    }

    /// The axis of a column's own values.
    pub(super) fn axis(&self, index: usize, log: bool) -> Axis {
        let scale = match is_time(self.field(index)) {
            true => Scale::Time,
            false if log => Scale::Log,
            false => Scale::Linear,
        };
        let label = match scale {
            Scale::Time => format!("{} (UTC)", self.name(index)),
            _ => self.label(index),
        };
        Axis { label, scale, column: self.column(index) }
    }

    fn label(&self, index: usize) -> String {
        let name = self.name(index);
        let unit = match &self.request.unit {
            Some(unit) => Some(name_text(unit, NAME_CHARS_MAX)),
            None if is_duration(self.field(index)) => Some("s".into()),
            None => unit_of(&name).map(str::to_owned),
        };
        unit.map_or(name.clone(), |unit| format!("{name} ({unit})"))
    }

    /// The ends of a column's values; `None` when it has none.
    pub(super) async fn extent(&self, index: usize, condition: &Expr) -> Result<Option<Extent>, EngineError> {
        let ends = vec![min(self.amount(index)), max(self.amount(index)), cast(count(lit(1)), DataType::Float64)];
        let ends = self.rows(Some(condition.clone()), Vec::new(), ends, None).await?;
        let end = |column: usize| number(&ends, column, 0);
        let (Some(least), Some(greatest), Some(count)) = (end(0), end(1), end(2)) else { return Ok(None) };
        Ok(Some(Extent { least, greatest, row_count: count as usize }))
    }

    /// The values of a column with the greatest amounts.
    pub(super) async fn groups(
        &self,
        index: usize,
        amount: Option<usize>,
        condition: &Expr,
        count_max: usize,
    ) -> Result<Groups, EngineError> {
        // Of equal amounts the lesser value first: the same rows always give the same plot.
        let order = vec![col(AMOUNT).sort(false, false), col("value").sort(true, true)];
        let limit = Some((order, count_max + 1));
        let (groups, amounts) = (vec![column_of(index).alias("value")], vec![self.aggregated(amount)]);
        let found = self.rows(Some(condition.clone()), groups, amounts, limit).await?;
        let has_other = found.num_rows() > count_max;
        let found = found.slice(0, found.num_rows().min(count_max));
        let mut names = self.names(index, &found)?;
        let metadata = Some(FieldMetadata::from(self.field(index))).filter(|metadata| !metadata.is_empty());
        let value = |row: usize| {
            let value = ScalarValue::try_from_array(found.column(0), row);
            value.map(|value| Expr::Literal(value, metadata.clone()))
        };
        let values = (0..found.num_rows()).map(value).collect::<Result<Vec<_>, _>>();
        let values = values.map_err(|fault| EngineError::internal(format!("a group has no value: {fault}")))?;
        if has_other {
            names.push(OTHER.into());
        }
        Ok(Groups { column: index, values, names, has_other })
    }

    /// What the values in the first column of an answer are called. No two have one name.
    fn names(&self, index: usize, found: &RecordBatch) -> Result<Vec<String>, EngineError> {
        let field = self.field(index).clone().with_nullable(true);
        let schema = std::sync::Arc::new(arrow::datatypes::Schema::new(vec![field]));
        let values = cast_array(found.column(0), self.field(index).data_type());
        let values = values.and_then(|values| RecordBatch::try_new(schema, vec![values]));
        let values = values.map_err(|fault| EngineError::internal(format!("a group has no name: {fault}")))?;
        let cells = Cells::of(&values);
        let mut names: Vec<String> = Vec::new();
        for row in 0..values.num_rows() {
            let name = match cells.get(0, row, NAME_CHARS_MAX + 1) {
                Cell::Null => NO_VALUE.to_owned(),
                Cell::Text { text, .. } if text.is_empty() => "(empty)".to_owned(),
                Cell::Text { text, .. } => name_text(&text, NAME_CHARS_MAX),
            };
            names.push(distinct(&names, name));
        }
        Ok(names)
    }
}

/// Names that are cut may become the same, and a value may be called "other" or "NULL" itself.
fn distinct(names: &[String], name: String) -> String {
    let is_taken = |name: &String| name == OTHER || names.contains(name);
    if !is_taken(&name) {
        return name;
    }
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    numbered.into_iter().find(|name| !is_taken(name)).unwrap_or(name)
}

fn per_second(unit: TimeUnit) -> f64 {
    match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    }
}

/// The unit that the name of a column tells.
fn unit_of(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let ends = |end: &str| name == end || name.ends_with(&format!("_{end}"));
    match () {
        () if ends("bytes") || ends("octets") => Some("B"),
        () if ends("ms") => Some("ms"),
        () if ends("seconds") || ends("s") => Some("s"),
        () if ends("bps") => Some("bit/s"),
        () => None,
    }
}

/// A number of an answer; `None` for NULL and what cannot be drawn.
pub(super) fn number(batch: &RecordBatch, column: usize, row: usize) -> Option<f64> {
    let column = batch.column(column).as_primitive_opt::<Float64Type>()?;
    let is_there = row < column.len() && column.is_valid(row);
    is_there.then(|| column.value(row)).filter(|number| number.is_finite())
}

/// The number of a group, see [`Groups::place`].
pub(super) fn group(batch: &RecordBatch, column: usize, row: usize) -> usize {
    let column = batch.column(column).as_primitive_opt::<arrow::datatypes::Int64Type>();
    column.map_or(0, |groups| usize::try_from(groups.value(row)).unwrap_or(0))
}
