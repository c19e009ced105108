//! Record by record against `nfdump -o json`, field by field.

use std::path::Path;

use datafusion::arrow::array::RecordBatch;
use serde_json::Value;

use crate::fixtures::{cells, log, nfdump, query_in, sample, text};

/// nfdump's field and our column, where the name differs.
const RENAMED: &[(&str, &str)] = &[
    ("src4_addr", "src_addr"),
    ("src6_addr", "src_addr"),
    ("dst4_addr", "dst_addr"),
    ("dst6_addr", "dst_addr"),
    ("ip4_next_hop", "ip_next_hop"),
    ("ip6_next_hop", "ip_next_hop"),
    ("bgp4_next_hop", "bgp_next_hop"),
    ("bgp6_next_hop", "bgp_next_hop"),
    ("ip4_router", "ip_router"),
    ("ip6_router", "ip_router"),
    ("src4_xlt_ip", "src_xlt_ip"),
    ("dst4_xlt_ip", "dst_xlt_ip"),
    ("src6_xlt_ip", "src_xlt_ip"),
    ("dst6_xlt_ip", "dst_xlt_ip"),
];

/// Fields that nfdump makes of others, or of nothing in the file.
const DERIVED: &[&str] = &["type", "src_net", "dst_net", "label"];

/// nfdump's eight letters.
fn tcp_flags(number: u8) -> String {
    let letters = "CEUAPRSF".chars().zip((0..8).rev());
    letters.map(|(letter, bit)| if number >> bit & 1 == 1 { letter } else { '.' }).collect()
}

/// What our column shows, in nfdump's words.
fn in_their_words(field: &str, ours: &str) -> String {
    match (field, ours) {
        ("tcp_flags", number) => tcp_flags(number.parse().unwrap()),
        ("sampled", "true") => "1".into(),
        ("sampled", "false") => "0".into(),
        (mac, "NULL") if mac.ends_with("_mac") => "00:00:00:00:00:00".into(),
        _ => ours.to_owned(),
    }
}

fn check(name: &str, batches: &[RecordBatch], theirs: &[Value]) {
    let ours = cells(batches);
    assert_eq!(ours.len(), theirs.len(), "{name}: records");
    let schema = batches[0].schema();
    let mut compared = 0;
    for (number, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        for (field, theirs) in theirs.as_object().unwrap() {
            if DERIVED.contains(&field.as_str()) {
                continue;
            }
            let column = RENAMED.iter().find(|(known, _)| known == field).map_or(field.as_str(), |(_, column)| column);
            let index = schema.index_of(column).unwrap_or_else(|_| panic!("{name}: there is no column for `{field}`"));
            let theirs = theirs.as_str().map_or_else(|| theirs.to_string(), str::to_owned);
            assert_eq!(in_their_words(field, &ours[index]), theirs, "{name}, record {number}, {field}");
            compared += 1;
        }
    }
    assert!(compared > 15 * ours.len(), "{name}: only {compared} values were compared");
}

async fn check_file(name: &str, path: &Path) -> Option<()> {
    let json = nfdump(&["-r", &path.to_string_lossy(), "-o", "json"])?;
    // Behind the list may come statistics; told to be quiet, nfdump leaves out the list's brackets.
    let end = json.iter().rposition(|byte| *byte == b']').map_or(0, |end| end + 1);
    let theirs: Vec<Value> = serde_json::from_slice(&json[..end]).unwrap_or_default();
    check(name, &query_in(1, &log(path), "SELECT * FROM t").await, &theirs);
    Some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_every_record_is_nfdump_s() {
    for name in ["nfcapd.sample", "nfcapd-small-lzo", "nfcapd-large-bz2"] {
        let Some(path) = sample(name) else { return };
        if check_file(name, &path).await.is_none() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_are_those_of_nfdump_s_statistics() {
    for name in ["nfcapd.sample", "nfcapd-small-lzo", "nfcapd-large-bz2", "nfcapd-empty"] {
        let Some(path) = sample(name) else { return };
        let Some(printed) = nfdump(&["-r", &path.to_string_lossy(), "-o", "csv"]) else { return };
        let printed = String::from_utf8(printed).unwrap();
        let summary = printed.lines().last().unwrap().split(',').take(3).collect::<Vec<_>>().join("|");
        let sql = "SELECT count(*), coalesce(sum(in_bytes), 0), coalesce(sum(in_packets), 0) FROM t";
        assert_eq!(text(&log(&path), sql).await, summary, "{name}");
    }
}
