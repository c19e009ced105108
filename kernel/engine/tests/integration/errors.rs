//! What an analyst reads when a query fails. The texts are the test.

use crate::{engine, query, try_query};

#[track_caller]
fn check(found: (String, Option<String>), text: &str, hint: Option<&str>) {
    assert_eq!((found.0.as_str(), found.1.as_deref()), (text, hint));
}

async fn fault_of(sql: &str) -> (String, Option<String>) {
    let engine = engine();
    query(&engine, "CREATE TABLE flows AS SELECT '10.0.0.1' AS src_ip, 1 AS bytes, 2 AS \"id.orig_h\", 3 AS \"Upper\"")
        .await;
    query(&engine, "CREATE TABLE dns AS SELECT '10.0.0.1' AS src_ip").await;
    let fault = try_query(&engine, sql).await.expect_err(sql);
    assert!(!fault.for_log().is_empty());
    (fault.to_string(), fault.hint())
}

#[tokio::test]
async fn syntax() {
    check(
        fault_of("SELEC 1").await,
        "the query is not valid SQL: expected: an SQL statement, found: SELEC (line 1, column 1)",
        None,
    );
    check(
        fault_of("SELECT 'open").await,
        "the query is not valid SQL: unterminated string literal (line 1, column 8)",
        None,
    );
}

#[tokio::test]
async fn unknown_tables() {
    check(
        fault_of("SELECT *\nFROM flwos").await,
        "there is no table `flwos` (line 2, column 6); known tables: dns, flows",
        Some("Did you mean `flows`?"),
    );
    check(
        fault_of("SELECT * FROM \"logs/conn.log\"").await,
        "there is no table `logs/conn.log` (line 1, column 15); known tables: dns, flows",
        Some("To read a file, write read_flows('logs/conn.log') or read_log('logs/conn.log')"),
    );
}

#[tokio::test]
async fn unknown_columns() {
    check(
        fault_of("SELECT byts FROM flows").await,
        "there is no column `byts` (line 1, column 8); columns: flows.src_ip, flows.bytes, flows.\"id.orig_h\", flows.\"Upper\"",
        Some("Did you mean `bytes`?"),
    );
    let (_, hint) = fault_of("SELECT upper FROM flows").await;
    assert_eq!(hint.as_deref(), Some("Names with capital letters need double quotes: \"Upper\""));
    let (text, hint) = fault_of("SELECT id.orig_h FROM flows").await;
    assert_eq!(hint.as_deref(), Some("Names with a dot need double quotes: \"id.orig_h\""), "{text}");
}

#[tokio::test]
async fn unknown_functions() {
    let (text, hint) = fault_of("SELECT sun(bytes) FROM flows").await;
    assert!(text.starts_with("there is no function `sun`"), "{text}");
    assert!(hint.as_ref().is_some_and(|hint| hint.contains("`sum`")), "{hint:?}");
    let (text, hint) = fault_of("SELECT * FROM read_flow('x')").await;
    assert!(text.starts_with("there is no function `read_flow`"), "{text}");
    assert!(hint.as_ref().is_some_and(|hint| hint.contains("`read_flows`")), "{hint:?}");
    let (_, hint) = fault_of("SELECT * FROM read_flows").await;
    assert_eq!(hint.as_deref(), Some("It is a function: write read_flows('PATH')"));
}

#[tokio::test]
async fn arguments_of_our_functions() {
    let (text, _) = fault_of("SELECT * FROM read_log()").await;
    assert_eq!(text, "read_log takes one path as text, as in read_log('conn.log'); it was given 0 arguments");
    let (text, _) = fault_of("SELECT * FROM read_log(7)").await;
    assert!(text.contains("which is not text"), "{text}");
}

#[tokio::test]
async fn faults_on_the_data() {
    let (text, _) = fault_of("SELECT CAST(src_ip AS INT) FROM flows").await;
    assert!(text.starts_with("cannot cast string '10.0.0.1'"), "{text}");
    let (text, _) = fault_of("SELECT bytes / 0 FROM flows").await;
    assert!(text.to_lowercase().starts_with("divide by zero"), "{text}");
    let (text, _) = fault_of("SELECT src_ip FROM flows, dns").await;
    assert!(text.contains("`src_ip` is in more than one table"), "{text}");
}

#[tokio::test]
async fn no_layer_of_the_engine_is_named() {
    for sql in [
        "SELECT bytes + src_ip FROM flows",
        "SELECT max(bytes) FROM flows GROUP BY nothing",
        "SELECT 1, 1",
        "SELECT x FROM (SELECT 1)",
        "SELECT sum(src_ip) FROM flows",
        "SELECT bytes FROM flows GROUP BY src_ip",
    ] {
        let Err(fault) = try_query(&engine(), sql).await else { continue };
        let text = fault.to_string();
        for layer in ["Error during planning", "Schema error", "Arrow error", "Execution error", "caused by"] {
            assert!(!text.contains(layer), "{sql}: {text}");
        }
    }
}
