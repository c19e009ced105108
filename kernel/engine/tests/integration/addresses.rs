//! Addresses in SQL: they compare with text, networks and each other, and stay addresses on the way through a query.

use std::path::Path;

use flow_engine::stored::{ColumnFilter, ColumnKind, Condition, CopyForm, CopyRequest, SortKey, ViewRequest};
use flow_engine::{
    CancellationToken, Engine, Format, Parameter, QueryOptions, SourceKind, StoredResult, export, render,
};

use crate::{engine, expect_rows, query, rows, try_query};

/// Names and addresses; `a` is of addresses, `t` has the same as text.
const HOSTS: &str = "('ten', '10.0.0.1'), ('nine', '9.9.9.9'), ('ten-nine', '10.9.0.1'), ('six', '2001:db8::1'), \
                     ('local', 'fe80::1'), ('none', NULL)";

async fn hosts() -> Engine {
    let engine = engine();
    query(&engine, &format!("CREATE TABLE t AS SELECT * FROM (VALUES {HOSTS}) AS v(name, ip)")).await;
    query(&engine, "CREATE TABLE a AS SELECT name, to_ip(ip) AS ip FROM t").await;
    engine
}

/// What follows SELECT, and the rows separated by `|`.
async fn check(engine: &Engine, cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        let result = query(engine, &format!("SELECT {sql}")).await;
        let found: Vec<String> =
            rows(&result).lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(found.join("|"), *expected, "{sql}");
    }
}

/// Conditions on `a` and the names of the rows that meet them, in order.
async fn check_where(engine: &Engine, cases: &[(&str, &str)]) {
    let selected: Vec<(String, &str)> = cases
        .iter()
        .map(|(condition, names)| (format!("name FROM a WHERE {condition} ORDER BY name"), *names))
        .collect();
    let selected: Vec<(&str, &str)> = selected.iter().map(|(sql, names)| (sql.as_str(), *names)).collect();
    check(engine, &selected).await;
}

#[tokio::test]
async fn they_compare_with_text_and_networks() {
    let cases = [
        ("ip = '10.0.0.1'", "ten"),
        ("'10.0.0.1' = ip", "ten"),
        ("ip = '::ffff:10.0.0.1'", "ten"),
        ("ip = '2001:DB8:0::1'", "six"),
        ("ip <> '10.0.0.1'", "local|nine|six|ten-nine"),
        ("ip = '10.0.0.0/8'", "ten|ten-nine"),
        ("ip <> '10.0.0.0/8'", "local|nine|six"),
        ("NOT ip = '10.0.0.0/8'", "local|nine|six"),
        ("ip = '2001:db8::/32'", "six"),
        ("ip = '::/0'", "local|six"),
        ("ip = '0.0.0.0/0'", "nine|ten|ten-nine"),
        ("ip < '10.0.0.0/8'", "nine"),
        ("ip <= '10.0.0.0/8'", "nine|ten|ten-nine"),
        ("ip > '10.0.0.0/8'", "local|six"),
        ("'10.0.0.1' >= ip", "nine|ten"),
        ("ip BETWEEN '10.0.0.0' AND '10.5.255.255'", "ten"),
        ("ip NOT BETWEEN '10.0.0.0' AND '10.255.255.255'", "local|nine|six"),
        ("ip IN ('10.0.0.1', '192.168.0.0/16')", "ten"),
        ("ip IN ('10.0.0.1', '9.9.9.9')", "nine|ten"),
        ("ip NOT IN ('10.0.0.0/8', 'fe80::/10')", "nine|six"),
        ("'10.0.0.1' IN (ip)", "ten"),
        ("ip IS DISTINCT FROM '10.0.0.0/8'", "local|nine|none|six"),
        ("ip IS NOT DISTINCT FROM '10.0.0.1'", "ten"),
        ("ip = NULL", ""),
        ("ip IS NULL", "none"),
        ("ip = CAST('10.0.0.1' AS IP)", "ten"),
        ("ip = '10.0.0.1'::inet", "ten"),
        ("ip = concat('10.0.', '0.1')", "ten"),
        ("ip = (SELECT max(ip) FROM a)", "local"),
        ("ip = (SELECT ip FROM t WHERE name = 'ten')", "ten"),
        ("ip IN (SELECT ip FROM t WHERE name LIKE '%nine')", "nine|ten-nine"),
        ("ip NOT IN (SELECT ip FROM t WHERE name = 'ten')", "local|nine|six|ten-nine"),
        ("EXISTS (SELECT 1 FROM t WHERE t.ip = a.ip AND t.name = 'ten')", "ten"),
    ];
    check_where(&hosts().await, &cases).await;
}

