//! Packets made byte by byte: directions, timeouts, connections opened again, fragments, segments out of order.

use connector_pcap::{PcapOptions, View};

use crate::fixtures::{Files, text};

const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// A frame of raw IPv4 with its time in milliseconds.
type Frame = (u64, Vec<u8>);

fn ipv4(time_ms: u64, (src, dst): (u8, u8), protocol: u8, fragment: u16, body: &[u8]) -> Frame {
    let total = u16::try_from(20 + body.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend_from_slice(&total.to_be_bytes());
    packet.extend_from_slice(&[0, 7]);
    packet.extend_from_slice(&fragment.to_be_bytes());
    packet.extend_from_slice(&[64, protocol, 0, 0, 192, 0, 2, src, 192, 0, 2, dst]);
    packet.extend_from_slice(body);
    (time_ms, packet)
}

/// A segment between a client (192.0.2.1, port 5000) and a server (192.0.2.2, port 80).
fn tcp(time_ms: u64, from_client: bool, sequence: u32, flags: u8, payload: &[u8]) -> Frame {
    let ((src, dst), (src_port, dst_port)) =
        if from_client { ((1, 2), (5000_u16, 80_u16)) } else { ((2, 1), (80, 5000)) };
    let mut body = [src_port.to_be_bytes(), dst_port.to_be_bytes()].concat();
    body.extend_from_slice(&sequence.to_be_bytes());
    body.extend_from_slice(&[0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]);
    body.extend_from_slice(payload);
    ipv4(time_ms, (src, dst), 6, 0, &body)
}

fn capture(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0];
    for (time_ms, packet) in frames {
        let length = u32::try_from(packet.len()).unwrap();
        let (seconds, micros) = (u32::try_from(time_ms / 1000).unwrap(), u32::try_from(time_ms % 1000 * 1000).unwrap());
        for word in [seconds, micros, length, length] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(packet);
    }
    bytes
}

async fn query(frames: &[Frame], view: View, sql: &str) -> String {
    let files = Files::new();
    let path = files.add("test.pcap", capture(frames));
    let table = connector_pcap::open_view(vec![path], view, PcapOptions::default()).unwrap();
    text(&table, sql).await
}

const ENDS: &str =
    "SELECT src_port, dst_port, packets, rev_packets, conn_state, end_reason, notes FROM t ORDER BY start_time";

#[tokio::test]
async fn who_sends_the_syn_is_the_source() {
    let frames = [tcp(0, true, 1, SYN, b""), tcp(1, false, 9, SYN | ACK, b""), tcp(2, true, 2, ACK, b"")];
    assert_eq!(query(&frames, View::Flows, ENDS).await, "5000|80|2|1|S1|4|NULL");
    // The capture begins with the answer.
    assert_eq!(query(&frames[1..], View::Flows, ENDS).await, "5000|80|1|1|OTH|4|[src_dst_swapped]");
    assert_eq!(query(&frames[2..], View::Flows, ENDS).await, "5000|80|1|0|OTH|4|[midstream]");
}

#[tokio::test]
async fn silence_and_length_end_flows() {
    let steady: Vec<Frame> = (0..=320).step_by(20).map(|second| tcp(second * 1000, second != 0, 1, ACK, b"")).collect();
    // Cut after 300 s; the second part keeps the direction of the first, though its first packet goes the other way.
    assert_eq!(query(&steady, View::Flows, ENDS).await, "80|5000|1|15|OTH|2|[midstream]\n80|5000|0|1|OTH|4|NULL");
    let pause = [tcp(0, true, 1, SYN, b""), tcp(65_001, true, 1, SYN, b"")];
    assert_eq!(query(&pause, View::Flows, ENDS).await, "5000|80|1|0|S0|1|NULL\n5000|80|1|0|S0|4|NULL");
    let short = [tcp(0, true, 1, SYN, b""), tcp(65_000, true, 1, SYN, b"")];
    assert_eq!(query(&short, View::Flows, ENDS).await, "5000|80|2|0|S0|4|NULL");
}

#[tokio::test]
async fn a_port_used_again_is_another_connection() {
    let once = |ms: u64| {
        vec![
            tcp(ms, true, 1, SYN, b""),
            tcp(ms + 1, false, 9, SYN | ACK, b""),
            tcp(ms + 2, true, 2, FIN | ACK, b""),
            tcp(ms + 3, false, 10, FIN | ACK, b""),
        ]
    };
    let frames = [once(0), once(1000)].concat();
    assert_eq!(query(&frames, View::Flows, ENDS).await, "5000|80|2|2|SF|3|NULL\n5000|80|2|2|SF|4|NULL");
}

#[tokio::test]
async fn fragments_are_noted_and_counted() {
    let udp = [&[0, 53, 0, 99, 0, 16, 0, 0][..], &[1; 8]].concat();
    let frames = [ipv4(0, (1, 2), 17, 0x2000, &udp), ipv4(1, (1, 2), 17, 2, &[2; 24])];
    let sql = "SELECT src_port, packets, bytes, notes FROM t ORDER BY src_port NULLS LAST";
    assert_eq!(query(&frames, View::Flows, sql).await, "53|1|36|[fragments]\nNULL|1|44|[fragments]");
}

#[tokio::test]
async fn echo_and_reply_are_one_flow() {
    let frames = [ipv4(0, (1, 2), 1, 0, &[8, 0, 0, 0, 1, 1, 0, 1]), ipv4(1, (2, 1), 1, 0, &[0, 0, 0, 0, 1, 1, 0, 1])];
    let sql = "SELECT src_ip, icmp_type, icmp_code, packets, rev_packets, src_port FROM t";
    assert_eq!(query(&frames, View::Flows, sql).await, "192.0.2.1|8|0|1|1|NULL");
}

#[tokio::test]
async fn requests_are_read_from_segments_out_of_order() {
    let frames = [
        tcp(0, true, 100, SYN, b""),
        tcp(1, true, 125, ACK, b"Host: example.org\r\n\r\n"),
        tcp(2, true, 101, ACK, b"GET /longer/x HTTP/1.1\r\n"),
        tcp(3, false, 1, ACK, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    ];
    let sql = "SELECT method, host, uri, status FROM t";
    assert_eq!(query(&frames, View::Http, sql).await, "GET|example.org|/longer/x|404");
    let sql = "SELECT app_protocol, payload_bytes FROM t";
    assert_eq!(query(&frames, View::Flows, sql).await, "http|45");
}
