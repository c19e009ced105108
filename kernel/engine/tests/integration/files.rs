//! Paths, formats and the common flow schema.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use flow_engine::{ColumnOrigin, Engine, Format, SourceKind, SourceSettings, export};

use crate::{engine, query, rows, sample, try_query};

fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a file");
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn zeek_logs_natively_and_as_flows() {
    let Some(path) = sample("zeek/conn.log") else { return };
    let text = std::fs::read(&path).expect("the sample");
    let expected = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#').count();
    let engine = engine();
    let result = query(&engine, &format!("SELECT * FROM read_log('{path}')")).await;
    assert_eq!(result.row_count, expected);
    assert!(result.schema.field_with_name("id.orig_h").is_ok());
    let result = query(&engine, &format!("SELECT * FROM read_flows('{path}')")).await;
    assert_eq!(result.row_count, expected);
    assert_eq!(result.schema.fields().len(), flow_source::flow_schema().fields().len());
    let first =
        &rows(&query(&engine, &format!("SELECT src_ip, dst_ip, dst_port FROM read_flows('{path}') LIMIT 1")).await);
    assert!(first.split_whitespace().count() == 3, "{first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connector_is_found_by_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let texts: [(&str, &str); 6] = [
        (
            "eve.log",
            "{\"timestamp\":\"2024-01-01T00:00:00Z\",\"event_type\":\"flow\",\"src_ip\":\"10.0.0.1\",\"flow\":{\"bytes_toserver\":7}}\n",
        ),
        (
            "ra.csv",
            "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,TotPkts,TotBytes,SrcBytes\n2024/01/01 00:00:00,1,tcp,10.0.0.1,1,->,10.0.0.2,2,1,7,7\n",
        ),
        (
            "ipfix.json",
            "{\"@type\":\"ipfix.entry\",\"iana:sourceIPv4Address\":\"10.0.0.1\",\"iana:octetDeltaCount\":7}\n",
        ),
        (
            "nfdump.csv",
            "ts,te,td,sa,da,sp,dp,pr,ipkt,ibyt\n2024-01-01 00:00:00,2024-01-01 00:00:00,0,10.0.0.1,10.0.0.2,1,2,UDP,1,7\n",
        ),
        ("vpc.log", "2 1 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 7 1418530010 1418530070 ACCEPT OK\n"),
        (
            "gcp.json",
            "{\"jsonPayload\":{\"bytes_sent\":\"7\",\"connection\":{\"src_ip\":\"10.0.0.1\",\"protocol\":6}}}\n",
        ),
    ];
    let engine = engine();
    for (name, text) in texts {
        let path = write_file(folder.path(), name, text.as_bytes());
        let flows = query(&engine, &format!("SELECT src_ip, bytes FROM read_flows('{path}')")).await;
        assert_eq!(rows(&flows).split_whitespace().collect::<Vec<_>>(), ["10.0.0.1", "7"], "{name}");
        assert_eq!(query(&engine, &format!("SELECT * FROM read_log('{path}')")).await.row_count, 1, "{name}");
    }
    let Some(path) = sample("nfcapd/nfcapd.sample") else { return };
    let sums = query(&engine, &format!("SELECT count(*) AS n, sum(bytes) AS b FROM read_flows('{path}')")).await;
    assert_eq!(rows(&sums).split_whitespace().collect::<Vec<_>>(), ["3018", "27576229"]);
}

#[tokio::test]
async fn sources_are_flows_where_they_can_be() {
    let (Some(conn), Some(dns)) = (sample("zeek/conn.log"), sample("zeek/dns.log")) else { return };
    let engine = engine();
    engine.register_source("Conn", &conn, SourceKind::Auto).expect("flows");
    engine.register_source("raw", &conn, SourceKind::Log).expect("a log");
    engine.register_source("dns", &dns, SourceKind::Auto).expect("a log");
    assert_eq!(engine.table_names(), ["conn", "dns", "raw"]);
    assert!(engine.columns("conn").contains(&("src_ip".into(), "ip address".into())));
    assert!(engine.columns("raw").iter().any(|(name, _)| name == "id.orig_h"));
    assert!(engine.columns("dns").iter().any(|(name, _)| name == "query"));
    assert!(engine.register_source("f", &dns, SourceKind::Flows).is_err());
    assert!(engine.columns("nothing").is_empty());
}

