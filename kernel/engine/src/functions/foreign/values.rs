//! The types that such functions take and give, and how a query's values become them.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, new_null_array};
use arrow::compute::CastOptions;
use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::ColumnarValue;
use flow_source::address::ip_texts;
use flow_source::{AddressBuilder, IpType, ip_type};

use super::super::address;
use super::super::fault::FunctionFault;
use super::ForeignFunction;
use crate::engine::type_text;

/// A type of a foreign function's arguments and values. Any value may be NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ForeignType {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
    Text,
    Address,
    /// UTC, in nanoseconds.
    Timestamp,
}

/// Each type with its name in Rust, by which it comes over the bridge.
const WORDS: &[(ForeignType, &str)] = &[
    (ForeignType::Boolean, "bool"),
    (ForeignType::Int8, "i8"),
    (ForeignType::Int16, "i16"),
    (ForeignType::Int32, "i32"),
    (ForeignType::Int64, "i64"),
    (ForeignType::UInt8, "u8"),
    (ForeignType::UInt16, "u16"),
    (ForeignType::UInt32, "u32"),
    (ForeignType::UInt64, "u64"),
    (ForeignType::Float32, "f32"),
    (ForeignType::Float64, "f64"),
    (ForeignType::Text, "text"),
    (ForeignType::Address, "address"),
    (ForeignType::Timestamp, "timestamp"),
];

impl ForeignType {
    /// The type of this name.
    pub fn named(word: &str) -> Option<ForeignType> {
        WORDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(kind, _)| *kind == self).map_or("unknown", |(_, word)| word)
    }

    /// The type of columns in which values come and go.
    pub fn data_type(self) -> DataType {
        match self {
            ForeignType::Boolean => DataType::Boolean,
            ForeignType::Int8 => DataType::Int8,
            ForeignType::Int16 => DataType::Int16,
            ForeignType::Int32 => DataType::Int32,
            ForeignType::Int64 => DataType::Int64,
            ForeignType::UInt8 => DataType::UInt8,
            ForeignType::UInt16 => DataType::UInt16,
            ForeignType::UInt32 => DataType::UInt32,
            ForeignType::UInt64 => DataType::UInt64,
            ForeignType::Float32 => DataType::Float32,
            ForeignType::Float64 => DataType::Float64,
            ForeignType::Text => DataType::Utf8,
            ForeignType::Address => ip_type(),
            ForeignType::Timestamp => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        }
    }

    /// A column of such values.
    pub(super) fn field(self, name: &str) -> Field {
        let field = Field::new(name, self.data_type(), true);
        if self == ForeignType::Address { field.with_extension_type(IpType) } else { field }
    }

    /// Whether values that a query has as `found` can be given where this is taken.
    fn takes(self, found: &DataType) -> bool {
        let found = match found {
            DataType::Dictionary(_, values) => values.as_ref(),
            found => found,
        };
        let is_text = matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        let is_moment = matches!(found, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64);
        found.is_null()
            || match self {
                ForeignType::Boolean => found == &DataType::Boolean,
                ForeignType::Text => is_text || found == &ip_type(),
                ForeignType::Address => is_text || found == &ip_type(),
                ForeignType::Timestamp => is_moment,
                ForeignType::Float32 | ForeignType::Float64 => found.is_numeric(),
                // What does not fit is an error, but a fraction would be cut off without one.
                _ => found.is_integer(),
            }
    }
}

/// Whether a call may be made with values of these types.
pub(super) fn check(function: &ForeignFunction, given: &[DataType]) -> Result<(), FunctionFault> {
    let wanted = &function.arguments;
    if wanted.len() != given.len() {
        let fact = format!("takes {}, and was given {}", arguments(wanted.len()), given.len());
        return Err(refused(function, fact));
    }
    let wrong = wanted.iter().zip(given).enumerate().find(|(_, (wanted, given))| !wanted.takes(given));
    match wrong {
        None => Ok(()),
        Some((place, (wanted, given))) => {
            let fact = format!("needs {} as argument {}; it was given {}", wanted.word(), place + 1, type_text(given));
            Err(refused(function, fact))
        }
    }
}

fn refused(function: &ForeignFunction, fact: String) -> FunctionFault {
    let hint = Some(format!("it was defined as {}", function.signature()));
    FunctionFault::Foreign { function: function.name.clone(), fact, hint }
}

fn arguments(count: usize) -> String {
    if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") }
}

/// Values as the function takes them.
pub(super) fn column(value: ColumnarValue, wanted: ForeignType, rows: usize) -> DataFusionResult<ArrayRef> {
    let column = value.into_array(rows)?;
    converted(&column, wanted)
}

/// As [`column`], of a column.
pub(super) fn converted(column: &ArrayRef, wanted: ForeignType) -> DataFusionResult<ArrayRef> {
    let to = wanted.data_type();
    if column.data_type() == &to {
        return Ok(Arc::clone(column));
    }
    if column.data_type().is_null() {
        return Ok(new_null_array(&to, column.len()));
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let cast = |column: &ArrayRef, to: &DataType| arrow::compute::cast_with_options(column, to, &strict);
    Ok(match wanted {
        ForeignType::Address => addresses(&cast(column, &DataType::Utf8)?)?,
        ForeignType::Text if column.data_type() == &ip_type() => {
            let texts: ArrayRef = Arc::new(ip_texts(column.as_fixed_size_binary()));
            cast(&texts, &to)?
        }
        _ => cast(column, &to)?,
    })
}

fn addresses(texts: &ArrayRef) -> Result<ArrayRef, FunctionFault> {
    let mut builder = AddressBuilder::with_capacity(texts.len());
    for text in texts.as_string::<i32>() {
        let address = text.map(|text| {
            let no_address = || FunctionFault::NoAddress { text: crate::render::visible(text) };
            address::parse(text).ok_or_else(no_address)
        });
        builder.append_option(address.transpose()?);
    }
    Ok(builder.finish())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    #[test]
    fn every_type_is_found_by_its_word() {
        for (kind, word) in WORDS {
            assert_eq!(ForeignType::named(word), Some(*kind));
            assert_eq!(kind.word(), *word);
        }
        assert_eq!(ForeignType::named("Vec<u8>"), None);
    }

    #[test]
    fn numbers_that_do_not_fit_are_an_error_and_fractions_are_not_cut_off() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(300), None]));
        assert!(converted(&numbers, ForeignType::UInt8).is_err());
        assert_eq!(converted(&numbers, ForeignType::UInt16).expect("300 fits").data_type(), &DataType::UInt16);
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
        assert!(!ForeignType::Int64.takes(floats.data_type()) && ForeignType::Float32.takes(floats.data_type()));
    }

    #[test]
    fn addresses_and_text_are_read_as_each_other() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("10.0.0.1"), None, Some("2001:db8::1")]));
        let addresses = converted(&texts, ForeignType::Address).expect("addresses");
        let again = converted(&addresses, ForeignType::Text).expect("texts");
        assert_eq!(again.as_ref(), texts.as_ref());
        let no_address: ArrayRef = Arc::new(StringArray::from(vec!["host"]));
        assert!(converted(&no_address, ForeignType::Address).is_err());
    }
}
