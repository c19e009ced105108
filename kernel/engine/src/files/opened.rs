//! The files of a named source as a table, with everything that is set about it.
//!
//! What each setting does is decided elsewhere; here is their order: format, zone, strictness, columns, clock.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use arrow::datatypes::FieldRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as DataFusionResult;
use file_source::TimeColumns;
use flow_source::Connector;

use super::paths::Found;
use super::sniff::{FileFormat, Wanted};
use super::timed::{Holding, TimedTable};
use super::windowed::{FileSet, Windowed, WindowedTable, by_names};
use super::{FileFault, IdentifiedFiles, LeftOut, Located, Shape, identified, listing, located, open_paths, open_with};
use crate::clock::CorrectedTable;
use crate::engine::SourceKind;
use crate::source::SourceSettings;
use crate::{column_map, flow_view};

/// A table and what its files are.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) table: Arc<dyn TableProvider>,
    pub(crate) format: &'static str,
    pub(crate) files: usize,
    pub(crate) bytes: u64,
    pub(crate) modified: Option<SystemTime>,
    pub(crate) remarks: Vec<String>,
    /// What its column `sensor` can hold; `None` where only its rows tell.
    pub(crate) channels: Option<Vec<String>>,
}

/// Opens what a source names.
pub(crate) async fn open_source(
    state: &dyn Session,
    pattern: &str,
    settings: &SourceSettings,
) -> DataFusionResult<Opened> {
    let located = located(state, pattern, &settings.access).await.map_err(FileFault::into_datafusion)?;
    let found = match located {
        Located::Object(found) => found,
        Located::Set { set, folders_left_out } => {
            if let (true, Some(reason)) = (settings.strict, folders_left_out.first()) {
                let path = pattern.to_owned();
                return Err(FileFault::Unreadable { path, reason: reason.clone() }.into_datafusion());
            }
            let left_out = LeftOut { folders: folders_left_out, ..LeftOut::default() };
            let mut opened = open_set(state, set, settings).await?;
            opened.table = left_out.told_by(opened.table);
            return Ok(opened);
        }
    };
    open_found(state, found, settings).await
}

/// Opens all of a set, or as much of it as tells what it is.
async fn open_set(state: &dyn Session, set: FileSet, settings: &SourceSettings) -> DataFusionResult<Opened> {
    if let Some(windowed) = WindowedTable::over(state, &set, settings).await? {
        return Ok(of_window(windowed, settings));
    }
    let found = set.all(state).await.map_err(FileFault::into_datafusion)?;
    open_found(state, found, settings).await
}

async fn open_found(state: &dyn Session, found: Vec<Found>, settings: &SourceSettings) -> DataFusionResult<Opened> {
    let files = identified(found, Wanted::of(settings), settings.strict).map_err(FileFault::into_datafusion)?;
    let Made { table, remarks, .. } = make(state, &files, settings).await?;
    let (bytes, modified) = size_and_age(&files);
    Ok(Opened {
        table: CorrectedTable::over(table, settings.clock_offset),
        format: files.format().name(),
        files: files.paths().len(),
        bytes,
        modified,
        remarks,
        channels: None,
    })
}

fn of_window(windowed: Windowed, settings: &SourceSettings) -> Opened {
    let Windowed { table, format, remarks } = windowed;
    let (files, bytes, modified) = table.size_and_age();
    let table = CorrectedTable::over(table, settings.clock_offset);
    Opened { table, format, files, bytes, modified, remarks, channels: None }
}

/// A table of files, before its clock is corrected.
pub(super) struct Made {
    pub(super) table: Arc<dyn TableProvider>,
    pub(super) remarks: Vec<String>,
    /// Whether it has the columns of flows.
    pub(super) is_flows: bool,
}

/// Makes files a table.
pub(super) async fn make(
    state: &dyn Session,
    files: &IdentifiedFiles,
    settings: &SourceSettings,
) -> DataFusionResult<Made> {
    let mut remarks = Vec::new();
    let table = match files.format() {
        FileFormat::Connector(connector) => of_connector(state, *connector, files, settings, &mut remarks).await?,
        _ => of_plain_files(state, files, settings, &mut remarks).await?,
    };
    let (found, flows) = (table.schema(), flow_source::flow_schema());
    // Constants are never NULL, which makes fields unlike.
    let is_same =
        |(one, other): (&FieldRef, &FieldRef)| one.name() == other.name() && one.data_type() == other.data_type();
    let is_flows =
        found.fields().len() == flows.fields().len() && found.fields().iter().zip(flows.fields()).all(is_same);
    Ok(Made { table, remarks, is_flows })
}

