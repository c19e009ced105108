//! Lines of Zeek's JSON logs: one object per line.
//!
//! As in `tsv`, every known value is checked and only wanted ones are stored. Values are looked at as raw JSON text,
//! so that times and large counts never pass through a float.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::column::Column;
use super::{Outcome, Rowset, excerpt, value};
use crate::options::TimeFormat;
use crate::types::Kind;

/// Decodes the lines of one file, in order.
pub(crate) struct JsonDecoder {
    time_format: TimeFormat,
    slots: Vec<Slot>,
    by_name: HashMap<String, usize>,
    /// Slots in the order they are stored: those that can fail first.
    order: Vec<usize>,
    /// Start and end of each slot's value in the current line.
    values: Vec<Option<(usize, usize)>>,
    unknown: Vec<String>,
}

struct Slot {
    name: String,
    kind: Kind,
    target: Option<usize>,
}

impl JsonDecoder {
    /// `table` are all columns of the table; `rows` tells which are wanted.
    pub(crate) fn new(table: &[(String, Kind)], time_format: TimeFormat, rows: &Rowset) -> Self {
        let slot = |(name, kind): &(String, Kind)| Slot {
            name: name.clone(),
            kind: kind.clone(),
            target: rows.wanted().iter().position(|wanted| wanted.name == *name),
        };
        let slots: Vec<Slot> = table.iter().map(slot).collect();
        let by_name = slots.iter().enumerate().map(|(index, slot)| (slot.name.clone(), index)).collect();
        let (mut order, text): (Vec<usize>, Vec<usize>) =
            (0..slots.len()).partition(|index| Column::can_fail(&slots[*index].kind));
        order.extend(text.into_iter().filter(|index| slots[*index].target.is_some()));
        let values = vec![None; slots.len()];
        Self { time_format, slots, by_name, order, values, unknown: Vec::new() }
    }

    /// Decodes one line without its line end into `rows`.
    ///
    /// # Errors
    /// Why the line is rejected.
    pub(crate) fn line(&mut self, line: &[u8], number: u64, rows: &mut Rowset) -> Result<Outcome, String> {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(Outcome::NoRow);
        }
        self.values.fill(None);
        if let Err(error) = self.find_values(line) {
            return Err(format!("`{}` is not a JSON object: {error}", excerpt(line)));
        }
        for &index in &self.order {
            let raw = self.values[index].map(|(start, end)| &line[start..end]).filter(|raw| *raw != b"null");
            let slot = &self.slots[index];
            if !decode(slot, raw, self.time_format, rows) {
                rows.undo_row();
                let (name, raw) = (&slot.name, excerpt(raw.unwrap_or_default()));
                return Err(format!("`{name}` is `{raw}`, expected {}", self.expected(&slot.kind)));
            }
        }
        rows.end_row(number);
        Ok(Outcome::Row)
    }

    /// Keys the table has no column for, met since the last call.
    pub(crate) fn take_unknown(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unknown)
    }

    fn expected(&self, kind: &Kind) -> String {
        match kind {
            Kind::Time => format!("a time in {}", self.time_format.name()),
            _ => kind.expected().to_owned(),
        }
    }

    fn find_values(&mut self, line: &[u8]) -> serde_json::Result<()> {
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        deserializer.deserialize_map(FindValues { decoder: self, line_start: line.as_ptr().addr() })?;
        deserializer.end()
    }
}

/// Decodes one value; `false` when it is not of the slot's kind. `None` is null or absent.
fn decode(slot: &Slot, raw: Option<&[u8]>, format: TimeFormat, rows: &mut Rowset) -> bool {
    match (slot.target, raw) {
        (None, None) => true,
        (None, Some(raw)) => store(&mut Column::nulls_small(&slot.kind), &slot.kind, raw, format),
        (Some(target), None) => {
            rows.column(target).push_null();
            true
        }
        (Some(target), Some(raw)) => store(rows.column(target), &slot.kind, raw, format),
    }
}

fn store(column: &mut Column, kind: &Kind, raw: &[u8], format: TimeFormat) -> bool {
    match kind {
        Kind::List(element) => store_list(column, element, raw, format),
        Kind::Text => column.push_plain(&text(raw)).is_ok(),
        _ => column.push(scalar(raw), format).is_ok(),
    }
}

fn store_list(column: &mut Column, element: &Kind, raw: &[u8], format: TimeFormat) -> bool {
    let (Ok(values), Some(elements)) = (serde_json::from_slice::<Vec<&RawValue>>(raw), column.elements()) else {
        return false;
    };
    for value in values {
        let raw = value.get().as_bytes();
        if raw == b"null" {
            elements.push_null();
        } else if !store(elements, element, raw, format) {
            return false;
        }
    }
    column.end_list();
    true
}

