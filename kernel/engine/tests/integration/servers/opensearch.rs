//! OpenSearch and Elasticsearch: a server of the tests that behaves as theirs are documented.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::front::Front;
use super::*;

const DOCUMENTS: &str = "SELECT start_time AS \"event.start\", end_time AS \"event.end\", src_ip AS \"source.ip\", \
    dst_ip AS \"destination.ip\", src_port AS \"source.port\", dst_port AS \"destination.port\", \
    CAST(protocol AS VARCHAR) AS \"network.iana_number\", bytes AS \"source.bytes\", packets AS \"source.packets\", \
    rev_bytes AS \"destination.bytes\", rev_packets AS \"destination.packets\", direction AS \"network.direction\", \
    uid AS \"event.id\", community_id AS \"network.community_id\", tcp_flags, icmp_type, icmp_code FROM flows";

fn mapping() -> Value {
    let of = |kind: &str| json!({"type": kind});
    let end = json!({"properties": {"ip": of("ip"), "port": of("long"), "bytes": of("long"), "packets": of("long")}});
    json!({"properties": {
        "event": {"properties": {"start": of("date_nanos"), "end": of("date_nanos"), "id": of("keyword")}},
        "source": end, "destination": end,
        "network": {"properties": {
            "iana_number": of("keyword"), "direction": of("keyword"), "community_id": of("keyword")}},
        "tcp_flags": of("long"), "icmp_type": of("long"), "icmp_code": of("long")
    }})
}

async fn server(engine: &Engine, flavour: &str, folder: &Path) -> Front {
    flows(engine, folder).await;
    let (mapping_path, documents) = (folder.join("mapping.json"), folder.join("documents.json"));
    std::fs::write(&mapping_path, mapping().to_string()).expect("a file");
    write_json(engine, &documents, DOCUMENTS).await;
    let (mapping_path, documents) = (mapping_path.display().to_string(), documents.display().to_string());
    Front::start("python3", "opensearch_server.py", &[flavour, &mapping_path, &documents])
}

