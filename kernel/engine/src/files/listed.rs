//! Files as a table for which each query gets the files that its conditions on folders leave.
//!
//! Rows are read by DataFusion (Parquet, Arrow) or by `plain`. DataFusion's own table of files asks for all of them at once, and
//! keeps each open until it has all: of a few thousand that is more than a process may have. It also wants all files below one
//! folder whose folders are named in one order. Here they are asked for some at a time, and each has its own values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result as DataFusionResult, Statistics};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::{ListingTable, ListingTableConfig, ListingTableUrl, PartitionedFile};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::object_store::path::Path as Key;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use file_source::FileTable;

use super::folder_columns::FolderColumns;
use super::labels::IgnoreMetadata;
use super::listing::{options_of, url_of};
use super::paths::Found;
use super::plain::{PlainFiles, Writing};

/// Files that DataFusion is asked about, and holds open, at once.
const LISTED_AT_ONCE: usize = 64;

/// What reads the rows of files.
#[derive(Debug)]
pub(super) enum RowReader {
    /// DataFusion.
    Listing(Arc<dyn FileFormat>),
    /// Row by row.
    Plain { writing: Writing, is_strict: bool },
}

/// Files of one kind, with the columns of their folders.
#[derive(Debug)]
pub(super) struct ListedTable {
    files: Vec<Found>,
    folders: Option<FolderColumns>,
    reader: RowReader,
    /// Columns of the rows.
    rows: SchemaRef,
    schema: SchemaRef,
}

/// What DataFusion knows of some files before it reads their rows.
struct Listed {
    files: Vec<PartitionedFile>,
    statistics: Vec<Statistics>,
    /// Rows, where all files say how many they have.
    row_count: Option<usize>,
}

impl ListedTable {
    pub(super) fn new(
        files: Vec<Found>,
        folders: Option<FolderColumns>,
        reader: RowReader,
        rows: SchemaRef,
    ) -> ListedTable {
        let schema = folders.as_ref().map_or_else(|| Arc::clone(&rows), |folders| folders.behind(&rows));
        ListedTable { files, folders, reader, rows, schema }
    }

    fn listing(&self, reader: &Arc<dyn FileFormat>, urls: Vec<ListingTableUrl>) -> DataFusionResult<ListingTable> {
        let config = ListingTableConfig::new_with_multi_paths(urls)
            .with_listing_options(options_of(Arc::clone(reader)))
            .with_schema(Arc::clone(&self.rows));
        ListingTable::try_new(config)
    }

    /// Asks about files until they have as many rows as are wanted.
    async fn list(
        &self,
        state: &dyn Session,
        reader: &Arc<dyn FileFormat>,
        urls: &[ListingTableUrl],
        wanted: Option<usize>,
    ) -> DataFusionResult<Listed> {
        let mut all = Listed { files: Vec::new(), statistics: Vec::new(), row_count: Some(0) };
        for some in urls.chunks(LISTED_AT_ONCE) {
            let listed = self.listing(reader, some.to_vec())?.list_files_for_scan(state, &[], wanted).await?;
            all.files.extend(listed.file_groups.into_iter().flat_map(FileGroup::into_inner));
            all.row_count = match (all.row_count, listed.statistics.num_rows) {
                (Some(count), Precision::Exact(more)) => Some(count + more),
                _ => None,
            };
            let has_more = all.files.len() < urls.len();
            let is_enough = wanted.zip(all.row_count).is_some_and(|(wanted, count)| count >= wanted);
            // Files that are not asked about have rows as well.
            let is_all = !(is_enough && has_more);
            all.statistics.push(if is_all { listed.statistics } else { listed.statistics.to_inexact() });
            if is_enough {
                break;
            }
        }
        // As they are named: those of one folder follow each other.
        all.files.sort_by(|one, other| one.object_meta.location.cmp(&other.object_meta.location));
        Ok(all)
    }

