//! IP addresses as flows hold them, text today, and as functions compute with them. The only place that converts.

use std::net::IpAddr;

/// The address in `text`; `None` when it is none. A zone (`fe80::1%eth0`) is left out, and an IPv4 address written
/// as IPv6 (`::ffff:10.0.0.1`) is taken for the IPv4 address, as the flow schema has them.
pub(crate) fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, zone) = text.split_once('%')?;
    let is_scoped = address.contains(':') && !zone.is_empty();
    is_scoped.then(|| address.parse::<IpAddr>().ok().map(|address| address.to_canonical()))?
}

/// How flows spell an address (RFC 5952).
pub(crate) fn to_text(address: IpAddr) -> String {
    address.to_string()
}

/// 32 or 128.
pub(crate) fn bit_count(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address with only its first `bits` bits, the rest zero; more bits than it has keep it whole.
pub(crate) fn truncated(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(bits))).unwrap_or(0);
            IpAddr::from((address.to_bits() & mask).to_be_bytes())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(bits))).unwrap_or(0);
            IpAddr::from((address.to_bits() & mask).to_be_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_flows_have_them() {
        for (text, expected) in [
            ("10.0.0.1", Some("10.0.0.1")),
            (" 10.0.0.1\n", Some("10.0.0.1")),
            ("2001:DB8:0::1", Some("2001:db8::1")),
            ("::ffff:10.0.0.1", Some("10.0.0.1")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("10.0.0.1%eth0", None),
            ("fe80::1%", None),
            ("10.0.0.01", None),
            ("10.0.0.0/8", None),
            ("host", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(to_text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn truncation_keeps_the_first_bits() {
        for (text, bits, expected) in [
            ("10.1.2.3", 24, "10.1.2.0"),
            ("10.1.2.3", 0, "0.0.0.0"),
            ("10.1.2.3", 99, "10.1.2.3"),
            ("2001:db8:1:2::3", 48, "2001:db8:1::"),
            ("2001:db8::3", 128, "2001:db8::3"),
            ("2001:db8::3", 0, "::"),
        ] {
            let address = parse(text).expect("an address");
            assert_eq!(to_text(truncated(address, bits)), expected);
        }
    }
}
