//! Record batches of the common flow record, filled row by row, for sources whose rows are texts of their own.
//!
//! A source that decodes columns fills a [`crate::FlowBatch`] instead.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, ListBuilder, StringBuilder, StringViewBuilder, TimestampNanosecondBuilder, UInt8Builder,
    UInt16Builder, UInt32Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};

use crate::FlowBatch;
use crate::address::AddressBuilder;
use crate::moment::{is_no_time, length_s};
use crate::protocol::{ICMP, ICMP6, has_ports, protocol_name};
use crate::schema::time_type;

const NANOS_PER_SECOND: f64 = 1e9;

/// One flow; what is not known is `None`. Fields are the columns of [`crate::flow_schema`].
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the names are the schema's columns, which say what they mean")]
pub struct FlowRow<'a> {
    pub start_time: Option<i64>,
    pub end_time: Option<i64>,
    pub duration_s: Option<f64>,
    pub received_time: Option<i64>,
    pub src_ip: Option<IpAddr>,
    pub dst_ip: Option<IpAddr>,
    pub src_port: Option<u16>,
    pub dst_port: Option<u16>,
    pub protocol: Option<u8>,
    /// In any case; where it is `None`, the name of the number.
    pub protocol_name: Option<&'a str>,
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
    pub src_mac: Option<&'a str>,
    pub dst_mac: Option<&'a str>,
    pub direction: Option<&'a str>,
    pub app_protocol: Option<&'a str>,
    pub conn_state: Option<&'a str>,
    pub end_reason: Option<u8>,
    pub exporter_ip: Option<IpAddr>,
    pub observation_domain: Option<&'a str>,
    pub sensor: Option<&'a str>,
    pub uid: Option<&'a str>,
    pub community_id: Option<&'a str>,
    /// What was changed or is missing.
    pub notes: Notes,
}

/// The notes of one flow; a few fixed words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(Vec<&'static str>);

impl Notes {
    /// Adds a note when it is so.
    pub fn add_if(&mut self, is_so: bool, note: &'static str) {
        if is_so && !self.0.contains(&note) {
            self.0.push(note);
        }
    }
}

impl FlowRow<'_> {
    /// Fills what follows from other columns, and notes what is wrong with times.
    fn complete(&mut self) {
        for time in [&mut self.start_time, &mut self.end_time, &mut self.received_time] {
            *time = time.filter(|nanos| !is_no_time(*nanos));
        }
        let (start, end) = (self.start_time, self.end_time);
        if end.is_none() {
            self.end_time = start.zip(self.duration_s).and_then(|(start, seconds)| start.checked_add(nanos(seconds)?));
        }
        self.notes.add_if(start.is_none(), "time_missing");
        self.notes.add_if(start.zip(end).is_some_and(|(start, end)| end < start), "end_before_start");
        self.duration_s = length_s(start, end, self.duration_s);
        let protocol = self.protocol;
        let is_icmp = matches!(protocol, Some(ICMP | ICMP6));
        for port in [&mut self.src_port, &mut self.dst_port] {
            if is_icmp || (*port == Some(0) && !protocol.is_some_and(has_ports)) {
                *port = None;
            }
        }
        self.protocol_name = self.protocol_name.or_else(|| protocol_name(protocol?));
    }

    fn ip_version(&self) -> Option<u8> {
        let address = self.src_ip.or(self.dst_ip)?;
        Some(if address.to_canonical().is_ipv4() { 4 } else { 6 })
    }
}

/// Whole nanoseconds; `None` beyond the 292 years an i64 holds.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the range is checked before")]
fn nanos(seconds: f64) -> Option<i64> {
    let nanos = (seconds * NANOS_PER_SECOND).round();
    (nanos.abs() < i64::MAX as f64).then_some(nanos as i64)
}

