//! From DataFusion's filters on the columns of flows to a [`Predicate`].
//!
//! Negations are carried down to the comparisons, where they turn them round; so every part stands positively, and one
//! that has no translation may be left out of an AND. What is left out is said, never guessed.

use arrow_schema::{DataType, Field, Schema};
use datafusion_common::ScalarValue;
use datafusion_expr::expr::InList;
use datafusion_expr::{Between, BinaryExpr, Expr, Operator};
use flow_source::address::IP_BYTES;
use flow_source::is_ip_field;
use flow_source::protocol::protocol_name;

use crate::predicate::{Predicate, of_ranges};
use crate::ranges::{Ranges, Step};
use crate::rows::PROTOCOL_NAME;
use crate::table::RangesOf;

/// Texts of a list that are told to a server.
const TEXTS_MAX: usize = 1000;
/// Ranges of addresses of one list that are told to a server; a longer one is searched here, in what its ends leave.
const RANGES_MAX: usize = 1000;
const PROTOCOL: &str = "protocol";
/// Columns whose text is written anew here, so that a server would compare another one.
const REWRITTEN: &[&str] = &[PROTOCOL_NAME, "direction", "src_mac", "dst_mac"];

/// A filter as far as it can be said.
#[derive(Debug, PartialEq)]
pub(crate) struct Translated {
    pub(crate) predicate: Predicate,
    /// Whether nothing was left out.
    pub(crate) is_whole: bool,
}

/// The numbers that a column can have: those of its type, and of times those after 1970-01-01 (earlier ones, and that
/// moment itself, are how exporters write "unknown").
pub(crate) fn numbers_of(field: &Field) -> Option<Ranges<i128>> {
    let last = match field.data_type() {
        DataType::UInt8 => i128::from(u8::MAX),
        DataType::UInt16 => i128::from(u16::MAX),
        DataType::UInt32 => i128::from(u32::MAX),
        DataType::UInt64 => i128::from(u64::MAX),
        DataType::Timestamp(..) => return Some(Ranges::between(1, i128::from(i64::MAX))),
        _ => return None,
    };
    Some(Ranges::between(0, last))
}

/// The filter, or as much of it as can be said without losing rows; `None` when that is nothing.
pub(crate) fn translate(filter: &Expr, knows: &Knows<'_>) -> Option<Translated> {
    Translator(knows).condition(filter, false)
}

/// What filters are read with.
pub(crate) struct Knows<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) ranges_of: RangesOf,
    /// Whether names of protocols are made of their numbers, so that one can be asked for by the other.
    pub(crate) names_follow_numbers: bool,
}

struct Translator<'a>(&'a Knows<'a>);