#[tokio::test]
async fn they_belong_to_lists() {
    let long: Vec<String> = (20..40).map(|number| format!("10.{number}.0.0/16")).collect();
    let long = format!("{}, 10.9.0.0/16, 2001:db8::/32", long.join(", "));
    let quoted = format!("'{}'", long.replace(", ", "', '"));
    let long_cases = [
        (format!("ip_in(ip, '{long}')"), "six|ten-nine"),
        (format!("NOT ip_in(ip, '{long}')"), "local|nine|none|ten"),
        (format!("ip IN ({quoted})"), "six|ten-nine"),
        (format!("ip NOT IN ({quoted})"), "local|nine|ten"),
    ];
    let engine = hosts().await;
    check_where(&engine, &long_cases.each_ref().map(|(condition, names)| (condition.as_str(), *names))).await;
    let cases = [
        ("ip_in(ip, '10.0.0.0/8, !10.9.0.0/16, 2001:db8::/32')", "six|ten"),
        ("ip_in(ip, '!10.0.0.0/8')", "local|nine|six"),
        ("NOT ip_in(ip, '10.0.0.0/8')", "local|nine|none|six"),
        ("ip_in(ip, '10.0.0.1 9.9.9.9')", "nine|ten"),
        ("ip_in(ip, '10.0.0.1 !10.0.0.1')", ""),
        ("ip_in(ip, '')", "local|nine|none|six|ten|ten-nine"),
        ("ip_in(ip, concat('10.0.0', '.0/8'))", "ten|ten-nine"),
        ("ip_in(ip, name)", ""),
    ];
    check_where(&engine, &cases[..7]).await;
    let fault = try_query(&engine, "SELECT name FROM a WHERE ip_in(ip, name)").await.expect_err("names are no lists");
    assert!(fault.to_string().contains("not an IP address"), "{fault}");
}

#[tokio::test]
async fn functions_of_text_get_text() {
    let cases = [
        ("ip FROM a WHERE ip LIKE '10.%' ORDER BY ip", "10.0.0.1|10.9.0.1"),
        ("name FROM a WHERE ip NOT LIKE '10.%' AND ip NOT ILIKE 'FE80%' ORDER BY ip", "nine|six"),
        ("name FROM a WHERE ip ~ '^9[.]'", "nine"),
        ("name FROM a WHERE ip SIMILAR TO '9.*[.]9'", "nine"),
        ("name FROM a WHERE starts_with(ip, '2001')", "six"),
        ("ip || '/32' AS net FROM a WHERE name = 'ten'", "10.0.0.1/32"),
        ("concat('host ', ip) FROM a WHERE name = 'ten'", "host 10.0.0.1"),
        ("upper(ip) FROM a WHERE name = 'six'", "2001:DB8::1"),
        ("split_part(ip, '.', 4) FROM a WHERE name = 'ten'", "1"),
        ("character_length(ip), md5(ip) = md5('10.0.0.1') FROM a WHERE name = 'ten'", "8 true"),
        ("regexp_replace(ip, '[.][0-9]+$', '.x') FROM a WHERE name = 'ten'", "10.0.0.x"),
        ("CAST(ip AS VARCHAR) = '10.0.0.1' FROM a WHERE name = 'ten'", "true"),
        ("arrow_typeof(CAST(ip AS VARCHAR)) AS a, arrow_typeof(ip::text) AS b FROM a LIMIT 1", "Utf8View Utf8View"),
        ("string_agg(ip, ' ' ORDER BY ip) FROM a WHERE ip < 'fe80::'", "9.9.9.9 10.0.0.1 10.9.0.1 2001:db8::1"),
        ("array_agg(ip ORDER BY ip) FROM a WHERE ip = '10.0.0.0/8'", "[10.0.0.1, 10.9.0.1]"),
        ("make_array(ip, ip) FROM a WHERE name = 'ten'", "[10.0.0.1, 10.0.0.1]"),
        ("defang(ip) FROM a WHERE name = 'ten'", "10[.]0[.]0[.]1"),
        ("upper(name) FROM a WHERE name = 'ten'", "TEN"),
    ];
    check(&hosts().await, &cases).await;
}

