//! What a file holds, from its first bytes.
//!
//! A signature (Parquet, Arrow, what a connector recognises) beats the name. Formats without one (CSV, JSON) are recognised by their looks;
//! there the name must not contradict, so that a damaged `.parquet` is not read as a table of one odd text column.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use flow_source::Connector;

use super::FileFault;
use super::arrow_end;
use super::delimited::{self, Delimited};
use super::describe::{as_text, describe, encoding_of};
use super::paths::Found;
use crate::connectors;
use crate::source::SourceSettings;

/// Bytes looked at, after decompression. Headers of logs and of wide CSV fit many times.
const HEAD_BYTES: usize = 64 * 1024;
/// Bytes that tell how a file is packed.
const PACKING_BYTES: u64 = 4;
pub(super) const PARQUET_SIGNATURE: &[u8; 4] = b"PAR1";
/// The length of the metadata and the signature again.
pub(super) const PARQUET_FOOTER_BYTES: usize = 8;
const ARROW_FILE_SIGNATURE: &[u8] = b"ARROW1";
const ARROW_STREAM_SIGNATURE: &[u8] = b"\xff\xff\xff\xff";
/// A schema message longer than this is not one.
const ARROW_SCHEMA_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// What was found.
#[derive(Debug, Clone)]
pub(crate) struct Sniffed {
    pub(crate) format: FileFormat,
    pub(crate) packing: Packing,
}

/// How the bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Packing {
    None,
    Gzip,
    Zstd,
}

impl Packing {
    fn of(beginning: &[u8]) -> Packing {
        if beginning.starts_with(b"\x1f\x8b") {
            return Packing::Gzip;
        }
        if beginning.starts_with(b"\x28\xb5\x2f\xfd") { Packing::Zstd } else { Packing::None }
    }
}

/// The formats we read.
#[derive(Debug, Clone)]
pub(crate) enum FileFormat {
    Connector(&'static dyn Connector),
    Parquet,
    ArrowFile,
    ArrowStream,
    Delimited(Delimited),
    JsonLines,
    JsonArray,
}

impl FileFormat {
    /// As in "`a.log` holds a Zeek log".
    pub(crate) fn name(&self) -> &'static str {
        match self {
            FileFormat::Connector(connector) => connector.file_kind(),
            FileFormat::Parquet => "Parquet",
            FileFormat::ArrowFile => "an Arrow IPC file",
            FileFormat::ArrowStream => "an Arrow IPC stream",
            FileFormat::Delimited(_) => "CSV",
            FileFormat::JsonLines => "newline-delimited JSON",
            FileFormat::JsonArray => "a JSON array",
        }
    }

    /// As a source names it, and flows in their column `source`; `None` for what a connector reads.
    pub(crate) fn setting(&self) -> Option<&'static str> {
        Some(match self {
            FileFormat::Connector(_) => return None,
            FileFormat::Parquet => "parquet",
            FileFormat::ArrowFile | FileFormat::ArrowStream => "arrow",
            FileFormat::Delimited(_) => "csv",
            FileFormat::JsonLines | FileFormat::JsonArray => "json",
        })
    }
}

/// What a name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    Parquet,
    Arrow,
    Csv,
    Json,
    Log,
}

impl Claim {
    fn of(path: &Path) -> Option<Claim> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "parquet" | "parq" | "pq" => Some(Claim::Parquet),
            "arrow" | "arrows" | "ipc" | "feather" => Some(Claim::Arrow),
            "csv" | "tsv" => Some(Claim::Csv),
            "json" | "jsonl" | "ndjson" => Some(Claim::Json),
            "log" => Some(Claim::Log),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Claim::Parquet => "Parquet",
            Claim::Arrow => "Arrow IPC",
            Claim::Csv => "CSV",
            Claim::Json => "JSON",
            Claim::Log => "a log of a known kind",
        }
    }
}

