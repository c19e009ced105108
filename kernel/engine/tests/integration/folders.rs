//! Folders of many files: which are read by their names, what their folders say, how many are open at once.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use flow_engine::{ColumnOrigin, Engine, Format, NameMargin, QueryResult, SourceKind, SourceSettings, export};

use crate::{engine, query, rows, try_query};

/// A tree of files.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Tree {
        Tree(tempfile::tempdir().expect("a folder"))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    fn add(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.at(name);
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("folders");
        std::fs::write(path, content).expect("a file");
    }

    async fn export(&self, engine: &Engine, name: &str, format: Format, sql: &str) {
        self.add(name, "");
        export::write_to_path(&query(engine, sql).await, format, &self.at(name), true).expect("a file");
    }
}

fn told(result: &QueryResult) -> String {
    result.notes.iter().flat_map(|note| note.lines().map(str::to_owned)).collect::<Vec<_>>().join("\n")
}

fn cells(result: &QueryResult) -> Vec<String> {
    rows(result).split_whitespace().map(str::to_owned).collect()
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// One flow, ten minutes after `start`.
fn flow_of(kind: &str, start: DateTime<Utc>) -> Vec<u8> {
    let start = start + TimeDelta::minutes(10);
    let (written, seconds) = (start.to_rfc3339(), start.timestamp());
    let text = match kind {
        "zeek" => format!(
            "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\n\
             #types\ttime\tstring\taddr\tport\taddr\tport\n{seconds}.5\tC1\t10.0.0.1\t1\t10.0.0.2\t2\n"
        ),
        "eve" => format!(
            "{{\"timestamp\":\"{written}\",\"event_type\":\"flow\",\"src_ip\":\"10.0.0.1\",\"dest_ip\":\"10.0.0.2\",\
             \"proto\":\"TCP\",\"flow\":{{\"start\":\"{written}\",\"end\":\"{written}\",\"bytes_toserver\":7}}}}\n"
        ),
        "aws" => format!("2 1 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 7 {seconds} {seconds} ACCEPT OK\n"),
        "csv" => format!("start_time,src_ip,dst_ip\n{written},10.0.0.1,10.0.0.2\n"),
        "json" => format!("{{\"start_time\":\"{written}\",\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"10.0.0.2\"}}\n"),
        other => panic!("no flow of {other}"),
    };
    text.into_bytes()
}

fn packed(content: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(content).expect("memory");
    packed.finish().expect("memory")
}

const DAY: &str = "start_time >= '2026-11-26T13:00:00Z' AND start_time < '2026-11-26T14:00:00Z'";
/// From the files of six hours each, those of a day before and after 13:00, and what the ends of both touch.
const FILES: usize = 40;

/// Six-hourly files around the hour that is asked for, named by `name`, in which strftime's letters stand for the time.
fn six_hourly(tree: &Tree, kind: &str, name: &str, is_packed: bool) {
    for place in 0..FILES {
        let start = time("2026-11-22T01:00:00Z") + TimeDelta::hours(6 * place as i64);
        let content = flow_of(kind, start);
        tree.add(&start.format(name).to_string(), if is_packed { packed(&content) } else { content });
    }
    // Who opens it says that it cannot be read.
    tree.add(&time("2026-12-20T10:00:00Z").format(name).to_string(), "\u{1}\u{2} nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_other_times_are_not_opened() {
    let names = [
        ("zeek", "%Y-%m-%d/conn.%H:00:00-%H:59:59.log.gz", true),
        ("zeek", "conn.%Y-%m-%d-%H-%M-%S.log", false),
        ("eve", "eve-%Y-%m-%d-%H.json", false),
        ("eve", "%Y/%m/%d/%H/eve.json.gz", true),
        ("aws", "AWSLogs/1/vpcflowlogs/eu/%Y/%m/%d/1_vpcflowlogs_eu_fl-1_%Y%m%dT%H%MZ_1f.log.gz", true),
        ("csv", "year=%Y/month=%m/day=%d/hour=%H/part-0.csv", false),
        ("csv", "flows.%Y%m%d%H%M", false),
        ("json", "date=%Y-%m-%d/%H.json", false),
    ];
    for (kind, name, is_packed) in names {
        let tree = Tree::new();
        six_hourly(&tree, kind, name, is_packed);
        let engine = engine();
        engine.register_source("named", &tree.path(""), SourceKind::Auto).expect("a source");
        for table in
            [format!("read_flows('{}')", tree.path("")), format!("read_flows('{}/**')", tree.path("")), "named".into()]
        {
            let found = query(&engine, &format!("SELECT count(*) FROM {table} WHERE {DAY}")).await;
            let notes = told(&found);
            assert_eq!(cells(&found), ["1"], "{name} as {table}: {notes}");
            let read: usize = notes.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or_default();
            assert!((8..=14).contains(&read), "{name} as {table}: {notes}");
            let expected = format!(
                "{read} of {} files were read: by their names the others are more than 1 day outside of the time asked for",
                FILES + 1
            );
            assert_eq!(notes, expected, "{name} as {table}");
            let none = query(&engine, &format!("SELECT count(*) FROM {table} WHERE start_time > '2030-01-01'")).await;
            assert_eq!(cells(&none), ["0"], "{name}");
            assert!(told(&none).starts_with("0 of 41 files"), "{name}: {}", told(&none));
            let all = query(&engine, &format!("SELECT count(*) FROM {table}")).await;
            assert_eq!(cells(&all), [FILES.to_string()], "{name}");
            assert!(told(&all).starts_with("1 file is not read"), "{name}: {}", told(&all));
        }
    }
}

/// Tables with the files' own columns: all are opened for those, and few are read.
#[tokio::test(flavor = "multi_thread")]
async fn logs_of_other_times_are_not_read() {
    let tree = Tree::new();
    six_hourly(&tree, "zeek", "%Y-%m-%d/conn.%H:00:00-%H:59:59.log.gz", true);
    let engine = engine();
    engine.register_source("log", &tree.path(""), SourceKind::Log).expect("a source");
    let window = DAY.replace("start_time", "ts");
    for table in [format!("read_log('{}')", tree.path("")), "log".into()] {
        let found = query(&engine, &format!("SELECT count(*) FROM {table} WHERE {window} AND uid = 'C1'")).await;
        assert_eq!(cells(&found), ["1"], "{table}");
        assert!(told(&found).contains("9 of 40 files were read: by their names"), "{table}: {}", told(&found));
        let all = query(&engine, &format!("SELECT count(*) FROM {table} WHERE uid = 'C1'")).await;
        assert_eq!(cells(&all), [FILES.to_string()], "{table}");
        assert!(!told(&all).contains("were read"), "{table}: {}", told(&all));
    }
    // A log that is about other times than its name says.
    tree.add("2026-12-25/conn.10:00:00-10:59:59.log", flow_of("zeek", time("2026-11-26T13:00:00Z")));
    let found = query(&engine, &format!("SELECT count(*) FROM read_log('{}') WHERE {window}", tree.path(""))).await;
    assert_eq!(cells(&found), ["2"]);
    assert!(!told(&found).contains("were read"), "{}", told(&found));
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_of_other_times_is_not_opened_and_conditions_reach_the_rest() {
    let (tree, engine) = (Tree::new(), engine());
    for day in 10..20 {
        let sql = format!(
            "SELECT arrow_cast('2026-11-{day}T10:00:00', 'Timestamp(Nanosecond, Some(\"UTC\"))') AS start_time, \
             '10.0.0.{day}' AS src_ip, '10.0.0.2' AS dst_ip, 'a' AS sensor"
        );
        tree.export(&engine, &format!("2026/11/{day}/10/part-0.parquet"), Format::Parquet, &sql).await;
    }
    tree.add("2026/12/30/10/part-0.parquet", "PAR1 and nothing");
    engine.register_source("p", &tree.path(""), SourceKind::Auto).expect("a source");
    let window = "start_time BETWEEN '2026-11-15T08:00:00Z' AND '2026-11-15T12:00:00Z'";
    let found = query(&engine, &format!("SELECT src_ip FROM p WHERE {window} AND sensor = 'a'")).await;
    assert_eq!(cells(&found), ["10.0.0.15"]);
    assert!(told(&found).starts_with("3 of 11 files were read"), "{}", told(&found));
    let frame = engine.context().sql(&format!("SELECT src_ip FROM p WHERE {window} AND sensor = 'a'")).await;
    let plan = frame.expect("a plan").create_physical_plan().await.expect("a physical plan");
    let plan = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
    assert!(plan.contains("sensor_min@") && plan.contains("start_time_max@"), "row groups are chosen: {plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_believed_only_where_flows_agree() {
    let engine = engine();
    // Exports: the day in the name is when they were made.
    let exports = Tree::new();
    for day in 10..20 {
        let old = time("2025-06-01T00:00:00Z") + TimeDelta::days(day);
        exports.add(&format!("export-2026-11-{day}.csv"), flow_of("csv", old));
    }
    let found = query(
        &engine,
        &format!("SELECT count(*) FROM read_flows('{}') WHERE start_time < '2026-01-01'", exports.path("")),
    )
    .await;
    assert_eq!((cells(&found), told(&found)), (vec!["10".to_owned()], String::new()));
    // The folder in which all files are says nothing of one of them.
    let case = Tree::new();
    for host in 0..5 {
        case.add(&format!("2024/05/case/host-{host}.csv"), flow_of("csv", time("2024-05-02T00:00:00Z")));
        case.add(&format!("2024/05/case/late-{host}.csv"), flow_of("csv", time("2024-08-02T00:00:00Z")));
    }
    let path = case.path("2024/05/case");
    let found =
        query(&engine, &format!("SELECT count(*) FROM read_flows('{path}') WHERE start_time > '2024-07-01'")).await;
    assert_eq!((cells(&found), told(&found)), (vec!["5".to_owned()], String::new()));
    // Files without a time in their names are read with those that have one.
    let mixed = Tree::new();
    six_hourly(&mixed, "csv", "flows-%Y-%m-%d-%H.csv", false);
    mixed.add("flows-latest.csv", flow_of("csv", time("2026-11-26T13:00:00Z")));
    let found = query(&engine, &format!("SELECT count(*) FROM read_flows('{}') WHERE {DAY}", mixed.path(""))).await;
    assert_eq!(cells(&found), ["2"]);
    assert!(told(&found).contains("of 42 files were read"), "{}", told(&found));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_margin_is_a_setting_and_names_are_of_the_zone_of_the_source() {
    let tree = Tree::new();
    for hour in 0..72 {
        let start = time("2026-07-01T00:00:00Z") + TimeDelta::hours(hour);
        let local = start + TimeDelta::hours(2);
        let next = local + TimeDelta::hours(1);
        let name = format!(
            "{}/conn.{}-{}.log.gz",
            local.format("%Y-%m-%d"),
            local.format("%H:00:00"),
            next.format("%H:00:00")
        );
        tree.add(&name, packed(&flow_of("zeek", start)));
    }
    let (path, prague) = (tree.path("*/conn.*"), "Europe/Prague".parse().ok());
    let hours = |hours| NameMargin::Within(TimeDelta::hours(hours));
    let window = "start_time >= '2026-07-02T09:00:00Z' AND start_time < '2026-07-02T09:59:00Z'";
    for (name_margin, time_zone, expected) in [
        (NameMargin::Ignored, None, None),
        (NameMargin::default(), None, Some(49)),
        (NameMargin::default(), prague, Some(49)),
        (hours(3), None, Some(7)),
        (hours(1), prague, Some(3)),
        (hours(0), prague, Some(1)),
        // Zeek's names are of a zone that is not said: no flow is where its name says, so names are not believed.
        (hours(0), None, None),
    ] {
        let engine = engine();
        let settings = SourceSettings { name_margin, time_zone, ..SourceSettings::default() };
        engine.register_source_with("z", &path, &settings).expect("a source");
        let found = query(&engine, &format!("SELECT count(*) FROM z WHERE {window}")).await;
        assert_eq!(cells(&found), ["1"], "{name_margin:?} {time_zone:?}");
        match expected {
            None => assert_eq!(told(&found), "", "{name_margin:?}"),
            Some(read) => {
                assert!(told(&found).starts_with(&format!("{read} of 72 files")), "{name_margin:?}: {}", told(&found));
            }
        }
    }
}

/// phaag/nfdump#668: the first flow of a slot of five minutes was seen hours before it.
#[tokio::test(flavor = "multi_thread")]
async fn domain_4_a_flow_that_began_long_before_its_file_is_found() {
    let tree = Tree::new();
    six_hourly(&tree, "csv", "flows-%Y-%m-%d-%H.csv", false);
    let long = "start_time,end_time,src_ip,dst_ip\n2026-11-25T18:00:00Z,2026-11-26T13:02:00Z,10.0.0.9,10.0.0.2\n";
    tree.add("flows-2026-11-26-13-00.csv", long);
    let engine = engine();
    engine.register_source("s", &tree.path(""), SourceKind::Flows).expect("a source");
    for window in [
        "start_time >= '2026-11-25T17:00:00Z' AND start_time < '2026-11-25T18:30:00Z'",
        "start_time <= '2026-11-25T23:00:00Z' AND end_time >= '2026-11-25T22:00:00Z'",
        "end_time BETWEEN '2026-11-26T13:00:00Z' AND '2026-11-26T13:05:00Z'",
    ] {
        let found = query(&engine, &format!("SELECT src_ip FROM s WHERE {window} AND src_ip = '10.0.0.9'")).await;
        assert_eq!(cells(&found), ["10.0.0.9"], "{window}");
        assert!(told(&found).contains("of 42 files were read"), "{window}: {}", told(&found));
    }
}

/// Windows look at the clock of the source, which is what its names are of.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_is_corrected_before_files_are_chosen() {
    let tree = Tree::new();
    six_hourly(&tree, "csv", "flows-%Y-%m-%d-%H.csv", false);
    let engine = engine();
    let settings = SourceSettings { clock_offset: TimeDelta::days(3), ..SourceSettings::default() };
    engine.register_source_with("late", &tree.path(""), &settings).expect("a source");
    let found = query(
        &engine,
        "SELECT start_time FROM late WHERE start_time >= '2026-11-23T13:00:00Z' AND start_time < '2026-11-23T14:00:00Z'",
    )
    .await;
    assert_eq!(cells(&found), ["2026-11-23T13:10:00Z"]);
    assert!(told(&found).contains("of 41 files were read"), "{}", told(&found));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_source_fails_at_what_it_reads_and_not_at_what_it_does_not() {
    let tree = Tree::new();
    six_hourly(&tree, "csv", "flows-%Y-%m-%d-%H.csv", false);
    // Neither the first nor the last file.
    tree.add("flows-2026-12-30-00.csv", flow_of("csv", time("2026-12-30T00:00:00Z")));
    let engine = engine();
    let settings = SourceSettings { strict: true, ..SourceSettings::default() };
    engine.register_source_with("s", &tree.path(""), &settings).expect("a source");
    let found = query(&engine, &format!("SELECT count(*) FROM s WHERE {DAY}")).await;
    assert_eq!(cells(&found), ["1"]);
    let fault = try_query(&engine, "SELECT count(*) FROM s").await.expect_err("a file is none");
    assert!(fault.to_string().contains("flows-2026-12-20-10.csv"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_are_columns_of_plain_files() {
    let engine = engine();
    for (extension, format) in
        [("parquet", Some(Format::Parquet)), ("arrow", Some(Format::Arrow)), ("csv", Some(Format::Csv)), ("json", None)]
    {
        let tree = Tree::new();
        for (place, folder) in ["site=brno/kind=a%20b", "site=praha/kind=dmz", "site=praha", "site=plze%C5%88/kind=dmz"]
            .into_iter()
            .enumerate()
        {
            let name = format!("{folder}/part.{extension}");
            match format {
                Some(format) => {
                    let sql = format!("SELECT {place} AS n, 'x{place}' AS t FROM range(0, 3)");
                    tree.export(&engine, &name, format, &sql).await;
                }
                None => tree.add(&name, format!("{{\"n\":{place},\"t\":\"x{place}\"}}\n").repeat(3)),
            }
        }
        tree.add("site=ostrava/kind=x/_SUCCESS", "");
        engine.register_source("h", &tree.path(""), SourceKind::Auto).expect("a source");
        for (sql, expected) in [
            ("SELECT site, count(*) FROM h GROUP BY site ORDER BY site", "brno 3 plzeň 3 praha 6"),
            ("SELECT DISTINCT kind FROM h WHERE site = 'brno'", "a b"),
            ("SELECT DISTINCT kind FROM h WHERE n = 0", "a b"),
            ("SELECT sum(n) FROM h WHERE site LIKE 'p%' AND kind = 'dmz'", "12"),
            ("SELECT count(*), count(kind) FROM h", "12 9"),
            ("SELECT count(*) FROM h WHERE kind IS NULL", "3"),
            ("SELECT count(*) FROM h WHERE site = 'nowhere' OR kind = 'nothing'", "0"),
            ("SELECT count(*) FROM h WHERE site = (SELECT min(site) FROM h)", "3"),
            ("SELECT count(*) FROM h WHERE site = t OR site || kind = 'prahadmz'", "3"),
            ("SELECT max(kind), min(t), max(site) FROM h WHERE site <> 'brno'", "dmz x1 praha"),
            ("SELECT t, site, n, kind FROM h WHERE kind = 'dmz' ORDER BY n LIMIT 1", "x1 praha 1 dmz"),
        ] {
            assert_eq!(cells(&query(&engine, sql).await).join(" "), expected, "{extension}: {sql}");
        }
        let frame = engine.context().sql("SELECT n FROM h WHERE site = 'brno'").await.expect("a plan");
        let plan = frame.create_physical_plan().await.expect("a physical plan");
        let plan = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
        assert!(!plan.contains("FilterExec"), "{extension}: files were chosen: {plan}");
        assert!(plan.contains("files=1 of 1") || plan.matches("part.").count() == 1, "{extension}: {plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rows_hold_goes_before_what_folders_say() {
    let (tree, engine) = (Tree::new(), engine());
    tree.add("site=wrong/x=1/a.csv", "site,n\nright,1\n");
    tree.add("site=wrong/x=2/b.csv", "site,n\nright,2\n");
    let found = query(&engine, &format!("SELECT site, x, n FROM read_log('{}') ORDER BY n", tree.path(""))).await;
    assert_eq!(cells(&found).join(" "), "right 1 1 right 2 2");
    // Flows: a folder names the sensor, also under another name, and nothing that must be a number.
    let flows = Tree::new();
    for sensor in ["north", "south"] {
        let name = format!("sensor={sensor}/protocol=tcp/channel=c-{sensor}/f.csv");
        flows.add(&name, flow_of("csv", time("2026-11-26T13:00:00Z")));
    }
    let found = query(
        &engine,
        &format!("SELECT sensor, protocol FROM read_flows('{}') WHERE sensor = 'south'", flows.path("")),
    )
    .await;
    assert_eq!(cells(&found).join(" "), "south NULL");
    let columns = [("sensor".to_owned(), ColumnOrigin::Column { name: "channel".to_owned(), unit: None })];
    let settings = SourceSettings { columns: columns.into(), ..SourceSettings::default() };
    engine.register_source_with("f", &flows.path(""), &settings).expect("a source");
    let found = query(&engine, "SELECT sensor FROM f WHERE sensor = 'c-north'").await;
    assert_eq!(cells(&found), ["c-north"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_in_folders_are_told_and_cost_themselves() {
    let (tree, engine) = (Tree::new(), engine());
    tree.add("day=1/a.csv", "n,m\n1,2\n3\n5,6\n");
    tree.add("day=2/a.csv", "n,m\n7,8\n");
    let found = query(&engine, &format!("SELECT day, n FROM read_log('{}') ORDER BY n", tree.path(""))).await;
    assert_eq!(cells(&found).join(" "), "1 1 1 5 2 7");
    assert!(told(&found).contains("day=1/a.csv, line 3"), "{}", told(&found));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_read_with_the_folders_below_it() {
    let (tree, engine) = (Tree::new(), engine());
    for name in ["a.csv", "x/b.csv", "x/y/c.csv", "x/.hidden/d.csv", "_old/e.csv", "x/f.csv.tmp", ".g.csv"] {
        tree.add(name, "n,m\n1,2\n");
    }
    std::os::unix::fs::symlink(tree.at(""), tree.at("x/loop")).expect("a link");
    for (pattern, expected) in [("", "3"), ("x", "2"), ("**/*.csv", "3"), ("*", "1"), ("_old", "1"), ("x/*.tmp", "1")] {
        let found = query(&engine, &format!("SELECT count(*) FROM read_log('{}')", tree.path(pattern))).await;
        assert_eq!(cells(&found), [expected], "{pattern}");
    }
}

/// How many files below a folder this process has open at most, looked at now and then while something runs.
struct Watched {
    stop: std::sync::Arc<AtomicBool>,
    watcher: std::thread::JoinHandle<usize>,
}

impl Watched {
    fn below(folder: &Path) -> Watched {
        let (stop, folder) = (std::sync::Arc::new(AtomicBool::new(false)), folder.to_owned());
        let stopped = std::sync::Arc::clone(&stop);
        let watcher = std::thread::spawn(move || {
            let mut most = 0;
            while !stopped.load(Ordering::Relaxed) {
                let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
                let targets = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
                most = most.max(targets.filter(|target| target.starts_with(&folder)).count());
                std::thread::sleep(Duration::from_millis(1));
            }
            most
        });
        Watched { stop, watcher }
    }

    fn most(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.watcher.join().expect("it counts")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_files_are_read_in_parallel_and_few_are_open() {
    const MANY: usize = 1500;
    const OPEN_MAX: usize = 200;
    let engine = engine();
    let partitions = engine.context().state().config().target_partitions();
    for (extension, format) in [("csv", None), ("log", None), ("parquet", Some(Format::Parquet))] {
        let tree = Tree::new();
        let content = match format {
            Some(format) => {
                tree.export(&engine, "one", format, "SELECT value AS n FROM range(0, 50)").await;
                std::fs::read(tree.at("one")).expect("a file")
            }
            None if extension == "log" => flow_of("zeek", time("2026-11-26T13:00:00Z")),
            None => format!("n\n{}", "1\n".repeat(50)).into_bytes(),
        };
        (0..MANY).for_each(|place| tree.add(&format!("many/{place:04}.{extension}"), &content));
        let watched = Watched::below(tree.0.path());
        engine.register_source("many", &tree.path("many"), SourceKind::Log).expect("a source");
        let result = query(&engine, "SELECT count(*) FROM (SELECT * FROM many LIMIT 10000000)").await;
        let found: usize = cells(&result).join("").parse().expect("a number");
        assert_eq!(found, MANY * if extension == "log" { 1 } else { 50 });
        let most = watched.most();
        assert!(most <= OPEN_MAX, "{extension}: {most} files were open at once");
        let frame = engine.context().sql("SELECT * FROM many").await.expect("a plan");
        let plan = frame.create_physical_plan().await.expect("a physical plan");
        let count = datafusion::physical_plan::ExecutionPlanProperties::output_partitioning(&plan).partition_count();
        assert_eq!(count, partitions, "{extension}: each thread reads some of them");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_window_that_holds_no_flows_is_named() {
    let (tree, engine) = (Tree::new(), engine());
    for day in ["2024-03-01", "2024-09-01"] {
        tree.add(&format!("{day}/flows.csv"), flow_of("csv", time(&format!("{day}T10:00:00Z"))));
    }
    tree.add("2024-06-01/other.csv", "host,state\na,up\nb,down\n");
    let of_days =
        |days: &str| format!("SELECT src_ip, bytes FROM read_flows('{}') WHERE start_time {days}", tree.path("**"));
    let fault = try_query(&engine, &of_days("> '2024-05-20' AND start_time < '2024-06-10'")).await;
    let text = fault.expect_err("nothing in it is a flow").to_string();
    assert!(text.contains("2024-06-01/other.csv") && text.contains("host, state"), "{text}");
    assert_eq!(query(&engine, &of_days("< '2024-03-05'")).await.row_count, 1, "the others are read");
}
