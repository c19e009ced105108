//! Rows of a cell's own types: read from tables, and made tables.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchIterator};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use serde_json::{Value, json};

use crate::{
    bridge,
    convert::{FromRow, Mismatch},
    display::MimeBundle,
    functions::{Output, SqlValue},
    host::{self, Error},
    table::{Row, Table},
};

/// Rows in one batch of a table: as many as one thread of a query reads at once.
const BATCH_ROWS: usize = 64 * 1024;

/// A type whose values are rows of a table. To be derived: `#[derive(flowdeck::FlowRow)]` on a struct whose fields are
/// columns of the same names, or of those in `#[flow(column = "name")]`. Types are those of [`crate::register_udf`]; a
/// column with NULL needs an `Option`.
///
/// ```ignore
/// #[derive(Debug, flowdeck::FlowRow)]
/// struct Host { src_ip: std::net::IpAddr, flows: u64, #[flow(column = "last")] last_seen: Option<chrono::DateTime<chrono::Utc>> }
///
/// let hosts = flowdeck::sql("SELECT src_ip, count(*) AS flows, max(start_time) AS last FROM flows GROUP BY 1")?.rows::<Host>()?;
/// flowdeck::table("busy", hosts.into_iter().filter(|host| host.flows > 1000).collect::<Vec<_>>())?;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no row of a table",
    note = "write #[derive(flowdeck::FlowRow)] above the struct"
)]
pub trait FlowRow: FromRow {
    /// The columns of some rows.
    #[doc(hidden)]
    fn columns(rows: &[Self]) -> Vec<(Field, ArrayRef)>;
}

/// Makes rows a table of this name, which SQL reads from now on. One of that name is replaced.
///
/// # Errors
/// When no table can have that name, or there is no kernel.
pub fn table<T: FlowRow>(name: &str, rows: impl AsRef<[T]>) -> Result<Table, Error> {
    let rows = rows.as_ref();
    let (fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = T::columns(&[]).into_iter().unzip();
    let schema = Arc::new(Schema::new(fields));
    let mut batches = Vec::new();
    for rows in rows.chunks(BATCH_ROWS) {
        columns = T::columns(rows).into_iter().map(|(_, column)| column).collect();
        batches.push(batch(&schema, columns.clone())?);
    }
    if batches.is_empty() {
        batches.push(batch(&schema, columns)?);
    }
    define(name, schema, batches)
}

fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch, Error> {
    RecordBatch::try_new(schema.clone(), columns).map_err(|error| Error::new(format!("internal: {error}")))
}

// Not generic, so compiled with the prelude.
fn define(name: &str, schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Table, Error> {
    let sent: Vec<Result<RecordBatch, ArrowError>> = batches.iter().cloned().map(Ok).collect();
    let reader = RecordBatchIterator::new(sent, schema.clone());
    let frame = json!({"type": bridge::TABLE_DEFINE, "name": name});
    let reply = host::request_with_batches(&frame, Box::new(reader))?;
    let shown = match reply.json.get("data") {
        Some(Value::Object(data)) => data.clone(),
        _ => MimeBundle::new(),
    };
    Ok(Table::new(schema, batches, shown))
}

/// A column of rows, for what `derive(FlowRow)` writes.
#[doc(hidden)]
pub fn column_of<'a, T: Output + Clone + 'a>(name: &str, values: impl Iterator<Item = &'a T>) -> (Field, ArrayRef) {
    // A field is no `Result`, so nothing is lost.
    let values = values.map(|value| value.clone().value().ok().flatten());
    (T::Value::field(name), T::Value::column(values))
}

/// Where columns are, for what `derive(FlowRow)` writes.
///
/// # Errors
/// For the first that is not there.
#[doc(hidden)]
pub fn places_of(batch: &RecordBatch, columns: &[&str]) -> Result<Vec<usize>, Mismatch> {
    let schema = batch.schema_ref();
    let missing = |name: &str| {
        let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let found = format!("a table with the columns {}", known.join(", "));
        Mismatch { column: name.to_owned(), found, wanted: "a column of each row" }
    };
    columns.iter().map(|name| schema.index_of(name).map_err(|_| missing(name))).collect()
}

/// The rows of a batch, for what `derive(FlowRow)` writes.
#[doc(hidden)]
pub fn rows_of(batch: &RecordBatch) -> impl Iterator<Item = Row<'_>> {
    (0..batch.num_rows()).map(move |row| Row::new(batch, row))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::IpAddr;

    use super::*;
    use crate::{FlowRow, fake_host::FakeHost};

    #[derive(Clone, Debug, PartialEq, FlowRow)]
    struct Host {
        src_ip: IpAddr,
        flows: u64,
        #[flow(column = "name")]
        called: Option<String>,
    }

    fn hosts() -> Vec<Host> {
        let host = |last: u8, called: Option<&str>| Host {
            src_ip: IpAddr::from([10, 0, 0, last]),
            flows: u64::MAX - u64::from(last),
            called: called.map(str::to_owned),
        };
        vec![host(1, Some("gate")), host(2, None)]
    }

    #[test]
    fn rows_become_a_table_and_come_back() {
        let host = FakeHost::answering(|_| json!({"data": {}}));
        let table = table("hosts", hosts()).unwrap();
        assert_eq!(host.frames()[0], json!({"type": "table_define", "name": "hosts"}));
        assert_eq!(host.rows_sent(), 2);
        assert_eq!(table.rows::<Host>().unwrap(), hosts());
        assert_eq!(table.schema().field(0).metadata()["ARROW:extension:name"], "flowdeck.ip");
        assert_eq!(table.schema().field(2).name(), "name");
    }

    #[test]
    fn no_rows_are_a_table_with_columns() {
        let _host = FakeHost::answering(|_| json!({"data": {}}));
        let table = table::<Host>("hosts", []).unwrap();
        assert_eq!((table.row_count(), table.schema().fields().len()), (0, 3));
    }

    #[derive(Debug, FlowRow)]
    #[allow(dead_code)]
    struct Other {
        flows: u64,
        bytes: u64,
    }

    #[test]
    fn a_column_that_is_missing_or_of_another_type_is_named() {
        let _host = FakeHost::answering(|_| json!({"data": {}}));
        let table = table("hosts", hosts()).unwrap();
        let missing = table.rows::<Other>().unwrap_err().to_string();
        assert!(missing.contains("`bytes`") && missing.contains("src_ip, flows, name"), "{missing}");
        #[derive(Debug, FlowRow)]
        #[allow(dead_code)]
        struct Wrong {
            flows: bool,
        }
        let wrong = table.rows::<Wrong>().unwrap_err().to_string();
        assert!(wrong.contains("`flows`") && wrong.contains("UInt64") && wrong.contains("bool"), "{wrong}");
    }
}
