//! Suricata's events through SQL: texts as its user guide shows them, and a sample.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panicking and say why they skip")]

use connector_test_support::{Files, context, sample, text};
use file_source::quality;
use flow_source::{Connector as _, Place, contract_tests};

const EVENTS: &str = r#"{"timestamp":"2021-06-06T15:59:46.457984+0200","flow_id":18446744073709551615,"in_iface":"eth0","event_type":"flow","src_ip":"fe80:0000:0000:0000:0202:b3ff:fe1e:8329","src_port":546,"dest_ip":"ff02:0000:0000:0000:0000:0000:0001:0002","dest_port":547,"proto":"UDP","app_proto":"failed","flow":{"pkts_toserver":1,"pkts_toclient":0,"bytes_toserver":110,"bytes_toclient":0,"start":"2021-06-06T15:59:00.000000+0200","end":"2021-06-06T15:59:01.500000+0200","age":1,"state":"new","reason":"timeout","alerted":false},"community_id":"1:abc="}
{"timestamp":"2021-06-06T16:00:00.000000+0200","event_type":"stats","stats":{"uptime":7}}
{"timestamp":"2021-06-06T16:00:00.000000+0200","flow_id":2,"event_type":"dns","src_ip":"10.0.0.1","src_port":1,"dest_ip":"10.0.0.2","dest_port":53,"proto":"UDP","dns":{"type":"query","rrname":"example.org."}}
{"timestamp":"2021-06-06T16:00:00.000000+0200","flow_id":3,"event_type":"netflow","vlan":[100,200],"src_ip":"10.0.0.1","src_port":50000,"dest_ip":"10.0.0.2","dest_port":443,"proto":"TCP","app_proto":"tls","netflow":{"pkts":5,"bytes":700,"start":"2021-06-06T14:00:00Z","end":"2021-06-06T14:00:02Z","age":2,"min_ttl":64,"max_ttl":64},"tcp":{"tcp_flags":"1b"},"ether":{"src_mac":"00:11:22:AA:BB:CC","dest_mac":"00:11:22:aa:bb:dd"}}
{"timestamp":"2021-06-06T16:00:00.000000+0200","flow_id":4,"event_type":"flow","src_ip":"10.0.0.1","dest_ip":"10.0.0.2","proto":"ICMP","icmp_type":8,"icmp_code":0,"flow":{"pkts_toserver":1,"pkts_toclient":1,"bytes_toserver":98,"bytes_toclient":98,"start":"2021-06-06T14:00:00Z","end":"2021-06-06T14:00:00Z","state":"established","reason":"shutdown"}}
{"timestamp":"2021-06-06T16:00:00.000000+0200","event_type":"flow","src_ip":"not an address","flow":{}}
{"timestamp":"2021-06-06T16:00:00.000000+0200","event_type":"flow",
"#;

#[tokio::test(flavor = "multi_thread")]
async fn flows_of_flow_and_netflow_events() {
    let files = Files::new();
    let table = connector_eve::open_flows(vec![files.add("eve.json", EVENTS)]).unwrap();
    let sql = "SELECT start_time, duration_s, src_ip, src_port, dst_port, protocol, protocol_name, packets, bytes, rev_packets, \
        tcp_flags, icmp_type, app_protocol, end_reason, sensor, uid, vlan_id, src_mac, notes FROM t";
    let expected = "2021-06-06T13:59:00Z|1.5|fe80::202:b3ff:fe1e:8329|546|547|17|udp|1|110|0|NULL|NULL|NULL|1|eth0|18446744073709551615|NULL|NULL|[bytes_l2]\n\
        2021-06-06T14:00:00Z|2.0|10.0.0.1|50000|443|6|tcp|5|700|NULL|27|NULL|tls|NULL|NULL|3|100|00:11:22:aa:bb:cc|[bytes_l2]\n\
        2021-06-06T14:00:00Z|0.0|10.0.0.1|NULL|NULL|1|icmp|1|98|1|NULL|8|NULL|4|NULL|4|NULL|NULL|[bytes_l2]";
    assert_eq!(text(&table, sql).await, expected);
    let report = quality(table.as_ref()).unwrap();
    assert_eq!(report.rows_rejected(), 2);
    let rejections = report.rejections();
    assert!(
        rejections[0].place == Place::Line(6) && rejections[0].reason.contains("`src_ip` is `not an address`"),
        "{rejections:?}"
    );
    assert!(
        rejections[1].place == Place::Line(7) && rejections[1].reason.contains("is not a JSON object"),
        "{rejections:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_events_with_their_own_columns() {
    let files = Files::new();
    let table = connector_eve::open_log(vec![files.add("eve.json", EVENTS)]).unwrap();
    let sql = r#"SELECT event_type, flow_id, "dns.rrname", "stats.uptime", "flow.alerted" FROM t WHERE event_type IN ('dns', 'stats')"#;
    let expected = "stats|NULL|NULL|7|NULL\ndns|2|example.org.|NULL|NULL";
    assert_eq!(text(&table, sql).await, expected);
    assert_eq!(text(&table, "SELECT max(flow_id) FROM t").await, "18446744073709551615");
    contract_tests::check_table(&context().state(), table.as_ref()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_is_read() {
    let Some(path) = sample("suricata/eve-fileinfo.json") else { return };
    let table = connector_eve::open_log(vec![path.clone()]).unwrap();
    let sql = r#"SELECT timestamp, "http.hostname", "http.url", "fileinfo.size", "fileinfo.stored" FROM t"#;
    assert_eq!(text(&table, sql).await, "2016-06-08T20:01:52.875791Z|www.eicar.org|/download/eicar.com|68|false");
    let flows = connector_eve::open_flows(vec![path]).unwrap();
    assert_eq!(text(&flows, "SELECT count(*) FROM t").await, "0");
}

#[test]
fn other_json_is_not_ours() {
    let connector = connector_eve::EveConnector::default();
    assert!(connector.recognises(EVENTS.as_bytes()));
    assert!(!connector.recognises(br#"{"ts":1.5,"uid":"C1","id.orig_h":"10.0.0.1"}"#));
    assert!(!connector.recognises(br#"{"timestamp":"2021","message":"started"}"#));
    let files = Files::new();
    let error = connector_eve::open_log(vec![files.add("a.json", "{\"a\": 1}\n")]).unwrap_err();
    assert!(error.to_string().contains("found `{\"a\": 1}`, expected a Suricata EVE log"), "{error}");
}
