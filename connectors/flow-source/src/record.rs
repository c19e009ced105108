//! One flow as a plain struct that owns what it says, and batches of such flows: for connectors that keep flows and
//! bring them in order before they become rows. Those that do not fill a [`crate::FlowRows`].
//!
//! Only the columns that a query wants are made. What a connector's bytes mean is its own business.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder, StringViewBuilder};
use arrow_array::{
    ArrayRef, Float64Array, RecordBatch, StringViewArray, TimestampNanosecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use arrow_schema::{ArrowError, SchemaRef};

use crate::address::AddressBuilder;
use crate::builder::FlowBatch;
use crate::community_id::community_id;
use crate::protocol::{ICMP, ICMP6, protocol_name};

/// Remarks on one flow, as a set; their texts are the values of the column `notes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes(u16);

impl Notes {
    /// The source gives no time, or zero.
    pub const TIME_MISSING: Self = Self(1);
    /// Counts are of what leaves the exporter, because it gives no others.
    pub const EGRESS_COUNTS: Self = Self(1 << 1);
    /// A number that does not fit its column was left out.
    pub const VALUE_TOO_LARGE: Self = Self(1 << 2);
    /// The record was described by a template of another file of the table.
    pub const FOREIGN_TEMPLATE: Self = Self(1 << 3);
    /// At least one packet is a fragment.
    pub const FRAGMENTS: Self = Self(1 << 4);
    /// At least one packet was captured in part.
    pub const TRUNCATED: Self = Self(1 << 5);
    /// The first packet seen is not the first of the connection.
    pub const MIDSTREAM: Self = Self(1 << 6);
    /// Source and destination were exchanged.
    pub const SWAPPED: Self = Self(1 << 7);

    const TEXTS: &[(Self, &str)] = &[
        (Self::TIME_MISSING, "time_missing"),
        (Self::EGRESS_COUNTS, "egress_counts"),
        (Self::VALUE_TOO_LARGE, "value_too_large"),
        (Self::FOREIGN_TEMPLATE, "foreign_template"),
        (Self::FRAGMENTS, "fragments"),
        (Self::TRUNCATED, "truncated"),
        (Self::MIDSTREAM, "midstream"),
        (Self::SWAPPED, "src_dst_swapped"),
    ];

    /// Adds another remark.
    pub fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether the remark is in the set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The texts of the remarks in the set.
    pub fn texts(self) -> impl Iterator<Item = &'static str> {
        Self::TEXTS.iter().filter(move |(note, _)| self.has(*note)).map(|(_, text)| *text)
    }
}

/// One flow. Fields are the columns of [`crate::flow_schema`]; `None` is "the source does not say".
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the columns are described in `schema`, times are nanoseconds since 1970-01-01 UTC")]
pub struct FlowRecord {
    pub start_time: Option<i64>,
    pub end_time: Option<i64>,
    pub duration_s: Option<f64>,
    pub received_time: Option<i64>,
    pub src_ip: Option<IpAddr>,
    pub dst_ip: Option<IpAddr>,
    pub src_port: Option<u16>,
    pub dst_port: Option<u16>,
    pub protocol: Option<u8>,
    pub ip_version: Option<u8>,
    pub packets: Option<u64>,
    pub bytes: Option<u64>,
    pub rev_packets: Option<u64>,
    pub rev_bytes: Option<u64>,
    pub payload_bytes: Option<u64>,
    pub rev_payload_bytes: Option<u64>,
    pub tcp_flags: Option<u16>,
    pub rev_tcp_flags: Option<u16>,
    pub tos: Option<u8>,
    pub icmp_type: Option<u8>,
    pub icmp_code: Option<u8>,
    pub flow_count: Option<u64>,
    pub sampling_rate: Option<u64>,
    pub in_if: Option<u32>,
    pub out_if: Option<u32>,
    pub src_as: Option<u32>,
    pub dst_as: Option<u32>,
    pub src_mask: Option<u8>,
    pub dst_mask: Option<u8>,
    pub vlan_id: Option<u16>,
    pub src_mac: Option<[u8; 6]>,
    pub dst_mac: Option<[u8; 6]>,
    pub direction: Option<&'static str>,
    pub app_protocol: Option<Box<str>>,
    pub conn_state: Option<&'static str>,
    pub end_reason: Option<u8>,
    pub exporter_ip: Option<IpAddr>,
    pub observation_domain: Option<u32>,
    pub flow_id: Option<u64>,
    /// Where the record begins in its file, for `source_row`; `None` for flows that no file holds.
    pub offset: Option<u64>,
    pub notes: Notes,
}

impl FlowRecord {
    /// The Community ID with seed 0.
    pub fn community_id(&self) -> Option<String> {
        let protocol = self.protocol?;
        let ports = match protocol {
            ICMP | ICMP6 => self.icmp_type.map(u16::from).zip(self.icmp_code.map(u16::from)),
            _ => self.src_port.zip(self.dst_port),
        };
        community_id(0, protocol, self.src_ip?, self.dst_ip?, ports)
    }

