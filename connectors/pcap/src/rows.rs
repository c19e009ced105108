//! Rows of the side tables and of the packets, and the columns made of them.
//!
//! Columns that the flows have too carry the same names, so that tables join on `community_id` or on both ends.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, RecordBatchOptions, StringViewArray, TimestampNanosecondArray,
    UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use flow_source::address::AddressBuilder;
use flow_source::community_id::community_id;
use flow_source::ip_type;
use flow_source::record::mac_text;
use flow_source::schema::time_type;
use packet_file::Headers;

use crate::dns::{Transaction, code_name, type_name};
use crate::http::Exchange;
use crate::tls::{Handshake, version_name};

/// When, between whom, and where in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) time_ns: Option<i64>,
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) ports: Option<(u16, u16)>,
    pub(crate) protocol: u8,
    pub(crate) offset: u64,
}

impl Ends {
    /// The ends of a packet, exchanged if it is an answer.
    pub(crate) fn of(headers: &Headers<'_>, time_ns: Option<i64>, offset: u64, is_answer: bool) -> Self {
        let (src, dst) = if is_answer { (headers.dst, headers.src) } else { (headers.src, headers.dst) };
        let turn = |(src, dst)| if is_answer { (dst, src) } else { (src, dst) };
        Self { time_ns, src, dst, ports: headers.ports.map(turn), protocol: headers.protocol, offset }
    }
}

/// One packet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PacketRow {
    pub(crate) number: u64,
    pub(crate) ends: Option<Ends>,
    pub(crate) time_ns: Option<i64>,
    pub(crate) offset: u64,
    pub(crate) length: u32,
    pub(crate) captured: u32,
    pub(crate) macs: Option<([u8; 6], [u8; 6])>,
    pub(crate) vlan: Option<u16>,
    pub(crate) ip_bytes: Option<u64>,
    pub(crate) payload_bytes: Option<u64>,
    pub(crate) tcp_flags: Option<u16>,
    pub(crate) icmp: Option<(u8, u8)>,
    pub(crate) is_fragment: bool,
}

/// A row of any table but the flows'.
#[derive(Clone, Debug)]
pub(crate) enum Row {
    Packet(Box<PacketRow>),
    Dns(Box<Transaction>),
    Tls(Ends, Box<Handshake>),
    Http(Ends, Box<Exchange>),
}

impl Row {
    fn ends(&self) -> Option<&Ends> {
        match self {
            Self::Packet(row) => row.ends.as_ref(),
            Self::Dns(row) => Some(&row.ends),
            Self::Tls(ends, _) | Self::Http(ends, _) => Some(ends),
        }
    }

    fn packet(&self) -> Option<&PacketRow> {
        if let Self::Packet(row) = self { Some(row) } else { None }
    }

    fn dns(&self) -> Option<&Transaction> {
        if let Self::Dns(row) = self { Some(row) } else { None }
    }

    fn tls(&self) -> Option<&Handshake> {
        if let Self::Tls(_, row) = self { Some(row) } else { None }
    }

    fn http(&self) -> Option<&Exchange> {
        if let Self::Http(_, row) = self { Some(row) } else { None }
    }
}

const ENDS: &[&str] =
    &["start_time", "src_ip", "dst_ip", "src_port", "dst_port", "protocol", "community_id", "source_row"];
const PACKET: &[&str] = &[
    "packet_number",
    "length",
    "captured_length",
    "bytes",
    "payload_bytes",
    "tcp_flags",
    "icmp_type",
    "icmp_code",
    "vlan_id",
    "src_mac",
    "dst_mac",
    "is_fragment",
];
const DNS: &[&str] = &[
    "transaction_id",
    "query",
    "query_type",
    "query_class",
    "response_code",
    "is_authoritative",
    "answers",
    "answer_ttls",
    "response_time",
    "rtt_s",
];
const TLS: &[&str] = &["server_name", "version", "cipher", "alpn", "is_complete", "has_server_hello"];
const HTTP: &[&str] = &["method", "host", "uri", "user_agent", "http_version", "status", "content_type"];

pub(crate) fn packet_schema() -> SchemaRef {
    schema(PACKET)
}

pub(crate) fn dns_schema() -> SchemaRef {
    schema(DNS)
}

