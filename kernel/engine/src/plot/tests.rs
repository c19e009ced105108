//! Charts of results that are known row by row.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::{Engine, QueryOptions};

async fn chart_of(sql: &str, request: PlotRequest) -> Result<Chart, EngineError> {
    let engine = Engine::new().unwrap();
    let result = engine.query(sql, QueryOptions::default(), CancellationToken::new()).await.unwrap();
    StoredResult::new(&engine, result).chart(&request, CancellationToken::new()).await
}

async fn chart(kind: Kind, sql: &str) -> Chart {
    chart_of(sql, PlotRequest::new(kind)).await.unwrap()
}

async fn fault(sql: &str, request: PlotRequest) -> (String, String) {
    let error = chart_of(sql, request).await.unwrap_err();
    assert!(matches!(error, EngineError::Plot(_)), "{error:?}");
    (error.to_string(), error.hint().unwrap())
}

fn with(kind: Kind, set: impl FnOnce(&mut PlotRequest)) -> PlotRequest {
    let mut request = PlotRequest::new(kind);
    set(&mut request);
    request
}

fn lines(chart: &Chart) -> &[Line] {
    let Marks::Lines(lines) = &chart.marks else { panic!("{chart:?}") };
    lines
}

/// A flow each second for an hour, of 100 bytes; every tenth from `b`.
const HOUR: &str = "SELECT arrow_cast(1700006400 + value, 'Timestamp(Second, Some(\"UTC\"))') AS start_time, 100 AS bytes, \
                    CASE WHEN value % 10 = 0 THEN 'b' ELSE 'a' END AS name FROM range(0, 3600)";

#[tokio::test]
async fn lines_add_up_in_bins() {
    let chart = chart(Kind::Line, HOUR).await;
    assert_eq!(chart.x.label, "start_time (UTC)");
    assert_eq!(chart.y.label, "sum of bytes (B)");
    let [a, b] = lines(&chart) else { panic!("{chart:?}") };
    assert_eq!((a.name.as_str(), b.name.as_str()), ("a", "b"), "the greatest first");
    assert_eq!(a.points.len(), 240, "15 s each");
    assert_eq!(b.points.iter().filter_map(|(_, y)| *y).sum::<f64>(), 36_000.0);
    assert_eq!(a.points[0], (1_700_006_400_000.0, Some(1_300.0)));
    assert_eq!(b.points[0].1, Some(200.0), "seconds 0 and 10");
    assert_eq!(chart.caption(), "3,600 rows; in bins of 15 s");
}

#[tokio::test]
async fn bins_without_rows_are_zero_and_averages_are_interrupted() {
    let sql = "SELECT to_timestamp(1700006400 + value + CASE WHEN value > 300 THEN 3600 ELSE 0 END) AS t, 10.0 AS load \
               FROM range(0, 600)";
    let minute = |request: &mut PlotRequest| request.bin = Some(Duration::from_secs(60));
    let sums = chart_of(sql, with(Kind::Line, minute)).await.unwrap();
    assert_eq!(lines(&sums)[0].points[10], (1_700_007_000_000.0, Some(0.0)));
    let averages = |request: &mut PlotRequest| {
        minute(request);
        request.aggregate = Some(Aggregate::Average);
    };
    let averages = chart_of(sql, with(Kind::Line, averages)).await.unwrap();
    assert_eq!(averages.y.label, "avg of load");
    assert_eq!(lines(&averages)[0].points[10].1, None);
    assert_eq!(lines(&averages)[0].points[0].1, Some(10.0));
    let narrow = with(Kind::Line, |request| request.bin = Some(Duration::from_millis(1)));
    let (fact, hint) = fault(sql, narrow).await;
    assert!(fact.contains("at most 1000") && hint.contains("--bin"), "{fact} {hint}");
}

#[tokio::test]
async fn few_moments_stay_where_they_are_and_one_is_enough() {
    let one = chart(Kind::Line, "SELECT TIMESTAMP '2024-02-05 12:33:56' AS t, 3 AS n").await;
    assert_eq!(lines(&one)[0].points, [(1_707_136_436_000.0, Some(3.0))]);
    assert_eq!(one.caption(), "1 row");
    let area = "SELECT t, n, s FROM (VALUES (1, 5, 'a'), (2, 6, 'a'), (2, 7, 'b')) AS v(t, n, s)";
    let area = chart(Kind::Area, area).await;
    assert_eq!(lines(&area)[0].points, [(1.0, Some(5.0)), (2.0, Some(6.0))]);
    assert_eq!(lines(&area)[1].points, [(1.0, Some(0.0)), (2.0, Some(7.0))], "nothing to stack is zero");
}

