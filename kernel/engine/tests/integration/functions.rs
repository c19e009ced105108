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
        (
            "ip_prefix('10.0.0.1', '24')",
            "ip_prefix needs a whole number as `bits`; it was given text",
            Some("Write ip_prefix(address, bits [, bits_v6])"),
        ),
        ("ip_prefix('10.0.0.1', 129)", "ip_prefix cannot use 129 as `bits`: it must be from 0 to 128", None),
        (
            "ip_anonymize('10.0.0.1', 8, 8, 8)",
            "ip_anonymize takes 1 to 3 arguments; it was given 4",
            Some("Write ip_anonymize(address [, bits_v4, bits_v6])"),
        ),
        (
            "community_id('10.0.0.1', 1, '10.0.0.2', 2, 6, 65536)",
            "community_id cannot use 65536 as `seed`: it must be from 0 to 65535",
            None,
        ),
        (
            "registered_domain('a.example', 'some')",
            "registered_domain cannot use 'some' as `rules`: it must be 'all' or 'icann'",
            None,
        ),
        (
            "time_bin('1 hour', 'yesterday')",
            "time_bin needs a timestamp as `timestamp`; it was given text",
            Some("Write time_bin(interval, timestamp [, zone])"),
        ),
        (
            "time_bin('0 hours', now())",
            "time_bin cannot use an interval of nothing as `interval`: it must be longer than nothing",
            None,
        ),
        (
            "time_bin('-90 minutes', now())",
            "time_bin cannot use -5400 seconds as `interval`: it must be longer than nothing",
            None,
        ),
        (
            "time_bin('1 month 1 day', now())",
            "time_bin cannot use 1 months 1 days as `interval`: months and shorter units cannot be mixed",
            None,
        ),
        ("time_bin('5 lightyears', now())", "invalid input syntax for type interval: \"5 lightyears\"", None),
        (
            "time_bin('1 hour', now(), 'Prague')",
            "time_bin cannot use 'Prague' as `zone`: write an IANA name such as 'Europe/Prague'",
            None,
        ),
        ("safe_sum('x')", "safe_sum needs a number as `number`; it was given text", Some("Write safe_sum(number)")),
        (
            "beacon_score(1, 2)",
            "beacon_score needs a timestamp as `start_time`; it was given Int64",
            Some("Write beacon_score(start_time, bytes [, window_start, window_end])"),
        ),
        ("safe_sum()", "safe_sum takes 1 argument; it was given 0", Some("Write safe_sum(number)")),
        ("ip_in('10.0.0.1', ['10.0.0.1'])", "ip_in needs text as `list`; it was given list of text", ip_in),
    ])
    .await;
}

#[tokio::test]
async fn null_gives_null() {
    let engine = engine();
    for call in [
        "ip_prefix(NULL, 24)",
        "ip_prefix('10.0.0.1', NULL)",
        "ip_version(NULL)",
        "ip_family(NULL)",
        "ip_is_private('nothing')",
        "ip_anonymize(NULL)",
        "ip_anonymize('nothing')",
        "ip_anonymize('10.0.0.1', NULL)",
        "protocol_name(NULL)",
        "protocol_number(NULL)",
        "port_name(NULL)",
        "port_name(443, NULL)",
        "port_name(-1)",
        "tcp_flags_text(NULL)",
        "tcp_flags_text(-1)",
        "community_id(NULL, 1, '10.0.0.1', 2, 6)",
        "community_id('10.0.0.1', NULL, '10.0.0.2', 2, 6)",
        "community_id('10.0.0.1', 1, '::1', 2, 6)",
        "community_id('10.0.0.1', 1, '10.0.0.2', 2, NULL)",
        "community_id('10.0.0.1', 1, '10.0.0.2', 70000, 6)",
        "normalize_domain(NULL)",
        "registered_domain(NULL)",
        "registered_domain('com', NULL)",
        "subdomain('10.0.0.1')",
        "public_suffix('')",
        "entropy(NULL)",
        "defang(NULL)",
        "refang(NULL)",
        "human_bytes(NULL)",
        "human_duration(NULL)",
        "time_bin(NULL, now())",
        "time_bin('1 hour', NULL)",
        "time_bin('1 hour', now(), NULL)",
        "safe_sum(NULL)",
        "(SELECT safe_sum(x) FROM (SELECT 1 AS x WHERE false))",
        "beacon_score(NULL, NULL)",
        "(SELECT beacon_score(x, 1) FROM (SELECT now() AS x WHERE false))",
    ] {
        let result = query(&engine, &format!("SELECT {call} IS NULL")).await;
        assert_eq!(rows(&result).trim(), "true", "{call}");
    }
}

