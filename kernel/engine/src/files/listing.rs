//! Parquet and Arrow through DataFusion's readers (`listed`), CSV and JSON with the columns that DataFusion finds in them through
//! `plain`.
//!
//! Files that cannot share one reader (another separator, header or compression) become tables of their own, joined
//! by column name. DataFusion reads CSV by position, so two files whose columns are in another order would silently
//! swap them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result as DataFusionResult, plan_datafusion_err};
use datafusion::datasource::file_format::FileFormat as FileReader;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTableUrl};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::object_store::{ObjectMeta, ObjectStoreExt};
use file_source::FileTable;
use flow_source::{ip_field, is_ip_field};
use futures::{StreamExt, TryStreamExt, stream};
use url::Url;

use super::arrow_format::CheckedArrow;
use super::delimited::Delimited;
use super::folder_columns::FolderColumns;
use super::left_out::LeftOut;
use super::listed::{ListedTable, RowReader};
use super::named::Names;
use super::parquet::CheckedParquet;
use super::paths::Found;
use super::plain::{PlainFiles, Writing, schema};
use super::sniff::{FileFormat, Packing, Sniffed};
use super::timed::{Holding, TimedTable};
use super::{FileFault, IdentifiedFiles, ROWS_FOR_TYPES, Shape, guess, json_types};
use crate::error::{buried_fault, plain_text};
use crate::source::SourceSettings;
use crate::{column_map, flow_view};

/// Files whose beginnings are read at once to know their columns.
pub(super) const SCHEMAS_AT_ONCE: usize = 32;

/// Opens files of one format as one table with the columns they have.
pub(super) async fn open(
    state: &dyn Session,
    files: &IdentifiedFiles,
    shape: Shape,
    settings: &SourceSettings,
) -> DataFusionResult<Arc<dyn TableProvider>> {
    let mut left_out = files.left_out.clone();
    let mut groups = groups(files);
    let mut columns = Vec::with_capacity(groups.len());
    for group in &mut groups {
        columns.push(columns_of(state, group, settings, &mut left_out).await);
    }
    settle_empty_columns(&mut columns);
    let mut tables = Vec::new();
    let mut first_fault = None;
    for (group, columns) in groups.iter().zip(columns) {
        match columns.and_then(|columns| open_group(group, columns, shape, settings)) {
            Ok(table) => tables.push(table),
            Err(fault) if settings.strict => return Err(fault),
            Err(fault) => {
                left_out.unreadable.push(plain_text(&fault.to_string()));
                first_fault = first_fault.or(Some(fault));
            }
        }
    }
    match (tables.is_empty(), first_fault) {
        (true, Some(fault)) => return Err(fault),
        // With the first of them all are told.
        _ => tables.iter_mut().take(1).for_each(|table| *table = left_out.told_by(Arc::clone(table))),
    }
    if tables.len() == 1 {
        return Ok(tables.remove(0));
    }
    let mut plans = tables.into_iter().map(scan);
    let first = plans.next().ok_or_else(|| plan_datafusion_err!("no files"))??;
    let all = plans.try_fold(first, |all, next| LogicalPlanBuilder::new(all).union_by_name(next?)?.build())?;
    Ok(Arc::new(ViewTable::new(all, None)))
}

/// The plan that reads all of `table`.
pub(crate) fn scan(table: Arc<dyn TableProvider>) -> DataFusionResult<LogicalPlan> {
    LogicalPlanBuilder::scan("file", provider_as_source(table), None)?.build()
}

/// Files that one reader can read.
struct Group<'a> {
    sniffed: &'a Sniffed,
    files: Vec<&'a Found>,
    /// One for all: what it has checked when columns are looked for is not checked again when rows are read.
    reader: OnceLock<Arc<dyn FileReader>>,
}

