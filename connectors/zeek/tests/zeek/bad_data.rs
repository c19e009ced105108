//! Data that is not what it should be: counted, named, never a panic and never silence.

use std::sync::Arc;
use std::time::{Duration, Instant};

use connector_zeek::{open_flows, open_log};
use datafusion::catalog::TableProvider;
use file_source::{quality, read_head};
use flow_source::{Place, SourceError, quality_of_plan};

use crate::fixtures::{CONN_HEADER, Logs, context, flows, gzip, log, sample, text};

const GOOD_ROW: &str = "1.5\tC1\t10.0.0.1\t1\t10.0.0.2\t2\ttcp\t-\t0.5\t7\tT\tF\tS\t1\t40\t(empty)";

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_counted_whatever_is_selected() {
    let rows = [
        GOOD_ROW,
        "1.5\tC2\t10.0.0.1",
        &GOOD_ROW.replace("0.5", "half"),
        &GOOD_ROW.replace("10.0.0.1\t1", "10.0.0.1\t65536"),
        GOOD_ROW,
    ];
    let logs = Logs::new();
    let path = logs.add("conn.log", CONN_HEADER.to_owned() + &rows.join("\n"));
    for table in [log(path.clone()), flows(path)] {
        for sql in ["SELECT count(*) FROM t", "SELECT count(uid) FROM t", "SELECT count(*) FROM (SELECT * FROM t)"] {
            assert_eq!(text(&table, sql).await, "2", "{sql}");
            let report = quality(table.as_ref()).unwrap();
            assert_eq!(report.caption().as_deref(), Some("3 rows rejected"), "{sql}");
            let reasons: Vec<(Place, String)> =
                report.rejections().into_iter().map(|rejection| (rejection.place, rejection.reason)).collect();
            assert_eq!(reasons[0], (Place::Line(9), "3 fields, expected 16".to_owned()));
            assert_eq!(reasons[1], (Place::Line(10), "`duration` is `half`, expected a number".to_owned()));
            assert_eq!(
                reasons[2],
                (Place::Line(11), "`id.orig_p` is `65536`, expected a port (0 to 65535)".to_owned())
            );
        }
    }
}

/// SuperCowPowers/zat#40, #140: JSON and headerless text hung the reader; here the answer comes at once.
#[test]
fn domain_14_what_is_no_log_is_named_within_a_second() {
    let logs = Logs::new();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "eve.json",
            br#"{"timestamp":"2021-06-06T15:59:46.457984+0200","event_type":"flow"}"#.to_vec(),
            "JSON without Zeek's keys",
        ),
        ("headless.log", GOOD_ROW.as_bytes().to_vec(), "found text"),
        ("flows.csv", b"a,b\n1,2\n".to_vec(), "found text `a,b`"),
        ("nfcapd.2020", b"\x0c\xa5\x01\x00rest".to_vec(), "an nfcapd file"),
        ("noise.bin", (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect(), "binary data"),
        ("nothing.log", Vec::new(), "an empty file"),
        ("nothing.log.gz", gzip(b""), "an empty file"),
        ("bad.log.gz", b"\x1f\x8b\x08\x00garbage that is no deflate stream".to_vec(), "broken gzip file"),
        ("bad.log.zst", b"\x28\xb5\x2f\xfdgarbage that is no zstd frame".to_vec(), "broken zstd file"),
        (
            "header.log",
            b"#separator \\x09\n#fields\ta\tb\n#types\tcount\n".to_vec(),
            "line 3: found 1 types, expected 2 types",
        ),
        ("nofields.log", b"#separator \\x09\n#path\tconn\n".to_vec(), "without a #fields line"),
        ("endless.log", vec![b'x'; 3_000_000], "found text"),
    ];
    for (name, content, expected) in cases {
        let path = logs.add(name, content);
        let begin = Instant::now();
        let error = open_log(vec![path]).unwrap_err();
        assert!(begin.elapsed() < Duration::from_secs(1), "{name}");
        assert!(error.to_string().contains(expected) && error.to_string().contains(name), "{name}: {error}");
    }
    assert!(matches!(open_log(vec!["/nonexistent/conn.log".into()]), Err(SourceError::Unreadable { .. })));
    assert!(matches!(open_log(Vec::new()), Err(SourceError::NoFile { .. })));
}

/// zat wrote `0` and `1970-01-02` for `-`.
#[tokio::test(flavor = "multi_thread")]
async fn domain_14_a_dash_is_null() {
    let logs = Logs::new();
    let row = "-\tC1\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-";
    let table = log(logs.add("conn.log", format!("{CONN_HEADER}{row}\n")));
    let sql = r#"SELECT ts, "id.orig_h", "id.orig_p", duration, orig_bytes, local_orig, tunnel_parents FROM t"#;
    assert_eq!(text(&table, sql).await, ["NULL"; 7].join("|"));
}

/// activecm/rita-legacy#694: a trailing tab made one field more than the header has.
#[tokio::test(flavor = "multi_thread")]
async fn domain_15_trailing_empty_fields_are_tolerated() {
    let logs = Logs::new();
    let content = format!("{CONN_HEADER}{GOOD_ROW}\t\n{GOOD_ROW}\t\t\n{GOOD_ROW}\tmore\n{GOOD_ROW}\t\tmore\n");
    let table = log(logs.add("conn.log", content));
    assert_eq!(text(&table, "SELECT count(*) FROM t").await, "2");
    let rejections = quality(table.as_ref()).unwrap().rejections();
    let found: Vec<&str> = rejections.iter().map(|rejection| rejection.reason.as_str()).collect();
    assert_eq!(found, ["17 fields, expected 16", "18 fields, expected 16"]);
}

