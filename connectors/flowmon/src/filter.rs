//! Conditions in nfdump's filter language, which the API takes (nfdump(1), "FILTER").
//!
//! Times are not in it: they become the interval of a search.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Subnets, Ipv6Subnets};
use remote_source::{Predicate, Ranges, Support};

/// Networks of one condition that are told to the server; more are searched here.
const NETWORKS_MAX: usize = 200;
/// Ranges of ports and numbers of one condition.
const RANGES_MAX: usize = 50;
/// Of protocols.
const PROTOCOL_MAX: i128 = u8::MAX as i128;
const MAPPED_V4: u128 = 0xffff_0000_0000;

/// How well the server answers a condition on one column.
pub(crate) fn support(condition: &Predicate) -> Support {
    match condition {
        Predicate::Within { column, .. } if is_time(column) => Support::Inexact,
        // For other protocols the server may keep something else in the place of ports.
        Predicate::Within { column, .. } if is_port(column) => {
            part(condition).map_or(Support::No, |_| Support::Inexact)
        }
        other => part(other).map_or(Support::No, |_| Support::Exact),
    }
}

/// The filter for a condition whose parts are supported; `None` for what is true of every row, times left aside.
pub(crate) fn filter(condition: &Predicate) -> Option<String> {
    match condition {
        Predicate::All(parts) => {
            let parts: Vec<String> = parts.iter().filter_map(filter).collect();
            (!parts.is_empty()).then(|| joined(&parts, " and "))
        }
        Predicate::Any(parts) => {
            // What is said of times alone lets all rows through here.
            let parts: Option<Vec<String>> = parts.iter().map(filter).collect();
            parts.map(|parts| joined(&parts, " or "))
        }
        part_of_one => part(part_of_one),
    }
}

fn is_time(column: &str) -> bool {
    matches!(column, "start_time" | "end_time")
}

fn is_port(column: &str) -> bool {
    matches!(column, "src_port" | "dst_port")
}

fn part(condition: &Predicate) -> Option<String> {
    match condition {
        Predicate::Addresses { column, ranges } => addresses(side(column)?, ranges),
        Predicate::Within { column, ranges } if column == "protocol" => protocols(ranges),
        Predicate::Within { column, ranges } if is_port(column) => {
            numbers(&format!("{} port", side(column)?), ranges, i128::from(u16::MAX))
        }
        Predicate::Within { column, ranges } if column == "tos" => numbers("tos", ranges, i128::from(u8::MAX)),
        _ => None,
    }
}

fn side(column: &str) -> Option<&'static str> {
    match column {
        "src_ip" | "src_port" => Some("src"),
        "dst_ip" | "dst_port" => Some("dst"),
        _ => None,
    }
}

fn addresses(side: &str, ranges: &Ranges<u128>) -> Option<String> {
    let mut parts = Vec::new();
    for (first, last) in ranges.iter() {
        for network in networks(first, last) {
            parts.push(format!("{side} {network}"));
            if parts.len() > NETWORKS_MAX {
                return None;
            }
        }
    }
    Some(joined(&parts, " or "))
}

/// The networks that make up a range, each as `ip ADDRESS` or `net NETWORK`; IPv4 apart from what lies around it.
fn networks(first: u128, last: u128) -> impl Iterator<Item = String> {
    let (v4_first, v4_last) = (MAPPED_V4, MAPPED_V4 + u128::from(u32::MAX));
    let below = (first < v4_first).then(|| (first, last.min(v4_first - 1)));
    let above = (last > v4_last).then(|| (first.max(v4_last + 1), last));
    let within = (first.max(v4_first), last.min(v4_last));
    let within = (within.0 <= within.1).then_some(within);
    let v4 = within.into_iter().flat_map(|(first, last)| {
        // The upper bits say that it is IPv4.
        let address = |number: u128| Ipv4Addr::from_bits(number as u32);
        Ipv4Subnets::new(address(first), address(last), 0)
    });
    let v4 = v4.map(|net| named(&net, net.prefix_len() == net.max_prefix_len(), &net.addr()));
    let v6 = below
        .into_iter()
        .chain(above)
        .flat_map(|(first, last)| Ipv6Subnets::new(Ipv6Addr::from_bits(first), Ipv6Addr::from_bits(last), 0));
    let v6 = v6.map(|net| named(&net, net.prefix_len() == net.max_prefix_len(), &net.addr()));
    v4.chain(v6)
}

fn named(network: &impl ToString, is_one: bool, address: &impl ToString) -> String {
    if is_one { format!("ip {}", address.to_string()) } else { format!("net {}", network.to_string()) }
}

fn protocols(ranges: &Ranges<i128>) -> Option<String> {
    let all = Ranges::between(0, PROTOCOL_MAX);
    let (wanted, unwanted) = (ranges.shared(&all), ranges.rest_of(&all));
    let single = |ranges: &Ranges<i128>| -> Vec<String> {
        ranges.iter().flat_map(|(first, last)| first..=last).map(|number| format!("proto {number}")).collect()
    };
    let (wanted, unwanted) = (single(&wanted), single(&unwanted));
    match wanted.len().min(unwanted.len()) {
        many if many > RANGES_MAX => None,
        _ if unwanted.is_empty() => None,
        _ if unwanted.len() < wanted.len() => Some(format!("not ({})", unwanted.join(" or "))),
        _ => Some(joined(&wanted, " or ")),
    }
}

