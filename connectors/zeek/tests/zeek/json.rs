//! JSON logs: time formats, nulls, keys that come late.

use flow_source::Place;

use crate::fixtures::{Logs, log, text};

const TIMES: &[(&str, &str)] = &[
    ("1575413096.052279", "2019-12-03T22:44:56.052279Z"),
    ("1575413096052", "2019-12-03T22:44:56.052Z"),
    ("\"2019-12-03T22:44:56.052279Z\"", "2019-12-03T22:44:56.052279Z"),
    ("\"2019-12-03T23:44:56.052279+0100\"", "2019-12-03T22:44:56.052279Z"),
];

/// brimdata/super#28: epoch seconds, milliseconds or ISO, found per file.
#[tokio::test(flavor = "multi_thread")]
async fn domain_13_time_formats_are_found_per_file() {
    for (written, expected) in TIMES {
        let logs = Logs::new();
        let table = log(logs.add("conn.log", format!("{{\"ts\":{written},\"uid\":\"C1\"}}\n")));
        assert_eq!(text(&table, "SELECT ts FROM t").await, *expected, "{written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn domain_13_time_formats_are_never_mixed() {
    let logs = Logs::new();
    let table = log(logs.add(
        "conn.log",
        "{\"ts\":1575413096.5,\"uid\":\"C1\"}\n{\"ts\":1575413096052,\"uid\":\"C2\"}\n{\"ts\":\"2019-12-03T22:44:56Z\",\"uid\":\"C3\"}\n",
    ));
    assert_eq!(text(&table, "SELECT uid FROM t").await, "C1");
    let rejections = file_source::quality(table.as_ref()).unwrap().rejections();
    assert_eq!(rejections[0].place, Place::Line(2));
    assert_eq!(rejections[0].reason, "`ts` is `1575413096052`, expected a time in epoch seconds");
    assert_eq!(rejections.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn domain_13_an_override_beats_the_guess() {
    let logs = Logs::new();
    let path = logs.add("conn.log", "{\"ts\":0,\"uid\":\"C1\"}\n{\"ts\":1575413096052,\"uid\":\"C2\"}\n");
    let options = connector_zeek::ZeekOptions { time_format: Some(connector_zeek::TimeFormat::EpochMillis) };
    let table = connector_zeek::open_log_with(vec![path], options).unwrap();
    assert_eq!(text(&table, "SELECT ts FROM t").await, "1970-01-01T00:00:00Z\n2019-12-03T22:44:56.052Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn nulls_missing_keys_nesting_and_late_keys() {
    let mut content = String::new();
    for row in 0..1500 {
        content += &format!("{{\"ts\":1575413096.5,\"uid\":\"C{row}\",\"orig_bytes\":null}}\n");
    }
    content +=
        "\n{\"orig_bytes\":18446744073709551615,\"uid\":\"last \\u00e9\\t\",\"late\":{\"a\":[1]},\"ts\":1575413097}\n";
    content += "{\"ts\":1575413098,\"uid\":17,\"orig_bytes\":5}\n";
    let logs = Logs::new();
    let table = log(logs.add("conn.log", content));
    assert_eq!(
        text(&table, "SELECT uid, orig_bytes FROM t WHERE orig_bytes IS NOT NULL ORDER BY ts").await,
        "last \u{e9}\t|18446744073709551615\n17|5"
    );
    let report = file_source::quality(table.as_ref()).unwrap();
    assert_eq!((report.rows_read(), report.rows_rejected()), (1502, 0));
    assert!(report.notes()[0].contains("`late`"), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_rejected_whatever_is_selected() {
    let logs = Logs::new();
    let table = log(logs.add(
        "conn.log",
        "{\"ts\":1.5,\"uid\":\"C1\",\"id.orig_p\":80,\"x\":[1]}\n{\"ts\":2.5,\"uid\":\"C2\",\"id.orig_p\":70000}\n[1,2]\n{\"ts\":3.5,\n{\"ts\":4.5} x\n{\"ts\":true}\n",
    ));
    for sql in ["SELECT count(*) FROM t", "SELECT count(uid) FROM t", "SELECT count(*) FROM (SELECT * FROM t)"] {
        assert_eq!(text(&table, sql).await, "1", "{sql}");
    }
    let rejections = file_source::quality(table.as_ref()).unwrap().rejections();
    let lines: Vec<Place> = rejections.iter().map(|rejection| rejection.place).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6].map(Place::Line), "{rejections:?}");
    assert_eq!(rejections[0].reason, "`id.orig_p` is `70000`, expected a port (0 to 65535)");
}
