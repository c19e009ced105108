//! Damaged files give their good rows and a report; nothing that a file holds makes the reader panic.

use std::path::Path;

use file_source::quality;
use flow_source::Place;
use proptest::prelude::*;

use crate::fixtures::{context, flows, log, nfdump, sample, text};

#[tokio::test(flavor = "multi_thread")]
async fn blocks_whose_data_is_damaged_are_counted() {
    let Some(path) = sample("nfcapd-corrupt") else { return };
    let table = flows(&path);
    let rows = text(&table, "SELECT count(*) FROM t").await;
    let report = quality(table.as_ref()).unwrap();
    assert_eq!(rows, "0", "nfdump reads none either");
    assert!(report.rows_rejected() > 30_000, "{report:?}");
    let reason = &report.rejections()[0].reason;
    assert!(reason.starts_with("the block loses"), "{reason}");
    assert_eq!(report.rejections()[0].place, Place::Byte(276));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_file_gives_its_rows_and_says_where() {
    let Some(path) = sample("nfcapd-large-bz2") else { return };
    let bytes = std::fs::read(path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("nfcapd.1");
    for (length, expected) in [(1_500_000, "the file ends within a block"), (276, "0 blocks, its header announces 10")]
    {
        std::fs::write(&copy, &bytes[..length]).unwrap();
        let table = flows(&copy);
        let rows: u64 = text(&table, "SELECT count(*) FROM t").await.parse().unwrap();
        assert_eq!(rows > 0, length > 300, "{rows} rows of {length} bytes");
        let breakages = quality(table.as_ref()).unwrap().breakages();
        assert_eq!(breakages.len(), 1);
        assert!(breakages[0].reason.contains(expected), "{breakages:?}");
    }
    std::fs::write(&copy, &bytes[..100]).unwrap();
    let error = connector_nfcapd::open_flows(vec![copy]).unwrap_err();
    assert!(error.to_string().contains("the first 100 bytes of an nfcapd file and nothing more"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_records_of_a_cut_block_are_given() {
    let Some(path) = sample("nfcapd.sample") else { return };
    let bytes = std::fs::read(&path).unwrap();
    let whole = text(&flows(&path), "SELECT src_ip, dst_ip, bytes FROM t").await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("nfcapd.1");
    let mut before = 0;
    for length in [1_000, 100_000, 100_001, 400_000, 518_819] {
        std::fs::write(&copy, &bytes[..length]).unwrap();
        let table = flows(&copy);
        let found = text(&table, "SELECT src_ip, dst_ip, bytes FROM t").await;
        assert!(whole.starts_with(&found), "{length}: the same rows in the same order");
        let rows = found.lines().count();
        assert!(rows >= before, "{length}: {rows}");
        before = rows;
        let report = quality(table.as_ref()).unwrap();
        let announced = report.rows_read() + report.rows_rejected();
        assert!((3018..=3021).contains(&announced), "{length}: the others are counted: {report:?}");
        assert_eq!(report.breakages().len(), 1, "{length}");
        assert!(report.breakages()[0].reason.contains("the file ends within a block"), "{report:?}");
        if length == 100_000 {
            assert_eq!(rows, 575, "of 3018");
        }
    }
}

/// The file with the start and end of its first `count` flows set to zero, as exporters without a clock send them.
fn without_times(file: &[u8], count: usize) -> Vec<u8> {
    const FIRST_RECORD: usize = 40 + 12;
    let mut bytes = file.to_vec();
    let number = |bytes: &[u8], at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let (mut at, mut left) = (FIRST_RECORD, count);
    while left > 0 {
        let (kind, size) = (number(&bytes, at), number(&bytes, at + 2));
        if kind == 11 {
            // The first element of a flow is the one with its times.
            assert_eq!(number(&bytes, at + 12), 1);
            bytes[at + 16..at + 32].fill(0);
            left -= 1;
        }
        at += size;
    }
    bytes
}

/// phaag/nfdump#14, #83, #264, #397: no flow of 1970, and none that vanishes in silence.
#[tokio::test(flavor = "multi_thread")]
async fn domain_3_flows_without_times_are_told() {
    let Some(path) = sample("nfcapd.sample") else { return };
    let bytes = std::fs::read(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("nfcapd.1");
    std::fs::write(&copy, without_times(&bytes, 3)).unwrap();
    let table = flows(&copy);
    let found = text(&table, "SELECT count(*), count(start_time), count(end_time) FROM t").await;
    assert_eq!(found, "3018|3015|3015");
    assert_eq!(text(&table, "SELECT count(*) FROM t WHERE start_time IS NULL AND notes = ['time_missing']").await, "3");
    assert_eq!(text(&table, "SELECT count(*) FROM t WHERE start_time >= '1980-01-01'").await, "3015");
    let notes = quality(table.as_ref()).unwrap().notes();
    let received = text(&table, "SELECT min(received_time), max(received_time) FROM t WHERE start_time IS NULL").await;
    let (from, to) = received.split_once('|').unwrap();
    let second = |moment: &str| moment[..19].replace('T', " ");
    let when = match second(from) == second(to) {
        true => format!("received {} UTC", second(from)),
        false => format!("received {} to {} UTC", second(from), second(to)),
    };
    assert_eq!(notes, [format!("3 rows without start_time ({when}); they meet no condition on start_time")]);
    // Without a condition on times there is nothing to tell.
    text(&table, "SELECT count(*) FROM t WHERE bytes > 0").await;
    assert!(quality(table.as_ref()).unwrap().is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_reports_a_broken_chain_once() {
    let Some(path) = sample("nfcapd-large-bz2") else { return };
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("nfcapd.1");
    if nfdump(&["-r", &path.to_string_lossy(), "-w", &copy.to_string_lossy()]).is_none() {
        return;
    }
    let mut bytes = std::fs::read(&copy).unwrap();
    // The size of the third block.
    bytes[2_097_056 + 4..2_097_056 + 8].copy_from_slice(&u32::MAX.to_le_bytes());
    std::fs::write(&copy, bytes).unwrap();
    let table = flows(&copy);
    let context = context(4);
    context.register_table("t", table.clone()).unwrap();
    let batches = context.sql("SELECT bytes FROM t").await.unwrap().collect().await.unwrap();
    let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(rows, 7061 + 7626, "the flows of the first two blocks");
    let breakages = quality(table.as_ref()).unwrap().breakages();
    assert_eq!(breakages.len(), 1, "{breakages:?}");
    assert_eq!(breakages[0].offset, 2_097_056);
}

/// Reads everything as both kinds of table; errors are fine.
async fn read_all(path: &Path) {
    for table in
        [connector_nfcapd::open_log(vec![path.to_owned()]), connector_nfcapd::open_flows(vec![path.to_owned()])]
    {
        let Ok(table) = table else { continue };
        let context = context(2);
        context.register_table("t", table).unwrap();
        let _ = context.sql("SELECT * FROM t").await.unwrap().collect().await;
    }
}

fn mutations() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_never_panic(mutations in mutations(), which in 0..3_usize, head in any::<bool>(), cut in any::<prop::sample::Index>()) {
        let name = ["nfcapd-small-lzo", "nfcapd-empty", "nfcapd.sample"][which];
        let Some(path) = sample(name) else { return Ok(()) };
        let mut bytes = std::fs::read(path).unwrap();
        let reach = if head { 600.min(bytes.len()) } else { bytes.len() };
        for (at, value) in &mutations {
            let at = at.index(reach);
            bytes[at] = *value;
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("nfcapd.1");
        std::fs::write(&copy, bytes).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(read_all(&copy));
    }
}

#[test]
fn an_empty_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nfcapd.current");
    std::fs::write(&path, b"").unwrap();
    let error = connector_nfcapd::open_log(vec![path]).unwrap_err();
    assert!(error.to_string().contains("an empty file"), "{error}");
    let Some(good) = sample("nfcapd.sample") else { return };
    assert!(log(&good).schema().fields().len() > 90);
}
