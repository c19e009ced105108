//! Where fetched objects are on disk: a folder of the session, removed with it.
//!
//! A file's path there ends with its address (`<folder>/3/s3/bucket/2024/conn.log`), so that texts which name the file can
//! be given the address back.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::address::Address;
use crate::session_folder::SessionFolder;

const PREFIX: &str = "flowdeck-fetched-";

/// A folder of one session.
#[derive(Debug)]
pub(super) struct Folder {
    folder: SessionFolder,
    next: AtomicU64,
}

impl Folder {
    /// Makes one in the folder for temporary files, and removes those of sessions that were killed.
    pub(super) fn make(base: &Path) -> io::Result<Folder> {
        SessionFolder::remove_abandoned(base, PREFIX);
        Ok(Folder { folder: SessionFolder::make(base, PREFIX)?, next: AtomicU64::new(1) })
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
        let path = self.folder.path().join(number).join(relative);
        std::fs::create_dir_all(path.parent().unwrap_or(self.folder.path()))?;
        Ok(path)
    }

    /// Removes all that is in it.
    pub(super) fn remove(&self) {
        // What cannot be removed now is removed by the next session.
        let _ = self.folder.remove();
    }

    /// `text` with addresses in the place of paths in this folder.
    pub(super) fn with_addresses(&self, text: &str) -> String {
        let root = format!("{}/", self.folder.path().display());
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
}