pub(crate) fn tls_schema() -> SchemaRef {
    schema(TLS)
}

pub(crate) fn http_schema() -> SchemaRef {
    schema(HTTP)
}

fn schema(own: &[&str]) -> SchemaRef {
    let fields = ENDS.iter().chain(own).map(|name| Field::new(*name, type_of(name), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn type_of(name: &str) -> DataType {
    let list_of = |item: DataType| DataType::List(Arc::new(Field::new_list_field(item, true)));
    match name {
        "start_time" | "response_time" => time_type(),
        "src_ip" | "dst_ip" => ip_type(),
        "src_port" | "dst_port" | "transaction_id" | "query_class" | "status" | "vlan_id" | "tcp_flags" => {
            DataType::UInt16
        }
        "protocol" | "icmp_type" | "icmp_code" => DataType::UInt8,
        "length" | "captured_length" => DataType::UInt32,
        "packet_number" | "bytes" | "payload_bytes" => DataType::UInt64,
        "is_authoritative" | "is_complete" | "has_server_hello" | "is_fragment" => DataType::Boolean,
        "rtt_s" => DataType::Float64,
        "answers" | "answer_ttls" | "alpn" => list_of(DataType::Utf8),
        _ => DataType::Utf8View,
    }
}

/// Rows as a batch of a projection of their table's schema.
pub(crate) fn batch_of(schema: &SchemaRef, rows: &[Row], path: &Path) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().map(|field| column(field.name(), rows, path)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

fn column(name: &str, rows: &[Row], path: &Path) -> ArrayRef {
    match name {
        "start_time" => times(rows, start_time),
        "src_ip" => addresses(rows, |ends| ends.src),
        "dst_ip" => addresses(rows, |ends| ends.dst),
        "src_port" => u16s(rows, |row| Some(row.ends()?.ports?.0)),
        "dst_port" => u16s(rows, |row| Some(row.ends()?.ports?.1)),
        "protocol" => u8s(rows, |row| Some(row.ends()?.protocol)),
        "community_id" => texts(rows, |row| {
            let ends = row.ends()?;
            let icmp = row.packet().and_then(|packet| packet.icmp).map(|(kind, code)| (kind.into(), code.into()));
            community_id(0, ends.protocol, ends.src, ends.dst, ends.ports.or(icmp))
        }),
        "source_row" => texts(rows, |row| Some(format!("{}:{}", path.display(), offset(row)))),
        name if PACKET.contains(&name) => packet_column(name, rows),
        name if DNS.contains(&name) => dns_column(name, rows),
        name if TLS.contains(&name) => tls_column(name, rows),
        name => http_column(name, rows),
    }
}

fn start_time(row: &Row) -> Option<i64> {
    match row {
        Row::Packet(row) => row.time_ns,
        Row::Dns(row) => row.ends.time_ns,
        Row::Tls(_, row) => row.time_ns,
        Row::Http(_, row) => row.time_ns,
    }
}

fn offset(row: &Row) -> u64 {
    row.packet().map(|row| row.offset).or_else(|| row.ends().map(|ends| ends.offset)).unwrap_or(0)
}

fn packet_column(name: &str, rows: &[Row]) -> ArrayRef {
    match name {
        "packet_number" => u64s(rows, |row| Some(row.packet()?.number)),
        "length" => u32s(rows, |row| Some(row.packet()?.length)),
        "captured_length" => u32s(rows, |row| Some(row.packet()?.captured)),
        "bytes" => u64s(rows, |row| row.packet()?.ip_bytes),
        "payload_bytes" => u64s(rows, |row| row.packet()?.payload_bytes),
        "tcp_flags" => u16s(rows, |row| row.packet()?.tcp_flags),
        "icmp_type" => u8s(rows, |row| Some(row.packet()?.icmp?.0)),
        "icmp_code" => u8s(rows, |row| Some(row.packet()?.icmp?.1)),
        "vlan_id" => u16s(rows, |row| row.packet()?.vlan),
        "src_mac" => texts(rows, |row| Some(mac_text(row.packet()?.macs?.0))),
        "dst_mac" => texts(rows, |row| Some(mac_text(row.packet()?.macs?.1))),
        _ => booleans(rows, |row| Some(row.packet()?.is_fragment)),
    }
}

fn dns_column(name: &str, rows: &[Row]) -> ArrayRef {
    let answer = |row: &Row| row.dns().and_then(|row| row.answer.clone());
    match name {
        "transaction_id" => u16s(rows, |row| Some(row.dns()?.id)),
        "query" => texts(rows, |row| row.dns()?.query.clone()),
        "query_type" => texts(rows, |row| Some(type_name(row.dns()?.query_type?))),
        "query_class" => u16s(rows, |row| row.dns()?.query_class),
        "response_code" => texts(rows, |row| code_name(answer(row)?.code).map(str::to_owned)),
        "is_authoritative" => booleans(rows, |row| Some(answer(row)?.is_authoritative)),
        "answers" => lists(rows, |row| Some(answer(row)?.records.into_iter().map(|(text, _)| text).collect())),
        "answer_ttls" => lists(rows, |row| Some(answer(row)?.records.iter().map(|(_, ttl)| ttl.to_string()).collect())),
        "response_time" => times(rows, |row| answer(row)?.time_ns),
        #[expect(clippy::cast_precision_loss, reason = "round trips are far below 2^53 ns")]
        _ => Arc::new(
            rows.iter()
                .map(|row| Some((answer(row)?.time_ns? - start_time(row)?) as f64 / 1e9))
                .collect::<Float64Array>(),
        ),
    }
}

fn tls_column(name: &str, rows: &[Row]) -> ArrayRef {
    match name {
        "server_name" => texts(rows, |row| row.tls()?.server_name.clone()),
        "version" => texts(rows, |row| row.tls()?.version.map(version_name)),
        "cipher" => texts(rows, |row| row.tls()?.cipher.map(cipher_name)),
        "alpn" => lists(rows, |row| Some(row.tls()?.alpn.clone())),
        "is_complete" => booleans(rows, |row| Some(row.tls()?.is_complete)),
        _ => booleans(rows, |row| Some(row.tls()?.has_server)),
    }
}

fn cipher_name(number: u16) -> String {
    let known = tls_parser::TlsCipherSuite::from_id(number);
    known.map_or_else(|| format!("0x{number:04x}"), |suite| suite.name.to_owned())
}

fn http_column(name: &str, rows: &[Row]) -> ArrayRef {
    match name {
        "method" => texts(rows, |row| Some(row.http()?.method.clone())),
        "host" => texts(rows, |row| row.http()?.host.clone()),
        "uri" => texts(rows, |row| Some(row.http()?.uri.clone())),
        "user_agent" => texts(rows, |row| row.http()?.user_agent.clone()),
        "http_version" => texts(rows, |row| Some(format!("1.{}", row.http()?.version?))),
        "status" => u16s(rows, |row| row.http()?.status),
        _ => texts(rows, |row| row.http()?.content_type.clone()),
    }
}

fn times(rows: &[Row], value: impl Fn(&Row) -> Option<i64>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<TimestampNanosecondArray>().with_timezone("UTC"))
}

fn u8s(rows: &[Row], value: impl Fn(&Row) -> Option<u8>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<UInt8Array>())
}

fn u16s(rows: &[Row], value: impl Fn(&Row) -> Option<u16>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<UInt16Array>())
}

fn u32s(rows: &[Row], value: impl Fn(&Row) -> Option<u32>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<UInt32Array>())
}

fn u64s(rows: &[Row], value: impl Fn(&Row) -> Option<u64>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<UInt64Array>())
}

fn booleans(rows: &[Row], value: impl Fn(&Row) -> Option<bool>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<BooleanArray>())
}

fn texts(rows: &[Row], value: impl Fn(&Row) -> Option<String>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<StringViewArray>())
}

fn addresses(rows: &[Row], value: impl Fn(&Ends) -> IpAddr) -> ArrayRef {
    let mut builder = AddressBuilder::with_capacity(rows.len());
    rows.iter().for_each(|row| builder.append_option(row.ends().map(&value)));
    builder.finish()
}

fn lists(rows: &[Row], value: impl Fn(&Row) -> Option<Vec<String>>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for row in rows {
        let texts = value(row);
        let is_known = texts.is_some();
        texts.unwrap_or_default().iter().for_each(|text| builder.values().append_value(text));
        builder.append(is_known);
    }
    Arc::new(builder.finish())
}
