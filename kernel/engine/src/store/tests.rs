//! Stores in temporary folders.

use std::path::Path;

use flow_source::record::batch_of;
use flow_source::{FlowRecord, flow_schema};

use super::*;
use crate::{CancellationToken, Engine, QueryOptions};

const HOUR_NS: i64 = 3_600_000_000_000;
/// 2024-02-05T13:00:00Z.
const NOON_NS: i64 = 1_707_138_000_000_000_000;

fn flow(start_ns: i64, last: u8) -> FlowRecord {
    FlowRecord {
        start_time: Some(start_ns),
        src_ip: Some([10, 0, last, 1].into()),
        dst_ip: Some([192, 0, 2, last].into()),
        bytes: Some(u64::from(last)),
        ..FlowRecord::default()
    }
}

fn write(store: &FlowStore, flows: &[FlowRecord]) -> usize {
    let batch = batch_of(&flow_schema(), flows, "test", None).expect("flows make a batch");
    let mut writer = store.writer();
    writer.write(&batch).expect("the store takes rows");
    writer.commit().expect("files appear")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

async fn answer(engine: &Engine, sql: &str) -> String {
    let result =
        engine.query(sql, QueryOptions::default(), CancellationToken::new()).await.expect("a store is readable");
    let mut text = Vec::new();
    crate::export::write(&result, crate::Format::Csv, &mut text).expect("text");
    String::from_utf8(text).expect("text")
}

async fn sum(engine: &Engine, store: &FlowStore) -> String {
    let sql = format!("SELECT count(*) AS n, sum(bytes) AS s FROM read_flows('{}')", store.folder().display());
    answer(engine, &sql).await.lines().nth(1).expect("a row").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_go_to_the_files_of_their_hours() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = FlowStore::open(folder.path()).expect("a store");
    let received = FlowRecord { received_time: Some(NOON_NS), bytes: Some(9), ..FlowRecord::default() };
    let flows = [flow(NOON_NS - 1, 1), flow(NOON_NS, 2), received, flow(NOON_NS + HOUR_NS, 4), FlowRecord::default()];
    assert_eq!(write(&store, &flows), 4);
    let names = names(folder.path());
    let hours = ["flows-2024-02-05T12-", "flows-2024-02-05T13-", "flows-2024-02-05T14-", "flows-no-time-"];
    assert!(names.iter().zip(hours).all(|(name, hour)| name.starts_with(hour)), "{names:?}");
    let engine = Engine::new().expect("an engine");
    assert_eq!(sum(&engine, &store).await, "5,16");
    let summary = store.summary().expect("a summary");
    assert_eq!((summary.files, summary.keep_days), (4, None));
    assert_eq!(summary.first_hour.map(|hour| hour.to_rfc3339()).as_deref(), Some("2024-02-05T12:00:00+00:00"));
}

#[test]
fn nothing_half_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = FlowStore::open(folder.path()).expect("a store");
    let batch = batch_of(&flow_schema(), &[flow(NOON_NS, 1)], "test", None).expect("a batch");
    let mut writer = store.writer();
    writer.write(&batch).expect("rows");
    assert_eq!(names(folder.path()).len(), 1, "hidden");
    assert!(store.files().expect("files").is_empty(), "not yet a file of the store");
    drop(writer);
    assert!(names(folder.path()).is_empty(), "given up");
    // A process that is gone left this; one that runs left the other.
    let mine = format!(".flows-2024-02-05T13-x-p{}.parquet.tmp", std::process::id());
    for name in [".flows-2024-02-05T13-x-p999999999.parquet.tmp", &mine] {
        fs::write(folder.path().join(name), "half").expect("a file");
    }
    FlowStore::open(folder.path()).expect("it opens");
    assert_eq!(names(folder.path()), [mine]);
}

