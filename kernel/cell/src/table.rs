//! The result of a query in a Rust cell: Arrow record batches, typed rows, and a display like that of a SQL cell.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema, SchemaRef};
use serde_json::{Value, json};

use crate::{
    bridge,
    convert::{FromCell, FromRow, Mismatch},
    display::{self, Displayable, MimeBundle},
    host::{self, Error},
    widgets::Callback,
};

/// Runs a query on the kernel's tables and gives its rows.
///
/// ```ignore
/// let top = flowdeck::sql("SELECT src_ip, count(*) FROM flows GROUP BY 1 ORDER BY 2 DESC LIMIT 5")?;
/// for (address, flows) in top.rows::<(String, u64)>()? { println!("{address} {flows}"); }
/// ```
///
/// # Errors
/// What the engine says of the query, with a hint; [`Error::is_interrupted`] when the user stopped it.
pub fn sql(query: &str) -> Result<Table, Error> {
    let reply = host::request(&json!({"type": bridge::SQL, "sql": query}))?;
    let Some(stream) = reply.batches else {
        return Err(Error::new("internal: the kernel answered a query without rows"));
    };
    let schema = arrow_array::RecordBatchReader::schema(&stream);
    let batches = stream.collect::<Result<Vec<_>, _>>().map_err(|error| Error::new(error.to_string()))?;
    let shown = match reply.json.get("data") {
        Some(Value::Object(data)) => data.clone(),
        _ => MimeBundle::new(),
    };
    Ok(Table::new(schema, batches, shown))
}

/// Rows of a query. Cheap to clone: the batches are shared.
#[derive(Clone)]
pub struct Table {
    schema: SchemaRef,
    batches: Arc<[RecordBatch]>,
    shown: Arc<Shown>,
}

/// The first rows as the kernel shows them, and by which result it knows all of them.
struct Shown(MimeBundle);

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(table) = self.0.get(bridge::TABLE_MIME).and_then(|mark| mark.get("id")) {
            host::send(&json!({"type": bridge::TABLE_DROP, "table": table}));
        }
    }
}

impl Table {
    /// A table with the kernel's display of it.
    pub(crate) fn new(schema: SchemaRef, batches: Vec<RecordBatch>, shown: MimeBundle) -> Table {
        Table { schema, batches: batches.into(), shown: Arc::new(Shown(shown)) }
    }

    /// How many rows there are.
    pub fn row_count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Names, types and metadata of the columns.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The rows as Arrow record batches.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// Iterates over the rows without a type; read values with [`Row::get`].
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| Row { batch, row }))
    }

    /// All rows as tuples, or as structs that derive [`crate::FlowRow`].
    ///
    /// # Errors
    /// [`Mismatch`] for a column that is not there, and for the first value that is not of its type.
    pub fn rows<T: FromRow>(&self) -> Result<Vec<T>, Mismatch> {
        if self.batches.is_empty() {
            return T::from_batch(&RecordBatch::new_empty(self.schema.clone()));
        }
        let mut rows = Vec::with_capacity(self.row_count());
        for batch in self.batches.iter() {
            rows.extend(T::from_batch(batch)?);
        }
        Ok(rows)
    }

    /// One column as a vector.
    ///
    /// # Errors
    /// [`Mismatch`] for an unknown column or the first value that is not of its type.
    pub fn column<T: FromCell>(&self, name: &str) -> Result<Vec<T>, Mismatch> {
        self.iter().map(|row| row.get(name)).collect()
    }

    /// Writes all rows to a new file in `data/PLAYBOOK/` beside the notebook and gives its path. `format` is `csv`,
    /// `json` (one object a line), `parquet`, `arrow`, `markdown` or `xlsx`. Nothing is ever overwritten.
    ///
    /// # Errors
    /// When there is no such format or the file cannot be written.
    pub fn save(&self, format: &str) -> Result<std::path::PathBuf, Error> {
        let reply = host::request(&json!({"type": bridge::TABLE_SAVE, "table": self.number(), "format": format}))?;
        Ok(reply.json.get("path").and_then(Value::as_str).unwrap_or_default().into())
    }

    /// Puts a button beside the table, for the row that a person has chosen in it: `action` is called with that row. To be
    /// called before the table is displayed. What `action` prints and displays appears below the cell that says so.
    ///
    /// ```ignore
    /// let top = flowdeck::sql("SELECT src_ip, count(*) AS flows FROM flows GROUP BY 1")?;
    /// top.on_row("Look up", |row| println!("{}", row.get::<String>("src_ip").unwrap()))?;
    /// top
    /// ```
    ///
    /// # Errors
    /// When there is no kernel to tell.
    pub fn on_row(&self, label: &str, mut action: impl FnMut(Row<'_>) + Send + 'static) -> Result<Callback, Error> {
        static LISTENERS: AtomicU64 = AtomicU64::new(0);
        // Each cell has its own counter, so the process and the address of it make the identifier unique.
        let number = LISTENERS.fetch_add(1, Ordering::Relaxed);
        let listener = format!("row-{}-{:p}-{number}", std::process::id(), &LISTENERS);
        let batches = self.batches.clone();
        let callback = Callback::on_message(&listener, move |message| {
            let row = message.content.get("row").and_then(Value::as_u64).and_then(|row| usize::try_from(row).ok());
            if let Some(row) = row.and_then(|row| row_at(&batches, row)) {
                action(row);
            }
        })?;
        host::send(
            &json!({"type": bridge::TABLE_ACTION, "table": self.number(), "label": label, "listener": listener}),
        );
        Ok(callback)
    }

    /// By what the kernel knows all of its rows.
    pub(crate) fn number(&self) -> Option<&Value> {
        self.shown.0.get(bridge::TABLE_MIME).and_then(|mark| mark.get("id"))
    }

    /// Makes the table the cell's result; evcxr calls it when a table is the last expression of a cell.
    pub fn evcxr_display(&self) {
        display::result(&self.mime_bundle());
    }
}

