//! Templates that come late, change, are withdrawn or are wrong.

use flow_source::Place;

use crate::fixtures::{Files, Flows, SMALL, ipfix, report, set, small_record, template, text, v9};

const SUM: &str = "SELECT count(*), sum(bytes) FROM t";

#[tokio::test]
async fn records_wait_for_their_template() {
    let data = set(256, &[small_record(1, 10), small_record(2, 20)].concat());
    let late = set(2, &template(256, SMALL));
    let table = Kept::flows([ipfix(0, 7, &[data]), ipfix(2, 7, &[late])].concat()).await;
    assert_eq!(table.query(SUM).await, "2|30");
    assert_eq!(table.report().rows_rejected(), 0);
}

#[tokio::test]
async fn another_domain_s_template_is_not_used() {
    let data = set(256, &small_record(1, 10));
    let other = set(2, &template(256, SMALL));
    let table = Kept::flows([ipfix(0, 8, &[other]), ipfix(0, 7, &[data])].concat()).await;
    assert_eq!(table.query(SUM).await, "0|NULL");
    let rejections = table.report().rejections();
    assert!(rejections[0].reason.contains("template 256 of IPFIX domain 7"), "{rejections:?}");
    assert_eq!((table.report().rows_rejected(), rejections[0].place), (1, Place::Byte(36 + 20)), "with its offset");
}

#[tokio::test]
async fn a_withdrawn_template_is_gone() {
    let define = set(2, &template(256, SMALL));
    let withdraw = set(2, &[1, 0, 0, 0]);
    let data = || set(256, &small_record(1, 10));
    let messages = [ipfix(0, 7, &[define, data()]), ipfix(1, 7, &[withdraw, data()])].concat();
    let table = Kept::flows(messages).await;
    // The file's other messages would be decoded with the template from its head, were it still there.
    assert_eq!(table.query(SUM).await, "1|10");
    assert_eq!(table.report().rows_rejected(), 1);
}

#[tokio::test]
async fn a_template_may_change() {
    let first = [set(2, &template(256, SMALL)), set(256, &small_record(1, 10))];
    let second = [
        set(2, &template(256, &[(1, 8), (8, 4), (12, 4)])),
        set(256, &[&20_u64.to_be_bytes()[..], &small_record(1, 0)[..8]].concat()),
    ];
    let table = Kept::flows([ipfix(0, 7, &first), ipfix(1, 7, &second)].concat()).await;
    assert_eq!(table.query(SUM).await, "2|30");
}

#[tokio::test]
async fn sets_that_break_off_keep_their_good_rows() {
    let mut cut = set(256, &[small_record(1, 10), small_record(2, 20)].concat());
    cut.truncate(4 + 12 + 5);
    let table = Kept::flows(v9(0, 7, &[set(0, &template(256, SMALL)), cut])).await;
    assert_eq!(table.query(SUM).await, "1|10");
    let reasons: Vec<String> = table.report().rejections().into_iter().map(|rejection| rejection.reason).collect();
    assert!(reasons[0].contains("set 256 breaks off: 28 bytes by its header, 21 are there"), "{reasons:?}");
    assert!(reasons[1].contains("a record of template 256 breaks off: 5 bytes are there"), "{reasons:?}");
}

#[tokio::test]
async fn padding_is_no_record() {
    let padded = set(256, &[small_record(1, 10), vec![0; 11]].concat());
    let filled = vec![0; 40];
    let table = Kept::flows(v9(0, 7, &[set(0, &template(256, SMALL)), padded, filled])).await;
    assert_eq!(table.query(SUM).await, "1|10");
    assert_eq!(table.report().rows_rejected(), 0);
}

#[tokio::test]
async fn variable_and_empty_fields() {
    let fields = template(300, &[(8, 4), (12, 4), (1, 0), (96, 65535), (2, 1)]);
    let record = |name: &[u8]| {
        let length = u8::try_from(name.len()).unwrap();
        [&[192, 0, 2, 1, 192, 0, 2, 2][..], &[length], name, &[9]].concat()
    };
    let data = set(300, &[record(b"HTTP"), record(b""), record(b"dns")].concat());
    let table = Kept::flows(ipfix(0, 7, &[set(2, &fields), data])).await;
    let sql = "SELECT app_protocol, packets, bytes FROM t ORDER BY source_row";
    assert_eq!(table.query(sql).await, "http|9|NULL\nNULL|9|NULL\ndns|9|NULL");
}

#[tokio::test]
async fn templates_that_cannot_be() {
    let cases: [(Vec<u8>, &str); 4] = [
        (set(2, &template(255, SMALL)), "a template has the number 255"),
        (set(2, &template(256, SMALL)[..9]), "a template breaks off after 9 bytes"),
        (set(17, &[0; 8]), "set 17, a number that no version uses"),
        ([set(2, &template(256, &[(8, 0), (12, 0)])), set(256, &[1; 40])].concat(), "records without bytes"),
    ];
    for (sets, expected) in cases {
        let table = Kept::flows(ipfix(0, 7, &[sets])).await;
        table.query(SUM).await;
        let rejections = table.report().rejections();
        assert!(rejections.iter().any(|rejection| rejection.reason.contains(expected)), "{expected}: {rejections:?}");
    }
}

#[tokio::test]
async fn options_tell_the_sampling() {
    // Scope: the exporter (element 144); sampler 5 takes one of 100.
    let options = [&[1, 1, 0, 3, 0, 1][..], &[0, 144, 0, 4, 0, 48, 0, 1, 0, 34, 0, 4]].concat();
    let option = [0, 0, 0, 1, 5, 0, 0, 0, 100];
    let flows = template(256, &[(8, 4), (12, 4), (48, 1)]);
    let record = |sampler: u8| [192, 0, 2, 1, 192, 0, 2, 2, sampler];
    let data = set(256, &[record(5), record(6)].concat());
    let table = Kept::flows(ipfix(0, 7, &[set(3, &options), set(257, &option), set(2, &flows), data])).await;
    assert_eq!(table.query("SELECT sampling_rate FROM t ORDER BY source_row").await, "100\nNULL");
}

#[tokio::test]
async fn missing_sequence_numbers_are_noted() {
    let define = set(2, &template(256, SMALL));
    let data = |last| set(256, &small_record(last, 1));
    let messages = [ipfix(0, 7, &[define, data(1)]), ipfix(1, 7, &[data(2)]), ipfix(12, 7, &[data(3)])].concat();
    let table = Kept::flows(messages).await;
    assert_eq!(table.query("SELECT count(*) FROM t").await, "3");
    let notes = table.report().notes();
    assert!(notes.iter().any(|note| note.contains("IPFIX domain 7, 10 records are missing")), "{notes:?}");
}

/// A table whose file lives as long.
struct Kept {
    _files: Files,
    table: std::sync::Arc<dyn datafusion::catalog::TableProvider>,
}

impl Kept {
    async fn query(&self, sql: &str) -> String {
        text(&self.table, sql).await
    }

    fn report(&self) -> std::sync::Arc<flow_source::QualityReport> {
        report(&self.table)
    }
}

impl Kept {
    async fn flows(content: Vec<u8>) -> Kept {
        let files = Files::new();
        let table = files.flows(content);
        Kept { _files: files, table }
    }
}