#[tokio::test]
async fn bars_are_the_greatest_and_the_rest() {
    // Group g has g rows of 1 byte; group 30 is the greatest.
    let sql =
        "SELECT concat('g', a.value) AS name, 1 AS bytes FROM range(1, 31) a JOIN range(1, 31) b ON b.value <= a.value";
    let top = with(Kind::Bars, |request| request.top = Some(3));
    let chart = chart_of(sql, top).await.unwrap();
    assert_eq!(chart.y.scale, Scale::Names(["g30", "g29", "g28", "other"].map(str::to_owned).to_vec()));
    let Marks::Bars { amounts, .. } = &chart.marks else { panic!("{chart:?}") };
    assert_eq!(amounts, &[vec![Some(30.0), Some(29.0), Some(28.0), Some((1..28).sum::<i32>().into())]]);
    assert_eq!(chart.caption(), "465 rows; the 3 greatest values of name, the rest as “other”");
}

#[tokio::test]
async fn addresses_and_ports_are_names() {
    let sql = "SELECT to_ip(a) AS src_ip, p AS dst_port, n AS bytes FROM (VALUES ('192.0.2.1', 443, 5), ('2001:db8::1', 53, 7), \
               ('192.0.2.1', 53, 9)) AS v(a, p, n)";
    let chart = chart(Kind::Matrix, sql).await;
    assert_eq!(chart.y.scale, Scale::Names(vec!["192.0.2.1".into(), "2001:db8::1".into()]));
    assert_eq!(chart.x.scale, Scale::Names(vec!["53".into(), "443".into()]));
    let Marks::Tiles(tiles) = &chart.marks else { panic!("{chart:?}") };
    let amount = |x, y| {
        let found = tiles.iter().find(|tile| tile.x == Place::Name(x) && tile.y == Place::Name(y));
        found.map(|tile| tile.amount)
    };
    assert_eq!([amount(0, 0), amount(0, 1), amount(1, 0), amount(1, 1)], [Some(9.0), Some(7.0), Some(5.0), None]);
}

#[tokio::test]
async fn histograms_count_every_value() {
    let Marks::Bins(bins) = chart(Kind::Histogram, "SELECT value AS n FROM range(0, 100)").await.marks else {
        panic!()
    };
    assert_eq!(bins.len(), 20, "5 each");
    assert!(bins.iter().all(|bin| bin.amount == 5.0), "{bins:?}");
    assert_eq!((bins[19].from, bins[19].to), (95.0, 100.0));
    let log = with(Kind::Histogram, |request| (request.log, request.bins) = (true, Some(6)));
    let chart =
        chart_of("SELECT power(10, value % 7) - 1e-9 + 2e-9 AS n FROM range(0, 70) UNION ALL SELECT 0", log).await;
    let chart = chart.unwrap();
    let Marks::Bins(bins) = &chart.marks else { panic!() };
    assert_eq!(bins.iter().map(|bin| bin.amount).sum::<f64>(), 70.0);
    assert_eq!((bins[0].from, bins[0].to, chart.left_out), (1.0, 10.0, 1), "zero has no logarithm");
    let one = super::tests::chart(Kind::Histogram, "SELECT 5 AS n").await;
    assert_eq!(one.marks, Marks::Bins(vec![Bin { from: 5.0, to: 6.0, amount: 1.0 }]));
}

#[tokio::test]
async fn shares_are_exact() {
    let chart = chart(Kind::Cdf, "SELECT value AS n FROM range(1, 10001)").await;
    let line = &lines(&chart)[0];
    assert_eq!(line.points.len(), 201);
    assert_eq!(line.points[0], (1.0, Some(0.0001)));
    assert!(line.points.contains(&(5_000.0, Some(0.5))));
    assert_eq!(line.points[200], (10_000.0, Some(1.0)));
    let few = super::tests::chart(Kind::Cdf, "SELECT * FROM (VALUES (3), (1), (3), (NULL)) AS v(n)").await;
    assert_eq!(lines(&few)[0].points.last(), Some(&(3.0, Some(1.0))));
    assert_eq!(few.left_out, 1);
}

