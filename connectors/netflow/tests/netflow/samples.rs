//! Every file of the shared samples: how many flows and records it has, alone or with the file of its templates.

use std::collections::BTreeSet;
use std::sync::Arc;

use flow_source::contract_tests;

use crate::fixtures::{context, report, samples, text};

/// Files that are opened together; flows, records of any kind, and what is rejected.
type Case = (&'static [&'static str], usize, usize, u64);

/// The counts are those of the sets' lengths divided by their templates', done by hand, and of `oracle`.
#[rustfmt::skip]
const CASES: &[Case] = &[
    (&["../ipfix/example_flows.ipfix"], 3979, 3979, 0),
    (&["ipfix.dat"], 12, 13, 0),
    (&["ipfix_test_barracuda_tpl.dat", "ipfix_test_barracuda_data256.dat"], 8, 8, 0),
    (&["ipfix_test_barracuda_extended_uniflow_tpl256.dat", "ipfix_test_barracuda_extended_uniflow_data256.dat"], 2, 2, 0),
    (&["ipfix_test_ixia_tpldata256.dat"], 1, 1, 0),
    (&["ipfix_test_ixia_tpldata271.dat"], 2, 2, 0),
    (&["ipfix_test_juniper_mx240_junos151r6s3_opttpl512.dat", "ipfix_test_juniper_mx240_junos151r6s3_data512.dat"], 0, 1, 0),
    (&["ipfix_test_mikrotik_tpl.dat", "ipfix_test_mikrotik_data258.dat", "ipfix_test_mikrotik_data259.dat"], 46, 46, 0),
    // Template 280 was never sent.
    (&["ipfix_test_netscaler_tpl.dat", "ipfix_test_netscaler_data.dat"], 3, 3, 1),
    (&["ipfix_test_nokia_bras_tpl.dat", "ipfix_test_nokia_bras_data256.dat"], 1, 1, 0),
    (&["ipfix_test_openbsd_pflow_tpl.dat", "ipfix_test_openbsd_pflow_data.dat"], 26, 26, 0),
    (&["ipfix_test_procera_tpl52935.dat", "ipfix_test_procera_data52935.dat"], 8, 8, 0),
    (&["ipfix_test_viptela_tpl257.dat", "ipfix_test_viptela_data257.dat"], 1, 1, 0),
    (&["ipfix_test_vmware_vds_tpl.dat", "ipfix_test_vmware_vds_data264.dat", "ipfix_test_vmware_vds_data266.dat",
        "ipfix_test_vmware_vds_data266_267.dat"], 5, 5, 0),
    (&["ipfix_test_yaf_tpl45841.dat", "ipfix_test_yaf_data45841.dat"], 1, 1, 0),
    (&["ipfix_test_yaf_tpls_option_tpl.dat", "ipfix_test_yaf_data45873.dat", "ipfix_test_yaf_data53248.dat"], 1, 2, 0),
    (&["netflow5.dat"], 30, 30, 0),
    // More records than a packet can have: nothing of such a header can be trusted.
    (&["netflow5_test_invalid01.dat"], 0, 0, 1),
    (&["netflow5_test_invalid02.dat"], 0, 0, 1),
    (&["netflow5_test_juniper_mx80.dat"], 29, 29, 0),
    (&["netflow5_test_microtik.dat"], 30, 30, 0),
    (&["netflow9_cisco_asr1001x_tpl259.dat"], 25, 25, 0),
    (&["netflow9_test_0length_fields_tpl_data.dat"], 10, 10, 0),
    (&["netflow9_test_cisco_1941K9.dat"], 29, 29, 0),
    (&["netflow9_test_cisco_aci_tpl256-258.dat", "netflow9_test_cisco_aci_data256.dat"], 3, 3, 0),
    (&["netflow9_test_cisco_asa_1_tpl.dat", "netflow9_test_cisco_asa_1_data.dat"], 14, 14, 0),
    (&["netflow9_test_cisco_asa_2_tpl_26x.dat", "netflow9_test_cisco_asa_2_tpl_27x.dat",
        "netflow9_test_cisco_asa_2_data.dat"], 19, 19, 0),
    (&["netflow9_test_cisco_asr9k_opttpl256.dat", "netflow9_test_cisco_asr9k_opttpl257.dat",
        "netflow9_test_cisco_asr9k_opttpl334.dat", "netflow9_test_cisco_asr9k_tpl260.dat",
        "netflow9_test_cisco_asr9k_tpl266.dat", "netflow9_test_cisco_asr9k_data256.dat",
        "netflow9_test_cisco_asr9k_data260.dat"], 21, 40, 0),
    (&["netflow9_test_cisco_nbar_tpl262.dat", "netflow9_test_cisco_nbar_opttpl260.dat",
        "netflow9_test_cisco_nbar_data262.dat"], 5, 20, 0),
    (&["netflow9_test_cisco_wlc_8510_tpl_262.dat"], 0, 0, 0),
    // Records of clients and applications, without addresses of a flow.
    (&["netflow9_test_cisco_wlc_tpl.dat", "netflow9_test_cisco_wlc_data261.dat"], 0, 19, 0),
    (&["netflow9_test_field_layer2segmentid_tpl.dat", "netflow9_test_field_layer2segmentid_data.dat"], 1, 1, 0),
    (&["netflow9_test_fortigate_fortios_521_tpl.dat", "netflow9_test_fortigate_fortios_521_data256.dat",
        "netflow9_test_fortigate_fortios_521_data257.dat"], 1, 2, 0),
    (&["netflow9_test_fortigate_fortios_542_appid_tpl258-269.dat",
        "netflow9_test_fortigate_fortios_542_appid_data258_262.dat"], 17, 17, 0),
    (&["netflow9_test_h3c_tpl3281.dat", "netflow9_test_h3c_data3281.dat"], 16, 16, 0),
    // A field of variable length, which v9 does not have by its RFC.
    (&["netflow9_test_h3c_netstream_varstring_tpl3281.dat", "netflow9_test_h3c_netstream_varstring_data3281.dat"], 1, 1, 0),
    (&["netflow9_test_huawei_netstream_tpl.dat", "netflow9_test_huawei_netstream_data.dat"], 1, 1, 0),
    (&["netflow9_test_invalid01.dat"], 2, 3, 0),
    // Template 259 was sent in another packet.
    (&["netflow9_test_iptnetflow_reduced_size_encoding_tpldata260.dat"], 12, 12, 6),
    (&["netflow9_test_juniper_srx_tplopt.dat"], 0, 1, 0),
    (&["netflow9_test_macaddr_tpl.dat", "netflow9_test_macaddr_data.dat"], 29, 30, 0),
    (&["netflow9_test_nprobe_tpl.dat", "netflow9_test_nprobe_data.dat"], 1, 2, 0),
    // Its clock says 1970, and its set ends within a record.
    (&["netflow9_test_nprobe_dpi.dat"], 1, 1, 1),
    (&["netflow9_test_paloalto_81_tpl256-263.dat",
        "netflow9_test_paloalto_81_data257_1flowset_in_large_zerofilled_packet.dat"], 1, 1, 0),
    (&["netflow9_test_paloalto_panos_tpl.dat", "netflow9_test_paloalto_panos_data.dat"], 8, 8, 0),
    (&["netflow9_test_softflowd_tpl_data.dat"], 7, 7, 0),
    (&["netflow9_test_streamcore_tpl_data256.dat"], 2, 2, 0),
    (&["netflow9_test_streamcore_tpl_data260.dat"], 2, 2, 0),
    (&["netflow9_test_ubnt_edgerouter_tpl.dat", "netflow9_test_ubnt_edgerouter_data1024.dat",
        "netflow9_test_ubnt_edgerouter_data1025.dat"], 16, 16, 0),
    (&["netflow9_test_unknown_tpl266_292_data.dat"], 2, 2, 0),
    (&["netflow9_test_valid01.dat"], 7, 7, 0),
];

