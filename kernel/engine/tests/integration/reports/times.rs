//! Reports about times: zeros, zones, parts of a second, lengths.

use std::path::Path;

use flow_engine::{ColumnOrigin, Format, SourceKind, SourceSettings, TimeUnit, export};

use super::{file, told, values};
use crate::{engine, query};

/// phaag/nfdump#152: times with and without parts of a second in one file; `tr` had them and `ts` had not. A
/// file's own columns are tested with plain files.
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_second_are_kept_where_they_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let nfdump = "ts,te,td,sa,da,sp,dp,pr,ipkt,ibyt,tr\n\
        2024-01-01 00:00:00,2024-01-01 00:00:01,1.000,10.0.0.1,10.0.0.2,1,2,UDP,1,60,2024-01-01 00:00:02.345\n\
        2024-01-01 00:00:01.250,2024-01-01 00:00:02,0.750,10.0.0.1,10.0.0.2,1,2,UDP,1,60,2024-01-01 00:00:03\n";
    let csv = "start_time,end_time,received_time,src_ip\n\
        2024-01-01 00:00:00,2024-01-01 00:00:01,2024-01-01 00:00:02.345,10.0.0.1\n\
        2024-01-01 00:00:01.250,2024-01-01 00:00:02,2024-01-01 00:00:03,10.0.0.1\n";
    let json = "{\"start_time\":\"2024-01-01 00:00:00\",\"received_time\":\"2024-01-01 00:00:02.345\",\"src_ip\":\"10.0.0.1\"}\n\
        {\"start_time\":\"2024-01-01 00:00:01.250\",\"received_time\":\"2024-01-01 00:00:03\",\"src_ip\":\"10.0.0.1\"}\n";
    let engine = engine();
    let expected = ["2024-01-01T00:00:00Z|2024-01-01T00:00:02.345Z", "2024-01-01T00:00:01.250Z|2024-01-01T00:00:03Z"];
    for (name, text) in [("nfdump.csv", nfdump), ("flows.csv", csv), ("flows.json", json)] {
        let path = file(folder.path(), name, text);
        let sql = format!("SELECT start_time, received_time FROM read_flows('{path}') ORDER BY start_time");
        assert_eq!(values(&query(&engine, &sql).await), expected, "{name}");
        let window = format!("SELECT count(*) FROM read_flows('{path}') WHERE start_time >= '2024-01-01T00:00:01.250'");
        assert_eq!(values(&query(&engine, &window).await), ["1"], "{name}");
        let zoned =
            SourceSettings { kind: SourceKind::Flows, time_zone: Some(chrono_tz::UTC), ..SourceSettings::default() };
        engine.register_source_with("s", &path, &zoned).expect(name);
        let sql = "SELECT start_time, received_time FROM s ORDER BY start_time";
        assert_eq!(values(&query(&engine, sql).await), expected, "{name}");
    }
}

