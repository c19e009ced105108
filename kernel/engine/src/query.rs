//! One query: from its text to its rows, with limit, parameters, progress, cancellation and a bound on memory.
//!
//! Statements run one after the other on the engine's own threads. What the tables are is [`crate::engine`]'s
//! business, how rows look is [`crate::render`]'s.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Fields, Schema, SchemaRef};
use datafusion::common::{DataFusionError, ParamValues, Result as DataFusionResult, ScalarValue};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanVisitor, accept, execute_stream};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::Statement;
use flow_source::quality_of_plan;
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::executor::Executor;
use crate::files::remote::QueryWatch;
use crate::functions::{QueryCalls, QueryLookups, QueryParameters, bind_foreign, check_lookups};
use crate::ip;
use crate::keep::Keeper;
use crate::notes::{Note, QueryNotes};
use crate::parameter::Parameter;
use crate::repeated;
use crate::result::QueryResult;
use crate::statement;
use crate::stop::{StopFlag, make_stoppable};

/// Time between two reports of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Called from a thread of the engine, a few times per second and once at the end.
pub type ProgressCallback = Arc<dyn Fn(Progress) + Send + Sync>;

/// How far a query is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows that sources have given so far.
    pub rows_read: u64,
    /// Bytes that sources have read so far, as stored; 0 when they do not tell.
    pub bytes_read: u64,
    /// Bytes there are to read, as stored; 0 when unknown.
    pub bytes_total: u64,
    /// Lookups at services that are done.
    pub lookups_done: u64,
    /// Lookups that services are asked for, as far as is known.
    pub lookups_total: u64,
    /// Since the statement began to run.
    pub elapsed: Duration,
}

/// What a caller may set about a query.
#[derive(Clone)]
pub struct QueryOptions {
    /// Rows to bring at most. `None` and 0 mean all of them.
    pub limit: Option<usize>,
    /// Values of `$name`, without the dollar sign. More than the query needs may be given.
    pub params: Vec<(String, ScalarValue)>,
    /// Whether `COPY … TO`, `CREATE EXTERNAL TABLE`, `INSERT` may run: for texts their author wrote, not for texts
    /// put together from input.
    pub allow_writes: bool,
    /// Told how far the query is.
    pub progress: Option<ProgressCallback>,
}

impl Default for QueryOptions {
    fn default() -> Self {
        QueryOptions { limit: None, params: Vec::new(), allow_writes: true, progress: None }
    }
}

impl QueryOptions {
    /// The same options with a value for `$name`. The last value of a name counts.
    #[must_use]
    pub fn with_parameter(mut self, name: &str, value: Parameter) -> QueryOptions {
        let name = name.trim_start_matches('$');
        self.params.retain(|(known, _)| known != name);
        self.params.push((name.to_string(), value.into()));
        self
    }
}

