//! What ipfixprobe's own tests expect of the same captures, and where its definitions are others.

use std::collections::BTreeMap;

use connector_pcap::{PcapOptions, View};

use crate::fixtures::{samples, text};

/// The columns that ipfixprobe's output and the flows have in common.
const FLOW_COLUMNS: [&str; 13] = [
    "SRC_IP",
    "DST_IP",
    "SRC_PORT",
    "DST_PORT",
    "PROTOCOL",
    "PACKETS",
    "BYTES",
    "PACKETS_REV",
    "BYTES_REV",
    "TCP_FLAGS",
    "TCP_FLAGS_REV",
    "TIME_FIRST",
    "TIME_LAST",
];

const FLOWS: &str = "SELECT src_ip, dst_ip, coalesce(src_port, 0), coalesce(dst_port, 0), protocol, packets, bytes,
    rev_packets, rev_bytes, coalesce(tcp_flags, 0), coalesce(rev_tcp_flags, 0), start_time, end_time FROM t";

/// Rows of an expected output with these columns. Fields of text stand behind all others, so commas in them do no harm.
fn expected(name: &str, columns: &[&str]) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(samples("pcap")?.join(format!("ipfixprobe-expected-{name}.txt"))).unwrap();
    let header = text.lines().find(|line| line.starts_with("ipaddr ")).unwrap();
    let names: Vec<&str> = header.split(',').map(|column| column.split_once(' ').unwrap().1).collect();
    let row = |line: &str| {
        let values: Vec<&str> = line.split(',').collect();
        let value = |column: &&str| values[names.iter().position(|name| name == column).unwrap()].trim_matches('"');
        columns.iter().map(value).collect::<Vec<_>>().join("|")
    };
    let mut rows: Vec<String> = text.lines().filter(|line| *line != header).map(row).collect();
    rows.sort();
    Some(rows)
}

async fn found(capture: &str, view: View, sql: &str) -> Option<Vec<String>> {
    let path = samples("pcap")?.join(format!("ipfixprobe-{capture}.pcap"));
    let table = connector_pcap::open_view(vec![path], view, PcapOptions::default()).unwrap();
    let mut rows: Vec<String> = text(&table, sql).await.lines().map(|line| line.replace("Z|", "|")).collect();
    rows.iter_mut().for_each(|row| *row = row.strip_suffix('Z').unwrap_or(row).to_owned());
    rows.sort();
    Some(rows)
}

fn protocol(row: &str) -> &str {
    row.split('|').nth(4).unwrap()
}

fn is_icmp(row: &str) -> bool {
    matches!(protocol(row), "1" | "58")
}