#[tokio::test]
async fn gzip_and_broken_gzip() {
    let (Some(good), Some(broken)) = (sample("zeek/http.log.gz"), sample("zeek/http.log.corrupt.gz")) else { return };
    let engine = engine();
    assert_eq!(query(&engine, &format!("SELECT * FROM read_log('{good}')")).await.row_count, 150);
    let result = query(&engine, &format!("SELECT * FROM read_log('{broken}')")).await;
    assert_eq!(result.row_count, 150, "the lines before the defect");
    let notes: Vec<&str> = result.notes.iter().map(|note| note.text.as_str()).collect();
    let broken = std::fs::canonicalize(broken).expect("the sample").display().to_string();
    let expected = format!(
        "{broken} breaks off after line 158: it is a broken gzip file: incomplete deflate stream after 45802 decompressed bytes"
    );
    assert_eq!(notes, [expected]);
}

#[tokio::test]
async fn every_format_is_read_by_content() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let result = query(&engine, "SELECT value AS n, 'x' AS t FROM range(0, 5)").await;
    for (format, name) in
        [(Format::Csv, "a.csv"), (Format::Json, "a.json"), (Format::Parquet, "a.bin"), (Format::Arrow, "misnamed.csv")]
    {
        let path = folder.path().join(name);
        export::write_to_path(&result, format, &path, false).expect("an export");
        let back =
            query(&engine, &format!("SELECT sum(n) AS s, min(t) AS t FROM read_log('{}')", path.display())).await;
        assert_eq!(rows(&back), "10  x", "{format:?}");
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"n,t\n1,a\n2,b\n").expect("bytes");
    let path = write_file(folder.path(), "b.csv.gz", &packed.finish().expect("bytes"));
    assert_eq!(rows(&query(&engine, &format!("SELECT sum(n) AS s FROM read_log('{path}')")).await), "3");
    let path = write_file(folder.path(), "c.json", b"[{\"n\": 1}, {\"n\": 2}]");
    assert_eq!(rows(&query(&engine, &format!("SELECT sum(n) AS s FROM read_log('{path}')")).await), "3");
}

#[tokio::test]
async fn csv_with_line_breaks_and_other_column_orders() {
    let folder = tempfile::tempdir().expect("a folder");
    write_file(folder.path(), "a.csv", b"n,t\n1,\"two\nlines\"\n2,b\n");
    write_file(folder.path(), "b.csv", b"t;n\nc;3\n");
    write_file(folder.path(), "c.csv", b"");
    let engine = engine();
    let pattern = folder.path().join("*.csv").display().to_string();
    let result = query(&engine, &format!("SELECT n, t FROM read_log('{pattern}') ORDER BY n")).await;
    assert_eq!(rows(&result), "1  two␊lines\n2  b\n3  c");
}

#[tokio::test]
async fn a_csv_without_header_gets_names() {
    let Some(path) = sample("zeek/top_domains_1k.csv") else { return };
    let result =
        query(&engine(), &format!("SELECT column_1, column_2 FROM read_log('{path}') ORDER BY 1 LIMIT 1")).await;
    assert!(rows(&result).trim_start().starts_with("1  "), "{}", rows(&result));
}

