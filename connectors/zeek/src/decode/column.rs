//! One column under construction.
//!
//! Values of the last row can be taken back (`truncate`) until the row is complete, except text: a decoder therefore
//! pushes text columns last, when nothing of the row can fail any more.

use std::sync::Arc;

use arrow_array::builder::StringViewBuilder;
use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType, UInt16Type, UInt64Type};
use arrow_array::{ArrayRef, ArrowPrimitiveType, BooleanArray, ListArray, PrimitiveArray};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use arrow_schema::Field;
use file_source::BATCH_ROWS;

use super::value;
use crate::options::TimeFormat;
use crate::types::Kind;

/// A value that is not of its column's kind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotOfKind;

/// A column of one kind.
pub(crate) enum Column {
    Time(Values<i64>),
    Float(Values<f64>),
    Count(Values<u64>),
    Int(Values<i64>),
    Port(Values<u16>),
    Bool(Values<bool>),
    Text(StringViewBuilder),
    List(ListColumn),
}

/// Numbers with their validity.
pub(crate) struct Values<T> {
    values: Vec<T>,
    valid: NullBufferBuilder,
}

/// Lists; `offsets` has one entry more than rows.
pub(crate) struct ListColumn {
    element: Kind,
    offsets: Vec<i32>,
    valid: NullBufferBuilder,
    elements: Box<Column>,
}

impl Column {
    /// A column that begins with `rows` NULLs.
    pub(crate) fn nulls(kind: &Kind, rows: usize) -> Self {
        let mut column = Self::with_capacity(kind, BATCH_ROWS);
        (0..rows).for_each(|_| column.push_null());
        column
    }

    fn with_capacity(kind: &Kind, rows: usize) -> Self {
        match kind {
            Kind::Time => Self::Time(Values::new(rows)),
            Kind::Float => Self::Float(Values::new(rows)),
            Kind::Count => Self::Count(Values::new(rows)),
            Kind::Int => Self::Int(Values::new(rows)),
            Kind::Port => Self::Port(Values::new(rows)),
            Kind::Bool => Self::Bool(Values::new(rows)),
            Kind::Text => Self::Text(StringViewBuilder::with_capacity(rows)),
            Kind::List(element) => Self::List(ListColumn::new(element, rows)),
        }
    }

    pub(crate) fn push_null(&mut self) {
        match self {
            Self::Time(values) | Self::Int(values) => values.push(None),
            Self::Float(values) => values.push(None),
            Self::Count(values) => values.push(None),
            Self::Port(values) => values.push(None),
            Self::Bool(values) => values.push(None),
            Self::Text(builder) => builder.append_null(),
            Self::List(list) => list.end_list(false),
        }
    }

    /// Parses a scalar and appends it; appends nothing when it is not of the column's kind.
    pub(crate) fn push(&mut self, raw: &[u8], time_format: TimeFormat) -> Result<(), NotOfKind> {
        match self {
            Self::Time(values) => values.push_some(value::time(raw, time_format)),
            Self::Float(values) => values.push_some(value::float(raw)),
            Self::Count(values) => values.push_some(value::unsigned(raw)),
            Self::Int(values) => values.push_some(value::signed(raw)),
            Self::Port(values) => values.push_some(port(raw)),
            Self::Bool(values) => values.push_some(value::boolean(raw)),
            Self::Text(builder) => push_text(builder, &value::text(raw)),
            Self::List(_) => Err(NotOfKind),
        }
    }

    /// Appends text that needs no unescaping to a text column.
    pub(crate) fn push_plain(&mut self, text: &str) -> Result<(), NotOfKind> {
        match self {
            Self::Text(builder) => push_text(builder, text),
            _ => Err(NotOfKind),
        }
    }

    /// The column of the elements of a list; follow with [`Column::end_list`].
    pub(crate) fn elements(&mut self) -> Option<&mut Column> {
        match self {
            Self::List(list) => Some(&mut list.elements),
            _ => None,
        }
    }

    /// Makes a list of the elements pushed since the last one.
    pub(crate) fn end_list(&mut self) {
        if let Self::List(list) = self {
            list.end_list(true);
        }
    }

    /// Whether pushing into it can fail, so that it has to be pushed before the text columns.
    pub(crate) fn can_fail(kind: &Kind) -> bool {
        match kind {
            Kind::Text => false,
            Kind::List(element) => Self::can_fail(element),
            _ => true,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Time(values) | Self::Int(values) => values.values.len(),
            Self::Float(values) => values.values.len(),
            Self::Count(values) => values.values.len(),
            Self::Port(values) => values.values.len(),
            Self::Bool(values) => values.values.len(),
            Self::Text(builder) => arrow_array::builder::ArrayBuilder::len(builder),
            Self::List(list) => list.offsets.len() - 1,
        }
    }

    /// Takes back values beyond `rows`. Text is never pushed before a row is known to be good.
    pub(crate) fn truncate(&mut self, rows: usize) {
        match self {
            Self::Time(values) | Self::Int(values) => values.truncate(rows),
            Self::Float(values) => values.truncate(rows),
            Self::Count(values) => values.truncate(rows),
            Self::Port(values) => values.truncate(rows),
            Self::Bool(values) => values.truncate(rows),
            Self::Text(_) => {}
            Self::List(list) => list.truncate(rows),
        }
    }

