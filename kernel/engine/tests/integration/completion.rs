//! What is offered while typing, and what is told about a name. `|` in a text is the cursor.

use flow_engine::{CompletionKind, Engine};

use crate::{engine, query};

async fn engine_with_tables() -> Engine {
    let engine = engine();
    query(
        &engine,
        "CREATE TABLE flows AS SELECT '10.0.0.1' AS src_ip, CAST(1 AS BIGINT UNSIGNED) AS src_port, 2 AS \"id.orig_h\"",
    )
    .await;
    query(&engine, "CREATE TABLE dns AS SELECT 'x' AS query").await;
    engine
}

fn offers(engine: &Engine, marked: &str) -> (String, Vec<(String, CompletionKind)>) {
    let cursor = marked.find('|').expect("a cursor");
    let sql = marked.replacen('|', "", 1);
    let found = engine.complete(&sql, cursor);
    let items = found.items.into_iter().map(|item| (item.text, item.kind)).collect();
    (sql[found.start..found.end].to_string(), items)
}

#[tokio::test]
async fn offers_fit_the_place() {
    let engine = engine_with_tables().await;
    let names = |marked: &str| offers(&engine, marked).1.into_iter().map(|(text, _)| text).collect::<Vec<_>>();
    assert_eq!(names("SELECT SRC| FROM flows"), ["src_ip", "src_port"]);
    assert_eq!(names("SELECT f.src_p| FROM flows f"), ["src_port"]);
    assert_eq!(names("SELECT dns.| FROM dns"), ["query"]);
    assert_eq!(names("SELECT i| FROM flows")[0], "\"id.orig_h\"");
    let functions = ["read_flows", "read_log", "read_source", "enrichment_services", "blocklists", "blocklist_entries"];
    assert_eq!(names("SELECT * FROM |"), [&["dns", "flows"][..], &functions].concat());
    assert_eq!(names("SELECT * FROM fl|"), ["flows"]);
    assert_eq!(names("select * from flows wher|"), ["where"]);
    assert!(names("SELECT approx_dis|").contains(&"approx_distinct".to_string()));
    assert!(names("SELECT 'sr|' FROM flows").is_empty());
    assert!(names("SELECT x -- sr| FROM flows").is_empty());
}

#[tokio::test]
async fn the_word_under_the_cursor_is_replaced() {
    let engine = engine_with_tables().await;
    assert_eq!(offers(&engine, "SELECT sr|c FROM flows").0, "src");
    assert_eq!(offers(&engine, "SELECT | FROM flows").0, "");
    assert_eq!(offers(&engine, "SELECT f.s| FROM flows f").0, "s");
}

#[tokio::test]
async fn any_cursor_is_survived() {
    let engine = engine_with_tables().await;
    let sql = "SELECT 'é', ü FROM flows WHERE \"日本";
    for cursor in 0..sql.len() + 2 {
        let found = engine.complete(sql, cursor);
        assert!(sql.is_char_boundary(found.start) && sql.is_char_boundary(found.end));
        let _ = engine.inspect(sql, cursor);
    }
}

#[tokio::test]
async fn names_are_explained() {
    let engine = engine_with_tables().await;
    let inspect = |marked: &str| engine.inspect(&marked.replacen('|', "", 1), marked.find('|').expect("a cursor"));
    assert_eq!(inspect("SELECT src_|ip FROM flows").as_deref(), Some("src_ip: text, a column of flows"));
    assert!(inspect("SELECT * FROM flo|ws").is_some_and(|text| text.starts_with("flows: a table of 3 columns")));
    assert!(
        inspect("SELECT date_bi|n(x)").is_some_and(|text| text.starts_with("date_bin(") && text.contains("Arguments:"))
    );
    assert!(inspect("SELECT * FROM read_log(|)").is_some_and(|text| text.starts_with("read_log('PATH')")));
    assert_eq!(inspect("SELECT nonsen|se"), None);
    assert!(engine.function_help("SUM").is_some());
    assert!(engine.function_names().contains(&"read_flows".to_string()));
}

#[tokio::test]
async fn our_functions_are_offered_and_explained() {
    let engine = engine_with_tables().await;
    let found = engine.complete("SELECT ip_i", 11);
    let offered: Vec<(&str, &str)> =
        found.items.iter().map(|item| (item.text.as_str(), item.detail.as_str())).collect();
    assert_eq!(
        offered,
        [
            ("ip_in", "ip_in(address, 'list')"),
            ("ip_is_internal", "ip_is_internal(address)"),
            ("ip_is_private", "ip_is_private(address)")
        ]
    );
    let help = engine.function_help("IP_VERSION").expect("help");
    assert_eq!(
        help,
        "ip_version(address)\n\n4 or 6; NULL when the text is no address.\n\nExamples:\n  ip_version('2001:db8::1')\n    \
         = 6\n  ip_version('::ffff:10.0.0.1')\n    = 4\n  ip_version('host')\n    = NULL"
    );
    assert!(engine.function_help("beacon_score").is_some_and(|help| help.contains("GROUP BY")));
}