/// The text of a number, literal or string; numbers in quotes are read as numbers.
fn scalar(raw: &[u8]) -> &[u8] {
    raw.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(raw)
}

/// The text of any value: a string's content, other values as they are written.
pub(crate) fn text(raw: &[u8]) -> std::borrow::Cow<'_, str> {
    if raw.first() == Some(&b'"') && memchr::memchr(b'\\', raw).is_some() {
        // A lone surrogate has no text; its escape is kept rather than losing the row.
        if let Ok(text) = serde_json::from_slice::<String>(raw) {
            return text.into();
        }
    }
    String::from_utf8_lossy(scalar(raw))
}

/// Notes where each known key's value lies in the line.
struct FindValues<'d> {
    decoder: &'d mut JsonDecoder,
    line_start: usize,
}

impl<'de> Visitor<'de> for FindValues<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut guess = 0;
        while let Some(slot) = map.next_key_seed(Key { decoder: self.decoder, guess })? {
            let Some(slot) = slot else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw: &'de RawValue = map.next_value()?;
            let start = raw.get().as_ptr().addr() - self.line_start;
            self.decoder.values[slot] = Some((start, start + raw.get().len()));
            guess = slot + 1;
        }
        Ok(())
    }
}

/// Finds a key's slot. Keys mostly come in column order, so the slot after the last one is tried first.
struct Key<'d> {
    decoder: &'d mut JsonDecoder,
    guess: usize,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        if self.decoder.slots.get(self.guess).is_some_and(|slot| slot.name == key) {
            return Ok(Some(self.guess));
        }
        let found = self.decoder.by_name.get(key).copied();
        if found.is_none() {
            self.decoder.remember_unknown(key);
        }
        Ok(found)
    }
}

impl JsonDecoder {
    fn remember_unknown(&mut self, key: &str) {
        const UNKNOWN_KEPT_MAX: usize = 10;
        if self.unknown.len() < UNKNOWN_KEPT_MAX && !self.unknown.iter().any(|known| known == key) {
            self.unknown.push(key.to_owned());
        }
    }
}

/// What the first rows of a JSON log tell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) columns: Vec<(String, Kind)>,
    /// How the file writes times; `None` when it has none to judge by.
    pub(crate) time_format: Option<TimeFormat>,
    /// The log's name where a row carries it (`_path`).
    pub(crate) path: Option<String>,
    /// Rows understood.
    pub(crate) rows: usize,
}

/// Learns columns, kinds and the time format from first lines; lines that are no objects are passed over.
pub(crate) fn infer<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Shape {
    let mut shape = Shape { columns: Vec::new(), time_format: None, path: None, rows: 0 };
    let mut seen: Vec<(String, Option<Kind>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for line in lines.take(crate::options::JSON_SAMPLE_ROWS_MAX) {
        let Ok(row) = serde_json::from_slice::<Row<'_>>(line.trim_ascii()) else { continue };
        shape.rows += 1;
        for (key, raw) in row.0 {
            shape.learn_from(&key, raw.get().as_bytes());
            let kind = kind_of(raw.get().as_bytes());
            let place = *places.entry(key.clone()).or_insert_with(|| {
                seen.push((key, None));
                seen.len() - 1
            });
            seen[place].1 = unite(seen[place].1.take(), kind);
        }
        if seen.len() >= crate::options::COLUMNS_MAX {
            break;
        }
    }
    shape.columns = seen.into_iter().map(|(name, kind)| settle(name, kind)).collect();
    shape
}

impl Shape {
    fn learn_from(&mut self, key: &str, raw: &[u8]) {
        let is_time = Kind::of_known_column(key) == Some(Kind::Time);
        if is_time && (self.time_format.is_none() || key == "ts") && !matches!(raw, b"null" | b"0" | b"0.0") {
            // The first `ts` decides; another time column only until there is one.
            let guessed = value::guess_time_format(scalar(raw));
            if self.time_format.is_none() {
                self.time_format = guessed;
            }
        }
        if key == "_path" && self.path.is_none() {
            self.path = Some(text(raw).into_owned());
        }
    }
}

/// The keys and raw values of one line, in order.
struct Row<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Row<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
        }
        deserializer.deserialize_map(Pairs).map(Row)
    }
}

