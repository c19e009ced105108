//! Compiled cells on disk, by what they were compiled from: a cell that reads the same is not compiled again, in this
//! session or another, and one that failed fails again at once.
//!
//! The folder belongs to one toolchain and one prelude. What is wrong with a file in it costs a compilation, never a
//! wrong answer: each carries its sum.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{files, source};

/// What all compiled cells of a toolchain may take on disk, bytes; then the ones not used for longest go.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// How much is left after that.
const BYTES_LEFT: u64 = BYTES_MAX / 4 * 3;

/// One of so many new cells looks whether there are too many.
const LOOK_EVERY: u8 = 16;

/// Raised when what is kept, or how rustc is called, changes its meaning.
const FORMAT: u32 = 2;

/// What became of a text the last time.
pub enum Known {
    /// It compiled. With the types of variables that the compilation told, and its warnings.
    Object(Vec<u8>, HashMap<String, String>, Vec<Value>),
    /// rustc's messages, and variables whose types have no name.
    Errors(Vec<Value>, HashMap<String, String>),
}

/// The folder, if there is one that only we can write to.
pub struct Compiled {
    folder: Option<PathBuf>,
}

impl Compiled {
    /// Opens the folder, making it if need be.
    pub fn open(folder: Option<&Path>) -> Compiled {
        let folder = folder.filter(|folder| is_ours(folder));
        Compiled { folder: folder.map(Path::to_owned) }
    }

    /// The key of a text, or `None` when more than the text decides what it compiles to.
    pub fn key(&self, text: &str, flags: &str) -> Option<String> {
        self.folder.as_ref()?;
        let reads_files = source::words(text).any(|word| word.starts_with("include"));
        let reads_environment = text.contains("env!");
        if reads_files || reads_environment {
            return None;
        }
        let mut hash = Sha256::new();
        hash.update(format!("{FORMAT}\n{flags}\n"));
        hash.update(text);
        Some(hex::encode(hash.finalize())[..32].to_owned())
    }

    /// What is known of a key.
    pub fn find(&self, key: &str) -> Option<Known> {
        let (object_file, notes_file) = self.files(key)?;
        let notes: Value = serde_json::from_slice(&fs::read(&notes_file).ok()?).ok()?;
        if let Some(errors) = notes["errors"].as_array() {
            used(&notes_file);
            return Some(Known::Errors(errors.clone(), serde_json::from_value(notes["nameless"].clone()).ok()?));
        }
        let object = fs::read(object_file).ok()?;
        if notes["sum"].as_str()? != sum(&object) {
            return None;
        }
        used(&notes_file);
        let types = serde_json::from_value(notes["types"].clone()).ok()?;
        Some(Known::Object(object, types, notes["warnings"].as_array().cloned().unwrap_or_default()))
    }

    /// Keeps what a text compiled to, the types of variables, and rustc's warnings.
    pub fn keep_object(&self, key: &str, object: &Path, types: &HashMap<String, String>, warnings: &[Value]) {
        let kept = fs::read(object).and_then(|object| {
            let Some((object_file, notes_file)) = self.files(key) else { return Ok(()) };
            // Notes last: whoever finds them finds the object too.
            files::write_whole(&object_file, &object)?;
            let notes = json!({"sum": sum(&object), "types": types, "warnings": warnings});
            files::write_whole(&notes_file, notes.to_string().as_bytes())
        });
        self.kept(key, kept);
    }

    /// Keeps rustc's messages about a text that does not compile, or what types of variables have no name.
    pub fn keep_errors(&self, key: &str, errors: &[Value], nameless: &HashMap<String, String>) {
        let Some((_, notes_file)) = self.files(key) else { return };
        self.kept(
            key,
            files::write_whole(&notes_file, json!({"errors": errors, "nameless": nameless}).to_string().as_bytes()),
        );
    }

    /// A full disk costs a compilation next time, no cell.
    fn kept(&self, key: &str, kept: io::Result<()>) {
        let looks =
            key.get(..2).and_then(|byte| u8::from_str_radix(byte, 16).ok()).is_some_and(|byte| byte % LOOK_EVERY == 0);
        if let (true, Ok(()), Some(folder)) = (looks, kept, &self.folder) {
            let _ = remove_oldest(folder, BYTES_MAX, BYTES_LEFT);
        }
    }

    fn files(&self, key: &str) -> Option<(PathBuf, PathBuf)> {
        let folder = self.folder.as_ref()?;
        Some((folder.join(format!("{key}.object")), folder.join(format!("{key}.json"))))
    }
}

