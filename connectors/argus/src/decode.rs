//! What a line says of a flow (ra(1), "FIELDS").

use file_source::Outcome;
use file_source::text::{Fields, Layout, TextSource, Zone, delimited};
use file_source::value::{TimeFormat, time};
use flow_source::protocol::{ICMP, ICMP6, TCP, UDP, protocol_number, tcp_flags_of_letters};
use flow_source::{FlowRow, FlowRows};

/// Lines of values separated by commas.
#[derive(Clone, Copy, Debug, Default)]
pub struct Argus {
    /// Of the machine that printed the lines.
    pub zone: Zone,
}

const FIELDS: &[&str] = &[
    "StartTime",
    "Dur",
    "Proto",
    "SrcAddr",
    "Sport",
    "Dir",
    "DstAddr",
    "Dport",
    "State",
    "sTos",
    "TotPkts",
    "TotBytes",
    "SrcBytes",
    "SrcPkts",
    "DstPkts",
    "DstBytes",
    "LastTime",
    "SrcMac",
    "DstMac",
    "sVid",
    "SrcId",
];
const START_TIME: usize = 0;
const DUR: usize = 1;
const PROTO: usize = 2;
const SRC_ADDR: usize = 3;
const SPORT: usize = 4;
const DIR: usize = 5;
const DST_ADDR: usize = 6;
const DPORT: usize = 7;
const STATE: usize = 8;
const S_TOS: usize = 9;
const TOT_PKTS: usize = 10;
const TOT_BYTES: usize = 11;
const SRC_BYTES: usize = 12;
const SRC_PKTS: usize = 13;
const DST_PKTS: usize = 14;
const DST_BYTES: usize = 15;
const LAST_TIME: usize = 16;
const SRC_MAC: usize = 17;
const DST_MAC: usize = 18;
const S_VID: usize = 19;
const SRC_ID: usize = 20;
/// Without these a header is another program's.
const NEEDED: &[&str] = &["StartTime", "Proto", "SrcAddr", "Dir", "DstAddr"];

impl TextSource for Argus {
    const NAME: &'static str = "argus";
    const FILE_KIND: &'static str = "Argus flows in CSV";
    const READABLE: &'static str = "Argus flows in CSV";
    const FIELDS: &'static [&'static str] = FIELDS;
    const TIMES: &'static [&'static str] = &["StartTime", "LastTime"];

    fn layout(&self, head: &[u8]) -> Option<Layout> {
        let line = head.split(|byte| *byte == b'\n').next()?;
        let line = std::str::from_utf8(line).ok()?.trim_end();
        let mut names = Vec::new();
        delimited::cut(line, b',', &mut names);
        let is_header = NEEDED.iter().all(|needed| names.contains(needed));
        let names = names.into_iter().map(str::to_owned).collect();
        is_header.then_some(Layout::Delimited { separator: b',', names })
    }

    fn in_zone(&self, zone: Zone) -> Option<Self> {
        Some(Self { zone })
    }

    fn flow(&self, fields: &Fields<'_>, rows: &mut FlowRows, line: u64) -> Result<Outcome, String> {
        let (proto, state, direction) = (fields.text(PROTO), fields.text(STATE), fields.text(DIR));
        let (src_mac, dst_mac, sensor) = (fields.text(SRC_MAC), fields.text(DST_MAC), fields.text(SRC_ID));
        let (protocol, app) = proto.as_deref().map_or((None, None), protocol_of);
        let (src_ip, bad_src) = fields.lenient_address(SRC_ADDR);
        let (dst_ip, bad_dst) = fields.lenient_address(DST_ADDR);
        let (flags, rev_flags) = state.as_deref().filter(|_| protocol == Some(TCP)).map_or((None, None), tcp_flags);
        let icmp = matches!(protocol, Some(ICMP | ICMP6)).then(|| icmp_of(fields)).flatten();
        let counters = Counters::of(fields)?;
        let mut row = FlowRow {
            start_time: self.time(fields, START_TIME)?,
            end_time: self.time(fields, LAST_TIME)?,
            duration_s: fields.float(DUR)?,
            src_ip,
            dst_ip,
            src_port: port(fields, SPORT),
            dst_port: port(fields, DPORT),
            protocol,
            protocol_name: proto.as_deref().filter(|_| protocol.is_none()),
            packets: counters.packets,
            bytes: counters.bytes,
            rev_packets: counters.rev_packets,
            rev_bytes: counters.rev_bytes,
            tcp_flags: flags,
            rev_tcp_flags: rev_flags,
            tos: fields.float(S_TOS)?.and_then(whole_byte),
            icmp_type: icmp.map(|[kind, _]| kind),
            icmp_code: icmp.map(|[_, code]| code),
            flow_count: Some(1),
            vlan_id: fields.number(S_VID)?,
            src_mac: src_mac.as_deref(),
            dst_mac: dst_mac.as_deref(),
            app_protocol: app,
            sensor: sensor.as_deref(),
            ..FlowRow::default()
        };
        row.notes.add_if(bad_src || bad_dst, "address_unreadable");
        row.notes.add_if(counters.is_not_split, "counters_not_split");
        match direction.as_deref().map(str::trim) {
            Some("<-") => swap(&mut row),
            Some(arrow) => row.notes.add_if(arrow.contains('?'), "direction_unknown"),
            None => {}
        }
        row.notes.add_if(fields.is_ambiguous(&[START_TIME, LAST_TIME], self.zone), "time_ambiguous");
        rows.push(row, line);
        Ok(Outcome::Row)
    }
}

