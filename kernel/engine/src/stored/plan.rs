//! From a checked request to the numbers of its rows, by a plan of DataFusion built of expressions.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, TimeUnit, UInt32Type};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::functions::math::expr_fn::isnan;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, lit, when};
use datafusion::prelude::{DataFrame, SessionContext};
use flow_source::is_ip_field;
use tokio_util::sync::CancellationToken;

use super::fault::StoredFault;
use super::request::{ColumnFilter, Condition, SortKey, ViewRequest};
use super::rows::{self, column, row_number};
use super::text_match::TextMatch;
use super::{ColumnKind, StoredResult, kind_of};
use crate::engine::field_type_text;
use crate::error::EngineError;
use crate::functions::ip_list;
use crate::render::visible;

/// The numbers of the rows that a request asks for, in its order.
pub(super) async fn row_numbers(
    stored: &StoredResult,
    request: &ViewRequest,
    cancel: CancellationToken,
) -> Result<Vec<u32>, EngineError> {
    let engine = &stored.0.engine;
    let condition = condition(stored, request)?;
    let mut order: Vec<_> = request.sort.iter().map(|key| sort_key(stored, key)).collect();
    // Last of all the order of the query: the same request always gives the same view.
    order.push(row_number().sort(true, false));
    let source = stored.clone();
    let build = move |context: &SessionContext| -> DataFusionResult<DataFrame> {
        let mut frame = filtered(context, &source, condition)?;
        frame = frame.sort(order)?;
        frame.select(vec![row_number()])
    };
    let numbers = engine.run_frame(build, cancel).await?;
    let mut rows = Vec::with_capacity(numbers.row_count);
    for batch in &numbers.batches {
        rows.extend_from_slice(batch.column(0).as_primitive::<UInt32Type>().values());
    }
    Ok(rows)
}

/// The rows for which a condition holds, as a frame to go on with.
pub(crate) fn filtered(
    context: &SessionContext,
    stored: &StoredResult,
    condition: Option<Expr>,
) -> DataFusionResult<DataFrame> {
    let part_count = context.state().config().target_partitions();
    let frame = context.read_table(rows::table(stored, part_count)?)?;
    match condition {
        Some(condition) => frame.filter(condition),
        None => Ok(frame),
    }
}

/// The filters and the search of a request as one expression.
pub(super) fn condition(stored: &StoredResult, request: &ViewRequest) -> Result<Option<Expr>, EngineError> {
    let mut all = request.filters.iter().map(|filter| one(stored, filter)).collect::<Result<Vec<_>, _>>()?;
    if !request.search.is_empty() {
        let columns = (0..stored.result().schema.fields().len()).map(column).collect();
        all.push(call(TextMatch::contains(&request.search)?, columns));
    }
    Ok(all.into_iter().reduce(Expr::and))
}

fn one(stored: &StoredResult, filter: &ColumnFilter) -> Result<Expr, EngineError> {
    let value = column(filter.column);
    let holds = match &filter.condition {
        Condition::Contains { text } => call(TextMatch::contains(text)?, vec![value]),
        Condition::Equals { text } => call(TextMatch::equals(text)?, vec![value]),
        Condition::Matches { pattern } => call(TextMatch::pattern(pattern)?, vec![value]),
        Condition::Within { list } => within(stored, value, list)?,
        Condition::Between { min, max } => between(stored, filter.column, min.as_deref(), max.as_deref())?,
        Condition::Null => value.is_null(),
    };
    Ok(if filter.negate { holds.is_not_true() } else { holds })
}

fn call(matching: TextMatch, arguments: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(matching.into_udf(), arguments))
}

fn within(stored: &StoredResult, value: Expr, list: &str) -> Result<Expr, EngineError> {
    // Refused here with what is wrong in it, and not by the plan.
    ip_list::parse_ip_list(list).map_err(|fault| StoredFault::AddressList { reason: fault.to_string() })?;
    let state = stored.0.engine.context().state();
    let ip_in = state.scalar_functions().get("ip_in").cloned();
    let ip_in = ip_in.ok_or_else(|| EngineError::internal("the function ip_in is not there"))?;
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(ip_in, vec![value, lit(list)])))
}

fn between(stored: &StoredResult, index: usize, min: Option<&str>, max: Option<&str>) -> Result<Expr, EngineError> {
    let field = stored.result().schema.field(index);
    let kind = kind_of(field);
    let given = |text: &&str| !text.trim().is_empty();
    let bound = |text: &str| {
        if is_ip_field(field) {
            // An address or a network, read where it meets the column.
            return Ok(ScalarValue::from(text.trim()));
        }
        bound_value(text.trim(), plain_type(field.data_type()), kind).ok_or_else(|| StoredFault::BadBound {
            text: visible(text),
            column: visible(field.name()),
            type_text: field_type_text(field),
        })
    };
    let mut ends = Vec::new();
    if let Some(min) = min.filter(given) {
        ends.push(column(index).gt_eq(Expr::Literal(bound(min)?, None)));
    }
    if let Some(max) = max.filter(given) {
        ends.push(column(index).lt_eq(Expr::Literal(bound(max)?, None)));
    }
    Ok(ends.into_iter().reduce(Expr::and).unwrap_or_else(|| column(index).is_not_null()))
}

/// The end of a range: exact where it is a value of the column's type; a fraction for a column of integers.
fn bound_value(text: &str, data_type: &DataType, kind: ColumnKind) -> Option<ScalarValue> {
    if kind == ColumnKind::Duration {
        return duration_value(text, data_type);
    }
    let exact = ScalarValue::try_from_string(text.to_owned(), data_type).ok().filter(|value| !value.is_null());
    let number = || text.parse::<f64>().ok().filter(|number| number.is_finite());
    match kind {
        ColumnKind::Number => exact.or_else(|| Some(ScalarValue::Float64(Some(number()?)))),
        _ => exact,
    }
}

/// Durations are given in seconds.
fn duration_value(text: &str, data_type: &DataType) -> Option<ScalarValue> {
    let seconds: f64 = text.parse().ok().filter(|seconds: &f64| seconds.is_finite())?;
    let DataType::Duration(unit) = data_type else { return None };
    let in_unit = |per_second: f64| Some((seconds * per_second) as i64);
    Some(match unit {
        TimeUnit::Second => ScalarValue::DurationSecond(in_unit(1.0)),
        TimeUnit::Millisecond => ScalarValue::DurationMillisecond(in_unit(1e3)),
        TimeUnit::Microsecond => ScalarValue::DurationMicrosecond(in_unit(1e6)),
        TimeUnit::Nanosecond => ScalarValue::DurationNanosecond(in_unit(1e9)),
    })
}

fn plain_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain_type(values),
        DataType::RunEndEncoded(_, values) => plain_type(values.data_type()),
        other => other,
    }
}

fn sort_key(stored: &StoredResult, key: &SortKey) -> datafusion::logical_expr::SortExpr {
    let value = column(key.column);
    let is_float = plain_type(stored.result().schema.field(key.column).data_type()).is_floating();
    // NaN counts as the greatest number; nobody who looks for the maximum means it.
    let value = match is_float {
        true => when(isnan(value.clone()), lit(ScalarValue::Null)).otherwise(value.clone()).unwrap_or(value),
        false => value,
    };
    value.sort(!key.descending, false)
}
