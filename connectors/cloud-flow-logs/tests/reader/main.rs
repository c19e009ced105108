//! Flow logs of clouds through SQL: records as the clouds' documentation shows them.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panicking and say why they skip")]

use connector_cloud_flow_logs::{AwsConnector, AzureConnector, GcpConnector, TrafficAnalyticsConnector};
use connector_test_support::{Files, context, text};
use file_source::quality;
use flow_source::{Connector, Place, contract_tests};

const AWS_DEFAULT: &str = "\
2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK
2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK
2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA
2 123456789010 eni-11111111aaaaaaaaa - - - - - - - 1431280876 1431280934 - SKIPDATA
2 123456789010 eni-1235b8ca123456789 203.0.113.12 172.31.16.139 0 0 1 4 336 1432917027 1432917142 ACCEPT OK
";
const AWS_V5: &str = "\
version vpc-id interface-id srcaddr dstaddr srcport dstport protocol tcp-flags type packets bytes start end action log-status pkt-dst-aws-service flow-direction
5 vpc-abcdefab012345678 eni-07e5c76be002720f1 52.213.180.42 10.0.0.62 43416 5001 6 3 IPv4 9 568 1566848875 1566848933 ACCEPT OK - ingress
5 vpc-abcdefab012345678 eni-07e5c76be002720f1 10.0.0.62 52.213.180.42 5001 43416 6 19 IPv4 8 604 1566848875 1566848933 ACCEPT OK S3 egress
";
const NSG: &str = r#"{"records":[{"time":"2018-11-13T12:00:35.3899262Z","systemId":"a0fca5ce","macAddress":"000D3A36C783","category":"NetworkSecurityGroupFlowEvent","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/MYNSG","operationName":"NetworkSecurityGroupFlowEvents","properties":{"Version":2,"flows":[{"rule":"DefaultRule_DenyAllInBound","flows":[{"mac":"000D3AF87856","flowTuples":["1542110402,94.102.49.190,10.5.16.4,28746,443,U,I,D,B,,,,"]}]},{"rule":"UserRule_Allow","flows":[{"mac":"000D3AF87856","flowTuples":["1542110377,10.5.16.4,13.67.143.118,59831,443,T,O,A,B,,,,","1542110379,10.5.16.4,13.67.143.118,59932,443,T,O,A,E,1,66,1,70"]}]}]}},
{"time":"2017-04-06T18:57:03Z","macAddress":"000D3A36C783","category":"NetworkSecurityGroupFlowEvent","resourceId":"/X/OTHER","properties":{"Version":1,"flows":[{"rule":"R","flows":[{"mac":"000D3A36C783","flowTuples":["1491143966,10.2.0.4,23.99.34.232,37560,443,T,O,A"]}]}]}}]}"#;
const VNET: &str = r#"{"records":[{"time":"2022-09-14T09:00:52.5625085Z","flowLogVersion":4,"flowLogGUID":"a","macAddress":"112233445566","category":"FlowLogFlowEvent","flowLogResourceID":"/S/FLOWLOGS/F","targetResourceID":"/S/VIRTUALNETWORKS/VNET01","operationName":"FlowLogFlowEvent","flowRecords":{"flows":[{"aclID":"1","flowGroups":[{"rule":"DefaultRule_AllowInternetOutBound","flowTuples":["1663146003599,10.0.0.6,192.0.2.180,23956,443,6,O,B,NX,0,0,0,0","1663146003606,10.0.0.6,192.0.2.180,23956,443,6,O,E,NX,3,767,2,1580","1663146003637,203.0.113.17,10.0.0.6,22730,7,6,I,D,NX,0,0,0,0"]}]}]}}]}"#;
const GCP: &str = r#"{"insertId":"1fmq4","jsonPayload":{"bytes_sent":"756","connection":{"dest_ip":"10.128.0.7","dest_port":443,"protocol":6,"src_ip":"10.138.0.44","src_port":33548},"dest_instance":{"vm_name":"db"},"end_time":"2024-01-15T20:40:04.123456789Z","packets_sent":"6","reporter":"SRC","rtt_msec":"12","src_instance":{"vm_name":"web","zone":"us-west1-b"},"start_time":"2024-01-15T20:40:00.000000001Z"},"logName":"projects/p/logs/compute.googleapis.com%2Fvpc_flows","receiveTimestamp":"2024-01-15T20:40:10Z","resource":{"labels":{"project_id":"p"},"type":"gce_subnetwork"},"timestamp":"2024-01-15T20:40:09Z"}"#;

