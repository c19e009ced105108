//! Azure flow logs: those of network security groups (versions 1 and 2) and of virtual networks (version 4), as JSON files
//! with a list `records`, each of which holds many flows as texts of values separated by commas.
//!
//! Formats as in "NSG flow logs overview" and "Virtual network flow logs". The time of a flow is that of its log entry;
//! for entries about a flow that goes on or has ended this is not when it began, which they say with the note
//! `start_is_log_time`. The resource becomes `sensor`.

use std::net::IpAddr;

use file_source::Outcome;
use file_source::text::{Fields, Layout, TextSource};
use flow_source::address::parse_ip;
use flow_source::protocol::protocol_number;
use flow_source::{FlowRow, FlowRows};
use serde::Deserialize;

use crate::REJECTED;

/// Records in a list within an object.
#[derive(Clone, Copy, Debug, Default)]
pub struct AzureFlows;

const FIELDS: &[&str] =
    &["macAddress", "resourceId", "flowLogResourceID", "targetResourceID", "properties.flows", "flowRecords.flows"];
const MAC_ADDRESS: usize = 0;
const RESOURCE_ID: usize = 1;
const FLOW_LOG_RESOURCE_ID: usize = 2;
const TARGET_RESOURCE_ID: usize = 3;
const NSG_FLOWS: usize = 4;
const VNET_FLOWS: usize = 5;
/// How far into a file the keys of its first record may be.
const HEAD_BYTES: usize = 4000;

impl TextSource for AzureFlows {
    const NAME: &'static str = "azure-flow-log";
    const FILE_KIND: &'static str = "an Azure flow log";
    const READABLE: &'static str = "Azure NSG and VNet flow logs";
    const FIELDS: &'static [&'static str] = FIELDS;
    const TIMES: &'static [&'static str] = &["time"];

    fn layout(&self, head: &[u8]) -> Option<Layout> {
        let start = head.trim_ascii_start();
        let first = &start[..start.len().min(HEAD_BYTES)];
        let has = |key: &[u8]| first.windows(key.len()).any(|window| window == key);
        let is_flow_log = has(b"NetworkSecurityGroupFlowEvent") || has(b"FlowLogFlowEvent") || has(b"\"flowTuples\"");
        if !start.starts_with(b"{") || !is_flow_log {
            return None;
        }
        // Files have a list of records; tools that follow them write a record a line.
        let depth = usize::from(has(b"\"records\""));
        Some(Layout::JsonObjects { depth })
    }

    fn flow(&self, fields: &Fields<'_>, rows: &mut FlowRows, line: u64) -> Result<Outcome, String> {
        let record_mac = fields.text(MAC_ADDRESS);
        let resource = fields.text(fields.first_of(&[RESOURCE_ID, TARGET_RESOURCE_ID, FLOW_LOG_RESOURCE_ID]));
        let sensor = resource.as_deref().and_then(|id| id.rsplit('/').next());
        let mut parsed = Vec::new();
        if let Some(raw) = fields.raw(NSG_FLOWS) {
            let rules: Vec<NsgRule> =
                serde_json::from_str(raw).map_err(|error| format!("`properties.flows`: {error}"))?;
            for flow in rules.into_iter().flat_map(|rule| rule.flows) {
                let mac = flow.mac.as_deref().or(record_mac.as_deref()).and_then(with_colons);
                for tuple in &flow.tuples {
                    parsed.push((Tuple::of_nsg(tuple)?, mac.clone()));
                }
            }
        }
        if let Some(raw) = fields.raw(VNET_FLOWS) {
            let flows: Vec<VnetFlow> =
                serde_json::from_str(raw).map_err(|error| format!("`flowRecords.flows`: {error}"))?;
            let mac = record_mac.as_deref().and_then(with_colons);
            for group in flows.into_iter().flat_map(|flow| flow.groups) {
                for tuple in &group.tuples {
                    parsed.push((Tuple::of_vnet(tuple)?, mac.clone()));
                }
            }
        }
        for (tuple, mac) in &parsed {
            rows.push(tuple.row(mac.as_deref(), sensor), line);
        }
        Ok(if parsed.is_empty() { Outcome::NoRow } else { Outcome::Row })
    }
}

#[derive(Deserialize)]
struct NsgRule {
    flows: Vec<NsgFlow>,
}

#[derive(Deserialize)]
struct NsgFlow {
    mac: Option<String>,
    #[serde(rename = "flowTuples")]
    tuples: Vec<String>,
}

