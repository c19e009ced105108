//! Statements, limits, parameters, results as tables, settings.

use std::sync::{Arc, Mutex};

use datafusion::common::ScalarValue;
use flow_engine::engine::EngineOptions;
use flow_engine::{CancellationToken, Engine, EngineError, Progress, QueryOptions};

use crate::{engine, expect_rows, query, rows, try_query};

async fn with_options(sql: &str, options: QueryOptions) -> Result<flow_engine::QueryResult, EngineError> {
    engine().query(sql, options, CancellationToken::new()).await
}

#[tokio::test]
async fn a_list_of_a_million_names_is_joined_as_one_table() {
    let engine = engine();
    let names = "SELECT concat('host', value) AS name FROM generate_series(1, 1000000)";
    for sql in [format!("CREATE TABLE names AS {names}"), format!("CREATE TABLE seen AS {names}")] {
        engine.query(&sql, QueryOptions::default(), CancellationToken::new()).await.expect("a table");
    }
    let plan = "EXPLAIN SELECT count(*) FROM seen JOIN names USING (name)";
    let plan = engine.query(plan, QueryOptions::default(), CancellationToken::new()).await.expect("a plan");
    let plan = format!("{:?}", plan.batches);
    assert!(plan.contains("HashJoinExec: mode=CollectLeft"), "{plan}");
}

#[tokio::test]
async fn limits_tell_whether_there_is_more() {
    for (limit, expected, truncated) in
        [(Some(5), 5, true), (Some(10), 10, false), (Some(11), 10, false), (Some(0), 10, false), (None, 10, false)]
    {
        let options = QueryOptions { limit, ..QueryOptions::default() };
        let result = expect_rows(with_options("SELECT value FROM range(0, 10) ORDER BY value", options).await);
        assert_eq!((result.row_count, result.truncated), (expected, truncated), "{limit:?}");
        assert_eq!(result.batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), expected);
    }
}

#[tokio::test]
async fn a_limit_does_not_break_what_takes_none() {
    for sql in [
        "EXPLAIN SELECT 1",
        "SHOW TABLES",
        "CREATE TABLE t AS SELECT 1 AS x",
        "EXPLAIN ANALYZE SELECT 1",
        "SET datafusion.execution.batch_size = 100",
        "SHOW datafusion.execution.batch_size",
    ] {
        let options = QueryOptions { limit: Some(1), ..QueryOptions::default() };
        expect_rows(with_options(sql, options).await);
    }
}

#[tokio::test]
async fn parameters_are_values_never_text() {
    let hostile = "x' OR 1=1; DROP TABLE t --";
    let params = vec![
        ("who".to_string(), ScalarValue::from(hostile)),
        ("count".to_string(), ScalarValue::from(u64::MAX)),
        ("unused".to_string(), ScalarValue::Null),
    ];
    let options = QueryOptions { params, ..QueryOptions::default() };
    let result = expect_rows(with_options("SELECT $who AS who, $count AS count WHERE $who <> ''", options).await);
    assert_eq!(rows(&result), format!("{hostile}  {}", u64::MAX));
}

#[tokio::test]
async fn missing_parameters_are_named() {
    let options = QueryOptions { params: vec![("a".into(), ScalarValue::from(1))], ..QueryOptions::default() };
    let fault = with_options("SELECT $a, $b, $c", options).await.expect_err("two are missing");
    assert_eq!(fault.to_string(), "the query needs $b, $c, which are not set");
    assert_eq!(fault.hint().as_deref(), Some("Set are $a"));
}

#[tokio::test]
async fn statements_run_in_order() {
    let engine = engine();
    let result = query(
        &engine,
        "CREATE TABLE t AS SELECT 1 AS x; INSERT INTO t VALUES (2); -- done\nSELECT sum(x) AS s FROM t;",
    )
    .await;
    assert_eq!(rows(&result), "3");
    let fault = try_query(&engine, " ; -- nothing").await.expect_err("no statement");
    assert!(matches!(fault, EngineError::EmptyQuery), "{fault:?}");
    query(&engine, "CREATE VIEW v AS SELECT x * 2 AS y FROM t").await;
    assert_eq!(rows(&query(&engine, "SELECT max(y) AS m FROM v").await), "4");
    assert_eq!(engine.table_names(), ["t", "v"]);
}

