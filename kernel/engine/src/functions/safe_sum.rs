//! `safe_sum`: a sum of 38 digits, where `sum` of 64-bit integers ends with an error when it does not fit (`integers`).

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::AggregateFunctionSimplification;
use datafusion::logical_expr::{Accumulator, Expr, cast as cast_expr};

use super::aggregate::AggregateFunction;
use super::arguments::{Kind, required};
use super::fault::FunctionFault;
use super::text::{FunctionText, example};

const NAME: &str = "safe_sum";
/// Digits of a 128-bit decimal.
const PRECISION: u8 = 38;
const LARGEST: i128 = 10_i128.pow(PRECISION as u32) - 1;

pub(super) static SAFE_SUM: AggregateFunction = AggregateFunction {
    text: FunctionText {
        name: NAME,
        syntax: "safe_sum(number)",
        description: "The sum of a column as a decimal of 38 digits, where sum() of 64-bit numbers is an error when it \
                      does not fit. A sum of more digits is an error. NULLs are left out; fractions of type float \
                      are added as floats.",
        examples: &[
            example("safe_sum(n) FROM (VALUES (9223372036854775807), (1)) AS t(n)", "9223372036854775808"),
            example("safe_sum(n) FROM (VALUES (0.5), (NULL)) AS t(n)", "0.5"),
        ],
    },
    arguments: &[required("number", Kind::Number)],
    returns: |given| match given.first() {
        Some(DataType::Float16 | DataType::Float32 | DataType::Float64) => DataType::Float64,
        Some(
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
            | DataType::Decimal256(_, scale),
        ) => DataType::Decimal128(PRECISION, *scale),
        _ => DataType::Decimal128(PRECISION, 0),
    },
    state: |result| vec![("sum", result.clone())],
    accumulator: |result| Box::new(Sum { result: result.clone(), decimal: 0, float: 0.0, count: 0 }),
    groups: None,
    simplify: Some(as_decimal_sum),
};

/// Sums of integers as decimals cannot overflow with any number of rows there can be, and DataFusion's own sum is
/// made for many groups.
fn as_decimal_sum() -> AggregateFunctionSimplification {
    Box::new(|mut call, context| {
        let is_integer = match call.params.args.first() {
            Some(argument) => context.get_data_type(argument)?.is_integer(),
            None => false,
        };
        if is_integer {
            let wide = DataType::Decimal128(PRECISION, 0);
            call.params.args = call.params.args.into_iter().map(|argument| cast_expr(argument, wide.clone())).collect();
            call.func = sum_udaf();
        }
        Ok(Expr::AggregateFunction(call))
    })
}

#[derive(Debug)]
struct Sum {
    result: DataType,
    decimal: i128,
    float: f64,
    count: usize,
}

impl Sum {
    fn apply(&mut self, values: &ArrayRef, is_retracted: bool) -> DataFusionResult<()> {
        // A value that does not fit must not become NULL.
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let values = cast_with_options(values, &self.result, &options)?;
        let count = values.len() - values.null_count();
        if self.result == DataType::Float64 {
            let sum: f64 = values.as_primitive::<Float64Type>().iter().flatten().sum();
            self.float += if is_retracted { -sum } else { sum };
        } else {
            for value in values.as_primitive::<Decimal128Type>().iter().flatten() {
                let sum = self.decimal.checked_add(if is_retracted { -value } else { value });
                self.decimal = sum.filter(|sum| sum.unsigned_abs() <= LARGEST.unsigned_abs()).ok_or_else(overflow)?;
            }
        }
        self.count = if is_retracted { self.count.saturating_sub(count) } else { self.count + count };
        Ok(())
    }
}

fn overflow() -> FunctionFault {
    FunctionFault::Overflow { function: NAME, reason: format!("the sum has more than {PRECISION} digits") }
}

impl Accumulator for Sum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        values.iter().try_for_each(|values| self.apply(values, false))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        self.update_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        values.iter().try_for_each(|values| self.apply(values, true))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        match self.result {
            _ if self.count == 0 => ScalarValue::try_new_null(&self.result),
            DataType::Decimal128(precision, scale) => Ok(ScalarValue::Decimal128(Some(self.decimal), precision, scale)),
            _ => Ok(ScalarValue::Float64(Some(self.float))),
        }
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
