//! `flowdeck cache`: what the program keeps between kernels, how large it is, and how to be rid of it.
//!
//! The folders are those of [`Prelude`]: one prelude and one folder of compiled cells for each toolchain and version.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use clap::Args;

use super::{print, say, store::bytes_text};
use crate::interpreter::rust::{
    prelude::{Prelude, cache_folder},
    toolchain::Toolchain,
};

/// Characters of a folder's name: the beginning of a sum in hexadecimal digits. Anything else is not ours to remove.
const KEY_CHARS: usize = 16;

/// Options of `flowdeck cache`.
#[derive(Args)]
pub struct Options {
    /// Remove what no toolchain and version of now uses.
    #[arg(long)]
    clean: bool,
    /// With `--clean`: remove what is used as well. The next Rust cell compiles it again.
    #[arg(long, requires = "clean")]
    all: bool,
}

/// Shows or cleans.
///
/// # Errors
/// When the folder cannot be read, or something in it cannot be removed.
pub fn run(options: &Options) -> Result<()> {
    let folder = cache_folder();
    let current = Toolchain::find().ok().and_then(|toolchain| Prelude::key_of(&toolchain));
    let kept = Kept::find(&folder, current.as_deref()).with_context(|| format!("cannot read {}", folder.display()))?;
    if options.clean {
        return clean(&kept, options.all);
    }
    let mut text = format!("cache: {}\n\n", folder.display());
    if kept.is_empty() {
        text += "nothing is kept; `flowdeck install` compiles the prelude of Rust cells into it\n";
        return print(&text);
    }
    text += &format!("{:<15} {:<16} {:>10}  {:<16}  STATE\n", "WHAT", "KEY", "SIZE", "LAST USED (UTC)");
    for one in &kept {
        let (size, used) = (bytes_text(one.bytes), one.used.format("%Y-%m-%d %H:%M"));
        text += &format!("{:<15} {:<16} {size:>10}  {used}  {}\n", one.what, one.key, one.state());
    }
    let unused: u64 = kept.iter().filter(|one| !one.is_current).map(|one| one.bytes).sum();
    if unused > 0 {
        text += &format!("\n`flowdeck cache --clean` frees {}\n", bytes_text(unused));
    }
    print(&text)
}

/// A folder of the cache.
struct Kept {
    what: &'static str,
    key: String,
    folder: PathBuf,
    bytes: u64,
    used: DateTime<Utc>,
    /// Whether the toolchain and the version of now use it.
    is_current: bool,
}

impl Kept {
    /// All of them, by what they are.
    fn find(cache: &Path, current: Option<&str>) -> std::io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for (name, what) in [("prelude", "prelude"), ("cells", "compiled cells")] {
            let entries = match fs::read_dir(cache.join(name)) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let entry = entry?;
                let Some(key) = entry.file_name().to_str().and_then(key_of).map(str::to_owned) else { continue };
                if !entry.file_type()?.is_dir() {
                    continue;
                }
                let (bytes, used) = size(&entry.path());
                let is_current = current == Some(key.as_str());
                kept.push(Kept { what, key, folder: entry.path(), bytes, used: used.into(), is_current });
            }
        }
        kept.sort_by(|one, other| (one.what, other.used).cmp(&(other.what, one.used)));
        Ok(kept)
    }

    fn state(&self) -> &'static str {
        match self.is_current {
            true => "in use by this version",
            false => "of another toolchain or version",
        }
    }

    fn remove(&self) -> std::io::Result<()> {
        // A kernel that builds this one right now holds the lock, and would be left with half of it.
        let lock = self.folder.with_file_name(format!("{}.lock", self.key));
        let held = File::open(&lock).ok();
        if let Some(lock) = &held {
            lock.lock()?;
        }
        gone(fs::remove_dir_all(&self.folder))?;
        gone(fs::remove_file(&lock))
    }
}

/// What is not there any more need not be removed.
fn gone(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The key in the name of a folder; one that is being built carries a word behind it.
fn key_of(name: &str) -> Option<&str> {
    let key = name.strip_suffix(".building").unwrap_or(name);
    (key.len() == KEY_CHARS && key.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(key)
}

/// Bytes of all files below, and when one of them was written last. Files that vanish meanwhile do not count.
fn size(folder: &Path) -> (u64, SystemTime) {
    let mut total = (0, SystemTime::UNIX_EPOCH);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(about) = entry.metadata() else { continue };
        let (bytes, used) = match about.is_dir() {
            true => size(&entry.path()),
            false => (about.len(), about.modified().unwrap_or(SystemTime::UNIX_EPOCH)),
        };
        total = (total.0 + bytes, total.1.max(used));
    }
    total
}

fn clean(kept: &[Kept], with_current: bool) -> Result<()> {
    let mut freed = 0;
    for one in kept.iter().filter(|one| with_current || !one.is_current) {
        one.remove().with_context(|| format!("cannot remove {}", one.folder.display()))?;
        freed += one.bytes;
    }
    say(&format!("freed {}", bytes_text(freed)));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_ours_is_not_touched() {
        let cache = tempfile::tempdir().unwrap();
        let at = |path: &str| cache.path().join(path);
        for folder in
            ["prelude/0123456789abcdef/release", "prelude/fedcba9876543210.building", "cells/fedcba9876543210"]
        {
            fs::create_dir_all(at(folder)).unwrap();
            fs::write(at(folder).join("file"), [0; 1000]).unwrap();
        }
        fs::write(at("prelude/fedcba9876543210.lock"), "").unwrap();
        fs::create_dir_all(at("cells/mine")).unwrap();
        let kept = Kept::find(cache.path(), Some("0123456789abcdef")).unwrap();
        let told: Vec<(&str, bool, u64)> = kept.iter().map(|one| (one.what, one.is_current, one.bytes)).collect();
        assert_eq!(kept.len(), 3, "{told:?}");
        clean(&kept, false).unwrap();
        assert!(at("prelude/0123456789abcdef/release/file").is_file() && at("cells/mine").is_dir());
        assert!(!at("cells/fedcba9876543210").exists() && !at("prelude/fedcba9876543210.building").exists());
        clean(&Kept::find(cache.path(), Some("0123456789abcdef")).unwrap(), true).unwrap();
        assert!(!at("prelude/0123456789abcdef").exists() && at("cells/mine").is_dir());
        assert!(Kept::find(&at("nowhere"), None).unwrap().is_empty());
    }
}
