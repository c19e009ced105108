//! Lengths of time between two moments: their absolute value, and what they are compared with.
//!
//! `abs(a.start_time - b.start_time) < INTERVAL '5 seconds'` is how joins that are tolerant in time are written. DataFusion
//! takes the absolute value of numbers only, and compares a length with an interval as if months, days and rest were
//! digits, so that 25 hours are less than a day. Both are put right here.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNano, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result as DataFusionResult, ScalarValue, plan_err};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, ColumnarValue, Documentation, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// `abs` that also takes lengths of time; `numbers` is DataFusion's own.
pub(crate) fn abs(numbers: Arc<ScalarUDF>) -> ScalarUDF {
    let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
    let durations = units.map(|unit| TypeSignature::Exact(vec![DataType::Duration(unit)]));
    let kinds = std::iter::once(TypeSignature::Numeric(1)).chain(durations).collect();
    ScalarUDF::from(Abs { numbers, signature: Signature::one_of(kinds, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Abs {
    numbers: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for Abs {
    fn name(&self) -> &str {
        self.numbers.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DataFusionResult<DataType> {
        match types {
            [duration @ DataType::Duration(_)] => Ok(duration.clone()),
            _ => self.numbers.return_type(types),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let kind = args.args.first().map(ColumnarValue::data_type);
        let Some(kind @ DataType::Duration(_)) = kind else { return self.numbers.invoke_with_args(args) };
        let lengths = arrow::compute::cast(&args.args[0].to_array(args.number_rows)?, &DataType::Int64)?;
        let lengths = lengths.as_primitive::<Int64Type>().unary::<_, Int64Type>(i64::saturating_abs);
        Ok(ColumnarValue::Array(arrow::compute::cast(&lengths, &kind)?))
    }

    fn output_ordering(&self, input: &[ExprProperties]) -> DataFusionResult<SortProperties> {
        match input.first().map(|input| input.range.lower().data_type()) {
            Some(DataType::Duration(_)) => Ok(SortProperties::Unordered),
            _ => self.numbers.output_ordering(input),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.numbers.documentation()
    }
}

/// Makes the interval that a length of time is compared with a length too. To run before types are united.
#[derive(Debug)]
pub(crate) struct CompareDurations;

impl AnalyzerRule for CompareDurations {
    fn name(&self) -> &str {
        "compare_durations"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DataFusionResult<LogicalPlan> {
        let node = |plan: LogicalPlan| {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let compared = expr.transform_up(|expr| comparison(expr, &schema))?;
                Ok(compared.update_data(|expr| name.restore(expr)))
            })
        };
        Ok(plan.transform_up_with_subqueries(node)?.data)
    }
}

fn comparison(expr: Expr, schema: &DFSchema) -> DataFusionResult<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            let new_right = length_beside(&left, &right, schema)?;
            let new_left = length_beside(&right, &left, schema)?;
            let changed = new_left.is_some() || new_right.is_some();
            let (left, right) = (new_left.map_or(left, Box::new), new_right.map_or(right, Box::new));
            Ok(Transformed::new_transformed(Expr::BinaryExpr(BinaryExpr::new(left, op, right)), changed))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let (new_low, new_high) = (length_beside(&expr, &low, schema)?, length_beside(&expr, &high, schema)?);
            let changed = new_low.is_some() || new_high.is_some();
            let (low, high) = (new_low.map_or(low, Box::new), new_high.map_or(high, Box::new));
            Ok(Transformed::new_transformed(Expr::Between(Between::new(expr, negated, low, high)), changed))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// A constant interval as a length, where what it is compared with is one.
fn length_beside(compared: &Expr, interval: &Expr, schema: &DFSchema) -> DataFusionResult<Option<Expr>> {
    let Expr::Literal(ScalarValue::IntervalMonthDayNano(interval), metadata) = interval else { return Ok(None) };
    if !matches!(compared.get_type(schema), Ok(DataType::Duration(_))) {
        return Ok(None);
    }
    let length = interval.map(nanos).transpose()?;
    Ok(Some(Expr::Literal(ScalarValue::DurationNanosecond(length), metadata.clone())))
}

fn nanos(interval: IntervalMonthDayNano) -> DataFusionResult<i64> {
    if interval.months != 0 {
        return plan_err!(
            "a length of time cannot be compared with months or years, which have no fixed length; write days"
        );
    }
    let days = i64::from(interval.days).checked_mul(DAY_NANOS);
    match days.and_then(|days| days.checked_add(interval.nanoseconds)) {
        Some(nanos) => Ok(nanos),
        None => plan_err!("an interval of {} days is too long to compare with", interval.days),
    }
}
