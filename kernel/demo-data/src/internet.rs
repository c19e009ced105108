//! The invented internet: sites with names, addresses and a Zipf popularity.
//!
//! Every name is under a domain reserved for examples and tests, every address from a range reserved for
//! documentation or for shared address space, so that nothing here can be mistaken for a real party.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::dice::Dice;

/// Sites that clients visit.
const SITES: usize = 600;
/// Popular sites live in the small documentation ranges, the rest in 100.64.0.0/10.
const POPULAR_SITES: usize = 220;
const ZIPF_EXPONENT: f64 = 1.05;
const SITE_ADDRESSES_MAX: u64 = 3;
const IPV6_SHARE: f64 = 0.35;
/// Autonomous system numbers reserved for documentation begin here (RFC 5398).
const DOCUMENTATION_AS_FIRST: u32 = 64_496;
const DOCUMENTATION_AS_COUNT: u32 = 16;

/// Where the implant calls home.
pub(crate) const BEACON_DESTINATION: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);
pub(crate) const BEACON_DOMAIN: &str = "cdn-telemetry.update-check.test";
/// The status page that monitoring asks every five minutes.
pub(crate) const STATUS_PAGE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 20);
pub(crate) const STATUS_PAGE_DOMAIN: &str = "status.example.net";
pub(crate) const TIME_SOURCES: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 123), Ipv4Addr::new(198, 51, 100, 123)];
const RESERVED: [Ipv4Addr; 4] = [BEACON_DESTINATION, STATUS_PAGE, TIME_SOURCES[0], TIME_SOURCES[1]];

const WORDS: [&str; 40] = [
    "search", "mail", "video", "social", "news", "maps", "cloud", "drive", "docs", "chat", "shop", "bank", "music",
    "games", "photo", "learn", "wiki", "forum", "code", "pkg", "cdn", "ads", "metrics", "fonts", "static", "api",
    "auth", "login", "push", "sync", "update", "store", "travel", "health", "library", "journal", "weather", "sport",
    "radio", "stream",
];
const HOSTS: [&str; 5] = ["www", "api", "static", "img", "edge"];
const ZONES: [&str; 5] = ["example.com", "example.org", "example.net", "test", "example"];

/// Invariant: `addresses` is not empty.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) name: String,
    pub(crate) addresses: Vec<Ipv4Addr>,
    pub(crate) ipv6: Option<Ipv6Addr>,
    pub(crate) ttl_s: u32,
}

#[derive(Debug)]
pub(crate) struct Internet {
    sites: Vec<Site>,
    /// Summed popularity, one for each site.
    popularity: Vec<f64>,
}

impl Internet {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let mut names: Vec<String> = Vec::new();
        for word in WORDS {
            for host in HOSTS {
                names.extend(ZONES.iter().map(|zone| format!("{host}.{word}.{zone}")));
            }
        }
        dice.shuffle(&mut names);
        names.truncate(SITES);

        let sites: Vec<Site> = names.into_iter().enumerate().map(|(rank, name)| site(dice, rank, name)).collect();
        let mut sum = 0.0;
        let popularity = (1..=sites.len())
            .map(|rank| {
                sum += (rank as f64).powf(-ZIPF_EXPONENT);
                sum
            })
            .collect();
        Self { sites, popularity }
    }

    pub(crate) fn visit(&self, dice: &mut Dice) -> &Site {
        &self.sites[dice.weighted(&self.popularity)]
    }

    /// The names of all sites, the most visited first.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.sites.iter().map(|site| site.name.as_str())
    }

    /// A site without regard to popularity: mail peers, visitors, noise.
    pub(crate) fn any(&self, dice: &mut Dice) -> &Site {
        dice.pick(&self.sites)
    }
}

/// The part of an invented name that somebody registered: all zones are such that it is the last two labels.
pub(crate) fn registered_domain(name: &str) -> &str {
    let dots: Vec<usize> = name.rmatch_indices('.').map(|(index, _)| index).collect();
    dots.get(1).map_or(name, |dot| &name[dot + 1..])
}

/// The invented autonomous system of an external address; internal addresses have none.
pub(crate) fn autonomous_system(address: IpAddr) -> Option<u32> {
    if crate::campus::is_internal(address) {
        return None;
    }
    let spread = match address {
        // The third octet of 203.0.113.0/24 and the like is constant, so the fourth decides in halves.
        IpAddr::V4(address) => {
            let [first, second, third, fourth] = address.octets();
            u32::from(first) + u32::from(second) + u32::from(third) + u32::from(fourth / 128)
        }
        IpAddr::V6(address) => u32::from(address.segments()[3]),
    };
    Some(DOCUMENTATION_AS_FIRST + spread % DOCUMENTATION_AS_COUNT)
}

fn site(dice: &mut Dice, rank: usize, name: String) -> Site {
    let count = 1 + dice.below(SITE_ADDRESSES_MAX);
    let addresses = (0..count).map(|_| address(dice, rank)).collect();
    let ipv6 = dice
        .chance(IPV6_SHARE)
        .then(|| Ipv6Addr::new(0x2001, 0xdb8, 0xf000, (rank % 64) as u16, 0, 0, 0, 1 + rank as u16));
    let ttl_s = *dice.pick(&[30, 60, 120, 300, 600, 3_600]);
    Site { name, addresses, ipv6, ttl_s }
}

fn address(dice: &mut Dice, rank: usize) -> Ipv4Addr {
    loop {
        let candidate = if rank < POPULAR_SITES {
            let [first, second, third] = *dice.pick(&[[192, 0, 2], [198, 51, 100], [203, 0, 113]]);
            Ipv4Addr::new(first, second, third, dice.between(1, 254) as u8)
        } else {
            Ipv4Addr::new(100, dice.between(64, 127) as u8, dice.below(256) as u8, dice.between(1, 254) as u8)
        };
        if !RESERVED.contains(&candidate) {
            return candidate;
        }
    }
}
