//! What a query wants of the rows of a source, in no server's language.
//!
//! Everything is said positively: a part is either true of a row or it is not, and a column without a value makes every
//! part about it false but [`Predicate::Missing`]. So a part that is left out of an `All` only lets more rows through.

use crate::ranges::{Ranges, Step};

/// A condition on one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Predicate {
    /// All of them hold. Without parts it is true.
    All(Vec<Predicate>),
    /// One of them holds. Without parts it is false.
    Any(Vec<Predicate>),
    /// A column has a number in these ranges. Times are nanoseconds since 1970 UTC.
    Within {
        /// Of the flow schema.
        column: String,
        /// Numbers that the column can have.
        ranges: Ranges<i128>,
    },
    /// A column has an address in these ranges: numbers behind its 16 bytes, IPv4 mapped into IPv6.
    Addresses {
        /// Of the flow schema.
        column: String,
        /// Addresses.
        ranges: Ranges<u128>,
    },
    /// A column has one of these texts.
    OneOf {
        /// Of the flow schema.
        column: String,
        /// Not empty.
        texts: Vec<String>,
    },
    /// A column has no value.
    Missing {
        /// Of the flow schema.
        column: String,
    },
}

/// How well a source can answer a condition by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    /// Not at all.
    No,
    /// It leaves out no row for which it holds, but may give others, which are then left out here.
    Inexact,
    /// It gives the rows for which it holds and no others.
    Exact,
}

impl Predicate {
    /// True of every row.
    pub fn always() -> Self {
        Self::All(Vec::new())
    }

    /// True of no row.
    pub fn never() -> Self {
        Self::Any(Vec::new())
    }

    /// Whether it is true of every row.
    pub fn is_always(&self) -> bool {
        matches!(self, Self::All(parts) if parts.is_empty())
    }

    /// Whether it is true of no row.
    pub fn is_never(&self) -> bool {
        matches!(self, Self::Any(parts) if parts.is_empty())
    }

    /// All of `parts`: what they say about the same column becomes one part.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept: Vec<Self> = Vec::new();
        for part in parts.into_iter().flat_map(Self::into_conjuncts) {
            let shared = kept.iter().enumerate().find_map(|(at, known)| Some((at, known.and(&part)?)));
            match shared {
                Some((at, shared)) => kept[at] = shared,
                None if kept.contains(&part) => {}
                None => kept.push(part),
            }
        }
        if kept.iter().any(Self::is_never) {
            return Self::never();
        }
        if kept.len() == 1 { kept.remove(0) } else { Self::All(kept) }
    }

    /// One of `parts`: what they say about the same column becomes one part.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept: Vec<Self> = Vec::new();
        for part in parts.into_iter().flat_map(Self::into_alternatives) {
            let united = kept.iter().enumerate().find_map(|(at, known)| Some((at, known.or(&part)?)));
            match united {
                Some((at, united)) => kept[at] = united,
                None if kept.contains(&part) => {}
                None => kept.push(part),
            }
        }
        if kept.iter().any(Self::is_always) {
            return Self::always();
        }
        if kept.len() == 1 { kept.remove(0) } else { Self::Any(kept) }
    }

    /// How well a source answers the whole of it that answers parts without parts as `of_part` says.
    pub fn support(&self, of_part: &dyn Fn(&Self) -> Support) -> Support {
        match self {
            Self::Any(parts) => parts.iter().map(|part| part.support(of_part)).min().unwrap_or(Support::Exact),
            Self::All(parts) => {
                let parts: Vec<Support> = parts.iter().map(|part| part.support(of_part)).collect();
                let worst = parts.iter().copied().min().unwrap_or(Support::Exact);
                let best = parts.iter().copied().max().unwrap_or(Support::Exact);
                if worst == Support::No { best.min(Support::Inexact) } else { worst }
            }
            part => of_part(part),
        }
    }

    /// What of it a source can answer: parts that it cannot are left out, so that more rows come. `None` when nothing is
    /// left.
    pub fn answerable(&self, of_part: &dyn Fn(&Self) -> Support) -> Option<Self> {
        match self {
            Self::All(parts) => {
                let parts: Vec<Self> = parts.iter().filter_map(|part| part.answerable(of_part)).collect();
                (!parts.is_empty()).then(|| Self::all(parts))
            }
            Self::Any(parts) => {
                let parts: Option<Vec<Self>> = parts.iter().map(|part| part.answerable(of_part)).collect();
                parts.map(Self::any)
            }
            part => (of_part(part) != Support::No).then(|| part.clone()),
        }
    }

    /// What it says about a column by itself, whatever else must hold: the numbers that it may have. `None` when it may
    /// have any. For sources that take a window of time beside a query.
    pub fn bounds_of(&self, wanted: &str) -> Option<&Ranges<i128>> {
        match self {
            Self::All(parts) => parts.iter().find_map(|part| part.bounds_of(wanted)),
            Self::Within { column, ranges } if column == wanted => Some(ranges),
            _ => None,
        }
    }

    fn into_conjuncts(self) -> Vec<Self> {
        match self {
            Self::All(parts) => parts,
            other => vec![other],
        }
    }

    fn into_alternatives(self) -> Vec<Self> {
        match self {
            Self::Any(parts) => parts,
            other => vec![other],
        }
    }

    fn and(&self, other: &Self) -> Option<Self> {
        self.merged(other, Ranges::shared, Ranges::shared)
    }

    fn or(&self, other: &Self) -> Option<Self> {
        if let (Self::OneOf { column, texts }, Self::OneOf { column: other, texts: more }) = (self, other)
            && column == other
        {
            let mut texts = texts.clone();
            texts.extend(more.iter().filter(|text| !texts.contains(text)).cloned().collect::<Vec<_>>());
            return Some(Self::OneOf { column: column.clone(), texts });
        }
        self.merged(other, Ranges::united, Ranges::united)
    }

    fn merged(
        &self,
        other: &Self,
        numbers: fn(&Ranges<i128>, &Ranges<i128>) -> Ranges<i128>,
        addresses: fn(&Ranges<u128>, &Ranges<u128>) -> Ranges<u128>,
    ) -> Option<Self> {
        match (self, other) {
            (Self::Within { column, ranges }, Self::Within { column: same, ranges: more }) if column == same => {
                Some(of_ranges(numbers(ranges, more), |ranges| Self::Within { column: column.clone(), ranges }))
            }
            (Self::Addresses { column, ranges }, Self::Addresses { column: same, ranges: more }) if column == same => {
                Some(of_ranges(addresses(ranges, more), |ranges| Self::Addresses { column: column.clone(), ranges }))
            }
            _ => None,
        }
    }
}

