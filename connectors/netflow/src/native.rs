//! Records with the exporter's own fields: one column per information element of the templates, under IANA's names.
//!
//! In front of them stand columns about the message. A field that no template in the heads of the files had has no
//! column; that is noted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringViewBuilder, TimestampNanosecondBuilder, UInt16Builder,
    UInt32Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use flow_source::address::AddressBuilder;
use flow_source::ip_type;
use flow_source::record::mac_text;
use flow_source::schema::time_type;

use crate::decode::Record;
use crate::decode::element::{self, ElementId, Kind};
use crate::decode::template::Template;
use crate::decode::wire::{signed, unsigned};

/// Columns of one table; hostile templates must not make an endless schema.
pub(crate) const COLUMNS_MAX: usize = 2000;

/// An element and how many times it stood before in the same template.
pub(crate) type FieldKey = (ElementId, u16);

/// The columns about the message.
const ABOUT: &[&str] =
    &["record_kind", "version", "exporter_ip", "observation_domain", "export_time", "template_id", "source_row"];

/// The columns of a table, in order of their first appearance.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    keys: Vec<FieldKey>,
    places: HashMap<FieldKey, usize>,
}

impl Columns {
    /// Adds what a template has; beyond [`COLUMNS_MAX`] nothing more.
    pub(crate) fn add(&mut self, template: &Template) {
        for key in keys_of(template).filter(|(id, _)| *id != ElementId::iana(0)) {
            if let (Entry::Vacant(entry), true) = (self.places.entry(key), self.keys.len() < COLUMNS_MAX) {
                entry.insert(self.keys.len());
                self.keys.push(key);
            }
        }
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        let about = ABOUT.iter().map(|name| Field::new(*name, about_type(name), true));
        let fields = self.keys.iter().map(|key| Field::new(column_name(*key), data_type(key.0.kind()), true));
        Arc::new(Schema::new(about.chain(fields).collect::<Vec<_>>()))
    }
}

/// The fields of a template, numbered where one stands several times.
fn keys_of(template: &Template) -> impl Iterator<Item = FieldKey> {
    let mut seen: HashMap<ElementId, u16> = HashMap::new();
    template.fields.iter().map(move |field| {
        let times = seen.entry(field.id).or_insert(0);
        let key = (field.id, *times);
        *times = times.saturating_add(1);
        key
    })
}

fn column_name((id, before): FieldKey) -> String {
    match before {
        0 => id.name().into_owned(),
        before => format!("{}_{}", id.name(), before + 1),
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Unsigned => DataType::UInt64,
        Kind::Signed => DataType::Int64,
        Kind::Float => DataType::Float64,
        Kind::Boolean => DataType::Boolean,
        Kind::Text | Kind::Octets | Kind::Mac => DataType::Utf8View,
        Kind::Address => ip_type(),
        Kind::Time(_) => time_type(),
    }
}

fn about_type(name: &str) -> DataType {
    match name {
        "version" | "template_id" => DataType::UInt16,
        "observation_domain" => DataType::UInt32,
        "exporter_ip" => ip_type(),
        "export_time" => time_type(),
        _ => DataType::Utf8View,
    }
}

/// A column under construction.
enum Builder {
    Unsigned(UInt64Builder),
    Signed(Int64Builder),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Text(StringViewBuilder),
    Address(AddressBuilder),
    Time(TimestampNanosecondBuilder),
    Number(UInt32Builder),
    Small(UInt16Builder),
}