#[tokio::test]
async fn our_functions_take_addresses_and_text_alike() {
    let calls = [
        "ip_version(ip)",
        "ip_family(ip)",
        "ip_is_private(ip)",
        "ip_prefix(ip, 16, 32)",
        "ip_anonymize(ip)",
        "ip_text(ip)",
        "to_ip(ip)",
        "ip_in(ip, '10.0.0.0/8 2001:db8::/32')",
        "community_id(ip, 1, ip, 2, 6)",
        "defang(ip)",
    ];
    let engine = hosts().await;
    for call in calls {
        let of = |table: &str| format!("SELECT {call} AS value FROM {table} ORDER BY name");
        let (addresses, texts) = (query(&engine, &of("a")).await, query(&engine, &of("t")).await);
        assert_eq!(rows(&addresses), rows(&texts), "{call}");
        assert_eq!(addresses.schema, texts.schema, "{call}");
    }
}

#[tokio::test]
async fn they_stay_addresses() {
    let engine = hosts().await;
    let cases = [
        ("ip FROM a ORDER BY ip NULLS LAST", "9.9.9.9|10.0.0.1|10.9.0.1|2001:db8::1|fe80::1|NULL"),
        ("ip FROM a ORDER BY ip DESC NULLS LAST LIMIT 2", "fe80::1|2001:db8::1"),
        ("min(ip), max(ip), count(DISTINCT ip) FROM a", "9.9.9.9 fe80::1 5"),
        ("min(ip) AS low FROM a GROUP BY ip_version(ip) ORDER BY low", "9.9.9.9|2001:db8::1|NULL"),
        ("ip, count(*) FROM a GROUP BY ip HAVING ip = '10.0.0.0/8' ORDER BY ip", "10.0.0.1 1|10.9.0.1 1"),
        ("coalesce(ip, '0.0.0.0') AS x FROM a ORDER BY x LIMIT 2", "0.0.0.0|9.9.9.9"),
        ("coalesce(ip, 'unknown') AS x FROM a WHERE ip IS NULL", "unknown"),
        ("coalesce(ip, name) AS x FROM a WHERE ip IS NULL", "none"),
        ("nullif(ip, '10.0.0.1') AS x FROM a WHERE name LIKE 'ten%' ORDER BY name", "NULL|10.9.0.1"),
        ("greatest(ip, '10.5.0.0') AS x FROM a WHERE ip < '11.0.0.0' ORDER BY x", "10.5.0.0|10.5.0.0|10.9.0.1"),
        ("CASE WHEN name = 'ten' THEN ip END AS x FROM a ORDER BY x LIMIT 1", "10.0.0.1"),
        ("CASE WHEN name = 'ten' THEN ip ELSE '1.1.1.1' END AS x FROM a ORDER BY x DESC LIMIT 1", "10.0.0.1"),
        ("CASE WHEN name = 'ten' THEN ip ELSE 'other' END AS x FROM a ORDER BY x LIMIT 2", "10.0.0.1|other"),
        (
            "CASE ip WHEN '10.0.0.0/8' THEN 'in' ELSE 'out' END FROM a WHERE name IN ('ten', 'nine') ORDER BY name",
            "out|in",
        ),
        ("first_value(ip ORDER BY name) FROM a", "fe80::1"),
        ("lag(ip, 1, '0.0.0.0') OVER (ORDER BY name) AS x FROM a ORDER BY name LIMIT 2", "0.0.0.0|fe80::1"),
        ("max(ip) OVER () AS x FROM a LIMIT 1", "fe80::1"),
        ("x FROM (SELECT min(ip) AS x FROM a) WHERE x = '9.0.0.0/8'", "9.9.9.9"),
        ("x = '9.0.0.0/8' AS found FROM (SELECT min(ip) AS x FROM a)", "true"),
        ("DISTINCT ip FROM a WHERE ip = '10.0.0.1'", "10.0.0.1"),
        ("ip FROM a WHERE name = 'ten' UNION ALL SELECT ip FROM a WHERE name = 'nine' ORDER BY ip", "9.9.9.9|10.0.0.1"),
        ("ip FROM a WHERE name = 'ten' UNION ALL SELECT ip FROM t WHERE name = 'ten'", "10.0.0.1|10.0.0.1"),
        ("ip FROM a INTERSECT SELECT to_ip('10.0.0.1')", "10.0.0.1"),
        ("TRY_CAST(name AS IP) AS x FROM a LIMIT 1", "NULL"),
        ("arrow_typeof(ip) FROM a LIMIT 1", "FixedSizeBinary(16)"),
        ("CAST(X'00000000000000000000ffff0a000001' AS IP) AS x", "10.0.0.1"),
    ];
    check(&engine, &cases).await;
    for sql in ["WITH c AS (SELECT ip FROM a) SELECT ip FROM c", "SELECT max(ip) AS ip FROM a", "SELECT * FROM a"] {
        let schema = query(&engine, sql).await.schema;
        let field = schema.field_with_name("ip").expect("a column");
        assert!(flow_source::is_ip_field(field), "{sql}: {field:?}");
    }
    let result = query(&engine, "SELECT name, max(ip) AS ip FROM a GROUP BY name").await;
    engine.register_result("kept", &result).expect("a table");
    check(&engine, &[("name FROM kept WHERE ip = '10.0.0.0/8' ORDER BY name", "ten|ten-nine")]).await;
    query(&engine, "CREATE VIEW v AS SELECT name, ip, ip = '10.0.0.0/8' AS ten FROM a").await;
    check(&engine, &[("count(*) FROM v WHERE ten AND ip < '10.5.0.0'", "1")]).await;
    assert!(engine.columns("kept").contains(&("ip".into(), "ip address".into())), "{:?}", engine.columns("kept"));
}

