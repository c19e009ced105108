//! Files without a connector whose rows may have no time: rows that no window of time can find are told.
//!
//! Parquet says in its metadata how many there are; of everything else they are counted while it is read.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result as DataFusionResult, Statistics, internal_err};
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

use crate::notes::QueryNotes;

/// Tells of rows without time whenever a query asks for a window of it.
#[derive(Debug)]
pub(super) struct TimedTable {
    table: Arc<dyn TableProvider>,
    times: TimeColumns,
    /// Whether the metadata of its files counts the rows that have no value in a column.
    is_counted: bool,
}

impl TimedTable {
    /// The table itself where it has no times of flows.
    pub(super) fn over(table: Arc<dyn TableProvider>, is_counted: bool) -> Arc<dyn TableProvider> {
        let times = TimeColumns::of(&table.schema());
        if times == TimeColumns::default() { table } else { Arc::new(Self { table, times, is_counted }) }
    }

    fn bounds(&self, filters: &[Expr]) -> TimeBounds {
        TimeBounds::of(filters, self.times)
    }

    /// The filters that the table below asked for.
    fn for_table(&self, filters: &[Expr]) -> DataFusionResult<Vec<Expr>> {
        let support = self.table.supports_filters_pushdown(&filters.iter().collect::<Vec<_>>())?;
        let asked =
            filters.iter().zip(support).filter(|(_, support)| *support != TableProviderFilterPushDown::Unsupported);
        Ok(asked.map(|(filter, _)| filter.clone()).collect())
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
            let is_looked_at = support == TableProviderFilterPushDown::Unsupported
                && !self.bounds(std::slice::from_ref(*filter)).is_none();
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
        let plan = self.table.scan(state, projection, &self.for_table(filters)?, limit).await?;
        let bounds = self.bounds(filters);
        if bounds.is_none() {
            return Ok(plan);
        }
        if self.is_counted {
            self.tell_counted(state, plan.as_ref(), bounds)?;
            return Ok(plan);
        }
        Ok(match Timeless::of(&plan.schema(), self.times, bounds) {
            Some(timeless) => Arc::new(CountExec::new(plan, timeless)),
            None => plan,
        })
    }

    fn statistics(&self) -> Option<Statistics> {
        self.table.statistics()
    }
}

/// Counts the rows without time that pass through.
#[derive(Debug)]
struct CountExec {
    input: Arc<dyn ExecutionPlan>,
    timeless: Timeless,
    report: Arc<QualityReport>,
    metrics: ExecutionPlanMetricsSet,
}

impl CountExec {
    fn new(input: Arc<dyn ExecutionPlan>, timeless: Timeless) -> Self {
        let (report, metrics) = (Arc::new(QualityReport::default()), ExecutionPlanMetricsSet::new());
        report.publish(&metrics);
        Self { input, timeless, report, metrics }
    }
}

impl DisplayAs for CountExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CountExec: rows without time")
    }
}

impl ExecutionPlan for CountExec {
    fn name(&self) -> &'static str {
        "CountExec"
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
            (Some(input), true) => Ok(Arc::new(Self::new(input, self.timeless))),
            _ => internal_err!("CountExec has one child"),
        }
    }

    // DataFusion 55 still requires the method that `replace_children` supersedes.
    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input, self.timeless))),
            _ => internal_err!("CountExec has one child"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DataFusionResult<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, context)?;
        let (timeless, report) = (self.timeless, Arc::clone(&self.report));
        let looked_at = rows.inspect_ok(move |batch| timeless.look_at(batch, &report));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.input.schema(), looked_at)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
