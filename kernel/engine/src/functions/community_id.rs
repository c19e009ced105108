//! Community ID version 1: the flow hash on which Zeek, Suricata and others agree, after its public specification.

use std::net::IpAddr;

use arrow::array::ArrayRef;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::arguments::{Arguments, Kind, optional, required};
use super::fault::FunctionFault;
use super::scalar::{Returns, ScalarFunction};
use super::text::{FunctionText, example};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;
const SCTP: u8 = 132;

/// ICMP types that ask and answer each other, so that both directions hash alike.
const ICMP_PAIRS: &[(u16, u16)] = &[(0, 8), (9, 10), (13, 14), (15, 16), (17, 18), (37, 38)];
const ICMP6_PAIRS: &[(u16, u16)] = &[(128, 129), (130, 131), (133, 134), (135, 136), (139, 140), (144, 145)];

pub(super) static COMMUNITY_ID: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "community_id",
        syntax: "community_id(src_ip, src_port, dst_ip, dst_port, protocol [, seed])",
        description: "The Community ID of a flow (version 1), the same for both directions; for joins with Zeek, \
                      Suricata and others. protocol is the number. For ICMP the ports are type and code. NULL where \
                      an address, or a port that the protocol needs, is missing.",
        examples: &[example(
            "community_id('128.232.110.120', 34855, '66.35.250.204', 80, 6)",
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
        )],
    },
    arguments: &[
        required("src_ip", Kind::Address),
        required("src_port", Kind::Integer),
        required("dst_ip", Kind::Address),
        required("dst_port", Kind::Integer),
        required("protocol", Kind::Integer),
        optional("seed", Kind::Integer),
    ],
    returns: Returns::Text,
    body: of_rows,
    prepare: None,
};

fn of_rows(arguments: &Arguments) -> Result<ArrayRef, FunctionFault> {
    let (src_ips, dst_ips) = (arguments.addresses(0), arguments.addresses(2));
    let (src_ports, dst_ports) = (arguments.integers(1), arguments.integers(3));
    let protocols = arguments.integers(4);
    let seeds = arguments.has(5).then(|| arguments.integers(5));
    arguments.build_texts(|row| {
        let seed = match seeds.as_ref().map(|seeds| seeds.number(row)) {
            None => 0,
            Some(None) => return Ok(None),
            Some(Some(seed)) => {
                u16::try_from(seed).map_err(|_| arguments.refused(5, seed, "it must be from 0 to 65535"))?
            }
        };
        let port = |port: Option<i64>| port.and_then(|port| u16::try_from(port).ok());
        let ports = port(src_ports.number(row)).zip(port(dst_ports.number(row)));
        let protocol = protocols.number(row).and_then(|number| u8::try_from(number).ok());
        let ends = src_ips.address(row).zip(dst_ips.address(row));
        let flow = ends.zip(protocol).map(|((src, dst), protocol)| Flow { src, dst, protocol, ports });
        Ok(flow.and_then(|flow| flow.community_id(seed)))
    })
}

struct Flow {
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    ports: Option<(u16, u16)>,
}

impl Flow {
    fn community_id(&self, seed: u16) -> Option<String> {
        if self.src.is_ipv4() != self.dst.is_ipv4() {
            return None;
        }
        let has_ports = matches!(self.protocol, ICMP | ICMP6 | TCP | UDP | SCTP);
        let (src_port, dst_port, is_one_way) = match self.protocol {
            ICMP => icmp_ports(ICMP_PAIRS, self.ports?),
            ICMP6 => icmp_ports(ICMP6_PAIRS, self.ports?),
            _ if has_ports => self.ports.map(|(src, dst)| (src, dst, false))?,
            _ => (0, 0, false),
        };
        let (mut low, mut high) = ((self.src, src_port), (self.dst, dst_port));
        if !is_one_way && high < low {
            std::mem::swap(&mut low, &mut high);
        }
        let mut hash = sha1_smol::Sha1::new();
        hash.update(&seed.to_be_bytes());
        update_address(&mut hash, low.0);
        update_address(&mut hash, high.0);
        hash.update(&[self.protocol, 0]);
        if has_ports {
            hash.update(&low.1.to_be_bytes());
            hash.update(&high.1.to_be_bytes());
        }
        Some(format!("1:{}", STANDARD.encode(hash.digest().bytes())))
    }
}

/// Type and counterpart as ports; a type without counterpart keeps its code and its direction.
fn icmp_ports(pairs: &[(u16, u16)], (kind, code): (u16, u16)) -> (u16, u16, bool) {
    let counterpart = pairs.iter().find_map(|(ask, answer)| match kind {
        kind if kind == *ask => Some(*answer),
        kind if kind == *answer => Some(*ask),
        _ => None,
    });
    counterpart.map_or((kind, code, true), |counterpart| (kind, counterpart, false))
}

fn update_address(hash: &mut sha1_smol::Sha1, address: IpAddr) {
    match address {
        IpAddr::V4(address) => hash.update(&address.octets()),
        IpAddr::V6(address) => hash.update(&address.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::testing;

    #[test]
    fn agrees_with_the_published_baseline() {
        let Some(path) = testing::sample("community-id/baseline_deflt.json") else { return };
        let text = std::fs::read_to_string(path).expect("a readable sample");
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("the baseline is JSON");
        assert!(!rows.is_empty());
        for row in rows {
            let address = |key: &str| row[key].as_str().unwrap_or_default().parse::<IpAddr>().expect("an address");
            let number = |key: &str| u16::try_from(row[key].as_u64().unwrap_or(0)).expect("16 bits");
            let flow = Flow {
                src: address("saddr"),
                dst: address("daddr"),
                protocol: u8::try_from(number("proto")).expect("8 bits"),
                ports: Some((number("sport"), number("dport"))),
            };
            assert_eq!(flow.community_id(0).as_deref(), row["communityid"].as_str(), "{row}");
        }
    }
}
