//! The connection file: transport, addresses, ports and key, written by whoever starts the kernel.
//!
//! Parsing is `jupyter-protocol`'s; reading the file and the words for its failures are ours.

use std::path::{Path, PathBuf};

pub use jupyter_protocol::connection_info::{ConnectionInfo, Transport};

/// Why a connection file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionFileError {
    /// The file could not be read.
    #[error("cannot read the connection file `{path}`: {source}")]
    Unreadable {
        /// The file as named on the command line.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a connection file.
    #[error("`{path}` is not a Jupyter connection file: {source}")]
    Malformed {
        /// The file as named on the command line.
        path: PathBuf,
        /// What the parser said; it names the missing or wrong field.
        source: serde_json::Error,
    },
}

/// Reads a connection file.
///
/// # Errors
/// [`ConnectionFileError`] when the file is absent, unreadable or not a connection file.
pub fn read(path: &Path) -> Result<ConnectionInfo, ConnectionFileError> {
    let text =
        std::fs::read(path).map_err(|source| ConnectionFileError::Unreadable { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|source| ConnectionFileError::Malformed { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_that_is_not_a_connection_file_is_named() {
        let folder = std::env::temp_dir().join(format!("flowdeck-connection-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("kernel.json");
        std::fs::write(&path, "{\"ip\": 1}").unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("kernel.json") && message.contains("not a Jupyter connection file"), "{message}");
        let message = read(&folder.join("absent.json")).unwrap_err().to_string();
        assert!(message.contains("absent.json"), "{message}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
