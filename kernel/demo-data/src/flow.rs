//! One connection as a probe saw it, with counters, TCP flags, state and history that agree with each other.
//!
//! The constructors are the only way to make a [`Flow`]; they keep that agreement. Not here: who talks to whom, and
//! how a flow is written to a file.

mod analysis;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr};

use flow_source::community_id::community_id;

use crate::day::DAY_US;
use crate::dice::Uid;

pub(crate) use analysis::{DnsExchange, DnsKind, TlsHandshake};

pub(crate) const PROTOCOL_ICMP: u8 = 1;
pub(crate) const PROTOCOL_TCP: u8 = 6;
pub(crate) const PROTOCOL_UDP: u8 = 17;

const FIN: u16 = 0x01;
const SYN: u16 = 0x02;
const RST: u16 = 0x04;
const PSH: u16 = 0x08;
const ACK: u16 = 0x10;

/// Payload octets in a full TCP segment: Ethernet's 1500 less IPv4, TCP and its time stamps.
const SEGMENT_PAYLOAD_BYTES: u64 = 1_448;
const IPV4_HEADER_BYTES: u64 = 20;
const IPV6_HEADER_BYTES: u64 = 40;
/// TCP header with time stamps.
const TCP_HEADER_BYTES: u64 = 32;
/// TCP header of a SYN with its options.
const SYN_HEADER_BYTES: u64 = 40;
const RST_HEADER_BYTES: u64 = 20;
const UDP_HEADER_BYTES: u64 = 8;
const ICMP_HEADER_BYTES: u64 = 8;
const ICMP_ECHO_REQUEST: u16 = 8;
const ICMP_ECHO_REPLY: u16 = 0;

/// Why a flow is in the data. Written to no file; the ground truth is counted by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Label {
    Background,
    Scan,
    Guess,
    BreakIn,
    Beacon,
    BeaconLookup,
    VulnerabilityScanner,
    Backup,
    UptimeCheck,
    TimeSync,
    AdminDesktop,
}

/// Who talks to whom. For ICMP the ports are type and counterpart type, as in Zeek's `id.orig_p` and `id.resp_p`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) src: IpAddr,
    pub(crate) src_port: u16,
    pub(crate) dst: IpAddr,
    pub(crate) dst_port: u16,
}

impl Ends {
    pub(crate) fn ipv4(src: Ipv4Addr, src_port: u16, dst: Ipv4Addr, dst_port: u16) -> Self {
        Self { src: src.into(), src_port, dst: dst.into(), dst_port }
    }
}

/// Packets and payload octets of one side, before headers are added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Volume {
    pub(crate) packets: u64,
    pub(crate) payload: u64,
}

/// What one side sent. `bytes` are octets on layer 3.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Side {
    pub(crate) packets: u64,
    pub(crate) payload: u64,
    pub(crate) bytes: u64,
    pub(crate) tcp_flags: u16,
}

/// How a TCP connection with data ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Closed,
    ResetByClient,
    ResetByServer,
    StillOpen,
}

#[derive(Debug, Clone)]
pub(crate) struct Flow {
    pub(crate) label: Label,
    /// Microseconds since midnight; less than a day.
    pub(crate) start_us: u64,
    pub(crate) duration_us: u64,
    pub(crate) ends: Ends,
    pub(crate) protocol: u8,
    pub(crate) forward: Side,
    pub(crate) reverse: Side,
    /// Zeek's vocabulary.
    pub(crate) conn_state: &'static str,
    /// Zeek's letters; empty for ICMP.
    pub(crate) history: &'static str,
    pub(crate) service: Option<&'static str>,
    /// Set when the flow is one of those that Zeek saw.
    pub(crate) uid: Option<Uid>,
    pub(crate) dns: Option<Box<DnsExchange>>,
    pub(crate) tls: Option<Box<TlsHandshake>>,
}

impl Flow {
    /// The Community ID with seed 0.
    pub(crate) fn community_id(&self) -> Option<String> {
        let ends = &self.ends;
        community_id(0, self.protocol, ends.src, ends.dst, Some((ends.src_port, ends.dst_port)))
    }

    /// A TCP connection that carried `payload` octets there and `rev_payload` octets back.
    pub(crate) fn tcp(ends: Ends, start_us: u64, duration_us: u64, payload: (u64, u64), ending: Ending) -> Self {
        let segments = (payload.0.div_ceil(SEGMENT_PAYLOAD_BYTES), payload.1.div_ceil(SEGMENT_PAYLOAD_BYTES));
        // Three packets open or close a side; every second segment of the other side is acknowledged.
        let forward = Volume { packets: 3 + segments.0 + segments.1 / 2, payload: payload.0 };
        let reverse = Volume { packets: 3 + segments.1 + segments.0 / 2, payload: payload.1 };
        Self::tcp_counted(ends, start_us, duration_us, forward, reverse, ending)
    }

    /// A TCP connection whose packet counts are given. Both sides carry payload.
    pub(crate) fn tcp_counted(
        ends: Ends,
        start_us: u64,
        duration_us: u64,
        forward: Volume,
        reverse: Volume,
        ending: Ending,
    ) -> Self {
        let talk = SYN | ACK | PSH;
        let (conn_state, history, flags, rev_flags) = match ending {
            Ending::Closed => ("SF", "ShADadFf", talk | FIN, talk | FIN),
            Ending::ResetByClient => ("RSTO", "ShADadR", talk | RST, talk),
            Ending::ResetByServer => ("RSTR", "ShADadr", talk, talk | RST),
            Ending::StillOpen => ("S1", "ShADad", talk, talk),
        };
        let mut flow = Self::bare(ends, start_us, duration_us, PROTOCOL_TCP, conn_state, history);
        flow.forward = flow.side(forward, TCP_HEADER_BYTES, flags);
        flow.reverse = flow.side(reverse, TCP_HEADER_BYTES, rev_flags);
        flow
    }

