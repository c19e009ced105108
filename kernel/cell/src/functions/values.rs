//! Which Rust types SQL's values are, as arguments and as what comes out.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, StringArray, TimestampNanosecondArray,
    builder::FixedSizeBinaryBuilder,
    cast::AsArray,
    types::{
        Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampNanosecondType, UInt8Type,
        UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, Field, TimeUnit};
use chrono::{DateTime, Utc};

/// Bytes of an address; IPv4 is mapped (RFC 4291).
const ADDRESS_BYTES: usize = 16;
const ADDRESS_BYTES_ARROW: i32 = 16;

/// The label by which SQL knows a column of 16 bytes as addresses.
const LABEL: &str = "ARROW:extension:name";
const ADDRESS_LABEL: &str = "flowdeck.ip";

/// A Rust type of which SQL's values are.
#[diagnostic::on_unimplemented(
    message = "SQL has no values of type `{Self}`",
    note = "types for SQL are bool, the integers up to 64 bits, f32, f64, String, IpAddr and DateTime<Utc>"
)]
pub trait SqlValue: Sized {
    /// The type's name on the bridge.
    #[doc(hidden)]
    const WORD: &'static str;

    /// The type of its columns.
    #[doc(hidden)]
    fn data_type() -> DataType;

    /// A column of such values; `None` is NULL.
    #[doc(hidden)]
    fn column(values: impl Iterator<Item = Option<Self>>) -> ArrayRef;

    /// A column's name and type.
    #[doc(hidden)]
    fn field(name: &str) -> Field {
        Field::new(name, Self::data_type(), true)
    }
}

/// A type of a closure's argument.
#[diagnostic::on_unimplemented(
    message = "SQL cannot give a function an argument of type `{Self}`",
    note = "types for SQL are bool, the integers up to 64 bits, f32, f64, &str, String, IpAddr and DateTime<Utc>, and Option of them"
)]
pub trait Argument {
    /// The type's name on the bridge.
    #[doc(hidden)]
    const WORD: &'static str;

    /// What the closure is given: the same type, with the life of one call.
    #[doc(hidden)]
    type Item<'a>;

    /// The column that values are read from.
    #[doc(hidden)]
    type Column;

    /// The column as it came; `None` when it is of another type.
    #[doc(hidden)]
    fn read(column: &ArrayRef) -> Option<Self::Column>;

    /// The value of a row; `None` when it is NULL and the closure is not to be called.
    #[doc(hidden)]
    fn at(column: &Self::Column, row: usize) -> Option<Self::Item<'_>>;
}

/// What a closure may return.
#[diagnostic::on_unimplemented(
    message = "SQL cannot take a value of type `{Self}`",
    note = "types for SQL are bool, the integers up to 64 bits, f32, f64, String, IpAddr and DateTime<Utc>, Option of them, and Result"
)]
pub trait Output {
    /// The type in SQL.
    #[doc(hidden)]
    type Value: SqlValue;

    /// The value, NULL, or why the query ends.
    #[doc(hidden)]
    fn value(self) -> Result<Option<Self::Value>, String>;
}

impl<A: Argument> Argument for Option<A> {
    const WORD: &'static str = A::WORD;
    type Item<'a> = Option<A::Item<'a>>;
    type Column = A::Column;

    fn read(column: &ArrayRef) -> Option<A::Column> {
        A::read(column)
    }

    fn at(column: &A::Column, row: usize) -> Option<Option<A::Item<'_>>> {
        Some(A::at(column, row))
    }
}

impl<T: Output, E: Display> Output for Result<T, E> {
    type Value = T::Value;

