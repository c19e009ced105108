//! Azure Traffic Analytics: the tables `NTANetAnalytics` (of virtual network flow logs) and `AzureNetworkAnalytics_CL` (of
//! NSG flow logs) as CSV, exported from Log Analytics.
//!
//! Fields as in "Traffic analytics schema". A record sums up the flows of an interval that share addresses, destination
//! port, protocol and rule; so there is no source port, `flow_count` tells how many they were, and `end_time` is when the
//! last of them began, which the note `end_is_last_start` says. Records about addresses that are public list these with
//! counts of their own, separated by bars; each becomes a flow.

use std::net::IpAddr;

use file_source::Outcome;
use file_source::text::{Fields, Layout, TextSource, Zone, delimited};
use flow_source::address::parse_ip;
use flow_source::protocol::{TCP, UDP, protocol_number};
use flow_source::{FlowRow, FlowRows};

use crate::REJECTED;
use crate::azure::with_colons;

/// Lines of values separated by commas, after a header.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrafficAnalytics;

/// A field under its names: in the table of virtual networks, whose documentation spells some in two ways, and in that of
/// NSGs. The portal adds the zone to the names of times.
type Names = &'static [usize];

const FIELDS: &[&str] = &[
    "FlowStartTime",
    "FlowStartTime_t",
    "FlowStartTime [UTC]",
    "FlowStartTime_t [UTC]",
    "FlowEndTime",
    "FlowEndTime_t",
    "FlowEndTime [UTC]",
    "FlowEndTime_t [UTC]",
    "TimeProcessed",
    "TimeProcessed_t",
    "TimeProcessed [UTC]",
    "TimeProcessed_t [UTC]",
    "SubType",
    "SubType_s",
    "SrcIp",
    "SrcIP",
    "SrcIP_s",
    "DestIp",
    "DestIP",
    "DestIP_s",
    "SrcPublicIps",
    "SrcPublicIPs",
    "SrcPublicIPs_s",
    "DestPublicIps",
    "DestPublicIPs",
    "DestPublicIPs_s",
    "VMIP_s",
    "PublicIPs_s",
    "DestPort",
    "DestPort_d",
    "L4Protocol",
    "L4Protocol_s",
    "FlowDirection",
    "FlowDirection_s",
    "FlowStatus",
    "FlowStatus_s",
    "MacAddress",
    "MACAddress",
    "MACAddress_s",
    "PacketsSrcToDest",
    "OutboundPackets_d",
    "BytesSrcToDest",
    "OutboundBytes_d",
    "PacketsDestToSrc",
    "InboundPackets_d",
    "BytesDestToSrc",
    "InboundBytes_d",
    "AllowedInFlows",
    "AllowedInFlows_d",
    "DeniedInFlows",
    "DeniedInFlows_d",
    "AllowedOutFlows",
    "AllowedOutFlows_d",
    "DeniedOutFlows",
    "DeniedOutFlows_d",
    "TargetResourceId",
    "NSGList",
    "NSGList_s",
    "VMIPAddress",
    "AllExtIPs",
];
const START: Names = &[0, 1, 2, 3];
const END: Names = &[4, 5, 6, 7];
const PROCESSED: Names = &[8, 9, 10, 11];
const SUB_TYPE: Names = &[12, 13];
const SRC_IP: Names = &[14, 15, 16];
const DST_IP: Names = &[17, 18, 19];
const SRC_PUBLIC: Names = &[20, 21, 22];
const DST_PUBLIC: Names = &[23, 24, 25];
/// The second names are those of tables that notebooks have made of it: there each public address has a row of its own.
const VM_IP: Names = &[26, 58];
const PUBLIC: Names = &[27, 59];
const DST_PORT: Names = &[28, 29];
const PROTOCOL: Names = &[30, 31];
const DIRECTION: Names = &[32, 33];
const STATUS: Names = &[34, 35];
const MAC: Names = &[36, 37, 38];
/// Packets and bytes to the destination, packets and bytes back.
const COUNTERS: [Names; 4] = [&[39, 40], &[41, 42], &[43, 44], &[45, 46]];
const FLOW_COUNTS: [Names; 4] = [&[47, 48], &[49, 50], &[51, 52], &[53, 54]];
const RESOURCE: Names = &[55, 56, 57];
/// What a header has besides addresses and a start, of one kind or the other.
const TYPICAL: &[&str] = &["FlowType", "FlowType_s", "FASchemaVersion", "FASchemaVersion_s", "SubType", "SubType_s"];
/// Public addresses of one record.
const ENTRIES_MAX: usize = 10_000;

