//! A question to the server and its answer, what its refusals mean, and how it is stopped.

use std::time::Duration;

use remote_source::http::Http;
use remote_source::{Cause, RemoteError, Settings};
use reqwest::Response;
use tokio::runtime::Handle;
use uuid::Uuid;

/// Of an answer that describes a table.
const DESCRIPTION_BYTES_MAX: usize = 4 << 20;
/// For telling a server to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// What stands before the words of an exception.
const EXCEPTION: &str = "DB::Exception: ";

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Server(Http);

impl Server {
    pub(crate) fn of(settings: &Settings) -> Result<Self, RemoteError> {
        Ok(Self(Http::new(settings, "Bearer", explain)?))
    }

    pub(crate) fn at(&self, what: &str) -> Self {
        Self(self.0.at(what))
    }

    pub(crate) fn http(&self) -> &Http {
        &self.0
    }

    pub(crate) fn error(&self, cause: Cause) -> RemoteError {
        self.0.error(cause)
    }

    /// A short answer in lines whose parts are separated by tabs.
    pub(crate) async fn lines(&self, query: &str) -> Result<Vec<Vec<String>>, RemoteError> {
        let response = self.0.send(|client| client.post(self.0.url(&[""])).body(query.to_owned())).await?;
        let body = self.0.body(response, DESCRIPTION_BYTES_MAX).await?;
        let text = String::from_utf8_lossy(&body);
        Ok(text.lines().map(|line| line.split('\t').map(crate::tab_separated::text).collect()).collect())
    }

    /// A long answer, and what stops it.
    pub(crate) async fn ask(&self, query: &str) -> Result<(Response, Stop), RemoteError> {
        let id = Uuid::new_v4().to_string();
        let mut url = self.0.url(&[""]);
        url.query_pairs_mut().append_pair("query_id", &id);
        let stop = Stop { server: self.clone(), id, runtime: Handle::current(), is_due: true };
        let response = self.0.send(|client| client.post(url.clone()).body(query.to_owned())).await?;
        Ok((response, stop))
    }

    /// What an exception in an answer that had begun well means; `None` where there is none.
    pub(crate) fn broken_off(&self, text: &str) -> Option<RemoteError> {
        let (_, words) = exception(text)?;
        Some(self.error(Cause::Broken { reason: self.0.words(&words) }))
    }
}

/// A query that runs. When it goes before it is done, the server is told to stop; closing the connection alone is noticed
/// by servers when they next write.
pub(crate) struct Stop {
    server: Server,
    id: String,
    runtime: Handle,
    is_due: bool,
}

impl Stop {
    /// Says that the server has nothing more to do.
    pub(crate) fn is_done(&mut self) {
        self.is_due = false;
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        if self.is_due {
            let server = self.server.clone();
            let query = format!("KILL QUERY WHERE query_id = '{}' ASYNC", self.id);
            // Whether it may is the server's business.
            self.runtime.spawn(async move { tokio::time::timeout(STOP_TIMEOUT, server.lines(&query)).await });
        }
    }
}

/// Number and words of an exception.
pub(crate) fn exception(text: &str) -> Option<(u32, String)> {
    let (before, words) = text.split_once(EXCEPTION)?;
    let number = before.rsplit_once("Code: ")?.1;
    let number: String = number.chars().take_while(char::is_ascii_digit).collect();
    let words = words.split(", e.what()").next().unwrap_or_default();
    let words = words.rsplit_once(" (version ").map_or(words, |(words, _)| words);
    Some((number.parse().ok()?, words.trim().to_owned()))
}

fn explain(status: u16, body: &str) -> Option<Cause> {
    let (number, words) = exception(body)?;
    let words = remote_source::error::words(&words, &[]);
    Some(match number {
        // Wrong password, no password, unknown user, and what newer servers call all of them.
        192..=194 | 516 => Cause::Login { words },
        // May not read, not from here.
        195 | 291 | 497 => Cause::Forbidden { words },
        60 => Cause::NoTable { what: "table", name: quoted_in(&words), known: Vec::new() },
        81 => Cause::NoTable { what: "database", name: quoted_in(&words), known: Vec::new() },
        202 => Cause::Busy { status, words },
        _ => Cause::Refused { words },
    })
}

/// The name in "Table d.f doesn't exist." and the like.
fn quoted_in(words: &str) -> String {
    let mut parts = words.split_whitespace().skip_while(|word| !matches!(*word, "Table" | "Database")).skip(1);
    parts.next().unwrap_or("?").trim_matches(['`', '.', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_of_old_and_new_servers() {
        let old = "Code: 60, e.displayText() = DB::Exception: Table d.f doesn't exist., e.what() = DB::Exception";
        assert_eq!(exception(old), Some((60, "Table d.f doesn't exist.".to_owned())));
        let new =
            "Code: 60. DB::Exception: Table d.f does not exist. (UNKNOWN_TABLE) (version 24.3.1.1 (official build))";
        assert_eq!(exception(new), Some((60, "Table d.f does not exist. (UNKNOWN_TABLE)".to_owned())));
        for text in [old, new] {
            let name = "d.f".to_owned();
            assert_eq!(explain(404, text), Some(Cause::NoTable { what: "table", name, known: Vec::new() }));
        }
        let login =
            "Code: 193, e.displayText() = DB::Exception: Wrong password for user reader, e.what() = DB::Exception";
        assert_eq!(explain(401, login), Some(Cause::Login { words: "Wrong password for user reader".into() }));
        assert_eq!(explain(502, "<html>"), None);
    }
}