#[tokio::test]
async fn columns_and_constants_agree() {
    let engine = engine();
    let values = "('10.1.2.3', 443, 6, 'a.b.example.co.uk'), ('2001:db8:1:2::3', 53, 17, 'Example.COM.'), \
                  (NULL, NULL, NULL, NULL), ('nothing', 70000, 300, '10.0.0.1')";
    query(&engine, &format!("CREATE TABLE t AS SELECT * FROM (VALUES {values}) AS v(ip, port, protocol, name)")).await;
    let cases = [
        ("ip_prefix(ip, 16, 32) FROM t", "10.1.0.0/16|2001:db8::/32|NULL|NULL"),
        ("ip_prefix('10.1.2.3', port / 100) FROM t WHERE port < 1000", "0.0.0.0/4|0.0.0.0/0"),
        ("ip_version(ip) FROM t", "4|6|NULL|NULL"),
        ("ip_family(ip) FROM t", "IPv4|IPv6|NULL|NULL"),
        ("ip_is_private(ip) FROM t", "true|false|NULL|NULL"),
        ("ip_anonymize(ip) FROM t", "10.1.2.0|2001:db8:1::|NULL|NULL"),
        ("protocol_name(protocol) FROM t", "tcp|udp|NULL|300"),
        ("protocol_name(CAST(protocol AS SMALLINT UNSIGNED)) FROM t", "tcp|udp|NULL|300"),
        ("port_name(port, protocol_name(protocol)) FROM t", "https|dns|NULL|NULL"),
        ("registered_domain(name) FROM t", "example.co.uk|example.com|NULL|NULL"),
        ("subdomain(name) FROM t", "a.b|NULL|NULL|NULL"),
        ("public_suffix(name, 'icann') FROM t", "co.uk|com|NULL|NULL"),
        (
            "registered_domain(arrow_cast(name, 'Dictionary(Int32, Utf8)')) FROM t",
            "example.co.uk|example.com|NULL|NULL",
        ),
        ("count(community_id(ip, port, ip, port, protocol)) FROM t", "2"),
        ("human_bytes(port) FROM t", "443 B|53 B|NULL|70.0 kB"),
        ("human_bytes(CAST(18446744073709551615 AS BIGINT UNSIGNED))", "18.4 EB"),
        ("human_bytes(safe_sum(port)) FROM t", "70.5 kB"),
        ("refang(defang(name)) FROM t WHERE name IS NOT NULL", "a.b.example.co.uk|Example.COM.|10.0.0.1"),
    ];
    check(&engine, &cases).await;
}

#[tokio::test]
async fn sums_do_not_overflow() {
    let engine = engine();
    query(
        &engine,
        "CREATE TABLE t AS SELECT value, CAST(18446744073709551615 AS BIGINT UNSIGNED) AS bytes FROM range(0, 4)",
    )
    .await;
    let cases = [
        ("safe_sum(bytes) FROM t", "73786976294838206460"),
        ("arrow_typeof(safe_sum(bytes)) FROM t", "Decimal128(38, 0)"),
        ("safe_sum(bytes) FROM t GROUP BY value % 2", "36893488147419103230|36893488147419103230"),
        ("safe_sum(DISTINCT bytes) FROM t", "18446744073709551615"),
        ("safe_sum(bytes) FILTER (WHERE value > 1) FROM t", "36893488147419103230"),
        ("safe_sum(value) OVER (ORDER BY value) FROM t", "0|1|3|6"),
        ("safe_sum(value) OVER (ORDER BY value ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t", "0|1|3|5"),
        ("safe_sum(value / 2.0) FROM t", "3.0"),
        ("safe_sum(CAST(value AS DECIMAL(10, 2))) FROM t", "6.00"),
        ("sum(value) FROM t HAVING safe_sum(bytes) > 1", "6"),
    ];
    check(&engine, &cases).await;
    let largest = "CAST('99999999999999999999999999999999999999' AS DECIMAL(38, 0))";
    check_faults(&[(
        &format!("safe_sum(x) FROM (VALUES ({largest}), ({largest})) AS v(x)"),
        "safe_sum: the sum has more than 38 digits",
        None,
    )])
    .await;
}

#[tokio::test]
async fn bins_follow_zones() {
    let engine = engine();
    let cases = [
        (
            "time_bin('1 day', t, 'Europe/Prague') FROM (VALUES (TIMESTAMP '2024-03-31 12:00:00')) AS v(t)",
            "2024-03-30T23:00:00",
        ),
        (
            "time_bin(INTERVAL '90 minutes', CAST('2024-02-05T04:00:00Z' AS TIMESTAMP WITH TIME ZONE))",
            "2024-02-05T03:00:00Z",
        ),
        ("time_bin('1 day', DATE '2024-02-05')", "2024-02-05T00:00:00"),
        (
            "count(*) FROM (SELECT time_bin('1 day', to_timestamp(value * 3600), 'Europe/Prague') AS day FROM \
             range(0, 48) GROUP BY day)",
            "3",
        ),
    ];
    check(&engine, &cases).await;
}