/// mwouts/itables#346: what an attacker writes stays data, byte for byte.
#[tokio::test(flavor = "multi_thread")]
async fn domain_24_hostile_text_is_kept_as_it_is() {
    let hostile = "<script>alert(1)</script>'; DROP TABLE t; --=cmd|%s";
    let logs = Logs::new();
    let table = log(logs.add("conn.log", format!("{CONN_HEADER}{}\n", GOOD_ROW.replace("C1", hostile))));
    assert_eq!(text(&table, "SELECT uid FROM t").await, hostile);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_header_inside_a_file_costs_its_block_only() {
    let logs = Logs::new();
    let mut content = CONN_HEADER.to_owned();
    (0..5000).for_each(|_| content += &format!("{GOOD_ROW}\n"));
    content += &format!("#fields\ta\tb\n#types\tcount\n1\t2\n{CONN_HEADER}{GOOD_ROW}\n");
    let table = log(logs.add("conn.log", content));
    assert_eq!(text(&table, "SELECT count(*) FROM t").await, "5001");
    assert_eq!(quality(table.as_ref()).unwrap().rows_rejected(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_is_found_in_the_plan() {
    let logs = Logs::new();
    let table = log(logs.add("conn.log", format!("{CONN_HEADER}{GOOD_ROW}\nshort\n")));
    let context = context();
    context.register_table("t", table).unwrap();
    let frame = context.sql("SELECT count(*) FROM t WHERE orig_bytes > 1").await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let batches = datafusion::physical_plan::collect(Arc::clone(&plan), context.task_ctx()).await.unwrap();
    assert_eq!(batches.len(), 1);
    let reports = quality_of_plan(plan.as_ref());
    assert_eq!(reports.len(), 1);
    assert_eq!((reports[0].rows_read(), reports[0].rows_rejected()), (1, 1));
    assert_eq!(reports[0].rejections()[0].reason, "1 fields, expected 16");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_a_running_query_can_be_found() {
    let logs = Logs::new();
    let path = logs.add("conn.log", format!("{CONN_HEADER}{GOOD_ROW}\n"));
    let table = log(path.clone());
    std::fs::remove_file(path).unwrap();
    let context = context();
    context.register_table("t", table).unwrap();
    let error = context.sql("SELECT * FROM t ORDER BY ts").await.unwrap().collect().await.unwrap_err();
    let found = SourceError::find(&error).unwrap();
    assert!(found.to_string().contains("conn.log"), "{found}");
    assert!(found.hint().unwrap().contains("rotated"));
}

#[test]
fn heads_are_decompressed() {
    let logs = Logs::new();
    assert_eq!(read_head(&logs.add("a.gz", gzip(b"#separator \\x09\n")), 10).unwrap(), b"#separator");
    assert_eq!(read_head(&logs.add("b", b"short"), 10).unwrap(), b"short");
    let error = read_head(&logs.add("c.gz", b"\x1f\x8b\x08"), 10).unwrap_err();
    assert!(error.to_string().contains("c.gz"), "{error}");
}

/// Dropping a stream ends its thread at the next chunk; else this log would be read for many seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_stream_stops_reading() {
    use datafusion::physical_plan::ExecutionPlanProperties;
    let logs = Logs::new();
    let rows: String = std::iter::repeat_n(format!("{GOOD_ROW}\n"), 400_000).collect();
    let table = log(logs.add("conn.log.gz", gzip((CONN_HEADER.to_owned() + &rows).as_bytes())));
    let context = context();
    let plan = table.scan(&context.state(), None, &[], None).await.unwrap();
    assert_eq!(plan.output_partitioning().partition_count(), 1);
    let stream = plan.execute(0, context.task_ctx()).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(stream);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let report = quality(table.as_ref()).unwrap();
    let read = report.rows_read();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(report.rows_read(), read, "the thread still reads");
    assert!(read < 400_000);
}

/// Every prefix and many damaged versions of real logs: an error or a table, never a panic, never an endless loop.
#[test]
fn damaged_samples_never_panic() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let logs = Logs::new();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for name in ["conn.log", "dns.log", "http.log.gz", "json/dns.log", "json/conn.log", "conn_date_issue.log"] {
        let Some(path) = sample(name) else { return };
        let whole = std::fs::read(path).unwrap();
        let whole = &whole[..whole.len().min(6000)];
        for _ in 0..60 {
            let path = logs.add("damaged.log", damaged(whole, &mut random));
            for table in [open_log(vec![path.clone()]), open_flows(vec![path.clone()])].into_iter().flatten() {
                runtime.block_on(read_all(table));
            }
        }
    }
}

async fn read_all(table: Arc<dyn TableProvider>) {
    let context = context();
    // Errors are fine; a panic of the reading thread comes out of the stream as a panic.
    if let Ok(frame) = context.read_table(table) {
        let _ = frame.collect().await;
    }
}

fn damaged(whole: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = whole[..random.below(whole.len()) + 1].to_vec();
    for _ in 0..random.below(8) {
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes[at] = (random.next() >> 33) as u8,
            1 => bytes[at] = *[b'\t', b'\n', b'#', b'-', b'"', b'{', b'\\', b','].get(random.below(8)).unwrap(),
            2 => drop(bytes.remove(at)),
            _ => bytes.extend_from_within(at..),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

/// xorshift64*: the same damage in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit
    }
}
