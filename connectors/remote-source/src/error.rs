//! What goes wrong between here and a server, for analysts: a fact, and what to do.
//!
//! What a server says is repeated in part only: bounded, in visible characters, and without the secrets that it was given.

use std::error::Error;

use datafusion_common::DataFusionError;
use flow_source::{Secret, SourceError};

/// Longest part of a server's own words that is repeated.
const WORDS_CHARS_MAX: usize = 300;
/// Names listed in one hint at most.
const NAMES_LISTED_MAX: usize = 20;

/// Why a source at a server cannot be read. `Display` is the fact, [`RemoteError::hint`] the advice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not read `{place}`: {cause}")]
pub struct RemoteError {
    /// Server and table, without secrets.
    pub place: String,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong. Words of servers must have gone through [`words`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The configuration says something that cannot be.
    #[error("{fact}")]
    Setting {
        /// What is wrong with it.
        fact: String,
        /// What to write.
        hint: String,
    },
    /// A connection that others could read.
    #[error("the connection to another machine would not be encrypted")]
    Plain,
    /// Nobody answers.
    #[error("the server cannot be reached: {reason}")]
    Unreachable {
        /// What the system says.
        reason: String,
    },
    /// No answer in time.
    #[error("the server did not answer within {seconds} s")]
    TimedOut {
        /// How long was waited.
        seconds: u64,
    },
    /// No secure connection.
    #[error("no secure connection: {reason}")]
    Insecure {
        /// What is wrong with the certificate.
        reason: String,
    },
    /// User, password or token are not accepted.
    #[error("the server does not accept the login{}", of_words(.words))]
    Login {
        /// The server's reason.
        words: String,
    },
    /// The login is right but may not do this.
    #[error("the server does not allow it{}", of_words(.words))]
    Forbidden {
        /// The server's reason.
        words: String,
    },
    /// The table, index or database is not there.
    #[error("there is no {what} `{name}`")]
    NoTable {
        /// `table`, `index`, …
        what: &'static str,
        /// As configured.
        name: String,
        /// What is there; empty when that is not known.
        known: Vec<String>,
    },
    /// A column that the map names is not there.
    #[error("{column} should come from `{name}`, which the table does not have")]
    NoColumn {
        /// The column of flows.
        column: String,
        /// The column that is missing.
        name: String,
        /// Those that are there.
        known: Vec<String>,
    },
    /// Nothing in the table is a column of flows.
    #[error("none of its columns is one of flows")]
    NoFlows {
        /// Those that are there.
        known: Vec<String>,
    },
    /// A column has a type that is none of flows.
    #[error("{column} cannot be made of `{name}`, which is {found}")]
    WrongType {
        /// The column of flows.
        column: String,
        /// The server's column or expression.
        name: String,
        /// Its type in the server's words.
        found: String,
        /// What to do.
        hint: String,
    },
    /// A value that cannot be read, of a source that is strict.
    #[error("row {row}: the value of {column} cannot be read")]
    Unreadable {
        /// Counted from 1, as they came.
        row: u64,
        /// The column of flows.
        column: String,
    },
    /// Too many requests, or too much to do, for longer than is waited.
    #[error("the server is too busy (it answers {status}){}", of_words(.words))]
    Busy {
        /// Of HTTP.
        status: u16,
        /// The server's reason.
        words: String,
    },
    /// The server sends on to another address.
    #[error("the server sends on to another address (it answers {status})")]
    Redirected {
        /// Of HTTP.
        status: u16,
    },
    /// The server refuses the question.
    #[error("the server refuses the query{}", of_words(.words))]
    Refused {
        /// The server's reason.
        words: String,
    },
    /// A part of the server did not answer, so rows would be missing.
    #[error("{failed} of {total} {parts} did not answer{}", of_words(.words))]
    Partial {
        /// How many failed.
        failed: u64,
        /// Of how many.
        total: u64,
        /// `shards`, …
        parts: &'static str,
        /// The server's reason.
        words: String,
    },
    /// The answer broke off.
    #[error("the answer broke off: {reason}")]
    Broken {
        /// What the system or the server says.
        reason: String,
    },
    /// The answer is not what such a server gives.
    #[error("the answer cannot be understood: {reason}")]
    Malformed {
        /// What is odd.
        reason: String,
    },
}

impl RemoteError {
    /// An error at that place.
    pub fn new(place: &str, cause: Cause) -> Self {
        Self { place: place.to_owned(), cause }
    }

    /// An answer that is none.
    pub fn malformed(place: &str, reason: &str) -> Self {
        Self::new(place, Cause::Malformed { reason: words(reason, &[]) })
    }