impl Builder {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Unsigned => Self::Unsigned(UInt64Builder::new()),
            Kind::Signed => Self::Signed(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Text | Kind::Octets | Kind::Mac => Self::Text(StringViewBuilder::new()),
            Kind::Address => Self::Address(AddressBuilder::default()),
            Kind::Time(_) => Self::Time(TimestampNanosecondBuilder::new().with_timezone("UTC")),
        }
    }

    fn about(name: &str) -> Self {
        match name {
            "version" | "template_id" => Self::Small(UInt16Builder::new()),
            "observation_domain" => Self::Number(UInt32Builder::new()),
            "exporter_ip" => Self::Address(AddressBuilder::default()),
            "export_time" => Self::Time(TimestampNanosecondBuilder::new().with_timezone("UTC")),
            _ => Self::Text(StringViewBuilder::new()),
        }
    }

    fn append(&mut self, kind: Kind, bytes: &[u8]) {
        match self {
            Self::Unsigned(builder) => builder.append_option(unsigned(bytes)),
            Self::Signed(builder) => builder.append_option(signed(bytes)),
            Self::Float(builder) => builder.append_option(element::float(bytes)),
            Self::Boolean(builder) => builder.append_option(element::boolean(bytes)),
            Self::Address(builder) => builder.append_option(element::address(bytes)),
            Self::Time(builder) => {
                let unit = if let Kind::Time(unit) = kind { unit } else { element::Unit::Milliseconds };
                builder.append_option(element::time(bytes, unit));
            }
            Self::Text(builder) => builder.append_option(match kind {
                Kind::Text => element::text(bytes),
                Kind::Mac => element::mac(bytes).map(mac_text),
                _ => element::hex(bytes),
            }),
            Self::Number(_) | Self::Small(_) => self.append_null(),
        }
    }

    fn append_null(&mut self) {
        match self {
            Self::Unsigned(builder) => builder.append_null(),
            Self::Signed(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Address(builder) => builder.append_null(),
            Self::Time(builder) => builder.append_null(),
            Self::Number(builder) => builder.append_null(),
            Self::Small(builder) => builder.append_null(),
        }
    }

    fn append_about(&mut self, name: &str, record: &Record<'_>, path: &Path) {
        match self {
            Self::Small(builder) if name == "version" => builder.append_value(record.context.version.number()),
            Self::Small(builder) => builder.append_option((record.template.id != 0).then_some(record.template.id)),
            Self::Number(builder) => builder.append_option(record.context.domain_id()),
            Self::Address(builder) => builder.append_option(record.context.exporter.address),
            Self::Time(builder) => builder.append_option(record.context.export_ns),
            Self::Text(builder) if name == "record_kind" => {
                builder.append_value(if record.template.is_options { "options" } else { "data" });
            }
            Self::Text(builder) => builder.append_value(format!("{}:{}", path.display(), record.offset)),
            _ => self.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Unsigned(builder) => Arc::new(builder.finish()),
            Self::Signed(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Address(builder) => builder.finish(),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Number(builder) => Arc::new(builder.finish()),
            Self::Small(builder) => Arc::new(builder.finish()),
        }
    }
}

/// What a column of the batch is made from.
enum Made {
    About(&'static str),
    Field(Kind),
}

/// A batch of records under construction.
pub(crate) struct NativeBatch<'a> {
    path: &'a Path,
    schema: SchemaRef,
    columns: &'a Columns,
    made: Vec<(Made, Builder)>,
    /// Of each wanted element, its place in `made`.
    places: HashMap<FieldKey, usize>,
    /// Of each row's columns, whether it has a value yet.
    is_filled: Vec<bool>,
    rows: usize,
    /// Elements without a column.
    pub(crate) unknown: Vec<FieldKey>,
}

impl<'a> NativeBatch<'a> {
    /// `schema` is a projection of the columns' schema.
    pub(crate) fn new(schema: SchemaRef, columns: &'a Columns, path: &'a Path) -> Self {
        let mut made = Vec::new();
        let mut places = HashMap::new();
        let named: HashMap<String, FieldKey> = columns.keys.iter().map(|key| (column_name(*key), *key)).collect();
        for field in schema.fields() {
            if let Some(name) = ABOUT.iter().find(|name| *name == field.name()) {
                made.push((Made::About(name), Builder::about(name)));
            } else if let Some(key) = named.get(field.name()) {
                places.insert(*key, made.len());
                made.push((Made::Field(key.0.kind()), Builder::new(key.0.kind())));
            }
        }
        let is_filled = vec![false; made.len()];
        Self { path, schema, columns, made, places, is_filled, rows: 0, unknown: Vec::new() }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn push(&mut self, record: &Record<'_>) {
        self.is_filled.fill(false);
        for (key, (_, value)) in keys_of(record.template).zip(record.template.values(record.bytes)) {
            let Some(&place) = self.places.get(&key) else {
                self.note_unknown(key);
                continue;
            };
            if let (Made::Field(kind), builder) = &mut self.made[place] {
                builder.append(*kind, value);
                self.is_filled[place] = true;
            }
        }
        for ((made, builder), is_filled) in self.made.iter_mut().zip(&self.is_filled) {
            match made {
                Made::About(name) => builder.append_about(name, record, self.path),
                Made::Field(_) if !is_filled => builder.append_null(),
                Made::Field(_) => {}
            }
        }
        self.rows += 1;
    }

    fn note_unknown(&mut self, key: FieldKey) {
        let has_column = self.columns.places.contains_key(&key) || key.0 == ElementId::iana(0);
        if !has_column && self.unknown.len() < 10 && !self.unknown.contains(&key) {
            self.unknown.push(key);
        }
    }

    /// The rows so far; the batch is empty again.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        let columns = self.made.iter_mut().map(|(_, builder)| builder.finish()).collect();
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }

    /// The names of elements without a column.
    pub(crate) fn unknown_names(&self) -> Vec<String> {
        self.unknown.iter().map(|key| column_name(*key)).collect()
    }
}
