//! Our SQL functions from outside: NULLs, columns and constants, wrong arguments, parameters.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use flow_engine::{CancellationToken, Engine, Parameter, QueryOptions};

use crate::{engine, expect_rows, query, rows, try_query};

/// Each line is what follows SELECT and what must come out, rows separated by `|`.
async fn check(engine: &Engine, cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        let result = query(engine, &format!("SELECT {sql}")).await;
        let found: Vec<String> = rows(&result).lines().map(|line| line.trim().to_string()).collect();
        assert_eq!(found.join("|"), *expected, "{sql}");
    }
}

/// Each line is what follows SELECT and the text and hint of the error.
async fn check_faults(cases: &[(&str, &str, Option<&str>)]) {
    let engine = engine();
    for (sql, text, hint) in cases {
        let fault = try_query(&engine, &format!("SELECT {sql}")).await.expect_err(sql);
        assert_eq!((fault.to_string().as_str(), fault.hint().as_deref()), (*text, *hint), "{sql}");
    }
}

async fn addresses() -> Engine {
    let engine = engine();
    let values = "('10.0.0.1'), ('10.9.0.1'), ('2001:db8::1'), ('::ffff:10.0.0.2'), ('host'), (NULL)";
    query(&engine, &format!("CREATE TABLE a AS SELECT * FROM (VALUES {values}) AS v(ip)")).await;
    engine
}

#[tokio::test]
async fn ip_in_filters() {
    let engine = addresses().await;
    let cases = [
        ("count(*) FROM a WHERE ip_in(ip, '10.0.0.0/8')", "3"),
        ("count(*) FROM a WHERE ip_in(ip, '10.0.0.0/8, !10.9.0.0/16')", "2"),
        ("count(*) FROM a WHERE ip_in(ip, '!10.9.0.0/16')", "3"),
        ("count(*) FROM a WHERE ip_in(ip, '')", "6"),
        ("count(*) FROM a WHERE ip_in(ip, NULL)", "6"),
        ("count(*) FROM a WHERE ip_in(ip, CAST(NULL AS VARCHAR))", "6"),
        ("count(*) FROM a WHERE NOT ip_in(ip, '10.0.0.0/8')", "3"),
        ("count(*) FROM a WHERE ip_in(arrow_cast(ip, 'Dictionary(Int32, Utf8)'), '10.0.0.0/8')", "3"),
        ("count(*) FROM a WHERE ip_in(arrow_cast(ip, 'LargeUtf8'), '10.0.0.0' || '/8')", "3"),
        ("ip_in(NULL, '10.0.0.0/8')", "false"),
        ("ip_in(NULL, '')", "true"),
        ("ip_in(ip, ip) FROM a WHERE ip LIKE '1%'", "true|true"),
        (
            "ip_in('10.0.0.1', l) FROM (VALUES ('10.0.0.0/8'), ('!10.0.0.1'), (''), (NULL)) AS v(l)",
            "true|false|true|true",
        ),
    ];
    check(&engine, &cases).await;
}

#[tokio::test]
async fn ip_in_refuses_what_it_cannot_read() {
    let hint = "Write addresses and networks such as 10.0.0.0/8 or 2001:db8::/32, separated by commas or spaces; ! in \
                front excludes one";
    check_faults(&[
        (
            "ip_in('10.0.0.1', '10.0.0.0/8, 10.0.0.300')",
            "ip_in: `10.0.0.300` at character 13 is not an IP address: `300` is not a number from 0 to 255; understood: \
             10.0.0.0/8",
            Some(hint),
        ),
        (
            "count(*) FROM (SELECT 1 AS x WHERE false) WHERE ip_in('10.0.0.1', 'x')",
            "ip_in: `x` at character 1 is not an IP address or network",
            Some(hint),
        ),
        (
            "ip_in('10.0.0.1', l) FROM (VALUES ('10.0.0.0/8'), ('x')) AS v(l)",
            "ip_in: `x` at character 1 is not an IP address or network",
            Some(hint),
        ),
    ])
    .await;
}

#[tokio::test]
async fn arguments_are_checked() {
    let ip_in = Some("Write ip_in(address, 'list')");
    check_faults(&[
        ("ip_in()", "ip_in takes 2 arguments; it was given 0", ip_in),
        ("ip_in('10.0.0.1')", "ip_in takes 2 arguments; it was given 1", ip_in),
        ("ip_in(7, '10.0.0.1')", "ip_in needs an IP address as `address`; it was given Int64", ip_in),
        ("ip_in('10.0.0.1', ['10.0.0.1'])", "ip_in needs text as `list`; it was given list of text", ip_in),
    ])
    .await;
}

const FLOWS: &str = "start_time,src_ip,dst_ip,dst_port\n\
                     2024-02-05T12:00:00Z,10.0.0.1,192.0.2.1,443\n\
                     2024-02-05T12:05:00Z,10.0.0.2,192.0.2.2,53\n\
                     2024-02-05T12:10:00.000001Z,2001:db8::1,192.0.2.1,22\n";

