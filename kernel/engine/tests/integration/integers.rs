//! Whole numbers never start anew at zero: sums and operators are right or an error that says what to write.

use datafusion::prelude::SessionContext;
use flow_engine::Engine;

use crate::{engine, query, rows, try_query};

const LARGEST: &str = "CAST(18446744073709551615 AS BIGINT UNSIGNED)";
const LARGEST_SIGNED: &str = "9223372036854775807";

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_that_does_not_fit_is_an_error() {
    let engine = engine();
    query(&engine, &format!("CREATE TABLE u AS SELECT {LARGEST} AS n, k FROM generate_series(1, 2) AS t(k)")).await;
    query(&engine, &format!("CREATE TABLE s AS SELECT CAST({LARGEST_SIGNED} AS BIGINT) AS n, k FROM u")).await;
    query(&engine, "CREATE TABLE d AS SELECT arrow_cast(n, 'Duration(Nanosecond)') AS n, k FROM s").await;
    for table in ["u", "s", "d"] {
        for sql in [
            format!("SELECT sum(n) FROM {table}"),
            format!("SELECT k > 0, sum(n) FROM {table} GROUP BY 1"),
            format!("SELECT sum(n) FILTER (WHERE k > 0) FROM {table}"),
            format!("SELECT sum(n) OVER (ORDER BY k) FROM {table}"),
            format!("SELECT sum(n) OVER (ORDER BY k ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM {table}"),
            format!("SELECT sum(n) OVER () FROM {table} WHERE n IS NULL OR k > 0"),
        ] {
            let fault = try_query(&engine, &sql).await.expect_err(&sql);
            assert!(fault.to_string().contains("is beyond what"), "{sql}: {fault}");
            assert!(fault.hint().is_some(), "{sql}");
        }
        // One of them fits, also after another has left the window.
        let sql = format!(
            "SELECT count(s) FROM (SELECT sum(n) OVER (ORDER BY k ROWS BETWEEN CURRENT ROW AND CURRENT ROW) AS s FROM {table})"
        );
        assert_eq!(rows(&query(&engine, &sql).await).trim(), "2", "{table}");
    }
    let fault = try_query(&engine, "SELECT sum(n) FROM u").await.expect_err("too much");
    assert_eq!(fault.to_string(), "sum(u.n) is beyond what 64 bits can hold");
    assert!(fault.hint().is_some_and(|hint| hint.contains("safe_sum")), "{:?}", fault.hint());
    let both = query(&engine, "SELECT safe_sum(n) FROM u").await;
    assert_eq!(rows(&both).trim(), "36893488147419103230");
    // Each value once fits; two values do not.
    let distinct = "SELECT sum(DISTINCT n) FROM";
    assert_eq!(rows(&query(&engine, &format!("{distinct} u")).await).trim(), "18446744073709551615");
    let fault = try_query(&engine, &format!("{distinct} (SELECT n FROM s UNION ALL SELECT k FROM s)")).await;
    assert!(fault.expect_err("too much").to_string().contains("is beyond what 64 bits"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_that_fit_are_what_they_were() {
    let engine = engine();
    let stock = SessionContext::new();
    let table = "(SELECT k % 7 AS g, CASE WHEN k % 5 > 0 THEN (k - 5000) * 184467440737 END AS s, \
                 CAST(k % 3 AS SMALLINT) AS small, CAST(k * 184467440737095 AS BIGINT UNSIGNED) AS u, k * 0.5 AS f, \
                 arrow_cast(k, 'Duration(Millisecond)') AS d FROM (SELECT value AS k FROM generate_series(1, 9999)))";
    for sql in [
        "SELECT sum(s), sum(u / 10000), sum(small), sum(f), sum(d), sum(DISTINCT small), sum(DISTINCT u / 100000) FROM",
        "SELECT g, sum(s), sum(u / 10000), sum(small), sum(f), sum(d), sum(DISTINCT small) FILTER (WHERE s > 0) FROM",
    ] {
        let groups = if sql.starts_with("SELECT g") { "GROUP BY g ORDER BY g" } else { "" };
        assert_same(&engine, &stock, &format!("{sql} {table} {groups}")).await;
    }
    let window =
        "SELECT sum(s) OVER (PARTITION BY g ORDER BY u ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING) AS w, g, u FROM";
    assert_same(&engine, &stock, &format!("SELECT g, sum(w), max(w) FROM ({window} {table}) GROUP BY g ORDER BY g"))
        .await;
    assert_same(&engine, &stock, &format!("SELECT sum(s), sum(u), sum(d) FROM {table} WHERE g > 100")).await;
}

/// The same values of the same types as DataFusion's own.
async fn assert_same(engine: &Engine, stock: &SessionContext, sql: &str) {
    let ours = query(engine, sql).await;
    let theirs = stock.sql(sql).await.expect(sql).collect().await.expect(sql);
    assert_eq!(ours.row_count, theirs.iter().map(|batch| batch.num_rows()).sum::<usize>(), "{sql}");
    let theirs = arrow::compute::concat_batches(&theirs[0].schema(), &theirs).expect("one batch");
    let ours = arrow::compute::concat_batches(&ours.schema, &ours.batches).expect("one batch");
    assert_eq!(ours.columns(), theirs.columns(), "{sql}");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_are_right_or_an_error() {
    let engine = engine();
    let table = format!(
        "(SELECT {LARGEST} AS u, CAST(1 AS BIGINT UNSIGNED) AS one, CAST({LARGEST_SIGNED} AS BIGINT) AS s, \
         CAST(-9223372036854775808 AS BIGINT) AS least, CAST(2147483647 AS INT) AS i, \
         CAST(65535 AS SMALLINT UNSIGNED) AS port, CAST(443 AS SMALLINT UNSIGNED) AS web)"
    );
    let scalar = |text: &str| text.replace("u ", &format!("{LARGEST} ")).replace("one", "CAST(1 AS BIGINT UNSIGNED)");
    for (operation, text) in [
        ("u + one", "18446744073709551615 + 1"),
        ("u * u ", "18446744073709551615 * 18446744073709551615"),
        ("u - one", "18446744073709551615 - 1"),
        ("s + s", "9223372036854775807 + 9223372036854775807"),
        ("s + 1", "9223372036854775807 + 1"),
        ("2 * s", "2 * 9223372036854775807"),
        ("least - 1", "-9223372036854775808 - 1"),
        ("-least", "0 - -9223372036854775808"),
        ("i + i", "2147483647 + 2147483647"),
    ] {
        for sql in [format!("SELECT {operation} FROM {table}"), format!("SELECT s FROM {table} WHERE {operation} > 0")]
        {
            let fault = try_query(&engine, &sql).await.expect_err(&sql);
            let bits = if operation == "i + i" { 32 } else { 64 };
            let expected = format!("{text} is beyond what a whole number of {bits} bits can be");
            assert_eq!(fault.to_string(), expected, "{sql}");
            assert!(fault.hint().is_some_and(|hint| hint.contains("DECIMAL(38, 0)")), "{sql}: {:?}", fault.hint());
        }
    }
    // Constants are computed before the query runs.
    let fault = try_query(&engine, &format!("SELECT {}", scalar("u + one"))).await.expect_err("too much");
    assert!(fault.to_string().contains("is beyond what"), "{fault}");
    for (operation, expected) in [
        ("one - CAST(2 AS BIGINT UNSIGNED)", "-1"),
        ("web - port", "-65092"),
        ("port + port", "131070"),
        ("port * port", "4294836225"),
        ("u + 1", "18446744073709551616"),
        ("one - 2", "-1"),
        ("abs(one - CAST(5 AS BIGINT UNSIGNED))", "4"),
        ("-i", "-2147483647"),
        ("one + NULL", "NULL"),
        ("NULLIF(one, one) - one", "NULL"),
        ("s / 2 + s / 2", "9223372036854775806"),
    ] {
        let found = query(&engine, &format!("SELECT {operation} AS n FROM {table}")).await;
        assert_eq!(rows(&found).trim(), expected, "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_keep_names_groups_and_parameters() {
    let engine = engine();
    query(
        &engine,
        "CREATE TABLE t AS SELECT CAST(value AS BIGINT UNSIGNED) AS n, value AS k FROM generate_series(1, 6)",
    )
    .await;
    let named = query(&engine, "SELECT n - n, k + 1 FROM t LIMIT 1").await;
    let names: Vec<&str> = named.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["t.n - t.n", "t.k + Int64(1)"]);
    let groups = query(&engine, "SELECT k * 0, sum(k + 1), count(*) FROM t GROUP BY k * 0 HAVING sum(k + 1) > 1").await;
    assert_eq!(rows(&groups).split_whitespace().collect::<Vec<_>>(), ["0", "27", "6"]);
    query(&engine, "CREATE VIEW v AS SELECT n - CAST(k * 2 AS BIGINT UNSIGNED) AS d, k FROM t").await;
    let below = query(&engine, "SELECT min(d) FROM v WHERE d < -1 AND k IN (SELECT k + 1 FROM t)").await;
    assert_eq!(rows(&below).trim(), "-6");
    let union = query(&engine, "SELECT sum(x) FROM (SELECT n - n AS x FROM t UNION ALL SELECT n FROM t)").await;
    assert_eq!(rows(&union).trim(), "21");
    let counted = "WITH RECURSIVE c AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM c WHERE i < 9) SELECT max(i) FROM c";
    assert_eq!(rows(&query(&engine, counted).await).trim(), "9");
    let joined = "SELECT count(*) FROM t a JOIN t b ON a.k + 1 = b.k AND a.n - b.n < 0";
    assert_eq!(rows(&query(&engine, joined).await).trim(), "5");
    let related = "SELECT count(*) FROM t a WHERE EXISTS (SELECT 1 FROM t b WHERE b.k = a.k + 5)";
    assert_eq!(rows(&query(&engine, related).await).trim(), "1");
    let options = flow_engine::QueryOptions::default().with_parameter("more", flow_engine::Parameter::Integer(Some(1)));
    let sql = format!("SELECT {LARGEST_SIGNED} + $more");
    let fault = engine.query(&sql, options, flow_engine::CancellationToken::new()).await.expect_err("too much");
    assert!(fault.to_string().contains("is beyond what"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_under_the_names_of_a_standard_do_not_lose_bytes() {
    let engine = engine();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("f.csv");
    let text =
        "start_time,src_ip,dst_ip,bytes,rev_bytes\n2024-01-01T00:00:00Z,10.0.0.1,10.0.0.2,18446744073709551615,1\n";
    std::fs::write(&path, text).expect("a file");
    engine.register_source("flows", &path.display().to_string(), flow_engine::SourceKind::Flows).expect("flows");
    let both = query(&engine, "SELECT \"network.bytes\" FROM flows_ecs WHERE \"network.bytes\" > 5").await;
    assert_eq!(rows(&both).trim(), "18446744073709551616");
    let fault = try_query(&engine, "SELECT bytes + rev_bytes FROM flows").await.expect_err("too much");
    assert!(fault.to_string().contains("18446744073709551615 + 1 is beyond"), "{fault}");
    let lengths = "SELECT sum(end_time - start_time), avg(bytes) FROM flows";
    assert!(try_query(&engine, lengths).await.is_ok());
}
