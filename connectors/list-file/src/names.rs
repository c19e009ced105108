//! Names with a number each, in memory: a million of them take some 30 MB, and one is found by a binary search of hashes.

use std::borrow::Cow;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Bytes of all names together; more would not be addressed by [`Entry::start`].
const NAME_BYTES_MAX: usize = 1 << 30;
/// No published list has more names; the longest has ten million.
const NAMES_MAX: usize = 20_000_000;
/// Of a name that is looked at closely; longer ones are left to the rules of domain names.
const PLAIN_BYTES_MAX: usize = 63;

/// Names with their numbers.
#[derive(Debug, Clone, Default)]
pub struct NameTable {
    /// All names, one after the other.
    names: String,
    /// Sorted by hash, then number.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u64,
    start: u32,
    length: u16,
    number: u32,
}

impl NameTable {
    /// The number of a name in the spelling in which it was put in.
    pub fn get(&self, name: &str) -> Option<u32> {
        let hash = hash_of(name);
        let first = self.entries.partition_point(|entry| entry.hash < hash);
        let equal = self.entries[first..].iter().take_while(|entry| entry.hash == hash);
        equal.clone().find(|entry| self.name(entry) == name).map(|entry| entry.number)
    }

    /// How many names it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no name at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All names with their numbers, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.entries.iter().map(|entry| (self.name(entry), entry.number))
    }

    fn name(&self, entry: &Entry) -> &str {
        let start = entry.start as usize;
        &self.names[start..start + usize::from(entry.length)]
    }
}

/// A table that is being filled.
#[derive(Debug, Default)]
pub struct NameTableBuilder(NameTable);

impl NameTableBuilder {
    /// One more name. `false` when the table has no room for it.
    pub fn push(&mut self, name: &str, number: u32) -> bool {
        let table = &mut self.0;
        let (Ok(start), Ok(length)) = (u32::try_from(table.names.len()), u16::try_from(name.len())) else {
            return false;
        };
        if table.names.len() + name.len() > NAME_BYTES_MAX || table.entries.len() >= NAMES_MAX {
            return false;
        }
        table.names.push_str(name);
        table.entries.push(Entry { hash: hash_of(name), start, length, number });
        true
    }

    /// How many names were put in, each time counted.
    pub fn count(&self) -> usize {
        self.0.entries.len()
    }

    /// Of a name that was put in twice the smaller number counts.
    pub fn finish(self) -> NameTable {
        self.finish_with(|smaller, _| smaller)
    }

    /// `merge` gives the number of a name that was put in twice, from the smaller number and the other.
    pub fn finish_with(mut self, mut merge: impl FnMut(u32, u32) -> u32) -> NameTable {
        let NameTable { names, entries } = &mut self.0;
        entries.sort_unstable_by_key(|entry| (entry.hash, entry.number));
        let text = |entry: &Entry| &names[entry.start as usize..entry.start as usize + usize::from(entry.length)];
        entries.dedup_by(|later, earlier| {
            let is_same = later.hash == earlier.hash && text(later) == text(earlier);
            if is_same {
                earlier.number = merge(earlier.number, later.number);
            }
            is_same
        });
        entries.shrink_to_fit();
        names.shrink_to_fit();
        self.0
    }
}

/// The same for the same name in every run; names are compared too, so a collision costs time alone.
fn hash_of(name: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(name)
}

/// The name in the spelling that is compared, as [`flow_source::domain::normalized`] gives it; faster for names that
/// have it already, as nearly all names of lists have.
pub fn normalized(name: &str) -> Option<Cow<'_, str>> {
    if is_normalized(name) {
        return Some(Cow::Borrowed(name));
    }
    flow_source::domain::normalized(name).map(Cow::Owned)
}

/// When in doubt, `false`.
fn is_normalized(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let ends_in_letter = name.bytes().last().is_some_and(|byte| byte.is_ascii_lowercase());
    name.len() <= PLAIN_BYTES_MAX
        && ends_in_letter
        && !name.contains("..")
        && !name.starts_with('.')
        && !name.contains("xn--")
        && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_and_the_smaller_one_counts() {
        let mut builder = NameTableBuilder::default();
        for (name, number) in [("b.example", 2), ("a.example", 1), ("b.example", 7), ("b.example", 1)] {
            assert!(builder.push(name, number));
        }
        let table = builder.finish();
        assert_eq!((table.len(), table.is_empty()), (2, false));
        assert_eq!((table.get("a.example"), table.get("b.example"), table.get("c.example")), (Some(1), Some(1), None));
        let mut all: Vec<_> = table.iter().collect();
        all.sort_unstable();
        assert_eq!(all, [("a.example", 1), ("b.example", 1)]);
        assert_eq!(NameTable::default().get(""), None);
    }
}
