//! Columns of files that differ from the table's in their metadata alone.
//!
//! DataFusion puts a cast around a column when the file says anything else of it than the table: a unit, a name in another
//! standard, that it holds no NULL. Such a cast changes no value and hides the column from Bloom filters and statistics.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::Result as DataFusionResult;
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};

/// DataFusion's own adapter, shown the file's columns with what the table says of them.
#[derive(Debug)]
pub(super) struct IgnoreMetadata;

impl PhysicalExprAdapterFactory for IgnoreMetadata {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> DataFusionResult<Arc<dyn PhysicalExprAdapter>> {
        let fields: Vec<FieldRef> = file.fields().iter().map(|field| relabelled(field, &table)).collect();
        let file = Arc::new(Schema::new_with_metadata(fields, file.metadata().clone()));
        DefaultPhysicalExprAdapterFactory.create(table, file)
    }
}

fn relabelled(in_file: &FieldRef, table: &Schema) -> FieldRef {
    match table.fields().find(in_file.name()) {
        Some((_, in_table)) if in_table.data_type() == in_file.data_type() && in_table.is_nullable() => {
            in_table.clone()
        }
        _ => in_file.clone(),
    }
}
