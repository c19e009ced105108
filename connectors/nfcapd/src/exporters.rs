//! Who sent the flows, and how they were sampled: records between the flow records, which name an exporter by a number.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::options::{EXPORTERS_MAX, SAMPLERS_MAX};
use crate::record::{Record, u16_at};

pub(crate) const EXPORTER_RECORD: u16 = 7;
pub(crate) const SAMPLER_RECORD_V0: u16 = 9;
pub(crate) const SAMPLER_RECORD: u16 = 15;
const AF_INET: u16 = 2;
/// Samplers that are not one of the exporter's own: set by the operator for all, by the operator as default, and the
/// exporter's only one.
const FOR_ALL: i64 = -3;
const DEFAULT: i64 = -2;
const GENERIC: i64 = -1;

/// What is known of an exporter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exporter {
    pub(crate) address: Option<IpAddr>,
    /// NetFlow version; 10 is IPFIX, 9999 sFlow.
    pub(crate) version: u32,
    /// Source id or observation domain.
    pub(crate) domain: u32,
    /// Number of a sampler, and of how many packets it takes one.
    samplers: Vec<(i64, u64)>,
}

impl Exporter {
    /// 1 of how many packets was looked at, by the sampler of a flow; `None` when nothing was said.
    pub(crate) fn sampling_rate(&self, sampler: Option<i64>) -> Option<u64> {
        let rate = |wanted: i64| self.samplers.iter().find(|(number, _)| *number == wanted).map(|(_, rate)| *rate);
        rate(FOR_ALL).or_else(|| rate(sampler?)).or_else(|| rate(GENERIC)).or_else(|| rate(DEFAULT))
    }
}

/// The exporters of a file, by the number that flow records give them.
#[derive(Debug, Default)]
pub(crate) struct Exporters {
    known: HashMap<u16, Exporter>,
}

impl Exporters {
    pub(crate) fn get(&self, number: u16) -> Option<&Exporter> {
        self.known.get(&number)
    }

    /// Learns from a record that may be of an exporter or sampler; others are passed over.
    pub(crate) fn learn(&mut self, data: &[u8], record: Record) {
        let bytes = &data[record.start..record.end];
        match record.kind {
            EXPORTER_RECORD => self.learn_exporter(bytes),
            SAMPLER_RECORD_V0 => self.learn_sampler_v0(bytes),
            SAMPLER_RECORD => self.learn_sampler(bytes),
            _ => {}
        }
    }

    fn learn_exporter(&mut self, bytes: &[u8]) {
        let (Some(version), Some(number), Some(domain)) = (u32_at(bytes, 4), u16_at(bytes, 26), u32_at(bytes, 28))
        else {
            return;
        };
        if let Some(exporter) = self.exporter(number) {
            exporter.version = version;
            exporter.domain = domain;
            exporter.address = address(bytes);
        }
    }

    fn learn_sampler_v0(&mut self, bytes: &[u8]) {
        let (Some(id), Some(interval), Some(number)) = (u32_at(bytes, 4), u32_at(bytes, 8), u16_at(bytes, 14)) else {
            return;
        };
        self.add_sampler(number, i64::from(id.cast_signed()), u64::from(interval));
    }

    fn learn_sampler(&mut self, bytes: &[u8]) {
        let id = bytes.get(8..16).and_then(|id| id.try_into().ok()).map(i64::from_le_bytes);
        let (Some(number), Some(id), Some(taken), Some(passed)) =
            (u16_at(bytes, 4), id, u32_at(bytes, 16), u32_at(bytes, 20))
        else {
            return;
        };
        let rate = (u64::from(taken) + u64::from(passed)).checked_div(u64::from(taken)).unwrap_or(0);
        self.add_sampler(number, id, rate);
    }

