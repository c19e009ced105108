//! What a query wants, in the SQL of PostgreSQL.
//!
//! Numbers, times and addresses are written by us and need no escaping; texts are bound as parameters.

use std::net::{Ipv4Addr, Ipv6Addr};

use chrono::DateTime;
use chrono_tz::Tz;
use remote_source::source::{Holds, holds, numbers_of};
use remote_source::sql::{self, Domain, in_units};
use remote_source::{Predicate, Ranges, Support};

use crate::columns::{Columns, Mapped, Native};

const NANOS_PER_MICRO: i64 = 1000;
/// Clocks of a zone and UTC are never further apart, also where a zone changed its day.
const ZONE_NANOS_MAX: i128 = 26 * 3600 * 1_000_000_000;
/// The addresses that IPv4 is mapped to.
const MAPPED: (u128, u128) = (0xffff_0000_0000, 0xffff_ffff_ffff);
/// Microseconds are all the numbers that a timestamp can be.
const MICROS: Domain = Domain { first: i64::MIN as i128, last: i64::MAX as i128 };

/// How well a condition on one column is answered.
pub(crate) fn support(columns: &Columns, condition: &Predicate) -> Support {
    let native = |column: &String| columns.mapped.get(column).map(|mapped| mapped.native);
    match condition {
        Predicate::Within { column, .. } => match native(column) {
            Some(Native::Number(_) | Native::Count { .. } | Native::Timestamptz) => Support::Exact,
            Some(Native::Timestamp) if columns.zone == Tz::UTC => Support::Exact,
            Some(Native::Timestamp) => Support::Inexact,
            Some(Native::Numeric) if !column.ends_with("_time") => Support::Inexact,
            _ => Support::No,
        },
        Predicate::Addresses { column, .. } if native(column) == Some(Native::Inet) => Support::Exact,
        // How a server compares texts is a matter of its collation.
        Predicate::OneOf { column, .. } if native(column) == Some(Native::Text) => Support::Inexact,
        Predicate::Missing { column } => match native(column) {
            Some(Native::Inet) => Support::Exact,
            // Whatever else the reader makes NULL must be said too: numbers that the column cannot have.
            Some(Native::Number(_) | Native::Count { .. } | Native::Timestamptz) if numbers_of(column).is_some() => {
                Support::Exact
            }
            Some(Native::Timestamp) if columns.zone == Tz::UTC => Support::Exact,
            Some(Native::Text) if holds(column) == Holds::Texts => Support::Inexact,
            _ => Support::No,
        },
        _ => Support::No,
    }
}

/// A condition and the texts that are bound to its parameters.
pub(crate) fn condition(columns: &Columns, predicate: &Predicate) -> (String, Vec<String>) {
    let mut saying = Saying { columns, texts: Vec::new() };
    let said = saying.say(predicate);
    (said, saying.texts)
}

struct Saying<'a> {
    columns: &'a Columns,
    texts: Vec<String>,
}

impl Saying<'_> {
    fn say(&mut self, predicate: &Predicate) -> String {
        match predicate {
            Predicate::All(parts) => sql::all(parts.iter().map(|part| self.say(part)).collect()),
            Predicate::Any(parts) => sql::any(parts.iter().map(|part| self.say(part)).collect()),
            Predicate::Within { column, ranges } => self.of(column, |mapped, zone| within(mapped, ranges, zone)),
            Predicate::Addresses { column, ranges } => self.of(column, |mapped, _| addresses(&mapped.value, ranges)),
            Predicate::Missing { column } => self.of(column, |mapped, zone| missing(column, mapped, zone)),
            Predicate::OneOf { column, texts } => {
                let first = self.texts.len() + 1;
                self.texts.extend(texts.iter().cloned());
                let places: Vec<String> = (first..first + texts.len()).map(|place| format!("${place}")).collect();
                self.of(column, |mapped, _| format!("{} IN ({})", mapped.value, places.join(", ")))
            }
        }
    }

    /// Of columns that are not there nothing is asked.
    fn of(&self, column: &str, say: impl FnOnce(&Mapped, Tz) -> String) -> String {
        match self.columns.mapped.get(column) {
            Some(mapped) => say(mapped, self.columns.zone),
            None => sql::ALWAYS.to_owned(),
        }
    }
}

