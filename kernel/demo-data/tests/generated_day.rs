//! The generated files against what their ground truth says, read back as any other program would.
//!
//! The scripts and the merging have their own tests beside them.
#![allow(clippy::unwrap_used, reason = "a failed assumption is a failed test")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampNanosecondType, UInt16Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use demo_data::{DemoDataError, DemoOptions, FLOWS_MIN, Summary, generate};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

const FLOWS: u64 = 20_000;
const ATTACKER: &str = "10.20.5.23";
const COMPROMISED: &str = "10.20.7.44";
const BEACON_DESTINATION: &str = "203.0.113.77";

fn make(dir: &Path, flows: u64, seed: u64) -> Result<Summary, DemoDataError> {
    generate(&DemoOptions { dir: dir.to_path_buf(), flows, seed }, &mut |_| {})
}

/// What the tests need of a row.
#[derive(Debug, Clone)]
struct Row {
    start_ns: i64,
    src: String,
    dst: String,
    dst_port: Option<u16>,
    packets: u64,
    rev_packets: u64,
    bytes: u64,
    rev_bytes: u64,
    tcp_flags: Option<u16>,
    state: String,
    uid: Option<String>,
    community_id: String,
}

fn parquet_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir.join("flows")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn read_flows(dir: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for path in parquet_files(dir) {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
        assert_eq!(builder.schema().fields(), flow_source::flow_schema().fields(), "{}", path.display());
        for batch in builder.build().unwrap() {
            rows.extend(rows_of(&batch.unwrap()));
        }
    }
    rows
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let column = |name: &str| batch.column_by_name(name).unwrap();
    let number = |name: &str, row: usize| column(name).as_primitive::<UInt64Type>().value(row);
    let small = |name: &str, row: usize| {
        let array = column(name).as_primitive::<UInt16Type>();
        array.is_valid(row).then(|| array.value(row))
    };
    let text = |name: &str, row: usize| {
        let array = column(name).as_string_view();
        array.is_valid(row).then(|| array.value(row).to_owned())
    };
    let starts = column("start_time").as_primitive::<TimestampNanosecondType>();
    (0..batch.num_rows())
        .map(|row| Row {
            start_ns: starts.value(row),
            src: address(column("src_ip"), row),
            dst: address(column("dst_ip"), row),
            dst_port: small("dst_port", row),
            packets: number("packets", row),
            rev_packets: number("rev_packets", row),
            bytes: number("bytes", row),
            rev_bytes: number("rev_bytes", row),
            tcp_flags: small("tcp_flags", row),
            state: text("conn_state", row).unwrap(),
            uid: text("uid", row),
            community_id: text("community_id", row).unwrap(),
        })
        .collect()
}

fn address(array: &dyn Array, row: usize) -> String {
    flow_source::address::ip_from_bytes(array.as_fixed_size_binary().value(row)).unwrap().to_string()
}

fn ground_truth(dir: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(dir.join("ground-truth.json")).unwrap()).unwrap()
}

fn count(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// Columns and rows of a Zeek log, after checking that it is well-formed.
fn read_log(dir: &Path, name: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let text = fs::read_to_string(dir.join("zeek").join(format!("{name}.log"))).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "#separator \\x09");
    assert_eq!(lines[4], format!("#path\t{name}"));
    assert!(lines.last().unwrap().starts_with("#close\t"));
    let header = |line: &str, key: &str| -> Vec<String> {
        line.strip_prefix(key).unwrap().split('\t').map(str::to_owned).collect()
    };
    let fields = header(lines[6], "#fields\t");
    assert_eq!(fields.len(), header(lines[7], "#types\t").len());
    let mut rows = Vec::new();
    let mut last = String::new();
    for line in &lines[8..lines.len() - 1] {
        let row: Vec<String> = line.split('\t').map(str::to_owned).collect();
        assert_eq!(row.len(), fields.len(), "{line}");
        assert!(row.iter().all(|value| !value.is_empty()), "an empty value must be `-` or `(empty)`: {line}");
        // The times of one day have the same number of digits, so text compares as numbers do.
        assert!(row[0] >= last, "not sorted by time: {line}");
        last.clone_from(&row[0]);
        rows.push(row);
    }
    (fields, rows)
}

fn all_bytes(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = parquet_files(dir);
    files.extend(["conn", "dns", "ssl"].map(|name| dir.join("zeek").join(format!("{name}.log"))));
    let lists = ["toplist/domains.csv", "toplist/names.csv", "blocklists/c2.csv", "blocklists/domains.txt"];
    files.extend(lists.into_iter().chain(["ground-truth.json", "flowdeck.toml"]).map(|name| dir.join(name)));
    files.iter().map(|path| (path.strip_prefix(dir).unwrap().to_path_buf(), fs::read(path).unwrap())).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let folders: [tempfile::TempDir; 3] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    for (folder, seed) in folders.iter().zip([11, 11, 12]) {
        make(folder.path(), FLOWS, seed).unwrap();
    }
    let [first, again, other] = folders.each_ref().map(|folder| all_bytes(folder.path()));
    for (one, two) in first.iter().zip(&again) {
        assert!(one == two, "{} differs between two runs", one.0.display());
    }
    assert_ne!(first, other);
}

