//! The few ways a source can fail, each with where it was found and, apart from it, what to do.
//!
//! Bad rows are not errors: they are counted in [`crate::QualityReport`].

use std::error::Error;
use std::path::PathBuf;

use datafusion_common::DataFusionError;

use crate::place::Place;

/// Why a source cannot be read. `Display` is the fact; [`SourceError::hint`] is the advice.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A pattern or folder that names no file.
    #[error("no file matches `{pattern}`")]
    NoFile {
        /// The pattern as given.
        pattern: String,
    },
    /// A pattern that cannot be understood.
    #[error("`{pattern}` is not a file pattern: {reason}")]
    BadPattern {
        /// The pattern as given.
        pattern: String,
        /// What is wrong with it, with the position.
        reason: String,
    },
    /// The operating system refuses the file.
    #[error("could not read `{}`: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        reason: std::io::Error,
    },
    /// A compressed file that cannot be decompressed.
    #[error("`{}` is a broken {compression} file: {reason} after {offset} decompressed bytes", path.display())]
    BrokenCompression {
        /// The file.
        path: PathBuf,
        /// `gzip`, `zstd`, …
        compression: &'static str,
        /// Decompressed bytes before the defect.
        offset: u64,
        /// What the decompressor says.
        reason: String,
    },
    /// A file that is something else than it was taken for.
    #[error("`{}`{}: found {found}, expected {expected}", path.display(), place.suffix())]
    UnexpectedContent {
        /// The file.
        path: PathBuf,
        /// Where in it; as a whole where its first bytes decide.
        place: Place,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// What to do, if there is something to do.
        hint: Option<String>,
    },
    /// A row that cannot be used, of a source that must not lose any.
    #[error("`{}`{}: {reason}", path.display(), place.suffix())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Where in it.
        place: Place,
        /// What was found and what was expected.
        reason: String,
    },
    /// A source at a server that cannot be reached, refuses or breaks off.
    #[error("{text}")]
    Remote {
        /// Where and what, without secrets.
        text: String,
        /// What to do, if there is something to do.
        hint: Option<String>,
    },
}

impl SourceError {
    /// What the analyst can do about it; a sentence without final full stop.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoFile { pattern } => Some(format!(
                "Check the folder and the spelling of `{pattern}`; relative paths start at the notebook's folder"
            )),
            Self::BadPattern { .. } => {
                Some("Write `*` for any text, `?` for one character, `[ab]` for one of a set".into())
            }
            Self::Unreadable { reason, .. } => unreadable_hint(reason.kind()),
            Self::BrokenCompression { .. } => {
                Some("The file may still be being written or was cut while it was copied; fetch it again".into())
            }
            Self::UnexpectedContent { hint, .. } | Self::Remote { hint, .. } => hint.clone(),
            Self::Refused { .. } => Some(
                "The source is strict: without `strict = true` in flowdeck.toml such rows are left out and counted"
                    .into(),
            ),
        }
    }

    /// The source's error inside an error of the engine, however deeply it is wrapped.
    pub fn find(error: &DataFusionError) -> Option<&Self> {
        let mut current: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = current {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found);
            }
            current = match error.downcast_ref::<DataFusionError>() {
                // `External`'s own `source` may skip the boxed error itself.
                Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
                Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
                _ => error.source(),
            };
        }
        None
    }
}

impl From<SourceError> for DataFusionError {
    fn from(error: SourceError) -> Self {
        Self::External(Box::new(error))
    }
}

fn unreadable_hint(kind: std::io::ErrorKind) -> Option<String> {
    match kind {
        std::io::ErrorKind::PermissionDenied => Some("Ask for read permission on the file and its folders".into()),
        std::io::ErrorKind::NotFound => {
            Some("The file is gone; it may have been rotated since the table was opened".into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_found_below_the_engine_s_wrapping() {
        let error = SourceError::NoFile { pattern: "conn*.log".into() };
        let wrapped = DataFusionError::from(error).context("while planning");
        let shared = DataFusionError::Shared(std::sync::Arc::new(wrapped));
        let found = SourceError::find(&shared).expect("the source's error is inside");
        assert_eq!(found.to_string(), "no file matches `conn*.log`");
        assert!(found.hint().is_some_and(|hint| hint.contains("conn*.log")));
    }
}
