//! Types of text columns that were guessed from the first rows, made wide enough for what may come behind them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// `found` with text for what has had no value so far, and with fractions of seconds.
pub(super) fn with_room(found: &Schema) -> SchemaRef {
    Arc::new(Schema::new_with_metadata(fields_with_room(found.fields()), found.metadata().clone()))
}

fn fields_with_room(fields: &Fields) -> Fields {
    fields.iter().map(|field| field_with_room(field)).collect()
}

fn field_with_room(field: &Field) -> Field {
    field.clone().with_data_type(type_with_room(field.data_type()))
}

fn type_with_room(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Null => DataType::Utf8,
        // Not nanoseconds, which end in 2262: people write 9999 for never.
        DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        DataType::List(item) => DataType::List(Arc::new(field_with_room(item))),
        DataType::Struct(fields) => DataType::Struct(fields_with_room(fields)),
        other => other.clone(),
    }
}
