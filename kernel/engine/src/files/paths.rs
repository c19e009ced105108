//! From the path or glob an analyst typed to the files on disk, or to the names it may have meant.
//!
//! Addresses in the network are those of `remote`, which finds the same kind of thing.

use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

use super::FileFault;
use super::remote::InStore;
use super::walk::{self, Files};
use crate::names;
use crate::render::visible;

/// Files one table may have. Beyond it, opening them only to look inside takes longer than people wait.
pub(super) const FILES_MAX: usize = 20_000;
/// Entries of a folder that are looked through for a similar name.
const ENTRIES_SEARCHED_MAX: usize = 10_000;
/// Similar names offered.
const NEAREST_MAX: usize = 3;

/// A file or object that a pattern names.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Where it is on disk. Of an object that stays in its store, its address.
    pub(crate) path: PathBuf,
    /// Its path or address, for people.
    pub(crate) shown: String,
    /// What is known of an object that stays in its store.
    pub(crate) in_store: Option<InStore>,
}

impl Found {
    pub(super) fn on_disk(path: PathBuf) -> Found {
        Found { shown: path.display().to_string(), path, in_store: None }
    }
}

/// The files `pattern` names, in order of their names. A folder stands for the files below it.
pub(super) fn find(pattern: &str) -> Result<Files, FileFault> {
    if pattern.trim().is_empty() {
        return Err(FileFault::NoPath);
    }
    let path = expand_home(pattern);
    // A file may have brackets in its name, so what exists literally is not read as a glob.
    if path.is_file() {
        return Ok(Files { paths: vec![absolute(&path)], unreadable: Vec::new() });
    }
    if path.is_dir() {
        let files = walk::below(&absolute(&path), pattern)?;
        return match files.paths.is_empty() && files.unreadable.is_empty() {
            true => Err(FileFault::EmptyFolder { folder: pattern.into() }),
            false => some_of(files, pattern),
        };
    }
    if let Some(fault) = no_file(&path, pattern) {
        return Err(fault);
    }
    if !pattern.contains(['*', '?', '[']) {
        return Err(FileFault::Missing { path: pattern.into(), nearest: nearest_files(&path) });
    }
    let mut files = walk::matching(&path, pattern)?;
    files.paths.iter_mut().for_each(|path| *path = absolute(path));
    some_of(files, pattern)
}

fn some_of(files: Files, pattern: &str) -> Result<Files, FileFault> {
    match (files.paths.is_empty(), files.unreadable.first()) {
        (false, _) => Ok(files),
        (true, Some(reason)) => Err(FileFault::Unreadable { path: pattern.into(), reason: reason.clone() }),
        (true, None) => Err(FileFault::NoMatch { pattern: pattern.into(), nearest: nearest_files(Path::new(pattern)) }),
    }
}

/// What is at the path, if something is, and why it is no file.
fn no_file(path: &Path, pattern: &str) -> Option<FileFault> {
    let shown = || pattern.to_owned();
    let entry = match std::fs::symlink_metadata(path) {
        Ok(entry) => entry,
        Err(fault) if fault.kind() == ErrorKind::PermissionDenied => {
            return Some(FileFault::Unreadable { path: shown(), reason: fault.to_string() });
        }
        Err(_) => return None,
    };
    if !entry.is_symlink() {
        return Some(FileFault::NotAFile { path: shown(), what: kind_of(entry.file_type()) });
    }
    let leads = match std::fs::metadata(path) {
        Ok(target) => return Some(FileFault::NotAFile { path: shown(), what: kind_of(target.file_type()) }),
        Err(fault) if fault.kind() == ErrorKind::NotFound => {
            let target = std::fs::read_link(path).map(|target| visible(&target.display().to_string()));
            format!("to `{}`, where nothing is", target.unwrap_or_default())
        }
        Err(fault) if fault.kind() == ErrorKind::PermissionDenied => "to what may not be read".into(),
        Err(_) => "that leads back to itself".into(),
    };
    Some(FileFault::BadLink { path: shown(), leads })
}