#[tokio::test]
async fn they_join_with_each_other_and_with_text() {
    let cases = [
        ("count(*) FROM a x JOIN a y ON x.ip = y.ip", "5"),
        ("count(*) FROM a JOIN t ON a.ip = t.ip", "5"),
        ("count(*) FROM t JOIN a ON t.ip = a.ip AND t.name = a.name", "5"),
        ("count(*) FROM a JOIN t USING (ip)", "5"),
        ("count(*) FROM t JOIN a USING (ip, name)", "5"),
        ("count(*) FROM a, t WHERE a.ip = t.ip", "5"),
        ("count(*) FROM a LEFT JOIN (VALUES ('::ffff:10.0.0.1')) AS l(host) ON a.ip = l.host WHERE host IS NULL", "5"),
        ("count(*) FROM a LEFT SEMI JOIN t ON a.ip = t.ip", "5"),
        (
            "name FROM a JOIN (VALUES ('10.0.0.0/8', 'x')) AS l(net, label) ON ip_in(a.ip, l.net) ORDER BY 1",
            "ten|ten-nine",
        ),
    ];
    let engine = hosts().await;
    check(&engine, &cases).await;
    let plan = query(&engine, "EXPLAIN SELECT count(*) FROM a JOIN t ON a.ip = t.ip").await;
    let mut text = Vec::new();
    export::write(&plan, Format::Csv, &mut text).expect("text");
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("HashJoin"), "{text}");
}