/// Nothing is in no range.
pub(crate) fn of_ranges<T: Step>(ranges: Ranges<T>, part: impl FnOnce(Ranges<T>) -> Predicate) -> Predicate {
    if ranges.is_empty() { Predicate::never() } else { part(ranges) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(first: i128, last: i128) -> Predicate {
        Predicate::Within { column: "dst_port".into(), ranges: Ranges::between(first, last) }
    }

    fn text(text: &str) -> Predicate {
        Predicate::OneOf { column: "uid".into(), texts: vec![text.into()] }
    }

    #[test]
    fn parts_about_one_column_become_one() {
        assert_eq!(Predicate::all([port(0, 99), text("a"), port(50, 500)]), Predicate::all([port(50, 99), text("a")]));
        assert_eq!(Predicate::all([port(0, 9), port(10, 19)]), Predicate::never());
        assert_eq!(Predicate::any([port(0, 9), port(10, 19)]), port(0, 19));
        let both = Predicate::OneOf { column: "uid".into(), texts: vec!["a".into(), "b".into()] };
        assert_eq!(Predicate::any([text("a"), text("b"), text("a")]), both);
        assert!(Predicate::any([text("a"), Predicate::always()]).is_always());
    }

    #[test]
    fn what_cannot_be_answered_lets_more_through() {
        let of_part = |part: &Predicate| match part {
            Predicate::OneOf { .. } => Support::No,
            _ => Support::Exact,
        };
        let all = Predicate::all([port(0, 9), text("a")]);
        assert_eq!((all.support(&of_part), all.answerable(&of_part)), (Support::Inexact, Some(port(0, 9))));
        let any = Predicate::any([port(0, 9), text("a")]);
        assert_eq!((any.support(&of_part), any.answerable(&of_part)), (Support::No, None));
        let nested = Predicate::any([port(0, 9), Predicate::all([port(20, 29), text("a")])]);
        assert_eq!(nested.answerable(&of_part), Some(Predicate::any([port(0, 9), port(20, 29)])));
        assert_eq!(nested.support(&of_part), Support::Inexact);
        assert_eq!(port(0, 9).support(&of_part), Support::Exact);
    }
}
