//! Bytes of a log: opening, decompression by magic number, and cutting into lines.
//!
//! What the lines mean is decided in `decode`.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use flow_source::{QualityReport, SourceError};

use crate::options::LINE_BYTES_MAX;

/// Bytes asked of the decompressor at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// Compressed bytes read from the file at once.
const FILE_CHUNK_BYTES: usize = 128 * 1024;

/// How a file is compressed, by its first bytes: names lie, rotated logs are renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// The decompressed bytes of a file.
pub(crate) struct Input {
    pub(crate) compression: Compression,
    reader: Box<dyn Read + Send>,
}

impl Input {
    /// Opens a file; stored bytes are counted in `report` as they are read.
    pub(crate) fn open(path: &Path, report: Option<Arc<QualityReport>>) -> Result<Self, SourceError> {
        let unreadable = |reason| SourceError::Unreadable { path: path.to_owned(), reason };
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let mut file = BufReader::with_capacity(FILE_CHUNK_BYTES, Counted { file, report });
        let compression = compression_of(io::BufRead::fill_buf(&mut file).map_err(unreadable)?);
        let reader: Box<dyn Read + Send> = match compression {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(MultiGzDecoder::new(file)),
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(file).map_err(unreadable)?),
        };
        Ok(Self { compression, reader })
    }

    /// The error for a defect found after `offset` decompressed bytes.
    pub(crate) fn defect(compression: Compression, path: &Path, offset: u64, error: io::Error) -> SourceError {
        match compression {
            Compression::None => SourceError::Unreadable { path: path.to_owned(), reason: error },
            _ => SourceError::BrokenCompression {
                path: path.to_owned(),
                compression: compression.name(),
                offset,
                reason: error.to_string(),
            },
        }
    }
}

fn compression_of(first_bytes: &[u8]) -> Compression {
    match first_bytes {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

/// The first `n` decompressed bytes of a file, fewer when it is shorter.
///
/// # Errors
/// When the file cannot be read, or is compressed and broken before its first byte. A file that breaks later gives
/// the bytes before the defect.
pub fn read_head(path: &Path, n: usize) -> Result<Vec<u8>, SourceError> {
    let input = Input::open(path, None)?;
    let mut head = Vec::new();
    let limit = u64::try_from(n).unwrap_or(u64::MAX);
    match input.reader.take(limit).read_to_end(&mut head) {
        Err(error) if head.is_empty() => Err(Input::defect(input.compression, path, 0, error)),
        _ => Ok(head),
    }
}

/// Cuts an input into lines.
pub(crate) struct LineReader {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    line: u64,
    offset: u64,
}

/// One line, or what prevents it.
pub(crate) enum Line<'a> {
    /// Number from 1, and the bytes without line end.
    Text(u64, &'a [u8]),
    /// Number of a line longer than [`LINE_BYTES_MAX`]; it has been passed over.
    TooLong(u64),
    /// The reader asks to look whether anyone still waits; call again.
    Pause,
    End,
}

impl LineReader {
    pub(crate) fn new(input: Input) -> Self {
        Self { reader: input.reader, buffer: vec![0; CHUNK_BYTES], start: 0, end: 0, at_end: false, line: 0, offset: 0 }
    }

    /// Number of the last line given, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Decompressed bytes of all lines given.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line. After an error nothing more can be read; all complete lines have been given by then.
    pub(crate) fn next(&mut self) -> io::Result<Line<'_>> {
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
        // Zeek writes a carriage return in a value as \x0d, so a real one belongs to the line end.
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
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

/// A file that counts what is read from it.
struct Counted {
    file: File,
    report: Option<Arc<QualityReport>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if let Some(report) = &self.report {
            report.add_bytes(read as u64);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: Vec<u8>) -> Vec<String> {
        let reader = Box::new(io::Cursor::new(bytes));
        let mut reader = LineReader::new(Input { compression: Compression::None, reader });
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
