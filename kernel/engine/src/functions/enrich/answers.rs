//! Answers of services as a column of structs: status, reason, when, whether kept, and the fields of the lookup.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringViewArray, StructArray, TimestampNanosecondArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use datafusion::common::Result as DataFusionResult;
use enrichment::{Answer, FieldKind, Lookup, Outcome};
use serde_json::Value;

const ZONE: &str = "UTC";
/// Between several texts that one value holds.
const SEPARATOR: &str = ", ";

/// The type of the column.
pub(super) fn data_type(lookup: &Lookup) -> DataType {
    DataType::Struct(fields(lookup))
}

/// One struct a row; `None` is NULL.
pub(super) fn column<'a>(
    lookup: &Lookup,
    answers: impl Iterator<Item = Option<&'a Answer>>,
) -> DataFusionResult<ArrayRef> {
    let answers: Vec<Option<&Answer>> = answers.collect();
    let of = |get: fn(&Answer) -> Option<String>| -> ArrayRef {
        Arc::new(answers.iter().map(|answer| answer.and_then(get)).collect::<StringViewArray>())
    };
    let asked_at = answers.iter().map(|answer| answer.and_then(|answer| nanoseconds(answer.asked_at?)));
    let is_kept = answers.iter().map(|answer| answer.map(|answer| answer.is_kept));
    let mut columns: Vec<ArrayRef> = vec![
        of(|answer| Some(answer.outcome.status().to_owned())),
        of(|answer| answer.outcome.reason()),
        Arc::new(asked_at.collect::<TimestampNanosecondArray>().with_timezone(ZONE)),
        Arc::new(is_kept.collect::<BooleanArray>()),
    ];
    for (index, field) in lookup.fields.iter().enumerate() {
        let values = answers.iter().map(|answer| match &answer.as_ref()?.outcome {
            Outcome::Found(values) => values.get(index),
            _ => None,
        });
        columns.push(values_of(field.kind, values));
    }
    let is_there: NullBuffer = answers.iter().map(Option::is_some).collect::<Vec<bool>>().into();
    Ok(Arc::new(StructArray::try_new(fields(lookup), columns, Some(is_there))?))
}

fn fields(lookup: &Lookup) -> Fields {
    let common = [
        ("status", DataType::Utf8View),
        ("reason", DataType::Utf8View),
        ("asked_at", time_type()),
        ("from_cache", DataType::Boolean),
    ];
    let own = lookup.fields.iter().map(|field| (field.name, type_of(field.kind)));
    common.into_iter().chain(own).map(|(name, kind)| Field::new(name, kind, true)).collect()
}

fn type_of(kind: FieldKind) -> DataType {
    match kind {
        FieldKind::Text => DataType::Utf8View,
        FieldKind::Integer => DataType::Int64,
        FieldKind::Boolean => DataType::Boolean,
        FieldKind::Time => time_type(),
    }
}

fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some(ZONE.into()))
}

/// A value of another type than a service should give is NULL.
fn values_of<'a>(kind: FieldKind, values: impl Iterator<Item = Option<&'a Value>>) -> ArrayRef {
    match kind {
        FieldKind::Text => Arc::new(values.map(|value| text(value?)).collect::<StringViewArray>()),
        FieldKind::Integer => Arc::new(values.map(|value| value?.as_i64()).collect::<Int64Array>()),
        FieldKind::Boolean => Arc::new(values.map(|value| value?.as_bool()).collect::<BooleanArray>()),
        FieldKind::Time => {
            let moments = values.map(|value| nanoseconds(moment(value?)?));
            Arc::new(moments.collect::<TimestampNanosecondArray>().with_timezone(ZONE))
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(values) if !values.is_empty() => {
            Some(values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(SEPARATOR))
        }
        _ => None,
    }
}

fn moment(value: &Value) -> Option<DateTime<Utc>> {
    if let Some(seconds) = value.as_i64() {
        return DateTime::from_timestamp(seconds, 0);
    }
    let text = value.as_str()?;
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.to_utc()).or_else(day)
}

/// `None` beyond the year 2262.
fn nanoseconds(moment: DateTime<Utc>) -> Option<i64> {
    moment.timestamp_nanos_opt()
}
