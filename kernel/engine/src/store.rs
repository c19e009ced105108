//! The local store of flows: a folder of Parquet files, each with the flows of one hour (UTC), sorted by time.
//!
//! `read_flows('FOLDER')` reads a store, as it is a folder of files and nothing else. Files appear whole: they are
//! written under a hidden name and renamed. Statistics of pages and Bloom filters on addresses let queries for a host
//! or a window of time pass over most of them.
//!
//! Names: `flows-2024-02-05T13-<writer>.parquet`. A collector writes a file each minute; when an hour is over they are
//! merged into one (`merge`): the merged file appears first and names the parts that it replaces, then those go, and
//! what an interruption leaves is finished when the store is opened next. A query that lists the folder between these
//! two moments sees these flows twice.
//!
//! `writer` cuts rows into hours, `settings` keeps the retention.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use datafusion::arrow::error::ArrowError;
use datafusion::parquet::errors::ParquetError;

use crate::error::EngineError;

mod import;
mod journal;
mod merge;
mod settings;
mod writer;

pub use import::{ImportWindow, Imported};
pub(crate) use writer::StoreWriter;

const PREFIX: &str = "flows-";
const SUFFIX: &str = ".parquet";
const TEMPORARY_SUFFIX: &str = ".parquet.tmp";
const HOUR_FORMAT: &str = "%Y-%m-%dT%H";
/// The name in the place of an hour for flows that have no time at all.
const NO_HOUR: &str = "no-time";

/// What is wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refuses a file or the folder.
    #[error("could not {action} `{}`: {reason}", path.display())]
    File {
        /// As in "could not write".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        reason: std::io::Error,
    },
    /// A file of the store is not Parquet.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        #[source]
        reason: ParquetError,
    },
    /// The settings of the store cannot be read.
    #[error("`{}` is not understood: {reason}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Rows could not be put together.
    #[error("could not put rows together: {0}")]
    Rows(#[from] ArrowError),
    /// The source of an import.
    #[error(transparent)]
    Query(#[from] EngineError),
}

impl StoreError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File { reason, .. } => match reason.kind() {
                std::io::ErrorKind::PermissionDenied => Some("Choose a folder in which you may write".into()),
                std::io::ErrorKind::StorageFull => Some("Free some space, or keep flows for fewer days".into()),
                _ => None,
            },
            Self::Damaged { path, .. } => Some(format!("Move `{}` out of the store", path.display())),
            Self::Settings { .. } => Some("Correct the file or remove it; it only holds the retention".into()),
            Self::Rows(_) => None,
            Self::Query(error) => error.hint(),
        }
    }

    fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |reason| Self::File { action, path, reason }
    }
}

/// A store of flows.
#[derive(Clone, Debug)]
pub struct FlowStore {
    folder: PathBuf,
}

/// A file of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreFile {
    pub(crate) path: PathBuf,
    /// The beginning of its hour; `None` for flows without time.
    pub(crate) hour: Option<DateTime<Utc>>,
    pub(crate) bytes: u64,
}

/// What is in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreSummary {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The earliest hour.
    pub first_hour: Option<DateTime<Utc>>,
    /// The latest hour.
    pub last_hour: Option<DateTime<Utc>>,
    /// Days after which flows are removed; `None` for never.
    pub keep_days: Option<u32>,
}

impl FlowStore {
    /// Opens a store, made if it is not there. Finishes what an interrupted writer left.
    ///
    /// # Errors
    /// When the folder cannot be made, read or tidied.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(StoreError::file("make the folder", folder))?;
        let folder = folder.canonicalize().map_err(StoreError::file("find", folder))?;
        let store = Self { folder };
        store.remove_abandoned()?;
        store.finish_merges()?;
        Ok(store)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A writer of new files.
    pub(crate) fn writer(&self) -> StoreWriter {
        StoreWriter::new(self.folder.clone(), &[])
    }

    /// Counts and times.
    ///
    /// # Errors
    /// When the folder or its settings cannot be read.
    pub fn summary(&self) -> Result<StoreSummary, StoreError> {
        let files = self.files()?;
        let hours = || files.iter().filter_map(|file| file.hour);
        Ok(StoreSummary {
            files: files.len() as u64,
            bytes: files.iter().map(|file| file.bytes).sum(),
            first_hour: hours().min(),
            last_hour: hours().max(),
            keep_days: self.keep_days()?,
        })
    }

    /// Removes the hours that are older than the store keeps; returns how many files went.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn remove_old(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let Some(days) = self.keep_days()? else { return Ok(0) };
        let oldest = now - Duration::days(i64::from(days));
        let mut removed = 0;
        for file in self.files()? {
            // An hour goes when all of it is too old.
            if file.hour.is_some_and(|hour| hour + Duration::hours(1) <= oldest) {
                fs::remove_file(&file.path).map_err(StoreError::file("remove", &file.path))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// All files, by name and so by hour.
    pub(crate) fn files(&self) -> Result<Vec<StoreFile>, StoreError> {
        let mut files = Vec::new();
        for (path, name) in self.entries()? {
            let Some(hour) = hour_of(&name) else { continue };
            // A file may go between the listing and this.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            files.push(StoreFile { path, hour, bytes: metadata.len() });
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(files)
    }

    fn entries(&self) -> Result<Vec<(PathBuf, String)>, StoreError> {
        let unreadable = || StoreError::file("read", &self.folder);
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(unreadable())? {
            let entry = entry.map_err(unreadable())?;
            entries.push((entry.path(), entry.file_name().to_string_lossy().into_owned()));
        }
        Ok(entries)
    }

    /// Removes half files of writers that are gone, and what imports that were interrupted made appear.
    fn remove_abandoned(&self) -> Result<(), StoreError> {
        let is_abandoned = |stem: &str| {
            // The name ends with the writer's process.
            let process = stem.rsplit('-').next().and_then(|number| number.strip_prefix('p'));
            process.is_none_or(|process| !is_running(process))
        };
        for (path, name) in self.entries()? {
            let Some(name) = name.strip_prefix('.') else { continue };
            if name.strip_suffix(TEMPORARY_SUFFIX).is_some_and(is_abandoned) {
                fs::remove_file(&path).map_err(StoreError::file("remove", &path))?;
            } else if name.strip_suffix(journal::SUFFIX).is_some_and(is_abandoned) {
                journal::undo(&self.folder, &path)?;
            }
        }
        Ok(())
    }
}

/// Whether a process is there. Where that cannot be told, a half file is taken to be in use.
fn is_running(process: &str) -> bool {
    let folder = Path::new("/proc");
    !folder.join("self").exists() || folder.join(process).exists()
}

/// The hour in a file's name: `None` if it is no file of a store, `Some(None)` for flows without time.
fn hour_of(name: &str) -> Option<Option<DateTime<Utc>>> {
    let stem = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    if stem.starts_with(NO_HOUR) {
        return Some(None);
    }
    let hour = format!("{}:00", stem.get(..13)?);
    let naive = NaiveDateTime::parse_from_str(&hour, &format!("{HOUR_FORMAT}:%M")).ok()?;
    Some(Some(naive.and_utc()))
}

/// How an hour is written in a name.
fn hour_text(hour: Option<DateTime<Utc>>) -> String {
    hour.map_or_else(|| NO_HOUR.to_owned(), |hour| hour.format(HOUR_FORMAT).to_string())
}

#[cfg(test)]
mod tests;
