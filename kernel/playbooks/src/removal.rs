//! Removing what was listed, and nothing else: a file that is another one by now stays.

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use gix::discover::upwards::Error as Search;

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
    /// Whether a person ended it before the last file.
    pub is_stopped: bool,
}

/// Removes the files of a list. What has changed since it was listed stays, and that is said. Once `stop` is set, the rest
/// stays too.
pub fn remove(folder: &Path, listed: &[Listed], stop: &AtomicBool, log: &Log<'_>) -> Removed {
    let mut removed = Removed::default();
    for (done, one) in listed.iter().enumerate() {
        if stop.load(Ordering::SeqCst) {
            removed.left += listed.len() - done;
            removed.is_stopped = true;
            break;
        }
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
        // One that lacks what makes it a repository is none for the search; its files are somebody's all the same.
        Err(error) if is_nowhere(&error) && !folder.ancestors().any(walk::is_clone) => return Ok(HashSet::new()),
        Err(error) => return Err(error.into()),
    };
    let Some(root) = repository.workdir() else {
        // A clone that is said to have no files has some here.
        let is_below_one = folder.ancestors().any(walk::is_clone);
        return if is_below_one { Err(Fault::NoFiles(repository.path().to_owned())) } else { Ok(HashSet::new()) };
    };
    let root = root.canonicalize().map_err(|error| Fault::file(root, error))?;
    // The search goes on above a clone that it cannot read.
    let mut between = folder.ancestors().take_while(|above| *above != root);
    if let Some(unread) = between.find(|above| above.starts_with(&root) && walk::is_clone(above)) {
        return Err(Fault::Git(format!("the repository {} cannot be read", unread.display())));
    }
    let index = repository.index_or_empty()?;
    let of = |entry: &gix::index::Entry| {
        let path = gix::path::from_bstr(entry.path(&index)).ok()?;
        root.join(path).strip_prefix(folder).ok().map(Path::to_owned)
    };
    Ok(index.entries().iter().filter_map(of).collect())
}

/// Whether a search for a repository came to its end, and did not fail on the way.
fn is_nowhere(error: &gix::Error) -> bool {
    matches!(
        error.downcast_any_ref::<Search>(),
        Some(
            Search::NoGitRepository { .. }
                | Search::NoGitRepositoryWithinCeiling { .. }
                | Search::NoGitRepositoryWithinFs { .. }
        )
    )
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
        let removed = remove(folder.path(), &listed, &AtomicBool::new(false), &|_, _| ());
        assert_eq!(removed, Removed { files: 1, bytes: 1, left: 3, is_stopped: false });
        assert!(at("b").exists() && at("moved/c").exists() && !at("a").exists());
    }

    #[test]
    fn a_repository_that_cannot_be_read_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(looked_after(folder.path()).unwrap().is_empty());
        fs::create_dir(folder.path().join(".git")).unwrap();
        assert!(looked_after(folder.path()).is_err());
    }

    #[test]
    fn a_repository_without_its_usual_name_that_cannot_be_read_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["objects", "refs"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(folder.path().join("config"), "[core").unwrap();
        assert!(looked_after(folder.path()).is_err());
    }

    #[test]
    fn the_repository_above_does_not_stand_in_for_one_that_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        gix::init(&root).unwrap();
        let inner = root.join("inner/deep");
        fs::create_dir_all(&inner).unwrap();
        assert!(looked_after(&inner).unwrap().is_empty());
        fs::create_dir(root.join("inner/.git")).unwrap();
        assert!(looked_after(&inner).is_err());
    }

    #[test]
    fn a_removal_that_is_stopped_leaves_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| {
            fs::write(folder.path().join(name), name).unwrap();
            Listed::look(folder.path(), Path::new(name)).unwrap().unwrap()
        };
        let listed = ["a", "b", "c"].map(of);
        let stop = AtomicBool::new(false);
        let removed = remove(folder.path(), &listed, &stop, &|_, _| stop.store(true, Ordering::SeqCst));
        assert_eq!(removed, Removed { files: 1, bytes: 1, left: 2, is_stopped: true });
        assert!(folder.path().join("b").exists() && folder.path().join("c").exists());
    }
}
