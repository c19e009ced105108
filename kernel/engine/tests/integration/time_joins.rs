//! Joins that are tolerant in time: they stay hash joins, and lengths of time compare as what they are.

use std::time::{Duration, Instant};

use flow_engine::{Engine, SourceKind};

use crate::{engine, query, rows, try_query};

/// Both sides of the joins below: each key once, the second side later by `seconds`.
async fn tables(engine: &Engine, count: usize, seconds: f64) {
    for (name, shift) in [("a", 0.0), ("b", seconds)] {
        query(
            engine,
            &format!(
                "CREATE TABLE {name} AS SELECT 'key' || CAST(value AS VARCHAR) AS community_id, \
                 arrow_cast(to_timestamp_nanos(1700000000000000000 + value * 1000000000 \
                 + CAST({shift} * 1000000000 AS BIGINT)), 'Timestamp(Nanosecond, Some(\"UTC\"))') AS start_time \
                 FROM range(0, {count})"
            ),
        )
        .await;
    }
}

const CONDITIONS: &[&str] = &[
    "abs(a.start_time - b.start_time) < interval '5 seconds'",
    "interval '5 seconds' > abs(b.start_time - a.start_time)",
    "a.start_time - b.start_time BETWEEN interval '-5 seconds' AND interval '5 seconds'",
    "b.start_time BETWEEN a.start_time - interval '5 seconds' AND a.start_time + interval '5 seconds'",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_tolerant_join_on_equal_keys_is_a_hash_join() {
    let engine = engine();
    tables(&engine, 1000, 4.5).await;
    for condition in CONDITIONS {
        let join = format!("FROM a JOIN b ON a.community_id = b.community_id AND {condition}");
        let plan = rows(&query(&engine, &format!("EXPLAIN FORMAT INDENT SELECT count(*) {join}")).await);
        let plan = plan + &engine_plan(&engine, &join).await;
        assert!(plan.contains("HashJoinExec"), "{condition}: {plan}");
        for slow in ["CrossJoinExec", "NestedLoopJoinExec"] {
            assert!(!plan.contains(slow), "{condition}: {plan}");
        }
        assert_eq!(rows(&query(&engine, &format!("SELECT count(*) {join}")).await).trim(), "1000", "{condition}");
    }
}

async fn engine_plan(engine: &Engine, join: &str) -> String {
    let frame = engine.context().sql(&format!("SELECT count(*) {join}")).await.expect("a plan");
    let plan = frame.create_physical_plan().await.expect("a physical plan");
    datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_far_apart_does_not_join() {
    let engine = engine();
    tables(&engine, 100, 5.5).await;
    for condition in CONDITIONS {
        let join = format!("SELECT count(*) FROM a JOIN b ON a.community_id = b.community_id AND {condition}");
        assert_eq!(rows(&query(&engine, &join).await).trim(), "0", "{condition}");
        let kept =
            format!("SELECT count(b.start_time) FROM a LEFT JOIN b ON a.community_id = b.community_id AND {condition}");
        assert_eq!(rows(&query(&engine, &kept).await).trim(), "0", "{condition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_join_in_seconds() {
    /// A cross join of these would be 10^11 comparisons: hours in a debug build.
    const COUNT: usize = 300_000;
    const SOON: Duration = Duration::from_secs(60);
    let engine = engine();
    tables(&engine, COUNT, 1.0).await;
    let started = Instant::now();
    let join = "SELECT count(*) FROM a JOIN b ON a.community_id = b.community_id \
                AND abs(a.start_time - b.start_time) < interval '5 seconds'";
    assert_eq!(rows(&query(&engine, join).await).trim(), COUNT.to_string());
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_of_time_compare_as_lengths() {
    let engine = engine();
    let length = "TIMESTAMP '2024-01-03T01:00:00' - TIMESTAMP '2024-01-02'";
    for (condition, expected) in [
        ("{} > INTERVAL '1 day'", "true"),
        ("{} < INTERVAL '1 day 2 hours'", "true"),
        ("{} BETWEEN INTERVAL '24 hours' AND INTERVAL '1 day 1 hour'", "true"),
        ("{} = INTERVAL '25 hours'", "true"),
        ("INTERVAL '2 days' < {}", "false"),
        ("abs(TIMESTAMP '2024-01-02' - TIMESTAMP '2024-01-03T01:00:00') = {}", "true"),
        ("abs({}) > INTERVAL '25 hours 1 second'", "false"),
        ("abs(CAST(NULL AS TIMESTAMP) - TIMESTAMP '2024-01-02') IS NULL", "true"),
    ] {
        let condition = condition.replace("{}", length);
        let found = query(&engine, &format!("SELECT {condition}")).await;
        assert_eq!(rows(&found).trim(), expected, "{condition}");
    }
    let fault = try_query(&engine, &format!("SELECT {length} < INTERVAL '1 month'")).await.expect_err("months");
    assert!(fault.to_string().contains("write days"), "{fault}");
    let numbers = rows(&query(&engine, "SELECT abs(-5), abs(-2.5), abs(CAST(-7 AS SMALLINT))").await);
    assert_eq!(numbers.split_whitespace().collect::<Vec<_>>(), ["5", "2.5", "7"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_on_disk_join_within_a_tolerance() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    for (name, second) in [("early", 0), ("late", 3)] {
        let path = folder.path().join(format!("{name}.csv"));
        let text =
            format!("start_time,src_ip,dst_ip,community_id\n2024-01-01T00:00:0{second}Z,10.0.0.1,10.0.0.2,1:x\n");
        std::fs::write(&path, text).expect("a file");
        engine.register_source(name, &path.display().to_string(), SourceKind::Flows).expect("flows");
    }
    for (tolerance, expected) in [("2 seconds", "0"), ("3001 milliseconds", "1")] {
        let sql = format!(
            "SELECT count(*) FROM early l JOIN late r ON l.community_id = r.community_id \
             AND abs(l.start_time - r.start_time) < interval '{tolerance}'"
        );
        assert_eq!(rows(&query(&engine, &sql).await).trim(), expected, "{tolerance}");
    }
}
