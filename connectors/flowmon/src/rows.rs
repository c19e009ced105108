//! An answer as flows: a JSON list cut into its objects, and the values of the columns that were asked for.

use std::net::IpAddr;

use chrono::NaiveDateTime;
use flow_source::protocol::{ICMP, ICMP6, protocol_number};
use remote_source::Cell;
use serde_json::{Map, Value};

use crate::number::count;

/// The columns that each server has: the view `default`. Column of flows, and the ids that the server may give it under.
/// The first one is what it is asked by; listings that are summed up use the others.
const COLUMNS: &[(&str, &[&str])] = &[
    ("start_time", &["ts", "tstart"]),
    // Always there, so that conditions on it bound the interval of a search.
    ("end_time", &[END_ID, "tend"]),
    ("duration_s", &["td"]),
    ("protocol", &["pr", "proto"]),
    ("src_ip", &["sa", "srcip"]),
    ("src_port", &["sp", "srcport"]),
    ("dst_ip", &["da", "dstip"]),
    ("dst_port", &["dp", "dstport"]),
    ("icmp_type", &["dp", "dstport"]),
    ("icmp_code", &["dp", "dstport"]),
    ("tcp_flags", &["flg", "flags"]),
    ("tos", &["tos"]),
    ("packets", &["pkt", "packets"]),
    ("bytes", &["byt", "bytes"]),
    ("flow_count", &["fl", "flows"]),
];

/// Columns that a server may have, by the ids that it lists.
const MORE_COLUMNS: &[(&str, &[&str])] = &[
    ("in_if", &["in"]),
    ("out_if", &["out"]),
    ("src_as", &["sas"]),
    ("dst_as", &["das"]),
    ("src_mask", &["smk"]),
    ("dst_mask", &["dmk"]),
    ("exporter_ip", &["ra"]),
];

/// The end of a flow, which the views of the guide do not have.
pub(crate) const END_ID: &str = "te";
/// What it is made of where there is none.
const START_AND_DURATION: [&str; 2] = ["ts", "td"];
const TIME_FORMAT: &str = "%Y-%m-%d %H:%M:%S%.f";
const NANOS_PER_SECOND: f64 = 1e9;

/// Tells whether ports are ports.
const PROTOCOL: &[&str] = &["pr", "proto"];
/// What stands for no address of an exporter.
const NO_COUNT: &str = "-";

/// Columns of flows that a server has which lists these ids.
pub(crate) fn columns_of<'a>(listed: impl Fn(&str) -> bool + 'a) -> impl Iterator<Item = &'static str> + 'a {
    let more = MORE_COLUMNS.iter().filter(move |(_, ids)| listed(ids[0]));
    COLUMNS.iter().chain(more).map(|(column, _)| *column)
}

/// How the values of some columns of flows are taken from an object.
#[derive(Debug)]
pub(crate) struct Columns {
    columns: Vec<(&'static str, &'static [&'static str])>,
    /// Whether the server gives ends of flows.
    has_ends: bool,
}

impl Columns {
    pub(crate) fn of(wanted: &[String], has_ends: bool) -> Columns {
        let known = |name: &String| COLUMNS.iter().chain(MORE_COLUMNS).find(|(column, _)| column == name).copied();
        Columns { columns: wanted.iter().map(|name| known(name).unwrap_or(("", &[]))).collect(), has_ends }
    }

    /// The ids to ask for, none twice. Without ports nobody asks for the protocol that they depend on.
    pub(crate) fn ids(&self) -> Vec<&'static str> {
        let asked = self.columns.iter().filter_map(|(_, ids)| ids.first().copied());
        let asked = asked.flat_map(|id| match id {
            END_ID if !self.has_ends => START_AND_DURATION.to_vec(),
            id => vec![id],
        });
        let has_ports = self.columns.iter().any(|(column, _)| is_port(column));
        let mut ids = Vec::new();
        for id in asked.chain(has_ports.then_some(PROTOCOL[0])) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        // Only the number of rows matters: the shortest column.
        if ids.is_empty() {
            ids.push(PROTOCOL[0]);
        }
        ids
    }

    /// The cells of one flow.
    pub(crate) fn cells<'a>(&self, flow: &'a Map<String, Value>) -> Vec<Cell<'a>> {
        let is_icmp =
            text(flow, PROTOCOL).and_then(protocol_number).is_some_and(|number| matches!(number, ICMP | ICMP6));
        let cells = self.columns.iter().map(|(column, ids)| match value(flow, ids) {
            None if *column == "end_time" => end_of(flow).map_or(Cell::Null, Cell::LocalTime),
            value => cell(column, value, is_icmp),
        });
        cells.collect()
    }
}

