//! What a file is, from its first bytes: TSV or JSON, which log, which columns.
//!
//! Reads at most `SNIFF_BYTES_MAX` of a file. Columns that only appear later are noted when the rows are read.

use std::fmt;
use std::path::{Path, PathBuf};

use file_source::{read_head, without_bom};
use flow_source::{Place, SourceError};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::decode::header::{BadHeader, Header};
use crate::decode::{excerpt, infer};
use crate::options::{SNIFF_BYTES_MAX, TimeFormat, ZeekOptions};
use crate::types::{Columns, Kind};

/// How a Zeek log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeekFormat {
    /// Header lines and separated fields, the default of Zeek.
    Tsv,
    /// One JSON object per line (`LogAscii::use_json`).
    Json,
}

/// What is known of a file before its rows are read.
#[derive(Clone, Debug)]
pub(crate) struct LogFile {
    pub(crate) path: PathBuf,
    pub(crate) format: ZeekFormat,
    pub(crate) time_format: TimeFormat,
    pub(crate) columns: Columns,
    /// The log's name as the file says it (`#path`, `_path`), e.g. `conn`.
    pub(crate) log_name: Option<String>,
}

/// Whether decompressed first bytes are those of a Zeek log. JSON only counts with a `ts` and another key of Zeek's.
pub fn sniff(first_bytes: &[u8]) -> Option<ZeekFormat> {
    let text = without_bom(first_bytes);
    let line = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty())?;
    if line.starts_with(b"#separator") || line.starts_with(b"#fields") {
        return Some(ZeekFormat::Tsv);
    }
    if line.starts_with(b"#") && text.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"#fields")) {
        return Some(ZeekFormat::Tsv);
    }
    (line.starts_with(b"{") && has_zeek_keys(line)).then_some(ZeekFormat::Json)
}

/// Learns what a file is. `Ok(None)` for an empty file, which has no columns and no rows.
pub(crate) fn examine(path: &Path, options: ZeekOptions) -> Result<Option<LogFile>, SourceError> {
    let head = read_head(path, SNIFF_BYTES_MAX)?;
    if head.is_empty() {
        return Ok(None);
    }
    let (columns, log_name, format, time_format) = match sniff(&head) {
        Some(ZeekFormat::Tsv) => {
            let (columns, log_name) = examine_tsv(path, &head)?;
            (columns, log_name, ZeekFormat::Tsv, TimeFormat::EpochSeconds)
        }
        Some(ZeekFormat::Json) => {
            let shape = examine_json(path, &head)?;
            let time_format = options.time_format.or(shape.time_format).unwrap_or_default();
            (shape.columns, shape.path, ZeekFormat::Json, time_format)
        }
        None => return Err(not_a_log(path, &head)),
    };
    Ok(Some(LogFile { path: path.to_owned(), format, time_format, columns, log_name }))
}

/// The columns of all header blocks in the head.
fn examine_tsv(path: &Path, head: &[u8]) -> Result<(Columns, Option<String>), SourceError> {
    let mut header = Header::default();
    let mut columns = Vec::new();
    let mut log_name = None;
    for (index, line) in lines(head).enumerate() {
        if line.first() != Some(&b'#') {
            continue;
        }
        header.read(line).map_err(|bad| bad_header(path, index, bad))?;
        if line.starts_with(b"#types") || line.starts_with(b"#close") {
            unite_columns(&mut columns, &header.columns());
        }
        if log_name.is_none() {
            log_name.clone_from(&header.path);
        }
    }
    unite_columns(&mut columns, &header.columns());
    if columns.is_empty() {
        let found = "a header without a #fields line".to_owned();
        return Err(bad_header(path, 0, BadHeader { found, expected: "the names of the columns".into() }));
    }
    Ok((columns, log_name))
}

fn examine_json(path: &Path, head: &[u8]) -> Result<infer::Shape, SourceError> {
    let shape = infer::infer(lines(head));
    if shape.rows > 0 {
        return Ok(shape);
    }
    Err(SourceError::UnexpectedContent {
        path: path.to_owned(),
        place: Place::Line(1),
        found: format!("`{}`", excerpt(head)),
        expected: format!("a complete JSON object on one line within the first {SNIFF_BYTES_MAX} bytes"),
        hint: None,
    })
}