/// As a program exports the table of virtual networks; columns that we do not look at are among them.
const NTA: &str = "\
TimeGenerated,SubType,FASchemaVersion,FlowStartTime,FlowEndTime,TimeProcessed,FlowType,SrcIp,DestIp,DestPort,L4Protocol,L7Protocol,FlowDirection,FlowStatus,MacAddress,TargetResourceId,SrcPublicIps,DestPublicIps,AllowedInFlows,DeniedInFlows,AllowedOutFlows,DeniedOutFlows,PacketsSrcToDest,PacketsDestToSrc,BytesSrcToDest,BytesDestToSrc
2024-02-05T10:12:00Z,FlowLog,3,2024-02-05T09:31:04.25Z,2024-02-05T09:58:00Z,2024-02-05T10:10:00Z,IntraVNet,10.1.0.4,10.1.0.9,1433,T,ms-sql-s,Outbound,Allowed,00-0D-3A-36-C7-83,lab/vnet-lab,,,0,0,12,0,340,310,52000,48000
2024-02-05T10:12:00Z,FlowLog,3,2024-02-05T09:40:00Z,2024-02-05T09:41:00Z,,ExternalPublic,10.1.0.4,,443,T,https,O,A,000D3A36C783,lab/vnet-lab,,198.51.100.7|3|2|30|28|4000|9000 203.0.113.5|1|1|5|4|600|700,0,0,4,0,35,32,4600,9700
2024-02-05T10:12:00Z,FlowLog,3,2024-02-05T09:42:00Z,,,MaliciousFlow,,10.1.0.4,22,T,ssh,I,D,000D3A36C783,lab/vnet-lab,192.0.2.77|9|0|||| ,,0,9,0,0,,,,
2024-02-05T10:12:00Z,Topology,3,,,,,,,,,,,,,,,,,,,,,,,
2024-02-05T10:12:00Z,FlowLog,3,2024-02-05T09:42:00Z,,,Unknown,,,22,T,ssh,I,D,,,,,,,,,,,,
";
/// As the portal exports the table of NSGs: the first two of the schema with addresses of either side, then one of the
/// first version of it.
const ANALYTICS: &str = "\
\"TimeGenerated [UTC]\",SubType_s,\"FlowStartTime_t [UTC]\",\"FlowEndTime_t [UTC]\",FlowType_s,SrcIP_s,DestIP_s,VMIP_s,DestPort_d,L4Protocol_s,FlowDirection_s,FlowStatus_s,NSGList_s,MACAddress_s,PublicIPs_s,InboundPackets_d,OutboundPackets_d,InboundBytes_d,OutboundBytes_d,AllowedOutFlows_d
\"2/5/2024, 10:00:00.000 PM\",FlowLog,\"2/5/2024, 9:31:04.250 PM\",\"2/5/2024, 9:58:00.000 PM\",InterVNet,10.1.0.4,10.2.0.9,,53.0,U,O,A,a1/lab/nsg-lab,000D3A36C783,,4,4,480.0,260.0,2
\"2/5/2024, 10:00:00.000 PM\",FlowLog,\"2/5/2024, 9:31:04.250 PM\",\"2/5/2024, 9:58:00.000 PM\",AzurePublic,,,10.1.0.4,443,T,O,A,a1/lab/nsg-lab,000D3A36C783,203.0.113.5|1|1|5|4|600|700,4,5,700,600,1
\"2/5/2024, 10:00:00.000 PM\",FlowLog,\"2/5/2024, 9:31:04.250 PM\",,ExternalPublic,,,10.1.0.4,443,T,I,A,a1/lab/nsg-lab,000D3A36C783,198.51.100.7|2||||||,,,,,
\"2/5/2024, 10:00:00.000 PM\",FlowLog,\"2/5/2024, 9:31:04.250 PM\",,InterVNet,10.1.0.4,10.2.0.9,,70000,U,O,A,,,,,,,,
";
/// As a notebook wrote the first version, with a row for each public address, behind the numbers of its rows.
const EXPANDED: &str = "\
,FlowStartTime,FlowEndTime,FlowType,VMIPAddress,PublicIPs,SrcIP,DestIP,L4Protocol,DestPort,FlowDirection,AllowedOutFlows,AllowedInFlows,AllExtIPs
7,2024-02-05 21:31:04.250,2024-02-05 21:58:00.000,AzurePublic,10.1.0.4,\"['203.0.113.5', '203.0.113.6']\",,,T,443.0,O,18.0,0.0,203.0.113.6
8,2024-02-05 21:31:04.250,2024-02-05 21:58:00.000,ExternalPublic,10.1.0.4,['198.51.100.7'],,,T,22.0,I,0.0,2.0,198.51.100.7
9,2024-02-05 21:31:04.250,2024-02-05 21:58:00.000,IntraVNet,,,10.1.0.9,10.1.0.4,T,22.0,I,0.0,1.0,10.1.0.9
";

