//! An index of a server as a source: a query, page by page.

use async_trait::async_trait;
use chrono_tz::Tz;
use remote_source::json::cell_of;
use remote_source::{
    Cause, Cell, Next, Predicate, RemoteError, RemoteSource, Request, Settings, Sink, SourceColumn, Support, error,
};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::columns::{Columns, DOCUMENT};
use crate::condition::{condition, support};
use crate::mapping::{self, Field};
use crate::point_in_time::PointInTime;
use crate::server::{Flavour, Server};
use crate::{INDEX, NAME};

/// Documents of the first page: many queries want few.
const FIRST_PAGE_ROWS: usize = 500;
/// Documents of later pages; servers give 10,000 at most.
const PAGE_ROWS: usize = 5000;
/// Indices named when the one that was asked for is not there.
const INDICES_LISTED_MAX: usize = 200;
/// Rather nothing than a part.
const PARAMETERS: &str = "allow_partial_search_results=false";
/// How dates are asked for.
const DATE_FORMAT: &str = "strict_date_optional_time_nanos";

/// An index, an alias, or several by a pattern.
#[derive(Debug)]
pub(crate) struct Index {
    server: Server,
    index: String,
    columns: Columns,
    zone: Tz,
}

impl Index {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, RemoteError> {
        let server = Server::of(settings).await?;
        let Some(index) = settings.option(INDEX) else {
            let hint = "Write index = \"flows-*\"".to_owned();
            return Err(server.http.error(Cause::Setting { fact: "it is not said which index".into(), hint }));
        };
        let server = server.at(&format!("index {}", server.http.words(index)));
        let missing = |known| {
            let cause = Cause::NoTable { what: "index", name: error::words(index, &[]), known };
            Err(server.http.error(cause))
        };
        let mapping = match server.ask(Method::GET, &[index, "_mapping"], "", None).await {
            Err(RemoteError { cause: Cause::NoTable { .. }, .. }) => return missing(indices(&server).await),
            mapping => mapping?,
        };
        if mapping.as_object().is_none_or(Map::is_empty) {
            return missing(indices(&server).await);
        }
        let columns = Columns::of(settings, &mapping::fields(&mapping)).map_err(|cause| server.http.error(cause))?;
        Ok(Self { server, index: index.to_owned(), columns, zone: settings.zone })
    }

    fn search(&self, request: &Request, rows: usize) -> Value {
        let fields: Vec<Value> = request
            .columns
            .iter()
            .filter_map(|name| self.columns.mapped.get(name))
            .map(|mapped| match mapped.kind {
                Field::Date | Field::DateNanos => json!({"field": mapped.field, "format": DATE_FORMAT}),
                _ => json!({"field": mapped.field}),
            })
            .collect();
        let order = match self.server.flavour {
            Flavour::Elasticsearch | Flavour::OpenSearch { has_unique_order: true } => json!([{"_shard_doc": "asc"}]),
            // The same number of a document is in several shards, so its name is needed too.
            Flavour::OpenSearch { has_unique_order: false } => json!([{"_doc": "asc"}, {"_id": "asc"}]),
        };
        json!({
            "size": rows,
            "query": condition(&self.columns, &request.predicate),
            "sort": order,
            "track_total_hits": false,
            "_source": false,
            "fields": fields,
        })
    }

    /// That no part of the server failed.
    fn check(&self, answer: &Value) -> Result<(), RemoteError> {
        let count = |name: &str| answer.pointer(name).and_then(Value::as_u64).unwrap_or_default();
        let (failed, total) = (count("/_shards/failed"), count("/_shards/total"));
        let is_late = answer.get("timed_out") == Some(&Value::Bool(true));
        if failed == 0 && !is_late {
            return Ok(());
        }
        let reason = answer.pointer("/_shards/failures/0/reason/reason").and_then(Value::as_str).unwrap_or_default();
        let words = if is_late { "the search took too long" } else { reason };
        let words = self.server.http.words(words);
        Err(self.server.http.error(Cause::Partial { failed: failed.max(1), total, parts: "shards", words }))
    }
}

/// What there is, as far as one may see it.
async fn indices(server: &Server) -> Vec<String> {
    let answer = server.ask(Method::GET, &["_cat", "indices"], "format=json&h=index", None).await.unwrap_or_default();
    let names = answer.as_array().into_iter().flatten().filter_map(|index| index.get("index")?.as_str());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).map(str::to_owned).collect();
    names.sort();
    names.truncate(INDICES_LISTED_MAX);
    names
}

#[async_trait]
impl RemoteSource for Index {
    fn name(&self) -> &'static str {
        NAME
    }

    fn place(&self) -> &str {
        self.server.http.place()
    }

    fn columns(&self) -> &[SourceColumn] {
        &self.columns.columns
    }

    fn zone(&self) -> Tz {
        self.zone
    }

    fn support(&self, condition: &Predicate) -> Support {
        support(&self.columns, condition)
    }

    async fn read(&self, request: &Request, sink: &mut Sink) -> Result<(), RemoteError> {
        let mut state = PointInTime::of(&self.server, &self.index).await?;
        let mut rows = request.limit.unwrap_or(FIRST_PAGE_ROWS).min(PAGE_ROWS);
        let mut after: Option<Value> = None;
        loop {
            let mut search = self.search(request, rows);
            search["pit"] = state.clause();
            if let Some(after) = after.take() {
                search["search_after"] = after;
            }
            let (answer, bytes) =
                self.server.ask_counted(Method::POST, &["_search"], PARAMETERS, Some(&search)).await?;
            sink.count_bytes(bytes);
            self.check(&answer)?;
            state.learn(&answer);
            let odd = || RemoteError::malformed(self.server.http.place(), "it has no list of hits");
            let hits = answer.pointer("/hits/hits").and_then(Value::as_array).ok_or_else(odd)?;
            for hit in hits {
                if self.give(hit, request, sink).await? == Next::Stop {
                    return Ok(());
                }
            }
            if hits.len() < rows || sink.give().await? == Next::Stop {
                return Ok(());
            }
            let last = hits.last().and_then(|hit| hit.get("sort"));
            let last = last.ok_or_else(|| RemoteError::malformed(self.server.http.place(), "a hit has no place"))?;
            after = Some(last.clone());
            rows = PAGE_ROWS.min(sink.left());
        }
    }
}

impl Index {
    async fn give(&self, hit: &Value, request: &Request, sink: &mut Sink) -> Result<Next, RemoteError> {
        let document = document(hit);
        let cells = request.columns.iter().map(|name| match self.columns.mapped.get(name) {
            Some(mapped) => hit.get("fields").and_then(|fields| fields.get(&mapped.field)).map_or(Cell::Null, cell_of),
            None if name == DOCUMENT => Cell::Text(&document),
            None => Cell::Null,
        });
        let cells: Vec<Cell<'_>> = cells.collect();
        sink.push(&cells).await
    }
}

/// `index/id`.
fn document(hit: &Value) -> String {
    let text = |name: &str| hit.get(name).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}", text("_index"), text("_id"))
}
