//! Sources in the network that are opened by what needs them: nothing is asked before, once is enough, a server that was
//! down is asked again.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use flow_engine::{
    CancellationToken, Engine, EngineError, Parameter, QueryOptions, Secret, ServerSettings, SourceSettings,
    SourceStatus,
};

use crate::web::Web;
use crate::{engine, query, rows, try_query};

const FLOWS: &str = "start_time,src_ip,dst_ip,bytes\n2024-01-01T00:00:00Z,10.0.0.1,192.0.2.1,7\n";
/// What an analyst feels as at once, on a busy machine.
const PROMPT: Duration = Duration::from_secs(2);

fn folder_of_flows() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("flows.csv"), FLOWS).expect("a file");
    folder
}

/// As many flows as make a slow server take some pieces.
fn folder_of_many_flows() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let more = "2024-01-01T00:00:00Z,10.0.0.1,192.0.2.1,7\n".repeat(2000);
    std::fs::write(folder.path().join("flows.csv"), format!("{FLOWS}{more}")).expect("a file");
    folder
}

/// An address where nobody answers, until somebody does.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

fn later(engine: &Engine, name: &str, location: &str) {
    engine.register_source_later(name, location, Arc::new(|| Ok(SourceSettings::default()))).expect("a name");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_down_is_asked_again() {
    let folder = folder_of_flows();
    let address = free_address();
    let engine = engine();
    later(&engine, "Remote", &format!("http://{address}/flows.csv"));
    assert!(matches!(engine.source_status("remote"), Some(SourceStatus::Unopened)));

    for sql in ["SELECT * FROM remote", "SELECT * FROM read_source('remote')"] {
        let fault = try_query(&engine, sql).await.expect_err("nobody answers");
        let text = fault.to_string();
        assert!(
            text.starts_with("the source `remote` could not be opened: could not read `http://127.0.0.1:"),
            "{text}"
        );
        assert!(text.contains("cannot be reached"), "{text}");
        assert!(fault.hint().is_some_and(|hint| hint.ends_with("the next query tries again")), "{fault:?}");
    }
    assert!(matches!(engine.source_status("remote"), Some(SourceStatus::Failed(_))));

    let web = Web::at(address, folder.path());
    assert_eq!(rows(&query(&engine, "SELECT bytes FROM remote").await).trim(), "7");
    assert!(matches!(engine.source_status("remote"), Some(SourceStatus::Open(open)) if open.files == 1));
    let asked = web.requests();
    assert!(asked > 0);
    query(&engine, "SELECT count(*) FROM remote UNION ALL SELECT count(*) FROM read_source('remote')").await;
    assert_eq!(web.requests(), asked, "what was opened is not opened again");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_before_a_query_needs_it() {
    let folder = folder_of_flows();
    let web = Web::of(folder.path());
    let engine = engine();
    let location = format!("{}/flows.csv", web.url());
    for name in ["flows", "other", "third"] {
        later(&engine, name, &location);
    }
    query(&engine, "SELECT 1").await;
    query(&engine, "WITH other AS (SELECT 2 AS x) SELECT x FROM other").await;
    let tables = rows(&query(&engine, "SHOW TABLES").await);
    assert!(tables.contains("flows") && tables.contains("other"), "{tables}");
    assert_eq!(engine.table_names(), ["flows", "other", "third"]);
    query(&engine, "SELECT * FROM information_schema.columns").await;
    assert!(engine.complete("SELECT  FROM other", 7).items.iter().all(|item| item.text != "src_ip"));
    assert_eq!(web.requests(), 0, "lists and queries of other tables ask nobody");

    // What a view is of is opened, and nothing else.
    let of_view = query(&engine, r#"SELECT "source.ip" FROM flows_ecs"#).await;
    assert_eq!(rows(&of_view).trim(), "10.0.0.1");
    assert!(matches!(engine.source_status("other"), Some(SourceStatus::Unopened)));
    assert!(rows(&query(&engine, "SHOW COLUMNS FROM other").await).contains("src_ip"));
    engine.open_for_completion("SELECT  FROM third t", 7).await;
    assert!(engine.complete("SELECT  FROM third t", 7).items.iter().any(|item| item.text == "src_ip"));
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_at_once_open_it_once() {
    let folder = folder_of_many_flows();
    let web = Web::slow(folder.path());
    let engine = engine();
    later(&engine, "remote", &format!("{}/flows.csv", web.url()));
    let queries = ["SELECT count(*) FROM remote", "SELECT count(*) FROM read_source('remote')"].repeat(3);
    let found = futures::future::join_all(queries.into_iter().map(|sql| query(&engine, sql))).await;
    for found in &found {
        assert_eq!(rows(found).trim(), "2001");
    }
    assert_eq!(web.whole_answers(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_waiting_stops_it_for_nobody_else() {
    let folder = folder_of_many_flows();
    let web = Web::slow(folder.path());
    let engine = engine();
    later(&engine, "remote", &format!("{}/flows.csv", web.url()));
    let stopped = CancellationToken::new();
    let ask = |token: CancellationToken| {
        let engine = engine.clone();
        async move { engine.query("SELECT count(*) FROM remote", QueryOptions::default(), token).await }
    };
    let first = tokio::spawn(ask(stopped.clone()));
    while web.open.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let second = tokio::spawn(ask(CancellationToken::new()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    stopped.cancel();
    let first = first.await.expect("no panic");
    assert!(matches!(first, Err(EngineError::Cancelled { .. })), "{first:?}");
    let second = second.await.expect("no panic").expect("the other waits on");
    assert_eq!(rows(&second).trim(), "2001");
    assert_eq!(web.whole_answers(), 1);
}

/// Takes connections and never answers.
fn silent_server() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (address, count) = (listener.local_addr().expect("an address"), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for connection in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::Relaxed);
            kept.push(connection);
        }
    });
    (address, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_a_server_that_is_silent_is_cancelled_at_once() {
    let (address, connections) = silent_server();
    let engine = engine();
    later(&engine, "web", &format!("http://{address}/flows.csv"));
    for (name, location) in [
        ("postgresql", format!("postgresql://{address}/traffic")),
        ("clickhouse", format!("http://{address}")),
        ("opensearch", format!("http://{address}")),
        ("splunk", format!("http://{address}")),
        ("flowmon", format!("http://{address}")),
    ] {
        let given = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let options = match name {
            "postgresql" | "clickhouse" => vec![given("table", "flows")],
            "opensearch" => vec![given("index", "flows")],
            "splunk" => vec![given("search", "index=flows")],
            _ => Vec::new(),
        };
        let server = ServerSettings {
            options: options.into_iter().collect(),
            user: Some("analyst".into()),
            secrets: [("password".to_owned(), Secret::new("s3cr3t-of-a-test"))].into(),
            ca_file: None,
        };
        let settings = SourceSettings { connector: Some(name.into()), server, ..SourceSettings::default() };
        engine.register_source_later(name, &location, Arc::new(move || Ok(settings.clone()))).expect("a name");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 0, "making sources known asks nobody");
    for (asked, name) in ["web", "postgresql", "clickhouse", "opensearch", "splunk", "flowmon"].into_iter().enumerate()
    {
        for (place, sql) in
            [format!("SELECT * FROM {name}"), "SELECT * FROM read_source($name)".to_owned()].into_iter().enumerate()
        {
            let before = connections.load(Ordering::Relaxed);
            let cancel = CancellationToken::new();
            let options = QueryOptions::default().with_parameter("name", Parameter::Text(Some(name.to_owned())));
            let (runner, token) = (engine.clone(), cancel.clone());
            let waiting = tokio::spawn(async move { runner.query(&sql, options, token).await });
            let begun = Instant::now();
            // The second may still join the attempt of the first, which ends a moment after that was cancelled.
            let may_have_joined = || place > 0 && begun.elapsed() > Duration::from_millis(300);
            while connections.load(Ordering::Relaxed) == before && !may_have_joined() {
                assert!(begun.elapsed() < Duration::from_secs(20), "{name} is asked ({asked})");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let asked = Instant::now();
            cancel.cancel();
            let outcome = waiting.await.expect("no panic");
            assert!(asked.elapsed() < PROMPT, "{name}: {:?}", asked.elapsed());
            assert!(matches!(outcome, Err(EngineError::Cancelled { .. })), "{name}: {outcome:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_the_same_name_goes_before_a_source_that_is_not_open() {
    let folder = folder_of_flows();
    let web = Web::of(folder.path());
    let engine = engine();
    later(&engine, "remote", &format!("{}/flows.csv", web.url()));
    let result = query(&engine, "SELECT 'mine' AS whose").await;
    engine.register_result("remote", &result).expect("a table");
    assert_eq!(rows(&query(&engine, "SELECT whose FROM remote").await).trim(), "mine");
    assert_eq!(web.requests(), 0);
    assert_eq!(rows(&query(&engine, "SELECT bytes FROM read_source('remote')").await).trim(), "7");
    assert_eq!(rows(&query(&engine, "SELECT whose FROM remote").await).trim(), "mine", "it is not taken away");
    assert!(engine.deregister("remote"));
    assert!(matches!(try_query(&engine, "SELECT * FROM remote").await, Err(EngineError::UnknownTable { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_made_anew_for_each_attempt() {
    let folder = folder_of_flows();
    let web = Web::of(folder.path());
    let engine = engine();
    let attempts = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&attempts);
    let settings = move || match counted.fetch_add(1, Ordering::Relaxed) {
        0 => Err(EngineError::Source { text: "the key is not there yet".into(), hint: None, log: String::new() }),
        _ => Ok(SourceSettings::default()),
    };
    engine.register_source_later("remote", &format!("{}/flows.csv", web.url()), Arc::new(settings)).expect("a name");
    let fault = try_query(&engine, "SELECT * FROM remote").await.expect_err("no key");
    assert_eq!(fault.to_string(), "the source `remote` could not be opened: the key is not there yet");
    query(&engine, "SELECT * FROM remote").await;
    query(&engine, "SELECT * FROM remote").await;
    assert_eq!(attempts.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_may_be_made_under_the_name_of_a_source_that_is_down() {
    let engine = engine();
    later(&engine, "siem", &format!("http://{}/flows.csv", free_address()));
    query(&engine, "CREATE TABLE siem AS SELECT 1 AS x").await;
    assert_eq!(rows(&query(&engine, "SELECT x FROM siem").await).trim(), "1");
    let engine = self::engine();
    later(&engine, "siem", &format!("http://{}/flows.csv", free_address()));
    let fault = try_query(&engine, "CREATE TABLE mine AS SELECT * FROM siem").await.expect_err("nobody answers");
    assert!(fault.to_string().starts_with("the source `siem` could not be opened"), "{fault}");
}
