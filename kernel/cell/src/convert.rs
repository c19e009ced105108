//! Values of a table's cell or row as Rust types.
//!
//! Conversions are exact or refused: a `u64` that does not fit an `i64` is a [`Mismatch`], never a wrapped number.

use std::net::IpAddr;

use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray,
    types::{
        Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
        UInt64Type,
    },
};
use arrow_schema::{DataType, TimeUnit};
use chrono::{DateTime, Utc};

use crate::table::Row;

/// A value is not of the type that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// The column, when known.
    pub column: String,
    /// What stands in the table.
    pub found: String,
    /// What was asked for.
    pub wanted: &'static str,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Mismatch { column, found, wanted } = self;
        write!(f, "column `{column}`: {found} cannot be read as {wanted}")?;
        match found.as_str() {
            "NULL" => write!(f, "\nhint: ask for Option<{wanted}>"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Mismatch {}

/// A Rust type that can be read from one value of a table.
pub trait FromCell: Sized {
    /// The name of the type in errors.
    const NAME: &'static str;

    /// Reads the value at `row`, which is not NULL. `None` when it is of another type or does not fit.
    fn from_cell(column: &ArrayRef, row: usize) -> Option<Self>;

    /// What NULL is read as; `None` when the type has no place for it.
    fn from_null() -> Option<Self> {
        None
    }
}

impl<T: FromCell> FromCell for Option<T> {
    const NAME: &'static str = T::NAME;

    fn from_cell(column: &ArrayRef, row: usize) -> Option<Self> {
        T::from_cell(column, row).map(Some)
    }

    fn from_null() -> Option<Self> {
        Some(None)
    }
}

fn integer(column: &ArrayRef, row: usize) -> Option<i128> {
    Some(match column.data_type() {
        DataType::Int8 => column.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt8 => column.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => column.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => column.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).into(),
        _ => return None,
    })
}

macro_rules! integers {
    ($($type:ident)*) => {$(
        impl FromCell for $type {
            const NAME: &'static str = stringify!($type);
            fn from_cell(column: &ArrayRef, row: usize) -> Option<Self> {
                $type::try_from(integer(column, row)?).ok()
            }
        }
    )*};
}
integers!(i8 i16 i32 i64 i128 u8 u16 u32 u64 usize);

impl FromCell for f64 {
    const NAME: &'static str = "f64";

    fn from_cell(column: &ArrayRef, row: usize) -> Option<Self> {
        match column.data_type() {
            DataType::Float32 => Some(column.as_primitive::<Float32Type>().value(row).into()),
            DataType::Float64 => Some(column.as_primitive::<Float64Type>().value(row)),
            _ => integer(column, row).map(|value| value as f64),
        }
    }
}

impl FromCell for bool {
    const NAME: &'static str = "bool";

    fn from_cell(column: &ArrayRef, row: usize) -> Option<Self> {
        column.as_boolean_opt().map(|column| column.value(row))
    }
}

impl FromCell for String {
    const NAME: &'static str = "String";

    fn from_cell(column: &ArrayRef, row: usize) -> Option<Self> {
        let text = match column.data_type() {
            DataType::Utf8 => column.as_string::<i32>().value(row),
            DataType::LargeUtf8 => column.as_string::<i64>().value(row),
            DataType::Utf8View => column.as_string_view().value(row),
            DataType::FixedSizeBinary(_) => return IpAddr::from_cell(column, row).map(|address| address.to_string()),
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// From a column of addresses, or from text that is one. 16 bytes are an address (RFC 4291, IPv4 mapped).
impl FromCell for IpAddr {
    const NAME: &'static str = "IpAddr";

    fn from_cell(column: &ArrayRef, row: usize) -> Option<Self> {
        if let Some(bytes) = column.as_fixed_size_binary_opt() {
            let octets: [u8; 16] = bytes.value(row).try_into().ok()?;
            return Some(IpAddr::from(octets).to_canonical());
        }
        String::from_cell(column, row)?.parse::<IpAddr>().ok().map(|address| address.to_canonical())
    }
}

impl FromCell for DateTime<Utc> {
    const NAME: &'static str = "DateTime<Utc>";

    fn from_cell(column: &ArrayRef, row: usize) -> Option<Self> {
        let DataType::Timestamp(unit, _) = column.data_type() else { return None };
        match unit {
            TimeUnit::Second => DateTime::from_timestamp(column.as_primitive::<TimestampSecondType>().value(row), 0),
            TimeUnit::Millisecond => {
                DateTime::from_timestamp_millis(column.as_primitive::<TimestampMillisecondType>().value(row))
            }
            TimeUnit::Microsecond => {
                DateTime::from_timestamp_micros(column.as_primitive::<TimestampMicrosecondType>().value(row))
            }
            TimeUnit::Nanosecond => {
                Some(DateTime::from_timestamp_nanos(column.as_primitive::<TimestampNanosecondType>().value(row)))
            }
        }
    }
}

/// Types that can be read from a whole row, column by column: tuples of up to eight readable values, and structs that
/// derive [`crate::FlowRow`].
pub trait FromRow: Sized {
    /// Reads a row.
    ///
    /// # Errors
    /// [`Mismatch`] for the first value of another type; also when the row has fewer columns than the tuple.
    fn from_row(row: &Row<'_>) -> Result<Self, Mismatch>;

    /// Reads all rows of a batch.
    ///
    /// # Errors
    /// As [`FromRow::from_row`].
    #[doc(hidden)]
    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>, Mismatch> {
        (0..batch.num_rows()).map(|row| Self::from_row(&Row::new(batch, row))).collect()
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt),*) => {
        impl<$($name: FromCell),*> FromRow for ($($name,)*) {
            fn from_row(row: &Row<'_>) -> Result<Self, Mismatch> {
                Ok(($(row.at::<$name>($index)?,)*))
            }
        }
    };
}
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
