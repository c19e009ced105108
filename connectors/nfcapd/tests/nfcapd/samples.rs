//! Every sample: rows, sums, first values, and the contract of all connectors.

use file_source::quality;
use flow_source::contract_tests;

use crate::fixtures::{context, flows, log, sample, text};

/// File, flows, packets, bytes, and some values of the first row as flows. Counts and sums are nfdump's.
const SAMPLES: &[(&str, u64, u64, u64, &str)] = &[
    (
        "nfcapd.sample",
        3018,
        43_558,
        27_576_229,
        "2023-01-25T18:35:43.884|NULL|52.5.7.161|443|170.80.156.33|57358|6|tcp|9|930|24|170.80.156.33|cc:d7:3c:88:60:14|[end_before_start]",
    ),
    (
        "nfcapd-small-lzo",
        10,
        123_000,
        87_993_000,
        "2019-08-12T18:50:47.958|0.0|216.206.145.131|443|209.148.205.55|41322|6|tcp|3000|4500000|16|66.110.1.17|NULL|[scaled_by_sampling]",
    ),
    (
        "nfcapd-large-bz2",
        100_000,
        551_025_205,
        417_073_490_515,
        "2019-08-12T18:50:47.958|0.0|216.206.145.131|443|209.148.205.55|41322|6|tcp|3000|4500000|16|66.110.1.17|NULL|[scaled_by_sampling]",
    ),
];

const FIRST: &str = "start_time, duration_s, src_ip, src_port, dst_ip, dst_port, protocol, protocol_name, packets, bytes, \
    tcp_flags, exporter_ip, src_mac, notes";

#[tokio::test(flavor = "multi_thread")]
async fn rows_sums_and_first_values() {
    for (name, rows, packets, bytes, first) in SAMPLES {
        let Some(path) = sample(name) else { return };
        let table = flows(&path);
        let expected = format!("{rows}|{packets}|{bytes}");
        assert_eq!(text(&table, "SELECT count(*), sum(packets), sum(bytes) FROM t").await, expected, "{name}");
        assert_eq!(text(&table, &format!("SELECT {FIRST} FROM t LIMIT 1")).await, *first, "{name}");
        text(&table, "SELECT * FROM t").await;
        let report = quality(table.as_ref()).unwrap();
        assert!(report.is_clean(), "{name}: {report:?}");
        assert_eq!(report.rows_read(), *rows, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_flows_has_its_columns() {
    let Some(path) = sample("nfcapd-empty") else { return };
    let table = flows(&path);
    assert_eq!(text(&table, "SELECT count(*), sum(bytes) FROM t").await, "0|NULL");
    assert!(quality(table.as_ref()).unwrap().is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_keeps_the_contract() {
    let state = context(2).state();
    for (name, ..) in &SAMPLES[..2] {
        let Some(path) = sample(name) else { return };
        contract_tests::check_table(&state, log(&path).as_ref()).await;
        contract_tests::check_table(&state, flows(&path).as_ref()).await;
        contract_tests::check_drop(&state, flows(&path).as_ref()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn planning_opens_nothing() {
    let Some(path) = sample("nfcapd.sample") else { return };
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("nfcapd.1");
    std::fs::copy(path, &copy).unwrap();
    let table = flows(&copy);
    contract_tests::check_lazy(&context(2).state(), table.as_ref(), || std::fs::remove_file(copy).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_file_is_read_from_its_beginning() {
    let Some(path) = sample("nfcapd.sample") else { return };
    let folder = tempfile::tempdir().unwrap();
    let packed = folder.path().join("nfcapd.1.gz");
    let mut encoder =
        flate2::write::GzEncoder::new(std::fs::File::create(&packed).unwrap(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &std::fs::read(&path).unwrap()).unwrap();
    encoder.finish().unwrap();
    let sql = "SELECT count(*), sum(bytes), min(start_time), count(DISTINCT src_ip) FROM t";
    assert_eq!(text(&flows(&packed), sql).await, text(&flows(&path), sql).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_window_chooses_files_and_rows() {
    let Some(path) = sample("nfcapd.sample") else { return };
    let other = sample("nfcapd-small-lzo").unwrap();
    let table = connector_nfcapd::open_flows(vec![path, other]).unwrap();
    let day = "start_time >= '2019-08-12T00:00:00Z' AND start_time < '2019-08-13T00:00:00Z'";
    assert_eq!(text(&table, &format!("SELECT count(*) FROM t WHERE {day}")).await, "10");
    assert!(quality(table.as_ref()).unwrap().rows_read() <= 10, "the other file is not read");
    let plan = text(&table, &format!("EXPLAIN SELECT bytes FROM t WHERE {day}")).await;
    assert!(plan.contains("files=1 of 2"), "{plan}");
    let second = "start_time BETWEEN '2023-01-25T18:35:43.890Z' AND '2023-01-25T18:35:43.899Z'";
    let expected = text(&table, &format!("SELECT count(*) FROM (SELECT * FROM t LIMIT 5000) WHERE {second}")).await;
    assert_eq!(text(&table, &format!("SELECT count(*) FROM t WHERE {second}")).await, expected);
    assert_ne!(expected, "0");
    assert!(quality(table.as_ref()).unwrap().rows_read() < 3018, "rows outside are left out before they are decoded");
}
