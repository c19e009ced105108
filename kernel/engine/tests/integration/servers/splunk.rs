//! Splunk: a server of the tests that behaves as its export is documented.

use serde_json::Value;

use super::front::Front;
use super::*;

const EVENTS: &str = "SELECT concat(arrow_cast(start_time, 'Int64') / 1000000000, '.', \
    lpad(CAST(arrow_cast(start_time, 'Int64') / 1000 % 1000000 AS VARCHAR), 6, '0')) AS _time, end_time AS ended, src_ip, \
    dst_ip AS dest_ip, src_port, dst_port AS dest_port, protocol AS proto, bytes AS bytes_out, packets AS packets_out, \
    rev_bytes AS bytes_in, rev_packets AS packets_in, tcp_flags AS tcp_flag, icmp_type, icmp_code, direction, \
    uid AS session_id, community_id FROM flows";

async fn server(engine: &Engine, folder: &Path) -> Front {
    flows(engine, folder).await;
    let events = folder.join("events.json");
    write_json(engine, &events, EVENTS).await;
    Front::start("python3", "splunk_server.py", &[&events.display().to_string()])
}

fn of_search(search: &str) -> SourceSettings {
    let columns = [
        ("end_time", "ended"),
        ("protocol", "proto"),
        ("icmp_type", "icmp_type"),
        ("icmp_code", "icmp_code"),
        ("community_id", "community_id"),
    ];
    let mut settings = settings("splunk", &[("search", search)], "reader", PLANTED);
    settings.columns = columns.into_iter().map(|(flow, field)| (flow.to_owned(), column(field, None))).collect();
    settings
}

/// The search that was exported last, and its stretch of time.
async fn asked(server: &Front) -> String {
    let body = server.bodies("POST", "/export").await.pop().expect("an export");
    let pairs = url::form_urlencoded::parse(body.as_bytes());
    pairs.map(|(name, value)| format!("{name}: {value}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_answers_as_files_do_and_filters_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let server = server(&engine, folder.path()).await;
    register(&engine, &server.location(), &of_search("index=flows"));
    both_agree(&engine, "there").await;
    let found = query(
        &engine,
        "SELECT dst_ip FROM there WHERE src_ip = '10.20.5.0/24' AND dst_port = 3389 \
                                AND start_time >= '2024-02-05T09:00:00Z' AND start_time < '2024-02-05T12:00:00Z'",
    )
    .await;
    let asked = asked(&server).await;
    for part in [
        "search: search index=flows (",
        "src_ip=\"10.20.5.0/24\"",
        "(dest_port>=3389 dest_port<=3389)",
        "earliest_time: 1707123600.000",
        "latest_time: 1707134400.000",
        "| fields ",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
    assert!(!asked.contains("bytes_out"), "{asked}");
    assert!(found.notes.iter().any(|note| note.text.contains("an indexer is slow")), "{:?}", found.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_told_and_previews_are_not_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let server = server(&engine, folder.path()).await;
    let location = server.location();
    register(&engine, &location, &of_search("index=flows"));
    let sql = "SELECT src_ip FROM there WHERE dst_port = 443";
    for (kind, fact) in [("fatal", "The search was cancelled: [hidden]"), ("cut", "the answer broke off")] {
        server.fail(kind, 1).await;
        says(&try_query(&engine, sql).await.expect_err(kind), fact, "Try again");
    }
    server.fail("503", 1).await;
    let count = |table: &str| format!("SELECT count(*) AS n FROM {table} WHERE dst_port = 443");
    let expected = rows(&query(&engine, &count("flows")).await);
    assert_eq!(rows(&query(&engine, &count("there")).await), expected, "also after it was busy once");
    server.fail("503", 100).await;
    says(&try_query(&engine, sql).await.expect_err("always busy"), "too busy (it answers 503)", "later");
    server.fail("", 0).await;

    let with = |search: &str| settings("splunk", &[("search", search)], "reader", PLANTED);
    refused(&engine, &location, &with("index=flows | nonsense"), "Unknown search command", "");
    refused(&engine, &location, &with("index=flows ("), "refuses the query", "");
    refused(&engine, &location, &settings("splunk", &[], "reader", PLANTED), "which search", "search = ");
    refused(
        &engine,
        &location,
        &settings("splunk", &[("search", "*")], "reader", "wrong"),
        "does not accept",
        "`user`",
    );
    refused(&engine, "http://127.0.0.1:1", &with("*"), "cannot be reached", "name and port");
    let sql_map = [("bytes".to_owned(), ColumnOrigin::Sql("a + b".into()))].into();
    refused(
        &engine,
        &location,
        &SourceSettings { columns: sql_map, ..with("*") },
        "fields of events have none",
        "eval",
    );
    let searches: Vec<Value> = server.asked().await;
    assert!(searches.iter().all(|request| !request["path"].as_str().unwrap_or_default().contains(PLANTED)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_sources_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let server = server(&engine, folder.path()).await;
    register(&engine, &server.location(), &of_search("index=flows"));
    keeps_the_contract(&engine, server).await;
}
