//! A list in memory: a million names take some 30 MB, and a rank is found by a binary search of hashes.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::Path;

use crate::read::{self, TopListError};

/// Bytes of all names together; more would not be addressed by [`Entry::start`].
const NAME_BYTES_MAX: usize = 1 << 30;

/// Names with their ranks.
#[derive(Debug, Clone, Default)]
pub struct TopList {
    /// All names, one after the other.
    names: String,
    /// Sorted by hash, then rank.
    entries: Vec<Entry>,
    lines_rejected: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u64,
    start: u32,
    length: u16,
    rank: u32,
}

impl TopList {
    /// Reads a list: CSV with or without a header, one name a line, a hosts file; plain, gzip or zip.
    ///
    /// # Errors
    /// When the file cannot be read or is no such list.
    pub fn read(path: &Path) -> Result<TopList, TopListError> {
        read::file(path)
    }

    /// The rank of a normalised name, from 1; `None` when it is not on the list.
    pub fn rank(&self, name: &str) -> Option<u32> {
        let hash = hash_of(name);
        let first = self.entries.partition_point(|entry| entry.hash < hash);
        let equal = self.entries[first..].iter().take_while(|entry| entry.hash == hash);
        equal.clone().find(|entry| self.name(entry) == name).map(|entry| entry.rank)
    }

    /// How many names it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no name at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Lines of the file that hold no name.
    pub fn lines_rejected(&self) -> u64 {
        self.lines_rejected
    }

    fn name(&self, entry: &Entry) -> &str {
        let start = entry.start as usize;
        &self.names[start..start + usize::from(entry.length)]
    }
}

/// A list that is being read.
#[derive(Debug, Default)]
pub(crate) struct Builder(TopList);

impl Builder {
    /// One more name, which must be normalised. `false` when the list has no room for it.
    pub(crate) fn push(&mut self, name: &str, rank: u32) -> bool {
        let (Ok(start), Ok(length)) = (u32::try_from(self.0.names.len()), u16::try_from(name.len())) else {
            return false;
        };
        if self.0.names.len() + name.len() > NAME_BYTES_MAX {
            return false;
        }
        self.0.names.push_str(name);
        self.0.entries.push(Entry { hash: hash_of(name), start, length, rank });
        true
    }

    pub(crate) fn reject(&mut self) {
        self.0.lines_rejected += 1;
    }

    pub(crate) fn count(&self) -> usize {
        self.0.entries.len()
    }

    /// Of a name that occurs twice the better rank counts.
    pub(crate) fn finish(mut self) -> TopList {
        let TopList { names, entries, .. } = &mut self.0;
        entries.sort_unstable_by_key(|entry| (entry.hash, entry.rank));
        let text = |entry: &Entry| &names[entry.start as usize..entry.start as usize + usize::from(entry.length)];
        entries.dedup_by(|later, earlier| later.hash == earlier.hash && text(later) == text(earlier));
        entries.shrink_to_fit();
        names.shrink_to_fit();
        self.0
    }
}

/// The same for the same name in every run; names are compared too, so a collision costs time alone.
fn hash_of(name: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_found_and_the_better_one_counts() {
        let mut builder = Builder::default();
        for (name, rank) in [("b.example", 2), ("a.example", 1), ("b.example", 7), ("b.example", 1)] {
            assert!(builder.push(name, rank));
        }
        let list = builder.finish();
        assert_eq!(list.len(), 2);
        assert_eq!((list.rank("a.example"), list.rank("b.example"), list.rank("c.example")), (Some(1), Some(1), None));
        assert_eq!(TopList::default().rank(""), None);
    }
}
