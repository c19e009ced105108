//! Results that are kept: views of them, pages, summaries, copies and files, and what is refused.

use flow_engine::{
    CancellationToken, Engine, EngineError, EngineOptions, Format, StoredResult,
    stored::{ColumnFilter, ColumnKind, Condition, CopyForm, CopyRequest, PageRequest, SortKey, View, ViewRequest},
};

use crate::{engine, query};

const NUMBERS: &str = "SELECT value AS n, value * 37 % 1003 AS shuffled, concat('10.0.', value / 256, '.', value % 256) \
                       AS address FROM range(0, 1000) ORDER BY value";

async fn stored(engine: &Engine, sql: &str) -> StoredResult {
    StoredResult::new(engine, query(engine, sql).await)
}

async fn view(stored: &StoredResult, request: ViewRequest) -> Result<View, EngineError> {
    stored.view(request, CancellationToken::new()).await
}

fn filtered(column: usize, condition: Condition) -> ViewRequest {
    ViewRequest { filters: vec![ColumnFilter { column, negate: false, condition }], ..ViewRequest::default() }
}

/// One column of a part of a view.
fn texts(stored: &StoredResult, view: &View, start: usize, count: usize, column: usize) -> Vec<Option<String>> {
    let page = stored.page(view, &PageRequest { start, count, columns: vec![column] }).expect("a page");
    let (bytes, n) = (&page.columns[0], page.row_count);
    let end = |row: usize| u32::from_le_bytes(bytes[4 * row..4 * row + 4].try_into().expect("four bytes")) as usize;
    let (flags, texts) = bytes[4 * (n + 1)..].split_at(n);
    let text = |row: usize| String::from_utf8(texts[end(row)..end(row + 1)].to_vec()).expect("UTF-8");
    (0..n).map(|row| (flags[row] != 1).then(|| text(row))).collect()
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

#[tokio::test]
async fn views_are_sorted_filtered_and_searched() {
    let stored = stored(&engine(), NUMBERS).await;
    let descending = vec![SortKey { column: 1, descending: true }];
    let sorted = view(&stored, ViewRequest { sort: descending, ..ViewRequest::default() }).await.expect("a view");
    let greatest = (0..1000).map(|n| (n * 37 % 1003, n)).max().expect("numbers");
    assert_eq!(texts(&stored, &sorted, 0, 1, 0), some(&[&greatest.1.to_string()]));
    assert_eq!(sorted.row_count(), 1000);
    let cases = [
        (filtered(2, Condition::Within { list: "10.0.1.0/24 !10.0.1.0/25".into() }), 128),
        (filtered(2, Condition::Matches { pattern: r"^10\.0\.0\.1\d$".into() }), 10),
        (filtered(2, Condition::Contains { text: ".0.3.2".into() }), 43),
        (filtered(2, Condition::Equals { text: "10.0.3.2".into() }), 1),
        (filtered(0, Condition::Between { min: Some("5".into()), max: Some("9.5".into()) }), 5),
        (filtered(0, Condition::Between { min: None, max: None }), 1000),
        (filtered(0, Condition::Null), 0),
        (ViewRequest { search: "10.0.2.77".into(), ..ViewRequest::default() }, 1),
        (ViewRequest::default(), 1000),
    ];
    for (request, expected) in cases {
        let seen = view(&stored, request.clone()).await.expect("a view");
        assert_eq!(seen.row_count(), expected, "{request:?}");
    }
}

#[tokio::test]
async fn rows_of_equal_keys_stay_in_order_and_null_and_nan_come_last() {
    let rows = "SELECT * FROM (VALUES (1, 2.5, 'b'), (2, NULL, 'a'), (3, CAST('NaN' AS DOUBLE), 'b'), (4, -1.0, 'a')) \
                AS t(n, x, s)";
    let stored = stored(&engine(), rows).await;
    for (sort, expected) in [
        (vec![SortKey { column: 1, descending: true }], ["1", "4", "2", "3"]),
        (vec![SortKey { column: 1, descending: false }], ["4", "1", "2", "3"]),
        (vec![SortKey { column: 2, descending: false }], ["2", "4", "1", "3"]),
        (vec![SortKey { column: 2, descending: true }, SortKey { column: 0, descending: true }], ["3", "1", "4", "2"]),
    ] {
        let seen = view(&stored, ViewRequest { sort, ..ViewRequest::default() }).await.expect("a view");
        assert_eq!(texts(&stored, &seen, 0, 10, 0), some(&expected));
    }
}

#[tokio::test]
async fn columns_of_one_name_and_of_every_kind() {
    let sql = "SELECT a.n, b.n, [1] AS list, now() AS time, X'00' AS bytes, true AS yes \
               FROM (SELECT 1 AS n) a CROSS JOIN (SELECT 'x' AS n) b";
    let stored = stored(&engine(), sql).await;
    let columns = stored.columns();
    let kinds: Vec<ColumnKind> = columns.iter().map(|column| column.kind).collect();
    use ColumnKind::{Binary, Boolean, Nested, Number, Text, Time};
    assert_eq!(kinds, [Number, Text, Nested, Time, Binary, Boolean]);
    assert_eq!((columns[0].name.as_str(), columns[1].name.as_str()), ("n", "n"));
    let seen = view(&stored, filtered(1, Condition::Equals { text: "x".into() })).await.expect("a view");
    assert_eq!(seen.row_count(), 1, "a filter names its column by number");
}

#[tokio::test]
async fn nonsense_is_refused_with_its_reason() {
    let stored = stored(&engine(), "SELECT 1 AS n, [1] AS list").await;
    let sort = |column| ViewRequest { sort: vec![SortKey { column, descending: false }], ..ViewRequest::default() };
    let cases = [
        (sort(9), "no column number 9"),
        (sort(1), "sorting"),
        (filtered(0, Condition::Matches { pattern: "(".into() }), "not a regular expression"),
        (filtered(0, Condition::Matches { pattern: "(.{999}){999}".into() }), "not a regular expression"),
        (filtered(0, Condition::Between { min: Some("x".into()), max: None }), "not a value of the column n"),
        (filtered(0, Condition::Within { list: "10.0.0.0/8".into() }), "not possible"),
        (ViewRequest { search: "x".repeat(1_001), ..ViewRequest::default() }, "too long"),
    ];
    for (request, reason) in cases {
        let fault = view(&stored, request).await.expect_err("nonsense").to_string();
        assert!(fault.contains(reason), "{fault}");
    }
    let seen = stored.whole();
    assert!(stored.page(&seen, &PageRequest { start: 0, count: 100_000, columns: vec![0] }).is_err());
    assert!(
        stored
            .page(&seen, &PageRequest { start: usize::MAX, count: 1, columns: vec![0] })
            .is_ok_and(|page| page.row_count == 0)
    );
    assert!(stored.value(&seen, 1, 0).is_err());
}

#[tokio::test]
async fn a_cancelled_view_ends_at_once() {
    let stored = stored(&engine(), "SELECT random() AS a, random() AS b FROM range(0, 500000)").await;
    let cancel = CancellationToken::new();
    let sort = vec![SortKey { column: 0, descending: false }, SortKey { column: 1, descending: false }];
    let request = ViewRequest { sort, search: "nowhere to be found".into(), ..ViewRequest::default() };
    let (looking, token) = (stored.clone(), cancel.clone());
    let work = tokio::spawn(async move { looking.view(request, token).await });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    cancel.cancel();
    let outcome = work.await.expect("no panic");
    assert!(matches!(outcome, Err(EngineError::Cancelled { .. })), "{outcome:?}");
}

#[tokio::test]
async fn summaries_count_what_is_seen() {
    let sql = "SELECT CASE WHEN value % 4 = 0 THEN NULL ELSE value % 4 END AS n, CAST(value AS DOUBLE) / 4 AS x, \
               to_timestamp(value) AS t FROM range(0, 4000)";
    let stored = stored(&engine(), sql).await;
    let summary = stored.summary(&stored.whole(), 0, CancellationToken::new()).await.expect("a summary");
    assert_eq!((summary.row_count, summary.null_count, summary.distinct_count), (4000, 1000, 3));
    assert_eq!((summary.min.as_deref(), summary.max.as_deref()), (Some("1"), Some("3")));
    assert_eq!(summary.bins.iter().map(|bin| bin.count).sum::<u64>(), 3000);
    assert_eq!(summary.common.len(), 3);
    for column in [1, 2] {
        let summary = stored.summary(&stored.whole(), column, CancellationToken::new()).await.expect("a summary");
        assert_eq!(summary.bins.iter().map(|bin| bin.count).sum::<u64>(), 4000, "{summary:?}");
        let (least, most) = summary.bins.iter().fold((u64::MAX, 0), |(a, b), bin| (a.min(bin.count), b.max(bin.count)));
        assert!(most - least <= 1, "an even spread: {summary:?}");
    }
    let time = stored.summary(&stored.whole(), 2, CancellationToken::new()).await.expect("a summary");
    assert!(time.bins[0].from.starts_with("1970-01-01T00:00:00"), "{}", time.bins[0].from);
}

#[tokio::test]
async fn a_result_on_disk_is_looked_at_like_one_in_memory() {
    let spilled = Engine::with_options(EngineOptions { result_memory_bytes: Some(0), ..EngineOptions::default() })
        .expect("an engine");
    let (in_memory, on_disk) = (stored(&engine(), NUMBERS).await, stored(&spilled, NUMBERS).await);
    let request = ViewRequest {
        sort: vec![SortKey { column: 1, descending: true }],
        ..filtered(2, Condition::Contains { text: "1.".into() })
    };
    let (one, other) =
        (view(&in_memory, request.clone()).await.expect("a view"), view(&on_disk, request).await.expect("a view"));
    assert!(one.row_count() > 100);
    for column in 0..3 {
        assert_eq!(texts(&in_memory, &one, 0, 1000, column), texts(&on_disk, &other, 0, 1000, column));
    }
    let small =
        EngineOptions { result_memory_bytes: Some(0), result_disk_bytes: Some(1_000), ..EngineOptions::default() };
    let small = Engine::with_options(small).expect("an engine");
    let fault = crate::try_query(&small, NUMBERS).await.expect_err("too large");
    assert!(matches!(fault, EngineError::ResultTooLarge { .. }) && fault.hint().is_some(), "{fault:?}");
}

#[tokio::test]
async fn copies_and_files_hold_what_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let stored = stored(&engine(), NUMBERS).await;
    let seen = ViewRequest {
        sort: vec![SortKey { column: 0, descending: true }],
        ..filtered(0, Condition::Between { min: None, max: Some("2".into()) })
    };
    let seen = view(&stored, seen).await.expect("a view");
    let copy = |form, columns: &[usize]| {
        stored.copy(&seen, &CopyRequest { start: 0, count: 9, columns: columns.to_vec(), form, header: false })
    };
    assert_eq!(copy(CopyForm::Plain, &[0, 2]).expect("a copy"), "2\t10.0.0.2\n1\t10.0.0.1\n0\t10.0.0.0");
    assert_eq!(copy(CopyForm::Defanged, &[2]).expect("a copy").lines().next(), Some("10[.]0[.]0[.]2"));
    assert_eq!(copy(CopyForm::Sql, &[2]).expect("a copy"), "('10.0.0.2', '10.0.0.1', '10.0.0.0')");
    assert!(copy(CopyForm::Sql, &[0, 2]).is_err());
    let cancel = CancellationToken::new();
    for (_, format) in Format::NAMES.iter().filter(|(_, format)| *format != Format::Table) {
        let path = folder.path().join("rows").with_extension(format.ending());
        stored.export(&seen, &[0, 2], *format, &path, &cancel).expect("a file");
        let again = stored.export(&seen, &[0, 2], *format, &path, &cancel);
        assert!(matches!(again, Err(EngineError::Write { is_existing: true, .. })), "{again:?}");
    }
    let csv = std::fs::read_to_string(folder.path().join("rows.csv")).expect("a file");
    assert_eq!(csv, "n,address\r\n2,10.0.0.2\r\n1,10.0.0.1\r\n0,10.0.0.0\r\n");
    let engine = engine();
    for name in ["rows.parquet", "rows.arrow", "rows.csv", "rows.jsonl"] {
        let sql =
            format!("SELECT sum(n) AS n, max(address) AS a FROM read_log('{}')", folder.path().join(name).display());
        assert_eq!(
            crate::rows(&query(&engine, &sql).await).split_whitespace().collect::<Vec<_>>(),
            ["3", "10.0.0.2"],
            "{name}"
        );
    }
    cancel.cancel();
    let path = folder.path().join("stopped.csv");
    let stopped = stored.export(&stored.whole(), &[0], Format::Csv, &path, &cancel);
    assert!(matches!(stopped, Err(EngineError::Cancelled { .. })) && !path.exists(), "{stopped:?}");
}
