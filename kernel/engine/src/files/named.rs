//! What files at places of stores are called where people read of them.

use std::collections::HashMap;

use object_store::path::Path;

use super::FileFault;

/// Names by places.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<Path, String>);

impl Names {
    pub(super) fn new(names: impl IntoIterator<Item = (Path, String)>) -> Self {
        Self(names.into_iter().collect())
    }

    /// A file of that format that is damaged.
    pub(super) fn broken(&self, location: &Path, format: &'static str, reason: String) -> FileFault {
        let path = self.0.get(location).cloned().unwrap_or_else(|| location.to_string());
        FileFault::Broken { path, format, reason }
    }
}
