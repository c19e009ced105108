//! Conditions for servers that speak SQL: ranges of numbers as comparisons of an expression with literals.
//!
//! The numbers are ours, so they need no escaping; texts are bound or escaped by the connectors.

use crate::ranges::Ranges;

/// True of no row, in every SQL.
pub const NEVER: &str = "1 = 0";
/// True of every row.
pub const ALWAYS: &str = "1 = 1";

/// What an SQL expression can be, beside NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The least number of its type.
    pub first: i128,
    /// The greatest.
    pub last: i128,
}

impl Domain {
    /// Of a signed integer of so many bits.
    pub fn signed(bits: u32) -> Self {
        Self { first: -(1 << (bits - 1)), last: (1 << (bits - 1)) - 1 }
    }

    /// Of an unsigned integer of so many bits.
    pub fn unsigned(bits: u32) -> Self {
        Self { first: 0, last: (1 << bits) - 1 }
    }
}

/// Nanoseconds as the units that a server counts in, each a whole number of nanoseconds.
pub fn in_units(ranges: &Ranges<i128>, unit_nanos: i64) -> Ranges<i128> {
    let unit = i128::from(unit_nanos);
    let up = |number: i128| number.div_euclid(unit) + i128::from(number.rem_euclid(unit) != 0);
    Ranges::of(ranges.iter().map(|(first, last)| (up(first), last.div_euclid(unit))))
}

/// That `value` lies in one of the ranges. Bounds that its type has anyway are not said.
pub fn within(value: &str, ranges: &Ranges<i128>, domain: Domain, literal: &dyn Fn(i128) -> String) -> String {
    let possible = ranges.shared(&Ranges::between(domain.first, domain.last));
    let (singles, spans): (Vec<_>, Vec<_>) = possible.iter().partition(|(first, last)| first == last);
    let singles: Vec<String> = singles.into_iter().map(|(number, _)| literal(number)).collect();
    let one_of = match singles.as_slice() {
        [] => None,
        [one] => Some(format!("{value} = {one}")),
        several => Some(format!("{value} IN ({})", several.join(", "))),
    };
    let spans = spans.into_iter().map(|(first, last)| {
        let from = (first > domain.first).then(|| format!("{value} >= {}", literal(first)));
        let to = (last < domain.last).then(|| format!("{value} <= {}", literal(last)));
        match (from, to) {
            (Some(from), Some(to)) => format!("({from} AND {to})"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => format!("{value} IS NOT NULL"),
        }
    });
    any(one_of.into_iter().chain(spans).collect())
}

/// That one of the conditions holds.
pub fn any(conditions: Vec<String>) -> String {
    joined(conditions, " OR ", NEVER)
}

/// That all conditions hold.
pub fn all(conditions: Vec<String>) -> String {
    joined(conditions, " AND ", ALWAYS)
}

fn joined(mut conditions: Vec<String>, word: &str, none: &str) -> String {
    match conditions.len() {
        0 => none.to_owned(),
        1 => conditions.remove(0),
        _ => format!("({})", conditions.join(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ranges: &[(i128, i128)], domain: Domain, expected: &str) {
        let said = within("p", &Ranges::of(ranges.iter().copied()), domain, &|number| number.to_string());
        assert_eq!(said, expected);
    }

    #[test]
    fn ranges_become_comparisons() {
        let small = Domain::unsigned(16);
        check(&[(443, 443)], small, "p = 443");
        check(&[(22, 22), (53, 53), (1024, 65535)], small, "(p IN (22, 53) OR p >= 1024)");
        check(&[(0, 1023)], small, "p <= 1023");
        check(&[(0, 1023)], Domain::signed(32), "(p >= 0 AND p <= 1023)");
        check(&[(0, 65535)], small, "p IS NOT NULL");
        check(&[(70_000, 70_001)], small, NEVER);
        assert_eq!(Domain::signed(64), Domain { first: i128::from(i64::MIN), last: i128::from(i64::MAX) });
    }

    #[test]
    fn coarser_units_keep_whole_units_only() {
        let micros = in_units(&Ranges::of([(1, 999), (1001, 3999), (5000, 5000), (6001, 6001)]), 1000);
        assert_eq!(micros, Ranges::of([(2, 3), (5, 5)]));
    }
}
