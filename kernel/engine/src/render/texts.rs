//! The first rows of a result as texts, for documents that lay them out themselves. What a text is escaped for is their
//! business.

use super::cell::{Cell, Cells, is_number};
use super::{shown_rows, visible};
use crate::engine::field_type_text;
use crate::result::QueryResult;

/// Rows as texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, a value a column; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A column of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, with what is invisible made visible.
    pub name: String,
    /// Whether its values are read digit by digit.
    pub is_number: bool,
    /// Whether its values may name hosts: texts, addresses and what is made of them.
    pub may_name_hosts: bool,
}

/// The first `max_rows` rows (0 asks for all); of a value at most `max_chars` characters, what is invisible in it made visible.
pub fn texts(result: &QueryResult, max_rows: usize, max_chars: usize) -> Texts {
    let columns = result.schema.fields().iter().map(|field| Column {
        name: visible(field.name()),
        is_number: is_number(field.data_type()),
        may_name_hosts: {
            let kind = field_type_text(field);
            ["text", "ip", "list", "Struct", "Map"].iter().any(|part| kind.contains(part))
        },
    });
    let columns: Vec<Column> = columns.collect();
    let mut left = shown_rows(result, max_rows);
    let mut rows = Vec::with_capacity(left);
    for batch in &result.batches {
        let cells = Cells::of(batch);
        let count = batch.num_rows().min(left);
        left -= count;
        let row = |row| (0..columns.len()).map(|column| shown(cells.get(column, row, max_chars))).collect();
        rows.extend((0..count).map(row));
    }
    Texts { columns, rows }
}

fn shown(cell: Cell) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Text { text, is_cut } => Some(format!("{}{}", visible(&text), if is_cut { "…" } else { "" })),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};

    use super::*;

    #[test]
    fn rows_are_texts_of_a_bounded_length() {
        let names: ArrayRef = Arc::new(StringArray::from(vec![Some("abcdef"), None, Some("x\u{202e}")]));
        let counts: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 1, 2]));
        let batch = RecordBatch::try_from_iter([("name", names), ("n", counts)]).expect("two columns");
        let texts = texts(&QueryResult::of_batches(batch.schema(), vec![batch]), 2, 4);
        assert_eq!(
            texts.columns.iter().map(|it| (it.is_number, it.may_name_hosts)).collect::<Vec<_>>(),
            [(false, true), (true, false)]
        );
        assert_eq!(texts.rows[0][0].as_deref(), Some("abcd…"));
        assert_eq!((texts.rows[1][0].as_deref(), texts.rows.len()), (None, 2));
    }
}
