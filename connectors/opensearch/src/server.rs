//! Requests to a server, what it is, and what its refusals mean.

use remote_source::http::Http;
use remote_source::{Cause, RemoteError, Settings, error};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

/// An answer; a page of flows is far below.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// What stands before a key of the server in the header.
const TOKEN_KIND: &str = "ApiKey";
/// From there on OpenSearch knows a unique order of documents.
const UNIQUE_ORDER_FROM: (u64, u64) = (3, 3);

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) http: Http,
    pub(crate) flavour: Flavour,
}

/// Which of the two it is: they name the same things differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    Elasticsearch,
    OpenSearch {
        /// Whether it knows the order `_shard_doc`.
        has_unique_order: bool,
    },
}

impl Server {
    /// Asks what it is.
    pub(crate) async fn of(settings: &Settings) -> Result<Self, RemoteError> {
        let http = Http::new(settings, TOKEN_KIND, explain)?;
        let server = Self { http, flavour: Flavour::Elasticsearch };
        let about = server.ask(Method::GET, &[], "", None).await?;
        let flavour = flavour(&about)
            .ok_or_else(|| RemoteError::malformed(server.http.place(), "it is no OpenSearch and no Elasticsearch"))?;
        Ok(Self { flavour, ..server })
    }

    pub(crate) fn at(&self, what: &str) -> Self {
        Self { http: self.http.at(what), flavour: self.flavour }
    }

    /// A request and its answer. `parameters` is what follows the `?` of the address.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &[&str],
        parameters: &str,
        body: Option<&Value>,
    ) -> Result<Value, RemoteError> {
        self.ask_counted(method, path, parameters, body).await.map(|(answer, _)| answer)
    }

    /// As [`ask`](Self::ask), with the bytes of the answer.
    pub(crate) async fn ask_counted(
        &self,
        method: Method,
        path: &[&str],
        parameters: &str,
        body: Option<&Value>,
    ) -> Result<(Value, usize), RemoteError> {
        let mut url = self.http.url(path);
        url.set_query((!parameters.is_empty()).then_some(parameters));
        let body = body.map(Value::to_string);
        let response = self
            .http
            .send(|client| {
                let request = client.request(method.clone(), url.clone());
                match &body {
                    Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.clone()),
                    None => request,
                }
            })
            .await?;
        let answer = self.http.body(response, ANSWER_BYTES_MAX).await?;
        let parsed = serde_json::from_slice(&answer);
        let odd = |fault: serde_json::Error| RemoteError::malformed(self.http.place(), &fault.to_string());
        Ok((parsed.map_err(odd)?, answer.len()))
    }
}

fn flavour(about: &Value) -> Option<Flavour> {
    let version = about.get("version")?;
    let number = version.get("number")?.as_str()?;
    if version.get("distribution").and_then(Value::as_str) != Some("opensearch") {
        return Some(Flavour::Elasticsearch);
    }
    let mut parts = number.split('.').map_while(|part| part.parse::<u64>().ok());
    let release = (parts.next()?, parts.next().unwrap_or_default());
    Some(Flavour::OpenSearch { has_unique_order: release >= UNIQUE_ORDER_FROM })
}

/// What an answer that is an error means.
pub(crate) fn explain(status: u16, body: &str) -> Option<Cause> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let fault = answer.get("error")?;
    let text = |name: &str| fault.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = text("type");
    let root = fault.pointer("/root_cause/0/reason").and_then(Value::as_str);
    let words = error::words(fault.as_str().or(root).unwrap_or_else(|| text("reason")), &[]);
    Some(match (status, kind) {
        (401, _) => Cause::Login { words },
        (403, _) => Cause::Forbidden { words },
        (_, "index_not_found_exception") => {
            Cause::NoTable { what: "index", name: error::words(text("index"), &[]), known: Vec::new() }
        }
        (429, _) => Cause::Busy { status, words },
        (_, "search_phase_execution_exception") if is_partial(fault) => {
            let failed =
                fault.pointer("/failed_shards").and_then(Value::as_array).map_or(0, |shards| shards.len() as u64);
            let words = fault.pointer("/failed_shards/0/reason/reason").and_then(Value::as_str).unwrap_or_default();
            Cause::Partial { failed, total: failed, parts: "shards that were asked", words: error::words(words, &[]) }
        }
        _ => Cause::Refused { words },
    })
}

/// Whether shards failed for another reason than the question.
fn is_partial(fault: &Value) -> bool {
    let status = fault.pointer("/failed_shards/0/reason/type").and_then(Value::as_str).unwrap_or_default();
    !matches!(status, "" | "query_shard_exception" | "parsing_exception" | "illegal_argument_exception")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn flavours() {
        let about = |version| flavour(&json!({"version": version}));
        let open = |has_unique_order| Some(Flavour::OpenSearch { has_unique_order });
        assert_eq!(about(json!({"number": "2.11.0", "distribution": "opensearch"})), open(false));
        assert_eq!(about(json!({"number": "3.3.0", "distribution": "opensearch"})), open(true));
        assert_eq!(about(json!({"number": "8.15.0"})), Some(Flavour::Elasticsearch));
        assert_eq!(flavour(&json!({"tagline": "hello"})), None);
    }

    #[test]
    fn refusals() {
        let body =
            json!({"error": {"type": "index_not_found_exception", "reason": "no such index [flow]", "index": "flow"}});
        let cause = explain(404, &body.to_string());
        assert_eq!(cause, Some(Cause::NoTable { what: "index", name: "flow".into(), known: Vec::new() }));
        assert_eq!(explain(401, "{\"error\":\"Unauthorized\"}"), Some(Cause::Login { words: "Unauthorized".into() }));
        assert_eq!(explain(502, "<html>"), None);
    }
}
