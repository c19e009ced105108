//! Integers beyond 2^63 in JSON.
//!
//! DataFusion takes a column for floating-point numbers as soon as one integer does not fit a signed one, and ids and
//! counters lose their last digits. Such columns are looked at again here and read as unsigned integers.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde_json::Value;

use super::ROWS_FOR_TYPES;

/// Bytes of one file looked at, after decompression.
const BYTES_FOR_TYPES: usize = 16 * 1024 * 1024;

/// `inferred` with the columns of which every value is an unsigned integer and at least one needs 64 bits.
pub(super) fn with_unsigned(inferred: SchemaRef, paths: &[&Path]) -> SchemaRef {
    let mut unsigned: HashSet<&str> = inferred
        .fields()
        .iter()
        .filter(|field| field.data_type() == &DataType::Float64)
        .map(|field| field.name().as_str())
        .collect();
    let mut beyond_signed = HashSet::new();
    for path in paths {
        if unsigned.is_empty() {
            break;
        }
        if let Ok(head) = file_source::read_head(path, BYTES_FOR_TYPES) {
            look_at(&head, &mut unsigned, &mut beyond_signed);
        }
    }
    let fields = inferred.fields().iter().map(|field| {
        let is_unsigned = unsigned.contains(field.name().as_str()) && beyond_signed.contains(field.name());
        if is_unsigned { Arc::new(Field::new(field.name(), DataType::UInt64, true)) } else { Arc::clone(field) }
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), inferred.metadata().clone()))
}

/// Strikes from `unsigned` what has other values, and collects what needs 64 bits.
fn look_at(head: &[u8], unsigned: &mut HashSet<&str>, beyond_signed: &mut HashSet<String>) {
    let lines = head.split(|byte| *byte == b'\n').take(ROWS_FOR_TYPES);
    for record in lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok()) {
        unsigned.retain(|name| match record.get(*name) {
            None | Some(Value::Null) => true,
            Some(value) => value.as_u64().is_some(),
        });
        let big = unsigned.iter().filter(|name| record.get(**name).and_then(Value::as_u64) > Some(i64::MAX as u64));
        beyond_signed.extend(big.map(|name| (*name).to_string()));
    }
}
