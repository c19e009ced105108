//! From lines to records: of CSV, a value in quotes may go on in the next line.

use super::Writing;
use crate::files::delimited::without_empty_end;

/// Lines of one record. A quote that is open for longer was never meant to be one.
const LINES_MAX: usize = 1000;
/// Bytes of a record of several lines.
const BYTES_MAX: usize = 1024 * 1024;

/// Records that are not parsed yet, one after the other, each with a line end.
pub(super) struct Records {
    /// Between values of CSV; `None` where each line is a record.
    separator: Option<u8>,
    column_count: usize,
    /// Whether the next record is a header.
    header_is_next: bool,
    text: Vec<u8>,
    /// Where each record ends, and the line in which it begins.
    ends: Vec<(usize, u64)>,
    /// Where each line of a record without its end ends, and its number.
    open: Vec<(usize, u64)>,
    is_within_quotes: bool,
    faults: Vec<(u64, String)>,
}

impl Records {
    pub(super) fn new(writing: &Writing) -> Records {
        let (separator, header_is_next) = match writing {
            Writing::Csv(dialect) => (Some(dialect.separator), dialect.has_header),
            Writing::Json => (None, false),
        };
        let column_count = if let Writing::Csv(dialect) = writing { dialect.column_count } else { 0 };
        Records {
            separator,
            column_count,
            header_is_next,
            text: Vec::new(),
            ends: Vec::new(),
            open: Vec::new(),
            is_within_quotes: false,
            faults: Vec::new(),
        }
    }

    /// Adds a line; whether a record ends with it.
    pub(super) fn push(&mut self, line: &[u8], number: u64) -> bool {
        if self.open.is_empty() && line.trim_ascii().is_empty() {
            return false;
        }
        if let Some(separator) = self.separator {
            self.is_within_quotes = is_open_after(line, separator, self.is_within_quotes);
        }
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
        self.open.push((self.text.len(), number));
        if !self.is_within_quotes {
            return self.end_record();
        }
        let is_too_long = self.open.len() >= LINES_MAX || self.text.len() - self.whole_bytes() >= BYTES_MAX;
        is_too_long && self.give_up()
    }

    fn end_record(&mut self) -> bool {
        let first = self.open.first().map_or(0, |(_, number)| *number);
        self.open.clear();
        if std::mem::take(&mut self.header_is_next) {
            self.text.truncate(self.whole_bytes());
            return false;
        }
        self.leave_out_empty_end();
        self.ends.push((self.text.len(), first));
        true
    }

    fn leave_out_empty_end(&mut self) {
        let Some(separator) = self.separator.filter(|it| self.text.ends_with(&[*it, b'\n'])) else { return };
        let record = &self.text[self.whole_bytes()..self.text.len() - 1];
        let Ok(record) = std::str::from_utf8(record) else { return };
        let excess = record.len() - without_empty_end(record, separator, self.column_count).len();
        if excess > 0 {
            self.text.truncate(self.text.len() - 1 - excess);
            self.text.push(b'\n');
        }
    }

    /// The first line of the open record was no beginning of several: the others are looked at again.
    fn give_up(&mut self) -> bool {
        let start = self.whole_bytes();
        let lines = std::mem::take(&mut self.open);
        let text = self.text.split_off(start);
        self.is_within_quotes = false;
        self.faults.extend(lines.first().map(|(_, number)| (*number, "a quote is opened and not closed".to_owned())));
        let mut found = false;
        for pair in lines.windows(2) {
            let ((from, _), (to, number)) = (pair[0], pair[1]);
            // Without its line end.
            found |= self.push(&text[from - start..to - start - 1], number);
        }
        found
    }

    /// Ends what has no end: there are no more lines.
    pub(super) fn close(&mut self) {
        while !self.open.is_empty() {
            self.give_up();
        }
    }

    /// Records, also one without its end.
    pub(super) fn len(&self) -> usize {
        self.ends.len() + usize::from(!self.open.is_empty())
    }

    /// Records that have ended.
    pub(super) fn whole(&self) -> usize {
        self.ends.len()
    }

