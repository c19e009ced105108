//! Flow records under the common flow schema.
//!
//! A record is one direction. What nfdump calls `out` counters (element 5) are the reverse direction's where an
//! exporter sends them. A zero that stands for "not known" becomes NULL: times, AS numbers, MAC addresses, VLANs, end
//! reason. Ports and TCP flags are those of protocols that have them.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::{Float64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch, StringViewArray};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use flow_source::FlowBatch;
use flow_source::protocol::{ICMP, ICMP6, TCP, has_ports, protocol_name};

use crate::exporters::{Exporter, Exporters};
use crate::record::{END, Place, Rows, START};
use crate::values::{address, addresses, addresses_of, mac, numbers, texts, times, u16_of, u32_of, u64_of};

const fn at(element: u16, offset: usize) -> Place {
    Place { element, offset }
}

const RECEIVED: Place = at(1, 16);
const PACKETS: Place = at(1, 24);
const BYTES: Place = at(1, 32);
const SRC_PORT: Place = at(1, 40);
const DST_PORT: Place = at(1, 42);
const PROTOCOL: Place = at(1, 44);
const TCP_FLAGS: Place = at(1, 45);
const TOS: Place = at(1, 47);
const SRC: (Place, Place) = (at(2, 0), at(3, 0));
const DST: (Place, Place) = (at(2, 4), at(3, 16));
const EXPORTER_ADDRESS: (Place, Place) = (at(12, 0), at(13, 0));
const EXPORTER: Place = at(0, 8);
const FLAGS: Place = at(0, 10);
const FLAG_SAMPLED: u8 = 2;
const DIRECTION_OUT: u8 = 1;

/// Which elements make a flow column; element 0 is the record's header.
const NEEDS: &[(&str, &[u16])] = &[
    ("start_time", &[1, 19, 25]),
    ("end_time", &[1]),
    ("duration_s", &[1]),
    ("received_time", &[1]),
    ("src_ip", &[2, 3]),
    ("dst_ip", &[2, 3]),
    ("src_port", &[1]),
    ("dst_port", &[1]),
    ("protocol", &[1]),
    ("protocol_name", &[1]),
    ("ip_version", &[2, 3]),
    ("packets", &[1]),
    ("bytes", &[1]),
    ("rev_packets", &[5]),
    ("rev_bytes", &[5]),
    ("tcp_flags", &[1]),
    ("tos", &[1]),
    ("icmp_type", &[1]),
    ("icmp_code", &[1]),
    ("flow_count", &[5]),
    ("sampling_rate", &[0, 18]),
    ("in_if", &[4]),
    ("out_if", &[4]),
    ("src_as", &[7]),
    ("dst_as", &[7]),
    ("src_mask", &[4]),
    ("dst_mask", &[4]),
    ("vlan_id", &[6, 38]),
    ("src_mac", &[15]),
    ("dst_mac", &[15]),
    ("direction", &[4]),
    ("end_reason", &[4]),
    ("exporter_ip", &[0, 12, 13]),
    ("observation_domain", &[0, 33]),
    ("uid", &[39]),
    ("notes", &[0, 1, 19, 25]),
];

/// Columns that depend on what exporter and sampler records say.
const NEED_EXPORTERS: &[&str] = &["sampling_rate", "exporter_ip", "observation_domain"];

/// The elements needed for the columns of a (projected) schema.
pub(crate) fn elements(schema: &Schema) -> impl Iterator<Item = u16> {
    NEEDS
        .iter()
        .filter(|(column, _)| schema.column_with_name(column).is_some())
        .flat_map(|(_, elements)| elements.iter().copied())
}

/// Whether exporter and sampler records matter for the columns of a (projected) schema.
pub(crate) fn needs_exporters(schema: &Schema) -> bool {
    NEED_EXPORTERS.iter().any(|column| schema.column_with_name(column).is_some())
}

/// Where rows come from.
pub(crate) struct Origin<'a> {
    pub(crate) path: &'a Path,
    /// Where in the file the block begins.
    pub(crate) block: u64,
    pub(crate) ident: Option<&'a str>,
    pub(crate) exporters: &'a Exporters,
}

