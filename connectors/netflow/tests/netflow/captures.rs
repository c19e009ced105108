//! Exports inside captures: who exported, scopes of templates, packets that are something else.

use crate::fixtures::{Files, Flows, SMALL, ipfix, report, set, small_record, template, text, v9};

/// A capture of UDP packets: time in seconds, last octet of the source, source port, payload.
fn capture(packets: &[(u32, u8, u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0];
    for (seconds, source, port, payload) in packets {
        let udp = u16::try_from(8 + payload.len()).unwrap();
        let total = udp + 20;
        let mut packet = vec![0x45, 0];
        packet.extend_from_slice(&total.to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, *source, 192, 0, 2, 100]);
        packet.extend_from_slice(&port.to_be_bytes());
        packet.extend_from_slice(&2055_u16.to_be_bytes());
        packet.extend_from_slice(&udp.to_be_bytes());
        packet.extend_from_slice(&[0, 0]);
        packet.extend_from_slice(payload);
        for word in [*seconds, 0, u32::from(total), u32::from(total)] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&packet);
    }
    bytes
}

fn define(domain: u32, is_v9: bool) -> Vec<u8> {
    let sets = [set(if is_v9 { 0 } else { 2 }, &template(256, SMALL))];
    if is_v9 { v9(0, domain, &sets) } else { ipfix(0, domain, &sets) }
}

fn data(domain: u32, is_v9: bool, octets: u32) -> Vec<u8> {
    let sets = [set(256, &small_record(1, octets))];
    if is_v9 { v9(1, domain, &sets) } else { ipfix(0, domain, &sets) }
}

#[tokio::test]
async fn flows_name_their_exporter_and_when_they_came() {
    let files = Files::new();
    let bytes = capture(&[(1_700_000_100, 1, 5000, define(7, false)), (1_700_000_101, 1, 5000, data(7, false, 10))]);
    assert!(flow_source::Connector::recognises(&connector_netflow::NetflowConnector, &bytes));
    let table = files.flows(bytes);
    let sql = "SELECT exporter_ip, observation_domain, received_time, bytes FROM t";
    assert_eq!(text(&table, sql).await, "192.0.2.1|7|2023-11-14T22:15:01Z|10");
}

#[tokio::test]
async fn templates_belong_to_their_exporter() {
    let files = Files::new();
    // The second exporter's template 256 never comes; the head's templates of another exporter must not stand in
    // when the domain differs.
    let bytes =
        capture(&[(1, 1, 5000, define(7, true)), (2, 2, 5000, data(8, true, 99)), (3, 1, 5001, data(7, true, 10))]);
    let table = files.flows(bytes);
    // v9 scopes by address, so another port of the first exporter is the first exporter.
    assert_eq!(text(&table, "SELECT exporter_ip, bytes FROM t").await, "192.0.2.1|10");
    assert_eq!(report(&table).rows_rejected(), 1);
}

#[tokio::test]
async fn other_packets_are_counted() {
    let files = Files::new();
    let bytes = capture(&[(1, 1, 53, b"not an export".to_vec()), (2, 1, 5000, data(7, true, 10))]);
    assert!(!flow_source::Connector::recognises(&connector_netflow::NetflowConnector, &bytes), "half is not most");
    let bytes = [bytes, capture(&[(3, 1, 5000, define(7, true))])[24..].to_vec()].concat();
    let table = files.flows(bytes);
    assert_eq!(text(&table, "SELECT count(*) FROM t").await, "1");
    let notes = report(&table).notes();
    assert!(notes.iter().any(|note| note.contains("1 packets that are no exports")), "{notes:?}");
}

#[tokio::test]
async fn a_capture_that_breaks_off_gives_its_flows() {
    let files = Files::new();
    let mut bytes =
        capture(&[(1, 1, 5000, define(7, true)), (2, 1, 5000, data(7, true, 10)), (3, 1, 5000, data(7, true, 20))]);
    bytes.truncate(bytes.len() - 7);
    let table = files.flows(bytes);
    assert_eq!(text(&table, "SELECT sum(bytes) FROM t").await, "10");
    let breakages = report(&table).breakages();
    assert_eq!(breakages.len(), 1);
    assert!(breakages[0].reason.contains("a packet breaks off"), "{breakages:?}");
}
