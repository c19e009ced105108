//! Columns of a source's own: their kinds, learnt from first rows, and their values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringViewBuilder, TimestampNanosecondBuilder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, SchemaRef};
use flow_source::schema::time_type;
use serde_json::Value;

use super::fields::{Kind, excerpt, json_text};
use super::zone::Zone;
use crate::value::{self, TimeFormat};

/// Columns of one table; a file with random keys must not make an endless schema.
pub(crate) const COLUMNS_MAX: usize = 2000;
/// Rows looked at to learn columns and kinds.
pub(crate) const SAMPLE_ROWS_MAX: usize = 1000;
/// Objects within objects whose fields become columns of their own; deeper ones stay JSON text.
const NESTING_MAX: usize = 5;

/// Columns under discovery, in the order in which they appear.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    places: HashMap<String, usize>,
    columns: Vec<(String, Option<Kind>)>,
}

impl Columns {
    /// Learns from a value; `None` of a kind when it is none.
    pub(crate) fn learn(&mut self, name: &str, kind: Option<Kind>) {
        let place = match self.places.get(name) {
            Some(&place) => place,
            None if self.columns.len() >= COLUMNS_MAX => return,
            None => {
                self.places.insert(name.to_owned(), self.columns.len());
                self.columns.push((name.to_owned(), None));
                self.columns.len() - 1
            }
        };
        let known = &mut self.columns[place].1;
        *known = match (*known, kind) {
            (Some(known), Some(kind)) => Some(known.unite(kind)),
            (known, kind) => known.or(kind),
        };
    }

    /// Learns from a JSON object.
    pub(crate) fn learn_object(&mut self, object: &[u8]) {
        if let Ok(Value::Object(object)) = serde_json::from_slice(object) {
            self.learn_members(&object, "", 0);
        }
    }

    fn learn_members(&mut self, object: &serde_json::Map<String, Value>, prefix: &str, depth: usize) {
        for (key, value) in object {
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                Value::Object(inner) if depth < NESTING_MAX && !inner.is_empty() => {
                    self.learn_members(inner, &name, depth + 1);
                }
                Value::Null => self.learn(&name, None),
                Value::Bool(_) => self.learn(&name, Some(Kind::Bool)),
                Value::Number(number) => self.learn(&name, Some(kind_of_number(&number.to_string()))),
                _ => self.learn(&name, Some(Kind::Text)),
            }
        }
    }

    /// The columns; those named in `times` hold times, and those without a value are text.
    pub(crate) fn settle(self, times: &[&str]) -> Vec<(String, Kind)> {
        let kind = |(name, kind): (String, Option<Kind>)| {
            let is_time = times.contains(&name.as_str());
            (name, if is_time { Kind::Time } else { kind.unwrap_or(Kind::Text) })
        };
        self.columns.into_iter().map(kind).collect()
    }
}

/// The kind that a delimited value shows.
pub(crate) fn kind_of_text(text: &str) -> Kind {
    match text.as_bytes() {
        // A leading zero belongs to an identifier rather than to a number.
        [b'0', b'0'..=b'9', ..] => Kind::Text,
        _ => kind_of_number(text),
    }
}

fn kind_of_number(text: &str) -> Kind {
    let bytes = text.as_bytes();
    if value::signed(bytes).is_some() {
        return Kind::Int;
    }
    if value::unsigned(bytes).is_some() {
        return Kind::Count;
    }
    let is_number = bytes.iter().any(u8::is_ascii_digit) && value::float(bytes).is_some();
    if is_number { Kind::Float } else { Kind::Text }
}

/// One value of a row that is not known to be good yet.
enum Cell<'a> {
    None,
    Integer(i64),
    Count(u64),
    Float(f64),
    Bool(bool),
    Text(std::borrow::Cow<'a, str>),
}

enum Column {
    Time(TimestampNanosecondBuilder),
    Int(Int64Builder),
    Count(UInt64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Text(StringViewBuilder),
}

/// Rows of a source's own columns under construction.
pub(crate) struct NativeRows {
    schema: SchemaRef,
    kinds: Vec<Kind>,
    columns: Vec<Column>,
    rows: usize,
    is_json: bool,
}

impl NativeRows {
    /// `kinds` are those of the fields of `schema`.
    pub(crate) fn new(schema: SchemaRef, kinds: Vec<Kind>, is_json: bool) -> Self {
        let columns = kinds.iter().map(|kind| Column::new(*kind)).collect();
        Self { schema, kinds, columns, rows: 0, is_json }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Adds a row; `values` are in the order of the schema's fields.
    ///
    /// # Errors
    /// Which value is not of its column's kind; then nothing is added.
    pub(crate) fn push(&mut self, values: &[Option<&str>]) -> Result<(), String> {
        let mut cells = Vec::with_capacity(values.len());
        for ((field, kind), raw) in self.schema.fields().iter().zip(&self.kinds).zip(values) {
            let cell = cell(*kind, *raw, self.is_json).ok_or_else(|| {
                let raw = excerpt(raw.unwrap_or_default());
                format!("`{}` is `{raw}`, expected {}", field.name(), kind.expected())
            })?;
            cells.push(cell);
        }
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell);
        }
        self.rows += 1;
        Ok(())
    }

