//! A value as a point in time: text of a zone, numbers of a unit, timestamps with or without zone.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, StringArray, TimestampNanosecondArray};
use arrow::datatypes::{DataType, Int64Type, TimeUnit as ArrowUnit, TimestampNanosecondType};
use datafusion::common::{Result as DataFusionResult, internal_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use file_source::text::Zone;
use file_source::value::decimal;
use flow_source::schema::time_type;

use crate::source::TimeUnit;

/// Digits behind the point that a number of 64 bits still has of a time in seconds: it is rounded to microseconds.
const FLOAT_DIGITS: f64 = 1e6;

/// Reads times; what is none is NULL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReadTime {
    unit: Option<TimeUnit>,
    zone: Zone,
    signature: Signature,
}

impl ReadTime {
    pub(super) fn new(unit: Option<TimeUnit>, zone: Zone) -> Self {
        Self { unit, zone, signature: Signature::any(1, Volatility::Immutable) }
    }

    fn of_text(&self, text: &str) -> Option<i64> {
        match self.unit {
            Some(unit) => decimal(text.as_bytes(), unit.exponent()),
            None => self.zone.moment(text),
        }
    }

    fn times(&self, values: &ArrayRef) -> DataFusionResult<TimestampNanosecondArray> {
        let cast = |to: &DataType| arrow::compute::cast(values, to);
        let exponent = self.unit.map_or(0, TimeUnit::exponent);
        Ok(match values.data_type() {
            DataType::Timestamp(_, Some(_)) if !self.zone.ignores_written() => {
                cast(&time_type())?.as_primitive::<TimestampNanosecondType>().clone()
            }
            // Also with a zone that is ignored: what a clock there showed.
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
                let naive = cast(&DataType::Timestamp(ArrowUnit::Nanosecond, None))?;
                each(naive.as_primitive::<TimestampNanosecondType>().iter(), |nanos| self.zone.moment_of_clock(nanos))
            }
            kind if kind.is_integer() => {
                let factor = 10_i64.pow(exponent.unsigned_abs());
                each(cast(&DataType::Int64)?.as_primitive::<Int64Type>().iter(), |n| n.checked_mul(factor))
            }
            kind if kind.is_numeric() => {
                let numbers = cast(&DataType::Float64)?;
                let numbers = numbers.as_any().downcast_ref::<Float64Array>().map(|it| it.iter().collect::<Vec<_>>());
                each(numbers.unwrap_or_default().into_iter(), |number| of_float(number, exponent))
            }
            DataType::Null => TimestampNanosecondArray::new_null(values.len()),
            _ => {
                let texts = cast(&DataType::Utf8)?;
                let texts = texts.as_any().downcast_ref::<StringArray>().cloned();
                let texts = texts.unwrap_or_else(|| StringArray::new_null(values.len()));
                each(texts.iter(), |text| self.of_text(text))
            }
        })
    }
}

fn each<T>(values: impl Iterator<Item = Option<T>>, read: impl Fn(T) -> Option<i64>) -> TimestampNanosecondArray {
    values.map(|value| value.and_then(&read)).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the range is checked before")]
fn of_float(number: f64, exponent: i32) -> Option<i64> {
    let seconds = number * 10_f64.powi(exponent - 9);
    let micros = (seconds * FLOAT_DIGITS).round();
    (micros.abs() < i64::MAX as f64 / 1000.0).then(|| micros as i64 * 1000)
}

impl Hash for ReadTime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.unit, self.zone).hash(state);
    }
}

impl ScalarUDFImpl for ReadTime {
    fn name(&self) -> &str {
        "read_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DataFusionResult<DataType> {
        match types {
            [_] => Ok(time_type()),
            _ => internal_err!("read_time takes one value"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let values = args.args[0].to_array(args.number_rows)?;
        let times = self.times(&values)?.with_data_type(time_type());
        Ok(ColumnarValue::Array(Arc::new(times)))
    }
}

/// Whether the clock of a zone showed a time twice, when summer time ended; never of what says its own zone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct IsAmbiguous {
    zone: Zone,
    signature: Signature,
}

impl IsAmbiguous {
    pub(super) fn new(zone: Zone) -> Self {
        Self { zone, signature: Signature::any(1, Volatility::Immutable) }
    }