impl Translator<'_> {
    fn condition(&self, filter: &Expr, negated: bool) -> Option<Translated> {
        match filter {
            Expr::Not(inner) => self.condition(inner, !negated),
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
                let sides = (self.condition(left, negated), self.condition(right, negated));
                if (*op == Operator::And) != negated { both(sides) } else { either(sides) }
            }
            other => self.part(other, negated).map(whole),
        }
    }

    fn part(&self, filter: &Expr, negated: bool) -> Option<Predicate> {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let op = if negated { op.negate()? } else { *op };
                match (self.column(left), literal(right), literal(left), self.column(right)) {
                    (Some(column), Some(value), ..) => self.comparison(column, op, value),
                    (_, _, Some(value), Some(column)) => self.comparison(column, op.swap()?, value),
                    _ => None,
                }
            }
            Expr::Between(Between { expr, negated: outside, low, high }) => {
                let (column, low, high) = (self.column(expr)?, literal(low)?, literal(high)?);
                let bounds = |from, to| Some([self.comparison(column, from, low)?, self.comparison(column, to, high)?]);
                match *outside != negated {
                    false => Some(Predicate::all(bounds(Operator::GtEq, Operator::LtEq)?)),
                    true => Some(Predicate::any(bounds(Operator::Lt, Operator::Gt)?)),
                }
            }
            Expr::InList(list) => self.in_list(list, list.negated != negated),
            Expr::IsNull(inner) => self.missing(self.column(inner)?, negated),
            Expr::IsNotNull(inner) => self.missing(self.column(inner)?, !negated),
            Expr::ScalarFunction(function) => {
                let ranges = (self.0.ranges_of)(function)?;
                let column = self.column(function.args.first()?).filter(|field| is_ip_field(field))?;
                self.in_ranges(column, &Ranges::of(ranges), negated)
            }
            Expr::Literal(ScalarValue::Boolean(value), _) => Some(match value.map(|value| value != negated) {
                Some(true) => Predicate::always(),
                _ => Predicate::never(),
            }),
            _ => None,
        }
    }

    /// A function that tests an address is false of none, so its opposite is true of none.
    fn in_ranges(&self, column: &Field, ranges: &Ranges<u128>, negated: bool) -> Option<Predicate> {
        if ranges.iter().len() > RANGES_MAX {
            return None;
        }
        let name = column.name();
        Some(match negated {
            false => addresses(name, ranges.clone()),
            true => Predicate::any([
                addresses(name, ranges.rest_of(&every_address())),
                Predicate::Missing { column: name.clone() },
            ]),
        })
    }

    fn comparison(&self, column: &Field, op: Operator, value: &ScalarValue) -> Option<Predicate> {
        if value.is_null() {
            // Also what is compared with nothing is not true.
            return op.supports_propagation().then(Predicate::never).filter(|_| !is_about_null(op));
        }
        let name = column.name();
        if is_ip_field(column) {
            return Some(addresses(name, compared(op, address_of(value)?, &every_address())?));
        }
        if let Some(all) = numbers_of(column) {
            return Some(numbers(name, compared(op, number_of(column, value)?, &all)?));
        }
        match op {
            Operator::Eq => self.one_of(column, vec![text_of(value)?]),
            _ => None,
        }
    }

    fn in_list(&self, InList { expr, list, .. }: &InList, negated: bool) -> Option<Predicate> {
        let column = self.column(expr)?;
        let values: Vec<&ScalarValue> = list.iter().map(literal).collect::<Option<_>>()?;
        let (missing, values): (Vec<&ScalarValue>, Vec<&ScalarValue>) =
            values.into_iter().partition(|value| value.is_null());
        if negated && !missing.is_empty() {
            // It is not known to differ from a value that is not known.
            return Some(Predicate::never());
        }
        let name = column.name();
        if is_ip_field(column) {
            let given: Option<Vec<u128>> = values.into_iter().map(address_of).collect();
            let ranges = Ranges::of(given?.into_iter().map(|it| (it, it)));
            let ranges = if negated { ranges.rest_of(&every_address()) } else { ranges };
            return Some(addresses(name, ranges)).filter(|_| list.len() <= RANGES_MAX);
        }
        if let Some(all) = numbers_of(column) {
            let given: Option<Vec<i128>> = values.into_iter().map(|value| number_of(column, value)).collect();
            let ranges = Ranges::of(given?.into_iter().map(|it| (it, it)));
            return Some(numbers(name, if negated { ranges.rest_of(&all) } else { ranges.shared(&all) }));
        }
        let texts: Option<Vec<String>> = values.into_iter().map(text_of).collect();
        if negated { None } else { self.one_of(column, texts?) }
    }

    fn one_of(&self, column: &Field, texts: Vec<String>) -> Option<Predicate> {
        if column.name() == PROTOCOL_NAME && self.0.names_follow_numbers {
            let known = (0..=u8::MAX)
                .filter(|number| protocol_name(*number).is_some_and(|name| texts.iter().any(|text| text == name)));
            let known = Ranges::of(known.map(|number| (i128::from(number), i128::from(number))));
            return Some(numbers(PROTOCOL, known));
        }
        let is_said = column.data_type().is_string() && !REWRITTEN.contains(&column.name().as_str());
        (is_said && !texts.is_empty() && texts.len() <= TEXTS_MAX)
            .then(|| Predicate::OneOf { column: column.name().clone(), texts })
    }

    /// That a column has a value can be said where the values that it can have are known.
    fn missing(&self, column: &Field, negated: bool) -> Option<Predicate> {
        let name = column.name();
        if !negated {
            return Some(Predicate::Missing { column: name.clone() });
        }
        if is_ip_field(column) {
            return Some(addresses(name, every_address()));
        }
        numbers_of(column).map(|all| numbers(name, all))
    }

    /// The column that an expression is, also behind a cast that keeps its numbers.
    fn column(&self, expr: &Expr) -> Option<&Field> {
        match expr {
            Expr::Column(column) => self.0.schema.field_with_name(&column.name).ok(),
            Expr::Cast(cast) => self.column(&cast.expr).filter(|from| keeps(from, cast.field.data_type())),
            Expr::TryCast(cast) => self.column(&cast.expr).filter(|from| keeps(from, cast.field.data_type())),
            _ => None,
        }
    }
}