#[tokio::test]
async fn many_points_become_tiles() {
    let few = chart(Kind::Scatter, "SELECT value AS a, value * 2 AS b FROM range(0, 2000)").await;
    let Marks::Points { points, .. } = &few.marks else { panic!() };
    assert_eq!(points.len(), 2_000);
    assert!(points.iter().all(|point| point.y == 2.0 * point.x));
    let many = chart(Kind::Scatter, "SELECT value AS a, value * 2 AS b FROM range(0, 100000)").await;
    let Marks::Tiles(tiles) = &many.marks else { panic!() };
    assert!(tiles.len() <= 4_000 && tiles.iter().map(|tile| tile.amount).sum::<f64>() == 100_000.0);
    assert!(many.caption().starts_with("100,000 rows; counted in tiles of 2000 by 5000"), "{}", many.caption());
}

#[tokio::test]
async fn heat_maps_are_by_time_and_group() {
    let sql = "SELECT arrow_cast(1700006400 + value, 'Timestamp(Second, Some(\"UTC\"))') AS t, value % 2 AS port, 2 AS bytes \
               FROM range(0, 3600)";
    let chart = chart(Kind::HeatMap, sql).await;
    let Marks::Tiles(tiles) = &chart.marks else { panic!() };
    assert_eq!(tiles.len(), 2 * 60, "{}", chart.caption());
    assert!(tiles.iter().all(|tile| tile.amount == 60.0));
    assert_eq!(chart.value.unwrap().label, "sum of bytes (B)");
    assert_eq!(chart.y.scale, Scale::Names(vec!["0".into(), "1".into()]));
}

#[tokio::test]
async fn timelines_have_lanes() {
    let sql = "SELECT to_timestamp(1700006400 + value) AS t, arrow_cast(value, 'Duration(Second)') AS lasting, concat('l', value % 2) AS lane FROM range(0, 4)";
    let chart = chart(Kind::Timeline, sql).await;
    let Marks::Spans { spans, .. } = &chart.marks else { panic!() };
    let lasting: Vec<f64> = spans.iter().map(|span| span.to - span.from).collect();
    assert_eq!(lasting, [0.0, 2_000.0, 1_000.0, 3_000.0]);
    let many = sql.replace("range(0, 4)", "range(0, 5000)");
    let many = super::tests::chart(Kind::Timeline, &many).await;
    let Marks::Spans { spans, .. } = &many.marks else { panic!() };
    assert!(spans.len() <= 220 && spans.iter().map(|span| span.row_count).sum::<u64>() == 5_000, "{}", spans.len());
}

#[tokio::test]
async fn nothing_and_null_are_said() {
    for (_, kind) in Kind::NAMES {
        let sql = "SELECT now() AS t, now() AS u, 1 AS n, 2 AS m, 'a' AS s WHERE false";
        let chart = chart(*kind, sql).await;
        assert!(chart.is_empty(), "{chart:?}");
        assert!(chart.caption().starts_with("0 rows; nothing to draw"), "{}", chart.caption());
    }
    let sql = "SELECT * FROM (VALUES ('a', 1.0), (NULL, 2.0), ('c', NULL), ('NULL', 'NaN'::double)) AS v(s, n)";
    let chart = chart(Kind::Bars, sql).await;
    assert_eq!(chart.left_out, 2);
    assert_eq!(chart.y.scale, Scale::Names(vec!["NULL".into(), "a".into()]));
}

