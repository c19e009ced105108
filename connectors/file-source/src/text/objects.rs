//! JSON that is not one object a line: objects over several lines, in an array, or within other objects.
//!
//! The text is only cut here; whether an object is one is found when its values are looked for.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use datafusion_common::Result;
use flow_source::{Breakage, Place};

use crate::BATCH_ROWS;
use crate::format::{Next, Scan, Sink};
use crate::input::Input;
use crate::lines::{LINE_BYTES_MAX, LineDecoder};

const CHUNK_BYTES: usize = 256 * 1024;

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
}

/// What a record is.
pub(crate) enum Cut<'a> {
    /// Its first line, from 1, and its text.
    Object(u64, &'a [u8]),
    /// The first line of a record longer than [`LINE_BYTES_MAX`]; it has been passed over.
    TooLong(u64),
}

impl Cutter {
    pub(crate) fn new(outer: usize) -> Self {
        Self { outer, line: 1, ..Self::default() }
    }

    /// Whether the text so far ends within a record.
    pub(crate) fn is_within(&self) -> bool {
        self.depth > self.outer
    }

    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Takes bytes up to the end of a record; gives how many it took, and whether a record is complete.
    pub(crate) fn take(&mut self, chunk: &[u8]) -> (usize, bool) {
        let mut start = 0;
        for (at, &byte) in chunk.iter().enumerate() {
            self.line += u64::from(byte == b'\n');
            if self.in_string {
                self.in_string = self.is_escaped || byte != b'"';
                self.is_escaped = byte == b'\\' && !self.is_escaped;
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' => {
                    if self.depth == self.outer {
                        start = at;
                        self.first_line = self.line;
                        self.record.clear();
                        self.is_too_long = false;
                    }
                    self.depth += 1;
                }
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
        if self.is_within() {
            self.keep(&chunk[start..]);
        }
        (chunk.len(), false)
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
        if self.is_too_long { Cut::TooLong(self.first_line) } else { Cut::Object(self.first_line, &self.record) }
    }
}

/// Reads a whole file of objects, with so many objects around them.
///
/// # Errors
/// When the file cannot be opened, and those of the decoder.
pub fn read_objects(
    path: &Path,
    outer: usize,
    scan: &Scan,
    sink: &mut Sink<'_>,
    decoder: &mut dyn LineDecoder,
) -> Result<Next> {
    let mut input = Input::open(path, Some(Arc::clone(&scan.report)))?;
    let compression = input.compression();
    let mut cutter = Cutter::new(outer);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    loop {
        let read = match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let next = give(scan, sink, decoder)?;
                let reason = compression.defect(path, offset, error).to_string();
                break_off(path, scan, cutter.line(), offset, reason);
                return Ok(next);
            }
        };
        offset += read as u64;
        let mut rest = &chunk[..read];
        while !rest.is_empty() {
            let (taken, is_complete) = cutter.take(rest);
            rest = &rest[taken..];
            if is_complete && object(path, &cutter, scan, sink, decoder)? == Next::Stop {
                return Ok(Next::Stop);
            }
        }
        if sink.is_closed() {
            return Ok(Next::Stop);
        }
    }
    let next = give(scan, sink, decoder)?;
    if cutter.is_within() {
        break_off(path, scan, cutter.line(), offset, "the file ends within a JSON object".into());
    }
    Ok(next)
}

fn object(
    path: &Path,
    cutter: &Cutter,
    scan: &Scan,
    sink: &mut Sink<'_>,
    decoder: &mut dyn LineDecoder,
) -> Result<Next> {
    let (line, outcome) = match cutter.record() {
        Cut::Object(line, text) => (line, decoder.line(text, line)),
        Cut::TooLong(line) => (line, Err(format!("an object of more than {LINE_BYTES_MAX} bytes"))),
    };
    if let Err(reason) = outcome {
        scan.report.reject(path, Place::Line(line), || reason);
    }
    let is_full = decoder.rows() > 0 && decoder.rows() >= BATCH_ROWS.min(sink.left());
    if is_full { give(scan, sink, decoder) } else { Ok(Next::Continue) }
}

fn give(scan: &Scan, sink: &mut Sink<'_>, decoder: &mut dyn LineDecoder) -> Result<Next> {
    for remark in decoder.remarks() {
        scan.report.note(remark);
    }
    if decoder.rows() == 0 {
        return Ok(Next::Continue);
    }
    let batch = decoder.take()?;
    Ok(sink.give(batch))
}

fn break_off(path: &Path, scan: &Scan, line: u64, offset: u64, reason: String) {
    scan.report.break_off(Breakage { path: path.to_owned(), place: Place::Line(line), offset, reason });
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
                if let (true, Cut::Object(line, object)) = (is_complete, cutter.record()) {
                    found.push((line, String::from_utf8_lossy(object).into_owned()));
                }
            }
        }
        found
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
}
