//! What goes wrong with objects in the network, for analysts.
//!
//! Servers repeat key names and signatures in their answers, so no answer is passed on: only what it means.

use std::error::Error as StdError;

use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

use crate::files::FileFault;
use crate::memory::readable_bytes;
use crate::render::visible;

/// Longest reason of a network fault that is repeated.
const REASON_CHARS_MAX: usize = 200;
/// Longest code of a store's answer that is repeated.
const CODE_CHARS_MAX: usize = 60;
/// Codes of stores that mean: these keys are wrong, or no longer good.
const BAD_KEYS: &[&str] = &[
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "InvalidClientTokenId",
];

/// As whom a store was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A store, with keys.
    WithKeys,
    /// A store, without.
    WithoutKeys,
    /// A web server, which knows none of our keys.
    Web,
}

/// Why an object cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteCause {
    /// The address is none.
    BadAddress { reason: String },
    /// A value that came into the query from outside is an address.
    FromParameter,
    /// Plain HTTP to another machine.
    PlainHttp,
    /// A pattern or folder where nothing can be listed.
    NoListing,
    /// The bucket is not there.
    NoBucket,
    /// The object is not there.
    NoObject,
    /// Who asks may not read it.
    Denied { asked: Asked },
    /// The store refuses the keys themselves.
    KeysRefused { code: String },
    /// Another region than that of the bucket.
    WrongRegion,
    /// Nobody answers.
    Unreachable { reason: String },
    /// No answer in time.
    TimedOut,
    /// No secure connection.
    Insecure { reason: String },
    /// A server that sends on to where we do not go.
    Redirected,
    /// The object is larger than what is fetched as a whole.
    TooLarge { bytes: u64, limit: u64 },
    /// All objects fetched are.
    TooMuch { limit: u64 },
    /// It cannot be put on disk.
    Disk { reason: String },
    /// Any other answer of the server.
    Answer { status: String },
    /// Anything else.
    Other { reason: String },
    /// The query was stopped meanwhile.
    Stopped,
}

impl std::fmt::Display for RemoteCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BadAddress { reason } => write!(f, "it is not an address that can be read: {reason}"),
            Self::FromParameter => f.write_str("a parameter of a query is a path, not an address in the network"),
            Self::PlainHttp => f.write_str("plain http is only for this machine"),
            Self::NoListing => {
                f.write_str("a web server does not list its files, so patterns and folders mean nothing there")
            }
            Self::NoBucket => f.write_str("there is no such bucket"),
            Self::NoObject => f.write_str("there is no such object"),
            Self::Denied { asked: Asked::WithKeys } => f.write_str("access is denied to the keys that were used"),
            Self::Denied { asked: Asked::WithoutKeys } => f.write_str("access is denied to requests without keys"),
            Self::Denied { asked: Asked::Web } => f.write_str("the server denies access"),
            Self::KeysRefused { code } => write!(f, "the store does not accept the keys ({code})"),
            Self::WrongRegion => f.write_str("the bucket is in another region than the one asked"),
            Self::Unreachable { reason } => write!(f, "the server cannot be reached: {reason}"),
            Self::TimedOut => f.write_str("the server did not answer in time"),
            Self::Insecure { reason } => write!(f, "no secure connection: {reason}"),
            Self::Redirected => f.write_str("the server sends on to plain http on another machine, or in a circle"),
            Self::TooLarge { bytes, limit } => write!(
                f,
                "it has {}, and of what is not Parquet at most {} are fetched",
                readable_bytes(*bytes),
                readable_bytes(*limit)
            ),
            Self::TooMuch { limit } => {
                write!(f, "more than the {} that a session may keep of fetched objects", readable_bytes(*limit))
            }
            Self::Disk { reason } => write!(f, "it could not be put on disk: {reason}"),
            Self::Answer { status } => write!(f, "the server answers {status}"),
            Self::Other { reason } => f.write_str(reason),
            Self::Stopped => f.write_str("the query was stopped"),
        }
    }
}

impl RemoteCause {
    /// The fault at that address, which must be one for people.
    pub(crate) fn at(self, address: impl ToString) -> FileFault {
        FileFault::Remote { address: address.to_string(), cause: self }
    }

