//! Rows of conn.log as common flow records.
//!
//! Originator = source, responder = destination, so a row is a biflow in Zeek's sense. Fields as documented in
//! Zeek's `base/protocols/conn/main.zeek`; bytes are `*_ip_bytes`, octets of layer 3.

mod convert;
mod history;

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt64Array};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use flow_source::{FlowBatch, Place, SourceError};

use crate::decode::{Rows, Wanted};
use crate::sniff::LogFile;
use crate::types::Kind;
use convert::{Inputs, constant_text};
use history::Side;

/// A conn column: its names (Zeek's own first, then what shippers make of it) and its kind, whatever a file says.
struct Input {
    names: &'static [&'static str],
    kind: Kind,
}

const fn input(names: &'static [&'static str], kind: Kind) -> Input {
    Input { names, kind }
}

const INPUTS: &[Input] = &[
    input(&["ts"], Kind::Time),
    input(&["uid"], Kind::Text),
    input(&["id.orig_h", "id_orig_h"], Kind::Text),
    input(&["id.orig_p", "id_orig_p"], Kind::Port),
    input(&["id.resp_h", "id_resp_h"], Kind::Text),
    input(&["id.resp_p", "id_resp_p"], Kind::Port),
    input(&["proto"], Kind::Text),
    input(&["ip_proto"], Kind::Count),
    input(&["service"], Kind::Text),
    input(&["duration"], Kind::Float),
    input(&["orig_bytes"], Kind::Count),
    input(&["resp_bytes"], Kind::Count),
    input(&["conn_state"], Kind::Text),
    input(&["local_orig"], Kind::Bool),
    input(&["local_resp"], Kind::Bool),
    input(&["history"], Kind::Text),
    input(&["orig_pkts"], Kind::Count),
    input(&["orig_ip_bytes"], Kind::Count),
    input(&["resp_pkts"], Kind::Count),
    input(&["resp_ip_bytes"], Kind::Count),
    input(&["vlan"], Kind::Int),
    input(&["orig_l2_addr"], Kind::Text),
    input(&["resp_l2_addr"], Kind::Text),
    input(&["community_id"], Kind::Text),
    input(&["_system_name"], Kind::Text),
];

/// Which conn columns (by their first name) make a flow column.
const NEEDS: &[(&str, &[&str])] = &[
    ("start_time", &["ts"]),
    ("end_time", &["ts", "duration"]),
    ("duration_s", &["duration"]),
    ("src_ip", &["id.orig_h"]),
    ("dst_ip", &["id.resp_h"]),
    ("src_port", &["id.orig_p", "proto", "ip_proto"]),
    ("dst_port", &["id.resp_p", "proto", "ip_proto"]),
    ("protocol", &["proto", "ip_proto", "id.orig_h"]),
    ("protocol_name", &["proto", "ip_proto", "id.orig_h"]),
    ("ip_version", &["id.orig_h"]),
    ("packets", &["orig_pkts"]),
    ("bytes", &["orig_ip_bytes"]),
    ("rev_packets", &["resp_pkts"]),
    ("rev_bytes", &["resp_ip_bytes"]),
    ("payload_bytes", &["orig_bytes"]),
    ("rev_payload_bytes", &["resp_bytes"]),
    ("tcp_flags", &["history", "proto", "ip_proto"]),
    ("rev_tcp_flags", &["history", "proto", "ip_proto"]),
    ("icmp_type", &["id.orig_p", "proto", "ip_proto"]),
    ("icmp_code", &["id.resp_p", "proto", "ip_proto"]),
    ("vlan_id", &["vlan"]),
    ("src_mac", &["orig_l2_addr"]),
    ("dst_mac", &["resp_l2_addr"]),
    ("direction", &["local_orig", "local_resp"]),
    ("app_protocol", &["service"]),
    ("conn_state", &["conn_state"]),
    ("sensor", &["_system_name"]),
    ("uid", &["uid"]),
    ("community_id", &["community_id"]),
    ("notes", &["ts", "history", "id.orig_h", "id.resp_h"]),
];