impl fmt::Debug for QueryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be long or private; names are enough to follow what happened.
        let names: Vec<&str> = self.params.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("QueryOptions")
            .field("limit", &self.limit)
            .field("params", &names)
            .field("allow_writes", &self.allow_writes)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Runs the statements of `sql` in order; the result is that of the last one.
    ///
    /// Returns soon after `cancel` is cancelled, also while a thread computes; dropping the future stops the query
    /// the same way. Tables and views that earlier statements created stay.
    pub async fn query(
        &self,
        sql: &str,
        options: QueryOptions,
        cancel: CancellationToken,
    ) -> Result<QueryResult, EngineError> {
        let started = Instant::now();
        let (engine, sql, stop) = (self.clone(), sql.to_string(), StopFlag::default());
        let _stopper = stop.raise_on_drop();
        let work = async move { engine.run(&sql, &options, &stop).await.map_err(|fault| engine.explain(fault)) };
        let task = self.executor().spawn(work).map_err(no_threads)?;
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(EngineError::Cancelled { after: started.elapsed() }),
            outcome = task => match outcome {
                Ok(result) => result.map(|result| QueryResult { elapsed: started.elapsed(), ..result }),
                Err(fault) => Err(EngineError::internal(format!("the query's task failed: {fault}"))),
            },
        }
    }

    /// Runs a plan that our own code builds, not from text: all of its rows, on the engine's threads.
    pub(crate) async fn run_frame<F>(&self, build: F, cancel: CancellationToken) -> Result<QueryResult, EngineError>
    where
        F: FnOnce(&SessionContext) -> DataFusionResult<DataFrame> + Send + 'static,
    {
        let started = Instant::now();
        let (engine, stop) = (self.clone(), StopFlag::default());
        let _stopper = stop.raise_on_drop();
        let work = async move {
            let rows = Rows::Keep { limit: None };
            let outcome = match build(engine.context()) {
                Ok(frame) => engine.execute(frame, rows, &stop, None, Told::default()).await,
                Err(fault) => Err(fault.into()),
            };
            outcome.map_err(|fault| engine.explain(fault))
        };
        let task = self.executor().spawn(work).map_err(no_threads)?;
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(EngineError::Cancelled { after: started.elapsed() }),
            outcome = task => {
                outcome.map_err(|fault| EngineError::internal(format!("the task of a view failed: {fault}")))?
            }
        }
    }

    async fn run(&self, sql: &str, options: &QueryOptions, stop: &StopFlag) -> Result<QueryResult, Fault> {
        let mut last = None;
        let statements = statement::parse(self.context(), sql)?;
        let count = statements.len();
        for (index, statement) in statements.into_iter().enumerate() {
            let is_last = index + 1 == count;
            last = Some(self.run_statement(statement, options, stop, is_last).await?);
        }
        last.ok_or(Fault::Ours(EngineError::EmptyQuery))
    }

    async fn run_statement(
        &self,
        statement: Statement,
        options: &QueryOptions,
        stop: &StopFlag,
        is_last: bool,
    ) -> Result<QueryResult, Fault> {
        let mut state = self.context().state();
        state.config_mut().set_extension(Arc::new(QueryParameters(options.params.clone())));
        let watch = Arc::new(QueryWatch::new(stop.clone(), options.progress.clone()));
        state.config_mut().set_extension(Arc::clone(&watch));
        let notes = QueryNotes::default();
        state.config_mut().set_extension(Arc::new(notes.clone()));
        self.open_tables(&statement::tables_read(&state, &statement)?, &watch).await?;
        let repeated::Planned { plan, has_marks } = repeated::plan(&state, statement).await?;
        if let Some(what) = statement::write_in(&plan).filter(|_| !options.allow_writes) {
            return Err(Fault::Ours(EngineError::WriteRefused { what }));
        }
        let plan = bind(plan, &options.params)?;
        ip::notes_of_lists(&plan)?.into_iter().for_each(|note| notes.push(note.into()));
        check_lookups(&plan)?;
        let plan = bind_foreign(plan, &QueryCalls::new(stop.clone()))?;
        let limit = options.limit.filter(|limit| *limit > 0 && is_last);
        let takes_limit = statement::yields_rows(&plan);
        let defines = matches!(plan, LogicalPlan::Ddl(_));
        let (mut frame, told) = with_told(self.context().execute_logical_plan(plan).await?, notes, watch);
        if defines {
            self.refresh_views()?;
        }
        if let Some(limit) = limit.filter(|_| takes_limit) {
            // One more than wanted tells whether there are more.
            frame = frame.limit(0, Some(limit.saturating_add(1)))?;
        }
        let rows = if is_last { Rows::Keep { limit } } else { Rows::Discard };
        let result = self.execute(frame, rows, stop, options.progress.as_ref(), told).await?;
        Ok(if has_marks { repeated::shown(result) } else { result })
    }

    async fn execute(
        &self,
        frame: DataFrame,
        rows: Rows,
        stop: &StopFlag,
        progress: Option<&ProgressCallback>,
        told: Told,
    ) -> Result<QueryResult, Fault> {
        let Told { lookups, notes } = &told;
        let planned = Arc::clone(frame.schema().inner());
        let task_context = Arc::new(frame.task_ctx());
        let plan = make_stoppable(frame.create_physical_plan().await?, stop)?;
        let schema = result_schema(&planned, &plan.schema());
        let mut stream = execute_stream(Arc::clone(&plan), Arc::clone(&task_context))?;
        let reporter = progress.map(|callback| report(self.executor(), &plan, callback, lookups)).transpose();
        let reporter = reporter.map_err(no_threads).map_err(Fault::Ours)?;
        let reservation = MemoryConsumer::new("result").register(task_context.memory_pool());
        let mut collected = Collected::new(rows, Keeper::new(self.keep_limits(), reservation));
        while let Some(batch) = stream.next().await {
            collected.push(batch?)?;
            if collected.truncated {
                break;
            }
        }
        drop(reporter);
        if let Some(callback) = progress {
            callback(Progress { elapsed: collected.started.elapsed(), ..progress_of(&plan, lookups) });
        }
        let notes = notes.with_those_of(plan.as_ref()).into_iter().map(|note| self.with_addresses(note));
        Ok(collected.into_result(schema, notes.collect())?)
    }
}

