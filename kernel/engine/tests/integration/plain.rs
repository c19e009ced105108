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

#[tokio::test(flavor = "multi_thread")]
async fn tabs_at_the_end_and_quotes_within_values_make_no_row_bad() {
    let files = Files::new();
    let rows = |row: fn(u32) -> String| (0..40).map(row).collect::<String>();
    let tabs = files.add("tabs.tsv", format!("id\tname\tcomment\n{}ragged\n", rows(|n| format!("{n}\tx\t\n"))));
    let inches = files.add("inches.csv", format!("id,size,name\n{}ragged\n", rows(|n| format!("{n},5\" disk,x\n"))));
    for path in [tabs, inches] {
        let (found, notes) =
            both(&engine(), &format!("SELECT count(*), count(id), sum(id) FROM read_log('{}')", path.display())).await;
        assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["40", "40", "780"], "{}", path.display());
        assert!(notes.contains("line 42: 1 values, expected 3"), "{notes}");
    }
    let header = HEADER.replace(',', "\t").replace('\n', "\tnote\n");
    let path = files.add("flows.tsv", format!("{header}2024-01-01T00:00:00Z\t10.0.0.1\t192.0.2.1\tmany\t\n"));
    let (_, notes) = both(&engine(), &format!("SELECT sum(bytes) FROM read_flows('{}')", path.display())).await;
    assert!(notes.contains("line 2: `bytes` is `many`, expected UInt64"), "{notes}");
    let path = files.add("none.tsv", "a\tb\tc\n1\t2\t3\n\t\t\n4\t5\t6\n");
    let (found, _) = both(&engine(), &format!("SELECT count(*), count(a) FROM read_log('{}')", path.display())).await;
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["3", "2"], "a row may have no values");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_behind_ten_thousand_rows_without_one_are_there() {
    let files = Files::new();
    let csv: String = (0..10_000).map(|n| format!("{n},\n")).collect();
    let csv = files.add("late.csv", format!("id,err\n{csv}10000,boom\n"));
    let json = "{\"err\": null, \"in\": {\"err\": null}, \"all\": []}\n".repeat(10_000);
    let late = "{\"err\": \"boom\", \"in\": {\"err\": \"boom\"}, \"all\": [\"boom\"]}\n{\"err\": 5, \"all\": [5]}\n";
    let json = files.add("late.json", json + late);
    for (path, count) in [(csv, "1"), (json.clone(), "2")] {
        let (found, notes) = both(&engine(), &format!("SELECT count(err) FROM read_log('{}')", path.display())).await;
        assert_eq!((found.as_str(), notes.as_str()), (count, ""), "{}", path.display());
    }
    let sql =
        format!("SELECT err, \"in\"['err'], \"all\"[1] FROM read_log('{}') WHERE err IS NOT NULL", json.display());
    let (found, _) = both(&engine(), &sql).await;
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["boom", "boom", "boom", "5", "NULL", "5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_without_values_in_one_file_is_that_of_the_others() {
    let files = Files::new();
    files.add("a.csv", "id,n\n1,\n2,\n");
    files.add("b.csv", "id,n,x\n3,40,y\n4,2,y\n");
    let (found, notes) =
        both(&engine(), &format!("SELECT sum(n) FROM read_log('{}/*.csv')", files.0.path().display())).await;
    assert_eq!((found.as_str(), notes.as_str()), ("42", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_with_a_bad_beginning_or_end_gives_its_good_rows() {
    let files = Files::new();
    let lines: String = (1..50).map(|n| format!("{{\"id\": {n}}}\n")).collect();
    let first_is_bad = files.add("first.json", format!("{{\"id\": 0, \"x\": \"abc\n{lines}"));
    let cut = files.add("cut.json", "[{\"id\":1},\n{\"id\":2},\n{\"id\":");
    let cut_between = files.add("between.json", "[{\"id\":1},\n{\"id\":2},\n");
    let elements = (1..10).map(|n| format!("{{\"id\": {n}}}")).collect::<Vec<_>>().join(", ");
    let syntax = files.add("syntax.json", format!("[{{\"id\": }}, {elements}]"));
    let other = files.add("other.json", format!("[{elements}, 5]"));
    let kinds = files.add("kinds.json", format!("[{elements}, {{\"id\": {{\"n\": 1}}}}]"));
    let cases = [
        (first_is_bad, "49", "1225", "1 row rejected"),
        (cut, "2", "3", "breaks off after line 3: the file ends within a JSON object"),
        (cut_between, "2", "3", "the file ends within a JSON array"),
        (syntax, "9", "45", "1 row rejected"),
        (other, "9", "45", "line 1: `5` is not a JSON object"),
        (kinds, "9", "45", "1 row rejected"),
    ];
    for (path, count, sum, note) in cases {
        let (found, notes) =
            both(&engine(), &format!("SELECT count(id), sum(id) FROM read_log('{}')", path.display())).await;
        assert_eq!(found.split_whitespace().collect::<Vec<_>>(), [count, sum], "{}", path.display());
        assert!(notes.contains(note), "{}: {notes}", path.display());
    }
    let nothing = files.add("nothing.json", "{\"id\": 1,\n\"x\": }\n");
    let fault = try_query(&engine(), &format!("SELECT * FROM read_log('{}')", nothing.display())).await;
    let fault = fault.expect_err("a file without a good row").to_string();
    assert!(fault.contains("cannot be read as such"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_in_one_long_line_is_read() {
    let files = Files::new();
    let elements: Vec<String> = (0..5000).map(|n| format!("{{\"id\":{n},\"big\":{}}}", u64::MAX - n)).collect();
    let path = files.add("array.json", format!("[{}]", elements.join(",")));
    let (found, notes) =
        both(&engine(), &format!("SELECT count(*), max(big) FROM read_log('{}')", path.display())).await;
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["5000", "18446744073709551615"]);
    assert_eq!(notes, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_keep_all_their_parts_or_their_rows_are_told() {
    let files = Files::new();
    let many = |row: &str| row.repeat(10_001);
    let json = files.add(
        "n.json",
        many("{\"n\": 1, \"in\": [{\"n\": 1}]}\n") + "{\"n\": 1.9}\n{\"n\": 2.0}\n{\"in\": [{\"n\": 1e-1}]}\n",
    );
    let (found, notes) = both(&engine(), &format!("SELECT sum(n), count(*) FROM read_log('{}')", json.display())).await;
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["10003", "10003"]);
    assert!(notes.contains("line 10002: `n` is `1.9`, expected Int64"), "{notes}");
    let (_, notes) = both(&engine(), &format!("SELECT \"in\" FROM read_log('{}')", json.display())).await;
    assert!(notes.contains("line 10004: `in` is `1e-1`, expected list of"), "{notes}");

    let days =
        files.add("d.csv", "d,n\n".to_owned() + &many("2024-01-01,1\n") + "2024-01-02T10:00:00,2\n2024-01-03,3\n");
    let (found, notes) = both(&engine(), &format!("SELECT max(d), count(d) FROM read_log('{}')", days.display())).await;
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["2024-01-03", "10002"]);
    assert!(notes.contains("line 10003: `d` is `2024-01-02T10:00:00`, expected date"), "{notes}");

    let moments = many("2024-01-01T00:00:00Z,1\n") + "2024-01-01T00:00:00.25Z,2\n9999-12-31T00:00:00Z,3\n";
    let moments = files.add("m.csv", "t,n\n".to_owned() + &moments);
    let (found, notes) = both(&engine(), &format!("SELECT t FROM read_log('{}') WHERE n > 1", moments.display())).await;
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["2024-01-01T00:00:00.250", "9999-12-31T00:00:00"]);
    assert_eq!(notes, "");

    let nested =
        files.add("u.json", "{\"o\": {\"id\": 9223372036854775809}}\n{\"o\": {\"id\": 18446744073709551615}}\n");
    let (found, _) = both(&engine(), &format!("SELECT o['id'] FROM read_log('{}')", nested.display())).await;
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["9223372036854775809", "18446744073709551615"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_kinds_of_json_that_vary() {
    let files = Files::new();
    let mixed = files.add("mixed.json", "{\"a\": 1}\n{\"a\": \"x\"}\n{\"a\": true}\n{\"a\": 1, \"a\": 2}\n");
    let (found, notes) = both(&engine(), &format!("SELECT a FROM read_log('{}')", mixed.display())).await;
    assert_eq!(
        found.split_whitespace().collect::<Vec<_>>(),
        ["1", "x", "true", "2"],
        "the last of repeated keys counts"
    );
    assert_eq!(notes, "");

    let late = files.add("late.json", "{\"a\": 1}\n".repeat(10_001) + "{\"a\": 2, \"late\": \"yes\"}\n");
    let (_, notes) = both(&engine(), &format!("SELECT * FROM read_log('{}')", late.display())).await;
    assert!(notes.contains("`late` is in none of the first 10000 rows and has no column"), "{notes}");
    let (_, notes) = both(&engine(), &format!("SELECT count(*) FROM read_log('{}')", late.display())).await;
    assert_eq!(notes, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_share_a_name_are_all_read() {
    let files = Files::new();
    let path = files.add("twice.csv", "id,id,x,id_2\n1,2,3,4\n5,6,7,8\n");
    let (found, notes) =
        both(&engine(), &format!("SELECT id, id_3, x, id_2 FROM read_log('{}')", path.display())).await;
    assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["1", "2", "3", "4", "5", "6", "7", "8"]);
    assert_eq!(notes, "");
}