impl<'a> Group<'a> {
    fn new(sniffed: &'a Sniffed, files: Vec<&'a Found>) -> Group<'a> {
        Group { sniffed, files, reader: OnceLock::new() }
    }

    fn urls(&self) -> DataFusionResult<Vec<ListingTableUrl>> {
        self.files.iter().map(|found| url_of(found)).collect()
    }

    fn reader(&self) -> DataFusionResult<Arc<dyn FileReader>> {
        if let Some(reader) = self.reader.get() {
            return Ok(Arc::clone(reader));
        }
        let made: Arc<dyn FileReader> = match &self.sniffed.format {
            FileFormat::Parquet => Arc::new(CheckedParquet::new(self.names()?)),
            FileFormat::ArrowFile | FileFormat::ArrowStream => {
                let is_file = matches!(self.sniffed.format, FileFormat::ArrowFile);
                Arc::new(CheckedArrow::new(is_file, self.sniffed.format.name(), self.names()?))
            }
            _ => reader_of_text(self.sniffed),
        };
        Ok(Arc::clone(self.reader.get_or_init(|| made)))
    }

    /// Their places in their store, with their names for people.
    fn names(&self) -> DataFusionResult<Names> {
        let names = self.files.iter().map(|found| Ok((url_of(found)?.prefix().clone(), found.shown.clone())));
        Ok(Names::new(names.collect::<DataFusionResult<Vec<_>>>()?))
    }
}

/// The files of a group that can be read alone; why the others cannot comes into `left_out`. All of them where none can,
/// or where they only do not fit together.
async fn readable<'a>(
    state: &dyn Session,
    reader: &dyn FileReader,
    group: &Group<'a>,
    left_out: &mut LeftOut,
) -> DataFusionResult<Vec<&'a Found>> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for found in &group.files {
        let alone = Group::new(group.sniffed, vec![*found]);
        match infer_schema(state, reader, &alone.urls()?, false).await {
            Ok(_) => good.push(*found),
            Err(fault) => bad.push(plain_text(&broken(&alone, &fault).to_string())),
        }
    }
    if good.is_empty() {
        return Ok(group.files.clone());
    }
    left_out.unreadable.append(&mut bad);
    Ok(good)
}

fn groups(files: &IdentifiedFiles) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<(Packing, String), Group<'_>> = BTreeMap::new();
    for (found, sniffed) in &files.files {
        let dialect = match &sniffed.format {
            FileFormat::Delimited(Delimited { separator, header, column_count, .. }) => {
                format!("{separator} {column_count} {header}")
            }
            _ => String::new(),
        };
        let group = groups.entry((sniffed.packing, dialect)).or_insert_with(|| Group::new(sniffed, Vec::new()));
        group.files.push(found);
    }
    groups.into_values().collect()
}

/// The columns of a group as they are found, with a type for each; only readable files stay in it.
async fn columns_of(
    state: &dyn Session,
    group: &mut Group<'_>,
    settings: &SourceSettings,
    left_out: &mut LeftOut,
) -> DataFusionResult<SchemaRef> {
    let reader = group.reader()?;
    let keeps_labels =
        matches!(group.sniffed.format, FileFormat::Parquet | FileFormat::ArrowFile | FileFormat::ArrowStream);
    let mut found = infer_schema(state, reader.as_ref(), &group.urls()?, keeps_labels).await;
    let Some(writing) = writing_of(group.sniffed) else {
        if found.is_err() && group.files.len() > 1 && !settings.strict {
            group.files = readable(state, reader.as_ref(), group, left_out).await?;
            found = infer_schema(state, reader.as_ref(), &group.urls()?, keeps_labels).await;
        }
        return found.map_err(|fault| broken(group, &fault));
    };
    let paths: Vec<&Path> = group.files.iter().map(|found| found.path.as_path()).collect();
    let is_complete = |found: &SchemaRef| match &writing {
        // Of columns that share a name DataFusion gives one.
        Writing::Csv(dialect) => found.fields().len() == dialect.column_count,
        // Of objects over several lines it finds none.
        Writing::Json => !found.fields().is_empty(),
    };
    let of_good_rows = || schema::of_good_rows(&writing, &paths).ok().filter(|found| !found.fields().is_empty());
    let found = match found {
        Ok(found) if is_complete(&found) => found,
        Ok(found) => of_good_rows().unwrap_or(found),
        Err(fault) => of_good_rows().ok_or_else(|| broken(group, &fault))?,
    };
    Ok(match &writing {
        Writing::Csv(_) => found,
        Writing::Json => json_types::with_unsigned(found, &paths),
    })
}

/// A column without a value in one group is what it is in the others, so that it stays one column.
fn settle_empty_columns(groups: &mut [DataFusionResult<SchemaRef>]) {
    let mut known: HashMap<String, DataType> = HashMap::new();
    let all = groups.iter().flatten().flat_map(|columns| columns.fields().iter());
    for field in all.filter(|field| !field.data_type().is_null()) {
        known.entry(field.name().clone()).or_insert_with(|| field.data_type().clone());
    }
    for columns in groups.iter_mut().flatten() {
        let settled = columns.fields().iter().map(|field| match known.get(field.name()) {
            Some(known) if field.data_type().is_null() => Field::clone(field).with_data_type(known.clone()),
            _ => Field::clone(field),
        });
        *columns = Arc::new(Schema::new_with_metadata(settled.collect::<Vec<_>>(), columns.metadata().clone()));
    }
}