#[tokio::test]
async fn foreign_flows_get_the_common_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let csv = b"start_time,src_ip,dst_ip,bytes,dst_port,colour\n2024-01-02T03:04:05Z,10.0.0.1,10.0.0.2,18446744073709551615,443,red\n,10.0.0.3,10.0.0.4,,,\n";
    let path = write_file(folder.path(), "f.csv", csv);
    let engine = engine();
    let result =
        query(&engine, &format!("SELECT start_time, src_ip, bytes, dst_port, packets FROM read_flows('{path}')")).await;
    assert_eq!(
        rows(&result),
        "2024-01-02T03:04:05Z  10.0.0.1  18446744073709551615       443     NULL\nNULL                  10.0.0.3                  NULL      NULL     NULL"
    );
    assert_same_schema(&engine, &path).await;
    let parquet = folder.path().join("f.parquet");
    export::write_to_path(
        &query(&engine, &format!("SELECT * FROM read_log('{path}')")).await,
        Format::Parquet,
        &parquet,
        false,
    )
    .expect("a file");
    assert_same_schema(&engine, &parquet.display().to_string()).await;
    engine.register_source("f", &parquet.display().to_string(), SourceKind::Auto).expect("flows");
    assert!(engine.columns("f").iter().any(|(name, _)| name == "community_id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_of_plain_files_say_what_they_were_read_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let csv = write_file(folder.path(), "f.csv", b"start_time,src_ip,dst_ip\n2024-01-02T03:04:05Z,10.0.0.1,10.0.0.2\n");
    let json = "{\"start_time\":\"2024-01-02T03:04:05Z\",\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"10.0.0.2\"}";
    let lines = write_file(folder.path(), "f.ndjson", json.as_bytes());
    let array = write_file(folder.path(), "f.json", format!("[{json}]").as_bytes());
    let result = query(&engine, &format!("SELECT * FROM read_log('{csv}')")).await;
    let mut paths = vec![(csv, "csv"), (lines, "json"), (array, "json")];
    for (format, name) in [(Format::Parquet, "parquet"), (Format::Arrow, "arrow")] {
        let path = folder.path().join(format!("f.{name}"));
        export::write_to_path(&result, format, &path, false).expect("a file");
        paths.push((path.display().to_string(), name));
    }
    let mapped = [("uid".to_owned(), ColumnOrigin::Column { name: "dst_ip".into(), unit: None })].into();
    let mapped = SourceSettings { columns: mapped, ..SourceSettings::default() };
    for (path, name) in paths {
        engine.register_source("plain", &path, SourceKind::Auto).expect("flows");
        engine.register_source_with("mapped", &path, &mapped).expect("flows");
        for table in [format!("read_flows('{path}')"), "plain".into(), "mapped".into()] {
            let found = query(&engine, &format!("SELECT source FROM {table} WHERE source = '{name}'")).await;
            assert_eq!(rows(&found).trim(), name, "{path} {table}");
        }
    }
    // What a file says itself is kept, as in a store of what others read.
    let stored = folder.path().join("stored.parquet");
    let result = query(&engine, "SELECT * EXCEPT (source), 'zeek' AS source FROM plain").await;
    export::write_to_path(&result, Format::Parquet, &stored, false).expect("a file");
    let found = query(&engine, &format!("SELECT source FROM read_flows('{}')", stored.display())).await;
    assert_eq!(rows(&found).trim(), "zeek");
}

async fn assert_same_schema(engine: &Engine, path: &str) {
    let found = query(engine, &format!("SELECT * FROM read_flows('{path}')")).await.schema;
    for (found, wanted) in found.fields().iter().zip(flow_source::flow_schema().fields()) {
        assert_eq!((found.name(), found.data_type()), (wanted.name(), wanted.data_type()), "{path}");
    }
    assert_eq!(found.fields().len(), flow_source::flow_schema().fields().len());
}

#[tokio::test]
async fn filters_and_columns_reach_the_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let flows =
        query(&engine, "SELECT '10.0.0.1' AS src_ip, '10.0.0.2' AS dst_ip, value AS bytes FROM range(0, 9)").await;
    let path = folder.path().join("f.parquet");
    export::write_to_path(&flows, Format::Parquet, &path, false).expect("a file");
    let plan = query(
        &engine,
        &format!("EXPLAIN SELECT bytes FROM read_flows('{}') WHERE src_ip = '10.0.0.1' LIMIT 3", path.display()),
    )
    .await;
    let text = flow_engine::render::to_text(&plan, 0);
    let mut csv = Vec::new();
    export::write(&plan, Format::Csv, &mut csv).expect("text");
    let csv = String::from_utf8_lossy(&csv);
    assert!(csv.contains("projection=[src_ip, bytes]") || csv.contains("projection=[bytes"), "{csv}\n{text}");
    assert!(csv.contains("predicate=to_ip(src_ip"), "{csv}");
}

#[tokio::test]
async fn a_path_may_be_a_parameter() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write_file(folder.path(), "a.csv", b"n,t\n1,a\n");
    let params = vec![("path".to_string(), datafusion::common::ScalarValue::from(path))];
    let options = flow_engine::QueryOptions { params, ..Default::default() };
    let result = engine().query("SELECT n FROM read_log($path)", options, flow_engine::CancellationToken::new()).await;
    assert_eq!(rows(&crate::expect_rows(result)), "1");
}

