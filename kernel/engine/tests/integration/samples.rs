//! Every file below ../shared/samples: what it is read as and how many rows it gives, or why it is not read.
//!
//! The table is `samples.txt`, a line a file: its path, the kind of file, the rows of `read_log`, the flows of
//! `read_flows` with the sums of their packets and bytes, and what is said of it; of a file that is not read what it is
//! refused with. A file that is not in the table fails the test. Behind `also` stands the test that a file is really
//! for, where that is another than reading it; whether it names the file, or what stands behind its colon, is looked up.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use flow_engine::{Engine, SourceKind, SourceSettings};

use crate::{engine, expect_rows, rows, try_query};

const TABLE: &str = include_str!("samples.txt");
/// Parts of the table's lines.
const SEPARATOR: &str = " | ";
/// Describes the samples to people.
const MANIFEST: &str = "MANIFEST.md";

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples");
    folder.canonicalize().ok()
}

/// The files below a folder, by their paths from it.
fn walk(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder of samples") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).expect("below it").display().to_string()),
            }
        }
    }
    found.retain(|name| name != MANIFEST);
    found.sort();
    found
}

/// What the engine says of a file, as the table has it.
async fn outcome(engine: &Engine, folder: &Path, name: &str) -> String {
    let path = folder.join(name).display().to_string();
    let short = |text: String| text.replace(&path, name.rsplit('/').next().unwrap_or(name));
    let settings = SourceSettings { kind: SourceKind::Log, ..SourceSettings::default() };
    let kind = match engine.register_source_with("sample", &path, &settings) {
        Ok(registered) => registered.format,
        Err(fault) => return format!("refused{SEPARATOR}{}", short(fault.to_string())),
    };
    let log = match try_query(engine, &format!("SELECT * FROM read_log('{path}')")).await {
        Ok(result) => result,
        Err(fault) => return format!("{kind}{SEPARATOR}refused{SEPARATOR}{}", short(fault.to_string())),
    };
    let mut line = format!("{kind}{SEPARATOR}{} rows", log.row_count);
    let sums = format!("SELECT count(*) AS n, sum(packets) AS p, sum(bytes) AS b FROM read_flows('{path}')");
    let mut notes = log.notes;
    match try_query(engine, &sums).await {
        Ok(result) => {
            let text = rows(&result);
            let [flows, packets, bytes] = text.split_whitespace().collect::<Vec<_>>()[..] else {
                panic!("{name}: three numbers, not {text}");
            };
            let _ = write!(line, "{SEPARATOR}{flows} flows of {packets} packets, {bytes} bytes");
            notes.extend(result.notes);
        }
        Err(_) => line.push_str(&format!("{SEPARATOR}no flows")),
    }
    let mut told: Vec<String> = Vec::new();
    for note in notes.into_iter().map(|note| short(note.text)).filter(|note| !note.is_empty()) {
        if !told.contains(&note) {
            told.push(note);
        }
    }
    if !told.is_empty() {
        let _ = write!(line, "{SEPARATOR}{}", told.join("; "));
    }
    line
}

/// The lines of the table by file: what is said of it, and the test that it is for.
fn expected() -> BTreeMap<&'static str, (&'static str, Option<&'static str>)> {
    let lines = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, rest) = line.split_once(SEPARATOR).expect("a file and more");
            let (said, test) = match rest.rsplit_once(" | also ") {
                Some((said, test)) => (said, Some(test)),
                None => (rest, None),
            };
            (name, (said, test))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_is_read_or_refused() {
    let Some(folder) = folder() else { return };
    let (engine, expected) = (engine(), expected());
    let (mut wrong, mut whole) = (Vec::new(), String::new());
    let names = walk(&folder);
    for name in &names {
        let found = outcome(&engine, &folder, name).await;
        let test = expected.get(name.as_str()).and_then(|(_, test)| *test);
        let _ = writeln!(
            whole,
            "{name}{SEPARATOR}{found}{}",
            test.map(|test| format!("{SEPARATOR}also {test}")).unwrap_or_default()
        );
        match expected.get(name.as_str()) {
            Some((said, _)) if *said == found => {}
            Some((said, _)) => wrong.push(format!("{name}\n  expected {said}\n  found    {found}")),
            None => wrong.push(format!("{name} is not in the table; it is: {found}")),
        }
    }
    let gone = expected.keys().filter(|name| !names.iter().any(|known| known == *name));
    wrong.extend(gone.map(|name| format!("{name} is in the table and no sample")));
    if let (false, Ok(path)) = (wrong.is_empty(), std::env::var("FLOWDECK_SAMPLES_FOUND")) {
        std::fs::write(path, &whole).expect("a file for the table that was found");
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_tests_that_samples_are_for_name_them() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (name, (_, test)) in expected() {
        let Some(test) = test else { continue };
        let (test, named) = test.split_once(": ").unwrap_or((test, name.rsplit('/').next().unwrap_or(name)));
        let text = std::fs::read_to_string(repository.join(test)).unwrap_or_else(|fault| panic!("{test}: {fault}"));
        assert!(text.contains(named), "{test} does not name {named}");
    }
}

/// The flows of the published captures have the published identifiers.
#[tokio::test(flavor = "multi_thread")]
async fn captures_have_the_community_ids_that_were_published_for_them() {
    let Some(folder) = folder() else { return };
    let baseline = std::fs::read_to_string(folder.join("community-id/baseline_deflt.json")).expect("the baseline");
    let baseline: Vec<serde_json::Value> = serde_json::from_str(&baseline).expect("the baseline is JSON");
    let mut published: Vec<&str> = baseline.iter().filter_map(|row| row["communityid"].as_str()).collect();
    let engine = engine();
    let mut found = Vec::new();
    for name in ["icmp", "icmp6", "ipv6", "rsvp", "sctp", "tcp", "udp"] {
        let path = folder.join(format!("community-id/{name}.pcap")).display().to_string();
        let query = format!("SELECT DISTINCT community_id FROM read_flows('{path}') WHERE community_id IS NOT NULL");
        let text = rows(&expect_rows(try_query(&engine, &query).await));
        found.extend(text.lines().map(|line| line.trim().to_owned()));
    }
    published.sort_unstable();
    published.dedup();
    found.sort_unstable();
    assert_eq!(found, published);
}