fn open_group(
    group: &Group<'_>,
    columns: SchemaRef,
    shape: Shape,
    settings: &SourceSettings,
) -> DataFusionResult<Arc<dyn TableProvider>> {
    let gives_flows = match shape {
        Shape::Flows | Shape::Side(_) => true,
        Shape::Either => flow_view::holds_flows(&columns),
        Shape::Native => false,
    };
    if gives_flows {
        column_map::check_units(&columns, settings).map_err(FileFault::into_datafusion)?;
    }
    let schema = typed(columns, &group.sniffed.format, shape, settings);
    let is_column = |name: &str| !gives_flows || flow_view::may_be_text(name);
    let folders = FolderColumns::of(&group.files, &schema, is_column)?;
    let holding = match (&group.sniffed.format, gives_flows) {
        (FileFormat::Parquet, true) => Holding::CountedFlows,
        (_, true) => Holding::Flows,
        (FileFormat::Parquet, false) => Holding::CountedRows,
        (_, false) => Holding::Rows,
    };
    let reader = match writing_of(group.sniffed) {
        Some(writing) if folders.is_none() => {
            let paths = group.files.iter().map(|found| found.path.clone()).collect();
            let table = FileTable::new(PlainFiles::new(writing, paths, schema));
            return Ok(Arc::new(if settings.strict { table.strict() } else { table }));
        }
        Some(writing) => RowReader::Plain { writing, is_strict: settings.strict },
        None => RowReader::Listing(group.reader()?),
    };
    let is_counted_when_read = matches!(reader, RowReader::Plain { .. });
    let files = group.files.iter().copied().cloned().collect();
    let table: Arc<dyn TableProvider> = Arc::new(ListedTable::new(files, folders, reader, schema));
    Ok(if is_counted_when_read { table } else { TimedTable::over(table, holding) })
}

/// How DataFusion lists files for a reader.
pub(super) fn options_of(reader: Arc<dyn FileReader>) -> ListingOptions {
    ListingOptions::new(reader).with_file_extension("")
}

/// How the rows of formats are written that are read row by row.
fn writing_of(sniffed: &Sniffed) -> Option<Writing> {
    match &sniffed.format {
        FileFormat::Delimited(dialect) => Some(Writing::Csv(dialect.clone())),
        FileFormat::JsonLines | FileFormat::JsonArray => Some(Writing::Json),
        FileFormat::Parquet | FileFormat::ArrowFile | FileFormat::ArrowStream | FileFormat::Connector(_) => None,
    }
}

/// The types in which columns are read: text formats carry none, so they are guessed from the first rows.
fn typed(columns: SchemaRef, format: &FileFormat, shape: Shape, settings: &SourceSettings) -> SchemaRef {
    let is_csv = matches!(format, FileFormat::Delimited(_));
    if !is_csv && !matches!(format, FileFormat::JsonLines | FileFormat::JsonArray) {
        return columns;
    }
    let columns = guess::with_room(&columns);
    match shape {
        Shape::Native => columns,
        _ if is_csv => with_flow_types(&with_mapped_as_text(&columns, settings), settings, false),
        _ => with_flow_types(&columns, settings, true),
    }
}

/// Finds the columns of formats that `plain` reads.
fn reader_of_text(sniffed: &Sniffed) -> Arc<dyn FileReader> {
    let compression = match sniffed.packing {
        Packing::None => FileCompressionType::UNCOMPRESSED,
        Packing::Gzip => FileCompressionType::GZIP,
        Packing::Zstd => FileCompressionType::ZSTD,
    };
    match &sniffed.format {
        FileFormat::JsonArray => Arc::new(json_reader(compression).with_newline_delimited(false)),
        FileFormat::Delimited(dialect) => Arc::new(
            CsvFormat::default()
                .with_has_header(dialect.has_header)
                .with_delimiter(dialect.separator)
                .with_schema_infer_max_rec(ROWS_FOR_TYPES)
                .with_file_compression_type(compression)
                // Costs parallel reading of one file, but a line break inside quotes must not cut a row in two.
                .with_newlines_in_values(true),
        ),
        _ => Arc::new(json_reader(compression)),
    }
}

