//! What an event says of a flow (Suricata's user guide, "EVE JSON Format", flow and netflow).

use file_source::Outcome;
use file_source::text::{Fields, Layout, TextSource, Zone};
use flow_source::protocol::{TCP, protocol_number};
use flow_source::{FlowRow, FlowRows};

/// Events as one JSON object a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Eve {
    /// Of its clock, where the zone that it writes is wrong.
    zone: Zone,
}

const FIELDS: &[&str] = &[
    "event_type",
    "timestamp",
    "flow_id",
    "in_iface",
    "vlan",
    "src_ip",
    "src_port",
    "dest_ip",
    "dest_port",
    "proto",
    "app_proto",
    "icmp_type",
    "icmp_code",
    "community_id",
    "host",
    "flow.pkts_toserver",
    "flow.pkts_toclient",
    "flow.bytes_toserver",
    "flow.bytes_toclient",
    "flow.start",
    "flow.end",
    "flow.reason",
    "tcp.tcp_flags",
    "tcp.tcp_flags_ts",
    "tcp.tcp_flags_tc",
    "netflow.pkts",
    "netflow.bytes",
    "netflow.start",
    "netflow.end",
    "ether.src_mac",
    "ether.dest_mac",
];
const EVENT_TYPE: usize = 0;
const TIMESTAMP: usize = 1;
const FLOW_ID: usize = 2;
const IN_IFACE: usize = 3;
const VLAN: usize = 4;
const SRC_IP: usize = 5;
const SRC_PORT: usize = 6;
const DEST_IP: usize = 7;
const DEST_PORT: usize = 8;
const PROTO: usize = 9;
const APP_PROTO: usize = 10;
const ICMP_TYPE: usize = 11;
const ICMP_CODE: usize = 12;
const COMMUNITY_ID: usize = 13;
const HOST: usize = 14;
const PKTS_TOSERVER: usize = 15;
const PKTS_TOCLIENT: usize = 16;
const BYTES_TOSERVER: usize = 17;
const BYTES_TOCLIENT: usize = 18;
const FLOW_START: usize = 19;
const FLOW_END: usize = 20;
const REASON: usize = 21;
const TCP_FLAGS: usize = 22;
const TCP_FLAGS_TS: usize = 23;
const TCP_FLAGS_TC: usize = 24;
const NETFLOW_PKTS: usize = 25;
const NETFLOW_BYTES: usize = 26;
const NETFLOW_START: usize = 27;
const NETFLOW_END: usize = 28;
const SRC_MAC: usize = 29;
const DEST_MAC: usize = 30;

impl TextSource for Eve {
    const NAME: &'static str = "eve";
    const FILE_KIND: &'static str = "a Suricata EVE log";
    const READABLE: &'static str = "Suricata EVE logs";
    const FIELDS: &'static [&'static str] = FIELDS;
    const TIMES: &'static [&'static str] =
        &["timestamp", "flow.start", "flow.end", "netflow.start", "netflow.end", "tls.notbefore", "tls.notafter"];

    fn layout(&self, head: &[u8]) -> Option<Layout> {
        let line = head.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty())?;
        let has = |key: &[u8]| line.windows(key.len()).any(|window| window == key);
        let is_event = line.trim_ascii_start().starts_with(b"{") && has(b"\"event_type\"") && has(b"\"timestamp\"");
        is_event.then_some(Layout::JsonLines)
    }

    fn in_zone(&self, zone: Zone) -> Option<Self> {
        zone.ignores_written().then_some(Self { zone })
    }

    fn flow(&self, fields: &Fields<'_>, rows: &mut FlowRows, line: u64) -> Result<Outcome, String> {
        let is_biflow = match fields.text(EVENT_TYPE).as_deref() {
            Some("flow") => true,
            Some("netflow") => false,
            _ => return Ok(Outcome::NoRow),
        };
        let text = |field| fields.text(field);
        let (proto, app, id) = (text(PROTO), text(APP_PROTO), text(FLOW_ID));
        let (interface, host, community_id) = (text(IN_IFACE), text(HOST), text(COMMUNITY_ID));
        let (src_mac, dst_mac, vlan) = (text(SRC_MAC), text(DEST_MAC), text(VLAN));
        let protocol = proto.as_deref().and_then(protocol_number);
        let tcp_flags = |field| if protocol == Some(TCP) { fields.hexadecimal(field) } else { Ok(None) };
        let place = |flow, netflow| if is_biflow { flow } else { netflow };
        let mut row = FlowRow {
            start_time: fields.time(place(FLOW_START, NETFLOW_START), self.zone)?,
            end_time: fields.time(place(FLOW_END, NETFLOW_END), self.zone)?,
            received_time: fields.time(TIMESTAMP, self.zone)?,
            src_ip: fields.address(SRC_IP)?,
            dst_ip: fields.address(DEST_IP)?,
            src_port: fields.number(SRC_PORT)?,
            dst_port: fields.number(DEST_PORT)?,
            protocol,
            protocol_name: proto.as_deref().filter(|_| protocol.is_none()),
            packets: fields.number(place(PKTS_TOSERVER, NETFLOW_PKTS))?,
            bytes: fields.number(place(BYTES_TOSERVER, NETFLOW_BYTES))?,
            rev_packets: fields.number(PKTS_TOCLIENT)?,
            rev_bytes: fields.number(BYTES_TOCLIENT)?,
            tcp_flags: tcp_flags(place(TCP_FLAGS_TS, TCP_FLAGS))?,
            rev_tcp_flags: tcp_flags(TCP_FLAGS_TC)?,
            icmp_type: fields.number(ICMP_TYPE)?,
            icmp_code: fields.number(ICMP_CODE)?,
            flow_count: Some(1),
            vlan_id: vlan.as_deref().and_then(outer_vlan),
            src_mac: src_mac.as_deref(),
            dst_mac: dst_mac.as_deref(),
            app_protocol: app.as_deref().filter(|app| *app != "failed"),
            end_reason: text(REASON).as_deref().and_then(end_reason),
            sensor: host.as_deref().or(interface.as_deref()),
            uid: id.as_deref(),
            community_id: community_id.as_deref(),
            ..FlowRow::default()
        };
        row.notes.add_if(row.bytes.is_some(), "bytes_l2");
        let ends = [place(FLOW_START, NETFLOW_START), place(FLOW_END, NETFLOW_END)];
        row.notes.add_if(fields.is_ambiguous(&ends, self.zone), "time_ambiguous");
        rows.push(row, line);
        Ok(Outcome::Row)
    }
}

/// The first of `[100,200]`.
fn outer_vlan(list: &str) -> Option<u16> {
    list.trim_matches(['[', ']']).split(',').next()?.trim().parse().ok()
}

/// IPFIX `flowEndReason`: 1 idle timeout, 4 forced end.
fn end_reason(reason: &str) -> Option<u8> {
    match reason {
        "timeout" => Some(1),
        "forced" | "shutdown" => Some(4),
        _ => None,
    }
}
