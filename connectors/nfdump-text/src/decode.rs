//! What a line or object says of a flow (nfdump(1), "OUTPUT FORMATS").

use file_source::Outcome;
use file_source::text::{Fields, Layout, TextSource, Zone, delimited};
use flow_source::protocol::{ICMP, ICMP6, TCP, protocol_number, tcp_flags_of_letters};
use flow_source::{FlowRow, FlowRows, QualityReport};

use crate::names::*;

/// Lines of values separated by commas, or JSON objects.
#[derive(Clone, Copy, Debug, Default)]
pub struct NfdumpText {
    /// Of the machine that nfdump ran on.
    pub zone: Zone,
}

/// Columns that tell each of the CSV formats.
const CSV_HEADERS: &[&[&str]] = &[&["ts", "te", "sa", "da", "pr"], &["firstSeen", "proto", "srcAddr", "dstAddr"]];
/// Keys that tell the JSON formats.
const JSON_KEYS: &[&[u8]] = &[b"\"first\"", b"\"in_packets\"", b"\"proto\""];
/// How far into a file the keys of its first object may be.
const JSON_HEAD_BYTES: usize = 2000;
const SUMMARY: &[u8] = b"Summary";

impl TextSource for NfdumpText {
    const NAME: &'static str = "nfdump-text";
    const FILE_KIND: &'static str = "nfdump's output";
    const READABLE: &'static str = "nfdump's csv and json output";
    const FIELDS: &'static [&'static str] = FIELDS;
    const TIMES: &'static [&'static str] = &["ts", "te", "tr", "firstSeen", "lastSeen", "first", "last", "received"];

    fn layout(&self, head: &[u8]) -> Option<Layout> {
        let start = head.trim_ascii_start();
        if start.starts_with(b"{") || start.starts_with(b"[") {
            let first = &start[..start.len().min(JSON_HEAD_BYTES)];
            let has = |key: &&[u8]| first.windows(key.len()).any(|window| window == *key);
            return JSON_KEYS.iter().all(has).then_some(Layout::JsonObjects { depth: 0 });
        }
        let line = std::str::from_utf8(start.split(|byte| *byte == b'\n').next()?).ok()?.trim_end();
        let mut names = Vec::new();
        delimited::cut(line, b',', &mut names);
        let is_header = CSV_HEADERS.iter().any(|needed| needed.iter().all(|name| names.contains(name)));
        let names = names.into_iter().map(str::to_owned).collect();
        is_header.then_some(Layout::Delimited { separator: b',', names })
    }

    fn ends(&self, line: &[u8]) -> bool {
        line.starts_with(SUMMARY)
    }

    fn in_zone(&self, zone: Zone) -> Option<Self> {
        Some(Self { zone })
    }

    fn remark(&self, report: &QualityReport) {
        if self.zone == Zone::default() {
            report.note("times are read as UTC: nfdump does not write of which zone they are".into());
        }
    }

    fn flow(&self, fields: &Fields<'_>, rows: &mut FlowRows, line: u64) -> Result<Outcome, String> {
        let at = |names| fields.first_of(names);
        let text = |names| fields.text(at(names));
        let proto = text(PROTO);
        let protocol = proto.as_deref().and_then(protocol_number);
        let is_icmp = matches!(protocol, Some(ICMP | ICMP6));
        let [icmp_type, icmp_code] = if is_icmp { icmp(fields, at(DST_PORT))? } else { [None; 2] };
        let (src_mac, dst_mac) = (text(SRC_MAC), text(DST_MAC));
        let known =
            |names: &'static [usize]| fields.number::<u32>(at(names)).map(|number| number.filter(|it| *it != 0));
        let is_json = fields.raw(at(FIRST)).is_some_and(|raw| raw.starts_with('"'));
        let mut row = FlowRow {
            start_time: fields.time(at(FIRST), self.zone)?,
            end_time: fields.time(at(LAST), self.zone)?,
            duration_s: fields.float(at(DURATION))?,
            received_time: fields.time(at(RECEIVED), self.zone)?,
            src_ip: fields.address(at(SRC))?,
            dst_ip: fields.address(at(DST))?,
            src_port: if is_icmp { None } else { fields.number(at(SRC_PORT))? },
            dst_port: if is_icmp { None } else { fields.number(at(DST_PORT))? },
            protocol,
            protocol_name: proto.as_deref().filter(|_| protocol.is_none()),
            packets: fields.number(at(PACKETS))?,
            bytes: fields.number(at(BYTES))?,
            rev_packets: self.reverse(fields, at(REV_PACKETS), is_json)?,
            rev_bytes: self.reverse(fields, at(REV_BYTES), is_json)?,
            tcp_flags: if protocol == Some(TCP) { tcp_flags(fields, at(FLAGS))? } else { None },
            tos: fields.number(at(TOS))?,
            icmp_type: fields.number(at(ICMP_TYPE))?.or(icmp_type),
            icmp_code: fields.number(at(ICMP_CODE))?.or(icmp_code),
            flow_count: fields.number(at(FLOWS))?.filter(|count| *count > 0).or(Some(1)),
            in_if: fields.number(at(IN_IF))?,
            out_if: fields.number(at(OUT_IF))?,
            src_as: known(SRC_AS)?,
            dst_as: known(DST_AS)?,
            src_mask: fields.number(at(SRC_MASK))?,
            dst_mask: fields.number(at(DST_MASK))?,
            vlan_id: fields.number(at(VLAN))?.filter(|vlan| *vlan != 0),
            src_mac: src_mac.as_deref().filter(|mac| *mac != NO_MAC),
            dst_mac: dst_mac.as_deref().filter(|mac| *mac != NO_MAC),
            end_reason: fields.number(at(END_REASON))?.filter(|reason| *reason != 0),
            exporter_ip: fields.address(at(ROUTER))?.filter(|address| !address.is_unspecified()),
            ..FlowRow::default()
        };
        row.notes.add_if(fields.is_ambiguous(&[at(FIRST), at(LAST)], self.zone), "time_ambiguous");
        row.notes.add_if(text(SAMPLED).as_deref() == Some("1"), "scaled_by_sampling");
        rows.push(row, line);
        Ok(Outcome::Row)
    }
}

const NO_MAC: &str = "00:00:00:00:00:00";

impl NfdumpText {
    /// The CSV prints 0 where there is no counter of the reverse direction.
    fn reverse(&self, fields: &Fields<'_>, place: usize, is_json: bool) -> Result<Option<u64>, String> {
        Ok(fields.number(place)?.filter(|count| is_json || *count != 0))
    }
}

fn tcp_flags(fields: &Fields<'_>, place: usize) -> Result<Option<u16>, String> {
    fields.parsed(place, "TCP flags", |text| {
        let hexadecimal = || u16::from_str_radix(text.strip_prefix("0x")?, 16).ok();
        hexadecimal().or_else(|| tcp_flags_of_letters(text)).or_else(|| text.parse().ok())
    })
}

/// Type and code in the place of the destination port: as one number, or as `8.0`.
fn icmp(fields: &Fields<'_>, place: usize) -> Result<[Option<u8>; 2], String> {
    let both = fields.parsed(place, "ICMP type and code", |text| match text.split_once('.') {
        Some((kind, code)) => Some([kind.parse().ok()?, code.parse().ok()?]),
        None => text.parse::<u16>().ok().map(u16::to_be_bytes),
    })?;
    Ok(both.map_or([None; 2], |both| both.map(Some)))
}
