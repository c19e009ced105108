//! What is known of the times of flows: zero is none, a length follows from its ends, and notes tell what is wrong.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Float64Type, TimestampNanosecondType};
use datafusion::common::{Result as DataFusionResult, internal_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use flow_source::moment::length_s;

use crate::files::zeros;
use crate::flow_view;

/// A time, unless it is one of zero.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct KnownTime(Signature);

impl KnownTime {
    pub(super) fn new() -> Self {
        Self(Signature::any(1, Volatility::Immutable))
    }
}

impl ScalarUDFImpl for KnownTime {
    fn name(&self) -> &str {
        "known_time"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, types: &[DataType]) -> DataFusionResult<DataType> {
        match types {
            [time] => Ok(time.clone()),
            _ => internal_err!("known_time takes one value"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let times = args.args[0].to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(zeros::as_missing(&times)?))
    }
}

/// The length of a flow of its start, its end and what is said of it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Length(Signature);

impl Length {
    pub(super) fn new() -> Self {
        Self(Signature::any(3, Volatility::Immutable))
    }
}

impl ScalarUDFImpl for Length {
    fn name(&self) -> &str {
        "length_of_flow"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [start, end, said] = arrays.as_slice() else { return internal_err!("length_of_flow takes three values") };
        let times = |times: &ArrayRef| times.as_primitive::<TimestampNanosecondType>().clone();
        let (start, end) = (times(start), times(end));
        let rows = start.iter().zip(end.iter()).zip(said.as_primitive::<Float64Type>().iter());
        let lengths: Float64Array = rows.map(|((start, end), said)| length_s(start, end, said)).collect();
        Ok(ColumnarValue::Array(Arc::new(lengths)))
    }
}

/// The notes of a flow: those that its file has, and the ones of which the condition holds. Takes the file's, then a
/// condition for each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    notes: Vec<&'static str>,
    signature: Signature,
}

impl Noted {
    pub(crate) fn new(notes: Vec<&'static str>) -> Self {
        Self { signature: Signature::any(notes.len() + 1, Volatility::Immutable), notes }
    }
}

impl Hash for Noted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.notes.hash(state);
    }
}

impl ScalarUDFImpl for Noted {
    fn name(&self) -> &str {
        "noted"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        match flow_view::type_of(flow_view::NOTES) {
            Some(notes) => Ok(notes),
            None => internal_err!("flows have notes"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some((own, conditions)) = arrays.split_first() else { return internal_err!("noted takes notes") };
        let conditions: Vec<&BooleanArray> = conditions.iter().map(|it| it.as_boolean()).collect();
        let mut built = ListBuilder::new(StringBuilder::new());
        for row in 0..args.number_rows.min(arrays[0].len()) {
            let is_so = |condition: &&BooleanArray| condition.is_valid(row) && condition.value(row);
            let found = self.notes.iter().zip(&conditions).filter(|(_, condition)| is_so(condition));
            let mut notes = own_notes(own, row);
            notes.extend(found.map(|(note, _)| (*note).to_owned()));
            notes.iter().for_each(|note| built.values().append_value(note));
            built.append(!notes.is_empty());
        }
        Ok(ColumnarValue::Array(Arc::new(built.finish())))
    }
}

/// The notes that a file has for a flow: a list, or a text as CSV has one, `[a, b]`.
fn own_notes(own: &ArrayRef, row: usize) -> Vec<String> {
    if let Some(lists) = own.as_list_opt::<i32>().filter(|lists| lists.is_valid(row)) {
        let notes = lists.value(row);
        return notes.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    }
    let Some(texts) = own.as_string_opt::<i32>().filter(|texts| texts.is_valid(row)) else { return Vec::new() };
    let notes = texts.value(row).trim_matches(['[', ']']).split(',').map(str::trim);
    notes.filter(|note| !note.is_empty()).map(str::to_owned).collect()
}
