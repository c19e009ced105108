//! A table of GitHub Flavored Markdown, for tickets and reports.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::RowWriter;
use crate::render::cell::{Cell, Cells, is_number};
use crate::render::visible;

/// A table in the making.
pub(super) struct Markdown<W> {
    out: W,
}

impl<W: Write> Markdown<W> {
    pub(super) fn new(schema: &SchemaRef, mut out: W) -> std::io::Result<Markdown<W>> {
        let fields = schema.fields();
        let names: Vec<String> = fields.iter().map(|field| markdown_text(field.name())).collect();
        let rules: Vec<&str> =
            fields.iter().map(|field| if is_number(field.data_type()) { "---:" } else { "---" }).collect();
        writeln!(out, "| {} |\n| {} |", names.join(" | "), rules.join(" | "))?;
        Ok(Markdown { out })
    }

    fn rows(&mut self, batch: &RecordBatch) -> std::io::Result<()> {
        let cells = Cells::of(batch);
        for row in 0..batch.num_rows() {
            self.out.write_all(b"|")?;
            for column in 0..batch.num_columns() {
                match cells.get(column, row, usize::MAX) {
                    Cell::Null => self.out.write_all(b" |")?,
                    Cell::Text { text, .. } => write!(self.out, " {} |", markdown_text(&text))?,
                }
            }
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }
}

impl<W: Write> RowWriter for Markdown<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), String> {
        self.rows(batch).map_err(|fault| fault.to_string())
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        Ok(())
    }
}

/// The text with all that Markdown or HTML would take for its own escaped, on one line. Addresses of web pages lose
/// their colon, so that no renderer makes a link of them by itself.
pub fn markdown_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    for c in visible(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '|' | '!' | '#' | '~' | '$' | '@' | '^' => {
                safe.push('\\');
                safe.push(c);
            }
            ':' => safe.push_str("&#58;"),
            c => safe.push(c),
        }
    }
    // Autolinks need no scheme where they begin so.
    safe.replace("www.", "www&#46;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_value_is_markup() {
        for (text, expected) in [
            ("plain-text 10.0.0.1", "plain-text 10.0.0.1"),
            ("a|b", "a\\|b"),
            ("[x](javascript:alert(1))", "\\[x\\]\\(javascript&#58;alert\\(1\\)\\)"),
            ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert\\(1\\)&gt;"),
            ("two\nlines", "two␊lines"),
            ("http://evil.example www.evil.example", "http&#58;//evil.example www&#46;evil.example"),
        ] {
            assert_eq!(markdown_text(text), expected);
        }
    }
}