#[tokio::test]
async fn wrong_files_are_named_within_a_second() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    for (name, bytes, expected) in [
        ("a.parquet", b"this is a letter\n".as_slice(), "holds text beginning `this is a letter`"),
        ("b.csv", b"\x00\x01\x02\x03", "holds binary data beginning with the bytes 00 01 02 03"),
        (
            "c.log",
            b"{\"message\": \"hi\"}\n",
            "is not a log of a known kind, as its name says: it holds JSON text beginning `{\"message\": \"hi\"}`",
        ),
        ("d.parquet", b"PAR1xxxxxxxxxxxxPAR1", "cannot be read as such"),
        (
            "e.csv",
            b"color,size\nred,1\n",
            "does not hold flows: none of start_time, src_ip, dst_ip is among its columns color, size",
        ),
    ] {
        let path = write_file(folder.path(), name, bytes);
        let started = Instant::now();
        let fault = try_query(&engine, &format!("SELECT * FROM read_flows('{path}')")).await.expect_err(name);
        assert!(started.elapsed() < Duration::from_secs(1), "{name}");
        let text = fault.to_string();
        assert!(text.contains(expected) && text.contains(name), "{name}: {text}");
    }
    let path = folder.path().join("a.parqet").display().to_string();
    let fault = try_query(&engine, &format!("SELECT * FROM read_log('{path}')")).await.expect_err("no file");
    assert_eq!(fault.to_string(), format!("there is no file `{path}`"));
    assert!(fault.hint().is_some_and(|hint| hint.contains("a.parquet")), "{:?}", fault.hint());
}

/// The notes of a query, a line each.
fn told(result: &flow_engine::QueryResult) -> Vec<String> {
    result.notes.iter().flat_map(|note| note.lines().map(str::to_owned)).collect()
}

/// One bad file among good ones costs itself alone, and is named.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_set_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let numbers = query(&engine, "SELECT value AS n FROM range(0, 5)").await;
    let at = |name: &str| folder.path().join(name);
    for (format, name) in [(Format::Parquet, "good.parquet"), (Format::Arrow, "good.arrow")] {
        export::write_to_path(&numbers, format, &at(name), false).expect("a file");
        let bytes = std::fs::read(at(name)).expect("its bytes");
        let extension = name.rsplit('.').next().expect("an extension");
        write_file(folder.path(), &format!("cut.{extension}"), &bytes[..bytes.len() - 20]);
        write_file(folder.path(), &format!("empty.{extension}"), b"");
    }
    let conn =
        "#separator \\x09\n#fields\tts\tid.orig_h\tid.resp_h\n#types\ttime\taddr\taddr\n1.5\t10.0.0.1\t10.0.0.2\n";
    write_file(folder.path(), "good.log", conn.as_bytes());
    write_file(folder.path(), "letter.log", b"Dear all,\nplease find attached\n");
    for (pattern, rows, expected) in [
        (
            "*.parquet",
            5,
            vec![
                "cut.parquet` begins like Parquet but cannot be read as such: its end is missing",
                "empty.parquet` is empty",
            ],
        ),
        (
            "*.arrow",
            5,
            vec![
                "cut.arrow` begins like an Arrow IPC file but cannot be read as such: its end is missing",
                "empty.arrow` is empty",
            ],
        ),
        (
            "*.log",
            1,
            vec!["letter.log` is not a log of a known kind, as its name says: it holds text beginning `Dear all,`"],
        ),
    ] {
        let path = at(pattern).display().to_string();
        let result = query(&engine, &format!("SELECT * FROM read_log('{path}')")).await;
        assert_eq!(result.row_count, rows, "{pattern}");
        let notes = told(&result);
        assert_eq!(notes.len(), expected.len(), "{pattern}: {notes:?}");
        for part in expected {
            assert!(notes.iter().any(|note| note.contains(part)), "{pattern}: {part} is not in {notes:?}");
        }
        let strict = SourceSettings { strict: true, ..SourceSettings::default() };
        let fault = engine.register_source_with("strict", &path, &strict).expect_err("a strict source");
        assert!(fault.to_string().contains(&folder.path().display().to_string()), "{fault}");
        // A source says it with each query, not only with the first.
        engine.register_source("lenient", &path, SourceKind::Auto).expect("a source");
        for _ in 0..2 {
            assert_eq!(told(&query(&engine, "SELECT count(*) FROM lenient").await), notes, "{pattern}");
        }
    }
    // Alone each is an error.
    for name in ["cut.parquet", "cut.arrow", "letter.log", "empty.arrow"] {
        let fault = try_query(&engine, &format!("SELECT * FROM read_log('{}')", at(name).display())).await;
        assert!(fault.expect_err(name).to_string().contains(name), "{name}");
    }
}

