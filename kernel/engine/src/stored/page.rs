//! A place of a view as text, column by column, as it travels to the page that shows it.
//!
//! Values are made text here and not in the browser: integers beyond 2^53, times with their zone, durations and nested
//! values have one rendering, [`crate::render`]'s, in which everything invisible is made visible.

use serde::{Deserialize, Serialize};

use super::request::{at_most, column};
use super::{StoredResult, View};
use crate::error::EngineError;
use crate::render::cell::{Cell, Cells};
use crate::render::visible;

/// Rows of one page at most.
const ROWS_MAX: usize = 1_000;
/// Values of one page at most.
const CELLS_MAX: usize = 100_000;
/// Characters of one value on a page; all of it is a request of its own.
const CELL_CHARS_MAX: usize = 300;
/// Characters of a value that is asked for alone.
const VALUE_CHARS_MAX: usize = 1_000_000;

/// Which part of a view to lay out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageRequest {
    /// The place of the first row, counted from 0.
    pub start: usize,
    /// How many rows.
    pub count: usize,
    /// The numbers of the columns.
    pub columns: Vec<usize>,
}

/// Some rows of some columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The place of the first row.
    pub start: usize,
    /// How many rows there are: fewer than asked for at the end.
    pub row_count: usize,
    /// One per column, in the order asked for. With n rows: n + 1 ends of texts (32 bits, little-endian, the first
    /// is 0), n bytes which are 1 for NULL and 2 for a text that is cut, then the texts (UTF-8) one after another.
    pub columns: Vec<Vec<u8>>,
}

impl StoredResult {
    /// Lays out a part of a view: milliseconds, wherever it is.
    ///
    /// # Errors
    /// [`EngineError::Stored`] when too much is asked for or a column is not there.
    pub fn page(&self, view: &View, request: &PageRequest) -> Result<Page, EngineError> {
        at_most("rows of a page", request.count, ROWS_MAX)?;
        at_most("values of a page", request.count.saturating_mul(request.columns.len()), CELLS_MAX)?;
        let schema = &self.result().schema;
        request.columns.iter().try_for_each(|index| column(schema, *index).map(drop))?;
        let places = request.start..request.start.saturating_add(request.count);
        let rows = self.gather(view, places, &request.columns)?;
        let cells = Cells::of(&rows);
        let columns = (0..request.columns.len()).map(|index| laid_out(&cells, index, rows.num_rows())).collect();
        Ok(Page { start: request.start.min(view.row_count()), row_count: rows.num_rows(), columns })
    }

    /// One value in full, its lines kept; `None` when it is NULL.
    ///
    /// # Errors
    /// [`EngineError::Stored`] when there is no such column or row.
    pub fn value(&self, view: &View, place: usize, index: usize) -> Result<Option<String>, EngineError> {
        column(&self.result().schema, index)?;
        let rows = self.gather(view, place..place.saturating_add(1), &[index])?;
        if rows.num_rows() == 0 {
            return Err(super::StoredFault::UnknownRow { row: place, count: view.row_count() }.into());
        }
        Ok(match Cells::of(&rows).get(0, 0, VALUE_CHARS_MAX) {
            Cell::Null => None,
            Cell::Text { text, is_cut } => {
                let lines: Vec<String> = text.lines().map(visible).collect();
                Some(format!("{}{}", lines.join("\n"), if is_cut { "…" } else { "" }))
            }
        })
    }
}

fn laid_out(cells: &Cells, index: usize, row_count: usize) -> Vec<u8> {
    let mut bytes = vec![0; 4 * (row_count + 1) + row_count];
    let flags_at = 4 * (row_count + 1);
    let texts_at = bytes.len();
    for row in 0..row_count {
        match cells.get(index, row, CELL_CHARS_MAX) {
            Cell::Null => bytes[flags_at + row] = 1,
            Cell::Text { text, is_cut } => {
                bytes[flags_at + row] = if is_cut { 2 } else { 0 };
                bytes.extend_from_slice(visible(&text).as_bytes());
            }
        }
        // A page holds far fewer than 2^32 bytes: its values are bounded in number and length.
        let end = (bytes.len() - texts_at) as u32;
        bytes[4 * (row + 1)..4 * (row + 2)].copy_from_slice(&end.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringArray};

    use super::*;

    #[test]
    fn a_column_is_ends_flags_and_texts() {
        let column: ArrayRef = Arc::new(StringArray::from(vec![Some("é"), None, Some(""), Some("a\u{202e}b")]));
        let batch = RecordBatch::try_from_iter([("t", column)]).expect("one column");
        let bytes = laid_out(&Cells::of(&batch), 0, 4);
        let ends: Vec<u32> =
            bytes[..20].chunks(4).map(|end| u32::from_le_bytes(end.try_into().expect("four bytes"))).collect();
        assert_eq!(ends, [0, 2, 2, 2, 2 + "a⟨U+202E⟩b".len() as u32]);
        assert_eq!(bytes[20..24], [0, 1, 0, 0]);
        assert_eq!(std::str::from_utf8(&bytes[24..]), Ok("éa⟨U+202E⟩b"));
    }
}