fn whole(predicate: Predicate) -> Translated {
    Translated { predicate, is_whole: true }
}

fn both(sides: (Option<Translated>, Option<Translated>)) -> Option<Translated> {
    match sides {
        (Some(left), Some(right)) => Some(Translated {
            predicate: Predicate::all([left.predicate, right.predicate]),
            is_whole: left.is_whole && right.is_whole,
        }),
        (Some(one), None) | (None, Some(one)) => Some(Translated { is_whole: false, ..one }),
        (None, None) => None,
    }
}

fn either((left, right): (Option<Translated>, Option<Translated>)) -> Option<Translated> {
    let (left, right) = left.zip(right)?;
    let predicate = Predicate::any([left.predicate, right.predicate]);
    Some(Translated { predicate, is_whole: left.is_whole && right.is_whole })
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

/// Whether a cast keeps what a column's numbers are.
fn keeps(from: &Field, to: &DataType) -> bool {
    let bits = |kind: &DataType| match kind {
        DataType::UInt8 => Some(8),
        DataType::UInt16 => Some(16),
        DataType::UInt32 => Some(32),
        DataType::UInt64 => Some(64),
        _ => None,
    };
    let Some(needed) = bits(from.data_type()) else { return from.data_type() == to };
    match to {
        DataType::Int16 => needed < 16,
        DataType::Int32 => needed < 32,
        DataType::Int64 => needed < 64,
        DataType::Decimal128(precision, 0) => *precision >= 20,
        other => bits(other).is_some_and(|room| room >= needed),
    }
}

fn is_about_null(op: Operator) -> bool {
    matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom)
}

fn every_address() -> Ranges<u128> {
    Ranges::between(u128::MIN, u128::MAX)
}

fn addresses(column: &str, ranges: Ranges<u128>) -> Predicate {
    of_ranges(ranges, |ranges| Predicate::Addresses { column: column.to_owned(), ranges })
}

fn numbers(column: &str, ranges: Ranges<i128>) -> Predicate {
    of_ranges(ranges, |ranges| Predicate::Within { column: column.to_owned(), ranges })
}

/// What of `all` an operator leaves beside a value; `None` for operators that do not compare.
fn compared<T: Step>(op: Operator, value: T, all: &Ranges<T>) -> Option<Ranges<T>> {
    let (first, last) = (all.iter().next()?.0, all.iter().last()?.1);
    let here = Ranges::between(value, value);
    let below = || value.before().map_or(Ranges::none(), |before| Ranges::between(first.min(before), before));
    let above = || value.after().map_or(Ranges::none(), |after| Ranges::between(after, last.max(after)));
    let wanted = match op {
        Operator::Eq => here,
        Operator::NotEq => below().united(&above()),
        Operator::Lt => below(),
        Operator::LtEq => below().united(&here),
        Operator::Gt => above(),
        Operator::GtEq => above().united(&here),
        _ => return None,
    };
    Some(wanted.shared(all))
}

