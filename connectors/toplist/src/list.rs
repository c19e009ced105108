//! A list in memory.

use std::path::Path;

use list_file::{ListError, ListKind, NameTable, NameTableBuilder, read_lines};

use crate::row::{Found, Layout};

const KIND: ListKind = ListKind { list: "top list", entry: "domain name" };

/// Names with their ranks.
#[derive(Debug, Clone, Default)]
pub struct TopList {
    ranks: NameTable,
    lines_rejected: u64,
}

impl TopList {
    /// Reads a list: CSV with or without a header, one name a line, a hosts file; plain, gzip or zip.
    ///
    /// # Errors
    /// When the file cannot be read or is no such list.
    pub fn read(path: &Path) -> Result<TopList, ListError> {
        let mut builder = NameTableBuilder::default();
        let mut layout = Layout::default();
        let mut lines_rejected = 0;
        read_lines(path, |line| {
            let next_rank = u32::try_from(builder.count() + 1).unwrap_or(u32::MAX);
            let mut has_room = true;
            let push = &mut |name: &str, rank| has_room &= builder.push(name, rank);
            match line.map(|line| layout.read(line, next_rank, push)) {
                Some(Found::Names | Found::Nothing) => {}
                Some(Found::NoName) | None => lines_rejected += 1,
            }
            match has_room {
                true => Ok(()),
                false => Err(ListError::TooLarge { limit: format!("{} names", builder.count()) }),
            }
        })?;
        let ranks = builder.finish();
        KIND.check(ranks.len(), lines_rejected)?;
        Ok(TopList { ranks, lines_rejected })
    }

    /// The rank of a normalised name, from 1, the better one of a name that occurs twice; `None` when it is not on the
    /// list.
    pub fn rank(&self, name: &str) -> Option<u32> {
        self.ranks.get(name)
    }

    /// How many names it has.
    pub fn len(&self) -> usize {
        self.ranks.len()
    }

    /// Whether it has no name at all.
    pub fn is_empty(&self) -> bool {
        self.ranks.is_empty()
    }

    /// Lines of the file that hold no name.
    pub fn lines_rejected(&self) -> u64 {
        self.lines_rejected
    }
}
