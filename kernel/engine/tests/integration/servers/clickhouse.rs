//! ClickHouse: Debian's old server, and today's engine behind a small front.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::front::Front;
use super::*;

/// A Python that has chdb, and where `make` puts one.
const CHDB_VARIABLE: &str = "FLOWDECK_TEST_CHDB";
const CHDB: &str = "../../target/test-chdb/bin/python";
/// The flows as the server's tables are loaded with them.
const ROWS: &str = "SELECT arrow_cast(start_time, 'Int64') AS start_time, arrow_cast(end_time, 'Int64') AS end_time, \
    src_ip, dst_ip, encode(src_ip, 'hex') AS src_hex, encode(dst_ip, 'hex') AS dst_hex, src_port, dst_port, protocol, \
    packets, bytes, rev_packets, rev_bytes, tcp_flags, icmp_type, icmp_code, direction, uid, community_id FROM flows";
const REST: &str = "src_port Nullable(UInt16), dst_port Nullable(UInt16), protocol UInt8, packets UInt64, \
    bytes UInt64, rev_packets Nullable(UInt64), rev_bytes Nullable(UInt64), tcp_flags Nullable(UInt16), \
    icmp_type Nullable(UInt8), icmp_code Nullable(UInt8), direction Nullable(String), uid Nullable(String), \
    community_id Nullable(String)";
const REST_NAMES: &str = "src_port, dst_port, protocol, packets, bytes, rev_packets, rev_bytes, tcp_flags, icmp_type, \
    icmp_code, direction, uid, community_id";

