//! Community ID version 1: the flow hash on which Zeek, Suricata and others agree, after its public specification.

use arrow::array::ArrayRef;
use flow_source::community_id::community_id;

use super::arguments::{Arguments, Kind, optional, required};
use super::fault::FunctionFault;
use super::scalar::{Returns, ScalarFunction};
use super::text::{FunctionText, example};

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
        let flow = ends.zip(protocol);
        Ok(flow.and_then(|((src, dst), protocol)| community_id(seed, protocol, src, dst, ports)))
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

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
            let protocol = u8::try_from(number("proto")).expect("8 bits");
            let ports = Some((number("sport"), number("dport")));
            let found = community_id(0, protocol, address("saddr"), address("daddr"), ports);
            assert_eq!(found.as_deref(), row["communityid"].as_str(), "{row}");
        }
    }
}
