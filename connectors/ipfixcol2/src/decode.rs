//! What a record says of a flow (the README of ipfixcol2's JSON output).

use file_source::Outcome;
use file_source::text::{Fields, Layout, TextSource, Zone};
use file_source::value::{TimeFormat, time};
use flow_source::protocol::{TCP, protocol_number, tcp_flags_of_letters};
use flow_source::row::Notes;
use flow_source::{FlowRow, FlowRows};

use crate::elements::*;

/// Records as one JSON object a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ipfixcol {
    /// Of its clock, where the zone that it writes is wrong.
    zone: Zone,
}

const DIRECTION_IN: &str = "0";
const DIRECTION_OUT: &str = "1";

impl TextSource for Ipfixcol {
    const NAME: &'static str = "ipfixcol2";
    const FILE_KIND: &'static str = "ipfixcol2 flows in JSON";
    const READABLE: &'static str = "ipfixcol2 flows in JSON";
    const FIELDS: &'static [&'static str] = FIELDS;
    const TIMES: &'static [&'static str] = &[
        "iana:flowStartSeconds",
        "iana:flowStartMilliseconds",
        "iana:flowStartMicroseconds",
        "iana:flowStartNanoseconds",
        "iana:flowEndSeconds",
        "iana:flowEndMilliseconds",
        "iana:flowEndMicroseconds",
        "iana:flowEndNanoseconds",
    ];

    fn layout(&self, head: &[u8]) -> Option<Layout> {
        let line = head.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty())?;
        let has = |key: &[u8]| line.windows(key.len()).any(|window| window == key);
        let is_record = has(b"\"ipfix.entry\"") || has(b"\"iana:") || has(b"\"en0:id") || has(b"\"ipfix.source");
        (line.trim_ascii_start().starts_with(b"{") && is_record).then_some(Layout::JsonLines)
    }

    fn in_zone(&self, zone: Zone) -> Option<Self> {
        zone.ignores_written().then_some(Self { zone })
    }

    fn flow(&self, fields: &Fields<'_>, rows: &mut FlowRows, line: u64) -> Result<Outcome, String> {
        let at = |element: usize| fields.first_of(&[element, element + ELEMENTS, element + 2 * ELEMENTS]);
        let either = |one: usize, other: usize| fields.first_of(&[at(one), at(other)]);
        let text = |element| fields.text(at(element));
        let (proto, application, src_mac, dst_mac) = (text(PROTOCOL), text(APPLICATION), text(SRC_MAC), text(DST_MAC));
        let domain = fields.text(fields.first_of(&[at(DOMAIN), ODID]));
        let flow_id = text(FLOW_ID);
        let src_ip = fields.address(either(SRC4, SRC6))?;
        let dst_ip = fields.address(either(DST4, DST6))?;
        if src_ip.is_none() && dst_ip.is_none() {
            // A record of options: of an exporter, not of a flow.
            return Ok(Outcome::NoRow);
        }
        let protocol = proto.as_deref().and_then(protocol_number);
        let flags = |element| if protocol == Some(TCP) { tcp_flags(fields, at(element)) } else { Ok(None) };
        let [icmp_type, icmp_code] = icmp(fields, either(ICMP4, ICMP6))?;
        let starts = [START_NS, START_US, START_MS, START_S].map(at);
        let ends = [END_NS, END_US, END_MS, END_S].map(at);
        let mut notes = Notes::default();
        let written = [fields.first_of(&starts), fields.first_of(&ends)];
        notes.add_if(fields.is_ambiguous(&written, self.zone), "time_ambiguous");
        rows.push(
            FlowRow {
                start_time: moment(fields, self.zone, starts)?,
                end_time: moment(fields, self.zone, ends)?,
                received_time: moment(fields, self.zone, [EXPORT_TIME; 4])?,
                src_ip,
                dst_ip,
                src_port: fields.number(at(SRC_PORT))?,
                dst_port: fields.number(at(DST_PORT))?,
                protocol,
                protocol_name: proto.as_deref().filter(|_| protocol.is_none()),
                packets: fields.number(either(PACKETS, TOTAL_PACKETS))?,
                bytes: fields.number(either(BYTES, TOTAL_BYTES))?,
                rev_packets: fields.number(at(REV_PACKETS))?,
                rev_bytes: fields.number(at(REV_BYTES))?,
                tcp_flags: flags(TCP_FLAGS)?,
                rev_tcp_flags: flags(REV_FLAGS)?,
                tos: fields.number(at(TOS))?,
                icmp_type: fields.number(either(ICMP4_TYPE, ICMP6_TYPE))?.or(icmp_type),
                icmp_code: fields.number(either(ICMP4_CODE, ICMP6_CODE))?.or(icmp_code),
                flow_count: fields.number(at(FLOWS))?.or(Some(1)),
                sampling_rate: fields.number(at(SAMPLING))?,
                in_if: fields.number(at(IN_IF))?,
                out_if: fields.number(at(OUT_IF))?,
                src_as: fields.number(at(SRC_AS))?.filter(|number| *number != 0),
                dst_as: fields.number(at(DST_AS))?.filter(|number| *number != 0),
                src_mask: fields.number(either(SRC_MASK4, SRC_MASK6))?,
                dst_mask: fields.number(either(DST_MASK4, DST_MASK6))?,
                vlan_id: fields.number(at(VLAN))?,
                src_mac: src_mac.as_deref(),
                dst_mac: dst_mac.as_deref(),
                direction: text(DIRECTION).as_deref().and_then(direction),
                app_protocol: application.as_deref(),
                end_reason: fields.number(at(END_REASON))?,
                exporter_ip: fields.address(either(EXPORTER4, EXPORTER6))?,
                observation_domain: domain.as_deref(),
                uid: flow_id.as_deref(),
                notes,
                ..FlowRow::default()
            },
            line,
        );
        Ok(Outcome::Row)
    }
}

/// A time as text, or in milliseconds since 1970; seconds where they are written so.
fn moment(fields: &Fields<'_>, zone: Zone, places: [usize; 4]) -> Result<Option<i64>, String> {
    fields.parsed(fields.first_of(&places), "a time", |text| {
        let number = || time(text.as_bytes(), TimeFormat::EpochMillis);
        let seconds = || time(text.as_bytes(), TimeFormat::EpochSeconds);
        zone.moment(text).or_else(number).or_else(seconds)
    })
}

fn tcp_flags(fields: &Fields<'_>, place: usize) -> Result<Option<u16>, String> {
    fields.parsed(place, "TCP flags", |text| {
        let hexadecimal = || u16::from_str_radix(text.strip_prefix("0x")?, 16).ok();
        text.parse().ok().or_else(hexadecimal).or_else(|| tcp_flags_of_letters(text))
    })
}

/// Type and code of one number.
fn icmp(fields: &Fields<'_>, place: usize) -> Result<[Option<u8>; 2], String> {
    let both: Option<u16> = fields.number(place)?;
    Ok(both.map_or([None, None], |both| both.to_be_bytes().map(Some)))
}

fn direction(value: &str) -> Option<&'static str> {
    match value {
        DIRECTION_IN | "ingress" => Some("in"),
        DIRECTION_OUT | "egress" => Some("out"),
        _ => None,
    }
}
