//! The formats of lists, one line at a time: what it warns of, and the port and the date beside it.
//!
//! Known are one address, network, name or fingerprint a line, CSV with these in any column, with or without a header,
//! addresses with a port, hosts files, and remarks behind `#` or `;`. A number in CSV is a port when a header says so
//! (`ip,port,date` and wider ones): without one it may as well be a count or a score.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use chrono::NaiveDate;
use flow_source::address::parse_ip;
use ipnet::IpNet;
use list_file::normalized;

use crate::comment::{comment, date, date_of_list};

/// Words of headers: no entry, and no reason to think that the file is no list.
const HEADS: &[&str] =
    &["ip", "address", "port", "domain", "host", "ioc", "indicator", "network", "cidr", "ja3", "ja4"];
/// Words of the head of a column that are written as one.
const PORT_HEADS: &[&str] = &["port", "dstport", "destport", "destinationport", "serverport", "c2port"];
/// Words of the head of a column; more are a sentence.
const HEAD_WORDS_MAX: usize = 2;
/// Digits of an MD5 sum, which is what a JA3 fingerprint is.
const JA3_DIGITS: usize = 32;
/// The parts of a JA4 fingerprint, between underscores.
const JA4_PARTS: [usize; 3] = [10, 12, 12];

/// What a list warns of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    Network(IpNet),
    /// Normalised, with all names below it.
    Name(Cow<'a, str>),
    /// JA3 or JA4, in small letters.
    Fingerprint(String),
}

/// One entry of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub(crate) subject: Subject<'a>,
    pub(crate) port: Option<u16>,
    pub(crate) date: Option<NaiveDate>,
}

/// What a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Entries,
    /// A header, a comment, an empty line.
    Nothing,
    /// Something else.
    NoEntry,
}

/// What the lines before have told.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    is_begun: bool,
    /// Which field holds the port, as a header says.
    port_column: Option<usize>,
    /// When the list says it was made.
    pub(crate) date: Option<NaiveDate>,
}

impl Layout {
    /// Gives the entries of a line.
    pub(crate) fn read(&mut self, line: &str, give: &mut dyn FnMut(Row)) -> Found {
        let line = line.trim();
        if let Some(comment) = comment(line) {
            // Behind the first entry comments are about entries.
            if !self.is_begun {
                self.date = self.date.or_else(|| date_of_list(comment));
                self.port_column = port_column(comment).or(self.port_column);
            }
            return Found::Nothing;
        }
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            return Found::Nothing;
        }
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        let found = entries(line, self.port_column, give);
        if !(is_first && found == Found::NoEntry) {
            return found;
        }
        let column = port_column(line);
        self.port_column = column.or(self.port_column);
        if column.is_some() || is_header(line) { Found::Nothing } else { found }
    }
}

/// Which field of the lines below a header is the port. `None` for prose and for other headers.
fn port_column(header: &str) -> Option<usize> {
    let fields = fields(header);
    let is_head = |field: &&str| field.split_ascii_whitespace().count() <= HEAD_WORDS_MAX;
    if fields.len() < 2 || !fields.iter().all(is_head) {
        return None;
    }
    fields.iter().position(|field| {
        let last = field.rsplit(|sign: char| !sign.is_ascii_alphanumeric()).next().unwrap_or_default();
        PORT_HEADS.contains(&last.to_ascii_lowercase().as_str())
    })
}

fn is_header(line: &str) -> bool {
    fields(line).iter().any(|field| {
        let words = field.split(|sign: char| !sign.is_ascii_alphanumeric());
        words.into_iter().any(|word| HEADS.contains(&word.to_ascii_lowercase().as_str()))
    })
}

fn entries(line: &str, port_column: Option<usize>, give: &mut dyn FnMut(Row)) -> Found {
    let mut words = line.split_ascii_whitespace();
    let first = words.next().and_then(parse_ip);
    if first.is_some_and(is_sinkhole) && words.next().is_some() {
        return of_hosts_file(line, give);
    }
    let fields = fields(line);
    if let [only] = fields.as_slice()
        && only.contains(char::is_whitespace)
    {
        return with_remark(only, give);
    }
    let Some((subject, port)) = fields.iter().find_map(|field| subject(field)) else { return Found::NoEntry };
    let told = || fields.get(port_column?)?.parse().ok().filter(|port| *port > 0);
    let date = fields.iter().find_map(|field| date(field));
    give(Row { subject, port: port.or_else(told), date });
    Found::Entries
}

