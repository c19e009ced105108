//! Packed and plain files.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use connector_toplist::{ListError, TopList};
use flate2::{Compression, write::GzEncoder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const RANKING: &str = "1,example.com\r\n2,www.example.com\r\n20000,gvt2.com\r\n";

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn zipped(members: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut archive = ZipWriter::new(&mut bytes);
    for (name, text) in members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        archive.start_file(*name, options).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    bytes.into_inner()
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_file_is_what_its_first_bytes_say() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("plain.csv", RANKING.as_bytes().to_vec()),
        ("marked.csv", format!("\u{feff}{RANKING}").into_bytes()),
        ("packed.gz", gzipped(RANKING)),
        ("packed.zip", zipped(&[("LICENCE.txt", "free\n"), ("top-1m.csv", RANKING)])),
        ("misnamed.csv", gzipped(RANKING)),
    ] {
        let list = TopList::read(&write(folder.path(), name, &bytes)).unwrap();
        assert_eq!((list.len(), list.lines_rejected()), (3, 0), "{name}");
        assert_eq!(list.rank("gvt2.com"), Some(20_000), "{name}");
        assert_eq!(list.rank("beacons.gcp.gvt2.com"), None, "{name}");
    }
}

#[test]
fn what_is_no_list_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("page.html", b"<html>\n<head><title>Not here</title></head>\n<body>Sorry!</body>\n</html>\n".to_vec()),
        ("numbers.csv", b"1,2\n3,4\n".to_vec()),
        ("one-long-line", vec![b'a'; 3 << 20]),
        ("binary", (0..=255).cycle().take(100_000).collect()),
    ] {
        let error = TopList::read(&write(folder.path(), name, &bytes)).unwrap_err();
        assert!(matches!(error, ListError::NoList { .. }), "{name}: {error}");
    }
    for (name, bytes) in [
        ("cut.gz", gzipped(RANKING)[..20].to_vec()),
        ("cut.zip", zipped(&[("a.csv", RANKING)])[..40].to_vec()),
        ("empty.zip", zipped(&[])),
    ] {
        let error = TopList::read(&write(folder.path(), name, &bytes)).unwrap_err();
        assert!(matches!(error, ListError::Unreadable { .. } | ListError::NoList { .. }), "{name}: {error}");
    }
    assert!(matches!(TopList::read(&folder.path().join("missing")), Err(ListError::Unreadable { .. })));
}

#[test]
fn a_few_bad_lines_cost_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("1,example.com\n{}\n2,two words\n\u{fffd},x\n3,example.org\n4,example.net\n", "x".repeat(9_000));
    let list = TopList::read(&write(folder.path(), "some.csv", text.as_bytes())).unwrap();
    assert_eq!((list.len(), list.lines_rejected()), (3, 3));
    assert_eq!(list.rank("example.net"), Some(4));
}

#[test]
fn a_million_names_are_read_and_looked_up_soon() {
    const NAMES: u32 = 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for rank in 1..=NAMES {
        text.push_str(&format!("{rank},site-{rank}.example\r\n"));
    }
    let path = write(folder.path(), "top-1m.csv.zip", &zipped(&[("top-1m.csv", &text)]));
    let started = Instant::now();
    let list = TopList::read(&path).unwrap();
    let reading = started.elapsed();
    assert_eq!(list.len(), NAMES as usize);
    let started = Instant::now();
    for rank in 1..=NAMES {
        assert_eq!(list.rank(&text_of(rank)), Some(rank));
    }
    let looking_up = started.elapsed();
    // A debug build on a busy machine; the optimised one takes a twentieth.
    assert!(reading < Duration::from_secs(30) && looking_up < Duration::from_secs(30), "{reading:?}, {looking_up:?}");
}

fn text_of(rank: u32) -> String {
    format!("site-{rank}.example")
}
