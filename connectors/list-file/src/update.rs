//! A newer list in the place of the old one, which stays until the new one is known to be a list.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::TryStreamExt;
use reqwest::redirect::Policy;
use tempfile::NamedTempFile;
use url::Url;

use crate::lines::ListError;

/// A packed list of ten million names is a quarter of this.
const DOWNLOAD_BYTES_MAX: u64 = 512 << 20;
const REDIRECTS_MAX: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Between two pieces of the answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Where a newer list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Behind `http` or `https`.
    Url(Url),
    /// On this machine.
    File(PathBuf),
}

impl Origin {
    /// An address of the web, else a file seen from `folder`.
    ///
    /// # Errors
    /// When the text begins like an address of the web and is none.
    pub fn parse(text: &str, folder: &Path) -> Result<Origin, url::ParseError> {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Url::parse(text).map(Origin::Url);
        }
        Ok(Origin::File(folder.join(text)))
    }
}

/// Without what an address may hold of passwords and tokens.
impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Url(url) => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                write!(f, "{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
            }
        }
    }
}

/// Why there is no newer list. The old one is as it was.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The answer was not the list.
    #[error("{origin} answered with status {status}")]
    Status {
        /// Where it was asked for.
        origin: String,
        /// HTTP's number.
        status: u16,
    },
    /// No answer, or not all of it.
    #[error("could not fetch {origin}: {reason}")]
    Fetch {
        /// Where it was asked for.
        origin: String,
        /// What went wrong.
        reason: String,
    },
    /// More than any list has.
    #[error("{origin} gives more than the {} MB that a list may have", DOWNLOAD_BYTES_MAX >> 20)]
    TooLarge {
        /// Where it was asked for.
        origin: String,
    },
    /// The file cannot be written.
    #[error("could not write `{}`: {reason}", path.display())]
    Write {
        /// The list.
        path: PathBuf,
        /// What the operating system says.
        reason: std::io::Error,
    },
    /// What came is no list.
    #[error("what {origin} gives cannot be used: {reason}")]
    NoList {
        /// Where it was asked for.
        origin: String,
        /// What is wrong with it.
        reason: ListError,
    },
}

/// What was put in place.
#[derive(Debug)]
pub struct Fetched<L> {
    /// The new list.
    pub list: L,
    /// Its size as it was fetched.
    pub bytes: u64,
}

/// Fetches a list and puts it in the place of `target` if `read` can use it. Dropping the future leaves the old list
/// alone.
///
/// # Errors
/// When it cannot be fetched, is no list, or cannot be written.
pub async fn update<L>(
    origin: &Origin,
    target: &Path,
    read: impl FnOnce(&Path) -> Result<L, ListError>,
) -> Result<Fetched<L>, UpdateError> {
    let unwritable = |reason| UpdateError::Write { path: target.to_owned(), reason };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(unwritable)?;
    let mut file = NamedTempFile::new_in(folder).map_err(unwritable)?;
    let bytes = match origin {
        Origin::Url(url) => download(url, &origin.to_string(), &mut file, target).await?,
        Origin::File(path) => copy(path, &origin.to_string(), &mut file)?,
    };
    file.flush().and_then(|()| file.as_file().sync_all()).map_err(unwritable)?;
    let no_list = |reason| UpdateError::NoList { origin: origin.to_string(), reason };
    let list = read(file.path()).map_err(no_list)?;
    readable_like_others(&file).map_err(unwritable)?;
    file.persist(target).map_err(|fault| unwritable(fault.error))?;
    Ok(Fetched { list, bytes })
}

async fn download(url: &Url, origin: &str, file: &mut NamedTempFile, target: &Path) -> Result<u64, UpdateError> {
    let failed = |fault: reqwest::Error| UpdateError::Fetch { origin: origin.to_owned(), reason: innermost(fault) };
    let client = reqwest::Client::builder()
        .user_agent(concat!("flowdeck/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::limited(REDIRECTS_MAX))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build()
        .map_err(failed)?;
    let answer = client.get(url.clone()).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(UpdateError::Status { origin: origin.to_owned(), status: answer.status().as_u16() });
    }
    let mut pieces = answer.bytes_stream();
    let mut bytes = 0;
    while let Some(piece) = pieces.try_next().await.map_err(failed)? {
        bytes += piece.len() as u64;
        if bytes > DOWNLOAD_BYTES_MAX {
            return Err(UpdateError::TooLarge { origin: origin.to_owned() });
        }
        file.write_all(&piece).map_err(|reason| UpdateError::Write { path: target.to_owned(), reason })?;
    }
    Ok(bytes)
}

fn copy(path: &Path, origin: &str, file: &mut NamedTempFile) -> Result<u64, UpdateError> {
    let failed = |reason: std::io::Error| UpdateError::Fetch { origin: origin.to_owned(), reason: reason.to_string() };
    let mut source = std::fs::File::open(path).map_err(failed)?;
    std::io::copy(&mut source, file).map_err(failed)
}

/// A temporary file is its owner's alone; a list is nobody's secret, and other people's kernels read it too.
#[cfg(unix)]
fn readable_like_others(file: &NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_like_others(_: &NamedTempFile) -> std::io::Result<()> {
    Ok(())
}

/// The cause, without the address, which may hold a token.
fn innermost(fault: reqwest::Error) -> String {
    let fault = fault.without_url();
    let mut cause: &dyn std::error::Error = &fault;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
