//! A file that functions look things up in: read when first asked for, and again when it has become another one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use super::fault::FunctionFault;
use crate::connectors::lists::ListError;

/// What is read from one file.
#[derive(Debug)]
pub(super) struct KeptFile<T> {
    /// In words, for messages.
    what: &'static str,
    path: PathBuf,
    read: fn(&Path) -> Result<T, ListError>,
    loaded: RwLock<Option<Loaded<T>>>,
}

#[derive(Debug)]
struct Loaded<T> {
    stamp: Option<Stamp>,
    content: Result<Arc<T>, FunctionFault>,
}

/// Tells one file from the next in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl<T> KeptFile<T> {
    pub(super) fn new(what: &'static str, path: PathBuf, read: fn(&Path) -> Result<T, ListError>) -> KeptFile<T> {
        KeptFile { what, path, read, loaded: RwLock::default() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is in the file now.
    pub(super) fn get(&self) -> Result<Arc<T>, FunctionFault> {
        let stamp = stamp_of(&self.path);
        let known = |loaded: &Option<Loaded<T>>| {
            loaded.as_ref().filter(|loaded| loaded.stamp == stamp).map(|loaded| loaded.content.clone())
        };
        if let Some(content) = known(&self.loaded.read().unwrap_or_else(PoisonError::into_inner)) {
            return content;
        }
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have read it meanwhile.
        if let Some(content) = known(&loaded) {
            return content;
        }
        let unusable = |fault: ListError| FunctionFault::File {
            what: self.what,
            path: self.path.clone(),
            reason: fault.to_string(),
        };
        let content = (self.read)(&self.path).map(Arc::new).map_err(unusable);
        *loaded = Some(Loaded { stamp, content: content.clone() });
        content
    }
}

fn stamp_of(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp { modified: metadata.modified().ok(), bytes: metadata.len() })
}
