//! The common flow record: one row is one flow, forward = initiator to responder (RFC 5103 biflow).
//!
//! Names are flat and lower case so that SQL needs no quotes; meanings and units are those of the IPFIX information
//! elements (IANA registry, RFC 7012). A value a source does not know is NULL, never 0. Only the shape is here: how
//! a source's columns become these is the business of its connector.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::address::{IpType, ip_type};

/// What a column holds; the Arrow type behind it is decided in [`Kind::data_type`] only.
#[derive(Clone, Copy)]
enum Kind {
    Time,
    Seconds,
    Ip,
    Text,
    U8,
    U16,
    U32,
    U64,
    Texts,
}

/// Name, kind, unit, IPFIX element number(s), ECS field, OCSF attribute, Zeek conn.log field; `""` = none.
type Column = (&'static str, Kind, &'static str, &'static str, &'static str, &'static str, &'static str);

use Kind::{Ip, Seconds, Text, Texts, Time, U8, U16, U32, U64};

/// The flow record in column order. Reverse elements carry the PEN 29305 of RFC 5103.
#[rustfmt::skip]
const COLUMNS: &[Column] = &[
    ("start_time",         Time,    "ns since 1970-01-01 UTC", "152/154/156/150", "event.start", "start_time", "ts"),
    ("end_time",           Time,    "ns since 1970-01-01 UTC", "153/155/157/151", "event.end", "end_time", "ts+duration"),
    ("duration_s",         Seconds, "s", "161", "event.duration", "duration", "duration"),
    ("received_time",      Time,    "ns since 1970-01-01 UTC", "", "event.created", "time", ""),
    ("src_ip",             Ip,      "", "8/27", "source.ip", "src_endpoint.ip", "id.orig_h"),
    ("dst_ip",             Ip,      "", "12/28", "destination.ip", "dst_endpoint.ip", "id.resp_h"),
    ("src_port",           U16,     "", "7", "source.port", "src_endpoint.port", "id.orig_p"),
    ("dst_port",           U16,     "", "11", "destination.port", "dst_endpoint.port", "id.resp_p"),
    ("protocol",           U8,      "IANA protocol number", "4", "network.iana_number", "connection_info.protocol_num", "ip_proto"),
    ("protocol_name",      Text,    "", "", "network.transport", "connection_info.protocol_name", "proto"),
    ("ip_version",         U8,      "", "60", "network.type", "connection_info.protocol_ver_id", ""),
    ("packets",            U64,     "packets", "2", "source.packets", "traffic.packets_out", "orig_pkts"),
    ("bytes",              U64,     "octets of layer 3", "1", "source.bytes", "traffic.bytes_out", "orig_ip_bytes"),
    ("rev_packets",        U64,     "packets", "29305/2", "destination.packets", "traffic.packets_in", "resp_pkts"),
    ("rev_bytes",          U64,     "octets of layer 3", "29305/1", "destination.bytes", "traffic.bytes_in", "resp_ip_bytes"),
    ("payload_bytes",      U64,     "octets of layer 7", "", "", "", "orig_bytes"),
    ("rev_payload_bytes",  U64,     "octets of layer 7", "", "", "", "resp_bytes"),
    ("tcp_flags",          U16,     "bit set of RFC 9293", "6", "", "connection_info.tcp_flags", "history"),
    ("rev_tcp_flags",      U16,     "bit set of RFC 9293", "29305/6", "", "", "history"),
    ("tos",                U8,      "DSCP << 2", "5", "", "", ""),
    ("icmp_type",          U8,      "", "176/178", "", "", "id.orig_p"),
    ("icmp_code",          U8,      "", "177/179", "", "", "id.resp_p"),
    ("flow_count",         U64,     "flows", "3", "", "count", ""),
    ("sampling_rate",      U64,     "1 of n packets", "34/305", "", "", ""),
    ("in_if",              U32,     "ifIndex", "10", "observer.ingress.interface.id", "", ""),
    ("out_if",             U32,     "ifIndex", "14", "observer.egress.interface.id", "", ""),
    ("src_as",             U32,     "AS number", "16", "source.as.number", "src_endpoint.autonomous_system.number", ""),
    ("dst_as",             U32,     "AS number", "17", "destination.as.number", "dst_endpoint.autonomous_system.number", ""),
    ("src_mask",           U8,      "prefix bits", "9/29", "", "", ""),
    ("dst_mask",           U8,      "prefix bits", "13/30", "", "", ""),
    ("vlan_id",            U16,     "", "58/243", "network.vlan.id", "", "vlan"),
    ("src_mac",            Text,    "", "56", "source.mac", "src_endpoint.mac", "orig_l2_addr"),
    ("dst_mac",            Text,    "", "80", "destination.mac", "dst_endpoint.mac", "resp_l2_addr"),
    ("direction",          Text,    "in, out, internal, external", "61", "network.direction", "connection_info.direction_id", "local_orig, local_resp"),
    ("app_protocol",       Text,    "", "96", "network.protocol", "app_name", "service"),
    ("conn_state",         Text,    "Zeek conn_state", "", "", "activity_id", "conn_state"),
    ("end_reason",         U8,      "IPFIX flowEndReason", "136", "", "", ""),
    ("exporter_ip",        Ip,      "", "130/131", "observer.ip", "device.ip", ""),
    ("observation_domain", Text,    "", "149", "", "", ""),
    ("sensor",             Text,    "", "", "observer.name", "device.uid", "_system_name"),
    ("uid",                Text,    "", "", "event.id", "connection_info.uid", "uid"),
    ("community_id",       Text,    "Community ID v1", "", "network.community_id", "connection_info.community_uid", "community_id"),
    ("source",             Text,    "", "", "", "", ""),
    ("source_row",         Text,    "file:line, file:offset or document id", "", "", "", ""),
    ("notes",              Texts,   "what was changed or is missing", "", "", "", ""),
];

