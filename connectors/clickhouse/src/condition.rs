//! What a query wants, in the SQL of ClickHouse.
//!
//! Numbers, times and addresses are written by us and need no escaping; texts are escaped.

use std::net::{Ipv4Addr, Ipv6Addr};

use remote_source::source::{Holds, holds, numbers_of};
use remote_source::sql::{self, Domain, in_units};
use remote_source::{Predicate, Ranges, Support, TimeUnit};

use crate::columns::{Columns, Mapped};
use crate::kinds::Kind;

/// The addresses that IPv4 is mapped to.
const MAPPED: (u128, u128) = (0xffff_0000_0000, 0xffff_ffff_ffff);
/// The last twelve of sixteen bytes that hold an IPv4 address in the first four.
const ZEROS: &str = "unhex('000000000000000000000000')";
/// What numbers of parts of a second can be.
const PARTS: Domain = Domain { first: i64::MIN as i128, last: i64::MAX as i128 };

/// How well a condition on one column is answered.
pub(crate) fn support(columns: &Columns, condition: &Predicate) -> Support {
    let kind = |column: &String| columns.mapped.get(column).map(|mapped| mapped.kind);
    match condition {
        Predicate::Within { column, .. } => match kind(column) {
            Some(Kind::Number(_) | Kind::DateTime | Kind::DateTime64(_)) => Support::Exact,
            _ => Support::No,
        },
        Predicate::Addresses { column, .. } => match kind(column) {
            Some(Kind::Ipv4 | Kind::Ipv6 | Kind::Fixed16) => Support::Exact,
            _ => Support::No,
        },
        Predicate::OneOf { column, .. } if kind(column) == Some(Kind::Text) => Support::Inexact,
        Predicate::Missing { column } => match kind(column) {
            Some(Kind::Ipv4 | Kind::Ipv6 | Kind::Fixed16) => Support::Exact,
            // Whatever else the reader makes NULL must be said too: numbers that the column cannot have.
            Some(Kind::Number(_) | Kind::DateTime | Kind::DateTime64(_)) if numbers_of(column).is_some() => {
                Support::Exact
            }
            Some(Kind::Text) if holds(column) == Holds::Texts => Support::Inexact,
            _ => Support::No,
        },
        _ => Support::No,
    }
}

/// A condition.
pub(crate) fn condition(columns: &Columns, predicate: &Predicate) -> String {
    let of = |column: &String, say: &dyn Fn(&Mapped) -> String| {
        columns.mapped.get(column).map_or_else(|| sql::ALWAYS.to_owned(), say)
    };
    match predicate {
        Predicate::All(parts) => sql::all(parts.iter().map(|part| condition(columns, part)).collect()),
        Predicate::Any(parts) => sql::any(parts.iter().map(|part| condition(columns, part)).collect()),
        Predicate::Within { column, ranges } => of(column, &|mapped| within(mapped, ranges)),
        Predicate::Addresses { column, ranges } => of(column, &|mapped| addresses(mapped, ranges)),
        Predicate::Missing { column } => of(column, &|mapped| missing(column, mapped)),
        Predicate::OneOf { column, texts } => {
            let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
            of(column, &|mapped| format!("{} IN ({})", mapped.value, texts.join(", ")))
        }
    }
}

fn within(mapped: &Mapped, ranges: &Ranges<i128>) -> String {
    let value = &mapped.value;
    match (mapped.kind, mapped.unit) {
        (Kind::DateTime, _) => {
            let literal = |seconds: i128| format!("toDateTime({seconds})");
            sql::within(value, &in_units(ranges, TimeUnit::Seconds.nanos()), Domain::unsigned(32), &literal)
        }
        (Kind::DateTime64(unit), _) => {
            let name = match unit {
                TimeUnit::Nanoseconds => "fromUnixTimestamp64Nano",
                TimeUnit::Microseconds => "fromUnixTimestamp64Micro",
                TimeUnit::Milliseconds | TimeUnit::Seconds => "fromUnixTimestamp64Milli",
            };
            let literal = |number: i128| format!("{name}(toInt64({number}))");
            sql::within(value, &in_units(ranges, unit.nanos()), PARTS, &literal)
        }
        (Kind::Number(domain), Some(unit)) => {
            sql::within(value, &in_units(ranges, unit.nanos()), domain, &|number| number.to_string())
        }
        (Kind::Number(domain), None) => sql::within(value, ranges, domain, &|number| number.to_string()),
        _ => sql::ALWAYS.to_owned(),
    }
}

/// That a value would be NULL here: it is so there, or is none that the column can have.
fn missing(column: &str, mapped: &Mapped) -> String {
    let value = &mapped.value;
    let is_null = format!("{value} IS NULL");
    let other = match mapped.kind {
        Kind::Ipv4 | Kind::Ipv6 | Kind::Fixed16 => None,
        Kind::Text => Some(format!("{value} = ''")),
        _ => numbers_of(column).map(|all| within(mapped, &all)).filter(|all| !all.ends_with("IS NOT NULL")),
    };
    let other = other.map(|condition| match mapped.kind {
        Kind::Text => condition,
        _ => format!("NOT ({condition})"),
    });
    sql::any([is_null].into_iter().chain(other).collect())
}

