//! Flows out of the cells that a server gave: which columns must be asked for, what follows from others, and batches.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, ListBuilder, StringBuilder, StringViewBuilder, TimestampNanosecondBuilder, UInt8Builder,
    UInt16Builder, UInt32Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use flow_source::address::AddressBuilder;
use flow_source::moment::length_s;
use flow_source::protocol::{protocol_name, protocol_number};
use flow_source::schema::time_type;
use flow_source::{FlowBatch, flow_schema, is_ip_field};

use crate::cell::{Cell, Reader, Value};
use crate::source::RemoteSource;

const NANOS_PER_SECOND: f64 = 1e9;
/// What a flow says of which a value could not be read, as flows of files do.
const UNREADABLE: &str = "value_unreadable";
const DURATION: &str = "duration_s";
pub(crate) const PROTOCOL_NAME: &str = "protocol_name";
/// Columns that are made of others where a row has none, so that a server cannot know them.
pub(crate) const COMPLETED: &[&str] = &[DURATION, PROTOCOL_NAME];
/// What a flow says of which the server rounded a count.
const BYTES_ROUNDED: &str = "bytes_rounded";
const COUNT_ROUNDED: &str = "count_rounded";
const TIME_MISSING: &str = "time_missing";
const END_BEFORE_START: &str = "end_before_start";
/// What a flow says of which a time was shown twice by the clock of the server.
const TIME_AMBIGUOUS: &str = "time_ambiguous";

/// Where a column of the batches comes from. Numbers are places among the columns that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Make {
    Given(usize),
    /// That between its ends, else its own length.
    Duration {
        given: Option<usize>,
        ends: Option<(usize, usize)>,
    },
    End {
        start: usize,
        duration: usize,
    },
    /// Its own name, else that of its number.
    ProtocolName {
        given: Option<usize>,
        protocol: Option<usize>,
    },
    Protocol {
        name: usize,
    },
    IpVersion {
        addresses: [Option<usize>; 2],
    },
    Source,
    Notes,
    Nothing,
}

/// What must be asked for, and what is made of it.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    schema: SchemaRef,
    pub(crate) columns: Vec<String>,
    readers: Vec<Reader>,
    makes: Vec<Make>,
    start: Option<usize>,
    end: Option<usize>,
}

impl Recipe {
    /// For flows of `source` with the columns of `schema`.
    pub(crate) fn new(source: &dyn RemoteSource, schema: SchemaRef) -> Self {
        let mut asking = Asking { source, columns: Vec::new() };
        let makes = schema.fields().iter().map(|field| asking.make(field.name())).collect();
        let columns = asking.columns;
        let all = flow_schema();
        let unit = |name: &str| source.columns().iter().find(|column| column.name == name).and_then(|it| it.unit);
        let reader = |name: &String| Some(Reader::new(all.field_with_name(name).ok()?, unit(name), source.zone()));
        let readers = columns.iter().filter_map(reader).collect();
        let place = |wanted: &str| columns.iter().position(|name| name == wanted);
        Self { schema, readers, makes, start: place("start_time"), end: place("end_time"), columns }
    }
}

struct Asking<'a> {
    source: &'a dyn RemoteSource,
    columns: Vec<String>,
}

impl Asking<'_> {
    fn has(&self, name: &str) -> bool {
        self.source.columns().iter().any(|column| column.name == name)
    }

    fn place(&mut self, name: &str) -> Option<usize> {
        if !self.has(name) {
            return None;
        }
        Some(self.columns.iter().position(|asked| asked == name).unwrap_or_else(|| {
            self.columns.push(name.to_owned());
            self.columns.len() - 1
        }))
    }

    fn pair(&mut self, first: &str, second: &str) -> Option<(usize, usize)> {
        (self.has(first) && self.has(second)).then(|| self.place(first).zip(self.place(second))).flatten()
    }

    fn make(&mut self, name: &str) -> Make {
        if name == PROTOCOL_NAME {
            return Make::ProtocolName { given: self.place(name), protocol: self.place("protocol") };
        }
        if name == DURATION {
            return Make::Duration { given: self.place(name), ends: self.pair("start_time", "end_time") };
        }
        if let Some(place) = self.place(name) {
            return Make::Given(place);
        }
        let made = match name {
            "end_time" => self.pair("start_time", "duration_s").map(|(start, duration)| Make::End { start, duration }),
            "protocol" => self.place(PROTOCOL_NAME).map(|name| Make::Protocol { name }),
            "ip_version" => Some(Make::IpVersion { addresses: ["src_ip", "dst_ip"].map(|name| self.place(name)) }),
            "source" => Some(Make::Source),
            // A note may be about any column, so all of them are needed.
            "notes" => {
                let all: Vec<String> = self.source.columns().iter().map(|column| column.name.clone()).collect();
                all.iter().for_each(|name| {
                    self.place(name);
                });
                Some(Make::Notes)
            }
            _ => None,
        };
        made.unwrap_or(Make::Nothing)
    }
}

