//! What a query wants, in the query language of the server: a value of JSON, so nothing needs escaping.
//!
//! A field may have several values there, of which the first is taken here; the server looks at all. So it may find more,
//! and is asked about what a field has, never about what it has not.

use std::net::{IpAddr, Ipv6Addr};

use chrono::DateTime;
use remote_source::sql::in_units;
use remote_source::{Predicate, Ranges, Support};
use serde_json::{Value, json};

use crate::columns::{Columns, Mapped};
use crate::mapping::Field;

/// Ranges of one condition: the server bounds the parts of a question.
const RANGES_MAX: usize = 400;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// How well a condition on one column is answered.
pub(crate) fn support(columns: &Columns, condition: &Predicate) -> Support {
    let kind = |column: &String| columns.mapped.get(column).map(|mapped| mapped.kind);
    let is_told = match condition {
        Predicate::Within { column, ranges } => {
            let is_counted = matches!(kind(column), Some(Field::Number(_) | Field::Date | Field::DateNanos));
            is_counted && spans(ranges.iter()) <= RANGES_MAX
        }
        Predicate::Addresses { column, ranges } => {
            kind(column) == Some(Field::Ip) && spans(ranges.iter()) <= RANGES_MAX
        }
        Predicate::OneOf { column, texts } => match kind(column) {
            // Longer texts are kept and not found.
            Some(Field::Keyword(chars_max)) => texts.iter().all(|text| text.chars().count() <= chars_max),
            _ => false,
        },
        Predicate::Missing { .. } | Predicate::All(_) | Predicate::Any(_) => false,
    };
    if is_told { Support::Inexact } else { Support::No }
}

fn spans<T: PartialEq>(ranges: impl Iterator<Item = (T, T)>) -> usize {
    ranges.filter(|(first, last)| first != last).count()
}

/// A condition.
pub(crate) fn condition(columns: &Columns, predicate: &Predicate) -> Value {
    let of = |column: &String, say: &dyn Fn(&Mapped) -> Value| {
        columns.mapped.get(column).map_or_else(|| json!({"match_all": {}}), say)
    };
    match predicate {
        predicate if predicate.is_always() => json!({"match_all": {}}),
        Predicate::All(parts) => {
            let parts: Vec<Value> = parts.iter().map(|part| condition(columns, part)).collect();
            json!({"bool": {"filter": parts}})
        }
        Predicate::Any(parts) => any(parts.iter().map(|part| condition(columns, part)).collect()),
        Predicate::Within { column, ranges } => of(column, &|mapped| within(mapped, ranges)),
        Predicate::Addresses { column, ranges } => of(column, &|mapped| {
            let address = |number: u128| json!(IpAddr::V6(Ipv6Addr::from(number)).to_canonical().to_string());
            compared(&mapped.field, ranges.iter(), &address, None)
        }),
        Predicate::OneOf { column, texts } => of(column, &|mapped| json!({"terms": {&mapped.field: texts}})),
        // Never asked, as it is not supported; true of more rows than it should be.
        Predicate::Missing { .. } => json!({"match_all": {}}),
    }
}

fn within(mapped: &Mapped, ranges: &Ranges<i128>) -> Value {
    let field = &mapped.field;
    let number = |number: i128| match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => json!(number),
        (_, Ok(number)) => json!(number),
        _ => json!(number.to_string()),
    };
    match mapped.kind {
        Field::Date => {
            let ranges = in_units(ranges, NANOS_PER_MILLI);
            compared(field, ranges.iter(), &number, Some("epoch_millis"))
        }
        Field::DateNanos => {
            let moment = |nanos: i128| {
                let nanos = i64::try_from(nanos).unwrap_or(i64::MAX);
                json!(DateTime::from_timestamp_nanos(nanos).format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string())
            };
            compared(field, ranges.iter(), &moment, Some("strict_date_optional_time_nanos"))
        }
        Field::Number(domain) => {
            let ranges = mapped.unit.map_or_else(|| ranges.clone(), |unit| in_units(ranges, unit.nanos()));
            let possible = ranges.shared(&Ranges::between(domain.first, domain.last));
            compared(field, possible.iter(), &number, None)
        }
        _ => json!({"match_all": {}}),
    }
}