#[test]
fn what_an_interrupted_import_made_appear_goes() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("store");
    let store = FlowStore::open(&folder).expect("a store");
    write(&store, &[flow(NOON_NS, 1)]);
    let before = names(&folder);
    let batch = batch_of(&flow_schema(), &[flow(NOON_NS, 1), flow(NOON_NS + HOUR_NS, 2)], "test", None);
    let mut writer = store.writer();
    writer.write(&batch.expect("a batch")).expect("rows");
    assert_eq!(writer.commit_whole().expect("files appear"), 2);
    let after = names(&folder);
    assert_eq!(after.len(), 3, "and no journal: {after:?}");
    // A process that was killed while its files appeared, and one that still runs.
    let new: Vec<&str> = after.iter().filter(|name| !before.contains(name)).map(String::as_str).collect();
    let journal = |process: &str| folder.join(format!(".flows-2024-02-05T13-x-p{process}.import"));
    let outside = folder.join("../flows-2024-02-05T13-x.parquet");
    let mine = journal(&std::process::id().to_string());
    fs::write(&mine, new.join("\n")).expect("a journal");
    FlowStore::open(&folder).expect("it opens");
    assert_eq!(names(&folder).len(), 4, "an import that runs is let alone");
    fs::remove_file(mine).expect("it was there");
    let names_written = [new.join("\n"), "../flows-2024-02-05T13-x.parquet".into(), "conn.log".into()].join("\n");
    for path in [&outside, &folder.join("conn.log")] {
        fs::write(path, "of somebody else").expect("a file");
    }
    fs::write(journal("999999999"), names_written).expect("a journal");
    FlowStore::open(&folder).expect("it opens");
    fs::remove_file(outside).expect("it is still there");
    assert_eq!(names(&folder), [vec!["conn.log".to_owned()], before].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_an_hour_become_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = FlowStore::open(folder.path()).expect("a store");
    for (offset, last) in [(2, 1), (1, 2), (HOUR_NS, 3)] {
        write(&store, &[flow(NOON_NS + offset, last)]);
    }
    let engine = Engine::new().expect("an engine");
    let parts = store.files().expect("files");
    let now = DateTime::from_timestamp_nanos(NOON_NS);
    assert_eq!(engine.merge_store(&store, now + Duration::minutes(70)).await.expect("nothing to do"), 0);
    assert_eq!(engine.merge_store(&store, now + Duration::minutes(80)).await.expect("merged"), 1);
    assert_eq!(store.files().expect("files").len(), 2);
    assert_eq!(sum(&engine, &store).await, "3,6");
    // The merge was interrupted before its parts went: opening finishes it.
    let merged = store.files().expect("files")[0].clone();
    fs::copy(&merged.path, &parts[0].path).expect("the part is there again");
    assert_eq!(FlowStore::open(folder.path()).expect("it opens").files().expect("files").len(), 2);
    assert_eq!(sum(&engine, &store).await, "3,6");
}

#[test]
fn old_hours_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = FlowStore::open(folder.path()).expect("a store");
    for hours in [0, 23, 24, 25] {
        write(&store, &[flow(NOON_NS + hours * HOUR_NS, 1)]);
    }
    let now = DateTime::from_timestamp_nanos(NOON_NS + 49 * HOUR_NS);
    assert_eq!(store.remove_old(now).expect("nothing to do"), 0, "kept for ever");
    store.set_keep_days(Some(1)).expect("settings");
    assert_eq!(store.keep_days().expect("settings"), Some(1));
    assert_eq!(store.remove_old(now).expect("removed"), 3);
    store.set_keep_days(None).expect("settings");
    assert_eq!(FlowStore::open(folder.path()).expect("it opens").keep_days().expect("settings"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_brings_the_window_sorted() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = FlowStore::open(&folder.path().join("source")).expect("a store");
    let target = FlowStore::open(&folder.path().join("target")).expect("a store");
    let flows: Vec<FlowRecord> =
        (0..100).map(|minute: i64| flow(NOON_NS + (99 - minute) * HOUR_NS / 60, minute as u8)).collect();
    write(&source, &flows);
    let engine = Engine::new().expect("an engine");
    let window = ImportWindow {
        from: Some(DateTime::from_timestamp_nanos(NOON_NS + 30 * HOUR_NS / 60)),
        to: Some(DateTime::from_timestamp_nanos(NOON_NS + 70 * HOUR_NS / 60)),
    };
    let from = source.folder().to_string_lossy().into_owned();
    let imported = engine.import(&from, window, &target, CancellationToken::new()).await.expect("it imports");
    assert_eq!(imported, Imported { rows: 40, files: 2, notes: Vec::new() });
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let outcome = engine.import(&from, window, &target, cancelled).await;
    assert!(matches!(outcome, Err(StoreError::Query(EngineError::Cancelled { .. }))));
    let missing = engine.import("/nowhere/*.parquet", window, &target, CancellationToken::new()).await;
    assert!(missing.is_err_and(|error| error.to_string().contains("/nowhere")));
    assert_eq!(names(target.folder()).len(), 2, "neither left anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn bloom_filters_pass_over_files_without_a_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = FlowStore::open(folder.path()).expect("a store");
    for hour in 0..4_u8 {
        // Each hour's addresses lie on both sides of the one that is asked for, so statistics cannot tell.
        let start = NOON_NS + i64::from(hour) * HOUR_NS;
        write(&store, &[flow(start, hour), flow(start + 1, 200 + hour)]);
    }
    let engine = Engine::new().expect("an engine");
    let sql = format!("SELECT bytes FROM read_flows('{}') WHERE src_ip = '10.0.100.1'", store.folder().display());
    let plan = answer(&engine, &format!("EXPLAIN ANALYZE {sql}")).await;
    assert!(plan.contains("row_groups_pruned_statistics=4 total → 4 matched"), "{plan}");
    assert!(plan.contains("row_groups_pruned_bloom_filter=4 total → 0 matched"), "{plan}");
}
