//! Records of ipfixcol2 through SQL, written with each of its options.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panicking and say why they skip")]

use connector_test_support::{Files, context, text};
use file_source::quality;
use flow_source::{Connector as _, contract_tests};

const RECORDS: &str = r#"{"@type":"ipfix.entry","iana:octetDeltaCount":1234,"iana:packetDeltaCount":5,"iana:flowStartMilliseconds":"2024-01-02T03:04:05.678Z","iana:flowEndMilliseconds":"2024-01-02T03:04:06.678Z","iana:sourceIPv4Address":"10.0.0.1","iana:destinationIPv4Address":"10.0.0.2","iana:sourceTransportPort":50000,"iana:destinationTransportPort":443,"iana:protocolIdentifier":"TCP","iana:tcpControlBits":".AP.S.","iana:bgpSourceAsNumber":0,"iana@reverse:octetDeltaCount@reverse":99,"flowmon:httpHost":"example.org","ipfix:odid":6}
{"@type":"ipfix.entry","iana:octetDeltaCount":7,"iana:packetDeltaCount":1,"iana:flowStartMilliseconds":1704164645678,"iana:flowEndMilliseconds":1704164645678,"iana:sourceIPv6Address":"2001:db8::1","iana:destinationIPv6Address":"2001:db8::2","iana:protocolIdentifier":58,"iana:icmpTypeCodeIPv6":32768,"iana:tcpControlBits":0,"iana:interfaceName":null}
{"@type":"ipfix.entry","en0:id1":8,"en0:id2":1,"en0:id8":"10.0.0.3","en0:id12":"10.0.0.4","en0:id4":17,"en0:id7":53,"en0:id11":53,"en0:id152":1704164645000,"en0:id153":1704164645500}
{"ipfix.sourceIPv4Address":"10.0.0.5","ipfix.destinationIPv4Address":"10.0.0.6","ipfix.protocolIdentifier":6,"ipfix.octetDeltaCount":9,"ipfix.packetDeltaCount":1,"ipfix.flowStartMilliseconds":1704164645000,"ipfix.flowEndMilliseconds":1704164646000,"ipfix.tcpControlBits":"0x1b","@type":"ipfix.entry"}
{"@type":"ipfix.optionsTemplateDataRecord","iana:samplingInterval":1000}
{"@type":"ipfix.entry","iana:sourceIPv4Address":"10.0.0.1","iana:octetDeltaCount":-5}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn flows_under_all_names() {
    let files = Files::new();
    let table = connector_ipfixcol2::open_flows(vec![files.add("flows.json", RECORDS)]).unwrap();
    let sql = "SELECT start_time, duration_s, src_ip, src_port, dst_port, protocol_name, packets, bytes, rev_bytes, tcp_flags, \
        icmp_type, src_as, observation_domain, notes FROM t";
    let expected = "\
2024-01-02T03:04:05.678Z|1.0|10.0.0.1|50000|443|tcp|5|1234|99|26|NULL|NULL|6|NULL
2024-01-02T03:04:05.678Z|0.0|2001:db8::1|NULL|NULL|ipv6-icmp|1|7|NULL|NULL|128|NULL|NULL|NULL
2024-01-02T03:04:05Z|0.5|10.0.0.3|53|53|udp|1|8|NULL|NULL|NULL|NULL|NULL|NULL
2024-01-02T03:04:05Z|1.0|10.0.0.5|NULL|NULL|tcp|1|9|NULL|27|NULL|NULL|NULL|NULL";
    assert_eq!(text(&table, sql).await, expected);
    let rejections = quality(table.as_ref()).unwrap().rejections();
    assert!(rejections.len() == 1 && rejections[0].reason.contains("`iana:octetDeltaCount` is `-5`"), "{rejections:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_columns() {
    let files = Files::new();
    let table = connector_ipfixcol2::open_log(vec![files.add("flows.json", RECORDS)]).unwrap();
    let sql = r#"SELECT "iana:flowStartMilliseconds", "iana:octetDeltaCount", "flowmon:httpHost" FROM t LIMIT 2"#;
    let expected = "2024-01-02T03:04:05.678Z|1234|example.org\n2024-01-02T03:04:05.678Z|7|NULL";
    assert_eq!(text(&table, sql).await, expected);
    contract_tests::check_table(&context().state(), table.as_ref()).await;
    assert!(connector_ipfixcol2::IpfixcolConnector::default().recognises(RECORDS.as_bytes()));
    assert!(!connector_ipfixcol2::IpfixcolConnector::default().recognises(b"{\"ts\": 1}"));
}
