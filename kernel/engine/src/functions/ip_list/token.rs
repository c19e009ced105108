//! One entry of a list: where it stands in the text and which network it is.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::functions::address;

/// Bits before the IPv4 part of an IPv4 address written as IPv6.
const MAPPED_BITS: u8 = 96;

/// An entry as typed.
pub(super) struct Token<'a> {
    /// With its exclamation mark.
    pub(super) text: &'a str,
    /// In characters from 1.
    pub(super) position: usize,
    pub(super) is_excluded: bool,
    /// Without its exclamation mark.
    address: &'a str,
}

/// An address with the bits of it that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    /// Host bits are zero.
    address: IpAddr,
    bits: u8,
    has_host_bits: bool,
}

/// Cuts a text at its separators. An exclamation mark may stand apart from what it excludes.
pub(super) fn split(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = None;
    for (position, (offset, c)) in text.char_indices().enumerate() {
        let begun = start.map(|(begin, _): (usize, usize)| &text[begin..offset]);
        match begun {
            // `! 10.0.0.1` is one entry.
            Some(begun) if begun.trim_end() == "!" && c.is_whitespace() => {}
            Some(_) if is_separator(c) => tokens.extend(start.take().map(|begin| token(text, begin, offset))),
            None if !is_separator(c) => start = Some((offset, position + 1)),
            _ => {}
        }
    }
    tokens.extend(start.map(|begin| token(text, begin, text.len())));
    tokens
}

fn token(text: &str, (begin, position): (usize, usize), end: usize) -> Token<'_> {
    let text = text[begin..end].trim_end();
    let address = text.strip_prefix('!');
    Token { text, position, is_excluded: address.is_some(), address: address.unwrap_or(text).trim_start() }
}

/// Marks without width come along when lists are pasted from documents.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '\u{200b}' | '\u{feff}' | '、' | '，' | '；')
}

impl Token<'_> {
    pub(super) fn network(&self) -> Result<Network, String> {
        if self.address.is_empty() {
            return Err("not followed by what it excludes".into());
        }
        let (host, length) = match self.address.split_once('/') {
            Some((host, length)) => (host, Some(length)),
            None => (self.address, None),
        };
        let address = address::parse(host).ok_or_else(|| no_address(host))?;
        let is_mapped = address.is_ipv4() && host.contains(':');
        let Some(length) = length else { return Ok(Network::of(address, address::bit_count(address))) };
        let most = if is_mapped { 128 } else { address::bit_count(address) };
        let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let bits = length.parse::<u8>().ok().filter(|bits| is_number && *bits <= most);
        let bits = bits.ok_or_else(|| format!("not a network: the part after / must be a number from 0 to {most}"))?;
        match (is_mapped, bits.checked_sub(MAPPED_BITS)) {
            (false, _) => Ok(Network::of(address, bits)),
            (true, Some(bits)) => Ok(Network::of(address, bits)),
            (true, None) => Err("a network of both IPv4 and IPv6 addresses: write them separately".into()),
        }
    }
}

fn no_address(host: &str) -> String {
    let parts: Vec<&str> = host.split('.').collect();
    let is_dotted = parts.len() > 1 && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let is_number = |part: &str| part.parse::<u32>().is_ok_and(|number| number <= 255);
    match parts.iter().find(|part| !is_number(part)) {
        _ if !is_dotted => "not an IP address or network".into(),
        Some(part) => format!("not an IP address: `{part}` is not a number from 0 to 255"),
        None if parts.len() != 4 => format!("not an IP address: it has {} numbers, not 4", parts.len()),
        None => "not an IP address: numbers with leading zeros are read as octal by some programs".into(),
    }
}

impl Network {
    fn of(address: IpAddr, bits: u8) -> Network {
        let network = address::truncated(address, bits);
        Network { address: network, bits, has_host_bits: network != address }
    }

    /// What an analyst should know about how the entry was read.
    pub(super) fn note(&self, token: &Token<'_>) -> Option<String> {
        self.has_host_bits.then(|| format!("{}: host bits were set, read as the network {self}", token.address))
    }

    pub(super) fn v4_range(&self) -> Option<RangeInclusive<u32>> {
        let IpAddr::V4(first) = self.address else { return None };
        let hosts = u32::MAX.checked_shr(u32::from(self.bits)).unwrap_or(0);
        Some(first.to_bits()..=first.to_bits() | hosts)
    }

    pub(super) fn v6_range(&self) -> Option<RangeInclusive<u128>> {
        let IpAddr::V6(first) = self.address else { return None };
        let hosts = u128::MAX.checked_shr(u32::from(self.bits)).unwrap_or(0);
        Some(first.to_bits()..=first.to_bits() | hosts)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&address::to_text(self.address))?;
        if self.bits < address::bit_count(self.address) { write!(f, "/{}", self.bits) } else { Ok(()) }
    }
}
