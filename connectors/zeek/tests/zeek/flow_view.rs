//! The common flow schema from conn logs, values worked out by hand.

use crate::fixtures::{CONN_HEADER, Logs, flows, sample, text};

#[tokio::test(flavor = "multi_thread")]
async fn first_row_of_the_sample() {
    let Some(path) = sample("conn.log") else { return };
    let table = flows(path.clone());
    assert_eq!(table.schema(), flow_source::flow_schema());
    let sql = "SELECT start_time, end_time, duration_s, src_ip, dst_ip, src_port, dst_port, protocol, protocol_name, \
        ip_version, packets, bytes, rev_packets, rev_bytes, payload_bytes, rev_payload_bytes FROM t LIMIT 1";
    assert_eq!(
        text(&table, sql).await,
        "2013-09-15T23:44:27.706265Z|2013-09-15T23:44:28.153725Z|0.44746|192.168.33.10|54.245.228.191|1032|80|6|tcp|\
         4|22|1489|31|39641|601|38393"
    );
    // History ShADadR: SYN, ACK, data and RST of the originator; SYN+ACK, ACK and data of the responder.
    let sql = "SELECT tcp_flags, rev_tcp_flags, icmp_type, flow_count, sampling_rate, direction, app_protocol, \
        conn_state, uid, source, notes FROM t LIMIT 1";
    assert_eq!(
        text(&table, sql).await,
        format!("{}|{}|NULL|1|NULL|NULL|http|RSTO|CoyZrY2g74UvMMgp4a|zeek|NULL", 0x02 | 0x10 | 0x04, 0x12)
    );
    assert_eq!(text(&table, "SELECT source_row FROM t LIMIT 1").await, format!("{}:9", path.display()));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_gives_the_same_columns() {
    let Some(path) = sample("json/conn.log") else { return };
    let sql = "SELECT start_time, end_time, src_ip, src_port, dst_port, protocol, bytes, rev_bytes, app_protocol, \
        tcp_flags, rev_tcp_flags FROM t LIMIT 1";
    // History ShADdFar: S A D F of the originator, h d a r of the responder.
    assert_eq!(
        text(&flows(path), sql).await,
        "2019-12-03T22:44:56.052279Z|2019-12-03T22:44:56.053509955Z|10.18.20.97|49187|88|6|414|455|krb_tcp|19|22"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn protocols_directions_and_notes() {
    let rows = [
        // ICMP echo: type 8, code 0 in the port columns.
        "1.5\tC1\t10.0.0.1\t8\t10.0.0.2\t0\ticmp\t-\t-\t-\tT\tF\t-\t1\t84\t-",
        "2.5\tC2\tFE80:0:0::1%eth0\t135\tff02::1\t0\ticmp\t-\t-\t-\tT\tT\t-\t1\t72\t-",
        "3.5\tC3\t::ffff:192.0.2.1\t53\t10.0.0.2\t53\tudp\tdns\t0.25\t-\tF\tT\t^dD\t1\t60\t-",
        "0.0\tC4\tnonsense\t0\t10.0.0.2\t0\tunknown_transport\t-\t-\t-\tF\tF\t-\t1\t60\t-",
    ];
    let logs = Logs::new();
    let table = flows(logs.add("conn.log", CONN_HEADER.to_owned() + &rows.join("\n")));
    let sql = "SELECT src_ip, ip_version, protocol, protocol_name, src_port, icmp_type, icmp_code, tcp_flags, \
        direction, notes FROM t ORDER BY uid";
    assert_eq!(
        text(&table, sql).await,
        "10.0.0.1|4|1|icmp|NULL|8|0|NULL|out|NULL\n\
         fe80::1|6|58|ipv6-icmp|NULL|135|0|NULL|internal|NULL\n\
         192.0.2.1|4|17|udp|53|NULL|NULL|NULL|in|[src_dst_swapped]\n\
         NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|external|[time_missing, address_unreadable]"
    );
    assert_eq!(
        text(&table, "SELECT start_time, end_time FROM t WHERE uid IN ('C3', 'C4') ORDER BY uid").await,
        "1970-01-01T00:00:03.500Z|1970-01-01T00:00:03.750Z\nNULL|NULL"
    );
    // One packet has no duration, and ends when it begins: a time window must find it.
    assert_eq!(
        text(&table, "SELECT start_time, end_time, duration_s FROM t WHERE uid = 'C1'").await,
        "1970-01-01T00:00:01.500Z|1970-01-01T00:00:01.500Z|NULL"
    );
}

#[test]
fn another_log_is_named() {
    let Some(path) = sample("dns.log") else { return };
    let error = connector_zeek::open_flows(vec![path]).unwrap_err();
    assert!(error.to_string().contains("found the Zeek log `dns`, expected the Zeek log `conn`"), "{error}");
    assert!(error.hint().unwrap().contains("read_log"));
    let path = sample("json/http.log").unwrap();
    assert!(connector_zeek::open_flows(vec![path]).is_err());
}
