//! What playbooks have stored: the files in the folders `data/` beside them, by playbook, with size and age.
//!
//! What git looks after is part of the playbooks and not stored by them.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    Fault, list,
    removal::{Listed, looked_after, remove_empty_folders},
    walk::{self, shown},
};

/// The folder beside the notebooks in which exports lie, one folder below it for each playbook.
pub const FOLDER: &str = "data";

/// A stored file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The file.
    pub file: Listed,
    /// The playbook that stored it: the folder below `data/`.
    pub playbook: String,
    /// How long ago it was written last.
    pub age: Duration,
}

/// Which files are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those of this playbook.
    pub playbook: Option<String>,
    /// Those that were written longer ago than this.
    pub older_than: Option<Duration>,
}

/// Finds what is stored, the oldest first within each playbook.
///
/// # Errors
/// When the folder cannot be read.
pub fn find(folder: &Path, wanted: &Wanted, now: SystemTime) -> Result<Vec<Stored>, Fault> {
    let is_stored = |folder: &Path| folder.components().any(|part| part.as_os_str() == FOLDER);
    // Below `data/` anything may lie, also what is hidden.
    let files = walk::files(folder, &|above, name| is_stored(above) || walk::is_for_people(name))?;
    let kept = looked_after(folder)?;
    let notebooks = list::notebooks(folder)?;
    let beside: HashSet<&Path> = notebooks.iter().filter_map(|path| path.parent()).collect();
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut found = Vec::new();
    for path in files.into_iter().filter(|path| !kept.contains(path)) {
        let Some((above, playbook)) = place_of(&path) else { continue };
        // A folder of this name that has nothing to do with playbooks is somebody's own.
        if !beside.contains(above.as_path()) {
            continue;
        }
        let Some(file) = Listed::look(folder, &path).map_err(|error| Fault::file(&path, error))? else { continue };
        let written = u64::try_from(file.modified()).unwrap_or_default();
        let age = Duration::from_secs(now.saturating_sub(written));
        let is_wanted = wanted.playbook.as_ref().is_none_or(|name| *name == playbook)
            && wanted.older_than.is_none_or(|older| age > older);
        if is_wanted {
            found.push(Stored { file, playbook, age });
        }
    }
    found.sort_by(|one, other| {
        (&one.playbook, other.age, &one.file.path).cmp(&(&other.playbook, one.age, &other.file.path))
    });
    Ok(found)
}

/// Removes the folders that held what was listed and hold nothing any more; `data/` itself stays.
pub fn remove_empty(folder: &Path, stored: &[Stored]) {
    for one in stored {
        let below = one.file.path.parent().filter(|parent| parent.file_name().is_some_and(|name| name != FOLDER));
        if let Some(below) = below {
            let data: PathBuf = below.iter().take_while(|part| *part != FOLDER).collect::<PathBuf>().join(FOLDER);
            let within = below.strip_prefix(&data).unwrap_or(below);
            remove_empty_folders(&folder.join(&data), within);
        }
    }
}

/// The list for eyes: each playbook with its sum, then its files.
pub fn text(stored: &[Stored]) -> String {
    if stored.is_empty() {
        return "nothing is stored\n".to_owned();
    }
    let mut text = String::new();
    let mut total = 0;
    for group in stored.chunk_by(|one, other| one.playbook == other.playbook) {
        let bytes: u64 = group.iter().map(|one| one.file.bytes()).sum();
        total += bytes;
        text += &format!("{}: {}, {}\n", shown(&group[0].playbook), files_text(group.len()), bytes_text(bytes));
        for one in group {
            let path = shown(&one.file.path.to_string_lossy());
            text += &format!("  {:>10}  {:>9}  {path}\n", bytes_text(one.file.bytes()), age_text(one.age));
        }
    }
    text + &format!("together {}, {}\n", files_text(stored.len()), bytes_text(total))
}

