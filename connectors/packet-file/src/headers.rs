//! The headers of one packet, from the link layer to the transport, by `etherparse`.
//!
//! Tunnels are not opened: the flow is the outer one.

use std::net::IpAddr;

use etherparse::{
    EtherType, IpAuthHeaderSlice, IpNumber, Ipv6FragmentHeaderSlice, Ipv6RawExtHeaderSlice, LaxLinkExtSlice,
    LaxNetSlice, LaxSlicedPacket, LinkSlice, TcpHeaderSlice, TransportSlice, err::ip::LaxHeaderSliceError,
    err::packet::SliceError,
};

/// What a captured packet begins with: a LINKTYPE number of the tcpdump group's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkType(pub u16);

/// Why a packet has no headers of IP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoHeaders {
    /// It carries something else, such as ARP.
    NotIp,
    /// It cannot be read that far; what was found.
    Unreadable(String),
}

/// A packet of IP.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    /// Source and destination of Ethernet.
    pub macs: Option<([u8; 6], [u8; 6])>,
    /// The outermost VLAN.
    pub vlan: Option<u16>,
    /// Source.
    pub src: IpAddr,
    /// Destination.
    pub dst: IpAddr,
    /// IANA protocol number behind all extension headers.
    pub protocol: u8,
    /// DSCP and ECN.
    pub tos: u8,
    /// Octets of layer 3, by IP's own header.
    pub ip_bytes: u64,
    /// Source and destination port of TCP, UDP and SCTP.
    pub ports: Option<(u16, u16)>,
    /// Flags of TCP as the bit set of RFC 9293.
    pub tcp_flags: Option<u16>,
    /// Sequence number of TCP.
    pub tcp_sequence: Option<u32>,
    /// Type and code of ICMP.
    pub icmp: Option<(u8, u8)>,
    /// The captured bytes behind the transport's header.
    pub payload: &'a [u8],
    /// Octets behind the transport's header, by IP's own header.
    pub payload_bytes: u64,
    /// Whether the packet is a part of a larger one. Only the first part has ports.
    pub is_fragment: bool,
    /// Whether less was captured than the packet has.
    pub is_truncated: bool,
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const ETHERNET: u16 = 1;
const NULL: u16 = 0;
const LOOP: u16 = 108;
const RAW: [u16; 5] = [12, 14, 101, 228, 229];
const LINUX_SLL: u16 = 113;
const LINUX_SLL2: u16 = 276;
/// Protocols whose first four octets are two ports but that `etherparse` leaves to others: DCCP, SCTP, UDP-Lite.
const OTHER_WITH_PORTS: [u8; 3] = [33, 132, 136];

/// Reads the headers of a packet of which `bytes` were captured.
///
/// # Errors
/// When it is no packet of IP, or breaks off before its addresses.
pub fn read_headers(link: LinkType, bytes: &[u8]) -> Result<Headers<'_>, NoHeaders> {
    let ip = |skip: usize| {
        let bytes = bytes.get(skip..).unwrap_or_default();
        LaxSlicedPacket::from_ip(bytes).map_err(|error| match error {
            LaxHeaderSliceError::Len(error) => cut(&error),
            error => NoHeaders::Unreadable(error.to_string()),
        })
    };
    let ether_type = |place: usize, skip: usize| {
        let short = || NoHeaders::Unreadable(format!("a packet of {} bytes, less than its link header", bytes.len()));
        let kind: [u8; 2] = *bytes.get(place..).and_then(|rest| rest.first_chunk()).ok_or_else(short)?;
        let rest = bytes.get(skip..).ok_or_else(short)?;
        Ok(LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes(kind)), rest))
    };
    let packet = match link.0 {
        ETHERNET => LaxSlicedPacket::from_ethernet(bytes).map_err(|error| cut(&error))?,
        NULL | LOOP => ip(4)?,
        LINUX_SLL => ether_type(14, 16)?,
        LINUX_SLL2 => ether_type(0, 20)?,
        other if RAW.contains(&other) => ip(0)?,
        other => return Err(NoHeaders::Unreadable(format!("link type {other}, which is not read"))),
    };
    of_packet(&packet)
}

