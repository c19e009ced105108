//! What is kept on disk between kernels for Rust cells: preludes, compiled cells, crates of `:dep`. What it is, how large,
//! when it was used last; and what goes by itself.
//!
//! The folders are those of [`super::prelude`]: one prelude and one folder of compiled cells for each toolchain and version,
//! and the crates of `:dep` among the files of the prelude that they were compiled with.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::prelude::{
    linker,
    record::{FOLDERS_OF_UNITS, Record, unit},
};

/// What was not used for so many days goes by itself.
pub const UNUSED_DAYS_MAX: u32 = 30;

/// What all of it may take, bytes; beyond that goes what was not used for longest.
pub const BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// How much is left after that.
const BYTES_LEFT: u64 = BYTES_MAX / 4 * 3;

/// What compiled cells of one toolchain and version may take: the build driver sees to it (`driver::compiled`).
pub const CELLS_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The unit of [`UNUSED_DAYS_MAX`].
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether crates are in use cannot be seen from outside; what was used a short while ago may be.
const MAY_BE_IN_USE: Duration = DAY;

/// Characters of a folder's name: the beginning of a sum in hexadecimal digits. Anything else is not ours to remove.
const KEY_CHARS: usize = 16;

/// The file by whose time it is known when somebody tidied up.
const TIDIED: &str = "tidied";

/// What something is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum What {
    /// The library that cells link.
    Prelude,
    /// Cells that were compiled with it.
    Cells,
    /// Crates of `:dep`.
    Crates,
    /// Of a compilation that was not finished.
    Unfinished,
}

impl What {
    /// In a few words.
    pub fn name(self) -> &'static str {
        match self {
            What::Prelude => "prelude",
            What::Cells => "compiled cells",
            What::Crates => "crates of :dep",
            What::Unfinished => "unfinished",
        }
    }
}

/// One thing that is kept.
#[derive(Debug)]
pub struct Kept {
    /// What it is.
    pub what: What,
    /// The toolchain and version that it belongs to.
    pub key: String,
    /// Toolchain and version for people, or the names of crates.
    pub about: String,
    /// A folder; of crates the record about them.
    pub place: PathBuf,
    /// On disk. Of crates, also those that other sets need.
    pub bytes: u64,
    /// When somebody used it last.
    pub used: SystemTime,
    /// Whether the toolchain and the version of now use it.
    pub is_current: bool,
    /// Whether a kernel that runs uses it, or may.
    pub is_in_use: bool,
}

/// All that is kept in a cache, by what it is, what was used last first. `current` is the key of the toolchain and version
/// of now.
///
/// # Errors
/// When a folder cannot be read.
pub fn find(cache: &Path, current: Option<&str>) -> io::Result<Vec<Kept>> {
    let mut kept = Vec::new();
    for (place, key) in folders(&cache.join("prelude"))? {
        match place.extension().is_some() {
            true => kept.push(Kept::unfinished(place, key)),
            false => kept.extend(of_prelude(place, &key)),
        }
    }
    for (place, key) in folders(&cache.join("cells"))? {
        let prelude = cache.join("prelude").join(&key);
        let ((bytes, used), about) = (size(&place), about(Record::read(&prelude).as_ref()));
        let is_in_use = is_held(&beside(&prelude, "used"));
        kept.push(Kept { what: What::Cells, key, about, place, bytes, used, is_current: false, is_in_use });
    }
    kept.iter_mut().for_each(|one| one.is_current = Some(one.key.as_str()) == current);
    kept.sort_by(|one, other| (one.what, other.used).cmp(&(other.what, one.used)));
    Ok(kept)
}

/// Removes what nobody used for long, and what is too much. Gives the bytes.
///
/// # Errors
/// When the cache cannot be read.
pub fn tidy(cache: &Path, current: Option<&str>) -> io::Result<u64> {
    tidy_to(cache, current, SystemTime::now(), BYTES_MAX, BYTES_LEFT)
}

