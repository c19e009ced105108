//! Answers of text: lines whose parts are separated by tabs, with backslashes before what would not fit.

use std::borrow::Cow;

use remote_source::Cell;

/// What stands for no value.
const NULL: &[u8] = b"\\N";

/// The parts of a line.
pub(crate) fn parts(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b'\t')
}

/// A part as its bytes; `None` where there is no value.
pub(crate) fn value(part: &[u8]) -> Option<Cow<'_, [u8]>> {
    match part {
        NULL => None,
        part if !part.contains(&b'\\') => Some(Cow::Borrowed(part)),
        part => Some(Cow::Owned(unescaped(part))),
    }
}

/// A part as text.
pub(crate) fn text(part: &str) -> String {
    value(part.as_bytes()).map_or_else(String::new, |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The cell of a value, which is an address in bytes or a text.
pub(crate) fn cell(value: Option<&[u8]>, is_bytes: bool) -> Cell<'_> {
    match value {
        None => Cell::Null,
        Some(bytes) if is_bytes => Cell::Bytes(bytes),
        Some(bytes) => std::str::from_utf8(bytes).map_or(Cell::Odd, Cell::Text),
    }
}

fn unescaped(part: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.iter().copied();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'\\' => match rest.next() {
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'r') => b'\r',
                Some(b'0') => 0,
                Some(b'b') => 8,
                Some(b'f') => 12,
                Some(b'a') => 7,
                Some(b'v') => 11,
                Some(other) => other,
                None => b'\\',
            },
            byte => byte,
        };
        bytes.push(byte);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_line() {
        let line = b"10\t\\N\ta\\tb\\\\c\\'\\0\t.";
        let values: Vec<Option<Vec<u8>>> = parts(line).map(|part| value(part).map(Cow::into_owned)).collect();
        assert_eq!(values, [Some(b"10".to_vec()), None, Some(b"a\tb\\c'\0".to_vec()), Some(b".".to_vec())]);
    }
}