    fn of(&self, values: &ArrayRef) -> DataFusionResult<BooleanArray> {
        let zone = self.zone;
        Ok(match values.data_type() {
            DataType::Timestamp(_, written) if written.is_none() || zone.ignores_written() => {
                let naive = arrow::compute::cast(values, &DataType::Timestamp(ArrowUnit::Nanosecond, None))?;
                let nanos = naive.as_primitive::<TimestampNanosecondType>().iter();
                nanos.map(|nanos| Some(nanos.is_some_and(|nanos| zone.is_ambiguous_clock(nanos)))).collect()
            }
            kind if kind.is_string() => {
                let texts = arrow::compute::cast(values, &DataType::Utf8)?;
                let texts = texts.as_string::<i32>().iter();
                texts.map(|text| Some(text.is_some_and(|text| zone.is_ambiguous(text)))).collect()
            }
            _ => std::iter::repeat_n(Some(false), values.len()).collect(),
        })
    }
}

impl Hash for IsAmbiguous {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.zone.hash(state);
    }
}

impl ScalarUDFImpl for IsAmbiguous {
    fn name(&self) -> &str {
        "is_ambiguous_time"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        Ok(ColumnarValue::Array(Arc::new(self.of(&args.args[0].to_array(args.number_rows)?)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, TimestampMicrosecondArray};
    use chrono::DateTime;
    use chrono_tz::Tz;

    fn read(unit: Option<TimeUnit>, zone: Tz, values: ArrayRef) -> Vec<Option<String>> {
        let times = ReadTime::new(unit, Zone::of(zone)).times(&values).expect("times");
        times.iter().map(|nanos| Some(DateTime::from_timestamp_nanos(nanos?).to_rfc3339())).collect()
    }

    #[track_caller]
    fn check(unit: Option<TimeUnit>, zone: Tz, values: ArrayRef, expected: &[Option<&str>]) {
        let found = read(unit, zone, values);
        assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn text_numbers_and_naive_times() {
        let prague = Tz::Europe__Prague;
        let texts = || Arc::new(StringArray::from(vec![Some("2024-07-01 12:00:00"), Some("soon"), None]));
        check(None, prague, texts(), &[Some("2024-07-01T10:00:00+00:00"), None, None]);
        let epoch = Arc::new(StringArray::from(vec!["1379288667.706265", "x"]));
        check(Some(TimeUnit::Seconds), prague, epoch, &[Some("2013-09-15T23:44:27.706265+00:00"), None]);
        let millis = Arc::new(Int64Array::from(vec![Some(1_575_413_096_052), None]));
        check(Some(TimeUnit::Milliseconds), prague, millis, &[Some("2019-12-03T22:44:56.052+00:00"), None]);
        let floats = Arc::new(Float64Array::from(vec![1_379_288_667.706_265, f64::NAN]));
        check(Some(TimeUnit::Seconds), Tz::UTC, floats, &[Some("2013-09-15T23:44:27.706265+00:00"), None]);
        let naive = Arc::new(TimestampMicrosecondArray::from(vec![1_719_835_200_000_000]));
        check(None, prague, naive, &[Some("2024-07-01T10:00:00+00:00")]);
        let zoned = Arc::new(TimestampMicrosecondArray::from(vec![1_719_835_200_000_000]).with_timezone("UTC"));
        check(None, prague, zoned, &[Some("2024-07-01T12:00:00+00:00")]);
    }

    #[test]
    fn the_hour_that_comes_twice() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![
            Some("2024-10-27 02:30:00"),
            Some("2024-10-27T02:30:00Z"),
            Some("2024-10-27 03:30:00"),
            None,
        ]));
        let found = IsAmbiguous::new(Zone::of(Tz::Europe__Prague)).of(&texts).expect("texts");
        assert_eq!(found.iter().collect::<Vec<_>>(), [Some(true), Some(false), Some(false), Some(false)]);
        // 02:30 by the clock, in microseconds.
        let naive: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_729_996_200_000_000]));
        assert!(IsAmbiguous::new(Zone::of(Tz::Europe__Prague)).of(&naive).expect("times").value(0));
    }
}
