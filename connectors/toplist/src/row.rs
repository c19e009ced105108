//! The formats of lists, one line at a time: which part of it is the name, and which the rank.
//!
//! Known are `rank,name` (Tranco, Umbrella), CSV with a header (Majestic, CrUX), `name` alone, and hosts files. Ranks
//! that a line does not tell are counted.

use std::borrow::Cow;
use std::net::IpAddr;

use list_file::normalized;

/// Heads of the column with the name, and of that with the rank; both in small letters.
const NAME_HEADS: &[&str] = &["domain", "name", "fqdn", "host", "hostname", "origin", "site"];
const RANK_HEADS: &[&str] = &["globalrank", "rank", "position"];

/// What a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Names,
    /// A header, a comment, an empty line.
    Nothing,
    /// Something else.
    NoName,
}

/// Where name and rank stand, as far as the lines before have told.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    is_begun: bool,
    columns: Option<Columns>,
}

#[derive(Debug, Clone, Copy)]
struct Columns {
    name: usize,
    rank: Option<usize>,
}

impl Layout {
    /// Gives the names of a line with their ranks, `next_rank` where the line has none.
    pub(crate) fn read(&mut self, line: &str, next_rank: u32, give: &mut dyn FnMut(&str, u32)) -> Found {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            return Found::Nothing;
        }
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        if is_first && let Some(columns) = header(line) {
            self.columns = Some(columns);
            return Found::Nothing;
        }
        match self.columns {
            Some(columns) => of_columns(line, columns, next_rank, give),
            None => without_header(line, next_rank, give),
        }
    }
}

fn header(line: &str) -> Option<Columns> {
    let heads: Vec<String> = fields(line).map(|head| head.to_ascii_lowercase().replace([' ', '_'], "")).collect();
    let column = |known: &[&str]| known.iter().find_map(|known| heads.iter().position(|head| head == known));
    Some(Columns { name: column(NAME_HEADS)?, rank: column(RANK_HEADS) })
}

fn of_columns(line: &str, columns: Columns, next_rank: u32, give: &mut dyn FnMut(&str, u32)) -> Found {
    let field = |index: usize| fields(line).nth(index);
    let rank = columns.rank.map_or(Some(next_rank), |index| field(index).and_then(rank));
    one(field(columns.name).unwrap_or_default(), rank, give)
}

fn without_header(line: &str, next_rank: u32, give: &mut dyn FnMut(&str, u32)) -> Found {
    let mut words = line.split_ascii_whitespace();
    if words.next().is_some_and(|word| word.parse::<IpAddr>().is_ok()) {
        return of_hosts_file(words, next_rank, give);
    }
    let mut parts = fields(line);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    match (rank(first), second.map(rank)) {
        (Some(rank), Some(None)) => one(second.unwrap_or_default(), Some(rank), give),
        (None, second) => one(first, second.flatten().or(Some(next_rank)), give),
        (Some(_), _) => Found::NoName,
    }
}

/// The names behind the address of a hosts file.
fn of_hosts_file<'a>(names: impl Iterator<Item = &'a str>, next_rank: u32, give: &mut dyn FnMut(&str, u32)) -> Found {
    let mut found = Found::NoName;
    for (name, rank) in names.zip(next_rank..) {
        if one(name, Some(rank), give) == Found::Names {
            found = Found::Names;
        }
    }
    found
}

fn one(text: &str, rank: Option<u32>, give: &mut dyn FnMut(&str, u32)) -> Found {
    match (name_of(text), rank) {
        (Some(name), Some(rank)) => {
            give(&name, rank);
            Found::Names
        }
        _ => Found::NoName,
    }
}

fn fields(line: &str) -> impl Iterator<Item = &str> {
    line.split([',', ';', '\t']).map(|field| field.trim().trim_matches('"'))
}

/// Ranks begin at 1.
fn rank(text: &str) -> Option<u32> {
    text.parse().ok().filter(|rank| *rank > 0)
}

/// The normalised name; of an origin such as `https://www.example.com` its host.
fn name_of(text: &str) -> Option<Cow<'_, str>> {
    let host = match text.split_once("://") {
        Some((_, rest)) => rest.split(['/', '?']).next().unwrap_or_default(),
        None => text,
    };
    normalized(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All names with their ranks, and how many lines hold none.
    fn read(text: &str) -> (Vec<(String, u32)>, usize) {
        let (mut layout, mut names, mut rejected) = (Layout::default(), Vec::new(), 0);
        for line in text.lines() {
            let next_rank = u32::try_from(names.len() + 1).expect("a short list");
            let found = layout.read(line, next_rank, &mut |name, rank| names.push((name.to_owned(), rank)));
            rejected += usize::from(found == Found::NoName);
        }
        (names, rejected)
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, u32)]) {
        let expected: Vec<(String, u32)> = expected.iter().map(|(name, rank)| ((*name).to_owned(), *rank)).collect();
        assert_eq!(read(text), (expected, 0), "{text:?}");
    }

    #[test]
    fn the_formats_of_published_lists() {
        check("1,google.com\r\n2,a-b.example\r\n", &[("google.com", 1), ("a-b.example", 2)]);
        check("1,com\n7,www.example.com\n", &[("com", 1), ("www.example.com", 7)]);
        check(
            "GlobalRank,TldRank,Domain,TLD,RefSubNets,RefIPs,IDN_Domain,IDN_TLD,PrevGlobalRank,PrevTldRank,PrevRefSubNets,PrevRefIPs\n\
             3,2,example.com,com,490000,2400000,example.com,com,3,2,490100,2400100\n",
            &[("example.com", 3)],
        );
        check(
            "origin,rank\nhttps://www.example.com,1000\nhttp://example.org:8080,5000\n",
            &[("www.example.com", 1000), ("example.org", 5000)],
        );
        check("https://www.example.com,1000\n", &[("www.example.com", 1000)]);
        check("Domain\nexample.com\n", &[("example.com", 1)]);
        check("\"1\",\"example.com\"\n", &[("example.com", 1)]);
    }

    #[test]
    fn plain_lists_and_hosts_files() {
        check("# a list\r\n\r\nexample.com\r\nexample.org # why\r\n", &[("example.com", 1), ("example.org", 2)]);
        check(
            "# hosts\n0.0.0.0 example.com\n::1\texample.org www.example.org\n127.0.0.1  example.net # spam",
            &[("example.com", 1), ("example.org", 2), ("www.example.org", 3), ("example.net", 4)],
        );
        check("Example.COM.\nM\u{fc}nchen.example\n", &[("example.com", 1), ("xn--mnchen-3ya.example", 2)]);
    }

    #[test]
    fn what_is_no_name_is_counted() {
        for line in ["<html><head>", "1,two words", "0,example.com", "1,2", "1,10.0.0.1", "10.0.0.1", "two words"] {
            assert_eq!(read(line), (Vec::new(), 1), "{line}");
        }
    }
}
