//! What a query gives to a function of ours: checked against what the function takes, cast to one type per kind,
//! read row by row. Results are built here too, so that a function's file holds its subject only.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, Float64Array, Int64Array, IntervalMonthDayNanoArray,
    StringViewArray, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Float64Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::ColumnarValue;
use flow_source::address::{ip_from_bytes, ip_texts};
use flow_source::{AddressBuilder, ip_type};

use super::address;
use super::fault::FunctionFault;
use super::scalar::{Prepared, ScalarFunction};
use super::setup::Setup;
use super::text::FunctionText;
use crate::engine::type_text;

/// What an argument means, which decides the types it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Address,
    /// An address, or text that may be one or something else.
    AddressOrText,
    Text,
    Integer,
    /// Any number, computed with as a 64-bit float.
    Number,
    Timestamp,
    /// An interval, or text such as '5 minutes'.
    Interval,
}

/// One argument of a function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) is_optional: bool,
}

pub(crate) const fn required(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, is_optional: false }
}

pub(crate) const fn optional(name: &'static str, kind: Kind) -> Argument {
    Argument { name, kind, is_optional: true }
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Kind::Address => "an IP address",
            Kind::AddressOrText => "an IP address or text",
            Kind::Text => "text",
            Kind::Integer => "a whole number",
            Kind::Number => "a number",
            Kind::Timestamp => "a timestamp",
            Kind::Interval => "an interval such as INTERVAL '5 minutes'",
        }
    }

    /// The type that values given as `found` are computed with; `None` when they have no meaning here.
    fn type_for(self, found: &DataType) -> Option<DataType> {
        let found = match found {
            DataType::Dictionary(_, values) => values,
            found => found,
        };
        let is_text = matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null);
        match self {
            // Text that should be an address is read row by row: most calls have few different ones.
            Kind::Address | Kind::AddressOrText if found == &ip_type() => Some(ip_type()),
            Kind::Text if found == &ip_type() => Some(DataType::Utf8View),
            Kind::Address | Kind::AddressOrText | Kind::Text => is_text.then_some(DataType::Utf8View),
            Kind::Integer => (found.is_integer() || found.is_null()).then_some(DataType::Int64),
            Kind::Number => (found.is_numeric() || found.is_null()).then_some(DataType::Float64),
            Kind::Timestamp => match found {
                DataType::Timestamp(_, zone) => Some(DataType::Timestamp(TimeUnit::Nanosecond, zone.clone())),
                DataType::Date32 | DataType::Date64 => Some(DataType::Timestamp(TimeUnit::Nanosecond, None)),
                DataType::Null => Some(DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))),
                _ => None,
            },
            Kind::Interval => (is_text || matches!(found, DataType::Interval(_) | DataType::Duration(_)))
                .then_some(DataType::Interval(IntervalUnit::MonthDayNano)),
        }
    }
}

/// The types that `given` are computed with, or what is wrong with them.
pub(crate) fn checked_types(
    function: &'static FunctionText,
    wanted: &[Argument],
    given: &[&DataType],
) -> Result<Vec<DataType>, FunctionFault> {
    let at_least = wanted.iter().filter(|argument| !argument.is_optional).count();
    if given.len() < at_least || given.len() > wanted.len() {
        let expected = match wanted.len() {
            1 if at_least == 1 => "1 argument".to_string(),
            most if most == at_least => format!("{most} arguments"),
            most => format!("{at_least} to {most} arguments"),
        };
        let (function, syntax) = (function.name, function.syntax);
        return Err(FunctionFault::ArgumentCount { function, syntax, expected, given: given.len() });
    }
    let types = wanted.iter().zip(given).map(|(argument, found)| {
        argument.kind.type_for(found).ok_or_else(|| FunctionFault::ArgumentType {
            function: function.name,
            syntax: function.syntax,
            argument: argument.name,
            expected: argument.kind.words(),
            found: type_text(found),
        })
    });
    types.collect()
}

