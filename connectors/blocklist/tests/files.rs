//! Lists in files as they are published, and a list of a million entries.
#![allow(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use connector_blocklist::{Blocklist, ListError, Sought};
use flate2::{Compression, write::GzEncoder};
use zip::{ZipWriter, write::SimpleFileOptions};

const LIST: &str = "# Last updated: 2024-02-05 10:31:00 UTC\r\nip,port,date\r\n203.0.113.77,443,2024-02-04\r\n\
                    203.0.113.77,8443,2024-02-05\r\n198.51.100.0/24,,2024-01-01\r\n198.51.100.7,22,2024-01-02\r\n\
                    evil.example,,2024-02-03\r\n";

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zipped(text: &str) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut archive = ZipWriter::new(&mut bytes);
    archive.start_file("list.csv", SimpleFileOptions::default()).unwrap();
    archive.write_all(text.as_bytes()).unwrap();
    archive.finish().unwrap();
    bytes.into_inner()
}

/// Entry, date and ports of a value.
fn found(list: &Blocklist, text: &str) -> Option<String> {
    let sought = Sought::of(text)?;
    let hit = sought.on(list)?;
    let date = hit.date.map(|date| format!(" of {date}")).unwrap_or_default();
    Some(format!("{} {:?}{date}", hit.entry, hit.ports))
}

#[test]
fn a_value_falls_under_the_closest_entry() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("plain.csv", LIST.as_bytes().to_vec()),
        ("marked.csv", format!("\u{feff}{LIST}").into_bytes()),
        ("packed.csv", gzipped(LIST)),
        ("packed.zip", zipped(LIST)),
    ] {
        let list = Blocklist::read(&write(folder.path(), name, &bytes)).unwrap();
        assert_eq!((list.counts(), list.lines_rejected()), ([3, 1, 0], 0), "{name}");
        assert_eq!(list.date().map(|date| date.to_string()).as_deref(), Some("2024-02-05"));
        for (value, expected) in [
            ("203.0.113.77", Some("203.0.113.77 [443, 8443] of 2024-02-05")),
            ("::ffff:203.0.113.77", Some("203.0.113.77 [443, 8443] of 2024-02-05")),
            ("198.51.100.7", Some("198.51.100.7 [22] of 2024-01-02")),
            ("198.51.100.8", Some("198.51.100.0/24 [] of 2024-01-01")),
            ("198.51.101.8", None),
            ("evil.example", Some("evil.example [] of 2024-02-03")),
            ("C2.Evil.Example.", Some("evil.example [] of 2024-02-03")),
            ("notevil.example", None),
            ("example", None),
            ("", None),
        ] {
            assert_eq!(found(&list, value).as_deref(), expected, "{name}: {value}");
        }
        let entries: Vec<String> = list.entries().map(|listed| listed.entry.to_string()).collect();
        assert_eq!(entries, ["198.51.100.0/24", "198.51.100.7", "203.0.113.77", "evil.example"]);
    }
}

#[test]
fn fingerprints_are_found_in_any_case() {
    let folder = tempfile::tempdir().unwrap();
    let text = "e7d705a3286e19ea42f587b344ee6865\nt13d1516h2_8daaf6152771_b186095e22b6\n";
    let list = Blocklist::read(&write(folder.path(), "ja.txt", text.as_bytes())).unwrap();
    assert_eq!(list.counts(), [0, 0, 2]);
    assert!(found(&list, "E7D705A3286E19EA42F587B344EE6865").is_some());
    assert!(found(&list, "t13d1516h2_8daaf6152771_b186095e22b6").is_some());
    assert_eq!(found(&list, "e7d705a3286e19ea42f587b344ee6866"), None);
}

#[test]
fn of_what_is_listed_twice_the_latest_date_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let print = "e7d705a3286e19ea42f587b344ee6865";
    let mut text = String::new();
    for date in ["2024-02-03", "2024-02-05", "2024-02-04"] {
        text.push_str(&format!("evil.example,{date}\n{print},{date}\n203.0.113.77,{date}\n"));
    }
    let list = Blocklist::read(&write(folder.path(), "list.csv", text.as_bytes())).unwrap();
    assert_eq!(list.counts(), [1, 1, 1]);
    for value in ["evil.example", print, "203.0.113.77"] {
        assert_eq!(found(&list, value), Some(format!("{value} [] of 2024-02-05")));
    }
}

#[test]
fn a_list_without_a_date_is_as_old_as_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "list.txt", b"203.0.113.77\n");
    let then = std::time::UNIX_EPOCH + Duration::from_secs(1_707_129_060);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
    assert_eq!(Blocklist::read(&path).unwrap().date().unwrap().to_string(), "2024-02-05");
}

#[test]
fn what_is_no_list_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("comments", b"# nothing today\n".to_vec()),
        ("page.html", b"<html>\n<head><title>Not here</title></head>\n<body>Sorry!</body>\n</html>\n".to_vec()),
        ("everything", b"0.0.0.0/0\n::/0\n".to_vec()),
        ("binary", (0..=255).cycle().take(100_000).collect()),
    ] {
        let error = Blocklist::read(&write(folder.path(), name, &bytes)).unwrap_err();
        assert!(matches!(error, ListError::NoList { .. }), "{name}: {error}");
    }
    assert!(matches!(Blocklist::read(&folder.path().join("missing")), Err(ListError::Unreadable { .. })));
    let mostly = format!("203.0.113.1\n{}\n203.0.113.2\n203.0.113.3\n", "x".repeat(9_000));
    assert_eq!(Blocklist::read(&write(folder.path(), "mostly", mostly.as_bytes())).unwrap().lines_rejected(), 1);
}

#[test]
fn a_million_entries_are_read_and_looked_up_soon() {
    const ENTRIES: u32 = 500_000;
    let folder = tempfile::tempdir().unwrap();
    let address = |number: u32| Ipv4Addr::from_bits(number.wrapping_mul(2_654_435_761));
    let mut text = String::new();
    for number in 0..ENTRIES {
        text.push_str(&format!("{},443,2024-02-05\nhost-{number}.evil.example\n", address(number)));
    }
    let path = write(folder.path(), "list.csv", text.as_bytes());
    let started = Instant::now();
    let list = Blocklist::read(&path).unwrap();
    let reading = started.elapsed();
    // Address 0.0.0.0 is one of them.
    assert_eq!(list.counts(), [ENTRIES as usize, ENTRIES as usize, 0]);
    let started = Instant::now();
    for number in 0..ENTRIES {
        assert!(list.find_address(IpAddr::from(address(number))).is_some());
        assert!(list.find_name(&format!("www.host-{number}.evil.example")).is_some());
    }
    let looking_up = started.elapsed();
    // A debug build on a busy machine; the optimised one takes a twentieth.
    assert!(reading < Duration::from_secs(30) && looking_up < Duration::from_secs(30), "{reading:?}, {looking_up:?}");
}
