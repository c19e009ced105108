//! From lines to columns.
//!
//! `value` parses single values, `column` collects them, `header` understands Zeek's `#` lines, `tsv` and `json` cut
//! lines into values, `infer` learns the columns of JSON logs. Nothing here opens a file or knows the flow schema.

pub(crate) mod column;
pub(crate) mod header;
pub(crate) mod infer;
pub(crate) mod json;
pub(crate) mod tsv;
pub(crate) mod value;

use arrow_array::{ArrayRef, new_null_array};
pub(crate) use file_source::Outcome;

use crate::types::Kind;
use column::Column;

/// A column the query needs, by its name in the log and the table's kind for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// Decoded rows: one array per wanted column, in that order.
pub(crate) struct Rows {
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) count: usize,
    /// Line number of each row, from 1; empty unless asked for.
    pub(crate) lines: Vec<u64>,
}

/// Columns under construction.
///
/// Invariant: between lines, every present column holds `rows` values.
pub(crate) struct Rowset {
    wanted: Vec<Wanted>,
    columns: Vec<Option<Column>>,
    rows: usize,
    lines: Option<Vec<u64>>,
}

impl Rowset {
    pub(crate) fn new(wanted: Vec<Wanted>, with_lines: bool) -> Self {
        let columns = wanted.iter().map(|_| None).collect();
        Self { wanted, columns, rows: 0, lines: with_lines.then(Vec::new) }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }

    /// The column at a place of `wanted`, made when first used: columns a file does not have cost nothing.
    /// Call only between rows or for a column that was present in all rows so far.
    pub(crate) fn column(&mut self, index: usize) -> &mut Column {
        let rows = self.rows;
        let kind = &self.wanted[index].kind;
        self.columns[index].get_or_insert_with(|| Column::nulls(kind, rows))
    }

    /// Completes a row.
    pub(crate) fn end_row(&mut self, line: u64) {
        self.rows += 1;
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    /// Forgets values of a row that turned out bad.
    pub(crate) fn undo_row(&mut self) {
        for column in self.columns.iter_mut().flatten() {
            column.truncate(self.rows);
        }
    }

    /// Gives the rows away and starts anew.
    pub(crate) fn take(&mut self) -> Rows {
        let columns = self.wanted.iter().zip(&mut self.columns).map(|(wanted, column)| match column.take() {
            Some(column) => column.finish(),
            None => new_null_array(&wanted.kind.data_type(), self.rows),
        });
        let columns: Vec<ArrayRef> = columns.collect();
        let count = std::mem::take(&mut self.rows);
        let lines = self.lines.as_mut().map(std::mem::take).unwrap_or_default();
        Rows { columns, count, lines }
    }
}

/// Log bytes in a message: shortened and printable.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    const EXCERPT_CHARS_MAX: usize = 40;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * EXCERPT_CHARS_MAX)]);
    let mut short: String = text.chars().take(EXCERPT_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().count() > EXCERPT_CHARS_MAX {
        short.push('…');
    }
    short
}
