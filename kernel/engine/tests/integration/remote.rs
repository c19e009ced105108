//! Objects of web servers: parts of Parquet, everything else as a whole, faults in words. Stores that speak S3 are tested
//! with a server of their own, in tests/cli/test_remote.py.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use flow_engine::{CancellationToken, EngineError, Parameter, Progress, QueryOptions, SourceKind};

use crate::web::Web;
use crate::{engine, query, rows, try_query};

const FLOWS: &str = "start_time,src_ip,dst_ip,bytes\n2024-01-01T00:00:00Z,10.0.0.1,192.0.2.1,7\n\
                     2024-01-01T00:00:01Z,10.0.0.2,192.0.2.1,9007199254740993\n";
const PLANTED: &str = "s3cr3t-of-a-test";
/// Row groups of the Parquet file, and rows in each.
const GROUPS: usize = 10;
const GROUP_ROWS: usize = 20_000;

/// For who runs the tests to see: what was measured, and how faults read.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Flows of ten networks, sorted by them, a row group each, with Bloom filters on addresses.
async fn write_parquet(folder: &Path) -> u64 {
    let engine = engine();
    let all = GROUPS * GROUP_ROWS;
    let flows = query(
        &engine,
        &format!(
            "SELECT to_timestamp_nanos(1704067200000000000 + value * 1000000) AS start_time,
                    to_ip(concat('10.', value / {GROUP_ROWS}, '.', value % 200, '.', value % 251)) AS src_ip,
                    to_ip(concat('192.0.2.', value % 250)) AS dst_ip, arrow_cast(value * 31 % 65521, 'UInt64') AS bytes,
                    md5(arrow_cast(value, 'Utf8')) AS uid
             FROM range(0, {all}) ORDER BY value"
        ),
    )
    .await;
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_bloom_filter_enabled(true)
        .set_statistics_enabled(EnabledStatistics::Page)
        .build();
    let path = folder.join("flows.parquet");
    let file = std::fs::File::create(&path).expect("a file");
    let mut writer = datafusion::parquet::arrow::ArrowWriter::try_new(file, flows.schema.clone(), Some(properties))
        .expect("a writer");
    for batch in &flows.batches {
        writer.write(batch).expect("rows");
    }
    writer.close().expect("the end");
    std::fs::metadata(&path).expect("a file").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parquet_only_the_parts_that_are_needed_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let size = write_parquet(folder.path()).await;
    let web = Web::of(folder.path());
    let engine = engine();
    let source = format!("read_flows('{}/flows.parquet')", web.url());
    let one_host =
        format!("SELECT count(*) AS n, min(src_ip) AS h, sum(bytes) AS b FROM {source} WHERE src_ip = '10.5.7.7'");
    let here = one_host.replace(&web.url(), &folder.path().display().to_string());
    let expected = rows(&query(&engine, &here).await);
    web.forget();
    assert_eq!(rows(&query(&engine, &one_host).await), expected);
    assert!(expected.contains("10.5.7.7"), "the label of addresses is kept: {expected}");
    let (bytes, requests) = (web.bytes(), web.requests());
    note(&format!("one host: {bytes} of {size} bytes in {requests} requests"));
    assert!(bytes * 4 < size, "{bytes} of {size} bytes");
    assert_eq!(web.whole_answers(), 0, "only parts");

    web.forget();
    let nobody = query(&engine, &format!("SELECT * FROM {source} WHERE src_ip = '10.5.7.9'")).await;
    assert_eq!(nobody.row_count, 0, "such a host is in no row");
    note(&format!("a host that is not there: {} bytes in {} requests", web.bytes(), web.requests()));
    assert!(web.bytes() * 20 < size, "{}", web.bytes());

    web.forget();
    query(&engine, &format!("SELECT sum(bytes) FROM {source}")).await;
    note(&format!("one column: {} bytes in {} requests", web.bytes(), web.requests()));
    assert!(web.bytes() * 3 < size, "{} of {size}: one column of five", web.bytes());
    engine.register_source("remote", &format!("{}/flows.parquet", web.url()), SourceKind::Auto).expect("a source");
    let all = query(&engine, "SELECT count(*) FROM remote").await;
    assert!(rows(&all).contains("200000") || rows(&all).contains("200,000"), "{}", rows(&all));
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_else_is_fetched_once_and_again_when_it_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a b.csv"), FLOWS).expect("a file");
    let web = Web::of(folder.path());
    let engine = engine();
    let sql = format!("SELECT sum(bytes) FROM read_flows('{}/a%20b.csv?{PLANTED}')", web.url());
    let read = || async { rows(&query(&engine, &sql).await).replace(',', "") };
    assert!(read().await.contains("9007199254741000"));
    assert_eq!(web.whole_answers(), 1);
    assert!(read().await.contains("9007199254741000"));
    assert_eq!(web.whole_answers(), 1, "unchanged");
    std::fs::write(folder.path().join("a b.csv"), format!("{FLOWS}2024-01-01T00:00:02Z,10.0.0.3,192.0.2.1,2\n"))
        .expect("a file");
    assert!(read().await.contains("9007199254741002"));
    assert_eq!(web.whole_answers(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_parts_gives_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    write_parquet(folder.path()).await;
    std::fs::write(folder.path().join("empty.log"), "").expect("a file");
    let web = Web::without_ranges(folder.path());
    let engine = engine();
    let count = query(&engine, &format!("SELECT count(*) FROM read_log('{}/flows.parquet')", web.url())).await;
    assert!(rows(&count).replace(',', "").contains("200000"));
    for web in [web, Web::of(folder.path())] {
        let fault = try_query(&engine, &format!("SELECT * FROM read_log('{}/empty.log')", web.url())).await;
        let fault = fault.expect_err("nothing in it").to_string();
        assert!(fault.contains("empty.log` is empty") && fault.contains("http://127.0.0.1"), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_explained_without_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("odd.log"), "Dear all,\nhello\n").expect("a file");
    std::fs::write(folder.path().join("cut.parquet"), "PAR1 and then nothing of it, \x01\0\0\0PAR").expect("a file");
    std::fs::write(folder.path().join("bad.parquet"), "PAR1 and then \0\x7f\0\0PAR1").expect("a file");
    std::fs::write(folder.path().join("cut.log.gz"), b"\x1f\x8b\x08\0\0\0\0\0\0\x03abc").expect("a file");
    let web = Web::of(folder.path());
    let url = web.url();
    let nobody = url.rsplit_once(':').map(|(host, _)| format!("{host}:9")).expect("a port");
    let engine = engine();
    for (address, fact, hint) in [
        (format!("{url}/no.log?sig={PLANTED}"), "there is no such object", "Check the address"),
        (format!("{url}/status/403?sig={PLANTED}"), "the server denies access", "a signed one"),
        (format!("{url}/status/503?sig={PLANTED}"), "the server answers 503", ""),
        (format!("{url}/redirect?sig={PLANTED}"), "sends on to plain http", ""),
        (format!("{url}/odd.log?sig={PLANTED}"), "is not a log of a known kind", "Readable are"),
        (format!("{url}/cut.parquet?sig={PLANTED}"), "its end is missing", ""),
        (format!("{url}/bad.parquet?sig={PLANTED}"), "the length of its metadata is wrong", ""),
        (format!("{url}/cut.log.gz?sig={PLANTED}"), "cut.log.gz", ""),
        (format!("{url}/*.log?sig={PLANTED}"), "does not list its files", "each file by its own"),
        (format!("{nobody}/a.log?sig={PLANTED}"), "cannot be reached", "name and port"),
        (format!("https://{}/a.log?sig={PLANTED}", &url["http://".len()..]), "no secure connection", "certificate"),
        (format!("http://192.0.2.1/a.log?sig={PLANTED}"), "plain http is only for this machine", "allow_http"),
        (format!("https://me:{PLANTED}@127.0.0.1/a.log"), "a name or password", "secrets"),
        (format!("gs://bucket/a.log?{PLANTED}"), "`gs` is not among s3, https, http and file", "s3://BUCKET"),
    ] {
        let fault = try_query(&engine, &format!("SELECT * FROM read_log('{address}')")).await;
        let fault = fault.expect_err("a fault");
        let (text, advice, log) = (fault.to_string(), fault.hint().unwrap_or_default(), fault.for_log());
        note(&format!("{text}\n  hint: {advice}"));
        assert!(text.contains(fact), "{address}: {text}");
        assert!(advice.contains(hint), "{address}: {advice}");
        assert!(!format!("{text}{advice}{log}{fault:?}").contains(PLANTED), "{text}\n{log}");
        assert!(!text.contains("flowdeck-fetched"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_goes_while_a_table_is_there_is_told_by_its_address() {
    let folder = tempfile::tempdir().expect("a folder");
    write_parquet(folder.path()).await;
    let web = Web::of(folder.path());
    let engine = engine();
    engine.register_source("remote", &format!("{}/flows.parquet", web.url()), SourceKind::Auto).expect("a source");
    std::fs::remove_file(folder.path().join("flows.parquet")).expect("removed");
    let fault = try_query(&engine, "SELECT * FROM remote").await.expect_err("it is gone");
    assert!(fault.to_string().contains("/flows.parquet`: there is no such object"), "{fault}");
    let write = try_query(&engine, "COPY (SELECT 1) TO 'remote://store-0/x.csv'").await.expect_err("for reading only");
    note(&write.to_string());
    assert!(!folder.path().join("x.csv").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_is_a_path_and_no_address() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.csv"), FLOWS).expect("a file");
    let web = Web::of(folder.path());
    let engine = engine();
    let run = |path: String| {
        let options = QueryOptions::default().with_parameter("path", Parameter::Text(Some(path)));
        engine.query("SELECT * FROM read_flows($path)", options, CancellationToken::new())
    };
    assert_eq!(run(folder.path().join("a.csv").display().to_string()).await.expect("a path").row_count, 2);
    for address in [format!("{}/a.csv?{PLANTED}", web.url()), "s3://bucket/a.csv".into()] {
        let fault = run(address).await.expect_err("an address");
        assert!(fault.to_string().contains("a parameter of a query is a path"), "{fault}");
        assert!(!fault.for_log().contains(PLANTED));
    }
    assert_eq!(web.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn fetching_stops_with_the_query_and_tells_how_far_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("slow.csv"), FLOWS.repeat(20_000)).expect("a file");
    let web = Web::slow(folder.path());
    let spill = tempfile::tempdir().expect("a folder");
    let options = flow_engine::EngineOptions {
        spill_folder: Some(spill.path().to_owned()),
        ..flow_engine::EngineOptions::default()
    };
    let engine = flow_engine::Engine::with_options(options).expect("an engine");
    let told: std::sync::Arc<std::sync::Mutex<Vec<Progress>>> = std::sync::Arc::default();
    let teller = std::sync::Arc::clone(&told);
    let options = QueryOptions {
        progress: Some(std::sync::Arc::new(move |progress| teller.lock().expect("no panic").push(progress))),
        ..QueryOptions::default()
    };
    let cancel = CancellationToken::new();
    let sql = format!("SELECT * FROM read_flows('{}/slow.csv')", web.url());
    let (runner, token) = (engine.clone(), cancel.clone());
    let running = tokio::spawn(async move { runner.query(&sql, options, token).await });
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let started = Instant::now();
    cancel.cancel();
    let outcome = running.await.expect("no panic");
    assert!(matches!(outcome, Err(EngineError::Cancelled { .. })), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_millis(200), "{:?}", started.elapsed());
    let last = *told.lock().expect("no panic").last().expect("something was told");
    assert_eq!(last.bytes_total, std::fs::metadata(folder.path().join("slow.csv")).expect("a file").len());
    assert!(last.bytes_read > 0 && last.bytes_read < last.bytes_total, "{last:?}");
    // The server notices that nobody reads any more.
    let deadline = Instant::now() + Duration::from_secs(5);
    while web.open.load(Ordering::Relaxed) > 0 {
        assert!(Instant::now() < deadline, "the connection stays open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let files = walk(spill.path());
    assert!(files.iter().all(|path| !path.ends_with("slow.csv")), "the half file is gone: {files:?}");
    drop(engine);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(walk(spill.path()).is_empty(), "{:?}", walk(spill.path()));
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
