//! The flows under the names of other standards, and the page about the schema.

use flow_engine::SourceKind;

use crate::{engine, query, rows, try_query};

const FLOWS: &str = "start_time,duration_s,src_ip,dst_ip,src_port,dst_port,icmp_type,icmp_code,protocol,protocol_name,\
    ip_version,bytes,rev_bytes,direction,src_mac,conn_state\n\
    2024-02-05T12:00:00Z,1.5,10.0.0.1,192.0.2.1,40000,443,,,6,tcp,4,1000,50,out,00:00:5e:00:53:23,SF\n\
    2024-02-05T12:00:01Z,,fe80::1,fe80::2,,,128,0,58,ipv6-icmp,6,80,,internal,,\n";

#[tokio::test]
async fn flows_have_the_names_of_the_standards() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flows.csv");
    std::fs::write(&path, FLOWS).expect("a file");
    let engine = engine();
    engine.register_source("flows", path.to_str().expect("Unicode"), SourceKind::Flows).expect("flows");
    let ecs = query(
        &engine,
        r#"SELECT "source.ip" AS ip, "source.port" AS port, "event.duration" AS ns, "network.type" AS type, "network.bytes" AS n,
        "network.direction" AS dir, "source.mac" AS mac FROM flows_ecs WHERE "source.ip" IN ('10.0.0.0/8', 'fe80::1') ORDER BY "event.start""#,
    )
    .await;
    let words = |text: String| {
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(
        words(rows(&ecs)),
        ["10.0.0.1 40000 1500000000 ipv4 1050 outbound 00-00-5E-00-53-23", "fe80::1 NULL NULL ipv6 80 internal NULL"]
    );
    let zeek = query(
        &engine,
        r#"SELECT "id.orig_h" AS h, "id.orig_p" AS p, "id.resp_p" AS rp, proto, ip_proto, duration, local_orig AS lo, local_resp AS lr,
        orig_ip_bytes AS n, conn_state AS s FROM flows_zeek ORDER BY ts"#,
    )
    .await;
    assert_eq!(
        words(rows(&zeek)),
        ["10.0.0.1 40000 443 tcp 6 1.5 true false 1000 SF", "fe80::1 128 0 icmp 58 NULL true true 80 NULL"]
    );
    query(&engine, "SELECT * FROM flows_ecs").await;
    query(&engine, "SELECT * FROM flows_zeek").await;
}

#[tokio::test]
async fn views_follow_the_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flows.csv");
    std::fs::write(&path, FLOWS).expect("a file");
    let path = path.to_str().expect("Unicode");
    let engine = engine();
    let names = || engine.table_names();
    assert!(names().is_empty());
    query(&engine, "CREATE TABLE flows AS SELECT 1 AS n").await;
    assert_eq!(names(), ["flows"], "it has not the columns of flows");
    query(&engine, &format!("CREATE OR REPLACE TABLE flows AS SELECT * FROM read_flows('{path}')")).await;
    assert_eq!(names(), ["flows", "flows_ecs", "flows_zeek"]);
    query(&engine, &format!("CREATE OR REPLACE TABLE flows AS SELECT * FROM read_flows('{path}') LIMIT 1")).await;
    assert_eq!(rows(&query(&engine, "SELECT count(*) FROM flows_ecs").await).trim(), "1");
    query(&engine, "DROP TABLE flows").await;
    assert!(names().is_empty());
    query(&engine, "CREATE TABLE flows_zeek AS SELECT 7 AS mine").await;
    engine.register_source("flows", path, SourceKind::Flows).expect("flows");
    assert_eq!(rows(&query(&engine, "SELECT mine FROM flows_zeek").await).trim(), "7", "an analyst's table is kept");
    assert!(engine.deregister("flows"));
    assert_eq!(names(), ["flows_zeek"]);
    assert!(try_query(&engine, "SELECT * FROM flows_ecs").await.is_err());
}

#[test]
fn the_page_about_the_schema_is_that_of_the_code() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema.md");
    let written = std::fs::read_to_string(page).unwrap_or_default();
    assert!(
        written == flow_engine::schema_document(),
        "docs/schema.md is stale: flowdeck schema-document > docs/schema.md"
    );
}