/// An address or a network with words behind it. Prose may begin with a name, but not with these.
fn with_remark(line: &str, give: &mut dyn FnMut(Row)) -> Found {
    match line.split_ascii_whitespace().next().and_then(subject) {
        Some((subject @ Subject::Network(_), port)) => {
            give(Row { subject, port, date: None });
            Found::Entries
        }
        _ => Found::NoEntry,
    }
}

/// The names behind the address of a hosts file, but for `localhost` and the like, which they begin with.
fn of_hosts_file(line: &str, give: &mut dyn FnMut(Row)) -> Found {
    let mut found = Found::Nothing;
    for name in line.split_ascii_whitespace().skip(1).filter_map(name) {
        give(Row { subject: Subject::Name(name), port: None, date: None });
        found = Found::Entries;
    }
    found
}

/// What hosts files send their names to.
fn is_sinkhole(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_loopback() || address.is_multicast() || is_link_local(address)
}

/// `fe80::1%lo0 localhost` and the like.
fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

fn subject(field: &str) -> Option<(Subject<'_>, Option<u16>)> {
    if let Some(network) = network(field) {
        return Some((Subject::Network(network), None));
    }
    if let Ok(socket) = field.parse::<SocketAddr>() {
        let port = Some(socket.port()).filter(|port| *port > 0);
        return Some((Subject::Network(IpNet::from(socket.ip().to_canonical())), port));
    }
    if is_fingerprint(field) {
        return Some((Subject::Fingerprint(field.to_ascii_lowercase()), None));
    }
    name(field).map(|name| (Subject::Name(name), None))
}

/// An address or a network; host bits are ignored. A list that warns of every address is none.
fn network(field: &str) -> Option<IpNet> {
    let network = match field.split_once('/') {
        Some((address, length)) => IpNet::new(parse_ip(address)?, length.parse().ok()?).ok()?.trunc(),
        None => IpNet::from(parse_ip(field)?),
    };
    (network.prefix_len() > 0).then_some(network)
}

/// Names without a dot are top-level domains, heads of columns or words: no list warns of these.
fn name(field: &str) -> Option<Cow<'_, str>> {
    let name = field.strip_prefix("*.").or_else(|| field.strip_prefix('.')).unwrap_or(field);
    // A list of addresses of the web warns of pages, not of all that a host has.
    let is_name = name.contains('.') && !name.contains([':', '/', '*']);
    normalized(name).filter(|name| is_name && name.contains('.'))
}

/// Whether a text has the shape of a JA3 or JA4 fingerprint.
pub(crate) fn is_fingerprint(text: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.len() == JA3_DIGITS {
        return is_hex(text);
    }
    let parts: Vec<&str> = text.split('_').collect();
    let [head, ciphers, extensions] = parts.as_slice() else { return false };
    [head.len(), ciphers.len(), extensions.len()] == JA4_PARTS
        && head.starts_with(['t', 'q', 'd', 'T', 'Q', 'D'])
        && head.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && is_hex(ciphers)
        && is_hex(extensions)
}