/// A file that only breaks when it is read is named too, also where its connector had opened it.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_when_it_is_read_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let conn =
        "#separator \\x09\n#fields\tts\tid.orig_h\tid.resp_h\n#types\ttime\taddr\taddr\n1.5\t10.0.0.1\t10.0.0.2\n";
    for name in ["a.log", "b.log"] {
        write_file(folder.path(), name, conn.as_bytes());
    }
    let engine = engine();
    let pattern = folder.path().join("*.log").display().to_string();
    engine.register_source("logs", &pattern, SourceKind::Auto).expect("a source");
    let strict = SourceSettings { strict: true, ..SourceSettings::default() };
    engine.register_source_with("strict", &pattern, &strict).expect("a source");
    std::fs::remove_file(folder.path().join("b.log")).expect("it was there");
    let result = query(&engine, "SELECT * FROM logs").await;
    assert_eq!(result.row_count, 1);
    let notes = told(&result);
    assert!(notes.len() == 1 && notes[0].starts_with("1 file is not read: could not read `"), "{notes:?}");
    assert!(try_query(&engine, "SELECT * FROM strict").await.is_err());
}

/// phaag/nfdump#14: what a window cannot tell is said, whatever holds the flows.
#[tokio::test(flavor = "multi_thread")]
async fn flows_without_times_are_told_with_a_window() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let csv = b"start_time,src_ip,dst_ip,received_time\n2024-01-02T03:04:05Z,10.0.0.1,10.0.0.2,\n,10.0.0.3,10.0.0.4,2024-01-02T03:05:00Z\n,10.0.0.3,10.0.0.4,\n";
    let path = write_file(folder.path(), "f.csv", csv);
    let all = query(&engine, &format!("SELECT * FROM read_flows('{path}')")).await;
    for (format, name) in [(Format::Parquet, "f.parquet"), (Format::Arrow, "f.arrow")] {
        export::write_to_path(&all, format, &folder.path().join(name), false).expect("a file");
    }
    write_file(
        folder.path(),
        "f.json",
        b"{\"start_time\":\"2024-01-02T03:04:05Z\",\"src_ip\":\"10.0.0.1\"}\n{\"src_ip\":\"10.0.0.3\"}\n{\"src_ip\":\"10.0.0.3\"}\n",
    );
    for name in ["f.csv", "f.parquet", "f.arrow", "f.json"] {
        let path = folder.path().join(name).display().to_string();
        let from = format!("SELECT src_ip FROM read_flows('{path}') WHERE");
        let window = query(&engine, &format!("{from} start_time >= timestamptz '2020-01-01T00:00:00Z'")).await;
        assert_eq!(window.row_count, 1, "{name}");
        let notes = told(&window);
        assert_eq!(notes.len(), 1, "{name}: {notes:?}");
        assert!(notes[0].starts_with("2 rows without start_time"), "{name}: {notes:?}");
        assert!(notes[0].ends_with("; they meet no condition on start_time"), "{name}: {notes:?}");
        assert!(told(&query(&engine, &format!("{from} start_time IS NULL")).await).is_empty(), "{name}");
    }
}

/// snorby#62: an address of a network stands for the network, and the caption says so.
#[tokio::test]
async fn host_bits_in_a_list_are_told() {
    let engine = engine();
    let expected = "192.168.17.1/24: host bits were set, read as the network 192.168.17.0/24";
    for sql in [
        "SELECT ip_in('192.168.17.9', '192.168.17.1/24, 10.0.0.0/8') AS x",
        "SELECT to_ip('192.168.17.9') = '192.168.17.1/24' AS x",
        "SELECT 1 AS x WHERE EXISTS (SELECT 1 WHERE ip_in('192.168.17.9', '192.168.17.1/24'))",
    ] {
        assert_eq!(told(&query(&engine, sql).await), [expected], "{sql}");
    }
    let params = vec![("nets".to_string(), datafusion::common::ScalarValue::from("192.168.17.1/24"))];
    let options = flow_engine::QueryOptions { params, ..Default::default() };
    let sql = "SELECT ip_in('192.168.17.9', $nets) AS x";
    let result = engine.query(sql, options, flow_engine::CancellationToken::new()).await;
    assert_eq!(told(&crate::expect_rows(result)), [expected]);
    assert!(told(&query(&engine, "SELECT ip_in('10.0.0.1', '10.0.0.0/8') AS x").await).is_empty());
}