fn is_port(column: &str) -> bool {
    matches!(column, "src_port" | "dst_port" | "icmp_type" | "icmp_code")
}

fn value<'a>(flow: &'a Map<String, Value>, ids: &[&str]) -> Option<&'a Value> {
    ids.iter().find_map(|id| flow.get(*id))
}

fn text<'a>(flow: &'a Map<String, Value>, ids: &[&str]) -> Option<&'a str> {
    value(flow, ids)?.as_str()
}

fn cell<'a>(column: &str, value: Option<&'a Value>, is_icmp: bool) -> Cell<'a> {
    let Some(value) = value else { return Cell::Null };
    let text = value.as_str().map(str::trim);
    if text.is_some_and(|text| text.is_empty() || text == NO_COUNT) {
        return Cell::Null;
    }
    match column {
        "icmp_type" | "icmp_code" => match text.filter(|_| is_icmp).and_then(icmp) {
            Some([kind, _]) if column == "icmp_type" => Cell::Integer(kind.into()),
            Some([_, code]) => Cell::Integer(code.into()),
            None => Cell::Null,
        },
        "src_port" | "dst_port" if is_icmp => Cell::Null,
        "packets" | "bytes" | "flow_count" => match text.and_then(count) {
            Some(count) if count.is_rounded => Cell::Rounded(count.number),
            Some(count) => Cell::Integer(count.number.into()),
            None => remote_source::json::cell_of(value),
        },
        // 0 is how exporters say that they do not know.
        "src_as" | "dst_as" if text == Some("0") => Cell::Null,
        "exporter_ip" if text.and_then(|text| text.parse().ok()).is_some_and(|ip: IpAddr| ip.is_unspecified()) => {
            Cell::Null
        }
        "protocol" => match text.and_then(protocol_number) {
            Some(number) => Cell::Integer(number.into()),
            None => remote_source::json::cell_of(value),
        },
        "start_time" | "end_time" | "duration_s" => {
            text.map_or_else(|| remote_source::json::cell_of(value), Cell::Text)
        }
        _ => text.map_or_else(|| remote_source::json::cell_of(value), Cell::Text),
    }
}

/// The end of a flow out of its start and its duration, of the collector's clock.
fn end_of(flow: &Map<String, Value>) -> Option<i64> {
    let [start, duration] = START_AND_DURATION.map(|id| text(flow, &[id]));
    let start = NaiveDateTime::parse_from_str(start?.trim(), TIME_FORMAT).ok()?.and_utc().timestamp_nanos_opt()?;
    let duration: f64 = duration?.trim().parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0)?;
    start.checked_add((duration * NANOS_PER_SECOND).round() as i64)
}

/// Type and code in the place of the destination port: `8.0`, or as one number.
fn icmp(text: &str) -> Option<[u8; 2]> {
    match text.split_once('.') {
        Some((kind, code)) => Some([kind.parse().ok()?, code.parse().ok()?]),
        None => text.parse::<u16>().ok().map(u16::to_be_bytes),
    }
}

/// The objects of a JSON list, one after the other, so that a long list is never held as values.
#[derive(Debug)]
pub(crate) struct Objects<'a> {
    rest: &'a [u8],
    is_begun: bool,
}

/// What is wrong with a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OddList {
    NoList,
    BreaksOff,
    Odd,
}

impl std::fmt::Display for OddList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            OddList::NoList => "it is no list of flows",
            OddList::BreaksOff => "it breaks off",
            OddList::Odd => "what stands between two flows is odd",
        })
    }
}

impl<'a> Objects<'a> {
    pub(crate) fn of(list: &'a [u8]) -> Objects<'a> {
        Objects { rest: list.trim_ascii_start(), is_begun: false }
    }

    /// The next object as text; `None` at the end of the list.
    pub(crate) fn next(&mut self) -> Result<Option<&'a [u8]>, OddList> {
        if !self.is_begun {
            self.rest = self.rest.strip_prefix(b"[").ok_or(OddList::NoList)?.trim_ascii_start();
        }
        match self.rest.first() {
            None => return Err(OddList::BreaksOff),
            Some(b']') => return Ok(None),
            Some(b',') if self.is_begun => self.rest = self.rest[1..].trim_ascii_start(),
            Some(b'{') if !self.is_begun => {}
            Some(_) if self.is_begun => return Err(OddList::Odd),
            Some(_) => return Err(OddList::NoList),
        }
        self.is_begun = true;
        let length = object_length(self.rest).ok_or(OddList::BreaksOff)?;
        let (object, rest) = self.rest.split_at(length);
        self.rest = rest.trim_ascii_start();
        Ok(Some(object))
    }
}

