//! Elements of many rows to Arrow columns. An element that a row does not have is NULL.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use arrow_array::builder::{BinaryViewBuilder, ListBuilder, StringViewBuilder, UInt32Builder};
use arrow_array::types::{ArrowPrimitiveType, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, PrimitiveArray};
use arrow_buffer::{NullBufferBuilder, ScalarBuffer};
use arrow_schema::{DataType, Field};
use flow_source::address::AddressBuilder;
use flow_source::{ip_field, ip_type, schema};

use crate::exporters::ipv6;
use crate::record::{Place, Rows};

/// How a column of the native table is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    U8(Place),
    U16(Place),
    U32(Place),
    U64(Place),
    /// Milliseconds since 1970; 0 is "not known".
    Time(Place),
    /// In one of two elements, by its IP version.
    Address(Place, Place),
    Mac(Place),
    /// Twelve bytes in hexadecimal.
    AccessList(Place),
    /// Text of at most so many bytes, ending with a zero byte.
    Text(Place, usize),
    /// The whole of an element.
    Bytes(u16),
    /// The whole of an element, as text.
    Label(u16),
    /// Ten labels of 20 bits, experimental bits, bottom of stack; those behind the last are 0.
    Labels(Place),
    /// The bit of a byte with this mask.
    Flag(Place, u8),
}

impl Value {
    /// Its column.
    pub(crate) fn field(self, name: &str) -> Field {
        match self {
            Self::Address(..) => ip_field(name),
            _ => Field::new(name, self.data_type(), true),
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::U8(_) => DataType::UInt8,
            Self::U16(_) => DataType::UInt16,
            Self::U32(_) => DataType::UInt32,
            Self::U64(_) => DataType::UInt64,
            Self::Time(_) => schema::time_type(),
            Self::Address(..) => ip_type(),
            Self::Mac(_) | Self::AccessList(_) | Self::Text(..) | Self::Label(_) => DataType::Utf8View,
            Self::Bytes(_) => DataType::BinaryView,
            Self::Labels(_) => DataType::List(Arc::new(Field::new_list_field(DataType::UInt32, true))),
            Self::Flag(..) => DataType::Boolean,
        }
    }

    /// The elements it is read from.
    pub(crate) fn elements(self) -> impl Iterator<Item = u16> {
        let (first, second) = match self {
            Self::Address(v4, v6) => (v4.element, Some(v6.element)),
            Self::Bytes(element) | Self::Label(element) => (element, None),
            Self::U8(place) | Self::U16(place) | Self::U32(place) | Self::U64(place) | Self::Time(place) => {
                (place.element, None)
            }
            Self::Mac(place) | Self::AccessList(place) | Self::Text(place, _) | Self::Labels(place) => {
                (place.element, None)
            }
            Self::Flag(place, _) => (place.element, None),
        };
        [Some(first), second].into_iter().flatten()
    }

    pub(crate) fn column(self, rows: &Rows<'_>) -> ArrayRef {
        match self {
            Self::U8(place) => numbers::<UInt8Type>(rows, |row| rows.bytes(row, place).map(|[byte]| byte)),
            Self::U16(place) => numbers::<UInt16Type>(rows, |row| u16_of(rows, row, place)),
            Self::U32(place) => numbers::<UInt32Type>(rows, |row| u32_of(rows, row, place)),
            Self::U64(place) => numbers::<UInt64Type>(rows, |row| u64_of(rows, row, place)),
            Self::Time(place) => times(rows, |row| rows.moment(row, place)),
            Self::Address(v4, v6) => addresses(rows, v4, v6),
            Self::Mac(place) => texts(rows, |row, text| mac(rows, row, place, text)),
            Self::AccessList(place) => texts(rows, |row, text| access_list(rows, row, place, text)),
            Self::Text(place, length) => texts(rows, |row, text| {
                let element = rows.whole(row, place.element)?;
                push_text(element.get(place.offset..)?.get(..length)?, text)
            }),
            Self::Label(element) => texts(rows, |row, text| push_text(rows.whole(row, element)?, text)),
            Self::Bytes(element) => binaries(rows, element),
            Self::Labels(place) => labels(rows, place),
            Self::Flag(place, mask) => {
                let flags = (0..rows.len()).map(|row| rows.bytes(row, place).map(|[byte]| byte & mask != 0));
                Arc::new(flags.collect::<arrow_array::BooleanArray>())
            }
        }
    }
}

pub(crate) fn u16_of(rows: &Rows<'_>, row: usize, place: Place) -> Option<u16> {
    rows.bytes(row, place).map(u16::from_le_bytes)
}

pub(crate) fn u32_of(rows: &Rows<'_>, row: usize, place: Place) -> Option<u32> {
    rows.bytes(row, place).map(u32::from_le_bytes)
}

