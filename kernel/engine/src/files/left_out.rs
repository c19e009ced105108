//! Sets of files of which some are not read: the others are a table, and each query of it says what is missing.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{ScanArgs, ScanResult, Session, TableProvider};
use datafusion::common::{Result as DataFusionResult, Statistics};
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use flow_source::SourceError;
use std::borrow::Cow;

use crate::notes::{Note, QueryNotes, of_files_left_out};

/// What is known of the files of a set that give no rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeftOut {
    /// Why files cannot be read, in sentences that name them.
    pub(crate) unreadable: Vec<String>,
    /// Files without a byte, as people know them.
    pub(crate) empty: Vec<String>,
    /// Why folders cannot be listed, in sentences that name them.
    pub(crate) folders: Vec<String>,
}

impl LeftOut {
    fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        if !self.unreadable.is_empty() {
            notes.push(of_files_left_out(self.unreadable.len() as u64, &self.unreadable));
        }
        match self.folders.as_slice() {
            [] => {}
            [only] => notes.push(format!("1 folder is not read: {only}").into()),
            [first, ..] => notes.push(format!("{} folders are not read; first: {first}", self.folders.len()).into()),
        }
        match self.empty.as_slice() {
            [] => {}
            [only] => notes.push(format!("`{only}` is empty").into()),
            [first, ..] => notes.push(format!("{} files are empty; first: `{first}`", self.empty.len()).into()),
        }
        notes
    }

    /// The table, which tells with each query what is left out of it.
    pub(crate) fn told_by(&self, table: Arc<dyn TableProvider>) -> Arc<dyn TableProvider> {
        let notes = self.notes();
        if notes.is_empty() { table } else { Arc::new(Incomplete { table, notes }) }
    }
}

/// Opens files together; where that fails because of some of them, the others, and adds why to `unreadable`.
pub(crate) fn open_readable(
    paths: Vec<PathBuf>,
    unreadable: &mut Vec<String>,
    open: impl Fn(Vec<PathBuf>) -> Result<Arc<dyn TableProvider>, SourceError>,
) -> Result<Arc<dyn TableProvider>, SourceError> {
    let fault = match open(paths.clone()) {
        Ok(table) => return Ok(table),
        Err(fault) if paths.len() == 1 => return Err(fault),
        Err(fault) => fault,
    };
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for path in paths {
        match open(vec![path.clone()]) {
            Ok(_) => good.push(path),
            Err(fault) => bad.push(fault.to_string()),
        }
    }
    if good.is_empty() || bad.is_empty() {
        return Err(fault);
    }
    unreadable.append(&mut bad);
    open(good)
}

/// A table that tells what is left out of it whenever it is read.
#[derive(Debug)]
struct Incomplete {
    table: Arc<dyn TableProvider>,
    notes: Vec<Note>,
}

impl Incomplete {
    fn tell(&self, state: &dyn Session) {
        self.notes.iter().for_each(|note| QueryNotes::add(state, note.clone()));
    }
}

#[async_trait]
impl TableProvider for Incomplete {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    // A view would be put in the place of the table before it is read; the notes are told below it then.
    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        None
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        self.tell(state);
        self.table.scan(state, projection, filters, limit).await
    }

    async fn scan_with_args<'a>(&self, state: &dyn Session, args: ScanArgs<'a>) -> DataFusionResult<ScanResult> {
        self.tell(state);
        self.table.scan_with_args(state, args).await
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        self.table.supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.table.statistics()
    }
}