/// Flow records of decoded rows.
pub(crate) fn batch(schema: &SchemaRef, rows: &Rows<'_>, origin: &Origin<'_>) -> Result<RecordBatch, ArrowError> {
    let mut flows = FlowBatch::new(Arc::clone(schema), rows.len());
    set_common(&mut flows, rows);
    set_counters(&mut flows, rows);
    set_network(&mut flows, rows);
    let exporter = |row| u16_of(rows, row, EXPORTER).and_then(|number| origin.exporters.get(number));
    flows
        .set_with("sampling_rate", || {
            numbers::<UInt64Type>(rows, |row| {
                let sampler = u64_of(rows, row, at(18, 0)).map(u64::cast_signed);
                exporter(row)?.sampling_rate(sampler)
            })
        })
        .set_with("exporter_ip", || {
            addresses_of(rows, |row| {
                let written = address(rows, row, EXPORTER_ADDRESS.0, EXPORTER_ADDRESS.1);
                written.filter(|address| !address.is_unspecified()).or_else(|| exporter(row)?.address)
            })
        })
        .set_with("observation_domain", || {
            texts(rows, |row, text| {
                let domain = u32_of(rows, row, at(33, 8)).or_else(|| exporter(row).and_then(domain_of))?;
                write!(text, "{domain}").ok()
            })
        })
        .set_with("sensor", || constant(origin.ident, rows.len()))
        .set_with("source", || constant(Some(crate::NAME), rows.len()))
        .set_with("source_row", || {
            let prefix = format!("{}:{}+", origin.path.display(), origin.block);
            texts(rows, |row, text| {
                text.push_str(&prefix);
                write!(text, "{}", rows.number(row)).ok()
            })
        })
        .set_with("notes", || notes(rows));
    flows.finish()
}

/// NetFlow 9 and IPFIX number their sources; the number of older versions is the engine.
fn domain_of(exporter: &Exporter) -> Option<u32> {
    (exporter.version >= 9).then_some(exporter.domain)
}

fn set_common(flows: &mut FlowBatch, rows: &Rows<'_>) {
    flows
        .set_with("start_time", || times(rows, |row| start(rows, row)))
        .set_with("end_time", || times(rows, |row| rows.moment(row, END)))
        .set_with("duration_s", || numbers::<Float64Type>(rows, |row| duration(rows, row)))
        .set_with("received_time", || times(rows, |row| rows.moment(row, RECEIVED)))
        .set_with("src_ip", || addresses(rows, SRC.0, SRC.1))
        .set_with("dst_ip", || addresses(rows, DST.0, DST.1))
        .set_with("src_port", || numbers::<UInt16Type>(rows, |row| port(rows, row, SRC_PORT)))
        .set_with("dst_port", || numbers::<UInt16Type>(rows, |row| port(rows, row, DST_PORT)))
        .set_with("protocol", || numbers::<UInt8Type>(rows, |row| protocol(rows, row)))
        .set_with("protocol_name", || {
            texts(rows, |row, text| {
                text.push_str(protocol_name(protocol(rows, row)?)?);
                Some(())
            })
        })
        .set_with("ip_version", || {
            numbers::<UInt8Type>(rows, |row| match (rows.has(row, 2), rows.has(row, 3)) {
                (true, _) => Some(4),
                (false, true) => Some(6),
                (false, false) => None,
            })
        })
        .set_with("tcp_flags", || {
            numbers::<UInt16Type>(rows, |row| {
                let is_tcp = protocol(rows, row)? == TCP;
                is_tcp.then(|| byte(rows, row, TCP_FLAGS).map(u16::from))?
            })
        })
        .set_with("tos", || numbers::<UInt8Type>(rows, |row| byte(rows, row, TOS)))
        .set_with("icmp_type", || numbers::<UInt8Type>(rows, |row| icmp(rows, row).map(|[_, kind]| kind)))
        .set_with("icmp_code", || numbers::<UInt8Type>(rows, |row| icmp(rows, row).map(|[code, _]| code)));
}

fn set_counters(flows: &mut FlowBatch, rows: &Rows<'_>) {
    flows
        .set_with("packets", || numbers::<UInt64Type>(rows, |row| u64_of(rows, row, PACKETS)))
        .set_with("bytes", || numbers::<UInt64Type>(rows, |row| u64_of(rows, row, BYTES)))
        .set_with("rev_packets", || numbers::<UInt64Type>(rows, |row| u64_of(rows, row, at(5, 8))))
        .set_with("rev_bytes", || numbers::<UInt64Type>(rows, |row| u64_of(rows, row, at(5, 16))))
        .set_with("flow_count", || {
            numbers::<UInt64Type>(rows, |row| Some(u64_of(rows, row, at(5, 0)).filter(|count| *count > 0).unwrap_or(1)))
        });
}

