//! A source at a server as a DataFusion table: planning.
//!
//! `scan` asks nobody: it remembers columns, conditions and limit.

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion_catalog::{Session, TableProvider};
use datafusion_common::Result;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion_physical_plan::ExecutionPlan;
use flow_source::{QualityReport, flow_schema};

use crate::plan::RemoteExec;
use crate::predicate::{Predicate, Support};
use crate::rows::{COMPLETED, Recipe};
use crate::source::{RemoteSource, Request};
use crate::stream::Scan;
use crate::translate::{Knows, Translated, translate};

/// The ranges of addresses for which a function of SQL is true, the function's first argument being the address; `None`
/// for functions that test something else. False for no address.
pub type RangesOf = fn(&ScalarFunction) -> Option<Vec<(u128, u128)>>;

/// A source at a server as one table of flows.
#[derive(Debug)]
pub struct RemoteTable {
    source: Arc<dyn RemoteSource>,
    ranges_of: RangesOf,
    is_strict: bool,
    schema: SchemaRef,
}

impl RemoteTable {
    /// The table of a source. `ranges_of` knows the engine's functions about addresses; with `is_strict` a read fails at
    /// the first value that cannot be read.
    pub fn new(source: Arc<dyn RemoteSource>, ranges_of: RangesOf, is_strict: bool) -> Self {
        Self { source, ranges_of, is_strict, schema: flow_schema() }
    }

    fn translate(&self, filter: &Expr) -> Option<Translated> {
        let has = |name: &str| self.source.columns().iter().any(|column| column.name == name);
        let names_follow_numbers = has("protocol") && !has("protocol_name");
        translate(filter, &Knows { schema: &self.schema, ranges_of: self.ranges_of, names_follow_numbers })
    }

    fn support_of(&self, part: &Predicate) -> Support {
        let column = match part {
            Predicate::Within { column, .. }
            | Predicate::Addresses { column, .. }
            | Predicate::OneOf { column, .. }
            | Predicate::Missing { column } => column,
            Predicate::All(_) | Predicate::Any(_) => return Support::Exact,
        };
        if COMPLETED.contains(&column.as_str()) {
            return Support::No;
        }
        let is_known = self.source.columns().iter().any(|known| known.name == *column);
        if is_known { self.source.support(part) } else { Support::No }
    }

    fn support(&self, filter: &Expr) -> Support {
        match self.translate(filter) {
            None => Support::No,
            Some(found) => {
                let support = found.predicate.support(&|part| self.support_of(part));
                if found.is_whole { support } else { support.min(Support::Inexact) }
            }
        }
    }

    fn predicate(&self, filters: &[Expr]) -> Predicate {
        let said = filters.iter().filter_map(|filter| self.translate(filter));
        let all = Predicate::all(said.map(|found| found.predicate));
        all.answerable(&|part| self.support_of(part)).unwrap_or_else(Predicate::always)
    }
}

#[async_trait]
impl TableProvider for RemoteTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match self.support(filter) {
            Support::No => TableProviderFilterPushDown::Unsupported,
            Support::Inexact => TableProviderFilterPushDown::Inexact,
            Support::Exact => TableProviderFilterPushDown::Exact,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema: SchemaRef = match projection {
            Some(projection) => Arc::new(Schema::project(&self.schema, projection)?),
            None => Arc::clone(&self.schema),
        };
        let recipe = Recipe::new(self.source.as_ref(), Arc::clone(&schema));
        let request = Request { columns: recipe.columns.clone(), predicate: self.predicate(filters), limit };
        let report = Arc::new(QualityReport::default());
        let scan = Scan { recipe, request, report, schema, is_strict: self.is_strict };
        Ok(Arc::new(RemoteExec::new(Arc::clone(&self.source), scan)))
    }
}