#[tokio::test(flavor = "multi_thread")]
async fn flows_and_records_of_every_file() {
    let Some(folder) = samples("netflow-packets") else { return };
    for (names, flows, records, rejected) in CASES {
        let paths: Vec<_> = names.iter().map(|name| folder.join(name)).collect();
        let table = connector_netflow::open_flows(paths.clone()).unwrap();
        assert_eq!(text(&table, "SELECT count(*) FROM t").await, flows.to_string(), "flows of {names:?}");
        assert_eq!(report(&table).rows_rejected(), *rejected, "{names:?}: {:?}", report(&table).rejections());
        assert_eq!(report(&table).breakages(), [], "{names:?}");
        let native = connector_netflow::open_log(paths).unwrap();
        assert_eq!(text(&native, "SELECT count(*) FROM t").await, records.to_string(), "records of {names:?}");
    }
}

#[test]
fn no_sample_is_left_out() {
    let Some(folder) = samples("netflow-packets") else { return };
    let listed: BTreeSet<&str> = CASES.iter().flat_map(|(names, ..)| names.iter().copied()).collect();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(listed.contains(name.as_str()), "{name} is in no case");
    }
}

/// File, columns, and the first row of them by place in the file.
const FIRST_ROWS: &[(&[&str], &str, &str)] = &[
    (
        &["netflow5.dat"],
        "start_time, end_time, src_ip, dst_ip, src_port, dst_port, protocol_name, packets, bytes, tcp_flags, src_as",
        "2015-05-02T18:38:04.898328Z|2015-05-02T18:38:07.476328Z|10.0.2.2|10.0.2.15|54435|22|tcp|5|230|16|NULL",
    ),
    (
        &["ipfix_test_yaf_tpl45841.dat", "ipfix_test_yaf_data45841.dat"],
        "start_time, src_ip, dst_port, packets, bytes, rev_packets, rev_bytes, notes",
        "2016-12-25T12:58:35.818Z|172.16.32.201|53|2|132|2|200|[foreign_template]",
    ),
    (
        &["netflow9_test_invalid01.dat"],
        "src_ip, dst_ip, src_port, ip_version, sampling_rate",
        "2001:44b8:1118:7200::10|2001:44b8:4030:cd91:8075:bae:d39d:2621|123|6|100",
    ),
    (
        &["netflow9_test_cisco_asa_1_tpl.dat", "netflow9_test_cisco_asa_1_data.dat"],
        "start_time, end_time, protocol, src_port, icmp_type, icmp_code, bytes",
        "2015-10-09T09:47:47.569Z|NULL|1|NULL|0|0|56",
    ),
    (
        &["netflow9_test_cisco_1941K9.dat"],
        "start_time, received_time, notes",
        "NULL|2017-10-03T17:03:39Z|[time_missing]",
    ),
    (
        &["ipfix_test_openbsd_pflow_tpl.dat", "ipfix_test_openbsd_pflow_data.dat"],
        "duration_s, observation_domain",
        "0.0|42",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn first_rows() {
    let Some(folder) = samples("netflow-packets") else { return };
    for (names, columns, expected) in FIRST_ROWS {
        let paths: Vec<_> = names.iter().map(|name| folder.join(name)).collect();
        let table = connector_netflow::open_flows(paths).unwrap();
        let sql = format!("SELECT {columns} FROM t ORDER BY length(source_row), source_row LIMIT 1");
        assert_eq!(text(&table, &sql).await, *expected, "{names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn native_columns_have_the_registry_s_names() {
    let Some(folder) = samples("netflow-packets") else { return };
    let paths = vec![
        folder.join("netflow9_test_cisco_nbar_tpl262.dat"),
        folder.join("netflow9_test_cisco_nbar_opttpl260.dat"),
        folder.join("netflow9_test_cisco_nbar_data262.dat"),
    ];
    let table = connector_netflow::open_log(paths).unwrap();
    let sql = r#"SELECT version, template_id, "sourceIPv4Address", "octetDeltaCount" FROM t
        WHERE record_kind = 'data' ORDER BY "octetDeltaCount", "sourceIPv4Address" LIMIT 1"#;
    assert_eq!(text(&table, sql).await, "9|262|10.10.172.60|44");
    let sql = r#"SELECT "applicationName" FROM t WHERE record_kind = 'options' ORDER BY 1 LIMIT 1"#;
    assert!(!text(&table, sql).await.contains("NULL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_pass_the_contract() {
    let Some(folder) = samples("netflow-packets") else { return };
    let paths = vec![folder.join("netflow5.dat"), folder.join("netflow9_test_valid01.dat")];
    for table in [connector_netflow::open_flows(paths.clone()), connector_netflow::open_log(paths)] {
        let table = table.unwrap();
        let context = context();
        contract_tests::check_table(&context.state(), table.as_ref()).await;
        contract_tests::check_drop(&context.state(), table.as_ref()).await;
    }
    let copies = crate::fixtures::Files::new();
    let path = copies.add("netflow5.dat", std::fs::read(folder.join("netflow5.dat")).unwrap());
    let table = connector_netflow::open_flows(vec![path.clone()]).unwrap();
    let state = Arc::new(context().state());
    contract_tests::check_lazy(state.as_ref(), table.as_ref(), || std::fs::remove_file(path).unwrap()).await;
}

/// phaag/nfdump#14: a window of time says what it cannot tell.
#[tokio::test(flavor = "multi_thread")]
async fn domain_3_a_window_tells_of_flows_without_times() {
    let Some(folder) = samples("netflow-packets") else { return };
    let table = connector_netflow::open_flows(vec![folder.join("netflow9_test_cisco_1941K9.dat")]).unwrap();
    let told = "29 rows without start_time (received 2017-10-03 17:03:39 UTC); they meet no condition on start_time";
    let of_end = told.replace("start_time", "end_time");
    for (condition, expected) in [
        ("start_time >= timestamptz '2017-01-01T00:00:00Z'", vec![told]),
        // As playbooks choose flows: by overlap. Flows with neither time are told once.
        (
            "start_time <= timestamptz '2018-01-01T00:00:00Z' AND end_time >= timestamptz '2017-01-01T00:00:00Z'",
            vec![told],
        ),
        ("end_time >= timestamptz '2017-01-01T00:00:00Z'", vec![of_end.as_str()]),
        ("bytes > 1000000000", vec![]),
    ] {
        assert_eq!(text(&table, &format!("SELECT count(*) FROM t WHERE {condition}")).await, "0", "{condition}");
        assert_eq!(report(&table).notes(), expected, "{condition}");
    }
}
