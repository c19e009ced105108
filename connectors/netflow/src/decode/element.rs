//! Information elements: what a number of a template means, after IANA's registry (RFC 7012).
//!
//! NetFlow v9 uses the same numbers (RFC 7012 section 4 kept them). Which elements make a flow is in `flow`.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::LazyLock;

use super::wire::unsigned;

/// The private enterprise number under which RFC 5103 puts the counters of the other direction.
pub(crate) const REVERSE: u32 = 29305;
/// Stands in the place of an enterprise number for the scopes of NetFlow v9's options, which have numbers of their own.
pub(crate) const V9_SCOPE: u32 = u32::MAX;
/// RFC 3954 section 6.1.
const V9_SCOPES: [&str; 5] = ["scopeSystem", "scopeInterface", "scopeLineCard", "scopeCache", "scopeTemplate"];

/// An element as templates name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ElementId {
    /// Private enterprise number, 0 for IANA's own elements.
    pub(crate) enterprise: u32,
    pub(crate) number: u16,
}

impl ElementId {
    pub(crate) const fn iana(number: u16) -> Self {
        Self { enterprise: 0, number }
    }

    /// IANA's name; `reverse…` for the other direction (RFC 5103 section 6.1); else `e<enterprise>_<number>`.
    pub(crate) fn name(self) -> Cow<'static, str> {
        if self.enterprise == V9_SCOPE {
            let scope = usize::from(self.number).checked_sub(1).and_then(|place| V9_SCOPES.get(place));
            return scope.map_or_else(|| Cow::Owned(format!("scope{}", self.number)), |name| Cow::Borrowed(*name));
        }
        match (self.enterprise, known(self)) {
            (0, Some(known)) => Cow::Borrowed(known.name),
            (REVERSE, Some(known)) => {
                let (first, rest) = known.name.split_at(1);
                Cow::Owned(format!("reverse{}{rest}", first.to_ascii_uppercase()))
            }
            _ => Cow::Owned(format!("e{}_{}", self.enterprise, self.number)),
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self.enterprise {
            V9_SCOPE => Kind::Unsigned,
            _ => known(self).map_or(Kind::Octets, |known| known.kind),
        }
    }
}

/// What the bytes of an element are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unsigned,
    Signed,
    Float,
    Boolean,
    Text,
    /// Bytes without a meaning that is known here, and lists of elements.
    Octets,
    Address,
    Mac,
    Time(Unit),
}

/// How a point in time is written (RFC 7011 section 6.1.7 to 6.1.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
    /// 32 bits of seconds since 1900, 32 bits of fraction.
    Ntp,
}

struct Known {
    kind: Kind,
    name: &'static str,
}

fn known(id: ElementId) -> Option<&'static Known> {
    static TABLE: LazyLock<Vec<Option<Known>>> = LazyLock::new(|| read_table(include_str!("elements.tsv")));
    if id.enterprise != 0 && id.enterprise != REVERSE {
        return None;
    }
    TABLE.get(usize::from(id.number))?.as_ref()
}

fn read_table(text: &'static str) -> Vec<Option<Known>> {
    let mut table = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.split('\t');
        let (Some(Ok(number)), Some(kind), Some(name)) =
            (parts.next().map(str::parse::<usize>), parts.next().and_then(kind_of), parts.next())
        else {
            continue;
        };
        table.resize_with(table.len().max(number + 1), || None);
        table[number] = Some(Known { kind, name });
    }
    table
}

fn kind_of(letters: &str) -> Option<Kind> {
    Some(match letters {
        "u" => Kind::Unsigned,
        "i" => Kind::Signed,
        "f" => Kind::Float,
        "b" => Kind::Boolean,
        "s" => Kind::Text,
        "x" => Kind::Octets,
        "ip" => Kind::Address,
        "mac" => Kind::Mac,
        "ts" => Kind::Time(Unit::Seconds),
        "tms" => Kind::Time(Unit::Milliseconds),
        "tntp" => Kind::Time(Unit::Ntp),
        _ => return None,
    })
}

/// An address of four or sixteen bytes; an IPv4-mapped one becomes the IPv4 address.
pub(crate) fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(v4.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| IpAddr::from(v6).to_canonical())
}

/// A MAC address of six bytes; NetFlow v9 exporters sometimes write it into eight, left-aligned.
pub(crate) fn mac(bytes: &[u8]) -> Option<[u8; 6]> {
    match bytes.len() {
        6 | 8 => bytes.first_chunk().copied(),
        _ => None,
    }
}

