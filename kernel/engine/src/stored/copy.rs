//! Values for the clipboard: as they are, defanged so that nobody follows them by accident, or as a list for SQL's `IN`.

use std::collections::HashSet;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::fault::StoredFault;
use super::request::{at_most, column};
use super::{ColumnKind, StoredResult, View, kind_of};
use crate::error::EngineError;
use crate::render::cell::{Cell, Cells};
use crate::render::visible;

/// Values of one copy at most.
const CELLS_MAX: usize = 200_000;
/// Bytes of one copy at most: more freezes the programs that it is pasted into.
const BYTES_MAX: usize = 8 << 20;
/// Rows laid out at once.
const ROWS_AT_ONCE: usize = 1_000;

/// What a copy looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CopyForm {
    /// Columns separated by tabs, rows by line feeds, everything invisible made visible.
    Plain,
    /// As `Plain`, with addresses, names and links that no program turns into something to click on.
    Defanged,
    /// `('a', 'b')`: the different values of one column, without NULL.
    Sql,
}

/// What to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyRequest {
    /// The place of the first row, counted from 0.
    pub start: usize,
    /// How many rows.
    pub count: usize,
    /// The numbers of the columns, in the order in which they are shown.
    pub columns: Vec<usize>,
    /// What it looks like.
    pub form: CopyForm,
    /// Whether the names of the columns come first.
    #[serde(default)]
    pub header: bool,
}

impl StoredResult {
    /// Some values of a view as text.
    ///
    /// # Errors
    /// [`EngineError::Stored`] when too much is asked for, or a list for SQL of several columns.
    pub fn copy(&self, view: &View, request: &CopyRequest) -> Result<String, EngineError> {
        at_most("values to copy", request.count.saturating_mul(request.columns.len()), CELLS_MAX)?;
        let schema = &self.result().schema;
        request.columns.iter().try_for_each(|index| column(schema, *index).map(drop))?;
        match request.form {
            CopyForm::Sql => self.in_list(view, request),
            CopyForm::Plain => self.lines(view, request, |text| text),
            CopyForm::Defanged => self.lines(view, request, |text| defanged(&text)),
        }
    }

    fn lines(
        &self,
        view: &View,
        request: &CopyRequest,
        form: impl Fn(String) -> String,
    ) -> Result<String, EngineError> {
        let mut copy = String::new();
        if request.header {
            let schema = &self.result().schema;
            let names: Vec<String> = request.columns.iter().map(|index| visible(schema.field(*index).name())).collect();
            let _ = writeln!(copy, "{}", names.join("\t"));
        }
        self.each_row(view, request, |cells, row| {
            for index in 0..request.columns.len() {
                let separator = if index == 0 { "" } else { "\t" };
                let text = match cells.get(index, row, BYTES_MAX) {
                    Cell::Null => String::new(),
                    Cell::Text { text, .. } => form(visible(&text)),
                };
                copy.push_str(separator);
                copy.push_str(&text);
            }
            copy.push('\n');
            copy.len()
        })?;
        // One value is pasted into the middle of a line.
        copy.truncate(copy.trim_end_matches('\n').len());
        Ok(copy)
    }

    fn in_list(&self, view: &View, request: &CopyRequest) -> Result<String, EngineError> {
        let [only] = request.columns[..] else {
            return Err(
                StoredFault::Copy { reason: "a list for SQL is made of one column: select cells of one" }.into()
            );
        };
        let is_bare = matches!(kind_of(self.result().schema.field(only)), ColumnKind::Number | ColumnKind::Boolean);
        let (mut seen, mut copy) = (HashSet::new(), String::from("("));
        self.each_row(view, request, |cells, row| {
            if let Cell::Text { text, .. } = cells.get(0, row, BYTES_MAX)
                && seen.insert(text.clone())
            {
                let separator = if copy.len() > 1 { ", " } else { "" };
                let _ = match is_bare && is_literal(&text) {
                    true => write!(copy, "{separator}{text}"),
                    false => write!(copy, "{separator}'{}'", text.replace('\'', "''")),
                };
            }
            copy.len()
        })?;
        if copy.len() == 1 {
            return Err(StoredFault::Copy { reason: "there is no value among the selected cells" }.into());
        }
        copy.push(')');
        Ok(copy)
    }

    /// Calls `each` for every row; it gives the bytes there are so far.
    fn each_row(
        &self,
        view: &View,
        request: &CopyRequest,
        mut each: impl FnMut(&Cells, usize) -> usize,
    ) -> Result<(), EngineError> {
        let end = request.start.saturating_add(request.count).min(view.row_count());
        let mut start = request.start.min(end);
        while start < end {
            let stop = end.min(start + ROWS_AT_ONCE);
            let rows = self.gather(view, start..stop, &request.columns)?;
            let cells = Cells::of(&rows);
            for row in 0..rows.num_rows() {
                let bytes = each(&cells, row);
                at_most("bytes to copy", bytes, BYTES_MAX)?;
            }
            start = stop;
        }
        Ok(())
    }
}

/// Whether SQL reads the text as the number or truth value it is; `NaN` and `inf` would be names.
fn is_literal(text: &str) -> bool {
    matches!(text, "true" | "false") || text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// The text so that no program makes a link of it: `hxxps://evil[.]example`, `10[.]0[.]0[.]1`, `2001[:]db8::1`.
fn defanged(text: &str) -> String {
    let text = text.replace("https://", "hxxps://").replace("http://", "hxxp://").replace("ftp://", "fxp://");
    let is_ipv6 = text.parse::<std::net::Ipv6Addr>().is_ok();
    let chars: Vec<char> = text.chars().collect();
    let mut safe = String::with_capacity(text.len() + 8);
    let mut colons_left = 1;
    for (place, c) in chars.iter().enumerate() {
        let is_between = place > 0 && chars.get(place + 1).is_some_and(|next| next.is_alphanumeric());
        match c {
            '.' if is_between && chars[place - 1].is_alphanumeric() => safe.push_str("[.]"),
            '@' if is_between => safe.push_str("[@]"),
            ':' if is_ipv6 && colons_left > 0 => {
                colons_left -= 1;
                safe.push_str("[:]");
            }
            c => safe.push(*c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_clicked_on_is_defanged() {
        for (text, expected) in [
            ("https://evil.example/a.exe?x=1", "hxxps://evil[.]example/a[.]exe?x=1"),
            ("10.0.0.1", "10[.]0[.]0[.]1"),
            ("2001:db8::1", "2001[:]db8::1"),
            ("who@evil.example", "who[@]evil[.]example"),
            ("end of a sentence.", "end of a sentence."),
            ("tcp:443", "tcp:443"),
            ("", ""),
        ] {
            assert_eq!(defanged(text), expected);
        }
    }
}
