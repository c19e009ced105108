//! The map of the invented campus: which address is what.
//!
//! Addresses only, all inside 10.20.0.0/16 and 2001:db8:20::/48. What the hosts do is in the rooms that use them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::dice::Dice;

pub(crate) const INTERNAL_NETWORKS: [&str; 2] = ["10.20.0.0/16", "2001:db8:20::/48"];

/// The router whose flow probe wrote the data.
pub(crate) const EXPORTER: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 1);
pub(crate) const VULNERABILITY_SCANNER: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 5);
pub(crate) const RESOLVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 20, 1, 10), Ipv4Addr::new(10, 20, 1, 11)];
pub(crate) const TIME_SERVER: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 20);
pub(crate) const DOMAIN_CONTROLLER: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 30);
pub(crate) const BACKUP_SERVER: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 40);
pub(crate) const MONITORING: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 50);
pub(crate) const MAIL_SERVER: Ipv4Addr = Ipv4Addr::new(10, 20, 2, 10);
pub(crate) const PUBLIC_WEB: Ipv4Addr = Ipv4Addr::new(10, 20, 2, 20);
pub(crate) const INTRANET_WEB: Ipv4Addr = Ipv4Addr::new(10, 20, 2, 21);
pub(crate) const FILE_SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 20, 3, 10), Ipv4Addr::new(10, 20, 3, 11)];
pub(crate) const PRINTERS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(10, 20, 4, 10),
    Ipv4Addr::new(10, 20, 4, 11),
    Ipv4Addr::new(10, 20, 4, 12),
    Ipv4Addr::new(10, 20, 4, 13),
];
/// The server that is under foreign control when the day begins.
pub(crate) const ATTACKER: Ipv4Addr = Ipv4Addr::new(10, 20, 5, 23);
pub(crate) const APPLICATION_SERVERS: [Ipv4Addr; 4] =
    [Ipv4Addr::new(10, 20, 5, 20), Ipv4Addr::new(10, 20, 5, 21), Ipv4Addr::new(10, 20, 5, 22), ATTACKER];
/// The host whose password is guessed.
pub(crate) const COMPROMISED: Ipv4Addr = Ipv4Addr::new(10, 20, 7, 44);
/// Hosts on which remote desktop listens.
pub(crate) const DESKTOP_HOSTS: [Ipv4Addr; 7] = [
    Ipv4Addr::new(10, 20, 6, 12),
    Ipv4Addr::new(10, 20, 6, 17),
    Ipv4Addr::new(10, 20, 6, 30),
    Ipv4Addr::new(10, 20, 7, 41),
    COMPROMISED,
    Ipv4Addr::new(10, 20, 7, 48),
    Ipv4Addr::new(10, 20, 7, 52),
];
/// Administrators' workstations, the ordinary users of remote desktop and SSH.
pub(crate) const ADMIN_WORKSTATIONS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(10, 20, 40, 11), Ipv4Addr::new(10, 20, 40, 12), Ipv4Addr::new(10, 20, 40, 13)];

/// Third octets of the client networks, first and last.
const CLIENT_NETWORKS: (u64, u64) = (32, 43);
/// Fourth octets of the clients, first and last.
const CLIENT_HOSTS: (u64, u64) = (20, 160);

pub(crate) fn client(dice: &mut Dice) -> Ipv4Addr {
    let network = dice.between(CLIENT_NETWORKS.0, CLIENT_NETWORKS.1) as u8;
    // Two draws, the smaller taken: some clients are much busier than others.
    let host = dice.between(CLIENT_HOSTS.0, CLIENT_HOSTS.1).min(dice.between(CLIENT_HOSTS.0, CLIENT_HOSTS.1));
    Ipv4Addr::new(10, 20, network, host as u8)
}

/// The IPv6 address of a dual-stack client: network and host are the third and fourth octet of its IPv4 address.
pub(crate) fn ipv6_of(client: Ipv4Addr) -> Ipv6Addr {
    let [_, _, network, host] = client.octets();
    Ipv6Addr::new(0x2001, 0xdb8, 0x20, u16::from(network), 0, 0, 0, u16::from(host))
}

pub(crate) fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[..2] == [10, 20],
        IpAddr::V6(address) => address.segments()[..3] == [0x2001, 0xdb8, 0x20],
    }
}

/// Whether a machine answers at this address, be it only with a reset.
pub(crate) fn is_alive(address: Ipv4Addr) -> bool {
    let [_, _, network, host] = address.octets();
    let in_range = |value: u8, range: (u64, u64)| (range.0..=range.1).contains(&u64::from(value));
    let is_client = in_range(network, CLIENT_NETWORKS) && in_range(host, CLIENT_HOSTS);
    let is_service = [EXPORTER, VULNERABILITY_SCANNER, TIME_SERVER, DOMAIN_CONTROLLER, BACKUP_SERVER, MONITORING]
        .contains(&address)
        || [MAIL_SERVER, PUBLIC_WEB, INTRANET_WEB].contains(&address);
    is_client
        || is_service
        || RESOLVERS.contains(&address)
        || FILE_SERVERS.contains(&address)
        || PRINTERS.contains(&address)
        || APPLICATION_SERVERS.contains(&address)
        || DESKTOP_HOSTS.contains(&address)
        || ADMIN_WORKSTATIONS.contains(&address)
}

/// Whether `address` accepts TCP connections on `port`.
pub(crate) fn listens(address: Ipv4Addr, port: u16) -> bool {
    match port {
        22 => APPLICATION_SERVERS.contains(&address) || [PUBLIC_WEB, MONITORING].contains(&address),
        80 => [PUBLIC_WEB, INTRANET_WEB].contains(&address) || PRINTERS.contains(&address),
        443 => [PUBLIC_WEB, INTRANET_WEB, MAIL_SERVER].contains(&address),
        445 => FILE_SERVERS.contains(&address) || DESKTOP_HOSTS.contains(&address) || address == DOMAIN_CONTROLLER,
        3389 => DESKTOP_HOSTS.contains(&address),
        _ => false,
    }
}
