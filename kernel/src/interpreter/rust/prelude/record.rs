//! What a compiled prelude is made of, noted beside it: by that it is found damaged, and what `:dep` put among its files is
//! told from its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::interpreter::rust::toolchain::Toolchain;

/// The file's name, in the prelude's folder.
const FILE: &str = "prelude.json";

/// Endings of files that rustc reads when a cell is compiled, or the system when it is loaded.
const READ_BY_CELLS: &[&str] = &["rlib", "rmeta", "so", "dylib"];

/// Bytes read at once.
const READ_BYTES: usize = 1024 * 1024;

/// Folders of cargo's, in the prelude's, in which each entry's name ends in the sum of what it was compiled from.
pub const FOLDERS_OF_UNITS: &[&str] = &["release/.fingerprint", "release/build", "release/deps"];

/// How closely files are looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Check {
    /// That they are there and as long as they were: each start of a kernel.
    Sizes,
    /// All they hold: `flowdeck install`, and when cells do not start.
    Sums,
}

/// What was noted of a prelude.
#[derive(Debug, Deserialize, Serialize)]
pub struct Record {
    /// `rustc --version`.
    pub toolchain: String,
    /// The version of Flowdeck that compiled it.
    pub version: String,
    /// Files by their path in the prelude's folder.
    files: BTreeMap<String, Noted>,
    /// What cargo compiled for it, by the ends of its names: the rest is of `:dep`.
    pub units: BTreeSet<String>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Noted {
    length: u64,
    sum: String,
}

impl Record {
    /// The record of what was just compiled into a folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(folder: &Path, toolchain: &Toolchain) -> io::Result<Record> {
        let mut files = BTreeMap::new();
        for path in files_for_cells(folder)? {
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            files.insert(name, Noted { length: fs::metadata(&path)?.len(), sum: sum(&path)? });
        }
        let units = FOLDERS_OF_UNITS.iter().flat_map(|units| fs::read_dir(folder.join(units)));
        let names = units.flatten().flatten().map(|entry| entry.file_name());
        let units = names.filter_map(|name| unit(&name)).collect();
        let toolchain = toolchain.version.lines().next().unwrap_or_default().to_owned();
        Ok(Record { toolchain, version: env!("CARGO_PKG_VERSION").to_owned(), files, units })
    }

    /// Writes it into the folder.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::write(folder.join(FILE), serde_json::to_vec(self)?)
    }

    /// The record of a folder, if it has one.
    pub fn read(folder: &Path) -> Option<Record> {
        serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()
    }

    /// Whether all files are as they were.
    pub fn holds(&self, folder: &Path, check: Check) -> bool {
        let is_as_noted = |(name, noted): (&String, &Noted)| {
            let path = folder.join(name);
            let is_as_long = fs::metadata(&path).is_ok_and(|about| about.len() == noted.length);
            is_as_long && (check == Check::Sizes || sum(&path).is_ok_and(|sum| sum == noted.sum))
        };
        self.files.iter().all(is_as_noted)
    }
}

/// The end of a name by which cargo tells apart what it compiled: sixteen hexadecimal digits behind the last `-`.
pub fn unit(name: &OsStr) -> Option<String> {
    let stem = name.to_str()?.split('.').next()?;
    let (_, end) = stem.rsplit_once('-')?;
    (end.len() == 16 && end.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| end.to_owned())
}

fn files_for_cells(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for libraries in ["release", "release/deps"] {
        for entry in fs::read_dir(folder.join(libraries))? {
            let path = entry?.path();
            let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
            if READ_BY_CELLS.contains(&ending) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

fn sum(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut bytes) = (File::open(path)?, Sha256::new(), vec![0; READ_BYTES]);
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(hex::encode(hash.finalize())),
            count => hash.update(&bytes[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn damage_is_found_by_length_and_by_sum() {
        let folder = tempfile::tempdir().unwrap();
        let deps = folder.path().join("release/deps");
        fs::create_dir_all(&deps).unwrap();
        fs::write(folder.path().join("release/libflowdeck.so"), "library").unwrap();
        fs::write(deps.join("libarrow-0123456789abcdef.rmeta"), "about arrow").unwrap();
        let toolchain = Toolchain {
            cargo: PathBuf::new(),
            rustc: PathBuf::new(),
            rustup: None,
            version: "rustc 1.2.3\nhost: x".to_owned(),
        };
        Record::of(folder.path(), &toolchain).unwrap().write(folder.path()).unwrap();
        let record = Record::read(folder.path()).unwrap();
        assert_eq!(record.toolchain, "rustc 1.2.3");
        assert!(record.units.contains("0123456789abcdef"));
        let holds = |check| record.holds(folder.path(), check);
        // What `:dep` adds later is none of its business.
        fs::write(deps.join("libhex-fedcba9876543210.rlib"), "more").unwrap();
        assert!(holds(Check::Sizes) && holds(Check::Sums));
        fs::write(deps.join("libarrow-0123456789abcdef.rmeta"), "about Arrow").unwrap();
        assert!(holds(Check::Sizes) && !holds(Check::Sums));
        fs::write(folder.path().join("release/libflowdeck.so"), "lib").unwrap();
        assert!(!holds(Check::Sizes));
    }

    #[test]
    fn units_are_told_by_the_ends_of_names() {
        let of = |name: &str| unit(OsStr::new(name));
        assert_eq!(of("libahash-1ee39f7f41ec5742.rlib").as_deref(), Some("1ee39f7f41ec5742"));
        assert_eq!(of("ahash-1ee39f7f41ec5742").as_deref(), Some("1ee39f7f41ec5742"));
        assert_eq!(of("libflowdeck.so"), None);
    }
}
