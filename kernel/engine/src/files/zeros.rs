//! Times of zero in flows of files without a connector: they stand for no time, and become NULL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::{cast, nullif};
use arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType};
use arrow::error::ArrowError;
use flow_source::moment::is_no_time;

/// `times` with NULL where there is none; other values than times as they are.
///
/// # Errors
/// None that is known of.
pub(crate) fn as_missing(times: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let DataType::Timestamp(unit, zone) = times.data_type() else { return Ok(Arc::clone(times)) };
    let nanos = match unit {
        TimeUnit::Nanosecond => Arc::clone(times),
        _ => cast(times, &DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()))?,
    };
    let nanos = nanos.as_primitive::<TimestampNanosecondType>();
    if !nanos.iter().flatten().any(is_no_time) {
        return Ok(Arc::clone(times));
    }
    let zeros: BooleanArray = nanos.iter().map(|time| Some(time.is_some_and(is_no_time))).collect();
    nullif(times, &zeros)
}