impl TextSource for TrafficAnalytics {
    const NAME: &'static str = "azure-traffic-analytics";
    const FILE_KIND: &'static str = "an export of Azure Traffic Analytics";
    const READABLE: &'static str = "exports of Azure Traffic Analytics";
    const FIELDS: &'static [&'static str] = FIELDS;
    const TIMES: &'static [&'static str] =
        &["FlowStartTime", "FlowStartTime_t", "FlowEndTime", "FlowEndTime_t", "TimeProcessed", "TimeProcessed_t"];

    fn layout(&self, head: &[u8]) -> Option<Layout> {
        let line = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty())?;
        let mut names = Vec::new();
        delimited::cut(std::str::from_utf8(line).ok()?, b',', &mut names);
        let has = |wanted: Names| wanted.iter().any(|place| names.contains(&FIELDS[*place]));
        let is_ours = has(START)
            && (has(SRC_IP) || has(SRC_PUBLIC) || has(VM_IP))
            && (has(DST_IP) || has(DST_PUBLIC) || has(PUBLIC))
            && TYPICAL.iter().any(|name| names.contains(name));
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        is_ours.then_some(Layout::Delimited { separator: b',', names })
    }

    fn flow(&self, fields: &Fields<'_>, rows: &mut FlowRows, line: u64) -> Result<Outcome, String> {
        if fields.text(fields.first_of(SUB_TYPE)).is_some_and(|kind| kind != "FlowLog") {
            return Ok(Outcome::NoRow);
        }
        let record = Record::of(fields)?;
        let ends = Ends::of(fields, record.is_out)?;
        for end in &ends {
            rows.push(record.row(end, ends.len() == 1), line);
        }
        Ok(if ends.is_empty() { Outcome::NoRow } else { Outcome::Row })
    }
}

/// What all flows of a record have in common.
struct Record {
    start: Option<i64>,
    end: Option<i64>,
    processed: Option<i64>,
    dst_port: Option<u16>,
    protocol: Option<u8>,
    is_out: Option<bool>,
    is_denied: bool,
    counters: [Option<u64>; 4],
    flow_count: Option<u64>,
    mac: Option<String>,
    resource: Option<String>,
}

impl Record {
    fn of(fields: &Fields<'_>) -> Result<Self, String> {
        let text = |names: Names| fields.text(fields.first_of(names));
        let begins = |names: Names, letter: char| text(names).map(|text| text.starts_with(letter));
        let [packets, bytes, rev_packets, rev_bytes] = COUNTERS;
        let mut flow_count = None;
        for names in FLOW_COUNTS {
            let count: Option<u64> = whole(fields, names)?;
            flow_count = flow_count.map_or(count, |sum: u64| Some(sum.saturating_add(count.unwrap_or(0))));
        }
        Ok(Self {
            start: moment(fields, START)?,
            end: moment(fields, END)?,
            processed: moment(fields, PROCESSED)?,
            dst_port: whole(fields, DST_PORT)?,
            protocol: match text(PROTOCOL).as_deref() {
                Some("T") => Some(TCP),
                Some("U") => Some(UDP),
                other => other.and_then(protocol_number),
            },
            is_out: begins(DIRECTION, 'O'),
            is_denied: begins(STATUS, 'D') == Some(true),
            counters: [
                whole(fields, packets)?,
                whole(fields, bytes)?,
                whole(fields, rev_packets)?,
                whole(fields, rev_bytes)?,
            ],
            flow_count,
            mac: text(MAC).and_then(|mac| with_colons(&mac.replace(['-', ':'], ""))),
            resource: text(RESOURCE).and_then(|id| id.rsplit('/').next().map(str::to_owned)),
        })
    }

