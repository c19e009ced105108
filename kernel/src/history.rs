//! Cells run so far, this session's and earlier ones', for `history_request`: tail, range and search.
//!
//! Kept in a SQLite file with the tables of IPython's history, by a thread of its own, so that no cell waits for a
//! disk. Where the file cannot be used, the history lasts as long as the kernel.

mod store;

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, Sender, channel},
};

use serde_json::Value;
use tokio::sync::oneshot;

use self::store::Store;

/// Names the file, or with the value `off` keeps the history in memory.
const FILE_ENV: &str = "FLOWDECK_HISTORY";

/// A `history_request`, parsed leniently: clients leave most fields out.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// `tail`, `range` or `search`.
    pub access: String,
    /// Whether outputs are wanted with the inputs.
    pub output: bool,
    /// At most this many entries; for `search` the last ones.
    pub n: Option<usize>,
    /// Session of a range: 0 is this one, -1 the one before, a positive number is a session's own.
    pub session: i64,
    /// First line of a range.
    pub start: Option<u64>,
    /// Line behind a range.
    pub stop: Option<u64>,
    /// Glob pattern of a search: `*` and `?`.
    pub pattern: String,
    /// Only the last of equal inputs.
    pub unique: bool,
}

/// The line to the thread that keeps the history.
pub struct History {
    tasks: Sender<Task>,
}

enum Task {
    Add { line: u64, input: String, output: Option<String> },
    Query { query: Query, reply: oneshot::Sender<Vec<Value>> },
}

impl History {
    /// Starts the thread. The file is opened with the first cell or question.
    pub fn start() -> History {
        let (tasks, todo) = channel();
        if let Err(error) = std::thread::Builder::new().name("history".to_owned()).spawn(move || serve(&todo)) {
            tracing::error!(%error, "there will be no history");
        }
        History { tasks }
    }

    /// Remembers a cell, with its result as text if it had one.
    pub fn add(&self, line: u64, input: &str, output: Option<String>) {
        // Without the thread there is no history, which its start has told.
        let _ = self.tasks.send(Task::Add { line, input: input.to_owned(), output });
    }

    /// The entries that a request asks for: `(session, line, input)`, or with outputs `(session, line, (input, output))`.
    pub async fn query(&self, query: Query) -> Vec<Value> {
        let (reply, answer) = oneshot::channel();
        let _ = self.tasks.send(Task::Query { query, reply });
        answer.await.unwrap_or_default()
    }
}

fn serve(tasks: &Receiver<Task>) {
    let Ok(first) = tasks.recv() else { return };
    let Some(store) = open() else { return };
    for task in std::iter::once(first).chain(tasks.iter()) {
        let outcome = match task {
            Task::Add { line, input, output } => store.add(line, &input, output.as_deref()),
            Task::Query { query, reply } => store.query(&query).map(|entries| drop(reply.send(entries))),
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "the history file failed");
        }
    }
}

fn open() -> Option<Store> {
    let in_memory = || Store::in_memory().map_err(|error| tracing::error!(%error, "there will be no history")).ok();
    let Some(file) = file() else { return in_memory() };
    match Store::open(&file) {
        Ok(store) => Some(store),
        Err(error) => {
            tracing::warn!(%error, file = %file.display(), "the history will not outlive this kernel");
            in_memory()
        }
    }
}

fn file() -> Option<PathBuf> {
    match std::env::var_os(FILE_ENV) {
        Some(word) if word == "off" => None,
        Some(file) => Some(PathBuf::from(file)),
        None => dirs::state_dir().or_else(dirs::data_local_dir).map(|state| state.join("flowdeck/history.sqlite")),
    }
}
