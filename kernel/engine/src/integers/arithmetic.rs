//! `+`, `-` and `*` of whole numbers as calls that fail when the result does not fit.
//!
//! What is narrower than 64 bits and unsigned (ports, protocols, flags) is computed in 64, and a difference of counts may
//! be below zero: `bytes - rev_bytes` is a signed number. DataFusion computes other pairs (`bytes - 1`) as decimals.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Datum, Int64Array, new_null_array};
use arrow::compute::kernels::arity::try_binary;
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result as DataFusionResult, ScalarValue, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;

use crate::functions::FunctionFault;

/// How Arrow's errors of this kind begin; what follows is the operation.
const OVERFLOW_PREFIX: &str = "Overflow happened on: ";

/// Puts the checked operators in the place of the others. To run before types are united.
#[derive(Debug)]
pub(crate) struct CheckIntegers;

impl AnalyzerRule for CheckIntegers {
    fn name(&self) -> &str {
        "check_integers"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DataFusionResult<LogicalPlan> {
        let node = |plan: LogicalPlan| {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            let checked = plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let checked = expr.transform_up(|expr| operation(expr, &schema))?;
                Ok(checked.update_data(|expr| name.restore(expr)))
            })?;
            // A difference below has another type than it had.
            checked.map_data(LogicalPlan::recompute_schema)
        };
        Ok(plan.transform_up_with_subqueries(node)?.data)
    }
}

fn operation(expr: Expr, schema: &DFSchema) -> DataFusionResult<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let kinds = (left.get_type(schema), right.get_type(schema));
            let is_checked = matches!(&kinds, (Ok(left), Ok(right)) if Checked::new(op).kinds(left, right).is_some());
            if !is_checked {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            }
            Ok(Transformed::yes(call(*left, op, *right)))
        }
        Expr::Negative(inner) => match (&*inner, inner.get_type(schema)) {
            (Expr::Literal(number, _), _) if number.arithmetic_negate().is_ok() => {
                Ok(Transformed::no(Expr::Negative(inner)))
            }
            (_, Ok(kind)) if kind.is_signed_integer() => {
                let zero = Expr::Literal(ScalarValue::new_zero(&kind)?, None);
                Ok(Transformed::yes(call(zero, Operator::Minus, *inner)))
            }
            _ => Ok(Transformed::no(Expr::Negative(inner))),
        },
        other => Ok(Transformed::no(other)),
    }
}

fn call(left: Expr, operator: Operator, right: Expr) -> Expr {
    let function = Arc::new(ScalarUDF::from(Checked::new(operator)));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![left, right]))
}

/// One of the operators.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operator: Operator,
    signature: Signature,
}

/// Of what type the numbers are taken, and of what the result is.
struct Kinds {
    operand: DataType,
    result: DataType,
}

impl Checked {
    fn new(operator: Operator) -> Checked {
        Checked { operator, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// `None` where DataFusion's operator cannot overflow silently.
    fn kinds(&self, left: &DataType, right: &DataType) -> Option<Kinds> {
        let is_ours = matches!(self.operator, Operator::Plus | Operator::Minus | Operator::Multiply);
        if !is_ours || !left.is_integer() || !right.is_integer() {
            return None;
        }
        let same = |kind: DataType| Some(Kinds { operand: kind.clone(), result: kind });
        let has_wide = [left, right].contains(&&DataType::UInt64);
        match (left.is_unsigned_integer(), right.is_unsigned_integer()) {
            (true, true) if has_wide && self.operator == Operator::Minus => {
                Some(Kinds { operand: DataType::UInt64, result: DataType::Int64 })
            }
            (true, true) if has_wide => same(DataType::UInt64),
            (false, false) => same(widest(left, right).clone()),
            // DataFusion takes decimals, which hold them all.
            _ if has_wide => None,
            _ => same(DataType::Int64),
        }
    }

    fn compute(&self, left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef, ArrowError> {
        let kind = left.get().0.data_type();
        let result = match self.operator {
            Operator::Plus => numeric::add(left, right),
            Operator::Multiply => numeric::mul(left, right),
            _ if kind == &DataType::UInt64 => difference(left, right),
            _ => numeric::sub(left, right),
        };
        result.map_err(|fault| match fault {
            ArrowError::ArithmeticOverflow(text) => ArrowError::ExternalError(Box::new(FunctionFault::Integer {
                what: text.strip_prefix(OVERFLOW_PREFIX).unwrap_or(&text).to_owned(),
                bits: kind.primitive_width().map_or(64, |bytes| bytes * 8),
            })),
            other => other,
        })
    }
}

/// Of two signed types.
fn widest<'a>(left: &'a DataType, right: &'a DataType) -> &'a DataType {
    if left.primitive_width() >= right.primitive_width() { left } else { right }
}

fn difference(left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef, ArrowError> {
    let ((left, left_is_one), (right, right_is_one)) = (left.get(), right.get());
    let (left, right) = (left.as_primitive::<UInt64Type>(), right.as_primitive::<UInt64Type>());
    let minus = |left: u64, right: u64| {
        let exact = i128::from(left) - i128::from(right);
        i64::try_from(exact).map_err(|_| ArrowError::ArithmeticOverflow(format!("{left} - {right}")))
    };
    let differences: Int64Array = match (left_is_one, right_is_one) {
        (true, false) if left.is_null(0) => return Ok(new_null_array(&DataType::Int64, right.len())),
        (false, true) if right.is_null(0) => return Ok(new_null_array(&DataType::Int64, left.len())),
        (true, false) => right.try_unary::<_, Int64Type, _>(|value| minus(left.value(0), value))?,
        (false, true) => left.try_unary::<_, Int64Type, _>(|value| minus(value, right.value(0)))?,
        _ => try_binary(left, right, minus)?,
    };
    Ok(Arc::new(differences))
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.operator {
            Operator::Plus => "checked_add",
            Operator::Minus => "checked_subtract",
            _ => "checked_multiply",
        }
    }

    fn display_name(&self, args: &[Expr]) -> DataFusionResult<String> {
        let [left, right] = args else { return plan_err!("{} takes two numbers", self.name()) };
        Ok(format!("{left} {} {right}", self.operator))
    }

    fn schema_name(&self, args: &[Expr]) -> DataFusionResult<String> {
        let [left, right] = args else { return plan_err!("{} takes two numbers", self.name()) };
        Ok(format!("{} {} {}", left.schema_name(), self.operator, right.schema_name()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        match given {
            [left, right] => match self.kinds(left, right) {
                Some(kinds) => Ok(vec![kinds.operand.clone(), kinds.operand]),
                None => plan_err!("{} does not take {left} and {right}", self.name()),
            },
            _ => plan_err!("{} takes two numbers", self.name()),
        }
    }

    fn return_type(&self, given: &[DataType]) -> DataFusionResult<DataType> {
        match given {
            [left, right] => match self.kinds(left, right) {
                Some(kinds) => Ok(kinds.result),
                None => plan_err!("{} does not take {left} and {right}", self.name()),
            },
            _ => plan_err!("{} takes two numbers", self.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        match args.args.as_slice() {
            [left, right] => apply(left, right, |left, right| self.compute(left, right)),
            _ => plan_err!("{} takes two numbers", self.name()),
        }
    }
}
