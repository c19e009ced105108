//! From the text of records to batches, by Arrow's parsers; and of a record that they refuse, why.

use std::cell::RefCell;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::csv;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json;
use flow_source::schema::time_type;

use super::{Writing, exact};
use crate::engine::type_text;
use crate::error::plain_text;
use crate::files::delimited::{self, Delimited};
use crate::files::zeros;
use crate::render::visible;

/// Characters of a value or record that are quoted.
const EXCERPT_CHARS_MAX: usize = 60;

/// Makes batches with the columns of one query.
pub(super) struct Parser {
    kind: Kind,
    wanted: SchemaRef,
}

enum Kind {
    Csv {
        dialect: Delimited,
        /// All columns of the file.
        all: SchemaRef,
        /// The same with texts in the place of days.
        read: SchemaRef,
        /// Which of them are wanted.
        places: Vec<usize>,
    },
    Json {
        /// The columns with texts in the place of times.
        read: SchemaRef,
        /// With texts also in the place of integers.
        read_exactly: SchemaRef,
        unknown: RefCell<UnknownKey>,
    },
}

/// A key of objects that has no column.
enum UnknownKey {
    /// The query does not want all columns, or one has been told.
    NotAsked,
    NotFound,
    Found(String),
}

impl Parser {
    /// # Errors
    /// When `wanted` has columns that `all` has not, which is a bug.
    pub(super) fn new(writing: &Writing, all: &SchemaRef, wanted: &SchemaRef) -> Result<Parser, ArrowError> {
        let is_time = |data_type: &DataType| matches!(data_type, DataType::Timestamp(..));
        let kind = match writing {
            Writing::Csv(dialect) => {
                let places = wanted.fields().iter().map(|field| all.index_of(field.name()));
                Kind::Csv {
                    dialect: dialect.clone(),
                    all: Arc::clone(all),
                    read: exact::with_texts(all, |data_type| matches!(data_type, DataType::Date32)),
                    places: places.collect::<Result<Vec<_>, _>>()?,
                }
            }
            Writing::Json => Kind::Json {
                // Arrow takes any number in JSON for a time in nanoseconds; a text is a time or none.
                read: exact::with_texts(wanted, is_time),
                read_exactly: exact::with_texts(wanted, |data_type| is_time(data_type) || data_type.is_integer()),
                unknown: RefCell::new(match wanted.fields() == all.fields() {
                    true => UnknownKey::NotFound,
                    false => UnknownKey::NotAsked,
                }),
            },
        };
        Ok(Parser { kind, wanted: Arc::clone(wanted) })
    }

    /// The rows of `text`, which should be `count`.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(super) fn parse(&self, text: &[u8], count: usize) -> Result<RecordBatch, ArrowError> {
        let batches = match &self.kind {
            Kind::Csv { dialect, read, places, .. } => {
                let builder = csv::ReaderBuilder::new(Arc::clone(read)).with_delimiter(dialect.separator);
                let builder = builder.with_projection(places.clone()).with_batch_size(count);
                batches_of(text, &mut CsvDecoder(builder.build_decoder()))?
            }
            Kind::Json { read, read_exactly, unknown } => {
                let read = if exact::may_have_fraction(text) { read_exactly } else { read };
                let asks = matches!(*unknown.borrow(), UnknownKey::NotFound);
                let outcome = of_objects(text, count, read, asks);
                match outcome.as_ref().err().filter(|_| asks).and_then(unknown_key) {
                    Some(key) => {
                        unknown.replace(UnknownKey::Found(key));
                        of_objects(text, count, read, false)?
                    }
                    None => outcome?,
                }
            }
        };
        let batches = batches.into_iter().map(|batch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let columns =
                batch.columns().iter().zip(self.wanted.fields()).map(|(column, field)| read_as(column, field));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            RecordBatch::try_new_with_options(Arc::clone(&self.wanted), columns, &options)
        });
        let mut batches = batches.collect::<Result<Vec<_>, _>>()?;
        match batches.len() {
            1 => Ok(batches.remove(0)),
            _ => concat_batches(&self.wanted, &batches),
        }
    }

    /// A key that is in none of the rows that told the columns; once.
    pub(super) fn take_unknown_key(&self) -> Option<String> {
        let Kind::Json { unknown, .. } = &self.kind else { return None };
        if !matches!(*unknown.borrow(), UnknownKey::Found(_)) {
            return None;
        }
        match unknown.replace(UnknownKey::NotAsked) {
            UnknownKey::Found(key) => Some(key),
            UnknownKey::NotAsked | UnknownKey::NotFound => None,
        }
    }

    /// Why a record gives no row.
    pub(super) fn reason(&self, record: &[u8], fault: Option<ArrowError>) -> String {
        let text = String::from_utf8_lossy(record);
        let said = fault.map(|fault| fault.to_string()).unwrap_or_default();
        match &self.kind {
            Kind::Csv { dialect, all, .. } => {
                let found = delimited::field_count(text.trim_end_matches('\n'), dialect.separator);
                match () {
                    () if std::str::from_utf8(record).is_err() => "it is not text in UTF-8".into(),
                    () if found != dialect.column_count => format!("{found} values, expected {}", dialect.column_count),
                    () => of_value(&said, all).unwrap_or_else(|| plain_text(&said)),
                }
            }
            Kind::Json { .. } => match serde_json::from_slice::<serde_json::Value>(record) {
                Ok(serde_json::Value::Object(_)) => plain_text(&said),
                Ok(_) => format!("`{}` is not a JSON object", excerpt(&text)),
                Err(error) => format!("`{}` is not a JSON object: {error}", excerpt(&text)),
            },
        }
    }
}

