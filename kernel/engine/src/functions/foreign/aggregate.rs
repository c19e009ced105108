//! A foreign function of many rows, as DataFusion calls it.
//!
//! Its states stay where the function runs, in the query's own place: what accumulators hand to each other are numbers by
//! which they are found there. All groups of a query go over in one call a batch.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::{filter, prep_null_mask_filter};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result as DataFusionResult, ScalarValue, exec_err, not_impl_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::super::scalar::any_arguments;
use super::calls::{Caller, QueryCalls};
use super::{ForeignFunction, ForeignHost, ForeignStep, values};

/// What is known here of a group's memory, bytes: its number. The state is in another process.
const GROUP_BYTES: usize = 16;

/// What DataFusion calls.
pub(super) struct Adapter {
    function: Arc<ForeignFunction>,
    host: Arc<dyn ForeignHost>,
    query: Option<Arc<QueryCalls>>,
    signature: Signature,
}

impl Adapter {
    pub(super) fn new(function: Arc<ForeignFunction>, host: Arc<dyn ForeignHost>) -> Adapter {
        let signature = Signature { volatility: Volatility::Stable, ..any_arguments() };
        Adapter { function, host, query: None, signature }
    }

    fn states(&self) -> States {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let caller = Caller::new(&self.function, &self.host, self.query.as_ref());
        States { caller, accumulator: NEXT.fetch_add(1, Ordering::Relaxed), groups: 0 }
    }
}

/// How it is called; `None` when it is of another kind.
pub(super) fn described(udaf: &AggregateUDF) -> Option<String> {
    Some(udaf.inner().downcast_ref::<Adapter>()?.function.signature())
}

/// The same function for the plan of a query; `None` when it is of another kind.
pub(super) fn bound(udaf: &AggregateUDF, query: &Arc<QueryCalls>) -> Option<AggregateUDF> {
    let adapter = udaf.inner().downcast_ref::<Adapter>()?;
    let unbound = Adapter::new(Arc::clone(&adapter.function), Arc::clone(&adapter.host));
    Some(AggregateUDF::from(Adapter { query: Some(Arc::clone(query)), ..unbound }))
}

impl AggregateUDFImpl for Adapter {
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

