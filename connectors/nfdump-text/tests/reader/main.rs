//! nfdump's output through SQL: what Debian's nfdump prints of the samples, and lines of other versions.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panicking and say why they skip")]

use std::process::{Command, Stdio};

use connector_nfdump_text::NfdumpText;
use connector_test_support::{Files, context, sample, text};
use file_source::quality;
use file_source::text::{TextConnector, Zone};
use flow_source::{Connector as _, contract_tests};

/// What nfdump prints; `None` (with a printed reason) where nfdump is not installed.
fn nfdump(arguments: &[&str]) -> Option<Vec<u8>> {
    match Command::new("nfdump").args(arguments).env("TZ", "UTC").stderr(Stdio::null()).output() {
        Ok(output) => Some(output.stdout),
        Err(error) => {
            eprintln!("skipped: nfdump does not run ({error}); scripts/setup.sh nfdump installs it");
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nfdump_prints_has_its_own_sums() {
    let files = Files::new();
    for name in ["nfcapd.sample", "nfcapd-small-lzo"] {
        let Some(path) = sample(&format!("nfcapd/{name}")) else { return };
        let path = path.display().to_string();
        let Some(csv) = nfdump(&["-r", &path, "-o", "csv"]) else { return };
        let Some(json) = nfdump(&["-r", &path, "-o", "json"]) else { return };
        let printed = String::from_utf8_lossy(&csv);
        let summary = printed.lines().last().unwrap().split(',').take(3).collect::<Vec<_>>().join("|");
        let tables = [("csv", &csv), ("json", &json)].map(|(format, bytes)| {
            let path = files.add(&format!("{name}.{format}"), bytes);
            connector_nfdump_text::open_flows(vec![path]).unwrap()
        });
        for table in &tables {
            let sums = "SELECT count(*), sum(bytes), sum(packets) FROM t";
            assert_eq!(text(table, sums).await, summary, "{name}");
            assert_eq!(quality(table.as_ref()).unwrap().rows_rejected(), 0, "{name}");
        }
        // The CSV has whole seconds; all else must be the same.
        let columns = "SELECT date_trunc('second', start_time), date_trunc('second', end_time), src_ip, src_port, dst_ip, \
            dst_port, protocol, packets, bytes, tcp_flags, tos, icmp_type, icmp_code, in_if, out_if, src_as, dst_as, \
            src_mask, dst_mask, vlan_id, src_mac, exporter_ip FROM t";
        let [csv, json] = [text(&tables[0], columns).await, text(&tables[1], columns).await];
        for (csv, json) in csv.lines().zip(json.lines()) {
            assert_eq!(csv, json, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_of_later_versions() {
    let fast = "cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,srcAS,dstAS,input,output,flags,srcTos,packets,bytes\n\
        1,2,2024-10-27 02:30:00.250,2024-10-27 02:30:01.250,6,10.0.0.1,50000,10.0.0.2,443,0,65000,1,2,...AP.SF,0,5,500\n\
        1,2,2024-10-27 02:30:00.250,2024-10-27 02:30:01.250,1,10.0.0.1,0,10.0.0.2,8.0,0,0,1,2,........,0,1,84\n\
        1,2,1970-01-01 00:00:00.000,1970-01-01 00:00:00.000,17,10.0.0.1,1,10.0.0.2,2,0,0,1,2,........,0,1,84\n";
    let files = Files::new();
    let path = files.add("fast.csv", fast);
    let sql =
        "SELECT start_time, duration_s, src_port, dst_port, tcp_flags, icmp_type, src_as, dst_as, bytes, notes FROM t";
    let expected = "\
2024-10-27T02:30:00.250Z|1.0|50000|443|27|NULL|NULL|65000|500|NULL
2024-10-27T02:30:00.250Z|1.0|NULL|NULL|NULL|8|NULL|NULL|84|NULL
NULL|NULL|1|2|NULL|NULL|NULL|NULL|84|[time_missing]";
    let table = connector_nfdump_text::open_flows(vec![path.clone()]).unwrap();
    assert_eq!(text(&table, sql).await, expected);
    let notes = quality(table.as_ref()).unwrap().notes();
    assert!(notes[0].contains("times are read as UTC"), "{notes:?}");

    let source = NfdumpText { zone: Zone::of("Europe/Prague".parse().unwrap()) };
    let table = TextConnector::open_flows_of(source, vec![path]).unwrap();
    assert_eq!(
        text(&table, "SELECT start_time, notes FROM t LIMIT 1").await,
        "2024-10-27T00:30:00.250Z|[time_ambiguous]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_duration_is_not_believed() {
    let lines = "ts,te,td,sa,da,sp,dp,pr,ipkt,ibyt\n\
        2024-01-01 00:00:00.250,2024-01-01 00:00:01.750,6600.000,10.0.0.1,10.0.0.2,1,2,UDP,1,60\n\
        2024-01-01 00:00:00.250,,2.500,10.0.0.1,10.0.0.2,1,2,UDP,1,60\n";
    let files = Files::new();
    let table = connector_nfdump_text::open_flows(vec![files.add("wrong.csv", lines)]).unwrap();
    let found = text(&table, "SELECT duration_s, end_time FROM t").await;
    assert_eq!(found, "1.5|2024-01-01T00:00:01.750Z\n2.5|2024-01-01T00:00:02.750Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_cut_gives_its_objects() {
    let json = "[\n{\n\t\"type\" : \"FLOW\",\n\t\"first\" : \"2024-01-01T00:00:00.000\",\n\t\"in_packets\" : 1,\n\t\"in_bytes\" : 60,\n\t\"proto\" : 17,\n\t\"src4_addr\" : \"10.0.0.1\"\n},\n{\n\t\"type\" : \"FL";
    let files = Files::new();
    let table = connector_nfdump_text::open_flows(vec![files.add("cut.json", json)]).unwrap();
    assert_eq!(text(&table, "SELECT src_ip, bytes, source_row LIKE '%cut.json:2' FROM t").await, "10.0.0.1|60|true");
    let breakages = quality(table.as_ref()).unwrap().breakages();
    assert!(breakages.len() == 1 && breakages[0].reason.contains("ends within a JSON object"), "{breakages:?}");
    let log = connector_nfdump_text::open_log(vec![files.add("one.json", json)]).unwrap();
    assert_eq!(text(&log, "SELECT type, first, in_bytes FROM t").await, "FLOW|2024-01-01T00:00:00Z|60");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept() {
    let lines = "ts,te,td,sa,da,sp,dp,pr,ipkt,ibyt\n2024-01-01 00:00:00,2024-01-01 00:00:01,1.000,10.0.0.1,10.0.0.2,1,2,UDP,1,60\n\
        Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n1,60,1,480,1,60\n";
    let files = Files::new();
    let path = files.add("a.csv", lines);
    let connector = connector_nfdump_text::NfdumpTextConnector::default();
    assert!(connector.recognises(lines.as_bytes()) && !connector.recognises(b"StartTime,Dur,Proto\n"));
    contract_tests::check_table(&context().state(), connector.open_flows(vec![path.clone()]).unwrap().as_ref()).await;
    let log = connector.open_log(vec![path]).unwrap();
    assert_eq!(text(&log, "SELECT ts, ibyt, pr FROM t").await, "2024-01-01T00:00:00Z|60|UDP");
}
