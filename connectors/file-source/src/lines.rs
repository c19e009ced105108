//! Files of lines: cutting an input into lines, and driving a decoder that makes rows of them.
//!
//! What a line says is the decoder's business.

use std::io::{self, Read};
use std::path::Path;

use arrow_array::RecordBatch;
use datafusion_common::Result;
use flow_source::{Breakage, Place};

use crate::BATCH_ROWS;
use crate::format::{Next, Scan, Sink};
use crate::input::{Compression, Input};
use crate::line_pieces::LinePiece;

/// A longer line is rejected. The longest of real logs (lists of certificates) stay far below.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes asked of the decompressor at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// A batch is given early when its lines or objects have this many bytes.
pub(crate) const BATCH_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A row.
    Row,
    /// A comment, a header line or an empty line.
    NoRow,
    /// The rows so far must be taken before the next one, e.g. because its columns differ.
    Flush,
}

/// Makes rows of the lines of one file, in order.
pub trait LineDecoder {
    /// Looks at a line without its line end; `number` counts from 1.
    ///
    /// # Errors
    /// Why the line is rejected; it must leave no trace then.
    fn line(&mut self, line: &[u8], number: u64) -> Result<Outcome, String>;

    /// Rows since the last [`take`](Self::take).
    fn rows(&self) -> usize;

    /// Gives the rows away and starts anew; called with at least one row.
    ///
    /// # Errors
    /// When arrays do not fit the schema, which is a bug.
    fn take(&mut self) -> Result<RecordBatch>;

    /// There are no more lines: what was waiting for them is a row now or none.
    fn end(&mut self) {}

