//! Scalar functions: from a description in this folder to what DataFusion calls.
//!
//! Types are checked here and not by DataFusion, whose texts name its own type classes.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::{DataFusionError, Result as DataFusionResult, ScalarValue, internal_err};
use datafusion::logical_expr::expr::ScalarFunction as Call;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use flow_source::IpType;

use super::arguments::{Argument, Arguments, checked_types};
use super::fault::FunctionFault;
use super::ip_list::IpList;
use super::setup::Setup;
use super::text::FunctionText;

/// A scalar function of ours.
pub(crate) struct ScalarFunction {
    pub(crate) text: FunctionText,
    pub(crate) arguments: &'static [Argument],
    pub(crate) returns: Returns,
    /// One value per row.
    pub(crate) body: fn(&Arguments) -> Result<ArrayRef, FunctionFault>,
    /// Called once while a query is planned, with those arguments that are constants.
    pub(crate) prepare: Option<Prepare>,
}

/// From the arguments, `None` where one is no constant, to what need not be computed again; `None` when nothing.
pub(crate) type Prepare = fn(&[Option<&ScalarValue>]) -> Result<Option<Prepared>, FunctionFault>;

/// The type of the result.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Returns {
    Address,
    Boolean,
    Text,
    Integer,
    Number,
    /// Several values with names.
    Struct(fn() -> DataType),
    /// A timestamp in the zone of the argument with this index.
    TimestampLike(usize),
}

/// What was computed from constants, once per query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Prepared {
    IpList(Arc<IpList>),
    /// The call's value, whatever the other arguments are.
    Value(ScalarValue),
}

impl ScalarFunction {
    pub(crate) fn to_udf(&'static self, setup: &Arc<Setup>) -> ScalarUDF {
        ScalarUDF::from(Adapter::new(self, setup, None))
    }
}

/// What DataFusion calls.
struct Adapter {
    function: &'static ScalarFunction,
    setup: Arc<Setup>,
    prepared: Option<Prepared>,
    signature: Signature,
}

impl Adapter {
    fn new(function: &'static ScalarFunction, setup: &Arc<Setup>, prepared: Option<Prepared>) -> Adapter {
        Adapter { function, setup: Arc::clone(setup), prepared, signature: any_arguments() }
    }

    fn checked(&self, given: &[&DataType]) -> DataFusionResult<DataType> {
        let types = checked_types(&self.function.text, self.function.arguments, given)?;
        Ok(match self.function.returns {
            Returns::Address => flow_source::ip_type(),
            Returns::Text => DataType::Utf8View,
            Returns::Boolean => DataType::Boolean,
            Returns::Integer => DataType::Int64,
            Returns::Number => DataType::Float64,
            Returns::Struct(data_type) => data_type(),
            Returns::TimestampLike(index) => match types.into_iter().nth(index) {
                Some(like @ DataType::Timestamp(..)) => like,
                _ => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            },
        })
    }
}

impl Adapter {
    fn simplified(&self, args: Vec<Expr>) -> DataFusionResult<ExprSimplifyResult> {
        let Some(prepare) = self.function.prepare.filter(|_| self.prepared.is_none()) else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        let constants: Vec<Option<&ScalarValue>> = args.iter().map(constant).collect();
        Ok(match prepare(&constants).map_err(DataFusionError::from)? {
            None => ExprSimplifyResult::Original(args),
            Some(Prepared::Value(value)) => ExprSimplifyResult::Simplified(Expr::Literal(value, None)),
            Some(prepared) => {
                let udf = Arc::new(ScalarUDF::from(Adapter::new(self.function, &self.setup, Some(prepared))));
                ExprSimplifyResult::Simplified(Expr::ScalarFunction(Call::new_udf(udf, args)))
            }
        })
    }
}

impl ScalarUDFImpl for Adapter {
    fn name(&self) -> &str {
        self.function.text.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DataFusionResult<DataType> {
        self.checked(&types.iter().collect::<Vec<_>>())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        let types: Vec<&DataType> = args.arg_fields.iter().map(|field| field.data_type()).collect();
        let field = Field::new(self.name(), self.checked(&types)?, true);
        Ok(Arc::new(match self.function.returns {
            Returns::Address => field.with_extension_type(IpType),
            _ => field,
        }))
    }

    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> DataFusionResult<ExprSimplifyResult> {
        self.simplified(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let (function, row_count) = (self.function, args.number_rows);
        let arguments = Arguments::new(function, args.args, row_count, &self.setup, self.prepared.as_ref())?;
        let values = (function.body)(&arguments)?;
        if arguments.is_constant() {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?));
        }
        Ok(ColumnarValue::Array(values))
    }
}

/// A call of one of our functions with what can be computed now.
pub(crate) fn prepared(function: &Arc<ScalarUDF>, args: Vec<Expr>) -> DataFusionResult<Expr> {
    let Some(adapter) = function.inner().downcast_ref::<Adapter>() else {
        return internal_err!("{} is none of our functions", function.name());
    };
    Ok(match adapter.simplified(args)? {
        ExprSimplifyResult::Simplified(call) => call,
        ExprSimplifyResult::Original(args) => Expr::ScalarFunction(Call::new_udf(Arc::clone(function), args)),
    })
}

/// Whether a call was made by [`prepared`] or while a plan was simplified.
pub(crate) fn is_prepared(function: &ScalarUDF) -> bool {
    function.inner().downcast_ref::<Adapter>().is_some_and(|adapter| adapter.prepared.is_some())
}

/// The ranges of addresses for which a call is true: that of `ip_in` with a list that is known.
pub(crate) fn ranges_of(call: &Call) -> Option<Vec<(u128, u128)>> {
    match &call.func.inner().downcast_ref::<Adapter>()?.prepared {
        Some(Prepared::IpList(list)) => Some(list.ranges()),
        _ => None,
    }
}

/// A signature that leaves all checks to us.
pub(super) fn any_arguments() -> Signature {
    let anything = TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]);
    Signature::new(anything, Volatility::Immutable)
}

fn constant(argument: &Expr) -> Option<&ScalarValue> {
    match argument {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

impl std::fmt::Debug for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ScalarFunction").field(&self.function.text.name).field(&self.prepared).finish()
    }
}

impl PartialEq for Adapter {
    fn eq(&self, other: &Adapter) -> bool {
        self.function.text.name == other.function.text.name && self.prepared == other.prepared
    }
}

impl Eq for Adapter {}

impl Hash for Adapter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.function.text.name, &self.prepared).hash(state);
    }
}
