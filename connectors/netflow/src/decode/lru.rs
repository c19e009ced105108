//! A map that knows which of its entries was used least recently, so that what exporters make us remember is bounded.

use std::collections::HashMap;
use std::hash::Hash;

/// A map with the time of last use beside each value. Finding the oldest looks at all entries: it is for maps that
/// seldom reach their bound.
#[derive(Debug)]
pub(crate) struct Lru<K, V> {
    entries: HashMap<K, (V, u64)>,
    clock: u64,
}

impl<K, V> Default for Lru<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), clock: 0 }
    }
}

impl<K: Eq + Hash + Copy, V> Lru<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        self.clock += 1;
        let (value, used) = self.entries.get_mut(key)?;
        *used = self.clock;
        Some(value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.clock += 1;
        self.entries.insert(key, (value, self.clock));
    }

    /// The value, made by `make` if there is none; the oldest goes when there would be more than `limit`.
    pub(crate) fn get_or_make(&mut self, key: K, limit: usize, make: impl FnOnce() -> V) -> &mut V {
        if !self.entries.contains_key(&key) && self.entries.len() >= limit {
            self.remove_oldest();
        }
        self.clock += 1;
        let (value, used) = self.entries.entry(key).or_insert_with(|| (make(), 0));
        *used = self.clock;
        value
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(value, _)| value)
    }

    pub(crate) fn remove_oldest(&mut self) -> Option<(K, V)> {
        let oldest = *self.entries.iter().min_by_key(|(_, (_, used))| *used)?.0;
        self.remove(&oldest).map(|value| (oldest, value))
    }

    pub(crate) fn take_where(&mut self, wanted: impl Fn(&K, &V) -> bool) -> Vec<(K, V)> {
        self.entries.extract_if(|key, (value, _)| wanted(key, value)).map(|(key, (value, _))| (key, value)).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, (value, _))| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_used_least_recently_goes() {
        let mut map = Lru::default();
        for key in 0..3 {
            map.get_or_make(key, 3, || key * 10);
        }
        assert_eq!(map.get(&0), Some(&mut 0));
        map.get_or_make(3, 3, || 30);
        assert_eq!(map.get(&1), None);
        assert_eq!(map.len(), 3);
        assert_eq!(map.remove_oldest(), Some((2, 20)));
    }
}
