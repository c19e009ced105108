//! Functions of one address: its network, its version, whether it is private, and what is left when it is blurred.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use arrow::array::ArrayRef;

use super::address;
use super::arguments::{Arguments, Kind, Values, optional, required};
use super::fault::FunctionFault;
use super::scalar::{Returns, ScalarFunction};
use super::text::{FunctionText, example};

/// Bits that `ip_anonymize` keeps unless told otherwise.
const KEPT_V4_BITS: u8 = 24;
const KEPT_V6_BITS: u8 = 48;

pub(crate) const TO_IP_NAME: &str = "to_ip";

pub(super) static TO_IP: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: TO_IP_NAME,
        syntax: "to_ip(text)",
        description: "The address in a text, for columns of other sources; NULL where the text is no address. Where an \
                      address meets text in a comparison or a join, this is done anyway.",
        examples: &[
            example("to_ip('::ffff:10.0.0.1')", "10.0.0.1"),
            example("to_ip('2001:DB8:0::1')", "2001:db8::1"),
            example("to_ip('host')", "NULL"),
            example("to_ip('9.0.0.1') < to_ip('10.0.0.1')", "true"),
        ],
    },
    arguments: &[required("text", Kind::Address)],
    returns: Returns::Address,
    body: |arguments| {
        let addresses = arguments.addresses(0);
        arguments.build_addresses(|row| Ok(addresses.address(row)))
    },
    prepare: None,
};

/// `CAST('…' AS IP)`, which unlike [`TO_IP`] fails where there is no address. Not called by its name.
pub(super) static CAST_TO_IP: ScalarFunction = ScalarFunction {
    text: FunctionText { name: "cast_to_ip", syntax: "CAST(text AS IP)", description: "", examples: &[] },
    arguments: &[required("text", Kind::Address)],
    returns: Returns::Address,
    body: |arguments| {
        let addresses = arguments.addresses(0);
        arguments.build_addresses(|row| match addresses.unreadable(row) {
            Some(text) => Err(FunctionFault::NoAddress { text: crate::render::visible(text) }),
            None => Ok(addresses.address(row)),
        })
    },
    prepare: None,
};

pub(super) static IP_TEXT: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "ip_text",
        syntax: "ip_text(address)",
        description: "An address as text (RFC 5952), the same as CAST(address AS VARCHAR); NULL when it is no address.",
        examples: &[example("ip_text('2001:DB8::0:1')", "2001:db8::1"), example("ip_text('10.0.0.0/8')", "NULL")],
    },
    arguments: &[required("address", Kind::Address)],
    returns: Returns::Text,
    body: |arguments| {
        let addresses = arguments.addresses(0);
        arguments.build_texts(|row| Ok(addresses.address(row).map(address::to_text)))
    },
    prepare: None,
};

pub(super) static IP_PREFIX: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "ip_prefix",
        syntax: "ip_prefix(address, bits [, bits_v6])",
        description: "The network of an address with that many bits, as ip_in reads it. With two lengths the first is \
                      for IPv4, the second for IPv6. More bits than an address has keep all of it.",
        examples: &[
            example("ip_prefix('10.1.2.3', 24)", "10.1.2.0/24"),
            example("ip_prefix('2001:db8:1:2::3', 24, 48)", "2001:db8:1::/48"),
        ],
    },
    arguments: &[
        required("address", Kind::Address),
        required("bits", Kind::Integer),
        optional("bits_v6", Kind::Integer),
    ],
    returns: Returns::Text,
    body: ip_prefix,
    prepare: None,
};

pub(super) static IP_VERSION: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "ip_version",
        syntax: "ip_version(address)",
        description: "4 or 6; NULL when the text is no address.",
        examples: &[
            example("ip_version('2001:db8::1')", "6"),
            example("ip_version('::ffff:10.0.0.1')", "4"),
            example("ip_version('host')", "NULL"),
        ],
    },
    arguments: &[required("address", Kind::Address)],
    returns: Returns::Integer,
    body: |arguments| {
        let addresses = arguments.addresses(0);
        arguments.build_integers(|row| Ok(addresses.address(row).map(|address| if address.is_ipv4() { 4 } else { 6 })))
    },
    prepare: None,
};

pub(super) static IP_FAMILY: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "ip_family",
        syntax: "ip_family(address)",
        description: "'IPv4' or 'IPv6', for people; NULL when the text is no address.",
        examples: &[example("ip_family('10.0.0.1')", "IPv4")],
    },
    arguments: &[required("address", Kind::Address)],
    returns: Returns::Text,
    body: |arguments| {
        let addresses = arguments.addresses(0);
        let name = |address: IpAddr| if address.is_ipv4() { "IPv4" } else { "IPv6" }.to_string();
        arguments.build_texts(|row| Ok(addresses.address(row).map(name)))
    },
    prepare: None,
};