/// Rows of objects. Numbers and truth values are texts where texts are expected.
fn of_objects(text: &[u8], count: usize, read: &SchemaRef, is_strict: bool) -> Result<Vec<RecordBatch>, ArrowError> {
    let builder = json::ReaderBuilder::new(Arc::clone(read)).with_batch_size(count);
    let builder = builder.with_coerce_primitive(true).with_strict_mode(is_strict);
    batches_of(text, &mut JsonDecoder(builder.build_decoder()?))
}

/// Of Arrow's sentence about a key that has no column, the key.
fn unknown_key(fault: &ArrowError) -> Option<String> {
    let said = fault.to_string();
    let key = said.strip_suffix("' missing from schema")?.split_once("column '")?.1;
    Some(key.to_owned())
}

fn not_as_expected(field: &Field, value: &str) -> String {
    format!("`{}` is `{}`, expected {}", visible(field.name()), excerpt(value), type_text(field.data_type()))
}

/// # Errors
/// When a value is none of the wanted type.
fn read_as(column: &ArrayRef, wanted: &Field) -> Result<ArrayRef, ArrowError> {
    if column.data_type() == wanted.data_type() {
        return known(Arc::clone(column), wanted);
    }
    let outcome = match wanted.data_type() {
        DataType::Date32 => exact::days(column),
        time @ DataType::Timestamp(..) => {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            return known(cast_with_options(column, time, &options)?, wanted);
        }
        other => exact::integers(column, other),
    };
    outcome.map_err(|text| ArrowError::ParseError(not_as_expected(wanted, &text)))
}

/// Zero is no time of a flow; only their times have this type.
fn known(read: ArrayRef, wanted: &Field) -> Result<ArrayRef, ArrowError> {
    if wanted.data_type() == &time_type() { zeros::as_missing(&read) } else { Ok(read) }
}

/// Of Arrow's sentence about a value: the value, and what was expected in which column.
fn of_value(said: &str, all: &Schema) -> Option<String> {
    let rest = said.split_once("while parsing value '")?.1;
    let (value, rest) = rest.split_once("' as type '")?;
    let place = rest.split_once("for column ")?.1.split(' ').next()?.parse::<usize>().ok()?;
    Some(not_as_expected(all.fields().get(place)?, value))
}

fn excerpt(text: &str) -> String {
    let short: String = text.trim().chars().take(EXCERPT_CHARS_MAX).collect();
    let cut = if text.trim().chars().count() > EXCERPT_CHARS_MAX { "…" } else { "" };
    format!("{}{cut}", visible(&short))
}

/// What Arrow's two decoders have in common.
trait Decoder {
    fn decode(&mut self, text: &[u8]) -> Result<usize, ArrowError>;
    fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError>;
}

struct CsvDecoder(csv::reader::Decoder);

impl Decoder for CsvDecoder {
    fn decode(&mut self, text: &[u8]) -> Result<usize, ArrowError> {
        self.0.decode(text)
    }

    fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        self.0.flush()
    }
}

struct JsonDecoder(json::reader::Decoder);

impl Decoder for JsonDecoder {
    fn decode(&mut self, text: &[u8]) -> Result<usize, ArrowError> {
        self.0.decode(text)
    }

    fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        self.0.flush()
    }
}

/// All of `text`: more than one batch where there are more rows than were expected.
fn batches_of(text: &[u8], decoder: &mut dyn Decoder) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut batches = Vec::new();
    let mut rest = text;
    loop {
        let taken = decoder.decode(rest)?;
        rest = &rest[taken..];
        let batch = decoder.flush()?;
        let is_done = rest.is_empty() || batch.is_none();
        batches.extend(batch);
        if is_done {
            return Ok(batches);
        }
    }
}
