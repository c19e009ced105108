//! What never leaves this machine: addresses and names that mean nothing elsewhere, and those of the house.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use flow_source::domain::normalized;
use ipnet::IpNet;
use url::Host;

use crate::indicator::Indicator;
use crate::settings::SettingsError;

/// Ends of names that no public resolver knows, or that are for documentation (RFC 2606, 6761, 6762, 7686, 8375, 9476),
/// and names that houses use inside. Reverse names hold addresses.
const RESERVED_SUFFIXES: &[&str] = &[
    "alt",
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "onion",
    "private",
    "test",
    "workgroup",
];

/// The networks and domains of the house.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    networks: Vec<IpNet>,
    domains: Vec<String>,
}

impl Scope {
    /// Beside what is private everywhere: these networks and domains, with all that is below them. A text may hold several
    /// networks; what is excluded from them with `!` is kept back too.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn new(networks: &[String], domains: &[String]) -> Result<Scope, SettingsError> {
        let entries =
            networks.iter().flat_map(|text| text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';')));
        let entries = entries.filter(|entry| !entry.is_empty() && !entry.starts_with('!'));
        let network = |text: &str| {
            let network = text.parse::<IpNet>().ok();
            let network = network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            network.ok_or_else(|| SettingsError::NoNetwork { text: text.to_owned() })
        };
        let domain = |text: &String| {
            let name = text.trim().trim_start_matches("*.").trim_start_matches('.');
            normalized(name).ok_or_else(|| SettingsError::NoDomain { text: text.clone() })
        };
        Ok(Scope {
            networks: entries.map(network).collect::<Result<_, _>>()?,
            domains: domains.iter().map(domain).collect::<Result<_, _>>()?,
        })
    }

    /// Why this must not be sent; `None` when it may.
    pub fn keeps(&self, indicator: &Indicator) -> Option<&'static str> {
        match indicator {
            Indicator::Hash(_) => None,
            Indicator::Ip(address) => self.keeps_address(*address),
            Indicator::Domain(name) => self.keeps_name(name),
            Indicator::Url(url) if !url.username().is_empty() || url.password().is_some() => {
                Some("it holds a password")
            }
            Indicator::Url(url) => match url.host() {
                Some(Host::Domain(name)) => self.keeps_name(name.strip_suffix('.').unwrap_or(name)),
                Some(Host::Ipv4(address)) => self.keeps_address(address.into()),
                Some(Host::Ipv6(address)) => self.keeps_address(IpAddr::from(address).to_canonical()),
                None => Some("it has no host"),
            },
        }
    }

    fn keeps_address(&self, address: IpAddr) -> Option<&'static str> {
        if self.networks.iter().any(|network| network.contains(&address)) {
            return Some("it is an internal address");
        }
        let is_public = match address {
            IpAddr::V4(address) => is_public_v4(address),
            IpAddr::V6(address) => is_public_v6(address),
        };
        (!is_public).then_some("it is a private or reserved address")
    }

    fn keeps_name(&self, name: &str) -> Option<&'static str> {
        let is_below =
            |suffix: &str| name.strip_suffix(suffix).is_some_and(|before| before.is_empty() || before.ends_with('.'));
        if self.domains.iter().any(|domain| is_below(domain)) {
            return Some("it is an internal name");
        }
        let is_reserved = RESERVED_SUFFIXES.iter().any(|suffix| is_below(suffix)) || !name.contains('.');
        is_reserved.then_some("it is a private or reserved name")
    }
}

/// Whether the address means the same everywhere (IANA's registry of special addresses).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_local = matches!(
        (first, second),
        (0 | 10 | 127, _) | (100, 64..=127) | (169, 254) | (172, 16..=31) | (192, 168) | (198, 18..=19) | (224.., _)
    );
    let is_for_protocols = matches!((first, second, third), (192, 0, 0) | (192, 88, 99));
    let is_for_documentation = matches!((first, second, third), (192, 0, 2) | (198, 51, 100) | (203, 0, 113));
    !(is_local || is_for_protocols || is_for_documentation)
}

/// Global unicast is 2000::/3; what is set aside in it for documentation, and tunnels that carry an IPv4 address, is not.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, ..] = address.segments();
    match (first, second) {
        (0x2001, 0x0db8) | (0x3fff, 0x0000..=0x0fff) | (0x2001, 0x0000..=0x01ff) => false,
        (0x2002, _) => is_public_v4(Ipv4Addr::from((u32::from(second) << 16) | u32::from(third))),
        _ => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::Kind;

    fn scope() -> Scope {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Scope::new(&texts(&["9.9.0.0/16, 2a00::/16 !9.9.9.9", "8.8.4.4"]), &texts(&["Corp.Example.com", "*.other.org"]))
            .expect("networks and domains")
    }

    #[track_caller]
    fn check(kind: Kind, text: &str, is_kept: bool) {
        let indicator = Indicator::parse(kind, text).unwrap_or_else(|| panic!("{text} is none"));
        assert_eq!(scope().keeps(&indicator).is_some(), is_kept, "{text}: {:?}", scope().keeps(&indicator));
    }

    #[test]
    fn addresses() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.7",
            "224.0.0.1",
            "255.255.255.255",
            "9.9.9.9",
            "8.8.4.4",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "3fff:1::1",
            "2001::1",
            "2002:0a00:0001::1",
            "64:ff9b::1",
            "2a00:1::1",
            "::ffff:10.0.0.1",
        ] {
            check(Kind::Ip, text, true);
        }
        for text in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1", "2002:0808:0808::1", "::ffff:8.8.8.8"] {
            check(Kind::Ip, text, false);
        }
    }

    #[test]
    fn names() {
        for text in [
            "localhost",
            "printer",
            "printer.local",
            "a.test",
            "b.example",
            "1.0.0.10.in-addr.arpa",
            "x.corp",
            "corp.example.com",
            "vpn.corp.example.com",
            "other.org",
            "a.other.org",
            "x.onion",
            "router.home.arpa",
        ] {
            check(Kind::Domain, text, true);
        }
        for text in ["example.com", "notcorp.example.com", "xcorp.example.com", "another.org", "test.example.com"] {
            check(Kind::Domain, text, false);
        }
    }

    #[test]
    fn addresses_of_the_web() {
        for text in [
            "http://10.0.0.1/x",
            "http://[fe80::1]/",
            "http://[::ffff:10.0.0.1]/",
            "https://printer/",
            "https://vpn.corp.example.com./",
            "https://user:password@example.com/",
            "http://0x0a.0.0.1/",
        ] {
            check(Kind::Url, text, true);
        }
        check(Kind::Url, "https://example.com/a?b", false);
        check(Kind::Url, "http://8.8.8.8/", false);
    }

    #[test]
    fn what_is_no_network_is_said() {
        let error = Scope::new(&["10.0.0.0/33".to_owned()], &[]).expect_err("no network").to_string();
        assert!(error.contains("10.0.0.0/33"), "{error}");
        assert!(Scope::new(&[], &["two words".to_owned()]).is_err());
    }
}