/// Files of every format of text whose flows have no times, as their writers say that: zero, in UTC or by a clock.
fn files_of_zeros(folder: &Path) -> Vec<String> {
    let eve = |time: &str| {
        format!(
            "{{\"timestamp\":\"2024-07-01T12:00:09.000000+0000\",\"event_type\":\"flow\",\"src_ip\":\"10.0.0.1\",\
             \"dest_ip\":\"10.0.0.2\",\"proto\":\"TCP\",\"flow\":{{\"pkts_toserver\":1,\"bytes_toserver\":60,\
             \"start\":\"{time}\",\"end\":\"{time}\"}}}}\n"
        )
    };
    let gcp = "{\"insertId\":\"x\",\"jsonPayload\":{\"connection\":{\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.2\",\
               \"src_port\":1,\"dest_port\":2,\"protocol\":6},\"start_time\":\"1970-01-01T00:00:00Z\",\
               \"end_time\":\"1970-01-01T00:00:00Z\",\"bytes_sent\":\"1\"}}\n";
    let ipfix = |time: &str| {
        format!(
            "{{\"@type\":\"ipfix.entry\",\"iana:flowStartMilliseconds\":{time},\"iana:flowEndMilliseconds\":{time},\
             \"iana:sourceIPv4Address\":\"10.0.0.1\",\"iana:destinationIPv4Address\":\"10.0.0.2\",\
             \"iana:protocolIdentifier\":6,\"iana:octetDeltaCount\":1}}\n"
        )
    };
    let aws = "2 123456789010 eni-1 10.0.0.1 10.0.0.2 1 2 6 20 4249 0 0 ACCEPT OK\n";
    let argus = |time: &str| {
        format!(
            "StartTime,LastTime,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,SrcPkts,DstPkts,SrcBytes,DstBytes,State\n\
             {time},{time},tcp,10.0.0.1,1,->,10.0.0.2,2,4,3,400,300,CON\n"
        )
    };
    let nfdump =
        |time: &str| format!("ts,te,td,sa,da,sp,dp,pr,ipkt,ibyt\n{time},{time},0.000,10.0.0.1,10.0.0.2,1,2,UDP,1,60\n");
    let csv = |time: &str| format!("start_time,end_time,src_ip,dst_ip\n{time},{time},10.0.0.1,10.0.0.2\n");
    let json = |time: &str| {
        format!(
            "{{\"start_time\":\"{time}\",\"end_time\":\"{time}\",\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"10.0.0.2\"}}\n"
        )
    };
    let texts = [
        ("eve.json", eve("1970-01-01T00:00:00.000000+0000")),
        ("eve-zone.json", eve("1969-12-31T19:00:00.000000-0500")),
        ("gcp.json", gcp.to_owned()),
        ("ipfix.json", ipfix("0")),
        ("ipfix-text.json", ipfix("\"1970-01-01T00:00:00.000Z\"")),
        ("aws.log", aws.to_owned()),
        ("argus.csv", argus("0.000000")),
        ("argus-text.csv", argus("1970/01/01 00:00:00.000000")),
        ("nfdump.csv", nfdump("1970-01-01 00:00:00")),
        // By clocks in Prague and New York.
        ("nfdump-east.csv", nfdump("1970-01-01 01:00:00.000")),
        ("nfdump-west.csv", nfdump("1969-12-31 19:00:00.000")),
        ("flows.csv", csv("1970-01-01T00:00:00Z")),
        ("flows-west.csv", csv("1969-12-31 19:00:00.000")),
        ("flows.json", json("1970-01-01T00:00:00.000Z")),
    ];
    texts.into_iter().map(|(name, text)| file(folder, name, &text)).collect()
}

/// phaag/nfdump#14, #83, #264, #397: no flow of 1970 or 1969, whatever holds the flows. Those of nfcapd and IPFIX are
/// tested with their connectors.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_of_zero_is_no_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let mut paths = files_of_zeros(folder.path());
    let zero = "SELECT TIMESTAMPTZ '1970-01-01T00:00:00Z' AS start_time, TIMESTAMPTZ '1970-01-01T00:00:00Z' AS end_time, \
                '10.0.0.1' AS src_ip, '10.0.0.2' AS dst_ip UNION ALL SELECT NULL, NULL, '10.0.0.3', '10.0.0.4'";
    for (format, name) in [(Format::Parquet, "flows.parquet"), (Format::Arrow, "flows.arrow")] {
        let path = folder.path().join(name);
        export::write_to_path(&query(&engine, zero).await, format, &path, false).expect("a file");
        paths.push(path.display().to_string());
    }
    for path in paths {
        let plain = SourceSettings { kind: SourceKind::Flows, ..SourceSettings::default() };
        let zoned = SourceSettings { time_zone: Some(chrono_tz::UTC), ..plain.clone() };
        for settings in [plain, zoned] {
            engine.register_source_with("s", &path, &settings).expect(&path);
            let rows_without = if path.ends_with(".parquet") || path.ends_with(".arrow") { "2" } else { "1" };
            for (sql, expected) in [
                ("SELECT count(*) FROM s WHERE start_time IS NULL AND end_time IS NULL", rows_without),
                ("SELECT count(*) FROM s WHERE start_time IS NULL AND array_has(notes, 'time_missing')", rows_without),
                ("SELECT count(*) FROM s WHERE start_time < '2030-01-01T00:00:00Z'", "0"),
                ("SELECT count(start_time) + count(end_time) FROM s", "0"),
                ("SELECT coalesce(CAST(min(start_time) AS VARCHAR), 'none') FROM s", "none"),
            ] {
                assert_eq!(values(&query(&engine, sql).await), [expected], "{path}: {sql}");
            }
            let (_, notes) = told(&engine, "SELECT src_ip FROM s WHERE start_time >= '2020-01-01T00:00:00Z'").await;
            assert!(notes.contains("without start_time"), "{path}: {notes}");
        }
    }
    // A time soon after the epoch is one.
    let path = file(folder.path(), "early.csv", "start_time,src_ip,dst_ip\n1970-01-01T00:00:07Z,10.0.0.1,10.0.0.2\n");
    assert_eq!(
        values(&query(&engine, &format!("SELECT start_time FROM read_flows('{path}')")).await),
        ["1970-01-01T00:00:07Z"]
    );
    // And a file's own columns are what they are.
    let path = file(folder.path(), "own.csv", "start_time,n\n1970-01-01T00:00:00,1\n");
    assert_eq!(
        values(&query(&engine, &format!("SELECT start_time FROM read_log('{path}')")).await),
        ["1970-01-01T00:00:00"]
    );
}