fn within(mapped: &Mapped, ranges: &Ranges<i128>, zone: Tz) -> String {
    let value = &mapped.value;
    match mapped.native {
        Native::Number(domain) => sql::within(value, ranges, domain, &number),
        Native::Count { domain, nanos } => sql::within(value, &in_units(ranges, nanos), domain, &number),
        Native::Numeric => sql::within(value, ranges, Domain { first: i128::MIN, last: i128::MAX }, &number),
        Native::Timestamptz => {
            let literal = |micros| format!("'{}+00'::timestamptz", moment(micros));
            sql::within(value, &in_units(ranges, NANOS_PER_MICRO), MICROS, &literal)
        }
        Native::Timestamp => {
            let margin = if zone == Tz::UTC { 0 } else { ZONE_NANOS_MAX };
            let wide = Ranges::of(ranges.iter().map(|(first, last)| (first - margin, last + margin)));
            let literal = |micros| format!("'{}'::timestamp", moment(micros));
            sql::within(value, &in_units(&wide, NANOS_PER_MICRO), MICROS, &literal)
        }
        Native::Inet | Native::Text | Native::Other => sql::ALWAYS.to_owned(),
    }
}

/// That a value would be NULL here: it is so there, or is none that the column can have.
fn missing(column: &str, mapped: &Mapped, zone: Tz) -> String {
    let value = &mapped.value;
    let is_null = format!("{value} IS NULL");
    let other = match mapped.native {
        Native::Inet => Some(format!("masklen({value}) <> CASE family({value}) WHEN 4 THEN 32 ELSE 128 END")),
        Native::Text => Some(format!("{value} = ''")),
        _ => numbers_of(column).map(|all| format!("NOT ({})", within(mapped, &all, zone))),
    };
    sql::any([is_null].into_iter().chain(other).collect())
}

fn number(number: i128) -> String {
    number.to_string()
}

/// As in `2024-07-01 10:00:00.123456`.
fn moment(micros: i128) -> String {
    let micros = i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX });
    let moment = DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH);
    moment.naive_utc().format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// Whole addresses in the ranges. IPv4 sorts before IPv6 there, and addresses with a shorter netmask are networks.
fn addresses(value: &str, ranges: &Ranges<u128>) -> String {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for (first, last) in ranges.iter() {
        let (from, to) = (first.max(MAPPED.0), last.min(MAPPED.1));
        if from <= to {
            v4.push((from, to));
        }
        v6.push((first, last));
    }
    let text_v4 = |number: u128| Ipv4Addr::from((number - MAPPED.0) as u32).to_string();
    let text_v6 = |number: u128| Ipv6Addr::from(number).to_string();
    let parts = [of_family(value, &v4, 32, &text_v4), of_family(value, &v6, 128, &text_v6)];
    sql::any(parts.into_iter().flatten().collect())
}