fn addresses(mapped: &Mapped, ranges: &Ranges<u128>) -> String {
    let value = &mapped.value;
    let v4 = Ranges::of(ranges.iter().map(|(first, last)| (first.max(MAPPED.0), last.min(MAPPED.1))));
    let v4_address = |number: u128| Ipv4Addr::from((number - MAPPED.0) as u32);
    match mapped.kind {
        Kind::Ipv4 => compared(value, &v4, &|number| format!("toIPv4('{}')", v4_address(number))),
        Kind::Ipv6 => compared(value, ranges, &|number| format!("toIPv6('{}')", Ipv6Addr::from(number))),
        Kind::Fixed16 => {
            let rest = format!("substring({value}, 5, 12)");
            let short = compared(value, &v4, &|number| format!("unhex('{:032x}')", (number - MAPPED.0) << 96));
            let whole = compared(value, ranges, &|number| format!("unhex('{number:032x}')"));
            format!("(({rest} = {ZEROS} AND {short}) OR ({rest} <> {ZEROS} AND {whole}))")
        }
        _ => sql::ALWAYS.to_owned(),
    }
}

fn compared(value: &str, ranges: &Ranges<u128>, literal: &dyn Fn(u128) -> String) -> String {
    let (singles, spans): (Vec<_>, Vec<_>) = ranges.iter().partition(|(first, last)| first == last);
    let singles: Vec<String> = singles.into_iter().map(|(address, _)| literal(address)).collect();
    let one_of = match singles.as_slice() {
        [] => None,
        [one] => Some(format!("{value} = {one}")),
        several => Some(format!("{value} IN ({})", several.join(", "))),
    };
    let spans = spans
        .into_iter()
        .map(|(first, last)| format!("({value} >= {} AND {value} <= {})", literal(first), literal(last)));
    sql::any(one_of.into_iter().chain(spans).collect())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for letter in text.chars() {
        if matches!(letter, '\'' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        let mapped = |value: &str, kind, unit| Mapped { value: value.to_owned(), kind, unit };
        let mapped = [
            ("src_ip", mapped("`a`", Kind::Fixed16, None)),
            ("dst_ip", mapped("`b`", Kind::Ipv6, None)),
            ("exporter_ip", mapped("`e`", Kind::Ipv4, None)),
            ("dst_port", mapped("`p`", Kind::Number(Domain::unsigned(32)), None)),
            ("start_time", mapped("`t`", Kind::DateTime, Some(TimeUnit::Seconds))),
            ("end_time", mapped("`n`", Kind::Number(Domain::unsigned(64)), Some(TimeUnit::Nanoseconds))),
            ("duration_s", mapped("`d`", Kind::Number(Domain::unsigned(64)), None)),
            ("uid", mapped("`u`", Kind::Text, None)),
        ];
        let mapped = mapped.into_iter().map(|(name, mapped)| (name.to_owned(), mapped)).collect();
        Columns { mapped, columns: Vec::new() }
    }

    #[track_caller]
    fn check(predicate: &Predicate, sql: &str) {
        assert_eq!(condition(&columns(), predicate), sql);
    }

    fn numbers(column: &str, first: i128, last: i128) -> Predicate {
        Predicate::Within { column: column.into(), ranges: Ranges::between(first, last) }
    }

    fn net(column: &str) -> Predicate {
        let ranges = Ranges::between(MAPPED.0 + 0x0a00_0000, MAPPED.0 + 0x0aff_ffff);
        Predicate::Addresses { column: column.into(), ranges }
    }

    #[test]
    fn conditions_in_sql() {
        check(&numbers("dst_port", 0, 1023), "`p` <= 1023");
        check(&numbers("dst_port", 0, 65_535), "`p` <= 65535");
        check(&numbers("start_time", 1, 2_500_000_000), "(`t` >= toDateTime(1) AND `t` <= toDateTime(2))");
        check(&numbers("end_time", 1, 2), "(`n` >= 1 AND `n` <= 2)");
        check(&Predicate::Missing { column: "dst_port".into() }, "(`p` IS NULL OR NOT (`p` <= 65535))");
        check(&Predicate::Missing { column: "dst_ip".into() }, "`b` IS NULL");
        let texts = vec!["it's".to_owned(), "a\\".to_owned()];
        check(&Predicate::OneOf { column: "uid".into(), texts }, "`u` IN ('it\\'s', 'a\\\\')");
    }

    #[test]
    fn missing_is_said_only_with_all_that_the_reader_makes_null() {
        let missing = |column: &str| support(&columns(), &Predicate::Missing { column: column.into() });
        assert_eq!((missing("dst_port"), missing("src_ip")), (Support::Exact, Support::Exact));
        assert_eq!(missing("duration_s"), Support::No);
    }

    #[test]
    fn networks_in_each_type_of_address() {
        check(&net("exporter_ip"), "(`e` >= toIPv4('10.0.0.0') AND `e` <= toIPv4('10.255.255.255'))");
        check(&net("dst_ip"), "(`b` >= toIPv6('::ffff:10.0.0.0') AND `b` <= toIPv6('::ffff:10.255.255.255'))");
        check(
            &net("src_ip"),
            "((substring(`a`, 5, 12) = unhex('000000000000000000000000') AND \
             (`a` >= unhex('0a000000000000000000000000000000') AND `a` <= unhex('0affffff000000000000000000000000'))) OR \
             (substring(`a`, 5, 12) <> unhex('000000000000000000000000') AND \
             (`a` >= unhex('00000000000000000000ffff0a000000') AND `a` <= unhex('00000000000000000000ffff0affffff'))))",
        );
        let v6 = Predicate::Addresses { column: "exporter_ip".into(), ranges: Ranges::between(1, 1) };
        check(&v6, sql::NEVER);
    }
}