#[tokio::test]
async fn values_of_forms_compare_with_them() {
    let engine = hosts().await;
    let text = |text: &str| Parameter::Text(Some(text.into()));
    let list = |texts: &[&str]| Parameter::TextList(texts.iter().map(|text| (*text).to_string()).collect());
    let cases = [
        ("name FROM a WHERE ip = $x", text("10.0.0.1"), "ten"),
        ("name FROM a WHERE ip = $x ORDER BY 1", text("10.0.0.0/8"), "ten|ten-nine"),
        ("name FROM a WHERE $x = ip", text("10.0.0.1"), "ten"),
        ("name FROM a WHERE ip = $x", Parameter::Text(None), ""),
        ("name FROM a WHERE ip BETWEEN $x AND '10.1.0.0'", text("10.0.0.0"), "ten"),
        ("name FROM a WHERE ip IN ($x, '9.9.9.9') ORDER BY 1", text("10.0.0.0/8"), "nine|ten|ten-nine"),
        ("name FROM a WHERE ip = ANY($x) ORDER BY 1", list(&["10.0.0.1", "fe80::/10"]), "local|ten"),
        ("name FROM a WHERE array_has($x, ip)", list(&["10.0.0.1"]), "ten"),
        ("name FROM a WHERE ip = ANY($x)", list(&[]), ""),
        ("ip = $x AS found FROM a WHERE name = 'ten'", text("10.0.0.0/8"), "true"),
        ("name FROM a WHERE ip LIKE $x", text("9.%"), "nine"),
        ("coalesce(ip, $x) FROM a WHERE name = 'none'", text("1.1.1.1"), "1.1.1.1"),
        ("ip_prefix($x, 8) FROM a LIMIT 1", text("10.0.0.1"), "10.0.0.0/8"),
    ];
    for (sql, value, expected) in cases {
        let options = QueryOptions::default().with_parameter("x", value);
        let result = engine.query(&format!("SELECT {sql}"), options, CancellationToken::new()).await;
        assert_eq!(rows(&expect_rows(result)).replace('\n', "|"), expected, "{sql}");
    }
}

#[tokio::test]
async fn what_is_no_address_is_told() {
    let engine = hosts().await;
    let cases = [
        (
            "ip = '10.0.0.300'",
            "an address cannot be compared with `10.0.0.300`: it is not an IP address: `300` is not a number from 0 to 255",
        ),
        (
            "ip = '10.0.0.0/33'",
            "an address cannot be compared with `10.0.0.0/33`: it is not a network: the part after / must be a number from 0 to 32",
        ),
        ("ip = 'host'", "an address cannot be compared with `host`: it is not an IP address or network"),
        ("ip = ''", "an address cannot be compared with ``: it is not an IP address or network"),
        ("ip = '10.0.0.1, 10.0.0.2'", "an address cannot be compared with `10.0.0.1, 10.0.0.2`: it is a list"),
        ("ip = '!10.0.0.1'", "an address cannot be compared with `!10.0.0.1`: it is a list"),
        ("ip IN ('10.0.0.1', 'x')", "an address cannot be compared with `x`: it is not an IP address or network"),
        ("ip = 5", "an address cannot be compared with a value of type Int64: it is neither an address nor text"),
        ("ip = CAST(name AS IP)", "`ten` is no IP address"),
    ];
    for (condition, expected) in cases {
        let fault = try_query(&engine, &format!("SELECT * FROM a WHERE {condition}")).await.expect_err(condition);
        assert_eq!(fault.to_string(), expected, "{condition}");
        assert!(fault.hint().is_some(), "{condition}");
    }
    let fault = try_query(&engine, "SELECT sum(ip) FROM a").await.expect_err("a sum of addresses");
    assert!(fault.to_string().contains("sum"), "{fault}");
}