/// Packets and octets by both ends, whichever way they went.
fn totals(rows: &[String]) -> BTreeMap<Vec<String>, [u64; 2]> {
    let mut totals: BTreeMap<Vec<String>, [u64; 2]> = BTreeMap::new();
    for row in rows {
        let values: Vec<&str> = row.split('|').collect();
        let mut ends = vec![format!("{} {}", values[0], values[2]), format!("{} {}", values[1], values[3])];
        ends.sort();
        ends.push(values[4].to_owned());
        let number = |place: usize| values[place].parse::<u64>().unwrap();
        let total = totals.entry(ends).or_default();
        total[0] += number(5) + number(7);
        total[1] += number(6) + number(8);
    }
    totals
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_are_the_same() {
    for (capture, name) in [("mixed", "basic"), ("http", "basicplus"), ("http", "http")] {
        let Some(mut wanted) = expected(name, &FLOW_COLUMNS) else { return };
        let mut rows = found(capture, View::Flows, FLOWS).await.unwrap();
        assert!(wanted.len() >= 9, "{name}");
        // ipfixprobe keeps all ICMP between two hosts in one flow; the totals of both are the same.
        assert_eq!(totals(&rows), totals(&wanted), "{name}");
        rows.retain(|row| !is_icmp(row));
        wanted.retain(|row| !is_icmp(row));
        assert_eq!(rows, wanted, "{name}");
    }
}

/// Its DNS plugin ends a flow with each message: a question and its answer are two.
#[tokio::test(flavor = "multi_thread")]
async fn dns_is_the_same() {
    let Some(wanted) = expected("dns", &FLOW_COLUMNS) else { return };
    let rows = found("dns", View::Flows, FLOWS).await.unwrap();
    assert_eq!((rows.len(), wanted.len()), (8, 16));
    assert_eq!(totals(&rows), totals(&wanted));

    let columns = ["SRC_IP", "DST_PORT", "DNS_ID", "DNS_QTYPE", "DNS_RCODE", "DNS_ANSWERS", "DNS_RR_TTL", "DNS_NAME"];
    let mut wanted = expected("dns", &columns).unwrap();
    // Answers come from the server's port, so there the client's is the destination.
    wanted.retain(|row| row.starts_with("8.8."));
    let sql = "SELECT dst_ip, src_port, transaction_id,
        CASE query_type WHEN 'A' THEN 1 WHEN 'NS' THEN 2 WHEN 'PTR' THEN 12 WHEN 'MX' THEN 15 WHEN 'TXT' THEN 16
            WHEN 'AAAA' THEN 28 WHEN 'RRSIG' THEN 46 END,
        CASE response_code WHEN 'NOERROR' THEN 0 END, array_length(answers), answer_ttls[1], query FROM t";
    assert_eq!(found("dns", View::Dns, sql).await.unwrap(), wanted);
}

/// The capture holds six connections twice, with the same times. ipfixprobe adds them up; here a second SYN after the
/// end is a second connection. Its TLS plugin leaves out what is not TLS: one QUIC flow.
#[tokio::test(flavor = "multi_thread")]
async fn tls_is_the_same() {
    let Some(wanted) = expected("tls", &FLOW_COLUMNS) else { return };
    let rows = found("tls", View::Flows, FLOWS).await.unwrap();
    let (tcp, others): (Vec<String>, Vec<String>) = rows.into_iter().partition(|row| protocol(row) == "6");
    assert_eq!(totals(&tcp), totals(&wanted));
    assert_eq!((tcp.len(), wanted.len(), others.len()), (wanted.len() + 6, 28, 1));
    assert!(others[0].contains("|443|17|"), "{others:?}");

    let names = expected("tls", &["SRC_PORT", "TLS_SNI"]).unwrap();
    let names: Vec<String> = names.into_iter().map(|row| row.split('|').next().unwrap().to_owned()).collect();
    let sql = "SELECT DISTINCT src_port FROM t WHERE is_complete";
    assert_eq!(found("tls", View::Tls, sql).await.unwrap(), names, "a greeting for each of its connections");
    let text = std::fs::read_to_string(samples("pcap").unwrap().join("ipfixprobe-expected-tls.txt")).unwrap();
    let servers = found("tls", View::Tls, "SELECT DISTINCT server_name FROM t").await.unwrap();
    assert!(servers.len() > 10, "{servers:?}");
    for server in servers {
        assert!(text.contains(&format!("\"{server}\"")), "ipfixprobe knows no {server}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_is_the_same() {
    let columns = [
        "SRC_PORT",
        "HTTP_RESPONSE_STATUS_CODE",
        "HTTP_REQUEST_AGENT",
        "HTTP_REQUEST_HOST",
        "HTTP_REQUEST_METHOD",
        "HTTP_REQUEST_URL",
        "HTTP_RESPONSE_CONTENT_TYPE",
    ];
    let Some(wanted) = expected("http", &columns) else { return };
    let sql = "SELECT src_port, coalesce(status, 0), user_agent, host, method, uri, coalesce(content_type, '') FROM t";
    assert_eq!(found("http", View::Http, sql).await.unwrap(), wanted);
}