impl Argus {
    /// `ra` writes dates, or with `-u` seconds since 1970.
    fn time(&self, fields: &Fields<'_>, field: usize) -> Result<Option<i64>, String> {
        fields.parsed(field, "a date with a time of day, or seconds since 1970", |text| {
            self.zone.moment(text).or_else(|| time(text.as_bytes(), TimeFormat::EpochSeconds))
        })
    }
}

/// Argus calls some protocols above UDP by their own names.
fn protocol_of(name: &str) -> (Option<u8>, Option<&'static str>) {
    match name {
        "rtp" => (Some(UDP), Some("rtp")),
        "rtcp" => (Some(UDP), Some("rtcp")),
        "udt" => (Some(UDP), Some("udt")),
        _ => (protocol_number(name), None),
    }
}

/// The flags of both sides, as in `SPA_FSPA`; other states say nothing of flags.
fn tcp_flags(state: &str) -> (Option<u16>, Option<u16>) {
    let Some((source, destination)) = state.split_once('_') else { return (None, None) };
    (tcp_flags_of_letters(source), tcp_flags_of_letters(destination))
}

/// A port; a service's name is none.
fn port(fields: &Fields<'_>, field: usize) -> Option<u16> {
    fields.number(field).ok().flatten()
}

/// Type and code, in hexadecimal in the place of the source port: the low byte is the type, as in `0x0008` for echo.
fn icmp_of(fields: &Fields<'_>) -> Option<[u8; 2]> {
    let text = fields.text(SPORT)?;
    let number = u16::from_str_radix(text.strip_prefix("0x")?, 16).ok()?;
    Some(number.to_le_bytes())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
fn whole_byte(number: f64) -> Option<u8> {
    // Some tools write sTos as 0.0.
    (number.fract() == 0.0 && (0.0..=255.0).contains(&number)).then_some(number as u8)
}

#[derive(Default)]
struct Counters {
    packets: Option<u64>,
    bytes: Option<u64>,
    rev_packets: Option<u64>,
    rev_bytes: Option<u64>,
    /// Whether there are totals that cannot be told apart by direction.
    is_not_split: bool,
}

impl Counters {
    fn of(fields: &Fields<'_>) -> Result<Self, String> {
        let number = |field| fields.number::<u64>(field);
        let (all_packets, all_bytes) = (number(TOT_PKTS)?, number(TOT_BYTES)?);
        let bytes = number(SRC_BYTES)?;
        let rev_bytes = number(DST_BYTES)?.or_else(|| all_bytes?.checked_sub(bytes?));
        let mut packets = number(SRC_PKTS)?;
        let mut rev_packets = number(DST_PKTS)?.or_else(|| all_packets?.checked_sub(packets?));
        if packets.is_none() && rev_bytes == Some(0) {
            // Nothing came back, so all packets are the source's.
            (packets, rev_packets) = (all_packets, Some(0));
        }
        let is_not_split = (packets.is_none() && all_packets.is_some()) || (bytes.is_none() && all_bytes.is_some());
        Ok(Self { packets, bytes, rev_packets, rev_bytes, is_not_split })
    }
}

/// The destination began: forward is from it.
fn swap(row: &mut FlowRow<'_>) {
    std::mem::swap(&mut row.src_ip, &mut row.dst_ip);
    std::mem::swap(&mut row.src_port, &mut row.dst_port);
    std::mem::swap(&mut row.packets, &mut row.rev_packets);
    std::mem::swap(&mut row.bytes, &mut row.rev_bytes);
    std::mem::swap(&mut row.tcp_flags, &mut row.rev_tcp_flags);
    std::mem::swap(&mut row.src_mac, &mut row.dst_mac);
    row.notes.add_if(true, "src_dst_swapped");
}