/// The same, but once a day.
pub fn tidy_daily(cache: &Path, current: Option<&str>) {
    let stamp = cache.join(TIDIED);
    let is_due = fs::metadata(&stamp).and_then(|about| about.modified()).map_or(true, |last| age(last) > DAY);
    // Who cannot write there cannot tidy up either.
    if !is_due || fs::write(&stamp, "").is_err() {
        return;
    }
    match tidy(cache, current) {
        Ok(0) => {}
        Ok(bytes) => tracing::info!(bytes, "removed from the cache what was not used for long"),
        Err(error) => tracing::warn!(%error, "the cache was not tidied up"),
    }
}

fn tidy_to(cache: &Path, current: Option<&str>, now: SystemTime, max: u64, left: u64) -> io::Result<u64> {
    let mut kept = find(cache, current)?;
    kept.sort_by_key(|one| one.used);
    let mut total: u64 = kept.iter().map(|one| one.bytes).sum();
    let (mut freed, is_too_much) = (0, total > max);
    for one in kept.iter().filter(|one| !one.is_in_use) {
        let is_old = now.duration_since(one.used).unwrap_or_default() > DAY * UNUSED_DAYS_MAX;
        // Another kernel may have begun to use it: then it stays.
        if (is_old || is_too_much && total > left || one.what == What::Unfinished)
            && one.remove().is_ok_and(|gone| gone)
        {
            total -= one.bytes;
            freed += one.bytes;
        }
    }
    Ok(freed)
}

impl Kept {
    fn unfinished(place: PathBuf, key: String) -> Kept {
        let (bytes, used) = size(&place);
        let is_in_use = is_held(&beside(&place, "lock"));
        let about = "a compilation that did not end, or what it replaced".to_owned();
        Kept { what: What::Unfinished, key, about, place, bytes, used, is_current: false, is_in_use }
    }

    /// Removes it, unless it is in use. Says whether it is gone.
    ///
    /// # Errors
    /// When something in it cannot be removed.
    pub fn remove(&self) -> io::Result<bool> {
        let (used, lock) = (beside(&self.place, "used"), beside(&self.place, "lock"));
        match self.what {
            What::Crates => remove_crates(&self.place),
            What::Cells => gone(fs::remove_dir_all(&self.place)),
            // A kernel that builds this one right now holds the lock, and would be left with half of it.
            What::Unfinished => match held(&lock) {
                Some(_held) => gone(fs::remove_dir_all(&self.place)),
                None => Ok(false),
            },
            What::Prelude => match (held(&used), held(&lock)) {
                (Some(_used), Some(_lock)) => {
                    gone(fs::remove_dir_all(&self.place))?;
                    gone(fs::remove_file(&used))?;
                    gone(fs::remove_file(&lock))
                }
                _ => Ok(false),
            },
        }
    }
}

/// A prelude, and the crates that were compiled beside it.
fn of_prelude(place: PathBuf, key: &str) -> Vec<Kept> {
    let record = Record::read(&place);
    let own = record.as_ref().map(|record| record.units.clone());
    let mut kept = Vec::new();
    let mut of_crates = 0;
    if let Some(own) = &own {
        let beside = units(&place, &|unit| !own.contains(unit));
        of_crates = beside.iter().map(|path| size(path).0).sum();
        for (file, noted) in records(&place) {
            let mine = units(&place, &|unit| noted.units.contains(unit) && !own.contains(unit));
            let used = fs::metadata(&file).and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            kept.push(Kept {
                what: What::Crates,
                key: key.to_owned(),
                about: noted.names.join(", "),
                place: file,
                bytes: mine.iter().map(|path| size(path).0).sum(),
                used,
                is_current: false,
                is_in_use: age(used) < MAY_BE_IN_USE,
            });
        }
    }
    let (all, newest) = size(&place);
    let marked = fs::metadata(beside(&place, "used")).and_then(|about| about.modified());
    let linker = linker::name(&place).map(|name| format!(", linker: {name}")).unwrap_or_default();
    kept.push(Kept {
        what: What::Prelude,
        key: key.to_owned(),
        about: about(record.as_ref()) + &linker,
        bytes: all.saturating_sub(of_crates),
        used: marked.unwrap_or(newest),
        is_current: false,
        is_in_use: is_held(&beside(&place, "used")),
        place,
    });
    kept
}