fn address_of(value: &ScalarValue) -> Option<u128> {
    let ScalarValue::FixedSizeBinary(_, Some(bytes)) = value else { return None };
    Some(u128::from_be_bytes(<[u8; IP_BYTES]>::try_from(bytes.as_slice()).ok()?))
}

fn number_of(column: &Field, value: &ScalarValue) -> Option<i128> {
    let is_time = matches!(column.data_type(), DataType::Timestamp(..));
    let times = |number: &i64, factor: i128| is_time.then(|| i128::from(*number) * factor);
    let plain = |number: i128| (!is_time).then_some(number);
    match value {
        ScalarValue::TimestampNanosecond(Some(number), _) => times(number, 1),
        ScalarValue::TimestampMicrosecond(Some(number), _) => times(number, 1_000),
        ScalarValue::TimestampMillisecond(Some(number), _) => times(number, 1_000_000),
        ScalarValue::TimestampSecond(Some(number), _) => times(number, 1_000_000_000),
        ScalarValue::Int8(Some(number)) => plain(i128::from(*number)),
        ScalarValue::Int16(Some(number)) => plain(i128::from(*number)),
        ScalarValue::Int32(Some(number)) => plain(i128::from(*number)),
        ScalarValue::Int64(Some(number)) => plain(i128::from(*number)),
        ScalarValue::UInt8(Some(number)) => plain(i128::from(*number)),
        ScalarValue::UInt16(Some(number)) => plain(i128::from(*number)),
        ScalarValue::UInt32(Some(number)) => plain(i128::from(*number)),
        ScalarValue::UInt64(Some(number)) => plain(i128::from(*number)),
        ScalarValue::Decimal128(Some(number), _, 0) => plain(*number),
        _ => None,
    }
}