pub(super) static IP_IS_PRIVATE: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "ip_is_private",
        syntax: "ip_is_private(address)",
        description: "Whether an address is not routed in the public internet: 10.0.0.0/8, 172.16.0.0/12, \
                      192.168.0.0/16, the carriers' 100.64.0.0/10, fc00::/7, and loopback and link-local addresses. \
                      NULL when the text is no address.",
        examples: &[
            example("ip_is_private('192.168.1.1')", "true"),
            example("ip_is_private('192.0.2.1')", "false"),
            example("ip_is_private('fe80::1')", "true"),
        ],
    },
    arguments: &[required("address", Kind::Address)],
    returns: Returns::Boolean,
    body: |arguments| {
        let addresses = arguments.addresses(0);
        arguments.build_booleans(|row| Ok(addresses.address(row).map(is_private)))
    },
    prepare: None,
};

pub(super) static IP_IS_INTERNAL: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "ip_is_internal",
        syntax: "ip_is_internal(address)",
        description: "Whether an address is in one's own networks, as [networks] of flowdeck.toml lists them; without \
                      that list, whether it is private (ip_is_private). NULL when the text is no address.",
        examples: &[
            example("ip_is_internal('10.1.2.3')", "true"),
            example("ip_is_internal('192.0.2.1')", "false"),
            example("ip_is_internal('host')", "NULL"),
        ],
    },
    arguments: &[required("address", Kind::Address)],
    returns: Returns::Boolean,
    body: |arguments| {
        let addresses = arguments.addresses(0);
        let internal = arguments.setup().internal_networks();
        let is_internal = |address| internal.map_or_else(|| is_private(address), |list| list.contains(address));
        arguments.build_booleans(|row| Ok(addresses.address(row).map(is_internal)))
    },
    prepare: None,
};

pub(super) static IP_ANONYMIZE: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "ip_anonymize",
        syntax: "ip_anonymize(address [, bits_v4, bits_v6])",
        description: "The address with its host part set to zero: the last 8 bits of IPv4 and the last 80 of IPv6 \
                      unless told how many bits to keep. Hosts of one network become one. Text that is no address \
                      becomes NULL, so that nothing slips through.",
        examples: &[
            example("ip_anonymize('192.0.2.77')", "192.0.2.0"),
            example("ip_anonymize('2001:db8:1:2::3')", "2001:db8:1::"),
            example("ip_anonymize('192.0.2.77', 16, 32)", "192.0.0.0"),
        ],
    },
    arguments: &[
        required("address", Kind::Address),
        optional("bits_v4", Kind::Integer),
        optional("bits_v6", Kind::Integer),
    ],
    returns: Returns::Address,
    body: ip_anonymize,
    prepare: None,
};

fn ip_prefix(arguments: &Arguments) -> Result<ArrayRef, FunctionFault> {
    let addresses = arguments.addresses(0);
    let bits_v4 = Bits { index: 1, values: Some(arguments.integers(1)), default: 0 };
    let index_v6 = if arguments.has(2) { 2 } else { 1 };
    let bits_v6 = Bits { index: index_v6, values: Some(arguments.integers(index_v6)), default: 0 };
    arguments.build_texts(|row| {
        let network = network(addresses.address(row), &bits_v4, &bits_v6, arguments, row)?;
        Ok(network.map(|(address, bits)| format!("{}/{bits}", address::to_text(address))))
    })
}

fn ip_anonymize(arguments: &Arguments) -> Result<ArrayRef, FunctionFault> {
    let addresses = arguments.addresses(0);
    let given = |index| arguments.has(index).then(|| arguments.integers(index));
    let bits_v4 = Bits { index: 1, values: given(1), default: KEPT_V4_BITS };
    let bits_v6 = Bits { index: 2, values: given(2), default: KEPT_V6_BITS };
    arguments.build_addresses(|row| {
        Ok(network(addresses.address(row), &bits_v4, &bits_v6, arguments, row)?.map(|(address, _)| address))
    })
}

/// How many bits of an address to keep.
struct Bits {
    index: usize,
    values: Option<Values<arrow::array::Int64Array>>,
    default: u8,
}

impl Bits {
    fn of(&self, row: usize, arguments: &Arguments) -> Result<Option<u8>, FunctionFault> {
        let Some(values) = &self.values else { return Ok(Some(self.default)) };
        let Some(bits) = values.number(row) else { return Ok(None) };
        match u8::try_from(bits) {
            Ok(bits @ 0..=128) => Ok(Some(bits)),
            _ => Err(arguments.refused(self.index, bits, "it must be from 0 to 128")),
        }
    }
}

fn network(
    address: Option<IpAddr>,
    bits_v4: &Bits,
    bits_v6: &Bits,
    arguments: &Arguments,
    row: usize,
) -> Result<Option<(IpAddr, u8)>, FunctionFault> {
    let Some(address) = address else { return Ok(None) };
    let bits = if address.is_ipv4() { bits_v4 } else { bits_v6 }.of(row, arguments)?;
    Ok(bits.map(|bits| (address::truncated(address, bits), bits.min(address::bit_count(address)))))
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_of_carrier = first == 100 && second & 0b1100_0000 == 64;
            address.is_private() || is_of_carrier || address.is_loopback() || Ipv4Addr::is_link_local(&address)
        }
        IpAddr::V6(address) => {
            address.is_loopback() || Ipv6Addr::is_unique_local(&address) || address.is_unicast_link_local()
        }
    }
}
