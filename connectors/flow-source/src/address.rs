//! IP addresses: 16 bytes each, their columns, and the texts they come from.
//!
//! A column of addresses is `FixedSizeBinary(16)` labelled as [`IpType`]: network byte order, IPv4 mapped into IPv6
//! (RFC 4291, 2.5.5.2), so that bytes compare as addresses do, IPv4 below all of the public IPv6 space. Lists,
//! prefixes and SQL functions on addresses are in the engine.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use arrow_array::builder::StringViewBuilder;
use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray, StringViewArray};
use arrow_buffer::{Buffer, NullBufferBuilder};
use arrow_schema::extension::ExtensionType;
use arrow_schema::{ArrowError, DataType, Field};

/// Bytes of one address.
pub const IP_BYTES: usize = 16;

/// The same as [`IP_BYTES`], as Arrow counts.
const IP_BYTES_ARROW: i32 = 16;

/// The Arrow extension type of addresses. It has no parameters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IpType;

impl ExtensionType for IpType {
    const NAME: &'static str = "flowdeck.ip";

    type Metadata = ();

    fn metadata(&self) -> &Self::Metadata {
        &()
    }

    fn serialize_metadata(&self) -> Option<String> {
        None
    }

    /// Ignores what a later version may write.
    fn deserialize_metadata(_: Option<&str>) -> Result<Self::Metadata, ArrowError> {
        Ok(())
    }

    fn supports_data_type(&self, data_type: &DataType) -> Result<(), ArrowError> {
        if data_type == &ip_type() {
            return Ok(());
        }
        let text = format!("{} is stored as {}, not as {data_type}", Self::NAME, ip_type());
        Err(ArrowError::InvalidArgumentError(text))
    }

    fn try_new(data_type: &DataType, _: Self::Metadata) -> Result<Self, ArrowError> {
        Self.supports_data_type(data_type).map(|()| Self)
    }
}

/// How a column of addresses is stored. What makes it one is the label that [`ip_field`] gives.
pub const fn ip_type() -> DataType {
    DataType::FixedSizeBinary(IP_BYTES_ARROW)
}

/// A column of addresses, which may be NULL.
pub fn ip_field(name: impl Into<String>) -> Field {
    Field::new(name, ip_type(), true).with_extension_type(IpType)
}

/// Whether a column holds addresses. 16 bytes without the label may be anything, a UUID for example.
pub fn is_ip_field(field: &Field) -> bool {
    field.data_type() == &ip_type() && field.extension_type_name() == Some(IpType::NAME)
}

/// The address as it is stored.
pub fn ip_to_bytes(address: IpAddr) -> [u8; IP_BYTES] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The address that is stored so, IPv4-mapped unwrapped; `None` when there are not [`IP_BYTES`] bytes.
pub fn ip_from_bytes(bytes: &[u8]) -> Option<IpAddr> {
    let octets: [u8; IP_BYTES] = bytes.try_into().ok()?;
    Some(IpAddr::V6(Ipv6Addr::from(octets)).to_canonical())
}

/// The addresses of a column as text (RFC 5952), for readers that know no addresses; NULL stays NULL.
pub fn ip_texts(addresses: &FixedSizeBinaryArray) -> StringViewArray {
    let mut texts = StringViewBuilder::with_capacity(addresses.len());
    let mut text = String::new();
    for bytes in addresses {
        match bytes.and_then(ip_from_bytes) {
            Some(address) => {
                text.clear();
                // Writing to a String cannot fail.
                let _ = write!(text, "{address}");
                texts.append_value(&text);
            }
            None => texts.append_null(),
        }
    }
    texts.finish()
}

/// A column of addresses under construction; what [`finish`](Self::finish) gives has the type [`ip_type`].
#[derive(Debug)]
pub struct AddressBuilder {
    bytes: Vec<u8>,
    validity: NullBufferBuilder,
}

impl AddressBuilder {
    /// Room for `rows` addresses.
    pub fn with_capacity(rows: usize) -> Self {
        Self { bytes: Vec::with_capacity(rows * IP_BYTES), validity: NullBufferBuilder::new(rows) }
    }

    /// One more address; an IPv4-mapped IPv6 address is the IPv4 address.
    pub fn append(&mut self, address: IpAddr) {
        self.bytes.extend_from_slice(&ip_to_bytes(address));
        self.validity.append_non_null();
    }

    /// One more row without an address.
    pub fn append_null(&mut self) {
        self.bytes.extend_from_slice(&[0; IP_BYTES]);
        self.validity.append_null();
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
        let bytes = Buffer::from_vec(std::mem::take(&mut self.bytes));
        Arc::new(FixedSizeBinaryArray::new(IP_BYTES_ARROW, bytes, self.validity.finish()))
    }
}

impl Default for AddressBuilder {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl FromIterator<Option<IpAddr>> for AddressBuilder {
    fn from_iter<I: IntoIterator<Item = Option<IpAddr>>>(addresses: I) -> Self {
        let addresses = addresses.into_iter();
        let mut builder = Self::with_capacity(addresses.size_hint().0);
        addresses.for_each(|address| builder.append_option(address));
        builder
    }
}

/// The address in the text, zone id (`%eth0`) dropped and IPv4-mapped unwrapped; `None` if the text is not an address.
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
    use arrow_array::cast::AsArray;

    #[track_caller]
    fn check(text: &str, canonical: Option<&str>) {
        assert_eq!(parse_ip(text).map(|address| address.to_string()).as_deref(), canonical, "{text}");
    }

    #[test]
    fn one_address_per_spelling() {
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

    #[test]
    fn a_column_has_the_type_of_addresses() {
        let mut builder = AddressBuilder::with_capacity(2);
        builder.append_option("::ffff:192.0.2.1".parse().ok());
        builder.append_option(None);
        let column = builder.finish();
        assert_eq!(column.data_type(), &ip_type());
        assert_eq!((column.len(), column.null_count()), (2, 1));
        let stored = column.as_fixed_size_binary().value(0);
        assert_eq!(ip_from_bytes(stored), parse_ip("192.0.2.1"));
        let texts: Vec<Option<String>> =
            ip_texts(column.as_fixed_size_binary()).iter().map(|text| text.map(Into::into)).collect();
        assert_eq!(texts, [Some("192.0.2.1".to_owned()), None]);
        assert_eq!(builder.finish().len(), 0);
    }

    #[test]
    fn bytes_compare_as_addresses() {
        let sorted = ["::1", "0.0.0.0", "9.255.0.1", "10.0.0.1", "192.0.2.1", "2001:db8::1", "fe80::1"];
        let bytes: Vec<_> = sorted.iter().filter_map(|text| parse_ip(text)).map(ip_to_bytes).collect();
        assert_eq!(bytes.len(), sorted.len());
        assert!(bytes.is_sorted());
    }

    #[test]
    fn only_labelled_columns_are_addresses() {
        assert!(is_ip_field(&ip_field("src_ip")));
        assert!(!is_ip_field(&Field::new("digest", ip_type(), true)));
        assert!(!is_ip_field(&ip_field("short").with_data_type(DataType::Utf8)));
        assert!(IpType::try_new(&DataType::Binary, ()).is_err());
        assert_eq!(ip_from_bytes(&[1, 2, 3, 4]), None);
    }
}
