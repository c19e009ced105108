//! The values of one record, by their place among the fields asked for.

use std::borrow::Cow;
use std::net::IpAddr;

use arrow_schema::DataType;
use flow_source::address::parse_ip;
use flow_source::schema;

use super::zone::Zone;
use crate::value;

/// Characters of a value quoted in a reason.
const EXCERPT_CHARS_MAX: usize = 40;

/// What a column of the source's own holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A point in time.
    Time,
    /// An integer of 64 bits with sign.
    Int,
    /// An integer of 64 bits without sign.
    Count,
    /// A number.
    Float,
    /// True or false.
    Bool,
    /// Text, and whatever else.
    Text,
}

impl Kind {
    /// The Arrow type of its column.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Time => schema::time_type(),
            Self::Int => DataType::Int64,
            Self::Count => DataType::UInt64,
            Self::Float => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Text => DataType::Utf8View,
        }
    }

    /// A kind that holds the values of both.
    pub(crate) fn unite(self, other: Self) -> Self {
        use Kind::{Count, Float, Int};
        match (self, other) {
            (one, two) if one == two => one,
            (Int | Count, Int | Count) => Count,
            (Float | Int | Count, Float | Int | Count) => Float,
            _ => Self::Text,
        }
    }

    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Time => "a time",
            Self::Int => "an integer",
            Self::Count => "a count (0 to 2^64-1)",
            Self::Float => "a number",
            Self::Bool => "true or false",
            Self::Text => "text",
        }
    }
}

/// The values of one record.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    names: &'a [&'a str],
    values: &'a [Option<&'a str>],
    /// Whether values are written as in JSON, with quotes around texts.
    is_json: bool,
}

impl<'a> Fields<'a> {
    /// `values` has a place for each of `names`; a value that stands for "none" is `None` already.
    pub fn new(names: &'a [&'a str], values: &'a [Option<&'a str>], is_json: bool) -> Self {
        Self { names, values, is_json }
    }

    /// A value as it is written.
    pub fn raw(&self, field: usize) -> Option<&'a str> {
        self.values.get(field).copied().flatten()
    }

    /// A value as text: the content of a JSON string, other values as they are written. An empty text is none.
    pub fn text(&self, field: usize) -> Option<Cow<'a, str>> {
        let raw = self.raw(field)?;
        let text = if self.is_json { json_text(raw) } else { Cow::Borrowed(raw) };
        (!text.is_empty()).then_some(text)
    }

    /// An integer of any width.
    ///
    /// # Errors
    /// When the value is something else, or does not fit.
    pub fn number<T: TryFrom<i128>>(&self, field: usize) -> Result<Option<T>, String> {
        self.parsed(field, "an integer that fits the column", |text| {
            let unsigned = value::unsigned(text.as_bytes()).map(i128::from);
            let number = unsigned.or_else(|| value::signed(text.as_bytes()).map(i128::from))?;
            T::try_from(number).ok()
        })
    }

    /// An integer in hexadecimal, with or without `0x`.
    ///
    /// # Errors
    /// When the value is something else.
    pub fn hexadecimal(&self, field: usize) -> Result<Option<u16>, String> {
        self.parsed(field, "a hexadecimal number", |text| {
            u16::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
        })
    }

    /// A number.
    ///
    /// # Errors
    /// When the value is something else.
    pub fn float(&self, field: usize) -> Result<Option<f64>, String> {
        self.parsed(field, "a number", |text| value::float(text.as_bytes()))
    }

    /// An address.
    ///
    /// # Errors
    /// When the value is something else.
    pub fn address(&self, field: usize) -> Result<Option<IpAddr>, String> {
        self.parsed(field, "an IP address", parse_ip)
    }

    /// An address, and whether there is something that is none: programs write other things in place of addresses
    /// where a flow has none.
    pub fn lenient_address(&self, field: usize) -> (Option<IpAddr>, bool) {
        match self.address(field) {
            Ok(address) => (address, false),
            Err(_) => (None, true),
        }
    }

    /// The first of some fields that has a value, else the first of them. For formats that name one thing in several
    /// ways.
    pub fn first_of(&self, fields: &[usize]) -> usize {
        let with_value = fields.iter().find(|field| self.raw(**field).is_some());
        with_value.or(fields.first()).copied().unwrap_or(usize::MAX)
    }

    /// A point in time in nanoseconds since 1970 UTC, written as date and time of day; one without a zone is of
    /// `zone`.
    ///
    /// # Errors
    /// When the value is something else.
    pub fn time(&self, field: usize, zone: Zone) -> Result<Option<i64>, String> {
        self.parsed(field, "a date with a time of day", |text| zone.moment(text))
    }

    /// Whether the clock of a zone showed one of these times twice.
    pub fn is_ambiguous(&self, fields: &[usize], zone: Zone) -> bool {
        fields.iter().any(|field| self.text(*field).is_some_and(|text| zone.is_ambiguous(text.trim())))
    }

    /// A point in time in nanoseconds, written as seconds since 1970 UTC.
    ///
    /// # Errors
    /// When the value is something else.
    pub fn epoch_seconds(&self, field: usize) -> Result<Option<i64>, String> {
        self.parsed(field, "seconds since 1970", |text| value::time(text.as_bytes(), value::TimeFormat::EpochSeconds))
    }

    /// A value that `parse` understands.
    ///
    /// # Errors
    /// When it does not.
    pub fn parsed<T>(
        &self,
        field: usize,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.text(field) else { return Ok(None) };
        match parse(text.trim()) {
            Some(value) => Ok(Some(value)),
            None => Err(format!("`{}` is `{}`, expected {expected}", self.name(field), excerpt(&text))),
        }
    }

    fn name(&self, field: usize) -> &str {
        self.names.get(field).copied().unwrap_or_default()
    }
}

/// The content of a JSON string; other values as they are written.
pub(crate) fn json_text(raw: &str) -> Cow<'_, str> {
    let Some(content) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(raw);
    };
    if !content.contains('\\') {
        return Cow::Borrowed(content);
    }
    // A lone surrogate has no text; its escape is kept rather than losing the row.
    serde_json::from_str::<String>(raw).map_or(Cow::Borrowed(content), Cow::Owned)
}

/// Text of a file in a message: shortened and printable.
pub(crate) fn excerpt(text: &str) -> String {
    let mut short = String::new();
    for character in text.chars().take(EXCERPT_CHARS_MAX) {
        // Quotes are visible as they are.
        match character {
            '"' | '\'' => short.push(character),
            _ => short.extend(character.escape_debug()),
        }
    }
    if text.chars().nth(EXCERPT_CHARS_MAX).is_some() {
        short.push('…');
    }
    short
}
