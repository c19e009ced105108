//! How a scan of a server is executed. A description only; the work is in [`crate::stream`].

use std::fmt;
use std::sync::Arc;

use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_common::{Result, internal_err};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion_physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion_physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion_physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

use crate::predicate::Predicate;
use crate::source::RemoteSource;
use crate::stream::{Scan, start};

/// A question to one server.
#[derive(Debug)]
pub(crate) struct RemoteExec {
    source: Arc<dyn RemoteSource>,
    scan: Arc<Scan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RemoteExec {
    pub(crate) fn new(source: Arc<dyn RemoteSource>, scan: Scan) -> Self {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&scan.schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        let metrics = ExecutionPlanMetricsSet::new();
        scan.report.publish(&metrics);
        Self { source, scan: Arc::new(scan), properties, metrics }
    }
}

impl DisplayAs for RemoteExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = &self.scan.request;
        write!(f, "RemoteExec: source={}, asks=[{}]", self.source.name(), request.columns.join(", "))?;
        if !request.predicate.is_always() {
            write!(f, ", where={}", Said(&request.predicate))?;
        }
        match request.limit {
            Some(limit) => write!(f, ", limit={limit}"),
            None => Ok(()),
        }
    }
}

/// A condition for who reads a plan: which columns the server looks at.
struct Said<'a>(&'a Predicate);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Predicate], word: &str| {
            f.write_str("(")?;
            for (at, part) in parts.iter().enumerate() {
                write!(f, "{}{}", if at > 0 { word } else { "" }, Said(part))?;
            }
            f.write_str(")")
        };
        match self.0 {
            Predicate::All(parts) => joined(f, parts, " and "),
            Predicate::Any(parts) => joined(f, parts, " or "),
            Predicate::Within { column, ranges } => write!(f, "{column} in {} ranges", ranges.iter().len()),
            Predicate::Addresses { column, ranges } => write!(f, "{column} in {} ranges", ranges.iter().len()),
            Predicate::OneOf { column, texts } => write!(f, "{column} one of {} texts", texts.len()),
            Predicate::Missing { column } => write!(f, "no {column}"),
        }
    }
}

impl ExecutionPlan for RemoteExec {
    fn name(&self) -> &str {
        "RemoteExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("RemoteExec has no children") }
    }

    // DataFusion 55 still requires the method that `replace_children` supersedes.
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("RemoteExec has no children") }
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("RemoteExec has one partition, not {}", partition + 1);
        }
        Ok(start(Arc::clone(&self.source), Arc::clone(&self.scan), &self.metrics))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
