//! Removing what was listed, and nothing else: a file that is another one by now stays.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{Fault, Level, Log, walk};

/// A file as it was when it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Seen from the folder.
    pub path: PathBuf,
    pub(crate) seen: Seen,
}

/// What tells a file from the same one after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    inode: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
    mode: u32,
}

impl Seen {
    pub(crate) fn of(about: &fs::Metadata) -> Seen {
        Seen {
            inode: (about.dev(), about.ino()),
            bytes: about.len(),
            modified: (about.mtime(), about.mtime_nsec()),
            mode: about.mode(),
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Seconds since 1970.
    pub(crate) fn modified(&self) -> i64 {
        self.modified.0
    }
}

impl Listed {
    /// A file below the folder as it is now; `None` when it is no file, or a link leads there.
    pub(crate) fn look(folder: &Path, path: &Path) -> io::Result<Option<Listed>> {
        let about = walk::below(folder, path)?.filter(fs::Metadata::is_file);
        Ok(about.map(|about| Listed { path: path.to_owned(), seen: Seen::of(&about) }))
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.seen.bytes()
    }

    /// When it was written last, in seconds since 1970.
    pub fn modified(&self) -> i64 {
        self.seen.modified()
    }
}

/// What became of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Files that are gone.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Files that are still there.
    pub left: usize,
}

/// Removes the files of a list. What has changed since it was listed
/// stays, and that is said.
pub fn remove(folder: &Path, listed: &[Listed], log: &Log<'_>) -> Removed {
    let mut removed = Removed::default();
    for one in listed {
        let path = walk::shown(&one.path.to_string_lossy());
        match remove_one(folder, one) {
            Ok(true) => {
                removed.files += 1;
                removed.bytes += one.bytes();
                log(Level::Info, &format!("removed {path}"));
            }
            Ok(false) => {
                removed.left += 1;
                log(Level::Warning, &format!("{path} stays: it has changed since it was listed"));
            }
            Err(error) => {
                removed.left += 1;
                log(Level::Error, &format!("{path} cannot be removed: {error}"));
            }
        }
    }
    removed
}

fn remove_one(folder: &Path, listed: &Listed) -> io::Result<bool> {
    if Listed::look(folder, &listed.path)?.as_ref() != Some(listed) {
        return Ok(false);
    }
    fs::remove_file(folder.join(&listed.path))?;
    Ok(true)
}

/// Removes folders that hold nothing, from this one up, but not `folder` itself.
pub(crate) fn remove_empty_folders(folder: &Path, from: &Path) {
    let mut here = Some(from);
    while let Some(path) = here.filter(|path| !path.as_os_str().is_empty()) {
        let is_folder = walk::below(folder, path).is_ok_and(|about| about.is_some_and(|about| about.is_dir()));
        // One that holds something cannot be removed this way.
        if !is_folder || fs::remove_dir(folder.join(path)).is_err() {
            return;
        }
        here = path.parent();
    }
}

/// The files of a folder that git looks after, seen from the folder; none where there is no repository.
///
/// # Errors
/// When there is one that cannot be read: then nobody knows what may be removed.
pub(crate) fn looked_after(folder: &Path) -> Result<HashSet<PathBuf>, Fault> {
    let repository = match gix::discover(folder) {
        Ok(repository) => repository,
        Err(error) if folder.ancestors().any(|above| above.join(".git").exists()) => return Err(error.into()),
        Err(_) => return Ok(HashSet::new()),
    };
    let root = repository.workdir().and_then(|root| root.canonicalize().ok());
    let Some(root) = root else { return Ok(HashSet::new()) };
    let index = repository.index_or_empty()?;
    let of = |entry: &gix::index::Entry| {
        let path = gix::path::from_bstr(entry.path(&index)).ok()?;
        root.join(path).strip_prefix(folder).ok().map(Path::to_owned)
    };
    Ok(index.entries().iter().filter_map(of).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_was_listed_and_is_still_the_same_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        let mut listed = Vec::new();
        for path in ["a", "b", "d/c", "gone"] {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), path).unwrap();
            listed.push(Listed::look(folder.path(), Path::new(path)).unwrap().unwrap());
        }
        fs::write(at("b"), "written again, longer").unwrap();
        fs::remove_file(at("gone")).unwrap();
        fs::rename(at("d"), at("moved")).unwrap();
        std::os::unix::fs::symlink(at("moved"), at("d")).unwrap();
        let removed = remove(folder.path(), &listed, &|_, _| ());
        assert_eq!(removed, Removed { files: 1, bytes: 1, left: 3 });
        assert!(at("b").exists() && at("moved/c").exists() && !at("a").exists());
    }

    #[test]
    fn a_repository_that_cannot_be_read_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(looked_after(folder.path()).unwrap().is_empty());
        fs::create_dir(folder.path().join(".git")).unwrap();
        assert!(looked_after(folder.path()).is_err());
    }
}
