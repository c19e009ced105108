//! Files without a connector whose rows may have no time: rows that no window of time can find are told, and a time of
//! zero, which stands for none, is NULL where rows are flows.
//!
//! Parquet says in its metadata how many rows have none and which time is the first; of everything else rows are looked at
//! while they are read.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result as DataFusionResult, ScalarValue, Statistics, internal_err};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::ReplaceChildrenOptions;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};
use file_source::{Span, TimeBounds, TimeColumns, Timeless};
use flow_source::QualityReport;
use futures::TryStreamExt;

use super::zeros;
use crate::notes::QueryNotes;

/// What a table holds whose rows may have no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holding {
    /// Rows of any kind.
    Rows,
    /// The same in files whose metadata tells of their times.
    CountedRows,
    /// Flows: zero is no time.
    Flows,
    /// The same in files whose metadata tells of their times.
    CountedFlows,
    /// Flows whose times are made of other columns, zero being none: no condition on them means anything below.
    Made,
}

/// Tells of rows without time whenever a query asks for a window of it.
#[derive(Debug)]
pub(super) struct TimedTable {
    table: Arc<dyn TableProvider>,
    times: TimeColumns,
    holding: Holding,
}

impl TimedTable {
    /// The table itself where it has no times of flows.
    pub(super) fn over(table: Arc<dyn TableProvider>, holding: Holding) -> Arc<dyn TableProvider> {
        let times = TimeColumns::of(&table.schema());
        if times == TimeColumns::default() { table } else { Arc::new(Self { table, times, holding }) }
    }

    fn bounds(&self, filters: &[Expr]) -> TimeBounds {
        TimeBounds::of(filters, self.times)
    }

    fn is_about_times(&self, filter: &Expr) -> bool {
        let is_time = |name: &str| [self.times.start, self.times.end].contains(&Some(name));
        filter.column_refs().iter().any(|column| is_time(column.name()))
    }

    /// The filters that the table below asked for.
    fn for_table(&self, filters: &[Expr]) -> DataFusionResult<Vec<Expr>> {
        let support = self.table.supports_filters_pushdown(&filters.iter().collect::<Vec<_>>())?;
        let asked =
            filters.iter().zip(support).filter(|(_, support)| *support != TableProviderFilterPushDown::Unsupported);
        Ok(asked.map(|(filter, _)| filter.clone()).collect())
    }

    /// The same without those about times: rows without one are to be seen.
    fn for_table_without_times(&self, filters: &[Expr]) -> DataFusionResult<Vec<Expr>> {
        let others: Vec<Expr> = filters.iter().filter(|filter| !self.is_about_times(filter)).cloned().collect();
        self.for_table(&others)
    }

    /// Whether a plan may give times of zero. Files whose metadata says nothing of their times are believed to have none.
    fn may_give_zeros(&self, plan: &dyn ExecutionPlan) -> DataFusionResult<bool> {
        match self.holding {
            Holding::Rows | Holding::CountedRows | Holding::Made => return Ok(false),
            Holding::Flows => return Ok(true),
            Holding::CountedFlows => {}
        }
        let statistics = StatisticsContext::new().compute(plan, &StatisticsArgs::new())?;
        Ok(times_in(plan, self.times).into_iter().any(|place| {
            let first = statistics.column_statistics.get(place).and_then(|column| column.min_value.get_value());
            first.is_some_and(is_at_the_epoch)
        }))
    }

    /// Tells what the metadata of the files of a plan says.
    fn tell_counted(&self, state: &dyn Session, plan: &dyn ExecutionPlan, bounds: TimeBounds) -> DataFusionResult<()> {
        let statistics = StatisticsContext::new().compute(plan, &StatisticsArgs::new())?;
        let report = QualityReport::default();
        for (column, bound) in [(self.times.start, bounds.start), (self.times.end, bounds.end)] {
            let Some(name) = column.filter(|_| bound != Span::ALL) else { continue };
            let Ok(place) = plan.schema().index_of(name) else { continue };
            let missing = statistics.column_statistics.get(place).map(|column| column.null_count);
            if let Some(Precision::Exact(rows)) = missing {
                report.add_timeless(name, rows as u64, None);
                if rows > 0 && bound == bounds.start {
                    // Who has no start mostly has no end: that is not told twice.
                    break;
                }
            }
        }
        report.notes().into_iter().for_each(|note| QueryNotes::add(state, note.into()));
        Ok(())
    }
}

/// Where the times of flows are in what a plan gives.
fn times_in(plan: &dyn ExecutionPlan, times: TimeColumns) -> Vec<usize> {
    let place = |name: Option<&str>| plan.schema().index_of(name?).ok();
    [times.start, times.end].into_iter().filter_map(place).collect()
}