fn json_reader(compression: FileCompressionType) -> JsonFormat {
    JsonFormat::default().with_schema_infer_max_rec(ROWS_FOR_TYPES).with_file_compression_type(compression)
}

pub(super) fn url_of(found: &Found) -> DataFusionResult<ListingTableUrl> {
    let url = match &found.in_store {
        Some(object) => object.url.clone(),
        None => Url::from_file_path(&found.path)
            .map_err(|()| plan_datafusion_err!("`{}` is not an absolute path", found.shown))?,
    };
    ListingTableUrl::try_new(url, None)
}

async fn infer_schema(
    state: &dyn Session,
    reader: &dyn FileReader,
    urls: &[ListingTableUrl],
    keeps_labels: bool,
) -> DataFusionResult<SchemaRef> {
    let Some(first) = urls.first() else { return Ok(Arc::new(Schema::empty())) };
    let store = state.runtime_env().object_store(first)?;
    let objects = urls.iter().map(|url| store.head(url.prefix())).collect::<Vec<_>>();
    let objects = stream::iter(objects).buffered(SCHEMAS_AT_ONCE).try_collect::<Vec<ObjectMeta>>().await;
    let objects = objects.map_err(|fault| DataFusionError::ObjectStore(Box::new(fault)))?;
    if !keeps_labels {
        return reader.infer_schema(state, &store, &objects).await;
    }
    let mut schemas = Vec::with_capacity(objects.len());
    for object in &objects {
        schemas.push(reader.infer_schema(state, &store, std::slice::from_ref(object)));
    }
    let schemas: Vec<SchemaRef> = stream::iter(schemas).buffered(SCHEMAS_AT_ONCE).try_collect().await?;
    Ok(Arc::new(Schema::try_merge(schemas.iter().map(|schema| labels_only(schema)))?))
}

/// Of what files say about their columns only that these are addresses: anything else may differ from file to file.
fn labels_only(schema: &Schema) -> Schema {
    let kept = schema.fields().iter().map(|field| match is_ip_field(field) {
        true => ip_field(field.name()),
        false => field.as_ref().clone().with_metadata(HashMap::new()),
    });
    Schema::new(kept.collect::<Vec<_>>())
}

/// Where the flow schema knows a column, its type is read at once: guessed from a few
/// rows, a counter beyond 2^63 or an address that looks like a number would be lost.
fn with_flow_types(inferred: &Schema, settings: &SourceSettings, has_lists: bool) -> SchemaRef {
    let fields: Vec<Field> = inferred
        .fields()
        .iter()
        .map(|field| match flow_view::type_of(field.name()) {
            _ if column_map::is_read_as_text(field.name(), settings) => field.as_ref().clone(),
            Some(list @ DataType::List(_)) if has_lists => Field::new(field.name(), list, true),
            Some(wanted) if is_read_from_text(&wanted) => Field::new(field.name(), wanted, true),
            Some(_) => Field::new(field.name(), DataType::Utf8, true),
            None => field.as_ref().clone(),
        })
        .collect();
    Arc::new(Schema::new_with_metadata(fields, inferred.metadata().clone()))
}

/// What a map reads is read exactly, whatever was guessed from the first rows.
fn with_mapped_as_text(inferred: &Schema, settings: &SourceSettings) -> SchemaRef {
    let fields = inferred.fields().iter().map(|field| match column_map::is_read_as_text(field.name(), settings) {
        true => Field::new(field.name(), DataType::Utf8, true),
        false => field.as_ref().clone(),
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), inferred.metadata().clone()))
}

fn is_read_from_text(wanted: &DataType) -> bool {
    wanted.is_integer() || wanted.is_floating() || wanted.is_string() || matches!(wanted, DataType::Timestamp(_, _))
}

fn broken(group: &Group<'_>, fault: &DataFusionError) -> DataFusionError {
    if let Some(fault) = buried_fault(fault) {
        return fault.clone().into_datafusion();
    }
    let format = group.sniffed.format.name();
    let mut path: PathBuf = group.files.first().map(|found| PathBuf::from(&found.shown)).unwrap_or_default();
    if group.files.len() > 1 {
        path = path.parent().map_or(path.clone(), Path::to_path_buf);
    }
    FileFault::Broken { path: path.display().to_string(), format, reason: plain_text(&fault.to_string()) }
        .into_datafusion()
}
