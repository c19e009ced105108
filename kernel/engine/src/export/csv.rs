//! CSV as RFC 4180 has it, safe to open in a spreadsheet.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::RowWriter;
use crate::render::cell::{Cell, Cells, is_number};

/// Cells that a spreadsheet would run as a formula begin so.
pub(super) const FORMULA_STARTS: &[char] = &['=', '+', '-', '@', '\t', '\r'];

/// A CSV file in the making.
pub(super) struct Csv<W> {
    out: W,
    /// Whether a column's values may need quotes.
    is_text: Vec<bool>,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(schema: &SchemaRef, mut out: W) -> std::io::Result<Csv<W>> {
        let fields = schema.fields();
        let names: Vec<String> = fields.iter().map(|field| csv_text(field.name())).collect();
        write!(out, "{}\r\n", names.join(","))?;
        let is_text = fields.iter().map(|field| !is_number(field.data_type())).collect();
        Ok(Csv { out, is_text })
    }

    fn rows(&mut self, batch: &RecordBatch) -> std::io::Result<()> {
        let (out, cells) = (&mut self.out, Cells::of(batch));
        for row in 0..batch.num_rows() {
            for (column, may_need_quotes) in self.is_text.iter().enumerate() {
                if column > 0 {
                    out.write_all(b",")?;
                }
                match cells.get(column, row, usize::MAX) {
                    Cell::Null if self.is_text.len() > 1 => {}
                    // A line with nothing in it would be no row.
                    Cell::Null => out.write_all(b"\"\"")?,
                    Cell::Text { text, .. } if *may_need_quotes => out.write_all(csv_text(&text).as_bytes())?,
                    Cell::Text { text, .. } => out.write_all(text.as_bytes())?,
                }
            }
            out.write_all(b"\r\n")?;
        }
        Ok(())
    }
}

impl<W: Write> RowWriter for Csv<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), String> {
        self.rows(batch).map_err(|fault| fault.to_string())
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        Ok(())
    }
}

fn csv_text(text: &str) -> String {
    let guard = if text.len() > 1 && text.starts_with(FORMULA_STARTS) { "'" } else { "" };
    if guard.is_empty() && !text.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        return text.to_string();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_fields() {
        let cases = [
            ("plain", "plain"),
            ("", "\"\""),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
        ];
        for (text, expected) in cases {
            assert_eq!(csv_text(text), expected);
        }
    }
}
