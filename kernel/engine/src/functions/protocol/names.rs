//! The tables of ports, and protocols by `flow-source`'s table.

use flow_source::protocol;

/// Over TCP, sorted by port.
const TCP: &[(u16, &str)] = &[
    (20, "ftp-data"),
    (21, "ftp"),
    (22, "ssh"),
    (23, "telnet"),
    (25, "smtp"),
    (43, "whois"),
    (49, "tacacs"),
    (53, "dns"),
    (79, "finger"),
    (80, "http"),
    (88, "kerberos"),
    (102, "s7comm"),
    (110, "pop3"),
    (111, "sunrpc"),
    (113, "ident"),
    (119, "nntp"),
    (123, "ntp"),
    (135, "msrpc"),
    (139, "netbios-ssn"),
    (143, "imap"),
    (179, "bgp"),
    (389, "ldap"),
    (443, "https"),
    (445, "smb"),
    (464, "kpasswd"),
    (465, "smtps"),
    (502, "modbus"),
    (512, "rexec"),
    (513, "rlogin"),
    (514, "rsh"),
    (515, "printer"),
    (548, "afp"),
    (554, "rtsp"),
    (587, "submission"),
    (593, "http-rpc-epmap"),
    (631, "ipp"),
    (636, "ldaps"),
    (853, "dns-over-tls"),
    (873, "rsync"),
    (902, "vmware-auth"),
    (989, "ftps-data"),
    (990, "ftps"),
    (993, "imaps"),
    (995, "pop3s"),
    (1080, "socks"),
    (1194, "openvpn"),
    (1433, "mssql"),
    (1521, "oracle"),
    (1723, "pptp"),
    (1883, "mqtt"),
    (2049, "nfs"),
    (2181, "zookeeper"),
    (2222, "ssh-alt"),
    (2375, "docker"),
    (2376, "docker-tls"),
    (3128, "squid"),
    (3260, "iscsi"),
    (3268, "global-catalog"),
    (3269, "global-catalog-tls"),
    (3306, "mysql"),
    (3389, "rdp"),
    (4369, "epmd"),
    (5060, "sip"),
    (5061, "sips"),
    (5222, "xmpp-client"),
    (5269, "xmpp-server"),
    (5357, "wsdapi"),
    (5432, "postgresql"),
    (5601, "kibana"),
    (5672, "amqp"),
    (5900, "vnc"),
    (5985, "winrm"),
    (5986, "winrm-tls"),
    (6379, "redis"),
    (6443, "kubernetes-api"),
    (6667, "irc"),
    (6697, "ircs"),
    (8000, "http-alt"),
    (8008, "http-alt"),
    (8080, "http-alt"),
    (8443, "https-alt"),
    (8883, "mqtts"),
    (8888, "http-alt"),
    (9042, "cassandra"),
    (9092, "kafka"),
    (9100, "jetdirect"),
    (9200, "elasticsearch"),
    (9418, "git"),
    (10250, "kubelet"),
    (11211, "memcached"),
    (20000, "dnp3"),
    (27017, "mongodb"),
    (44818, "ethernet-ip"),
];

/// Over UDP, sorted by port.
const UDP: &[(u16, &str)] = &[
    (19, "chargen"),
    (53, "dns"),
    (67, "dhcp-server"),
    (68, "dhcp-client"),
    (69, "tftp"),
    (88, "kerberos"),
    (111, "sunrpc"),
    (123, "ntp"),
    (137, "netbios-ns"),
    (138, "netbios-dgm"),
    (161, "snmp"),
    (162, "snmp-trap"),
    (177, "xdmcp"),
    (389, "cldap"),
    (443, "quic"),
    (464, "kpasswd"),
    (500, "isakmp"),
    (514, "syslog"),
    (520, "rip"),
    (546, "dhcpv6-client"),
    (547, "dhcpv6-server"),
    (623, "ipmi"),
    (1194, "openvpn"),
    (1434, "mssql-browser"),
    (1701, "l2tp"),
    (1812, "radius"),
    (1813, "radius-accounting"),
    (1900, "ssdp"),
    (2055, "netflow"),
    (2123, "gtp-c"),
    (2152, "gtp-u"),
    (3389, "rdp"),
    (3478, "stun"),
    (3544, "teredo"),
    (3702, "ws-discovery"),
    (4500, "ipsec-nat-t"),
    (4739, "ipfix"),
    (4789, "vxlan"),
    (5004, "rtp"),
    (5060, "sip"),
    (5353, "mdns"),
    (5355, "llmnr"),
    (5683, "coap"),
    (6081, "geneve"),
    (6343, "sflow"),
    (9995, "netflow"),
    (11211, "memcached"),
    (33434, "traceroute"),
    (47808, "bacnet"),
    (51820, "wireguard"),
];

pub(super) fn protocol(number: i64) -> Option<&'static str> {
    protocol::protocol_name(u8::try_from(number).ok()?)
}

pub(super) fn protocol_number(name: &str) -> Option<i64> {
    protocol::protocol_number(name).map(i64::from)
}

pub(super) fn port(port: i64, protocol: &str) -> Option<&'static str> {
    let port = u16::try_from(port).ok()?;
    match protocol_number(protocol)? {
        6 => in_table(TCP, port),
        17 => in_table(UDP, port),
        _ => None,
    }
}

fn in_table<N: Ord + Copy>(table: &[(N, &'static str)], number: N) -> Option<&'static str> {
    let index = table.binary_search_by_key(&number, |(known, _)| *known).ok()?;
    Some(table[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(TCP.is_sorted_by(|one, next| one.0 < next.0));
        assert!(UDP.is_sorted_by(|one, next| one.0 < next.0));
    }

    #[test]
    fn ports_depend_on_the_protocol() {
        assert_eq!(port(53, "17"), Some("dns"));
        assert_eq!(port(70_000, "tcp"), None);
        assert_eq!(port(80, "icmp"), None);
    }
}
