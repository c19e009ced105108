//! Zeek's types and what they become in Arrow; for JSON logs, which say no types, the types of Zeek's own columns.
//!
//! How text becomes a value is in `decode`.

use std::sync::Arc;

use arrow_schema::{DataType, Field};

/// Columns of a log or table: names with kinds, in order.
pub(crate) type Columns = Vec<(String, Kind)>;

/// The type of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Time,
    /// `interval` (seconds) and `double`.
    Float,
    Count,
    Int,
    Port,
    Bool,
    /// `string`, `enum`, `addr`, `subnet` and whatever this connector does not know.
    Text,
    /// `set[…]`, `vector[…]`, `table[…]`.
    List(Box<Kind>),
}

impl Kind {
    /// The kind behind a name of the `#types` line.
    pub(crate) fn from_zeek(name: &str) -> Self {
        let element = ["set[", "vector[", "table["].iter().find_map(|container| name.strip_prefix(container));
        if let Some(element) = element {
            let element = Self::from_zeek(element.strip_suffix(']').unwrap_or(element));
            // Zeek logs no containers of containers; should one appear, its elements stay text.
            let element = if matches!(element, Self::List(_)) { Self::Text } else { element };
            return Self::List(Box::new(element));
        }
        match name {
            "time" => Self::Time,
            "interval" | "double" => Self::Float,
            "count" => Self::Count,
            "int" => Self::Int,
            "port" => Self::Port,
            "bool" => Self::Bool,
            _ => Self::Text,
        }
    }

    /// The type of a column of Zeek's own logs, for logs that do not say it.
    pub(crate) fn of_known_column(name: &str) -> Option<Self> {
        KNOWN.iter().find(|(_, names)| names.contains(&name)).map(|(kind, _)| match kind {
            Known::Time => Self::Time,
            Known::Interval => Self::Float,
            Known::Count => Self::Count,
            Known::Int => Self::Int,
            Known::Port => Self::Port,
            Known::Bool => Self::Bool,
            Known::Texts => Self::List(Box::new(Self::Text)),
            Known::Intervals => Self::List(Box::new(Self::Float)),
        })
    }

    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Time => flow_source::schema::time_type(),
            Self::Float => DataType::Float64,
            Self::Count => DataType::UInt64,
            Self::Int => DataType::Int64,
            Self::Port => DataType::UInt16,
            Self::Bool => DataType::Boolean,
            Self::Text => DataType::Utf8View,
            Self::List(element) => DataType::List(Arc::new(Field::new_list_field(element.data_type(), true))),
        }
    }

    /// A kind that holds the values of both: the table's kind when files disagree.
    pub(crate) fn unite(&self, other: &Self) -> Self {
        use Kind::{Count, Float, Int, List, Port, Text};
        match (self, other) {
            (a, b) if a == b => a.clone(),
            (Count, Port) | (Port, Count) => Count,
            (Int, Count | Port) | (Count | Port, Int) => Int,
            (Float, Count | Int | Port) | (Count | Int | Port, Float) => Float,
            (List(a), List(b)) => List(Box::new(a.unite(b))),
            _ => Text,
        }
    }

    /// What a value of this kind looks like, for messages.
    pub(crate) fn expected(&self) -> &'static str {
        match self {
            Self::Time => "a time",
            Self::Float => "a number",
            Self::Count => "a count (0 to 2^64-1)",
            Self::Int => "an integer (64 bits)",
            Self::Port => "a port (0 to 65535)",
            Self::Bool => "T or F",
            Self::Text => "text",
            Self::List(_) => "a list",
        }
    }
}

#[derive(Clone, Copy)]
enum Known {
    Time,
    Interval,
    Count,
    Int,
    Port,
    Bool,
    Texts,
    Intervals,
}

/// Columns of Zeek's base logs that are not text, as docs.zeek.org lists them.
#[rustfmt::skip]
const KNOWN: &[(Known, &[&str])] = &[
    (Known::Time, &["ts", "not_valid_before", "not_valid_after", "certificate.not_valid_before",
        "certificate.not_valid_after", "compile_ts", "from", "till", "times.modified", "times.accessed",
        "times.created", "times.changed", "ref_time", "org_time", "rec_time", "xmt_time"]),
    (Known::Interval, &["duration", "rtt", "lease_time", "suppress_for", "ts_delta", "pkt_lag", "poll", "precision",
        "root_delay", "root_disp"]),
    (Known::Count, &["orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts", "orig_ip_bytes", "resp_pkts",
        "resp_ip_bytes", "ip_proto", "trans_id", "qclass", "qtype", "rcode", "Z", "trans_depth", "request_body_len",
        "response_body_len", "status_code", "info_code", "seen_bytes", "total_bytes", "missing_bytes",
        "overflow_bytes", "depth", "certificate.version", "certificate.key_length", "auth_attempts", "file_size"]),
    (Known::Int, &["vlan", "inner_vlan"]),
    (Known::Port, &["id.orig_p", "id.resp_p", "id_orig_p", "id_resp_p", "p", "port_num", "request_p", "bound_p",
        "data_channel.resp_p", "host_p"]),
    (Known::Bool, &["local_orig", "local_resp", "AA", "TC", "RD", "RA", "rejected", "resumed", "established",
        "is_orig", "timedout"]),
    (Known::Texts, &["tunnel_parents", "answers", "tags", "proxied", "orig_fuids", "orig_filenames",
        "orig_mime_types", "resp_fuids", "resp_filenames", "resp_mime_types", "cert_chain_fuids",
        "client_cert_chain_fuids", "analyzers"]),
    (Known::Intervals, &["TTLs"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(zeek: &str, arrow: &str) {
        assert_eq!(Kind::from_zeek(zeek).data_type().to_string(), arrow, "{zeek}");
    }

    #[test]
    fn zeek_types_in_arrow() {
        check("time", "Timestamp(ns, \"UTC\")");
        check("interval", "Float64");
        check("count", "UInt64");
        check("int", "Int64");
        check("port", "UInt16");
        check("bool", "Boolean");
        check("addr", "Utf8View");
        check("func", "Utf8View");
        check("set[string]", "List(Utf8View)");
        check("vector[interval]", "List(Float64)");
        check("table[enum]", "List(Utf8View)");
        check("vector[set[count]]", "List(Utf8View)");
    }

    #[test]
    fn files_that_disagree() {
        assert_eq!(Kind::Count.unite(&Kind::Int), Kind::Int);
        assert_eq!(Kind::Port.unite(&Kind::Float), Kind::Float);
        assert_eq!(Kind::Time.unite(&Kind::Count), Kind::Text);
        let counts = Kind::List(Box::new(Kind::Count));
        assert_eq!(counts.unite(&Kind::List(Box::new(Kind::Float))), Kind::List(Box::new(Kind::Float)));
    }
}