#[tokio::test]
async fn files_keep_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = hosts().await;
    let result = query(&engine, "SELECT name, ip FROM a ORDER BY name").await;
    let path = |name: &str| folder.path().join(name);
    for (format, name, condition) in [
        (Format::Parquet, "a.parquet", "ip = '10.0.0.0/8'"),
        (Format::Arrow, "a.arrow", "ip = '10.0.0.0/8'"),
        (Format::Csv, "a.csv", "to_ip(ip) = '10.0.0.0/8'"),
        (Format::Json, "a.json", "to_ip(ip) = '10.0.0.0/8'"),
    ] {
        export::write_to_path(&result, format, &path(name), false).expect("a file");
        let from = format!("FROM read_log('{}')", path(name).display());
        let cases = [
            (format!("ip {from} ORDER BY name"), "fe80::1|9.9.9.9|NULL|2001:db8::1|10.0.0.1|10.9.0.1"),
            (format!("name {from} WHERE {condition} ORDER BY name"), "ten|ten-nine"),
        ];
        check(&engine, &cases.each_ref().map(|(sql, expected)| (sql.as_str(), *expected))).await;
    }
    let csv = std::fs::read_to_string(path("a.csv")).expect("text");
    assert!(csv.contains("ten,10.0.0.1\r\n"), "{csv}");
    let json = std::fs::read_to_string(path("a.json")).expect("text");
    assert!(json.contains("{\"name\":\"none\",\"ip\":null}\n{\"name\":\"six\",\"ip\":\"2001:db8::1\"}"), "{json}");
    let html = render::to_html(&result, 0);
    assert!(html.contains(">10.0.0.1</td>") && html.contains("ip address"), "{html}");
}

/// Flows of three days, of which one holds the host, written as `SELECT` gives them.
async fn write_days(engine: &Engine, folder: &Path, address: &str) {
    for day in 1..=3 {
        let sql = format!(
            "SELECT TIMESTAMP '2024-02-0{day} 00:00:00' AS start_time, {address} AS src_ip, '192.0.2.1' AS dst_ip, \
             value AS bytes FROM range(0, 100)"
        );
        let result = query(engine, &sql.replace("DAY", &day.to_string())).await;
        let path = folder.join(format!("day{day}.parquet"));
        export::write_to_path(&result, Format::Parquet, &path, false).expect("a file");
    }
}

#[tokio::test]
async fn networks_skip_files_that_cannot_hold_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    write_days(&engine, folder.path(), "to_ip(concat('10.DAY.0.', CAST(value * 2 AS VARCHAR)))").await;
    let from = format!("FROM read_flows('{}/*.parquet')", folder.path().display());
    for (condition, count, scanned) in [
        ("src_ip = '10.2.0.0/16'", "100", 1),
        ("src_ip = '10.2.0.8'", "1", 1),
        ("ip_in(src_ip, '10.2.0.0/16 10.3.0.0/16 !10.3.0.0/24')", "100", 1),
        ("src_ip IN ('10.1.0.4', '10.3.0.6')", "2", 2),
        ("src_ip BETWEEN '10.2.0.0' AND '10.3.0.0'", "101", 2),
        ("src_ip = '172.16.0.0/12'", "0", 0),
    ] {
        check(&engine, &[(&format!("count(*) {from} WHERE {condition}"), count)]).await;
        let plan = analyzed(&engine, &format!("SELECT bytes {from} WHERE {condition}")).await;
        assert_eq!(left_over(&plan, "row_groups_pruned_statistics"), scanned, "{condition}: {plan}");
    }
    // Between the smallest and the largest of its file, but the bloom filter knows better.
    let plan = analyzed(&engine, &format!("SELECT bytes {from} WHERE src_ip = '10.2.0.55'")).await;
    assert_eq!(left_over(&plan, "row_groups_pruned_statistics"), 1, "{plan}");
    assert_eq!(left_over(&plan, "row_groups_pruned_bloom_filter"), 0, "{plan}");
}

