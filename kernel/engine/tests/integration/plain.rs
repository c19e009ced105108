//! CSV and JSON that no connector knows: rows that cannot be read are left out, counted and told; a strict source fails.

use std::io::Write;
use std::path::PathBuf;

use flate2::write::GzEncoder;
use flow_engine::{Engine, EngineError, EngineOptions, QueryResult, SourceSettings};

use crate::{engine, query, rows, try_query};

const HEADER: &str = "start_time,src_ip,dst_ip,bytes\n";
const GOOD: &str = "2024-01-01T00:00:00Z,10.0.0.1,192.0.2.1,7\n";

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().expect("a folder"))
    }

    fn add(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }
}

fn strict() -> SourceSettings {
    SourceSettings { strict: true, ..SourceSettings::default() }
}

/// What a query gives, and what is said about the rows.
async fn both(engine: &Engine, sql: &str) -> (String, String) {
    let result: QueryResult = query(engine, sql).await;
    let notes: Vec<&str> = result.notes.iter().flat_map(flow_engine::Note::lines).collect();
    (rows(&result).trim().to_owned(), notes.join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_csv_that_cannot_be_read_are_left_out_and_told() {
    let files = Files::new();
    let bad = "2024-01-01T00:00:01Z,10.0.0.2,192.0.2.1,many\n2024-01-01T00:00:02Z,10.0.0.3\n";
    let bytes = format!("{HEADER}{GOOD}{GOOD}{bad}{GOOD}2024-01-01T00:00:04Z,10.0.0.5,192.0.2.1,8\n");
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes.as_bytes()).expect("memory takes it");
    let packed = packed.finish().expect("memory takes it");
    for path in [files.add("flows.csv", &bytes), files.add("flows.csv.gz", packed)] {
        let engine = engine();
        let flows = format!("read_flows('{}')", path.display());
        let (sum, notes) = both(&engine, &format!("SELECT sum(bytes), count(dst_ip) FROM {flows}")).await;
        assert_eq!(sum.split_whitespace().collect::<Vec<_>>(), ["29", "4"]);
        assert!(notes.contains("2 rows rejected"), "{notes}");
        let first = format!("{}, line 4: `bytes` is `many`, expected UInt64", path.display());
        assert!(notes.contains(&first), "{notes}");
        let (count, notes) = both(&engine, &format!("SELECT count(*) FROM {flows}")).await;
        assert_eq!(count, "5", "a row is judged by the columns that a query reads");
        assert!(notes.contains("line 5: 2 values, expected 4"), "{notes}");

        let location = path.display().to_string();
        engine.register_source_with("strict", &location, &strict()).expect("a table");
        let fault = try_query(&engine, "SELECT sum(bytes) FROM strict").await.expect_err("a strict source");
        assert!(matches!(&fault, EngineError::Source { .. }), "{fault:?}");
        let text = fault.to_string();
        assert!(text.contains(&location) && text.contains("line 4") && text.contains("`many`"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_with_line_ends_and_quotes_are_values() {
    let files = Files::new();
    let path = files.add(
        "notes.csv",
        "id,note\r\n1,\"one\r\ntwo, \"\"three\"\"\"\r\n\r\n2,5\" disk\r\nthree,x\r\n4,\"open\r\n5,last\r\n",
    );
    let engine = engine();
    let table = format!("read_log('{}')", path.display());
    let (count, _) = both(&engine, &format!("SELECT count(*) FROM {table} WHERE note LIKE 'one%\"three\"'")).await;
    assert_eq!(count, "1");
    let (ids, notes) = both(&engine, &format!("SELECT string_agg(CAST(id AS VARCHAR), ' ') FROM {table}")).await;
    assert_eq!(ids, "1 2 three 5", "of four values one is no number, so the column is text");
    assert!(notes.contains("1 row rejected") && notes.contains("line 7: a quote is opened and not closed"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_far_into_a_file_costs_itself_alone() {
    let files = Files::new();
    let many: String =
        (0..30_000).map(|n| if n == 25_000 { "x,y\n".to_owned() } else { format!("{n},{n}\n") }).collect();
    let mut bytes = format!("a,b\n{many}").into_bytes();
    bytes.extend_from_slice(b"1,\xff\xfe\n");
    let path = files.add("many.csv", bytes);
    let engine = engine();
    let (found, notes) = both(&engine, &format!("SELECT count(a), sum(a) FROM read_log('{}')", path.display())).await;
    let expected = (0..30_000_u64).sum::<u64>() - 25_000;
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["29999", &expected.to_string()]);
    assert!(notes.contains("line 25002: `a` is `x`, expected Int64"), "{notes}");
    let (_, notes) = both(&engine, &format!("SELECT sum(b) FROM read_log('{}')", path.display())).await;
    assert!(notes.contains("2 rows rejected"), "{notes}");
    let ten = query(&engine, &format!("SELECT a FROM read_log('{}') LIMIT 10", path.display())).await;
    assert_eq!(ten.row_count, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_which_no_row_can_be_read_is_read_in_reasonable_time() {
    let files = Files::new();
    let good: String = (0..10_001).map(|n| format!("{n},{n}\n")).collect();
    let path = files.add("bad.csv", format!("a,b\n{good}{}", "x,y\n".repeat(20_000)));
    let (found, notes) = both(&engine(), &format!("SELECT count(a) FROM read_log('{}')", path.display())).await;
    assert_eq!(found, "10001");
    assert!(notes.contains("20000 rows rejected"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_json_that_cannot_be_read_are_left_out_and_told() {
    let files = Files::new();
    let lines = "{\"id\": 1, \"who\": {\"ip\": \"10.0.0.1\"}}\n{\"id\": 2, \"who\": {\"ip\":\n{\"id\": 3}\nnot json\n[4]\n{\"id\": 5}\n";
    let path = files.add("events.json", lines);
    let engine = engine();
    let table = format!("read_log('{}')", path.display());
    let (ids, notes) =
        both(&engine, &format!("SELECT string_agg(CAST(id AS VARCHAR), ' '), count(who) FROM {table}")).await;
    assert!(ids.starts_with("1 3 5"), "{ids}");
    assert!(notes.contains("3 rows rejected") && notes.contains("line 2: `{\"id\": 2,"), "{notes}");
    let (ips, _) = both(&engine, &format!("SELECT who['ip'] FROM {table} WHERE id = 1")).await;
    assert_eq!(ips, "10.0.0.1");

    engine.register_source_with("strict", &path.display().to_string(), &strict()).expect("a table");
    let fault = try_query(&engine, "SELECT * FROM strict").await.expect_err("a strict source");
    assert!(fault.to_string().contains("line 2"), "{fault}");

    let later: String =
        (0..12_000).map(|n| if n == 11_000 { "{\"n\": {}}\n".into() } else { format!("{{\"n\": {n}}}\n") }).collect();
    let path = files.add("later.json", later);
    let (found, notes) = both(&engine, &format!("SELECT count(n) FROM read_log('{}')", path.display())).await;
    assert_eq!(found, "11999");
    assert!(notes.contains("1 row rejected") && notes.contains("line 11001"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_in_arrays_and_over_several_lines() {
    let files = Files::new();
    let array = files.add("array.json", "[{\"id\": 1},\n {\"id\": 2,\n \"x\": [{\"y\": 1}]},\n {\"id\": 3}]");
    let pretty = files.add("pretty.json", "{\n  \"id\": 1\n}\n{\n  \"id\": 2\n}\n{ \"id\": 3 }\n");
    let joined = files.add("joined.json", "{\"id\": 1}{\"id\": 2}\n{\"id\": 3}\n");
    for path in [array, pretty, joined] {
        let (found, notes) =
            both(&engine(), &format!("SELECT count(*), sum(id) FROM read_log('{}')", path.display())).await;
        assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["3", "6"], "{}", path.display());
        assert_eq!(notes, "", "{}", path.display());
    }
}

/// A large file of lines is read from several places at once; what is told of its lines is as if it were not.
#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_large_file_keep_their_numbers() {
    const LINES: u64 = 60_000;
    const BAD: [u64; 3] = [2, 31_234, 59_998];
    let files = Files::new();
    let text = |line: &dyn Fn(u64) -> String| {
        let lines = (1..=LINES).map(|number| if BAD.contains(&number) { "{\"a\": ]\n".into() } else { line(number) });
        lines.collect::<String>()
    };
    let plain = text(&|number| {
        format!(
            "{{\"number\":{number},\"sentence\":\"a few words that make this line longer than most\",\"bytes\":7}}\n"
        )
    });
    let plain = files.add("plain.jsonl", plain);
    let eve = files.add(
        "eve.json",
        text(&|number| {
            format!(
                "{{\"timestamp\":\"2024-01-01T00:00:00Z\",\"event_type\":\"flow\",\"src_ip\":\"10.0.0.1\",\
                 \"src_port\":{},\"flow\":{{\"bytes_toserver\":{number}}}}}\n",
                number % 60_000
            )
        }),
    );
    assert!(std::fs::metadata(&plain).expect("it is there").len() > 4 << 20, "too small to be cut");
    let options = EngineOptions { thread_count: Some(4), ..EngineOptions::default() };
    let engine = Engine::with_options(options).expect("an engine");
    let sum: u64 = (1..=LINES).filter(|number| !BAD.contains(number)).sum();
    let expected = format!("{} {sum}", LINES - BAD.len() as u64);
    let (eve, plain) = (eve.display().to_string(), plain.display().to_string());
    for (path, table, column) in [(&plain, "read_log", "number"), (&eve, "read_flows", "bytes")] {
        let (found, notes) = both(&engine, &format!("SELECT count(*), sum({column}) FROM {table}('{path}')")).await;
        assert_eq!(found.split_whitespace().collect::<Vec<_>>().join(" "), expected, "{path}");
        for line in BAD {
            assert!(notes.contains(&format!("{path}, line {line}: ")), "{line}: {notes}");
        }
    }
    let wrong = "count(*) FILTER (WHERE source_row <> concat(split_part(source_row, ':', 1), ':', bytes))";
    let (found, _) =
        both(&engine, &format!("SELECT {wrong}, count(DISTINCT source_row) FROM read_flows('{eve}')")).await;
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["0", &(LINES - BAD.len() as u64).to_string()]);
}