async fn flows(connector: &dyn Connector, content: &str, columns: &str) -> String {
    let files = Files::new();
    let path = files.add("log", content);
    assert!(connector.recognises(content.as_bytes()));
    let table = connector.open_flows(vec![path.clone()]).unwrap();
    contract_tests::check_table(&context().state(), table.as_ref()).await;
    let log = connector.open_log(vec![path]).unwrap();
    contract_tests::check_table(&context().state(), log.as_ref()).await;
    text(&table, &format!("SELECT {columns} FROM t")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_default_format() {
    let columns =
        "start_time, end_time, src_ip, src_port, dst_port, protocol, packets, bytes, conn_state, sensor, icmp_type";
    let expected = "\
2014-12-14T04:06:50Z|2014-12-14T04:07:50Z|172.31.16.139|20641|22|6|20|4249|NULL|eni-1235b8ca123456789|NULL
2014-12-14T04:06:50Z|2014-12-14T04:07:50Z|172.31.9.69|49761|3389|6|20|4249|REJ|eni-1235b8ca123456789|NULL
2015-05-29T16:30:27Z|2015-05-29T16:32:22Z|203.0.113.12|NULL|NULL|1|4|336|NULL|eni-1235b8ca123456789|NULL";
    assert_eq!(flows(&AwsConnector::default(), AWS_DEFAULT, columns).await, expected);
    let files = Files::new();
    let table = AwsConnector::default().open_flows(vec![files.add("log", AWS_DEFAULT)]).unwrap();
    text(&table, "SELECT * FROM t").await;
    let rejections = quality(table.as_ref()).unwrap().rejections();
    assert!(rejections.len() == 1 && rejections[0].place == Place::Line(4), "{rejections:?}");
    assert!(rejections[0].reason.contains("SKIPDATA"), "{rejections:?}");
    let log = AwsConnector::default().open_log(vec![files.add("log", AWS_DEFAULT)]).unwrap();
    assert_eq!(text(&log, r#"SELECT count(*), sum(bytes), max("log-status") FROM t"#).await, "5|8834|SKIPDATA");
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_custom_format_and_cloudwatch() {
    let columns = "src_ip, dst_port, tcp_flags, packets, direction, app_protocol, observation_domain, received_time";
    let expected = "52.213.180.42|5001|3|9|in|NULL|NULL|NULL\n10.0.0.62|43416|19|8|out|S3|NULL|NULL";
    assert_eq!(flows(&AwsConnector::default(), AWS_V5, columns).await, expected);
    let exported: String =
        AWS_DEFAULT.lines().take(2).map(|line| format!("2014-12-14T04:08:00.000Z {line}\n")).collect();
    let expected = "172.31.16.139|22|NULL|20|NULL|NULL|123456789010|2014-12-14T04:08:00Z\n\
        172.31.9.69|3389|NULL|20|NULL|NULL|123456789010|2014-12-14T04:08:00Z";
    assert_eq!(flows(&AwsConnector::default(), &exported, columns).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_nsg_and_vnet() {
    let columns = "start_time, src_ip, dst_port, protocol, packets, bytes, rev_bytes, direction, conn_state, src_mac, dst_mac, sensor, notes";
    let expected = "\
2018-11-13T12:00:02Z|94.102.49.190|443|17|NULL|NULL|NULL|in|REJ|NULL|00:0d:3a:f8:78:56|MYNSG|NULL
2018-11-13T11:59:37Z|10.5.16.4|443|6|NULL|NULL|NULL|out|NULL|00:0d:3a:f8:78:56|NULL|MYNSG|NULL
2018-11-13T11:59:39Z|10.5.16.4|443|6|1|66|70|out|NULL|00:0d:3a:f8:78:56|NULL|MYNSG|[start_is_log_time]
2017-04-02T14:39:26Z|10.2.0.4|443|6|NULL|NULL|NULL|out|NULL|00:0d:3a:36:c7:83|NULL|OTHER|NULL";
    assert_eq!(flows(&AzureConnector::default(), NSG, columns).await, expected);
    let expected = "\
2022-09-14T09:00:03.599Z|10.0.0.6|443|6|0|0|0|out|NULL|11:22:33:44:55:66|NULL|VNET01|NULL
2022-09-14T09:00:03.606Z|10.0.0.6|443|6|3|767|1580|out|NULL|11:22:33:44:55:66|NULL|VNET01|[start_is_log_time]
2022-09-14T09:00:03.637Z|203.0.113.17|7|6|0|0|0|in|REJ|NULL|11:22:33:44:55:66|VNET01|NULL";
    assert_eq!(flows(&AzureConnector::default(), VNET, columns).await, expected);
    let bad = NSG.replace("1542110377,10.5.16.4", "yesterday,10.5.16.4");
    let files = Files::new();
    let table = AzureConnector::default().open_flows(vec![files.add("PT1H.json", bad)]).unwrap();
    assert_eq!(text(&table, "SELECT count(*) FROM t").await, "1");
    let rejections = quality(table.as_ref()).unwrap().rejections();
    assert!(rejections[0].reason.contains("the flow `yesterday,10.5.16.4"), "{rejections:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn google_lines_and_lists() {
    let columns = "start_time, end_time, src_ip, src_port, dst_ip, dst_port, protocol, packets, bytes, direction, sensor, \
        observation_domain, uid, notes";
    let row = "2024-01-15T20:40:00.000000001Z|2024-01-15T20:40:04.123456789Z|10.138.0.44|33548|10.128.0.7|443|6|6|756|out|web|p|1fmq4|[scaled_by_sampling]";
    let twice = format!("{row}\n{row}");
    assert_eq!(flows(&GcpConnector::default(), &format!("{GCP}\n{GCP}\n"), columns).await, twice);
    assert_eq!(flows(&GcpConnector::default(), &format!("[\n{GCP},\n{GCP}\n]"), columns).await, twice);
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_traffic_analytics_of_virtual_networks() {
    let columns = "start_time, end_time, src_ip, src_port, dst_ip, dst_port, protocol, packets, bytes, rev_packets, rev_bytes, \
        flow_count, direction, conn_state, src_mac, sensor, notes";
    let expected = "\
2024-02-05T09:31:04.250Z|2024-02-05T09:58:00Z|10.1.0.4|NULL|10.1.0.9|1433|6|340|52000|310|48000|12|out|NULL|00:0d:3a:36:c7:83|vnet-lab|[end_is_last_start]
2024-02-05T09:40:00Z|2024-02-05T09:41:00Z|10.1.0.4|NULL|198.51.100.7|443|6|30|4000|28|9000|3|out|NULL|00:0d:3a:36:c7:83|vnet-lab|[end_is_last_start]
2024-02-05T09:40:00Z|2024-02-05T09:41:00Z|10.1.0.4|NULL|203.0.113.5|443|6|5|600|4|700|1|out|NULL|00:0d:3a:36:c7:83|vnet-lab|[end_is_last_start]
2024-02-05T09:42:00Z|NULL|192.0.2.77|NULL|10.1.0.4|22|6|NULL|NULL|NULL|NULL|9|in|REJ|NULL|vnet-lab|NULL";
    assert_eq!(flows(&TrafficAnalyticsConnector::default(), NTA, columns).await, expected);
    let files = Files::new();
    let table = TrafficAnalyticsConnector::default().open_flows(vec![files.add("export.csv", NTA)]).unwrap();
    assert_eq!(text(&table, "SELECT count(*), count(received_time), sum(bytes) FROM t").await, "4|1|56600");
    let rejections = quality(table.as_ref()).unwrap().rejections();
    assert!(rejections.len() == 1 && rejections[0].place == Place::Line(6), "{rejections:?}");
    assert!(rejections[0].reason.contains("neither end of the flow has an address"), "{rejections:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_traffic_analytics_of_nsgs_as_the_portal_exports_it() {
    let columns = "start_time, src_ip, dst_ip, dst_port, protocol, packets, bytes, rev_packets, rev_bytes, flow_count, direction, sensor";
    let expected = "\
2024-02-05T21:31:04.250Z|10.1.0.4|10.2.0.9|53|17|4|260|4|480|2|out|nsg-lab
2024-02-05T21:31:04.250Z|10.1.0.4|203.0.113.5|443|6|5|600|4|700|1|out|nsg-lab
2024-02-05T21:31:04.250Z|198.51.100.7|10.1.0.4|443|6|NULL|NULL|NULL|NULL|2|in|nsg-lab";
    assert_eq!(flows(&TrafficAnalyticsConnector::default(), ANALYTICS, columns).await, expected);
    let files = Files::new();
    let table = TrafficAnalyticsConnector::default().open_flows(vec![files.add("export.csv", ANALYTICS)]).unwrap();
    text(&table, "SELECT * FROM t").await;
    let rejections = quality(table.as_ref()).unwrap().rejections();
    assert!(rejections.len() == 1 && rejections[0].reason.contains("`DestPort_d` is `70000`"), "{rejections:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_traffic_analytics_with_a_row_for_each_public_address() {
    let expected = "\
10.1.0.4|203.0.113.6|443|18|out
198.51.100.7|10.1.0.4|22|2|in
10.1.0.9|10.1.0.4|22|1|in";
    let columns = "src_ip, dst_ip, dst_port, flow_count, direction";
    assert_eq!(flows(&TrafficAnalyticsConnector::default(), EXPANDED, columns).await, expected);
}

#[test]
fn other_logs_are_not_ours() {
    let connectors: [&dyn Connector; 4] = [
        &AwsConnector::default(),
        &AzureConnector::default(),
        &GcpConnector::default(),
        &TrafficAnalyticsConnector::default(),
    ];
    for text in [
        "FlowStartTime,SrcIp,Bytes\n",
        "SubType_s,IP,FlowStartTime_t\n",
        "2 3 4\n",
        "{\"a\": 1}\n",
        "a,b\n1,2\n",
        "",
        "2 files were copied to srcaddr",
    ] {
        assert!(connectors.iter().all(|connector| !connector.recognises(text.as_bytes())), "{text}");
    }
}
