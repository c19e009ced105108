//! What the API of Flowmon Monitoring Center is asked: profiles, channels, columns, and queries, whose results are
//! waited for.

use std::time::Duration;

use remote_source::{Cause, RemoteError};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::client::{Client, Reply};
use crate::search::Search;

const PROFILES: &[&str] = &["rest", "fmc", "profiles"];
const CHANNELS: &[&str] = &["rest", "fmc", "profiles", "channels"];
const COLUMNS: &[&str] = &["rest", "fmc", "analysis", "nfcolumns"];
const FLOWS: &[&str] = &["rest", "fmc", "analysis", "flows"];
const RESULTS: &[&str] = &["rest", "fmc", "analysis", "results"];

/// Between two looks at a result: short at first, as most queries are.
const POLL_PAUSE_FIRST: Duration = Duration::from_millis(200);
const POLL_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Each pause is so much longer than the one before.
const POLL_PAUSE_GROWTH: f64 = 1.5;
/// After so many looks in vain the state of the query is asked for: a failed one has no result either.
const POLLS_BEFORE_STATE: u32 = 3;
/// So many looks in a row may get no answer, while a result is waited for.
const LOST_POLLS_MAX: u32 = 3;
/// The state of a query that failed.
const FAILED: u64 = 2;

/// A part of the traffic that a server keeps, or a part of such a part: an exporter, a network, a service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Named {
    pub(crate) id: String,
}

#[derive(Deserialize)]
struct Started {
    id: Number,
}

#[derive(Deserialize)]
struct State {
    id: Number,
    state: Option<Number>,
    message: Option<String>,
}

/// The API writes numbers as numbers or as text.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        number.map(Number).ok_or_else(|| serde::de::Error::custom("a number was expected"))
    }
}

impl Named {
    /// What people call it: a channel `mail/pop3` is `pop3`.
    pub(crate) fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }
}

impl Client {
    /// The profiles that the user may see.
    pub(crate) async fn profiles(&self) -> Result<Vec<Named>, RemoteError> {
        let reply = self.get(PROFILES, &[("fields", r#"["id"]"#.to_owned())]).await?;
        self.list(reply)
    }

    /// The channels of a profile.
    pub(crate) async fn channels(&self, profile: &str) -> Result<Vec<Named>, RemoteError> {
        match self.get(CHANNELS, &[("profileId", profile.to_owned())]).await {
            Err(RemoteError { cause: Cause::NoTable { .. }, .. }) => Err(self.unknown_profile(profile).await),
            reply => self.list(reply?),
        }
    }

    /// The columns that flows can be listed with.
    pub(crate) async fn columns(&self) -> Result<Vec<Named>, RemoteError> {
        let reply = self.get(COLUMNS, &[]).await?;
        self.list(reply)
    }

    /// The rows of a query as a JSON list, not looked into; empty when there are none. Dropping the future stops the
    /// waiting: the API has no way to tell the server.
    pub(crate) async fn rows(&self, search: &Search, longest: Duration) -> Result<Vec<u8>, RemoteError> {
        let begun = match self.get(FLOWS, &search.parameters()).await {
            Err(RemoteError { cause: Cause::NoTable { .. }, .. }) => {
                return Err(self.unknown_profile(&search.profile).await);
            }
            begun => begun?,
        };
        let Reply::Content(begun) = begun else { return Ok(Vec::new()) };
        let Started { id } = self.parsed(&begun)?;
        match tokio::time::timeout(longest, self.result(id)).await {
            Ok(rows) => rows,
            Err(_) => Err(self.error(Cause::TimedOut { seconds: longest.as_secs() })),
        }
    }

    async fn result(&self, id: Number) -> Result<Vec<u8>, RemoteError> {
        let number = id.0.to_string();
        let path = [RESULTS, &[&number]].concat();
        let (mut pause, mut polls, mut lost) = (POLL_PAUSE_FIRST, 0, 0);
        loop {
            match self.get(&path, &[]).await {
                Ok(Reply::Content(rows)) => return Ok(rows),
                Ok(Reply::Nothing) => return Ok(Vec::new()),
                Ok(Reply::NotYet) => lost = 0,
                Err(RemoteError { cause: Cause::NoTable { .. }, .. }) => {
                    return Err(self.error(Cause::Broken { reason: "the result is not there any more".into() }));
                }
                Err(fault) if is_passing(&fault.cause) && lost < LOST_POLLS_MAX => lost += 1,
                Err(fault) => return Err(fault),
            }
            polls += 1;
            if polls % POLLS_BEFORE_STATE == 0 {
                self.check_state(id).await?;
            }
            tokio::time::sleep(pause).await;
            pause = pause.mul_f64(POLL_PAUSE_GROWTH).min(POLL_PAUSE_MAX);
        }
    }

    /// Whether a query failed. That its state cannot be had is no failure.
    async fn check_state(&self, id: Number) -> Result<(), RemoteError> {
        let Ok(reply) = self.get(RESULTS, &[]).await else { return Ok(()) };
        let states: Vec<State> = self.list(reply).unwrap_or_default();
        let Some(failed) = states.into_iter().find(|state| state.id == id && state.state == Some(Number(FAILED)))
        else {
            return Ok(());
        };
        let words = self.words(&failed.message.unwrap_or_default());
        let words = if words.is_empty() { "it began to work and failed".to_owned() } else { words };
        Err(self.error(Cause::Refused { words }))
    }

    async fn unknown_profile(&self, profile: &str) -> RemoteError {
        let known = self.profiles().await.unwrap_or_default().into_iter().map(|profile| profile.id).collect();
        self.error(Cause::NoTable { what: "profile", name: self.words(profile), known })
    }

    fn list<T: DeserializeOwned>(&self, reply: Reply) -> Result<Vec<T>, RemoteError> {
        match reply {
            Reply::Content(body) => self.parsed(&body),
            Reply::Nothing => Ok(Vec::new()),
            Reply::NotYet => Err(self.error(Cause::Malformed { reason: "a list is never made later".into() })),
        }
    }

    pub(crate) fn parsed<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, RemoteError> {
        serde_json::from_slice(body).map_err(|fault| self.error(odd_json(&fault)))
    }
}

fn is_passing(cause: &Cause) -> bool {
    matches!(cause, Cause::Unreachable { .. } | Cause::TimedOut { .. } | Cause::Busy { .. } | Cause::Broken { .. })
}

/// Where JSON is wrong, without what is there.
pub(crate) fn odd_json(fault: &serde_json::Error) -> Cause {
    let what = if fault.is_eof() { "it breaks off" } else { "something else was expected" };
    Cause::Malformed { reason: format!("{what} in line {}, column {}", fault.line(), fault.column()) }
}
