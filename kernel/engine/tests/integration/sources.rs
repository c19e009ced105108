//! Named sources: maps of columns, zones, clocks, strictness, and two sources compared.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use chrono::TimeDelta;
use flow_engine::source::ComparisonWindow;
use flow_engine::{
    CancellationToken, ColumnOrigin, Engine, EngineError, Format, Registered, SourceKind, SourceSettings, TimeUnit,
    export,
};

use crate::{engine, query, rows, sample, try_query};

const CSV: &str = "when;from;to;sp;dp;prot;octets;dur\n\
    2024-07-01 12:00:00;10.0.0.1;192.0.2.7;40000;443;TCP;1500;2.5\n\
    2024-07-01 12:00:05.25;10.0.0.2;2001:db8::1;40001;53;udp;18446744073709551615;-\n";
const BAD_ROW: &str = "gestern;10.0.0.3;nowhere;40002;80;6;many;1\n";

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

fn column(name: &str) -> ColumnOrigin {
    ColumnOrigin::Column { name: name.to_owned(), unit: None }
}

fn map(columns: &[(&str, &str)]) -> BTreeMap<String, ColumnOrigin> {
    columns.iter().map(|(flow, own)| ((*flow).to_owned(), column(own))).collect()
}

fn csv_settings() -> SourceSettings {
    SourceSettings {
        time_zone: Some(chrono_tz::Europe::Prague),
        columns: map(&[
            ("start_time", "when"),
            ("src_ip", "FROM"),
            ("dst_ip", "to"),
            ("src_port", "sp"),
            ("dst_port", "dp"),
            ("protocol", "prot"),
            ("bytes", "octets"),
            ("duration_s", "dur"),
        ]),
        ..SourceSettings::default()
    }
}

#[track_caller]
fn register(engine: &Engine, path: &str, settings: &SourceSettings) -> Registered {
    engine.register_source_with("s", path, settings).unwrap_or_else(|fault| panic!("{fault}; {:?}", fault.hint()))
}

