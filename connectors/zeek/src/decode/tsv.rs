//! Lines of Zeek's tab-separated logs.
//!
//! Every line is cut and checked completely, also in columns the query does not ask for, so that the same rows are
//! rejected whatever is selected; only the wanted columns are stored.

use super::column::{Column, fits};
use super::header::Header;
use super::{Outcome, Rowset, excerpt};
use crate::options::TimeFormat;
use crate::types::{Columns, Kind};

/// Decodes the lines of one file, in order.
pub(crate) struct TsvDecoder {
    header: Header,
    /// All columns of the table with the table's kinds, which may differ from this file's.
    table: Columns,
    layout: Option<Layout>,
    broken_header: bool,
    /// Start and end of each field of the current line.
    fields: Vec<(usize, usize)>,
}

/// What to do with each field of a header block's lines.
struct Layout {
    /// Columns whose values can be bad, first; then the wanted text columns.
    fallible: Vec<Slot>,
    text: Vec<Slot>,
    /// Names of fields the table has no column for.
    unknown: Vec<String>,
}

struct Slot {
    field: usize,
    kind: Kind,
    /// Place among the wanted columns; `None` = only checked.
    target: Option<usize>,
}

impl TsvDecoder {
    pub(crate) fn new(table: Columns) -> Self {
        Self { header: Header::default(), table, layout: None, broken_header: false, fields: Vec::new() }
    }

    /// Decodes one line without its line end into `rows`.
    ///
    /// # Errors
    /// Why the line is rejected.
    pub(crate) fn line(&mut self, line: &[u8], number: u64, rows: &mut Rowset) -> Result<Outcome, String> {
        if line.first() == Some(&b'#') {
            return self.header_line(line);
        }
        if line.is_empty() {
            return Ok(Outcome::NoRow);
        }
        if self.header.fields.is_empty() || self.broken_header {
            return Err("no usable #fields line before this row".into());
        }
        self.cut(line)?;
        let layout = self.layout.get_or_insert_with(|| Layout::new(&self.header, &self.table, rows));
        for slot in &layout.fallible {
            let (start, end) = self.fields[slot.field];
            if let Err(reason) = decode_field(slot, &line[start..end], &self.header, rows) {
                rows.undo_row();
                return Err(reason);
            }
        }
        for slot in &layout.text {
            let (start, end) = self.fields[slot.field];
            decode_field(slot, &line[start..end], &self.header, rows)?;
        }
        rows.end_row(number);
        Ok(Outcome::Row)
    }

    /// Fields of the current block the table has no column for; given once per block.
    pub(crate) fn take_unknown(&mut self) -> Vec<String> {
        self.layout.as_mut().map(|layout| std::mem::take(&mut layout.unknown)).unwrap_or_default()
    }

    fn header_line(&mut self, line: &[u8]) -> Result<Outcome, String> {
        match self.header.read(line) {
            Ok(false) => Ok(Outcome::NoRow),
            Ok(true) => {
                self.layout = None;
                self.broken_header = false;
                Ok(Outcome::Flush)
            }
            Err(bad) => {
                self.broken_header = true;
                Err(format!("header line with {}, expected {}", bad.found, bad.expected))
            }
        }
    }

    /// Finds the fields of the line. Empty fields beyond the header's are tolerated (a trailing separator).
    fn cut(&mut self, line: &[u8]) -> Result<(), String> {
        let expected = self.header.fields.len();
        self.fields.clear();
        let mut start = 0;
        for end in memchr::memchr_iter(self.header.separator, line).chain([line.len()]) {
            if self.fields.len() < expected || end > start {
                self.fields.push((start, end));
            }
            start = end + 1;
        }
        if self.fields.len() == expected {
            return Ok(());
        }
        let found = memchr::memchr_iter(self.header.separator, line).count() + 1;
        Err(format!("{found} fields, expected {expected}"))
    }
}

impl Layout {
    fn new(header: &Header, table: &[(String, Kind)], rows: &Rowset) -> Self {
        let mut layout = Self { fallible: Vec::new(), text: Vec::new(), unknown: Vec::new() };
        for (field, (name, own_kind)) in header.columns().into_iter().enumerate() {
            let kind = match table.iter().find(|(known, _)| *known == name) {
                Some((_, kind)) => kind.clone(),
                None => {
                    layout.unknown.push(name.clone());
                    own_kind
                }
            };
            let target = rows.wanted().iter().position(|wanted| wanted.name == name);
            let fallible = Column::can_fail(&kind);
            let slot = Slot { field, kind, target };
            match (fallible, target) {
                (true, _) => layout.fallible.push(slot),
                (false, Some(_)) => layout.text.push(slot),
                (false, None) => {}
            }
        }
        layout
    }
}

fn decode_field(slot: &Slot, raw: &[u8], header: &Header, rows: &mut Rowset) -> Result<(), String> {
    let stored = match slot.target {
        Some(target) => store(rows.column(target), &slot.kind, raw, header),
        None => check(&slot.kind, raw, header),
    };
    if stored {
        return Ok(());
    }
    let name = &header.fields[slot.field];
    Err(format!("`{name}` is `{}`, expected {}", excerpt(raw), slot.kind.expected()))
}

/// Stores a field; `false` when it is not of the column's kind.
fn store(column: &mut Column, kind: &Kind, raw: &[u8], header: &Header) -> bool {
    if raw == header.unset {
        column.push_null();
        return true;
    }
    if let Kind::List(_) = kind {
        return store_list(column, raw, header);
    }
    if *kind == Kind::Text && raw == header.empty {
        return column.push_plain("").is_ok();
    }
    column.push(raw, TimeFormat::EpochSeconds).is_ok()
}

fn store_list(column: &mut Column, raw: &[u8], header: &Header) -> bool {
    if raw != header.empty {
        let Some(elements) = column.elements() else { return false };
        for element in split_set(raw, &header.set_separator) {
            let good = if element == header.unset {
                elements.push_null();
                true
            } else if element == header.empty {
                elements.push_plain("").is_ok()
            } else {
                elements.push(element, TimeFormat::EpochSeconds).is_ok()
            };
            if !good {
                return false;
            }
        }
    }
    column.end_list();
    true
}

/// Whether a field that is not stored is of its kind.
fn check(kind: &Kind, raw: &[u8], header: &Header) -> bool {
    if raw == header.unset {
        return true;
    }
    match kind {
        Kind::List(element) => {
            raw == header.empty || split_set(raw, &header.set_separator).all(|raw| check(element, raw, header))
        }
        _ => fits(kind, raw, TimeFormat::EpochSeconds),
    }
}

/// The elements of a set or vector, still escaped.
fn split_set<'a>(raw: &'a [u8], separator: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(raw);
    std::iter::from_fn(move || {
        let whole = rest?;
        // Without a separator the field is one element: memmem would find the empty needle everywhere.
        let at = if separator.is_empty() { None } else { memchr::memmem::find(whole, separator) };
        match at {
            Some(at) => {
                rest = Some(&whole[at + separator.len()..]);
                Some(&whole[..at])
            }
            None => {
                rest = None;
                Some(whole)
            }
        }
    })
}
