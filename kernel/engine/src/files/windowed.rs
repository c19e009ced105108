//! Sets of files or objects of which a query reads those that its times need.
//!
//! Where names hold times, few of the set are looked into when it is opened: they tell what all are, and whether the flows
//! in them are of the times that their names say. The others are looked into, and objects fetched, when a query is planned
//! whose window they may be in. Only flows have columns that are known without looking into all; of tables with the files' own
//! columns all are opened, and those of the window are read (`native`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use file_source::{Span, TimeBounds, TimeColumns, left_out_by_names};

use super::name_time::NameTimes;
use super::opened::{Made, make};
use super::sniff::Wanted;
use super::{FileFault, identified};
use crate::flow_view;
use crate::notes::QueryNotes;
use crate::source::SourceSettings;
pub(super) use native::by_names;
use probe::{Probed, probe};
pub(super) use set::FileSet;

mod native;
mod probe;
mod set;

/// Tables of some of the files that are kept, for the queries that follow.
const TABLES_KEPT_MAX: usize = 8;

/// A set of one kind.
#[derive(Debug)]
pub(super) struct WindowedTable {
    set: FileSet,
    names: NameTimes,
    /// Within which the flows of each file are; `None` where its name does not say.
    spans: Vec<Option<Span>>,
    settings: SourceSettings,
    wanted: Wanted,
    /// The table of one of its files, made as those of any of them.
    pattern: Arc<dyn TableProvider>,
    format: &'static str,
    tables: Mutex<HashMap<Vec<usize>, Arc<dyn TableProvider>>>,
}

/// What was found out from some files.
pub(super) struct Windowed {
    pub(super) table: Arc<WindowedTable>,
    pub(super) format: &'static str,
    pub(super) remarks: Vec<String>,
}

impl WindowedTable {
    /// The table of a set; `None` where all its files must be looked into.
    pub(super) async fn over(
        state: &dyn Session,
        set: &FileSet,
        settings: &SourceSettings,
    ) -> DataFusionResult<Option<Windowed>> {
        let Some(names) = NameTimes::of(settings) else { return Ok(None) };
        let spans = set.spans(names);
        if spans.len() < 2 || spans.iter().all(Option::is_none) {
            return Ok(None);
        }
        let Probed::Right { made, format } = probe(state, set, &spans, settings).await? else { return Ok(None) };
        let table = WindowedTable {
            set: set.clone(),
            names,
            spans,
            settings: settings.clone(),
            wanted: Wanted::of(settings),
            pattern: made.table,
            format,
            tables: Mutex::default(),
        };
        Ok(Some(Windowed { table: Arc::new(table), format, remarks: made.remarks }))
    }

    /// The number of its files, their size, and when the latest was written.
    pub(super) fn size_and_age(&self) -> (usize, u64, Option<SystemTime>) {
        let (bytes, latest) = self.set.size_and_age();
        (self.spans.len(), bytes, latest)
    }

    /// The table of some of its files; `None` where nothing is in them.
    async fn table_of(
        &self,
        state: &dyn Session,
        chosen: Vec<usize>,
    ) -> DataFusionResult<Option<Arc<dyn TableProvider>>> {
        let known = self.tables.lock().unwrap_or_else(PoisonError::into_inner).get(&chosen).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let found = self.set.get(state, &chosen).await.map_err(FileFault::into_datafusion)?;
        let files = match identified(found, self.wanted, self.settings.strict) {
            Ok(files) => files,
            Err(FileFault::Empty { .. } | FileFault::NoMatch { .. }) => return Ok(None),
            Err(fault) => return Err(fault.into_datafusion()),
        };
        if files.format().name() != self.format {
            let path = files.first_path().display().to_string();
            let (wanted, found) = (self.format, files.format().name().to_owned());
            return Err(FileFault::OtherFormat { path, wanted, found }.into_datafusion());
        }
        let Made { table, is_flows, .. } = make(state, &files, &self.settings).await?;
        if !is_flows {
            return Err(flow_view::not_flows(&table.schema(), files.first_path()).into_datafusion());
        }
        if self.set.stays() {
            let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            if tables.len() >= TABLES_KEPT_MAX {
                tables.clear();
            }
            tables.insert(chosen, Arc::clone(&table));
        }
        Ok(Some(table))
    }

    fn is_usable(filter: &Expr) -> bool {
        !TimeBounds::of(std::slice::from_ref(filter), TimeColumns::FLOWS).is_none()
    }
}

#[async_trait]
impl TableProvider for WindowedTable {
    fn schema(&self) -> SchemaRef {
        self.pattern.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let support = self.pattern.supports_filters_pushdown(filters)?;
        let or_looked_at = |(filter, support): (&&Expr, TableProviderFilterPushDown)| match support {
            TableProviderFilterPushDown::Unsupported if Self::is_usable(filter) => TableProviderFilterPushDown::Inexact,
            support => support,
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
        let bounds = TimeBounds::of(filters, TimeColumns::FLOWS);
        let spans = self.spans.iter().enumerate();
        let chosen = spans.filter(|(_, span)| span.is_none_or(|span| bounds.allow(span))).map(|(place, _)| place);
        let chosen: Vec<usize> = chosen.collect();
        let (read, all) = (chosen.len(), self.spans.len());
        if read < all {
            let (what, margin) = (self.set.what(), self.names.margin_text());
            let note = left_out_by_names(read, all, what, &margin);
            QueryNotes::add(state, note.into());
        }
        let Some(table) = self.table_of(state, chosen).await? else {
            let schema = match projection {
                Some(projection) => Arc::new(self.schema().project(projection)?),
                None => self.schema(),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        };
        let support = table.supports_filters_pushdown(&filters.iter().collect::<Vec<_>>())?;
        let asked =
            filters.iter().zip(support).filter(|(_, support)| *support != TableProviderFilterPushDown::Unsupported);
        let asked: Vec<Expr> = asked.map(|(filter, _)| filter.clone()).collect();
        table.scan(state, projection, &asked, limit).await
    }
}
