//! Files with columns of their own: all are opened, as each may have other columns, and of those whose names say another time
//! than is asked for no row is read.

use std::any::Any;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use file_source::{FileTable, NamedTimes, Span};
use flow_source::SourceError;

use super::probe::is_within;
use crate::files::IdentifiedFiles;
use crate::files::name_time::NameTimes;
use crate::source::SourceSettings;

/// When what a row tells was, by the names that connectors give it.
const TIMES: &[&str] = &["ts", "timestamp", "first"];

/// The table of some files, which heeds their names where those are right; the table itself where it cannot.
pub(in crate::files) async fn by_names(
    state: &dyn Session,
    table: Arc<dyn TableProvider>,
    files: &IdentifiedFiles,
    settings: &SourceSettings,
    open_one: impl Fn(&Path) -> Result<Arc<dyn TableProvider>, SourceError>,
) -> Arc<dyn TableProvider> {
    let (Some(names), Some(known)) =
        (NameTimes::of(settings), (table.as_ref() as &dyn Any).downcast_ref::<FileTable>())
    else {
        return table;
    };
    let schema = table.schema();
    let is_time = |name: &&&'static str| {
        let field = schema.field_with_name(name);
        field.is_ok_and(|field| matches!(field.data_type(), DataType::Timestamp(TimeUnit::Nanosecond, _)))
    };
    let Some(column) = TIMES.iter().find(is_time).copied() else { return table };
    let spans = names.spans_of(files.files.iter().map(|(found, _)| found.shown.as_str()));
    let named = files.files.iter().zip(spans).filter_map(|((found, _), span)| Some((found.path.clone(), span?)));
    let named: Vec<(PathBuf, Span)> = named.collect();
    if files.files.len() < 2 || named.is_empty() {
        return table;
    }
    for (path, span) in named.first().into_iter().chain(named.last()) {
        let Ok(one) = open_one(path) else { return table };
        if is_within(state, one.as_ref(), &[column], *span).await != Some(true) {
            return table;
        }
    }
    let spans: HashMap<PathBuf, Span> = named.into_iter().collect();
    Arc::new(known.with_names(NamedTimes { column, spans, margin: names.margin_text() }))
}