    /// The text of records from one place to another.
    pub(super) fn text(&self, from: usize, to: usize) -> &[u8] {
        &self.text[self.start(from)..self.start(to)]
    }

    /// The line in which a record begins.
    pub(super) fn line(&self, place: usize) -> u64 {
        self.ends.get(place).map_or(0, |(_, line)| *line)
    }

    /// Lines that belong to no record, and why.
    pub(super) fn take_faults(&mut self) -> Vec<(u64, String)> {
        std::mem::take(&mut self.faults)
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    fn start(&self, place: usize) -> usize {
        place.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(end, _)| *end)
    }

    fn whole_bytes(&self) -> usize {
        self.start(self.ends.len())
    }
}

/// Whether a value in quotes goes on after a line. A quote is one only where a value begins.
fn is_open_after(line: &[u8], separator: u8, is_open_before: bool) -> bool {
    if memchr::memchr(b'"', line).is_none() {
        return is_open_before;
    }
    let (mut is_open, mut begins) = (is_open_before, !is_open_before);
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (is_open, byte) {
            // Two of them are one that is meant.
            (true, b'"') if bytes.peek() == Some(&b'"') => drop(bytes.next()),
            (true, b'"') => is_open = false,
            (true, _) => {}
            (false, b'"') if begins => is_open = true,
            (false, _) => {}
        }
        begins = !is_open && byte == separator;
    }
    is_open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::delimited::Delimited;

    fn records(text: &str, has_header: bool) -> (Vec<String>, Vec<u64>, Vec<(u64, String)>) {
        let dialect = Delimited { separator: b',', has_header, header: String::new(), column_count: 2 };
        let mut records = Records::new(&Writing::Csv(dialect));
        for (line, number) in text.lines().zip(1..) {
            records.push(line.as_bytes(), number);
        }
        records.close();
        let texts = (0..records.whole()).map(|at| String::from_utf8_lossy(records.text(at, at + 1)).into_owned());
        (texts.collect(), (0..records.whole()).map(|at| records.line(at)).collect(), records.take_faults())
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str], lines: &[u64]) {
        let (texts, found, faults) = records(text, false);
        assert_eq!(texts, expected, "{text:?}");
        assert_eq!((found.as_slice(), faults.len()), (lines, 0), "{text:?}");
    }

    #[test]
    fn quotes_hold_lines_together() {
        check("a,b\n\nc,d", &["a,b\n", "c,d\n"], &[1, 3]);
        check("a,\"b\nc\"\nd,e", &["a,\"b\nc\"\n", "d,e\n"], &[1, 3]);
        check("a,\"b\"\"\nc\"\nd,e", &["a,\"b\"\"\nc\"\n", "d,e\n"], &[1, 3]);
        check("a,5\" disk\nd,e", &["a,5\" disk\n", "d,e\n"], &[1, 2]);
        check("\"a\",\"\"\nd,\"e\n\nf\"", &["\"a\",\"\"\n", "d,\"e\n\nf\"\n"], &[1, 2]);
        assert_eq!(records("\"x\ny\",z\na,b", true).0, ["a,b\n"]);
    }

    #[test]
    fn a_quote_without_end_costs_its_line_alone() {
        let (texts, lines, faults) = records("a,b\nc,\"d\ne,f\ng,h", false);
        assert_eq!(
            (texts.as_slice(), lines.as_slice()),
            (["a,b\n", "e,f\n", "g,h\n"].map(String::from).as_slice(), [1, 3, 4].as_slice())
        );
        assert_eq!(faults, [(2, "a quote is opened and not closed".to_owned())]);
        let long = format!("a,\"b\n{}", "c,d\n".repeat(3 * LINES_MAX));
        let (texts, _, faults) = records(&long, false);
        assert_eq!((texts.len(), faults.len()), (3 * LINES_MAX, 1));
        let open = "a,\"b\n".repeat(LINES_MAX / 2 * 2 + 1);
        let (texts, _, faults) = records(&open, false);
        assert!(
            !texts.is_empty() && faults.len() == 1,
            "two of them hold each other: {} {}",
            texts.len(),
            faults.len()
        );
    }
}
