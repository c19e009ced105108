//! Which files an import is about to make appear, on disk while it does.
//!
//! They are renamed one after the other. Without this, a process that is killed in between would leave a part of its
//! flows, and the import that is repeated would bring them a second time.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{StoreError, hour_of};

/// Ends the names of journals.
pub(super) const SUFFIX: &str = ".import";

/// The journal of one import. Dropped without [`end`](Self::end) it stays, and is undone when the store is opened next.
pub(super) struct Journal(PathBuf);

impl Journal {
    /// Writes down the files that will appear, in a hidden file beside them.
    pub(super) fn begin(folder: &Path, files: &[(PathBuf, PathBuf)]) -> Result<Self, StoreError> {
        let names: Vec<String> = files.iter().filter_map(|(_, path)| name_of(path)).collect();
        let first = names.first().map_or("none", |name| name.trim_end_matches(super::SUFFIX));
        let path = folder.join(format!(".{first}{SUFFIX}"));
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(names.join("\n").as_bytes())?;
            file.sync_all()
        };
        write().map_err(StoreError::file("write", &path))?;
        Ok(Self(path))
    }

    /// All files have appeared.
    pub(super) fn end(self) -> Result<(), StoreError> {
        fs::remove_file(&self.0).map_err(StoreError::file("remove", &self.0))
    }
}

/// Removes what an import whose process is gone has made appear.
pub(super) fn undo(folder: &Path, journal: &Path) -> Result<(), StoreError> {
    let names = fs::read_to_string(journal).map_err(StoreError::file("read", journal))?;
    // Whatever is written there, only files of this store go.
    for name in names.lines().filter(|name| hour_of(name).is_some() && !name.contains('/')) {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::file("remove", &path)(reason));
            }
            _ => {}
        }
    }
    fs::remove_file(journal).map_err(StoreError::file("remove", journal))
}

fn name_of(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}
