//! One table: the rows, the order in which they are seen now, and the answers to the pages that show it.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use flow_engine::{
    CancellationToken, EngineError, StoredResult, render,
    stored::{PageRequest, View, ViewRequest},
};
use kernel_protocol::wire::header::Header;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use widgets_comm::{buffers::State, registry::Event};

use super::{
    Action,
    request::{Request, What},
};
use crate::{
    exports::Interval,
    form::Forms,
    widgets::{Listening, Widgets},
};

mod export;
mod uses;

use export::Downloads;

/// Rows that a table carries from the beginning, so that something is seen before the first question.
const FIRST_ROWS: usize = 50;
/// Columns of them.
const FIRST_COLUMNS: usize = 40;
/// Requests of one table that are worked on at once; more wait.
const WORKED_ON_MAX: usize = 4;
/// Requests of one table that wait; more are refused.
const WAITING_MAX: usize = 200;
/// How long a request waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(60);

/// A field of a form that values of a column can go to.
#[derive(Clone, Debug)]
pub(super) struct Fill {
    pub(super) column: usize,
    pub(super) field: String,
    pub(super) label: String,
}

/// What a person may do with the rows beyond looking, as its author wants it.
#[derive(Clone, Debug, Default)]
pub(super) struct Offers {
    /// The table of SQL that holds the same rows.
    pub(super) name: Option<String>,
    /// The time that the rows are about, for names of files.
    pub(super) interval: Option<Interval>,
    pub(super) fills: Vec<Fill>,
    /// The table that holds the selected rows.
    pub(super) selection: Option<String>,
    pub(super) actions: Vec<Action>,
}

/// A table that answers.
pub(super) struct LiveTable {
    widgets: Arc<Widgets>,
    forms: Arc<Forms>,
    offers: Offers,
    widget: String,
    selecting: tokio::sync::Mutex<()>,
    seen: Mutex<Seen>,
    listening: Mutex<Option<Listening>>,
    turns: Semaphore,
    places: Semaphore,
    downloads: Downloads,
}

/// What is seen now.
struct Seen {
    /// `None` when the rows were let go.
    stored: Option<StoredResult>,
    view: View,
    version: u64,
    /// Stops the view that is being computed.
    computing: CancellationToken,
    /// Stops a summary.
    summing: CancellationToken,
    /// Stops an export.
    exporting: CancellationToken,
}

/// An answer: what goes beside the request's number, and buffers.
type Answer = (Value, Vec<Bytes>);

/// Why there is no answer.
pub(super) struct Refusal {
    fact: String,
    hint: Option<String>,
}

impl Refusal {
    fn new(fact: impl Into<String>) -> Refusal {
        Refusal { fact: fact.into(), hint: None }
    }

