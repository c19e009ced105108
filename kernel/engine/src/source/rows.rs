//! Columns of a result as values.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType};
use chrono::{DateTime, Utc};
use flow_source::schema::time_type;

use crate::result::QueryResult;

/// Whole numbers.
pub(super) fn integers(result: &QueryResult, column: usize) -> Vec<Option<i64>> {
    let arrays = cast(result, column, &DataType::Int64);
    arrays.iter().flat_map(|array| array.as_primitive::<Int64Type>().iter().collect::<Vec<_>>()).collect()
}

/// Moments.
pub(super) fn times(result: &QueryResult, column: usize) -> Vec<Option<DateTime<Utc>>> {
    let arrays = cast(result, column, &time_type());
    let nanos =
        arrays.iter().flat_map(|array| array.as_primitive::<TimestampNanosecondType>().iter().collect::<Vec<_>>());
    nanos.map(|nanos| nanos.map(DateTime::from_timestamp_nanos)).collect()
}

/// Texts.
pub(super) fn texts(result: &QueryResult, column: usize) -> Vec<Option<String>> {
    let arrays = cast(result, column, &DataType::Utf8);
    let texts = arrays.iter().flat_map(|array| array.as_string::<i32>().iter().collect::<Vec<_>>());
    texts.map(|text| text.map(str::to_owned)).collect()
}

/// A column that cannot be what our own query makes it is a row of NULLs.
fn cast(result: &QueryResult, column: usize, to: &DataType) -> Vec<ArrayRef> {
    let cast = |array: &ArrayRef| {
        arrow::compute::cast(array, to).unwrap_or_else(|_| arrow::array::new_null_array(to, array.len()))
    };
    result.batches.iter().map(|batch| cast(batch.column(column))).collect()
}