pub(crate) fn u64_of(rows: &Rows<'_>, row: usize, place: Place) -> Option<u64> {
    rows.bytes(row, place).map(u64::from_le_bytes)
}

/// A column of numbers, one per row.
pub(crate) fn numbers<T: ArrowPrimitiveType>(rows: &Rows<'_>, value: impl Fn(usize) -> Option<T::Native>) -> ArrayRef {
    Arc::new(primitive::<T>(rows, value))
}

/// A column of points in time, in nanoseconds.
pub(crate) fn times(rows: &Rows<'_>, value: impl Fn(usize) -> Option<i64>) -> ArrayRef {
    Arc::new(primitive::<TimestampNanosecondType>(rows, value).with_timezone("UTC"))
}

fn primitive<T: ArrowPrimitiveType>(rows: &Rows<'_>, value: impl Fn(usize) -> Option<T::Native>) -> PrimitiveArray<T> {
    let mut values = Vec::with_capacity(rows.len());
    let mut valid = NullBufferBuilder::new(rows.len());
    for row in 0..rows.len() {
        let value = value(row);
        values.push(value.unwrap_or_default());
        valid.append(value.is_some());
    }
    PrimitiveArray::new(ScalarBuffer::from(values), valid.finish())
}

/// The address in one of two elements.
pub(crate) fn address(rows: &Rows<'_>, row: usize, v4: Place, v6: Place) -> Option<IpAddr> {
    match rows.bytes(row, v4) {
        Some(bytes) => Some(IpAddr::V4(Ipv4Addr::from(u32::from_le_bytes(bytes)))),
        None => rows.bytes(row, v6).map(ipv6),
    }
}

pub(crate) fn addresses(rows: &Rows<'_>, v4: Place, v6: Place) -> ArrayRef {
    addresses_of(rows, |row| address(rows, row, v4, v6))
}

pub(crate) fn addresses_of(rows: &Rows<'_>, value: impl Fn(usize) -> Option<IpAddr>) -> ArrayRef {
    let mut builder = AddressBuilder::with_capacity(rows.len());
    (0..rows.len()).for_each(|row| builder.append_option(value(row)));
    builder.finish()
}

/// A column of texts; `write` appends the row's text, and answers `None` when there is none.
pub(crate) fn texts(rows: &Rows<'_>, write: impl Fn(usize, &mut String) -> Option<()>) -> ArrayRef {
    let mut builder = StringViewBuilder::with_capacity(rows.len());
    let mut text = String::new();
    for row in 0..rows.len() {
        text.clear();
        match write(row, &mut text) {
            Some(()) => builder.append_value(&text),
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}

/// A MAC address is a number of 48 bits; 0 is "not known".
pub(crate) fn mac(rows: &Rows<'_>, row: usize, place: Place, text: &mut String) -> Option<()> {
    let number = u64_of(rows, row, place).filter(|number| *number != 0)?;
    for (index, byte) in number.to_be_bytes()[2..].iter().enumerate() {
        let colon = if index == 0 { "" } else { ":" };
        write!(text, "{colon}{byte:02x}").ok()?;
    }
    Some(())
}

fn access_list(rows: &Rows<'_>, row: usize, place: Place, text: &mut String) -> Option<()> {
    let bytes: [u8; 12] = rows.bytes(row, place)?;
    for (index, part) in bytes.chunks_exact(4).enumerate() {
        let dash = if index == 0 { "" } else { "-" };
        let number = u32::from_le_bytes([part[0], part[1], part[2], part[3]]);
        write!(text, "{dash}0x{number:x}").ok()?;
    }
    Some(())
}

fn push_text(bytes: &[u8], text: &mut String) -> Option<()> {
    let bytes = bytes.split(|byte| *byte == 0).next().filter(|bytes| !bytes.is_empty())?;
    text.push_str(&String::from_utf8_lossy(bytes));
    Some(())
}

fn binaries(rows: &Rows<'_>, element: u16) -> ArrayRef {
    let mut builder = BinaryViewBuilder::with_capacity(rows.len());
    for row in 0..rows.len() {
        match rows.whole(row, element) {
            Some(bytes) => builder.append_value(bytes),
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}

fn labels(rows: &Rows<'_>, place: Place) -> ArrayRef {
    let mut builder = ListBuilder::new(UInt32Builder::new());
    for row in 0..rows.len() {
        let raw = rows.bytes::<40>(row, place);
        for label in raw.iter().flat_map(|raw| raw.chunks_exact(4)) {
            match u32::from_le_bytes([label[0], label[1], label[2], label[3]]) >> 4 {
                0 => break,
                label => builder.values().append_value(label),
            }
        }
        builder.append(raw.is_some());
    }
    Arc::new(builder.finish())
}