fn cut(error: &etherparse::err::LenError) -> NoHeaders {
    NoHeaders::Unreadable(format!(
        "a packet breaks off: {} bytes are there, {} are needed",
        error.len, error.required_len
    ))
}

fn of_packet<'a>(packet: &LaxSlicedPacket<'a>) -> Result<Headers<'a>, NoHeaders> {
    let (src, dst, tos, told_bytes, header_bytes) = match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let bytes = usize::from(header.total_len());
            let tos = header.slice()[1];
            let (src, dst) = (header.source_addr().into(), header.destination_addr().into());
            (src, dst, tos, bytes, header.slice().len() + ip.extensions().auth.map_or(0, |auth| auth.slice().len()))
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let told = usize::from(header.payload_length());
            let bytes = if told == 0 { 0 } else { told + header.slice().len() };
            let (src, dst): (IpAddr, IpAddr) = (header.source_addr().into(), header.destination_addr().into());
            (src, dst, header.traffic_class(), bytes, header.slice().len() + ip.extensions().slice().len())
        }
        Some(LaxNetSlice::Arp(_)) => return Err(NoHeaders::NotIp),
        None => {
            return Err(match &packet.stop_err {
                Some((SliceError::Len(error), _)) => cut(error),
                Some((error, _)) => NoHeaders::Unreadable(error.to_string()),
                None => NoHeaders::NotIp,
            });
        }
    };
    let Some(content) = packet.net.as_ref().and_then(LaxNetSlice::ip_payload_ref) else { return Err(NoHeaders::NotIp) };
    // Cards that cut packets up for the system leave the length zero: then it is what there is.
    let ip_bytes = told_bytes.max(header_bytes + if told_bytes == 0 { content.payload.len() } else { 0 });
    let mut headers = Headers {
        macs: macs(packet),
        vlan: vlan(packet),
        src,
        dst,
        protocol: content.ip_number.0,
        tos,
        ip_bytes: ip_bytes as u64,
        ports: None,
        tcp_flags: None,
        tcp_sequence: None,
        icmp: None,
        payload: content.payload,
        payload_bytes: (ip_bytes - header_bytes.min(ip_bytes)) as u64,
        is_fragment: content.fragmented,
        is_truncated: content.incomplete,
    };
    read_transport(packet, &mut headers);
    Ok(headers)
}

fn read_transport<'a>(packet: &LaxSlicedPacket<'a>, headers: &mut Headers<'a>) {
    let header_bytes = match &packet.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            headers.ports = Some((tcp.source_port(), tcp.destination_port()));
            let header = tcp.header_slice();
            headers.tcp_flags = Some(u16::from_be_bytes([header[12] & 1, header[13]]));
            headers.tcp_sequence = Some(tcp.sequence_number());
            headers.payload = tcp.payload();
            header.len()
        }
        Some(TransportSlice::Udp(udp)) => {
            headers.ports = Some((udp.source_port(), udp.destination_port()));
            headers.payload = udp.payload();
            udp.header_slice().len()
        }
        Some(TransportSlice::Icmpv4(icmp)) => {
            headers.icmp = Some((icmp.type_u8(), icmp.code_u8()));
            4
        }
        Some(TransportSlice::Icmpv6(icmp)) => {
            headers.icmp = Some((icmp.type_u8(), icmp.code_u8()));
            4
        }
        _ => return read_partial_transport(packet, headers),
    };
    headers.payload_bytes = headers.payload_bytes.saturating_sub(header_bytes as u64);
}

/// The transport of a first fragment, and the ports where the rest of the header is missing: they are in the first
/// octets.
fn read_partial_transport(packet: &LaxSlicedPacket<'_>, headers: &mut Headers<'_>) {
    // A later fragment begins in the middle of the transport's payload.
    if is_later_fragment(packet) {
        return;
    }
    if headers.protocol == TCP
        && let Ok(tcp) = TcpHeaderSlice::from_slice(headers.payload)
    {
        let header = tcp.slice();
        headers.tcp_flags = Some(u16::from_be_bytes([header[12] & 1, header[13]]));
        headers.tcp_sequence = Some(tcp.sequence_number());
    }
    let has_ports = OTHER_WITH_PORTS.contains(&headers.protocol) || matches!(headers.protocol, TCP | UDP);
    if let (true, Some([a, b, c, d])) = (has_ports, headers.payload.first_chunk()) {
        headers.ports = Some((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])));
        headers.payload = &[];
    }
}

