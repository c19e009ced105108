//! Times as files write them: what is no time without more being said is refused, never guessed.

use std::path::Path;

use flow_engine::store::{FlowStore, ImportWindow};
use flow_engine::{
    CancellationToken, ColumnOrigin, Engine, EngineError, Format, SourceKind, SourceSettings, TimeUnit, export,
};

use crate::{engine, query, rows, sample, try_query};

/// Files of three formats whose `start_time` are numbers: seconds, milliseconds, and seconds with a fraction.
async fn files_of_numbers(engine: &Engine, folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    for (name, number) in [("s", "1704067200"), ("ms", "1704067200123"), ("float", "1704067200.5")] {
        let path = folder.join(format!("{name}.json"));
        let row = format!("{{\"start_time\":{number},\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"10.0.0.2\"}}\n");
        std::fs::write(&path, row.repeat(2)).expect("a file");
        paths.push(path.display().to_string());
        let path = folder.join(format!("{name}.csv"));
        let text = format!("start_time,src_ip,dst_ip\n{number},10.0.0.1,10.0.0.2\n{number},10.0.0.1,10.0.0.3\n");
        std::fs::write(&path, text).expect("a file");
        paths.push(path.display().to_string());
    }
    let path = folder.join("array.json");
    std::fs::write(&path, "[{\"start_time\":1704067200,\"src_ip\":\"10.0.0.1\"}]").expect("a file");
    paths.push(path.display().to_string());
    for (name, number) in [("integers.parquet", "1704067200"), ("floats.parquet", "CAST(1704067200.5 AS DOUBLE)")] {
        let path = folder.join(name);
        let sql = format!("SELECT {number} AS start_time, '10.0.0.1' AS src_ip, '10.0.0.2' AS dst_ip");
        export::write_to_path(&query(engine, &sql).await, Format::Parquet, &path, false).expect("a file");
        paths.push(path.display().to_string());
    }
    paths
}

