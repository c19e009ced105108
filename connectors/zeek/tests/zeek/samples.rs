//! Every file of the shared samples: rows, first values, and the contract of all connectors.

use flow_source::{Place, contract_tests};

use crate::fixtures::{Logs, context, flows, log, query, sample, text};

/// File, data rows (checked with `grep -vc '^#'`), and some values of the first row.
const SAMPLES: &[(&str, usize, &str, &str)] = &[
    (
        "conn.log",
        360,
        r#"ts, "id.orig_h", "id.resp_p", duration, local_orig, tunnel_parents"#,
        "2013-09-15T23:44:27.706265Z|192.168.33.10|80|0.44746|NULL|[]",
    ),
    (
        "conn_date_issue.log",
        3,
        r#"ts, uid, service, duration, orig_pkts, tunnel_parents"#,
        "2022-03-17T08:07:36.038126Z|CLZwfq2hHnVH2XKvQg|NULL|NULL|1|NULL",
    ),
    ("dns.log", 54, r#"query, qtype, "AA", "RD", answers, "TTLs""#, "guyspy.com|1|false|true|[54.245.228.191]|[36.0]"),
    (
        "http.log",
        150,
        "method, host, referrer, status_code, tags, resp_fuids",
        "GET|guyspy.com|NULL|301|[]|[Fnjq3r4R0VGmHVWiN5]",
    ),
    ("http.log.gz", 150, "ts, uri", "2013-09-15T23:44:27.668082Z|/"),
    (
        "ssl.log",
        37,
        "server_name, not_valid_before, issuer_subject",
        "NULL|2010-11-10T06:00:00Z|CN=DigiCert High Assurance CA-3,OU=www.digicert.com,O=DigiCert Inc,C=US",
    ),
    (
        "json/conn.log",
        50,
        r#"ts, "id.orig_p", duration, orig_bytes, history"#,
        "2019-12-03T22:44:56.052279Z|49187|0.0012309551239013672|242|ShADdFar",
    ),
    (
        "json/dns.log",
        50,
        r#"query, qtype, "AA", answers, rtt"#,
        "_ldap._tcp.default-first-site-name._sites.icemaiden-dc.icemaiden.com|33|false|NULL|NULL",
    ),
    ("json/http.log", 28, "host, status_code, tags, resp_mime_types", "mail.aol.com|301|[]|[text/html]"),
    ("json/ssl.log", 50, "server_name, resumed, client_cert_chain_fuids", "mail.aol.com|false|[]"),
];

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_first_values() {
    for (name, rows, columns, first) in SAMPLES {
        let Some(path) = sample(name) else { return };
        let table = log(path);
        assert_eq!(text(&table, "SELECT count(*) FROM t").await, rows.to_string(), "{name}");
        assert_eq!(text(&table, &format!("SELECT {columns} FROM t LIMIT 1")).await, *first, "{name}");
        let all: usize = query(&table, "SELECT * FROM t").await.iter().map(|batch| batch.num_rows()).sum();
        assert_eq!(all, *rows, "{name}");
        let report = file_source::quality(table.as_ref()).unwrap();
        assert!(report.is_clean(), "{name}: {report:?}");
        assert_eq!(report.rows_read(), *rows as u64, "{name}");
        assert_eq!(report.bytes_read(), report.bytes_total(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_keeps_the_contract() {
    let context = context();
    for (name, ..) in SAMPLES {
        let Some(path) = sample(name) else { return };
        contract_tests::check_table(&context.state(), log(path.clone()).as_ref()).await;
        contract_tests::check_drop(&context.state(), log(path.clone()).as_ref()).await;
        if name.contains("conn") {
            contract_tests::check_table(&context.state(), flows(path).as_ref()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn planning_opens_nothing() {
    let Some(path) = sample("conn.log") else { return };
    let logs = Logs::new();
    let copy = logs.add("conn.log", std::fs::read(path).unwrap());
    let table = log(copy.clone());
    contract_tests::check_lazy(&context().state(), table.as_ref(), || std::fs::remove_file(copy).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_rows_has_its_columns() {
    let Some(path) = sample("http_empty.log") else { return };
    let table = log(path);
    assert_eq!(table.schema().fields().len(), 27);
    assert_eq!(text(&table, "SELECT count(*), max(status_code) FROM t").await, "0|NULL");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gzip_that_breaks_gives_its_rows_and_says_where() {
    let Some(path) = sample("http.log.corrupt.gz") else { return };
    let table = log(path);
    assert_eq!(text(&table, "SELECT count(*) FROM t").await, "150");
    let report = file_source::quality(table.as_ref()).unwrap();
    let breakages = report.breakages();
    assert_eq!(breakages.len(), 1);
    assert_eq!(breakages[0].place, Place::Line(158));
    assert!(
        breakages[0].reason.contains("http.log.corrupt.gz") && breakages[0].reason.contains("gzip"),
        "{breakages:?}"
    );
    assert_eq!(report.caption().as_deref(), Some("1 file breaks off"));
}

#[test]
fn a_list_of_domains_is_no_log() {
    let Some(path) = sample("top_domains_1k.csv") else { return };
    let error = connector_zeek::open_log(vec![path]).unwrap_err();
    assert!(error.to_string().contains("top_domains_1k.csv`, line 1: found text `"), "{error}");
}
