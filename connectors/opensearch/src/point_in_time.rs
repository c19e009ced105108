//! The state of an index while it is read page by page, which the server keeps until it is told that it may forget it.

use std::time::Duration;

use remote_source::RemoteError;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::server::{Flavour, Server};

/// Between two pages; the query may be busy with one for a while.
const KEEP_ALIVE: &str = "5m";
/// For telling a server to forget.
const FORGET_TIMEOUT: Duration = Duration::from_secs(5);

/// A state that the server keeps. When it goes, the server is told.
pub(crate) struct PointInTime {
    server: Server,
    id: String,
    runtime: Handle,
}

impl PointInTime {
    /// The state of an index now.
    pub(crate) async fn of(server: &Server, index: &str) -> Result<Self, RemoteError> {
        let parameters = format!("keep_alive={KEEP_ALIVE}");
        let (path, name): (&[&str], &str) = match server.flavour {
            Flavour::Elasticsearch => (&[index, "_pit"], "id"),
            Flavour::OpenSearch { .. } => (&[index, "_search", "point_in_time"], "pit_id"),
        };
        let answer = server.ask(Method::POST, path, &parameters, None).await?;
        let id = answer.get(name).and_then(Value::as_str);
        let id = id.ok_or_else(|| RemoteError::malformed(server.http.place(), "it opens no point in time"))?;
        Ok(Self { server: server.clone(), id: id.to_owned(), runtime: Handle::current() })
    }

    /// What stands in a search of it.
    pub(crate) fn clause(&self) -> Value {
        json!({"id": self.id, "keep_alive": KEEP_ALIVE})
    }

    /// Takes the name that an answer gives it for the next page.
    pub(crate) fn learn(&mut self, answer: &Value) {
        if let Some(id) = answer.get("pit_id").and_then(Value::as_str) {
            id.clone_into(&mut self.id);
        }
    }
}

impl Drop for PointInTime {
    fn drop(&mut self) {
        let (server, id) = (self.server.clone(), self.id.clone());
        self.runtime.spawn(async move {
            let (path, body): (&[&str], Value) = match server.flavour {
                Flavour::Elasticsearch => (&["_pit"], json!({"id": id})),
                Flavour::OpenSearch { .. } => (&["_search", "point_in_time"], json!({"pit_id": [id]})),
            };
            let forgetting = server.ask(Method::DELETE, path, "", Some(&body));
            tokio::time::timeout(FORGET_TIMEOUT, forgetting).await
        });
    }
}
