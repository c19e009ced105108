//! Zeek's `\x09` escapes; other values are read as `file-source` reads them.

use std::borrow::Cow;

pub(crate) use file_source::value::*;

/// Text with Zeek's `\xHH` undone. Bytes that are not UTF-8 stay as `\xHH`, so nothing is lost.
///
/// Only `\xHH` is an escape: Zeek writes a backslash itself as `\x5c`, and old logs hold plain backslashes.
pub(crate) fn text(raw: &[u8]) -> Cow<'_, str> {
    if memchr::memchr(b'\\', raw).is_none()
        && let Ok(text) = std::str::from_utf8(raw)
    {
        return Cow::Borrowed(text);
    }
    let mut lossy = String::with_capacity(raw.len());
    for chunk in unescape(raw).utf8_chunks() {
        lossy.push_str(chunk.valid());
        for byte in chunk.invalid() {
            lossy.push_str(&format!("\\x{byte:02x}"));
        }
    }
    Cow::Owned(lossy)
}

/// Bytes with Zeek's `\xHH` undone.
pub(crate) fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        let escape = match &rest[at..] {
            [b'\\', b'x', high, low, ..] => hex(*high).zip(hex(*low)),
            _ => None,
        };
        let used = match escape {
            Some((high, low)) => {
                plain.push(high * 16 + low);
                4
            }
            None => {
                plain.push(b'\\');
                1
            }
        };
        rest = &rest[at + used..];
    }
    plain.extend_from_slice(rest);
    plain
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(text(b"plain"), "plain");
        assert_eq!(text(b"a\\x09b"), "a\tb");
        assert_eq!(text(b"\\x2d"), "-");
        assert_eq!(text(b"O=Amazon.com\\, Inc."), "O=Amazon.com\\, Inc.");
        assert_eq!(text(b"C:\\x5ctemp"), "C:\\temp");
        assert_eq!(text(b"caf\\xc3\\xa9"), "caf\u{e9}");
        assert_eq!(text(b"\\xff\xfe\\x4"), "\\xff\\xfe\\x4");
        assert_eq!(text(b"\\"), "\\");
    }
}
