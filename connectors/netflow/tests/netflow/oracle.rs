//! The same packets read by the crate `netflow_parser`: an implementation that shares nothing with ours.

use std::net::IpAddr;

use netflow_parser::variable_versions::field_value::{DataNumber, FieldValue};
use netflow_parser::variable_versions::ipfix::lookup::{IANAIPFixField, IPFixField};
use netflow_parser::variable_versions::v9::lookup::V9Field;
use netflow_parser::{NetflowPacket, NetflowParser, variable_versions};

use crate::fixtures::{samples, text};

/// Files with templates and data in one, which that crate reads without error.
const FILES: &[&str] = &[
    "../ipfix/example_flows.ipfix",
    "ipfix.dat",
    "netflow5.dat",
    "netflow5_test_juniper_mx80.dat",
    "netflow5_test_microtik.dat",
    "netflow9_cisco_asr1001x_tpl259.dat",
    "netflow9_test_softflowd_tpl_data.dat",
    "netflow9_test_streamcore_tpl_data256.dat",
    "netflow9_test_streamcore_tpl_data260.dat",
];

/// Source, destination, bytes of each flow.
type Rows = Vec<(Option<IpAddr>, Option<IpAddr>, Option<u64>)>;

#[tokio::test(flavor = "multi_thread")]
async fn reads_the_same() {
    let Some(folder) = samples("netflow-packets") else { return };
    for name in FILES {
        let path = folder.join(name);
        let mut expected = rows_of(&std::fs::read(&path).unwrap());
        let table = connector_netflow::open_flows(vec![path]).unwrap();
        let mut found: Rows = text(&table, "SELECT src_ip, dst_ip, bytes FROM t")
            .await
            .lines()
            .map(|line| {
                let mut parts = line.split('|');
                let mut next = || parts.next().unwrap();
                (next().parse().ok(), next().parse().ok(), next().parse().ok())
            })
            .collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{name}");
    }
}

fn rows_of(bytes: &[u8]) -> Rows {
    let mut rows = Rows::new();
    let mut parser = NetflowParser::default();
    let mut rest = bytes;
    while rest.len() > 4 {
        // It takes whole datagrams; IPFIX says its length, the other files are read at once.
        let length = if rest[1] == 10 { usize::from(u16::from_be_bytes([rest[2], rest[3]])) } else { rest.len() };
        for packet in parser.parse_bytes(&rest[..length]).packets {
            add_rows(&packet, &mut rows);
        }
        rest = &rest[length..];
    }
    rows
}

fn add_rows(packet: &NetflowPacket, rows: &mut Rows) {
    match packet {
        NetflowPacket::V5(packet) => rows.extend(
            packet
                .flowsets
                .iter()
                .map(|flow| (Some(flow.src_addr.into()), Some(flow.dst_addr.into()), Some(u64::from(flow.d_octets)))),
        ),
        NetflowPacket::V9(packet) => {
            for set in &packet.flowsets {
                let variable_versions::v9::FlowSetBody::Data(data) = &set.body else { continue };
                rows.extend(data.fields.iter().map(|record| {
                    let find = |wanted| record.iter().find(|(field, _)| *field == wanted).map(|(_, value)| value);
                    let address = |v4, v6| find(v4).or_else(|| find(v6)).and_then(address);
                    let src = address(V9Field::Ipv4SrcAddr, V9Field::Ipv6SrcAddr);
                    let dst = address(V9Field::Ipv4DstAddr, V9Field::Ipv6DstAddr);
                    (src, dst, find(V9Field::InBytes).and_then(number))
                }));
            }
        }
        NetflowPacket::IPFix(packet) => {
            for set in &packet.flowsets {
                let variable_versions::ipfix::FlowSetBody::Data(data) = &set.body else { continue };
                rows.extend(data.fields.iter().map(|record| {
                    let find = |wanted: IANAIPFixField| {
                        let wanted = IPFixField::IANA(wanted);
                        record.iter().find(|(field, _)| *field == wanted).map(|(_, value)| value)
                    };
                    let address = |v4, v6| find(v4).or_else(|| find(v6)).and_then(address);
                    let src = address(IANAIPFixField::SourceIpv4address, IANAIPFixField::SourceIpv6address);
                    let dst = address(IANAIPFixField::DestinationIpv4address, IANAIPFixField::DestinationIpv6address);
                    (src, dst, find(IANAIPFixField::OctetDeltaCount).and_then(number))
                }));
            }
        }
        _ => {}
    }
}

fn address(value: &FieldValue) -> Option<IpAddr> {
    match value {
        FieldValue::Ip4Addr(address) => Some((*address).into()),
        FieldValue::Ip6Addr(address) => Some(IpAddr::V6(*address).to_canonical()),
        _ => None,
    }
}

fn number(value: &FieldValue) -> Option<u64> {
    match value {
        FieldValue::DataNumber(DataNumber::U64(number)) => Some(*number),
        FieldValue::DataNumber(DataNumber::U32(number)) => Some(u64::from(*number)),
        FieldValue::DataNumber(DataNumber::U16(number)) => Some(u64::from(*number)),
        FieldValue::DataNumber(DataNumber::U8(number)) => Some(u64::from(*number)),
        _ => None,
    }
}
