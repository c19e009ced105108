//! Arrays of conn columns to arrays of flow columns.
//!
//! A column the log does not have gives NULLs, never zeros.

use std::cell::OnceCell;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder, StringViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType, UInt16Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, StringViewArray, TimestampNanosecondArray,
    UInt8Array, UInt16Array, new_null_array,
};
use flow_source::AddressBuilder;
use flow_source::address::parse_ip;
use flow_source::protocol::{ICMP, ICMP6, TCP, has_ports, protocol_name, protocol_number};

use super::history::{self, Side};
use crate::decode::{Rows, Wanted};

/// The decoded conn columns of one batch, by their first name.
pub(crate) struct Inputs<'a> {
    columns: Vec<(&'static str, &'a ArrayRef)>,
    rows: usize,
    /// Made once: six flow columns depend on it.
    protocols: OnceCell<Vec<Option<u8>>>,
    /// `id.orig_h` and `id.resp_h` as addresses, which the notes look at too.
    addresses: [OnceCell<ArrayRef>; 2],
}

impl<'a> Inputs<'a> {
    /// `first_name` tells under which name a column of the log is known here.
    pub(crate) fn new(wanted: &'a [Wanted], rows: &'a Rows, first_name: impl Fn(&str) -> Option<&'static str>) -> Self {
        let named = |(wanted, array): (&'a Wanted, &'a ArrayRef)| Some((first_name(&wanted.name)?, array));
        let columns = wanted.iter().zip(&rows.columns).filter_map(named).collect();
        Self { columns, rows: rows.count, protocols: OnceCell::new(), addresses: Default::default() }
    }