#[test]
fn the_files_hold_what_the_ground_truth_counts() {
    let folder = tempfile::tempdir().unwrap();
    let summary = make(folder.path(), FLOWS, 5).unwrap();
    let truth = ground_truth(folder.path());
    let flows = read_flows(folder.path());

    assert_eq!((flows.len() as u64, summary.flows, summary.flow_files), (FLOWS, FLOWS, 24));
    assert_eq!(truth["flows"], FLOWS);
    assert_eq!(truth["files"]["zeek_conn"]["rows"], FLOWS);
    assert!(flows.is_sorted_by_key(|flow| flow.start_ns));
    check_scan(&flows, &truth["incidents"][0]);
    check_guessing(&flows, &truth["incidents"][1]);
    check_beacon(&flows, &truth["incidents"][2]);
    for benign in truth["benign"].as_array().unwrap() {
        assert!(count(&benign["flows"]) > 0, "{benign}");
    }
    let scanner = flows.iter().filter(|flow| flow.src == "10.20.1.5");
    assert_eq!(scanner.count(), count(&truth["benign"][0]["flows"]));
}

fn check_scan(flows: &[Row], truth: &Value) {
    let mut total = 0;
    for port in truth["ports"].as_array().unwrap() {
        let number = Some(count(&port["port"]) as u16);
        let is_probe =
            |flow: &&Row| flow.src == ATTACKER && flow.dst_port == number && flow.packets <= 4 && flow.bytes < 1_000;
        let found: Vec<&Row> = flows.iter().filter(is_probe).collect();
        assert_eq!(found.len(), count(&port["flows"]));
        for (state, expected) in port["conn_states"].as_object().unwrap() {
            assert_eq!(found.iter().filter(|flow| flow.state == *state).count(), count(expected), "{state}");
        }
        // NEMEA's rule for a SYN sweep sees it.
        let syn_only = found.iter().filter(|flow| flow.tcp_flags.unwrap() & 31 == 2);
        assert!(syn_only.map(|flow| &flow.dst).collect::<BTreeSet<_>>().len() >= 50);
        let answered: BTreeSet<String> = found
            .iter()
            .filter(|flow| flow.rev_packets > 0 && flow.state != "REJ")
            .map(|flow| flow.dst.clone())
            .collect();
        assert_eq!(answered, texts(&port["answered_hosts"]));
        total += found.len();
    }
    assert!(total > 5_000);
    assert_eq!(total, count(&truth["flows"]));
}

fn check_guessing(flows: &[Row], truth: &Value) {
    let in_band = |flow: &&&Row| {
        (20..=100).contains(&flow.packets)
            && (2_200..=8_001).contains(&flow.bytes)
            && (30..=190).contains(&flow.rev_packets)
            && (3_000..=180_000).contains(&flow.rev_bytes)
    };
    let pairs: Vec<&Row> =
        flows.iter().filter(|flow| flow.src == ATTACKER && flow.dst_port == Some(3389) && flow.packets > 4).collect();
    let guesses: Vec<&&Row> = pairs.iter().filter(in_band).collect();
    assert_eq!(guesses.len(), count(&truth["attempts"]));
    let victims = truth["victims"].as_array().unwrap();
    assert!(victims.len() > 3);
    for victim in victims {
        let attempts = guesses.iter().filter(|flow| flow.dst == victim["host"].as_str().unwrap());
        assert_eq!(attempts.count(), count(&victim["attempts"]), "{victim}");
    }
    let outside: Vec<&&Row> = pairs.iter().filter(|flow| !in_band(flow)).collect();
    assert_eq!(outside.len(), 1, "only the success is larger");
    let success = &truth["success"];
    assert_eq!(outside[0].uid.as_deref(), success["uid"].as_str());
    assert_eq!((outside[0].dst.as_str(), &truth["compromised_host"]), (COMPROMISED, &Value::from(COMPROMISED)));
    assert_eq!(success["rev_bytes"], outside[0].rev_bytes);
    assert_eq!(success["start"], iso_micros(outside[0].start_ns));
    assert!(guesses.iter().filter(|flow| flow.dst == COMPROMISED).all(|flow| flow.start_ns < outside[0].start_ns));
}

