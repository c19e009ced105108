//! Integers beyond 2^63 in JSON.
//!
//! DataFusion takes a column for floating-point numbers as soon as one integer does not fit a signed one, and ids and
//! counters lose their last digits. Such columns, also within objects and lists, are looked at again here and read as
//! unsigned integers.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use file_source::Next;
use serde_json::Value;

use super::ROWS_FOR_TYPES;
use super::plain::for_each_object;

/// Bytes of one file looked at, after decompression.
const BYTES_FOR_TYPES: usize = 16 * 1024 * 1024;

/// A column of floating-point numbers.
struct Floats {
    /// The names of the objects around it, and its own.
    names: Vec<String>,
    /// Whether all its values are unsigned integers.
    is_unsigned: bool,
    needs_64_bits: bool,
}

/// `inferred` with the columns of which every value is an unsigned integer and at least one needs 64 bits.
pub(super) fn with_unsigned(inferred: SchemaRef, paths: &[&Path]) -> SchemaRef {
    let mut columns = Vec::new();
    add_floats(inferred.fields(), &[], &mut columns);
    let mut left = ROWS_FOR_TYPES;
    for path in paths {
        if left == 0 || !columns.iter().any(|column| column.is_unsigned) {
            break;
        }
        let Ok(head) = file_source::read_head(path, BYTES_FOR_TYPES) else { continue };
        for_each_object(&head, |object| {
            columns.iter_mut().for_each(|column| look_at(&object, 0, column));
            left -= 1;
            if left == 0 { Next::Stop } else { Next::Continue }
        });
    }
    columns.retain(|column| column.is_unsigned && column.needs_64_bits);
    match columns.is_empty() {
        true => inferred,
        false => {
            Arc::new(Schema::new_with_metadata(changed(inferred.fields(), &[], &columns), inferred.metadata().clone()))
        }
    }
}

fn within(names: &[String], field: &Field) -> Vec<String> {
    names.iter().chain([field.name()]).cloned().collect()
}

fn add_floats(fields: &Fields, names: &[String], columns: &mut Vec<Floats>) {
    for field in fields {
        let names = within(names, field);
        match innermost(field.data_type()) {
            DataType::Float64 => columns.push(Floats { names, is_unsigned: true, needs_64_bits: false }),
            DataType::Struct(fields) => add_floats(fields, &names, columns),
            _ => {}
        }
    }
}

/// What lists hold.
fn innermost(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::List(item) => innermost(item.data_type()),
        other => other,
    }
}

fn look_at(value: &Value, depth: usize, column: &mut Floats) {
    match (value, column.names.get(depth)) {
        (Value::Array(items), _) => items.iter().for_each(|item| look_at(item, depth, column)),
        (Value::Object(object), Some(name)) => {
            if let Some(value) = object.get(name) {
                look_at(value, depth + 1, column);
            }
        }
        (Value::Null, _) | (_, Some(_)) => {}
        (value, None) => match value.as_u64() {
            Some(value) => column.needs_64_bits |= value > i64::MAX as u64,
            None => column.is_unsigned = false,
        },
    }
}

fn changed(fields: &Fields, names: &[String], columns: &[Floats]) -> Fields {
    let fields = fields.iter().map(|field| {
        let names = within(names, field);
        Field::clone(field).with_data_type(changed_type(field.data_type(), &names, columns))
    });
    fields.collect()
}

fn changed_type(data_type: &DataType, names: &[String], columns: &[Floats]) -> DataType {
    match data_type {
        DataType::Float64 if columns.iter().any(|column| column.names == names) => DataType::UInt64,
        DataType::List(item) => {
            let changed = changed_type(item.data_type(), names, columns);
            DataType::List(Arc::new(Field::clone(item).with_data_type(changed)))
        }
        DataType::Struct(fields) => DataType::Struct(changed(fields, names, columns)),
        other => other.clone(),
    }
}