/// Whether the first of some times is so early that zero may be among them.
fn is_at_the_epoch(first: &ScalarValue) -> bool {
    const DAY_NS: i64 = 24 * 60 * 60 * 1_000_000_000;
    let DataType::Timestamp(_, zone) = first.data_type() else { return false };
    let nanos = first.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, zone));
    matches!(nanos, Ok(ScalarValue::TimestampNanosecond(Some(nanos), _)) if nanos < DAY_NS)
}

#[async_trait]
impl TableProvider for TimedTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let support = self.table.supports_filters_pushdown(filters)?;
        let or_looked_at = |(filter, support): (&&Expr, TableProviderFilterPushDown)| {
            let is_looked_at = match support {
                TableProviderFilterPushDown::Unsupported => !self.bounds(std::slice::from_ref(*filter)).is_none(),
                // Not by what is below alone, where a time may be zero.
                _ => self.is_about_times(filter),
            };
            if is_looked_at { TableProviderFilterPushDown::Inexact } else { support }
        };
        Ok(filters.iter().zip(support).map(or_looked_at).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let bounds = self.bounds(filters);
        let is_made = self.holding == Holding::Made;
        let asked = if is_made { self.for_table_without_times(filters)? } else { self.for_table(filters)? };
        let mut plan = self.table.scan(state, projection, &asked, limit).await?;
        let gives_zeros = self.may_give_zeros(plan.as_ref())?;
        if gives_zeros {
            plan = self.table.scan(state, projection, &self.for_table_without_times(filters)?, limit).await?;
        } else if matches!(self.holding, Holding::CountedRows | Holding::CountedFlows) {
            if !bounds.is_none() {
                self.tell_counted(state, plan.as_ref(), bounds)?;
            }
            return Ok(plan);
        }
        let zeros = if gives_zeros { times_in(plan.as_ref(), self.times) } else { Vec::new() };
        let timeless = Timeless::of(&plan.schema(), self.times, bounds);
        Ok(match zeros.is_empty() && timeless.is_none() {
            true => plan,
            false => Arc::new(TimesExec::new(plan, zeros, timeless)),
        })
    }

    fn statistics(&self) -> Option<Statistics> {
        // Of a view there are none, and of others the first time may be zero.
        self.table.statistics().filter(|_| matches!(self.holding, Holding::Rows | Holding::CountedRows))
    }
}

/// Makes times of zero NULL and counts the rows without time that pass through.
#[derive(Debug)]
struct TimesExec {
    input: Arc<dyn ExecutionPlan>,
    zeros: Vec<usize>,
    timeless: Option<Timeless>,
    report: Arc<QualityReport>,
    metrics: ExecutionPlanMetricsSet,
}

impl TimesExec {
    fn new(input: Arc<dyn ExecutionPlan>, zeros: Vec<usize>, timeless: Option<Timeless>) -> Self {
        let (report, metrics) = (Arc::new(QualityReport::default()), ExecutionPlanMetricsSet::new());
        report.publish(&metrics);
        Self { input, zeros, timeless, report, metrics }
    }
}

/// A batch with NULL for times of zero.
fn without_zeros(batch: RecordBatch, places: &[usize]) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let mut columns = batch.columns().to_vec();
    for place in places {
        columns[*place] = zeros::as_missing(&columns[*place])?;
    }
    if columns.iter().zip(batch.columns()).all(|(new, old)| Arc::ptr_eq(new, old)) {
        return Ok(batch);
    }
    RecordBatch::try_new(schema, columns)
}

impl DisplayAs for TimesExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TimesExec: rows without time")
    }
}

impl ExecutionPlan for TimesExec {
    fn name(&self) -> &'static str {
        "TimesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input, self.zeros.clone(), self.timeless))),
            _ => internal_err!("TimesExec has one child"),
        }
    }

    // DataFusion 55 still requires the method that `replace_children` supersedes.
    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input, self.zeros.clone(), self.timeless))),
            _ => internal_err!("TimesExec has one child"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DataFusionResult<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, context)?;
        let (zeros, timeless, report) = (self.zeros.clone(), self.timeless, Arc::clone(&self.report));
        let looked_at = rows.and_then(move |batch| {
            let batch = without_zeros(batch, &zeros).map_err(Into::into);
            if let (Some(timeless), Ok(batch)) = (timeless, &batch) {
                timeless.look_at(batch, &report);
            }
            std::future::ready(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.input.schema(), looked_at)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