/// The schema of the common flow record. Every field carries the metadata keys `unit`, `ipfix`, `ecs`, `ocsf` and
/// `zeek` where it has a value for them.
pub fn flow_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(Schema::new(COLUMNS.iter().map(field).collect::<Vec<_>>())));
    Arc::clone(&SCHEMA)
}

/// The Arrow type of a point in time: nanoseconds since 1970-01-01 UTC.
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Self::Time => time_type(),
            Self::Seconds => DataType::Float64,
            Self::Ip => ip_type(),
            Self::Text => DataType::Utf8View,
            Self::U8 => DataType::UInt8,
            Self::U16 => DataType::UInt16,
            Self::U32 => DataType::UInt32,
            Self::U64 => DataType::UInt64,
            Self::Texts => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        }
    }
}

fn field(&(name, kind, unit, ipfix, ecs, ocsf, zeek): &Column) -> Field {
    let metadata: HashMap<String, String> =
        [("unit", unit), ("ipfix", ipfix), ("ecs", ecs), ("ocsf", ocsf), ("zeek", zeek)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
    let field = Field::new(name, kind.data_type(), true).with_metadata(metadata);
    match kind {
        Ip => field.with_extension_type(IpType),
        _ => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_need_no_quotes() {
        let schema = flow_schema();
        let mut names: Vec<_> = schema.fields().iter().map(|field| field.name().clone()).collect();
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')), "{names:?}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), COLUMNS.len());
    }

    #[test]
    fn columns_of_addresses_are_labelled() {
        let schema = flow_schema();
        let labelled = schema.fields().iter().filter(|field| crate::is_ip_field(field));
        let labelled: Vec<&str> = labelled.map(|field| field.name().as_str()).collect();
        assert_eq!(labelled, ["src_ip", "dst_ip", "exporter_ip"]);
    }

    #[test]
    fn metadata_names_the_standards() {
        let schema = flow_schema();
        let bytes = schema.field_with_name("bytes").expect("bytes is a column");
        assert_eq!(bytes.data_type(), &DataType::UInt64);
        assert_eq!(bytes.metadata()["ipfix"], "1");
        assert_eq!(bytes.metadata()["ecs"], "source.bytes");
        assert_eq!(bytes.metadata()["zeek"], "orig_ip_bytes");
        let notes = schema.field_with_name("notes").expect("notes is a column");
        assert_eq!(notes.metadata().len(), 1, "no empty metadata: {:?}", notes.metadata());
    }
}