#[derive(Deserialize)]
struct VnetFlow {
    #[serde(rename = "flowGroups")]
    groups: Vec<VnetGroup>,
}

#[derive(Deserialize)]
struct VnetGroup {
    #[serde(rename = "flowTuples")]
    tuples: Vec<String>,
}

/// One flow.
#[derive(Debug, PartialEq)]
struct Tuple {
    time: i64,
    src: Option<IpAddr>,
    dst: Option<IpAddr>,
    src_port: Option<u16>,
    dst_port: Option<u16>,
    protocol: Option<u8>,
    is_out: bool,
    is_denied: bool,
    /// Begin, continue or end; version 1 has only begins.
    state: State,
    /// Packets and bytes to the destination, packets and bytes back.
    counters: [Option<u64>; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Begin,
    Continue,
    End,
}

impl Tuple {
    /// Seconds, addresses, ports, T or U, I or O, A or D; in version 2 also B, C or E and counters.
    fn of_nsg(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let [time, src, dst, src_port, dst_port, protocol, direction, decision, rest @ ..] = parts.as_slice() else {
            return Err(bad(text));
        };
        let time = time.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000_000_000));
        let protocol = match *protocol {
            "T" => Some(6),
            "U" => Some(17),
            other => protocol_number(other),
        };
        let state = rest.first().copied().unwrap_or("B");
        Self::build(
            text,
            time,
            [src, dst, src_port, dst_port],
            protocol,
            direction,
            *decision == "D",
            state,
            rest.get(1..),
        )
    }

    /// Milliseconds, addresses, ports, protocol number, I or O, B, C, E or D, encryption, counters.
    fn of_vnet(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let [time, src, dst, src_port, dst_port, protocol, direction, state, rest @ ..] = parts.as_slice() else {
            return Err(bad(text));
        };
        let time = time.parse::<i64>().ok().and_then(|millis| millis.checked_mul(1_000_000));
        let is_denied = *state == "D";
        let protocol = protocol_number(protocol);
        Self::build(text, time, [src, dst, src_port, dst_port], protocol, direction, is_denied, state, rest.get(1..))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one text")]
    fn build(
        text: &str,
        time: Option<i64>,
        [src, dst, src_port, dst_port]: [&str; 4],
        protocol: Option<u8>,
        direction: &str,
        is_denied: bool,
        state: &str,
        counters: Option<&[&str]>,
    ) -> Result<Self, String> {
        let counter = |place: usize| counters.and_then(|counters| counters.get(place)?.parse().ok());
        Ok(Self {
            time: time.ok_or_else(|| bad(text))?,
            src: parse_ip(src),
            dst: parse_ip(dst),
            src_port: src_port.parse().ok(),
            dst_port: dst_port.parse().ok(),
            protocol,
            is_out: direction == "O",
            is_denied,
            state: match state {
                "C" => State::Continue,
                "E" => State::End,
                _ => State::Begin,
            },
            counters: [counter(0), counter(1), counter(2), counter(3)],
        })
    }

    fn row<'a>(&self, mac: Option<&'a str>, sensor: Option<&'a str>) -> FlowRow<'a> {
        let [packets, bytes, rev_packets, rev_bytes] = self.counters;
        let mut row = FlowRow {
            start_time: Some(self.time),
            received_time: Some(self.time),
            src_ip: self.src,
            dst_ip: self.dst,
            src_port: self.src_port,
            dst_port: self.dst_port,
            protocol: self.protocol,
            packets,
            bytes,
            rev_packets,
            rev_bytes,
            flow_count: Some(1),
            src_mac: mac.filter(|_| self.is_out),
            dst_mac: mac.filter(|_| !self.is_out),
            direction: Some(if self.is_out { "out" } else { "in" }),
            conn_state: self.is_denied.then_some(REJECTED),
            sensor,
            ..FlowRow::default()
        };
        row.notes.add_if(self.state != State::Begin, "start_is_log_time");
        row
    }
}

fn bad(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    format!("the flow `{}` is not one of Azure's", short.escape_debug())
}

/// `000D3A36C783` with colons.
pub(crate) fn with_colons(mac: &str) -> Option<String> {
    let is_mac = mac.len() == 12 && mac.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pairs: Vec<&str> = (0..6).filter_map(|pair| mac.get(2 * pair..2 * pair + 2)).collect();
    is_mac.then(|| pairs.join(":"))
}