#[tokio::test]
async fn writes_are_refused_where_only_reading_is_allowed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out.csv").display().to_string();
    let copy = format!("COPY (SELECT 1 AS x) TO '{path}'");
    for sql in [
        copy.clone(),
        format!("EXPLAIN ANALYZE {copy}"),
        format!("SELECT 1; {copy}"),
        format!("CREATE EXTERNAL TABLE e STORED AS CSV LOCATION '{path}'"),
    ] {
        let options = QueryOptions { allow_writes: false, ..QueryOptions::default() };
        let outcome = with_options(&sql, options).await;
        assert!(outcome.is_err(), "{sql}");
        assert!(!std::path::Path::new(&path).exists(), "{sql}");
    }
    expect_rows(with_options(&copy, QueryOptions::default()).await);
    assert!(std::path::Path::new(&path).exists());
}

#[tokio::test]
async fn results_become_tables_even_with_repeated_names() {
    let engine = engine();
    let result =
        query(&engine, "SELECT a.value, b.value FROM range(0, 3) a JOIN range(0, 3) b ON a.value = b.value").await;
    assert_eq!(result.schema.fields().len(), 2);
    assert_eq!(engine.register_result("Result", &result).expect("a table"), "result");
    assert_eq!(rows(&query(&engine, "SELECT sum(value) AS a, sum(value_2) AS b FROM result").await), "3  3");
    let other = query(&engine, "SELECT 'new' AS t").await;
    engine.register_result("result", &other).expect("replaced");
    assert_eq!(rows(&query(&engine, "SELECT t FROM result").await), "new");
    let empty = query(&engine, "SELECT 1 AS x WHERE false").await;
    engine.register_result("empty", &empty).expect("a table without rows");
    assert_eq!(rows(&query(&engine, "SELECT count(x) AS n FROM empty").await), "0");
}

#[tokio::test]
async fn times_are_utc_and_names_fold() {
    let engine = engine();
    let result = query(&engine, "SELECT TIMESTAMPTZ '2024-05-06T07:08:09+02:00' AS T").await;
    assert_eq!(result.schema.field(0).name(), "t");
    assert_eq!(rows(&result), "2024-05-06T05:08:09Z");
}

#[tokio::test]
async fn big_sorts_spill_instead_of_failing() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = EngineOptions {
        memory_limit_bytes: Some(96 << 20),
        spill_folder: Some(folder.path().to_path_buf()),
        thread_count: Some(2),
        ..EngineOptions::default()
    };
    let engine = Engine::with_options(options).expect("an engine");
    let sql = "SELECT count(*) AS n FROM (SELECT row_number() OVER (ORDER BY repeat('x', 100) || (value * 7919 % 1000003)) AS r \
               FROM range(0, 1500000)) WHERE r > 100000";
    assert_eq!(rows(&query(&engine, sql).await), "1400000");
}

#[tokio::test]
async fn what_does_not_fit_is_an_error_with_the_limit() {
    let options = EngineOptions { memory_limit_bytes: Some(16 << 20), ..EngineOptions::default() };
    let engine = Engine::with_options(options).expect("an engine");
    let gathered = "SELECT array_length(array_agg(repeat('x', 100) || value)) AS n FROM range(0, 1000000)";
    let fault = try_query(&engine, gathered).await.expect_err("more than 16 MiB");
    assert_eq!(fault.to_string(), "the query needs more memory than the 16.0 MiB allowed");
    assert!(fault.hint().is_some_and(|hint| hint.contains("FLOWDECK_MEMORY_LIMIT")));
    // A result goes to disk, which has a limit of its own.
    let wide = "SELECT value, repeat('x', 100) AS pad FROM range(0, 1000000)";
    assert_eq!(query(&engine, wide).await.row_count, 1_000_000);
    let options = EngineOptions {
        memory_limit_bytes: Some(16 << 20),
        result_disk_bytes: Some(16 << 20),
        ..EngineOptions::default()
    };
    let fault =
        try_query(&Engine::with_options(options).expect("an engine"), wide).await.expect_err("more than 16 MiB");
    assert_eq!(fault.to_string(), "the result is larger than the 16.0 MiB that results may take on disk");
    assert!(fault.hint().is_some_and(|hint| hint.contains("FLOWDECK_RESULT_LIMIT")));
}