/// Separated by commas, semicolons or tabs, which may stand inside quotes.
fn fields(line: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let separated = line.split(|sign: char| {
        is_quoted ^= sign == '"';
        !is_quoted && matches!(sign, ',' | ';' | '\t')
    });
    separated.map(|field| field.trim().trim_matches('"').trim()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All entries as text, and how many lines hold none.
    fn read(text: &str) -> (Vec<String>, usize) {
        let (mut layout, mut entries, mut rejected) = (Layout::default(), Vec::new(), 0);
        for line in text.lines() {
            let found = layout.read(line, &mut |row: Row| {
                let subject = match row.subject {
                    Subject::Network(network) => network.to_string(),
                    Subject::Name(name) => name.into_owned(),
                    Subject::Fingerprint(fingerprint) => fingerprint,
                };
                let port = row.port.map(|port| format!(" port {port}")).unwrap_or_default();
                let date = row.date.map(|date| format!(" of {date}")).unwrap_or_default();
                entries.push(format!("{subject}{port}{date}"));
            });
            rejected += usize::from(found == Found::NoEntry);
        }
        (entries, rejected)
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let expected: Vec<String> = expected.iter().map(|&entry| entry.to_owned()).collect();
        assert_eq!(read(text), (expected, 0), "{text:?}");
    }

    #[test]
    fn one_entry_a_line() {
        check(
            "# Last updated: 2024-02-05\r\n203.0.113.77\r\n\r\n198.51.100.0/24 # a network\r\n2001:db8::1\r\n",
            &["203.0.113.77/32", "198.51.100.0/24", "2001:db8::1/128"],
        );
        check("198.51.100.77/24\n", &["198.51.100.0/24"]);
        check("; Expires: soon\n198.51.100.0/24 ; SBL1\n", &["198.51.100.0/24"]);
        check("evil.example\n*.worse.example\n.worst.example\n", &["evil.example", "worse.example", "worst.example"]);
        check("B\u{fc}cher.Example.\n", &["xn--bcher-kva.example"]);
        check("203.0.113.77\tscanner\n203.0.113.78 seen often\n", &["203.0.113.77/32", "203.0.113.78/32"]);
    }

    #[test]
    fn separated_values() {
        check("ip,port,date\n203.0.113.77,443,2024-02-05\n", &["203.0.113.77/32 port 443 of 2024-02-05"]);
        check(
            "first_seen_utc,dst_ip,dst_port,c2_status,last_online,malware\n\
             \"2024-02-04 10:31:00\",\"203.0.113.77\",\"8080\",\"online\",\"2024-02-05\",\"Invented, or not\"\n",
            &["203.0.113.77/32 port 8080 of 2024-02-04"],
        );
        check("203.0.113.77:443\n[2001:db8::1]:8443\n", &["203.0.113.77/32 port 443", "2001:db8::1/128 port 8443"]);
        check("2024-02-05;evil.example;spam\n", &["evil.example of 2024-02-05"]);
    }

    #[test]
    fn a_number_is_a_port_when_a_header_says_so() {
        check("203.0.113.77\t8\n203.0.113.78,57\n", &["203.0.113.77/32", "203.0.113.78/32"]);
        check("ip,score\n203.0.113.77,57\n", &["203.0.113.77/32"]);
        check("# addresses, and the number of lists, with no port\n203.0.113.77\t8\n", &["203.0.113.77/32"]);
        check(
            "ip,score,port\n203.0.113.77,57,443\n203.0.113.78,57,\n",
            &["203.0.113.77/32 port 443", "203.0.113.78/32"],
        );
        for header in [
            "# first_seen_utc,dst_ip,dst_port,c2_status",
            "# Firstseen,DstIP,DstPort,Status\n# end",
            "# \"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\"",
            "Firstseen,DstIP,DstPort,Status",
            "first seen;dst ip;dst port;status",
        ] {
            let line = "2024-02-04 10:31:00,203.0.113.77,8080,online\n";
            check(&format!("{header}\n{line}"), &["203.0.113.77/32 port 8080 of 2024-02-04"]);
        }
    }

    #[test]
    fn hosts_files() {
        check(
            "127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nfe80::1%lo0 localhost\n\
             0.0.0.0 0.0.0.0\n0.0.0.0 evil.example\n127.0.0.1\tworse.example www.worse.example # why\n",
            &["evil.example", "worse.example", "www.worse.example"],
        );
    }

    #[test]
    fn fingerprints() {
        check(
            "ja3_md5,Firstseen,Lastseen,Listingreason\nE7D705A3286E19EA42F587B344EE6865,2024-02-04,2024-02-05,Invented\n",
            &["e7d705a3286e19ea42f587b344ee6865 of 2024-02-04"],
        );
        check("t13d1516h2_8daaf6152771_b186095e22b6\n", &["t13d1516h2_8daaf6152771_b186095e22b6"]);
    }

    #[test]
    fn what_is_no_entry_is_counted() {
        for line in [
            "<html><head>",
            "com",
            "two words",
            "evil.example is bad",
            "http://evil.example/page",
            "0.0.0.0/0",
            "::/0",
            "a.*.example",
            "1,2",
        ] {
            assert_eq!(read(line), (Vec::new(), 1), "{line}");
        }
    }
}