#[track_caller]
fn assert_needs_unit(fault: &EngineError, path: &str) {
    let (text, hint) = (fault.to_string(), fault.hint().unwrap_or_default());
    assert!(text.contains("`start_time` holds numbers, and it is not said what they count"), "{path}: {text}");
    let setting = "start_time = { column = \"start_time\", unit = \"s\" }";
    assert!(hint.contains(setting) && hint.contains("flowdeck.toml"), "{path}: {hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_no_times_without_their_unit() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    for path in files_of_numbers(&engine, folder.path()).await {
        let fault = try_query(&engine, &format!("SELECT start_time FROM read_flows('{path}')")).await;
        assert_needs_unit(&fault.expect_err(&path), &path);
        let strict = SourceSettings { kind: SourceKind::Flows, strict: true, ..SourceSettings::default() };
        let zoned = SourceSettings { time_zone: Some(chrono_tz::Europe::Prague), ..strict.clone() };
        let lenient = SourceSettings { kind: SourceKind::Flows, ..SourceSettings::default() };
        for settings in [lenient, strict, zoned] {
            assert_needs_unit(&engine.register_source_with("s", &path, &settings).expect_err(&path), &path);
        }
        // As what they are, they can be read.
        let own = query(&engine, &format!("SELECT start_time > 1704067199 FROM read_log('{path}')")).await;
        assert_eq!(rows(&own).lines().next().map(str::trim), Some("true"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_makes_times_of_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    for path in files_of_numbers(&engine, folder.path()).await {
        let is_millis = path.ends_with("/ms.json") || path.ends_with("/ms.csv");
        let unit = Some(if is_millis { TimeUnit::Milliseconds } else { TimeUnit::Seconds });
        let origin = ColumnOrigin::Column { name: "start_time".into(), unit };
        let settings = SourceSettings { columns: [("start_time".into(), origin)].into(), ..SourceSettings::default() };
        engine.register_source_with("s", &path, &settings).expect(&path);
        let found = rows(&query(&engine, "SELECT date_trunc('second', start_time) FROM s LIMIT 1").await);
        assert_eq!(found.trim(), "2024-01-01T00:00:00Z", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_after_texts_is_no_time_either() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("late.json").display().to_string();
    let row = "{\"start_time\":\"2024-01-01T00:00:00Z\",\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"10.0.0.2\"}\n";
    let last = "{\"start_time\":1704067200,\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"10.0.0.2\"}\n";
    // Types are told by the first ten thousand rows.
    std::fs::write(&path, row.repeat(10_100) + last).expect("a file");
    let engine = engine();
    let found = query(&engine, &format!("SELECT count(start_time), min(start_time) FROM read_flows('{path}')")).await;
    assert_eq!(rows(&found).split_whitespace().collect::<Vec<_>>(), ["10100", "2024-01-01T00:00:00Z"]);
    let notes: Vec<&str> = found.notes.iter().map(|note| note.text.as_str()).collect();
    let notes = notes.join("\n");
    assert!(notes.contains("1 row rejected") && notes.contains("line 10101"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expression_of_a_map_gives_a_time_and_not_a_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.json").display().to_string();
    std::fs::write(&path, "{\"t\":1704067200,\"src_ip\":\"10.0.0.1\"}\n").expect("a file");
    let engine = engine();
    let register = |engine: &Engine, sql: &str| {
        let columns = [("start_time".into(), ColumnOrigin::Sql(sql.into()))].into();
        engine.register_source_with("s", &path, &SourceSettings { columns, ..SourceSettings::default() })
    };
    let fault = register(&engine, "t * 1000").expect_err("a number");
    assert!(fault.to_string().contains("its expression holds numbers"), "{fault}");
    assert!(fault.hint().is_some_and(|hint| hint.contains("to_timestamp_millis")), "{:?}", fault.hint());
    register(&engine, "to_timestamp_seconds(t)").expect("a time");
    assert_eq!(rows(&query(&engine, "SELECT start_time FROM s").await).trim(), "2024-01-01T00:00:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_numbers_for_times_is_not_imported() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    query(&engine, "CREATE TABLE numbers AS SELECT 1704067200 AS start_time, '10.0.0.1' AS src_ip").await;
    let store = FlowStore::open(folder.path()).expect("a store");
    let outcome = engine.import("numbers", ImportWindow::default(), &store, CancellationToken::new()).await;
    assert!(outcome.expect_err("numbers").to_string().contains("holds numbers"));
}

/// Flows at noon in Prague, written as if that were UTC: of JSON, CSV, Parquet, Suricata and Google's logs.
async fn files_with_a_wrong_zone(engine: &Engine, folder: &Path) -> Vec<String> {
    let eve = "{\"timestamp\":\"2024-07-01T12:00:09.000000+0000\",\"event_type\":\"flow\",\"src_ip\":\"10.0.0.1\",\
               \"dest_ip\":\"10.0.0.2\",\"proto\":\"TCP\",\"flow\":{\"pkts_toserver\":1,\"bytes_toserver\":60,\
               \"start\":\"2024-07-01T12:00:00.000000+0000\",\"end\":\"2024-07-01T12:00:05.000000+0000\"}}\n";
    let gcp = "{\"insertId\":\"x\",\"jsonPayload\":{\"connection\":{\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.2\",\
               \"src_port\":1,\"dest_port\":2,\"protocol\":6},\"start_time\":\"2024-07-01T12:00:00Z\",\
               \"end_time\":\"2024-07-01T12:00:05Z\",\"bytes_sent\":\"1\"}}\n";
    let ipfix = "{\"@type\":\"ipfix.entry\",\"iana:flowStartMilliseconds\":\"2024-07-01T12:00:00.000Z\",\
                 \"iana:flowEndMilliseconds\":\"2024-07-01T12:00:05.000Z\",\"iana:sourceIPv4Address\":\"10.0.0.1\",\
                 \"iana:destinationIPv4Address\":\"10.0.0.2\",\"iana:protocolIdentifier\":6,\"iana:octetDeltaCount\":1}\n";
    let csv = "start_time,end_time,src_ip,dst_ip\n2024-07-01T12:00:00Z,2024-07-01T12:00:05Z,10.0.0.1,10.0.0.2\n";
    let json = "{\"start_time\":\"2024-07-01T12:00:00.000Z\",\"end_time\":\"2024-07-01T12:00:05Z\",\
                \"src_ip\":\"10.0.0.1\",\"dst_ip\":\"10.0.0.2\"}\n";
    let texts = [("eve.json", eve), ("gcp.json", gcp), ("ipfix.json", ipfix), ("flows.csv", csv), ("flows.json", json)];
    let mut paths: Vec<String> = Vec::new();
    for (name, text) in texts {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a file");
        paths.push(path.display().to_string());
    }
    let sql = format!("SELECT start_time, end_time, src_ip, dst_ip FROM read_flows('{}')", paths[3]);
    let parquet = folder.join("flows.parquet");
    export::write_to_path(&query(engine, &sql).await, Format::Parquet, &parquet, false).expect("a file");
    paths.push(parquet.display().to_string());
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_zone_can_be_overridden() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let prague = SourceSettings { time_zone: Some(chrono_tz::Europe::Prague), ..SourceSettings::default() };
    for path in files_with_a_wrong_zone(&engine, folder.path()).await {
        let plain = SourceSettings { kind: SourceKind::Flows, ..SourceSettings::default() };
        let zoned = SourceSettings { kind: SourceKind::Flows, ..prague.clone() };
        let ignoring = SourceSettings { ignore_zone: true, ..zoned.clone() };
        for (settings, hour) in [(plain, 12), (zoned, 12), (ignoring, 10)] {
            let found = engine.register_source_with("s", &path, &settings).expect(&path);
            let times = rows(&query(&engine, "SELECT start_time, end_time FROM s").await);
            let expected = format!("2024-07-01T{hour}:00:00Z  2024-07-01T{hour}:00:05Z");
            assert_eq!(times.trim(), expected, "{path} {}", settings.ignore_zone);
            assert!(!settings.ignore_zone || found.remarks.is_empty(), "{path}: {:?}", found.remarks);
        }
    }
    // Where times have no zone that could be wrong, the list of sources says that nothing is ignored.
    let path = folder.path().join("conn.log");
    let zeek = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n\
                #types\ttime\tstring\taddr\tport\taddr\tport\tenum\n1719828000.0\tC1\t10.0.0.1\t1\t10.0.0.2\t2\ttcp\n";
    std::fs::write(&path, zeek).expect("a file");
    let ignoring = SourceSettings { ignore_zone: true, ..prague };
    let found = engine.register_source_with("s", &path.display().to_string(), &ignoring).expect("flows");
    assert!(found.remarks.iter().any(|remark| remark.contains("ignore_zone has no effect")), "{:?}", found.remarks);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_long_before_the_slot_in_its_file_s_name_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let header = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\n\
                  #types\ttime\tstring\taddr\tport\taddr\tport\tenum\tinterval\n";
    // 2024-07-01 07:10 UTC, for 5 h 50 min: the file of noon has it, since then it ended.
    let long = "1719817800.0\tLONG\t10.0.0.1\t1\t10.0.0.2\t2\ttcp\t21000.0\n";
    let short = "1719835500.0\tSHORT\t10.0.0.1\t1\t10.0.0.2\t2\ttcp\t1.0\n";
    let day = folder.path().join("2024-07-01");
    std::fs::create_dir(&day).expect("a folder");
    std::fs::write(day.join("conn.12:00:00-12:05:00.log"), format!("{header}{long}{short}")).expect("a file");
    std::fs::write(day.join("conn.12:05:00-12:10:00.log"), header).expect("a file");
    let path = format!("{}/**/conn.*.log", folder.path().display());
    let store = FlowStore::open(&folder.path().join("store")).expect("a store");
    engine.import(&path, ImportWindow::default(), &store, CancellationToken::new()).await.expect("an import");
    for source in [path, store.folder().display().to_string()] {
        for (window, found) in [
            ("start_time >= '2024-07-01T07:00:00Z' AND start_time < '2024-07-01T07:15:00Z'", "LONG"),
            ("start_time <= '2024-07-01T10:01:00Z' AND end_time >= '2024-07-01T10:00:00Z'", "LONG"),
            ("start_time <= '2024-07-01T12:05:30Z' AND end_time >= '2024-07-01T12:05:00Z'", "LONG SHORT"),
            ("start_time >= '2024-07-01T12:00:00Z' AND start_time < '2024-07-01T12:10:00Z'", "SHORT"),
            ("start_time <= '2024-07-01T07:00:00Z' AND end_time >= '2024-07-01T06:00:00Z'", ""),
        ] {
            let sql = format!("SELECT uid FROM read_flows('{source}') WHERE {window} ORDER BY uid");
            let uids = rows(&query(&engine, &sql).await);
            assert_eq!(uids.split_whitespace().collect::<Vec<_>>().join(" "), found, "{source}: {window}");
        }
    }
    // Files of nfcapd say in their header from when to when their flows are, which need not be as in the name.
    let Some(capture) = sample("nfcapd/nfcapd.sample") else { return };
    let renamed = folder.path().join("nfcapd.203001010000");
    std::fs::copy(capture, &renamed).expect("a copy");
    let table = format!("read_flows('{}')", renamed.display());
    let all = rows(&query(&engine, &format!("SELECT count(*) FROM {table} WHERE start_time IS NOT NULL")).await);
    let before = format!("SELECT count(*) FROM {table} WHERE start_time < '2029-01-01T00:00:00Z'");
    let found = rows(&query(&engine, &before).await);
    assert!(found.trim() != "0" && found == all, "{found} of {all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn times_without_a_zone_are_utc_and_the_hours_of_a_place_are_asked_for() {
    let engine = engine();
    query(
        &engine,
        "CREATE TABLE t AS SELECT to_timestamp_nanos(1711846800000000000 + value * 3600000000000)::timestamptz AS at, value AS n \
         FROM generate_series(0, 23)",
    )
    .await;
    for (sql, expected) in [
        // 2024-03-31 01:00 UTC is the first.
        ("SELECT n FROM t WHERE at = '2024-03-31T01:00:00'", "0"),
        ("SELECT n FROM t WHERE at = '2024-03-31 03:00:00+02:00'", "0"),
        ("SELECT n FROM t WHERE at = TIMESTAMP '2024-03-31 01:00:00'", "0"),
        ("SELECT n FROM t WHERE at = '2024-03-31 01:00:00'::timestamptz", "0"),
        ("SELECT n FROM t WHERE at = to_timestamp('2024-03-31T01:00:00')", "0"),
        ("SELECT count(*) FROM t WHERE at < '2024-04-01'", "23"),
        ("SELECT arrow_typeof('2024-03-31 01:00:00'::timestamptz)", "Timestamp(ns, \"UTC\")"),
        ("SELECT arrow_typeof(at) FROM t LIMIT 1", "Timestamp(ns, \"UTC\")"),
        ("SELECT '2024-03-31 03:00:00+02:00'::timestamptz", "2024-03-31T01:00:00Z"),
        ("SELECT date_bin(INTERVAL '1 day', at) FROM t GROUP BY 1 ORDER BY 1 LIMIT 1", "2024-03-31T00:00:00Z"),
    ] {
        assert_eq!(rows(&query(&engine, sql).await).trim(), expected, "{sql}");
    }
    // That day has 23 hours in Prague; two of them were before the table begins.
    let days =
        "SELECT time_bin(INTERVAL '1 day', at, 'Europe/Prague') AS day, count(*) AS n FROM t GROUP BY 1 ORDER BY 1";
    let found = rows(&query(&engine, days).await);
    let words: Vec<&str> = found.split_whitespace().collect();
    assert_eq!(words, ["2024-03-30T23:00:00Z", "21", "2024-03-31T22:00:00Z", "3"]);
}