fn kind_of(kind: std::fs::FileType) -> &'static str {
    match kind {
        _ if kind.is_fifo() => "a named pipe",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

fn expand_home(pattern: &str) -> PathBuf {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    match (pattern.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => match pattern.strip_prefix("file://") {
            Some(path) => of_file_url(pattern, path),
            None => PathBuf::from(pattern),
        },
    }
}

/// In addresses `%20` stands for a blank; who writes one by hand writes a blank.
fn of_file_url(url: &str, path: &str) -> PathBuf {
    let literal = PathBuf::from(path);
    if !path.contains('%') || literal.exists() {
        return literal;
    }
    url::Url::parse(url).ok().and_then(|url| url.to_file_path().ok()).unwrap_or(literal)
}

/// Absolute and without `..`, which object stores refuse.
fn absolute(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if absolute.components().all(|part| part != Component::ParentDir) {
        return absolute;
    }
    absolute.canonicalize().unwrap_or(absolute)
}

/// Existing paths that resemble `path`: names beside it, or where its folder is the wrong one, folders beside that.
fn nearest_files(path: &Path) -> Vec<String> {
    let mut wanted = path;
    while let (Some(parent), Some(name)) = (wanted.parent(), wanted.file_name()) {
        let folder = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        if let Ok(entries) = std::fs::read_dir(folder) {
            let names: Vec<String> = entries
                .take(ENTRIES_SEARCHED_MAX)
                .filter_map(Result::ok)
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .filter(|known| *known != name.to_string_lossy())
                .collect();
            let nearest = names::nearest(&name.to_string_lossy(), names.iter().map(String::as_str), NEAREST_MAX);
            return nearest.into_iter().map(|name| parent.join(name).display().to_string()).collect();
        }
        wanted = parent;
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in names {
            std::fs::write(folder.path().join(name), b"x").expect("a file");
        }
        folder
    }

    fn names_found(folder: &tempfile::TempDir, pattern: &str) -> Result<Vec<String>, FileFault> {
        let files = find(&folder.path().join(pattern).to_string_lossy())?;
        Ok(files.paths.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
    }

    #[test]
    fn paths_globs_and_folders() {
        let folder = folder_with(&["b.log", "a.log", "c[1].log", ".hidden"]);
        assert_eq!(names_found(&folder, "a.log").expect("a file"), ["a.log"]);
        assert_eq!(names_found(&folder, "?.log").expect("two files"), ["a.log", "b.log"]);
        assert_eq!(names_found(&folder, "c[1].log").expect("a literal name"), ["c[1].log"]);
        assert_eq!(names_found(&folder, "").expect("a folder"), ["a.log", "b.log", "c[1].log"]);
    }

    #[test]
    fn addresses_of_files() {
        let folder = folder_with(&["a b.log", "c%20d.log"]);
        for (name, expected) in [("a%20b.log", "a b.log"), ("a b.log", "a b.log"), ("c%20d.log", "c%20d.log")] {
            let found = find(&format!("file://{}/{name}", folder.path().display())).expect("a file");
            assert_eq!(found.paths, [folder.path().join(expected)], "{name}");
        }
    }

    #[test]
    fn what_is_no_file_is_named() {
        let folder = folder_with(&[]);
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("outer/inner")).expect("folders");
        std::fs::create_dir(at("bare")).expect("a folder");
        std::os::unix::fs::symlink(at("loop"), at("loop")).expect("a link");
        std::os::unix::fs::symlink("nowhere", at("lost")).expect("a link");
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket");
        let told = |path: &str| {
            let fault = find(path).expect_err(path);
            (fault.to_string().replace(&folder.path().display().to_string(), "~"), fault.hint().expect("a hint"))
        };
        let below = |name: &str| told(&at(name).display().to_string());
        assert_eq!(told(" ").0, "the path is empty");
        assert_eq!(told("/dev/null").0, "`/dev/null` is a device, not a file");
        assert_eq!(below("socket").0, "`~/socket` is a socket, not a file");
        assert_eq!(below("bare").0, "there is no file in the folder `~/bare`");
        assert_eq!(below("outer").0, "there is no file in the folder `~/outer`");
        assert_eq!(below("loop").0, "`~/loop` is a link that leads back to itself");
        assert_eq!(below("lost").0, "`~/lost` is a link to `nowhere`, where nothing is");
        assert!(!below("bare2").1.contains("bare2"), "{:?}", below("bare2"));
    }

    #[test]
    fn a_missing_file_brings_similar_names() {
        let folder = folder_with(&["conn.log", "dns.log"]);
        let fault = names_found(&folder, "con.log").expect_err("no such file");
        assert!(fault.hint().is_some_and(|hint| hint.contains("conn.log")), "{fault:?}");
        let fault = names_found(&folder, "*.parquet").expect_err("no match");
        assert!(matches!(fault, FileFault::NoMatch { .. }), "{fault:?}");
        let fault = names_found(&folder, "[.log").expect_err("no pattern");
        assert!(matches!(fault, FileFault::Pattern { .. }), "{fault:?}");
    }
}
