//! Damaged captures: whatever is changed in them, reading ends, and rows are counted.

use connector_pcap::{PcapOptions, View};
use proptest::prelude::*;

use crate::fixtures::{Files, report, rows, samples, text};

const SAMPLES: &[&str] =
    &["ipfixprobe-dns.pcap", "ipfixprobe-vlan.pcap", "rdp-x509.pcap", "ip-discarder-truncated-tcp-oob.pcapng"];
const VIEWS: [View; 5] = [View::Flows, View::Packets, View::Dns, View::Tls, View::Http];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_captures_are_read_to_their_end(
        which in 0..SAMPLES.len(),
        changes in prop::collection::vec((0_usize..4000, any::<u8>()), 1..8),
        cut in prop::option::of(100_usize..4000),
    ) {
        let Some(folder) = samples("pcap") else { return Ok(()) };
        let mut bytes = std::fs::read(folder.join(SAMPLES[which])).unwrap();
        for (place, value) in changes {
            // The first twelve bytes say that it is a capture.
            let place = 12 + place % (bytes.len() - 12);
            bytes[place] = value;
        }
        bytes.truncate(cut.unwrap_or(usize::MAX));
        let files = Files::new();
        let path = files.add("damaged", bytes);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for view in VIEWS {
            let table = connector_pcap::open_view(vec![path.clone()], view, PcapOptions::default()).unwrap();
            let rows = runtime.block_on(rows(&table)) as u64;
            prop_assert_eq!(report(&table).rows_read(), rows);
        }
    }
}

#[tokio::test]
async fn a_capture_that_breaks_off_gives_what_is_there() {
    let Some(folder) = samples("pcap") else { return };
    let whole = std::fs::read(folder.join("ipfixprobe-dns.pcap")).unwrap();
    let files = Files::new();
    let path = files.add("cut.pcap", &whole[..whole.len() - 100]);
    let table = connector_pcap::open_flows(vec![path]).unwrap();
    assert_eq!(text(&table, "SELECT count(*), sum(packets + rev_packets) FROM t").await, "8|15");
    let breakages = report(&table).breakages();
    assert!(breakages[0].reason.contains("a packet breaks off: "), "{breakages:?}");
    assert!(breakages[0].offset > 2000, "{breakages:?}");
}

#[test]
fn other_files_are_refused() {
    let files = Files::new();
    for (content, found) in [(&b"hello world, this is text"[..], "bytes that begin with"), (b"", "an empty file")] {
        let error = connector_pcap::open_flows(vec![files.add("other", content)]).unwrap_err();
        assert!(error.to_string().contains(found) && error.to_string().contains("pcap"), "{error}");
    }
}
