//! Addresses and networks for one question: the smallest one that holds an address.
//!
//! Networks are nested or apart, so they are laid out as segments that do not overlap, each with the smallest network
//! around it. An address is then found by one binary search; for IPv4 a table of its upper half narrows it first.

use std::net::IpAddr;

use ipnet::IpNet;

/// Values of the upper 16 bits of an IPv4 address.
const BUCKETS: usize = 1 << 16;

/// Invariant: segments are sorted and do not overlap.
#[derive(Debug, Clone, Default)]
pub(crate) struct NetworkIndex {
    v4: Vec<Segment<u32>>,
    /// For each value of the upper half: the first segment that begins there or later. Empty without segments.
    v4_buckets: Vec<u32>,
    v6: Vec<Segment<u128>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment<T> {
    first: T,
    last: T,
    network: u32,
}

impl Segment<u128> {
    /// Of IPv4 addresses, whose numbers have 32 bits.
    fn narrowed(self) -> Segment<u32> {
        Segment { first: self.first as u32, last: self.last as u32, network: self.network }
    }
}

impl NetworkIndex {
    /// Of networks, each told once, which are numbered as they come.
    pub(crate) fn of<'a>(networks: impl Iterator<Item = &'a IpNet>) -> NetworkIndex {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (network, number) in networks.zip(0..) {
            match network {
                IpNet::V4(net) => v4.push((net.network().to_bits().into(), net.broadcast().to_bits().into(), number)),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits(), number)),
            }
        }
        let v4: Vec<Segment<u32>> = segments(v4).into_iter().map(Segment::narrowed).collect();
        NetworkIndex { v4_buckets: buckets(&v4), v4, v6: segments(v6) }
    }

    /// The number of the smallest network that holds an address.
    pub(crate) fn find(&self, address: IpAddr) -> Option<u32> {
        match address.to_canonical() {
            IpAddr::V4(address) => self.find_v4(address.to_bits()),
            IpAddr::V6(address) => find_in(&self.v6, address.to_bits()),
        }
    }

    fn find_v4(&self, address: u32) -> Option<u32> {
        let bucket = (address >> 16) as usize;
        let begin = *self.v4_buckets.get(bucket)? as usize;
        let end = self.v4_buckets.get(bucket + 1).map_or(self.v4.len(), |end| *end as usize);
        // The one before may reach into this bucket.
        find_in(&self.v4[begin.saturating_sub(1)..end], address)
    }
}

fn buckets(segments: &[Segment<u32>]) -> Vec<u32> {
    if segments.is_empty() {
        return Vec::new();
    }
    let mut buckets = Vec::with_capacity(BUCKETS);
    let mut at = 0;
    for bucket in 0..BUCKETS as u32 {
        while segments.get(at).is_some_and(|segment| segment.first < bucket << 16) {
            at += 1;
        }
        buckets.push(u32::try_from(at).unwrap_or(u32::MAX));
    }
    buckets
}

fn find_in<T: Ord + Copy>(segments: &[Segment<T>], address: T) -> Option<u32> {
    let after = segments.partition_point(|segment| segment.first <= address);
    let segment = segments.get(after.checked_sub(1)?)?;
    (address <= segment.last).then_some(segment.network)
}

/// Lays out networks `(first, last, number)`, which are nested or apart.
fn segments(mut networks: Vec<(u128, u128, u32)>) -> Vec<Segment<u128>> {
    // Of those that begin together the greatest comes first.
    networks.sort_unstable_by_key(|&(first, last, _)| (first, std::cmp::Reverse(last)));
    let mut layout = Layout { segments: Vec::with_capacity(networks.len()), open: Vec::new(), from: None };
    for (first, last, network) in networks {
        while layout.open.last().is_some_and(|(last, _)| *last < first) {
            layout.close();
        }
        layout.open(first, last, network);
    }
    while !layout.open.is_empty() {
        layout.close();
    }
    layout.segments
}

