//! Lists as they come from forms, reports and spreadsheets.

use super::*;
use crate::functions::address;

#[track_caller]
fn list(text: &str) -> IpList {
    parse_ip_list(text).unwrap_or_else(|fault| panic!("{text:?}: {fault}"))
}

#[track_caller]
fn check(text: &str, inside: &[&str], outside: &[&str]) {
    let list = list(text);
    let holds = |address: &&&str| list.contains(address.parse().expect("an address"));
    assert_eq!(inside.iter().filter(|address| !holds(address)).collect::<Vec<_>>(), Vec::<&&str>::new(), "{text}");
    assert_eq!(outside.iter().filter(holds).collect::<Vec<_>>(), Vec::<&&str>::new(), "{text}");
}

#[test]
fn separators_may_be_mixed() {
    for text in [
        "10.0.0.1,10.0.0.2",
        "10.0.0.1, 10.0.0.2",
        "10.0.0.1 10.0.0.2",
        "10.0.0.1;10.0.0.2",
        "10.0.0.1\n10.0.0.2\r\n",
        " ,;10.0.0.1 ;,\t 10.0.0.2,,",
        "\u{feff}10.0.0.1\u{a0}10.0.0.2\u{200b}",
    ] {
        assert_eq!(list(text).entries(), ["10.0.0.1", "10.0.0.2"], "{text:?}");
    }
}

#[test]
fn members() {
    check(
        "10.0.0.0/8 192.168.1.5",
        &["10.0.0.0", "10.255.255.255", "192.168.1.5"],
        &["11.0.0.0", "192.168.1.4", "::1"],
    );
    check("2001:db8::/32", &["2001:db8::", "2001:db8:ffff::1"], &["2001:db9::", "32.1.13.184"]);
    check("10.0.0.0/8, !10.9.0.0/16", &["10.8.0.1"], &["10.9.1.1", "11.0.0.1"]);
    check("!10.0.0.0/8 ! ::1", &["11.0.0.1", "::2"], &["10.0.0.1", "::1"]);
    check("0.0.0.0/0", &["1.2.3.4"], &["::1"]);
    check("::/0", &["::1", "2001:db8::1"], &["1.2.3.4"]);
    check("", &["1.2.3.4", "::1"], &[]);
    check(" ,;\n", &["1.2.3.4"], &[]);
}

#[test]
fn mapped_addresses_are_ipv4() {
    check("10.0.0.0/8", &["::ffff:10.1.1.1"], &["::ffff:11.1.1.1"]);
    check("::ffff:10.0.0.0/104", &["10.1.1.1", "::ffff:10.1.1.1"], &["11.1.1.1"]);
    check("::ffff:10.0.0.1", &["10.0.0.1"], &["10.0.0.2"]);
    assert_eq!(list("::ffff:10.0.0.1 ::ffff:10.0.0.0/104").entries(), ["10.0.0.1", "10.0.0.0/8"]);
}

#[test]
fn host_bits_are_noted() {
    let list = list("192.168.17.1/24, !2001:db8::5/64 10.0.0.1/32");
    assert_eq!(list.entries(), ["192.168.17.0/24", "!2001:db8::/64", "10.0.0.1"]);
    assert_eq!(
        list.notes(),
        [
            "192.168.17.1/24: host bits were set, read as the network 192.168.17.0/24",
            "2001:db8::5/64: host bits were set, read as the network 2001:db8::/64"
        ]
    );
}

#[test]
fn bad_entries_are_named_with_their_place() {
    let fault = parse_ip_list("10.0.0.1, ünï 10.0.0.1/33;10.0.0.9/24 !").expect_err("three are bad");
    let bad: Vec<(&str, usize)> = fault.bad.iter().map(|bad| (bad.token.as_str(), bad.position)).collect();
    assert_eq!(bad, [("ünï", 11), ("10.0.0.1/33", 15), ("!", 39)]);
    assert_eq!(fault.good, ["10.0.0.1", "10.0.0.0/24"]);
    assert_eq!(fault.notes.len(), 1);
    assert_eq!(
        fault.to_string(),
        "`ünï` at character 11 is not an IP address or network; `10.0.0.1/33` at character 15 is not a network: the \
         part after / must be a number from 0 to 32; `!` at character 39 is not followed by what it excludes; \
         understood: 10.0.0.1, 10.0.0.0/24"
    );
}

