//! Cutting JSON objects out of a text: where they stand one after another, in arrays, or within other objects.
//!
//! Whether an object is one is found when its values are looked for. What stands between objects and is none is cut too.

use crate::lines::LINE_BYTES_MAX;

/// Bytes kept of what is no object, to be quoted.
const STRAY_BYTES_MAX: usize = 256;

/// Cuts objects out of a text that comes in chunks.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    /// Objects around the records.
    outer: usize,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    line: u64,
    /// The line in which the current record begins.
    first_line: u64,
    record: Vec<u8>,
    is_too_long: bool,
    /// Arrays that are open around the records.
    arrays: usize,
    stray: Stray,
}

/// Text where only objects may stand.
#[derive(Debug, Default)]
struct Stray {
    text: Vec<u8>,
    line: u64,
    is_open: bool,
    /// Whether it was just cut.
    is_cut: bool,
}

impl Stray {
    fn keep(&mut self, bytes: &[u8]) {
        let room = STRAY_BYTES_MAX.saturating_sub(self.text.len());
        self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// What a record is.
pub(crate) enum Cut<'a> {
    /// Its first line, from 1, and its text.
    Object(u64, &'a [u8]),
    /// The first line of a record longer than [`LINE_BYTES_MAX`]; it has been passed over.
    TooLong(u64),
    /// Line and beginning of what is no object.
    Stray(u64, &'a [u8]),
}

impl Cutter {
    pub(crate) fn new(outer: usize) -> Self {
        Self { outer, line: 1, ..Self::default() }
    }

    /// Within what the text so far ends; `None` where it may end.
    pub(crate) fn open(&self) -> Option<&'static str> {
        match self.depth > 0 {
            true => Some("a JSON object"),
            false => (self.arrays > 0).then_some("a JSON array"),
        }
    }

    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Takes bytes up to the end of a record; gives how many it took, and whether a record is complete.
    pub(crate) fn take(&mut self, chunk: &[u8]) -> (usize, bool) {
        let (mut start, mut stray_start) = (0, 0);
        if self.stray.is_cut {
            self.stray = Stray::default();
        }
        for (at, &byte) in chunk.iter().enumerate() {
            let is_outermost = self.outer == 0 && self.depth == 0;
            // No text of JSON has a line end, so a quote outside of objects opens none beyond it.
            self.in_string &= byte != b'\n' || !is_outermost;
            if self.stray.is_open && !self.in_string && matches!(byte, b'{' | b'[' | b']' | b',' | b'\n') {
                self.stray.keep(&chunk[stray_start..at]);
                return (at, self.end());
            }
            self.line += u64::from(byte == b'\n');
            if self.in_string {
                self.in_string = self.is_escaped || byte != b'"';
                self.is_escaped = byte == b'\\' && !self.is_escaped;
                continue;
            }
            match byte {
                b'{' => {
                    if self.depth == self.outer {
                        start = at;
                        self.first_line = self.line;
                        self.record.clear();
                        self.is_too_long = false;
                    }
                    self.depth += 1;
                }
                b'[' if is_outermost => self.arrays += 1,
                b']' if is_outermost && self.arrays > 0 => self.arrays -= 1,
                b',' | b' ' | b'\t' | b'\r' | b'\n' => {}
                _ if is_outermost => {
                    self.in_string = byte == b'"';
                    if !self.stray.is_open {
                        stray_start = at;
                        self.stray = Stray { line: self.line, is_open: true, ..Stray::default() };
                    }
                }
                b'"' => self.in_string = true,
                b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == self.outer {
                        self.keep(&chunk[start..=at]);
                        return (at + 1, true);
                    }
                }
                _ => {}
            }
        }
        if self.depth > self.outer {
            self.keep(&chunk[start..]);
        }
        if self.stray.is_open {
            self.stray.keep(&chunk[stray_start..]);
        }
        (chunk.len(), false)
    }

    /// Ends what is no object, as the end of the text does; whether there is such a thing.
    pub(crate) fn end(&mut self) -> bool {
        self.stray.is_cut = self.stray.is_open;
        self.stray.is_cut
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.record.len() + bytes.len() > LINE_BYTES_MAX {
            self.is_too_long = true;
            self.record.clear();
        }
        if !self.is_too_long {
            self.record.extend_from_slice(bytes);
        }
    }

    /// The record that [`take`](Self::take) completed.
    pub(crate) fn record(&self) -> Cut<'_> {
        match () {
            () if self.stray.is_cut => Cut::Stray(self.stray.line, &self.stray.text),
            () if self.is_too_long => Cut::TooLong(self.first_line),
            () => Cut::Object(self.first_line, &self.record),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str, outer: usize, chunk_bytes: usize) -> Vec<(u64, String)> {
        let mut cutter = Cutter::new(outer);
        let mut found = Vec::new();
        for chunk in text.as_bytes().chunks(chunk_bytes) {
            let mut rest = chunk;
            while !rest.is_empty() {
                let (taken, is_complete) = cutter.take(rest);
                rest = &rest[taken..];
                if is_complete {
                    found.extend(text_of(cutter.record()));
                }
            }
        }
        if cutter.end() {
            found.extend(text_of(cutter.record()));
        }
        found
    }

    fn text_of(cut: Cut<'_>) -> Option<(u64, String)> {
        let (line, text) = match cut {
            Cut::Object(line, text) => (line, String::from_utf8_lossy(text).into_owned()),
            Cut::Stray(line, text) => (line, format!("no object: {}", String::from_utf8_lossy(text))),
            Cut::TooLong(_) => return None,
        };
        Some((line, text))
    }

    #[test]
    fn objects_in_any_arrangement_and_chunks() {
        let text = "[\n{\"a\": \"}\\\"{\"},\n{\n\"b\": {\"c\": 1}}\n]\n{}";
        let expected: Vec<(u64, String)> =
            vec![(2, "{\"a\": \"}\\\"{\"}".into()), (3, "{\n\"b\": {\"c\": 1}}".into()), (6, "{}".into())];
        for chunk_bytes in [1, 2, 3, 7, 100] {
            assert_eq!(objects(text, 0, chunk_bytes), expected, "chunks of {chunk_bytes}");
        }
        let inner = objects("{\"records\": [{\"a\": 1}, {\"a\": 2}], \"x\": 3}", 1, 5);
        assert_eq!(inner.iter().map(|(_, object)| object.as_str()).collect::<Vec<_>>(), ["{\"a\": 1}", "{\"a\": 2}"]);
    }

    #[test]
    fn what_is_no_object_is_cut_too() {
        let text = "[5, {\"a\": 1},\n\"x, {y}\", null, {}],} what {\"b\": 2}\n\\0";
        let expected = [(1, "no object: 5"), (1, "{\"a\": 1}"), (2, "no object: \"x, {y}\""), (2, "no object: null")];
        let expected = expected.into_iter().chain([(2, "{}"), (2, "no object: } what "), (2, "{\"b\": 2}")]);
        let expected: Vec<(u64, String)> =
            expected.chain([(3, "no object: \\0")]).map(|(line, text)| (line, text.to_owned())).collect();
        for chunk_bytes in [1, 2, 3, 7, 100] {
            assert_eq!(objects(text, 0, chunk_bytes), expected, "chunks of {chunk_bytes}");
        }
        let mut cutter = Cutter::new(0);
        let long = [b"x".repeat(2 * STRAY_BYTES_MAX), b",".to_vec()].concat();
        assert_eq!(cutter.take(&long), (2 * STRAY_BYTES_MAX, true));
        assert!(matches!(cutter.record(), Cut::Stray(1, text) if text.len() == STRAY_BYTES_MAX));
    }
}
