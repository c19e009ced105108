//! Flows of any source into a store: sorted by time, with spilling, all files appear at once.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::common::{DataFusionError, Result as DataFusionResult, ScalarValue};
use datafusion::functions::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, lit};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{DataFrame, SessionContext, col};
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::writer::{StoreWriter, TIME_COLUMNS};
use super::{FlowStore, StoreError};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::{self, Shape};
use crate::flow_view;
use crate::notes::{Note, QueryNotes};

/// Which flows are imported: by start, or where that is not known by when they were received. Without bounds all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportWindow {
    /// From then on.
    pub from: Option<DateTime<Utc>>,
    /// Until then, not included.
    pub to: Option<DateTime<Utc>>,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Flows written.
    pub rows: u64,
    /// Files that they are in.
    pub files: usize,
    /// What is to be known of the data, such as rows that the source rejected.
    pub notes: Vec<Note>,
}

impl ImportWindow {
    fn filter(self) -> Option<Expr> {
        let time = |time: DateTime<Utc>| {
            let nanos = time.timestamp_nanos_opt();
            nanos.map(|nanos| lit(ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into()))))
        };
        // Two comparisons of the column itself, so that sources can choose files by them.
        let within = |column: Expr| {
            let from = self.from.and_then(time).map(|from| column.clone().gt_eq(from));
            let to = self.to.and_then(time).map(|to| column.clone().lt(to));
            [from, to].into_iter().flatten().reduce(Expr::and)
        };
        let [start, received, end] = TIME_COLUMNS.map(col);
        let known = within(start.clone())?;
        let unknown = within(coalesce(vec![received, end]))?;
        Some(known.or(start.is_null().and(unknown)))
    }
}

impl Engine {
    /// Imports the flows of `source` (the name of a table, or a path or pattern) into a store.
    ///
    /// # Errors
    /// When the source cannot be read or the store not be written; then the store is as it was. Cancelled likewise.
    pub async fn import(
        &self,
        source: &str,
        window: ImportWindow,
        store: &FlowStore,
        cancel: CancellationToken,
    ) -> Result<Imported, StoreError> {
        self.open_source(source, &cancel).await?;
        let (engine, source, writer) = (self.clone(), source.to_owned(), store.writer());
        let work = async move {
            let notes = QueryNotes::default();
            let flows = engine.flows_of(&source, &notes).await?;
            let flows = match window.filter() {
                Some(filter) => flows.filter(filter)?,
                None => flows,
            };
            engine.write_sorted(flows, writer, &notes).await
        };
        let started = std::time::Instant::now();
        let (writer, notes) = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(EngineError::Cancelled { after: started.elapsed() }.into()),
            written = self.on_query_threads(work) => written?,
        };
        let rows = writer.rows();
        Ok(Imported { rows, files: writer.commit_whole()?, notes })
    }

    async fn flows_of(&self, source: &str, notes: &QueryNotes) -> DataFusionResult<DataFrame> {
        let mut state = self.context().state();
        state.config_mut().set_extension(Arc::new(notes.clone()));
        let context = SessionContext::new_with_state(state);
        if context.table_exist(source).unwrap_or(false) {
            let table = context.table_provider(source).await?;
            let table = flow_view::under_flow_schema(&context.state(), table, std::path::Path::new(source), None)?;
            return context.read_table(table);
        }
        let table = files::open(&context.state(), source, Shape::Flows).await?;
        context.read_table(table)
    }

    async fn write_sorted(
        &self,
        flows: DataFrame,
        mut writer: StoreWriter,
        notes: &QueryNotes,
    ) -> DataFusionResult<(StoreWriter, Vec<Note>)> {
        let time = coalesce(TIME_COLUMNS.iter().map(|name| col(*name)).collect());
        let sorted = flows.sort(vec![time.sort(true, false)])?;
        let task_context = Arc::new(sorted.task_ctx());
        let plan = sorted.create_physical_plan().await?;
        let mut rows = execute_stream(Arc::clone(&plan), task_context)?;
        while let Some(batch) = rows.next().await {
            writer.write(&batch?).map_err(|error| DataFusionError::External(Box::new(error)))?;
        }
        let known = |text| self.remote().with_addresses(text);
        let notes = notes.with_those_of(plan.as_ref()).into_iter().map(|note| note.map(known)).collect();
        Ok((writer, notes))
    }

    /// Runs on the threads for queries, and words what goes wrong.
    pub(super) async fn on_query_threads<T: Send + 'static>(
        &self,
        work: impl Future<Output = DataFusionResult<T>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let task = self.executor().spawn(work).map_err(|error| EngineError::internal(error.to_string()))?;
        match task.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.explain_datafusion(&error).into()),
            Err(error) => Err(EngineError::internal(format!("the task failed: {error}")).into()),
        }
    }
}
