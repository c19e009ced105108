//! DataFusion's functions of text, so that the planner lets them be given addresses.
//!
//! The wrapper only answers what types come out; [`super::ResolveAddresses`] takes it off and makes text of the
//! addresses before anything runs.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result as DataFusionResult, internal_err};
use datafusion::functions::{core, crypto, regex, string, unicode};
use datafusion::functions_aggregate::string_agg::string_agg_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::type_coercion::functions::{UDFCoercionExt, fields_with_udf};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::prelude::SessionContext;
use flow_source::ip_field;

use super::may_be_address;

/// Functions whose value is one of those they are given.
pub(super) const KEEP_ADDRESSES: &[&str] = &["coalesce", "nullif", "nvl", "ifnull", "nvl2", "greatest", "least"];

/// Puts the wrapped functions in the place of DataFusion's.
pub(crate) fn register_text_functions(context: &SessionContext) {
    let on_text = [string::functions(), unicode::functions(), regex::functions(), crypto::functions()];
    let keeping = core::functions().into_iter().filter(|function| KEEP_ADDRESSES.contains(&function.name()));
    for inner in on_text.into_iter().flatten().chain(keeping) {
        let signature = Signature::user_defined(inner.signature().volatility);
        context.register_udf(ScalarUDF::from(Wrapper { inner, signature }));
    }
    let inner = string_agg_udaf();
    let signature = Signature::user_defined(inner.signature().volatility);
    context.register_udaf(AggregateUDF::from(Wrapper { inner, signature }));
}

/// The function itself, and whether it was wrapped.
pub(super) fn without_wrapper(function: Arc<ScalarUDF>) -> (Arc<ScalarUDF>, bool) {
    match function.inner().downcast_ref::<Wrapper<ScalarUDF>>() {
        Some(wrapper) => (Arc::clone(&wrapper.inner), true),
        None => (function, false),
    }
}

/// As [`without_wrapper`].
pub(super) fn without_wrapper_of_aggregate(function: Arc<AggregateUDF>) -> (Arc<AggregateUDF>, bool) {
    match function.inner().downcast_ref::<Wrapper<AggregateUDF>>() {
        Some(wrapper) => (Arc::clone(&wrapper.inner), true),
        None => (function, false),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Wrapper<F> {
    inner: Arc<F>,
    signature: Signature,
}

/// The types that a function computes with when addresses are text.
fn as_texts<F: UDFCoercionExt>(function: &F, given: &[FieldRef]) -> DataFusionResult<Vec<FieldRef>> {
    let as_text = |field: &FieldRef| match may_be_address(field.data_type()) {
        true => Arc::new(Field::new(field.name(), DataType::Utf8View, field.is_nullable())),
        false => Arc::clone(field),
    };
    fields_with_udf(&given.iter().map(as_text).collect::<Vec<_>>(), function)
}

/// What DataFusion is told to make of the arguments: nothing, when addresses are among them.
fn coerced<F: UDFCoercionExt>(function: &F, given: &[DataType]) -> DataFusionResult<Vec<DataType>> {
    let fields: Vec<FieldRef> = given.iter().map(|found| Arc::new(Field::new("", found.clone(), true))).collect();
    let fields = as_texts(function, &fields)?;
    if given.iter().any(may_be_address) {
        return Ok(given.to_vec());
    }
    Ok(fields.iter().map(|field| field.data_type().clone()).collect())
}

impl ScalarUDFImpl for Wrapper<ScalarUDF> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        if KEEP_ADDRESSES.contains(&self.name()) && given.iter().any(may_be_address) {
            return Ok(given.to_vec());
        }
        coerced(self.inner.as_ref(), given)
    }

    fn return_type(&self, given: &[DataType]) -> DataFusionResult<DataType> {
        self.inner.return_type(given)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DataFusionResult<FieldRef> {
        if !args.arg_fields.iter().any(|field| may_be_address(field.data_type())) {
            return self.inner.return_field_from_args(args);
        }
        if KEEP_ADDRESSES.contains(&self.name()) {
            return Ok(Arc::new(ip_field(self.name())));
        }
        let fields = as_texts(self.inner.as_ref(), args.arg_fields)?;
        self.inner.return_field_from_args(ReturnFieldArgs { arg_fields: &fields, ..args })
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        internal_err!("{} was not resolved", self.name())
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

impl AggregateUDFImpl for Wrapper<AggregateUDF> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> DataFusionResult<Vec<DataType>> {
        coerced(self.inner.as_ref(), given)
    }

    fn return_type(&self, given: &[DataType]) -> DataFusionResult<DataType> {
        self.inner.return_type(given)
    }

    fn return_field(&self, given: &[FieldRef]) -> DataFusionResult<FieldRef> {
        self.inner.return_field(&as_texts(self.inner.as_ref(), given)?)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DataFusionResult<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, _: AccumulatorArgs) -> DataFusionResult<Box<dyn Accumulator>> {
        internal_err!("{} was not resolved", self.name())
    }

    fn supports_within_group_clause(&self) -> bool {
        self.inner.supports_within_group_clause()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}