/// phaag/nfdump#667: a duration that does not follow from start and end.
#[tokio::test(flavor = "multi_thread")]
async fn the_longest_flows_are_so_by_their_start_and_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let text = "start_time,end_time,duration_s,src_ip,dst_ip\n\
        2024-01-01T00:00:00.250Z,2024-01-01T00:00:01.750Z,6600.0,10.0.0.1,10.0.0.9\n\
        2024-01-01T00:00:00.500Z,2024-01-01T00:01:00.500Z,0.1,10.0.0.2,10.0.0.9\n\
        2024-01-01T00:00:00.500Z,,2.5,10.0.0.3,10.0.0.9\n\
        2024-01-01T00:00:10Z,2024-01-01T00:00:10Z,0.75,10.0.0.4,10.0.0.9\n";
    let mut json = String::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let end = if cells[1].is_empty() { "null".into() } else { format!("\"{}\"", cells[1]) };
        json += &format!(
            "{{\"start_time\":\"{}\",\"end_time\":{end},\"duration_s\":{},\"src_ip\":\"{}\",\"dst_ip\":\"10.0.0.9\"}}\n",
            cells[0], cells[2], cells[3]
        );
    }
    for path in [file(folder.path(), "f.csv", text), file(folder.path(), "f.json", &json)] {
        let plain = SourceSettings { kind: SourceKind::Flows, ..SourceSettings::default() };
        let zoned = SourceSettings { time_zone: Some(chrono_tz::UTC), ..plain.clone() };
        for settings in [plain, zoned] {
            engine.register_source_with("s", &path, &settings).expect(&path);
            let longest = "SELECT src_ip, duration_s FROM s ORDER BY duration_s DESC";
            let expected = ["10.0.0.2|60.0", "10.0.0.3|2.5", "10.0.0.1|1.5", "10.0.0.4|0.75"];
            assert_eq!(values(&query(&engine, longest).await), expected, "{path}");
            let ends = "SELECT end_time FROM s WHERE src_ip = '10.0.0.3'";
            assert_eq!(values(&query(&engine, ends).await), ["2024-01-01T00:00:03Z"], "{path}");
        }
    }
}

