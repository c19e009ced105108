//! One value as a server gave it, and what it means in a column of flows.
//!
//! Servers write the same thing in many ways: numbers as text, times as numbers, addresses as bytes. What can be read
//! without guessing is read; anything else is unreadable, which is not the same as missing.

use std::borrow::Cow;
use std::net::IpAddr;

use arrow_schema::{DataType, Field};
use chrono_tz::Tz;
use file_source::text::Zone;
use file_source::value::{decimal, float};
use flow_source::address::{ip_from_bytes, parse_ip};
use flow_source::is_ip_field;
use flow_source::protocol::{protocol_number, tcp_flags_of_letters};

use crate::source::TimeUnit;

const NANOS_PER_SECOND: f64 = 1e9;
/// Digits behind the point that a float of seconds since 1970 still has: it is rounded to microseconds.
const FLOAT_MICROS: f64 = 1e6;

/// A value as a server gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// A whole number.
    Integer(i128),
    /// A whole number of which the server gives the first digits only; its flow carries a note.
    Rounded(u64),
    /// Any other number.
    Real(f64),
    /// A text; an empty one is no value.
    Text(&'a str),
    /// Bytes: an address of 4 or 16.
    Bytes(&'a [u8]),
    /// An address.
    Address(IpAddr),
    /// Nanoseconds since 1970 UTC.
    Time(i64),
    /// What a clock in the zone of the source showed, as nanoseconds since it showed 1970.
    LocalTime(i64),
    /// Something that is no value of any column.
    Odd,
}

/// What a cell means in a column of flows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Missing,
    Unreadable,
    /// Nanoseconds since 1970 UTC, after that moment.
    Time(i64),
    Seconds(f64),
    Address(IpAddr),
    Number(u64),
    Text(Cow<'a, str>),
}

/// How cells of one column are read.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    what: What,
    unit: Option<TimeUnit>,
    zone: Tz,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Time,
    Seconds,
    Address,
    /// Up to a greatest number.
    Number(u64),
    Protocol,
    TcpFlags,
    Text,
    /// In lower case.
    Name,
    Mac,
    Direction,
    /// Of a type that no server gives.
    Nothing,
}

impl Reader {
    pub(crate) fn new(field: &Field, unit: Option<TimeUnit>, zone: Tz) -> Self {
        let what = match (field.name().as_str(), field.data_type()) {
            (_, DataType::Timestamp(..)) => What::Time,
            (_, DataType::Float64) => What::Seconds,
            _ if is_ip_field(field) => What::Address,
            ("protocol", _) => What::Protocol,
            ("tcp_flags" | "rev_tcp_flags", _) => What::TcpFlags,
            ("protocol_name", _) => What::Name,
            ("src_mac" | "dst_mac", _) => What::Mac,
            ("direction", _) => What::Direction,
            (_, DataType::UInt8) => What::Number(u64::from(u8::MAX)),
            (_, DataType::UInt16) => What::Number(u64::from(u16::MAX)),
            (_, DataType::UInt32) => What::Number(u64::from(u32::MAX)),
            (_, DataType::UInt64) => What::Number(u64::MAX),
            (_, kind) if kind.is_string() => What::Text,
            _ => What::Nothing,
        };
        Self { what, unit, zone }
    }

    pub(crate) fn read<'a>(&self, cell: Cell<'a>) -> Value<'a> {
        let read = match cell {
            Cell::Null => return Value::Missing,
            Cell::Text("") => return Value::Missing,
            cell => match self.what {
                What::Time => self.time(cell).map(|nanos| if nanos > 0 { Value::Time(nanos) } else { Value::Missing }),
                What::Seconds => self.seconds(cell).filter(|it| it.is_finite() && *it >= 0.0).map(Value::Seconds),
                What::Address => address(cell).map(Value::Address),
                What::Number(last) => number(cell).filter(|number| *number <= last).map(Value::Number),
                What::Protocol => protocol(cell).map(Value::Number),
                What::TcpFlags => flags(cell).map(Value::Number),
                What::Text => text(cell).map(Value::Text),
                What::Name => text(cell).map(|name| Value::Text(name.to_ascii_lowercase().into())),
                What::Mac => mac(cell).map(|mac| Value::Text(mac.into())),
                What::Direction => text(cell).map(|word| Value::Text(direction(word))),
                What::Nothing => None,
            },
        };
        read.unwrap_or(Value::Unreadable)
    }

    fn time(&self, cell: Cell<'_>) -> Option<i64> {
        match cell {
            Cell::Time(nanos) => Some(nanos),
            Cell::LocalTime(nanos) if self.zone == Tz::UTC => Some(nanos),
            Cell::LocalTime(nanos) => Zone::of(self.zone).moment_of_clock(nanos),
            Cell::Integer(number) => i64::try_from(number.checked_mul(i128::from(self.unit?.nanos()))?).ok(),
            Cell::Real(number) => of_float(number, self.unit?),
            Cell::Text(text) => match self.unit {
                Some(unit) => decimal(text.trim().as_bytes(), unit.exponent()),
                None => Zone::of(self.zone).moment(text.trim()),
            },
            _ => None,
        }
    }

    /// Whether the clock of the server showed this time twice.
    pub(crate) fn is_ambiguous(&self, cell: Cell<'_>) -> bool {
        let zone = Zone::of(self.zone);
        match cell {
            _ if self.what != What::Time => false,
            Cell::LocalTime(nanos) => zone.is_ambiguous_clock(nanos),
            Cell::Text(text) if self.unit.is_none() => zone.is_ambiguous(text.trim()),
            _ => false,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "lengths of time are far below 2^53 of any unit")]
    fn seconds(&self, cell: Cell<'_>) -> Option<f64> {
        let unit = self.unit.unwrap_or(TimeUnit::Seconds).nanos() as f64 / NANOS_PER_SECOND;
        match cell {
            Cell::Integer(number) => Some(number as f64 * unit),
            Cell::Real(number) => Some(number * unit),
            Cell::Text(text) => float(text.trim().as_bytes()).map(|number| number * unit),
            _ => None,
        }
    }
}