    fn add_sampler(&mut self, exporter: u16, id: i64, rate: u64) {
        let Some(exporter) = self.exporter(exporter) else { return };
        if rate == 0 {
            return;
        }
        match exporter.samplers.iter().position(|(known, _)| *known == id) {
            Some(place) => exporter.samplers[place].1 = rate,
            None if exporter.samplers.len() < SAMPLERS_MAX => exporter.samplers.push((id, rate)),
            None => {}
        }
    }

    fn exporter(&mut self, number: u16) -> Option<&mut Exporter> {
        let has_room = self.known.len() < EXPORTERS_MAX || self.known.contains_key(&number);
        has_room.then(|| self.known.entry(number).or_default())
    }
}

/// The address of an exporter record: up to nfdump 1.7.4 with an address family and in the machine's byte order, later
/// 16 bytes as on the wire.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    let raw: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
    let family = u16_at(bytes, 24)?;
    let address = if family == AF_INET {
        IpAddr::V4(Ipv4Addr::from(u32::from_le_bytes([raw[12], raw[13], raw[14], raw[15]])))
    } else if family == 0 {
        IpAddr::V6(Ipv6Addr::from(raw)).to_canonical()
    } else {
        ipv6(raw)
    };
    (!address.is_unspecified()).then_some(address)
}

/// An IPv6 address of two numbers, the high one first, each in little-endian byte order.
pub(crate) fn ipv6(mut bytes: [u8; 16]) -> IpAddr {
    bytes[..8].reverse();
    bytes[8..].reverse();
    IpAddr::V6(Ipv6Addr::from(bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(exporters: &mut Exporters, kind: u16, fields: &[&[u8]]) {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend(fields.concat());
        exporters.learn(&bytes, Record { kind, start: 0, end: bytes.len() });
    }

    #[test]
    fn addresses_old_and_new() {
        let mut exporters = Exporters::default();
        let (version, seven, id) = (10_u32.to_le_bytes(), 7_u16.to_le_bytes(), 6_u32.to_le_bytes());
        let ten = u128::from_be_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1]).to_be_bytes();
        for (raw, family, expected) in [
            ([&[0; 12][..], &[1, 0, 0, 10]].concat(), 2_u16, "10.0.0.1"),
            ([&[0, 0, 0, 0, 0xb8, 0x0d, 1, 0x20][..], &[1, 0, 0, 0, 0, 0, 0, 0]].concat(), 10, "2001:db8::1"),
            (ten.to_vec(), 0, "10.0.0.1"),
        ] {
            learn(&mut exporters, EXPORTER_RECORD, &[&version, &raw, &family.to_le_bytes(), &seven, &id]);
            let exporter = exporters.get(7).expect("it was learnt");
            assert_eq!(exporter.address.map(|address| address.to_string()).as_deref(), Some(expected));
            assert_eq!((exporter.version, exporter.domain), (10, 6));
        }
    }

    #[test]
    fn the_sampler_of_the_flow_counts() {
        let mut exporters = Exporters::default();
        let number = 7_u16.to_le_bytes();
        learn(&mut exporters, SAMPLER_RECORD_V0, &[&(-1_i32).to_le_bytes(), &1000_u32.to_le_bytes(), &[0; 2], &number]);
        let sampler =
            |id: i64| [&number[..], &[0; 2], &id.to_le_bytes(), &1_u32.to_le_bytes(), &99_u32.to_le_bytes()].concat();
        learn(&mut exporters, SAMPLER_RECORD, &[&sampler(5)]);
        let exporter = exporters.get(7).expect("it was learnt");
        assert_eq!(exporter.sampling_rate(None), Some(1000));
        assert_eq!(exporter.sampling_rate(Some(5)), Some(100));
        assert_eq!(exporter.sampling_rate(Some(6)), Some(1000));
        learn(&mut exporters, SAMPLER_RECORD, &[&sampler(FOR_ALL)]);
        assert_eq!(exporters.get(7).expect("it was learnt").sampling_rate(Some(5)), Some(100));
    }
}
