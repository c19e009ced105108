//! A comparison with an address that stands in a plan until it is known what the other side is.
//!
//! DataFusion refuses to plan `src_ip = '10.0.0.0/8'`, and the value of `$src` is known only later. So the planner
//! puts this in place of the comparison and `resolve` replaces it before anything runs.

use arrow::datatypes::DataType;
use datafusion::common::{Result as DataFusionResult, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::range::binary;

/// `left operator right`, of which one is an address.
pub(crate) fn comparison(left: Expr, operator: Operator, right: Expr) -> Expr {
    let comparison = Comparison { operator, signature: Signature::any(2, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(ScalarUDF::from(comparison).into(), vec![left, right]))
}

/// The operator of a comparison that was put off.
pub(crate) fn operator_of(function: &ScalarFunction) -> Option<Operator> {
    function.func.inner().downcast_ref::<Comparison>().map(|comparison| comparison.operator)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Comparison {
    operator: Operator,
    signature: Signature,
}

impl ScalarUDFImpl for Comparison {
    fn name(&self) -> &str {
        "ip_comparison"
    }

    /// As the comparison would be called, so that columns keep the names that analysts expect.
    fn schema_name(&self, args: &[Expr]) -> DataFusionResult<String> {
        let [left, right] = args else { return internal_err!("a comparison of {} values", args.len()) };
        Ok(binary(left.clone(), self.operator, right.clone()).schema_name().to_string())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        internal_err!("a comparison with an address was not resolved")
    }
}