fn set_network(flows: &mut FlowBatch, rows: &Rows<'_>) {
    let known = |place| numbers::<UInt32Type>(rows, move |row| u32_of(rows, row, place).filter(|number| *number != 0));
    flows
        .set_with("in_if", || numbers::<UInt32Type>(rows, |row| u32_of(rows, row, at(4, 0))))
        .set_with("out_if", || numbers::<UInt32Type>(rows, |row| u32_of(rows, row, at(4, 4))))
        .set_with("src_as", || known(at(7, 0)))
        .set_with("dst_as", || known(at(7, 4)))
        .set_with("src_mask", || numbers::<UInt8Type>(rows, |row| byte(rows, row, at(4, 8))))
        .set_with("dst_mask", || numbers::<UInt8Type>(rows, |row| byte(rows, row, at(4, 9))))
        .set_with("vlan_id", || numbers::<UInt16Type>(rows, |row| vlan(rows, row)))
        .set_with("src_mac", || texts(rows, |row, text| mac(rows, row, at(15, 0), text)))
        .set_with("dst_mac", || texts(rows, |row, text| mac(rows, row, at(15, 16), text)))
        .set_with("direction", || {
            // 0 is both "in" and "not exported".
            texts(rows, |row, text| {
                let is_out = byte(rows, row, at(4, 10))? == DIRECTION_OUT;
                is_out.then(|| text.push_str("out"))
            })
        })
        .set_with("end_reason", || {
            numbers::<UInt8Type>(rows, |row| byte(rows, row, at(4, 13)).filter(|reason| *reason != 0))
        })
        .set_with("uid", || texts(rows, |row, text| write!(text, "{}", u64_of(rows, row, at(39, 0))?).ok()));
}

fn byte(rows: &Rows<'_>, row: usize, place: Place) -> Option<u8> {
    rows.bytes(row, place).map(|[byte]| byte)
}

fn protocol(rows: &Rows<'_>, row: usize) -> Option<u8> {
    byte(rows, row, PROTOCOL)
}

/// The start; where an event has none, its time.
fn start(rows: &Rows<'_>, row: usize) -> Option<i64> {
    rows.moment(row, START).or_else(|| rows.moment(row, at(19, 0))).or_else(|| rows.moment(row, at(25, 0)))
}

/// Seconds; `None` when a time is missing or the end is before the start.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of a flow's duration are far below 2^53")]
fn duration(rows: &Rows<'_>, row: usize) -> Option<f64> {
    let millis = rows.moment(row, END)?.checked_sub(rows.moment(row, START)?)? / 1_000_000;
    (millis >= 0).then_some(millis as f64 / 1000.0)
}

fn port(rows: &Rows<'_>, row: usize, place: Place) -> Option<u16> {
    let port = u16_of(rows, row, place)?;
    let protocol = protocol(rows, row)?;
    (has_ports(protocol) || (port != 0 && !matches!(protocol, ICMP | ICMP6))).then_some(port)
}

/// Code and type, in this order in the place of the destination port.
fn icmp(rows: &Rows<'_>, row: usize) -> Option<[u8; 2]> {
    matches!(protocol(rows, row)?, ICMP | ICMP6).then(|| rows.bytes(row, DST_PORT))?
}

fn vlan(rows: &Rows<'_>, row: usize) -> Option<u16> {
    let source = u32_of(rows, row, at(6, 0)).and_then(|vlan| u16::try_from(vlan).ok());
    source.filter(|vlan| *vlan != 0).or_else(|| u16_of(rows, row, at(38, 0)).filter(|vlan| *vlan != 0))
}

fn constant(text: Option<&str>, rows: usize) -> ArrayRef {
    Arc::new(std::iter::repeat_n(text, rows).collect::<StringViewArray>())
}

fn notes(rows: &Rows<'_>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for row in 0..rows.len() {
        let (start, end) = (start(rows, row), rows.moment(row, END));
        let is_sampled = byte(rows, row, FLAGS).is_some_and(|flags| flags & FLAG_SAMPLED != 0);
        let found = [
            (start.is_none(), "time_missing"),
            (start.zip(end).is_some_and(|(start, end)| end < start), "end_before_start"),
            (is_sampled, "scaled_by_sampling"),
        ];
        let mut noted = false;
        for (_, note) in found.iter().filter(|(is_so, _)| *is_so) {
            builder.values().append_value(note);
            noted = true;
        }
        builder.append(noted);
    }
    Arc::new(builder.finish())
}
