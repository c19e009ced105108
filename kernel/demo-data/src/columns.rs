//! Flows as a record batch of the common flow schema.
//!
//! The only file that knows the names of that schema's columns. A column that the demo has no value for (MAC
//! addresses, masks, notes) is left out and so NULL.

use std::net::IpAddr;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float64Array, RecordBatch, StringViewArray, TimestampNanosecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use arrow_schema::ArrowError;
use flow_source::{AddressBuilder, FlowBatch};

use crate::campus;
use crate::day::epoch_ns;
use crate::flow::{Flow, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP};
use crate::internet::autonomous_system;

const SOURCE: &str = "demo-data";
const SENSOR: &str = "campus-border";
const OBSERVATION_DOMAIN: &str = "1";
/// Interface indexes of the exporting router.
const CAMPUS_INTERFACE: u32 = 1;
const UPLINK_INTERFACE: u32 = 2;
/// The exporter sends what has ended once in this time.
const EXPORT_INTERVAL_US: u64 = 5_000_000;
/// IPFIX flowEndReason (information element 136).
const END_IDLE: u8 = 1;
const END_ACTIVE: u8 = 2;
const END_DETECTED: u8 = 3;

/// `flows` as one batch with all columns of the common flow schema.
pub(crate) fn batch_of(flows: &[Flow]) -> Result<RecordBatch, ArrowError> {
    let mut batch = FlowBatch::new(flow_source::flow_schema(), flows.len());
    set_times(&mut batch, flows);
    set_ends(&mut batch, flows);
    set_counters(&mut batch, flows);
    set_routing(&mut batch, flows);
    set_meaning(&mut batch, flows);
    batch.finish()
}

pub(crate) fn protocol_name(protocol: u8) -> &'static str {
    match protocol {
        PROTOCOL_ICMP => "icmp",
        PROTOCOL_TCP => "tcp",
        PROTOCOL_UDP => "udp",
        _ => "unknown_transport",
    }
}

fn set_times(batch: &mut FlowBatch, flows: &[Flow]) {
    batch.set("start_time", times(flows, |flow| flow.start_us));
    batch.set("end_time", times(flows, Flow::end_us));
    batch.set("received_time", times(flows, |flow| (flow.end_us() / EXPORT_INTERVAL_US + 1) * EXPORT_INTERVAL_US));
    let durations = flows.iter().map(|flow| flow.duration_us as f64 / 1e6);
    batch.set("duration_s", Arc::new(Float64Array::from_iter_values(durations)));
}

fn set_ends(batch: &mut FlowBatch, flows: &[Flow]) {
    batch.set("src_ip", addresses(flows, |flow| flow.ends.src));
    batch.set("dst_ip", addresses(flows, |flow| flow.ends.dst));
    batch.set("exporter_ip", addresses(flows, |_| campus::EXPORTER.into()));
    let has_ports = |flow: &Flow| flow.protocol != PROTOCOL_ICMP;
    batch.set("src_port", u16s(flows, |flow| has_ports(flow).then_some(flow.ends.src_port)));
    batch.set("dst_port", u16s(flows, |flow| has_ports(flow).then_some(flow.ends.dst_port)));
    batch.set("icmp_type", u8s(flows, |flow| (!has_ports(flow)).then_some(flow.ends.src_port as u8)));
    batch.set("icmp_code", u8s(flows, |flow| (!has_ports(flow)).then_some(0)));
    batch.set("protocol", u8s(flows, |flow| Some(flow.protocol)));
    batch.set("protocol_name", texts(flows, |flow| Some(protocol_name(flow.protocol))));
    batch.set("ip_version", u8s(flows, |flow| Some(if flow.ends.src.is_ipv4() { 4 } else { 6 })));
}

fn set_counters(batch: &mut FlowBatch, flows: &[Flow]) {
    batch.set("packets", u64s(flows, |flow| Some(flow.forward.packets)));
    batch.set("bytes", u64s(flows, |flow| Some(flow.forward.bytes)));
    batch.set("rev_packets", u64s(flows, |flow| Some(flow.reverse.packets)));
    batch.set("rev_bytes", u64s(flows, |flow| Some(flow.reverse.bytes)));
    // Zeek gives no payload for a single packet; the probe follows it, so that both say the same.
    let has_payload = |flow: &Flow| flow.duration_us > 0;
    batch.set("payload_bytes", u64s(flows, |flow| has_payload(flow).then_some(flow.forward.payload)));
    batch.set("rev_payload_bytes", u64s(flows, |flow| has_payload(flow).then_some(flow.reverse.payload)));
    let is_tcp = |flow: &Flow| flow.protocol == PROTOCOL_TCP;
    batch.set("tcp_flags", u16s(flows, |flow| is_tcp(flow).then_some(flow.forward.tcp_flags)));
    batch.set("rev_tcp_flags", u16s(flows, |flow| is_tcp(flow).then_some(flow.reverse.tcp_flags)));
    batch.set("flow_count", u64s(flows, |_| Some(1)));
    batch.set("sampling_rate", u64s(flows, |_| Some(1)));
}

