//! How large a JSON value is, roughly, without writing it out.

use serde_json::Value;

/// What a number, a bracket or a comma counts.
const TOKEN_BYTES: usize = 8;

/// The size in bytes. Strings count their bytes, everything else a few.
pub(crate) fn weight(value: &Value) -> usize {
    let own = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + weight(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    own + TOKEN_BYTES
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_count_their_bytes() {
        assert_eq!(weight(&json!("abcd")), 4 + TOKEN_BYTES);
        assert_eq!(weight(&json!({"ab": ["c", 1]})), 2 + 1 + 4 * TOKEN_BYTES);
    }
}
