//! Aggregate functions: from a description in this folder to what DataFusion calls.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result as DataFusionResult, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature};

use super::arguments::{Argument, checked_types};
use super::scalar::any_arguments;
use super::text::FunctionText;

/// An aggregate function of ours. None depends on the order of rows.
pub(crate) struct AggregateFunction {
    pub(crate) text: FunctionText,
    pub(crate) arguments: &'static [Argument],
    /// From the types given, which are checked already.
    pub(crate) returns: fn(&[DataType]) -> DataType,
    /// Names and types of what one accumulator hands to another, from the type of the result.
    pub(crate) state: fn(&DataType) -> Vec<(&'static str, DataType)>,
    /// From the type of the result.
    pub(crate) accumulator: fn(&DataType) -> Box<dyn Accumulator>,
    /// The same for all groups of a query at once, where that is faster.
    pub(crate) groups: Option<fn() -> Box<dyn GroupsAccumulator>>,
    /// What DataFusion can compute instead.
    pub(crate) simplify: Option<fn() -> AggregateFunctionSimplification>,
}

impl AggregateFunction {
    pub(crate) fn to_udaf(&'static self) -> AggregateUDF {
        AggregateUDF::from(Adapter { function: self, signature: any_arguments() })
    }
}

/// What DataFusion calls.
struct Adapter {
    function: &'static AggregateFunction,
    signature: Signature,
}

impl AggregateUDFImpl for Adapter {
    fn name(&self) -> &str {
        self.function.text.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, given: &[DataType]) -> DataFusionResult<DataType> {
        checked_types(&self.function.text, self.function.arguments, &given.iter().collect::<Vec<_>>())?;
        Ok((self.function.returns)(given))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DataFusionResult<Vec<FieldRef>> {
        let fields = (self.function.state)(args.return_field.data_type()).into_iter();
        let fields = fields.map(|(name, kind)| Field::new(format_state_name(args.name, name), kind, true));
        Ok(fields.map(Arc::new).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DataFusionResult<Box<dyn Accumulator>> {
        Ok((self.function.accumulator)(args.return_field.data_type()))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.function.groups.is_some() && !args.is_distinct
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs) -> DataFusionResult<Box<dyn GroupsAccumulator>> {
        match self.function.groups {
            Some(groups) => Ok(groups()),
            None => internal_err!("{} has no accumulator of groups", self.function.text.name),
        }
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.function.simplify.map(|simplify| simplify())
    }
}

impl std::fmt::Debug for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AggregateFunction").field(&self.function.text.name).finish()
    }
}

impl PartialEq for Adapter {
    fn eq(&self, other: &Adapter) -> bool {
        self.function.text.name == other.function.text.name
    }
}

impl Eq for Adapter {}

impl Hash for Adapter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.text.name.hash(state);
    }
}
