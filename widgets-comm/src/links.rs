//! Values that the kernel keeps equal: which attribute follows which.
//!
//! Only who is tied to whom. Values are carried in `registry`. Links in the front end are models of their own (Link,
//! DirectionalLink) and none of this.

use std::collections::HashMap;

use crate::models::{End, Handle};

/// A single change is carried so many times at most, however links are woven.
pub const LINK_STEPS_MAX: usize = 10_000;

/// Names a link, to undo it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkId(u64);

#[derive(Debug, Default)]
pub(crate) struct Links {
    /// From each end, where its changes go.
    ways: HashMap<End, Vec<Way>>,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Way {
    link: LinkId,
    target: End,
    is_mutual: bool,
}

impl Links {
    /// Where a change of this attribute goes, and whether changes come back from there.
    pub(crate) fn from(&self, source: End) -> Vec<(End, bool)> {
        self.ways.get(&source).into_iter().flatten().map(|way| (way.target, way.is_mutual)).collect()
    }

    pub(crate) fn forget(&mut self, handle: Handle) {
        self.ways.retain(|source, ways| {
            ways.retain(|way| way.target.0 != handle);
            source.0 != handle && !ways.is_empty()
        });
    }

    pub(crate) fn tie(&mut self, source: End, target: End, is_mutual: bool) -> LinkId {
        let link = LinkId(self.next);
        self.next += 1;
        self.ways.entry(source).or_default().push(Way { link, target, is_mutual });
        if is_mutual {
            self.ways.entry(target).or_default().push(Way { link, target: source, is_mutual });
        }
        link
    }

    pub(crate) fn untie(&mut self, link: LinkId) {
        self.ways.retain(|_, ways| {
            ways.retain(|way| way.link != link);
            !ways.is_empty()
        });
    }
}