/// The row with this number, counted from 0 over all batches.
fn row_at(batches: &[RecordBatch], mut row: usize) -> Option<Row<'_>> {
    for batch in batches {
        if row < batch.num_rows() {
            return Some(Row { batch, row });
        }
        row -= batch.num_rows();
    }
    None
}

impl Displayable for Table {
    fn mime_bundle(&self) -> MimeBundle {
        self.shown.0.clone()
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.shown.0.get("text/plain").and_then(Value::as_str) {
            Some(text) => f.write_str(text),
            None => write!(f, "Table of {} rows", self.row_count()),
        }
    }
}

/// One row of a table.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> Row<'a> {
    pub(crate) fn new(batch: &'a RecordBatch, row: usize) -> Row<'a> {
        Row { batch, row }
    }

    /// The value in the column `name`.
    ///
    /// # Errors
    /// [`Mismatch`] when there is no such column or the value is of another type.
    pub fn get<T: FromCell>(&self, name: &str) -> Result<T, Mismatch> {
        match self.batch.schema_ref().index_of(name) {
            Ok(index) => self.at(index),
            Err(_) => Err(Mismatch { column: name.to_owned(), found: self.known_columns(), wanted: T::NAME }),
        }
    }

    /// The value in the column with this index, counted from 0.
    ///
    /// # Errors
    /// [`Mismatch`] when there is no such column or the value is of another type.
    pub fn at<T: FromCell>(&self, index: usize) -> Result<T, Mismatch> {
        let Some(column) = self.batch.columns().get(index) else {
            return Err(Mismatch { column: index.to_string(), found: self.known_columns(), wanted: T::NAME });
        };
        let value = match self.is_null(column) {
            true => T::from_null(),
            false => T::from_cell(column, self.row),
        };
        value.ok_or_else(|| Mismatch {
            column: self.batch.schema_ref().field(index).name().clone(),
            found: self.found(column),
            wanted: T::NAME,
        })
    }

    /// A column of nothing but NULL has no bits that say so.
    fn is_null(&self, column: &ArrayRef) -> bool {
        column.is_null(self.row) || column.data_type() == &DataType::Null
    }

    fn found(&self, column: &ArrayRef) -> String {
        match self.is_null(column) {
            true => "NULL".to_owned(),
            false => format!("a value of type {}", column.data_type()),
        }
    }

    fn known_columns(&self) -> String {
        let schema = self.batch.schema_ref();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        format!("a table with the columns {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::IpAddr;

    use super::*;
    use arrow_array::{Int64Array, StringViewArray, UInt64Array};

    fn table() -> Table {
        let batch = RecordBatch::try_from_iter([
            ("src_ip", Arc::new(StringViewArray::from(vec![Some("10.0.0.1"), None])) as ArrayRef),
            ("bytes", Arc::new(UInt64Array::from(vec![u64::MAX, 7])) as ArrayRef),
            ("delta", Arc::new(Int64Array::from(vec![-1, 3])) as ArrayRef),
        ])
        .unwrap();
        Table { schema: batch.schema(), batches: vec![batch].into(), shown: Arc::new(Shown(MimeBundle::new())) }
    }

    #[test]
    fn rows_come_as_tuples_and_null_needs_an_option() {
        let rows = table().rows::<(Option<String>, u64, i64)>().unwrap();
        assert_eq!(rows, [(Some("10.0.0.1".to_owned()), u64::MAX, -1), (None, 7, 3)]);
        let refused = table().rows::<(String,)>().unwrap_err().to_string();
        assert_eq!(refused, "column `src_ip`: NULL cannot be read as String\nhint: ask for Option<String>");
    }

    #[test]
    fn addresses_are_read_as_addresses_and_as_text() {
        let bytes = std::net::Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped().octets();
        let column = arrow_array::FixedSizeBinaryArray::try_from_iter([bytes].into_iter()).unwrap();
        let batch = RecordBatch::try_from_iter([("src_ip", Arc::new(column) as ArrayRef)]).unwrap();
        let addresses =
            Table { schema: batch.schema(), batches: vec![batch].into(), shown: Arc::new(Shown(MimeBundle::new())) };
        assert_eq!(addresses.column::<String>("src_ip").unwrap(), ["192.0.2.1"]);
        assert_eq!(addresses.column::<IpAddr>("src_ip").unwrap(), [IpAddr::from([192, 0, 2, 1])]);
        assert_eq!(table().column::<Option<IpAddr>>("src_ip").unwrap(), [Some(IpAddr::from([10, 0, 0, 1])), None]);
    }

    #[test]
    fn a_number_that_does_not_fit_is_refused_not_wrapped() {
        assert_eq!(table().column::<u64>("bytes").unwrap(), [u64::MAX, 7]);
        assert!(table().column::<i64>("bytes").is_err());
        assert!(table().column::<u64>("delta").is_err());
        assert!(table().column::<bool>("bytes").is_err());
    }

    #[test]
    fn an_unknown_column_is_named_beside_the_known_ones() {
        let refused = table().column::<u64>("octets").unwrap_err().to_string();
        assert!(refused.contains("`octets`") && refused.contains("src_ip, bytes, delta"), "{refused}");
    }

    #[test]
    fn outside_a_cell_host_a_query_says_so() {
        assert!(sql("SELECT 1").unwrap_err().to_string().contains("no kernel"));
    }
}
