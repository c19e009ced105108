//! Values in the binary format of PostgreSQL.

use std::error::Error;

use remote_source::Cell;
use tokio_postgres::types::{FromSql, Type};

/// Microseconds from 1970 to 2000, from where the server counts.
pub(crate) const EPOCH_MICROS: i64 = 946_684_800_000_000;
const NANOS_PER_MICRO: i64 = 1000;
const MICROS_PER_SECOND: f64 = 1e6;
const SECONDS_PER_DAY: f64 = 86_400.0;
/// As the server counts in `EXTRACT(epoch …)`.
const DAYS_PER_MONTH: f64 = 30.0;
/// Family of an address in its binary format.
const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 3;
/// A numeric is a row of digits to this base.
const NUMERIC_BASE: i128 = 10_000;
const NUMERIC_NEGATIVE: u16 = 0x4000;

/// The bytes of a value, whatever its type.
pub(crate) struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Raw(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// What the bytes of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Inet,
    Bytes,
    Timestamptz,
    Timestamp,
    Date,
    Interval,
}

impl Format {
    /// Of a type; `None` for types whose values are asked for as text.
    pub(crate) fn of(kind: &Type) -> Option<Self> {
        Some(match *kind {
            Type::INT2 => Self::Int2,
            Type::INT4 => Self::Int4,
            Type::INT8 => Self::Int8,
            Type::OID => Self::Oid,
            Type::FLOAT4 => Self::Float4,
            Type::FLOAT8 => Self::Float8,
            Type::NUMERIC => Self::Numeric,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => Self::Text,
            Type::INET | Type::CIDR => Self::Inet,
            Type::BYTEA | Type::MACADDR => Self::Bytes,
            Type::TIMESTAMPTZ => Self::Timestamptz,
            Type::TIMESTAMP => Self::Timestamp,
            Type::DATE => Self::Date,
            Type::INTERVAL => Self::Interval,
            _ => return None,
        })
    }

    /// The cell of a value; what is none of the format is odd.
    pub(crate) fn cell<'a>(self, raw: Option<&Raw<'a>>) -> Cell<'a> {
        let Some(Raw(bytes)) = raw else { return Cell::Null };
        self.read(bytes).unwrap_or(Cell::Odd)
    }

    fn read<'a>(self, bytes: &'a [u8]) -> Option<Cell<'a>> {
        Some(match self {
            Self::Int2 => Cell::Integer(i128::from(i16::from_be_bytes(bytes.try_into().ok()?))),
            Self::Int4 => Cell::Integer(i128::from(i32::from_be_bytes(bytes.try_into().ok()?))),
            Self::Int8 => Cell::Integer(i128::from(i64::from_be_bytes(bytes.try_into().ok()?))),
            Self::Oid => Cell::Integer(i128::from(u32::from_be_bytes(bytes.try_into().ok()?))),
            Self::Float4 => Cell::Real(f64::from(f32::from_be_bytes(bytes.try_into().ok()?))),
            Self::Float8 => Cell::Real(f64::from_be_bytes(bytes.try_into().ok()?)),
            Self::Numeric => numeric(bytes)?,
            Self::Text => Cell::Text(std::str::from_utf8(bytes).ok()?),
            Self::Inet => Cell::Bytes(host(bytes)?),
            Self::Bytes => Cell::Bytes(bytes),
            Self::Timestamptz => Cell::Time(nanos(bytes)?),
            Self::Timestamp => Cell::LocalTime(nanos(bytes)?),
            Self::Date => {
                let days = i64::from(i32::from_be_bytes(bytes.try_into().ok()?));
                let micros = days.checked_mul(86_400_000_000)?.checked_add(EPOCH_MICROS)?;
                Cell::LocalTime(micros.checked_mul(NANOS_PER_MICRO)?)
            }
            Self::Interval => Cell::Real(seconds(bytes)?),
        })
    }
}

/// Nanoseconds since 1970; `None` for infinity and what is too far away.
fn nanos(bytes: &[u8]) -> Option<i64> {
    let micros = i64::from_be_bytes(bytes.try_into().ok()?);
    micros.checked_add(EPOCH_MICROS)?.checked_mul(NANOS_PER_MICRO)
}

