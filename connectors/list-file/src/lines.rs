//! Files of lists: unpacked as their first bytes say, and read line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

/// No line of a list is longer; one that is, is rejected.
const LINE_BYTES_MAX: u64 = 4096;
/// What a packed file may grow to.
const UNPACKED_BYTES_MAX: u64 = 2 << 30;
/// Of so many lines without an entry for each entry, a file is something else.
const REJECTED_SHARE_MAX: u64 = 1;
const BUFFER_BYTES: usize = 256 * 1024;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZIP: &[u8] = b"PK\x03\x04";
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What a connector calls its lists and their entries, in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListKind {
    /// For instance "top list".
    pub list: &'static str,
    /// For instance "domain name".
    pub entry: &'static str,
}

/// Why a file is no list. Whoever tells it names the file.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ListError {
    /// The operating system or the packing.
    #[error("{reason}")]
    Unreadable {
        /// What went wrong.
        reason: String,
    },
    /// Hardly a line holds an entry.
    #[error("it is no {}: {rejected} of its lines hold no {}, {entries} do", .kind.list, .kind.entry)]
    NoList {
        /// What it should be.
        kind: ListKind,
        /// Lines without an entry.
        rejected: u64,
        /// Entries in it.
        entries: usize,
    },
    /// More than any list has.
    #[error("it is larger than a list may be: {limit}")]
    TooLarge {
        /// Which limit it exceeds.
        limit: String,
    },
}

impl ListKind {
    /// Whether what was found in a file makes it a list of this kind.
    ///
    /// # Errors
    /// When it holds no entry, or more lines without one than entries.
    pub fn check(self, entries: usize, rejected: u64) -> Result<(), ListError> {
        match entries == 0 || rejected > REJECTED_SHARE_MAX * entries as u64 {
            true => Err(ListError::NoList { kind: self, rejected, entries }),
            false => Ok(()),
        }
    }
}

fn unreadable(reason: impl std::fmt::Display) -> ListError {
    ListError::Unreadable { reason: reason.to_string() }
}

/// Gives each line of a plain, gzip or zip file, without its end and the file's byte order mark; `None` for one that is
/// no text or too long. What `give` refuses ends the reading.
///
/// # Errors
/// When the file cannot be read, is too large, or `give` refuses a line.
pub fn read_lines(path: &Path, give: impl FnMut(Option<&str>) -> Result<(), ListError>) -> Result<(), ListError> {
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = Vec::new();
    file.by_ref().take(ZIP.len() as u64).read_to_end(&mut head).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    if head.starts_with(GZIP) {
        return lines(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(BufReader::new(file))), give);
    }
    if head == ZIP {
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(unreadable)?;
        let largest = largest(&mut archive).ok_or_else(|| unreadable("the archive is empty"))?;
        let member = archive.by_index(largest).map_err(unreadable)?;
        return lines(BufReader::with_capacity(BUFFER_BYTES, member), give);
    }
    lines(BufReader::with_capacity(BUFFER_BYTES, file), give)
}

/// Archives of lists hold one file, sometimes with a licence beside it.
fn largest<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Option<usize> {
    let size = |index: usize, archive: &mut ZipArchive<R>| {
        archive.by_index_raw(index).ok().filter(zip::read::ZipFile::is_file).map(|member| member.size())
    };
    let sizes: Vec<Option<u64>> = (0..archive.len()).map(|index| size(index, archive)).collect();
    let sized = sizes.into_iter().enumerate().filter_map(|(index, size)| Some((size?, index)));
    sized.max().map(|(_, index)| index)
}

fn lines(reader: impl BufRead, mut give: impl FnMut(Option<&str>) -> Result<(), ListError>) -> Result<(), ListError> {
    let mut reader = reader.take(UNPACKED_BYTES_MAX);
    let mut line = Vec::new();
    let mut is_first = true;
    while let Some(is_whole) = next_line(&mut reader, &mut line).map_err(unreadable)? {
        let text = std::str::from_utf8(&line).ok().filter(|_| is_whole);
        let text = text.map(|text| text.trim_end_matches(['\r', '\n']));
        let is_head = std::mem::replace(&mut is_first, false);
        give(text.map(|text| if is_head { text.trim_start_matches(BYTE_ORDER_MARK) } else { text }))?;
    }
    match reader.limit() {
        0 => Err(ListError::TooLarge { limit: format!("{} MB unpacked", UNPACKED_BYTES_MAX >> 20) }),
        _ => Ok(()),
    }
}

/// The next line with its end. Whether all of it is there: of a line that is too long only the beginning is.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    if reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    let is_whole = line.ends_with(b"\n") || (line.len() as u64) < LINE_BYTES_MAX;
    if !is_whole {
        skip_line(reader)?;
    }
    Ok(Some(is_whole))
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    let mut rest = Vec::new();
    loop {
        rest.clear();
        let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut rest)?;
        if read == 0 || rest.ends_with(b"\n") {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_without_ends_and_mark() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "\u{feff}one\r\n\ntwo\n\u{feff}three".as_bytes()).expect("a list");
        let mut found = Vec::new();
        let read = read_lines(file.path(), |line| {
            found.push(line.map(str::to_owned));
            Ok(())
        });
        read.expect("a list");
        let expected = ["one", "", "two", "\u{feff}three"].map(|line| Some(line.to_owned()));
        assert_eq!(found, expected);
    }
}
