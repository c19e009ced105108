//! Record batches of the common flow record, filled column by column.
//!
//! A connector sets the columns it knows; the others are NULL. Values are checked for type and length only.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{ArrowError, SchemaRef};

/// One batch of flows under construction.
///
/// Invariant: `columns` has one place per field of `schema`.
pub struct FlowBatch {
    schema: SchemaRef,
    columns: Vec<Option<ArrayRef>>,
    rows: usize,
}

impl FlowBatch {
    /// An empty batch of `rows` flows. `schema` is [`crate::flow_schema`] or a projection of it.
    pub fn new(schema: SchemaRef, rows: usize) -> Self {
        let columns = vec![None; schema.fields().len()];
        Self { schema, columns, rows }
    }

    /// Whether the batch has this column: what the query does not ask for need not be made.
    pub fn wants(&self, name: &str) -> bool {
        self.schema.column_with_name(name).is_some()
    }

    /// Sets a column; a column outside of the projection is ignored.
    pub fn set(&mut self, name: &str, array: ArrayRef) -> &mut Self {
        self.set_with(name, || array)
    }

    /// Sets a column, making its array only if the batch has that column.
    pub fn set_with(&mut self, name: &str, make: impl FnOnce() -> ArrayRef) -> &mut Self {
        if let Some((index, _)) = self.schema.column_with_name(name) {
            self.columns[index] = Some(make());
        }
        self
    }

    /// The batch; columns that were not set are NULL.
    ///
    /// # Errors
    /// When a column has another length than `rows` or another type than the schema.
    pub fn finish(self) -> Result<RecordBatch, ArrowError> {
        let columns = self
            .schema
            .fields()
            .iter()
            .zip(self.columns)
            .map(|(field, column)| column.unwrap_or_else(|| new_null_array(field.data_type(), self.rows)))
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow_schema;
    use arrow_array::{Array, UInt64Array};

    #[test]
    fn unset_columns_are_null() {
        let mut batch = FlowBatch::new(flow_schema(), 2);
        batch.set("bytes", Arc::new(UInt64Array::from(vec![40, 60])));
        let batch = batch.finish().expect("types and lengths match");
        assert_eq!(batch.num_columns(), flow_schema().fields().len());
        assert_eq!(batch.column_by_name("packets").expect("column").null_count(), 2);
        assert_eq!(batch.column_by_name("bytes").expect("column").null_count(), 0);
    }

    #[test]
    fn no_columns_still_count_rows() {
        let none = Arc::new(flow_schema().project(&[]).expect("an empty projection"));
        let mut batch = FlowBatch::new(none, 7);
        batch.set_with("bytes", || panic!("nobody asked for this column"));
        assert_eq!(batch.finish().expect("no columns").num_rows(), 7);
    }

    #[test]
    fn wrong_length_is_an_error() {
        let mut batch = FlowBatch::new(flow_schema(), 2);
        batch.set("bytes", Arc::new(UInt64Array::from(vec![40])));
        assert!(batch.finish().is_err());
    }
}
