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

    /// First and last number of each range, in order.
    pub(crate) fn ranges(&self) -> &[(T, T)] {
        &self.0
    }

    pub(crate) fn contains(&self, number: T) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after > 0 && number <= self.0[after - 1].1
    }
}

impl RangeSet<u128> {
    /// What is in this set and not in `other`.
    pub(crate) fn without(&self, other: &RangeSet<u128>) -> RangeSet<u128> {
        let mut left = Vec::with_capacity(self.0.len());
        for &(first, last) in &self.0 {
            // `None` once the range is used up to the highest number there is.
            let mut from = Some(first);
            let begin = other.0.partition_point(|(_, end)| *end < first);
            for &(hole_first, hole_last) in other.0[begin..].iter().take_while(|(hole_first, _)| *hole_first <= last) {
                if let Some(from) = from.filter(|from| *from < hole_first) {
                    left.push((from, hole_first - 1));
                }
                from = hole_last.checked_add(1);
            }
            if let Some(from) = from.filter(|from| *from <= last) {
                left.push((from, last));
            }
        }
        RangeSet(left)
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

    #[test]
    fn what_is_taken_out_is_not_in() {
        let set = |ranges: &[(u128, u128)]| RangeSet::of(ranges.iter().map(|(first, last)| *first..=*last));
        let all = set(&[(0, u128::MAX)]);
        let check = |left: &RangeSet<u128>, right: &[(u128, u128)], expected: &[(u128, u128)]| {
            assert_eq!(left.without(&set(right)).ranges(), expected, "{left:?} without {right:?}");
        };
        check(&all, &[], &[(0, u128::MAX)]);
        check(&all, &[(0, u128::MAX)], &[]);
        check(&all, &[(5, 7), (10, u128::MAX)], &[(0, 4), (8, 9)]);
        check(&set(&[(10, 20), (30, 40)]), &[(0, 9), (12, 12), (19, 33), (50, 60)], &[(10, 11), (13, 18), (34, 40)]);
        check(&set(&[(10, 20)]), &[(10, 15), (16, 20)], &[]);
    }
}