    /// The column as it is.
    pub(crate) fn array(&self, name: &str) -> Option<&'a ArrayRef> {
        self.columns.iter().find(|(known, _)| *known == name).map(|(_, array)| *array)
    }

    fn numbers<P: ArrowPrimitiveType>(&self, name: &str) -> Option<&'a PrimitiveArray<P>> {
        self.array(name)?.as_primitive_opt::<P>()
    }

    fn texts(&self, name: &str) -> Option<&'a StringViewArray> {
        self.array(name)?.as_string_view_opt()
    }

    fn booleans(&self, name: &str) -> Option<&'a BooleanArray> {
        self.array(name)?.as_boolean_opt()
    }

    /// The start; a zero time is "not known" (phaag/nfdump#83).
    fn start(&self, row: usize) -> Option<i64> {
        self.numbers::<TimestampNanosecondType>("ts").and_then(|times| number(times, row)).filter(|nanos| *nanos != 0)
    }

    pub(crate) fn start_time(&self) -> ArrayRef {
        times((0..self.rows).map(|row| self.start(row)))
    }

    /// The last packet. Zeek writes a duration only when there is one (base/protocols/conn/main.zeek): without, the last packet
    /// came when the first did, as of a probe that nobody answered. A log without the column says nothing.
    pub(crate) fn end_time(&self) -> ArrayRef {
        let Some(durations) = self.numbers::<Float64Type>("duration") else {
            return times((0..self.rows).map(|_| None));
        };
        times((0..self.rows).map(|row| {
            let start = self.start(row)?;
            number(durations, row).map_or(Some(start), |seconds| start.checked_add(nanos(seconds)?))
        }))
    }

    pub(crate) fn address(&self, side: Side) -> ArrayRef {
        let (place, name) = match side {
            Side::Originator => (0, "id.orig_h"),
            Side::Responder => (1, "id.resp_h"),
        };
        let read = || match self.texts(name) {
            Some(texts) => addresses(texts),
            None => new_null_array(&flow_source::ip_type(), self.rows),
        };
        Arc::clone(self.addresses[place].get_or_init(read))
    }

    pub(crate) fn ip_version(&self) -> ArrayRef {
        let Some(texts) = self.texts("id.orig_h") else { return Arc::new(UInt8Array::new_null(self.rows)) };
        let versions = texts.iter().map(|text| parse_ip(text?).map(|address| if address.is_ipv4() { 4 } else { 6 }));
        Arc::new(versions.collect::<UInt8Array>())
    }

    fn protocols(&self) -> impl Iterator<Item = Option<u8>> {
        self.protocols.get_or_init(|| self.find_protocols()).iter().copied()
    }

    /// The protocol number of each row. Zeek calls ICMP for IPv6 `icmp` too; the address tells them apart.
    fn find_protocols(&self) -> Vec<Option<u8>> {
        let numbers = self.numbers::<UInt64Type>("ip_proto");
        let names = self.texts("proto");
        let sources = self.texts("id.orig_h");
        let find = |row| {
            let written = numbers.and_then(|numbers| number(numbers, row)).and_then(|number| u8::try_from(number).ok());
            written.or_else(|| {
                let protocol = protocol_number(text(names?, row)?)?;
                let is_v6 =
                    || sources.and_then(|sources| text(sources, row)).is_some_and(|source| source.contains(':'));
                Some(if protocol == ICMP && is_v6() { ICMP6 } else { protocol })
            })
        };
        (0..self.rows).map(find).collect()
    }

    pub(crate) fn protocol(&self) -> ArrayRef {
        Arc::new(self.protocols().collect::<UInt8Array>())
    }

    pub(crate) fn protocol_name(&self) -> ArrayRef {
        let names = self.texts("proto");
        let mut builder = StringViewBuilder::with_capacity(self.rows);
        for (row, protocol) in self.protocols().enumerate() {
            let written = names.and_then(|names| text(names, row)).filter(|name| *name != "unknown_transport");
            match (protocol, written) {
                (Some(ICMP6), _) => builder.append_value("ipv6-icmp"),
                (_, Some(name)) if name.bytes().any(|byte| byte.is_ascii_uppercase()) => {
                    builder.append_value(name.to_ascii_lowercase());
                }
                (_, Some(name)) => builder.append_value(name),
                (protocol, None) => builder.append_option(protocol.and_then(protocol_name)),
            }
        }
        Arc::new(builder.finish())
    }

    /// Ports of protocols that have them; Zeek keeps ICMP type and code in the same columns.
    pub(crate) fn port(&self, name: &str) -> ArrayRef {
        let Some(ports) = self.numbers::<UInt16Type>(name) else { return Arc::new(UInt16Array::new_null(self.rows)) };
        let with_ports = self.protocols().enumerate().map(|(row, protocol)| {
            let port = number(ports, row)?;
            let is_port = protocol.map_or(port != 0, has_ports);
            is_port.then_some(port)
        });
        Arc::new(with_ports.collect::<UInt16Array>())
    }

    pub(crate) fn icmp(&self, name: &str) -> ArrayRef {
        let Some(ports) = self.numbers::<UInt16Type>(name) else { return Arc::new(UInt8Array::new_null(self.rows)) };
        let values = self.protocols().enumerate().map(|(row, protocol)| match protocol {
            Some(ICMP | ICMP6) => number(ports, row).and_then(|value| u8::try_from(value).ok()),
            _ => None,
        });
        Arc::new(values.collect::<UInt8Array>())
    }

    pub(crate) fn tcp_flags(&self, side: Side) -> ArrayRef {
        let Some(histories) = self.texts("history") else { return Arc::new(UInt16Array::new_null(self.rows)) };
        let flags = self.protocols().enumerate().map(|(row, protocol)| match protocol {
            Some(TCP) => text(histories, row).and_then(|history| history::tcp_flags(history, side)),
            _ => None,
        });
        Arc::new(flags.collect::<UInt16Array>())
    }

    pub(crate) fn vlan(&self) -> ArrayRef {
        let Some(vlans) = self.numbers::<Int64Type>("vlan") else { return Arc::new(UInt16Array::new_null(self.rows)) };
        Arc::new(vlans.iter().map(|vlan| u16::try_from(vlan?).ok()).collect::<UInt16Array>())
    }

    pub(crate) fn mac(&self, name: &str) -> ArrayRef {
        let Some(texts) = self.texts(name) else { return self.no_text() };
        let lower: StringViewArray = texts.iter().map(|text| text.map(str::to_ascii_lowercase)).collect();
        Arc::new(lower)
    }

    /// From Zeek's knowledge of the site's own networks; NULL unless both ends are known.
    pub(crate) fn direction(&self) -> ArrayRef {
        let (origs, resps) = (self.booleans("local_orig"), self.booleans("local_resp"));
        let (Some(origs), Some(resps)) = (origs, resps) else { return self.no_text() };
        let directions = origs.iter().zip(resps).map(|ends| match ends {
            (Some(true), Some(true)) => Some("internal"),
            (Some(true), Some(false)) => Some("out"),
            (Some(false), Some(true)) => Some("in"),
            (Some(false), Some(false)) => Some("external"),
            _ => None,
        });
        Arc::new(directions.collect::<StringViewArray>())
    }

    pub(crate) fn notes(&self) -> ArrayRef {
        let histories = self.texts("history");
        let unreadable = [
            self.unreadable("id.orig_h", &self.address(Side::Originator)),
            self.unreadable("id.resp_h", &self.address(Side::Responder)),
        ];
        let mut builder = ListBuilder::new(StringBuilder::new());
        for row in 0..self.rows {
            let mut noted = false;
            let mut note = |is_so: bool, note: &str| {
                if is_so {
                    builder.values().append_value(note);
                    noted = true;
                }
            };
            note(self.start(row).is_none(), "time_missing");
            let history = histories.and_then(|histories| text(histories, row));
            note(history.is_some_and(history::is_turned), "src_dst_swapped");
            note(unreadable.iter().any(|rows| rows.binary_search(&row).is_ok()), "address_unreadable");
            builder.append(noted);
        }
        Arc::new(builder.finish())
    }

    /// Rows that have an address of which nothing could be made, in order.
    fn unreadable(&self, name: &str, addresses: &ArrayRef) -> Vec<usize> {
        match self.texts(name) {
            Some(texts) if texts.null_count() < addresses.null_count() => {
                (0..self.rows).filter(|row| texts.is_valid(*row) && addresses.is_null(*row)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn no_text(&self) -> ArrayRef {
        Arc::new(StringViewArray::new_null(self.rows))
    }
}

/// NULL where the text is no address.
fn addresses(texts: &StringViewArray) -> ArrayRef {
    texts.iter().map(|text| text.and_then(parse_ip)).collect::<AddressBuilder>().finish()
}

/// `file:line` of each row.
pub(crate) fn source_rows(path: &Path, lines: &[u64]) -> ArrayRef {
    let mut builder = StringViewBuilder::with_capacity(lines.len());
    let mut text = path.to_string_lossy().into_owned();
    text.push(':');
    let prefix = text.len();
    for line in lines {
        text.truncate(prefix);
        // Writing to a String cannot fail.
        let _ = write!(text, "{line}");
        builder.append_value(&text);
    }
    Arc::new(builder.finish())
}

pub(crate) fn constant_text(text: &str, rows: usize) -> ArrayRef {
    Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(text, rows)))
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampNanosecondArray>().with_timezone("UTC"))
}

fn number<P: ArrowPrimitiveType>(array: &PrimitiveArray<P>, row: usize) -> Option<P::Native> {
    array.is_valid(row).then(|| array.value(row))
}

fn text(array: &StringViewArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

/// Whole nanoseconds of a duration in seconds; `None` beyond the 292 years an i64 holds.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the range is checked before")]
fn nanos(seconds: f64) -> Option<i64> {
    let nanos = (seconds * 1e9).round();
    (nanos.abs() < i64::MAX as f64).then_some(nanos as i64)
}
