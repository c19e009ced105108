//! One value as text, exact and complete or cut at a bound. Whether it must be escaped is for the caller to say.

use std::fmt::{self, Write};

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};
use flow_source::is_ip_field;

use crate::ip;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Text {
        text: String,
        /// Whether the value was longer than the bound.
        is_cut: bool,
    },
}

/// The values of a batch as text.
pub(crate) struct Cells<'a> {
    columns: Vec<(&'a dyn Array, Result<ArrayFormatter<'a>, String>)>,
}

const FORMAT: FormatOptions<'static> =
    FormatOptions::new().with_display_error(true).with_null("NULL").with_duration_format(DurationFormat::Pretty);

impl<'a> Cells<'a> {
    pub(crate) fn of(batch: &'a RecordBatch) -> Cells<'a> {
        let columns = batch.schema_ref().fields().iter().zip(batch.columns()).map(|(field, column)| {
            let address = is_ip_field(field).then(|| ip::formatter(column.as_ref(), &FORMAT)).flatten();
            let formatter = address.map_or_else(|| ArrayFormatter::try_new(column.as_ref(), &FORMAT), Ok);
            (column.as_ref(), formatter.map_err(|fault| fault.to_string()))
        });
        Cells { columns: columns.collect() }
    }

    /// The value, at most `chars_max` characters of it.
    pub(crate) fn get(&self, column: usize, row: usize, chars_max: usize) -> Cell {
        let (array, formatter) = &self.columns[column];
        if is_null(*array, row) {
            return Cell::Null;
        }
        let mut bounded = Bounded { text: String::new(), room: chars_max, is_cut: false };
        let written = match formatter {
            Ok(formatter) => formatter.value(row).write(&mut bounded).is_ok(),
            Err(fault) => write!(bounded, "(cannot be shown: {fault})").is_ok(),
        };
        if !written && !bounded.is_cut {
            bounded.text.push_str("(cannot be shown)");
        }
        Cell::Text { text: bounded.text, is_cut: bounded.is_cut }
    }
}

fn is_null(array: &dyn Array, row: usize) -> bool {
    // The values of dictionaries and runs may be NULL where the array itself has no NULL.
    array.data_type() == &DataType::Null
        || array.is_null(row)
        || array.logical_nulls().is_some_and(|it| it.is_null(row))
}

/// Whether a column's values are read digit by digit, so that they stand right.
pub(crate) fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_number(values),
        other => other.is_numeric(),
    }
}

/// Text that stops growing: a value of 100 MB must not be formatted in full to show its first line.
struct Bounded {
    text: String,
    room: usize,
    is_cut: bool,
}

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if more.len() <= self.room {
            self.text.push_str(more);
            self.room -= more.chars().count();
            return Ok(());
        }
        for c in more.chars() {
            if self.room == 0 {
                self.is_cut = true;
                return Err(fmt::Error);
            }
            self.room -= 1;
            self.text.push(c);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, Float64Array, ListArray, NullArray,
        StringArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
    };
    use arrow::datatypes::{Int32Type, Int64Type};

    use super::*;

    #[track_caller]
    fn check(array: ArrayRef, expected: &str) {
        let batch = RecordBatch::try_from_iter([("value", array)]).expect("one column");
        let text = match Cells::of(&batch).get(0, 0, 50) {
            Cell::Null => "∅".to_string(),
            Cell::Text { text, .. } => text,
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn values_are_exact() {
        check(Arc::new(UInt64Array::from(vec![u64::MAX])), "18446744073709551615");
        check(Arc::new(Float64Array::from(vec![0.1])), "0.1");
        check(Arc::new(BooleanArray::from(vec![true])), "true");
        let decimal = Decimal128Array::from(vec![12345678901234567890i128]).with_precision_and_scale(20, 0);
        check(Arc::new(decimal.expect("20 digits")), "12345678901234567890");
        let decimal = Decimal128Array::from(vec![12345i128]).with_precision_and_scale(10, 2).expect("5 digits");
        check(Arc::new(decimal), "123.45");
        check(Arc::new(BinaryArray::from(vec![b"\x00\xff".as_slice()])), "00ff");
    }

    #[test]
    fn addresses_are_text_where_they_are_labelled() {
        let address = flow_source::address::parse_ip("192.0.2.1");
        let column = [address, None].into_iter().collect::<flow_source::AddressBuilder>().finish();
        let fields =
            vec![flow_source::ip_field("src_ip"), arrow::datatypes::Field::new("id", flow_source::ip_type(), true)];
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        let batch = RecordBatch::try_new(schema, vec![Arc::clone(&column), column]).expect("two columns");
        let cells = Cells::of(&batch);
        assert_eq!(cells.get(0, 0, 50), Cell::Text { text: "192.0.2.1".into(), is_cut: false });
        assert_eq!(cells.get(0, 1, 50), Cell::Null);
        assert_eq!(cells.get(1, 0, 50), Cell::Text { text: "00000000000000000000ffffc0000201".into(), is_cut: false });
    }

    #[test]
    fn times_carry_their_zone() {
        let nanos = TimestampNanosecondArray::from(vec![1_700_000_000_123_456_789]).with_timezone("UTC");
        check(Arc::new(nanos), "2023-11-14T22:13:20.123456789Z");
        let millis = TimestampMillisecondArray::from(vec![1_700_000_000_000]).with_timezone("Europe/Prague");
        check(Arc::new(millis), "2023-11-14T23:13:20+01:00");
        check(Arc::new(TimestampMillisecondArray::from(vec![0])), "1970-01-01T00:00:00");
        let unknown = TimestampMillisecondArray::from(vec![0]).with_timezone("Mars/Olympus");
        let batch = RecordBatch::try_from_iter([("t", Arc::new(unknown) as ArrayRef)]).expect("one column");
        assert!(
            matches!(Cells::of(&batch).get(0, 0, 500), Cell::Text { text, .. } if text.contains("cannot be shown"))
        );
    }

    #[test]
    fn lists_and_nulls() {
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None, Some(3)])]);
        check(Arc::new(list), "[1, NULL, 3]");
        check(Arc::new(NullArray::new(1)), "∅");
        check(Arc::new(StringArray::from(vec![None::<&str>])), "∅");
        check(Arc::new(StringArray::from(vec!["NULL"])), "NULL");
        let dictionary: DictionaryArray<Int32Type> = [None, Some("a")].into_iter().collect();
        check(Arc::new(dictionary), "∅");
    }

    #[test]
    fn long_values_are_cut() {
        let batch = RecordBatch::try_from_iter([("t", Arc::new(StringArray::from(vec!["é".repeat(100)])) as ArrayRef)]);
        let batch = batch.expect("one column");
        assert_eq!(Cells::of(&batch).get(0, 0, 10), Cell::Text { text: "é".repeat(10), is_cut: true });
        assert!(matches!(Cells::of(&batch).get(0, 0, 100), Cell::Text { is_cut: false, .. }));
    }
}