    /// What the analyst or the operator can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match &self.cause {
            Cause::Setting { hint, .. } | Cause::WrongType { hint, .. } => hint.clone(),
            Cause::Plain => {
                "Use an encrypted address, or set `allow_http = true` for the source in flowdeck.toml".into()
            }
            Cause::Unreachable { .. } => {
                "Check the server's name and port in `location`, and whether it runs and a firewall is between".into()
            }
            Cause::TimedOut { .. } => {
                "Ask for less (a time window, fewer columns), or check whether the server is overloaded".into()
            }
            Cause::Insecure { .. } => {
                "The server's certificate must be signed, for that name, by an authority that this \
                 machine trusts; `ca_file` names another authority"
                    .into()
            }
            Cause::Login { .. } => "Check `user` and `secrets` of the source in flowdeck.toml".into(),
            Cause::Forbidden { .. } => "Ask who runs the server for the right to read this table".into(),
            Cause::NoTable { what, known, .. } if known.is_empty() => {
                format!("Check the name of the {what} in flowdeck.toml; capital letters may count")
            }
            Cause::NoTable { name, known, .. } => nearest_or_all(name, known, "There are"),
            Cause::NoColumn { name, known, .. } => nearest_or_all(name, known, "Its columns are"),
            Cause::NoFlows { known } => {
                format!(
                    "Say in `columns` of the source which become start_time, src_ip and so on; there are {}",
                    listed(known)
                )
            }
            Cause::Unreadable { .. } => {
                "The source is strict: without `strict = true` in flowdeck.toml such values are NULL and noted".into()
            }
            Cause::Busy { .. } => "Try again later, or ask for less at once".into(),
            Cause::Redirected { .. } => {
                "Write the address that answers itself into `location`; keys are not sent to where a server sends on"
                    .into()
            }
            Cause::Partial { .. } => {
                "Rows would be missing without a word, so there are none; ask who runs the server, or try again".into()
            }
            Cause::Broken { .. } => "Try again, or ask for less at once".into(),
            Cause::Malformed { .. } => {
                "Check that `location` and `connector` name the same kind of server, and no page of a proxy".into()
            }
            Cause::Refused { .. } => return None,
        };
        Some(hint)
    }
}

impl From<RemoteError> for SourceError {
    fn from(error: RemoteError) -> Self {
        Self::Remote { text: error.to_string(), hint: error.hint() }
    }
}

impl From<RemoteError> for DataFusionError {
    fn from(error: RemoteError) -> Self {
        SourceError::from(error).into()
    }
}

/// A part of what a server or library said: visible characters alone, bounded, without the secrets.
pub fn words(text: &str, secrets: &[Secret]) -> String {
    let text = secrets.iter().fold(text.to_owned(), |text, secret| match secret.expose() {
        "" => text,
        _ => secret.hide_in(&text),
    });
    let is_plain = |c: char| {
        let is_hidden = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
        !c.is_control() && !is_hidden
    };
    let mut shown = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        let word: String = word.chars().map(|c| if is_plain(c) { c } else { '\u{fffd}' }).collect();
        count += word.chars().count() + 1;
        if count > WORDS_CHARS_MAX {
            let left = word.chars().count().saturating_sub(count - WORDS_CHARS_MAX);
            return format!("{shown} {}…", word.chars().take(left).collect::<String>()).trim().to_owned();
        }
        shown.push_str(if shown.is_empty() { "" } else { " " });
        shown.push_str(&word);
    }
    shown.trim_end_matches('.').to_owned()
}

/// The innermost cause in a chain of errors: those around it name layers.
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    words(&chain.last().map(ToString::to_string).unwrap_or_default(), &[])
}

fn of_words(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMES_LISTED_MAX).map(|name| words(name, &[])).collect();
    let more = if names.len() > NAMES_LISTED_MAX { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn nearest_or_all(wanted: &str, known: &[String], all: &str) -> String {
    match nearest(wanted, known) {
        Some(nearest) => format!("Did you mean `{}`?", words(nearest, &[])),
        None => format!("{all} {}", listed(known)),
    }
}

/// The name that differs least, when that is little: a third of its characters at most.
fn nearest<'a>(wanted: &str, known: &'a [String]) -> Option<&'a String> {
    let wanted = wanted.to_lowercase();
    let near = known.iter().map(|name| (strsim::levenshtein(&wanted, &name.to_lowercase()), name));
    let near = near.filter(|(distance, name)| distance * 3 <= name.chars().count().max(wanted.chars().count()));
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_servers_are_bounded_visible_and_without_secrets() {
        let secret = Secret::new("s3cr3t-of-a-test");
        let said = words("password s3cr3t-of-a-test\n\u{1b}[31m was \u{202e}wrong.", &[secret]);
        assert_eq!(said, "password [hidden] \u{fffd}[31m was \u{fffd}wrong");
        let long = words(&"x ".repeat(5000), &[]);
        assert!(long.chars().count() <= WORDS_CHARS_MAX + 2 && long.ends_with('…'), "{long}");
        assert!(words(&"x".repeat(5000), &[]).chars().count() <= WORDS_CHARS_MAX + 2);
    }

    #[test]
    fn names_that_are_near_are_offered() {
        let known = ["SrcAddr".to_owned(), "DstAddr".to_owned(), "Bytes".to_owned()];
        let error = |name: &str| {
            let cause = Cause::NoColumn { column: "src_ip".into(), name: name.into(), known: known.to_vec() };
            RemoteError::new("clickhouse at host", cause)
        };
        assert_eq!(error("srcadr").hint().as_deref(), Some("Did you mean `SrcAddr`?"));
        assert_eq!(error("quite_other").hint().as_deref(), Some("Its columns are SrcAddr, DstAddr, Bytes"));
        assert!(error("x").to_string().contains("src_ip should come from `x`"), "{}", error("x"));
    }
}
