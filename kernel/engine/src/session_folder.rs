//! A folder for files of one session, which is removed with it.
//!
//! A session that was killed leaves its folder behind: nobody holds its lock any more, and a later session removes it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Before the prefix of a folder that is not locked yet.
const UNFINISHED: &str = "new-";
/// Locked as long as the session lives.
const LOCK: &str = "lock";

/// A folder of one session, which only its user may look into.
#[derive(Debug)]
pub struct SessionFolder {
    root: PathBuf,
    _lock: File,
}

impl SessionFolder {
    /// Makes one in `base`; its name begins with `prefix`.
    ///
    /// # Errors
    /// When `base` cannot be written to.
    pub fn make(base: &Path, prefix: &str) -> io::Result<SessionFolder> {
        let unfinished_prefix = format!("{UNFINISHED}{prefix}");
        let unfinished = tempfile::Builder::new().prefix(&unfinished_prefix).tempdir_in(base)?;
        let lock = File::create(unfinished.path().join(LOCK))?;
        lock.lock()?;
        let name = unfinished.path().file_name().unwrap_or_default().to_string_lossy().replacen(UNFINISHED, "", 1);
        let root = base.join(name);
        std::fs::rename(unfinished.keep(), &root)?;
        Ok(SessionFolder { root, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Removes it with all that is in it.
    ///
    /// # Errors
    /// When something in it cannot be removed; a later session tries again.
    pub fn remove(&self) -> io::Result<()> {
        match std::fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes folders in `base` with this prefix whose sessions are gone.
    pub fn remove_abandoned(base: &Path, prefix: &str) {
        let Ok(entries) = std::fs::read_dir(base) else { return };
        for entry in entries.filter_map(Result::ok) {
            let is_named = entry.file_name().to_string_lossy().starts_with(prefix);
            if !is_named || !entry.file_type().is_ok_and(|it| it.is_dir()) {
                continue;
            }
            // Those of other users cannot be opened.
            let Ok(lock) = File::options().write(true).open(entry.path().join(LOCK)) else { continue };
            if lock.try_lock().is_ok() {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}

impl Drop for SessionFolder {
    fn drop(&mut self) {
        // What cannot be removed now is removed by a later session.
        let _ = self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_go_with_their_session_or_with_a_later_one() {
        const PREFIX: &str = "flowdeck-some-";
        let base = tempfile::tempdir().expect("a folder");
        let count = || std::fs::read_dir(base.path()).expect("entries").count();
        let make = || SessionFolder::make(base.path(), PREFIX).expect("a folder in it");
        let (living, killed) = (make(), make());
        std::fs::create_dir(base.path().join("flowdeck-some-foreign")).expect("one without a lock");
        assert_eq!(count(), 3);
        // As when a process dies: the lock goes, the folder stays.
        let path = killed.path().to_owned();
        let copy = base.path().join("copy");
        std::fs::rename(&path, &copy).expect("moved");
        drop(killed);
        std::fs::rename(&copy, &path).expect("moved back");
        SessionFolder::remove_abandoned(base.path(), "flowdeck-other-");
        assert!(path.exists(), "that of another kind");
        SessionFolder::remove_abandoned(base.path(), PREFIX);
        assert!(!path.exists() && living.path().exists());
        drop(living);
        assert_eq!(count(), 1, "what has no lock is nobody's to remove");
    }
}