/// How a column is taken from a row, and its values so far.
enum Column {
    Time(fn(&FlowRow<'_>) -> Option<i64>, TimestampNanosecondBuilder),
    Seconds(fn(&FlowRow<'_>) -> Option<f64>, Float64Builder),
    Address(fn(&FlowRow<'_>) -> Option<IpAddr>, AddressBuilder),
    U8(fn(&FlowRow<'_>) -> Option<u8>, UInt8Builder),
    U16(fn(&FlowRow<'_>) -> Option<u16>, UInt16Builder),
    U32(fn(&FlowRow<'_>) -> Option<u32>, UInt32Builder),
    U64(fn(&FlowRow<'_>) -> Option<u64>, UInt64Builder),
    Text(for<'r> fn(&'r FlowRow<'_>) -> Option<&'r str>, StringViewBuilder),
    /// In lower case.
    Name(for<'r> fn(&'r FlowRow<'_>) -> Option<&'r str>, StringViewBuilder),
    Source(StringViewBuilder),
    SourceRow(StringViewBuilder),
    Notes(ListBuilder<StringBuilder>),
}

impl Column {
    #[rustfmt::skip]
    fn of(name: &str) -> Option<Self> {
        let time = TimestampNanosecondBuilder::new().with_data_type(time_type());
        Some(match name {
            "start_time" => Self::Time(|row| row.start_time, time),
            "end_time" => Self::Time(|row| row.end_time, time),
            "received_time" => Self::Time(|row| row.received_time, time),
            "duration_s" => Self::Seconds(|row| row.duration_s, Float64Builder::new()),
            "src_ip" => Self::Address(|row| row.src_ip, AddressBuilder::default()),
            "dst_ip" => Self::Address(|row| row.dst_ip, AddressBuilder::default()),
            "exporter_ip" => Self::Address(|row| row.exporter_ip, AddressBuilder::default()),
            "protocol" => Self::U8(|row| row.protocol, UInt8Builder::new()),
            "ip_version" => Self::U8(|row| row.ip_version(), UInt8Builder::new()),
            "tos" => Self::U8(|row| row.tos, UInt8Builder::new()),
            "icmp_type" => Self::U8(|row| row.icmp_type, UInt8Builder::new()),
            "icmp_code" => Self::U8(|row| row.icmp_code, UInt8Builder::new()),
            "src_mask" => Self::U8(|row| row.src_mask, UInt8Builder::new()),
            "dst_mask" => Self::U8(|row| row.dst_mask, UInt8Builder::new()),
            "end_reason" => Self::U8(|row| row.end_reason, UInt8Builder::new()),
            "src_port" => Self::U16(|row| row.src_port, UInt16Builder::new()),
            "dst_port" => Self::U16(|row| row.dst_port, UInt16Builder::new()),
            "tcp_flags" => Self::U16(|row| row.tcp_flags, UInt16Builder::new()),
            "rev_tcp_flags" => Self::U16(|row| row.rev_tcp_flags, UInt16Builder::new()),
            "vlan_id" => Self::U16(|row| row.vlan_id, UInt16Builder::new()),
            "in_if" => Self::U32(|row| row.in_if, UInt32Builder::new()),
            "out_if" => Self::U32(|row| row.out_if, UInt32Builder::new()),
            "src_as" => Self::U32(|row| row.src_as, UInt32Builder::new()),
            "dst_as" => Self::U32(|row| row.dst_as, UInt32Builder::new()),
            _ => return Self::of_counter(name).or_else(|| Self::of_text(name)),
        })
    }

    fn of_counter(name: &str) -> Option<Self> {
        let value: fn(&FlowRow<'_>) -> Option<u64> = match name {
            "packets" => |row| row.packets,
            "bytes" => |row| row.bytes,
            "rev_packets" => |row| row.rev_packets,
            "rev_bytes" => |row| row.rev_bytes,
            "payload_bytes" => |row| row.payload_bytes,
            "rev_payload_bytes" => |row| row.rev_payload_bytes,
            "flow_count" => |row| row.flow_count,
            "sampling_rate" => |row| row.sampling_rate,
            _ => return None,
        };
        Some(Self::U64(value, UInt64Builder::new()))
    }

    fn of_text(name: &str) -> Option<Self> {
        let text = StringViewBuilder::new();
        Some(match name {
            "protocol_name" => Self::Name(|row| row.protocol_name, text),
            "src_mac" => Self::Name(|row| row.src_mac, text),
            "dst_mac" => Self::Name(|row| row.dst_mac, text),
            "direction" => Self::Text(|row| row.direction, text),
            "app_protocol" => Self::Text(|row| row.app_protocol, text),
            "conn_state" => Self::Text(|row| row.conn_state, text),
            "observation_domain" => Self::Text(|row| row.observation_domain, text),
            "sensor" => Self::Text(|row| row.sensor, text),
            "uid" => Self::Text(|row| row.uid, text),
            "community_id" => Self::Text(|row| row.community_id, text),
            "source" => Self::Source(text),
            "source_row" => Self::SourceRow(text),
            "notes" => Self::Notes(ListBuilder::new(StringBuilder::new())),
            _ => return None,
        })
    }

    fn push(&mut self, row: &FlowRow<'_>, source: &str, source_row: &str) {
        match self {
            Self::Time(value, builder) => builder.append_option(value(row)),
            Self::Seconds(value, builder) => builder.append_option(value(row)),
            Self::Address(value, builder) => builder.append_option(value(row)),
            Self::U8(value, builder) => builder.append_option(value(row)),
            Self::U16(value, builder) => builder.append_option(value(row)),
            Self::U32(value, builder) => builder.append_option(value(row)),
            Self::U64(value, builder) => builder.append_option(value(row)),
            Self::Text(value, builder) => builder.append_option(value(row)),
            Self::Name(value, builder) => builder.append_option(value(row).map(str::to_ascii_lowercase)),
            Self::Source(builder) => builder.append_value(source),
            Self::SourceRow(builder) => builder.append_value(source_row),
            Self::Notes(builder) => {
                row.notes.0.iter().for_each(|note| builder.values().append_value(note));
                builder.append(!row.notes.0.is_empty());
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Time(_, builder) => Arc::new(builder.finish()),
            Self::Seconds(_, builder) => Arc::new(builder.finish()),
            Self::Address(_, builder) => builder.finish(),
            Self::U8(_, builder) => Arc::new(builder.finish()),
            Self::U16(_, builder) => Arc::new(builder.finish()),
            Self::U32(_, builder) => Arc::new(builder.finish()),
            Self::U64(_, builder) => Arc::new(builder.finish()),
            Self::Text(_, builder) | Self::Name(_, builder) | Self::Source(builder) | Self::SourceRow(builder) => {
                Arc::new(builder.finish())
            }
            Self::Notes(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Flows under construction.
pub struct FlowRows {
    schema: SchemaRef,
    columns: Vec<(String, Column)>,
    source: &'static str,
    /// `file:`, behind which the number of the row is written.
    place: String,
    place_bytes: usize,
    rows: usize,
}

impl FlowRows {
    /// `schema` is [`crate::flow_schema`] or a projection of it, `source` the connector's name.
    pub fn new(schema: SchemaRef, source: &'static str, path: &Path) -> Self {
        let named = |name: &String| Some((name.clone(), Column::of(name)?));
        let columns = schema.fields().iter().filter_map(|field| named(field.name())).collect();
        let place = format!("{}:", path.display());
        Self { schema, columns, source, place_bytes: place.len(), place, rows: 0 }
    }

    /// Whether the batch has this column: what the query does not ask for need not be made.
    pub fn wants(&self, name: &str) -> bool {
        self.schema.column_with_name(name).is_some()
    }

    /// Flows so far.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds a flow, found in line `line` of the file. End, duration, protocol name and IP version are filled where
    /// they follow from other columns; ports are left to the protocols that have them.
    pub fn push(&mut self, mut row: FlowRow<'_>, line: u64) {
        row.complete();
        self.place.truncate(self.place_bytes);
        // Writing to a String cannot fail.
        let _ = write!(self.place, "{line}");
        for (_, column) in &mut self.columns {
            column.push(&row, self.source, &self.place);
        }
        self.rows += 1;
    }

    /// The flows; there are none afterwards.
    ///
    /// # Errors
    /// When the schema is not one of flows.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let mut batch = FlowBatch::new(Arc::clone(&self.schema), self.rows);
        for (name, column) in &mut self.columns {
            batch.set(name, column.finish());
        }
        self.rows = 0;
        batch.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{TimestampNanosecondType, UInt16Type};
    use arrow_array::{Array, Float64Array};

    /// 2024-07-01 12:00 UTC.
    const NOON: i64 = 1_719_835_200_000_000_000;

    fn batch(row: FlowRow<'_>) -> RecordBatch {
        let mut rows = FlowRows::new(crate::flow_schema(), "test", Path::new("a.log"));
        rows.push(row, 7);
        rows.take().expect("the schema's own columns")
    }

    #[test]
    fn every_column_of_the_schema_can_be_filled() {
        for field in crate::flow_schema().fields() {
            assert!(Column::of(field.name()).is_some(), "{}", field.name());
        }
    }

    #[test]
    fn what_follows_from_other_columns_is_filled() {
        let row = FlowRow {
            start_time: Some(NOON + 5),
            duration_s: Some(2.0),
            src_ip: "::ffff:10.0.0.1".parse().ok(),
            protocol: Some(6),
            src_port: Some(0),
            ..FlowRow::default()
        };
        let batch = batch(row);
        let column = |name: &str| batch.column_by_name(name).expect("a column");
        assert_eq!(column("end_time").as_primitive::<TimestampNanosecondType>().value(0), NOON + 2_000_000_005);
        assert_eq!(column("protocol_name").as_string_view().value(0), "tcp");
        assert_eq!(column("source_row").as_string_view().value(0), "a.log:7");
        assert_eq!(column("src_port").as_primitive::<UInt16Type>().value(0), 0);
        assert!(column("notes").is_null(0) && column("bytes").is_null(0));
    }

    #[test]
    fn the_length_is_that_between_start_and_end_whatever_is_said() {
        let row = FlowRow { start_time: Some(NOON), duration_s: Some(7.0), ..FlowRow::default() };
        for (after, expected) in [(Some(2_500_000_000), 2.5_f64), (Some(0), 0.0), (None, 7.0)] {
            let batch = batch(FlowRow { end_time: after.map(|after| NOON + after), ..row.clone() });
            let lengths = batch.column_by_name("duration_s").expect("a column");
            let lengths = lengths.as_any().downcast_ref::<Float64Array>().expect("floats");
            assert_eq!(lengths.value(0).to_bits(), expected.to_bits());
        }
    }

    #[test]
    fn times_that_cannot_be_are_noted() {
        let batch = batch(FlowRow {
            start_time: Some(NOON + 5),
            end_time: Some(NOON + 4),
            protocol: Some(1),
            dst_port: Some(8),
            ..FlowRow::default()
        });
        let column = |name: &str| batch.column_by_name(name).expect("a column");
        let durations = column("duration_s").as_any().downcast_ref::<Float64Array>().expect("floats");
        assert!(durations.is_null(0) && column("dst_port").is_null(0));
        let notes = column("notes").as_list::<i32>().value(0);
        assert_eq!(notes.as_string::<i32>().value(0), "end_before_start");
    }
}