fn check_beacon(flows: &[Row], truth: &Value) {
    let calls: Vec<&Row> =
        flows.iter().filter(|flow| flow.src == COMPROMISED && flow.dst == BEACON_DESTINATION).collect();
    assert_eq!(calls.len(), count(&truth["count"]));
    assert!(calls.len() > 150);
    assert_eq!(truth["first"], iso_micros(calls[0].start_ns));
    assert_eq!(truth["last"], iso_micros(calls[calls.len() - 1].start_ns));
    for pair in calls.windows(2) {
        let gap_s = (pair[1].start_ns - pair[0].start_ns) as f64 / 1e9;
        assert!((275.0..325.0).contains(&gap_s), "{gap_s}");
    }
}

/// The fixed day's date with the time of `moment_ns`, as the ground truth writes it.
fn iso_micros(moment_ns: i64) -> String {
    let micros = (moment_ns / 1_000 - 1_707_091_200_000_000) as u64;
    let (second, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let time = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    if fraction == 0 { format!("2024-02-05T{time}Z") } else { format!("2024-02-05T{time}.{fraction:06}Z") }
}

#[test]
fn zeek_logs_are_well_formed_and_agree_with_the_flows() {
    let folder = tempfile::tempdir().unwrap();
    let summary = make(folder.path(), FLOWS, 6).unwrap();
    let (fields, conn) = read_log(folder.path(), "conn");
    let (dns_fields, dns) = read_log(folder.path(), "dns");
    let (ssl_fields, ssl) = read_log(folder.path(), "ssl");
    assert_eq!(summary.zeek_conn_rows, conn.len() as u64);
    assert_eq!((summary.zeek_dns_rows, summary.zeek_ssl_rows), (dns.len() as u64, ssl.len() as u64));

    let at = |fields: &[String], name: &str| fields.iter().position(|field| field == name).unwrap();
    let flows = read_flows(folder.path());
    assert_eq!(flows.len(), conn.len());
    for (flow, row) in flows.iter().zip(&conn) {
        assert_eq!(flow.uid.as_ref(), Some(&row[1]));
        assert_eq!((&flow.src, &flow.dst), (&row[2], &row[4]));
        assert_eq!(flow.bytes.to_string(), row[at(&fields, "orig_ip_bytes")]);
        assert_eq!(flow.state, row[at(&fields, "conn_state")]);
        assert_eq!(flow.community_id, row[at(&fields, "community_id")]);
        let micros = flow.start_ns / 1_000;
        assert_eq!(format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000), row[0]);
    }
    let uids: BTreeSet<&String> = conn.iter().map(|row| &row[1]).collect();
    assert_eq!(uids.len(), conn.len(), "every connection has its own uid");
    assert!(dns.iter().chain(&ssl).all(|row| uids.contains(&row[1])));

    let names: BTreeSet<&String> = dns.iter().map(|row| &row[at(&dns_fields, "query")]).collect();
    for row in &ssl {
        let name = &row[at(&ssl_fields, "server_name")];
        assert!(name.ends_with(".test") || name.contains("example"), "{name} is not under a reserved domain");
    }
    assert!(names.iter().any(|name| *name == "cdn-telemetry.update-check.test"));
}

#[test]
fn the_incident_does_not_depend_on_the_background() {
    let folders: [tempfile::TempDir; 2] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    make(folders[0].path(), FLOWS_MIN, 8).unwrap();
    make(folders[1].path(), FLOWS, 8).unwrap();
    let [small, large] = folders.each_ref().map(|folder| ground_truth(folder.path()));
    assert_eq!(small["flows"], FLOWS_MIN);
    assert_eq!(small["incidents"], large["incidents"]);
    assert_eq!(small["benign"], large["benign"]);
}

#[test]
fn only_an_earlier_demo_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let refused = make(folder.path(), FLOWS_MIN, 1).unwrap_err();
    assert!(matches!(&refused, DemoDataError::FolderInUse { found, .. } if found == "notes.txt"), "{refused}");
    assert!(refused.hint().is_some());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was added");
    fs::write(folder.path().join("ground-truth.json"), r#"{"generator": "something else"}"#).unwrap();
    assert!(make(folder.path(), FLOWS_MIN, 1).is_err());

    let demo = folder.path().join("demo");
    assert!(make(&demo, FLOWS_MIN, 1).unwrap().config_written);
    let config = fs::read_to_string(demo.join("flowdeck.toml")).unwrap() + "# edited\n";
    fs::write(demo.join("flowdeck.toml"), &config).unwrap();
    let again = make(&demo, FLOWS_MIN, 2).unwrap();
    assert!(!again.config_written);
    assert_eq!(fs::read_to_string(demo.join("flowdeck.toml")).unwrap(), config);
    assert_eq!(ground_truth(&demo)["seed"], 2);
    assert!(!demo.join(".demo-data.partial").exists());
}

#[test]
fn impossible_requests_are_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let refused = make(&dir, FLOWS_MIN - 1, 1).unwrap_err();
    assert!(refused.to_string().contains("14999 flows are too few"), "{refused}");
    assert!(!dir.exists());
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(make(&file, FLOWS_MIN, 1), Err(DemoDataError::NotAFolder { .. })));
}
