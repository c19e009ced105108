//! A list in memory, and the entry that a value falls under: the smallest network, the longest name.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use chrono::{DateTime, NaiveDate, Utc};
use ipnet::IpNet;
use list_file::{ListError, ListKind, NameTable, NameTableBuilder, normalized, read_lines};

use crate::networks::NetworkIndex;
use crate::row::{Found, Layout, Row, Subject, is_fingerprint};

const KIND: ListKind = ListKind { list: "blocklist", entry: "address, network, name or fingerprint" };
/// More than any published list of addresses has.
const NETWORKS_MAX: usize = 20_000_000;

/// What one list warns of.
#[derive(Debug, Clone, Default)]
pub struct Blocklist {
    networks: Vec<Network>,
    index: NetworkIndex,
    names: NameTable,
    fingerprints: NameTable,
    /// What is told beside entries; the first one is that of entries of which nothing is told.
    details: Vec<Detail>,
    date: Option<NaiveDate>,
    lines_rejected: u64,
}

#[derive(Debug, Clone)]
struct Network {
    net: IpNet,
    /// Index of its details.
    detail: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Detail {
    date: Option<NaiveDate>,
    ports: Vec<u16>,
}

/// What a list warns of in one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// An address or a network.
    Network(&'a IpNet),
    /// A name with all below it.
    Name(&'a str),
    /// A JA3 or JA4 fingerprint of TLS.
    Fingerprint(&'a str),
}

/// An entry with what is told beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The entry.
    pub entry: Entry<'a>,
    /// The date beside it, the latest one if it is listed more than once.
    pub date: Option<NaiveDate>,
    /// The ports beside it; none when the list tells none.
    pub ports: &'a [u16],
}

impl Blocklist {
    /// Reads a list: one entry a line, CSV, a hosts file; plain, gzip or zip.
    ///
    /// # Errors
    /// When the file cannot be read or is no such list.
    pub fn read(path: &Path) -> Result<Blocklist, ListError> {
        let mut builder = Builder::default();
        let mut layout = Layout::default();
        read_lines(path, |line| {
            let mut has_room = true;
            match line.map(|line| layout.read(line, &mut |row| has_room &= builder.push(row))) {
                Some(Found::Entries | Found::Nothing) => {}
                Some(Found::NoEntry) | None => builder.lines_rejected += 1,
            }
            match has_room {
                true => Ok(()),
                false => Err(ListError::TooLarge { limit: format!("{NETWORKS_MAX} entries") }),
            }
        })?;
        let written = std::fs::metadata(path).and_then(|metadata| metadata.modified());
        let date = layout.date.or_else(|| written.ok().map(|time| DateTime::<Utc>::from(time).date_naive()));
        let list = builder.finish(date);
        KIND.check(list.len(), list.lines_rejected)?;
        Ok(list)
    }

    /// The smallest network of the list that holds an address.
    pub fn find_address(&self, address: IpAddr) -> Option<Listed<'_>> {
        let network = &self.networks[self.index.find(address)? as usize];
        Some(self.listed(Entry::Network(&network.net), network.detail))
    }

    /// The longest name of the list that is a normalised name or one above it.
    pub fn find_name<'a>(&'a self, name: &'a str) -> Option<Listed<'a>> {
        if self.names.is_empty() {
            return None;
        }
        let mut rest = name;
        loop {
            if let Some(detail) = self.names.get(rest) {
                return Some(self.listed(Entry::Name(rest), detail));
            }
            rest = rest.split_once('.')?.1;
        }
    }

    /// The entry of a fingerprint in small letters.
    pub fn find_fingerprint<'a>(&'a self, fingerprint: &'a str) -> Option<Listed<'a>> {
        let detail = self.fingerprints.get(fingerprint)?;
        Some(self.listed(Entry::Fingerprint(fingerprint), detail))
    }

    /// All entries: networks in order, then names and fingerprints in none.
    pub fn entries(&self) -> impl Iterator<Item = Listed<'_>> {
        let networks = self.networks.iter().map(|network| (Entry::Network(&network.net), network.detail));
        let names = self.names.iter().map(|(name, detail)| (Entry::Name(name), detail));
        let fingerprints = self.fingerprints.iter().map(|(print, detail)| (Entry::Fingerprint(print), detail));
        networks.chain(names).chain(fingerprints).map(|(entry, detail)| self.listed(entry, detail))
    }

    /// When it was made, as it says itself; else when its file was written.
    pub fn date(&self) -> Option<NaiveDate> {
        self.date
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.networks.len() + self.names.len() + self.fingerprints.len()
    }

    /// Whether it warns of nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of its entries are addresses and networks, names, and fingerprints.
    pub fn counts(&self) -> [usize; 3] {
        [self.networks.len(), self.names.len(), self.fingerprints.len()]
    }

    /// Lines of the file that hold no entry.
    pub fn lines_rejected(&self) -> u64 {
        self.lines_rejected
    }

