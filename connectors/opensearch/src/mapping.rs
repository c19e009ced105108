//! Fields of an index, or of several: their types, and what can be asked of them.

use std::collections::BTreeMap;

use remote_source::sql::Domain;
use serde_json::Value;

/// Fields beyond this are not looked at.
const FIELDS_MAX: usize = 20_000;
/// Objects within objects.
const DEPTH_MAX: usize = 30;
/// Of keywords without a limit of their own; the server's own limit of a term is beyond.
const KEYWORD_CHARS_MAX: usize = 8000;

/// What a field is to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Ip,
    Number(Domain),
    Real,
    /// Milliseconds since 1970.
    Date,
    /// Nanoseconds since 1970.
    DateNanos,
    /// Found whole, up to so many characters.
    Keyword(usize),
    /// Cannot be searched as we mean it.
    Other,
}

/// The fields of all indices that an answer to `_mapping` describes. A field that differs between them is `Other`.
pub(crate) fn fields(answer: &Value) -> BTreeMap<String, Field> {
    let mut all: BTreeMap<String, Field> = BTreeMap::new();
    for index in answer.as_object().into_iter().flat_map(|indices| indices.values()) {
        let mut found = Found { fields: BTreeMap::new(), aliases: Vec::new() };
        if let Some(mappings) = index.get("mappings") {
            found.objects(mappings, "", true, 0);
        }
        found.resolve();
        for (name, field) in found.fields {
            all.entry(name)
                .and_modify(|known| *known = if *known == field { field } else { Field::Other })
                .or_insert(field);
        }
    }
    all
}

struct Found {
    fields: BTreeMap<String, Field>,
    aliases: Vec<(String, String)>,
}

impl Found {
    fn objects(&mut self, object: &Value, prefix: &str, is_searchable: bool, depth: usize) {
        let Some(properties) = object.get("properties").and_then(Value::as_object) else { return };
        for (name, mapping) in properties {
            if self.fields.len() >= FIELDS_MAX || depth >= DEPTH_MAX {
                return;
            }
            let path = format!("{prefix}{name}");
            let kind = mapping.get("type").and_then(Value::as_str).unwrap_or("object");
            match kind {
                "object" => self.objects(mapping, &format!("{path}."), is_searchable, depth + 1),
                // Found by questions of another kind only.
                "nested" => self.objects(mapping, &format!("{path}."), false, depth + 1),
                "alias" => {
                    let target = mapping.get("path").and_then(Value::as_str).unwrap_or_default();
                    self.aliases.push((path, target.to_owned()));
                }
                _ => {
                    let field = if is_searchable { field(kind, mapping) } else { Field::Other };
                    self.fields.insert(path, field);
                }
            }
        }
    }

    fn resolve(&mut self) {
        for (alias, target) in std::mem::take(&mut self.aliases) {
            let field = self.fields.get(&target).copied().unwrap_or(Field::Other);
            self.fields.insert(alias, field);
        }
    }
}

fn field(kind: &str, mapping: &Value) -> Field {
    if mapping.get("index") == Some(&Value::Bool(false)) {
        return Field::Other;
    }
    match kind {
        "ip" => Field::Ip,
        "byte" => Field::Number(Domain::signed(8)),
        "short" => Field::Number(Domain::signed(16)),
        "integer" => Field::Number(Domain::signed(32)),
        "long" => Field::Number(Domain::signed(64)),
        "unsigned_long" => Field::Number(Domain::unsigned(64)),
        "double" | "float" | "half_float" | "scaled_float" => Field::Real,
        "date" => Field::Date,
        "date_nanos" => Field::DateNanos,
        "keyword" | "constant_keyword" => {
            let limit = mapping.get("ignore_above").and_then(Value::as_u64);
            let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(KEYWORD_CHARS_MAX);
            Field::Keyword(limit.min(KEYWORD_CHARS_MAX))
        }
        _ => Field::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_of_several_indices() {
        let answer = json!({
            "flows-1": {"mappings": {"properties": {
                "source": {"properties": {"ip": {"type": "ip"}, "port": {"type": "long"}}},
                "id": {"type": "keyword", "ignore_above": 256},
                "n": {"type": "nested", "properties": {"x": {"type": "long"}}},
                "src": {"type": "alias", "path": "source.ip"},
                "hidden": {"type": "long", "index": false}
            }}},
            "flows-2": {"mappings": {"properties": {
                "source": {"properties": {"ip": {"type": "ip"}, "port": {"type": "integer"}}}
            }}}
        });
        let found = fields(&answer);
        assert_eq!(found.get("source.ip"), Some(&Field::Ip));
        assert_eq!(found.get("source.port"), Some(&Field::Other));
        assert_eq!(found.get("id"), Some(&Field::Keyword(256)));
        assert_eq!(found.get("n.x"), Some(&Field::Other));
        assert_eq!(found.get("src"), Some(&Field::Ip));
        assert_eq!(found.get("hidden"), Some(&Field::Other));
        assert_eq!(fields(&json!([])).len(), 0);
    }
}