/// That the field has a value in one of the ranges.
fn compared<T: PartialEq + Copy>(
    field: &str,
    ranges: impl Iterator<Item = (T, T)>,
    literal: &dyn Fn(T) -> Value,
    format: Option<&str>,
) -> Value {
    let (mut singles, mut parts) = (Vec::new(), Vec::new());
    for (first, last) in ranges {
        match format {
            None if first == last => singles.push(literal(first)),
            None => parts.push(json!({"range": {field: {"gte": literal(first), "lte": literal(last)}}})),
            Some(format) => {
                parts.push(json!({"range": {field: {"gte": literal(first), "lte": literal(last), "format": format}}}));
            }
        }
    }
    if !singles.is_empty() {
        parts.push(json!({"terms": {field: singles}}));
    }
    any(parts)
}

fn any(mut parts: Vec<Value>) -> Value {
    match parts.len() {
        0 => json!({"match_none": {}}),
        1 => parts.remove(0),
        _ => json!({"bool": {"should": parts, "minimum_should_match": 1}}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use remote_source::sql::Domain;

    fn columns() -> Columns {
        let mapped = |field: &str, kind| Mapped { field: field.to_owned(), kind, unit: None };
        let mapped = [
            ("src_ip", mapped("source.ip", Field::Ip)),
            ("dst_port", mapped("destination.port", Field::Number(Domain::signed(64)))),
            ("start_time", mapped("event.start", Field::Date)),
            ("end_time", mapped("event.end", Field::DateNanos)),
            ("uid", mapped("event.id", Field::Keyword(5))),
        ];
        let mapped = mapped.into_iter().map(|(name, mapped)| (name.to_owned(), mapped)).collect();
        Columns { mapped, columns: Vec::new() }
    }

    #[track_caller]
    fn check(predicate: &Predicate, expected: Value) {
        assert_eq!(condition(&columns(), predicate), expected);
    }

    fn numbers(column: &str, first: i128, last: i128) -> Predicate {
        Predicate::Within { column: column.into(), ranges: Ranges::between(first, last) }
    }

    #[test]
    fn conditions_are_json() {
        check(&numbers("dst_port", 443, 443), json!({"terms": {"destination.port": [443]}}));
        check(
            &numbers("start_time", 1_500_000, 3_999_999),
            json!({"range": {"event.start": {"gte": 2, "lte": 3, "format": "epoch_millis"}}}),
        );
        check(
            &numbers("end_time", 1, 2),
            json!({"range": {"event.end": {"gte": "1970-01-01T00:00:00.000000001Z", "lte": "1970-01-01T00:00:00.000000002Z",
                "format": "strict_date_optional_time_nanos"}}}),
        );
        let net = Ranges::between(0xffff_0a00_0000, 0xffff_0aff_ffff);
        let net = Predicate::Addresses { column: "src_ip".into(), ranges: net };
        let said = json!({"range": {"source.ip": {"gte": "10.0.0.0", "lte": "10.255.255.255"}}});
        check(&net, said.clone());
        let both = Predicate::any([net, numbers("dst_port", 1, 1)]);
        let port = json!({"terms": {"destination.port": [1]}});
        check(&both, json!({"bool": {"should": [said, port], "minimum_should_match": 1}}));
    }

    #[test]
    fn what_is_kept_and_not_found_is_not_asked() {
        let text = |text: &str| Predicate::OneOf { column: "uid".into(), texts: vec![text.into()] };
        assert_eq!(support(&columns(), &text("short")), Support::Inexact);
        assert_eq!(support(&columns(), &text("longer")), Support::No);
        assert_eq!(support(&columns(), &Predicate::Missing { column: "uid".into() }), Support::No);
    }
}