/// For who runs the tests to see.
fn skipped(reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

/// A server with an owner and a user `reader` who may only read.
struct Server {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port()
}

impl Server {
    fn start() -> Option<Server> {
        let programs = ["/usr/sbin/clickhouse-server", "/usr/bin/clickhouse-server"];
        let Some(program) = programs.into_iter().find(|program| Path::new(program).exists()) else {
            skipped("there is no clickhouse-server");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let (here, port) = (folder.path().display().to_string(), free_port());
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
        write(
            "config.xml",
            &format!(
                "<yandex><logger><level>debug</level><log>{here}/log</log><errorlog>{here}/errors</errorlog></logger>\
             <http_port>{port}</http_port><tcp_port>{}</tcp_port><listen_host>127.0.0.1</listen_host>\
             <path>{here}/data/</path><tmp_path>{here}/tmp/</tmp_path><users_config>users.xml</users_config>\
             <mark_cache_size>67108864</mark_cache_size><default_profile>default</default_profile>\
             <default_database>default</default_database></yandex>",
                free_port()
            ),
        );
        let user = |name: &str, password: &str, profile: &str| {
            format!(
                "<{name}><password>{password}</password><networks><ip>127.0.0.1</ip></networks><profile>{profile}</profile>\
             <quota>default</quota></{name}>"
            )
        };
        write(
            "users.xml",
            &format!(
                "<yandex><profiles><default/><reading><readonly>1</readonly></reading></profiles><users>{}{}</users>\
             <quotas><default/></quotas></yandex>",
                user("default", "", "default"),
                user("reader", PLANTED, "reading")
            ),
        );
        let process = Command::new(program)
            .arg(format!("--config-file={here}/config.xml"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server runs");
        Some(Server { folder, port, process })
    }

    /// Runs a statement as the owner.
    async fn try_run(&self, statement: String) -> Result<String, String> {
        let client = reqwest::Client::new();
        let answer = client.post(self.location()).body(statement).send().await.map_err(|fault| fault.to_string())?;
        let is_well = answer.status().is_success();
        let text = answer.text().await.map_err(|fault| fault.to_string())?;
        if is_well { Ok(text) } else { Err(text) }
    }

    async fn run(&self, statement: &str) -> String {
        self.try_run(statement.to_owned()).await.unwrap_or_else(|fault| panic!("{statement}: {fault}"))
    }

    async fn is_up(&self) {
        let since = Instant::now();
        while self.try_run("SELECT 1".to_owned()).await.is_err() {
            assert!(since.elapsed() < Duration::from_secs(30), "{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn location(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The last statement that begins so, as the server was given it.
    fn asked(&self, beginning: &str) -> String {
        let log = self.log();
        let mut found = log.lines().filter_map(|line| line.find(beginning).map(|at| line[at..].to_owned()));
        found.next_back().unwrap_or_else(|| panic!("not asked: {beginning}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn of_reader(table: &str) -> SourceSettings {
    settings("clickhouse", &[("table", table)], "reader", PLANTED)
}

/// The map of the old server's table, whose times are numbers and whose addresses are 16 bytes.
fn of_bytes() -> SourceSettings {
    let nanos = Some(TimeUnit::Nanoseconds);
    let columns = [
        ("start_time", column("start_time", nanos)),
        ("end_time", column("end_time", nanos)),
        ("src_ip", column("src_addr", None)),
        ("dst_ip", column("dst_addr", None)),
    ];
    let columns = columns.into_iter().map(|(name, origin)| (name.to_owned(), origin));
    SourceSettings { columns: columns.collect(), ..of_reader("traffic.flows") }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_server_answers_as_files_do_and_filters_itself() {
    let Some(server) = Server::start() else { return };
    let engine = engine();
    flows(&engine, server.folder.path()).await;
    let json = server.folder.path().join("flows.json");
    write_json(&engine, &json, ROWS).await;
    server.is_up().await;
    server.run("CREATE DATABASE traffic").await;
    server
        .run(&format!(
            "CREATE TABLE traffic.stage (start_time UInt64, end_time UInt64, src_ip String, dst_ip String, \
                         src_hex String, dst_hex String, {REST}) ENGINE = Memory"
        ))
        .await;
    let load =
        format!("INSERT INTO traffic.stage FORMAT JSONEachRow\n{}", std::fs::read_to_string(&json).expect("rows"));
    server.run(&load).await;
    server
        .run(&format!(
            "CREATE TABLE traffic.flows (start_time UInt64, end_time UInt64, src_addr FixedString(16), \
                         dst_addr FixedString(16), {REST}) ENGINE = MergeTree() ORDER BY start_time"
        ))
        .await;
    // As goflow2 does it: IPv4 in the first four bytes.
    let bytes = |hex: &str| {
        format!(
            "toFixedString(unhex(if(substring({hex}, 1, 24) = '00000000000000000000ffff', \
         concat(substring({hex}, 25, 8), '000000000000000000000000'), {hex})), 16)"
        )
    };
    server
        .run(&format!(
            "INSERT INTO traffic.flows SELECT start_time, end_time, {}, {}, {REST_NAMES} FROM traffic.stage",
            bytes("src_hex"),
            bytes("dst_hex")
        ))
        .await;
    let found = register(&engine, &server.location(), &of_bytes());
    assert_eq!(found.format, "a ClickHouse table");
    both_agree(&engine, "there").await;

    let sql = "SELECT dst_ip FROM there WHERE src_ip = '10.20.5.0/24' AND dst_port = 3389 \
               AND start_time >= '2024-02-05T09:00:00Z' LIMIT 3";
    let plan = plan(&engine, sql).await;
    assert!(!plan.contains("FilterExec") && plan.contains("limit=3"), "{plan}");
    query(&engine, sql).await;
    let asked = server.asked("SELECT `dst_addr` AS");
    for part in [
        "unhex('0a140500000000000000000000000000')",
        "`dst_port` = 3389",
        "`start_time` >= 1707123600000000000",
        "LIMIT 3 FORMAT TabSeparated",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
    let text =
        query(&engine, &format!("SELECT uid FROM there WHERE uid = 'x'' OR 1=1 --\\' OR uid = '{PLANTED}'")).await;
    assert_eq!(text.row_count, 0, "a text is a value and no SQL");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_server_s_faults_are_told_and_its_queries_stopped() {
    let Some(server) = Server::start() else { return };
    let engine = engine();
    server.is_up().await;
    server.run("CREATE TABLE flows (src_addr FixedString(16), at DateTime, tags Array(String)) ENGINE = Memory").await;
    let location = server.location();
    let wrong = settings("clickhouse", &[("table", "flows")], "reader", "wrong");
    refused(&engine, &location, &wrong, "does not accept the login", "`user`");
    refused(&engine, &location, &of_reader("flow"), "there is no table `flow`", "Did you mean `flows`?");
    refused(&engine, &location, &of_reader("none.flows"), "there is no database `none`", "database");
    refused(&engine, &location, &settings("clickhouse", &[], "reader", PLANTED), "which table", "table = ");
    refused(&engine, "http://127.0.0.1:1", &of_reader("flows"), "cannot be reached", "name and port");
    let mapped =
        |flow: &str, origin| SourceSettings { columns: [(flow.to_owned(), origin)].into(), ..of_reader("flows") };
    refused(&engine, &location, &mapped("src_ip", column("src_adr", None)), "`src_adr`", "Did you mean `src_addr`?");
    refused(&engine, &location, &mapped("sensor", column("tags", None)), "Array(String)", "expression");
    refused(
        &engine,
        &location,
        &mapped("sensor", ColumnOrigin::Sql("nothing".into())),
        "what sensor should come from",
        "`sensor`",
    );
    refused(&engine, &location, &mapped("start_time", ColumnOrigin::Sql("1".into())), "UInt8", "unit");

    // Rows without end.
    let endless = ColumnOrigin::Sql("toFixedString(unhex('0a000001000000000000000000000000'), 16)".into());
    let settings = SourceSettings { columns: [("src_ip".to_owned(), endless)].into(), ..of_reader("system.numbers") };
    register(&engine, &location, &settings);
    assert_eq!(query(&engine, "SELECT src_ip FROM there LIMIT 3").await.row_count, 3);
    let cancel = CancellationToken::new();
    let asked = engine.query("SELECT count(DISTINCT src_ip) FROM there", QueryOptions::default(), cancel.clone());
    let running = "SELECT count() FROM system.processes WHERE user = 'reader'";
    let stopped = async {
        let since = Instant::now();
        while server.run(running).await.trim() == "0" {
            assert!(since.elapsed() < Duration::from_secs(10), "the query does not arrive");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        cancel.cancel();
        Instant::now()
    };
    let (outcome, since) = tokio::join!(asked, stopped);
    assert!(matches!(outcome, Err(EngineError::Cancelled { .. })), "{outcome:?}");
    while server.run(running).await.trim() != "0" {
        assert!(since.elapsed() < Duration::from_secs(5), "the server goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // An exception after the first rows.
    let late = ColumnOrigin::Sql(
        "toFixedString(unhex(if(throwIf(number = 300000), '', '0a000001000000000000000000000000')), 16)".into(),
    );
    let settings = SourceSettings { columns: [("src_ip".to_owned(), late)].into(), ..of_reader("system.numbers") };
    register(&engine, &location, &settings);
    let fault = try_query(&engine, "SELECT count(DISTINCT src_ip) FROM there").await.expect_err("it breaks off");
    says(&fault, "the answer broke off: Value passed to 'throwIf'", "Try again");
}

/// A Python with chdb.
fn python() -> Option<String> {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join(CHDB);
    let python = std::env::var_os(CHDB_VARIABLE).map_or(made, PathBuf::from);
    if !python.exists() {
        skipped("there is no Python with chdb");
        return None;
    }
    Some(python.display().to_string())
}

/// The last question; what stops one does not count.
async fn last_select(front: &Front) -> String {
    let asked = front.bodies("POST", "/").await;
    asked.into_iter().rfind(|query| query.starts_with("SELECT")).unwrap_or_default()
}

/// Statements that `reader` gives; the front runs whatever it is given.
async fn tell(front: &Front, statement: &str) {
    let client = reqwest::Client::new();
    let asked = client.post(front.location()).basic_auth("reader", Some(PLANTED)).body(statement.to_owned());
    let answer = asked.send().await.expect("an answer");
    let status = answer.status();
    let text = answer.text().await.unwrap_or_default();
    assert!(status.is_success(), "{statement}: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn today_s_types_and_arrow_answer_as_files_do() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    flows(&engine, folder.path()).await;
    let json = folder.path().join("flows.json");
    write_json(&engine, &json, ROWS).await;
    let front = Front::start(&python, "clickhouse_front.py", &[&folder.path().join("data").display().to_string()]);
    let rest = REST.replace("direction Nullable(String)", "direction LowCardinality(Nullable(String))");
    tell(
        &front,
        &format!(
            "CREATE TABLE flows (start_time DateTime64(6, 'Europe/Prague'), end_time DateTime64(9), \
                           src_ip IPv6, dst_ip LowCardinality(IPv6), {rest}) ENGINE = MergeTree ORDER BY start_time \
                           SETTINGS allow_suspicious_low_cardinality_types = 1"
        ),
    )
    .await;
    tell(&front, &format!("INSERT INTO flows SELECT fromUnixTimestamp64Micro(intDiv(start_time, 1000)), \
                           fromUnixTimestamp64Nano(end_time), src_ip, dst_ip, {REST_NAMES} FROM file('{}', JSONEachRow, \
                           'start_time Int64, end_time Int64, src_ip IPv6, dst_ip IPv6, {REST}')", json.display())).await;
    register(&engine, &front.location(), &of_reader("flows"));
    both_agree(&engine, "there").await;
    query(
        &engine,
        "SELECT dst_ip FROM there WHERE src_ip = '10.20.5.0/24' AND start_time >= '2024-02-05T09:00:00Z' LIMIT 3",
    )
    .await;
    let asked = last_select(&front).await;
    for part in [
        "`src_ip` >= toIPv6('::ffff:10.20.5.0')",
        "fromUnixTimestamp64Micro(toInt64(1707123600000000))",
        "FORMAT ArrowStream",
    ] {
        assert!(asked.contains(part), "{part} in {asked}");
    }
    front.fail("exception", 1).await;
    let fault = try_query(&engine, "SELECT src_ip, uid FROM there").await.expect_err("it breaks off");
    says(&fault, "the answer broke off: Memory limit exceeded", "Try again");
    refused(
        &engine,
        &front.location(),
        &settings("clickhouse", &[("table", "flows")], "reader", "wrong"),
        "does not accept",
        "`user`",
    );
    refused(&engine, &front.location(), &of_reader("flow"), "there is no table `flow`", "Did you mean `flows`?");
    keeps_the_contract(&engine, front).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_collectors_are_known() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine();
    let front = Front::start(&python, "clickhouse_front.py", &[&folder.path().join("data").display().to_string()]);
    for statement in [
        "CREATE TABLE flows_raw (time_received_ns DateTime64(9), time_flow_start_ns DateTime64(9), sampling_rate UInt64, \
         sampler_address FixedString(16), src_addr FixedString(16), dst_addr FixedString(16), src_as UInt32, dst_as UInt32, \
         etype UInt32, proto UInt32, src_port UInt32, dst_port UInt32, bytes UInt64, packets UInt64) ENGINE = MergeTree \
         ORDER BY time_received_ns",
        "INSERT INTO flows_raw VALUES ('2024-02-05 10:00:01', '2024-02-05 10:00:00', 100, unhex('c0000201000000000000000000000000'), \
         unhex('0a000001000000000000000000000000'), unhex('20010db8000000000000000000000001'), 64500, 0, 2048, 6, 40000, 443, 1500, 2)",
        "CREATE TABLE akvorado (TimeReceived DateTime, SamplingRate UInt64, ExporterAddress LowCardinality(IPv6), \
         ExporterName LowCardinality(String), SrcAddr IPv6, DstAddr IPv6, SrcAS UInt32, SrcNetMask UInt8, EType UInt32, \
         Proto UInt32, SrcPort UInt16, DstPort UInt16, Bytes UInt64, Packets UInt64, \
         FlowDirection Enum8('undefined' = 0, 'ingress' = 1, 'egress' = 2)) ENGINE = MergeTree ORDER BY TimeReceived \
         SETTINGS allow_suspicious_low_cardinality_types = 1",
        "INSERT INTO akvorado VALUES ('2024-02-05 10:00:01', 0, '::ffff:192.0.2.1', 'edge', '::ffff:10.0.0.1', '2001:db8::1', \
         0, 24, 2048, 1, 0, 2048, 84, 1, 'egress')",
        "CREATE TABLE ipfix (odid UInt32, srcip IPv6, dstip IPv6, flowstart DateTime64(9), flowend DateTime64(9), \
         sourceTransportPort UInt16, destinationTransportPort UInt16, protocolIdentifier UInt8, octetDeltaCount UInt64, \
         packetDeltaCount UInt64) ENGINE = MergeTree ORDER BY flowstart",
        "INSERT INTO ipfix VALUES (6, '::ffff:10.0.0.1', '2001:db8::1', '2024-02-05 10:00:00', '2024-02-05 10:00:02.5', 40000, \
         53, 17, 77, 1)",
    ] {
        tell(&front, statement).await;
    }
    let sql = "SELECT start_time, src_ip, dst_ip, src_port, dst_port, protocol_name, bytes, packets, src_as, src_mask, \
               exporter_ip, sensor, direction, observation_domain, duration_s FROM there WHERE ip_in(src_ip, '10.0.0.0/8') \
               AND ip_in(dst_ip, '2001:db8::/32') AND bytes > 70 AND start_time > '2024-02-05T09:59:59Z'";
    for (table, expected) in [
        (
            "flows_raw",
            "2024-02-05T10:00:00Z 10.0.0.1 2001:db8::1 40000 443 tcp 150000 200 64500 NULL 192.0.2.1 NULL NULL NULL NULL",
        ),
        (
            "akvorado",
            "2024-02-05T10:00:01Z 10.0.0.1 2001:db8::1 NULL NULL icmp 84 1 NULL 24 192.0.2.1 edge out NULL NULL",
        ),
        ("ipfix", "2024-02-05T10:00:00Z 10.0.0.1 2001:db8::1 40000 53 udp 77 1 NULL NULL NULL NULL NULL 6 2.5"),
    ] {
        register(&engine, &front.location(), &of_reader(table));
        let found = rows(&query(&engine, sql).await).replace(',', "");
        assert_eq!(found.split_whitespace().collect::<Vec<_>>().join(" "), expected, "{table}");
        let asked = last_select(&front).await;
        assert!(asked.contains("WHERE") && asked.contains("70") || asked.contains("71"), "{asked}");
    }
}