#[tokio::test]
async fn beacons_are_scored_by_group() {
    let engine = engine();
    let sql = "CREATE TABLE t AS SELECT value % 3 AS host, to_timestamp(CASE WHEN value % 3 = 0 THEN value * 60 WHEN \
               value % 3 = 1 THEN value * value % 86400 ELSE 7 END) AS t, CASE WHEN value % 3 = 0 THEN 512 ELSE value * \
               value * 31 % 5000 END AS bytes FROM range(0, 1440)";
    query(&engine, sql).await;
    let cases = [
        ("host FROM t GROUP BY host HAVING beacon_score(t, bytes)['score'] > 0.9", "0"),
        ("beacon_score(t, bytes)['ts_score'] FROM t WHERE host = 0", "1.0"),
        ("beacon_score(t, bytes) IS NULL FROM t WHERE host = 2", "true"),
        (
            "beacon_score(t, bytes, TIMESTAMP '1970-01-01 00:00:00', TIMESTAMP '1970-02-01 00:00:00')['dur_score'] \
             FROM t WHERE host = 0",
            "0.0",
        ),
        ("beacon_score(to_timestamp(value), 1) IS NULL FROM range(0, 86399)", "false"),
        ("beacon_score(to_timestamp(value), 1) IS NULL FROM range(0, 86400)", "true"),
    ];
    check(&engine, &cases).await;
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
    assert_eq!(count(&engine, "app_protocol = $app", &[("app", text("' OR true --"))]).await, "0");
    assert_eq!(count(&engine, "dst_port = $port", &[("port", Parameter::Integer(Some(53)))]).await, "1");
    assert_eq!(count(&engine, "dst_port = $port", &[("port", Parameter::Integer(Some(-1)))]).await, "0");
    assert_eq!(count(&engine, "dst_port > $port", &[("port", Parameter::Float(Some(52.5)))]).await, "2");
    assert_eq!(count(&engine, "$all OR dst_port = 22", &[("all", Parameter::Boolean(Some(false)))]).await, "1");
    let ports = [("ports", Parameter::IntegerList(vec![22, 53]))];
    assert_eq!(count(&engine, "dst_port = ANY($ports)", &ports).await, "2");
    assert_eq!(count(&engine, "array_has($ports, dst_port)", &ports).await, "2");
    assert_eq!(count(&engine, "dst_port = ANY($ports)", &[("ports", Parameter::IntegerList(vec![]))]).await, "0");
    let bins = [("width", Parameter::Interval(Some(TimeDelta::minutes(10)))), ("zone", text("Europe/Prague"))];
    let first = "time_bin($width, start_time, $zone) = TIMESTAMP '2024-02-05 12:00:00'";
    assert_eq!(count(&engine, first, &bins).await, "2");
    let hosts = [("hosts", Parameter::TextList(vec!["10.0.0.1".into(), "10.0.0.2".into()]))];
    assert_eq!(count(&engine, "src_ip = ANY($hosts)", &hosts).await, "2");
    assert_eq!(count(&engine, "src_ip = ANY($hosts)", &[("hosts", Parameter::TextList(vec![]))]).await, "0");
}

#[tokio::test]
async fn flows_are_grouped_and_named() {
    let (engine, _folder) = engine_with_flows().await;
    let cases = [
        ("count(*) AS n FROM flows GROUP BY ip_prefix(src_ip, 8, 32) ORDER BY n", "1|2"),
        ("port_name(dst_port) FROM flows ORDER BY dst_port", "ssh|dns|https"),
        ("ip_version(src_ip) FROM flows ORDER BY start_time", "4|4|6"),
        ("safe_sum(bytes) FROM flows", "NULL"),
        ("beacon_score(start_time, bytes) IS NULL FROM flows", "true"),
    ];
    check(&engine, &cases).await;
    let options = QueryOptions::default().with_parameter("width", Parameter::Interval(Some(TimeDelta::minutes(10))));
    let sql = "SELECT time_bin($width, start_time) AS bin, count(*) AS n FROM flows GROUP BY bin ORDER BY bin";
    let result = expect_rows(engine.query(sql, options, CancellationToken::new()).await);
    assert_eq!(result.row_count, 2);
    assert_eq!(result.schema.field(0).data_type(), engine_type_of_start_time(&engine).await.data_type());
}

async fn engine_type_of_start_time(engine: &Engine) -> arrow::datatypes::Field {
    query(engine, "SELECT start_time FROM flows").await.schema.field(0).clone()
}

#[test]
fn the_last_value_of_a_parameter_counts() {
    let options = QueryOptions::default()
        .with_parameter("port", Parameter::Integer(Some(1)))
        .with_parameter("$port", Parameter::Integer(Some(2)));
    assert_eq!(options.params, [("port".to_string(), datafusion::common::ScalarValue::from(2_i64))]);
}