/// The kind a value shows; `None` for null.
fn kind_of(raw: &[u8]) -> Option<Kind> {
    Some(match raw.first()? {
        b'n' => return None,
        b't' | b'f' => Kind::Bool,
        b'[' => {
            let values: Vec<&RawValue> = serde_json::from_slice(raw).unwrap_or_default();
            let kinds = values.iter().map(|value| kind_of(value.get().as_bytes()));
            let element = kinds.fold(None, unite).filter(|kind| !matches!(kind, Kind::List(_)));
            // An empty list says nothing about its elements: text until the column's other rows say more.
            Kind::List(Box::new(element.unwrap_or(Kind::Text)))
        }
        b'-' | b'0'..=b'9' if value::signed(raw).is_some() => Kind::Int,
        b'-' | b'0'..=b'9' if value::unsigned(raw).is_some() => Kind::Count,
        b'-' | b'0'..=b'9' => Kind::Float,
        _ => Kind::Text,
    })
}

fn unite(a: Option<Kind>, b: Option<Kind>) -> Option<Kind> {
    match (a, b) {
        (Some(Kind::Int), Some(Kind::Count)) | (Some(Kind::Count), Some(Kind::Int)) => Some(Kind::Count),
        (Some(a), Some(b)) => Some(a.unite(&b)),
        (a, b) => a.or(b),
    }
}

/// The kind of a column: Zeek's own where the values allow it, else what they show, else text.
fn settle(name: String, shown: Option<Kind>) -> (String, Kind) {
    let known = Kind::of_known_column(&name);
    let kind = match (known, shown) {
        (Some(known), None) => known,
        (Some(known), Some(shown)) if allows(&known, &shown) => known,
        (_, Some(shown)) => shown,
        (None, None) => Kind::Text,
    };
    (name, kind)
}

fn allows(known: &Kind, shown: &Kind) -> bool {
    let number = |kind: &Kind| matches!(kind, Kind::Int | Kind::Count | Kind::Float);
    match known {
        Kind::Time => number(shown) || *shown == Kind::Text,
        Kind::Float => number(shown),
        Kind::Count | Kind::Int | Kind::Port => matches!(shown, Kind::Int | Kind::Count),
        Kind::List(known) => match shown {
            // A list that was empty in all rows shows text.
            Kind::List(shown) => **shown == Kind::Text || allows(known, shown),
            _ => false,
        },
        other => other == shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(lines: &[&str]) -> Shape {
        infer(lines.iter().map(|line| line.as_bytes()))
    }

    #[track_caller]
    fn check(lines: &[&str], column: &str, kind: Kind) {
        let columns = shape(lines).columns;
        let found = columns.iter().find(|(name, _)| name == column).map(|(_, kind)| kind);
        assert_eq!(found, Some(&kind), "{column} of {lines:?}");
    }

    #[test]
    fn kinds_from_values_and_names() {
        check(&[r#"{"ts":1.5}"#], "ts", Kind::Time);
        check(&[r#"{"id.orig_p":49187}"#], "id.orig_p", Kind::Port);
        check(&[r#"{"id.orig_p":"http"}"#], "id.orig_p", Kind::Text);
        check(&[r#"{"x":1}"#, r#"{"x":-1}"#], "x", Kind::Int);
        check(&[r#"{"x":1}"#, r#"{"x":18446744073709551615}"#], "x", Kind::Count);
        check(&[r#"{"x":null}"#, r#"{"x":1.5}"#, r#"{"x":1}"#], "x", Kind::Float);
        check(&[r#"{"x":null}"#], "x", Kind::Text);
        check(&[r#"{"TTLs":[]}"#, r#"{"TTLs":[17.0]}"#], "TTLs", Kind::List(Box::new(Kind::Float)));
        check(&[r#"{"x":{"a":1}}"#], "x", Kind::Text);
        check(&[r#"{"x":true}"#, r#"{"x":1}"#], "x", Kind::Text);
    }

    #[test]
    fn time_format_per_file() {
        assert_eq!(shape(&[r#"{"ts":1575413096.052279}"#]).time_format, Some(TimeFormat::EpochSeconds));
        assert_eq!(shape(&[r#"{"ts":null}"#, r#"{"ts":1575413096052}"#]).time_format, Some(TimeFormat::EpochMillis));
        assert_eq!(shape(&[r#"{"ts":"2019-12-03T22:44:56Z"}"#]).time_format, Some(TimeFormat::Iso8601));
        assert_eq!(shape(&[r#"{"x":1}"#]).time_format, None);
    }

    #[test]
    fn surrogates_and_escapes() {
        assert_eq!(text(br#""a\tb\u00e9""#), "a\tb\u{e9}");
        assert_eq!(text(br#""\ud800""#), "\\ud800");
        assert_eq!(text(b"17"), "17");
    }
}
