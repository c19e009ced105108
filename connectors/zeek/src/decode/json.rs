//! Lines of Zeek's JSON logs: one object per line.
//!
//! As in `tsv`, every known value is checked and only wanted ones are stored. Values are looked at as raw JSON text,
//! so that times and large counts never pass through a float.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::column::{Column, fits};
use super::{Outcome, Rowset, excerpt};
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
        (None, Some(raw)) => check(&slot.kind, raw, format),
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

/// Whether a value that is not stored is of its kind.
fn check(kind: &Kind, raw: &[u8], format: TimeFormat) -> bool {
    match kind {
        Kind::Text => true,
        Kind::List(element) => serde_json::from_slice::<Vec<&RawValue>>(raw).is_ok_and(|values| {
            values.iter().map(|value| value.get().as_bytes()).all(|raw| raw == b"null" || check(element, raw, format))
        }),
        _ => fits(kind, scalar(raw), format),
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
pub(crate) fn scalar(raw: &[u8]) -> &[u8] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_and_escapes() {
        assert_eq!(text(br#""a\tb\u00e9""#), "a\tb\u{e9}");
        assert_eq!(text(br#""\ud800""#), "\\ud800");
        assert_eq!(text(b"17"), "17");
    }
}
