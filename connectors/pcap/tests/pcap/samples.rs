//! Every capture of the shared samples: flows, packets, DNS, TLS and HTTP rows, and what is said about it.

use std::collections::BTreeSet;

use connector_pcap::{PcapOptions, View};
use flow_source::contract_tests;

use crate::fixtures::{context, report, rows, samples, text};

/// Capture; flows, packets, DNS transactions, TLS greetings, HTTP requests; packets rejected as flows; what the notes
/// on flows hold.
type Case = (&'static str, [usize; 5], u64, &'static str);

/// Packets by `tcpdump -r FILE | wc -l`.
const CASES: &[Case] = &[
    ("dns-corrupt.pcap", [1, 2, 1, 0, 0], 0, ""),
    ("dns-invalid-names.pcap", [3, 3, 0, 0, 0], 0, ""),
    ("icmp-header-trunc.pcap", [1, 2, 0, 0, 0], 0, "2 of 2 packets were captured in part"),
    ("ip-discarder-truncated-tcp-oob.pcapng", [1, 1, 0, 0, 0], 0, "1 of 1 packets were captured in part"),
    ("ip4-trunc.pcap", [0, 1, 0, 0, 0], 1, "1 of 1 packets were captured in part"),
    ("ip6-trunc.pcap", [0, 1, 0, 0, 0], 1, "1 of 1 packets were captured in part"),
    ("ipfixprobe-dns.pcap", [8, 16, 8, 0, 0], 0, ""),
    ("ipfixprobe-http.pcap", [9, 46, 0, 0, 9], 0, ""),
    ("ipfixprobe-mixed.pcap", [51, 205, 12, 0, 0], 0, "48 of 205 packets are not IP"),
    ("ipfixprobe-tls.pcap", [35, 206, 0, 34, 0], 0, "8 of 206 packets were captured in part"),
    ("ipfixprobe-vlan.pcap", [3, 6, 3, 0, 0], 0, ""),
    ("rdp-to-ssl.pcap", [2, 658, 0, 0, 0], 0, ""),
    ("rdp-x509.pcap", [1, 15, 0, 0, 0], 0, ""),
    ("sshguess.pcap", [11, 431, 0, 0, 0], 0, ""),
    ("trunc-hdr.pcap", [0, 1, 0, 0, 0], 1, "1 of 1 packets were captured in part"),
];

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_every_capture() {
    let Some(folder) = samples("pcap") else { return };
    for (name, counts, rejected, note) in CASES {
        for (view, count) in [View::Flows, View::Packets, View::Dns, View::Tls, View::Http].into_iter().zip(counts) {
            let table = connector_pcap::open_view(vec![folder.join(name)], view, PcapOptions::default()).unwrap();
            assert_eq!(rows(&table).await, *count, "{view:?} of {name}");
            assert_eq!(report(&table).breakages(), [], "{name}");
            if view == View::Flows {
                assert_eq!(report(&table).rows_rejected(), *rejected, "{name}");
                let notes = report(&table).notes().join("\n");
                assert_eq!(notes.is_empty(), note.is_empty(), "{name}: {notes}");
                assert!(notes.contains(note), "{name}: {notes}");
            }
        }
    }
}

#[test]
fn no_sample_is_left_out() {
    let Some(folder) = samples("pcap") else { return };
    let listed: BTreeSet<&str> = CASES.iter().map(|(name, ..)| *name).collect();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(name.ends_with(".txt") || listed.contains(name.as_str()), "{name} is in no case");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_flows_say() {
    let Some(folder) = samples("pcap") else { return };
    let cases = [
        (
            "sshguess.pcap",
            "SELECT app_protocol, conn_state, count(*), sum(packets) FROM t GROUP BY 1, 2",
            "ssh|SF|11|254",
        ),
        ("rdp-x509.pcap", "SELECT app_protocol, conn_state, end_reason FROM t", "rdp|S1|4"),
        ("ipfixprobe-vlan.pcap", "SELECT vlan_id FROM t ORDER BY 1 NULLS LAST", "123\n150\nNULL"),
        (
            "icmp-header-trunc.pcap",
            "SELECT packets, rev_packets, icmp_type, bytes, notes FROM t",
            "1|1|NULL|84|[truncated]",
        ),
        ("dns-corrupt.pcap", "SELECT src_mac IS NOT NULL, community_id IS NOT NULL FROM t", "true|true"),
    ];
    for (name, sql, expected) in cases {
        let table = connector_pcap::open_flows(vec![folder.join(name)]).unwrap();
        assert_eq!(text(&table, sql).await, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_pass_the_contract() {
    let Some(folder) = samples("pcap") else { return };
    for (name, view) in [
        ("ipfixprobe-mixed.pcap", View::Flows),
        ("ipfixprobe-mixed.pcap", View::Packets),
        ("ipfixprobe-dns.pcap", View::Dns),
        ("ipfixprobe-tls.pcap", View::Tls),
        ("ipfixprobe-http.pcap", View::Http),
    ] {
        let table = connector_pcap::open_view(vec![folder.join(name)], view, PcapOptions::default()).unwrap();
        let context = context();
        contract_tests::check_table(&context.state(), table.as_ref()).await;
        contract_tests::check_drop(&context.state(), table.as_ref()).await;
    }
}
