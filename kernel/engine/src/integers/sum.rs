//! `sum` of whole numbers and lengths of time that fails when the sum does not fit, as fast as DataFusion's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType, FieldRef,
    Int64Type, TimeUnit, UInt64Type,
};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, Expr, GroupsAccumulator, Operator,
    ReversedUDAF, SetMonotonicity, Signature, StatisticsArgs,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

use crate::functions::FunctionFault;
use crate::render::visible;

/// The aggregate, under the name of DataFusion's.
pub(crate) fn checked() -> AggregateUDF {
    AggregateUDF::from(CheckedSum { stock: sum_udaf() })
}

/// DataFusion's `sum` but for what it adds with.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedSum {
    stock: Arc<AggregateUDF>,
}

/// Which sum does not fit, for the message.
#[derive(Debug, Clone)]
struct Summed {
    name: String,
    kind: DataType,
}

impl Summed {
    fn of(args: &AccumulatorArgs) -> Summed {
        Summed { name: visible(args.name), kind: args.return_field.data_type().clone() }
    }

    fn overflow(&self) -> FunctionFault {
        let is_length = matches!(self.kind, DataType::Duration(_));
        FunctionFault::Sum { what: self.name.clone(), is_length }
    }

    fn value(&self, total: Option<i128>) -> DataFusionResult<ScalarValue> {
        let Some(total) = total else { return ScalarValue::try_new_null(&self.kind) };
        if self.kind == DataType::UInt64 {
            return Ok(ScalarValue::UInt64(Some(u64::try_from(total).map_err(|_| self.overflow())?)));
        }
        ScalarValue::Int64(Some(i64::try_from(total).map_err(|_| self.overflow())?)).cast_to(&self.kind)
    }
}