    /// A SYN, sent `attempts` times within `duration_us`, that nothing answered.
    pub(crate) fn tcp_unanswered(ends: Ends, start_us: u64, duration_us: u64, attempts: u64) -> Self {
        let duration_us = if attempts > 1 { duration_us } else { 0 };
        let mut flow = Self::bare(ends, start_us, duration_us, PROTOCOL_TCP, "S0", "S");
        flow.forward = flow.side(Volume { packets: attempts, payload: 0 }, SYN_HEADER_BYTES, SYN);
        flow
    }

    /// A SYN answered by a reset: the host is there, the port is closed.
    pub(crate) fn tcp_refused(ends: Ends, start_us: u64, duration_us: u64) -> Self {
        let mut flow = Self::bare(ends, start_us, duration_us, PROTOCOL_TCP, "REJ", "Sr");
        flow.forward = flow.side(Volume { packets: 1, payload: 0 }, SYN_HEADER_BYTES, SYN);
        flow.reverse = flow.side(Volume { packets: 1, payload: 0 }, RST_HEADER_BYTES, RST | ACK);
        flow
    }

    /// A half-open probe of an open port: SYN, SYN+ACK, reset by the one who asked.
    pub(crate) fn tcp_half_open(ends: Ends, start_us: u64, duration_us: u64) -> Self {
        let mut flow = Self::bare(ends, start_us, duration_us, PROTOCOL_TCP, "RSTO", "ShR");
        flow.forward = flow.side(Volume { packets: 2, payload: 0 }, RST_HEADER_BYTES, SYN | RST);
        flow.reverse = flow.side(Volume { packets: 1, payload: 0 }, SYN_HEADER_BYTES, SYN | ACK);
        flow
    }

    /// A UDP exchange; without packets back it is one-sided.
    pub(crate) fn udp(ends: Ends, start_us: u64, duration_us: u64, forward: Volume, reverse: Volume) -> Self {
        let (conn_state, history) = if reverse.packets > 0 { ("SF", "Dd") } else { ("S0", "D") };
        let duration_us = if forward.packets + reverse.packets > 1 { duration_us } else { 0 };
        let mut flow = Self::bare(ends, start_us, duration_us, PROTOCOL_UDP, conn_state, history);
        flow.forward = flow.side(forward, UDP_HEADER_BYTES, 0);
        flow.reverse = flow.side(reverse, UDP_HEADER_BYTES, 0);
        flow
    }

    /// `count` echo requests of which `answered` came back.
    pub(crate) fn ping(src: IpAddr, dst: IpAddr, start_us: u64, duration_us: u64, count: u64, answered: u64) -> Self {
        const ECHO_PAYLOAD_BYTES: u64 = 56;
        let ends = Ends { src, src_port: ICMP_ECHO_REQUEST, dst, dst_port: ICMP_ECHO_REPLY };
        let duration_us = if count + answered > 1 { duration_us } else { 0 };
        let mut flow = Self::bare(ends, start_us, duration_us, PROTOCOL_ICMP, "OTH", "");
        let volume = |packets| Volume { packets, payload: packets * ECHO_PAYLOAD_BYTES };
        flow.forward = flow.side(volume(count), ICMP_HEADER_BYTES, 0);
        flow.reverse = flow.side(volume(answered), ICMP_HEADER_BYTES, 0);
        flow
    }

    pub(crate) fn labelled(mut self, label: Label) -> Self {
        self.label = label;
        self
    }

    pub(crate) fn served_by(mut self, service: &'static str) -> Self {
        self.service = Some(service);
        self
    }

    pub(crate) fn end_us(&self) -> u64 {
        self.start_us + self.duration_us
    }

    /// What was still going on at midnight is cut there, and then it cannot have been closed.
    pub(crate) fn cut_at_midnight(&mut self) {
        if self.end_us() <= DAY_US {
            return;
        }
        self.duration_us = DAY_US - self.start_us;
        if self.protocol == PROTOCOL_TCP && self.history.len() > "ShADad".len() {
            self.conn_state = "S1";
            self.history = "ShADad";
            self.forward.tcp_flags &= !(FIN | RST);
            self.reverse.tcp_flags &= !(FIN | RST);
        }
    }

    fn bare(
        ends: Ends,
        start_us: u64,
        duration_us: u64,
        protocol: u8,
        conn_state: &'static str,
        history: &'static str,
    ) -> Self {
        Self {
            label: Label::Background,
            start_us,
            duration_us,
            ends,
            protocol,
            forward: Side::default(),
            reverse: Side::default(),
            conn_state,
            history,
            service: None,
            uid: None,
            dns: None,
            tls: None,
        }
    }

    fn side(&self, volume: Volume, header: u64, tcp_flags: u16) -> Side {
        let ip_header = if self.ends.src.is_ipv4() { IPV4_HEADER_BYTES } else { IPV6_HEADER_BYTES };
        let bytes = volume.payload + volume.packets * (ip_header + header);
        Side { packets: volume.packets, payload: volume.payload, bytes, tcp_flags }
    }
}