/// A walk over all networks in order.
struct Layout {
    segments: Vec<Segment<u128>>,
    /// The networks around the present place, the smallest last: their ends and numbers.
    open: Vec<(u128, u32)>,
    /// Where the next segment begins; `None` behind the highest address.
    from: Option<u128>,
}

impl Layout {
    /// The rest of the smallest network around here.
    fn close(&mut self) {
        let Some((last, network)) = self.open.pop() else { return };
        if let Some(first) = self.from.filter(|first| *first <= last) {
            self.segments.push(Segment { first, last, network });
            self.from = last.checked_add(1);
        }
    }

    /// Another network, and what lies before it in the one around it.
    fn open(&mut self, first: u128, last: u128, network: u32) {
        if let (Some(&(_, around)), Some(from)) = (self.open.last(), self.from.filter(|from| *from < first)) {
            self.segments.push(Segment { first: from, last: first - 1, network: around });
        }
        self.from = Some(first);
        self.open.push((last, network));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().expect("a network")).collect()
    }

    #[test]
    fn the_smallest_network_is_found() {
        let all = networks(&[
            "10.0.0.0/8",
            "10.1.0.0/16",
            "10.1.2.0/24",
            "10.1.2.3/32",
            "10.1.2.255/32",
            "10.255.255.255/32",
            "0.0.0.0/32",
            "255.255.255.255/32",
            "192.0.2.0/31",
            "192.0.2.0/32",
            "2001:db8::/32",
            "2001:db8::1/128",
            "ffff::/16",
        ]);
        let index = NetworkIndex::of(all.iter());
        for (address, expected) in [
            ("10.0.0.0", Some("10.0.0.0/8")),
            ("10.0.255.255", Some("10.0.0.0/8")),
            ("10.1.0.0", Some("10.1.0.0/16")),
            ("10.1.1.255", Some("10.1.0.0/16")),
            ("10.1.2.0", Some("10.1.2.0/24")),
            ("10.1.2.3", Some("10.1.2.3/32")),
            ("10.1.2.4", Some("10.1.2.0/24")),
            ("10.1.2.255", Some("10.1.2.255/32")),
            ("10.1.3.0", Some("10.1.0.0/16")),
            ("10.2.0.0", Some("10.0.0.0/8")),
            ("10.255.255.255", Some("10.255.255.255/32")),
            ("11.0.0.0", None),
            ("9.255.255.255", None),
            ("0.0.0.0", Some("0.0.0.0/32")),
            ("0.0.0.1", None),
            ("255.255.255.255", Some("255.255.255.255/32")),
            ("192.0.2.0", Some("192.0.2.0/32")),
            ("192.0.2.1", Some("192.0.2.0/31")),
            ("::ffff:10.1.2.3", Some("10.1.2.3/32")),
            ("2001:db8::1", Some("2001:db8::1/128")),
            ("2001:db8::2", Some("2001:db8::/32")),
            ("2001:db9::", None),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("ffff::/16")),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            let found = index.find(address).map(|number| all[number as usize]);
            assert_eq!(found, expected.map(|text| text.parse().expect("a network")), "{address}");
        }
        assert_eq!(NetworkIndex::default().find(IpAddr::from([10, 0, 0, 1])), None);
    }

    #[test]
    fn agrees_with_looking_at_each_network() {
        // Numbers that look random: a multiplication modulo 2^32.
        let mut state = 12_345_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state
        };
        let mut all: Vec<IpNet> = Vec::new();
        for _ in 0..400 {
            // Few upper halves, so that networks nest.
            let address = std::net::Ipv4Addr::from_bits((next() >> 30) << 24 | next() >> 8);
            let length = 10 + (next() >> 16) % 23;
            let network = IpNet::new(address.into(), length as u8).expect("a length").trunc();
            if !all.contains(&network) {
                all.push(network);
            }
        }
        let index = NetworkIndex::of(all.iter());
        for _ in 0..20_000 {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits((next() >> 30) << 24 | next() >> 8));
            let smallest = all.iter().filter(|network| network.contains(&address)).max_by_key(|net| net.prefix_len());
            assert_eq!(index.find(address).map(|number| &all[number as usize]), smallest, "{address}");
        }
    }
}
