//! Community ID version 1: the flow hash on which Zeek, Suricata and others agree, after its public specification.
//!
//! The hash of one 5-tuple; no packet parsing.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;
const SCTP: u8 = 132;

/// ICMP types that ask and answer each other, so that both directions hash alike.
const ICMP_PAIRS: &[(u16, u16)] = &[(0, 8), (9, 10), (13, 14), (15, 16), (17, 18), (37, 38)];
const ICMP6_PAIRS: &[(u16, u16)] = &[(128, 129), (130, 131), (133, 134), (135, 136), (139, 140), (144, 145)];

/// The ID of a flow, the same for both of its directions. For ICMP the ports are type and code.
///
/// `None` when the addresses are of two families, or ports are missing that the protocol needs.
pub fn community_id(seed: u16, protocol: u8, src: IpAddr, dst: IpAddr, ports: Option<(u16, u16)>) -> Option<String> {
    if src.is_ipv4() != dst.is_ipv4() {
        return None;
    }
    let has_ports = matches!(protocol, ICMP | ICMP6 | TCP | UDP | SCTP);
    let (src_port, dst_port, is_one_way) = match protocol {
        ICMP => icmp_ports(ICMP_PAIRS, ports?),
        ICMP6 => icmp_ports(ICMP6_PAIRS, ports?),
        _ if has_ports => ports.map(|(src, dst)| (src, dst, false))?,
        _ => (0, 0, false),
    };
    let (mut low, mut high) = ((src, src_port), (dst, dst_port));
    if !is_one_way && high < low {
        std::mem::swap(&mut low, &mut high);
    }
    let mut hash = sha1_smol::Sha1::new();
    hash.update(&seed.to_be_bytes());
    update_address(&mut hash, low.0);
    update_address(&mut hash, high.0);
    hash.update(&[protocol, 0]);
    if has_ports {
        hash.update(&low.1.to_be_bytes());
        hash.update(&high.1.to_be_bytes());
    }
    Some(format!("1:{}", STANDARD.encode(hash.digest().bytes())))
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

    #[test]
    fn agrees_with_the_published_example() {
        let (src, dst) = ([128, 232, 110, 120].into(), [66, 35, 250, 204].into());
        let there = community_id(0, TCP, src, dst, Some((34855, 80)));
        assert_eq!(there.as_deref(), Some("1:LQU9qZlK+B5F3KDmev6m5PMibrg="));
        assert_eq!(community_id(0, TCP, dst, src, Some((80, 34855))), there);
        assert_eq!(community_id(0, TCP, src, dst, None), None);
    }
}