/// The folder in which `data/` is, and the playbook of a stored file; `None` for a file that is not below a folder `data/`.
fn place_of(path: &Path) -> Option<(PathBuf, String)> {
    let above: PathBuf = path.iter().take_while(|part| *part != FOLDER).collect();
    let mut parts = path.strip_prefix(above.join(FOLDER)).ok()?.iter();
    let (first, next) = (parts.next()?, parts.next());
    let playbook = if next.is_some() { first.to_string_lossy().into_owned() } else { "(no playbook)".to_owned() };
    Some((above, playbook))
}

/// An age for eyes: in days, or hours and minutes of the last day.
fn age_text(age: Duration) -> String {
    let minutes = age.as_secs() / 60;
    match (minutes / (24 * 60), minutes / 60) {
        (0, 0) => format!("{minutes} min"),
        (0, hours) => format!("{hours} h"),
        (1, _) => "1 day".to_owned(),
        (days, _) => format!("{days} days"),
    }
}

/// A number of files for eyes.
pub fn files_text(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

/// Bytes for eyes, as in `1.5 MiB`.
pub fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut unit = None;
    let mut tenths = u128::from(bytes) * 10;
    for name in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths = (tenths + 512) / 1024;
        unit = Some(name);
    }
    unit.map_or_else(|| format!("{bytes} bytes"), |unit| format!("{}.{} {unit}", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{fs, sync::atomic::AtomicBool};

    use super::*;
    use crate::removal;

    #[test]
    fn stored_files_by_playbook_and_age() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for (path, days) in [
            ("data/scans/old.csv", 40),
            ("data/scans/new.csv", 1),
            ("detection/data/beaconing/.part/a.csv", 31),
            ("data/loose.csv", 31),
            ("elsewhere/not-stored.csv", 99),
            ("elsewhere/data/of-somebody.csv", 99),
            ("playbook.ipynb", 0),
            ("detection/playbook.ipynb", 0),
            (".hidden/data/scans/x", 99),
        ] {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), "1234").unwrap();
            let then = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
            fs::File::open(at(path)).unwrap().set_modified(then).unwrap();
        }
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("x.csv"), "1").unwrap();
        std::os::unix::fs::symlink(outside.path(), at("data/linked")).unwrap();

        let all = find(folder.path(), &Wanted::default(), SystemTime::now()).unwrap();
        let paths: Vec<&str> = all.iter().map(|one| one.file.path.to_str().unwrap()).collect();
        assert_eq!(
            paths,
            ["data/loose.csv", "detection/data/beaconing/.part/a.csv", "data/scans/old.csv", "data/scans/new.csv"]
        );
        let month = Some(Duration::from_secs(30 * 24 * 3600));
        let wanted = Wanted { older_than: month, playbook: Some("beaconing".to_owned()) };
        let old = find(folder.path(), &wanted, SystemTime::now()).unwrap();
        assert_eq!(old.len(), 1);
        let listed: Vec<Listed> = old.iter().map(|one| one.file.clone()).collect();
        assert_eq!(removal::remove(folder.path(), &listed, &AtomicBool::new(false), &|_, _| ()).files, 1);
        remove_empty(folder.path(), &old);
        assert!(at("detection/data").is_dir() && !at("detection/data/beaconing").exists());
        assert!(text(&all).contains("scans: 2 files, 8 bytes\n"), "{}", text(&all));
        assert!(outside.path().join("x.csv").exists());
    }

    #[test]
    fn sizes_and_ages_for_eyes() {
        assert_eq!(bytes_text(1023), "1023 bytes");
        assert_eq!(bytes_text(1536), "1.5 KiB");
        assert_eq!(bytes_text(5 * 1024 * 1024 * 1024), "5.0 GiB");
        assert_eq!(age_text(Duration::from_secs(90 * 60)), "1 h");
        assert_eq!(age_text(Duration::from_secs(49 * 3600)), "2 days");
    }
}
