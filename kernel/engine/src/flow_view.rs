//! Foreign tables under the common flow schema: which columns are taken, how they are cast, what is NULL.
//!
//! The schema itself is `flow-source`'s. The view is a plan, not a copy, so that columns, filters and limits of a
//! query reach the table below.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::{Column, Result as DataFusionResult, ScalarValue, internal_datafusion_err};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, ScalarUDF, cast};
use flow_source::is_ip_field;

use crate::column_map::Noted;
use crate::files::{FileFault, NAMES_SHOWN_MAX};
use crate::source::SourceSettings;
use crate::{column_map, functions};

/// A table without any of these holds something else than flows.
pub(crate) const ESSENTIAL: &[&str] = &["start_time", "src_ip", "dst_ip"];

/// Where flows say what was changed or is missing.
pub(crate) const NOTES: &str = "notes";
/// Where flows say what they were read from.
const SOURCE: &str = "source";

/// The type the flow schema gives to `column`.
pub(crate) fn type_of(column: &str) -> Option<DataType> {
    flow_source::flow_schema().field_with_name(column).ok().map(|field| field.data_type().clone())
}

/// Whether a text may stand in a column of this name: it is none of flows, or one that holds text.
pub(crate) fn may_be_text(column: &str) -> bool {
    type_of(&column.to_ascii_lowercase()).is_none_or(|known| is_text(&known))
}

/// Whether all essential columns are there, so that a table may be taken for flows without being asked to.
pub(crate) fn holds_flows(schema: &Schema) -> bool {
    ESSENTIAL.iter().all(|name| find(schema, name).is_some())
}

/// `table` with the columns of the flow schema. Text in columns of addresses is read by our function `to_ip`; what has no
/// column `source` gets the name of its `format` there, as from connectors.
pub(crate) fn under_flow_schema(
    state: &dyn Session,
    table: Arc<dyn TableProvider>,
    path: &Path,
    format: Option<&str>,
) -> DataFusionResult<Arc<dyn TableProvider>> {
    let to_ip = state.scalar_functions().get(functions::TO_IP_NAME);
    let to_ip = to_ip.ok_or_else(|| internal_datafusion_err!("{} is not registered", functions::TO_IP_NAME))?;
    let found = table.schema();
    if ESSENTIAL.iter().all(|name| find(&found, name).is_none()) {
        return Err(not_flows(&found, path).into_datafusion());
    }
    column_map::check_units(&found, &SourceSettings::default()).map_err(FileFault::into_datafusion)?;
    let wanted = flow_source::flow_schema();
    let columns: Vec<Expr> = wanted.fields().iter().map(|field| column_as(field, &found, to_ip, format)).collect();
    let plan = LogicalPlanBuilder::scan("file", provider_as_source(table), None)?.project(columns)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// The column as SQL would find it: by exact name, else regardless of case.
pub(crate) fn find<'a>(schema: &'a Schema, name: &str) -> Option<&'a Field> {
    let fields = || schema.fields().iter().map(AsRef::as_ref);
    fields()
        .find(|field: &&Field| field.name() == name)
        .or_else(|| fields().find(|field: &&Field| field.name().eq_ignore_ascii_case(name)))
}

fn column_as(wanted: &Field, found: &Schema, to_ip: &Arc<ScalarUDF>, format: Option<&str>) -> Expr {
    let metadata = || Some(FieldMetadata::from(wanted.metadata()));
    let Some(column) = find(found, wanted.name()) else {
        return match find(found, "start_time").filter(|_| wanted.name() == NOTES) {
            Some(start) => {
                let missing = Expr::Column(Column::new_unqualified(start.name())).is_null();
                let notes = Noted::new(vec![column_map::TIME_MISSING]);
                column_map::call(notes, vec![Expr::Literal(ScalarValue::Null, None), missing])
                    .alias_with_metadata(NOTES, metadata())
            }
            None => absent(wanted, format),
        };
    };
    let value = Expr::Column(Column::new_unqualified(column.name()));
    let value = match column.data_type() {
        same if same == wanted.data_type() => value,
        // Bytes without a label in a column of that name are an address all the same.
        text if is_ip_field(wanted) && is_text(text) => {
            Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(to_ip), vec![value]))
        }
        _ => cast(value, wanted.data_type().clone()),
    };
    value.alias_with_metadata(wanted.name(), metadata())
}

/// What a column is that the table does not have.
pub(crate) fn absent(wanted: &Field, format: Option<&str>) -> Expr {
    let metadata = || Some(FieldMetadata::from(wanted.metadata()));
    let value = match format.filter(|_| wanted.name() == SOURCE) {
        Some(format) => ScalarValue::Utf8View(Some(format.to_owned())),
        None => ScalarValue::try_new_null(wanted.data_type()).unwrap_or(ScalarValue::Null),
    };
    Expr::Literal(value, metadata()).alias_with_metadata(wanted.name(), metadata())
}

pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        other => other.is_string() || other.is_null(),
    }
}

pub(crate) fn not_flows(found: &Schema, path: &Path) -> FileFault {
    let names: Vec<&str> = found.fields().iter().map(|field| field.name().as_str()).collect();
    let mut shown = names.iter().take(NAMES_SHOWN_MAX).map(|name| crate::render::visible(name)).collect::<Vec<_>>();
    if names.len() > shown.len() {
        shown.push(format!("and {} more", names.len() - shown.len()));
    }
    FileFault::NotFlows { path: path.display().to_string(), essential: ESSENTIAL.join(", "), found: shown.join(", ") }
}
