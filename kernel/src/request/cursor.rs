//! Cursor positions: Jupyter counts code points (protocol 5.2), Rust counts bytes.

/// The byte offset of a cursor that counts code points; beyond the end is the end.
pub fn to_byte(code: &str, cursor: usize) -> usize {
    code.char_indices().nth(cursor).map_or(code.len(), |(offset, _)| offset)
}

/// The code points before a byte offset.
pub fn to_code_points(code: &str, byte: usize) -> usize {
    code.char_indices().take_while(|(offset, _)| *offset < byte).count()
}

/// The name around a byte offset: letters, digits, `_`, and what joins them in paths (`:`).
pub fn name_at(code: &str, byte: usize) -> (usize, &str) {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '%');
    let start = code[..byte].char_indices().rev().take_while(|(_, c)| part(*c)).last().map_or(byte, |(start, _)| start);
    let length: usize = code[byte..].chars().take_while(|c| part(*c)).map(char::len_utf8).sum();
    (start, &code[start..byte + length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_points_beyond_the_basic_plane_count_once() {
        let code = "a𝒳ü x";
        assert_eq!(to_byte(code, 2), 5);
        assert_eq!(to_code_points(code, 5), 2);
        assert_eq!(to_byte(code, 99), code.len());
        assert_eq!(to_code_points(code, code.len()), 5);
    }

    #[test]
    fn the_name_under_the_cursor() {
        assert_eq!(name_at("let x = String::from(y)", 15), (8, "String::from"));
        assert_eq!(name_at("(x)", 3), (3, ""));
    }
}
