//! A set of Zeek logs as a DataFusion table: schema and planning.
//!
//! Opening reads the first bytes of each file; `scan` reads nothing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_schema::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion_catalog::{Session, TableProvider};
use datafusion_common::Result;
use datafusion_expr::{Expr, TableType};
use datafusion_physical_plan::ExecutionPlan;
use flow_source::{QualityReport, SourceError, flow_schema};

use crate::decode::Wanted;
use crate::flows;
use crate::options::{COLUMNS_MAX, SEQUENTIAL_LIMIT_ROWS_MAX, ZeekOptions};
use crate::plan::ZeekExec;
use crate::sniff::{LogFile, examine, unite_columns};
use crate::stream::ScanJob;
use crate::types::Kind;

/// Which columns a table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Zeek's own.
    Native,
    /// The common flow schema.
    Flows,
}

/// One or more logs read as one table.
#[derive(Debug)]
pub(crate) struct ZeekTable {
    files: Arc<[LogFile]>,
    /// The logs' columns with the kinds they are decoded to.
    columns: Arc<[(String, Kind)]>,
    schema: SchemaRef,
    view: View,
    empty_files: Vec<PathBuf>,
    latest: Mutex<Option<Arc<QualityReport>>>,
}

impl ZeekTable {
    pub(crate) fn open(paths: Vec<PathBuf>, options: ZeekOptions, view: View) -> Result<Self, SourceError> {
        let mut files = Vec::new();
        let mut columns = Vec::new();
        let mut empty_files = Vec::new();
        for path in paths {
            let Some(file) = examine(&path, options)? else {
                empty_files.push(path);
                continue;
            };
            if view == View::Flows {
                flows::require_conn(&file)?;
            }
            unite_columns(&mut columns, &file.columns);
            check_width(&file, columns.len())?;
            files.push(file);
        }
        if files.is_empty() {
            return Err(nothing_to_read(empty_files));
        }
        let schema = match view {
            View::Native => native_schema(&columns),
            View::Flows => flow_schema(),
        };
        if view == View::Flows {
            flows::fix_kinds(&mut columns);
        }
        Ok(Self { files: files.into(), columns: columns.into(), schema, view, empty_files, latest: Mutex::new(None) })
    }

    pub(crate) fn latest_report(&self) -> Option<Arc<QualityReport>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn new_report(&self) -> Arc<QualityReport> {
        let report = Arc::new(QualityReport::default());
        report.expect_bytes(self.files.iter().map(|file| file.bytes).sum());
        for path in &self.empty_files {
            report.note(format!("`{}` is empty", path.display()));
        }
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&report));
        report
    }

    fn wanted(&self, schema: &Schema) -> Vec<Wanted> {
        match self.view {
            View::Native => schema.fields().iter().filter_map(|field| self.column(field.name())).collect(),
            View::Flows => flows::wanted(schema, &self.columns),
        }
    }

    fn column(&self, name: &str) -> Option<Wanted> {
        let (name, kind) = self.columns.iter().find(|(known, _)| known == name)?;
        Some(Wanted { name: name.clone(), kind: kind.clone() })
    }
}

#[async_trait]
impl TableProvider for ZeekTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(projection) => Arc::new(self.schema.project(projection)?),
            None => Arc::clone(&self.schema),
        };
        let partitions = match limit {
            Some(limit) if limit <= SEQUENTIAL_LIMIT_ROWS_MAX => 1,
            _ => state.config().target_partitions(),
        };
        let job = ScanJob {
            files: Arc::clone(&self.files),
            columns: Arc::clone(&self.columns),
            wanted: self.wanted(&schema),
            schema,
            view: self.view,
            limit,
            report: self.new_report(),
        };
        Ok(Arc::new(ZeekExec::new(job, share(&self.files, partitions))))
    }
}

fn native_schema(columns: &[(String, Kind)]) -> SchemaRef {
    let fields = columns.iter().map(|(name, kind)| Field::new(name, kind.data_type(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Files shared between at most `partitions` groups of about the same number of bytes, each in file order.
fn share(files: &[LogFile], partitions: usize) -> Vec<Vec<usize>> {
    let groups = partitions.clamp(1, files.len().max(1));
    let mut by_size: Vec<usize> = (0..files.len()).collect();
    by_size.sort_by_key(|&index| std::cmp::Reverse(files[index].bytes));
    let mut shares: Vec<(u64, Vec<usize>)> = vec![(0, Vec::new()); groups];
    for index in by_size {
        if let Some(smallest) = shares.iter_mut().min_by_key(|(bytes, files)| (*bytes, files.len())) {
            smallest.0 += files[index].bytes;
            smallest.1.push(index);
        }
    }
    let mut groups: Vec<Vec<usize>> =
        shares.into_iter().map(|(_, files)| files).filter(|files| !files.is_empty()).collect();
    groups.iter_mut().for_each(|files| files.sort_unstable());
    groups.sort_unstable();
    groups
}

fn check_width(file: &LogFile, columns: usize) -> Result<(), SourceError> {
    if columns <= COLUMNS_MAX {
        return Ok(());
    }
    Err(SourceError::UnexpectedContent {
        path: file.path.clone(),
        line: 1,
        found: format!("{columns} different columns in the files read so far"),
        expected: format!("at most {COLUMNS_MAX}"),
        hint: Some("Open logs of one kind at a time, e.g. `http.*.log`".into()),
    })
}

fn nothing_to_read(mut empty_files: Vec<PathBuf>) -> SourceError {
    match empty_files.pop() {
        None => SourceError::NoFile { pattern: String::new() },
        Some(path) => SourceError::UnexpectedContent {
            path,
            line: 1,
            found: "an empty file".into(),
            expected: "a Zeek log".into(),
            hint: Some("Zeek may not have written to it yet; a log without rows still has header lines".into()),
        },
    }
}