/// What the files of a source are to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    /// Whatever they hold.
    Any,
    /// Files of this connector.
    Connector(&'static dyn Connector),
    /// One of the formats without a connector: its name in words, and the names of what is found.
    Plain(&'static str, &'static [&'static str]),
}

impl Wanted {
    /// What a source is set to.
    pub(crate) fn of(settings: &SourceSettings) -> Wanted {
        settings.connector.as_deref().and_then(Wanted::named).unwrap_or(Wanted::Any)
    }

    /// What a source may name; `None` for anything else.
    pub(crate) fn named(name: &str) -> Option<Wanted> {
        Some(match name {
            "parquet" => Wanted::Plain("Parquet", &["Parquet"]),
            "arrow" => Wanted::Plain("Arrow IPC", &["an Arrow IPC file", "an Arrow IPC stream"]),
            "csv" => Wanted::Plain("CSV", &["CSV"]),
            "json" => Wanted::Plain("JSON", &["newline-delimited JSON", "a JSON array"]),
            other => Wanted::Connector(connectors::named(other)?),
        })
    }

    fn recognise(self, head: &[u8], path: &Path, shown: &str) -> Result<FileFormat, FileFault> {
        let other = |wanted, found: String| Err(FileFault::OtherFormat { path: shown.to_owned(), wanted, found });
        match self {
            Wanted::Any => recognise(head, Claim::of(path), shown),
            Wanted::Connector(connector) if connector.recognises(head) => Ok(FileFormat::Connector(connector)),
            Wanted::Connector(connector) => match recognise(head, None, shown) {
                Ok(found) => other(connector.file_kind(), found.name().to_owned()),
                Err(_) => other(connector.file_kind(), describe(head)),
            },
            Wanted::Plain(wanted, names) => {
                let is_whole = head.len() < HEAD_BYTES;
                let found = by_plain_signature(head).or_else(|| by_looks(head, is_whole, wanted == "CSV"));
                match found {
                    Some(found) if names.contains(&found.name()) => Ok(found),
                    Some(found) => other(wanted, found.name().to_owned()),
                    None => other(wanted, describe(head)),
                }
            }
        }
    }
}

/// Looks into a file.
pub(crate) fn sniff(found: &Found, wanted: Wanted) -> Result<Sniffed, FileFault> {
    let (path, shown) = (found.path.as_path(), found.shown.clone());
    if let Some(object) = &found.in_store {
        let format = wanted.recognise(&object.head, path, &shown)?;
        return Ok(Sniffed { format, packing: Packing::None });
    }
    let unreadable = |reason: std::io::Error| FileFault::Unreadable { path: shown.clone(), reason: reason.to_string() };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut beginning = Vec::new();
    file.by_ref().take(PACKING_BYTES).read_to_end(&mut beginning).map_err(unreadable)?;
    let packing = Packing::of(&beginning);
    let head = file_source::read_head(path, HEAD_BYTES)
        .map_err(|fault| FileFault::Unreadable { path: shown.clone(), reason: fault.to_string() })?;
    if head.is_empty() {
        return Err(FileFault::Empty { path: shown });
    }
    let format = wanted.recognise(&head, path, &shown).map_err(|fault| match encoding_of(&head) {
        Some((found, encoding)) if matches!(fault, FileFault::Unrecognised { .. } | FileFault::OtherFormat { .. }) => {
            FileFault::Encoding { path: shown.clone(), found, encoding }
        }
        _ => fault,
    })?;
    if packing != Packing::None
        && matches!(format, FileFormat::Parquet | FileFormat::ArrowFile | FileFormat::ArrowStream)
    {
        let found = format!("{} packed as a whole, which cannot be read in parts", format.name());
        return Err(FileFault::Unrecognised { path: shown, expected: None, found });
    }
    let has_line_feed = head.contains(&b'\n');
    if matches!(format, FileFormat::Delimited(_)) && !has_line_feed && head.trim_ascii_end().contains(&b'\r') {
        return Err(FileFault::LineEnds { path: shown });
    }
    match &format {
        FileFormat::Parquet => check_parquet_end(&mut file, &shown)?,
        FileFormat::ArrowFile | FileFormat::ArrowStream => {
            if let Some(reason) = arrow_end::fault(&mut file) {
                return Err(FileFault::Broken { path: shown, format: format.name(), reason });
            }
        }
        _ => {}
    }
    Ok(Sniffed { format, packing })
}

fn recognise(head: &[u8], claim: Option<Claim>, path: &str) -> Result<FileFormat, FileFault> {
    if let Some(format) = by_signature(head) {
        return Ok(format);
    }
    let is_whole = head.len() < HEAD_BYTES;
    let contradicts = |format: &FileFormat| match (claim, format) {
        (None, _) => false,
        (Some(claim), FileFormat::Delimited(_)) => claim != Claim::Csv,
        (Some(claim), _) => claim != Claim::Json,
    };
    match by_looks(head, is_whole, claim == Some(Claim::Csv)) {
        Some(format) if !contradicts(&format) => Ok(format),
        _ => {
            Err(FileFault::Unrecognised { path: path.into(), expected: claim.map(Claim::name), found: describe(head) })
        }
    }
}

fn by_signature(head: &[u8]) -> Option<FileFormat> {
    by_plain_signature(head).or_else(|| connectors::recognise(head).map(FileFormat::Connector))
}

fn by_plain_signature(head: &[u8]) -> Option<FileFormat> {
    if head.starts_with(PARQUET_SIGNATURE) {
        return Some(FileFormat::Parquet);
    }
    if head.starts_with(ARROW_FILE_SIGNATURE) {
        return Some(FileFormat::ArrowFile);
    }
    is_arrow_stream(head).then_some(FileFormat::ArrowStream)
}

fn is_arrow_stream(head: &[u8]) -> bool {
    let Some([a, b, c, d, ..]) = head.strip_prefix(ARROW_STREAM_SIGNATURE) else { return false };
    let schema_bytes = u32::from_le_bytes([*a, *b, *c, *d]);
    schema_bytes > 0 && schema_bytes.is_multiple_of(8) && schema_bytes < ARROW_SCHEMA_BYTES_MAX
}

fn by_looks(head: &[u8], is_whole: bool, name_claims_csv: bool) -> Option<FileFormat> {
    let text = as_text(head)?.trim_start();
    if text.starts_with('{') {
        return Some(FileFormat::JsonLines);
    }
    if text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(['{', ']'])) {
        return Some(FileFormat::JsonArray);
    }
    if text.starts_with('<') {
        return None;
    }
    delimited::sniff(head, is_whole, name_claims_csv).map(FileFormat::Delimited)
}

/// A Parquet file ends as it begins, after metadata whose length stands before that. One whose copy was cut does not,
/// and a wrong length makes the reader's arithmetic go below zero.
fn check_parquet_end(file: &mut File, path: &str) -> Result<(), FileFault> {
    let broken = |reason: &str| FileFault::Broken { path: path.into(), format: "Parquet", reason: reason.into() };
    let mut end = [0; PARQUET_FOOTER_BYTES];
    let size = file.seek(SeekFrom::End(-(PARQUET_FOOTER_BYTES as i64))).map(|start| start + end.len() as u64);
    let (Ok(size), Ok(())) = (size, file.read_exact(&mut end)) else { return Err(broken("it is too short")) };
    parquet_end_fault(&end, size).map_or(Ok(()), |reason| Err(broken(reason)))
}

/// What is wrong with the last bytes of a Parquet file of that size.
pub(super) fn parquet_end_fault(end: &[u8], size: u64) -> Option<&'static str> {
    let [a, b, c, d, signature @ ..] = end else { return Some("it is too short") };
    if *signature != *PARQUET_SIGNATURE {
        return Some("its end is missing, so it was cut while being written or copied");
    }
    let metadata_bytes = u64::from(u32::from_le_bytes([*a, *b, *c, *d]));
    let is_wrong = metadata_bytes == 0 || metadata_bytes + PARQUET_FOOTER_BYTES as u64 > size;
    is_wrong.then_some("the length of its metadata is wrong")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, bytes: &[u8], expected: Result<&str, &str>) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        match (sniff(&Found::on_disk(path), Wanted::Any), expected) {
            (Ok(sniffed), Ok(expected)) => assert_eq!(sniffed.format.name(), expected, "{name}"),
            (Err(fault), Err(expected)) => {
                let text = fault.to_string();
                assert!(text.contains(expected) && text.contains(name), "{name}: {text}");
            }
            (found, expected) => panic!("{name}: expected {expected:?}, found {found:?}"),
        }
    }

    #[test]
    fn formats_without_signature() {
        check("a.csv", b"x,y\n1,2\n", Ok("CSV"));
        check("a.txt", b"x,y\n1,2\n", Ok("CSV"));
        check("a.json", b"{\"x\":1}\n{\"x\":2}\n", Ok("newline-delimited JSON"));
        check("a.json", b"[\n {\"x\":1}]\n", Ok("a JSON array"));
        check(
            "a.feather",
            b"ARROW1\0\0rest\x04\0\0\0ARROW1",
            Err("an Arrow IPC file but cannot be read as such: its footer"),
        );
        check("misnamed.csv", b"PAR1 data \x04\0\0\0PAR1", Ok("Parquet"));
    }

    #[test]
    fn files_that_are_not_what_they_claim() {
        check("a.parquet", b"hello there\n", Err("is not Parquet, as its name says: it holds text beginning `hello"));
        check("a.parquet", b"x,y\n1,2\n", Err("is not Parquet"));
        check("a.csv", b"\x00\x01\x02\x03\x04", Err("binary data beginning with the bytes 00 01 02 03 04"));
        check("a.csv", b"PK\x03\x04\x00\x00", Err("a ZIP archive"));
        check(
            "a.log",
            b"{\"message\": \"hi\"}\n",
            Err("is not a log of a known kind, as its name says: it holds JSON text"),
        );
        check("a.arrow", b"\x89PNG\r\n", Err("a PNG image"));
        check("a.parquet", b"PAR1 cut off", Err("its end is missing"));
        check("a.arrow", b"ARROW1\0\0cut off here", Err("its end is missing"));
        check("a.arrow", b"ARROW1\0\0rest\xff\0\0\0ARROW1", Err("the length of its footer is wrong"));
        check("a.arrows", b"\xff\xff\xff\xff\x10\x00\x00\x00rest", Err("it ends within the message at byte 0"));
        check("a.csv", b"name,st\xe4dte\nx,y\n", Err("is not UTF-8: it holds text that looks like Windows-1252"));
        check("a.csv", b"\xff\xfea\0,\0b\0\n\0", Err("is not UTF-8: it holds UTF-16 text"));
        check("a.json", b"[{\"a\": 1},\n {\"a\": 2}]", Ok("a JSON array"));
        check("a.json", b"{\"a\": 1,\n", Ok("newline-delimited JSON"));
        check("a.dat", b"\0\x05\0\x01\0\0\0\0\0\0", Err("of NetFlow v5, cut after 10 bytes"));
        check("a.json", b"<html><body>", Err("an HTML page"));
        check("a.csv", b"", Err("is empty"));
        check("a.csv", b"a,b\rx,y\r1,2\r", Err("has lines that end with a carriage return alone"));
        check("a.csv", b"a,b\r", Ok("CSV"));
        check("unnamed", b"Dear all,\nhello\n", Err("is of no known format: it holds text"));
    }
}
