//! The time window of a query: found in its filters, used to choose files and to leave out rows before decoding.
//!
//! Nothing is ever left out that a filter would keep; the query checks again.

use arrow_schema::Schema;
use datafusion_common::ScalarValue;
use datafusion_expr::{Between, BinaryExpr, Expr, Operator};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A stretch of time, both ends included, in nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Earliest.
    pub from: i64,
    /// Latest.
    pub to: i64,
}

impl Span {
    /// All of time.
    pub const ALL: Self = Self { from: i64::MIN, to: i64::MAX };

    /// Whether it has a moment.
    pub fn contains(self, moment: i64) -> bool {
        self.from <= moment && moment <= self.to
    }

    /// Whether two have a moment in common.
    pub fn meets(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    fn narrow(&mut self, other: Self) {
        self.from = self.from.max(other.from);
        self.to = self.to.min(other.to);
    }
}

/// The names of the columns that hold when a row's flow began and ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeColumns {
    /// When it began.
    pub start: Option<&'static str>,
    /// When it ended.
    pub end: Option<&'static str>,
}

impl TimeColumns {
    /// Those of the common flow schema.
    pub const FLOWS: Self = Self { start: Some("start_time"), end: Some("end_time") };

    /// Those of the common flow schema where a table has them.
    pub fn of(schema: &Schema) -> Self {
        let there = |name: Option<&'static str>| name.filter(|name| schema.index_of(name).is_ok());
        Self { start: there(Self::FLOWS.start), end: there(Self::FLOWS.end) }
    }
}

/// Where the start and the end of the wanted flows lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeBounds {
    /// Where the start lies.
    pub start: Span,
    /// Where the end lies.
    pub end: Span,
}

impl TimeBounds {
    /// No bounds.
    pub const NONE: Self = Self { start: Span::ALL, end: Span::ALL };

    /// What filters, all of which must hold, say about the columns.
    pub fn of(filters: &[Expr], columns: TimeColumns) -> Self {
        let mut bounds = Self::NONE;
        for filter in filters {
            bounds.learn(filter, columns);
        }
        bounds
    }

    /// Whether it is without bounds.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Whether rows that lie in `span` from start to end may be wanted.
    pub fn allow(self, span: Span) -> bool {
        self.start.meets(span) && self.end.meets(span)
    }

    fn learn(&mut self, filter: &Expr, columns: TimeColumns) {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                self.learn(left, columns);
                self.learn(right, columns);
            }
            _ => {
                if let Some((column, span)) = comparison(filter) {
                    if columns.start == Some(column) {
                        self.start.narrow(span);
                    } else if columns.end == Some(column) {
                        self.end.narrow(span);
                    }
                }
            }
        }
    }
}

/// Whether the bounds of a filter on these columns can be used.
pub(crate) fn is_usable(filter: &Expr, columns: TimeColumns) -> bool {
    !TimeBounds::of(std::slice::from_ref(filter), columns).is_none()
}

/// The column and the span that a comparison with a constant leaves it.
fn comparison(filter: &Expr) -> Option<(&str, Span)> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(value, _)) => Some((&column.name, span_of(*op, nanos(value)?)?)),
            (Expr::Literal(value, _), Expr::Column(column)) => {
                Some((&column.name, span_of(op.swap()?, nanos(value)?)?))
            }
            _ => None,
        },
        Expr::Between(Between { expr, negated: false, low, high }) => {
            match (expr.as_ref(), low.as_ref(), high.as_ref()) {
                (Expr::Column(column), Expr::Literal(low, _), Expr::Literal(high, _)) => {
                    Some((&column.name, Span { from: nanos(low)?, to: nanos(high)? }))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn span_of(operator: Operator, moment: i64) -> Option<Span> {
    match operator {
        Operator::Eq => Some(Span { from: moment, to: moment }),
        // One nanosecond too many does no harm.
        Operator::Lt | Operator::LtEq => Some(Span { to: moment, ..Span::ALL }),
        Operator::Gt | Operator::GtEq => Some(Span { from: moment, ..Span::ALL }),
        _ => None,
    }
}

fn nanos(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampNanosecond(Some(nanos), _) => Some(*nanos),
        ScalarValue::TimestampMicrosecond(Some(micros), _) => micros.checked_mul(1000),
        ScalarValue::TimestampMillisecond(Some(millis), _) => millis.checked_mul(1_000_000),
        ScalarValue::TimestampSecond(Some(seconds), _) => seconds.checked_mul(NANOS_PER_SECOND),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion_expr::{col, lit};

    fn time(nanos: i64) -> Expr {
        lit(ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into())))
    }

    #[track_caller]
    fn check(filters: &[Expr], start: (i64, i64), end: (i64, i64)) {
        let span = |(from, to)| Span { from, to };
        let expected = TimeBounds { start: span(start), end: span(end) };
        assert_eq!(TimeBounds::of(filters, TimeColumns::FLOWS), expected, "{filters:?}");
    }

    #[test]
    fn bounds_of_filters() {
        const ALL: (i64, i64) = (i64::MIN, i64::MAX);
        check(&[], ALL, ALL);
        check(&[col("start_time").gt_eq(time(5)), col("start_time").lt(time(9))], (5, 9), ALL);
        check(&[col("start_time").lt(time(9)).and(col("end_time").gt(time(5)))], (i64::MIN, 9), (5, i64::MAX));
        check(&[col("start_time").between(time(5), time(9))], (5, 9), ALL);
        check(&[time(5).lt(col("start_time"))], (5, i64::MAX), ALL);
        check(&[col("start_time").eq(time(5))], (5, 5), ALL);
        check(&[col("start_time").not_between(time(5), time(9))], ALL, ALL);
        check(&[col("start_time").gt(time(5)).or(col("bytes").gt(lit(7)))], ALL, ALL);
        check(&[col("received_time").gt(time(5))], ALL, ALL);
        check(&[col("start_time").gt(lit(ScalarValue::TimestampSecond(Some(i64::MAX), None)))], ALL, ALL);
    }

    #[test]
    fn a_file_is_read_when_it_may_hold_wanted_rows() {
        let bounds = TimeBounds { start: Span { from: 10, to: 20 }, end: Span { from: 15, to: i64::MAX } };
        assert!(bounds.allow(Span { from: 0, to: 15 }));
        assert!(!bounds.allow(Span { from: 0, to: 14 }));
        assert!(!bounds.allow(Span { from: 21, to: 30 }));
    }
}