async fn analyzed(engine: &Engine, sql: &str) -> String {
    let plan = query(engine, &format!("EXPLAIN ANALYZE {sql}")).await;
    let mut text = Vec::new();
    export::write(&plan, Format::Csv, &mut text).expect("text");
    String::from_utf8_lossy(&text).into_owned()
}

/// Row groups that were still read after this step.
fn left_over(plan: &str, step: &str) -> usize {
    let after = plan.split_once(&format!("{step}=")).and_then(|(_, rest)| rest.split_once("→ "));
    let digits = after.map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("no {step} in {plan}"))
}

#[tokio::test]
async fn flows_may_have_addresses_as_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    write_days(&engine, folder.path(), "concat('10.DAY.0.', CAST(value AS VARCHAR))").await;
    let pattern = folder.path().join("*.parquet").display().to_string();
    engine.register_source("flows", &pattern, SourceKind::Flows).expect("flows");
    let cases = [
        ("count(*) FROM flows WHERE src_ip = '10.2.0.0/16'", "100"),
        ("count(*) FROM flows WHERE dst_ip = '192.0.2.1'", "300"),
        ("max(src_ip) FROM flows", "10.3.0.99"),
        ("count(exporter_ip) FROM flows", "0"),
    ];
    check(&engine, &cases).await;
    let schema = query(&engine, "SELECT * FROM flows").await.schema;
    let labelled = schema.fields().iter().filter(|field| flow_source::is_ip_field(field)).count();
    assert_eq!(labelled, 3);
}

#[tokio::test]
async fn stored_tables_sort_and_filter_them() {
    let engine = hosts().await;
    let stored = StoredResult::new(&engine, query(&engine, "SELECT ip, name FROM a").await);
    let column = &stored.columns()[0];
    assert_eq!((column.kind, column.type_text.as_str()), (ColumnKind::Address, "ip address"));
    let text = |text: &str| Some(text.to_string());
    for (condition, expected) in [
        (Condition::Within { list: "10.0.0.0/8 fe80::/10".into() }, "ten ten-nine local"),
        (Condition::Between { min: text("10.0.0.0"), max: text("10.0.0.0/8") }, "ten ten-nine"),
        (Condition::Between { min: text("2001::/16"), max: None }, "six local"),
        (Condition::Contains { text: "9.".into() }, "nine ten-nine"),
        (Condition::Equals { text: "2001:db8::1".into() }, "six"),
        (Condition::Null, "none"),
    ] {
        let filters = vec![ColumnFilter { column: 0, negate: false, condition }];
        let request =
            ViewRequest { sort: vec![SortKey { column: 0, descending: false }], filters, ..Default::default() };
        let view = stored.view(request.clone(), CancellationToken::new()).await.expect("a view");
        let copy = CopyRequest { start: 0, count: 10, columns: vec![1], form: CopyForm::Plain, header: false };
        let names = stored.copy(&view, &copy).expect("names").replace('\n', " ");
        assert_eq!(names, expected, "{request:?}");
    }
    let view = stored.whole();
    let copy = CopyRequest { start: 0, count: 2, columns: vec![0], form: CopyForm::Sql, header: false };
    assert_eq!(stored.copy(&view, &copy).expect("a list"), "('10.0.0.1', '9.9.9.9')");
    let summary = stored.summary(&view, 0, CancellationToken::new()).await.expect("a summary");
    assert_eq!((summary.min, summary.max), (text("9.9.9.9"), text("fe80::1")));
    assert_eq!((summary.null_count, summary.distinct_count, summary.common.len()), (1, 5, 5));
}
