//! Why demo data could not be made.
//!
//! `Display` is the fact, [`DemoDataError::hint`] the advice.

use std::path::PathBuf;

/// Why demo data could not be made. Nothing has been put in place when one of these is returned, except with
/// [`DemoDataError::FileAccess`] while files are moved to their final names.
#[derive(Debug, thiserror::Error)]
pub enum DemoDataError {
    /// The incident has a fixed size; fewer flows than that cannot be made.
    #[error("{wanted} flows are too few: the incident and its lookalikes alone need up to {minimum}")]
    TooFewFlows {
        /// Flows asked for.
        wanted: u64,
        /// The least that is accepted.
        minimum: u64,
    },
    /// The folder holds something that was not made by demo-data.
    #[error("`{}` is not empty and was not made by demo-data: it holds `{found}`", dir.display())]
    FolderInUse {
        /// The folder asked for.
        dir: PathBuf,
        /// One of the names in it.
        found: String,
    },
    /// The target is a file.
    #[error("`{}` is not a folder", dir.display())]
    NotAFolder {
        /// The path asked for.
        dir: PathBuf,
    },
    /// A file or folder could not be read, written or moved.
    #[error("could not {action} `{}`: {reason}", path.display())]
    FileAccess {
        /// What was tried, as a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        reason: std::io::Error,
    },
    /// The Parquet writer gave up on a file.
    #[error("could not write `{}` as Parquet: {reason}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        #[source]
        reason: parquet::errors::ParquetError,
    },
    /// The generator and the common flow schema disagree: our bug.
    #[error("internal: the generated columns do not fit the flow schema: {reason}")]
    Columns {
        /// What Arrow said.
        #[source]
        reason: arrow_schema::ArrowError,
    },
}

impl DemoDataError {
    /// What the analyst can do about it; a sentence without final full stop.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TooFewFlows { minimum, .. } => Some(format!("Ask for at least `--flows {minimum}`")),
            Self::FolderInUse { .. } => {
                Some("Name a new or empty folder, or one that an earlier `flowdeck demo-data` filled".into())
            }
            Self::NotAFolder { .. } => Some("Name a folder; it is created when it is missing".into()),
            Self::FileAccess { .. } | Self::Parquet { .. } => {
                Some("Check that the disk has space and that you may write there".into())
            }
            Self::Columns { .. } => Some("This is a bug in flowdeck, not in your call; please report it".into()),
        }
    }

    /// For `map_err`: names the file and what was tried with it.
    pub(crate) fn file(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |reason| Self::FileAccess { action, path, reason }
    }
}