fn text_of(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
            Some(text.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion_expr::{col, lit};
    use flow_source::{flow_schema, ip_type};

    const MAPPED: u128 = 0xffff_0000_0000;

    fn said(filter: &Expr) -> Option<(Predicate, bool)> {
        said_with(filter, false)
    }

    fn said_with(filter: &Expr, names_follow_numbers: bool) -> Option<(Predicate, bool)> {
        let schema = flow_schema();
        let knows = Knows { schema: &schema, ranges_of: |_| None, names_follow_numbers };
        translate(filter, &knows).map(|it| (it.predicate, it.is_whole))
    }

    #[test]
    fn names_of_protocols_are_numbers_where_they_are_made_of_them() {
        let number = |number| Some((numbers("protocol", Ranges::between(number, number)), true));
        assert_eq!(said_with(&col("protocol_name").eq(lit("tcp")), true), number(6));
        assert_eq!(said_with(&col("protocol_name").eq(lit("TCP")), true), Some((Predicate::never(), true)));
        assert_eq!(said_with(&col("protocol_name").eq(lit("tcp")), false), None);
        assert_eq!(said_with(&col("protocol_name").not_eq(lit("tcp")), true), None);
    }

    fn ports(ranges: &[(i128, i128)]) -> Option<(Predicate, bool)> {
        Some((numbers("dst_port", Ranges::of(ranges.iter().copied())), true))
    }

    fn v4(last_byte: u8) -> (u128, Expr) {
        let number = MAPPED + 0x0a00_0000 + u128::from(last_byte);
        (number, lit(ScalarValue::FixedSizeBinary(16, Some(number.to_be_bytes().to_vec()))))
    }

    #[test]
    fn comparisons_become_ranges_of_what_the_column_can_have() {
        let port = || col("dst_port");
        assert_eq!(said(&port().eq(lit(443_u16))), ports(&[(443, 443)]));
        assert_eq!(said(&port().gt(lit(1023_u16))), ports(&[(1024, 65535)]));
        assert_eq!(said(&lit(1024_u16).gt(port())), ports(&[(0, 1023)]));
        assert_eq!(said(&port().not_eq(lit(0_u16))), ports(&[(1, 65535)]));
        assert_eq!(said(&port().eq(lit(70_000_i64))), Some((Predicate::never(), true)));
        assert_eq!(said(&port().lt(lit(100_000_i64))), ports(&[(0, 65535)]));
        assert_eq!(
            said(&port().in_list(vec![lit(53_u16), lit(22_u16)], true)),
            ports(&[(0, 21), (23, 52), (54, 65535)])
        );
        assert_eq!(said(&port().not_between(lit(10_u16), lit(20_u16))), ports(&[(0, 9), (21, 65535)]));
        assert_eq!(said(&port().is_not_null()), ports(&[(0, 65535)]));
        assert_eq!(said(&!port().is_null()), ports(&[(0, 65535)]));
        assert_eq!(said(&!port().gt(lit(99_u16)).or(port().eq(lit(7_u16)))), ports(&[(0, 6), (8, 99)]));
        let cast = datafusion_expr::cast(port(), DataType::Int64);
        assert_eq!(said(&cast.lt_eq(lit(22_i64))), ports(&[(0, 22)]));
        let narrow = datafusion_expr::cast(port(), DataType::UInt8);
        assert_eq!(said(&narrow.eq(lit(22_u8))), None);
    }

    #[test]
    fn nothing_compared_is_never_true() {
        let null = || lit(ScalarValue::UInt16(None));
        assert_eq!(said(&col("dst_port").eq(null())), Some((Predicate::never(), true)));
        assert_eq!(said(&!col("dst_port").eq(null())), Some((Predicate::never(), true)));
        assert_eq!(said(&col("dst_port").in_list(vec![lit(1_u16), null()], false)), ports(&[(1, 1)]));
        assert_eq!(said(&col("dst_port").in_list(vec![lit(1_u16), null()], true)), Some((Predicate::never(), true)));
    }

    #[test]
    fn times_are_nanoseconds_and_1970_is_no_time() {
        let time = |nanos| lit(ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into())));
        let times = |first, last| Some((numbers("start_time", Ranges::between(first, last)), true));
        assert_eq!(said(&col("start_time").lt(time(500))), times(1, 499));
        assert_eq!(said(&col("start_time").gt_eq(time(500))), times(500, i128::from(i64::MAX)));
        let second = lit(ScalarValue::TimestampSecond(Some(2), None));
        assert_eq!(said(&col("start_time").eq(second)), times(2_000_000_000, 2_000_000_000));
        assert_eq!(said(&col("start_time").eq(lit(5_i64))), None);
    }

    #[test]
    fn addresses_and_lists_of_them() {
        let ((first, low), (last, high)) = (v4(0), v4(255));
        let within = col("src_ip").gt_eq(low.clone()).and(col("src_ip").lt_eq(high));
        assert_eq!(said(&within), Some((addresses("src_ip", Ranges::between(first, last)), true)));
        let outside = addresses("src_ip", Ranges::between(first, first).rest_of(&every_address()));
        assert_eq!(said(&col("src_ip").not_eq(low)), Some((outside, true)));
        assert_eq!(ip_type(), DataType::FixedSizeBinary(16));
    }

    #[test]
    fn what_has_no_translation_is_left_out_of_and_only() {
        let known = || col("dst_port").eq(lit(22_u16));
        let unknown = || col("uid").like(lit("C%"));
        let inexact = ports(&[(22, 22)]).map(|(predicate, _)| (predicate, false));
        assert_eq!(said(&known().and(unknown())), inexact);
        assert_eq!(said(&known().or(unknown())), None);
        assert_eq!(said(&!(!known()).or(unknown())), inexact);
        assert_eq!(
            said(&col("uid").eq(lit("C1"))),
            Some((Predicate::OneOf { column: "uid".into(), texts: vec!["C1".into()] }, true))
        );
        assert_eq!(said(&col("protocol_name").eq(lit("tcp"))), None);
        assert_eq!(said(&col("uid").not_eq(lit("C1"))), None);
        assert_eq!(said(&col("duration_s").gt(lit(1.0))), None);
    }
}
