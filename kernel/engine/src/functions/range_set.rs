//! Sets of numbers kept as sorted ranges that do not touch, so that a lookup is a binary search whatever the
//! number of networks.

use std::ops::RangeInclusive;

/// Invariant: sorted, and no two ranges overlap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RangeSet<T>(Vec<(T, T)>);

impl<T: Ord + Copy> RangeSet<T> {
    pub(crate) fn of(ranges: impl IntoIterator<Item = RangeInclusive<T>>) -> RangeSet<T> {
        let mut sorted: Vec<(T, T)> = ranges.into_iter().map(RangeInclusive::into_inner).collect();
        sorted.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                Some((_, end)) if first <= *end => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        RangeSet(merged)
    }

    pub(crate) fn contains(&self, number: T) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after > 0 && number <= self.0[after - 1].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_may_overlap_and_touch() {
        let set = RangeSet::of([10..=20_u32, 15..=17, 20..=25, 40..=40, 0..=0]);
        let members: Vec<u32> = (0..50).filter(|number| set.contains(*number)).collect();
        let expected: Vec<u32> = [0].into_iter().chain(10..=25).chain([40]).collect();
        assert_eq!(members, expected);
        assert!(!RangeSet::of([]).contains(0_u32));
        assert!(RangeSet::of([0..=u128::MAX]).contains(u128::MAX));
    }
}