    /// A flow; the only one of the record has its counts.
    fn row<'a>(&'a self, ends: &Ends, is_only: bool) -> FlowRow<'a> {
        let counters = if is_only { self.counters } else { [None; 4] };
        let [packets, bytes, rev_packets, rev_bytes] =
            std::array::from_fn(|place| ends.counters[place].or(counters[place]));
        let mac = self.mac.as_deref();
        let mut row = FlowRow {
            start_time: self.start,
            end_time: self.end,
            received_time: self.processed,
            src_ip: ends.src,
            dst_ip: ends.dst,
            dst_port: self.dst_port,
            protocol: self.protocol,
            packets,
            bytes,
            rev_packets,
            rev_bytes,
            flow_count: ends.flow_count.or(self.flow_count.filter(|_| is_only)),
            src_mac: mac.filter(|_| self.is_out == Some(true)),
            dst_mac: mac.filter(|_| self.is_out == Some(false)),
            direction: self.is_out.map(|is_out| if is_out { "out" } else { "in" }),
            conn_state: self.is_denied.then_some(REJECTED),
            sensor: self.resource.as_deref(),
            ..FlowRow::default()
        };
        row.notes.add_if(self.end.is_some(), "end_is_last_start");
        row
    }
}

/// Between whom a flow was, and the counts that belong to them alone.
#[derive(Clone, Copy, Default)]
struct Ends {
    src: Option<IpAddr>,
    dst: Option<IpAddr>,
    counters: [Option<u64>; 4],
    flow_count: Option<u64>,
}

impl Ends {
    fn of(fields: &Fields<'_>, is_out: Option<bool>) -> Result<Vec<Ends>, String> {
        let (mut src, mut dst) = (fields.address(fields.first_of(SRC_IP))?, fields.address(fields.first_of(DST_IP))?);
        let list = |place: usize| fields.text(place).map_or_else(|| Ok(Vec::new()), |text| entries(&text));
        let (mut of_src, mut of_dst) = (list(fields.first_of(SRC_PUBLIC))?, list(fields.first_of(DST_PUBLIC))?);
        // In records of the first version, the machine of the cloud and whom it talked to: who began, the direction says.
        let (machine, public) = (fields.address(fields.first_of(VM_IP))?, list(fields.first_of(PUBLIC))?);
        let has_src = src.is_some() || !of_src.is_empty();
        let has_dst = dst.is_some() || !of_dst.is_empty();
        match is_out {
            Some(true) => {
                src = if has_src { src } else { machine };
                of_dst = if has_dst { of_dst } else { public };
            }
            Some(false) => {
                dst = if has_dst { dst } else { machine };
                of_src = if has_src { of_src } else { public };
            }
            None => {}
        }
        let of_src = if src.is_some() { Vec::new() } else { of_src };
        let of_dst = if dst.is_some() { Vec::new() } else { of_dst };
        match (of_src.as_slice(), of_dst.as_slice()) {
            ([], []) if src.is_none() && dst.is_none() => Err("neither end of the flow has an address".into()),
            ([], []) => Ok(vec![Ends { src, dst, ..Ends::default() }]),
            ([], many) => Ok(many.iter().map(|entry| Ends { src, dst: entry.ip, ..entry.counted() }).collect()),
            (many, []) => Ok(many.iter().map(|entry| Ends { src: entry.ip, dst, ..entry.counted() }).collect()),
            (many, [one]) => {
                Ok(many.iter().map(|entry| Ends { src: entry.ip, dst: one.ip, ..entry.counted() }).collect())
            }
            ([one], many) => {
                Ok(many.iter().map(|entry| Ends { src: one.ip, dst: entry.ip, ..entry.counted() }).collect())
            }
            _ => Err("several public addresses on both sides: which belong together is not said".into()),
        }
    }
}

