//! Damaged samples: whatever is changed in them, reading ends, and rows are counted.

use proptest::prelude::*;

use crate::fixtures::{Files, Flows, report, rows, samples, text};

/// Names of samples that together have all kinds of sets.
const SAMPLES: &[&str] = &[
    "ipfix.dat",
    "ipfix_test_netscaler_tpl.dat",
    "ipfix_test_yaf_tpls_option_tpl.dat",
    "netflow5.dat",
    "netflow9_test_0length_fields_tpl_data.dat",
    "netflow9_test_cisco_nbar_opttpl260.dat",
    "netflow9_test_invalid01.dat",
    "netflow9_test_unknown_tpl266_292_data.dat",
];

#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Cut(usize),
    Drop(usize, usize),
    Repeat(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let place = 0_usize..2000;
    prop_oneof![
        4 => (place.clone(), any::<u8>()).prop_map(|(place, value)| Change::Set(place, value)),
        1 => place.clone().prop_map(Change::Cut),
        1 => (place.clone(), 1_usize..64).prop_map(|(place, count)| Change::Drop(place, count)),
        1 => (place, 1_usize..64).prop_map(|(place, count)| Change::Repeat(place, count)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let length = bytes.len().max(1);
    match *change {
        Change::Set(place, value) => {
            if let Some(byte) = bytes.get_mut(place % length) {
                *byte = value;
            }
        }
        Change::Cut(place) => bytes.truncate(place % length),
        Change::Drop(place, count) => {
            let from = (place % length).min(bytes.len());
            bytes.drain(from..(from + count).min(bytes.len()));
        }
        Change::Repeat(place, count) => {
            let from = (place % length).min(bytes.len());
            let part = bytes[from..(from + count).min(bytes.len())].to_vec();
            bytes.splice(from..from, part);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_samples_are_read_to_their_end(which in 0..SAMPLES.len(), changes in prop::collection::vec(change(), 1..6)) {
        let Some(folder) = samples("netflow-packets") else { return Ok(()) };
        let mut bytes = std::fs::read(folder.join(SAMPLES[which])).unwrap();
        // The version stays, or the file would not be taken at all.
        let (version, mut rest) = (bytes[..2].to_vec(), bytes.split_off(2));
        changes.iter().for_each(|change| apply(&mut rest, change));
        let files = Files::new();
        let path = files.add("damaged", [version, rest].concat());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for open in [connector_netflow::open_flows, connector_netflow::open_log] {
            let Ok(table) = open(vec![path.clone()]) else { continue };
            let rows = runtime.block_on(rows(&table)) as u64;
            prop_assert_eq!(report(&table).rows_read(), rows);
        }
    }
}

#[tokio::test]
async fn every_cut_of_a_file_gives_its_whole_messages() {
    let Some(folder) = samples("netflow-packets") else { return };
    let whole = std::fs::read(folder.join("netflow5.dat")).unwrap();
    let mut rows_before = 0;
    for length in (24..whole.len()).step_by(31) {
        let files = Files::new();
        let table = files.flows(&whole[..length]);
        let rows: u64 = text(&table, "SELECT count(*) FROM t").await.parse().unwrap();
        assert!(rows >= rows_before, "{length} bytes give {rows} rows, fewer bytes gave {rows_before}");
        rows_before = rows;
    }
    assert!(rows_before >= 28, "{rows_before}");
}