/// Nanoseconds since 1970-01-01 UTC; `None` for zero, which exporters write for "not known", and beyond an i64.
pub(crate) fn time(bytes: &[u8], unit: Unit) -> Option<i64> {
    let number = unsigned(bytes).filter(|number| *number != 0)?;
    match unit {
        Unit::Seconds => i64::try_from(number).ok()?.checked_mul(1_000_000_000),
        Unit::Milliseconds => i64::try_from(number).ok()?.checked_mul(1_000_000),
        Unit::Ntp => ntp(number),
    }
}

/// RFC 5905 timestamps; values below half of the first era belong to the era that begins in 2036.
fn ntp(number: u64) -> Option<i64> {
    const SECONDS_TO_1970: i64 = 2_208_988_800;
    const ERA_SECONDS: i64 = 1 << 32;
    let (seconds, fraction) = (i64::from((number >> 32) as u32), number & 0xffff_ffff);
    let era = if seconds < ERA_SECONDS / 2 { ERA_SECONDS } else { 0 };
    let nanos = i64::try_from((fraction * 1_000_000_000 + (1 << 31)) >> 32).ok()?;
    (seconds + era - SECONDS_TO_1970).checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// RFC 7011 section 6.1.5: 1 is true, 2 is false.
pub(crate) fn boolean(bytes: &[u8]) -> Option<bool> {
    match unsigned(bytes)? {
        1 => Some(true),
        2 => Some(false),
        _ => None,
    }
}

/// IEEE 754 of four or eight bytes.
pub(crate) fn float(bytes: &[u8]) -> Option<f64> {
    if let Ok(short) = <[u8; 4]>::try_from(bytes) {
        return Some(f64::from(f32::from_be_bytes(short)));
    }
    <[u8; 8]>::try_from(bytes).ok().map(f64::from_be_bytes)
}

/// Text up to the first zero byte, with which exporters fill fixed fields.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    let length = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    (length > 0).then(|| String::from_utf8_lossy(&bytes[..length]).into_owned())
}

/// Bytes as `0x…`.
pub(crate) fn hex(bytes: &[u8]) -> Option<String> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    if bytes.is_empty() {
        return None;
    }
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("0x");
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_elements() {
        assert_eq!(ElementId::iana(1).name(), "octetDeltaCount");
        assert_eq!(ElementId { enterprise: REVERSE, number: 1 }.name(), "reverseOctetDeltaCount");
        assert_eq!(ElementId { enterprise: 9, number: 12232 }.name(), "e9_12232");
        assert_eq!(ElementId::iana(65535).name(), "e0_65535");
        assert_eq!(ElementId::iana(8).kind(), Kind::Address);
        assert_eq!(ElementId { enterprise: 9, number: 8 }.kind(), Kind::Octets);
    }

    #[test]
    fn points_in_time() {
        assert_eq!(time(&[0; 8], Unit::Milliseconds), None);
        assert_eq!(time(&1_700_000_000_123_u64.to_be_bytes(), Unit::Milliseconds), Some(1_700_000_000_123_000_000));
        assert_eq!(time(&1_700_000_000_u32.to_be_bytes(), Unit::Seconds), Some(1_700_000_000_000_000_000));
        let half = (2_208_988_801_u64 << 32) | (1 << 31);
        assert_eq!(time(&half.to_be_bytes(), Unit::Ntp), Some(1_500_000_000));
        assert_eq!(time(&u64::MAX.to_be_bytes(), Unit::Milliseconds), None);
        assert_eq!(time(&u64::MAX.to_be_bytes(), Unit::Seconds), None);
    }

    #[test]
    fn values_with_odd_lengths() {
        assert_eq!(address(&[10, 0, 0]), None);
        assert_eq!(mac(&[1, 2, 3, 4, 5, 6, 0, 0]), Some([1, 2, 3, 4, 5, 6]));
        assert_eq!(text(b"http\0\0\0").as_deref(), Some("http"));
        assert_eq!(text(b"\0").as_deref(), None);
        assert_eq!(hex(&[0x71, 0xe1]).as_deref(), Some("0x71e1"));
        assert_eq!(boolean(&[2]), Some(false));
        assert_eq!(float(&[0; 3]), None);
    }
}
