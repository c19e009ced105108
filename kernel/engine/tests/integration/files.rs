//! Paths, formats and the common flow schema.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use flow_engine::{Engine, Format, SourceKind, export};

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
    assert!(query(&engine, &format!("SELECT * FROM read_log('{good}')")).await.row_count > 0);
    match try_query(&engine, &format!("SELECT * FROM read_log('{broken}')")).await {
        Ok(result) => assert!(!result.notes.is_empty(), "a broken file is not passed over in silence"),
        Err(fault) => assert!(fault.to_string().contains("http.log.corrupt.gz"), "{fault}"),
    }
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
