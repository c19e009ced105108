//! Looking into folders without leaving them: symbolic links are not followed, and there is an end.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Component, Path, PathBuf},
};

use crate::Fault;

/// Files and folders that are looked at; more is not a folder of playbooks.
pub(crate) const ENTRIES_MAX: usize = 200_000;

/// Folders below each other.
const DEPTH_MAX: usize = 32;

/// All files below a folder, as paths seen from it, sorted. `enters` is asked for each folder by the path above it and its name.
/// Clones and submodules below the folder are not entered: what git looks after there is in an index that nobody here reads.
///
/// # Errors
/// When a folder cannot be read, or there is too much.
pub(crate) fn files(root: &Path, enters: &dyn Fn(&Path, &str) -> bool) -> Result<Vec<PathBuf>, Fault> {
    let mut found = Vec::new();
    visit(root, &mut |above, name, kind, depth| {
        if kind.is_file() {
            found.push(above.join(name));
        }
        let is_near = kind.is_dir() && depth < DEPTH_MAX;
        Ok(is_near && enters(above, &name.to_string_lossy()) && !is_clone(&root.join(above).join(name)))
    })?;
    found.sort();
    Ok(found)
}

/// All that is below a folder and no folder itself.
///
/// # Errors
/// When a folder cannot be read, or there is too much.
pub(crate) fn everything(root: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut found = Vec::new();
    visit(root, &mut |above, name, kind, depth| {
        if !kind.is_dir() {
            found.push(above.join(name));
        } else if depth >= DEPTH_MAX {
            return Err(Fault::TooMuch { folder: root.to_owned(), most: ENTRIES_MAX });
        }
        Ok(kind.is_dir())
    })?;
    Ok(found)
}

/// Given the folder above, the name, the kind and how deep that is. Says whether to go in.
type Visitor<'a> = dyn FnMut(&Path, &OsStr, fs::FileType, usize) -> Result<bool, Fault> + 'a;

fn visit(root: &Path, visitor: &mut Visitor<'_>) -> Result<(), Fault> {
    let mut seen = 0;
    let mut waiting = vec![(PathBuf::new(), 0)];
    while let Some((folder, depth)) = waiting.pop() {
        let here = root.join(&folder);
        let entries = match fs::read_dir(&here) {
            Ok(entries) => entries,
            // Gone since it was listed, or another user's: not the reason to tell nothing about the rest.
            Err(error)
                if depth > 0 && matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) =>
            {
                continue;
            }
            Err(error) => return Err(Fault::file(&here, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| Fault::file(&here, error))?;
            seen += 1;
            if seen > ENTRIES_MAX {
                return Err(Fault::TooMuch { folder: root.to_owned(), most: ENTRIES_MAX });
            }
            let Ok(kind) = entry.file_type() else { continue };
            if visitor(&folder, &entry.file_name(), kind, depth)? {
                waiting.push((folder.join(entry.file_name()), depth + 1));
            }
        }
    }
    Ok(())
}

/// Whether a folder holds what a person reads: not hidden, and not what programs or updates put there.
pub(crate) fn is_for_people(name: &str) -> bool {
    !name.starts_with('.')
        && !name.starts_with(crate::kept::FOLDER)
        && !matches!(name, "node_modules" | "__pycache__" | "target")
}

/// Whether a folder is the root of a clone, a worktree or a submodule. One that cannot be looked into is taken for one.
pub(crate) fn is_clone(folder: &Path) -> bool {
    match fs::symlink_metadata(folder.join(".git")) {
        Ok(_) => true,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// What is at a path below a folder, if all that leads there are folders: `None` where a link or a file stands in between,
/// where there is nothing, and for paths that do not go down.
///
/// # Errors
/// What the system says, beyond that there is nothing.
pub(crate) fn below(root: &Path, path: &Path) -> io::Result<Option<fs::Metadata>> {
    let mut here = root.to_owned();
    let mut parts = path.components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { return Ok(None) };
        here.push(name);
        let about = match fs::symlink_metadata(&here) {
            Ok(about) => about,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if parts.peek().is_none() {
            return Ok(Some(about));
        }
        if !about.is_dir() {
            return Ok(None);
        }
    }
    Ok(None)
}

/// A path for eyes: what could move a terminal's cursor is written out.
pub(crate) fn shown(path: &str) -> String {
    let mut text = String::new();
    for c in path.chars() {
        match c.is_control() {
            true => text.extend(c.escape_default()),
            false => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn links_lead_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        for place in [&inside, &outside] {
            fs::create_dir(place).unwrap();
            fs::write(place.join("a.ipynb"), "{}").unwrap();
        }
        std::os::unix::fs::symlink(&outside, inside.join("linked")).unwrap();
        std::os::unix::fs::symlink("a.ipynb", inside.join("b.ipynb")).unwrap();
        assert_eq!(files(&inside, &|_, _| true).unwrap(), [PathBuf::from("a.ipynb")]);
        assert!(below(&inside, Path::new("linked/a.ipynb")).unwrap().is_none());
        assert!(below(&inside, Path::new("../out/a.ipynb")).unwrap().is_none());
        assert!(below(&inside, Path::new("a.ipynb/b")).unwrap().is_none());
        assert!(below(&inside, Path::new("b.ipynb")).unwrap().unwrap().is_symlink());
    }

    #[test]
    fn clones_below_the_folder_are_not_entered() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in ["a", "plain/b", "clone/c", "clone/deep/d", "plain/submodule/e"] {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), "").unwrap();
        }
        fs::create_dir(root.join(".git")).unwrap();
        fs::create_dir(root.join("clone/.git")).unwrap();
        fs::write(root.join("plain/submodule/.git"), "gitdir: ../../.git/modules/submodule").unwrap();
        assert_eq!(files(root, &|_, _| true).unwrap(), ["a", "plain/b"].map(PathBuf::from));
    }

    #[test]
    fn names_cannot_write_over_the_terminal() {
        assert_eq!(shown("é\u{1b}[2J\n.ipynb"), "é\\u{1b}[2J\\n.ipynb");
    }
}
