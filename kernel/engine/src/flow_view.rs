//! Foreign tables under the common flow schema: which columns are taken, how they are cast, what is NULL.
//!
//! The schema itself is `flow-source`'s. The view is a plan, not a copy, so that columns, filters and limits of a
//! query reach the table below.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::{Column, Result as DataFusionResult, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast};

use crate::files::{FileFault, NAMES_SHOWN_MAX};

/// A table without any of these holds something else than flows.
const ESSENTIAL: &[&str] = &["start_time", "src_ip", "dst_ip"];

/// The type the flow schema gives to `column`.
pub(crate) fn type_of(column: &str) -> Option<DataType> {
    flow_source::flow_schema().field_with_name(column).ok().map(|field| field.data_type().clone())
}

/// Whether all essential columns are there, so that a table may be taken for flows without being asked to.
pub(crate) fn holds_flows(schema: &Schema) -> bool {
    ESSENTIAL.iter().all(|name| find(schema, name).is_some())
}

/// `table` with the columns of the flow schema.
pub(crate) fn under_flow_schema(
    table: Arc<dyn TableProvider>,
    path: &Path,
) -> DataFusionResult<Arc<dyn TableProvider>> {
    let found = table.schema();
    if ESSENTIAL.iter().all(|name| find(&found, name).is_none()) {
        return Err(not_flows(&found, path).into_datafusion());
    }
    let wanted = flow_source::flow_schema();
    let columns: Vec<Expr> = wanted.fields().iter().map(|field| column_as(field, &found)).collect();
    let plan = LogicalPlanBuilder::scan("file", provider_as_source(table), None)?.project(columns)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// The column as SQL would find it: by exact name, else regardless of case.
fn find<'a>(schema: &'a Schema, name: &str) -> Option<&'a Field> {
    let fields = || schema.fields().iter().map(AsRef::as_ref);
    fields()
        .find(|field: &&Field| field.name() == name)
        .or_else(|| fields().find(|field: &&Field| field.name().eq_ignore_ascii_case(name)))
}

fn column_as(wanted: &Field, found: &Schema) -> Expr {
    let Some(column) = find(found, wanted.name()) else {
        let missing = ScalarValue::try_new_null(wanted.data_type()).unwrap_or(ScalarValue::Null);
        return cast(Expr::Literal(missing, None), wanted.data_type().clone()).alias(wanted.name());
    };
    let value = Expr::Column(Column::new_unqualified(column.name()));
    if column.data_type() == wanted.data_type() {
        return value.alias(wanted.name());
    }
    cast(value, wanted.data_type().clone()).alias(wanted.name())
}

fn not_flows(found: &Schema, path: &Path) -> FileFault {
    let names: Vec<&str> = found.fields().iter().map(|field| field.name().as_str()).collect();
    let mut shown = names.iter().take(NAMES_SHOWN_MAX).map(|name| crate::render::visible(name)).collect::<Vec<_>>();
    if names.len() > shown.len() {
        shown.push(format!("and {} more", names.len() - shown.len()));
    }
    FileFault::NotFlows { path: path.display().to_string(), essential: ESSENTIAL.join(", "), found: shown.join(", ") }
}