/// Whether nobody else can put code there that we would run.
fn is_ours(folder: &Path) -> bool {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    // Fails when it is there already, which is as good.
    let _ = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    // Safety: asks for a number.
    let we = unsafe { libc::geteuid() };
    fs::metadata(folder).is_ok_and(|about| about.is_dir() && about.uid() == we && about.mode() & 0o022 == 0)
}

fn sum(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Notes that a cell was used: it goes later.
fn used(notes: &Path) {
    // Who may not write there still reads.
    let _ = File::options().append(true).open(notes).and_then(|file| file.set_modified(SystemTime::now()));
}

/// Removes what was not used for longest when the folder has more than `max` bytes, until `left` are left. Objects go by
/// the time of their notes.
fn remove_oldest(folder: &Path, max: u64, left: u64) -> io::Result<()> {
    let mut cells: HashMap<PathBuf, (SystemTime, u64, Vec<PathBuf>)> = HashMap::new();
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        let path = entry.path();
        if path.file_name().is_some_and(|name| name == "names.json") {
            continue;
        }
        let cell = cells.entry(path.with_extension("")).or_insert((SystemTime::UNIX_EPOCH, 0, Vec::new()));
        cell.0 = cell.0.max(about.modified()?);
        cell.1 += about.len();
        cell.2.push(path);
        bytes += about.len();
    }
    if bytes <= max {
        return Ok(());
    }
    let mut oldest: Vec<_> = cells.into_values().collect();
    oldest.sort_by_key(|(used, ..)| *used);
    for (_, size, files) in oldest {
        if bytes <= left {
            break;
        }
        bytes -= size;
        // Another kernel may have removed it first.
        files.iter().for_each(|file| drop(fs::remove_file(file)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    fn object(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
        let file = folder.path().join("libctx.so");
        fs::write(&file, bytes).expect("the folder can be written");
        file
    }

    #[test]
    fn a_cell_is_found_with_its_types_until_its_file_is_spoilt() {
        let (cache, elsewhere) = (folder(), folder());
        let compiled = Compiled::open(Some(cache.path()));
        let key = compiled.key("fn f() {}", "-O").expect("the text decides");
        assert!(compiled.find(&key).is_none());
        let types = HashMap::from([("x".to_owned(), "u8".to_owned())]);
        let warnings = [json!({"message": "careful"})];
        compiled.keep_object(&key, &object(&elsewhere, b"code"), &types, &warnings);
        let found = compiled.find(&key);
        assert!(
            matches!(found, Some(Known::Object(bytes, found, told)) if bytes == b"code" && found == types && told == warnings)
        );
        fs::write(cache.path().join(format!("{key}.object")), b"cod").expect("the folder can be written");
        assert!(compiled.find(&key).is_none(), "an object with another sum is not run");
        assert_ne!(compiled.key("fn f() {}", "-g").expect("the text decides"), key);
    }

    #[test]
    fn errors_are_remembered() {
        let cache = folder();
        let compiled = Compiled::open(Some(cache.path()));
        compiled.keep_errors("00", &[json!({"message": "no"})], &HashMap::new());
        assert!(matches!(compiled.find("00"), Some(Known::Errors(errors, _)) if errors[0]["message"] == "no"));
    }

    #[test]
    fn what_reads_files_or_the_environment_has_no_key() {
        let cache = folder();
        let compiled = Compiled::open(Some(cache.path()));
        for text in ["include_str!(\"x\")", "include!(\"x\")", "env!(\"HOME\")", "option_env!(\"A\")"] {
            assert_eq!(compiled.key(text, ""), None, "{text}");
        }
        assert!(compiled.key("std::env::var(\"HOME\")", "").is_some());
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let cache = folder();
        fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o777)).expect("it is ours");
        assert!(Compiled::open(Some(cache.path())).key("x", "").is_none());
    }

    #[test]
    fn the_oldest_go_first_and_names_stay() {
        let cache = folder();
        for (age, name) in [(3, "a.json"), (9, "a.object"), (5, "b.json"), (5, "b.object"), (9, "names.json")] {
            let file = File::create(cache.path().join(name)).expect("the folder can be written");
            file.set_len(100).expect("there is room");
            file.set_modified(SystemTime::now() - Duration::from_secs(age * 60)).expect("it is ours");
        }
        remove_oldest(cache.path(), 399, 200).expect("the folder can be read");
        let left = |name: &str| cache.path().join(name).exists();
        assert!(left("a.json") && left("a.object") && left("names.json"), "used later than its object was made");
        assert!(!left("b.json") && !left("b.object"));
    }
}
