//! The beacon scores of all groups of a query at once.
//!
//! Moments and sizes lie in two long rows with the number of their group beside them and are sorted into groups when
//! these are asked for: a query has a million pairs of hosts with a few connections each, and memory of its own for each
//! pair costs more than the scores.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Builder, Int64Array, ListArray, NullBufferBuilder, PrimitiveArray,
    StructArray, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, Float64Type, Int64Type, UInt64Type};
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::score::Connections;
use super::{CONNECTIONS_MAX, fields, seconds};

#[derive(Debug, Default)]
pub(super) struct BeaconGroups {
    seconds: Vec<(usize, i64)>,
    bytes: Vec<(usize, f64)>,
    groups: Vec<Group>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Group {
    /// Connections, also those no longer kept.
    count: u64,
    window_start: Option<i64>,
    window_end: Option<i64>,
}

impl Group {
    fn has_room(&self) -> bool {
        self.count < CONNECTIONS_MAX as u64
    }
}

/// What was known of some groups: the values of group `n` are those between the offsets `n` and `n + 1`.
struct Emitted {
    groups: Vec<Group>,
    seconds: Sorted<i64>,
    bytes: Sorted<f64>,
}

struct Sorted<T> {
    values: Vec<T>,
    offsets: Vec<usize>,
}

impl<T: Copy + Default> Sorted<T> {
    /// Sorts by group, without comparing.
    fn of(items: &[(usize, T)], groups: usize) -> Sorted<T> {
        let mut offsets = vec![0; groups + 1];
        for (group, _) in items {
            offsets[group + 1] += 1;
        }
        for group in 0..groups {
            offsets[group + 1] += offsets[group];
        }
        let mut next = offsets.clone();
        let mut values = vec![T::default(); items.len()];
        for (group, value) in items {
            values[next[*group]] = *value;
            next[*group] += 1;
        }
        Sorted { values, offsets }
    }

    fn of_group(&self, group: usize) -> &[T] {
        &self.values[self.offsets[group]..self.offsets[group + 1]]
    }

