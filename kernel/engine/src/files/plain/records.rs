//! From lines to records: of CSV, a value in quotes may go on in the next line.

use super::Writing;
use crate::files::delimited::{look_over, without_empty_end};

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
    /// The lines of a record without its end.
    open: Vec<Line>,
    is_within_quotes: bool,
    faults: Vec<(u64, String)>,
}

/// A line of a record without its end.
#[derive(Clone, Copy)]
struct Line {
    number: u64,
    /// Where it ends in the text.
    end: usize,
    /// Whether it leaves a quote open where none was before it.
    opens: bool,
    /// Whether it leaves one open that was.
    holds: bool,
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
        let mut is_row = false;
        // Before the line is added: it may be long, and is copied for each line before it that is given up.
        while !self.open.is_empty() && (self.open.len() >= LINES_MAX || self.open_bytes() + line.len() > BYTES_MAX) {
            is_row |= self.give_up();
        }
        let is_open_after = |before| {
            let separator = self.separator.filter(|_| memchr::memchr(b'"', line).is_some());
            separator.map_or(before, |separator| look_over(line, |byte| byte == separator, before).0)
        };
        // The first line of a record without its end is given up before it could stand within quotes.
        let (opens, holds) = (is_open_after(false), self.is_within_quotes && is_open_after(true));
        self.add(line, Line { number, end: 0, opens, holds }) | is_row
    }

    fn add(&mut self, text: &[u8], line: Line) -> bool {
        if self.open.is_empty() && self.is_blank(text) {
            return false;
        }
        self.is_within_quotes = if self.is_within_quotes { line.holds } else { line.opens };
        self.text.extend_from_slice(text);
        self.text.push(b'\n');
        self.open.push(Line { end: self.text.len(), ..line });
        !self.is_within_quotes && self.end_record()
    }

    /// A line of tabs is a row without values where these separate them.
    fn is_blank(&self, line: &[u8]) -> bool {
        line.iter().all(|byte| byte.is_ascii_whitespace() && Some(*byte) != self.separator)
    }

    fn end_record(&mut self) -> bool {
        let first = self.open.first().map_or(0, |line| line.number);
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
        let lines = std::mem::take(&mut self.open);
        let Some(first) = lines.first() else { return false };
        self.faults.push((first.number, "a quote is opened and not closed".to_owned()));
        // It was the header then, not the next line.
        self.header_is_next = false;
        let rest = self.text.split_off(first.end);
        self.text.truncate(self.whole_bytes());
        self.is_within_quotes = false;
        let mut is_row = false;
        for pair in lines.windows(2) {
            let (from, to) = (pair[0].end - first.end, pair[1].end - first.end);
            // Without its line end.
            is_row |= self.add(&rest[from..to - 1], pair[1]);
        }
        is_row
    }

    /// Ends what has no end: there are no more lines.
    pub(super) fn end(&mut self) {
        while !self.open.is_empty() {
            self.give_up();
        }
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

    /// Forgets the records that have ended.
    pub(super) fn clear(&mut self) {
        let bytes = self.whole_bytes();
        self.text.drain(..bytes);
        self.open.iter_mut().for_each(|line| line.end -= bytes);
        self.ends.clear();
    }

    fn start(&self, place: usize) -> usize {
        place.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(end, _)| *end)
    }

    fn whole_bytes(&self) -> usize {
        self.start(self.ends.len())
    }

    fn open_bytes(&self) -> usize {
        self.text.len() - self.whole_bytes()
    }
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
        records.end();
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

    #[test]
    fn a_line_is_not_held_by_lines_that_are_given_up() {
        let dialect = Delimited { separator: b',', has_header: false, header: String::new(), column_count: 2 };
        let mut records = Records::new(&Writing::Csv(dialect));
        for number in 1..=60 {
            records.push(b"z\",\"b", number);
        }
        let long = vec![b'x'; 2 * BYTES_MAX];
        assert!(records.push(&long, 61), "it is a record of its own");
        assert_eq!((records.whole(), records.open.len(), records.take_faults().len()), (1, 0, 60));
        assert!(records.text.capacity() < 2 * long.len() + BYTES_MAX);
    }

    #[test]
    fn a_header_without_its_end_takes_no_row_with_it() {
        let (texts, _, faults) = records("a,\"b\n1,2\n3,4", true);
        assert_eq!((texts.as_slice(), faults.len()), (["1,2\n", "3,4\n"].map(String::from).as_slice(), 1));
    }

    #[test]
    fn records_are_taken_while_one_is_open() {
        let dialect = Delimited { separator: b'\t', has_header: false, header: String::new(), column_count: 2 };
        let mut records = Records::new(&Writing::Csv(dialect));
        assert!(records.push(b"\t", 1), "a row without values");
        assert!(!records.push(b" ", 2) && !records.push(b"\"a", 3));
        assert_eq!(records.text(0, records.whole()), b"\t\n");
        records.clear();
        assert!(records.push(b"b\"\tc", 4));
        assert_eq!((records.text(0, 1), records.line(0)), (b"\"a\nb\"\tc\n".as_slice(), 3));
    }
}
