//! What comes back of a lookup: found, not found, not asked, or an error. Never one for the other.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// What is known about one indicator.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The result.
    pub outcome: Outcome,
    /// When the service answered; `None` when it did not.
    pub asked_at: Option<DateTime<Utc>>,
    /// Whether the answer was kept from before.
    pub is_kept: bool,
}

/// The result of a lookup.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The service knows it: one value for each field of the lookup, `Null` where it says nothing.
    Found(Vec<Value>),
    /// The service does not know it.
    NotFound,
    /// Nobody was asked.
    NotAsked(Reason),
    /// The service was asked and did not answer properly.
    Failed(Fault),
}

impl Outcome {
    /// As it stands in a table.
    pub fn status(&self) -> &'static str {
        match self {
            Outcome::Found(_) => "found",
            Outcome::NotFound => "not found",
            Outcome::NotAsked(_) => "not asked",
            Outcome::Failed(_) => "error",
        }
    }

    /// Why there is no answer.
    pub fn reason(&self) -> Option<String> {
        match self {
            Outcome::Found(_) | Outcome::NotFound => None,
            Outcome::NotAsked(reason) => Some(reason.to_string()),
            Outcome::Failed(fault) => Some(fault.to_string()),
        }
    }
}

/// Why nobody was asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Reason {
    /// It must not leave this machine.
    #[error("{0}, which is never sent")]
    Private(&'static str),
    /// The text is no indicator.
    #[error("it is no {0}")]
    NoIndicator(&'static str),
    /// Only what is kept was wanted.
    #[error("not in the cache")]
    NotKept,
    /// The service needs a key.
    #[error("{title} needs a key: {reason}")]
    NoKey {
        /// The service.
        title: &'static str,
        /// Why there is none.
        reason: String,
    },
    /// The service needs more than is configured.
    #[error("{title} is not set up: {reason}")]
    NotSetUp {
        /// The service.
        title: &'static str,
        /// What is missing.
        reason: String,
    },
    /// The day's requests are used up.
    #[error("quota: {used} of {limit} requests to {title} are used today; again after {}", clock(*.until))]
    DayOver {
        /// The service.
        title: &'static str,
        /// Requests sent today, by all kernels.
        used: u32,
        /// Requests allowed a day.
        limit: u32,
        /// When the next day begins.
        until: DateTime<Utc>,
    },
    /// The service said that it was asked too often.
    #[error("quota: {title} says it was asked too often; again after {}", clock(*.until))]
    TooOften {
        /// The service.
        title: &'static str,
        /// When it may be asked again.
        until: DateTime<Utc>,
    },
    /// It failed so often that the rest of the query is not worth the wait.
    #[error("{title} failed {times} times in a row, last: {last}")]
    Failing {
        /// The service.
        title: &'static str,
        /// How often.
        times: u32,
        /// The last failure.
        last: String,
    },
}

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// 401.
    #[error("{title} does not accept the key{}", said(.words))]
    KeyRefused {
        /// The service.
        title: &'static str,
        /// What it says.
        words: Option<String>,
    },
    /// 403.
    #[error("{title} does not allow this with the key{}", said(.words))]
    Forbidden {
        /// The service.
        title: &'static str,
        /// What it says.
        words: Option<String>,
    },
    /// 400, 422: it cannot be asked about this.
    #[error("{title} does not understand the request{}", said(.words))]
    BadRequest {
        /// The service.
        title: &'static str,
        /// What it says.
        words: Option<String>,
    },
    /// 5xx.
    #[error("{title} is not available now (status {status}){}", said(.words))]
    Unavailable {
        /// The service.
        title: &'static str,
        /// HTTP's number.
        status: u16,
        /// What it says.
        words: Option<String>,
    },
    /// Any other number.
    #[error("{title} answered with status {status}{}", said(.words))]
    Status {
        /// The service.
        title: &'static str,
        /// HTTP's number.
        status: u16,
        /// What it says.
        words: Option<String>,
    },
    /// It sends elsewhere, where the key must not go.
    #[error("{title} sends the request elsewhere (status {status}), which is not followed; is its `url` right?")]
    Redirect {
        /// The service.
        title: &'static str,
        /// HTTP's number.
        status: u16,
    },
    /// A page instead of data: a proxy, a wrong address.
    #[error("{title} did not answer in JSON (status {status}): a proxy in between, or a wrong `url`")]
    NotJson {
        /// The service.
        title: &'static str,
        /// HTTP's number.
        status: u16,
    },
    /// JSON that is cut off, or not what the service gives.
    #[error("the answer of {title} is broken: {reason}")]
    Malformed {
        /// The service.
        title: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// More than an answer has.
    #[error("the answer of {title} is larger than {megabytes} MB")]
    TooLarge {
        /// The service.
        title: &'static str,
        /// The limit.
        megabytes: u64,
    },
    /// No answer in time.
    #[error("{title} did not answer within {seconds} s")]
    Timeout {
        /// The service.
        title: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// No connection, or one that broke.
    #[error("{title} cannot be reached: {reason}")]
    Unreachable {
        /// The service.
        title: &'static str,
        /// What the system says.
        reason: String,
    },
}

impl Fault {
    /// Whether every other request would fail the same way.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Fault::KeyRefused { .. } | Fault::Forbidden { .. } | Fault::Redirect { .. })
    }

    /// Whether the service, and not the question, is the cause.
    pub(crate) fn is_of_service(&self) -> bool {
        !matches!(self, Fault::BadRequest { .. })
    }
}

fn said(words: &Option<String>) -> String {
    words.as_ref().map_or_else(String::new, |words| format!(": {words}"))
}

fn clock(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