fn of_index(index: &str) -> SourceSettings {
    settings("opensearch", &[("index", index)], "reader", PLANTED)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_answers_as_files_do_and_filters_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let server = server(&engine, "opensearch", folder.path()).await;
    register(&engine, &server.location(), &of_index("flows"));
    both_agree(&engine, "there").await;
    query(
        &engine,
        "SELECT dst_ip, source_row FROM there WHERE src_ip = '10.20.5.0/24' AND dst_port = 3389 \
                    AND start_time >= '2024-02-05T09:00:00Z'",
    )
    .await;
    let asked = server.bodies("POST", "/_search").await.pop().expect("a search");
    let asked: Value = serde_json::from_str(&asked).expect("JSON");
    let parts = asked.pointer("/query/bool/filter").and_then(Value::as_array).expect("a filter").clone();
    for part in [
        json!({"range": {"source.ip": {"gte": "10.20.5.0", "lte": "10.20.5.255"}}}),
        json!({"terms": {"destination.port": [3389]}}),
    ] {
        assert!(parts.contains(&part), "{part} in {asked}");
    }
    let time = "2024-02-05T09:00:00.000000000Z";
    assert!(parts.iter().any(|part| part.pointer("/range/event.start/gte") == Some(&json!(time))), "{asked}");
    let fields: Vec<&str> =
        asked["fields"].as_array().into_iter().flatten().filter_map(|field| field["field"].as_str()).collect();
    assert!(fields.contains(&"destination.ip") && !fields.contains(&"source.bytes"), "{asked}");
    let document = rows(&query(&engine, "SELECT source, source_row FROM there LIMIT 1").await);
    assert!(document.contains("opensearch") && document.contains("flows/0000"), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_each_flavour_are_whole_and_points_are_forgotten() {
    for flavour in ["elasticsearch", "opensearch-2"] {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = engine();
        let server = server(&engine, flavour, folder.path()).await;
        register(&engine, &server.location(), &of_index("flows"));
        let all = |table: &str| {
            format!("SELECT count(*) AS n, count(DISTINCT start_time) AS t, sum(bytes) AS b FROM {table}")
        };
        assert_eq!(rows(&query(&engine, &all("there")).await), rows(&query(&engine, &all("flows")).await), "{flavour}");
        let pages = server.bodies("POST", "/_search").await.len();
        assert!(pages >= 2, "{pages} pages");
        let limited = query(&engine, "SELECT src_ip FROM there LIMIT 7").await;
        let search = server.bodies("POST", "/_search").await.pop().unwrap_or_default();
        assert!(limited.row_count == 7 && search.contains("\"size\":7"), "{search}");
        let path = if flavour == "elasticsearch" { "/_pit" } else { "/_search/point_in_time" };
        let since = Instant::now();
        while server.bodies("DELETE", path).await.len() < 2 {
            assert!(since.elapsed() < Duration::from_secs(5), "points in time are not given back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_told_and_nothing_is_lost_without_a_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let server = server(&engine, "opensearch", folder.path()).await;
    let location = server.location();
    register(&engine, &location, &of_index("flows"));
    let sql = "SELECT src_ip FROM there WHERE dst_port = 443";
    for (kind, fact, hint) in [
        ("shard", "1 of 3 shards did not answer: node left the cluster", "Rows would be missing"),
        ("late", "the search took too long", "Rows would be missing"),
        ("html", "it answers 502 Bad Gateway", ""),
    ] {
        server.fail(kind, 1).await;
        says(&try_query(&engine, sql).await.expect_err(kind), fact, hint);
    }
    server.fail("429", 2).await;
    assert!(query(&engine, sql).await.row_count > 0, "after two refusals the third try is answered");
    server.fail("429", 100).await;
    says(&try_query(&engine, sql).await.expect_err("always busy"), "too busy (it answers 429): queue is full", "later");
    server.fail("", 0).await;

    refused(&engine, &location, &of_index("flow"), "there is no index `flow`", "Did you mean `flows`?");
    refused(&engine, &location, &of_index("forbidden"), "does not allow it", "right to read");
    refused(&engine, &location, &of_index("empty"), "none of its columns is one of flows", "`columns`");
    refused(&engine, &location, &settings("opensearch", &[], "reader", PLANTED), "which index", "index = ");
    refused(
        &engine,
        &location,
        &settings("opensearch", &[("index", "flows")], "reader", "wrong"),
        "does not accept",
        "`user`",
    );
    refused(&engine, "http://127.0.0.1:1", &of_index("flows"), "cannot be reached", "name and port");
    refused(&engine, "http://192.0.2.1:9200", &of_index("flows"), "not be encrypted", "allow_http");
    let mapped =
        |flow: &str, origin| SourceSettings { columns: [(flow.to_owned(), origin)].into(), ..of_index("flows") };
    refused(&engine, &location, &mapped("src_ip", column("sourc.ip", None)), "`sourc.ip`", "Did you mean `source.ip`?");
    refused(&engine, &location, &mapped("src_ip", ColumnOrigin::Sql("x".into())), "the server has none", "FIELD");
    refused(&engine, &location, &mapped("start_time", column("tcp_flags", None)), "which is a number", "unit");

    let mut with_token = of_index("flows");
    with_token.server.user = None;
    with_token.server.secrets = [("token".to_owned(), Secret::new(PLANTED))].into();
    register(&engine, &location, &with_token);
    assert!(query(&engine, "SELECT src_ip FROM there LIMIT 1").await.row_count == 1);
    drop(server);
    says(&try_query(&engine, sql).await.expect_err("the server is gone"), "cannot be reached", "whether it runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_sources_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let server = server(&engine, "opensearch", folder.path()).await;
    register(&engine, &server.location(), &of_index("flows"));
    keeps_the_contract(&engine, server).await;
}