    fn into_lists<P: ArrowPrimitiveType<Native = T>>(self) -> ListArray {
        let lengths = self.offsets.windows(2).map(|edges| edges[1] - edges[0]);
        let field = Arc::new(Field::new_list_field(P::DATA_TYPE, true));
        let values: PrimitiveArray<P> = PrimitiveArray::from_iter_values(self.values);
        ListArray::new(field, OffsetBuffer::from_lengths(lengths), Arc::new(values), None)
    }
}

/// The items of the first `count` groups; those of the others move down.
fn take_first<T>(items: &mut Vec<(usize, T)>, count: usize) -> Vec<(usize, T)> {
    let (taken, left) = std::mem::take(items).into_iter().partition(|(group, _)| *group < count);
    *items = left;
    items.iter_mut().for_each(|(group, _)| *group -= count);
    taken
}

impl BeaconGroups {
    fn emit(&mut self, emit_to: EmitTo) -> Emitted {
        let count = match emit_to {
            EmitTo::All => self.groups.len(),
            EmitTo::First(count) => count,
        };
        let rest = self.groups.split_off(count);
        let groups = std::mem::replace(&mut self.groups, rest);
        let seconds = Sorted::of(&take_first(&mut self.seconds, count), count);
        let bytes = Sorted::of(&take_first(&mut self.bytes, count), count);
        Emitted { groups, seconds, bytes }
    }
}

impl GroupsAccumulator for BeaconGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> DataFusionResult<()> {
        self.groups.resize(total_num_groups, Group::default());
        let [moments, bytes, window @ ..] = values else { return Ok(()) };
        let moments = seconds(moments)?;
        let bytes = cast(bytes, &DataType::Float64)?;
        let bytes = bytes.as_primitive::<Float64Type>();
        let edge = |index: usize| window.get(index).map(seconds).transpose();
        let (starts, ends) = (edge(0)?, edge(1)?);
        for (row, &index) in group_indices.iter().enumerate() {
            let is_left_out = opt_filter.is_some_and(|filter| !(filter.is_valid(row) && filter.value(row)));
            if is_left_out {
                continue;
            }
            let group = &mut self.groups[index];
            group.window_start = group.window_start.or_else(|| starts.as_ref().and_then(|starts| number(starts, row)));
            group.window_end = group.window_end.or_else(|| ends.as_ref().and_then(|ends| number(ends, row)));
            let Some(second) = number(&moments, row) else { continue };
            if group.has_room() {
                self.seconds.push((index, second));
                self.bytes.extend(number(bytes, row).map(|bytes| (index, bytes)));
            }
            group.count += 1;
        }
        Ok(())
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> DataFusionResult<()> {
        self.groups.resize(total_num_groups, Group::default());
        let [seconds, bytes, counts, starts, ends] = values else { return Ok(()) };
        let (seconds, bytes) = (seconds.as_list::<i32>(), bytes.as_list::<i32>());
        let counts = counts.as_primitive::<UInt64Type>();
        let (starts, ends) = (starts.as_primitive::<Int64Type>(), ends.as_primitive::<Int64Type>());
        for (row, &index) in group_indices.iter().enumerate() {
            let group = &mut self.groups[index];
            if group.has_room() {
                extend::<Int64Type>(&mut self.seconds, index, seconds, row);
                extend::<Float64Type>(&mut self.bytes, index, bytes, row);
            }
            group.count += number(counts, row).unwrap_or(0);
            group.window_start = group.window_start.or_else(|| number(starts, row));
            group.window_end = group.window_end.or_else(|| number(ends, row));
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> DataFusionResult<ArrayRef> {
        let emitted = self.emit(emit_to);
        let mut columns: Vec<Float64Builder> =
            fields().iter().map(|_| Float64Builder::with_capacity(emitted.groups.len())).collect();
        let mut validity = NullBufferBuilder::new(emitted.groups.len());
        for (index, group) in emitted.groups.iter().enumerate() {
            let scores = group.has_room().then(|| emitted.connections(index, group).scores()).flatten();
            validity.append(scores.is_some());
            let values = scores.map(|scores| [scores.ts, scores.ds, scores.hist, scores.dur, scores.total()]);
            for (place, column) in columns.iter_mut().enumerate() {
                column.append_option(values.map(|values| values[place]));
            }
        }
        let columns = columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        Ok(Arc::new(StructArray::try_new(fields(), columns, validity.finish())?))
    }

    fn state(&mut self, emit_to: EmitTo) -> DataFusionResult<Vec<ArrayRef>> {
        Ok(self.emit(emit_to).into_state())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> DataFusionResult<Vec<ArrayRef>> {
        // Each row is a group of its own.
        let count = values.first().map_or(0, |values| values.len());
        let mut groups = BeaconGroups::default();
        groups.update_batch(values, &(0..count).collect::<Vec<_>>(), opt_filter, count)?;
        groups.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.seconds.capacity() * size_of::<(usize, i64)>()
            + self.bytes.capacity() * size_of::<(usize, f64)>()
            + self.groups.capacity() * size_of::<Group>()
    }
}

impl Emitted {
    fn connections(&self, index: usize, group: &Group) -> Connections {
        Connections {
            seconds: self.seconds.of_group(index).to_vec(),
            bytes: self.bytes.of_group(index).to_vec(),
            window_start: group.window_start,
            window_end: group.window_end,
        }
    }

    /// As `state` of the function describes it.
    fn into_state(self) -> Vec<ArrayRef> {
        let counts: UInt64Array = self.groups.iter().map(|group| Some(group.count)).collect();
        let starts: Int64Array = self.groups.iter().map(|group| group.window_start).collect();
        let ends: Int64Array = self.groups.iter().map(|group| group.window_end).collect();
        vec![
            Arc::new(self.seconds.into_lists::<Int64Type>()),
            Arc::new(self.bytes.into_lists::<Float64Type>()),
            Arc::new(counts),
            Arc::new(starts),
            Arc::new(ends),
        ]
    }
}

fn number<P: ArrowPrimitiveType>(values: &PrimitiveArray<P>, row: usize) -> Option<P::Native> {
    values.is_valid(row).then(|| values.value(row))
}

fn extend<P: ArrowPrimitiveType>(items: &mut Vec<(usize, P::Native)>, group: usize, lists: &ListArray, row: usize) {
    if lists.is_valid(row) {
        let values = lists.value(row);
        items.extend(values.as_primitive::<P>().iter().flatten().map(|value| (group, value)));
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Float64Array;

    use super::*;

    const GROUPS: usize = 3;

    /// Connections of three groups in turn: one a minute, one that is irregular, one with too few.
    fn values() -> (Vec<ArrayRef>, Vec<usize>) {
        let (mut moments, mut groups) = (Vec::new(), Vec::new());
        for step in 0_i64..100 {
            moments.push(Some(step * 60));
            moments.push(Some(step * step * 7 % 5000));
            groups.extend([0, 1]);
        }
        moments.extend([Some(1), None]);
        groups.extend([2, 2]);
        let bytes: Float64Array = (0..moments.len()).map(|row| (row % 5 > 0).then_some((row % 9) as f64)).collect();
        let moments = arrow::array::TimestampSecondArray::from(moments);
        (vec![Arc::new(moments), Arc::new(bytes)], groups)
    }

    fn of_each(values: &[ArrayRef], groups: &[usize]) -> Vec<Option<f64>> {
        let mut one_by_one = Vec::new();
        for group in 0..GROUPS {
            let rows: UInt64Array =
                (0..groups.len()).filter(|row| groups[*row] == group).map(|row| row as u64).collect();
            let taken: Vec<ArrayRef> =
                values.iter().map(|values| arrow::compute::take(values, &rows, None).expect("rows")).collect();
            let mut beacon = super::super::Beacon::default();
            datafusion::logical_expr::Accumulator::update_batch(&mut beacon, &taken).expect("values");
            one_by_one.push(beacon.scores().map(|scores| scores.total()));
        }
        one_by_one
    }

    fn totals(scores: &ArrayRef) -> Vec<Option<f64>> {
        let scores = scores.as_struct();
        let totals = scores.column(4).as_primitive::<Float64Type>();
        (0..scores.len()).map(|row| scores.is_valid(row).then(|| totals.value(row))).collect()
    }

    #[test]
    fn all_at_once_is_one_by_one() {
        let (values, groups) = values();
        let expected = of_each(&values, &groups);
        assert_eq!(expected.iter().flatten().count(), 2);
        let mut at_once = BeaconGroups::default();
        at_once.update_batch(&values, &groups, None, GROUPS).expect("values");
        assert_eq!(totals(&at_once.evaluate(EmitTo::All).expect("scores")), expected);
        assert_eq!(at_once.groups.len(), 0);
    }

    #[test]
    fn groups_may_leave_early_and_meet_again() {
        let (values, groups) = values();
        let expected = of_each(&values, &groups);
        let mut first = BeaconGroups::default();
        first.update_batch(&values, &groups, None, GROUPS).expect("values");
        let mut early = totals(&first.evaluate(EmitTo::First(1)).expect("scores"));
        early.extend(totals(&first.evaluate(EmitTo::All).expect("scores")));
        assert_eq!(early, expected);
        // Each row for itself, then together under other numbers.
        let states = first.convert_to_state(&values, None).expect("states");
        let moved: Vec<usize> = groups.iter().map(|group| GROUPS - 1 - group).collect();
        let mut merged = BeaconGroups::default();
        merged.merge_batch(&states, &moved, GROUPS).expect("states");
        let state = merged.state(EmitTo::All).expect("a state");
        merged.merge_batch(&state, &[2, 1, 0], GROUPS).expect("a state");
        assert_eq!(totals(&merged.evaluate(EmitTo::All).expect("scores")), expected);
    }

    #[test]
    fn filtered_rows_and_strobes_do_not_count() {
        let (values, groups) = values();
        let none: BooleanArray = (0..groups.len()).map(|row| (row % 2 == 0).then_some(false)).collect();
        let mut filtered = BeaconGroups::default();
        filtered.update_batch(&values, &groups, Some(&none), GROUPS).expect("values");
        assert_eq!(totals(&filtered.evaluate(EmitTo::All).expect("scores")), [None; GROUPS]);
        let moments: ArrayRef =
            Arc::new(arrow::array::TimestampSecondArray::from_iter_values(0..CONNECTIONS_MAX as i64 + 5));
        let bytes: ArrayRef = Arc::new(Float64Array::from(vec![1.0; CONNECTIONS_MAX + 5]));
        let mut strobe = BeaconGroups::default();
        strobe.update_batch(&[moments, bytes], &vec![0; CONNECTIONS_MAX + 5], None, 1).expect("values");
        assert_eq!(strobe.seconds.len(), CONNECTIONS_MAX);
        assert_eq!(totals(&strobe.evaluate(EmitTo::All).expect("scores")), [None]);
    }
}
