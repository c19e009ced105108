//! A set of files as a DataFusion table: planning.
//!
//! `scan` reads nothing: it remembers columns, time window and limit, and chooses files.

use std::any::Any;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_schema::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion_catalog::{Session, TableProvider};
use datafusion_common::Result;
use datafusion_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion_physical_plan::ExecutionPlan;
use flow_source::QualityReport;

use crate::format::{Format, Scan};
use crate::pieces::share;
use crate::plan::FileExec;
use crate::timeless::{RECEIVED, Timeless};
use crate::times::{Span, TimeBounds, TimeColumns, is_usable};

/// Up to this limit one partition reads the files in order, so that `LIMIT 10` opens one file and gives its first rows.
const SEQUENTIAL_LIMIT_ROWS_MAX: usize = 100_000;

/// What names of files say of a column of times.
#[derive(Debug)]
pub struct NamedTimes {
    /// The column.
    pub column: &'static str,
    /// Within which its values are in each file; files that are not there say nothing.
    pub spans: HashMap<PathBuf, Span>,
    /// How far the spans go beyond what is written, for people.
    pub margin: String,
}

impl NamedTimes {
    fn columns(&self) -> TimeColumns {
        TimeColumns { start: Some(self.column), end: None }
    }
}

/// What is said where files are left out by their names.
pub fn left_out_by_names(read: usize, all: usize, what: &str, margin: &str) -> String {
    format!(
        "{read} of {all} {what} were read: by their names the others are more than {margin} outside of the time asked for"
    )
}

/// Opened files of one format, read as one table.
#[derive(Debug)]
pub struct FileTable {
    format: Arc<dyn Format>,
    is_strict: bool,
    named: Option<Arc<NamedTimes>>,
    latest: Mutex<Option<Arc<QualityReport>>>,
}

impl FileTable {
    /// The table of a format.
    pub fn new(format: impl Format) -> Self {
        Self { format: Arc::new(format), is_strict: false, named: None, latest: Mutex::new(None) }
    }

    /// The same files as a table whose reads fail at the first row that is left out.
    pub fn strict(&self) -> Self {
        Self { is_strict: true, ..self.again() }
    }

    /// The same files as a table that leaves out those whose names say other times than a query asks for.
    pub fn with_names(&self, named: NamedTimes) -> Self {
        Self { named: Some(Arc::new(named)), ..self.again() }
    }

    fn again(&self) -> Self {
        let (format, named) = (Arc::clone(&self.format), self.named.clone());
        Self { format, is_strict: self.is_strict, named, latest: Mutex::new(None) }
    }

    /// The report of the latest scan; `None` before the first.
    pub fn latest_report(&self) -> Option<Arc<QualityReport>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Files that may hold rows within the bounds.
    fn chosen(&self, times: TimeBounds) -> Vec<usize> {
        let files = self.format.files().iter().enumerate();
        files.filter(|(_, file)| file.span.is_none_or(|span| times.allow(span))).map(|(place, _)| place).collect()
    }

    /// Of these files those whose names do not speak against it.
    fn chosen_by_names(&self, files: Vec<usize>, filters: &[Expr]) -> (Vec<usize>, Option<String>) {
        let Some(named) = &self.named else { return (files, None) };
        let bounds = TimeBounds::of(filters, named.columns());
        let may_be = |file: &usize| {
            let span = named.spans.get(&self.format.files()[*file].path);
            span.is_none_or(|span| bounds.allow(*span))
        };
        let all = files.len();
        let files: Vec<usize> = files.into_iter().filter(may_be).collect();
        let note = (files.len() < all).then(|| left_out_by_names(files.len(), all, "files", &named.margin));
        (files, note)
    }

    /// With the column that tells of when flows without times are, where times are asked for.
    fn with_received(&self, schema: SchemaRef, times: TimeBounds) -> SchemaRef {
        let all = self.format.schema();
        let is_there =
            Timeless::of(&schema, self.format.time_columns(), times).is_none() || schema.index_of(RECEIVED).is_ok();
        let Ok(received) = all.index_of(RECEIVED) else { return schema };
        if is_there {
            return schema;
        }
        let fields: Vec<_> = schema.fields().iter().cloned().chain([Arc::clone(&all.fields()[received])]).collect();
        Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
    }

    fn new_report(&self, files: &[usize]) -> Arc<QualityReport> {
        let report = Arc::new(QualityReport::default());
        report.expect_bytes(files.iter().map(|&file| self.format.files()[file].bytes).sum());
        self.format.remark(&report);
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&report));
        report
    }
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        self.format.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let columns = self.format.time_columns();
        let by_name = |filter: &Expr| self.named.as_ref().is_some_and(|named| is_usable(filter, named.columns()));
        let support = |filter: &&Expr| match is_usable(filter, columns) || by_name(filter) {
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
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(projection) => Arc::new(self.format.schema().project(projection)?),
            None => self.format.schema(),
        };
        let partitions = match limit {
            Some(limit) if limit <= SEQUENTIAL_LIMIT_ROWS_MAX => 1,
            _ => state.config().target_partitions(),
        };
        let times = TimeBounds::of(filters, self.format.time_columns());
        let (files, note) = self.chosen_by_names(self.chosen(times), filters);
        let columns = schema.fields().len();
        let schema = self.with_received(schema, times);
        let scan = Scan { schema, columns, limit, times, report: self.new_report(&files), is_strict: self.is_strict };
        note.into_iter().for_each(|note| scan.report.note(note));
        let groups = share(self.format.files(), &files, partitions);
        Ok(Arc::new(FileExec::new(Arc::clone(&self.format), scan, groups)))
    }
}

/// A table of files whose reads fail at the first row that is left out; `None` for tables of other kinds.
pub fn strict(table: &dyn TableProvider) -> Option<FileTable> {
    (table as &dyn Any).downcast_ref::<FileTable>().map(FileTable::strict)
}

/// The report of a table's latest scan; `None` for tables of other kinds and before the first scan.
pub fn quality(table: &dyn TableProvider) -> Option<Arc<QualityReport>> {
    (table as &dyn Any).downcast_ref::<FileTable>()?.latest_report()
}