    async fn scan_listing(
        &self,
        state: &dyn Session,
        reader: &Arc<dyn FileFormat>,
        chosen: &[usize],
        projection: Option<&Vec<usize>>,
        limits: Limits,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let urls = chosen.iter().map(|&place| url_of(&self.files[place])).collect::<DataFusionResult<Vec<_>>>()?;
        let Some(first) = urls.first() else { return self.nothing(projection) };
        let mut listed = self.list(state, reader, &urls, limits.of_files).await?;
        let mut statistics = Statistics::try_merge_iter(&listed.statistics, &self.rows)?;
        let mut folder_fields = Vec::new();
        if let Some(folders) = &self.folders {
            let places: HashMap<&Key, usize> =
                urls.iter().zip(chosen).map(|(url, &place)| (url.prefix(), place)).collect();
            for file in &mut listed.files {
                if let Some(&place) = places.get(&file.object_meta.location) {
                    add_values(folders, file, place);
                }
            }
            folder_fields = folders.fields().to_vec();
            let unknown = folder_fields.iter().map(|_| ColumnStatistics::new_unknown());
            statistics.column_statistics.extend(unknown);
        }
        let groups = FileGroup::new(listed.files).split_files(state.config().target_partitions());
        let listing = self.listing(reader, vec![first.clone()])?;
        let ordering = listing.try_create_output_ordering(state.execution_props(), &groups)?;
        let table = TableSchema::builder(Arc::clone(&self.rows)).with_table_partition_cols(folder_fields).build();
        let config = FileScanConfigBuilder::new(first.object_store(), reader.file_source(table))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limits.of_rows)
            .with_output_ordering(ordering)
            .with_expr_adapter(Some(Arc::new(IgnoreMetadata)))
            .build();
        reader.create_physical_plan(state, config).await
    }

    fn nothing(&self, projection: Option<&Vec<usize>>) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(projection) => Arc::new(self.schema.project(projection)?),
            None => Arc::clone(&self.schema),
        };
        Ok(Arc::new(EmptyExec::new(schema)))
    }

    fn decides(&self, filter: &Expr) -> bool {
        self.folders.as_ref().is_some_and(|folders| folders.decide(filter))
    }
}

/// How many rows are wanted.
struct Limits {
    of_rows: Option<usize>,
    /// The same, where no condition on rows leaves some of them out.
    of_files: Option<usize>,
}

fn add_values(folders: &FolderColumns, file: &mut PartitionedFile, place: usize) {
    file.partition_values = folders.scalars(place);
    let Some(known) = file.statistics.take() else { return };
    let mut known = Statistics::clone(&known);
    for value in &file.partition_values {
        known.column_statistics.push(match value.is_null() {
            true => ColumnStatistics { null_count: known.num_rows, ..ColumnStatistics::new_unknown() },
            false => ColumnStatistics {
                null_count: Precision::Exact(0),
                min_value: Precision::Exact(value.clone()),
                max_value: Precision::Exact(value.clone()),
                ..ColumnStatistics::new_unknown()
            },
        });
    }
    file.statistics = Some(Arc::new(known));
}

#[async_trait]
impl TableProvider for ListedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match self.decides(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
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
        let chosen = match &self.folders {
            Some(folders) => folders.chosen(state, filters)?,
            None => (0..self.files.len()).collect(),
        };
        if chosen.is_empty() {
            return self.nothing(projection);
        }
        match &self.reader {
            RowReader::Listing(reader) => {
                let is_all = filters.iter().all(|filter| self.decides(filter));
                let limits = Limits { of_rows: limit, of_files: limit.filter(|_| is_all) };
                self.scan_listing(state, reader, &chosen, projection, limits).await
            }
            RowReader::Plain { writing, is_strict } => {
                let paths = chosen.iter().map(|&place| self.files[place].path.clone()).collect();
                let mut files = PlainFiles::new(writing.clone(), paths, Arc::clone(&self.rows));
                if let Some(folders) = &self.folders {
                    files = files.within(folders.some(&chosen)?);
                }
                let table = FileTable::new(files);
                let table = if *is_strict { table.strict() } else { table };
                table.scan(state, projection, filters, limit).await
            }
        }
    }
}
