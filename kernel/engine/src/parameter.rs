//! Values for `$name` as the fields of a form hold them, without DataFusion's types.
//!
//! `None` is a field that is not set; it becomes a NULL of the field's type.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};
use datafusion::common::ScalarValue;
use datafusion::common::arrow::datatypes::{DataType, IntervalMonthDayNano};

/// What `start_time` of the flow schema is in, so that a comparison converts no column.
const ZONE: &str = "UTC";

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// Text, also for lists that `ip_in` reads.
    Text(Option<String>),
    /// A whole number.
    Integer(Option<i64>),
    /// A number.
    Float(Option<f64>),
    /// True or false.
    Boolean(Option<bool>),
    /// A day.
    Date(Option<NaiveDate>),
    /// A time of day.
    Time(Option<NaiveTime>),
    /// A moment.
    Timestamp(Option<DateTime<Utc>>),
    /// A span of time, as in `$end - $window`.
    Interval(Option<TimeDelta>),
    /// Several texts, as in `sensor = ANY($channels)`.
    TextList(Vec<String>),
    /// Several numbers, as in `dst_port = ANY($ports)`.
    IntegerList(Vec<i64>),
}

impl From<Parameter> for ScalarValue {
    fn from(parameter: Parameter) -> ScalarValue {
        match parameter {
            Parameter::Text(value) => ScalarValue::Utf8(value),
            Parameter::Integer(value) => ScalarValue::Int64(value),
            Parameter::Float(value) => ScalarValue::Float64(value),
            Parameter::Boolean(value) => ScalarValue::Boolean(value),
            Parameter::Date(value) => ScalarValue::Date32(value.map(days_since_1970)),
            Parameter::Time(value) => ScalarValue::Time64Nanosecond(value.map(nanoseconds_of_day)),
            Parameter::Timestamp(value) => timestamp(value),
            Parameter::Interval(value) => ScalarValue::IntervalMonthDayNano(value.map(interval)),
            Parameter::TextList(values) => {
                let values: Vec<ScalarValue> = values.into_iter().map(ScalarValue::from).collect();
                ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Utf8))
            }
            Parameter::IntegerList(values) => {
                let values: Vec<ScalarValue> = values.into_iter().map(ScalarValue::from).collect();
                ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Int64))
            }
        }
    }
}

fn days_since_1970(date: NaiveDate) -> i32 {
    let days = date.signed_duration_since(NaiveDate::default()).num_days();
    // chrono's dates span fewer days than 32 bits hold.
    i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX })
}

fn nanoseconds_of_day(time: NaiveTime) -> i64 {
    i64::from(time.num_seconds_from_midnight()) * 1_000_000_000 + i64::from(time.nanosecond())
}

/// In nanoseconds as flows have them. These end in 1677 and 2262: moments beyond become the ends, which compare with
/// every flow as the moment itself would.
fn timestamp(value: Option<DateTime<Utc>>) -> ScalarValue {
    let nanoseconds = value.map(|moment| {
        let end = if moment.timestamp() < 0 { i64::MIN } else { i64::MAX };
        moment.timestamp_nanos_opt().unwrap_or(end)
    });
    ScalarValue::TimestampNanosecond(nanoseconds, Some(ZONE.into()))
}

/// Whole days would be calendar days; in UTC they are the same, so nanoseconds are enough until they overflow.
fn interval(span: TimeDelta) -> IntervalMonthDayNano {
    if let Some(nanoseconds) = span.num_nanoseconds() {
        return IntervalMonthDayNano::new(0, 0, nanoseconds);
    }
    let rest = span - TimeDelta::days(span.num_days());
    let days = i32::try_from(span.num_days()).unwrap_or(if span < TimeDelta::zero() { i32::MIN } else { i32::MAX });
    IntervalMonthDayNano::new(0, days, rest.num_nanoseconds().unwrap_or(0))
}