    fn let_go() -> Refusal {
        let hint = Some("Run the cell again to look at more than the first of them".to_owned());
        Refusal { fact: "The rows of this table were let go, as many tables came after it".to_owned(), hint }
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Refusal {
        if matches!(error, EngineError::Cancelled { .. }) {
            return Refusal::new("Stopped");
        }
        tracing::info!(error = error.for_log(), "a table's request failed");
        Refusal { fact: error.to_string(), hint: error.hint() }
    }
}

/// The state of a new table, its first rows included.
pub(super) fn opening_state(stored: &StoredResult, offers: &Offers) -> Result<State, EngineError> {
    let result = stored.result();
    let (columns, view) = (stored.columns(), stored.whole());
    let first: Vec<usize> = (0..columns.len().min(FIRST_COLUMNS)).collect();
    let page = stored.page(&view, &PageRequest { start: 0, count: FIRST_ROWS, columns: first.clone() })?;
    let holes: Vec<Value> = vec![Value::Null; page.columns.len()];
    let paths: Vec<Value> = (0..page.columns.len()).map(|place| json!(["_first_columns", place])).collect();
    let buffers: Vec<Bytes> = page.columns.into_iter().map(Bytes::from).collect();
    let notes: Vec<Value> =
        result.notes.iter().map(|note| json!(note.lines().map(render::visible).collect::<Vec<_>>())).collect();
    let fills = offers.fills.iter().map(|fill| json!({"column": fill.column, "label": fill.label}));
    let actions = offers.actions.iter().map(|action| render::visible(&action.label));
    let state = json!({
        "_columns": columns,
        "_fills": fills.collect::<Vec<_>>(),
        "_actions": actions.collect::<Vec<_>>(),
        "_selection": offers.selection,
        "_total": result.row_count,
        "_caption": render::time_and_more(result),
        "_elapsed_ms": result.elapsed.as_secs_f64() * 1000.0,
        "_notes": notes,
        "_view": view_state(&view, 0),
        "_first": {"count": page.row_count, "columns": first},
        "_first_columns": holes,
    });
    State::from_wire(state, &Value::from(paths), &buffers)
        .map_err(|error| EngineError::Internal { text: error.to_string(), log: error.to_string() })
}

/// What pages know about a view: its number, and what they show of the request.
fn view_state(view: &View, version: u64) -> Value {
    let ViewRequest { sort, filters, search } = &view.request;
    json!({"version": version, "count": view.row_count(), "sort": sort, "filters": filters, "search": search})
}

impl LiveTable {
    /// From now on the table answers.
    pub(super) fn start(
        widgets: Arc<Widgets>,
        forms: Arc<Forms>,
        widget: String,
        stored: StoredResult,
        offers: Offers,
    ) -> Arc<LiveTable> {
        let view = stored.whole();
        let (computing, summing, exporting) = <(CancellationToken, CancellationToken, CancellationToken)>::default();
        let seen = Seen { stored: Some(stored), view, version: 0, computing, summing, exporting };
        let table = Arc::new(LiveTable {
            widgets,
            forms,
            offers,
            widget,
            selecting: tokio::sync::Mutex::default(),
            seen: Mutex::new(seen),
            listening: Mutex::default(),
            turns: Semaphore::new(WORKED_ON_MAX),
            places: Semaphore::new(WAITING_MAX),
            downloads: Downloads::default(),
        });
        let weak = Arc::downgrade(&table);
        let hears = move |event: &Event, cause: &Header| {
            let Some(table) = weak.upgrade() else { return };
            match event {
                Event::Custom { content, .. } => {
                    tokio::spawn(table.take(content.clone(), cause.clone()));
                }
                Event::Closed { .. } => table.let_go(),
                _ => {}
            }
        };
        *lock(&table.listening) = Some(table.widgets.listen(&table.widget, Arc::new(hears)));
        table
    }

    /// The model's id.
    pub(super) fn widget(&self) -> &str {
        &self.widget
    }

    /// Whether it still answers.
    pub(super) fn has_rows(&self) -> bool {
        self.seen().stored.is_some()
    }

    /// Frees the rows. What was asked before ends.
    pub(super) fn let_go(&self) {
        let mut seen = self.seen();
        seen.stored = None;
        seen.computing.cancel();
        seen.summing.cancel();
        seen.exporting.cancel();
        drop(seen);
        self.downloads.forget_all();
    }

    async fn take(self: Arc<Self>, content: Value, cause: Header) {
        let request = match Request::parse(content) {
            Ok(request) => request,
            Err(error) => return tracing::warn!(error, "a message to a table was refused"),
        };
        let (client, number) = (request.client, request.request);
        let answer = match self.places.try_acquire() {
            Ok(_place) => self.answer(request.what, &cause).await,
            Err(_) => Err(Refusal::new("The table is asked too much at once")),
        };
        let (content, buffers) = match answer {
            Ok((answer, buffers)) => (json!({"client": client, "request": number, "answer": answer}), buffers),
            Err(Refusal { fact, hint }) => {
                (json!({"client": client, "request": number, "refused": fact, "hint": hint}), Vec::new())
            }
        };
        if let Err(error) = self.widgets.send(&cause, &self.widget, content, buffers).await {
            tracing::info!(%error, "a table that answers is gone");
        }
    }