/// A public address with its counts.
struct Entry {
    ip: Option<IpAddr>,
    flow_count: Option<u64>,
    counters: [Option<u64>; 4],
}

impl Entry {
    fn counted(&self) -> Ends {
        Ends { counters: self.counters, flow_count: self.flow_count, ..Ends::default() }
    }
}

/// Entries separated by blanks: address, flows begun, flows ended, packets out, packets in, bytes out, bytes in.
fn entries(text: &str) -> Result<Vec<Entry>, String> {
    let entry = |text: &str| {
        let parts: Vec<&str> = text.split('|').collect();
        let bad = || format!("`{}` does not begin with a public address", short(text));
        let ip = parse_ip(parts.first().copied().unwrap_or_default()).ok_or_else(bad)?;
        let count = |place: usize| parts.get(place).and_then(|text| as_whole(text));
        let counters = [count(3), count(5), count(4), count(6)];
        Ok(Entry { ip: Some(ip), flow_count: count(1), counters })
    };
    let found: Vec<Entry> = text.split_whitespace().take(ENTRIES_MAX + 1).map(entry).collect::<Result<_, String>>()?;
    match found.len() > ENTRIES_MAX {
        true => Err(format!("more than {ENTRIES_MAX} public addresses")),
        false => Ok(found),
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

/// A number that a column of decimals may write with a fraction.
fn whole<T: TryFrom<u64>>(fields: &Fields<'_>, names: Names) -> Result<Option<T>, String> {
    fields.parsed(fields.first_of(names), "a whole number that fits the column", |text| {
        as_whole(text).and_then(|number| T::try_from(number).ok())
    })
}

fn as_whole(text: &str) -> Option<u64> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    fraction.bytes().all(|byte| byte == b'0').then(|| whole.parse().ok())?
}

fn moment(fields: &Fields<'_>, names: Names) -> Result<Option<i64>, String> {
    fields.parsed(fields.first_of(names), "a date with a time of day", |text| {
        Zone::default().moment(text).or_else(|| of_portal(text))
    })
}

/// As the portal writes times: `2/5/2024, 9:31:04.250 PM`, month first.
fn of_portal(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(", ")?;
    let mut date = date.split('/');
    let (month, day, year) = (date.next()?, date.next()?, date.next()?);
    let (clock, half) = time.split_once(' ')?;
    let (hour, rest) = clock.split_once(':')?;
    let hour = match (hour.parse::<u8>().ok()?, half) {
        (12, "AM") => 0,
        (hour @ 1..=11, "AM") => hour,
        (12, "PM") => 12,
        (hour @ 1..=11, "PM") => hour + 12,
        _ => return None,
    };
    Zone::default().moment(&format!("{year:0>4}-{month:0>2}-{day:0>2}T{hour:02}:{rest}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_portal() {
        let at = |text: &str| of_portal(text);
        let expected = Zone::default().moment("2024-02-05T21:31:04.250Z");
        assert_eq!(at("2/5/2024, 9:31:04.250 PM"), expected);
        assert_eq!(at("2/5/2024, 12:00:00.000 AM"), Zone::default().moment("2024-02-05T00:00:00Z"));
        assert_eq!(at("12/31/2024, 12:00:00 PM"), Zone::default().moment("2024-12-31T12:00:00Z"));
        for text in ["2/5/2024", "13/5/2024, 9:31:04 PM", "2/5/2024, 13:31:04 PM", "2/5/2024, 0:31:04 AM"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_of_decimal_columns() {
        for (text, expected) in [("443", Some(443)), ("443.0", Some(443)), ("0.5", None), ("", None), ("-1", None)] {
            assert_eq!(as_whole(text), expected, "{text}");
        }
    }
}
