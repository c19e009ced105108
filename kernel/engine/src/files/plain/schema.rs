//! The columns of files of which some rows cannot be read, or share names: as the good ones among the first rows have them.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::reader::infer_json_schema_from_iterator;
use file_source::{Input, Line, LineReader, Next, read_head, without_bom};
use serde_json::Value;

use super::records::Records;
use super::{Writing, for_each_object};
use crate::files::ROWS_FOR_TYPES;
use crate::files::delimited::{self, Delimited};

/// Bytes looked at, after decompression.
const BYTES_FOR_TYPES: usize = 16 * 1024 * 1024;
/// Objects looked at together.
const OBJECTS_AT_ONCE: usize = 1000;

/// The columns of files with the same writing. Those that cannot be opened have none.
///
/// # Errors
/// When Arrow cannot make columns of the rows.
pub(crate) fn of_good_rows(writing: &Writing, paths: &[&Path]) -> Result<SchemaRef, ArrowError> {
    match writing {
        Writing::Csv(dialect) => of_values(dialect, paths),
        Writing::Json => Ok(of_objects(paths)),
    }
}

fn of_values(dialect: &Delimited, paths: &[&Path]) -> Result<SchemaRef, ArrowError> {
    let mut text = Vec::new();
    if dialect.has_header {
        text.extend_from_slice(dialect.header.as_bytes());
        text.push(b'\n');
    }
    let mut left = ROWS_FOR_TYPES;
    for path in paths {
        if left == 0 || text.len() >= BYTES_FOR_TYPES {
            break;
        }
        if let Ok(input) = Input::open(path, None) {
            left -= add_good_records(input, dialect, left, &mut text);
        }
    }
    let format = Format::default().with_header(dialect.has_header).with_delimiter(dialect.separator);
    let (found, _) = format.infer_schema(text.as_slice(), Some(ROWS_FOR_TYPES))?;
    Ok(Arc::new(Schema::new(with_distinct_names(found.fields()))))
}

/// Adds the good ones among the first records to `text`; how many there are, at most `count_max`.
fn add_good_records(input: Input, dialect: &Delimited, count_max: usize, text: &mut Vec<u8>) -> usize {
    let mut records = Records::new(&Writing::Csv(dialect.clone()));
    if cut(input, count_max, &mut records).is_err() {
        // What comes before a defect of the file counts.
        records.end();
    }
    let good = (0..records.whole()).map(|place| records.text(place, place + 1));
    let good = good.filter(|record| is_good(record, dialect)).take(count_max);
    good.map(|record| text.extend_from_slice(record)).count()
}

fn cut(input: Input, count_max: usize, records: &mut Records) -> io::Result<()> {
    let mut reader = LineReader::new(input);
    while records.whole() < count_max && reader.offset() < BYTES_FOR_TYPES as u64 {
        match reader.next()? {
            Line::Text(1, line) => drop(records.push(without_bom(line), 1)),
            Line::Text(number, line) => drop(records.push(line, number)),
            Line::TooLong(_) | Line::Pause => {}
            Line::End => {
                records.end();
                break;
            }
        }
    }
    Ok(())
}

fn is_good(record: &[u8], dialect: &Delimited) -> bool {
    let Ok(record) = std::str::from_utf8(record) else { return false };
    let record = record.trim_end_matches('\n');
    // For Arrow a record ends there.
    !record.contains('\r') && delimited::field_count(record, dialect.separator) == dialect.column_count
}

/// The first column of a name keeps it; the others get a number behind it.
fn with_distinct_names(fields: &Fields) -> Vec<Field> {
    let written: HashSet<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let mut taken = HashSet::new();
    let distinct = fields.iter().map(|field| {
        let mut name = field.name().clone();
        let mut number = 2;
        while (number > 2 && written.contains(name.as_str())) || !taken.insert(name.clone()) {
            name = format!("{}_{number}", field.name());
            number += 1;
        }
        field.as_ref().clone().with_name(name)
    });
    distinct.collect()
}

fn of_objects(paths: &[&Path]) -> SchemaRef {
    let mut columns = Columns::default();
    for head in paths.iter().filter_map(|path| read_head(path, BYTES_FOR_TYPES).ok()) {
        for_each_object(&head, |object| columns.add(object));
        if columns.count >= ROWS_FOR_TYPES {
            break;
        }
    }
    columns.settle();
    Arc::new(columns.known)
}

