//! Data sets whose template has not come yet: they wait, within a bound, and are decoded when it comes.

use std::collections::HashMap;

use super::context::Context;
use super::template::Domain;

/// Bytes that wait in all; exporters repeat templates every few minutes, and flows are lost rather than memory.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// Sets that wait in all.
const SETS_MAX: usize = 16 * 1024;

/// A data set that waits.
#[derive(Debug)]
pub(crate) struct PendingSet {
    pub(crate) context: Context,
    pub(crate) template: u16,
    pub(crate) bytes: Box<[u8]>,
    pub(crate) offset: u64,
}

impl PendingSet {
    /// Why its records are left out.
    pub(crate) fn reason(&self, is_ambiguous: bool) -> String {
        let Self { template, bytes, context, .. } = self;
        let why = if is_ambiguous { "which differs between the other files" } else { "which is not there" };
        let (name, domain) = (context.version.name(), context.domain);
        format!("{} bytes of records need template {template} of {name} domain {domain}, {why}", bytes.len())
    }
}

/// The sets that wait.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    sets: HashMap<(Domain, u16), Vec<PendingSet>>,
    count: usize,
    bytes: usize,
}

impl Pending {
    /// Keeps a set; gives back the one for which there is no room any more.
    pub(crate) fn push(&mut self, set: PendingSet) -> Option<PendingSet> {
        if self.bytes + set.bytes.len() > BYTES_MAX || self.count >= SETS_MAX {
            return Some(set);
        }
        self.bytes += set.bytes.len();
        self.count += 1;
        self.sets.entry((set.context.domain(), set.template)).or_default().push(set);
        None
    }

    /// The sets that waited for this template, oldest first.
    pub(crate) fn take(&mut self, domain: Domain, template: u16) -> Vec<PendingSet> {
        let taken = self.sets.remove(&(domain, template)).unwrap_or_default();
        self.bytes -= taken.iter().map(|set| set.bytes.len()).sum::<usize>();
        self.count -= taken.len();
        taken
    }

    /// All sets, in the order in which they came.
    pub(crate) fn take_all(&mut self) -> Vec<PendingSet> {
        let mut taken: Vec<PendingSet> = std::mem::take(&mut self.sets).into_values().flatten().collect();
        taken.sort_by_key(|set| set.offset);
        (self.count, self.bytes) = (0, 0);
        taken
    }
}
