//! The head of a file: its layout, compression, number of blocks, and what its statistics say of time.
//!
//! Layout 1: 140 bytes and 136 bytes of statistics. Layout 2: 40 bytes; statistics and the collector's name are in
//! blocks at the end. Layout 3 (nfdump 1.8) is recognised only.

use std::io::{self, Read};
use std::path::Path;

use file_source::{Compression as FileCompression, Input, Span};
use flow_source::{Place, SourceError};

use crate::compression::Compression;
use crate::options::SPAN_MARGIN_SECONDS;
use crate::record::Records;

/// `0xA50C` of a little-endian machine.
const MAGIC: [u8; 2] = [0x0c, 0xa5];
const V1_BYTES: usize = 140;
const V1_STATISTICS_BYTES: usize = 136;
const V2_BYTES: usize = 40;
/// Blocks at the end that are looked through for statistics.
const APPENDIX_BLOCKS_MAX: u16 = 8;
const RECORD_IDENT: u16 = 0x8001;
const RECORD_STATISTICS: u16 = 0x8002;
/// What nfdump writes as name of a collector without one.
const NO_IDENT: &str = "none";

/// How records are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// nfdump up to 1.6.
    V1,
    /// nfdump 1.7.
    V2,
}

/// What the head of a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) layout: Layout,
    pub(crate) compression: Compression,
    /// Data blocks, as announced; 0 while the file is being written.
    pub(crate) blocks: u32,
    /// Where the first block begins.
    pub(crate) first_block: u64,
    /// Where the data blocks end; `None` = at the end of the file.
    pub(crate) end: Option<u64>,
    /// The collector's name for the source.
    pub(crate) ident: Option<String>,
    /// Within which the flows lie.
    pub(crate) span: Option<Span>,
    /// Whether the file is compressed as a whole, so that it can only be read from its beginning.
    pub(crate) packed: bool,
}

/// Whether these are the first bytes of an nfcapd file of any layout.
pub(crate) fn is_nfcapd(first_bytes: &[u8]) -> bool {
    match *first_bytes {
        [0x0c, 0xa5, version, 0, ..] | [0xa5, 0x0c, 0, version, ..] => (1..=3).contains(&version),
        _ => false,
    }
}

/// Reads the head of a file. `Ok(None)` for an empty file.
pub(crate) fn read(path: &Path) -> Result<Option<Header>, SourceError> {
    let mut input = Input::open(path, None)?;
    let whole = input.compression();
    let mut head = Vec::new();
    let limit = (V1_BYTES + V1_STATISTICS_BYTES) as u64;
    if let Err(error) = (&mut input).take(limit).read_to_end(&mut head)
        && head.len() < V2_BYTES
    {
        return Err(whole.defect(path, 0, error));
    }
    if head.is_empty() {
        return Ok(None);
    }
    let header = match head.as_slice() {
        [0x0c, 0xa5, 1, 0, ..] => parse_v1(&head, whole),
        [0x0c, 0xa5, 2, 0, ..] => parse_v2(path, &head, whole),
        _ => Err(refused(&head)),
    };
    header.map(Some).map_err(|Refused { found, expected, hint }| SourceError::UnexpectedContent {
        path: path.to_owned(),
        place: Place::File,
        found,
        expected,
        hint,
    })
}

/// Why a file is not read.
struct Refused {
    found: String,
    expected: String,
    hint: Option<String>,
}

impl Refused {
    fn cut(found: usize, needed: usize) -> Self {
        Self {
            found: format!("the first {found} bytes of an nfcapd file and nothing more"),
            expected: format!("a header of {needed} bytes"),
            hint: Some("The file may still be being written or was cut while it was copied; fetch it again".into()),
        }
    }
}

fn refused(head: &[u8]) -> Refused {
    let expected = "an nfcapd file of layout 1 or 2 (nfdump 1.6 or 1.7)".to_owned();
    let (found, hint) = match head {
        [0x0c, 0xa5, 3, 0, ..] => (
            "an nfcapd file in the nfdump 1.8 format (layout 3)".to_owned(),
            Some("Write it with nfdump 1.7, or export it with `nfdump -r FILE -o csv` and read that".to_owned()),
        ),
        [0xa5, 0x0c, ..] => (
            "an nfcapd file written on a big-endian machine".to_owned(),
            Some("Export it there with `nfdump -r FILE -o csv` and read that".to_owned()),
        ),
        [a, b, rest @ ..] if [*a, *b] == MAGIC => {
            (format!("an nfcapd file of unknown layout {}", rest.first().copied().unwrap_or_default()), None)
        }
        _ => (format!("data beginning with {:02x?}", &head[..head.len().min(8)]), None),
    };
    Refused { found, expected, hint }
}

