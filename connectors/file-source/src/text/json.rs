//! Where the values of a JSON object are, also those of objects in it, whose names are joined with dots.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Objects within objects that are looked into.
const NESTING_MAX: usize = 8;

/// Finds the values of some fields.
#[derive(Debug)]
pub(crate) struct Finder {
    /// The place of each field.
    places: HashMap<String, usize>,
    /// Names of objects that have fields asked for.
    parents: HashSet<String>,
}

impl Finder {
    pub(crate) fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut finder = Self { places: HashMap::new(), parents: HashSet::new() };
        for (place, name) in names.into_iter().enumerate() {
            finder.places.insert(name.to_owned(), place);
            let dots = name.match_indices('.').map(|(at, _)| name[..at].to_owned());
            finder.parents.extend(dots);
        }
        finder
    }

    /// Fills `values`, which has a place for each field; null is none.
    ///
    /// # Errors
    /// When the text is not a JSON object.
    pub(crate) fn find<'a>(&self, object: &'a [u8], values: &mut [Option<&'a str>]) -> serde_json::Result<()> {
        values.fill(None);
        let mut deserializer = serde_json::Deserializer::from_slice(object);
        let mut path = String::new();
        let level = Level { finder: self, values, path: &mut path, depth: 0 };
        deserializer.deserialize_map(level)?;
        deserializer.end()
    }
}

struct Level<'f, 'v, 'a> {
    finder: &'f Finder,
    values: &'v mut [Option<&'a str>],
    path: &'v mut String,
    depth: usize,
}

impl<'de> Visitor<'de> for Level<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let above = self.path.len();
        while let Some(Key(key)) = map.next_key()? {
            self.path.truncate(above);
            if above > 0 {
                self.path.push('.');
            }
            self.path.push_str(&key);
            if let Some(&place) = self.finder.places.get(self.path.as_str()) {
                let raw: &'de RawValue = map.next_value()?;
                self.values[place] = Some(raw.get()).filter(|raw| *raw != "null");
            } else if self.depth < NESTING_MAX && self.finder.parents.contains(self.path.as_str()) {
                let level = Level {
                    finder: self.finder,
                    values: &mut *self.values,
                    path: &mut *self.path,
                    depth: self.depth + 1,
                };
                map.next_value_seed(level)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        self.path.truncate(above);
        Ok(())
    }

    // Where an object could be but something else is, there are no fields.
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// A key, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(object: &str, expected: Result<&[Option<&str>], ()>) {
        let finder = Finder::new(["a", "b.c", "b.d.e", "l"]);
        let mut values = [None; 4];
        let found = finder.find(object.as_bytes(), &mut values).map_err(|_| ());
        assert_eq!(found.map(|()| values.as_slice()), expected, "{object}");
    }

    #[test]
    fn fields_at_any_depth() {
        check(
            r#"{"a":1,"b":{"c":"x","d":{"e":[1, 2]}},"l":null}"#,
            Ok(&[Some("1"), Some("\"x\""), Some("[1, 2]"), None]),
        );
        check(r#"{"b":7,"a":{"x":1}}"#, Ok(&[Some(r#"{"x":1}"#), None, None, None]));
        check(r#"{"b":[{"c":1}],"z":{"a":2}}"#, Ok(&[None; 4]));
        check(r#"{"a":1"#, Err(()));
        check("[1]", Err(()));
    }
}
