//! Values of which Arrow would read a part: numbers with a fraction where integers are expected, moments where days are.
//!
//! Types are guessed from the first rows, so such values come behind them. Where there may be some, columns are read as texts
//! and made what they are here; what is none is the text of a row that cannot be read.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StringArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};

/// Characters of a day, as in `2024-01-31`.
const DAY_LENGTH: usize = 10;
/// From it on floating-point numbers are no exact integers.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// `columns` with texts in the place of some types, also within lists and objects.
pub(super) fn with_texts(columns: &Schema, is_text: impl Fn(&DataType) -> bool + Copy) -> SchemaRef {
    Arc::new(Schema::new_with_metadata(text_fields(columns.fields(), is_text), columns.metadata().clone()))
}

fn text_fields(fields: &Fields, is_text: impl Fn(&DataType) -> bool + Copy) -> Fields {
    fields.iter().map(|field| text_field(field, is_text)).collect()
}

fn text_field(field: &Field, is_text: impl Fn(&DataType) -> bool + Copy) -> Field {
    let data_type = match field.data_type() {
        wanted if is_text(wanted) => DataType::Utf8,
        DataType::List(item) => DataType::List(Arc::new(text_field(item, is_text))),
        DataType::Struct(fields) => DataType::Struct(text_fields(fields, is_text)),
        other => other.clone(),
    };
    field.clone().with_data_type(data_type)
}

/// Whether a number of a JSON text may have a fraction: a point behind digits that do not look like an address, or a negative
/// exponent. Cheap, as it is asked for each batch.
pub(super) fn may_have_fraction(text: &[u8]) -> bool {
    memchr::memchr2_iter(b'.', b'-', text).any(|at| {
        let before = &text[..at];
        if text[at] == b'-' {
            return matches!(before, [.., b'0'..=b'9' | b'.', b'e' | b'E']);
        }
        let digits = before.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
        digits > 0 && !matches!(before[..at - digits].last(), Some(b'"' | b'.'))
    })
}

/// Integers out of texts, in whatever `wanted` has around them.
///
/// # Errors
/// The first text that is no such integer.
pub(super) fn integers(column: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, String> {
    let nulls = || column.nulls().cloned();
    Ok(match wanted {
        same if same == column.data_type() => Arc::clone(column),
        DataType::List(item) => {
            let list = column.as_list::<i32>();
            let values = integers(list.values(), item.data_type())?;
            Arc::new(ListArray::new(Arc::clone(item), list.offsets().clone(), values, nulls()))
        }
        DataType::Struct(fields) => {
            let columns = column.as_struct().columns().iter().zip(fields);
            let columns = columns.map(|(column, field)| integers(column, field.data_type()));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            Arc::new(StructArray::try_new(fields.clone(), columns, nulls()).map_err(|fault| fault.to_string())?)
        }
        wanted => {
            let texts = column.as_string::<i32>();
            let whole = texts.iter().map(|text| text.map(|text| whole_number(text).unwrap_or_else(|| text.to_owned())));
            read(texts, Arc::new(whole.collect::<StringArray>()), wanted, |_| true)?
        }
    })
}

/// A number without a fraction that is written with a point or an exponent, as 2.0 and 1e5.
fn whole_number(text: &str) -> Option<String> {
    let value = text.contains(['.', 'e', 'E']).then(|| text.parse::<f64>().ok())??;
    (value.fract() == 0.0 && value.abs() < EXACT_MAX).then(|| format!("{value:.0}"))
}

/// Days out of texts.
///
/// # Errors
/// The first text that names no day, or a moment of one.
pub(super) fn days(texts: &ArrayRef) -> Result<ArrayRef, String> {
    // A year of more than four digits has its sign.
    let is_day = |text: &str| text.len() <= DAY_LENGTH || text.starts_with(['+', '-']);
    read(texts.as_string(), Arc::clone(texts), &DataType::Date32, is_day)
}

/// # Errors
/// The first of `texts` that is not `good`, or cannot be read as it stands in `prepared`.
fn read(
    texts: &StringArray,
    prepared: ArrayRef,
    wanted: &DataType,
    is_good: impl Fn(&str) -> bool,
) -> Result<ArrayRef, String> {
    let found = cast(&prepared, wanted).map_err(|fault| fault.to_string())?;
    let mut wrong =
        texts.iter().zip(0..).filter_map(|(text, row)| text.filter(|it| found.is_null(row) || !is_good(it)));
    wrong.next().map_or(Ok(Arc::clone(&found)), |text| Err(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_of_fractions() {
        for text in ["{\"a\": 1.5}", "[-0.5]", "1.5", "{\"a\":1e-1}", "[12.E-3]"] {
            assert!(may_have_fraction(text.as_bytes()), "{text}");
        }
        for text in ["{\"ip\":\"10.0.0.1\"}", "{\"t\": \"2024-01-01\", \"n\": -5}", "{\"a.b\": 1e5}", "", ".", "-"] {
            assert!(!may_have_fraction(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn integers_are_whole() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("5"), None, Some("2.0"), Some("1e3"), Some("-7")]));
        let found = integers(&texts, &DataType::Int64).expect("integers");
        let found: Vec<_> = found.as_primitive::<arrow::datatypes::Int64Type>().iter().collect();
        assert_eq!(found, [Some(5), None, Some(2), Some(1000), Some(-7)]);
        for wrong in ["1.9", "1e-1", "true", "9007199254740993.0", "9223372036854775808"] {
            let texts: ArrayRef = Arc::new(StringArray::from(vec!["1", wrong]));
            assert_eq!(integers(&texts, &DataType::Int64).err().as_deref(), Some(wrong));
        }
    }
}