    /// Remarks for the report since the last call, asked for with each batch.
    fn remarks(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads a whole file of lines, with the byte order mark removed from the first.
///
/// # Errors
/// When the file cannot be opened or breaks in its first line, and those of the decoder.
pub fn read_lines(path: &Path, scan: &Scan, sink: &mut Sink<'_>, decoder: &mut dyn LineDecoder) -> Result<Next> {
    read_lines_of(&LinePiece::whole(path), scan, sink, decoder)
}

/// Reads the lines that begin within a piece of a file, which must not be compressed where the piece is not all of it. Numbers
/// of lines that the decoder is given count from the beginning of the piece; [`LinePiece::number`] makes numbers in the file.
///
/// # Errors
/// As [`read_lines`].
pub fn read_lines_of(
    piece: &LinePiece<'_>,
    scan: &Scan,
    sink: &mut Sink<'_>,
    decoder: &mut dyn LineDecoder,
) -> Result<Next> {
    let (input, passed) = piece.open(&scan.report)?;
    let compression = input.compression();
    let mut reader = LineReader::new(input);
    if !piece.is_first() && !reader.pass_line().map_err(|fault| compression.defect(piece.path(), passed, fault))? {
        return Ok(Next::Continue);
    }
    let bytes = piece.end().saturating_sub(passed);
    LineScan { piece, scan, sink, decoder, compression, reader, batch_offset: 0, bytes }.run()
}

/// The reading of one file.
struct LineScan<'a, 'b> {
    piece: &'a LinePiece<'a>,
    scan: &'a Scan,
    sink: &'a mut Sink<'b>,
    decoder: &'a mut dyn LineDecoder,
    compression: Compression,
    reader: LineReader,
    /// Where the current batch began.
    batch_offset: u64,
    /// Lines that begin behind so many bytes are others' business.
    bytes: u64,
}

impl LineScan<'_, '_> {
    fn run(&mut self) -> Result<Next> {
        loop {
            let Self { reader, decoder, scan, piece, .. } = self;
            if reader.offset() >= self.bytes {
                decoder.end();
                return self.give();
            }
            let reject = |number: u64, reason: String| {
                scan.report.reject(piece.path(), Place::Line(piece.number(number)), || reason);
                Outcome::NoRow
            };
            let outcome = match reader.next() {
                Ok(Line::Text(number, line)) => {
                    let line = if number == 1 && piece.is_first() { without_bom(line) } else { line };
                    decoder.line(line, number).unwrap_or_else(|reason| reject(number, reason))
                }
                Ok(Line::TooLong(number)) => reject(number, format!("a line of more than {LINE_BYTES_MAX} bytes")),
                Ok(Line::Pause) if self.sink.is_closed() => return Ok(Next::Stop),
                Ok(Line::Pause) => continue,
                Ok(Line::End) => {
                    decoder.end();
                    return self.give();
                }
                Err(error) => return self.break_off(error),
            };
            let full = match outcome {
                Outcome::NoRow => false,
                Outcome::Flush => true,
                Outcome::Row => {
                    self.decoder.rows() >= BATCH_ROWS.min(self.sink.left())
                        || self.reader.offset() - self.batch_offset > BATCH_BYTES_MAX
                }
            };
            if full && self.give()? == Next::Stop {
                return Ok(Next::Stop);
            }
        }
    }

    /// Gives the rows so far.
    fn give(&mut self) -> Result<Next> {
        self.batch_offset = self.reader.offset();
        for remark in self.decoder.remarks() {
            self.scan.report.note(remark);
        }
        if self.decoder.rows() == 0 {
            return Ok(Next::Continue);
        }
        let batch = self.decoder.take()?;
        Ok(self.sink.give(batch))
    }

    /// The file breaks: its rows so far count, and the report says where. Nothing at all is an error.
    fn break_off(&mut self, error: io::Error) -> Result<Next> {
        self.decoder.end();
        let next = self.give()?;
        let (line, offset) = (self.reader.line(), self.reader.offset());
        let path = self.piece.path();
        let error = self.compression.defect(path, offset, error);
        if line == 0 && self.piece.is_first() {
            return Err(error.into());
        }
        let reason = error.to_string();
        let place = Place::Line(self.piece.number(line));
        self.scan.report.break_off(Breakage { path: path.to_owned(), place, offset, reason });
        Ok(next)
    }
}

/// Text without the byte order mark that some programs write first.
pub fn without_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// Cuts an input into lines.
pub struct LineReader {
    input: Input,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    line: u64,
    offset: u64,
}

/// One line, or what prevents it.
#[derive(Debug)]
pub enum Line<'a> {
    /// Number from 1, and the bytes without line end.
    Text(u64, &'a [u8]),
    /// Number of a line longer than [`LINE_BYTES_MAX`]; it has been passed over.
    TooLong(u64),
    /// The reader asks to look whether anyone still waits; call again.
    Pause,
    /// There are no more.
    End,
}

impl LineReader {
    /// Begins with the input's next byte.
    pub fn new(input: Input) -> Self {
        Self { input, buffer: vec![0; CHUNK_BYTES], start: 0, end: 0, at_end: false, line: 0, offset: 0 }
    }

    /// Number of the last line given, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Decompressed bytes of all lines given.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Passes over a line, or the rest of one, and counts anew from the next; whether there is a line end.
    pub(crate) fn pass_line(&mut self) -> io::Result<bool> {
        loop {
            match self.next()? {
                Line::Pause => {}
                Line::End => return Ok(false),
                Line::Text(..) | Line::TooLong(_) => {
                    self.line = 0;
                    return Ok(true);
                }
            }
        }
    }

    /// The next line. After an error nothing more can be read; all complete lines have been given by then.
    ///
    /// # Errors
    /// What the operating system or the decompressor says.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend its lines")]
    pub fn next(&mut self) -> io::Result<Line<'_>> {
        if let Some(length) = memchr::memchr(b'\n', &self.buffer[self.start..self.end]) {
            return Ok(self.give(length, length + 1));
        }
        let pending = self.end - self.start;
        if self.at_end {
            return Ok(if pending == 0 { Line::End } else { self.give(pending, pending) });
        }
        if pending > LINE_BYTES_MAX {
            return self.skip_line();
        }
        self.fill()?;
        Ok(Line::Pause)
    }

    fn give(&mut self, length: usize, used: usize) -> Line<'_> {
        let start = self.start;
        self.start += used;
        self.line += 1;
        self.offset += used as u64;
        if length > LINE_BYTES_MAX {
            return Line::TooLong(self.line);
        }
        let line = &self.buffer[start..start + length];
        // No format here has a bare carriage return in a value, so one before the line feed belongs to the line end.
        Line::Text(self.line, line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn skip_line(&mut self) -> io::Result<Line<'_>> {
        loop {
            match memchr::memchr(b'\n', &self.buffer[self.start..self.end]) {
                Some(length) => {
                    self.start += length + 1;
                    self.offset += length as u64 + 1;
                    break;
                }
                None => {
                    self.offset += (self.end - self.start) as u64;
                    self.start = self.end;
                    if self.at_end {
                        break;
                    }
                    self.fill()?;
                }
            }
        }
        self.line += 1;
        Ok(Line::TooLong(self.line))
    }

    /// Reads once more behind the pending bytes.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: Vec<u8>) -> Vec<String> {
        let mut reader = LineReader::new(Input::from_reader(io::Cursor::new(bytes)));
        let mut lines = Vec::new();
        loop {
            match reader.next().expect("memory is readable") {
                Line::Text(_, line) => lines.push(String::from_utf8_lossy(line).into_owned()),
                Line::TooLong(_) => lines.push("too long".into()),
                Line::Pause => {}
                Line::End => return lines,
            }
        }
    }

    #[test]
    fn line_ends() {
        assert_eq!(lines(b"a\nb\r\n\nc".to_vec()), ["a", "b", "", "c"]);
        assert!(lines(Vec::new()).is_empty());
    }

    #[test]
    fn an_endless_line_is_passed_over() {
        let mut bytes = b"a\n".to_vec();
        bytes.resize(LINE_BYTES_MAX * 2, b'x');
        bytes.extend_from_slice(b"\nb\n");
        let lines = lines(bytes);
        assert!(lines == ["a", "too long", "b"], "{} lines", lines.len());
    }
}
