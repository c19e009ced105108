//! IP addresses as text: one spelling per address, so that equality and joins on text are right; and columns of them.
//!
//! Lists, prefixes and SQL functions on addresses are in the engine.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::StringViewBuilder;

/// A column of addresses under construction; what [`finish`](Self::finish) gives has the type [`crate::ip_type`].
#[derive(Debug, Default)]
pub struct AddressBuilder {
    texts: StringViewBuilder,
    text: String,
}

impl AddressBuilder {
    /// Room for `rows` addresses.
    pub fn with_capacity(rows: usize) -> Self {
        Self { texts: StringViewBuilder::with_capacity(rows), text: String::new() }
    }

    /// One more address; an IPv4-mapped IPv6 address becomes the IPv4 address.
    pub fn append(&mut self, address: IpAddr) {
        self.text.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{}", address.to_canonical());
        self.texts.append_value(&self.text);
    }

    /// One more row without an address.
    pub fn append_null(&mut self) {
        self.texts.append_null();
    }

    /// [`append`](Self::append) or [`append_null`](Self::append_null).
    pub fn append_option(&mut self, address: Option<IpAddr>) {
        match address {
            Some(address) => self.append(address),
            None => self.append_null(),
        }
    }

    /// The column; the builder is empty again.
    pub fn finish(&mut self) -> ArrayRef {
        Arc::new(self.texts.finish())
    }
}

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
    use arrow_array::Array as _;

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
    fn a_column_has_the_type_of_addresses() {
        let mut column = AddressBuilder::with_capacity(2);
        column.append_option("::ffff:192.0.2.1".parse().ok());
        column.append_option(None);
        let column = column.finish();
        assert_eq!(column.data_type(), &crate::ip_type());
        assert_eq!((column.len(), column.null_count()), (2, 1));
    }

    #[test]
    fn not_an_address() {
        for text in ["", "-", "10.0.0", "010.0.0.1", "10.0.0.0/8", "example.org", "::1::", "10.0.0.1%eth0"] {
            check(text, None);
        }
    }
}