/// Numbers in ranges. The language knows `=`, `<` and `>`.
fn numbers(what: &str, ranges: &Ranges<i128>, greatest: i128) -> Option<String> {
    let shared = ranges.shared(&Ranges::between(0, greatest));
    if shared.iter().len() > RANGES_MAX {
        return None;
    }
    let parts: Vec<String> = shared
        .iter()
        .map(|(first, last)| match (first, last) {
            (first, last) if first == last => format!("{what} {first}"),
            (0, last) => format!("{what} < {}", last + 1),
            (first, last) if last == greatest => format!("{what} > {}", first - 1),
            (first, last) => format!("({what} > {} and {what} < {})", first - 1, last + 1),
        })
        .collect();
    Some(joined(&parts, " or "))
}

/// In brackets where there are several; nothing at all is true of no row.
fn joined(parts: &[String], word: &str) -> String {
    match parts {
        [] => "not any".to_owned(),
        [only] => only.clone(),
        parts => format!("({})", parts.join(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_source::address::ip_to_bytes;

    fn number(address: &str) -> u128 {
        u128::from_be_bytes(ip_to_bytes(address.parse().expect("an address")))
    }

    fn of_ips(column: &str, ranges: &[(&str, &str)]) -> Predicate {
        let ranges = Ranges::of(ranges.iter().map(|(first, last)| (number(first), number(last))));
        Predicate::Addresses { column: column.into(), ranges }
    }

    fn within(column: &str, first: i128, last: i128) -> Predicate {
        Predicate::Within { column: column.into(), ranges: Ranges::between(first, last) }
    }

    #[track_caller]
    fn check(condition: &Predicate, expected: Option<&str>) {
        assert_eq!(filter(condition).as_deref(), expected, "{condition:?}");
    }

    #[test]
    fn addresses_become_networks() {
        check(&of_ips("src_ip", &[("10.0.0.1", "10.0.0.1")]), Some("src ip 10.0.0.1"));
        check(&of_ips("dst_ip", &[("10.0.0.0", "10.255.255.255")]), Some("dst net 10.0.0.0/8"));
        check(
            &of_ips("dst_ip", &[("10.0.0.1", "10.0.0.2"), ("2001:db8::", "2001:db8::ffff")]),
            Some("(dst ip 10.0.0.1 or dst ip 10.0.0.2 or dst net 2001:db8::/112)"),
        );
        let everything_else =
            of_ips("src_ip", &[("::", "9.255.255.255"), ("11.0.0.0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]);
        let found = filter(&everything_else).expect("some networks");
        assert!(found.contains("src net 11.0.0.0/8") && found.contains("src net 8.0.0.0/7"), "{found}");
        assert_eq!(support(&everything_else), Support::Exact);
        let many = Ranges::of((0..500_u128).map(|number| (MAPPED_V4 + number * 4, MAPPED_V4 + number * 4)));
        assert_eq!(support(&Predicate::Addresses { column: "src_ip".into(), ranges: many }), Support::No);
        assert_eq!(support(&of_ips("exporter_ip", &[("10.0.0.1", "10.0.0.1")])), Support::No);
    }

    #[test]
    fn numbers_become_comparisons() {
        check(&within("dst_port", 22, 22), Some("dst port 22"));
        check(&within("src_port", 0, 1023), Some("src port < 1024"));
        check(&within("dst_port", 1024, 65_535), Some("dst port > 1023"));
        check(&within("dst_port", 20, 25), Some("(dst port > 19 and dst port < 26)"));
        check(&within("protocol", 6, 6), Some("proto 6"));
        let not_tcp = Predicate::Within { column: "protocol".into(), ranges: Ranges::of([(0, 5), (7, 255)]) };
        check(&not_tcp, Some("not (proto 6)"));
        check(&within("tos", 8, 8), Some("tos 8"));
        assert_eq!(support(&within("dst_port", 22, 22)), Support::Inexact);
        assert_eq!(support(&within("bytes", 0, 10)), Support::No, "the server compares what it rounds for us");
    }

    #[test]
    fn times_are_left_aside() {
        let ssh = within("dst_port", 22, 22);
        let time = within("start_time", 1, 5);
        assert_eq!(support(&time), Support::Inexact);
        check(&Predicate::All(vec![ssh.clone(), time.clone()]), Some("dst port 22"));
        check(&Predicate::Any(vec![ssh.clone(), time.clone()]), None);
        check(&time, None);
        check(&Predicate::always(), None);
        let both = Predicate::Any(vec![ssh.clone(), Predicate::All(vec![within("protocol", 17, 17), ssh])]);
        check(&both, Some("(dst port 22 or (proto 17 and dst port 22))"));
    }
}
