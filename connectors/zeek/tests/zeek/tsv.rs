//! TSV logs: markers, escapes, header blocks, several files.

use crate::fixtures::{CONN_HEADER, Logs, gzip, log, text};

fn header(fields: &str, types: &str) -> String {
    format!(
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tx\n#fields\t{fields}\n#types\t{types}\n"
    )
}

async fn values(log_text: &str, sql: &str) -> String {
    let logs = Logs::new();
    text(&log(logs.add("x.log", log_text)), sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn null_empty_and_escapes_differ() {
    let rows = "-\t-\t-\n(empty)\t(empty)\t(empty)\n\\x2d\t\\x2d\t7\n\\x28empty)\ta,-,(empty),b\\x2cc\t8,9\n\t\t1\n";
    let content = header("s\tset\tcounts", "string\tset[string]\tvector[count]") + rows;
    let expected = "NULL|NULL|NULL\n|[]|[]\n-|[-]|[7]\n(empty)|[a, NULL, , b,c]|[8, 9]\n|[]|[1]";
    assert_eq!(values(&content, "SELECT * FROM t").await, expected);
    assert_eq!(values(&content, "SELECT count(*) FROM t WHERE s = ''").await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn separators_markers_and_line_ends_of_the_header_count() {
    let content = "#separator \\x2c\r\n#set_separator,\\x7c\r\n#empty_field,EMPTY\r\n#unset_field,NONE\r\n#path,x\r\n\
        #fields,ts,names,n\r\n#types,time,set[string],int\r\n1.5,a|b,-7\r\nNONE,EMPTY,NONE\r\n#close,2020\r\n";
    assert_eq!(values(content, "SELECT * FROM t").await, "1970-01-01T00:00:01.500Z|[a, b]|-7\nNULL|[]|NULL");
}

#[tokio::test(flavor = "multi_thread")]
async fn header_blocks_in_one_file_may_change_the_fields() {
    let content = header("a\tb", "count\tstring")
        + "1\tx\n#close\t2020\n"
        + &header("b\tc\ta", "string\tbool\tcount")
        + "y\tT\t2\n";
    assert_eq!(values(&content, "SELECT a, b, c FROM t").await, "1|x|NULL\n2|y|true");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_appears_too_late_is_noted() {
    let mut content = header("a", "count");
    for row in 0..100_000 {
        content += &format!("{row}\n");
    }
    content += &(header("a\tlate", "count\tstring") + "7\tx\n");
    let logs = Logs::new();
    let table = log(logs.add("x.log", content));
    assert_eq!(text(&table, "SELECT count(*) FROM t").await, "100001");
    let notes = file_source::quality(table.as_ref()).unwrap().notes();
    assert!(notes.len() == 1 && notes[0].contains("`late`"), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_with_other_columns_give_the_union() {
    let logs = Logs::new();
    let paths = vec![
        logs.add("conn.00:00:00-01:00:00.log.gz", gzip((header("a\tn", "string\tcount") + "x\t1\n").as_bytes())),
        logs.add("conn.01:00:00-02:00:00.log", header("n\tb", "int\tbool") + "-2\tT\n"),
        logs.add("conn.02:00:00-03:00:00.log.zst", zstd::encode_all(header("a", "string").as_bytes(), 1).unwrap()),
        logs.add("conn.03.log", r#"{"ts":1.5,"uid":"C1","n":3}"#),
        logs.add("conn.04.log", ""),
    ];
    let table = connector_zeek::open_log(paths).unwrap();
    assert_eq!(
        text(&table, "SELECT a, n, b, uid FROM t ORDER BY n").await,
        "NULL|-2|true|NULL\nx|1|NULL|NULL\nNULL|3|NULL|C1"
    );
    let notes = file_source::quality(table.as_ref()).unwrap().notes();
    assert!(notes.len() == 1 && notes[0].contains("conn.04.log` is empty"), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gzip_of_several_members_is_read_to_the_end() {
    let logs = Logs::new();
    let mut content = gzip((header("a", "count") + "1\n2\n").as_bytes());
    content.extend(gzip(b"3\n4"));
    let table = log(logs.add("x.log.gz", content));
    assert_eq!(text(&table, "SELECT sum(a), count(*) FROM t").await, "10|4");
}

#[tokio::test(flavor = "multi_thread")]
async fn limit_reads_files_in_order_and_stops() {
    let logs = Logs::new();
    let paths = (0..4)
        .map(|file| {
            let rows: String = (0..20_000).map(|row| format!("{}\n", file * 20_000 + row)).collect();
            logs.add(&format!("{file}.log"), header("n", "count") + &rows)
        })
        .collect();
    let table = connector_zeek::open_log(paths).unwrap();
    assert_eq!(text(&table, "SELECT n FROM t LIMIT 3").await, "0\n1\n2");
    let report = file_source::quality(table.as_ref()).unwrap();
    assert_eq!(report.rows_read(), 3);
    assert!(report.bytes_read() < report.bytes_total() / 3, "{report:?}");
    assert_eq!(text(&table, "SELECT count(*) FROM (SELECT n FROM t LIMIT 25000)").await, "25000");
    assert_eq!(text(&table, "SELECT count(*), sum(n) FROM t").await, "80000|3199960000");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_counts_are_exact() {
    let content = header("n\tt", "count\ttime") + "18446744073709551615\t1379288667.123456789\n";
    assert_eq!(values(&content, "SELECT * FROM t").await, "18446744073709551615|2013-09-15T23:44:27.123456789Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_names_are_kept_apart() {
    let content = header("a\ta", "count\tstring") + "1\tx\n";
    assert_eq!(values(&content, "SELECT a, a_2 FROM t").await, "1|x");
}

/// microsoft and Zeek sites write logs without `#types` after filtering with their own tools.
#[tokio::test(flavor = "multi_thread")]
async fn without_types_zeek_s_own_columns_keep_theirs() {
    let content = CONN_HEADER.lines().filter(|line| !line.starts_with("#types")).collect::<Vec<_>>().join("\n")
        + "\n1.5\tC1\t10.0.0.1\t1\t10.0.0.2\t2\ttcp\t-\t0.5\t7\tT\tF\tS\t1\t40\t(empty)\n";
    let sql = r#"SELECT ts, "id.orig_p" + 1, duration * 2, orig_bytes + 1, local_orig, tunnel_parents FROM t"#;
    assert_eq!(values(&content, sql).await, "1970-01-01T00:00:01.500Z|2|1.0|8|true|[]");
}