impl TimeUnit {
    fn exponent(self) -> i32 {
        match self {
            Self::Seconds => 9,
            Self::Milliseconds => 6,
            Self::Microseconds => 3,
            Self::Nanoseconds => 0,
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the range is checked before")]
fn of_float(number: f64, unit: TimeUnit) -> Option<i64> {
    let micros = (number * unit.nanos() as f64 / NANOS_PER_SECOND * FLOAT_MICROS).round();
    (micros.abs() < i64::MAX as f64 / 1000.0).then(|| micros as i64 * 1000)
}

fn address(cell: Cell<'_>) -> Option<IpAddr> {
    match cell {
        Cell::Address(address) => Some(address.to_canonical()),
        Cell::Text(text) => parse_ip(text.trim()),
        Cell::Bytes(&[a, b, c, d]) => Some(IpAddr::from([a, b, c, d])),
        Cell::Bytes(bytes) => ip_from_bytes(bytes),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
fn number(cell: Cell<'_>) -> Option<u64> {
    /// Beyond, a float has no ones.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    match cell {
        Cell::Integer(number) => u64::try_from(number).ok(),
        Cell::Rounded(number) => Some(number),
        Cell::Real(number) => (number.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&number)).then_some(number as u64),
        Cell::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn protocol(cell: Cell<'_>) -> Option<u64> {
    match cell {
        Cell::Text(text) => protocol_number(text).map(u64::from),
        cell => number(cell).filter(|number| *number <= u64::from(u8::MAX)),
    }
}

fn flags(cell: Cell<'_>) -> Option<u64> {
    let of_letters = |text: &str| tcp_flags_of_letters(text.trim()).map(u64::from);
    match cell {
        Cell::Text(text) => number(cell).filter(|number| *number <= u64::from(u16::MAX)).or_else(|| of_letters(text)),
        cell => number(cell).filter(|number| *number <= u64::from(u16::MAX)),
    }
}

fn text(cell: Cell<'_>) -> Option<Cow<'_, str>> {
    match cell {
        Cell::Text(text) => Some(text.into()),
        Cell::Integer(number) => Some(number.to_string().into()),
        Cell::Real(number) => Some(number.to_string().into()),
        Cell::Address(address) => Some(address.to_canonical().to_string().into()),
        _ => None,
    }
}

/// Also without colons, with dashes or dots, as six bytes, or as the number that they are.
fn mac(cell: Cell<'_>) -> Option<String> {
    let digits: String = match cell {
        Cell::Bytes(bytes) if bytes.len() == 6 => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Cell::Integer(number) if (0..1 << 48).contains(&number) => format!("{number:012x}"),
        Cell::Text(text) => text.chars().filter(|c| !":-.".contains(*c)).collect::<String>().to_ascii_lowercase(),
        _ => return None,
    };
    let is_mac = digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let pairs: Vec<&str> = is_mac.then(|| (0..6).map(|pair| &digits[pair * 2..pair * 2 + 2]).collect())?;
    Some(pairs.join(":"))
}

/// In the words of the flow schema where it has one.
fn direction(word: Cow<'_, str>) -> Cow<'_, str> {
    match word.to_ascii_lowercase().as_str() {
        "in" | "ingress" | "inbound" => "in".into(),
        "out" | "egress" | "outbound" => "out".into(),
        known @ ("internal" | "external") => known.to_owned().into(),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_source::flow_schema;

    fn read<'a>(column: &str, unit: Option<TimeUnit>, cell: Cell<'a>) -> Value<'a> {
        let schema = flow_schema();
        Reader::new(schema.field_with_name(column).expect("a column"), unit, Tz::Europe__Prague).read(cell)
    }

    #[test]
    fn times() {
        let noon = 1_719_828_000_000_000_000;
        let time = |unit, cell| read("start_time", unit, cell);
        assert_eq!(time(None, Cell::Text("2024-07-01T10:00:00Z")), Value::Time(noon));
        assert_eq!(time(None, Cell::Text("2024-07-01 12:00:00")), Value::Time(noon));
        assert_eq!(time(None, Cell::LocalTime(noon + 7_200_000_000_000)), Value::Time(noon));
        assert_eq!(time(Some(TimeUnit::Seconds), Cell::Integer(1_719_828_000)), Value::Time(noon));
        assert_eq!(time(Some(TimeUnit::Milliseconds), Cell::Text("1719828000000")), Value::Time(noon));
        assert_eq!(time(Some(TimeUnit::Seconds), Cell::Real(1_719_828_000.000_001)), Value::Time(noon + 1000));
        assert_eq!(time(None, Cell::Integer(1_719_828_000)), Value::Unreadable);
        assert_eq!(time(Some(TimeUnit::Seconds), Cell::Integer(i128::from(i64::MAX))), Value::Unreadable);
        assert_eq!(time(None, Cell::Time(0)), Value::Missing);
        assert_eq!(time(None, Cell::Text("yesterday")), Value::Unreadable);
    }

    #[test]
    fn the_hour_that_comes_twice() {
        let schema = flow_schema();
        let reader = |column: &str, unit| {
            Reader::new(schema.field_with_name(column).expect("a column"), unit, Tz::Europe__Prague)
        };
        let start = reader("start_time", None);
        // 02:30 by the clock.
        let local = 1_729_996_200_000_000_000;
        assert!(start.is_ambiguous(Cell::LocalTime(local)) && start.is_ambiguous(Cell::Text("2024-10-27 02:30:00")));
        assert!(
            !start.is_ambiguous(Cell::LocalTime(local + 3_600_000_000_000)) && !start.is_ambiguous(Cell::Time(local))
        );
        assert!(!start.is_ambiguous(Cell::Text("2024-10-27T02:30:00Z")) && !start.is_ambiguous(Cell::Null));
        assert!(!reader("start_time", Some(TimeUnit::Seconds)).is_ambiguous(Cell::Text("1729996200")));
        assert!(!reader("uid", None).is_ambiguous(Cell::Text("2024-10-27 02:30:00")));
    }

    #[test]
    fn numbers_addresses_and_names() {
        assert_eq!(read("dst_port", None, Cell::Integer(65_535)), Value::Number(65_535));
        assert_eq!(read("dst_port", None, Cell::Integer(65_536)), Value::Unreadable);
        assert_eq!(read("bytes", None, Cell::Text("18446744073709551615")), Value::Number(u64::MAX));
        assert_eq!(read("bytes", None, Cell::Rounded(1_300_000_000)), Value::Number(1_300_000_000));
        assert_eq!(read("bytes", None, Cell::Real(1.5)), Value::Unreadable);
        assert_eq!(read("bytes", None, Cell::Real(3e9)), Value::Number(3_000_000_000));
        assert_eq!(read("protocol", None, Cell::Text("UDP")), Value::Number(17));
        assert_eq!(read("tcp_flags", None, Cell::Text("....AP.S")), Value::Number(0x1a));
        let address = |text: &str| Value::Address(text.parse().expect("an address"));
        assert_eq!(read("src_ip", None, Cell::Text("::ffff:10.0.0.1")), address("10.0.0.1"));
        assert_eq!(read("src_ip", None, Cell::Bytes(&[10, 0, 0, 1])), address("10.0.0.1"));
        assert_eq!(read("src_ip", None, Cell::Bytes(&[10, 0])), Value::Unreadable);
        assert_eq!(read("src_ip", None, Cell::Text("host")), Value::Unreadable);
        let text = |text: &str| Value::Text(text.to_owned().into());
        assert_eq!(read("src_mac", None, Cell::Text("000D3A36C783")), text("00:0d:3a:36:c7:83"));
        assert_eq!(read("src_mac", None, Cell::Integer(0x000d_3a36_c783)), text("00:0d:3a:36:c7:83"));
        assert_eq!(read("direction", None, Cell::Text("ingress")), text("in"));
        assert_eq!(read("protocol_name", None, Cell::Text("TCP")), text("tcp"));
        assert_eq!(read("uid", None, Cell::Text("")), Value::Missing);
        assert_eq!(read("duration_s", Some(TimeUnit::Nanoseconds), Cell::Integer(2_500_000_000)), Value::Seconds(2.5));
    }
}