/// What the build driver noted of one set of crates (`driver::dependencies`).
struct Noted {
    names: Vec<String>,
    units: BTreeSet<String>,
}

fn records(prelude: &Path) -> Vec<(PathBuf, Noted)> {
    let files = fs::read_dir(prelude.join("dependencies")).into_iter().flatten().flatten().map(|entry| entry.path());
    let read = |file: PathBuf| {
        let record: Value = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
        let texts = |field: &str| -> Vec<String> { serde_json::from_value(record[field].clone()).unwrap_or_default() };
        let name = |line: &String| line.split('=').next().unwrap_or_default().trim().to_owned();
        let names = texts("wanted").iter().map(name).collect();
        Some((file, Noted { names, units: texts("units").into_iter().collect() }))
    };
    files.filter_map(read).collect()
}

/// Removes the record of a set of crates, and what no other set and not the prelude needs.
fn remove_crates(record: &Path) -> io::Result<bool> {
    let Some(prelude) = record.ancestors().nth(2) else { return Ok(false) };
    let Some(own) = Record::read(prelude) else { return Ok(false) };
    // cargo's own lock on what it builds there.
    let Some(_held) = held(&prelude.join("release/.cargo-lock")) else { return Ok(false) };
    gone(fs::remove_file(record))?;
    let others: BTreeSet<String> = records(prelude).into_iter().flat_map(|(_, noted)| noted.units).collect();
    for path in units(prelude, &|unit| !own.units.contains(unit) && !others.contains(unit)) {
        gone(if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) })?;
    }
    Ok(true)
}

/// What cargo made, as far as it is wanted.
fn units(prelude: &Path, is_wanted: &dyn Fn(&String) -> bool) -> Vec<PathBuf> {
    let entries = FOLDERS_OF_UNITS.iter().flat_map(|folder| fs::read_dir(prelude.join(folder))).flatten().flatten();
    let wanted = entries.filter(|entry| unit(&entry.file_name()).is_some_and(|unit| is_wanted(&unit)));
    wanted.map(|entry| entry.path()).collect()
}

/// The folders in a folder that are named by keys, with these.
fn folders(folder: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let key = entry.file_name().to_str().and_then(key_of).map(str::to_owned);
        if let (Some(key), true) = (key, entry.file_type()?.is_dir()) {
            found.push((entry.path(), key));
        }
    }
    Ok(found)
}

/// The key in the name of a folder; one that is being built, or was replaced, carries a word behind it.
fn key_of(name: &str) -> Option<&str> {
    let key = name.strip_suffix(".building").or_else(|| name.strip_suffix(".damaged")).unwrap_or(name);
    (key.len() == KEY_CHARS && key.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(key)
}

fn about(record: Option<&Record>) -> String {
    record.map_or_else(
        || "of an older version of Flowdeck".to_owned(),
        |record| format!("{}, Flowdeck {}", record.toolchain, record.version),
    )
}

/// A file beside a prelude's folder.
fn beside(folder: &Path, ending: &str) -> PathBuf {
    folder.with_extension(ending)
}

/// A lock on a file; one that is not there nobody holds. `None`: somebody has it.
fn held(file: &Path) -> Option<Option<File>> {
    let Ok(file) = File::open(file) else { return Some(None) };
    file.try_lock().is_ok().then_some(Some(file))
}

fn is_held(file: &Path) -> bool {
    held(file).is_none()
}

/// What is not there any more need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<bool> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(true),
    }
}

fn age(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}

/// Bytes of a file, or of all files below, and when one of them was written last. Files that vanish meanwhile do not count.
fn size(path: &Path) -> (u64, SystemTime) {
    let nothing = (0, SystemTime::UNIX_EPOCH);
    let Ok(found) = fs::symlink_metadata(path) else { return nothing };
    if !found.is_dir() {
        return (found.len(), found.modified().unwrap_or(SystemTime::UNIX_EPOCH));
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| size(&entry.path())).fold(nothing, |all, one| (all.0 + one.0, all.1.max(one.1)))
}

#[cfg(test)]
mod tests;
