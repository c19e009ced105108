//! What a connector is, and how a path or pattern becomes files.
//!
//! A connector's tables keep DataFusion's three layers: the `TableProvider` knows the schema (from the first bytes
//! of each file, bounded), `scan` only remembers columns, filters and limit, and the first row is read when a stream
//! is polled. Streams stop soon after they are dropped. What every table must pass is in `contract_tests`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion_catalog::TableProvider;

use crate::error::SourceError;

/// Files one pattern may name.
pub const FILES_PER_SET_MAX: usize = 100_000;

/// A kind of flow file, as the engine's registry sees it.
pub trait Connector: fmt::Debug + Send + Sync {
    /// The name used in `flowdeck.toml` and in the column `source`, e.g. `zeek`.
    fn name(&self) -> &'static str;

    /// What one of its files is, with article, e.g. `a Zeek log`.
    fn file_kind(&self) -> &'static str;

    /// What it reads, in the plural, e.g. `Zeek logs`.
    fn readable(&self) -> &'static str;

    /// Whether decompressed first bytes of a file look like this connector's. Called for each connector in turn
    /// until one says yes; a `false` costs only this call. The bytes may end anywhere, also within a character.
    fn recognises(&self, first_bytes: &[u8]) -> bool;

    /// A table with the source's own column names and types. Called when a table is named, before planning; reads
    /// the first bytes of each file.
    ///
    /// # Errors
    /// When a file cannot be read or is not of this connector.
    fn open_log(&self, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError>;

    /// A table in the common flow schema ([`crate::flow_schema`]).
    ///
    /// # Errors
    /// As `open_log`, and when the files hold no flows.
    fn open_flows(&self, paths: Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError>;

    /// The same connector for files whose times, where they are written without a zone, are of this one (an IANA name), and
    /// where what is written is wrong and ignored all of them; `None` when its files have no such times.
    fn in_zone(&self, _zone: &str, _ignores_written: bool) -> Option<Box<dyn Connector>> {
        None
    }

    /// Further tables that its files hold, such as `dns`: what [`open_side_table`](Self::open_side_table) knows.
    fn side_tables(&self) -> &'static [&'static str] {
        &[]
    }

    /// One of [`side_tables`](Self::side_tables); `None` for any other name.
    fn open_side_table(
        &self,
        _name: &str,
        _paths: Vec<PathBuf>,
    ) -> Option<Result<Arc<dyn TableProvider>, SourceError>> {
        None
    }
}

/// The files a path or pattern stands for: at least one, sorted by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSet {
    paths: Vec<PathBuf>,
}

impl FileSet {
    /// Expands a file path, a folder (its visible files, not its sub-folders) or a pattern with `*`, `?`, `[…]`,
    /// `**`. An existing path is taken literally even when its name has pattern characters.
    ///
    /// # Errors
    /// When nothing matches, the pattern is malformed, a folder is unreadable, or more than [`FILES_PER_SET_MAX`]
    /// files match.
    pub fn expand(pattern: &str) -> Result<Self, SourceError> {
        let literal = Path::new(pattern);
        let mut paths = if literal.is_dir() {
            files_in(literal)?
        } else if literal.exists() || !pattern.contains(['*', '?', '[']) {
            vec![literal.to_owned()]
        } else {
            files_matching(pattern)?
        };
        if paths.is_empty() || !(paths.len() > 1 || paths[0].exists()) {
            return Err(SourceError::NoFile { pattern: pattern.to_owned() });
        }
        paths.sort();
        Ok(Self { paths })
    }

    /// The files.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The files, given away.
    pub fn into_paths(self) -> Vec<PathBuf> {
        self.paths
    }
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let unreadable = |reason| SourceError::Unreadable { path: folder.to_owned(), reason };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.path().is_file() {
            paths.push(entry.path());
            check_count(&folder.to_string_lossy(), paths.len())?;
        }
    }
    Ok(paths)
}

fn files_matching(pattern: &str) -> Result<Vec<PathBuf>, SourceError> {
    let matches = glob::glob(pattern).map_err(|error| SourceError::BadPattern {
        pattern: pattern.to_owned(),
        reason: format!("{} at character {}", error.msg, error.pos + 1),
    })?;
    let mut paths = Vec::new();
    for found in matches {
        let path =
            found.map_err(|error| SourceError::Unreadable { path: error.path().to_owned(), reason: error.into() })?;
        if path.is_file() {
            paths.push(path);
            check_count(pattern, paths.len())?;
        }
    }
    Ok(paths)
}

fn check_count(pattern: &str, count: usize) -> Result<(), SourceError> {
    if count <= FILES_PER_SET_MAX {
        return Ok(());
    }
    let reason = format!("it names more than {FILES_PER_SET_MAX} files");
    Err(SourceError::BadPattern { pattern: pattern.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder for the test");
        for name in names {
            std::fs::write(folder.path().join(name), b"x").expect("a file for the test");
        }
        std::fs::create_dir(folder.path().join("sub.log")).expect("a sub-folder for the test");
        folder
    }

    #[track_caller]
    fn check(names: &[&str], pattern: &str, expected: &[&str]) {
        let folder = folder(names);
        let set = FileSet::expand(&folder.path().join(pattern).to_string_lossy());
        let found: Vec<String> = set
            .map(FileSet::into_paths)
            .unwrap_or_default()
            .iter()
            .filter_map(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()))
            .collect();
        assert_eq!(found, expected, "{pattern}");
    }

    #[test]
    fn path_pattern_and_folder() {
        let names =
            ["conn.01:00:00-02:00:00.log.gz", "conn.00:00:00-01:00:00.log.gz", "dns.log", ".hidden", "a[1].log"];
        check(&names, "dns.log", &["dns.log"]);
        check(&names, "conn.*", &["conn.00:00:00-01:00:00.log.gz", "conn.01:00:00-02:00:00.log.gz"]);
        check(&names, "*.log", &["a[1].log", "dns.log"]);
        check(&names, "a[1].log", &["a[1].log"]);
        check(&["b", "a", ".c"], "", &["a", "b"]);
    }

    #[test]
    fn nothing_matches_names_the_pattern() {
        let folder = folder(&[]);
        for pattern in ["nothing*.log", "nothing.log", ""] {
            let pattern = folder.path().join(pattern).to_string_lossy().into_owned();
            let error = FileSet::expand(&pattern).expect_err("there is no such file");
            assert!(error.to_string().contains(&pattern), "{error}");
        }
    }

    #[test]
    fn malformed_pattern() {
        let error = FileSet::expand("/tmp/***").expect_err("three stars are not a pattern");
        assert!(matches!(error, SourceError::BadPattern { .. }), "{error}");
    }
}