    /// What to try.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::BadAddress { .. } => {
                "Write s3://BUCKET/KEY, https://HOST/PATH or a path; passwords belong to `secrets` of a source in \
                 flowdeck.toml"
            }
            Self::FromParameter => "Write the address into the query, or name it as a source in flowdeck.toml",
            Self::PlainHttp => {
                "Use https, or set `allow_http = true` in flowdeck.toml: for a source, or under [remote] for addresses \
                 in queries"
            }
            Self::NoListing => "Name each file by its own address",
            Self::NoBucket => "Check the name of the bucket, and `endpoint` if the store is not that of AWS",
            Self::NoObject => "Check the address; capital letters count, and patterns (* ? [ab] **) find names",
            Self::Denied { asked: Asked::Web } => {
                "Ask who runs the server; if the address is a signed one, its time may be over"
            }
            Self::Denied { asked: Asked::WithKeys } => "Ask for read and list permission, or use other keys",
            Self::Denied { asked: Asked::WithoutKeys } => {
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or access_key_id and secret_access_key in `secrets` of \
                 a source in flowdeck.toml"
            }
            Self::KeysRefused { .. } => {
                "Check access_key_id, secret_access_key and session_token of the source in flowdeck.toml, or AWS_* in the \
                 environment"
            }
            Self::WrongRegion => "Set `region` of the source in flowdeck.toml, or AWS_REGION",
            Self::Unreachable { .. } => {
                "Check the server's name and port (of a store its `endpoint`, or AWS_ENDPOINT_URL), and whether a proxy is \
                 needed (HTTPS_PROXY)"
            }
            Self::TimedOut => "Try again, or check whether a firewall is between",
            Self::Insecure { .. } => {
                "The server's certificate must be signed by an authority that this machine trusts, for that name"
            }
            Self::TooLarge { .. } => "Store it as Parquet, which is read in parts, or fetch it to this machine",
            Self::TooMuch { .. } => "Name fewer objects, store them as Parquet, or restart the kernel",
            Self::Disk { .. } => "Make space in the temporary folder (TMPDIR)",
            Self::Answer { .. } | Self::Redirected | Self::Other { .. } | Self::Stopped => return None,
        };
        Some(hint.into())
    }

    /// What an error of a store means.
    pub(super) fn of(error: &Error, asked: Asked) -> RemoteCause {
        let text = error.to_string();
        let code = between(&text, "<Code>", "</Code>").filter(|code| code.len() <= CODE_CHARS_MAX);
        let code = code.filter(|code| code.chars().all(|c| c.is_ascii_alphanumeric())).unwrap_or_default();
        if let Some(http) = find_http(error) {
            return of_connection(http);
        }
        let status = status_of(&text);
        let is_status = |numbers: &[&str]| {
            status.as_deref().is_some_and(|status| numbers.iter().any(|number| status.starts_with(number)))
        };
        match error {
            _ if BAD_KEYS.contains(&code) => RemoteCause::KeysRefused { code: code.into() },
            _ if code == "NoSuchBucket" => RemoteCause::NoBucket,
            Error::NotFound { .. } => RemoteCause::NoObject,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => RemoteCause::Denied { asked },
            // Listings fail without a kind.
            _ if is_status(&["401", "403"]) => RemoteCause::Denied { asked },
            _ if text.contains("redirect without LOCATION") || code == "AuthorizationHeaderMalformed" => {
                RemoteCause::WrongRegion
            }
            _ => match status {
                Some(status) => RemoteCause::Answer { status },
                None => RemoteCause::Other { reason: without_queries(&text) },
            },
        }
    }
}

/// Whether a server gave all where a part was asked for.
pub(super) fn is_whole_for_part(error: &Error) -> bool {
    matches!(error, Error::NotSupported { .. }) || error.to_string().contains("non-partial response")
}

/// Whether a part was asked for of nothing.
pub(super) fn is_beyond_end(error: &Error) -> bool {
    status_of(&error.to_string()).is_some_and(|status| status.starts_with("416"))
}

fn of_connection(error: &HttpError) -> RemoteCause {
    let chain: Vec<String> = std::iter::successors(Some(error as &(dyn StdError + 'static)), |&error| error.source())
        .map(|error| error.to_string())
        .collect();
    let all = chain.join(": ").to_lowercase();
    let reason = without_queries(chain.last().map_or("", String::as_str));
    if all.contains("redirect") {
        return RemoteCause::Redirected;
    }
    match error.kind() {
        HttpErrorKind::Timeout => RemoteCause::TimedOut,
        _ if ["certificate", "tls", "handshake", "corrupt message"].iter().any(|word| all.contains(word)) => {
            RemoteCause::Insecure { reason }
        }
        HttpErrorKind::Connect => RemoteCause::Unreachable { reason },
        _ => RemoteCause::Other { reason: format!("the connection broke: {reason}") },
    }
}

fn find_http(error: &Error) -> Option<&HttpError> {
    std::iter::successors(Some(error as &(dyn StdError + 'static)), |&error| error.source())
        .find_map(|error| error.downcast_ref::<HttpError>())
}

/// As in "503 Service Unavailable".
fn status_of(text: &str) -> Option<String> {
    let status = text.split_once("status code: ")?.1;
    Some(status.split([':', '<', '\n']).next()?.trim().chars().take(CODE_CHARS_MAX).collect())
}

/// One line without what follows a `?`, nor anything in angle brackets.
fn without_queries(text: &str) -> String {
    let words = text.split_whitespace().take_while(|word| !word.contains('<'));
    let words: Vec<&str> = words.map(|word| word.split('?').next().unwrap_or_default()).collect();
    visible(&words.join(" ").chars().take(REASON_CHARS_MAX).collect::<String>())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}
