//! Bytes of a file: opening, decompression by magic number, counting.
//!
//! What the bytes mean is the business of a connector.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use flow_source::{QualityReport, SourceError};

/// Compressed bytes read from the file at once.
const FILE_CHUNK_BYTES: usize = 128 * 1024;

/// How a file is compressed as a whole, by its first bytes: names lie, rotated files are renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952, also several members in a row.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// By the first bytes of a file.
    pub fn of(first_bytes: &[u8]) -> Self {
        match first_bytes {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// The error for a defect of the file at `path` after `offset` decompressed bytes.
    pub fn defect(self, path: &Path, offset: u64, error: io::Error) -> SourceError {
        match self {
            Self::None => SourceError::Unreadable { path: path.to_owned(), reason: error },
            _ => SourceError::BrokenCompression {
                path: path.to_owned(),
                compression: self.name(),
                offset,
                reason: error.to_string(),
            },
        }
    }
}

/// The decompressed bytes of a file.
pub struct Input {
    compression: Compression,
    reader: Reader,
}

enum Reader {
    Plain(BufReader<Counted>),
    Decompressed(Box<dyn Read + Send>),
}

impl Input {
    /// Opens a file; stored bytes are counted in `report` as they are read.
    ///
    /// # Errors
    /// When the file cannot be opened or read.
    pub fn open(path: &Path, report: Option<Arc<QualityReport>>) -> Result<Self, SourceError> {
        let unreadable = |reason| SourceError::Unreadable { path: path.to_owned(), reason };
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let mut file = BufReader::with_capacity(FILE_CHUNK_BYTES, Counted { file, report });
        let compression = Compression::of(file.fill_buf().map_err(unreadable)?);
        let reader = match compression {
            Compression::None => Reader::Plain(file),
            Compression::Gzip => Reader::Decompressed(Box::new(MultiGzDecoder::new(file))),
            Compression::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(file).map_err(unreadable)?;
                Reader::Decompressed(Box::new(decoder))
            }
        };
        Ok(Self { compression, reader })
    }

    /// An input that reads from something else than a file, uncompressed.
    pub fn from_reader(reader: impl Read + Send + 'static) -> Self {
        Self { compression: Compression::None, reader: Reader::Decompressed(Box::new(reader)) }
    }

    /// How the file is compressed as a whole.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Passes over `bytes` decompressed bytes, without reading them where the file is not compressed. The end of the
    /// file may be passed; then nothing more comes.
    ///
    /// # Errors
    /// What the operating system or the decompressor says.
    pub fn pass_over(&mut self, bytes: u64) -> io::Result<()> {
        match (&mut self.reader, i64::try_from(bytes)) {
            (Reader::Plain(file), Ok(bytes)) => file.seek_relative(bytes),
            (Reader::Plain(_), Err(_)) => Err(io::Error::from(io::ErrorKind::InvalidInput)),
            (Reader::Decompressed(reader), _) => io::copy(&mut reader.take(bytes), &mut io::sink()).map(|_| ()),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.reader {
            Reader::Plain(file) => file.read(buffer),
            Reader::Decompressed(reader) => reader.read(buffer),
        }
    }
}

/// The first `n` decompressed bytes of a file, fewer when it is shorter.
///
/// # Errors
/// When the file cannot be read, or is compressed and broken before its first byte. A file that breaks later gives
/// the bytes before the defect.
pub fn read_head(path: &Path, n: usize) -> Result<Vec<u8>, SourceError> {
    let input = Input::open(path, None)?;
    let compression = input.compression();
    let mut head = Vec::new();
    let limit = u64::try_from(n).unwrap_or(u64::MAX);
    match input.take(limit).read_to_end(&mut head) {
        Err(error) if head.is_empty() => Err(compression.defect(path, 0, error)),
        _ => Ok(head),
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

impl io::Seek for Counted {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipping_is_the_same_in_plain_and_compressed_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let content: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
        let packed = zstd::bulk::compress(&content, 1).expect("zstd compresses");
        for (name, bytes) in [("plain", &content), ("packed", &packed)] {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("a file");
            let mut input = Input::open(&path, None).expect("it opens");
            let mut four = [0; 4];
            input.read_exact(&mut four).expect("there are bytes");
            input.pass_over(700_000).expect("there are as many");
            input.read_exact(&mut four).expect("there are bytes");
            assert_eq!(four, content[700_004..700_008], "{name}");
            input.pass_over(10_000_000).expect("beyond the end is allowed");
            assert_eq!(input.read(&mut four).expect("the end"), 0, "{name}");
        }
    }
}
