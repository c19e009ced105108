//! Columns, kinds and the time format of a JSON log, learnt from its first rows.
//!
//! JSON says no types: Zeek's own columns have theirs by name (`types`), others what their values show.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::{scalar, text};
use super::value;
use crate::options::{COLUMNS_MAX, JSON_SAMPLE_ROWS_MAX, TimeFormat};
use crate::types::{Columns, Kind};

/// What the first rows of a JSON log tell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) columns: Columns,
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
    let mut seen: Vec<Seen> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for line in lines.take(JSON_SAMPLE_ROWS_MAX) {
        let Ok(row) = serde_json::from_slice::<Row<'_>>(line.trim_ascii()) else { continue };
        shape.rows += 1;
        for (key, raw) in row.0 {
            shape.learn_from(&key, raw.get().as_bytes());
            let kind = kind_of(raw.get().as_bytes());
            let place = *places.entry(key.clone()).or_insert_with(|| {
                seen.push(Seen::new(key));
                seen.len() - 1
            });
            seen[place].add(kind);
        }
        if seen.len() >= COLUMNS_MAX {
            break;
        }
    }
    shape.columns = seen.into_iter().map(Seen::settle).collect();
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

/// A column of the rows looked at.
struct Seen {
    name: String,
    known: Option<Kind>,
    shown: Option<Kind>,
    values: usize,
    /// Values that the known kind allows.
    fitting: usize,
}

impl Seen {
    fn new(name: String) -> Self {
        Self { known: Kind::of_known_column(&name), name, shown: None, values: 0, fitting: 0 }
    }

    fn add(&mut self, kind: Option<Kind>) {
        let Some(kind) = kind else { return };
        self.values += 1;
        self.fitting += usize::from(self.known.as_ref().is_some_and(|known| allows(known, &kind)));
        self.shown = unite(self.shown.take(), Some(kind));
    }

    /// Zeek's own kind where most values allow it, so that a single bad row is rejected rather than turning its
    /// column to text; else what the values show, else text.
    fn settle(self) -> (String, Kind) {
        let kind = match self.known {
            Some(known) if 2 * self.fitting >= self.values => known,
            _ => self.shown.unwrap_or(Kind::Text),
        };
        (self.name, kind)
    }
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
        check(&[r#"{"ts":1.5}"#, r#"{"ts":2.5}"#, r#"{"ts":true}"#], "ts", Kind::Time);
        check(&[r#"{"x":true}"#, r#"{"x":1}"#], "x", Kind::Text);
    }

    #[test]
    fn time_format_per_file() {
        assert_eq!(shape(&[r#"{"ts":1575413096.052279}"#]).time_format, Some(TimeFormat::EpochSeconds));
        assert_eq!(shape(&[r#"{"ts":null}"#, r#"{"ts":1575413096052}"#]).time_format, Some(TimeFormat::EpochMillis));
        assert_eq!(shape(&[r#"{"ts":"2019-12-03T22:44:56Z"}"#]).time_format, Some(TimeFormat::Iso8601));
        assert_eq!(shape(&[r#"{"x":1}"#]).time_format, None);
    }
}
