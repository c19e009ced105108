//! Values in JSON documents, as search engines give them.

use serde_json::Value;

use crate::cell::Cell;

/// The value of a field: in objects within objects, under a name with dots, or both. Of several values the first.
pub fn field<'a>(document: &'a Value, name: &str) -> Cell<'a> {
    find(document, name).map_or(Cell::Null, cell_of)
}

/// A value as a cell; objects are none.
pub fn cell_of(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(_) | Value::Object(_) => Cell::Odd,
        Value::String(text) => Cell::Text(text),
        Value::Array(values) => values.first().map_or(Cell::Null, cell_of),
        Value::Number(number) => match (number.as_i128(), number.as_f64()) {
            (Some(whole), _) => Cell::Integer(whole),
            (None, Some(real)) => Cell::Real(real),
            (None, None) => Cell::Odd,
        },
    }
}

fn find<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    let object = document.as_object()?;
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    let dots = name.match_indices('.').map(|(at, _)| at);
    dots.into_iter().find_map(|at| find(object.get(&name[..at])?, &name[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_with_dots_lead_into_objects() {
        let document = json!({"source": {"ip": "10.0.0.1", "as.number": 64500}, "a.b": {"c": [7, 8]}, "big": u64::MAX});
        assert_eq!(field(&document, "source.ip"), Cell::Text("10.0.0.1"));
        assert_eq!(field(&document, "source.as.number"), Cell::Integer(64500));
        assert_eq!(field(&document, "a.b.c"), Cell::Integer(7));
        assert_eq!(field(&document, "big"), Cell::Integer(i128::from(u64::MAX)));
        assert_eq!(field(&document, "source"), Cell::Odd);
        assert_eq!(field(&document, "source.port"), Cell::Null);
    }
}
