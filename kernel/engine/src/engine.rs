//! The engine: one DataFusion `SessionContext` with our settings, functions and tables.
//!
//! Cheap to create and to clone; all clones share the tables. Running a query is in [`crate::query`].

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::{DataFusionError, Result as DataFusionResult, ScalarValue, internal_datafusion_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::optimizer::AnalyzerRule;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::FutureExt;

use crate::cooperation::YieldWhereRowsMultiply;
use crate::durations::{self, CompareDurations};
use crate::error::{self, EngineError};
use crate::executor::Executor;
use crate::files::FileFault;
use crate::files::remote::{Remote, RemoteAccess};
use crate::functions::{self, EnrichmentOptions, LookupFiles};
use crate::integers::CheckIntegers;
use crate::ip::IpFunctions;
use crate::keep::KeepLimits;
use crate::result::QueryResult;
use crate::source::{NamedSources, SourceSchema, SourceSettings};
use crate::{ip, memory, names, standard_views};

/// Consumers of memory named in the log when there is too little.
const CONSUMERS_LOGGED: std::num::NonZeroUsize = std::num::NonZeroUsize::new(5).expect("five is not zero");

/// What an engine is made with.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// Memory that queries may hold together before they spill or stop; `None` means `FLOWDECK_MEMORY_LIMIT`, else
    /// 60 % of what the machine or container has.
    pub memory_limit_bytes: Option<u64>,
    /// Where sorts, joins and results put what does not fit; `None` means the system's temporary folder.
    pub spill_folder: Option<PathBuf>,
    /// Memory that results may keep together, beyond which they go to disk; `None` means a quarter of the queries'.
    pub result_memory_bytes: Option<u64>,
    /// What results may take on disk together; `None` means `FLOWDECK_RESULT_LIMIT`, else 32 GiB.
    pub result_disk_bytes: Option<u64>,
    /// Threads for queries; `None` means one per core.
    pub thread_count: Option<usize>,
    /// Files that SQL functions look things up in. Read when a function first asks for them.
    pub lookup_files: LookupFiles,
    /// One's own networks as `ip_in` reads them; `None` means those that are private.
    pub internal_networks: Option<String>,
    /// Whether addresses in queries may be of plain HTTP on other machines.
    pub allow_http: bool,
    /// Services that functions ask; `None` asks nobody.
    pub enrichment: Option<EnrichmentOptions>,
}

/// Which columns the table of a source gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourceKind {
    /// The common flow schema.
    Flows,
    /// The file's own columns.
    Log,
    /// The common flow schema where the file maps to it, else its own columns.
    #[default]
    Auto,
}

/// SQL over flows. Clones share their tables.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

/// An engine that does not live because of this.
#[derive(Debug, Clone)]
pub(crate) struct WeakEngine(Weak<Inner>);

impl WeakEngine {
    pub(crate) fn upgrade(&self) -> Option<Engine> {
        self.0.upgrade().map(Engine)
    }
}

#[derive(Debug)]
struct Inner {
    context: ContextOf,
    executor: Executor,
    memory_limit_bytes: u64,
    keep: Arc<KeepLimits>,
    remote: Arc<Remote>,
    sources: Arc<NamedSources>,
}

/// `SessionContext` has no `Debug` worth printing.
struct ContextOf(SessionContext);

impl std::fmt::Debug for ContextOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionContext")
    }
}

impl Engine {
    /// An engine with defaults. Starts no thread and opens no file but those that tell the memory's size.
    pub fn new() -> Result<Engine, EngineError> {
        Engine::with_options(EngineOptions::default())
    }

