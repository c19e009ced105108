//! Files of lists: unpacked as their first bytes say, and read line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use crate::list::{Builder, TopList};
use crate::row::{Found, Layout};

/// The longest list that is published has ten million names.
const ENTRIES_MAX: usize = 20_000_000;
/// No line of a list is longer; one that is, is rejected.
const LINE_BYTES_MAX: u64 = 4096;
/// What a packed file may grow to.
const UNPACKED_BYTES_MAX: u64 = 2 << 30;
/// Of so many lines without a name for each name, a file is something else.
const REJECTED_SHARE_MAX: u64 = 1;
const BUFFER_BYTES: usize = 256 * 1024;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZIP: &[u8] = b"PK\x03\x04";

/// Why a file is no list. Whoever tells it names the file.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TopListError {
    /// The operating system or the packing.
    #[error("{reason}")]
    Unreadable {
        /// What went wrong.
        reason: String,
    },
    /// Hardly a line holds a name.
    #[error("it is no top list: {rejected} of its lines hold no domain name, {names} do")]
    NoList {
        /// Lines without a name.
        rejected: u64,
        /// Names in it.
        names: usize,
    },
    /// More than any list has.
    #[error("it is larger than a list may be: {limit}")]
    TooLarge {
        /// Which limit it exceeds.
        limit: String,
    },
}

fn unreadable(reason: impl std::fmt::Display) -> TopListError {
    TopListError::Unreadable { reason: reason.to_string() }
}

pub(crate) fn file(path: &Path) -> Result<TopList, TopListError> {
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = Vec::new();
    file.by_ref().take(ZIP.len() as u64).read_to_end(&mut head).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    if head.starts_with(GZIP) {
        return lines(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(BufReader::new(file))));
    }
    if head == ZIP {
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(unreadable)?;
        let largest = largest(&mut archive).ok_or_else(|| unreadable("the archive is empty"))?;
        let member = archive.by_index(largest).map_err(unreadable)?;
        return lines(BufReader::with_capacity(BUFFER_BYTES, member));
    }
    lines(BufReader::with_capacity(BUFFER_BYTES, file))
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

fn lines(reader: impl BufRead) -> Result<TopList, TopListError> {
    let too_large = |limit: String| TopListError::TooLarge { limit };
    let mut reader = reader.take(UNPACKED_BYTES_MAX);
    let mut builder = Builder::default();
    let mut layout = Layout::default();
    let mut line = Vec::new();
    while let Some(is_whole) = next_line(&mut reader, &mut line).map_err(unreadable)? {
        let text = std::str::from_utf8(&line).ok().filter(|_| is_whole);
        let next_rank = u32::try_from(builder.count() + 1).unwrap_or(u32::MAX);
        let mut has_room = true;
        match text.map(|text| layout.read(text, next_rank, &mut |name, rank| has_room &= builder.push(name, rank))) {
            Some(Found::Names | Found::Nothing) => {}
            Some(Found::NoName) | None => builder.reject(),
        }
        if !has_room || builder.count() > ENTRIES_MAX {
            return Err(too_large(format!("{ENTRIES_MAX} names")));
        }
    }
    if reader.limit() == 0 {
        return Err(too_large(format!("{} MB unpacked", UNPACKED_BYTES_MAX >> 20)));
    }
    let list = builder.finish();
    let (names, rejected) = (list.len(), list.lines_rejected());
    if names == 0 || rejected > REJECTED_SHARE_MAX * names as u64 {
        return Err(TopListError::NoList { rejected, names });
    }
    Ok(list)
}

/// The next line without its end. Whether all of it is there: of a line that is too long only the beginning is.
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
