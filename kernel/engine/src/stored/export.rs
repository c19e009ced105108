//! A view as a file: the rows that are seen, in the order in which they are seen.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use tokio_util::sync::CancellationToken;

use super::request::column;
use super::{StoredResult, View};
use crate::error::EngineError;
use crate::export::{self, Format, Rows};
use crate::names;

/// Rows on their way at once.
const ROWS_AT_ONCE: usize = 8_192;

impl StoredResult {
    /// Writes the rows of a view, with the columns of these numbers, to a new file that appears complete or not at
    /// all. Blocks; stops with [`EngineError::Cancelled`] soon after `cancel` is cancelled.
    ///
    /// # Errors
    /// [`EngineError::Write`] when the file is there already or cannot be written.
    pub fn export(
        &self,
        view: &View,
        columns: &[usize],
        format: Format,
        path: &Path,
        cancel: &CancellationToken,
    ) -> Result<(), EngineError> {
        columns.iter().try_for_each(|index| column(&self.result().schema, *index).map(drop))?;
        export::fits(format, view.row_count(), columns.len())?;
        export::whole_file(path, false, |out| self.write(view, columns, format, out, cancel))
    }

    fn write(
        &self,
        view: &View,
        columns: &[usize],
        format: Format,
        out: &mut (dyn Write + Send),
        cancel: &CancellationToken,
    ) -> Result<(), EngineError> {
        let started = Instant::now();
        let schema = self.file_schema(columns);
        let starts = (0..view.row_count()).step_by(ROWS_AT_ONCE);
        let mut batches = starts.map(|start| {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled { after: started.elapsed() });
            }
            let rows = self.gather(view, start..start + ROWS_AT_ONCE, columns)?;
            fitted(&rows, &schema)
        });
        export::write_rows(Rows { schema: Arc::clone(&schema), batches: &mut batches }, format, out)
    }

    /// How the columns are called in a file, where no two may have one name.
    fn file_schema(&self, columns: &[usize]) -> SchemaRef {
        let schema = &self.result().schema;
        let own: Vec<&Field> = columns.iter().map(|index| schema.field(*index)).collect();
        let names: Vec<&str> = own.iter().map(|field| field.name().as_str()).collect();
        let fields = names::distinct(&names).into_iter().zip(own).map(|(name, field)| {
            let data_type = match field.data_type() {
                // A file holds one dictionary per column, batches have one each.
                DataType::Dictionary(_, values) => values.as_ref().clone(),
                other => other.clone(),
            };
            field.clone().with_name(name).with_data_type(data_type).with_nullable(true)
        });
        Arc::new(Schema::new(fields.collect::<Vec<Field>>()))
    }
}

fn fitted(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, EngineError> {
    let columns = rows.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| match column.data_type() == field.data_type() {
        true => Ok(Arc::clone(column)),
        false => arrow::compute::cast(column, field.data_type()),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let fitted = columns
        .collect::<Result<Vec<_>, _>>()
        .and_then(|columns| RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options));
    fitted.map_err(|fault| EngineError::internal(format!("rows do not fit their file: {fault}")))
}
