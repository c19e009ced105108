//! The events that a search finds, as the server exports them: one object a line.

use async_trait::async_trait;
use chrono_tz::Tz;
use remote_source::http::Http;
use remote_source::json::cell_of;
use remote_source::lines::Lines;
use remote_source::{
    Cause, Cell, Next, Predicate, RemoteError, RemoteSource, Request, Settings, Sink, SourceColumn, Support, error,
};
use serde_json::Value;

use crate::fields::Fields;
use crate::search::{search, support, window};
use crate::{NAME, SEARCH};

/// What stands before a token in the header.
const TOKEN_KIND: &str = "Bearer";
/// An answer that says whether a search can be understood.
const PARSED_BYTES_MAX: usize = 4 << 20;
/// From the first event on, where a query has no beginning.
const FROM_THE_FIRST: &str = "0";

/// What a search finds.
#[derive(Debug)]
pub(crate) struct Events {
    http: Http,
    search: String,
    fields: Fields,
    zone: Tz,
}

impl Events {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, RemoteError> {
        let http = Http::new(settings, TOKEN_KIND, explain)?;
        let Some(base) = settings.option(SEARCH) else {
            let hint = "Write search = \"index=netflow sourcetype=stream:ip\"".to_owned();
            let fact = "it is not said which search finds flows".to_owned();
            return Err(http.error(Cause::Setting { fact, hint }));
        };
        let http = http.at(&format!("search {}", http.words(base)));
        let fields = Fields::of(settings).map_err(|cause| http.error(cause))?;
        let events = Self { http, search: base.to_owned(), fields, zone: settings.zone };
        events.check().await?;
        Ok(events)
    }

    /// That the login is right and the search is one.
    async fn check(&self) -> Result<(), RemoteError> {
        let request = Request { columns: Vec::new(), predicate: Predicate::always(), limit: Some(1) };
        let search = search(&self.search, &self.fields, &request);
        let url = self.http.url(&["services", "search", "parser"]);
        let parameters = [("q", search.as_str()), ("output_mode", "json"), ("parse_only", "true")];
        let response = self.http.send(|client| client.get(url.clone()).query(&parameters)).await?;
        let answer = self.http.body(response, PARSED_BYTES_MAX).await?;
        match serde_json::from_slice::<Value>(&answer) {
            Ok(_) => Ok(()),
            Err(fault) => Err(RemoteError::malformed(self.http.place(), &fault.to_string())),
        }
    }

    /// Faults that come within an answer; warnings are passed on.
    fn heed(&self, line: &Value, sink: &Sink) -> Result<(), RemoteError> {
        for message in line.get("messages").and_then(Value::as_array).into_iter().flatten() {
            let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
            let words = self.http.words(text("text"));
            match text("type") {
                "FATAL" | "ERROR" => return Err(self.http.error(Cause::Broken { reason: words })),
                "WARN" => sink.note(format!("{}: {words}", self.http.place())),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Reasons stand in a list of messages.
fn explain(status: u16, body: &str) -> Option<Cause> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let text = answer.pointer("/messages/0/text").and_then(Value::as_str)?;
    let words = error::words(text, &[]);
    Some(match status {
        401 => Cause::Login { words },
        402 | 403 => Cause::Forbidden { words },
        429 | 503 => Cause::Busy { status, words },
        _ => Cause::Refused { words },
    })
}

#[async_trait]
impl RemoteSource for Events {
    fn name(&self) -> &'static str {
        NAME
    }

    fn place(&self) -> &str {
        self.http.place()
    }

    fn columns(&self) -> &[SourceColumn] {
        &self.fields.columns
    }

    fn zone(&self) -> Tz {
        self.zone
    }

    fn support(&self, condition: &Predicate) -> Support {
        support(&self.fields, condition)
    }

    async fn read(&self, request: &Request, sink: &mut Sink) -> Result<(), RemoteError> {
        let url = self.http.url(&["services", "search", "jobs", "export"]);
        let (earliest, latest) = window(&self.fields, request);
        let mut form = vec![
            ("search", search(&self.search, &self.fields, request)),
            ("output_mode", "json".to_owned()),
            ("preview", "false".to_owned()),
            ("earliest_time", earliest.unwrap_or_else(|| FROM_THE_FIRST.to_owned())),
        ];
        form.extend(latest.map(|latest| ("latest_time", latest)));
        let response = self.http.send(|client| client.post(url.clone()).form(&form)).await?;
        let mut lines = Lines::new(&self.http, response);
        while let Some(line) = lines.next(sink).await? {
            if line.is_empty() {
                continue;
            }
            let line: Value = serde_json::from_slice(line)
                .map_err(|fault| RemoteError::malformed(self.http.place(), &fault.to_string()))?;
            self.heed(&line, sink)?;
            // Rows that are told again when the search has ended.
            let is_preview = line.get("preview") == Some(&Value::Bool(true));
            let Some(event) = line.get("result").filter(|_| !is_preview) else { continue };
            if self.give(event, request, sink).await? == Next::Stop {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Events {
    async fn give(&self, event: &Value, request: &Request, sink: &mut Sink) -> Result<Next, RemoteError> {
        let mapped = request.columns.iter().map(|name| self.fields.mapped.get(name));
        // Names of fields may have dots, which are part of them.
        let cells = mapped.map(|mapped| mapped.and_then(|it| event.get(&it.field)).map_or(Cell::Null, cell_of));
        let cells: Vec<Cell<'_>> = cells.collect();
        sink.push(&cells).await
    }
}
