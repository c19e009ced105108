//! Community ID version 1: the flow hash that Zeek, Suricata and others agree on.
//!
//! Only the hash of one 5-tuple with seed 0, after the public specification. No packet parsing.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;
const PROTOCOL_ICMP6: u8 = 58;
const PROTOCOL_SCTP: u8 = 132;

/// ICMP types that ask and answer each other, so that both directions hash alike. (ask, answer)
const ICMP_PAIRS: [(u16, u16); 6] = [(0, 8), (9, 10), (13, 14), (15, 16), (17, 18), (37, 38)];
const ICMP6_PAIRS: [(u16, u16); 5] = [(128, 129), (130, 131), (133, 134), (135, 136), (144, 145)];

/// For ICMP, `src_port` is the type and `dst_port` the code (or, as Zeek logs it, the type of the answer).
pub(crate) fn community_id(protocol: u8, src: IpAddr, dst: IpAddr, src_port: u16, dst_port: u16) -> String {
    let ports = match protocol {
        PROTOCOL_ICMP => Some(icmp_ports(&ICMP_PAIRS, src_port, dst_port)),
        PROTOCOL_ICMP6 => Some(icmp_ports(&ICMP6_PAIRS, src_port, dst_port)),
        PROTOCOL_TCP | PROTOCOL_UDP | PROTOCOL_SCTP => Some((src_port, dst_port, false)),
        _ => None,
    };
    let (src_port, dst_port, one_way) = ports.unwrap_or((0, 0, false));
    let in_order = one_way || (src, src_port) <= (dst, dst_port);
    let ((low, low_port), (high, high_port)) =
        if in_order { ((src, src_port), (dst, dst_port)) } else { ((dst, dst_port), (src, src_port)) };

    let mut hash = sha1_smol::Sha1::new();
    hash.update(&[0, 0]); // the seed
    update_address(&mut hash, low);
    update_address(&mut hash, high);
    hash.update(&[protocol, 0]);
    if ports.is_some() {
        hash.update(&low_port.to_be_bytes());
        hash.update(&high_port.to_be_bytes());
    }
    format!("1:{}", STANDARD.encode(hash.digest().bytes()))
}

/// Type and counterpart as ports; a type without counterpart keeps its code and its direction.
fn icmp_ports(pairs: &[(u16, u16)], kind: u16, code: u16) -> (u16, u16, bool) {
    pairs
        .iter()
        .find_map(|(ask, answer)| match kind {
            kind if kind == *ask => Some((kind, *answer, false)),
            kind if kind == *answer => Some((kind, *ask, false)),
            _ => None,
        })
        .unwrap_or((kind, code, true))
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
    fn agrees_with_the_published_baseline() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples/community-id/baseline_deflt.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            // Visible in the test log, as MANIFEST.md asks where the sample folder is absent.
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "skipped: no samples at {path}");
            return;
        };
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("the baseline is JSON");
        assert!(!rows.is_empty());
        for row in rows {
            let address = |key: &str| row[key].as_str().unwrap_or_default().parse::<IpAddr>().expect("an address");
            let number = |key: &str| row[key].as_u64().unwrap_or(0) as u16;
            let found = community_id(
                number("proto") as u8,
                address("saddr"),
                address("daddr"),
                number("sport"),
                number("dport"),
            );
            assert_eq!(Some(found.as_str()), row["communityid"].as_str(), "{row}");
        }
    }

    #[test]
    fn both_directions_hash_alike() {
        let client: IpAddr = "10.20.32.9".parse().expect("an address");
        let server: IpAddr = "192.0.2.7".parse().expect("an address");
        let there = community_id(PROTOCOL_TCP, client, server, 50_000, 443);
        let back = community_id(PROTOCOL_TCP, server, client, 443, 50_000);
        assert_eq!(there, back);
    }
}