/// pmacct#152, cowrie#133: local times without a zone, or with a wrong one; in the hour that comes twice the row says so.
#[tokio::test(flavor = "multi_thread")]
async fn local_times_are_read_in_their_zone_and_the_hour_that_comes_twice_is_marked() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    // The clock of Prague showed this at 00:30 and at 01:30 UTC.
    let twice = "2024-10-27 02:30:00.500";
    let eve = format!(
        "{{\"timestamp\":\"2024-10-27T04:00:00.000000+0000\",\"event_type\":\"flow\",\"src_ip\":\"10.0.0.1\",\
         \"dest_ip\":\"10.0.0.2\",\"proto\":\"TCP\",\"flow\":{{\"start\":\"{twice}000+0000\",\"end\":\"{twice}000+0000\"}}}}\n"
    );
    let gcp = format!(
        "{{\"insertId\":\"x\",\"jsonPayload\":{{\"connection\":{{\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.2\",\
         \"src_port\":1,\"dest_port\":2,\"protocol\":6}},\"start_time\":\"{twice}Z\",\"end_time\":\"{twice}Z\"}}}}\n"
    );
    let ipfix = format!(
        "{{\"@type\":\"ipfix.entry\",\"iana:flowStartMilliseconds\":\"{twice}Z\",\"iana:flowEndMilliseconds\":\"{twice}Z\",\
         \"iana:sourceIPv4Address\":\"10.0.0.1\",\"iana:destinationIPv4Address\":\"10.0.0.2\"}}\n"
    );
    let argus = format!(
        "StartTime,LastTime,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State\n{twice},{twice},tcp,10.0.0.1,1,->,10.0.0.2,2,CON\n"
    );
    let nfdump = format!("ts,te,td,sa,da,sp,dp,pr,ipkt,ibyt\n{twice},{twice},0.000,10.0.0.1,10.0.0.2,1,2,UDP,1,60\n");
    let nfdump_json = format!(
        "[\n{{\n\t\"type\" : \"FLOW\",\n\t\"first\" : \"{}\",\n\t\"last\" : \"{}\",\n\t\"in_packets\" : 1,\n\t\"in_bytes\" : 60,\n\t\
         \"proto\" : 17,\n\t\"src4_addr\" : \"10.0.0.1\",\n\t\"dst4_addr\" : \"10.0.0.2\"\n}}\n]\n",
        twice.replace(' ', "T"),
        twice.replace(' ', "T")
    );
    let csv = format!("start_time,end_time,src_ip,dst_ip\n{twice},{twice},10.0.0.1,10.0.0.2\n");
    let json = format!("{{\"start_time\":\"{twice}Z\",\"end_time\":\"{twice}Z\",\"src_ip\":\"10.0.0.1\"}}\n");
    for (name, text) in [
        ("eve.json", eve),
        ("gcp.json", gcp),
        ("ipfix.json", ipfix),
        ("argus.csv", argus),
        ("nfdump.csv", nfdump),
        ("nfdump.json", nfdump_json),
        ("flows.csv", csv),
        ("flows.json", json),
    ] {
        let path = file(folder.path(), name, &text);
        for shift in ["", "later "] {
            let path = match shift {
                "" => path.clone(),
                // Half an hour later no clock shows it twice.
                _ => file(folder.path(), &format!("later-{name}"), &text.replace("02:30:00.500", "03:00:00.500")),
            };
            let settings = SourceSettings {
                kind: SourceKind::Flows,
                time_zone: Some(chrono_tz::Europe::Prague),
                ignore_zone: true,
                ..SourceSettings::default()
            };
            engine.register_source_with("s", &path, &settings).expect(&path);
            let sql =
                "SELECT start_time, end_time, coalesce(array_has(notes, 'time_ambiguous'), false) AS twice FROM s";
            let expected = match shift {
                "" => "2024-10-27T00:30:00.500Z|2024-10-27T00:30:00.500Z|true",
                _ => "2024-10-27T02:00:00.500Z|2024-10-27T02:00:00.500Z|false",
            };
            assert_eq!(values(&query(&engine, sql).await), [expected], "{path}");
        }
    }
}