async fn csv_of(engine: &Engine, sql: &str) -> String {
    let mut text = Vec::new();
    export::write(&query(engine, sql).await, Format::Csv, &mut text).expect("CSV");
    String::from_utf8(text).expect("text").replace("\r\n", "\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_columns_become_flows() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), "a.csv", &format!("{CSV}{BAD_ROW}"));
    let engine = engine();
    let found = register(&engine, &path, &csv_settings());
    assert_eq!((found.format, found.files, found.remarks.len()), ("CSV", 1, 0));
    let types = |schema: &arrow::datatypes::Schema| {
        let columns = schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type()));
        columns.collect::<Vec<_>>()
    };
    let all = query(&engine, "SELECT * FROM s LIMIT 0").await;
    assert_eq!(types(&all.schema), types(&flow_source::flow_schema()), "what is made of flows needs them exactly");
    let text = csv_of(
        &engine,
        "SELECT start_time, end_time, src_ip, dst_ip, src_port, protocol, protocol_name, ip_version, bytes, \
         array_to_string(notes, ',') AS notes FROM s ORDER BY src_ip",
    )
    .await;
    assert_eq!(
        text,
        "start_time,end_time,src_ip,dst_ip,src_port,protocol,protocol_name,ip_version,bytes,notes\n\
         2024-07-01T10:00:00Z,2024-07-01T10:00:02.500Z,10.0.0.1,192.0.2.7,40000,6,tcp,4,1500,\n\
         2024-07-01T10:00:05.250Z,,10.0.0.2,2001:db8::1,40001,17,udp,4,18446744073709551615,\n\
         ,,10.0.0.3,,40002,6,tcp,4,,\"value_unreadable,time_missing\"\n"
    );
    let twice = write(folder.path(), "b.csv", "when;from;to\n2024-10-27 02:30:00;10.0.0.1;nobody\n");
    let zoned = SourceSettings {
        columns: map(&[("start_time", "when"), ("src_ip", "from"), ("dst_ip", "to")]),
        ..csv_settings()
    };
    engine.register_source_with("twice", &twice, &zoned).expect("flows");
    let noted = csv_of(&engine, "SELECT start_time, array_to_string(notes, ' ') AS notes FROM twice").await;
    assert_eq!(noted, "start_time,notes\n2024-10-27T00:30:00Z,value_unreadable time_ambiguous\n");
    let count = rows(&query(&engine, "SELECT count(*) FROM s WHERE src_ip = '10.0.0.0/30' AND bytes > 1000").await);
    assert_eq!(count.trim(), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_source_fails_with_the_value_and_its_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let settings = SourceSettings { strict: true, ..csv_settings() };
    register(&engine, &write(folder.path(), "good.csv", CSV), &settings);
    assert_eq!(
        rows(&query(&engine, "SELECT count(bytes), count(start_time) FROM s").await).trim(),
        "2                    2"
    );
    register(&engine, &write(folder.path(), "bad.csv", &format!("{CSV}{BAD_ROW}")), &settings);
    for (column, value) in [("start_time", "gestern"), ("dst_ip", "nowhere"), ("bytes", "many")] {
        let fault = try_query(&engine, &format!("SELECT count({column}) FROM s")).await.expect_err("a bad value");
        let text = fault.to_string();
        assert!(text.contains(column) && text.contains(value), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_connector_fails_at_the_first_rejected_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let header = "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n\
                  #types\ttime\tstring\taddr\tport\taddr\tport\tenum\n#path\tconn\n";
    let good = "1700000000.0\tC1\t10.0.0.1\t1\t10.0.0.2\t2\ttcp\n";
    let path =
        write(folder.path(), "conn.log", &format!("{header}{good}soon\tC2\t10.0.0.1\t1\t10.0.0.2\t2\ttcp\n{good}"));
    let engine = engine();
    register(&engine, &path, &SourceSettings::default());
    let lenient = query(&engine, "SELECT * FROM s").await;
    assert_eq!(lenient.row_count, 2);
    assert!(lenient.notes.iter().any(|note| note.text.contains("1 row rejected")), "{:?}", lenient.notes);
    register(&engine, &path, &SourceSettings { strict: true, ..SourceSettings::default() });
    let fault = try_query(&engine, "SELECT * FROM s").await.expect_err("a row is rejected");
    let text = fault.to_string();
    assert!(text.contains("conn.log") && text.contains("line 6") && text.contains("soon"), "{text}");
    assert!(fault.hint().is_some_and(|hint| hint.contains("strict")), "{:?}", fault.hint());
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_need_their_unit_and_expressions_are_sql() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let text = "{\"ts\":1719828000123,\"src\":{\"ip\":\"10.0.0.1\"},\"up\":3,\"down\":4}\n";
    let path = write(folder.path(), "a.json", text);
    let mut columns = map(&[("start_time", "ts")]);
    columns.insert("src_ip".into(), ColumnOrigin::Sql("src['ip']".into()));
    columns.insert("bytes".into(), ColumnOrigin::Sql("up + down".into()));
    let settings = SourceSettings { columns: columns.clone(), ..SourceSettings::default() };
    let fault = engine.register_source_with("s", &path, &settings).expect_err("no unit");
    assert!(fault.to_string().contains("`ts` holds numbers"), "{fault}");
    assert!(fault.hint().is_some_and(|hint| hint.contains("unit = \"s\"")), "{:?}", fault.hint());
    let time = ColumnOrigin::Column { name: "ts".into(), unit: Some(TimeUnit::Milliseconds) };
    columns.insert("start_time".into(), time);
    register(&engine, &path, &SourceSettings { columns: columns.clone(), ..SourceSettings::default() });
    let text = csv_of(&engine, "SELECT start_time, src_ip, bytes FROM s").await;
    assert_eq!(text, "start_time,src_ip,bytes\n2024-07-01T10:00:00.123Z,10.0.0.1,7\n");
    columns.insert("packets".into(), ColumnOrigin::Sql("upp + 1".into()));
    let fault = engine.register_source_with("s", &path, &SourceSettings { columns, ..SourceSettings::default() });
    let text = fault.expect_err("no such column").to_string();
    assert!(text.contains("packets") && text.contains("upp"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_and_arrow_are_mapped_and_keep_their_types() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let foreign = "SELECT TIMESTAMP '2024-07-01T12:00:00' AS t, '10.0.0.1' AS s, '10.0.0.2' AS d, \
                   CAST(7 AS BIGINT) AS n UNION ALL SELECT NULL, 'x', '10.0.0.2', CAST(-1 AS BIGINT)";
    let settings = SourceSettings {
        time_zone: Some(chrono_tz::Europe::Prague),
        columns: map(&[("start_time", "t"), ("src_ip", "s"), ("dst_ip", "d"), ("bytes", "n")]),
        ..SourceSettings::default()
    };
    for (format, ending) in [(Format::Parquet, "parquet"), (Format::Arrow, "arrow")] {
        let path = folder.path().join(format!("a.{ending}"));
        export::write_to_path(&query(&engine, foreign).await, format, &path, false).expect("a file");
        register(&engine, &path.display().to_string(), &settings);
        let text =
            csv_of(&engine, "SELECT start_time, src_ip, bytes, notes[1] AS note FROM s ORDER BY start_time").await;
        assert_eq!(
            text, "start_time,src_ip,bytes,note\n2024-07-01T10:00:00Z,10.0.0.1,7,\n,,,value_unreadable\n",
            "{ending}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_may_say_what_its_files_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let nfdump =
        "ts,te,td,sa,da,sp,dp,pr,ipkt,ibyt\n2024-01-01 00:00:00,2024-01-01 00:00:00,0,10.0.0.1,10.0.0.2,1,2,UDP,1,7\n";
    let path = write(folder.path(), "n.csv", nfdump);
    let of = |connector: &str| SourceSettings { connector: Some(connector.into()), ..SourceSettings::default() };
    assert_eq!(register(&engine, &path, &SourceSettings::default()).format, "nfdump's output");
    assert_eq!(register(&engine, &path, &of("nfdump-text")).format, "nfdump's output");
    assert_eq!(register(&engine, &path, &of("csv")).format, "CSV");
    for (connector, wanted) in [("zeek", "a Zeek log"), ("parquet", "Parquet"), ("json", "JSON"), ("nfcapd", "nfcapd")]
    {
        let fault = engine.register_source_with("s", &path, &of(connector)).expect_err("something else");
        let text = fault.to_string();
        assert!(text.contains(&format!("is not {wanted}")) || text.contains(wanted), "{text}");
        assert!(text.contains("as its source says") && fault.hint().is_some(), "{text}");
    }
    let zoned = |zone| SourceSettings { time_zone: Some(zone), ..SourceSettings::default() };
    register(&engine, &path, &zoned(chrono_tz::Europe::Prague));
    assert_eq!(csv_of(&engine, "SELECT start_time FROM s").await, "start_time\n2023-12-31T23:00:00Z\n");
    let other = write(folder.path(), "hosts.csv", "host,owner\na,b\nc,d\n");
    assert!(register(&engine, &other, &zoned(chrono_tz::Europe::Prague)).remarks[0].contains("has no effect"));
    let mapped = SourceSettings { columns: map(&[("src_ip", "sa")]), ..SourceSettings::default() };
    let fault = engine.register_source_with("s", &path, &mapped).expect_err("a connector has its own map");
    assert!(fault.hint().is_some_and(|hint| hint.contains("connector = \"csv\"")), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_is_corrected_and_its_files_are_still_chosen_by_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    for hour in ["10", "11", "12"] {
        let rows = format!(
            "SELECT arrow_cast('2024-07-01T{hour}:00:05', 'Timestamp(Nanosecond, Some(\"UTC\"))') AS start_time, \
             arrow_cast('2024-07-01T{hour}:00:09', 'Timestamp(Nanosecond, Some(\"UTC\"))') AS received_time, \
             '10.0.0.1' AS src_ip, '10.0.0.2' AS dst_ip"
        );
        let path = folder.path().join(format!("{hour}.parquet"));
        export::write_to_path(&query(&engine, &rows).await, Format::Parquet, &path, false).expect("a file");
    }
    let settings = SourceSettings { clock_offset: TimeDelta::milliseconds(5_500), ..SourceSettings::default() };
    register(&engine, &folder.path().display().to_string(), &settings);
    let text = csv_of(&engine, "SELECT start_time, received_time FROM s ORDER BY start_time LIMIT 1").await;
    assert_eq!(text, "start_time,received_time\n2024-07-01T09:59:59.500Z,2024-07-01T10:00:09Z\n");
    for (condition, count) in [
        ("start_time >= '2024-07-01T10:59:59.500Z'", 2),
        ("start_time > '2024-07-01T10:59:59.500Z'", 1),
        ("start_time BETWEEN '2024-07-01T10:59:59Z' AND '2024-07-01T11:00:00Z'", 1),
        ("'2024-07-01T10:59:59.500Z' = start_time", 1),
        ("date_trunc('hour', start_time) = '2024-07-01T09:00:00Z'", 1),
        ("start_time IS NULL", 0),
        ("start_time < '2024-07-01T10:30:00Z' OR start_time > '2024-07-01T11:30:00Z'", 2),
        ("end_time IS NULL AND src_ip = '10.0.0.0/8'", 3),
    ] {
        let found = rows(&query(&engine, &format!("SELECT count(*) FROM s WHERE {condition}")).await);
        assert_eq!(found.trim(), count.to_string(), "{condition}");
    }
    let frame = engine.context().sql("SELECT src_ip FROM s WHERE start_time >= '2024-07-01T10:59:59.500Z'").await;
    let plan = frame.expect("a plan").create_physical_plan().await.expect("a physical plan");
    let plan = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
    // 11:00:05 by the source's clock, in nanoseconds.
    assert!(plan.contains("predicate=") && plan.contains("1719831605000000000"), "{plan}");
}

/// Flows of `count` connections, one a second from midnight; those for which `keep` says no are left out.
fn flows(count: usize, shift_ms: i64, keep: impl Fn(usize) -> bool) -> String {
    let mut text = "start_time,src_ip,dst_ip,src_port,dst_port,protocol,bytes\n".to_owned();
    let midnight = chrono::DateTime::parse_from_rfc3339("2024-01-01T00:00:00Z").expect("a time");
    for number in (0..count).filter(|number| keep(*number)) {
        // A jitter of a few milliseconds, and one in fifty far off.
        let jitter = (number % 7) as i64 - 3 + if number % 50 == 0 { 40_000 * i64::from(shift_ms != 0) } else { 0 };
        let time = midnight + TimeDelta::seconds(number as i64) + TimeDelta::milliseconds(shift_ms + jitter);
        let (source, port) = (number % 250, 10_000 + number);
        // The second source sees every other connection from the other end.
        let (from, to) = if number % 2 == 0 || shift_ms == 0 { ("10.0.0", "192.0.2") } else { ("192.0.2", "10.0.0") };
        let (from_port, to_port) = if from == "10.0.0" { (port, 443) } else { (443, port) };
        let _ = writeln!(text, "{},{from}.{source},{to}.{source},{from_port},{to_port},6,100", time.to_rfc3339());
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sources_are_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let first = flows(7200, 0, |number| number % 10 != 9);
    let mut second = flows(7200, 2500, |number| !(3600..4200).contains(&number));
    // Three flows are reported again, and one has no port.
    let again: String = second.lines().skip(1).take(3).map(|line| format!("{line}\n")).collect();
    second.push_str(&again);
    second.push_str("2024-01-01T00:30:00Z,10.0.0.1,192.0.2.1,,,6,1\n");
    for (name, text) in [("a", &first), ("b", &second)] {
        let path = write(folder.path(), &format!("{name}.csv"), text);
        engine.register_source(name, &path, SourceKind::Flows).expect("flows");
    }
    let compare = |window| engine.compare_sources("a", "b", window, CancellationToken::new());
    let found = compare(ComparisonWindow::default()).await.unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!((found.a.flows, found.a.connections, found.a.repeated, found.a.without_id), (6480, 6480, 0, 0));
    assert_eq!((found.b.flows, found.b.connections, found.b.repeated, found.b.without_id), (6604, 6600, 3, 1));
    assert_eq!((found.a.shared_connections, found.b.shared_connections), (5940, 5940));
    let matched = found.matched.expect("shared connections");
    assert_eq!(matched.pairs, 5940);
    assert!((matched.offset - TimeDelta::milliseconds(2500)).abs() < TimeDelta::milliseconds(2), "{matched:?}");
    assert!(
        matched.spread < TimeDelta::milliseconds(10) && matched.agreeing > 0.9 && matched.agreeing < 1.0,
        "{matched:?}"
    );
    assert!(matched.clocks_differ());
    let gaps: Vec<(&str, String, i64)> = found
        .gaps
        .iter()
        .map(|gap| (gap.source.as_str(), gap.begin.format("%H:%M").to_string(), (gap.end - gap.begin).num_minutes()))
        .collect();
    assert!(gaps.contains(&("b", "01:00".to_owned(), 10)) || gaps.contains(&("b", "01:01".to_owned(), 9)), "{gaps:?}");
    assert_eq!(found.hours.iter().map(|hour| hour.flows_a).sum::<u64>(), 6480);
    assert!(found.hours.iter().take(2).all(|hour| hour.offset.is_some()), "{:?}", found.hours);

    let from = Some("2024-01-01T00:10:00Z".parse().expect("a time"));
    let to = Some("2024-01-01T00:20:00Z".parse().expect("a time"));
    let part = compare(ComparisonWindow { from, to }).await.unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(part.a.flows, 540);
    assert!(part.gaps.is_empty(), "{:?}", part.gaps);
    assert!(engine.table_names().iter().all(|name| !name.starts_with('_')), "{:?}", engine.table_names());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compared_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let path = write(folder.path(), "a.csv", &flows(30, 0, |_| true));
    engine.register_source("a", &path, SourceKind::Flows).expect("flows");
    query(&engine, "CREATE TABLE other AS SELECT 1 AS x").await;
    let compare =
        |b: &'static str| engine.compare_sources("a", b, ComparisonWindow::default(), CancellationToken::new());
    assert!(matches!(compare("nothing").await, Err(EngineError::UnknownTable { .. })));
    let fault = compare("other").await.expect_err("no flows");
    assert!(fault.to_string().contains("`other` holds no flows"), "{fault}");
    let same = compare("a").await.expect("itself");
    assert!(same.matched.is_some_and(|matched| !matched.clocks_differ() && matched.pairs == 30));
    let cancel = CancellationToken::new();
    cancel.cancel();
    let stopped = engine.compare_sources("a", "a", ComparisonWindow::default(), cancel).await;
    assert!(matches!(stopped, Err(EngineError::Cancelled { .. })), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_flows_in_two_formats_agree() {
    let Some(capture) = sample("pcap/ipfixprobe-mixed.pcap") else { return };
    let Some(probe) = sample("pcap/ipfixprobe-expected-basic.txt") else { return };
    let engine = engine();
    engine.register_source("capture", &capture, SourceKind::Flows).expect("a capture");
    let columns = map(&[
        ("src_ip", "column_1"),
        ("dst_ip", "column_2"),
        ("bytes", "column_3"),
        ("start_time", "column_6"),
        ("end_time", "column_7"),
        ("src_port", "column_12"),
        ("dst_port", "column_13"),
        ("protocol", "column_15"),
    ]);
    let settings = SourceSettings { connector: Some("csv".into()), columns, ..SourceSettings::default() };
    let shifted = SourceSettings { clock_offset: TimeDelta::seconds(-3), ..settings.clone() };
    for (settings, offset) in [(settings, 0), (shifted, 3)] {
        engine.register_source_with("probe", &probe, &settings).expect("the probe's flows");
        let window = ComparisonWindow::default();
        let found = engine.compare_sources("capture", "probe", window, CancellationToken::new()).await.expect("both");
        let matched = found.matched.expect("the same traffic");
        assert!(matched.pairs > 20 && (matched.offset - TimeDelta::seconds(offset)).abs() < TimeDelta::milliseconds(1));
        assert!(matched.agreeing > 0.9, "{matched:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_come_from_files_and_tests_from_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let path = write(folder.path(), "a.csv", &flows(100, 0, |_| true));
    engine.register_source("text", &path, SourceKind::Flows).expect("flows");
    let parquet = folder.path().join("a.parquet");
    export::write_to_path(&query(&engine, "SELECT * FROM text").await, Format::Parquet, &parquet, false)
        .expect("a file");
    engine.register_source("stored", &parquet.display().to_string(), SourceKind::Flows).expect("flows");
    assert_eq!(engine.source_facts("text").await.rows, None);
    let facts = engine.source_facts("stored").await;
    assert_eq!(facts.rows, Some(100));
    let tested = engine.test_source("text", CancellationToken::new()).await.expect("a test");
    assert_eq!(tested.facts, facts);
    assert_eq!(tested.filled.iter().find(|(name, _)| name == "bytes").map(|(_, count)| *count), Some(100));
    assert_eq!(tested.filled.iter().find(|(name, _)| name == "tos").map(|(_, count)| *count), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn internal_networks_are_a_setting() {
    let options = |list: Option<&str>| flow_engine::EngineOptions {
        internal_networks: list.map(str::to_owned),
        ..flow_engine::EngineOptions::default()
    };
    let ask = "SELECT ip_is_internal('192.0.2.1'), ip_is_internal('10.0.0.1'), ip_is_internal('2001:db8::1')";
    for (list, expected) in [(Some("192.0.2.0/24, 2001:db8::/32"), "true,false,true"), (None, "false,true,false")] {
        let engine = Engine::with_options(options(list)).expect("an engine");
        assert_eq!(csv_of(&engine, ask).await.lines().nth(1), Some(expected), "{list:?}");
    }
    assert!(Engine::with_options(options(Some("10.0.0.300"))).is_err());
}