    pub(crate) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let columns = self.columns.iter_mut().map(Column::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

/// A value of a kind; `None` when it is not of that kind.
fn cell(kind: Kind, raw: Option<&str>, is_json: bool) -> Option<Cell<'_>> {
    let Some(raw) = raw else { return Some(Cell::None) };
    let text = if is_json { json_text(raw) } else { raw.into() };
    Some(match kind {
        Kind::Text => Cell::Text(text),
        _ if text.is_empty() => Cell::None,
        Kind::Time => Cell::Integer(moment(&text)?),
        Kind::Int => Cell::Integer(value::signed(text.as_bytes())?),
        Kind::Count => Cell::Count(value::unsigned(text.as_bytes())?),
        Kind::Float => Cell::Float(value::float(text.as_bytes())?),
        Kind::Bool => Cell::Bool(value::boolean(text.as_bytes())?),
    })
}

/// A time in whichever way it is written.
fn moment(text: &str) -> Option<i64> {
    match value::guess_time_format(text.as_bytes()) {
        Some(TimeFormat::Iso8601) | None => Zone::default().moment(text),
        Some(format) => value::time(text.as_bytes(), format),
    }
}

impl Column {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Time => Self::Time(TimestampNanosecondBuilder::new().with_data_type(time_type())),
            Kind::Int => Self::Int(Int64Builder::new()),
            Kind::Count => Self::Count(UInt64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Text => Self::Text(StringViewBuilder::new()),
        }
    }

    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Time(builder), Cell::Integer(nanos)) => builder.append_value(nanos),
            (Self::Int(builder), Cell::Integer(number)) => builder.append_value(number),
            (Self::Count(builder), Cell::Count(number)) => builder.append_value(number),
            (Self::Float(builder), Cell::Float(number)) => builder.append_value(number),
            (Self::Bool(builder), Cell::Bool(truth)) => builder.append_value(truth),
            (Self::Text(builder), Cell::Text(text)) => builder.append_value(text),
            // A cell is made for its column's kind, so what is left is none.
            (Self::Time(builder), _) => builder.append_null(),
            (Self::Int(builder), _) => builder.append_null(),
            (Self::Count(builder), _) => builder.append_null(),
            (Self::Float(builder), _) => builder.append_null(),
            (Self::Bool(builder), _) => builder.append_null(),
            (Self::Text(builder), _) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Count(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(objects: &[&str], column: &str, kind: Kind) {
        let mut columns = Columns::default();
        objects.iter().for_each(|object| columns.learn_object(object.as_bytes()));
        let settled = columns.settle(&["t"]);
        let found = settled.iter().find(|(name, _)| name == column).map(|(_, kind)| *kind);
        assert_eq!(found, Some(kind), "{column} of {objects:?}");
    }

    #[test]
    fn kinds_of_json() {
        check(&[r#"{"t":"2024-01-01T00:00:00Z"}"#], "t", Kind::Time);
        check(&[r#"{"a":1}"#, r#"{"a":-1}"#], "a", Kind::Int);
        check(&[r#"{"a":1}"#, r#"{"a":18446744073709551615}"#], "a", Kind::Count);
        check(&[r#"{"a":1}"#, r#"{"a":1.5}"#], "a", Kind::Float);
        check(&[r#"{"a":null}"#, r#"{"a":true}"#], "a", Kind::Bool);
        check(&[r#"{"a":1}"#, r#"{"a":"x"}"#], "a", Kind::Text);
        check(&[r#"{"a":{"b":{"c":1}}}"#], "a.b.c", Kind::Int);
        check(&[r#"{"a":[1]}"#], "a", Kind::Text);
    }

    #[test]
    fn kinds_of_text() {
        for (text, kind) in [("7", Kind::Int), ("-7", Kind::Int), ("0.5", Kind::Float), ("007", Kind::Text)] {
            assert_eq!(kind_of_text(text), kind, "{text}");
        }
        for text in ["eni-1", "10.0.0.1", "nan", "inf", "0x1f", "..AP.."] {
            assert_eq!(kind_of_text(text), Kind::Text, "{text}");
        }
    }
}