/// Adds columns that are not there yet; where kinds differ, one that holds both.
pub(crate) fn unite_columns(columns: &mut Columns, more: &[(String, Kind)]) {
    let mut places: std::collections::HashMap<String, usize> =
        columns.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
    for (name, kind) in more {
        match places.get(name) {
            Some(&place) => columns[place].1 = columns[place].1.unite(kind),
            None => {
                places.insert(name.clone(), columns.len());
                columns.push((name.clone(), kind.clone()));
            }
        }
    }
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let complete = match memchr::memrchr(b'\n', head) {
        // A head that fills the limit ends within a line.
        Some(end) if head.len() >= SNIFF_BYTES_MAX => &head[..end],
        _ => head,
    };
    without_bom(complete).split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn bad_header(path: &Path, index: usize, bad: BadHeader) -> SourceError {
    SourceError::UnexpectedContent {
        path: path.to_owned(),
        place: Place::Line(index as u64 + 1),
        found: bad.found,
        expected: bad.expected,
        hint: Some("The header of this log is damaged; compare it with another log of the same sensor".into()),
    }
}

fn not_a_log(path: &Path, head: &[u8]) -> SourceError {
    let (found, hint) = describe(head);
    SourceError::UnexpectedContent {
        path: path.to_owned(),
        place: Place::Line(1),
        found,
        expected: "a Zeek log (TSV with #fields, or JSON with ts)".into(),
        hint,
    }
}

/// What bytes look like when they are not a Zeek log, and what to do about it.
fn describe(head: &[u8]) -> (String, Option<String>) {
    const MAGIC: &[(&[u8], &str)] = &[
        (b"BZh", "bzip2 data"),
        (b"\xfd7zXZ", "xz data"),
        (b"PK\x03\x04", "a zip archive"),
        (b"PAR1", "a Parquet file"),
        (b"ARROW1", "an Arrow file"),
        (b"\x0c\xa5", "an nfcapd file"),
        (b"\xd4\xc3\xb2\xa1", "a pcap capture"),
        (b"\xa1\xb2\xc3\xd4", "a pcap capture"),
        (b"\x0a\x0d\x0d\x0a", "a pcapng capture"),
        (b"\xff\xfe", "UTF-16 text"),
        (b"\xfe\xff", "UTF-16 text"),
        (b"\x1f\x8b", "gzip data inside the compression"),
    ];
    if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return ((*name).to_owned(), None);
    }
    let sample = &head[..head.len().min(1024)];
    if memchr::memchr(0, sample).is_some() {
        return (format!("binary data beginning with {:02x?}", &head[..head.len().min(8)]), None);
    }
    let line = lines(sample).find(|line| !line.is_empty()).unwrap_or_default();
    if line.starts_with(b"{") {
        return (format!("JSON without Zeek's keys: `{}`", excerpt(line)), None);
    }
    let hint = memchr::memchr(b'\t', line)
        .map(|_| "A Zeek TSV log needs its header lines; add the #fields line of the original file".to_owned());
    (format!("text `{}`", excerpt(line)), hint)
}

/// Keys that hardly another program writes beside `ts`; one of them makes an object a Zeek log line. (`host` or
/// `id` would do so for many an application's log.)
const ZEEK_KEYS: &[&str] = &[
    "uid",
    "uids",
    "fuid",
    "id.orig_h",
    "id_orig_h",
    "id.resp_h",
    "_path",
    "_write_ts",
    "_system_name",
    "conn_uids",
    "peer",
    "suppress_for",
    "certificate.version",
    "ts_delta",
    "software_type",
    "port_num",
];

fn has_zeek_keys(line: &[u8]) -> bool {
    let mut keys = Keys::default();
    // The head may end within the line: keys before the cut count, so the error does not matter.
    let _ = serde_json::Deserializer::from_slice(line).deserialize_map(&mut keys);
    keys.ts && keys.zeek
}

#[derive(Default)]
struct Keys {
    ts: bool,
    zeek: bool,
}

impl<'de> Visitor<'de> for &mut Keys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<String>()? {
            self.ts |= key == "ts";
            self.zeek |= ZEEK_KEYS.contains(&key.as_str());
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], format: Option<ZeekFormat>) {
        assert_eq!(sniff(bytes), format, "{}", excerpt(bytes));
    }

    #[test]
    fn tsv_json_or_neither() {
        check(b"#separator \\x09\n", Some(ZeekFormat::Tsv));
        check(b"\xef\xbb\xbf#separator\t\\x09\r\n", Some(ZeekFormat::Tsv));
        check(b"\n#fields\tts\tuid\n", Some(ZeekFormat::Tsv));
        check(b"# a comment\n#fields\tts\n", Some(ZeekFormat::Tsv));
        check(br#"{"ts":1.5,"uid":"C1","id.orig_h":"10.0"#, Some(ZeekFormat::Json));
        check(br#"{"uid":"C1","ts":"2019-12-03T22:44:56Z"}"#, Some(ZeekFormat::Json));
        check(br#"{"timestamp":"2019","event_type":"flow","flow_id":1}"#, None);
        check(br#"{"ts":1.5,"level":"info","msg":"started"}"#, None);
        check(b"ts,uid\n1,2\n", None);
        check(b"# Date\n1,2\n", None);
        check(b"", None);
        check(b"\x1f\x8b\x08", None);
    }
}
