//! How long a conn.log of a million rows takes; run with `--run-ignored only --no-capture`.

use std::fmt::Write;
use std::time::Instant;

use crate::fixtures::{Logs, flows, gzip, log, text};

const ROWS: u32 = 1_000_000;
const HEADER: &str = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
    #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\t\
    conn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\t\
    tunnel_parents\n#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\t\
    bool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]\n";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; says nothing about right or wrong"]
async fn a_million_rows() {
    let logs = Logs::new();
    let (tsv, json) = million_rows();
    let paths =
        [logs.add("conn.log", &tsv), logs.add("conn.log.gz", gzip(tsv.as_bytes())), logs.add("conn.json", &json)];
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let megabytes = std::fs::metadata(&path).unwrap().len() / 1_000_000;
        let cases = [
            ("count(*)", log(path.clone()), "SELECT count(*) FROM t"),
            ("two columns", log(path.clone()), r#"SELECT sum(orig_bytes), count(DISTINCT "id.orig_h") FROM t"#),
            ("all columns", log(path.clone()), "SELECT * FROM t ORDER BY ts LIMIT 1"),
            (
                "flows, three columns",
                flows(path.clone()),
                "SELECT src_ip, sum(bytes) b FROM t GROUP BY 1 ORDER BY b LIMIT 1",
            ),
            ("flows, all columns", flows(path), "SELECT * FROM t ORDER BY start_time LIMIT 1"),
        ];
        for (what, table, sql) in cases {
            let begin = Instant::now();
            text(&table, sql).await;
            let report = connector_zeek::quality(table.as_ref()).unwrap();
            assert_eq!(report.rows_read(), u64::from(ROWS));
            eprintln!("{name} ({megabytes} MB), {what}: {} ms", begin.elapsed().as_millis());
        }
    }
}

fn million_rows() -> (String, String) {
    let (mut tsv, mut json) = (HEADER.to_owned(), String::new());
    for n in 0..ROWS {
        let (a, b, port) = (n % 250, n / 250 % 250, 1024 + n % 60_000);
        writeln!(
            tsv,
            "1379288667.{:06}\tC{n:017x}\t192.168.{b}.{a}\t{port}\t54.245.228.{a}\t443\ttcp\tssl\t0.{:06}\t{n}\t{}\tSF\tT\tF\t0\t\
             ShADadFf\t12\t{}\t10\t5668\t-",
            n % 1_000_000, n % 999_983, n * 3, n + 500
        )
        .unwrap();
        writeln!(
            json,
            "{{\"ts\":1379288667.{:06},\"uid\":\"C{n:017x}\",\"id.orig_h\":\"192.168.{b}.{a}\",\"id.orig_p\":{port},\
             \"id.resp_h\":\"54.245.228.{a}\",\"id.resp_p\":443,\"proto\":\"tcp\",\"service\":\"ssl\",\"duration\":0.{:06},\
             \"orig_bytes\":{n},\"resp_bytes\":{},\"conn_state\":\"SF\",\"local_orig\":true,\"local_resp\":false,\
             \"missed_bytes\":0,\"history\":\"ShADadFf\",\"orig_pkts\":12,\"orig_ip_bytes\":{},\"resp_pkts\":10,\
             \"resp_ip_bytes\":5668}}",
            n % 1_000_000, n % 999_983, n * 3, n + 500
        )
        .unwrap();
    }
    (tsv, json)
}
