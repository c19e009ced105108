//! The engine of this kernel: started on first use, with the configured sources registered.
//!
//! kernel_info never waits for it. A source that cannot be opened costs that source only.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Mutex, MutexGuard, OnceLock},
};

use flow_engine::{Engine, EngineError, EngineOptions, Registered, RemoteAccess, ServerNeeds, SourceSettings};
use kernel_protocol::MimeBundle;
use serde_json::Value;

use crate::{
    config::{Config, Source},
    report::Report,
};

/// Rows of a result that are shown below a cell.
const ROWS_SHOWN_MAX: usize = 100;

/// Rows of a result as plain text: for terminals and saved notebooks.
const TEXT_ROWS_MAX: usize = 20;

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

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.fact)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// A configured source.
pub struct SourceState {
    /// Its table.
    pub name: String,
    /// Path, glob or address.
    pub location: String,
    /// What the configuration says about it.
    pub source: Source,
    /// What its files are, or why it could not be registered.
    pub outcome: Result<Registered, Fault>,
    /// Its secrets: name, place, and why it cannot be had.
    pub secrets: Vec<(String, String, Option<Fault>)>,
}

static ROOM: OnceLock<Result<EngineRoom, String>> = OnceLock::new();

/// The engine, started if this is the first call. Blocks for as long as opening the sources takes.
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
    let sources = register_all(&engine, &config);
    Ok(EngineRoom { engine, sources, config_fault, config_path: config.path, lost_functions: Mutex::default() })
}

/// Servers are asked beside each other, so that one that does not answer costs the others nothing.
fn register_all(engine: &Engine, config: &Config) -> Vec<SourceState> {
    std::thread::scope(|scope| {
        let is_remote = |source: &Source| flow_engine::is_address(&source.location);
        let begun = config.sources.iter().map(|(name, source)| {
            let register = move || register(engine, config, name, source);
            let thread = is_remote(source).then(|| std::thread::Builder::new().spawn_scoped(scope, register));
            (thread.and_then(Result::ok), register)
        });
        let begun: Vec<_> = begun.collect();
        let ended = begun.into_iter().map(|(thread, register)| match thread {
            Some(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            None => register(),
        });
        ended.collect()
    })
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

fn register(engine: &Engine, config: &Config, name: &str, source: &Source) -> SourceState {
    let location = config.location(source);
    let outcome = match source.settings() {
        _ if is_second(config, name) => Err(Fault {
            fact: format!(
                "another source is called `{name}` but for capital letters, and SQL does not tell them apart"
            ),
            hint: Some("give one of them another name".to_owned()),
        }),
        Ok(settings) => open_source(engine, config, name, source, settings),
        Err(fact) => Err(Fault { fact, hint: None }),
    };
    if let Err(fault) = &outcome {
        tracing::warn!(name, %fault, "source not registered");
    }
    let secrets = source.secrets.iter().map(|(secret, place)| {
        let fault = source.secret(secret, &config.folder).and_then(Result::err);
        let fault = fault.map(|error| Fault { fact: error.to_string(), hint: error.hint() });
        (secret.clone(), place.to_string(), fault)
    });
    // There may be a signature in it.
    let location = flow_engine::shown_location(&location);
    SourceState { name: name.to_owned(), location, source: source.clone(), outcome, secrets: secrets.collect() }
}

fn open_source(
    engine: &Engine,
    config: &Config,
    name: &str,
    source: &Source,
    settings: SourceSettings,
) -> Result<Registered, Fault> {
    let location = config.location(source);
    let connector = source.connector.as_ref().map(|name| name.0.as_str());
    if let Some(needs) = flow_engine::server_needs(connector, &location) {
        return open_server(engine, config, name, source, settings, needs);
    }
    let is_remote = flow_engine::is_address(&location);
    let access = is_remote.then(|| source.access(&config.folder)).transpose();
    let access = access.map_err(|error| Fault { fact: error.to_string(), hint: error.hint() })?;
    let settings = SourceSettings { access: access.unwrap_or_default(), ..settings };
    let mut registered = engine
        .register_source_with(name, &location, &settings)
        .map_err(|error| Fault { fact: error.to_string(), hint: error.hint() })?;
    let of_servers = source.options().into_iter().map(|(key, _)| key).chain(source.user.as_ref().map(|_| "user"));
    let of_servers = of_servers.chain(source.ca_file.as_ref().map(|_| "ca_file"));
    registered.remarks.extend(of_servers.map(|key| format!("`{key}` has no effect: it is for servers of flows")));
    if !is_remote && (source.endpoint.is_some() || source.region.is_some() || source.allow_http) {
        let remark = "`endpoint`, `region` and `allow_http` have no effect: the files are on this machine";
        registered.remarks.push(remark.to_owned());
    }
    let unused = source.secrets.keys().filter(|name| !RemoteAccess::SECRETS.contains(&name.as_str()));
    if is_remote {
        registered.remarks.extend(unused.map(|name| {
            format!("the secret `{name}` has no effect: those of stores are {}", RemoteAccess::SECRETS.join(", "))
        }));
    }
    Ok(registered)
}

/// Opens what a server has. Keys that its connector does not know have no effect, and are told.
fn open_server(
    engine: &Engine,
    config: &Config,
    name: &str,
    source: &Source,
    settings: SourceSettings,
    needs: ServerNeeds,
) -> Result<Registered, Fault> {
    let server = source.server(needs, &config.folder);
    let server = server.map_err(|error| Fault { fact: error.to_string(), hint: error.hint() })?;
    let settings = SourceSettings { server, ..settings };
    let mut registered = engine
        .register_source_with(name, &source.location, &settings)
        .map_err(|error| Fault { fact: error.to_string(), hint: error.hint() })?;
    let odd_options = source.options().into_iter().map(|(key, _)| key).filter(|key| !needs.options.contains(key));
    let of_stores = [("endpoint", source.endpoint.is_some()), ("region", source.region.is_some())];
    let of_stores = of_stores.into_iter().filter(|(_, is_set)| *is_set).map(|(key, _)| key);
    let connector = needs.connector;
    registered.remarks.extend(
        odd_options
            .chain(of_stores)
            .map(|key| format!("`{key}` has no effect: the connector {connector} does not ask for it")),
    );
    let odd_secrets = source.secrets.keys().filter(|name| !needs.secrets.contains(&name.as_str()));
    registered.remarks.extend(odd_secrets.map(|name| {
        format!("the secret `{name}` has no effect: those of {connector} are {}", needs.secrets.join(", "))
    }));
    Ok(registered)
}

/// Whether an earlier source has this name, as SQL reads names.
fn is_second(config: &Config, name: &str) -> bool {
    config.sources.keys().take_while(|earlier| *earlier != name).any(|earlier| earlier.eq_ignore_ascii_case(name))
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
        let fault = source.outcome.as_ref().err()?;
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
