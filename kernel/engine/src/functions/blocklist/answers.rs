//! What lists say of values, as a column of structs.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Builder, ListBuilder, StringViewArray, StructArray, new_null_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Date32Type, Field, Fields};
use chrono::NaiveDate;

/// Between the names of lists.
const SEPARATOR: &str = ", ";

/// What is said of one value.
pub(super) struct Answer<'a> {
    /// The list with the closest entry.
    pub(super) list: &'a str,
    pub(super) entry: String,
    /// Empty when the list tells none.
    pub(super) ports: Vec<u16>,
    pub(super) entry_date: Option<NaiveDate>,
    pub(super) list_date: Option<NaiveDate>,
    /// All lists that have it.
    pub(super) lists: Vec<&'a str>,
}

pub(super) fn data_type() -> DataType {
    DataType::Struct(fields())
}

fn fields() -> Fields {
    let of = |(name, data_type)| Field::new(name, data_type, true);
    [
        ("list", DataType::Utf8View),
        ("entry", DataType::Utf8View),
        ("ports", ports_type()),
        ("entry_date", DataType::Date32),
        ("list_date", DataType::Date32),
        ("lists", DataType::Utf8View),
    ]
    .into_iter()
    .map(of)
    .collect()
}

pub(super) fn ports_type() -> DataType {
    DataType::new_list(DataType::Int64, true)
}

/// One struct a row, NULL for what no list has. Most columns have no hit at all.
pub(super) fn column(answers: &[Option<Answer>]) -> ArrayRef {
    if answers.iter().all(Option::is_none) {
        return new_null_array(&data_type(), answers.len());
    }
    let texts = |get: fn(&Answer) -> String| -> ArrayRef {
        Arc::new(answers.iter().map(|answer| answer.as_ref().map(get)).collect::<StringViewArray>())
    };
    let dates =
        |get: fn(&Answer) -> Option<NaiveDate>| dates(answers.iter().map(|answer| answer.as_ref().and_then(get)));
    let columns: Vec<ArrayRef> = vec![
        texts(|answer| answer.list.to_owned()),
        texts(|answer| answer.entry.clone()),
        ports(answers.iter().map(|answer| answer.as_ref().map_or(&[][..], |answer| &answer.ports))),
        dates(|answer| answer.entry_date),
        dates(|answer| answer.list_date),
        texts(|answer| answer.lists.join(SEPARATOR)),
    ];
    let is_there: NullBuffer = answers.iter().map(Option::is_some).collect::<Vec<bool>>().into();
    Arc::new(StructArray::new(fields(), columns, Some(is_there)))
}

pub(super) fn dates(dates: impl Iterator<Item = Option<NaiveDate>>) -> ArrayRef {
    Arc::new(dates.map(|date| date.map(Date32Type::from_naive_date)).collect::<Date32Array>())
}

/// Lists of ports; none at all is NULL.
pub(super) fn ports<'a>(ports: impl Iterator<Item = &'a [u16]>) -> ArrayRef {
    let mut builder = ListBuilder::new(Int64Builder::new());
    for ports in ports {
        builder.values().extend(ports.iter().map(|port| Some(i64::from(*port))));
        builder.append(!ports.is_empty());
    }
    Arc::new(builder.finish())
}