/// Flows under construction.
#[derive(Debug)]
pub(crate) struct Rows {
    recipe: Recipe,
    source: &'static str,
    columns: Vec<Column>,
    rows: usize,
}

impl Rows {
    pub(crate) fn new(recipe: Recipe, source: &'static str) -> Self {
        let columns = recipe.schema.fields().iter().map(|field| Column::of(field)).collect();
        Self { recipe, source, columns, rows: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Adds a row, of which there is a cell for each column that was asked for. Gives the name of a column whose value
    /// could not be read.
    pub(crate) fn push(&mut self, cells: &[Cell<'_>]) -> Option<usize> {
        let recipe = &self.recipe;
        let values: Vec<Value<'_>> =
            recipe.readers.iter().zip(cells).map(|(reader, cell)| reader.read(*cell)).collect();
        let unreadable = values.iter().position(|value| *value == Value::Unreadable);
        for (make, column) in recipe.makes.iter().zip(&mut self.columns) {
            match make {
                Make::Notes => {
                    let mut notes = recipe.notes(&values, unreadable.is_some());
                    notes.extend(recipe.rounded(cells));
                    notes.extend(recipe.is_ambiguous(cells).then_some(TIME_AMBIGUOUS));
                    column.push_notes(&notes);
                }
                Make::Source => column.push(&Value::Text(self.source.into())),
                make => column.push(&made(*make, &values)),
            }
        }
        self.rows += 1;
        unreadable
    }

    /// The name of a column that was asked for.
    pub(crate) fn column_name(&self, place: usize) -> &str {
        self.recipe.columns.get(place).map_or("", String::as_str)
    }

    /// The flows; there are none afterwards.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let schema = Arc::clone(&self.recipe.schema);
        let mut batch = FlowBatch::new(Arc::clone(&schema), self.rows);
        for (field, column) in schema.fields().iter().zip(&mut self.columns) {
            if let Some(array) = column.finish() {
                batch.set(field.name(), array);
            }
        }
        self.rows = 0;
        batch.finish()
    }
}

impl Recipe {
    /// What is said of counts that the server rounded.
    fn rounded(&self, cells: &[Cell<'_>]) -> BTreeSet<&'static str> {
        let rounded = self.columns.iter().zip(cells).filter(|(_, cell)| matches!(cell, Cell::Rounded(_)));
        rounded.map(|(name, _)| if name == "bytes" { BYTES_ROUNDED } else { COUNT_ROUNDED }).collect()
    }

    fn is_ambiguous(&self, cells: &[Cell<'_>]) -> bool {
        self.readers.iter().zip(cells).any(|(reader, cell)| reader.is_ambiguous(*cell))
    }

    fn notes(&self, values: &[Value<'_>], is_unreadable: bool) -> Vec<&'static str> {
        let time = |place: Option<usize>| place.and_then(|place| values.get(place)).map(time_of);
        let (start, end) = (time(self.start), time(self.end));
        let is_backwards = start.flatten().zip(end.flatten()).is_some_and(|(start, end)| end < start);
        let notes =
            [(is_unreadable, UNREADABLE), (start == Some(None), TIME_MISSING), (is_backwards, END_BEFORE_START)];
        notes.into_iter().filter(|(is_so, _)| *is_so).map(|(_, note)| note).collect()
    }
}

fn time_of(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Time(nanos) => Some(*nanos),
        _ => None,
    }
}

fn made<'a>(make: Make, values: &[Value<'a>]) -> Value<'a> {
    let value = |place: usize| values.get(place).cloned().unwrap_or(Value::Missing);
    let made = match make {
        Make::Given(place) => Some(value(place)),
        Make::Duration { given, ends } => {
            let said = given.and_then(|given| match values.get(given) {
                Some(Value::Seconds(seconds)) => Some(*seconds),
                _ => None,
            });
            let time = |place: usize| values.get(place).and_then(time_of);
            let (start, end) = ends.map_or((None, None), |(start, end)| (time(start), time(end)));
            // What could not be read is still told.
            length_s(start, end, said).map(Value::Seconds).or_else(|| given.map(value))
        }
        Make::End { start, duration } => end(&value(start), &value(duration)),
        Make::ProtocolName { given, protocol } => {
            let given = given.map(value).filter(|given| matches!(given, Value::Text(_)));
            given.or_else(|| match value(protocol?) {
                Value::Number(number) => name_of(number).map(|name| Value::Text(Cow::Borrowed(name))),
                _ => None,
            })
        }
        Make::Protocol { name } => match value(name) {
            Value::Text(name) => protocol_number(&name).map(|number| Value::Number(u64::from(number))),
            _ => None,
        },
        Make::IpVersion { addresses } => addresses.into_iter().flatten().find_map(|place| match value(place) {
            Value::Address(address) => Some(Value::Number(if address.is_ipv4() { 4 } else { 6 })),
            _ => None,
        }),
        Make::Source | Make::Notes | Make::Nothing => None,
    };
    made.unwrap_or(Value::Missing)
}

fn name_of(number: u64) -> Option<&'static str> {
    protocol_name(u8::try_from(number).ok()?)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the range is checked before")]
fn end<'a>(start: &Value<'_>, duration: &Value<'_>) -> Option<Value<'a>> {
    let Value::Seconds(seconds) = duration else { return None };
    let nanos = (seconds * NANOS_PER_SECOND).round();
    let nanos = (nanos < i64::MAX as f64).then_some(nanos as i64)?;
    time_of(start)?.checked_add(nanos).map(Value::Time)
}

/// Values of a column so far.
#[derive(Debug)]
enum Column {
    Time(TimestampNanosecondBuilder),
    Seconds(Float64Builder),
    Address(AddressBuilder),
    U8(UInt8Builder),
    U16(UInt16Builder),
    U32(UInt32Builder),
    U64(UInt64Builder),
    Text(StringViewBuilder),
    Notes(ListBuilder<StringBuilder>),
    Nothing,
}

impl Column {
    fn of(field: &arrow_schema::Field) -> Self {
        match field.data_type() {
            DataType::Timestamp(..) => Self::Time(TimestampNanosecondBuilder::new().with_data_type(time_type())),
            DataType::Float64 => Self::Seconds(Float64Builder::new()),
            _ if is_ip_field(field) => Self::Address(AddressBuilder::default()),
            DataType::UInt8 => Self::U8(UInt8Builder::new()),
            DataType::UInt16 => Self::U16(UInt16Builder::new()),
            DataType::UInt32 => Self::U32(UInt32Builder::new()),
            DataType::UInt64 => Self::U64(UInt64Builder::new()),
            DataType::Utf8View => Self::Text(StringViewBuilder::new()),
            DataType::List(_) => Self::Notes(ListBuilder::new(StringBuilder::new())),
            _ => Self::Nothing,
        }
    }

    fn push(&mut self, value: &Value<'_>) {
        let number = || match value {
            Value::Number(number) => Some(*number),
            _ => None,
        };
        match self {
            Self::Time(builder) => builder.append_option(time_of(value)),
            Self::Seconds(builder) => builder.append_option(match value {
                Value::Seconds(seconds) => Some(*seconds),
                _ => None,
            }),
            Self::Address(builder) => builder.append_option(match value {
                Value::Address(address) => Some::<IpAddr>(*address),
                _ => None,
            }),
            Self::U8(builder) => builder.append_option(number().and_then(|number| u8::try_from(number).ok())),
            Self::U16(builder) => builder.append_option(number().and_then(|number| u16::try_from(number).ok())),
            Self::U32(builder) => builder.append_option(number().and_then(|number| u32::try_from(number).ok())),
            Self::U64(builder) => builder.append_option(number()),
            Self::Text(builder) => builder.append_option(match value {
                Value::Text(text) => Some(text.as_ref()),
                _ => None,
            }),
            Self::Notes(builder) => builder.append_null(),
            Self::Nothing => {}
        }
    }

    fn push_notes(&mut self, notes: &[&'static str]) {
        if let Self::Notes(builder) = self {
            notes.iter().for_each(|note| builder.values().append_value(note));
            builder.append(!notes.is_empty());
        }
    }

    fn finish(&mut self) -> Option<ArrayRef> {
        Some(match self {
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Seconds(builder) => Arc::new(builder.finish()),
            Self::Address(builder) => builder.finish(),
            Self::U8(builder) => Arc::new(builder.finish()),
            Self::U16(builder) => Arc::new(builder.finish()),
            Self::U32(builder) => Arc::new(builder.finish()),
            Self::U64(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Notes(builder) => Arc::new(builder.finish()),
            Self::Nothing => return None,
        })
    }
}
