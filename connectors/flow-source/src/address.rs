//! IP addresses as text: one spelling per address, so that equality and joins on text are right.
//!
//! Lists, prefixes and SQL functions on addresses are in the engine.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The RFC 5952 text of an address; `None` if the text is not one.
///
/// A zone id (`%eth0`) is dropped and an IPv4-mapped IPv6 address becomes the IPv4 address. Text that is already
/// canonical is lent back without a copy.
pub fn canonical_ip(text: &str) -> Option<Cow<'_, str>> {
    let address = parse_ip(text)?;
    // Rust's parser refuses leading zeros, so IPv4 text that parses has only one spelling.
    if address.is_ipv4() && !text.contains(':') {
        return Some(Cow::Borrowed(text));
    }
    let canonical = address.to_string();
    Some(if canonical == text { Cow::Borrowed(text) } else { Cow::Owned(canonical) })
}

/// The address in the text, zone id dropped and IPv4-mapped unwrapped; `None` if the text is not an address.
pub fn parse_ip(text: &str) -> Option<IpAddr> {
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Some(IpAddr::V4(v4));
    }
    let without_zone = text.split_once('%').map_or(text, |(address, _zone)| address);
    let v6 = without_zone.parse::<Ipv6Addr>().ok()?;
    Some(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, canonical: Option<&str>) {
        assert_eq!(canonical_ip(text).as_deref(), canonical, "{text}");
    }

    #[test]
    fn one_spelling_per_address() {
        check("10.0.0.1", Some("10.0.0.1"));
        check("2001:DB8:0:0:0:0:0:1", Some("2001:db8::1"));
        check("fe80:0000:0000:0000:0202:b3ff:fe1e:8329", Some("fe80::202:b3ff:fe1e:8329"));
        check("fe80::1%eth0", Some("fe80::1"));
        check("::ffff:192.0.2.1", Some("192.0.2.1"));
        check("::", Some("::"));
    }

    #[test]
    fn not_an_address() {
        for text in ["", "-", "10.0.0", "010.0.0.1", "10.0.0.0/8", "example.org", "::1::", "10.0.0.1%eth0"] {
            check(text, None);
        }
    }
}