    fn listed<'a>(&'a self, entry: Entry<'a>, detail: u32) -> Listed<'a> {
        let Detail { date, ports } = &self.details[detail as usize];
        Listed { entry, date: *date, ports }
    }
}

impl Entry<'_> {
    /// How exactly it names a value: more is closer. Comparable for entries that one value falls under.
    pub fn closeness(&self) -> usize {
        match self {
            Entry::Network(net) => usize::from(net.prefix_len()),
            Entry::Name(text) | Entry::Fingerprint(text) => text.len(),
        }
    }

    /// What it is, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Entry::Network(net) if net.prefix_len() == net.max_prefix_len() => "address",
            Entry::Network(_) => "network",
            Entry::Name(_) => "name",
            Entry::Fingerprint(_) => "fingerprint",
        }
    }
}

/// A single address without the length of its prefix.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Network(net) if net.prefix_len() == net.max_prefix_len() => write!(f, "{}", net.addr()),
            Entry::Network(net) => write!(f, "{net}"),
            Entry::Name(text) | Entry::Fingerprint(text) => f.write_str(text),
        }
    }
}

/// What a value is to lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought<'t> {
    /// An address.
    Address(IpAddr),
    /// A normalised name.
    Name(Cow<'t, str>),
    /// A JA3 or JA4 fingerprint in small letters.
    Fingerprint(String),
}

impl<'t> Sought<'t> {
    /// What a text may be listed as; `None` for one that no list has.
    pub fn of(text: &'t str) -> Option<Sought<'t>> {
        let text = text.trim();
        if let Some(address) = flow_source::address::parse_ip(text) {
            return Some(Sought::Address(address));
        }
        if is_fingerprint(text) {
            return Some(Sought::Fingerprint(text.to_ascii_lowercase()));
        }
        normalized(text).map(Sought::Name)
    }

    /// The entry of a list that it falls under.
    pub fn on<'a>(&'a self, list: &'a Blocklist) -> Option<Listed<'a>> {
        match self {
            Sought::Address(address) => list.find_address(*address),
            Sought::Name(name) => list.find_name(name),
            Sought::Fingerprint(fingerprint) => list.find_fingerprint(fingerprint),
        }
    }
}

/// A list that is being read.
struct Builder {
    networks: Vec<Network>,
    names: NameTableBuilder,
    fingerprints: NameTableBuilder,
    details: Vec<Detail>,
    lines_rejected: u64,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            networks: Vec::new(),
            names: NameTableBuilder::default(),
            fingerprints: NameTableBuilder::default(),
            details: vec![Detail::default()],
            lines_rejected: 0,
        }
    }
}

impl Builder {
    /// `false` when the list has no room for it.
    fn push(&mut self, row: Row) -> bool {
        let detail = Detail { date: row.date, ports: row.port.into_iter().collect() };
        let detail = if detail == Detail::default() { 0 } else { self.keep(detail) };
        match row.subject {
            Subject::Network(net) => {
                self.networks.push(Network { net, detail });
                self.networks.len() <= NETWORKS_MAX
            }
            Subject::Name(name) => self.names.push(&name, detail),
            Subject::Fingerprint(fingerprint) => self.fingerprints.push(&fingerprint, detail),
        }
    }

    /// The index of details; those of the entry before are often the same.
    fn keep(&mut self, detail: Detail) -> u32 {
        if self.details.last() != Some(&detail) {
            self.details.push(detail);
        }
        u32::try_from(self.details.len() - 1).unwrap_or_default()
    }

    fn finish(mut self, date: Option<NaiveDate>) -> Blocklist {
        self.networks.sort_by_key(|network| network.net);
        let mut networks: Vec<Network> = Vec::with_capacity(self.networks.len());
        for network in std::mem::take(&mut self.networks) {
            match networks.last_mut() {
                Some(known) if known.net == network.net => known.detail = self.merged(known.detail, network.detail),
                _ => networks.push(network),
            }
        }
        networks.shrink_to_fit();
        let (names, fingerprints) = (std::mem::take(&mut self.names), std::mem::take(&mut self.fingerprints));
        let names = names.finish_with(|one, other| self.merged(one, other));
        let fingerprints = fingerprints.finish_with(|one, other| self.merged(one, other));
        Blocklist {
            index: NetworkIndex::of(networks.iter().map(|network| &network.net)),
            networks,
            names,
            fingerprints,
            details: self.details,
            date,
            lines_rejected: self.lines_rejected,
        }
    }

    /// The details of an entry that is listed twice: all its ports, and the latest date.
    fn merged(&mut self, one: u32, other: u32) -> u32 {
        if one == other {
            return one;
        }
        let (one, other) = (&self.details[one as usize], &self.details[other as usize]);
        let mut ports = [one.ports.as_slice(), &other.ports].concat();
        ports.sort_unstable();
        ports.dedup();
        // An entry without a port means all of them.
        if one.ports.is_empty() || other.ports.is_empty() {
            ports.clear();
        }
        let detail = Detail { date: one.date.max(other.date), ports };
        self.keep(detail)
    }
}
