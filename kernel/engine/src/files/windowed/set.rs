//! Files of this machine or objects of a store that are known by name, and had when they are needed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use datafusion::catalog::Session;
use file_source::Span;
use object_store::ObjectMeta;
use object_store::path::Path as Key;

use crate::files::FileFault;
use crate::files::name_time::NameTimes;
use crate::files::paths::Found;
use crate::files::remote::Listing;
use crate::files::remote_of;

/// What a location means, in the order of names. Clones share what was fetched.
#[derive(Debug, Clone)]
pub(in crate::files) enum FileSet {
    /// On this machine.
    Files(Arc<[Found]>),
    /// In a store, with those that were fetched.
    Objects { listing: Arc<Listing>, fetched: Arc<Mutex<HashMap<Key, Found>>> },
}

impl FileSet {
    pub(in crate::files) fn of_files(found: Vec<Found>) -> FileSet {
        FileSet::Files(found.into())
    }

    pub(in crate::files) fn of_objects(listing: Listing) -> FileSet {
        FileSet::Objects { listing: Arc::new(listing), fetched: Arc::default() }
    }

    /// What each of them is called.
    pub(super) fn what(&self) -> &'static str {
        match self {
            FileSet::Files(_) => "files",
            FileSet::Objects { .. } => "objects",
        }
    }

    /// Whether they stay where they are while the session lasts.
    pub(super) fn stays(&self) -> bool {
        matches!(self, FileSet::Files(_))
    }

    /// Within which the flows of each are by its name.
    pub(super) fn spans(&self, names: NameTimes) -> Vec<Option<Span>> {
        match self {
            FileSet::Files(found) => names.spans_of(found.iter().map(|found| found.shown.as_str())),
            FileSet::Objects { listing, .. } => {
                names.spans_of(listing.objects.iter().map(|object| object.location.as_ref()))
            }
        }
    }

    /// Their size, and when the latest was written. Files that are gone meanwhile have none.
    pub(super) fn size_and_age(&self) -> (u64, Option<SystemTime>) {
        match self {
            FileSet::Files(found) => {
                let known = found.iter().filter_map(|found| std::fs::metadata(&found.path).ok());
                known.fold((0, None), |(bytes, latest), it| (bytes + it.len(), latest.max(it.modified().ok())))
            }
            FileSet::Objects { listing, .. } => {
                let latest = listing.objects.iter().map(|object| object.last_modified).max();
                (listing.objects.iter().map(|object| object.size).sum(), latest.map(SystemTime::from))
            }
        }
    }

    /// All of them, on disk or in their store.
    pub(in crate::files) async fn all(&self, state: &dyn Session) -> Result<Vec<Found>, FileFault> {
        let count = match self {
            FileSet::Files(found) => found.len(),
            FileSet::Objects { listing, .. } => listing.objects.len(),
        };
        self.get(state, &(0..count).collect::<Vec<_>>()).await
    }

    /// Those at some places.
    pub(super) async fn get(&self, state: &dyn Session, places: &[usize]) -> Result<Vec<Found>, FileFault> {
        let (listing, fetched) = match self {
            FileSet::Files(found) => return Ok(places.iter().map(|&place| found[place].clone()).collect()),
            FileSet::Objects { listing, fetched } => (listing, fetched),
        };
        let chosen = || places.iter().map(|&place| &listing.objects[place]);
        let missing: Vec<ObjectMeta> = {
            let fetched = fetched.lock().unwrap_or_else(PoisonError::into_inner);
            let is_there = |object: &ObjectMeta| {
                fetched.get(&object.location).is_some_and(|found| found.in_store.is_some() || found.path.is_file())
            };
            chosen().filter(|object| !is_there(object)).cloned().collect()
        };
        let new = remote_of(state).fetch_listed(state, listing, &missing).await?;
        let mut fetched = fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.extend(missing.into_iter().map(|object| object.location).zip(new));
        Ok(chosen().filter_map(|object| fetched.get(&object.location).cloned()).collect())
    }
}