/// The arguments of one call for a batch of rows.
pub(crate) struct Arguments<'a> {
    function: &'static ScalarFunction,
    columns: Vec<ArrayRef>,
    is_constant: Vec<bool>,
    setup: &'a Setup,
    prepared: Option<&'a Prepared>,
    row_count: usize,
}

/// The values of one argument. A constant has one value for all rows.
pub(crate) struct Values<A> {
    array: A,
    step: usize,
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(
        function: &'static ScalarFunction,
        given: Vec<ColumnarValue>,
        row_count: usize,
        setup: &'a Setup,
        prepared: Option<&'a Prepared>,
    ) -> DataFusionResult<Arguments<'a>> {
        let types: Vec<DataType> = given.iter().map(ColumnarValue::data_type).collect();
        let types = checked_types(&function.text, function.arguments, &types.iter().collect::<Vec<_>>())?;
        let is_constant: Vec<bool> = given.iter().map(|value| matches!(value, ColumnarValue::Scalar(_))).collect();
        let columns = given.into_iter().zip(&types).map(|(value, to)| converted(value, to));
        let columns = columns.collect::<DataFusionResult<Vec<ArrayRef>>>()?;
        let row_count = if is_constant.iter().all(|constant| *constant) { 1 } else { row_count };
        Ok(Arguments { function, columns, is_constant, setup, prepared, row_count })
    }

    /// Whether all arguments are constants, so that one row stands for all.
    pub(crate) fn is_constant(&self) -> bool {
        self.is_constant.iter().all(|constant| *constant)
    }

    pub(crate) fn row_count(&self) -> usize {
        self.row_count
    }

    /// Whether the optional argument `index` was written.
    pub(crate) fn has(&self, index: usize) -> bool {
        index < self.columns.len()
    }

    pub(crate) fn setup(&self) -> &Setup {
        self.setup
    }

    pub(crate) fn prepared(&self) -> Option<&Prepared> {
        self.prepared
    }

    pub(crate) fn addresses(&self, index: usize) -> Values<Addresses> {
        self.values(index, |array| match array.as_fixed_size_binary_opt() {
            Some(bytes) => Addresses::Bytes(bytes.clone()),
            None => Addresses::Texts(array.as_string_view().clone()),
        })
    }

    pub(crate) fn texts(&self, index: usize) -> Values<StringViewArray> {
        self.values(index, |array| array.as_string_view().clone())
    }

    pub(crate) fn integers(&self, index: usize) -> Values<Int64Array> {
        self.values(index, |array| array.as_primitive::<Int64Type>().clone())
    }

    pub(crate) fn numbers(&self, index: usize) -> Values<Float64Array> {
        self.values(index, |array| array.as_primitive::<Float64Type>().clone())
    }

    pub(crate) fn timestamps(&self, index: usize) -> Values<TimestampNanosecondArray> {
        self.values(index, |array| array.as_primitive().clone())
    }

    pub(crate) fn intervals(&self, index: usize) -> Values<IntervalMonthDayNanoArray> {
        self.values(index, |array| array.as_primitive::<IntervalMonthDayNanoType>().clone())
    }

    /// A value that has no meaning as argument `index`.
    pub(crate) fn refused(&self, index: usize, found: impl fmt::Display, reason: impl Into<String>) -> FunctionFault {
        FunctionFault::ArgumentValue {
            function: self.function.text.name,
            argument: self.function.arguments[index].name,
            found: crate::render::visible(&found.to_string()),
            reason: reason.into(),
        }
    }

    fn values<A>(&self, index: usize, typed: impl FnOnce(&ArrayRef) -> A) -> Values<A> {
        Values { array: typed(&self.columns[index]), step: usize::from(!self.is_constant[index]) }
    }

    pub(crate) fn build_texts<E>(&self, row: impl FnMut(usize) -> Result<Option<String>, E>) -> Result<ArrayRef, E> {
        Ok(Arc::new((0..self.row_count).map(row).collect::<Result<StringViewArray, E>>()?))
    }

    /// Addresses as flows hold them.
    pub(crate) fn build_addresses<E>(
        &self,
        row: impl FnMut(usize) -> Result<Option<IpAddr>, E>,
    ) -> Result<ArrayRef, E> {
        Ok((0..self.row_count).map(row).collect::<Result<AddressBuilder, E>>()?.finish())
    }

    pub(crate) fn build_booleans<E>(&self, row: impl FnMut(usize) -> Result<Option<bool>, E>) -> Result<ArrayRef, E> {
        Ok(Arc::new((0..self.row_count).map(row).collect::<Result<BooleanArray, E>>()?))
    }

    pub(crate) fn build_integers<E>(&self, row: impl FnMut(usize) -> Result<Option<i64>, E>) -> Result<ArrayRef, E> {
        Ok(Arc::new((0..self.row_count).map(row).collect::<Result<Int64Array, E>>()?))
    }

    pub(crate) fn build_numbers<E>(&self, row: impl FnMut(usize) -> Result<Option<f64>, E>) -> Result<ArrayRef, E> {
        Ok(Arc::new((0..self.row_count).map(row).collect::<Result<Float64Array, E>>()?))
    }
}