/// Refuses a log whose rows are not connections.
pub(crate) fn require_conn(file: &LogFile) -> Result<(), SourceError> {
    let has = |column: &str| {
        let names = INPUTS.iter().find(|input| input.names[0] == column).map_or(&[][..], |input| input.names);
        file.columns.iter().any(|(name, _)| names.contains(&name.as_str()))
    };
    let named_conn = file.log_name.as_deref().map(|name| name.starts_with("conn"));
    let looks_like_conn = has("conn_state") || has("orig_pkts") || has("orig_bytes") || has("history");
    let has_tuple = has("ts") && has("id.orig_h") && has("id.resp_h");
    if has_tuple && named_conn.unwrap_or(looks_like_conn) {
        return Ok(());
    }
    let found = match (&file.log_name, named_conn) {
        (Some(name), Some(false)) => format!("the Zeek log `{name}`"),
        (Some(name), _) => format!("the Zeek log `{name}` without ts, id.orig_h and id.resp_h"),
        (None, _) => "a Zeek log without the columns of connections".to_owned(),
    };
    Err(SourceError::UnexpectedContent {
        path: file.path.clone(),
        place: Place::File,
        found,
        expected: "the Zeek log `conn`".into(),
        hint: Some("Use read_log to query this log with its own columns".into()),
    })
}

/// Gives the conn columns the kinds that [`batch`] relies on.
pub(crate) fn fix_kinds(columns: &mut [(String, Kind)]) {
    for (name, kind) in columns {
        if let Some(input) = INPUTS.iter().find(|input| input.names.contains(&name.as_str())) {
            *kind = input.kind.clone();
        }
    }
}

/// The conn columns needed for the flow columns of a (projected) schema.
pub(crate) fn wanted(schema: &Schema, columns: &[(String, Kind)]) -> Vec<Wanted> {
    let needed: Vec<&str> = NEEDS
        .iter()
        .filter(|(column, _)| schema.column_with_name(column).is_some())
        .flat_map(|(_, inputs)| inputs.iter().copied())
        .collect();
    let is_needed =
        |name: &str| INPUTS.iter().any(|input| input.names.contains(&name) && needed.contains(&input.names[0]));
    columns
        .iter()
        .filter(|(name, _)| is_needed(name))
        .map(|(name, kind)| Wanted { name: name.clone(), kind: kind.clone() })
        .collect()
}

/// Flow records of decoded conn rows.
pub(crate) fn batch(
    schema: &SchemaRef,
    wanted: &[Wanted],
    rows: &Rows,
    path: &Path,
) -> Result<RecordBatch, ArrowError> {
    let mut flows = FlowBatch::new(Arc::clone(schema), rows.count);
    let inputs = Inputs::new(wanted, rows, |name| {
        INPUTS.iter().find(|input| input.names.contains(&name)).map(|input| input.names[0])
    });
    for (column, zeek) in SAME {
        if let Some(array) = inputs.array(zeek) {
            flows.set(column, Arc::clone(array));
        }
    }
    flows
        .set_with("start_time", || inputs.start_time())
        .set_with("end_time", || inputs.end_time())
        .set_with("src_ip", || inputs.address(Side::Originator))
        .set_with("dst_ip", || inputs.address(Side::Responder))
        .set_with("src_port", || inputs.port("id.orig_p"))
        .set_with("dst_port", || inputs.port("id.resp_p"))
        .set_with("protocol", || inputs.protocol())
        .set_with("protocol_name", || inputs.protocol_name())
        .set_with("ip_version", || inputs.ip_version())
        .set_with("tcp_flags", || inputs.tcp_flags(Side::Originator))
        .set_with("rev_tcp_flags", || inputs.tcp_flags(Side::Responder))
        .set_with("icmp_type", || inputs.icmp("id.orig_p"))
        .set_with("icmp_code", || inputs.icmp("id.resp_p"))
        .set_with("vlan_id", || inputs.vlan())
        .set_with("src_mac", || inputs.mac("orig_l2_addr"))
        .set_with("dst_mac", || inputs.mac("resp_l2_addr"))
        .set_with("direction", || inputs.direction())
        .set_with("flow_count", || Arc::new(UInt64Array::from_value(1, rows.count)) as ArrayRef)
        .set_with("source", || constant_text(crate::NAME, rows.count))
        .set_with("source_row", || convert::source_rows(path, &rows.lines))
        .set_with("notes", || inputs.notes());
    flows.finish()
}

/// Flow columns that are conn columns as they are.
const SAME: &[(&str, &str)] = &[
    ("duration_s", "duration"),
    ("packets", "orig_pkts"),
    ("bytes", "orig_ip_bytes"),
    ("rev_packets", "resp_pkts"),
    ("rev_bytes", "resp_ip_bytes"),
    ("payload_bytes", "orig_bytes"),
    ("rev_payload_bytes", "resp_bytes"),
    ("app_protocol", "service"),
    ("conn_state", "conn_state"),
    ("sensor", "_system_name"),
    ("uid", "uid"),
    ("community_id", "community_id"),
];
