//! One flow in both directions while its packets come, and what it is called when it has ended.

use std::net::IpAddr;

use flow_source::FlowRecord;
use flow_source::protocol::{ICMP, ICMP6, TCP, UDP};
use flow_source::record::Notes;
use packet_file::Headers;

use crate::inspect::Inspector;
use crate::rows::Ends;

pub(crate) const FIN: u16 = 0x01;
pub(crate) const SYN: u16 = 0x02;
pub(crate) const RST: u16 = 0x04;
pub(crate) const ACK: u16 = 0x10;

/// ICMP types that ask and answer each other, so that both belong to one flow (RFC 792, 4443, 4861).
const ICMP_PAIRS: &[(u8, u8)] = &[(8, 0), (10, 9), (13, 14), (15, 16), (17, 18)];
const ICMP6_PAIRS: &[(u8, u8)] = &[(128, 129), (130, 131), (133, 134), (135, 136), (139, 140), (144, 145)];

/// Why a flow ended: IPFIX flowEndReason, RFC 5102 section 5.11.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Idle = 1,
    Active = 2,
    Detected = 3,
    Forced = 4,
    LackOfResources = 5,
}

/// What packets of one flow have in common, whichever direction they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    low: (IpAddr, u16),
    high: (IpAddr, u16),
    protocol: u8,
    vlan: Option<u16>,
}

impl Key {
    /// The key of a packet, and whether the packet goes from the low end to the high one.
    pub(crate) fn of(headers: &Headers<'_>) -> (Self, bool) {
        let (src_port, dst_port) = headers.ports.unwrap_or_else(|| match headers.icmp {
            Some((kind, code)) => icmp_ports(headers.protocol, kind, code),
            None => (0, 0),
        });
        let (src, dst) = ((headers.src, src_port), (headers.dst, dst_port));
        let is_up = src <= dst;
        let (low, high) = if is_up { (src, dst) } else { (dst, src) };
        (Self { low, high, protocol: headers.protocol, vlan: headers.vlan }, is_up)
    }
}

/// Type and code in the places of ports: the answer's are those of the question, exchanged.
fn icmp_ports(protocol: u8, kind: u8, code: u8) -> (u16, u16) {
    let pairs = match protocol {
        ICMP => ICMP_PAIRS,
        ICMP6 => ICMP6_PAIRS,
        _ => &[],
    };
    for (ask, answer) in pairs {
        if kind == *ask {
            return (u16::from(*ask), u16::from(*answer));
        }
        if kind == *answer {
            return (u16::from(*answer), u16::from(*ask));
        }
    }
    let number = u16::from_be_bytes([kind, code]);
    (number, number)
}

/// One direction of a flow.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    packets: u64,
    bytes: u64,
    payload_bytes: u64,
    flags: u16,
}

/// A flow of which packets may still come.
#[derive(Debug)]
pub(crate) struct Biflow {
    /// Whether the initiator is the low end of the key.
    initiator_is_low: bool,
    src: IpAddr,
    dst: IpAddr,
    ports: Option<(u16, u16)>,
    icmp: Option<(u8, u8)>,
    protocol: u8,
    vlan: Option<u16>,
    macs: Option<([u8; 6], [u8; 6])>,
    tos: u8,
    forward: Side,
    reverse: Side,
    start_ns: Option<i64>,
    /// The latest packet.
    pub(crate) end_ns: Option<i64>,
    /// Where the first packet is in the file.
    pub(crate) offset: u64,
    notes: Notes,
    pub(crate) inspector: Option<Box<Inspector>>,
}

impl Biflow {
    /// The flow that a packet begins. `part_of` is the flow of which it goes on, after the active timeout.
    pub(crate) fn new(
        headers: &Headers<'_>,
        is_up: bool,
        time_ns: Option<i64>,
        offset: u64,
        part_of: Option<Self>,
    ) -> Self {
        // A connection of which the capture missed the first packet is still opened by who sent it.
        let is_answer = headers.tcp_flags.is_some_and(|flags| flags & (SYN | ACK) == SYN | ACK);
        let initiator_is_low = part_of.as_ref().map_or(is_up != is_answer, |part| part.initiator_is_low);
        let is_turned = initiator_is_low != is_up;
        let turn = |pair: (u16, u16)| if is_turned { (pair.1, pair.0) } else { pair };
        let mut notes = Notes::default();
        if headers.tcp_flags.is_some_and(|flags| flags & SYN == 0) && part_of.is_none() {
            notes.add(Notes::MIDSTREAM);
        }
        if is_answer && part_of.is_none() {
            notes.add(Notes::SWAPPED);
        }
        Self {
            initiator_is_low,
            src: if is_turned { headers.dst } else { headers.src },
            dst: if is_turned { headers.src } else { headers.dst },
            ports: headers.ports.map(turn),
            icmp: headers.icmp,
            protocol: headers.protocol,
            vlan: headers.vlan,
            macs: headers.macs.map(|(src, dst)| if is_turned { (dst, src) } else { (src, dst) }),
            tos: headers.tos,
            forward: Side::default(),
            reverse: Side::default(),
            start_ns: time_ns,
            end_ns: time_ns,
            offset,
            notes,
            inspector: part_of.and_then(|part| part.inspector),
        }
    }