fn of_family(value: &str, ranges: &[(u128, u128)], bits: u8, text: &dyn Fn(u128) -> String) -> Option<String> {
    let literal = |number: u128| format!("'{}'::inet", text(number));
    let (singles, spans): (Vec<_>, Vec<_>) = ranges.iter().copied().partition(|(first, last)| first == last);
    let singles: Vec<String> = singles.into_iter().map(|(address, _)| literal(address)).collect();
    // Equal addresses have equal netmasks.
    let one_of = (!singles.is_empty()).then(|| format!("{value} IN ({})", singles.join(", ")));
    let spans: Vec<String> = spans
        .into_iter()
        .map(|(first, last)| format!("({value} >= {} AND {value} <= {})", literal(first), literal(last)))
        .collect();
    let spans = (!spans.is_empty()).then(|| format!("(masklen({value}) = {bits} AND {})", sql::any(spans)));
    let parts: Vec<String> = one_of.into_iter().chain(spans).collect();
    (!parts.is_empty()).then(|| sql::any(parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Format;
    use remote_source::SourceColumn;

    fn columns() -> Columns {
        let mapped = |value: &str, native| Mapped { value: value.to_owned(), format: Format::Text, native };
        let mapped = [
            ("src_ip", mapped("\"ip\"", Native::Inet)),
            ("dst_port", mapped("\"port\"", Native::Number(Domain::signed(32)))),
            ("start_time", mapped("\"at\"", Native::Timestamptz)),
            ("end_time", mapped("\"ms\"", Native::Count { domain: Domain::signed(64), nanos: 1_000_000 })),
            ("duration_s", mapped("\"took\"", Native::Number(Domain::signed(64)))),
            ("uid", mapped("\"id\"", Native::Text)),
        ];
        let mapped = mapped.into_iter().map(|(name, mapped)| (name.to_owned(), mapped)).collect();
        Columns { mapped, columns: Vec::<SourceColumn>::new(), zone: Tz::UTC }
    }

    #[track_caller]
    fn check(predicate: &Predicate, sql: &str, texts: &[&str]) {
        let (said, bound) = condition(&columns(), predicate);
        assert_eq!(said, sql);
        assert_eq!(bound, texts);
    }

    fn numbers(column: &str, first: i128, last: i128) -> Predicate {
        Predicate::Within { column: column.into(), ranges: Ranges::between(first, last) }
    }

    #[test]
    fn conditions_in_sql() {
        check(&numbers("dst_port", 443, 443), "\"port\" = 443", &[]);
        check(&numbers("dst_port", 0, 1023), "(\"port\" >= 0 AND \"port\" <= 1023)", &[]);
        check(
            &numbers("start_time", 1_719_828_000_000_000_001, 1_719_828_000_000_002_999),
            "(\"at\" >= '2024-07-01 10:00:00.000001+00'::timestamptz AND \
             \"at\" <= '2024-07-01 10:00:00.000002+00'::timestamptz)",
            &[],
        );
        check(&numbers("end_time", 1, 2_000_000), "(\"ms\" >= 1 AND \"ms\" <= 2)", &[]);
        let texts = Predicate::OneOf { column: "uid".into(), texts: vec!["a'; DROP".into(), "b".into()] };
        check(
            &Predicate::any([texts, numbers("dst_port", 1, 1)]),
            "(\"id\" IN ($1, $2) OR \"port\" = 1)",
            &["a'; DROP", "b"],
        );
        check(
            &Predicate::Missing { column: "dst_port".into() },
            "(\"port\" IS NULL OR NOT ((\"port\" >= 0 AND \"port\" <= 65535)))",
            &[],
        );
    }

    #[test]
    fn missing_is_said_only_with_all_that_the_reader_makes_null() {
        let missing = |column: &str| support(&columns(), &Predicate::Missing { column: column.into() });
        assert_eq!(missing("dst_port"), Support::Exact);
        // A negative length of time is none, and no range says so.
        assert_eq!(missing("duration_s"), Support::No);
    }

    #[test]
    fn networks_are_ranges_of_both_spellings() {
        let net = Predicate::Addresses {
            column: "src_ip".into(),
            ranges: Ranges::between(MAPPED.0 + 0x0a00_0000, MAPPED.0 + 0x0aff_ffff),
        };
        check(
            &net,
            "((masklen(\"ip\") = 32 AND (\"ip\" >= '10.0.0.0'::inet AND \"ip\" <= '10.255.255.255'::inet)) OR \
             (masklen(\"ip\") = 128 AND (\"ip\" >= '::ffff:10.0.0.0'::inet AND \"ip\" <= '::ffff:10.255.255.255'::inet)))",
            &[],
        );
        let one = Predicate::Addresses { column: "src_ip".into(), ranges: Ranges::between(1, 1) };
        check(&one, "\"ip\" IN ('::1'::inet)", &[]);
    }
}