#[expect(clippy::cast_precision_loss, reason = "a float is what the column holds")]
fn seconds(bytes: &[u8]) -> Option<f64> {
    let (micros, rest) = bytes.split_first_chunk::<8>()?;
    let (days, months) = rest.split_first_chunk::<4>()?;
    let days = f64::from(i32::from_be_bytes(*days));
    let months = f64::from(i32::from_be_bytes(months.try_into().ok()?));
    let micros = i64::from_be_bytes(*micros) as f64;
    Some(micros / MICROS_PER_SECOND + (days + months * DAYS_PER_MONTH) * SECONDS_PER_DAY)
}

/// The bytes of the one address that it is; a network is none.
fn host(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [FAMILY_V4, 32, _, 4, address @ ..] if address.len() == 4 => Some(address),
        [FAMILY_V6, 128, _, 16, address @ ..] if address.len() == 16 => Some(address),
        _ => None,
    }
}

/// A whole number where it is one, else a float; `None` for NaN, infinity and more than 38 digits.
#[expect(clippy::cast_precision_loss, reason = "a number with a fraction is no count")]
fn numeric(bytes: &[u8]) -> Option<Cell<'static>> {
    let word = |at: usize| bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes);
    let (count, weight, sign) = (usize::from(word(0)?), word(2)?.cast_signed(), word(4)?);
    if sign & !NUMERIC_NEGATIVE != 0 {
        return None;
    }
    let digit = |at: usize| word(8 + at * 2).map(i128::from);
    let sign = if sign == NUMERIC_NEGATIVE { -1 } else { 1 };
    let places = i32::from(weight) + 1;
    let is_whole = (0..count).all(|at| (at as i32) < places || digit(at) == Some(0));
    if is_whole {
        let mut number: i128 = 0;
        for at in 0..usize::try_from(places).unwrap_or(0) {
            let digit = if at < count { digit(at)? } else { 0 };
            number = number.checked_mul(NUMERIC_BASE)?.checked_add(digit)?;
        }
        return Some(Cell::Integer(sign * number));
    }
    let mut number = 0.0;
    for at in 0..count {
        let power = places - 1 - i32::try_from(at).ok()?;
        number += digit(at)? as f64 * (NUMERIC_BASE as f64).powi(power);
    }
    Some(Cell::Real(sign as f64 * number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(format: Format, bytes: &'a [u8]) -> Cell<'a> {
        format.cell(Some(&Raw(bytes)))
    }

    #[test]
    fn hosts_are_addresses_and_networks_are_not() {
        assert_eq!(read(Format::Inet, &[2, 32, 0, 4, 10, 0, 0, 1]), Cell::Bytes(&[10, 0, 0, 1]));
        assert_eq!(read(Format::Inet, &[2, 24, 0, 4, 10, 0, 0, 1]), Cell::Odd);
        assert_eq!(read(Format::Inet, &[2, 32, 0, 4, 10]), Cell::Odd);
        assert_eq!(Format::Inet.cell(None), Cell::Null);
    }

    #[test]
    fn numerics() {
        // 18446744073709551615 = 1844|6744|0737|0955|1615
        let largest: Vec<u8> =
            [5_u16, 4, 0, 0, 1844, 6744, 737, 955, 1615].iter().flat_map(|word| word.to_be_bytes()).collect();
        assert_eq!(read(Format::Numeric, &largest), Cell::Integer(i128::from(u64::MAX)));
        let words = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        assert_eq!(read(Format::Numeric, &words(&[1, 1, 0x4000, 0, 5])), Cell::Integer(-50_000));
        assert_eq!(read(Format::Numeric, &words(&[2, 0, 0, 2, 1, 5000])), Cell::Real(1.5));
        assert_eq!(read(Format::Numeric, &words(&[0, 0, 0, 0])), Cell::Integer(0));
        assert_eq!(read(Format::Numeric, &words(&[0, 0, 0xc000, 0])), Cell::Odd);
        assert_eq!(read(Format::Numeric, &[0, 9]), Cell::Odd);
    }

    #[test]
    fn times_end_where_64_bits_do() {
        let time = |micros: i64| nanos(&micros.to_be_bytes());
        assert_eq!(time(0), Some(946_684_800_000_000_000));
        assert_eq!(time(i64::MAX), None);
        assert_eq!(time(i64::MIN), None);
    }
}
