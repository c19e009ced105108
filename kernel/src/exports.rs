//! Where exports of tables and plots go and what they are called: `data/PLAYBOOK/PLAYBOOK_TIME_INTERVAL.csv` beside the notebook.

use std::{
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use flow_engine::{EngineError, Parameter};
use flowdeck::chrono::{DateTime, Utc};

/// Names the notebook that the kernel runs: Jupyter Server sets the first, Voilà the second.
const NOTEBOOK_ENV: [&str; 2] = ["JPY_SESSION_NAME", "SCRIPT_NAME"];

/// Characters of a playbook's name in the name of a file.
const NAME_CHARS_MAX: usize = 60;

/// Files of one name, made in one second.
const SAME_NAME_MAX: usize = 100;

/// Files that one kernel writes; more is not work but an attack.
const FILES_MAX: usize = 1_000;

static FILES: AtomicUsize = AtomicUsize::new(0);

/// The notebook, where it is run without a server that names it.
static PLAYBOOK: OnceLock<String> = OnceLock::new();

/// The time that a query was about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl Interval {
    /// From the first to the last of the moments that a query was given.
    pub fn of(parameters: &[(String, Parameter)]) -> Option<Interval> {
        let moments = parameters.iter().filter_map(|(_, parameter)| match parameter {
            Parameter::Timestamp(moment) => *moment,
            _ => None,
        });
        let (start, end) = (moments.clone().min()?, moments.max()?);
        Some(Interval { start, end })
    }

    /// From the first moment of both to the last.
    pub fn with(self, other: Interval) -> Interval {
        Interval { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The first moment.
    pub fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// The last moment.
    pub fn end(self) -> DateTime<Utc> {
        self.end
    }
}

/// Why an export was not written.
#[derive(Debug)]
pub(crate) enum NotSaved {
    /// The folder, in the system's words.
    Folder(std::io::Error),
    /// The file.
    File(EngineError),
}

impl std::fmt::Display for NotSaved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotSaved::Folder(error) => write!(f, "the folder data/ cannot be written to: {error}"),
            NotSaved::File(error) => error.fmt(f),
        }
    }
}

/// Writes a new export beside the notebook; gives its path, seen from the folder of the notebook. Several kernels may export at
/// once: `write`, which must not replace a file, is asked again with another name when one has just been taken.
///
/// # Errors
/// What the system says about the folder, what `write` says of the file.
pub(crate) fn save(
    interval: Option<Interval>,
    ending: &str,
    mut write: impl FnMut(&Path) -> Result<(), EngineError>,
) -> Result<PathBuf, NotSaved> {
    if FILES.fetch_add(1, Ordering::Relaxed) >= FILES_MAX {
        let fact = format!("this kernel has written {FILES_MAX} files already; restart it");
        return Err(NotSaved::Folder(std::io::Error::other(fact)));
    }
    let playbook = playbook();
    let folder = Path::new("data").join(&playbook);
    std::fs::create_dir_all(&folder).map_err(NotSaved::Folder)?;
    let name = name(&playbook, SystemTime::now().into(), interval);
    save_under(&folder, &name, ending, &mut write)
}

/// The same with the first of the names that is free: `NAME.csv`, `NAME_2.csv`, …
fn save_under(
    folder: &Path,
    name: &str,
    ending: &str,
    write: &mut dyn FnMut(&Path) -> Result<(), EngineError>,
) -> Result<PathBuf, NotSaved> {
    for number in 1..=SAME_NAME_MAX {
        let path = match number {
            1 => folder.join(format!("{name}.{ending}")),
            number => folder.join(format!("{name}_{number}.{ending}")),
        };
        if path.exists() {
            continue;
        }
        match write(&path) {
            Ok(()) => return Ok(path),
            // Another kernel was faster.
            Err(EngineError::Write { is_existing: true, .. }) => {}
            Err(error) => return Err(NotSaved::File(error)),
        }
    }
    Err(NotSaved::Folder(std::io::Error::other("too many exports in one second")))
}

