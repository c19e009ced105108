//! Sets of whole numbers as ranges: what comparisons leave of a column.
//!
//! Numbers and times are `i128`, addresses the `u128` behind their 16 bytes.

/// A number that has neighbours.
pub trait Step: Copy + Ord + std::fmt::Debug {
    /// The next greater; `None` at the end.
    fn after(self) -> Option<Self>;
    /// The next smaller; `None` at the beginning.
    fn before(self) -> Option<Self>;
}

impl Step for i128 {
    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn before(self) -> Option<Self> {
        self.checked_sub(1)
    }
}

impl Step for u128 {
    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn before(self) -> Option<Self> {
        self.checked_sub(1)
    }
}

/// A set of numbers.
///
/// Invariant: ranges include both their ends, are in order, and neither meet nor touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges<T>(Vec<(T, T)>);

impl<T: Step> Ranges<T> {
    /// No number.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// From `first` to `last`, both included; nothing where they are the wrong way round.
    pub fn between(first: T, last: T) -> Self {
        Self(if first <= last { vec![(first, last)] } else { Vec::new() })
    }

    /// All numbers of some ranges, which may be in any order and overlap.
    pub fn of(ranges: impl IntoIterator<Item = (T, T)>) -> Self {
        let mut ranges: Vec<(T, T)> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        ranges.sort_unstable();
        let mut united: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match united.last_mut() {
                Some((_, end)) if end.after().is_none_or(|after| first <= after) => *end = (*end).max(last),
                _ => united.push((first, last)),
            }
        }
        Self(united)
    }

    /// Whether there is no number in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its ranges, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (T, T)> + '_ {
        self.0.iter().copied()
    }

    /// Whether the number is in it.
    pub fn contains(&self, number: T) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < number);
        self.0.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// What is in one of the two.
    pub fn united(&self, other: &Self) -> Self {
        Self::of(self.iter().chain(other.iter()))
    }

    /// What is in both.
    pub fn shared(&self, other: &Self) -> Self {
        let (mut ours, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut shared = Vec::new();
        while let (Some(&&(a, b)), Some(&&(c, d))) = (ours.peek(), theirs.peek()) {
            if a.max(c) <= b.min(d) {
                shared.push((a.max(c), b.min(d)));
            }
            if b < d {
                ours.next()
            } else {
                theirs.next()
            };
        }
        Self(shared)
    }

    /// What of `whole` is not in it.
    pub fn rest_of(&self, whole: &Self) -> Self {
        let mut rest = Vec::new();
        for (first, last) in whole.iter() {
            let mut from = Some(first);
            for (gone, until) in self.shared(&Self(vec![(first, last)])).iter() {
                if let (Some(from), Some(to)) = (from, gone.before()) {
                    rest.extend((from <= to).then_some((from, to)));
                }
                from = until.after();
            }
            rest.extend(from.filter(|from| *from <= last).map(|from| (from, last)));
        }
        Self(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ranges: &[(u128, u128)]) -> Ranges<u128> {
        Ranges::of(ranges.iter().copied())
    }

    #[test]
    fn ranges_that_meet_or_touch_are_one() {
        assert_eq!(set(&[(5, 9), (1, 2), (3, 3), (9, 12), (20, 10)]), set(&[(1, 3), (5, 12)]));
        assert_eq!(set(&[(0, u128::MAX), (7, 8)]).iter().len(), 1);
    }

    #[test]
    fn sets_of_a_small_world_agree_with_their_members() {
        let sets = [
            set(&[]),
            set(&[(0, 0)]),
            set(&[(2, 4), (7, 9)]),
            set(&[(0, 3), (5, 5), (8, 10)]),
            set(&[(4, 8)]),
            set(&[(0, 10)]),
        ];
        for a in &sets {
            for b in &sets {
                for number in 0..=10 {
                    let (in_a, in_b) = (a.contains(number), b.contains(number));
                    assert_eq!(a.united(b).contains(number), in_a || in_b, "{number} in {a:?} or {b:?}");
                    assert_eq!(a.shared(b).contains(number), in_a && in_b, "{number} in {a:?} and {b:?}");
                    assert_eq!(a.rest_of(b).contains(number), in_b && !in_a, "{number} in {b:?} without {a:?}");
                }
            }
        }
    }

    #[test]
    fn ends_of_the_world() {
        let all = Ranges::between(0, u128::MAX);
        assert_eq!(all.rest_of(&all), Ranges::none());
        assert_eq!(set(&[(0, 5)]).rest_of(&all), set(&[(6, u128::MAX)]));
        assert_eq!(set(&[(5, u128::MAX)]).rest_of(&all), set(&[(0, 4)]));
    }
}