/// What becomes known of a query beside its rows.
#[derive(Default)]
struct Told {
    lookups: QueryLookups,
    notes: QueryNotes,
}

/// The same query with counts of its own for what it looks up at services, with its notes, and with what watches it while
/// it is planned.
fn with_told(frame: DataFrame, notes: QueryNotes, watch: Arc<QueryWatch>) -> (DataFrame, Told) {
    let lookups = QueryLookups::default();
    let (mut state, plan) = frame.into_parts();
    state.config_mut().set_extension(Arc::new(notes.clone()));
    state.config_mut().options_mut().extensions.insert(lookups.clone());
    state.config_mut().set_extension(watch);
    (DataFrame::new(state, plan), Told { lookups, notes })
}

/// Ours as it is, DataFusion's still to be explained.
enum Fault {
    Ours(EngineError),
    DataFusion(DataFusionError),
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Fault {
        Fault::Ours(error)
    }
}

impl From<DataFusionError> for Fault {
    fn from(error: DataFusionError) -> Fault {
        Fault::DataFusion(error)
    }
}

impl Engine {
    /// The note with addresses in the place of paths to what was fetched.
    fn with_addresses(&self, note: Note) -> Note {
        note.map(|text| self.remote().with_addresses(text))
    }

    fn explain(&self, fault: Fault) -> EngineError {
        match fault {
            Fault::Ours(error) => error,
            Fault::DataFusion(error) => self.explain_datafusion(&error),
        }
    }
}

fn no_threads(reason: std::io::Error) -> EngineError {
    EngineError::internal(format!("the threads for queries could not be started: {reason}"))
}

/// Puts values in the place of `$name`. Values are never text of the query.
fn bind(plan: LogicalPlan, params: &[(String, ScalarValue)]) -> Result<LogicalPlan, Fault> {
    let needed = plan.get_parameter_names()?;
    if needed.is_empty() {
        return Ok(plan);
    }
    let is_given = |name: &str| params.iter().any(|(given, _)| given == name);
    let mut missing: Vec<String> =
        needed.iter().map(|name| name.trim_start_matches('$').to_string()).filter(|name| !is_given(name)).collect();
    if !missing.is_empty() {
        missing.sort();
        let given = params.iter().map(|(name, _)| name.clone()).collect();
        return Err(Fault::Ours(EngineError::MissingParameter { missing, given }));
    }
    Ok(plan.with_param_values(ParamValues::from(params.to_vec()))?)
}

/// What to do with the rows of a statement.
#[derive(Clone, Copy)]
enum Rows {
    Keep { limit: Option<usize> },
    Discard,
}

struct Collected {
    rows: Rows,
    keeper: Keeper,
    row_count: usize,
    truncated: bool,
    started: Instant,
}

impl Collected {
    fn new(rows: Rows, keeper: Keeper) -> Collected {
        Collected { rows, keeper, row_count: 0, truncated: false, started: Instant::now() }
    }

    /// Keeps what the limit allows.
    fn push(&mut self, batch: RecordBatch) -> Result<(), EngineError> {
        let Rows::Keep { limit } = self.rows else { return Ok(()) };
        let room = limit.map_or(usize::MAX, |limit| limit - self.row_count);
        self.truncated = batch.num_rows() > room;
        let kept = if self.truncated { batch.slice(0, room) } else { batch };
        if kept.num_rows() == 0 {
            return Ok(());
        }
        self.row_count += kept.num_rows();
        self.keeper.push(kept)
    }

    fn into_result(self, schema: SchemaRef, notes: Vec<Note>) -> Result<QueryResult, EngineError> {
        let (batches, kept) = self.keeper.finish()?;
        let labelled = batches.into_iter().map(|batch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let columns = batch.columns().to_vec();
            RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options).unwrap_or(batch)
        });
        let batches = labelled.collect();
        let (row_count, truncated, elapsed) = (self.row_count, self.truncated, self.started.elapsed());
        Ok(QueryResult { schema, batches, row_count, truncated, elapsed, notes, _kept: kept })
    }
}

/// The columns under the names of the query, with the types and labels that come out: both may become known only
/// when types are united.
fn result_schema(planned: &SchemaRef, running: &SchemaRef) -> SchemaRef {
    if planned.fields().len() != running.fields().len() {
        return Arc::clone(planned);
    }
    let fields = planned.fields().iter().zip(running.fields());
    let fields =
        fields.map(|(planned, running)| running.as_ref().clone().with_name(planned.name()).with_nullable(true));
    Arc::new(Schema::new_with_metadata(fields.collect::<Fields>(), planned.metadata().clone()))
}

