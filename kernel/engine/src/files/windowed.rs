//! Objects of a store that are fetched as a whole, of which a query gets those that its times need.
//!
//! Where the names of objects hold times, one of them tells what they are; the others are fetched when a query is planned
//! whose window they may be in, and then kept. Only for flows, whose columns are known without looking at all objects.

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
use file_source::{Span, TimeBounds, TimeColumns};
use flow_source::quality_of_plan;
use object_store::ObjectMeta;
use object_store::path::Path as Key;

use super::opened::{Made, make};
use super::paths::Found;
use super::remote::{Listing, span_of_name};
use super::sniff::Wanted;
use super::{FileFault, identified, remote_of};
use crate::source::SourceSettings;

/// By how much flows may lie outside of the time that a name says: it may be of any zone, and flows are written when they
/// end, or later.
const MARGIN_NANOS: i64 = 24 * 3600 * 1_000_000_000;

/// Objects of one kind.
#[derive(Debug)]
pub(super) struct WindowedTable {
    listing: Listing,
    /// Within which the flows of each object are; `None` where its name does not say.
    spans: Vec<Option<Span>>,
    settings: SourceSettings,
    wanted: Wanted,
    schema: SchemaRef,
    format: &'static str,
    fetched: Mutex<HashMap<Key, Found>>,
}

/// What was found out from one object.
pub(super) struct Windowed {
    pub(super) table: Arc<WindowedTable>,
    pub(super) format: &'static str,
    pub(super) remarks: Vec<String>,
}

impl WindowedTable {
    /// The table of a listing; `None` where all its objects must be looked at.
    pub(super) async fn over(
        state: &dyn Session,
        listing: &Listing,
        settings: &SourceSettings,
    ) -> DataFusionResult<Option<Windowed>> {
        let spans: Vec<Option<Span>> =
            listing.objects.iter().map(|object| span_of_name(object.location.as_ref()).map(widened)).collect();
        if listing.objects.len() < 2 || spans.iter().all(Option::is_none) {
            return Ok(None);
        }
        let first = std::slice::from_ref(&listing.objects[0]);
        let found = remote_of(state).fetch_listed(state, listing, first).await.map_err(FileFault::into_datafusion)?;
        if found.iter().any(|found| found.in_store.is_some()) {
            return Ok(None);
        }
        let wanted = Wanted::of(settings);
        let files = match identified(found.clone(), wanted, settings.strict) {
            Ok(files) => files,
            // Another one may tell more; then all are looked at.
            Err(fault) if !settings.strict || matches!(fault, FileFault::Empty { .. }) => return Ok(None),
            Err(fault) => return Err(fault.into_datafusion()),
        };
        let Made { table, remarks, is_flows } = make(state, &files, settings).await?;
        if !is_flows {
            return Ok(None);
        }
        let format = files.format().name();
        let fetched = first.iter().map(|object| object.location.clone()).zip(found).collect();
        let table = WindowedTable {
            listing: listing.clone(),
            spans,
            settings: settings.clone(),
            wanted,
            schema: table.schema(),
            format,
            fetched: Mutex::new(fetched),
        };
        Ok(Some(Windowed { table: Arc::new(table), format, remarks }))
    }

    /// The number of its objects, their size, and when the latest was written.
    pub(super) fn size_and_age(&self) -> (usize, u64, Option<SystemTime>) {
        let objects = &self.listing.objects;
        let latest = objects.iter().map(|object| object.last_modified).max();
        (objects.len(), objects.iter().map(|object| object.size).sum(), latest.map(SystemTime::from))
    }

    /// The objects that may have flows within the bounds, on disk.
    async fn fetch(&self, state: &dyn Session, bounds: TimeBounds) -> Result<Vec<Found>, FileFault> {
        let objects = self.listing.objects.iter().zip(&self.spans);
        let chosen = objects.filter(|(_, span)| span.is_none_or(|span| bounds.allow(span))).map(|(object, _)| object);
        let chosen: Vec<&ObjectMeta> = chosen.collect();
        let missing: Vec<ObjectMeta> = {
            let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
            let is_there =
                |object: &ObjectMeta| fetched.get(&object.location).is_some_and(|found| found.path.is_file());
            chosen.iter().filter(|object| !is_there(object)).map(|object| (*object).clone()).collect()
        };
        let new = remote_of(state).fetch_listed(state, &self.listing, &missing).await?;
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        fetched.extend(missing.into_iter().map(|object| object.location).zip(new));
        Ok(chosen.iter().filter_map(|object| fetched.get(&object.location).cloned()).collect())
    }
}

fn widened(span: Span) -> Span {
    // The end of a day is the beginning of the next.
    Span { from: span.from.saturating_sub(MARGIN_NANOS), to: span.to.saturating_add(MARGIN_NANOS - 1) }
}

#[async_trait]
impl TableProvider for WindowedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let is_usable = |filter: &Expr| !TimeBounds::of(std::slice::from_ref(filter), TimeColumns::FLOWS).is_none();
        let support = |filter: &&Expr| match is_usable(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let bounds = TimeBounds::of(filters, TimeColumns::FLOWS);
        let found = self.fetch(state, bounds).await.map_err(FileFault::into_datafusion)?;
        let (read, all) = (found.len(), self.listing.objects.len());
        let files = match identified(found, self.wanted, self.settings.strict) {
            Ok(files) => files,
            Err(FileFault::Empty { .. } | FileFault::NoMatch { .. }) => {
                let schema = match projection {
                    Some(projection) => Arc::new(self.schema.project(projection)?),
                    None => self.schema(),
                };
                return Ok(Arc::new(EmptyExec::new(schema)));
            }
            Err(fault) => return Err(fault.into_datafusion()),
        };
        if files.format().name() != self.format {
            let shown = files.first_path().display().to_string();
            let (wanted, found) = (self.format, files.format().name().to_owned());
            return Err(FileFault::OtherFormat { path: shown, wanted, found }.into_datafusion());
        }
        let plan = make(state, &files, &self.settings).await?.table.scan(state, projection, filters, limit).await?;
        if let Some(report) = quality_of_plan(plan.as_ref()).first().filter(|_| read < all) {
            report.note(format!(
                "{read} of {all} objects were read: by their names the others are more than a day outside of the time asked for"
            ));
        }
        Ok(plan)
    }
}