    pub(crate) fn finish(self) -> ArrayRef {
        match self {
            Self::Time(values) => {
                let (values, nulls) = values.finish();
                Arc::new(PrimitiveArray::<TimestampNanosecondType>::new(values, nulls).with_timezone("UTC"))
            }
            Self::Float(values) => values.array::<Float64Type>(),
            Self::Count(values) => values.array::<UInt64Type>(),
            Self::Int(values) => values.array::<Int64Type>(),
            Self::Port(values) => values.array::<UInt16Type>(),
            Self::Bool(mut values) => {
                Arc::new(BooleanArray::new(BooleanBuffer::from(values.values), values.valid.finish()))
            }
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::List(list) => list.finish(),
        }
    }
}

impl<T: Copy + Default> Values<T> {
    fn new(rows: usize) -> Self {
        Self { values: Vec::with_capacity(rows), valid: NullBufferBuilder::new(rows) }
    }

    fn push(&mut self, value: Option<T>) {
        self.values.push(value.unwrap_or_default());
        self.valid.append(value.is_some());
    }

    fn push_some(&mut self, value: Option<T>) -> Result<(), NotOfKind> {
        let value = value.ok_or(NotOfKind)?;
        self.values.push(value);
        self.valid.append_non_null();
        Ok(())
    }

    fn truncate(&mut self, rows: usize) {
        if self.values.len() > rows {
            self.values.truncate(rows);
            self.valid.truncate(rows);
        }
    }
}

impl<T: ArrowNativeType> Values<T> {
    fn finish(mut self) -> (ScalarBuffer<T>, Option<NullBuffer>) {
        (ScalarBuffer::from(self.values), self.valid.finish())
    }

    fn array<P: ArrowPrimitiveType<Native = T>>(self) -> ArrayRef {
        let (values, nulls) = self.finish();
        Arc::new(PrimitiveArray::<P>::new(values, nulls))
    }
}

impl ListColumn {
    fn new(element: &Kind, rows: usize) -> Self {
        Self {
            element: element.clone(),
            offsets: vec![0],
            valid: NullBufferBuilder::new(rows),
            elements: Box::new(Column::with_capacity(element, rows)),
        }
    }

    fn end_list(&mut self, valid: bool) {
        // A batch of at most BATCH_ROWS lines of at most LINE_BYTES_MAX could in theory hold more than 2^31
        // elements; such a list is cut rather than wrapped.
        self.offsets.push(i32::try_from(self.elements.len()).unwrap_or(i32::MAX));
        self.valid.append(valid);
    }

    fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        if self.valid.len() > rows {
            self.valid.truncate(rows);
        }
        let elements = self.offsets.last().copied().unwrap_or(0);
        self.elements.truncate(usize::try_from(elements).unwrap_or(0));
    }

    fn finish(mut self) -> ArrayRef {
        let field = Arc::new(Field::new_list_field(self.element.data_type(), true));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        Arc::new(ListArray::new(field, offsets, self.elements.finish(), self.valid.finish()))
    }
}

/// Whether [`Column::push`] would take a scalar; for columns that are checked but not stored.
pub(crate) fn fits(kind: &Kind, raw: &[u8], time_format: TimeFormat) -> bool {
    match kind {
        Kind::Time => value::time(raw, time_format).is_some(),
        Kind::Float => value::float(raw).is_some(),
        Kind::Count => value::unsigned(raw).is_some(),
        Kind::Int => value::signed(raw).is_some(),
        Kind::Port => port(raw).is_some(),
        Kind::Bool => value::boolean(raw).is_some(),
        Kind::Text => true,
        Kind::List(_) => false,
    }
}

fn push_text(builder: &mut StringViewBuilder, text: &str) -> Result<(), NotOfKind> {
    // Fails only for text beyond 2^32 bytes, which LINE_BYTES_MAX excludes.
    builder.try_append_value(text).map_err(|_| NotOfKind)
}

fn port(raw: &[u8]) -> Option<u16> {
    u16::try_from(value::unsigned(raw)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;

    #[test]
    fn a_bad_row_leaves_no_trace() {
        let mut column = Column::nulls(&Kind::List(Box::new(Kind::Count)), 1);
        let elements = column.elements().expect("a list");
        elements.push(b"7", TimeFormat::EpochSeconds).expect("a count");
        column.end_list();
        let elements = column.elements().expect("a list");
        elements.push(b"8", TimeFormat::EpochSeconds).expect("a count");
        assert_eq!(elements.push(b"x", TimeFormat::EpochSeconds), Err(NotOfKind));
        column.truncate(2);
        column.end_list();
        let array = column.finish();
        let lists = array.as_any().downcast_ref::<ListArray>().expect("lists");
        assert_eq!((lists.len(), lists.value_length(0), lists.value_length(1), lists.value_length(2)), (3, 0, 1, 0));
        assert!(lists.is_null(0));
    }
}
