//! Rows as aligned plain text, for terminals, logs and front ends without HTML.

use unicode_width::UnicodeWidthStr;

use super::cell::{Cell, Cells, is_number};
use super::{caption, shown_rows, visible};
use crate::notes::Note;
use crate::result::QueryResult;

/// Characters of one value.
const CELL_CHARS_MAX: usize = 60;
/// Rows laid out at most, whatever is asked for.
const ROWS_MAX: usize = 100_000;
const GAP: &str = "  ";

/// The first `max_rows` rows (0 asks for all) under their column names, then a line that counts them.
pub fn to_text(result: &QueryResult, max_rows: usize) -> String {
    let shown = shown_rows(result, max_rows).min(ROWS_MAX);
    let mut lines = Vec::new();
    if !result.schema.fields().is_empty() {
        lines = table_lines(result, shown);
    }
    lines.push(caption(result, shown));
    lines.extend(note_lines(result));
    lines.join("\n")
}

/// What is to be said of a result besides its rows, for people: lines of text.
pub fn note_lines(result: &QueryResult) -> Vec<String> {
    result.notes.iter().flat_map(lines_of).collect()
}

/// A note, then those of its details that it does not name itself: the first is in its text.
fn lines_of(note: &Note) -> Vec<String> {
    let more = note.details.iter().skip(1).map(|detail| format!("      {}", visible(detail)));
    std::iter::once(format!("note: {}", visible(&note.text))).chain(more).collect()
}

fn table_lines(result: &QueryResult, shown: usize) -> Vec<String> {
    let fields = result.schema.fields();
    let names: Vec<String> = fields.iter().map(|field| bounded(field.name(), false)).collect();
    let right: Vec<bool> = fields.iter().map(|field| is_number(field.data_type())).collect();
    let rows = rows_as_text(result, shown);
    let width_of = |column: usize| {
        let widest = rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        widest.max(names[column].width())
    };
    let widths: Vec<usize> = (0..names.len()).map(width_of).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().enumerate().map(|(column, cell)| pad(cell, widths[column], right[column]));
        padded.collect::<Vec<_>>().join(GAP).trim_end().to_string()
    };
    let rule = widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join(GAP);
    let mut lines = vec![line(&names), rule];
    lines.extend(rows.iter().map(|row| line(row)));
    lines
}

fn rows_as_text(result: &QueryResult, shown: usize) -> Vec<Vec<String>> {
    let mut rows = Vec::with_capacity(shown);
    for batch in &result.batches {
        let cells = Cells::of(batch);
        let row_count = batch.num_rows().min(shown - rows.len());
        rows.extend((0..row_count).map(|row| {
            (0..batch.num_columns())
                .map(|column| match cells.get(column, row, CELL_CHARS_MAX) {
                    Cell::Null => "NULL".to_string(),
                    Cell::Text { text, is_cut } => bounded(&text, is_cut),
                })
                .collect()
        }));
    }
    rows
}

/// Cuts again after making characters visible, which lengthens the text.
fn bounded(text: &str, is_cut: bool) -> String {
    let shown = visible(text);
    if !is_cut && shown.chars().count() <= CELL_CHARS_MAX {
        return shown;
    }
    shown.chars().take(CELL_CHARS_MAX - 1).chain(['…']).collect()
}

fn pad(cell: &str, width: usize, right: bool) -> String {
    let blanks = " ".repeat(width.saturating_sub(cell.width()));
    if right { format!("{blanks}{cell}") } else { format!("{cell}{blanks}") }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};

    use super::*;

    fn sample() -> QueryResult {
        let hosts: ArrayRef = Arc::new(StringArray::from(vec![Some("10.0.0.1"), None, Some("日本\u{1b}[0m")]));
        let bytes: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 7, 42]));
        let batch = RecordBatch::try_from_iter([("host", hosts), ("bytes", bytes)]).expect("two columns");
        QueryResult { elapsed: Duration::from_millis(12), ..QueryResult::of_batches(batch.schema(), vec![batch]) }
    }

    #[test]
    fn columns_are_aligned() {
        let expected = "\
host                      bytes
────────  ────────────────────
10.0.0.1  18446744073709551615
NULL                         7
日本␛[0m                    42
3 rows in 12 ms";
        let text = to_text(&sample(), 20);
        assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), expected.lines().skip(1).collect::<Vec<_>>(), "{text}");
    }

    #[test]
    fn rows_are_bounded_and_notes_follow() {
        let mut result = sample();
        result.notes.push(String::from("1 row rejected").into());
        let text = to_text(&result, 1);
        assert!(text.ends_with("first 1 of 3 rows shown in 12 ms\nnote: 1 row rejected"), "{text}");
        assert!(!text.contains("NULL"), "{text}");
    }

    #[test]
    fn a_result_without_columns_is_done() {
        let schema = Arc::new(arrow::datatypes::Schema::empty());
        assert_eq!(to_text(&QueryResult::of_batches(schema, Vec::new()), 20), "Done in under 1 ms");
    }
}
