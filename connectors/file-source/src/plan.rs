//! How a scan is executed: which partition reads which pieces.
//!
//! A description only; the work is in `stream`.

use std::fmt;
use std::sync::Arc;

use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_common::{Result, internal_err};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion_physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion_physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion_physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

use crate::format::{Format, Scan};
use crate::pieces::Piece;
use crate::stream::start;

/// A scan of files of one format.
#[derive(Debug)]
pub(crate) struct FileExec {
    format: Arc<dyn Format>,
    scan: Arc<Scan>,
    /// One group per partition.
    groups: Vec<Vec<Piece>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl FileExec {
    pub(crate) fn new(format: Arc<dyn Format>, scan: Scan, groups: Vec<Vec<Piece>>) -> Self {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(scan.query_schema()),
            Partitioning::UnknownPartitioning(groups.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        let metrics = ExecutionPlanMetricsSet::new();
        scan.report.publish(&metrics);
        Self { format, scan: Arc::new(scan), groups, properties, metrics }
    }

    fn files_chosen(&self) -> usize {
        let mut files: Vec<usize> = self.groups.iter().flatten().map(|piece| piece.file).collect();
        files.sort_unstable();
        files.dedup();
        files.len()
    }
}

impl DisplayAs for FileExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.scan.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let (chosen, all) = (self.files_chosen(), self.format.files().len());
        write!(f, "FileExec: source={}, files={chosen} of {all}", self.format.name())?;
        write!(f, ", reads=[{}]", names.join(", "))?;
        match self.scan.limit {
            Some(limit) => write!(f, ", limit={limit}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for FileExec {
    fn name(&self) -> &str {
        "FileExec"
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
        if children.is_empty() { Ok(self) } else { internal_err!("FileExec has no children") }
    }

    // DataFusion 55 still requires the method that `replace_children` supersedes.
    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("FileExec has no children") }
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(pieces) = self.groups.get(partition) else {
            return internal_err!("FileExec has {} partitions, not {}", self.groups.len(), partition + 1);
        };
        let (format, scan) = (Arc::clone(&self.format), Arc::clone(&self.scan));
        Ok(start(format, scan, pieces.clone(), &self.metrics, partition))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