fn shape_of(settings: &SourceSettings) -> Shape {
    match settings.kind {
        _ if !settings.columns.is_empty() => Shape::Flows,
        SourceKind::Flows => Shape::Flows,
        SourceKind::Log => Shape::Native,
        SourceKind::Auto => Shape::Either,
    }
}

async fn of_connector(
    state: &dyn Session,
    connector: &dyn Connector,
    files: &IdentifiedFiles,
    settings: &SourceSettings,
    remarks: &mut Vec<String>,
) -> DataFusionResult<Arc<dyn TableProvider>> {
    if let Some(column) = settings.columns.keys().next() {
        return Err(FileFault::ColumnMap {
            column: column.clone(),
            reason: format!(
                "a map of columns is for CSV, JSON, Parquet and Arrow, and these files are {}",
                connector.readable()
            ),
            hint: Some(
                "Remove `columns`, or write connector = \"csv\" or \"json\" where the files are to be read as such"
                    .into(),
            ),
        }
        .into_datafusion());
    }
    let zoned = settings.time_zone.and_then(|zone| connector.in_zone(zone.name(), settings.ignore_zone));
    if let (Some(zone), None) = (settings.time_zone, &zoned) {
        remarks.push(format!(
            "time_zone = \"{zone}\" {}has no effect: {} say themselves which time they mean",
            if settings.ignore_zone { "with ignore_zone " } else { "" },
            connector.readable()
        ));
    }
    let mut left_out = files.left_out.clone();
    let unreadable = Some(&mut left_out.unreadable).filter(|_| !settings.strict);
    let connector = zoned.as_deref().unwrap_or(connector);
    let table = open_with(connector, files, shape_of(settings), unreadable)?;
    let open_one = |path: &Path| open_paths(connector, vec![path.to_owned()], shape_of(settings));
    let table = by_names(state, table, files, settings, open_one).await;
    let table = match file_source::strict(table.as_ref()).filter(|_| settings.strict) {
        Some(strict) => Arc::new(strict),
        None => table,
    };
    Ok(left_out.told_by(table))
}

async fn of_plain_files(
    state: &dyn Session,
    files: &IdentifiedFiles,
    settings: &SourceSettings,
    remarks: &mut Vec<String>,
) -> DataFusionResult<Arc<dyn TableProvider>> {
    let shape = shape_of(settings);
    let table = listing::open(state, files, shape, settings).await?;
    let is_text = matches!(files.format(), FileFormat::Delimited(_) | FileFormat::JsonLines | FileFormat::JsonArray);
    let is_mapped = is_text || !settings.columns.is_empty() || settings.time_zone.is_some() || settings.strict;
    let makes_times = settings.time_zone.is_some()
        || [TimeColumns::FLOWS.start, TimeColumns::FLOWS.end]
            .iter()
            .flatten()
            .any(|it| settings.columns.contains_key(*it));
    let is_native = match shape {
        Shape::Native => true,
        Shape::Either => !flow_view::holds_flows(&table.schema()),
        Shape::Flows | Shape::Side(_) => false,
    };
    if let (true, Some(zone)) = (is_native, settings.time_zone) {
        remarks.push(format!(
            "time_zone = \"{zone}\" has no effect: the table has the files' own columns, not those of flows"
        ));
    }
    let format = files.format().setting();
    match is_native {
        true => Ok(table),
        false if is_mapped => {
            let flows = column_map::under_flow_schema(state, table, settings, files.first_path(), format)?;
            Ok(if makes_times { TimedTable::over(flows, Holding::Made) } else { flows })
        }
        false => flow_view::under_flow_schema(state, table, files.first_path(), format),
    }
}

/// Files that are gone meanwhile have none.
fn size_and_age(files: &IdentifiedFiles) -> (u64, Option<SystemTime>) {
    let known = files.files.iter().filter_map(|(found, _)| match &found.in_store {
        Some(object) => Some((object.bytes, object.modified)),
        None => std::fs::metadata(&found.path).ok().map(|it| (it.len(), it.modified().ok())),
    });
    known.fold((0, None), |(bytes, latest), (more, modified)| (bytes + more, latest.max(modified)))
}