    fn return_field(&self, given: &[FieldRef]) -> DataFusionResult<FieldRef> {
        let given: Vec<DataType> = given.iter().map(|field| field.data_type().clone()).collect();
        values::check(&self.function, &given)?;
        Ok(Arc::new(self.function.returns.field(self.name())))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> DataFusionResult<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, "state"), DataType::UInt64, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> DataFusionResult<Box<dyn Accumulator>> {
        refuse_distinct(self.name(), args.is_distinct)?;
        Ok(Box::new(OneGroup(self.states())))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> DataFusionResult<Box<dyn GroupsAccumulator>> {
        refuse_distinct(self.name(), args.is_distinct)?;
        Ok(Box::new(AllGroups(self.states())))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

fn refuse_distinct(name: &str, is_distinct: bool) -> DataFusionResult<()> {
    if is_distinct {
        return not_impl_err!("{name}(DISTINCT …): write it over a query with SELECT DISTINCT");
    }
    Ok(())
}

/// The states of one accumulator, wherever they are.
#[derive(Debug)]
struct States {
    caller: Caller,
    accumulator: u64,
    groups: usize,
}

impl States {
    fn update(&mut self, given: &[ArrayRef], groups: ArrayRef, group_count: usize) -> DataFusionResult<()> {
        self.groups = self.groups.max(group_count);
        if groups.is_empty() {
            return Ok(());
        }
        let wanted = self.caller.function().arguments.iter();
        let columns = given.iter().zip(wanted).map(|(column, wanted)| values::converted(column, *wanted));
        let columns: Vec<ArrayRef> = std::iter::once(Ok(groups)).chain(columns).collect::<DataFusionResult<_>>()?;
        self.caller.call(ForeignStep::Update { accumulator: self.accumulator }, 0, &columns)?;
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: ArrayRef, group_count: usize) -> DataFusionResult<()> {
        self.groups = self.groups.max(group_count);
        let [states] = states else { return exec_err!("states of {} columns were given", states.len()) };
        let columns = [groups, Arc::clone(states)];
        self.caller.call(ForeignStep::Merge { accumulator: self.accumulator }, 0, &columns)?;
        Ok(())
    }

    fn state(&mut self, count: usize) -> DataFusionResult<ArrayRef> {
        let given = self.caller.call(ForeignStep::State { accumulator: self.accumulator }, count, &[])?;
        self.groups -= count.min(self.groups);
        match given {
            Some(states) if states.len() == count && states.data_type() == &DataType::UInt64 => Ok(states),
            _ => exec_err!("the states of {} were not given", self.caller.function().name),
        }
    }

    fn evaluate(&mut self, count: usize, keep: bool) -> DataFusionResult<ArrayRef> {
        let step = ForeignStep::Evaluate { accumulator: self.accumulator, keep };
        let given = self.caller.call(step, count, &[])?;
        if !keep {
            self.groups -= count.min(self.groups);
        }
        match given {
            Some(values) => Ok(values),
            None => exec_err!("{} gave nothing", self.caller.function().name),
        }
    }
}

impl Drop for States {
    fn drop(&mut self) {
        // When the query is over or was stopped, its place goes with all states.
        if self.groups > 0 {
            let _ = self.caller.call(ForeignStep::Forget { accumulator: self.accumulator }, 0, &[]);
        }
    }
}

fn numbers(groups: &[usize]) -> ArrayRef {
    // DataFusion itself has no more groups than rows, and a batch's fit into 32 bits.
    Arc::new(groups.iter().map(|group| u32::try_from(*group).ok()).collect::<UInt32Array>())
}

/// The states of all groups of a query.
#[derive(Debug)]
struct AllGroups(States);

impl AllGroups {
    fn count(&self, emit: EmitTo) -> usize {
        match emit {
            EmitTo::All => self.0.groups,
            EmitTo::First(count) => count,
        }
    }
}

impl GroupsAccumulator for AllGroups {
    fn update_batch(
        &mut self,
        given: &[ArrayRef],
        groups: &[usize],
        only: Option<&BooleanArray>,
        group_count: usize,
    ) -> DataFusionResult<()> {
        let groups = numbers(groups);
        let Some(only) = only else { return self.0.update(given, groups, group_count) };
        let only = if only.null_count() > 0 { prep_null_mask_filter(only) } else { only.clone() };
        let given = given.iter().map(|column| filter(column, &only)).collect::<Result<Vec<_>, _>>()?;
        self.0.update(&given, filter(&groups, &only)?, group_count)
    }

    fn evaluate(&mut self, emit: EmitTo) -> DataFusionResult<ArrayRef> {
        self.0.evaluate(self.count(emit), false)
    }

    fn state(&mut self, emit: EmitTo) -> DataFusionResult<Vec<ArrayRef>> {
        Ok(vec![self.0.state(self.count(emit))?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], group_count: usize) -> DataFusionResult<()> {
        self.0.merge(states, numbers(groups), group_count)
    }

    fn convert_to_state(&self, _: &[ArrayRef], _: Option<&BooleanArray>) -> DataFusionResult<Vec<ArrayRef>> {
        not_impl_err!("states of single rows")
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.0.groups * GROUP_BYTES
    }
}

/// The state of a query without groups, or of one window.
#[derive(Debug)]
struct OneGroup(States);

impl Accumulator for OneGroup {
    fn update_batch(&mut self, given: &[ArrayRef]) -> DataFusionResult<()> {
        let rows = given.first().map_or(0, |column| column.len());
        self.0.update(given, Arc::new(UInt32Array::from(vec![0; rows])), 1)
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        ScalarValue::try_from_array(&self.0.evaluate(1, true)?, 0)
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        let states = self.0.state(1)?;
        Ok(vec![ScalarValue::try_from_array(&states, 0)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        let rows = states.first().map_or(0, |column| column.len());
        self.0.merge(states, Arc::new(UInt32Array::from(vec![0; rows])), 1)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + GROUP_BYTES
    }
}

impl std::fmt::Debug for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ForeignAggregate").field(&self.function.signature()).finish()
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