    /// Whether a packet that goes up comes from the initiator.
    pub(crate) fn is_forward(&self, is_up: bool) -> bool {
        self.initiator_is_low == is_up
    }

    pub(crate) fn add(&mut self, headers: &Headers<'_>, is_up: bool, time_ns: Option<i64>) {
        let is_forward = self.is_forward(is_up);
        let side = if is_forward { &mut self.forward } else { &mut self.reverse };
        side.packets += 1;
        side.bytes += headers.ip_bytes;
        side.payload_bytes += headers.payload_bytes;
        side.flags |= headers.tcp_flags.unwrap_or(0);
        self.start_ns = self.start_ns.or(time_ns);
        // Packets may be captured in another order than they were sent.
        self.end_ns = self.end_ns.max(time_ns);
        if headers.is_fragment {
            self.notes.add(Notes::FRAGMENTS);
        }
        if headers.is_truncated {
            self.notes.add(Notes::TRUNCATED);
        }
    }

    /// Both ends, initiator first.
    pub(crate) fn ends(&self) -> Ends {
        let (time_ns, ports, offset) = (self.start_ns, self.ports, self.offset);
        Ends { time_ns, src: self.src, dst: self.dst, ports, protocol: self.protocol, offset }
    }

    /// How long the flow would last with a packet of this time.
    pub(crate) fn lasts_ns(&self, time_ns: Option<i64>) -> i64 {
        self.start_ns.zip(time_ns).map_or(0, |(start, time)| time.saturating_sub(start))
    }

    /// How long no packet has come.
    pub(crate) fn silent_ns(&self, now_ns: Option<i64>) -> i64 {
        self.end_ns.zip(now_ns).map_or(0, |(end, now)| now.saturating_sub(end))
    }

    /// Whether TCP has closed the connection.
    pub(crate) fn is_closed(&self) -> bool {
        let (there, back) = (self.forward.flags, self.reverse.flags);
        (there | back) & RST != 0 || (there & back) & FIN != 0
    }

    /// The record of the flow, which has ended for this reason.
    pub(crate) fn record(&self, end: End, with_app: bool) -> FlowRecord {
        let end = if end == End::Idle && self.protocol == TCP && self.is_closed() { End::Detected } else { end };
        let has_answer = self.reverse.packets > 0;
        let is_tcp = self.protocol == TCP;
        let mut notes = self.notes;
        if self.start_ns.is_none() {
            notes.add(Notes::TIME_MISSING);
        }
        FlowRecord {
            start_time: self.start_ns,
            end_time: self.end_ns,
            received_time: None,
            src_ip: Some(self.src),
            dst_ip: Some(self.dst),
            src_port: self.ports.map(|(src, _)| src),
            dst_port: self.ports.map(|(_, dst)| dst),
            protocol: Some(self.protocol),
            ip_version: Some(if self.src.is_ipv4() { 4 } else { 6 }),
            packets: Some(self.forward.packets),
            bytes: Some(self.forward.bytes),
            rev_packets: Some(self.reverse.packets),
            rev_bytes: Some(self.reverse.bytes),
            payload_bytes: Some(self.forward.payload_bytes),
            rev_payload_bytes: Some(self.reverse.payload_bytes),
            tcp_flags: is_tcp.then_some(self.forward.flags),
            rev_tcp_flags: (is_tcp && has_answer).then_some(self.reverse.flags),
            tos: Some(self.tos),
            icmp_type: self.icmp.map(|(kind, _)| kind),
            icmp_code: self.icmp.map(|(_, code)| code),
            flow_count: Some(1),
            sampling_rate: Some(1),
            vlan_id: self.vlan,
            src_mac: self.macs.map(|(src, _)| src),
            dst_mac: self.macs.map(|(_, dst)| dst),
            app_protocol: if with_app { self.app_protocol().map(Into::into) } else { None },
            conn_state: self.conn_state(),
            end_reason: Some(end as u8),
            offset: Some(self.offset),
            notes,
            ..FlowRecord::default()
        }
    }

    fn app_protocol(&self) -> Option<&'static str> {
        self.inspector.as_ref().and_then(|inspector| inspector.protocol())
    }

    /// Zeek's words for how a connection went (its `conn_state`), from flags alone.
    fn conn_state(&self) -> Option<&'static str> {
        let (there, back) = (self.forward.flags, self.reverse.flags);
        let has_answer = self.reverse.packets > 0;
        match self.protocol {
            TCP => Some(if there & SYN == 0 {
                "OTH"
            } else if back & SYN == 0 {
                match (back & RST != 0, there & RST != 0, there & FIN != 0, has_answer) {
                    (true, ..) => "REJ",
                    (_, true, ..) => "RSTOS0",
                    (_, _, true, _) => "SH",
                    (.., false) => "S0",
                    (.., true) => "OTH",
                }
            } else {
                match (there & RST != 0, back & RST != 0, there & FIN != 0, back & FIN != 0) {
                    (true, ..) => "RSTO",
                    (_, true, ..) => "RSTR",
                    (_, _, true, true) => "SF",
                    (_, _, true, false) => "S2",
                    (_, _, false, true) => "S3",
                    _ => "S1",
                }
            }),
            UDP => Some(if has_answer { "SF" } else { "S0" }),
            _ => None,
        }
    }
}