async fn engine_with_flows() -> (Engine, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flows.csv");
    std::fs::write(&path, FLOWS).expect("a file");
    let engine = engine();
    let path = path.to_str().expect("a path in Unicode");
    engine.register_source("flows", path, flow_engine::SourceKind::Flows).expect("a table");
    (engine, folder)
}

fn moment(text: &str) -> Parameter {
    Parameter::Timestamp(Some(text.parse::<DateTime<Utc>>().expect("a moment")))
}

async fn count(engine: &Engine, condition: &str, parameters: &[(&str, Parameter)]) -> String {
    let options = parameters
        .iter()
        .fold(QueryOptions::default(), |options, (name, value)| options.with_parameter(name, value.clone()));
    let sql = format!("SELECT count(*) FROM flows WHERE {condition}");
    let result = expect_rows(engine.query(&sql, options, CancellationToken::new()).await);
    rows(&result).trim().to_string()
}

#[tokio::test]
async fn times_are_parameters() {
    let (engine, _folder) = engine_with_flows().await;
    let start = [("start", moment("2024-02-05T12:05:00Z"))];
    assert_eq!(count(&engine, "start_time >= $start", &start).await, "2");
    assert_eq!(count(&engine, "start_time < $start", &start).await, "1");
    assert_eq!(count(&engine, "start_time >= $start", &[("start", moment("2024-02-05T12:10:00.000002Z"))]).await, "0");
    assert_eq!(count(&engine, "start_time >= $start", &[("start", moment("0001-01-01T00:00:00Z"))]).await, "3");
    assert_eq!(count(&engine, "start_time < $start", &[("start", moment("9999-12-31T00:00:00Z"))]).await, "3");
    assert_eq!(count(&engine, "start_time >= $start", &[("start", Parameter::Timestamp(None))]).await, "0");
    let window =
        [("end", moment("2024-02-05T12:10:00Z")), ("window", Parameter::Interval(Some(TimeDelta::minutes(5))))];
    assert_eq!(count(&engine, "start_time >= $end - $window", &window).await, "2");
    assert_eq!(count(&engine, "start_time BETWEEN $end - $window AND $end", &window).await, "1");
    let day = [("day", Parameter::Date(NaiveDate::from_ymd_opt(2024, 2, 5)))];
    assert_eq!(count(&engine, "CAST(start_time AS DATE) = $day", &day).await, "3");
    let time = [("time", Parameter::Time(NaiveTime::from_hms_opt(12, 5, 0)))];
    assert_eq!(count(&engine, "CAST(start_time AS TIME) = $time", &time).await, "1");
}

#[tokio::test]
async fn values_of_forms_are_parameters() {
    let (engine, _folder) = engine_with_flows().await;
    let text = |text: &str| Parameter::Text(Some(text.into()));
    assert_eq!(count(&engine, "ip_in(src_ip, $src)", &[("src", text("10.0.0.0/8"))]).await, "2");
    assert_eq!(count(&engine, "ip_in(src_ip, $src)", &[("src", text(" "))]).await, "3");
    assert_eq!(count(&engine, "ip_in(src_ip, $src)", &[("src", Parameter::Text(None))]).await, "3");
    assert_eq!(count(&engine, "src_ip = $src", &[("$src", text("10.0.0.1"))]).await, "1");
    assert_eq!(count(&engine, "src_ip = $src", &[("src", text("' OR true --"))]).await, "0");
    assert_eq!(count(&engine, "dst_port = $port", &[("port", Parameter::Integer(Some(53)))]).await, "1");
    assert_eq!(count(&engine, "dst_port = $port", &[("port", Parameter::Integer(Some(-1)))]).await, "0");
    assert_eq!(count(&engine, "dst_port > $port", &[("port", Parameter::Float(Some(52.5)))]).await, "2");
    assert_eq!(count(&engine, "$all OR dst_port = 22", &[("all", Parameter::Boolean(Some(false)))]).await, "1");
    let ports = [("ports", Parameter::IntegerList(vec![22, 53]))];
    assert_eq!(count(&engine, "dst_port = ANY($ports)", &ports).await, "2");
    assert_eq!(count(&engine, "array_has($ports, dst_port)", &ports).await, "2");
    assert_eq!(count(&engine, "dst_port = ANY($ports)", &[("ports", Parameter::IntegerList(vec![]))]).await, "0");
    let hosts = [("hosts", Parameter::TextList(vec!["10.0.0.1".into(), "10.0.0.2".into()]))];
    assert_eq!(count(&engine, "src_ip = ANY($hosts)", &hosts).await, "2");
    assert_eq!(count(&engine, "src_ip = ANY($hosts)", &[("hosts", Parameter::TextList(vec![]))]).await, "0");
}

#[test]
fn the_last_value_of_a_parameter_counts() {
    let options = QueryOptions::default()
        .with_parameter("port", Parameter::Integer(Some(1)))
        .with_parameter("$port", Parameter::Integer(Some(2)));
    assert_eq!(options.params, [("port".to_string(), datafusion::common::ScalarValue::from(2_i64))]);
}
