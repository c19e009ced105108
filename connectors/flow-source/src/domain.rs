//! Domain names: the one spelling that can be compared. Public suffixes and SQL functions on names are in the engine.

use idna::AsciiDenyList;

use crate::address::parse_ip;

/// Limits of the DNS, in bytes.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// The name as it can be compared: lower case, international names in their `xn--` form, without the port and the dot at
/// its end. `None` for addresses and for what is no domain name.
pub fn normalized(text: &str) -> Option<String> {
    let text = without_port(text.trim());
    if text.starts_with('[') || parse_ip(text).is_some() {
        return None;
    }
    let ascii = idna::domain_to_ascii_cow(text.as_bytes(), AsciiDenyList::URL).ok()?;
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    let is_label = |label: &str| !label.is_empty() && label.len() <= LABEL_BYTES_MAX;
    if name.len() > NAME_BYTES_MAX || !name.split('.').all(is_label) {
        return None;
    }
    // No registry has numbers: these are addresses, also such as 127.1.
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    (!is_number).then(|| name.to_string())
}

/// HTTP's Host header has a port behind the name.
fn without_port(text: &str) -> &str {
    match text.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        for (text, expected) in [
            ("Example.COM", Some("example.com")),
            ("example.com.", Some("example.com")),
            ("example.com..", None),
            (".example.com", None),
            ("a..b", None),
            ("", None),
            (".", None),
            ("_dmarc.example.com", Some("_dmarc.example.com")),
            ("*.example.com", Some("*.example.com")),
            ("r3---sn-4g5e6nez.googlevideo.com", Some("r3---sn-4g5e6nez.googlevideo.com")),
            ("MÜNCHEN.de", Some("xn--mnchen-3ya.de")),
            ("xn--mnchen-3ya.de", Some("xn--mnchen-3ya.de")),
            ("食狮。公司。cn", Some("xn--85x722f.xn--55qx5d.cn")),
            ("10.0.0.1", None),
            ("10.0.0.1.", None),
            ("10.0.0.1:80", None),
            ("127.1", None),
            ("::1", None),
            ("[::1]:443", None),
            ("example.com:443", Some("example.com")),
            ("two words.com", None),
            ("http://example.com/", None),
            ("localhost", Some("localhost")),
        ] {
            assert_eq!(normalized(text).as_deref(), expected, "{text}");
        }
        assert!(normalized(&format!("{}.com", "a".repeat(63))).is_some());
        assert!(normalized(&format!("{}.com", "a".repeat(64))).is_none());
        assert!(normalized(&"a.".repeat(127)).is_none_or(|name| name.len() <= NAME_BYTES_MAX));
    }
}