fn is_checked(kind: &DataType) -> bool {
    matches!(kind, DataType::UInt64 | DataType::Int64 | DataType::Duration(_))
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        self.stock.name()
    }

    fn signature(&self) -> &Signature {
        self.stock.signature()
    }

    fn return_type(&self, given: &[DataType]) -> DataFusionResult<DataType> {
        self.stock.return_type(given)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DataFusionResult<Box<dyn Accumulator>> {
        let summed = Summed::of(&args);
        if !is_checked(&summed.kind) {
            return self.stock.accumulator(args);
        }
        if args.is_distinct {
            return Ok(Box::new(DistinctTotal { values: self.stock.accumulator(args)?, summed }));
        }
        Ok(Box::new(Total { summed, total: 0, count: 0 }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DataFusionResult<Box<dyn Accumulator>> {
        let summed = Summed::of(&args);
        match is_checked(&summed.kind) {
            true if args.is_distinct => {
                let values = self.stock.inner().create_sliding_accumulator(args)?;
                Ok(Box::new(DistinctTotal { values, summed }))
            }
            true => Ok(Box::new(Total { summed, total: 0, count: 0 })),
            false => self.stock.inner().create_sliding_accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DataFusionResult<Vec<FieldRef>> {
        self.stock.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.stock.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> DataFusionResult<Box<dyn GroupsAccumulator>> {
        let summed = Summed::of(&args);
        match summed.kind {
            DataType::UInt64 => Ok(groups::<UInt64Type>(summed, u64::overflowing_add)),
            DataType::Int64 => Ok(groups::<Int64Type>(summed, i64::overflowing_add)),
            DataType::Duration(unit) => Ok(match unit {
                TimeUnit::Second => groups::<DurationSecondType>(summed, i64::overflowing_add),
                TimeUnit::Millisecond => groups::<DurationMillisecondType>(summed, i64::overflowing_add),
                TimeUnit::Microsecond => groups::<DurationMicrosecondType>(summed, i64::overflowing_add),
                TimeUnit::Nanosecond => groups::<DurationNanosecondType>(summed, i64::overflowing_add),
            }),
            _ => self.stock.create_groups_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn simplify_expr_op_literal(
        &self,
        call: &AggregateFunction,
        argument: &Expr,
        operator: Operator,
        literal: &Expr,
        is_left: bool,
    ) -> DataFusionResult<Option<Expr>> {
        self.stock.inner().simplify_expr_op_literal(call, argument, operator, literal, is_left)
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        self.stock.value_from_stats(statistics)
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.stock.inner().set_monotonicity(kind)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.stock.documentation()
    }
}

/// One sum, of more bits than any number of rows can fill.
#[derive(Debug)]
struct Total {
    summed: Summed,
    total: i128,
    count: u64,
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        for values in values {
            self.total += total_of(values)?;
            self.count += present(values);
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        for values in values {
            self.total -= total_of(values)?;
            self.count = self.count.saturating_sub(present(values));
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        self.summed.value((self.count > 0).then_some(self.total))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

fn present(values: &ArrayRef) -> u64 {
    (values.len() - values.null_count()) as u64
}

fn total_of(values: &ArrayRef) -> DataFusionResult<i128> {
    if values.data_type() == &DataType::UInt64 {
        return Ok(total(values.as_primitive::<UInt64Type>()));
    }
    let values = arrow::compute::cast(values, &DataType::Int64)?;
    Ok(total(values.as_primitive::<Int64Type>()))
}

fn total<T: ArrowPrimitiveType<Native: Into<i128>>>(values: &PrimitiveArray<T>) -> i128 {
    match values.null_count() {
        0 => values.values().iter().map(|value| (*value).into()).sum(),
        _ => values.iter().flatten().map(Into::into).sum(),
    }
}

/// The sum of what DataFusion's accumulator has found to be distinct.
#[derive(Debug)]
struct DistinctTotal {
    values: Box<dyn Accumulator>,
    summed: Summed,
}

impl Accumulator for DistinctTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        self.values.update_batch(values)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        self.values.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.values.supports_retract_batch()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        self.values.merge_batch(states)
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        self.values.state()
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        let mut total = None;
        for state in self.values.state()? {
            let ScalarValue::List(list) = state else { continue };
            if !list.values().is_empty() {
                total = Some(total.unwrap_or_default() + total_of(list.values())?);
            }
        }
        self.summed.value(total)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.size()
    }
}

/// The sums of all groups; `add` tells whether it overflowed.
fn groups<T: ArrowPrimitiveType + Send>(
    summed: Summed,
    add: impl Fn(T::Native, T::Native) -> (T::Native, bool) + Send + Sync + 'static,
) -> Box<dyn GroupsAccumulator> {
    let is_beyond = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_beyond);
    let groups = PrimitiveGroupsAccumulator::<T, _>::new(&summed.kind, move |sum: &mut T::Native, value| {
        let (next, is_over) = add(*sum, value);
        *sum = next;
        if is_over {
            seen.store(true, Ordering::Relaxed);
        }
    });
    Box::new(Groups { groups: Box::new(groups), is_beyond, summed })
}

struct Groups {
    groups: Box<dyn GroupsAccumulator>,
    is_beyond: Arc<AtomicBool>,
    summed: Summed,
}

impl Groups {
    fn checked(&self) -> DataFusionResult<()> {
        match self.is_beyond.load(Ordering::Relaxed) {
            true => Err(self.summed.overflow().into()),
            false => Ok(()),
        }
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        group_count: usize,
    ) -> DataFusionResult<()> {
        self.groups.update_batch(values, groups, filter, group_count)?;
        self.checked()
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], group_count: usize) -> DataFusionResult<()> {
        self.groups.merge_batch(values, groups, group_count)?;
        self.checked()
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> DataFusionResult<ArrayRef> {
        self.groups.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> DataFusionResult<Vec<ArrayRef>> {
        self.groups.state(emit_to)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> DataFusionResult<Vec<ArrayRef>> {
        self.groups.convert_to_state(values, filter)
    }

    fn size(&self) -> usize {
        self.groups.size()
    }
}