    /// Seconds from start to end where the source gives no duration.
    fn seconds(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "durations are far below 2^53 ns, or precise enough")]
        let between = |(start, end): (i64, i64)| end.checked_sub(start).map(|nanos| nanos as f64 / 1e9);
        self.duration_s.or_else(|| between(self.start_time.zip(self.end_time)?))
    }
}

/// `aa:bb:cc:dd:ee:ff`.
pub fn mac_text(mac: [u8; 6]) -> String {
    let [a, b, c, d, e, f] = mac;
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

/// Flows as a batch of `schema`, which is [`crate::flow_schema`] or a projection of it.
///
/// `source` is the connector's name, `place` the file or the listener from which the flows come.
///
/// # Errors
/// None that a schema of this crate can cause; see [`FlowBatch::finish`].
pub fn batch_of(
    schema: &SchemaRef,
    flows: &[FlowRecord],
    source: &str,
    place: Option<&Path>,
) -> Result<RecordBatch, ArrowError> {
    let mut batch = FlowBatch::new(Arc::clone(schema), flows.len());
    set_times(&mut batch, flows);
    set_ends(&mut batch, flows);
    set_counters(&mut batch, flows);
    set_routing(&mut batch, flows);
    batch
        .set_with("direction", || texts(flows, |flow| flow.direction))
        .set_with("app_protocol", || texts(flows, |flow| flow.app_protocol.as_deref()))
        .set_with("conn_state", || texts(flows, |flow| flow.conn_state))
        .set_with("observation_domain", || owned(flows, |flow| Some(flow.observation_domain?.to_string())))
        .set_with("uid", || owned(flows, |flow| Some(flow.flow_id?.to_string())))
        .set_with("community_id", || owned(flows, FlowRecord::community_id))
        .set_with("source", || texts(flows, |_| Some(source)))
        .set_with("source_row", || source_rows(flows, place))
        .set_with("notes", || notes(flows));
    batch.finish()
}

fn set_times(batch: &mut FlowBatch, flows: &[FlowRecord]) {
    batch
        .set_with("start_time", || times(flows, |flow| flow.start_time))
        .set_with("end_time", || times(flows, |flow| flow.end_time))
        .set_with("received_time", || times(flows, |flow| flow.received_time))
        .set_with("duration_s", || {
            Arc::new(flows.iter().map(FlowRecord::seconds).collect::<Float64Array>()) as ArrayRef
        });
}

fn set_ends(batch: &mut FlowBatch, flows: &[FlowRecord]) {
    batch
        .set_with("src_ip", || addresses(flows, |flow| flow.src_ip))
        .set_with("dst_ip", || addresses(flows, |flow| flow.dst_ip))
        .set_with("exporter_ip", || addresses(flows, |flow| flow.exporter_ip))
        .set_with("src_port", || u16s(flows, |flow| flow.src_port))
        .set_with("dst_port", || u16s(flows, |flow| flow.dst_port))
        .set_with("protocol", || u8s(flows, |flow| flow.protocol))
        .set_with("protocol_name", || texts(flows, |flow| flow.protocol.and_then(protocol_name)))
        .set_with("ip_version", || u8s(flows, |flow| flow.ip_version))
        .set_with("icmp_type", || u8s(flows, |flow| flow.icmp_type))
        .set_with("icmp_code", || u8s(flows, |flow| flow.icmp_code))
        .set_with("src_mac", || owned(flows, |flow| flow.src_mac.map(mac_text)))
        .set_with("dst_mac", || owned(flows, |flow| flow.dst_mac.map(mac_text)));
}

fn set_counters(batch: &mut FlowBatch, flows: &[FlowRecord]) {
    batch
        .set_with("packets", || u64s(flows, |flow| flow.packets))
        .set_with("bytes", || u64s(flows, |flow| flow.bytes))
        .set_with("rev_packets", || u64s(flows, |flow| flow.rev_packets))
        .set_with("rev_bytes", || u64s(flows, |flow| flow.rev_bytes))
        .set_with("payload_bytes", || u64s(flows, |flow| flow.payload_bytes))
        .set_with("rev_payload_bytes", || u64s(flows, |flow| flow.rev_payload_bytes))
        .set_with("tcp_flags", || u16s(flows, |flow| flow.tcp_flags))
        .set_with("rev_tcp_flags", || u16s(flows, |flow| flow.rev_tcp_flags))
        .set_with("tos", || u8s(flows, |flow| flow.tos))
        .set_with("flow_count", || u64s(flows, |flow| flow.flow_count))
        .set_with("sampling_rate", || u64s(flows, |flow| flow.sampling_rate))
        .set_with("end_reason", || u8s(flows, |flow| flow.end_reason));
}

fn set_routing(batch: &mut FlowBatch, flows: &[FlowRecord]) {
    batch
        .set_with("in_if", || u32s(flows, |flow| flow.in_if))
        .set_with("out_if", || u32s(flows, |flow| flow.out_if))
        .set_with("src_as", || u32s(flows, |flow| flow.src_as))
        .set_with("dst_as", || u32s(flows, |flow| flow.dst_as))
        .set_with("src_mask", || u8s(flows, |flow| flow.src_mask))
        .set_with("dst_mask", || u8s(flows, |flow| flow.dst_mask))
        .set_with("vlan_id", || u16s(flows, |flow| flow.vlan_id));
}

fn times(flows: &[FlowRecord], value: impl Fn(&FlowRecord) -> Option<i64>) -> ArrayRef {
    Arc::new(flows.iter().map(value).collect::<TimestampNanosecondArray>().with_timezone("UTC"))
}

fn u8s(flows: &[FlowRecord], value: impl Fn(&FlowRecord) -> Option<u8>) -> ArrayRef {
    Arc::new(flows.iter().map(value).collect::<UInt8Array>())
}

fn u16s(flows: &[FlowRecord], value: impl Fn(&FlowRecord) -> Option<u16>) -> ArrayRef {
    Arc::new(flows.iter().map(value).collect::<UInt16Array>())
}

fn u32s(flows: &[FlowRecord], value: impl Fn(&FlowRecord) -> Option<u32>) -> ArrayRef {
    Arc::new(flows.iter().map(value).collect::<UInt32Array>())
}

fn u64s(flows: &[FlowRecord], value: impl Fn(&FlowRecord) -> Option<u64>) -> ArrayRef {
    Arc::new(flows.iter().map(value).collect::<UInt64Array>())
}

fn texts<'a>(flows: &'a [FlowRecord], value: impl Fn(&'a FlowRecord) -> Option<&'a str>) -> ArrayRef {
    Arc::new(flows.iter().map(value).collect::<StringViewArray>())
}

fn owned(flows: &[FlowRecord], value: impl Fn(&FlowRecord) -> Option<String>) -> ArrayRef {
    Arc::new(flows.iter().map(value).collect::<StringViewArray>())
}

fn addresses(flows: &[FlowRecord], value: impl Fn(&FlowRecord) -> Option<IpAddr>) -> ArrayRef {
    let mut builder = AddressBuilder::with_capacity(flows.len());
    flows.iter().for_each(|flow| builder.append_option(value(flow)));
    builder.finish()
}

fn source_rows(flows: &[FlowRecord], place: Option<&Path>) -> ArrayRef {
    let mut builder = StringViewBuilder::with_capacity(flows.len());
    let mut text = place.map(|place| place.to_string_lossy().into_owned()).unwrap_or_default();
    let name = text.len();
    for flow in flows {
        text.truncate(name);
        if let Some(offset) = flow.offset {
            // Writing to a String cannot fail.
            let _ = write!(text, ":{offset}");
        }
        builder.append_option((!text.is_empty()).then_some(&text));
    }
    Arc::new(builder.finish())
}

fn notes(flows: &[FlowRecord]) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for flow in flows {
        flow.notes.texts().for_each(|text| builder.values().append_value(text));
        builder.append(flow.notes != Notes::default());
    }
    Arc::new(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow_schema;
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    #[test]
    fn a_flow_becomes_a_row() {
        let mut notes = Notes::TIME_MISSING;
        notes.add(Notes::FRAGMENTS);
        let flow = FlowRecord {
            start_time: Some(1_500_000_000),
            end_time: Some(2_000_000_000),
            src_mac: Some([0, 1, 2, 0xa, 0xb, 0xc]),
            protocol: Some(6),
            observation_domain: Some(6),
            offset: Some(40),
            notes,
            ..FlowRecord::default()
        };
        let batch = batch_of(&flow_schema(), &[flow, FlowRecord::default()], "test", Some(Path::new("a.pcap")))
            .expect("the types are the schema's");
        let text = |name: &str| batch.column_by_name(name).expect("a column").as_string_view().value(0).to_owned();
        assert_eq!(text("src_mac"), "00:01:02:0a:0b:0c");
        assert_eq!(text("protocol_name"), "tcp");
        assert_eq!(text("observation_domain"), "6");
        assert_eq!(text("source_row"), "a.pcap:40");
        let seconds = batch.column_by_name("duration_s").expect("a column");
        assert!((seconds.as_primitive::<arrow_array::types::Float64Type>().value(0) - 0.5).abs() < 1e-12);
        let notes = batch.column_by_name("notes").expect("a column").as_list::<i32>();
        assert_eq!((notes.value_length(0), notes.is_null(1)), (2, true));
    }

    #[test]
    fn what_is_not_known_is_null() {
        let batch = batch_of(&flow_schema(), &[FlowRecord::default()], "test", None).expect("the types match");
        let known: Vec<&str> = batch
            .schema_ref()
            .fields()
            .iter()
            .zip(batch.columns())
            .filter(|(_, column)| column.null_count() == 0)
            .map(|(field, _)| field.name().as_str())
            .collect();
        assert_eq!(known, ["source"]);
    }
}
