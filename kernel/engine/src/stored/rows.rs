//! The rows of a stored result as a table of DataFusion: each with its number, columns named by theirs.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::{Column, Result as DataFusionResult};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;

use super::StoredResult;

/// The number of a row.
pub(super) const ROW: &str = "row";

/// The column of that number. Its own name may be anything, and another column's too.
pub(crate) fn column(index: usize) -> Expr {
    Expr::Column(Column::from_name(format!("c{index}")))
}

/// The column that numbers the rows.
pub(super) fn row_number() -> Expr {
    Expr::Column(Column::from_name(ROW))
}

/// The rows in as many parts as there are threads, in order within each.
pub(super) fn table(stored: &StoredResult, part_count: usize) -> DataFusionResult<Arc<dyn TableProvider>> {
    let own = stored.result().schema.fields().iter().enumerate();
    let renamed = own.map(|(index, field)| field.as_ref().clone().with_name(format!("c{index}")).with_nullable(true));
    let fields: Vec<Field> = std::iter::once(Field::new(ROW, DataType::UInt32, false)).chain(renamed).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch_count = stored.result().batches.len();
    let per_part = batch_count.div_ceil(part_count.max(1)).max(1);
    let parts = (0..batch_count.max(1)).step_by(per_part).map(|first| -> Arc<dyn PartitionStream> {
        let batches = first..(first + per_part).min(batch_count);
        Arc::new(Part { schema: Arc::clone(&schema), stored: stored.clone(), batches })
    });
    let parts = parts.collect();
    let table = StreamingTable::try_new(schema, parts)?.with_sort_order(vec![row_number().sort(true, false)]);
    Ok(Arc::new(table))
}

/// Some of the batches.
#[derive(Debug)]
struct Part {
    schema: SchemaRef,
    stored: StoredResult,
    batches: std::ops::Range<usize>,
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (stored, schema) = (self.stored.clone(), Arc::clone(&self.schema));
        let batches = self.batches.clone().map(move |index| numbered(&stored, index, &schema));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::iter(batches)))
    }
}

fn numbered(stored: &StoredResult, index: usize, schema: &SchemaRef) -> DataFusionResult<RecordBatch> {
    let batch = &stored.0.result.batches[index];
    // A view is refused for results of more rows than fit.
    let first = stored.0.starts[index] as u32;
    let numbers = UInt32Array::from_iter_values(first..first + batch.num_rows() as u32);
    let columns = std::iter::once(Arc::new(numbers) as ArrayRef).chain(batch.columns().iter().cloned()).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