impl<A: Array> Values<A> {
    pub(crate) fn data_type(&self) -> &DataType {
        self.array.data_type()
    }
}

impl Values<StringViewArray> {
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        self.array.is_valid(row * self.step).then(|| self.array.value(row * self.step))
    }
}

/// A value that may be an address.
pub(crate) enum AddressOrText<'a> {
    Address(IpAddr),
    Text(&'a str),
}

/// Addresses of flows, or texts that should be addresses.
pub(crate) enum Addresses {
    Bytes(FixedSizeBinaryArray),
    Texts(StringViewArray),
}

impl Values<Addresses> {
    /// `None` for NULL and for text that is no address.
    pub(crate) fn address(&self, row: usize) -> Option<IpAddr> {
        let row = row * self.step;
        match &self.array {
            Addresses::Bytes(bytes) => bytes.is_valid(row).then(|| ip_from_bytes(bytes.value(row)))?,
            Addresses::Texts(texts) => texts.is_valid(row).then(|| address::parse(texts.value(row)))?,
        }
    }

    /// What a value of [`Kind::AddressOrText`] is; `None` for NULL.
    pub(crate) fn address_or_text(&self, row: usize) -> Option<AddressOrText<'_>> {
        let row = row * self.step;
        match &self.array {
            Addresses::Bytes(bytes) if bytes.is_valid(row) => {
                ip_from_bytes(bytes.value(row)).map(AddressOrText::Address)
            }
            Addresses::Texts(texts) if texts.is_valid(row) => Some(AddressOrText::Text(texts.value(row))),
            _ => None,
        }
    }

    /// The text where [`address`](Self::address) found none in it.
    pub(crate) fn unreadable(&self, row: usize) -> Option<&str> {
        let Addresses::Texts(texts) = &self.array else { return None };
        let text = texts.is_valid(row * self.step).then(|| texts.value(row * self.step))?;
        address::parse(text).is_none().then_some(text)
    }
}

/// What was given, in the type it is computed with. Arrow cannot make text of addresses.
pub(super) fn converted(value: ColumnarValue, to: &DataType) -> DataFusionResult<ArrayRef> {
    if value.data_type() == ip_type() && to != &ip_type() {
        let values = value.into_array(1)?;
        return Ok(Arc::new(ip_texts(values.as_fixed_size_binary())));
    }
    value.cast_to(to, None)?.into_array(1)
}

impl<T: arrow::datatypes::ArrowPrimitiveType> Values<arrow::array::PrimitiveArray<T>> {
    pub(crate) fn number(&self, row: usize) -> Option<T::Native> {
        self.array.is_valid(row * self.step).then(|| self.array.value(row * self.step))
    }
}

/// The text of a constant, whichever of the text types it has; the outer `None` when it is no text.
pub(crate) fn constant_text(value: &ScalarValue) -> Option<Option<&str>> {
    match value {
        ScalarValue::Null => Some(None),
        ScalarValue::Dictionary(_, value) => constant_text(value),
        value => value.try_as_str(),
    }
}