#[tokio::test]
async fn wrong_columns_are_named_with_what_to_do() {
    let x = |name: &'static str| move |request: &mut PlotRequest| request.x = Some(name.into());
    let (fact, hint) = fault("SELECT 'a' AS s, 1 AS n", with(Kind::Line, x("s"))).await;
    assert_eq!(fact, "the column `s` holds text, and --x takes a time or a number");
    assert!(hint.contains("CAST(s AS DOUBLE)"), "{hint}");
    let (fact, _) = fault("SELECT 'a' AS s, 1 AS n", with(Kind::Line, x("t"))).await;
    assert_eq!(fact, "there is no column `t` for --x; the query gives s (text), n (Int64)");
    let (fact, hint) = fault("SELECT 'a' AS s", PlotRequest::new(Kind::Histogram)).await;
    assert!(fact.contains("no column for --x") && fact.contains("s (text)"), "{fact}");
    assert!(hint.contains("--x COLUMN"), "{hint}");
    let (fact, _) = fault("SELECT 1 AS a, [1] AS b", with(Kind::Bars, x("b"))).await;
    assert!(fact.contains("holds list of"), "{fact}");
    let (fact, hint) = fault("SELECT 1 AS n", PlotRequest::new(Kind::Timeline)).await;
    assert!(fact.contains("takes a time") && hint.contains("Select"), "{fact} {hint}");
}

#[tokio::test]
async fn texts_are_groups_before_numbers_are() {
    let sql = "SELECT now() AS t, 1 AS n, 'a' AS source, 'b' AS destination";
    let matrix = chart(Kind::Matrix, sql).await;
    assert_eq!((matrix.y.label.as_str(), matrix.x.label.as_str()), ("source", "destination"));
    assert_eq!(matrix.value.unwrap().label, "sum of n");
    assert_eq!(chart(Kind::HeatMap, sql).await.y.label, "source");
    assert_eq!(chart(Kind::HeatMap, "SELECT now() AS t, 443 AS dst_port, 1 AS n").await.y.label, "dst_port");
}

#[tokio::test]
async fn options_that_mean_nothing_are_refused() {
    let sql = "SELECT 'a' AS s, 1 AS n";
    let (fact, hint) = fault(sql, with(Kind::Bars, |request| request.log = true)).await;
    assert_eq!(fact, "a plot of kind `bars` has no --log");
    assert!(hint.contains("docs/plots.md"), "{hint}");
    let (fact, _) = fault(sql, with(Kind::Line, |request| request.value = Some("n".into()))).await;
    assert_eq!(fact, "a plot of kind `line` has no --value");
}

#[tokio::test]
async fn amounts_without_a_logarithm_are_left_out_and_that_is_said() {
    let sql = "SELECT * FROM (VALUES (1, 10), (2, 0), (3, -5), (4, 100)) AS v(t, n)";
    let chart = chart_of(sql, with(Kind::Line, |request| request.log = true)).await.unwrap();
    let amounts: Vec<_> = lines(&chart)[0].points.iter().map(|point| point.1).collect();
    assert_eq!(amounts, [Some(10.0), None, None, Some(100.0)]);
    assert_eq!(chart.caption(), "4 rows; 2 of the amounts left out: they have no logarithm");
    let sql = "SELECT * FROM (VALUES ('a', 'b', 0), ('a', 'c', 7)) AS v(s, d, n)";
    let chart = chart_of(sql, with(Kind::Matrix, |request| request.log = true)).await.unwrap();
    assert_eq!(chart.mark_count(), 1);
}

#[tokio::test]
async fn extreme_numbers_do_no_harm() {
    let sql = "SELECT * FROM (VALUES (-1.7e308, 1e300), (1.7e308, -1e300), (1e-320, 0.0), (5.0, 1e299)) AS v(a, b)";
    for kind in [Kind::Line, Kind::Area, Kind::Histogram, Kind::Scatter, Kind::Cdf] {
        let drawn = chart(kind, sql).await;
        assert!(drawn.mark_count() <= 1_000, "{drawn:?}");
        assert!(drawn.left_out >= 2, "{drawn:?}");
    }
}

#[tokio::test]
async fn names_are_bounded_and_hold_nothing_invisible() {
    let sql = "SELECT repeat('x', 100000) || value AS \"a\u{202e}b\", 1 AS n FROM range(0, 3) UNION ALL SELECT chr(27) || '[31mred', 1 \
               UNION ALL SELECT 'other', 1";
    let chart = chart(Kind::Bars, sql).await;
    assert_eq!(chart.y.label, "a⟨U+202E⟩b");
    let Scale::Names(names) = &chart.y.scale else { panic!() };
    let mut distinct = names.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 5, "cut names stay apart: {names:?}");
    assert!(names.iter().all(|name| name.chars().count() < 60), "{names:?}");
    assert!(names.contains(&"␛[31mred".into()) && names.contains(&"other (2)".into()), "{names:?}");
}