/// The name of a file without folder and ending.
pub(crate) fn name(playbook: &str, now: DateTime<Utc>, interval: Option<Interval>) -> String {
    let stamp = |moment: DateTime<Utc>| moment.format("%Y%m%dT%H%M%SZ").to_string();
    match interval {
        Some(Interval { start, end }) if start == end => format!("{playbook}_{}_{}", stamp(now), stamp(start)),
        Some(Interval { start, end }) => format!("{playbook}_{}_{}-{}", stamp(now), stamp(start), stamp(end)),
        None => format!("{playbook}_{}", stamp(now)),
    }
}

/// Names the notebook that this process runs. Once.
pub(crate) fn name_playbook(notebook: &Path) {
    PLAYBOOK.get_or_init(|| tame(&notebook.to_string_lossy()));
}

/// A file of the notebook's name with another ending, in its folder; `None` when no notebook is known.
pub(crate) fn beside_notebook(ending: &str) -> Option<PathBuf> {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_known = PLAYBOOK.get().is_some() || NOTEBOOK_ENV.iter().any(is_set);
    // Jupyter starts kernels in the folder of the notebook, and `flowdeck run` goes there.
    let folder = std::env::current_dir().ok().filter(|_| is_known)?;
    Some(folder.join(format!("{}.{ending}", playbook())))
}

/// The name of the notebook, as it may stand in the name of a file.
pub(crate) fn playbook() -> String {
    if let Some(named) = PLAYBOOK.get() {
        return named.clone();
    }
    let notebook = NOTEBOOK_ENV.iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    tame(notebook.as_deref().unwrap_or_default())
}

fn tame(notebook: &str) -> String {
    let file = notebook.rsplit('/').next().unwrap_or_default();
    let stem = file.strip_suffix(".ipynb").unwrap_or(file);
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let tame: String = stem.chars().map(|c| if is_plain(c) { c } else { '_' }).take(NAME_CHARS_MAX).collect();
    if tame.is_empty() { "notebook".to_owned() } else { tame }
}

#[cfg(test)]
mod tests {
    use flowdeck::chrono::TimeZone;

    use super::*;

    #[test]
    fn names_carry_playbook_time_and_interval() {
        let at = |hour| Utc.with_ymd_and_hms(2024, 1, 2, hour, 4, 5).single().expect("a moment");
        assert_eq!(name("p", at(3), None), "p_20240102T030405Z");
        let interval = Interval::of(&[
            ("end".to_owned(), Parameter::Timestamp(Some(at(2)))),
            ("start".to_owned(), Parameter::Timestamp(Some(at(1)))),
            ("limit".to_owned(), Parameter::Integer(Some(1))),
        ]);
        assert_eq!(name("p", at(3), interval), "p_20240102T030405Z_20240102T010405Z-20240102T020405Z");
        assert_eq!(Interval::of(&[]), None);
    }

    #[test]
    fn a_name_that_another_kernel_takes_is_not_used() {
        let mut asked = Vec::new();
        // What another kernel does between the look at a name and the writing of its file.
        let mut write = |path: &Path| {
            asked.push(path.to_owned());
            let (path, reason) = (path.display().to_string(), String::new());
            if asked.len() < 3 { Err(EngineError::Write { path, reason, is_existing: true }) } else { Ok(()) }
        };
        let saved = save_under(Path::new("nowhere"), "a", "csv", &mut write);
        let saved = saved.expect("the third name is free").display().to_string();
        assert_eq!((saved.as_str(), asked.len()), ("nowhere/a_3.csv", 3));
    }

    #[test]
    fn a_notebook_cannot_choose_another_folder() {
        assert_eq!(tame("/home/a/flow search.ipynb"), "flow_search");
        assert_eq!(tame("/voila/render/..%2f..ipynb"), "___2f_");
        assert_eq!(tame(".."), "__");
        assert_eq!(tame(""), "notebook");
    }
}
