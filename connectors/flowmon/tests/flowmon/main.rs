//! The connector against a collector on this machine: the contract of tables, what is asked, tokens, what goes wrong.
#![allow(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

mod server;

use std::sync::Arc;

use connector_flowmon::Flowmon;
use connector_test_support::{context, text};
use datafusion::catalog::TableProvider;
use flow_source::{Secret, contract_tests};
use remote_source::{RemoteConnector, RemoteError, RemoteTable, Settings};
use serde_json::{Value, json};
use server::{Collector, PASSWORD, USER, parameter, search_of};

fn rows() -> Value {
    json!([
        {"ts": "2024-07-01 12:00:00.250", "te": "2024-07-01 12:00:02.750", "td": "2.500", "pr": "TCP", "sa": "10.0.0.1", "channel": "CESNET",
         "sp": "40000", "da": "192.0.2.1", "dp": "443", "flg": "...AP.SF", "tos": "0", "pkt": "995028", "byt": "1.3 G",
         "fl": "1", "in": "3"},
        {"ts": "2024-07-01 12:00:01.000", "te": "2024-07-01 12:00:01.000", "td": "0.000", "pr": "ICMP", "sa": "10.0.0.2", "channel": "CESNET",
         "sp": "0", "da": "192.0.2.1", "dp": "8.0", "flg": "......", "tos": "8", "pkt": "1", "byt": "84", "fl": "1", "in": "3"},
        {"ts": "2024-07-01 12:00:02.000", "te": "2024-07-01 12:00:02.500", "td": "0.500", "pr": "UDP", "sa": "2001:db8::1", "channel": "SRV",
         "sp": "53", "da": "2001:db8::2", "dp": "40001", "flg": "......", "tos": "0", "pkt": "2", "byt": "300", "fl": "1", "in": "4"},
    ])
}

fn settings(collector: &Collector) -> Settings {
    Settings {
        location: format!("http://{}", collector.address),
        user: Some(USER.into()),
        secrets: [("password".to_owned(), Secret::new(PASSWORD))].into(),
        zone: chrono_tz::Tz::Europe__Prague,
        ..Settings::default()
    }
}

async fn open(settings: Settings) -> Result<Arc<dyn TableProvider>, RemoteError> {
    let source = Flowmon.open(settings).await?;
    Ok(Arc::new(RemoteTable::new(source, |_| None, false)))
}

/// The search of the last query.
fn search(collector: &Collector) -> Value {
    search_of(&collector.asked("/rest/fmc/analysis/flows").pop().unwrap())
}

#[tokio::test]
async fn it_is_a_table_as_all_are() {
    let collector = Collector::with(rows());
    let table = open(settings(&collector)).await.unwrap();
    contract_tests::check_table(&context().state(), table.as_ref()).await;
    contract_tests::check_drop(&context().state(), table.as_ref()).await;
    contract_tests::check_lazy(&context().state(), table.as_ref(), || collector.leave()).await;
}

#[tokio::test]
async fn flows_are_read_in_the_zone_of_the_collector() {
    let collector = Collector::with(rows());
    collector.compute(2);
    let table = open(settings(&collector)).await.unwrap();
    let sql = "SELECT start_time, duration_s, src_ip, src_port, dst_port, protocol_name, tcp_flags, icmp_type, icmp_code, packets, \
               bytes, in_if, sensor, source, notes FROM t ORDER BY start_time";
    assert_eq!(
        text(&table, sql).await,
        "2024-07-01T10:00:00.250Z|2.5|10.0.0.1|40000|443|tcp|27|NULL|NULL|995028|1300000000|3|CESNET|flowmon|[bytes_rounded]\n\
         2024-07-01T10:00:01Z|0.0|10.0.0.2|NULL|NULL|icmp|0|8|0|1|84|3|CESNET|flowmon|NULL\n\
         2024-07-01T10:00:02Z|0.5|2001:db8::1|53|40001|udp|0|NULL|NULL|2|300|4|SRV|flowmon|NULL"
    );
}

