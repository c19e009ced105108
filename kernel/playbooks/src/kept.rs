//! The folder in which an update puts what it would otherwise replace: `local-changes/TIME/`, beside the playbooks where
//! people see it.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use crate::{Fault, files::about};

/// Its name. Another number stands behind it where that is taken.
pub(crate) const FOLDER: &str = "local-changes";

/// Makes git leave alone what is beside it.
const IGNORE_ALL: &str = "# Put here by `flowdeck playbooks update`; not part of the repository.\n*\n";

/// How many names are tried.
const NAMES_MAX: usize = 100;

/// A folder that is made when the first thing is kept, and gets its name when all is in it.
pub(crate) struct Kept {
    root: PathBuf,
    /// Seen from the root.
    folder: PathBuf,
    is_made: bool,
    is_finished: bool,
}

impl Kept {
    /// A place for what is kept now. `is_taken` tells names that the upstream has itself.
    pub(crate) fn new(root: &Path, stamp: &str, is_taken: &dyn Fn(&str) -> bool) -> Result<Kept, Fault> {
        let taken = || io::Error::new(io::ErrorKind::AlreadyExists, "there is no free name for what would be kept");
        let is_free = |name: &String| {
            // A link would lead elsewhere.
            let is_ours = about(&root.join(name)).is_ok_and(|about| about.is_none_or(|about| about.is_dir()));
            is_ours && !is_taken(name)
        };
        let outer = numbered(FOLDER).find(is_free).ok_or_else(|| Fault::file(&root.join(FOLDER), taken()))?;
        let is_new = |name: &String| {
            let folder = Path::new(&outer).join(name);
            !root.join(&folder).exists() && !root.join(unfinished(&folder)).exists()
        };
        let inner = numbered(stamp).find(is_new).ok_or_else(|| Fault::file(&root.join(&outer), taken()))?;
        let folder = Path::new(&outer).join(inner);
        Ok(Kept { root: root.to_owned(), folder, is_made: false, is_finished: false })
    }

    /// Copies a file, a link or a folder with all that is in it. Nothing is followed.
    pub(crate) fn copy(&mut self, path: &Path) -> Result<(), Fault> {
        let (from, to) = (self.root.join(path), self.place(path)?);
        copy(&from, &to).map_err(|error| Fault::file(&from, error))?;
        match self.is_finished {
            true => sync(&to).map_err(|error| Fault::file(&to, error)),
            false => Ok(()),
        }
    }

    /// Writes what is in no file.
    pub(crate) fn write(&mut self, path: &Path, text: &[u8]) -> Result<(), Fault> {
        let to = self.place(path)?;
        fs::write(&to, text).map_err(|error| Fault::file(&to, error))
    }

    /// Everything is in it: from now on it is there under its name, also if the machine stops.
    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        if self.is_made {
            let (here, there) = (self.here(), self.root.join(&self.folder));
            sync(&here).and_then(|()| fs::rename(&here, &there)).map_err(|error| Fault::file(&here, error))?;
        }
        self.is_finished = true;
        Ok(())
    }

    /// Where it is, seen from the root, if anything was kept.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.is_made.then_some(&self.folder)
    }

    fn place(&mut self, path: &Path) -> Result<PathBuf, Fault> {
        let here = self.here();
        let to = here.join(path);
        let above = to.parent().unwrap_or(&here);
        fs::create_dir_all(above).map_err(|error| Fault::file(above, error))?;
        if !self.is_made {
            let ignore = here.with_file_name(".gitignore");
            fs::write(&ignore, IGNORE_ALL).map_err(|error| Fault::file(&ignore, error))?;
            self.is_made = true;
        }
        Ok(to)
    }

    fn here(&self) -> PathBuf {
        self.root.join(if self.is_finished { self.folder.clone() } else { unfinished(&self.folder) })
    }
}

fn numbered(name: &str) -> impl Iterator<Item = String> {
    (1..=NAMES_MAX).map(move |number| if number == 1 { name.to_owned() } else { format!("{name}-{number}") })
}

fn unfinished(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!("{name}.unfinished"))
}

/// Copies without following links. What is neither file nor link nor folder holds nothing to be copied.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let about = fs::symlink_metadata(from)?;
    if about.is_symlink() {
        symlink(fs::read_link(from)?, to)
    } else if about.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        Ok(())
    } else if about.is_file() {
        fs::copy(from, to)?;
        // When it was changed is a part of what is kept.
        fs::File::options().write(true).open(to).and_then(|file| file.set_modified(about.modified()?)).or(Ok(()))
    } else {
        Ok(())
    }
}

/// Waits until all of it is on the disk.
fn sync(path: &Path) -> io::Result<()> {
    let about = fs::symlink_metadata(path)?;
    if about.is_dir() {
        for entry in fs::read_dir(path)? {
            sync(&entry?.path())?;
        }
    }
    if about.is_dir() || about.is_file() {
        fs::File::open(path)?.sync_all()?;
    }
    Ok(())
}
