//! Where fetched objects are on disk: a folder of the session, removed with it.
//!
//! A file's path there ends with its address (`<folder>/3/s3/bucket/2024/conn.log`), so that texts which name the file can
//! be given the address back. A session that was killed leaves its folder; the next one that makes its own removes it.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::address::Address;

const PREFIX: &str = "flowdeck-fetched-";
/// Of a folder that is not locked yet.
const PREFIX_UNFINISHED: &str = "flowdeck-new-fetched-";
/// Locked as long as the session lives.
const LOCK: &str = "lock";

/// A folder of one session.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    next: AtomicU64,
    _lock: File,
}

impl Folder {
    /// Makes one in the folder for temporary files.
    pub(super) fn make(base: &Path) -> io::Result<Folder> {
        remove_abandoned(base);
        // Only its owner may look into it.
        let unfinished = tempfile::Builder::new().prefix(PREFIX_UNFINISHED).tempdir_in(base)?.keep();
        let lock = File::create(unfinished.join(LOCK))?;
        lock.lock()?;
        let name = unfinished.file_name().unwrap_or_default().to_string_lossy().replacen(PREFIX_UNFINISHED, PREFIX, 1);
        let root = base.join(name);
        std::fs::rename(&unfinished, &root)?;
        Ok(Folder { root, next: AtomicU64::new(1), _lock: lock })
    }

    /// A new place for an object, in a folder that is there.
    pub(super) fn place(&self, address: &Address) -> io::Result<PathBuf> {
        let number = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let [kind, place] = address.place.folders();
        let key = if address.key.is_empty() { "index" } else { address.key.as_str() };
        let relative = Path::new(&kind).join(place).join(key.trim_start_matches('/'));
        if relative.components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(io::Error::other("a name with `..` in it"));
        }
        let path = self.root.join(number).join(relative);
        std::fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
        Ok(path)
    }

    /// Removes all that is in it.
    pub(super) fn remove(&self) {
        // What cannot be removed now is removed by the next session.
        let _ = std::fs::remove_dir_all(&self.root);
    }

    /// `text` with addresses in the place of paths in this folder.
    pub(super) fn with_addresses(&self, text: &str) -> String {
        let root = format!("{}/", self.root.display());
        let mut parts = text.split(&root);
        let mut shown = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            // NUMBER/KIND/PLACE/KEY
            let mut names = part.splitn(3, '/');
            match (names.next(), names.next(), names.next()) {
                (Some(_), Some(kind), Some(rest)) => shown.push_str(&format!("{kind}://{rest}")),
                _ => shown.push_str(part),
            }
        }
        shown
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Removes folders whose sessions are gone: nobody holds their lock.
fn remove_abandoned(base: &Path) {
    let Ok(entries) = std::fs::read_dir(base) else { return };
    for entry in entries.filter_map(Result::ok) {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) || !entry.file_type().is_ok_and(|it| it.is_dir()) {
            continue;
        }
        // Those of other users cannot be opened.
        let Ok(lock) = File::options().write(true).open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::of(text).expect("an address").expect("a right one")
    }

    #[test]
    fn paths_become_addresses_again() {
        let base = tempfile::tempdir().expect("a folder");
        let folder = Folder::make(base.path()).expect("a folder in it");
        let path = folder.place(&address("s3://bucket/2024/conn.log")).expect("a place");
        let text = format!("could not read `{}`: odd, {0}, {}", path.display(), base.path().display());
        let expected = format!(
            "could not read `s3://bucket/2024/conn.log`: odd, s3://bucket/2024/conn.log, {}",
            base.path().display()
        );
        assert_eq!(folder.with_addresses(&text), expected);
        assert_ne!(folder.place(&address("s3://bucket/2024/conn.log")).expect("another"), path);
        assert!(folder.place(&address("s3://bucket/../../x")).is_err());
    }

    #[test]
    fn folders_go_with_their_session_or_with_the_next() {
        let base = tempfile::tempdir().expect("a folder");
        let count = || std::fs::read_dir(base.path()).expect("entries").count();
        let living = Folder::make(base.path()).expect("a folder");
        let killed = Folder::make(base.path()).expect("a folder");
        assert_eq!(count(), 2);
        // As when a process dies: the lock goes, the folder stays.
        let path = killed.root.clone();
        let copy = base.path().join("copy");
        std::fs::rename(&path, &copy).expect("moved");
        drop(killed);
        std::fs::rename(&copy, &path).expect("moved back");
        let next = Folder::make(base.path()).expect("a folder");
        assert!(!path.exists() && living.root.exists() && next.root.exists());
        drop((living, next));
        assert_eq!(count(), 0);
    }
}
