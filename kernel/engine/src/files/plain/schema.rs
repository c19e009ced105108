//! The columns of files in which rows that cannot be read are among the first: found as always, in a copy without them.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::{DataFusionError, Result as DataFusionResult};
use datafusion::datasource::file_format::FileFormat as FileReader;
use file_source::{read_head, without_bom};
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};

use super::Writing;
use super::records::Records;
use crate::files::{ROWS_FOR_TYPES, delimited};

/// Bytes of one file looked at, after decompression.
const BYTES_FOR_TYPES: usize = 16 * 1024 * 1024;

/// What `reader`, which must be one for files that are not packed, finds in the good rows of some files.
///
/// # Errors
/// When there are no good rows, or it cannot make columns of them.
pub(crate) async fn of_good_rows(
    state: &dyn Session,
    reader: &dyn FileReader,
    writing: &Writing,
    paths: &[&Path],
) -> DataFusionResult<SchemaRef> {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let failed = |fault| DataFusionError::ObjectStore(Box::new(fault));
    let mut objects = Vec::new();
    for (place, path) in paths.iter().enumerate() {
        let key = Key::from(place.to_string());
        let rows = good_rows(&read_head(path, BYTES_FOR_TYPES)?, writing);
        store.put(&key, PutPayload::from(rows)).await.map_err(failed)?;
        objects.push(store.head(&key).await.map_err(failed)?);
    }
    reader.infer_schema(state, &store, &objects).await
}

/// The beginning of a file without the rows that are none.
fn good_rows(head: &[u8], writing: &Writing) -> Vec<u8> {
    let head = without_bom(head);
    let whole = match head.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if head.len() == BYTES_FOR_TYPES => &head[..end],
        _ => head,
    };
    if matches!(writing, Writing::Json) && !super::is_object_a_line(head) {
        return objects_as_lines(head);
    }
    let mut records = Records::new(writing);
    let mut kept = Vec::new();
    if let Writing::Csv(dialect) = writing
        && dialect.has_header
    {
        kept.extend_from_slice(dialect.header.as_bytes());
        kept.push(b'\n');
    }
    for (line, number) in whole.split(|byte| *byte == b'\n').zip(1..) {
        records.push(line.strip_suffix(b"\r").unwrap_or(line), number);
        if records.whole() > ROWS_FOR_TYPES {
            break;
        }
    }
    for place in 0..records.whole() {
        let record = records.text(place, place + 1);
        if is_good(record, writing) {
            kept.extend_from_slice(record);
        }
    }
    kept
}

/// Objects over several lines or in an array, as far as they can be read.
fn objects_as_lines(head: &[u8]) -> Vec<u8> {
    let values = serde_json::Deserializer::from_slice(head).into_iter::<serde_json::Value>();
    let values = values.map_while(Result::ok).flat_map(|value| match value {
        serde_json::Value::Array(items) => items,
        other => vec![other],
    });
    let objects = values.filter(serde_json::Value::is_object).take(ROWS_FOR_TYPES);
    objects.flat_map(|object| format!("{object}\n").into_bytes()).collect()
}

fn is_good(record: &[u8], writing: &Writing) -> bool {
    let Ok(text) = std::str::from_utf8(record) else { return false };
    match writing {
        Writing::Csv(dialect) => delimited::field_count(text.trim_end(), dialect.separator) == dialect.column_count,
        Writing::Json => matches!(serde_json::from_str(text), Ok(serde_json::Value::Object(_))),
    }
}
