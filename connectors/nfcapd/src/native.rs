//! One column per field of a record, named as in nfdump's JSON output where that has it.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, Schema, SchemaRef};

use crate::record::{Place, Rows};
use crate::values::Value;

const fn at(element: u16, offset: usize) -> Place {
    Place { element, offset }
}

use Value::{AccessList, Address, Bytes, Flag, Label, Labels, Mac, Text, Time, U8, U16, U32, U64};

/// The columns, in the order of the elements.
#[rustfmt::skip]
const COLUMNS: &[(&str, Value)] = &[
    ("first",                Time(at(1, 0))),
    ("last",                 Time(at(1, 8))),
    ("received",             Time(at(1, 16))),
    ("in_packets",           U64(at(1, 24))),
    ("in_bytes",             U64(at(1, 32))),
    ("proto",                U8(at(1, 44))),
    ("tcp_flags",            U8(at(1, 45))),
    ("src_port",             U16(at(1, 40))),
    ("dst_port",             U16(at(1, 42))),
    ("icmp_type",            U8(at(1, 43))),
    ("icmp_code",            U8(at(1, 42))),
    ("fwd_status",           U8(at(1, 46))),
    ("src_tos",              U8(at(1, 47))),
    ("src_addr",             Address(at(2, 0), at(3, 0))),
    ("dst_addr",             Address(at(2, 4), at(3, 16))),
    ("input_snmp",           U32(at(4, 0))),
    ("output_snmp",          U32(at(4, 4))),
    ("src_mask",             U8(at(4, 8))),
    ("dst_mask",             U8(at(4, 9))),
    ("direction",            U8(at(4, 10))),
    ("dst_tos",              U8(at(4, 11))),
    ("biflow_direction",     U8(at(4, 12))),
    ("end_reason",           U8(at(4, 13))),
    ("aggr_flows",           U64(at(5, 0))),
    ("out_packets",          U64(at(5, 8))),
    ("out_bytes",            U64(at(5, 16))),
    ("src_vlan",             U32(at(6, 0))),
    ("dst_vlan",             U32(at(6, 4))),
    ("src_as",               U32(at(7, 0))),
    ("dst_as",               U32(at(7, 4))),
    ("bgp_next_hop",         Address(at(8, 0), at(9, 0))),
    ("ip_next_hop",          Address(at(10, 0), at(11, 0))),
    ("ip_router",            Address(at(12, 0), at(13, 0))),
    ("mpls_labels",          Labels(at(14, 0))),
    ("in_src_mac",           Mac(at(15, 0))),
    ("out_dst_mac",          Mac(at(15, 8))),
    ("in_dst_mac",           Mac(at(15, 16))),
    ("out_src_mac",          Mac(at(15, 24))),
    ("next_as",              U32(at(16, 0))),
    ("prev_as",              U32(at(16, 4))),
    ("client_latency_us",    U64(at(17, 0))),
    ("server_latency_us",    U64(at(17, 8))),
    ("app_latency_us",       U64(at(17, 16))),
    ("sampler_id",           U64(at(18, 0))),
    ("event_time",           Time(at(19, 0))),
    ("connection_id",        U32(at(19, 8))),
    ("fw_xevent",            U16(at(19, 12))),
    ("fw_event",             U8(at(19, 14))),
    ("src_xlt_ip",           Address(at(20, 0), at(21, 0))),
    ("dst_xlt_ip",           Address(at(20, 4), at(21, 16))),
    ("src_xlt_port",         U16(at(22, 0))),
    ("dst_xlt_port",         U16(at(22, 2))),
    ("ingress_acl",          AccessList(at(23, 0))),
    ("egress_acl",           AccessList(at(23, 12))),
    ("user_name",            Text(at(24, 0), 66)),
    ("nat_event_time",       Time(at(25, 0))),
    ("nat_pool_id",          U32(at(25, 8))),
    ("nat_event",            U8(at(25, 12))),
    ("port_block_start",     U16(at(26, 0))),
    ("port_block_end",       U16(at(26, 2))),
    ("port_block_step",      U16(at(26, 4))),
    ("port_block_size",      U16(at(26, 6))),
    ("nbar_app_id",          Bytes(27)),
    ("label",                Label(28)),
    ("in_payload",           Bytes(29)),
    ("out_payload",          Bytes(30)),
    ("src_tun_ip",           Address(at(31, 0), at(32, 0))),
    ("dst_tun_ip",           Address(at(31, 4), at(32, 16))),
    ("observation_point",    U64(at(33, 0))),
    ("observation_domain",   U32(at(33, 8))),
    ("frame_size",           U16(at(34, 0))),
    ("link_type",            U16(at(34, 2))),
    ("frame",                Bytes(35)),
    ("egress_vrf",           U32(at(36, 0))),
    ("ingress_vrf",          U32(at(36, 4))),
    ("pf_action",            U8(at(37, 0))),
    ("pf_reason",            U8(at(37, 1))),
    ("pf_direction",         U8(at(37, 2))),
    ("pf_rule",              U32(at(37, 4))),
    ("vlan_id",              U16(at(38, 0))),
    ("customer_vlan_id",     U16(at(38, 2))),
    ("post_vlan_id",         U16(at(38, 4))),
    ("post_customer_vlan_id", U16(at(38, 6))),
    ("physical_ingress",     U32(at(38, 8))),
    ("physical_egress",      U32(at(38, 12))),
    ("vxlan",                U64(at(38, 16))),
    ("ether_type",           U16(at(38, 24))),
    ("flow_id",              U64(at(39, 0))),
    ("in_service_id",        U16(at(40, 0))),
    ("out_service_id",       U16(at(40, 2))),
    ("nat_sub_string",       Label(41)),
    ("fragment_flags",       U8(at(42, 1))),
    ("min_ttl",              U8(at(42, 2))),
    ("max_ttl",              U8(at(42, 3))),
    ("engine_type",          U8(at(0, 6))),
    ("engine_id",            U8(at(0, 7))),
    ("export_sysid",         U16(at(0, 8))),
    ("is_event",             Flag(at(0, 10), 1)),
    ("sampled",              Flag(at(0, 10), 2)),
    ("anonymised",           Flag(at(0, 10), 4)),
    ("netflow_version",      U8(at(0, 11))),
];

pub(crate) fn schema() -> SchemaRef {
    let fields = COLUMNS.iter().map(|(name, value)| value.field(name));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn value(name: &str) -> Option<Value> {
    COLUMNS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// The elements that the columns of a (projected) schema are read from.
pub(crate) fn elements(schema: &Schema) -> impl Iterator<Item = u16> {
    schema.fields().iter().filter_map(|field| value(field.name())).flat_map(Value::elements)
}

pub(crate) fn batch(schema: &SchemaRef, rows: &Rows<'_>) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().filter_map(|field| value(field.name())).map(|value| value.column(rows));
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect(), &options)
}