fn is_later_fragment(packet: &LaxSlicedPacket<'_>) -> bool {
    match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => ip.header().fragments_offset().value() > 0,
        Some(LaxNetSlice::Ipv6(ip)) => {
            let extensions = ip.extensions();
            extensions.first_header().is_some_and(|first| has_fragment_offset(first, extensions.slice()))
        }
        _ => false,
    }
}

/// Whether a fragment header among the extension headers says that this is not the first fragment.
///
/// etherparse's own iterator over them (0.21) takes for granted that all are complete, and reads beyond the packet where
/// the last one is cut off.
fn has_fragment_offset(first: IpNumber, extensions: &[u8]) -> bool {
    let (mut kind, mut rest) = (first, extensions);
    loop {
        let length = match kind {
            IpNumber::IPV6_FRAGMENTATION_HEADER => match Ipv6FragmentHeaderSlice::from_slice(rest) {
                Ok(fragment) if fragment.fragment_offset().value() > 0 => return true,
                Ok(fragment) => fragment.slice().len(),
                Err(_) => return false,
            },
            IpNumber::AUTHENTICATION_HEADER => match IpAuthHeaderSlice::from_slice(rest) {
                Ok(authentication) => authentication.slice().len(),
                Err(_) => return false,
            },
            _ if Ipv6RawExtHeaderSlice::header_type_supported(kind) => match Ipv6RawExtHeaderSlice::from_slice(rest) {
                Ok(extension) => extension.slice().len(),
                Err(_) => return false,
            },
            _ => return false,
        };
        kind = IpNumber(rest[0]);
        rest = &rest[length..];
    }
}

fn macs(packet: &LaxSlicedPacket<'_>) -> Option<([u8; 6], [u8; 6])> {
    match packet.link.as_ref()? {
        LinkSlice::Ethernet2(ethernet) => Some((ethernet.source(), ethernet.destination())),
        _ => None,
    }
}

fn vlan(packet: &LaxSlicedPacket<'_>) -> Option<u16> {
    packet.link_exts.iter().find_map(|extension| match extension {
        LaxLinkExtSlice::Vlan(vlan) => Some(vlan.vlan_identifier().value()),
        LaxLinkExtSlice::Macsec(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv6 packet with these octets behind its header, of which `first` is the kind.
    fn ipv6(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend(u16::try_from(rest.len()).expect("a short packet").to_be_bytes());
        packet.extend([first, 64]);
        packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].repeat(2));
        packet.extend(rest);
        packet
    }

    const RAW_IPV6: LinkType = LinkType(101);
    const FRAGMENT: u8 = 44;
    const ROUTING: u8 = 43;
    const DESTINATION: u8 = 60;

    #[test]
    fn an_extension_header_that_is_cut_off_is_not_read() {
        let options = [ROUTING, 0, 1, 4, 0, 0, 0, 0];
        for behind in [&[][..], &[TCP], &[TCP, 9, 0, 0, 0, 0, 0, 0]] {
            let packet = ipv6(DESTINATION, &[&options[..], behind].concat());
            let headers = read_headers(RAW_IPV6, &packet).expect("the addresses can be read");
            assert_eq!((headers.ports, headers.protocol), (None, ROUTING));
        }
    }

    #[test]
    fn ports_are_those_of_the_first_fragment_alone() {
        let ports = [0, 53, 1, 187];
        let fragment = |offset: u8| [UDP, 0, 0, offset << 3 | 1, 0, 0, 0, 7];
        let options = [FRAGMENT, 0, 1, 4, 0, 0, 0, 0];
        for (offset, expected) in [(0, Some((53, 443))), (2, None)] {
            let packet = ipv6(DESTINATION, &[&options[..], &fragment(offset), &ports].concat());
            let headers = read_headers(RAW_IPV6, &packet).expect("headers");
            assert_eq!((headers.ports, headers.protocol), (expected, UDP), "offset {offset}");
        }
    }
}