fn set_routing(batch: &mut FlowBatch, flows: &[Flow]) {
    let interface = |address| {
        if campus::is_internal(address) { CAMPUS_INTERFACE } else { UPLINK_INTERFACE }
    };
    batch.set("in_if", u32s(flows, |flow| Some(interface(flow.ends.src))));
    batch.set("out_if", u32s(flows, |flow| Some(interface(flow.ends.dst))));
    batch.set("src_as", u32s(flows, |flow| autonomous_system(flow.ends.src)));
    batch.set("dst_as", u32s(flows, |flow| autonomous_system(flow.ends.dst)));
    batch.set("vlan_id", u16s(flows, |flow| vlan(flow.ends.src)));
    // The probe reads the traffic class of IPv4 only.
    batch.set("tos", u8s(flows, |flow| flow.ends.src.is_ipv4().then_some(0)));
    batch.set("direction", texts(flows, |flow| Some(direction(flow))));
    batch.set("end_reason", u8s(flows, |flow| Some(end_reason(flow))));
}

fn set_meaning(batch: &mut FlowBatch, flows: &[Flow]) {
    batch.set("app_protocol", texts(flows, |flow| flow.service));
    batch.set("conn_state", texts(flows, |flow| Some(flow.conn_state)));
    batch.set("uid", texts(flows, |flow| flow.uid.as_ref().map(crate::dice::Uid::as_str)));
    batch.set("community_id", Arc::new(StringViewArray::from_iter(flows.iter().map(Flow::community_id))));
    batch.set("observation_domain", texts(flows, |_| Some(OBSERVATION_DOMAIN)));
    batch.set("sensor", texts(flows, |_| Some(SENSOR)));
    batch.set("source", texts(flows, |_| Some(SOURCE)));
}

/// The VLAN number is the third octet of the internal network plus a hundred; outside there is none.
fn vlan(address: IpAddr) -> Option<u16> {
    if !campus::is_internal(address) {
        return None;
    }
    let network = match address {
        IpAddr::V4(address) => u16::from(address.octets()[2]),
        IpAddr::V6(address) => address.segments()[3],
    };
    Some(100 + network)
}

fn direction(flow: &Flow) -> &'static str {
    match (campus::is_internal(flow.ends.src), campus::is_internal(flow.ends.dst)) {
        (true, true) => "internal",
        (true, false) => "out",
        (false, true) => "in",
        (false, false) => "external",
    }
}

fn end_reason(flow: &Flow) -> u8 {
    match flow.conn_state {
        "S1" => END_ACTIVE,
        "SF" | "REJ" | "RSTO" | "RSTR" if flow.protocol == PROTOCOL_TCP => END_DETECTED,
        _ => END_IDLE,
    }
}

fn times(flows: &[Flow], moment_us: impl Fn(&Flow) -> u64) -> ArrayRef {
    let values = flows.iter().map(|flow| epoch_ns(moment_us(flow)));
    Arc::new(TimestampNanosecondArray::from_iter_values(values).with_timezone("UTC"))
}

fn addresses(flows: &[Flow], address: impl Fn(&Flow) -> IpAddr) -> ArrayRef {
    flows.iter().map(|flow| Some(address(flow))).collect::<AddressBuilder>().finish()
}

fn texts<'a>(flows: &'a [Flow], text: impl Fn(&'a Flow) -> Option<&'a str>) -> ArrayRef {
    Arc::new(flows.iter().map(text).collect::<StringViewArray>())
}

fn u8s(flows: &[Flow], value: impl Fn(&Flow) -> Option<u8>) -> ArrayRef {
    Arc::new(flows.iter().map(value).collect::<UInt8Array>())
}

fn u16s(flows: &[Flow], value: impl Fn(&Flow) -> Option<u16>) -> ArrayRef {
    Arc::new(flows.iter().map(value).collect::<UInt16Array>())
}

fn u32s(flows: &[Flow], value: impl Fn(&Flow) -> Option<u32>) -> ArrayRef {
    Arc::new(flows.iter().map(value).collect::<UInt32Array>())
}

fn u64s(flows: &[Flow], value: impl Fn(&Flow) -> Option<u64>) -> ArrayRef {
    Arc::new(flows.iter().map(value).collect::<UInt64Array>())
}