/// OISF/suricata PR 1436, 1439, 1440: an offset without a colon.
#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_read_with_a_colon_and_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    for offset in ["+0300", "+03:00", "-0130", "-01:30", "Z", "+0000"] {
        let written = match offset {
            "Z" | "+0000" => "2021-06-06T12:00:00.5",
            "-0130" | "-01:30" => "2021-06-06T10:30:00.5",
            _ => "2021-06-06T15:00:00.5",
        };
        let time = format!("{written}{offset}");
        let csv = file(folder.path(), "f.csv", &format!("start_time,src_ip,dst_ip\n{time},10.0.0.1,10.0.0.2\n"));
        let json = format!("{{\"start_time\":\"{time}\",\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"10.0.0.2\"}}\n");
        let json = file(folder.path(), "f.json", &json);
        let ipfix = format!(
            "{{\"@type\":\"ipfix.entry\",\"iana:flowStartMilliseconds\":\"{time}\",\"iana:sourceIPv4Address\":\"10.0.0.1\",\
             \"iana:destinationIPv4Address\":\"10.0.0.2\"}}\n"
        );
        let ipfix = file(folder.path(), "ipfix.json", &ipfix);
        let zeek = file(
            folder.path(),
            "conn.log",
            &format!(
                "{{\"ts\":\"{time}\",\"uid\":\"C1\",\"id.orig_h\":\"10.0.0.1\",\"id.resp_h\":\"10.0.0.2\",\"id.orig_p\":1,\"id.resp_p\":2,\"proto\":\"tcp\",\"orig_pkts\":1}}\n"
            ),
        );
        for path in [csv, json, ipfix, zeek] {
            let plain = SourceSettings { kind: SourceKind::Flows, ..SourceSettings::default() };
            let zoned = SourceSettings { time_zone: Some(chrono_tz::Europe::Prague), ..plain.clone() };
            for settings in [plain, zoned] {
                engine.register_source_with("s", &path, &settings).expect(&path);
                for sql in [
                    "SELECT start_time FROM s".to_owned(),
                    format!("SELECT start_time FROM s WHERE start_time = '{time}'"),
                    format!("SELECT start_time FROM s WHERE start_time = TIMESTAMPTZ '{time}'"),
                    format!("SELECT start_time FROM s WHERE start_time = to_timestamp('{time}')"),
                ] {
                    assert_eq!(values(&query(&engine, &sql).await), ["2021-06-06T12:00:00.500Z"], "{path} {sql}");
                }
            }
        }
    }
}

/// Numbers with a unit count from the epoch as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_zero_is_no_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let path = file(folder.path(), "f.csv", "t,src_ip,dst_ip\n0,10.0.0.1,10.0.0.2\n1704067200,10.0.0.1,10.0.0.3\n");
    let origin = ColumnOrigin::Column { name: "t".into(), unit: Some(TimeUnit::Seconds) };
    let settings = SourceSettings { columns: [("start_time".into(), origin)].into(), ..SourceSettings::default() };
    engine.register_source_with("s", &path, &settings).expect("flows");
    let found = query(&engine, "SELECT start_time, dst_ip, notes FROM s ORDER BY dst_ip").await;
    assert_eq!(values(&found), ["NULL|10.0.0.2|[time_missing]", "2024-01-01T00:00:00Z|10.0.0.3|NULL"]);
}

/// What is said of flows is still said when they were written and read again.
#[tokio::test(flavor = "multi_thread")]
async fn notes_survive_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let flows = "SELECT TIMESTAMPTZ '2024-01-01T00:00:00Z' AS start_time, '10.0.0.1' AS src_ip, \
                 make_array('bytes_l2', 'scaled_by_sampling') AS notes UNION ALL SELECT NULL, '10.0.0.2', \
                 make_array('bytes_l2') UNION ALL SELECT TIMESTAMPTZ '2024-01-01T00:00:00Z', '10.0.0.3', NULL";
    for (format, name) in [(Format::Csv, "f.csv"), (Format::Json, "f.json"), (Format::Parquet, "f.parquet")] {
        let path = folder.path().join(name);
        export::write_to_path(&query(&engine, flows).await, format, &path, false).expect("a file");
        let sql = format!("SELECT notes FROM read_flows('{}') ORDER BY src_ip", path.display());
        let (found, told) = told(&engine, &sql).await;
        // Parquet has the column, and it is taken as it is.
        let second = if format == Format::Parquet { "[bytes_l2]" } else { "[bytes_l2, time_missing]" };
        assert_eq!(found, ["[bytes_l2, scaled_by_sampling]", second, "NULL"], "{name}: {told}");
    }
}