fn parse_v1(head: &[u8], whole: FileCompression) -> Result<Header, Refused> {
    if head.len() < V1_BYTES + V1_STATISTICS_BYTES {
        return Err(Refused::cut(head.len(), V1_BYTES + V1_STATISTICS_BYTES));
    }
    let flags = u32_at(head, 4);
    let compression = match flags {
        flags if flags & 0x01 != 0 => Compression::Lzo,
        flags if flags & 0x08 != 0 => Compression::Bzip2,
        flags if flags & 0x10 != 0 => Compression::Lz4,
        _ => Compression::None,
    };
    let times = V1_BYTES + 15 * 8;
    let millis = |seconds: usize, part: usize| {
        i64::from(u32_at(head, times + seconds)) * 1000 + i64::from(u16_at(head, times + part))
    };
    Ok(Header {
        layout: Layout::V1,
        compression,
        blocks: u32_at(head, 8),
        first_block: (V1_BYTES + V1_STATISTICS_BYTES) as u64,
        end: None,
        ident: ident(&head[12..V1_BYTES]),
        span: span(millis(0, 8), millis(4, 10)),
        packed: whole != FileCompression::None,
    })
}

fn parse_v2(path: &Path, head: &[u8], whole: FileCompression) -> Result<Header, Refused> {
    if head.len() < V2_BYTES {
        return Err(Refused::cut(head.len(), V2_BYTES));
    }
    let compression = Compression::of_v2(head[16]).ok_or_else(|| Refused {
        found: format!("an nfcapd file with the unknown compression {}", head[16]),
        expected: "none, LZO, bzip2, LZ4 or zstd".into(),
        hint: None,
    })?;
    if head[17] != 0 {
        return Err(Refused {
            found: "an encrypted nfcapd file".into(),
            expected: "one that is not".into(),
            hint: None,
        });
    }
    let appendix_blocks = u16_at(head, 18);
    let appendix = u64_at(head, 24);
    let end = (appendix_blocks > 0 && appendix >= V2_BYTES as u64).then_some(appendix);
    let blocks = u32_at(head, 36);
    let mut header = Header {
        layout: Layout::V2,
        compression,
        blocks,
        first_block: V2_BYTES as u64,
        end,
        ident: None,
        span: None,
        packed: whole != FileCompression::None,
    };
    // The appendix of a file that is packed as a whole is at the end of all that would have to be unpacked.
    if let (Some(offset), false) = (end, header.packed) {
        // Without its statistics a file is read all the same.
        let _ = read_appendix(path, offset, appendix_blocks.min(APPENDIX_BLOCKS_MAX), &mut header);
    }
    Ok(header)
}

fn read_appendix(path: &Path, offset: u64, blocks: u16, header: &mut Header) -> io::Result<()> {
    let mut input = Input::open(path, None).map_err(io::Error::other)?;
    input.pass_over(offset)?;
    let whole = Header { first_block: offset, end: None, ..header.clone() };
    let mut reader = crate::blocks::BlockReader::at(input, &whole, offset);
    for _ in 0..blocks {
        let Ok(Some(block)) = reader.next() else { break };
        let Ok(data) = reader.data(&block) else { break };
        for record in Records::new(data, block.records).flatten() {
            match record.kind {
                RECORD_IDENT => header.ident = ident(&data[record.start + 4..record.end]),
                RECORD_STATISTICS if record.end - record.start == 4 + 18 * 8 => {
                    let millis = |at| i64::try_from(u64_at(data, record.start + 4 + at)).unwrap_or(0);
                    header.span = span(millis(15 * 8), millis(16 * 8));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn ident(bytes: &[u8]) -> Option<String> {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    (!text.is_empty() && text != NO_IDENT).then(|| text.into_owned())
}

/// The time between two moments in milliseconds, with a margin; `None` when they cannot be.
fn span(first_millis: i64, last_millis: i64) -> Option<Span> {
    if first_millis <= 0 || last_millis < first_millis {
        return None;
    }
    let margin = SPAN_MARGIN_SECONDS * 1000;
    let from = first_millis.checked_sub(margin)?.checked_mul(1_000_000)?;
    let to = last_millis.checked_add(margin)?.checked_mul(1_000_000)?;
    Some(Span { from, to })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("nfcapd.1");
        std::fs::write(&path, bytes).expect("a file");
        let error = read(&path).expect_err("it is not read");
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn files_that_are_refused() {
        let mut v3 = vec![0; 48];
        v3[..4].copy_from_slice(&[0x0c, 0xa5, 3, 0]);
        assert!(is_nfcapd(&v3));
        check(&v3, "nfdump 1.8 format");
        check(&[0xa5, 0x0c, 0, 1, 0, 0], "big-endian");
        check(&[0x0c, 0xa5, 1, 0, 0, 0], "the first 6 bytes");
        check(&[0x0c, 0xa5, 2, 0, 0, 0], "the first 6 bytes");
        check(&[0x0c, 0xa5, 9, 0, 0, 0], "unknown layout 9");
        let mut odd = [0; V2_BYTES];
        odd[..4].copy_from_slice(&[0x0c, 0xa5, 2, 0]);
        odd[16] = 9;
        check(&odd, "unknown compression 9");
        odd[16..18].copy_from_slice(&[0, 1]);
        check(&odd, "encrypted");
        assert!(!is_nfcapd(&MAGIC) && !is_nfcapd(b"\x0c\xa5\x04\x00"));
    }
}