#[test]
fn reasons_fit_the_entry() {
    for (text, reason) in [
        ("10.0.0.300", "not an IP address: `300` is not a number from 0 to 255"),
        ("10.0.0", "not an IP address: it has 3 numbers, not 4"),
        ("10.0.0.01", "not an IP address: numbers with leading zeros are read as octal by some programs"),
        ("10.0.0.0/", "not a network: the part after / must be a number from 0 to 32"),
        ("10.0.0.0/+8", "not a network: the part after / must be a number from 0 to 32"),
        ("2001:db8::/129", "not a network: the part after / must be a number from 0 to 128"),
        ("::ffff:10.0.0.0/90", "a network of both IPv4 and IPv6 addresses: write them separately"),
        ("example.com", "not an IP address or network"),
        ("10.0.0.1/8/9", "not a network: the part after / must be a number from 0 to 32"),
        ("!!10.0.0.1", "not an IP address or network"),
        ("7", "not an IP address or network"),
    ] {
        let fault = parse_ip_list(text).expect_err(text);
        assert_eq!(fault.bad[0].reason, reason, "{text}");
    }
}

#[test]
fn long_errors_are_cut() {
    let text = (0..100).map(|number| format!("x{number} 10.0.0.{number}")).collect::<Vec<_>>().join(" ");
    let fault = parse_ip_list(&text).expect_err("hundred are bad");
    assert_eq!((fault.bad.len(), fault.good.len()), (100, 100));
    assert!(
        fault.to_string().contains("; and 95 more; understood: 10.0.0.0, 10.0.0.1, 10.0.0.2, 10.0.0.3 and 96 more")
    );
}

/// A fixed sequence that looks random.
struct Noise(u64);

impl Noise {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// Few different bits, so that addresses and networks meet often.
    fn address(&mut self) -> IpAddr {
        let bits = (0..4).fold(0_u128, |bits, _| bits | 1 << self.below(128)) ^ (u128::from(self.below(2)) << 127);
        if self.below(2) == 0 {
            IpAddr::from(bits.to_be_bytes())
        } else {
            IpAddr::from(((bits >> 96) as u32).to_be_bytes())
        }
    }
}

#[test]
fn membership_is_that_of_each_network() {
    let mut noise = Noise(1);
    for _ in 0..2000 {
        let networks: Vec<(IpAddr, u8, bool)> = (0..1 + noise.below(6))
            .map(|_| {
                let address = noise.address();
                let bits = u8::try_from(noise.below(u64::from(address::bit_count(address)) + 1)).expect("up to 128");
                (address, bits, noise.below(3) == 0)
            })
            .collect();
        let text =
            networks.iter().map(|(network, bits, out)| format!("{}{network}/{bits}", if *out { "!" } else { "" }));
        let list = list(&text.collect::<Vec<_>>().join(","));
        let address = noise.address();
        let lies_in = |(network, bits, _): &&(IpAddr, u8, bool)| {
            network.is_ipv4() == address.is_ipv4()
                && address::truncated(*network, *bits) == address::truncated(address, *bits)
        };
        let (excluded, included): (Vec<_>, Vec<_>) = networks.iter().partition(|(_, _, out)| *out);
        let is_included = included.is_empty() || included.iter().any(lies_in);
        assert_eq!(list.contains(address), is_included && !excluded.iter().any(lies_in), "{address} in {list:?}");
        let number = u128::from_be_bytes(flow_source::address::ip_to_bytes(address));
        let lies_in_range = list.ranges().iter().any(|(first, last)| (*first..=*last).contains(&number));
        assert_eq!(lies_in_range, list.contains(address), "{address} in the ranges of {list:?}");
    }
}

#[test]
fn any_text_is_a_list_or_an_error_that_tells_where() {
    let mut noise = Noise(2);
    let characters: Vec<char> = "0123456789abcdef.:/!,; \n%ü\u{feff}[]".chars().collect();
    for _ in 0..5000 {
        let text: String =
            (0..noise.below(24)).map(|_| characters[noise.below(characters.len() as u64) as usize]).collect();
        let Err(fault) = parse_ip_list(&text) else { continue };
        for bad in &fault.bad {
            let found: String = text.chars().skip(bad.position - 1).take(bad.token.chars().count()).collect();
            assert_eq!(found, bad.token, "{text:?}");
        }
        assert!(!fault.to_string().is_empty());
    }
}
