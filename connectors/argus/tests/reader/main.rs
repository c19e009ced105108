//! Flows of Argus through SQL: lines as `ra` prints them and as the CTU data sets have them.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panicking and say why they skip")]

use connector_test_support::{Files, context, text};
use file_source::quality;
use flow_source::{Connector as _, Place, contract_tests};

const BINETFLOW: &str = "\
StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label
2018/12/18 14:00:00.075359,1.5,tcp,147.32.84.165,1040,   ->,8.8.8.8,80,SPA_FSPA,0,0,10,2000,800,flow=Background
2018/12/18 14:00:01.000000,0.0,udp,10.0.0.1,5353,   ->,224.0.0.251,5353,INT,0,,3,300,300,
2018/12/18 14:00:02.000000,0.2,icmp,10.0.0.1,0x0008,  <->,10.0.0.2,0x8e49,ECO,0.0,0.0,2,196,98,
2018/12/18 14:00:03.000000,0.2,icmp,10.0.0.1,0x0303,   ->,10.0.0.2,0x0000,URP,0,,1,70,70,
2018/12/18 14:00:04.000000,3.0,tcp,10.0.0.9,443,  <-,10.0.0.8,50000,FSPA_SPA,0,0,7,900,500,
2018/12/18 14:00:05.000000,3.0,rtp,10.0.0.9,4000, <?>,10.0.0.8,4002,CON,0,0,7,900,500,
2018/12/18 14:00:06.000000,0.0,arp,00:11:22:33:44:55,,  who,10.0.0.8,,INT,,,1,60,60,
2018/12/18 14:00:07,0.0,udp,10.0.0.1
";

#[tokio::test(flavor = "multi_thread")]
async fn flows_of_a_binetflow_file() {
    let files = Files::new();
    let table = connector_argus::open_flows(vec![files.add("capture.binetflow", BINETFLOW)]).unwrap();
    let sql = "SELECT start_time, src_ip, src_port, dst_ip, dst_port, protocol, protocol_name, packets, bytes, rev_packets, rev_bytes, \
        tcp_flags, rev_tcp_flags, icmp_type, icmp_code, app_protocol, notes FROM t";
    let expected = "\
2018-12-18T14:00:00.075359Z|147.32.84.165|1040|8.8.8.8|80|6|tcp|NULL|800|NULL|1200|26|27|NULL|NULL|NULL|[counters_not_split]
2018-12-18T14:00:01Z|10.0.0.1|5353|224.0.0.251|5353|17|udp|3|300|0|0|NULL|NULL|NULL|NULL|NULL|NULL
2018-12-18T14:00:02Z|10.0.0.1|NULL|10.0.0.2|NULL|1|icmp|NULL|98|NULL|98|NULL|NULL|8|0|NULL|[counters_not_split]
2018-12-18T14:00:03Z|10.0.0.1|NULL|10.0.0.2|NULL|1|icmp|1|70|0|0|NULL|NULL|3|3|NULL|NULL
2018-12-18T14:00:04Z|10.0.0.8|50000|10.0.0.9|443|6|tcp|NULL|400|NULL|500|26|27|NULL|NULL|NULL|[counters_not_split, src_dst_swapped]
2018-12-18T14:00:05Z|10.0.0.9|4000|10.0.0.8|4002|17|udp|NULL|500|NULL|400|NULL|NULL|NULL|NULL|rtp|[counters_not_split, direction_unknown]
2018-12-18T14:00:06Z|NULL|NULL|10.0.0.8|NULL|NULL|arp|1|60|0|0|NULL|NULL|NULL|NULL|NULL|[address_unreadable]";
    assert_eq!(text(&table, sql).await, expected);
    let rejections = quality(table.as_ref()).unwrap().rejections();
    assert!(rejections.len() == 1 && rejections[0].place == Place::Line(9), "{rejections:?}");
    assert_eq!(rejections[0].reason, "4 values, expected 15");
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_of_both_sides_and_epoch_times() {
    let ra = "StartTime,LastTime,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,SrcPkts,DstPkts,SrcBytes,DstBytes,State\n\
        1545141600.5,1545141602.5,tcp,10.0.0.1,1,->,10.0.0.2,http,4,3,400,300,CON\n";
    let files = Files::new();
    let table = connector_argus::open_flows(vec![files.add("ra.csv", ra)]).unwrap();
    let sql = "SELECT start_time, end_time, duration_s, packets, rev_packets, bytes, rev_bytes, dst_port, notes FROM t";
    let expected = "2018-12-18T14:00:00.500Z|2018-12-18T14:00:02.500Z|2.0|4|3|400|300|NULL|NULL";
    assert_eq!(text(&table, sql).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_columns() {
    let files = Files::new();
    let path = files.add("capture.binetflow", BINETFLOW);
    let table = connector_argus::open_log(vec![path]).unwrap();
    let sql = r#"SELECT "StartTime", "Dur", "Sport", "TotBytes", "Label" FROM t LIMIT 1"#;
    assert_eq!(text(&table, sql).await, "2018-12-18T14:00:00.075359Z|1.5|1040|2000|flow=Background");
    contract_tests::check_table(&context().state(), table.as_ref()).await;
    let connector = connector_argus::ArgusConnector::default();
    assert!(connector.recognises(BINETFLOW.as_bytes()));
    assert!(!connector.recognises(b"ts,te,td,sa,da,sp,dp,pr\n"));
}
