//! What a file holds, in words, when it is nothing we read.
//!
//! The bytes come from outside: whatever is quoted is bounded and made visible, so that an error cannot move the
//! cursor or hide text.

use crate::render::visible;

/// Characters of text quoted in an error.
const QUOTED_CHARS_MAX: usize = 40;
/// Bytes of a binary file quoted in an error.
const QUOTED_BYTES_MAX: usize = 8;
/// Share of characters that may be odd in text.
const ODD_SHARE_MAX: f64 = 0.02;

/// Text of the West has fewer accents than one in so many letters; binary data has more.
const LETTERS_PER_ACCENT: usize = 4;

/// Beginnings of files that analysts keep beside logs, and what they are.
const SIGNATURES: &[(&[u8], &str)] = &[
    (b"\xd4\xc3\xb2\xa1", "a packet capture (pcap)"),
    (b"\xa1\xb2\xc3\xd4", "a packet capture (pcap)"),
    (b"\x4d\x3c\xb2\xa1", "a packet capture (pcap)"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture (pcapng)"),
    (b"\x0c\xa5", "a flow file of nfdump (nfcapd)"),
    (b"\xa5\x0c", "a flow file of nfdump (nfcapd)"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"\xfd7zXZ\x00", "xz-compressed data"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x7fELF", "a Linux program"),
    (b"MZ", "a Windows program"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"Obj\x01", "an Avro file"),
    (b"PAR1", "Parquet"),
    (b"ARROW1", "an Arrow IPC file"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
];

/// What `head`, the beginning of a file, looks like: "a ZIP archive …", "text beginning `…`", "binary data …".
pub(crate) fn describe(head: &[u8]) -> String {
    let known = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature));
    if let Some((signature, meaning)) = known {
        return format!("{meaning}, beginning with the bytes {}", hex(signature));
    }
    if let Some((version, needed)) = export_version(head)
        && head.len() < needed
    {
        return format!("what may be a packet of {version}, cut after {} bytes of a header of {needed}", head.len());
    }
    let Some(text) = as_text(head) else {
        return format!("binary data beginning with the bytes {}", hex(&head[..head.len().min(QUOTED_BYTES_MAX)]));
    };
    let trimmed = text.trim_start();
    let kind = if trimmed.is_empty() {
        return "only blanks".into();
    } else if starts_with_ignoring_case(trimmed, &["<!doctype html", "<html"]) {
        "an HTML page"
    } else if trimmed.starts_with('<') {
        "XML or HTML text"
    } else if trimmed.starts_with(['{', '[']) {
        "JSON text"
    } else {
        "text"
    };
    format!("{kind} beginning `{}`", quoted(trimmed))
}

/// Versions of exported flows, which begin with their number, and how long the header of a packet is.
fn export_version(head: &[u8]) -> Option<(&'static str, usize)> {
    match head {
        [0, 5, ..] => Some(("NetFlow v5", 24)),
        [0, 7, ..] => Some(("NetFlow v7", 24)),
        [0, 9, ..] => Some(("NetFlow v9", 20)),
        [0, 10, ..] => Some(("IPFIX", 16)),
        _ => None,
    }
}

/// What text in another encoding than UTF-8 looks like, and the name by which it is converted. `None` for UTF-8 and for
/// what is no text.
pub(crate) fn encoding_of(head: &[u8]) -> Option<(String, &'static str)> {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some(("UTF-16 text".into(), "UTF-16"));
    }
    if SIGNATURES.iter().any(|(signature, _)| head.starts_with(signature)) {
        return None;
    }
    let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\n' | b'\r' | b'\t') || *byte == 0x7f;
    let is_utf8 = as_text(head).is_some();
    let beyond_ascii = head.iter().filter(|byte| !byte.is_ascii()).count();
    let is_text = !head.iter().any(is_control) && beyond_ascii * LETTERS_PER_ACCENT <= head.len();
    (is_text && !is_utf8 && beyond_ascii > 0).then(|| {
        let text: String = head.iter().map(|byte| char::from(*byte)).collect();
        (format!("text that looks like Windows-1252 or ISO-8859-1, beginning `{}`", quoted(&text)), "WINDOWS-1252")
    })
}

/// The bytes as text, when people would call them text. A cut character at the end is allowed: heads are cut anywhere.
pub(crate) fn as_text(head: &[u8]) -> Option<&str> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(fault) if fault.error_len().is_none() => std::str::from_utf8(&head[..fault.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let odd = text.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')).count();
    let has_zero = text.contains('\0');
    (!has_zero && odd as f64 <= text.chars().count() as f64 * ODD_SHARE_MAX).then_some(text)
}

/// The first line of `text`, bounded and with invisible characters shown.
pub(crate) fn quoted(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(QUOTED_CHARS_MAX).collect();
    let dots = if cut.len() < line.len() { "…" } else { "" };
    format!("{}{dots}", visible(&cut))
}

fn starts_with_ignoring_case(text: &str, beginnings: &[&str]) -> bool {
    beginnings
        .iter()
        .any(|beginning| text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions() {
        let cases: [(&[u8], &str); 7] = [
            (b"PK\x03\x04rest", "a ZIP archive or office document, beginning with the bytes 50 4b 03 04"),
            (b"\x00\x01\x02\x03", "binary data beginning with the bytes 00 01 02 03"),
            (b"<!DOCTYPE HTML>\n<p>", "an HTML page beginning `<!DOCTYPE HTML>`"),
            (b"{\"a\": 1}\n", "JSON text beginning `{\"a\": 1}`"),
            (b"hello\nworld", "text beginning `hello`"),
            (b"  \n ", "only blanks"),
            (b"\xff\xfeh\x00", "UTF-16 text, beginning with the bytes ff fe"),
        ];
        for (head, expected) in cases {
            assert_eq!(describe(head), expected);
        }
    }

    #[test]
    fn what_is_quoted_is_bounded_and_visible() {
        let described = describe(format!("col\u{202e}umn {}", "x".repeat(100)).as_bytes());
        assert!(!described.contains('\u{202e}'), "{described}");
        assert!(described.chars().count() < 80, "{described}");
    }

    #[test]
    fn a_cut_character_at_the_end_is_still_text() {
        assert_eq!(as_text(&"aé".as_bytes()[..2]), Some("a"));
        assert_eq!(as_text(b"a\xe9b"), None);
    }
}