#[tokio::test]
async fn progress_is_told_at_the_end_at_least() {
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let keeper = Arc::clone(&told);
    let progress = Arc::new(move |progress| keeper.lock().expect("no panic").push(progress));
    let options = QueryOptions { progress: Some(progress), ..QueryOptions::default() };
    expect_rows(with_options("SELECT count(DISTINCT value) FROM range(0, 100000)", options).await);
    let told = told.lock().expect("no panic");
    assert_eq!(told.last().map(|progress| progress.rows_read), Some(100_000), "{told:?}");
}

#[test]
fn names_of_tables_are_checked() {
    let engine = engine();
    let fault = engine.register_source("conn-2024", "x", flow_engine::SourceKind::Auto).expect_err("no name");
    assert_eq!(fault.to_string(), "`conn-2024` cannot be the name of a table: it contains `-`");
    assert!(fault.hint().is_some_and(|hint| hint.contains("`conn_2024`")));
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_one_name_are_all_shown() {
    let engine = engine();
    query(&engine, "CREATE TABLE t AS SELECT value AS n, value * 2 AS m FROM generate_series(1, 3)").await;
    for (sql, names, first) in [
        ("SELECT 'a' AS a, 'b' AS a, 'c' AS A", vec!["a", "a", "a"], "a b c"),
        ("SELECT n, n, m AS n FROM t ORDER BY n", vec!["n", "n", "n"], "1 1 2"),
        ("SELECT *, m FROM t ORDER BY n DESC", vec!["n", "m", "m"], "3 6 6"),
        ("SELECT m, * FROM t ORDER BY 1", vec!["m", "n", "m"], "2 1 2"),
        ("SELECT *, n + 1 AS next, m FROM t ORDER BY next DESC", vec!["n", "m", "next", "m"], "3 6 4 6"),
        ("SELECT *, 7 AS n FROM t ORDER BY m", vec!["n", "m", "n"], "1 2 7"),
        ("SELECT count(*), count(*), sum(n) AS s FROM t", vec!["count(*)", "count(*)", "s"], "3 3 6"),
        ("SELECT a.n, b.n, a.n FROM t a JOIN t b ON a.n + 1 = b.n ORDER BY a.n", vec!["n", "n", "n"], "1 2 1"),
        ("WITH w AS (SELECT n FROM t) SELECT w.n, w.n FROM w LIMIT 1", vec!["n", "n"], "1 1"),
    ] {
        let found = query(&engine, sql).await;
        let shown: Vec<&str> = found.schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(shown, names, "{sql}");
        assert_eq!(found.batches[0].schema(), found.schema, "{sql}");
        let values = rows(&found).lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(values, first, "{sql}");
    }
    // Files and tables number them; nothing is lost.
    let found = query(&engine, "SELECT 'a' AS a, 'b' AS a").await;
    let mut csv = Vec::new();
    flow_engine::export::write(&found, flow_engine::Format::Csv, &mut csv).expect("CSV");
    assert_eq!(String::from_utf8(csv).expect("text").replace("\r\n", "\n"), "a,a_2\na,b\n");
    engine.register_result("twice", &found).expect("a table");
    assert_eq!(rows(&query(&engine, "SELECT concat(a, a_2) FROM twice").await).trim(), "ab");
    // Within a query it would be a question which is meant.
    for sql in
        ["CREATE TABLE x AS SELECT 1 AS a, 2 AS a", "SELECT a FROM (SELECT 1 AS a, 2 AS a)", "SELECT n FROM t a, t b"]
    {
        try_query(&engine, sql).await.expect_err(sql);
    }
}