/// The columns that objects have so far.
struct Columns {
    known: Schema,
    waiting: Vec<Value>,
    count: usize,
}

impl Default for Columns {
    fn default() -> Columns {
        Columns { known: Schema::empty(), waiting: Vec::new(), count: 0 }
    }
}

impl Columns {
    fn add(&mut self, object: Value) -> Next {
        self.waiting.push(object);
        self.count += 1;
        if self.waiting.len() >= OBJECTS_AT_ONCE {
            self.settle();
        }
        if self.count >= ROWS_FOR_TYPES { Next::Stop } else { Next::Continue }
    }

    fn settle(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.learn(&waiting);
    }

    /// Objects that contradict those before them, as a text does where they have an object, are found by halves and left
    /// out: they are rows that cannot be read.
    fn learn(&mut self, objects: &[Value]) {
        let known = object_with(self.known.fields());
        let all = std::iter::once(&known).chain(objects).map(Ok);
        match infer_json_schema_from_iterator(all) {
            Ok(schema) => self.known = schema,
            Err(_) if objects.len() <= 1 => {}
            Err(_) => {
                let (one, other) = objects.split_at(objects.len() / 2);
                self.learn(one);
                self.learn(other);
            }
        }
    }
}

/// An object of which Arrow finds these columns.
fn object_with(fields: &Fields) -> Value {
    fields.iter().map(|field| (field.name().clone(), value_of(field.data_type()))).collect()
}

fn value_of(data_type: &DataType) -> Value {
    match data_type {
        DataType::Null => Value::Null,
        DataType::Boolean => true.into(),
        DataType::Int64 => 0.into(),
        DataType::Float64 => 0.5.into(),
        DataType::Struct(fields) => object_with(fields),
        DataType::List(item) if item.data_type().is_null() => Value::Array(Vec::new()),
        DataType::List(item) => vec![value_of(item.data_type())].into(),
        _ => "".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_and_types(schema: &Schema) -> Vec<String> {
        schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect()
    }

    #[test]
    fn no_more_files_are_read_than_types_need() {
        let folder = tempfile::tempdir().expect("a folder");
        let (full, other) = (folder.path().join("full"), folder.path().join("other"));
        let dialect = Delimited { separator: b'\t', has_header: true, header: "id\tid\tnote".into(), column_count: 3 };
        let rows = "7\t1.5\t\n".repeat(ROWS_FOR_TYPES);
        std::fs::write(&full, format!("id\tid\tnote\nragged\n{rows}")).expect("a file");
        std::fs::write(&other, "id\tid\tnote\nx\tx\tx\n").expect("a file");
        let found = of_good_rows(&Writing::Csv(dialect.clone()), &[&full, &other]).expect("columns");
        // One row is missing for the ragged one, so the other file is asked for that.
        assert_eq!(names_and_types(&found), ["id Utf8", "id_2 Utf8", "note Utf8"]);
        std::fs::write(&full, format!("id\tid\tnote\n{rows}")).expect("a file");
        let found = of_good_rows(&Writing::Csv(dialect), &[&full, &other]).expect("columns");
        assert_eq!(names_and_types(&found), ["id Int64", "id_2 Float64", "note Null"]);

        std::fs::write(&full, "{\"a\": 1}\n".repeat(ROWS_FOR_TYPES)).expect("a file");
        std::fs::write(&other, "{\"b\": 1}\n").expect("a file");
        let found = of_good_rows(&Writing::Json, &[&full, &other]).expect("columns");
        assert_eq!(names_and_types(&found), ["a Int64"]);
    }

    #[test]
    fn objects_that_contradict_those_before_them_have_no_say() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("objects");
        let text =
            r#"[{"a": {"b": null}, "c": []}, {"a": 5}, 7, {"a": {"b": 1.5}, "c": [[]]}, {"a": {"b": 2}, "c": "x"}"#;
        std::fs::write(&path, text).expect("a file");
        let found = of_good_rows(&Writing::Json, &[&path]).expect("columns");
        assert_eq!(names_and_types(&found), ["a Struct(\"b\": Float64)", "c List(List(Utf8))"]);
    }

    #[test]
    fn repeated_names_get_numbers_that_are_not_taken() {
        let fields: Fields =
            ["id", "id", "id_2", "x", "id"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec().into();
        let names: Vec<String> = with_distinct_names(&fields).iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["id", "id_3", "id_2", "x", "id_4"]);
    }
}