    /// An engine made to measure.
    pub fn with_options(options: EngineOptions) -> Result<Engine, EngineError> {
        let memory_limit_bytes = memory_limit(&options)?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let thread_count = options.thread_count.unwrap_or(cores).max(1);
        let pool_bytes = usize::try_from(memory_limit_bytes).unwrap_or(usize::MAX);
        let pool = TrackConsumersPool::new(FairSpillPool::new(pool_bytes), CONSUMERS_LOGGED);
        let disk_bytes_max = match options.result_disk_bytes {
            Some(bytes) => bytes,
            None => limit_of(memory::RESULT_LIMIT_VARIABLE)?.unwrap_or(memory::RESULT_BYTES_DEFAULT),
        };
        let kept_bytes_max = options.result_memory_bytes.unwrap_or(memory_limit_bytes / memory::RESULT_MEMORY_SHARE);
        let keep = Arc::new(KeepLimits::new(kept_bytes_max, disk_bytes_max, options.spill_folder.clone()));
        let remote = Arc::new(Remote::new(options.allow_http, options.spill_folder.clone()));
        let sources = Arc::new(NamedSources::default());
        let mut runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool));
        if let Some(folder) = options.spill_folder {
            runtime = runtime.with_temp_file_path(folder);
        }
        let runtime = runtime.build_arc().map_err(|fault| EngineError::internal(fault.to_string()))?;
        let state = SessionStateBuilder::new()
            .with_config(
                settings(thread_count).with_extension(Arc::clone(&remote)).with_extension(Arc::clone(&sources)),
            )
            .with_runtime_env(runtime)
            .with_default_features()
            .with_physical_optimizer_rule(Arc::new(YieldWhereRowsMultiply))
            .with_type_planner(Arc::new(ip::IpTypeNames))
            .build();
        let context = SessionContext::new_with_state(state);
        list_sources(&context, &sources).map_err(|fault| EngineError::internal(fault.to_string()))?;
        let setup = functions::Setup::new(options.lookup_files)
            .with_lookups(options.enrichment)
            .with_internal_networks(options.internal_networks.as_deref())
            .map_err(|fault| EngineError::internal(format!("internal networks: {fault}")))?;
        let functions = functions::register(&context, setup);
        let context = with_addresses(&context, functions).map_err(|fault| EngineError::internal(fault.to_string()))?;
        let executor = Executor::new(thread_count);
        let context = ContextOf(context);
        let engine = Engine(Arc::new(Inner { context, executor, memory_limit_bytes, keep, remote, sources }));
        engine.sources().belong_to(WeakEngine(Arc::downgrade(&engine.0)));
        Ok(engine)
    }

    /// Makes the files behind `path_or_glob` a table. Replaces a table of that name. Returns the name under which
    /// SQL finds it: names are folded to lower case.
    pub fn register_source(&self, name: &str, path_or_glob: &str, kind: SourceKind) -> Result<String, EngineError> {
        let access = RemoteAccess { allow_http: self.remote().allow_http, ..RemoteAccess::default() };
        let settings = SourceSettings { kind, access, ..SourceSettings::default() };
        Ok(self.register_source_with(name, path_or_glob, &settings)?.table)
    }

    /// Makes a result a table. Replaces a table of that name; repeated column names are numbered. Returns the name
    /// under which SQL finds it.
    pub fn register_result(&self, name: &str, result: &QueryResult) -> Result<String, EngineError> {
        let name = checked_name(name)?;
        let result = result.with_distinct_names()?;
        // One partition per thread, so that later queries on the result use all of them.
        let mut partitions = vec![Vec::new(); self.0.executor.thread_count()];
        let partition_count = partitions.len();
        for (index, batch) in result.batches.into_iter().enumerate() {
            partitions[index % partition_count].push(batch);
        }
        let table = MemTable::try_new(result.schema, partitions).map_err(|fault| self.explain_datafusion(&fault))?;
        self.replace_table(&name, Arc::new(table))?;
        Ok(name)
    }

    /// Makes a connector's table known to SQL. Replaces a table of that name.
    pub fn register_table(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<String, EngineError> {
        let name = checked_name(name)?;
        self.replace_table(&name, table)?;
        Ok(name)
    }

    /// Forgets a table; says whether there was one.
    pub fn deregister(&self, name: &str) -> bool {
        let folded = name.to_ascii_lowercase();
        self.sources().remove(&folded);
        let was_there = self.context().deregister_table(folded).is_ok_and(|table| table.is_some());
        // Without a table there are no views, so nothing can fail.
        let _ = self.refresh_views();
        was_there
    }

    /// Makes `flows_ecs` and `flows_zeek` views of what `flows` is now.
    pub(crate) fn refresh_views(&self) -> DataFusionResult<()> {
        let context = self.context();
        let table = |name: &str| context.table_provider(name).now_or_never().and_then(Result::ok);
        let views = standard_views::over(&context.state(), table(standard_views::FLOWS))?;
        for view in standard_views::VIEWS {
            let (known, wanted) = (table(view.name), views.get(view.name));
            if known.as_ref().is_some_and(|known| !standard_views::is_ours(known.as_ref())) {
                continue;
            }
            context.deregister_table(view.name)?;
            if let Some(wanted) = wanted {
                context.register_table(view.name, Arc::clone(wanted))?;
            }
        }
        Ok(())
    }

    /// The tables and views, sorted.
    pub fn table_names(&self) -> Vec<String> {
        let settings = self.context().copied_config();
        let catalog = &settings.options().catalog;
        let schema = self.context().catalog(&catalog.default_catalog).and_then(|it| it.schema(&catalog.default_schema));
        let mut names = schema.map(|schema| schema.table_names()).unwrap_or_default();
        names.sort();
        names
    }

    /// Names and types of a table's columns; empty when there is no such table.
    pub fn columns(&self, table: &str) -> Vec<(String, String)> {
        // Tables of ours are in memory, so the answer is there at once; waiting would not be allowed here.
        let provider = self.context().table_provider(table).now_or_never();
        let Some(Ok(provider)) = provider else { return Vec::new() };
        let schema = provider.schema();
        schema.fields().iter().map(|field| (field.name().clone(), field_type_text(field))).collect()
    }

    /// The functions of SQL, sorted: scalar, aggregate, window and table functions.
    pub fn function_names(&self) -> Vec<String> {
        let state = self.context().state_ref();
        let state = state.read();
        let mut names: Vec<String> = state
            .scalar_functions()
            .keys()
            .chain(state.aggregate_functions().keys())
            .chain(state.window_functions().keys())
            .chain(state.table_functions().keys())
            .chain(state.higher_order_functions().keys())
            .cloned()
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The `SessionContext`, for what belongs to the engine but lives elsewhere: a connector that registers more
    /// than a table, a test that looks at a plan.
    pub fn context(&self) -> &SessionContext {
        &self.0.context.0
    }

    pub(crate) fn keep_limits(&self) -> &Arc<KeepLimits> {
        &self.0.keep
    }

    /// Removes the copies of objects that were fetched from the network. For the end of a process whose engine is never
    /// dropped; queries that still read them fail.
    pub fn remove_fetched(&self) {
        self.0.remote.remove_fetched();
    }

    pub(crate) fn remote(&self) -> &Remote {
        &self.0.remote
    }

    pub(crate) fn sources(&self) -> &NamedSources {
        &self.0.sources
    }

    pub(crate) fn executor(&self) -> &Executor {
        &self.0.executor
    }

    pub(crate) fn explain_datafusion(&self, fault: &DataFusionError) -> EngineError {
        let known = error::Known {
            tables: self.table_names(),
            functions: self.function_names(),
            memory_limit_bytes: self.0.memory_limit_bytes,
        };
        match error::translate(fault, &known) {
            EngineError::Source { text, hint, log } => EngineError::Source {
                text: self.remote().with_addresses(text),
                hint: hint.map(|hint| self.remote().with_addresses(hint)),
                log,
            },
            EngineError::Execution { text, log } => {
                EngineError::Execution { text: self.remote().with_addresses(text), log }
            }
            EngineError::File(FileFault::Unreadable { path, reason }) => {
                EngineError::File(FileFault::Unreadable { path, reason: self.remote().with_addresses(reason) })
            }
            other => other,
        }
    }

    pub(crate) fn replace_table(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<(), EngineError> {
        let context = self.context();
        let replaced = context.deregister_table(name).and_then(|_| context.register_table(name, table));
        let refreshed =
            replaced.and_then(|_| if name == standard_views::FLOWS { self.refresh_views() } else { Ok(()) });
        refreshed.map_err(|fault| self.explain_datafusion(&fault))
    }
}

/// Has the names of sources that are not open listed beside tables.
fn list_sources(context: &SessionContext, sources: &Arc<NamedSources>) -> DataFusionResult<()> {
    let settings = context.copied_config();
    let names = &settings.options().catalog;
    let catalog = context.catalog(&names.default_catalog);
    let catalog = catalog.ok_or_else(|| internal_datafusion_err!("there is no catalog of tables"))?;
    catalog.register_schema(&names.default_schema, Arc::new(SourceSchema::new(Arc::clone(sources)))).map(drop)
}

/// The same with what SQL must know of addresses.
fn with_addresses(context: &SessionContext, functions: IpFunctions) -> DataFusionResult<SessionContext> {
    let functions = Arc::new(functions);
    let mut state = context.state();
    state.extension_type_registry().add_extension_type_registration(ip::registration())?;
    state.register_expr_planner(Arc::new(ip::IpPlanner(Arc::clone(&functions))))?;
    let resolve: Arc<dyn AnalyzerRule + Send + Sync> = Arc::new(ip::ResolveAddresses(functions));
    // Before DataFusion's own rules: these refuse what is not resolved.
    let compare: Arc<dyn AnalyzerRule + Send + Sync> = Arc::new(CompareDurations);
    let check: Arc<dyn AnalyzerRule + Send + Sync> = Arc::new(CheckIntegers);
    let rules = [resolve, compare, check].into_iter().chain(state.analyzer().rules.iter().cloned()).collect();
    let state = SessionStateBuilder::new_from_existing(state).with_analyzer_rules(rules).build();
    let context = SessionContext::new_with_state(state);
    ip::register_text_functions(&context);
    let numbers = context.udf("abs")?;
    context.register_udf(durations::abs(numbers));
    Ok(context)
}

/// Up to this size one side of a join is put into one hash table that all threads look into; beyond, both sides are divided
/// among the threads first. DataFusion's own limit is 1 MiB. A list of a million domains is 22 MiB, and its join with ten
/// million flows takes 13 % less time when the flows need not be divided.
const JOINED_WHOLE_BYTES_MAX: usize = 128 << 20;
/// The same in rows, which one thread puts into the table.
const JOINED_WHOLE_ROWS_MAX: usize = 2_000_000;

fn settings(thread_count: usize) -> SessionConfig {
    let utc = ScalarValue::Utf8(Some("UTC".into()));
    let mut config = SessionConfig::new()
        .with_information_schema(true)
        .with_target_partitions(thread_count)
        .set("datafusion.execution.time_zone", &utc);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = true;
    // Errors then tell line and column.
    options.sql_parser.collect_spans = true;
    options.optimizer.hash_join_single_partition_threshold = JOINED_WHOLE_BYTES_MAX;
    options.optimizer.hash_join_single_partition_threshold_rows = JOINED_WHOLE_ROWS_MAX;
    config
}

fn memory_limit(options: &EngineOptions) -> Result<u64, EngineError> {
    if let Some(bytes) = options.memory_limit_bytes {
        return Ok(bytes);
    }
    Ok(limit_of(memory::MEMORY_LIMIT_VARIABLE)?.unwrap_or_else(memory::default_limit_bytes))
}

/// An amount that the environment sets.
fn limit_of(variable: &'static str) -> Result<Option<u64>, EngineError> {
    match std::env::var(variable) {
        Ok(text) if !text.trim().is_empty() => match memory::parse_limit(&text) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(EngineError::MemoryLimitText { variable, text }),
        },
        _ => Ok(None),
    }
}

pub(crate) fn checked_name(name: &str) -> Result<String, EngineError> {
    names::table_name(name).map_err(|reason| EngineError::TableName {
        name: crate::render::visible(name),
        reason,
        suggestion: names::suggested_table_name(name),
    })
}

/// The type of a column as analysts read it.
pub(crate) fn field_type_text(field: &arrow::datatypes::Field) -> String {
    if flow_source::is_ip_field(field) { "ip address".into() } else { type_text(field.data_type()) }
}

/// A type as analysts read it. Arrow's own spelling of timestamps and views is for programmers.
pub(crate) fn type_text(data_type: &arrow::datatypes::DataType) -> String {
    use arrow::datatypes::DataType;
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".into(),
        DataType::FixedSizeBinary(size) => format!("binary({size})"),
        DataType::Timestamp(_, Some(zone)) => format!("timestamp {zone}"),
        DataType::Timestamp(_, None) => "timestamp without zone".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            format!("list of {}", type_text(item.data_type()))
        }
        DataType::Dictionary(_, values) => type_text(values),
        other => other.to_string(),
    }
}