#[tokio::test]
async fn what_a_query_wants_is_asked_of_the_server() {
    let collector = Collector::with(rows());
    let table = open(settings(&collector)).await.unwrap();
    let sql = "SELECT src_ip, bytes FROM t WHERE start_time < TIMESTAMP '2024-07-01T10:05:00.5Z' AND end_time >= \
               TIMESTAMP '2024-07-01T10:00:00.9Z' AND protocol = 6 AND dst_port IN (80, 443) AND sensor = 'SRV' LIMIT 10";
    assert_eq!(text(&table, &sql.replace("'SRV'", "'CESNET'")).await, "10.0.0.1|1300000000");
    assert_eq!(text(&table, sql).await, "");
    assert_eq!(
        search(&collector),
        json!({"from": "2024-07-01 11:55:00", "to": "2024-07-01 12:10:01", "profile": "live",
               "listing": {"sortBy": "tstart"}, "channels": ["SRV"], "filter": "(proto 6 and (dst port 80 or dst port 443))"})
    );
    let asked = collector.asked("/rest/fmc/analysis/flows").pop().unwrap();
    let output = parameter(&asked.query, "output").unwrap();
    assert!(output.contains("\"sa\"") && output.contains("\"byt\"") && !output.contains("\"flg\""), "{output}");
    // Without conditions that are decided here the limit is the server's.
    assert_eq!(text(&table, "SELECT src_ip FROM t WHERE protocol = 6 LIMIT 1").await, "10.0.0.1");
    let asked = collector.asked("/rest/fmc/analysis/flows").pop().unwrap();
    assert_eq!(parameter(&asked.query, "showonly").as_deref(), Some("1"));
    assert_eq!(search(&collector)["filter"], "proto 6");
}

#[tokio::test]
async fn a_long_filter_is_sent_as_a_form() {
    let collector = Collector::with(rows());
    let table = open(settings(&collector)).await.unwrap();
    let ranges: Vec<String> =
        (0..50).map(|number| format!("src_port BETWEEN {} AND {}", number * 10 + 1, number * 10 + 5)).collect();
    let sql = format!("SELECT count(*) FROM t WHERE {}", ranges.join(" OR "));
    text(&table, &sql).await;
    let asked = collector.asked("/rest/fmc/analysis/flows").pop().unwrap();
    assert_eq!((asked.method.as_str(), asked.query.as_str()), ("POST", ""));
    let filter = search(&collector)["filter"].as_str().unwrap().to_owned();
    assert!(filter.contains("(src port > 490 and src port < 496)"), "{filter}");
}

#[tokio::test]
async fn no_flows_are_no_error() {
    let collector = Collector::with(json!([]));
    let table = open(settings(&collector)).await.unwrap();
    assert_eq!(text(&table, "SELECT count(*) FROM t").await, "0");
}

#[tokio::test]
async fn a_token_is_refreshed_before_it_ends_and_got_again_when_it_is_refused() {
    let collector = Collector::with(rows());
    let count = "SELECT count(bytes) FROM t";
    let table = open(settings(&collector)).await.unwrap();
    text(&table, count).await;
    assert_eq!(collector.asked("/resources").len(), 1, "one token for all");
    collector.forget_tokens();
    text(&table, count).await;
    let grants = collector.asked("/resources");
    assert!(grants.len() == 2 && grants[1].body.contains("grant_type=refresh_token"), "{grants:?}");
    // One that ends so soon is not used again.
    collector.expire_in(1);
    collector.forget_tokens();
    text(&table, count).await;
    assert_eq!(collector.asked("/resources").len(), 4, "one for the search, one for its result");
    assert!(collector.asked("/rest").iter().all(|asked| asked.authorization.starts_with("bearer token-")));
}

#[tokio::test]
async fn what_is_set_wrongly_is_told_without_secrets() {
    let collector = Collector::with(rows());
    let right = settings(&collector);
    let option =
        |name: &str, value: &str| Settings { options: [(name.to_owned(), value.to_owned())].into(), ..right.clone() };
    let wrong = "s3cr3t-that-is-wrong";
    for (settings, fact, advice) in [
        (Settings { user: None, ..right.clone() }, "it needs a user", "`user`"),
        (Settings { secrets: [].into(), ..right.clone() }, "it needs a password", "secrets"),
        (
            Settings { secrets: [("password".to_owned(), Secret::new(wrong))].into(), ..right.clone() },
            "does not accept the login: Wrong: grant_type=password&client_id=invea-tech&username=analyst&password=[hidden]",
            "`user` and `secrets`",
        ),
        (option("profile", "mai"), "there is no profile `mai`", "`mail`"),
        (option("channels", "SRV, UKB"), "there is no channel `UKB`", "There are CESNET, SRV"),
        (option("query_timeout", "soon"), "no length of time", "5m"),
        (
            Settings { location: format!("{}/elsewhere", right.location), ..right.clone() },
            "there is no API of Flowmon",
            "https://",
        ),
        (Settings { location: "http://192.0.2.1".into(), ..right.clone() }, "not be encrypted", "allow_http"),
        (Settings { location: "http://127.0.0.1:1".into(), ..right.clone() }, "cannot be reached", "`location`"),
    ] {
        let error = open(settings).await.unwrap_err();
        let shown = format!("{error} {} {error:?}", error.hint().unwrap_or_default());
        assert!(shown.contains(fact) && shown.contains(advice), "{shown}");
        assert!(!shown.contains(PASSWORD) && !shown.contains(wrong), "{shown}");
    }
}
