//! The engine of this kernel: started on first use, with the configured sources registered.
//!
//! kernel_info never waits for it. A source that cannot be opened costs that source only. `configured` makes sources known.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Mutex, MutexGuard, OnceLock},
    time::Duration,
};

use flow_engine::{Engine, EngineError, EngineOptions};
use kernel_protocol::MimeBundle;
use serde_json::Value;

use crate::{config::Config, report::Report};

mod configured;

pub use configured::{SecretState, SourceState, State};

/// Rows of a result that are shown below a cell.
const ROWS_SHOWN_MAX: usize = 100;

/// Rows of a result as plain text: for terminals and saved notebooks.
const TEXT_ROWS_MAX: usize = 20;

/// How long who asks for completions waits for a server.
const OPENING_PATIENCE: Duration = Duration::from_secs(1);

/// For a table that is unknown and resembles none.
const TABLES_HINT: &str = "`%sources` lists the tables there are; read_flows('PATH') and read_log('PATH') read a file without naming it first";

/// For a column that resembles none of the table's.
const COLUMNS_HINT: &str = "`%schema TABLE` lists the columns of a table with their types";

/// For a function that a Rust cell had defined.
const FUNCTION_LOST_HINT: &str =
    "a Rust cell had defined it, and went with the process of Rust cells: run the cell that defines it again";

/// The engine and what became of the configured sources.
pub struct EngineRoom {
    /// Tables and queries.
    pub engine: Engine,
    /// The configured sources in the order of their names.
    pub sources: Vec<SourceState>,
    /// What is wrong with the configuration as a whole.
    pub config_fault: Option<Fault>,
    /// The file that names the sources; `None` when there is none.
    pub config_path: Option<PathBuf>,
    /// SQL functions of Rust cells whose process ended.
    lost_functions: Mutex<BTreeSet<String>>,
}

/// What is wrong, and what to do about it.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What is wrong.
    pub fact: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Fault {
    /// An error of the engine.
    pub fn of(error: &EngineError) -> Fault {
        Fault { fact: error.to_string(), hint: error.hint() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.fact)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

static ROOM: OnceLock<Result<EngineRoom, String>> = OnceLock::new();

/// The engine, started if this is the first call. Blocks for as long as opening the files of this machine takes.
///
/// # Errors
/// A report when the engine cannot start at all.
pub fn room() -> Result<&'static EngineRoom, Report> {
    ROOM.get_or_init(|| open().map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|error| Report::new("EngineError", error))
}

/// As [`room`], from asynchronous code.
///
/// # Errors
/// As [`room`].
pub async fn ready() -> Result<&'static EngineRoom, Report> {
    if let Some(Ok(room)) = ROOM.get() {
        return Ok(room);
    }
    tokio::task::spawn_blocking(room).await.map_err(Report::internal)?
}

fn open() -> Result<EngineRoom, EngineError> {
    let (config, config_fault) = match Config::load() {
        Ok(config) => (config, None),
        Err(error) => (Config::default(), Some(Fault { fact: error.to_string(), hint: error.hint() })),
    };
    let internal_networks = config.networks.internal.as_ref().map(|networks| networks.0.clone());
    let options = EngineOptions {
        lookup_files: config.lookup_files(),
        internal_networks,
        allow_http: config.remote.allow_http,
        enrichment: Some(config.enrichment()),
        ..EngineOptions::default()
    };
    let engine = Engine::with_options(options)?;
    if let Some(fault) = &config_fault {
        tracing::warn!(%fault, "configuration not used");
    }
    let sources = configured::register_all(&engine, &config);
    Ok(EngineRoom { engine, sources, config_fault, config_path: config.path, lost_functions: Mutex::default() })
}

/// Opens the sources that unfinished SQL names, as far as that is fast; what takes longer goes on for the next question.
pub async fn open_named(room: &'static EngineRoom, sql: &str, cursor: usize) {
    let sql = sql.to_owned();
    let opening = tokio::spawn(async move { room.engine.open_for_completion(&sql, cursor).await });
    // Whether it took too long or went wrong: what is known is offered.
    let _ = tokio::time::timeout(OPENING_PATIENCE, opening).await;
}

/// The engine, if it has been started.
pub fn started() -> Option<&'static EngineRoom> {
    ROOM.get()?.as_ref().ok()
}

/// Removes what the engine has put on disk. For the end of the process.
pub fn leave() {
    if let Some(room) = started() {
        room.engine.remove_fetched();
    }
}

impl EngineRoom {
    /// An engine error for the notebook. An unknown table that is a source which could not be opened says so.
    pub fn report(&self, error: &EngineError) -> Report {
        if matches!(error, EngineError::Cancelled { .. }) {
            return Report::interrupted(&error.to_string());
        }
        tracing::info!(error = error.for_log(), "query failed");
        let name = if matches!(error, EngineError::Plot(_)) { "PlotError" } else { "SqlError" };
        let report = Report::new(name, error.to_string());
        match error {
            EngineError::UnknownTable { wanted, .. } => {
                let hint = self.fault_of(wanted).or_else(|| error.hint());
                report.with_hint(hint.unwrap_or_else(|| TABLES_HINT.to_owned()))
            }
            EngineError::UnknownColumn { .. } => {
                report.with_hint(error.hint().unwrap_or_else(|| COLUMNS_HINT.to_owned()))
            }
            EngineError::UnknownFunction { wanted, .. } if self.lost_functions().contains(wanted) => {
                report.with_hint(FUNCTION_LOST_HINT)
            }
            _ => report.with_hint_if(error.hint()),
        }
    }

    /// SQL functions of Rust cells whose process ended, and which nobody has defined since.
    pub fn lost_functions(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.lost_functions.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn fault_of(&self, table: &str) -> Option<String> {
        if let Some(fault) = &self.config_fault {
            return Some(format!("no source is known: {fault}"));
        }
        let source = self.sources.iter().find(|source| source.name.eq_ignore_ascii_case(table))?;
        let fault = source.fault()?;
        Some(format!("the source `{}` of flowdeck.toml could not be opened: {fault}", source.name))
    }
}

/// A result as the front end shows it: an HTML table and plain text.
pub fn shown(result: &flow_engine::QueryResult) -> MimeBundle {
    let mut bundle = MimeBundle::new();
    bundle.insert("text/html".to_owned(), Value::from(flow_engine::render::to_html(result, ROWS_SHOWN_MAX)));
    bundle.insert("text/plain".to_owned(), Value::from(flow_engine::render::to_text(result, TEXT_ROWS_MAX)));
    bundle
}
