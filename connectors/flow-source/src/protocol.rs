//! Protocol numbers and names, and which protocols have ports.

/// ICMP for IPv4.
pub const ICMP: u8 = 1;
/// TCP.
pub const TCP: u8 = 6;
/// UDP.
pub const UDP: u8 = 17;
/// ICMP for IPv6.
pub const ICMP6: u8 = 58;

/// Sorted by number. Names are IANA's in lower case.
const PROTOCOLS: &[(u8, &str)] = &[
    (0, "hopopt"),
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipv4"),
    (6, "tcp"),
    (8, "egp"),
    (9, "igp"),
    (17, "udp"),
    (27, "rdp"),
    (33, "dccp"),
    (41, "ipv6"),
    (43, "ipv6-route"),
    (44, "ipv6-frag"),
    (46, "rsvp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (59, "ipv6-nonxt"),
    (60, "ipv6-opts"),
    (88, "eigrp"),
    (89, "ospf"),
    (94, "ipip"),
    (97, "etherip"),
    (103, "pim"),
    (108, "ipcomp"),
    (112, "vrrp"),
    (115, "l2tp"),
    (124, "isis"),
    (132, "sctp"),
    (133, "fc"),
    (136, "udplite"),
    (137, "mpls-in-ip"),
    (139, "hip"),
];

/// Names that logs use for the same protocols.
const SYNONYMS: &[(&str, u8)] = &[("icmp6", 58), ("icmpv6", 58), ("ipv6icmp", 58), ("ospfigp", 89), ("ipencap", 4)];

/// IANA's name of a protocol in lower case; `None` for numbers that hardly occur.
pub fn protocol_name(number: u8) -> Option<&'static str> {
    let index = PROTOCOLS.binary_search_by_key(&number, |(known, _)| *known).ok()?;
    Some(PROTOCOLS[index].1)
}

/// The number behind a name, in any case, or behind a decimal number.
pub fn protocol_number(name: &str) -> Option<u8> {
    let name = name.trim();
    let named = |table: &(u8, &str)| table.1.eq_ignore_ascii_case(name);
    let meant = || SYNONYMS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number);
    PROTOCOLS.iter().find(|entry| named(entry)).map(|(number, _)| *number).or_else(meant).or_else(|| name.parse().ok())
}

/// Whether a protocol has ports where TCP and UDP have them: those, DCCP, SCTP and UDP-Lite.
pub fn has_ports(number: u8) -> bool {
    matches!(number, TCP | UDP | 33 | 132 | 136)
}

/// The bit set of TCP flags written as letters, as in `..AP.SF` or `FSPA`; `None` when there is another letter. Dots,
/// dashes and underscores stand for flags that are not set.
pub fn tcp_flags_of_letters(letters: &str) -> Option<u16> {
    letters.bytes().try_fold(0, |flags, letter| {
        let flag = match letter.to_ascii_uppercase() {
            b'F' => 0x01,
            b'S' => 0x02,
            b'R' => 0x04,
            b'P' => 0x08,
            b'A' => 0x10,
            b'U' => 0x20,
            b'E' => 0x40,
            b'C' => 0x80,
            b'.' | b'-' | b'_' => 0,
            _ => return None,
        };
        Some(flags | flag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_numbers() {
        assert!(PROTOCOLS.is_sorted_by(|one, next| one.0 < next.0));
        for (number, name) in PROTOCOLS {
            assert_eq!(protocol_number(name), Some(*number));
            assert_eq!(protocol_name(*number), Some(*name));
        }
        assert_eq!(protocol_number(" ICMP6"), Some(58));
        assert_eq!(protocol_number("17"), Some(17));
        assert_eq!(protocol_number("256"), None);
        assert_eq!(protocol_number("-"), None);
        assert_eq!(protocol_name(255), None);
    }

    #[test]
    fn flags_of_letters() {
        assert_eq!(tcp_flags_of_letters("...AP.SF"), Some(0x1b));
        assert_eq!(tcp_flags_of_letters(""), Some(0));
        assert_eq!(tcp_flags_of_letters("CON"), None);
    }
}