/// Up to the bracket that closes the first one. Brackets in texts do not count.
fn object_length(text: &[u8]) -> Option<usize> {
    let (mut depth, mut is_text, mut is_escaped) = (0_u32, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn cells(wanted: &[&str], flow: &Value) -> Vec<String> {
        let columns = Columns::of(&owned(wanted), true);
        let flow = flow.as_object().expect("an object");
        columns.cells(flow).iter().map(|cell| format!("{cell:?}")).collect()
    }

    #[test]
    fn values_of_a_flow() {
        let flow = json!({"ts": "2014-11-06 13:35:11.885", "td": "554.458", "sa": "192.168.9.2", "dp": "443", "pr": "TCP",
                          "pkt": "995028", "byt": "1.3 G", "fl": 1091, "sas": "0", "flg": "...AP.SF"});
        assert_eq!(
            cells(&["start_time", "dst_port", "packets", "bytes", "flow_count", "src_as", "icmp_type", "tos"], &flow),
            [
                "Text(\"2014-11-06 13:35:11.885\")",
                "Text(\"443\")",
                "Integer(995028)",
                "Rounded(1300000000)",
                "Integer(1091)",
                "Null",
                "Null",
                "Null"
            ]
        );
        assert_eq!(cells(&["end_time"], &flow), ["LocalTime(1415281466343000000)"], "13:35:11.885 + 554.458 s");
        assert_eq!(cells(&["end_time"], &json!({"ts": "2014-11-06 13:35:11.885", "td": "inf"})), ["Null"]);
        let ping = json!({"pr": "ICMP", "sp": "0", "dp": "8.1", "srcip": "10.0.0.1"});
        assert_eq!(
            cells(&["src_port", "dst_port", "icmp_type", "icmp_code", "src_ip", "protocol"], &ping),
            ["Null", "Null", "Integer(8)", "Integer(1)", "Text(\"10.0.0.1\")", "Integer(1)"]
        );
    }

    #[test]
    fn ids_are_asked_for_once() {
        let ids = |wanted: &[&str], has_ends| Columns::of(&owned(wanted), has_ends).ids();
        assert_eq!(ids(&["src_ip", "dst_port", "icmp_type"], true), ["sa", "dp", "pr"]);
        assert_eq!(ids(&[], true), ["pr"]);
        assert_eq!(ids(&["start_time", "end_time"], true), ["ts", "te"]);
        assert_eq!(ids(&["start_time", "end_time"], false), ["ts", "td"]);
        let all: Vec<&str> = columns_of(|id| id == "in").collect();
        assert!(all.contains(&"in_if") && !all.contains(&"out_if") && all.contains(&"bytes"), "{all:?}");
    }

    #[test]
    fn a_list_is_cut_into_objects() {
        let read = |text: &str| {
            let mut objects = Objects::of(text.as_bytes());
            let mut found = Vec::new();
            loop {
                match objects.next() {
                    Ok(Some(object)) => found.push(String::from_utf8_lossy(object).into_owned()),
                    Ok(None) => return Ok(found),
                    Err(odd) => return Err(odd),
                }
            }
        };
        assert_eq!(read(" [] "), Ok(Vec::new()));
        let texts = ["{\"a\":\"}]\\\"{\"}", "{\"b\":[{}]}"].map(str::to_owned).to_vec();
        assert_eq!(read("[{\"a\":\"}]\\\"{\"} , {\"b\":[{}]}\n]"), Ok(texts));
        for (text, expected) in [
            ("{\"message\":\"no\"}", OddList::NoList),
            ("", OddList::NoList),
            ("[1,2]", OddList::NoList),
            ("[{\"a\":1},{\"b\"", OddList::BreaksOff),
            ("[{\"a\":1}", OddList::BreaksOff),
            ("[", OddList::BreaksOff),
            ("[{} {}]", OddList::Odd),
        ] {
            assert_eq!(read(text), Err(expected), "{text}");
        }
    }
}
