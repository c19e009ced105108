//! A foreign function of one row's values, as DataFusion calls it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result as DataFusionResult, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::super::scalar::any_arguments;
use super::calls::{Caller, QueryCalls};
use super::{ForeignFunction, ForeignHost, ForeignStep, values};

/// What DataFusion calls.
pub(super) struct Adapter {
    function: Arc<ForeignFunction>,
    host: Arc<dyn ForeignHost>,
    /// The calls of the query in whose plan this is; `None` as SQL knows the function.
    query: Option<Arc<QueryCalls>>,
    signature: Signature,
}

impl Adapter {
    pub(super) fn new(function: Arc<ForeignFunction>, host: Arc<dyn ForeignHost>) -> Adapter {
        // A closure gives what it likes; within a query it is taken to give the same for the same.
        let signature = Signature { volatility: Volatility::Stable, ..any_arguments() };
        Adapter { function, host, query: None, signature }
    }
}

/// Whether this is a function of this kind.
pub(crate) fn is_one(udf: &ScalarUDF) -> bool {
    udf.inner().downcast_ref::<Adapter>().is_some()
}

/// How it is called.
pub(super) fn described(udf: &ScalarUDF) -> Option<String> {
    Some(udf.inner().downcast_ref::<Adapter>()?.function.signature())
}

/// The same function for the plan of a query; `None` when it is of another kind.
pub(super) fn bound(udf: &ScalarUDF, query: &Arc<QueryCalls>) -> Option<ScalarUDF> {
    let adapter = udf.inner().downcast_ref::<Adapter>()?;
    let unbound = Adapter::new(Arc::clone(&adapter.function), Arc::clone(&adapter.host));
    Some(ScalarUDF::from(Adapter { query: Some(Arc::clone(query)), ..unbound }))
}

impl ScalarUDFImpl for Adapter {
    fn name(&self) -> &str {
        &self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> DataFusionResult<DataType> {
        values::check(&self.function, given)?;
        Ok(self.function.returns.data_type())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> DataFusionResult<FieldRef> {
        let given: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        values::check(&self.function, &given)?;
        Ok(Arc::new(self.function.returns.field(self.name())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let is_constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_constant && !args.args.is_empty() { 1 } else { args.number_rows };
        let wanted = self.function.arguments.iter();
        let columns = args.args.into_iter().zip(wanted).map(|(value, wanted)| values::column(value, *wanted, rows));
        let columns = columns.collect::<DataFusionResult<Vec<ArrayRef>>>()?;
        let caller = Caller::new(&self.function, &self.host, self.query.as_ref());
        let Some(values) = caller.call(ForeignStep::Apply, rows, &columns)? else {
            return exec_err!("{} gave nothing", self.name());
        };
        match rows == 1 && is_constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?)),
            false => Ok(ColumnarValue::Array(values)),
        }
    }
}

impl std::fmt::Debug for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ForeignFunction").field(&self.function.signature()).finish()
    }
}

impl PartialEq for Adapter {
    fn eq(&self, other: &Adapter) -> bool {
        self.function == other.function
    }
}

impl Eq for Adapter {}

impl Hash for Adapter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.hash(state);
    }
}