    async fn answer(self: &Arc<Self>, what: What, cause: &Header) -> Result<Answer, Refusal> {
        match what {
            // These do not wait for what takes long: they may be meant to stop it.
            What::Stop {} => {
                let seen = self.seen();
                seen.computing.cancel();
                seen.exporting.cancel();
                Ok((json!({}), Vec::new()))
            }
            What::View(request) => self.look(request, cause).await,
            What::Summary { column } => self.summarise(column).await,
            What::Export(request) => self.export(request).await,
            What::Fill { view, row, fill } => self.fill(view, row, fill, cause).await,
            What::Act { view, row, action } => self.act(view, row, action, cause),
            What::Select { view, start, count } => self.select(view, start, count, cause).await,
            What::Forget { download } => {
                self.downloads.forget(download);
                Ok((json!({}), Vec::new()))
            }
            what => {
                let turn = tokio::time::timeout(TURN_TIMEOUT, self.turns.acquire()).await;
                let _turn = turn.map_err(|_| Refusal::new("The table is asked too much at once"))?;
                let table = self.clone();
                let work = tokio::task::spawn_blocking(move || table.laid_out(what));
                work.await.map_err(|error| Refusal::new(error.to_string()))?
            }
        }
    }

    /// What takes milliseconds of computing. Not on the threads of the protocol.
    fn laid_out(&self, what: What) -> Result<Answer, Refusal> {
        let stale = || Ok((json!({"stale": true}), Vec::new()));
        match what {
            What::Page { view, page } => {
                let Some((stored, seen)) = self.known(view)? else { return stale() };
                let page = stored.page(&seen, &page)?;
                let buffers = page.columns.into_iter().map(Bytes::from).collect();
                Ok((json!({"start": page.start, "count": page.row_count}), buffers))
            }
            What::Value { view, row, column } => {
                let Some((stored, seen)) = self.known(view)? else { return stale() };
                Ok((json!({"text": stored.value(&seen, row, column)?}), Vec::new()))
            }
            What::Copy { view, copy } => {
                let Some((stored, seen)) = self.known(view)? else { return stale() };
                Ok((json!({"text": stored.copy(&seen, &copy)?}), Vec::new()))
            }
            What::Part { download, part } => {
                let bytes = self.downloads.part(download, part).map_err(Refusal::new)?;
                Ok((json!({}), vec![bytes]))
            }
            // Answered elsewhere.
            _ => Err(Refusal::new("internal: this is not laid out")),
        }
    }

    /// Computes another view. The newest request wins.
    async fn look(&self, request: ViewRequest, cause: &Header) -> Result<Answer, Refusal> {
        let (stored, cancel) = {
            let mut seen = self.seen();
            let stored = seen.stored.clone().ok_or_else(Refusal::let_go)?;
            seen.computing.cancel();
            seen.computing = CancellationToken::new();
            (stored, seen.computing.clone())
        };
        let view = stored.view(request, cancel.clone()).await?;
        let state = {
            let mut seen = self.seen();
            if cancel.is_cancelled() {
                return Err(Refusal::new("Stopped"));
            }
            seen.version += 1;
            seen.view = view;
            view_state(&seen.view, seen.version)
        };
        if let Err(error) = self.widgets.set(cause, &self.widget, "_view", state).await {
            tracing::info!(%error, "a table with a new view is gone");
        }
        self.widgets.flush().await;
        Ok((json!({}), Vec::new()))
    }

    async fn summarise(&self, column: usize) -> Result<Answer, Refusal> {
        let (stored, view, cancel) = {
            let mut seen = self.seen();
            let stored = seen.stored.clone().ok_or_else(Refusal::let_go)?;
            seen.summing.cancel();
            seen.summing = CancellationToken::new();
            (stored, seen.view.clone(), seen.summing.clone())
        };
        let summary = stored.summary(&view, column, cancel).await?;
        Ok((json!({"summary": summary}), Vec::new()))
    }

    /// The rows in the view of that number; `None` when the page does not know yet that there is another.
    fn known(&self, version: u64) -> Result<Option<(StoredResult, View)>, Refusal> {
        let seen = self.seen();
        let stored = seen.stored.clone().ok_or_else(Refusal::let_go)?;
        Ok((seen.version == version).then(|| (stored, seen.view.clone())))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

impl Drop for LiveTable {
    fn drop(&mut self) {
        if let Some(listening) = lock(&self.listening).take() {
            self.widgets.unlisten(&listening);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
