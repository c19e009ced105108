//! Damaged files give their good rows and a report; nothing that a file holds makes the reader panic.

use std::path::Path;

use file_source::quality;
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
    assert!(reason.contains("the block at byte 276 loses"), "{reason}");
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
        assert_eq!(breakages[0].line, rows);
    }
    std::fs::write(&copy, &bytes[..100]).unwrap();
    let error = connector_nfcapd::open_flows(vec![copy]).unwrap_err();
    assert!(error.to_string().contains("the first 100 bytes of an nfcapd file and nothing more"), "{error}");
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