    fn value(self) -> Result<Option<T::Value>, String> {
        match self {
            Ok(value) => value.value(),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Values that closures return as they are, or as an `Option`.
macro_rules! outputs {
    ($($type:ty),*) => {$(
        impl Output for $type {
            type Value = $type;

            fn value(self) -> Result<Option<$type>, String> {
                Ok(Some(self))
            }
        }

        impl Output for Option<$type> {
            type Value = $type;

            fn value(self) -> Result<Option<$type>, String> {
                Ok(self)
            }
        }
    )*};
}
outputs!(bool, i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, String, IpAddr, DateTime<Utc>);

macro_rules! numbers {
    ($($type:ident $arrow:ident $data_type:ident),*) => {$(
        impl SqlValue for $type {
            const WORD: &'static str = stringify!($type);

            fn data_type() -> DataType {
                DataType::$data_type
            }

            fn column(values: impl Iterator<Item = Option<$type>>) -> ArrayRef {
                Arc::new(values.collect::<PrimitiveArray<$arrow>>())
            }
        }

        impl Argument for $type {
            const WORD: &'static str = stringify!($type);
            type Item<'a> = $type;
            type Column = PrimitiveArray<$arrow>;

            fn read(column: &ArrayRef) -> Option<Self::Column> {
                column.as_primitive_opt().cloned()
            }

            fn at(column: &Self::Column, row: usize) -> Option<$type> {
                column.is_valid(row).then(|| column.value(row))
            }
        }
    )*};
}
numbers!(
    i8 Int8Type Int8,
    i16 Int16Type Int16,
    i32 Int32Type Int32,
    i64 Int64Type Int64,
    u8 UInt8Type UInt8,
    u16 UInt16Type UInt16,
    u32 UInt32Type UInt32,
    u64 UInt64Type UInt64,
    f32 Float32Type Float32,
    f64 Float64Type Float64
);

impl SqlValue for bool {
    const WORD: &'static str = "bool";

    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn column(values: impl Iterator<Item = Option<bool>>) -> ArrayRef {
        Arc::new(values.collect::<BooleanArray>())
    }
}

impl Argument for bool {
    const WORD: &'static str = "bool";
    type Item<'a> = bool;
    type Column = BooleanArray;

    fn read(column: &ArrayRef) -> Option<BooleanArray> {
        column.as_boolean_opt().cloned()
    }

    fn at(column: &BooleanArray, row: usize) -> Option<bool> {
        column.is_valid(row).then(|| column.value(row))
    }
}

impl SqlValue for String {
    const WORD: &'static str = "text";

    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn column(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
        Arc::new(values.collect::<StringArray>())
    }
}

impl Argument for &str {
    const WORD: &'static str = "text";
    type Item<'a> = &'a str;
    type Column = StringArray;

    fn read(column: &ArrayRef) -> Option<StringArray> {
        column.as_string_opt().cloned()
    }

    fn at(column: &StringArray, row: usize) -> Option<&str> {
        column.is_valid(row).then(|| column.value(row))
    }
}

impl Argument for String {
    const WORD: &'static str = "text";
    type Item<'a> = String;
    type Column = StringArray;

    fn read(column: &ArrayRef) -> Option<StringArray> {
        column.as_string_opt().cloned()
    }

    fn at(column: &StringArray, row: usize) -> Option<String> {
        <&str>::at(column, row).map(str::to_owned)
    }
}

impl SqlValue for IpAddr {
    const WORD: &'static str = "address";

    fn data_type() -> DataType {
        DataType::FixedSizeBinary(ADDRESS_BYTES_ARROW)
    }

    fn column(values: impl Iterator<Item = Option<IpAddr>>) -> ArrayRef {
        let mut builder = FixedSizeBinaryBuilder::with_capacity(values.size_hint().0, ADDRESS_BYTES_ARROW);
        for address in values {
            match address {
                Some(address) => {
                    let octets = match address {
                        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                        IpAddr::V6(address) => address.octets(),
                    };
                    builder.append_value(octets).expect("an address has the bytes of an address");
                }
                None => builder.append_null(),
            }
        }
        Arc::new(builder.finish())
    }

    fn field(name: &str) -> Field {
        let label = [(LABEL.to_owned(), ADDRESS_LABEL.to_owned())];
        Field::new(name, Self::data_type(), true).with_metadata(label.into())
    }
}

impl Argument for IpAddr {
    const WORD: &'static str = "address";
    type Item<'a> = IpAddr;
    type Column = FixedSizeBinaryArray;

    fn read(column: &ArrayRef) -> Option<FixedSizeBinaryArray> {
        column.as_fixed_size_binary_opt().filter(|column| column.value_length() == ADDRESS_BYTES_ARROW).cloned()
    }

    fn at(column: &FixedSizeBinaryArray, row: usize) -> Option<IpAddr> {
        if column.is_null(row) {
            return None;
        }
        let octets: [u8; ADDRESS_BYTES] = column.value(row).try_into().ok()?;
        Some(IpAddr::V6(Ipv6Addr::from(octets)).to_canonical())
    }
}

impl SqlValue for DateTime<Utc> {
    const WORD: &'static str = "timestamp";

    fn data_type() -> DataType {
        DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
    }

    /// Moments that nanoseconds cannot count (before 1677, after 2262) are NULL.
    fn column(values: impl Iterator<Item = Option<DateTime<Utc>>>) -> ArrayRef {
        let nanoseconds = values.map(|moment| moment.and_then(|moment| moment.timestamp_nanos_opt()));
        Arc::new(nanoseconds.collect::<TimestampNanosecondArray>().with_timezone("UTC"))
    }
}

impl Argument for DateTime<Utc> {
    const WORD: &'static str = "timestamp";
    type Item<'a> = DateTime<Utc>;
    type Column = PrimitiveArray<TimestampNanosecondType>;

    fn read(column: &ArrayRef) -> Option<Self::Column> {
        column.as_primitive_opt().cloned()
    }

    fn at(column: &Self::Column, row: usize) -> Option<DateTime<Utc>> {
        column.is_valid(row).then(|| DateTime::from_timestamp_nanos(column.value(row)))
    }
}