fn report(
    executor: &Executor,
    plan: &Arc<dyn ExecutionPlan>,
    callback: &ProgressCallback,
    lookups: &QueryLookups,
) -> std::io::Result<crate::executor::Task<()>> {
    let (plan, callback, lookups) = (Arc::clone(plan), Arc::clone(callback), lookups.clone());
    let started = Instant::now();
    executor.spawn(async move {
        loop {
            tokio::time::sleep(PROGRESS_INTERVAL).await;
            callback(Progress { elapsed: started.elapsed(), ..progress_of(&plan, &lookups) });
        }
    })
}

fn progress_of(plan: &Arc<dyn ExecutionPlan>, lookups: &QueryLookups) -> Progress {
    let (lookups_total, lookups_done) = lookups.0.counts();
    let mut progress = Progress { lookups_done, lookups_total, ..Progress::default() };
    let _: DataFusionResult<()> = accept(plan.as_ref(), &mut SourceCounts(&mut progress));
    for quality in quality_of_plan(plan.as_ref()) {
        progress.bytes_read += quality.bytes_read();
        progress.bytes_total += quality.bytes_total();
    }
    progress
}

/// Adds up what the leaves of a plan have read.
struct SourceCounts<'a>(&'a mut Progress);

impl ExecutionPlanVisitor for SourceCounts<'_> {
    type Error = DataFusionError;

    fn pre_visit(&mut self, plan: &dyn ExecutionPlan) -> Result<bool, Self::Error> {
        if !plan.children().is_empty() {
            return Ok(true);
        }
        if let Some(metrics) = plan.metrics() {
            self.0.rows_read += metrics.output_rows().unwrap_or(0) as u64;
            self.0.bytes_read += metrics.sum_by_name("bytes_scanned").map_or(0, |bytes| bytes.as_usize() as u64);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10^11 pairs: minutes of computing.
    const HEAVY: &str = "SELECT count(*) FROM range(1, 100000) a CROSS JOIN range(1, 1000000) b";
    /// The same with a condition that is never true: nothing comes out on which DataFusion could yield.
    const SILENT: &str =
        "SELECT count(*) FROM range(1, 100000) a CROSS JOIN range(1, 1000000) b WHERE a.value * b.value = -7";
    /// What an analyst feels as at once.
    const PROMPT: Duration = Duration::from_millis(50);
    /// A debug build on a busy machine yields less often.
    const STOPPED_MAX: Duration = Duration::from_secs(5);

    async fn assert_threads_become_idle(engine: &Engine) {
        let waiting = Instant::now();
        while engine.executor().alive_tasks() > 0 {
            assert!(waiting.elapsed() < STOPPED_MAX, "{} tasks still run", engine.executor().alive_tasks());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn cancelling_returns_at_once_and_stops_the_work() {
        for sql in [HEAVY, SILENT] {
            let engine = Engine::new().expect("an engine");
            let cancel = CancellationToken::new();
            let (runner, token) = (engine.clone(), cancel.clone());
            let query = tokio::spawn(async move { runner.query(sql, QueryOptions::default(), token).await });
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert!(!query.is_finished(), "the query is heavy enough: {sql}");
            let asked = Instant::now();
            cancel.cancel();
            let outcome = query.await.expect("no panic");
            assert!(asked.elapsed() < PROMPT, "{:?}", asked.elapsed());
            assert!(matches!(outcome, Err(EngineError::Cancelled { .. })), "{outcome:?}");
            assert_threads_become_idle(&engine).await;
        }
    }

    #[tokio::test]
    async fn dropping_the_future_stops_the_work() {
        for sql in [HEAVY, SILENT] {
            let engine = Engine::new().expect("an engine");
            let query = engine.query(sql, QueryOptions::default(), CancellationToken::new());
            let outcome = tokio::time::timeout(Duration::from_millis(300), query).await;
            assert!(outcome.is_err(), "the query is heavy enough: {sql}");
            assert_threads_become_idle(&engine).await;
        }
    }

    #[tokio::test]
    async fn the_last_handle_may_go_while_a_query_runs() {
        let engine = Engine::new().expect("an engine");
        let query =
            tokio::spawn(
                async move { engine.query("SELECT 1", QueryOptions::default(), CancellationToken::new()).await },
            );
        assert!(query.await.expect("no panic").is_ok());
    }
}
