//! PostgreSQL: a server of this machine's release, started for each test that needs one.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

/// Where Debian and others put the programs of each release.
const RELEASES: &str = "/usr/lib/postgresql";
const TABLE: &str = "CREATE TABLE flows (start_time timestamptz, end_time timestamptz, src_ip inet, dst_ip inet, \
    src_port int, dst_port int, protocol smallint, packets bigint, bytes numeric(20), rev_packets bigint, \
    rev_bytes bigint, tcp_flags int, icmp_type smallint, icmp_code smallint, direction text, uid text, community_id text)";

/// A server with a database `flows` and a user `reader`, in a folder of its own.
struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
    port: u16,
    process: Child,
}

/// The programs of the newest release here; `None` (with a printed reason) where there is none.
fn programs() -> Option<PathBuf> {
    let releases = std::fs::read_dir(RELEASES).into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let mut releases: Vec<PathBuf> = releases.filter(|bin| bin.join("initdb").exists()).collect();
    releases.sort();
    if releases.is_empty() {
        let _ = writeln!(std::io::stderr(), "skipped: there is no PostgreSQL in {RELEASES}");
    }
    releases.pop()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0\n"))
}

impl Server {
    fn start() -> Option<Server> {
        let programs = programs()?;
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).expect("open to all");
        let data = folder.path().join("data");
        let password = folder.path().join("password");
        std::fs::write(&password, PLANTED).expect("a file");
        let (data_text, password_text) = (data.display().to_string(), format!("--pwfile={}", password.display()));
        let made = command(&programs, "initdb")
            .args(["-D", &data_text, "-U", "owner", "-A", "scram-sha-256", &password_text, "-E", "UTF8", "--no-sync"])
            .args(["--locale", "C.UTF-8"])
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let sockets = folder.path().display().to_string();
        let process = command(&programs, "postgres")
            .args(["-D", &data_text, "-p", &port.to_string(), "-k", &sockets, "-h", "127.0.0.1", "-F"])
            .args(["-c", "log_statement=all", "-c", "max_connections=20", "-c", "shared_buffers=16MB"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres runs");
        let server = Server { folder, programs, port, process };
        let since = Instant::now();
        while !server.psql_of("postgres", "SELECT 1").0 {
            assert!(since.elapsed() < Duration::from_secs(30), "{}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        server.run_in("postgres", "CREATE DATABASE flows");
        server.run(&format!("CREATE USER reader PASSWORD '{PLANTED}'; CREATE USER nobody PASSWORD '{PLANTED}'"));
        Some(server)
    }

    fn psql_of(&self, database: &str, sql: &str) -> (bool, String) {
        let port = self.port.to_string();
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", &port, "-U", "owner"]);
        let ran = psql.args(["-d", database, "-c", sql]).env("PGPASSWORD", PLANTED).output().expect("psql runs");
        let text = if ran.status.success() { ran.stdout } else { ran.stderr };
        (ran.status.success(), String::from_utf8_lossy(&text).trim().to_owned())
    }

    fn run_in(&self, database: &str, sql: &str) -> String {
        let (is_well, text) = self.psql_of(database, sql);
        assert!(is_well, "{sql}: {text}");
        text
    }

    fn run(&self, sql: &str) -> String {
        self.run_in("flows", sql)
    }

    fn location(&self) -> String {
        format!("postgresql://127.0.0.1:{}/flows", self.port)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The statements that begin so, as the server was given them.
    fn asked(&self, beginning: &str) -> Vec<String> {
        let log = self.log();
        let statements = log.lines().filter(|line| line.contains("LOG:  execute "));
        let texts = statements.filter_map(|line| line.find(beginning).map(|at| line[at..].to_owned()));
        texts.collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An immediate shutdown, by the number that the server wrote itself: below `runuser` it is another than ours.
        let data = self.folder.path().join("data").display().to_string();
        let _ = command(&self.programs, "pg_ctl").args(["-D", &data, "-m", "immediate", "stop"]).output();
        let _ = self.process.wait();
    }
}

/// A program of the server, which refuses to run as root.
fn command(programs: &Path, name: &str) -> Command {
    let program = programs.join(name);
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program).current_dir("/");
    command
}

async fn loaded(server: &Server, engine: &Engine) {
    let csv = server.folder.path().join("flows.csv");
    flows(engine, server.folder.path()).await;
    write_csv(engine, &csv, COLUMNS).await;
    server.run(TABLE);
    server.run(&format!("\\copy flows ({COLUMNS}) FROM '{}' CSV HEADER", csv.display()));
    server.run(
        "CREATE INDEX ON flows USING gist (src_ip inet_ops); CREATE INDEX ON flows (start_time); ANALYZE flows; \
                GRANT SELECT ON flows TO reader",
    );
}

fn of_reader() -> SourceSettings {
    settings("postgresql", &[("table", "flows")], "reader", PLANTED)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_answers_as_files_do_and_filters_itself() {
    let Some(server) = Server::start() else { return };
    let engine = engine();
    loaded(&server, &engine).await;
    let found = register(&engine, &server.location(), &of_reader());
    assert_eq!((found.format, found.files), ("a PostgreSQL table", 0));
    both_agree(&engine, "there").await;

    let sql = "SELECT dst_ip FROM there WHERE src_ip = '10.20.5.0/24' AND dst_port = 3389 \
               AND start_time >= '2024-02-05T09:00:00Z' LIMIT 3";
    let plan = plan(&engine, sql).await;
    assert!(!plan.contains("FilterExec") && plan.contains("RemoteExec") && plan.contains("limit=3"), "{plan}");
    query(&engine, sql).await;
    let asked = server.asked("SELECT \"dst_ip\" FROM").pop().unwrap_or_else(|| panic!("not asked: {}", server.log()));
    for part in
        ["masklen(\"src_ip\") = 32", "'10.20.5.0'::inet", "\"dst_port\" = 3389", "'2024-02-05 09:00:00.000000+00'"]
    {
        assert!(asked.contains(part), "{part} in {asked}");
    }
    assert!(asked.contains("LIMIT 3") && !asked.contains("bytes"), "{asked}");
    let explained = server.run(&format!("SET enable_seqscan = off; EXPLAIN {asked}"));
    assert!(explained.contains("Index"), "the index on addresses is used: {explained}");

    // Each user's list of more networks than are worded one by one.
    let many: Vec<String> = (0..40).map(|net| format!("10.20.{net}.0/25")).collect();
    let many = format!("SELECT count(*) AS n FROM {{}} WHERE ip_in(src_ip, '{}')", many.join(" "));
    assert_eq!(
        rows(&query(&engine, &many.replace("{}", "there")).await),
        rows(&query(&engine, &many.replace("{}", "flows")).await)
    );
    let asked = server.asked("SELECT NULL FROM").pop().unwrap_or_default();
    assert!(asked.matches("'10.20.").count() >= 80, "all networks were told: {asked}");

    let text = format!("SELECT count(*) AS n FROM there WHERE uid = 'x'' OR ''1''=''1' OR uid = '{PLANTED}'");
    assert!(rows(&query(&engine, &text).await).trim().ends_with('0'), "a text is a value and no SQL");
    let never = server.asked("SELECT").len();
    assert_eq!(query(&engine, "SELECT src_ip FROM there WHERE dst_port = 70000").await.row_count, 0);
    assert_eq!(server.asked("SELECT").len(), never, "nothing can be so, and nobody is asked");
}

const ODD: &str = "CREATE TABLE odd (at bigint, until timestamp, \"Client\" inet, server text, port int, proto text, \
    octets numeric, took interval, flags text, mac macaddr, id uuid, noted json); GRANT SELECT ON odd TO reader;
    INSERT INTO odd VALUES
    (1719828000123, '2024-07-01 12:00:05', '10.0.0.1', '2001:DB8::1', 443, 'TCP', 18446744073709551615, '2.5 s', \
     '.AP.SF', '00:0d:3a:36:c7:83', '6f1c1e2a-0000-4000-8000-000000000001', '{}'),
    (0, 'infinity', '10.0.0.0/8', 'nowhere', 70000, 'x', 1.5, '-1 s', '?', NULL, NULL, NULL),
    (NULL, NULL, '::ffff:10.0.0.3', '', NULL, '', NULL, NULL, '', NULL, NULL, NULL)";

fn odd(more: &[(&str, ColumnOrigin)]) -> SourceSettings {
    let all = [
        ("start_time", column("at", Some(TimeUnit::Milliseconds))),
        ("end_time", column("until", None)),
        ("src_ip", column("client", None)),
        ("dst_ip", column("server", None)),
        ("dst_port", column("port", None)),
        ("protocol", column("proto", None)),
        ("bytes", column("octets", None)),
        ("duration_s", column("took", None)),
        ("tcp_flags", column("flags", None)),
        ("src_mac", column("mac", None)),
        ("uid", column("id", None)),
        ("packets", ColumnOrigin::Sql("coalesce(port, 0) * 2".into())),
    ];
    let columns = all.iter().chain(more).map(|(name, origin)| ((*name).to_owned(), origin.clone()));
    SourceSettings {
        time_zone: Some(chrono_tz::Europe::Prague),
        columns: columns.collect(),
        ..settings("postgresql", &[("table", "public.odd")], "reader", PLANTED)
    }
}

/// How many of the three rows a condition leaves.
const LEFT: &[(&str, usize)] = &[
    ("dst_port > 442", 1),
    ("dst_port IS NULL", 2),
    ("src_ip IS NULL", 1),
    ("src_ip IS NOT NULL", 2),
    ("src_ip = '10.0.0.0/8'", 2),
    ("src_ip <> '10.0.0.1'", 1),
    ("dst_ip IS NULL", 2),
    ("start_time IS NULL", 2),
    ("start_time < '2030-01-01T00:00:00Z'", 1),
    ("start_time = '2024-07-01T10:00:00.123Z'", 1),
    ("end_time > '2024-07-01T10:00:04Z'", 1),
    ("end_time > '2024-07-01T11:00:00Z'", 0),
    ("end_time IS NULL", 2),
    ("bytes > 1", 1),
    ("bytes IS NULL", 2),
    ("dst_ip = '2001:db8::/32'", 1),
    ("protocol = 6", 1),
    ("protocol IS NULL", 2),
    ("uid = '6f1c1e2a-0000-4000-8000-000000000001'", 1),
    ("uid IS NULL", 2),
    ("src_mac IS NULL", 2),
    ("packets = 886", 1),
    ("dst_port = 443 OR src_ip = '10.0.0.3'", 2),
    // Of the third row the port is not known, but the address differs.
    ("NOT (dst_port = 443 AND src_ip = '10.0.0.1')", 1),
];

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_none_are_so_for_conditions_too() {
    let Some(server) = Server::start() else { return };
    let engine = engine();
    server.run(ODD);
    register(&engine, &server.location(), &odd(&[]));
    let all = query(
        &engine,
        "SELECT start_time, end_time, src_ip, dst_ip, dst_port, protocol, bytes, duration_s, tcp_flags, src_mac, uid, \
         packets, array_to_string(notes, ' ') AS notes FROM there ORDER BY start_time, src_ip",
    )
    .await;
    let text = rows(&all).replace(',', "");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split("  ").map(str::trim).collect()).collect();
    let first = "2024-07-01T10:00:00.123Z|2024-07-01T10:00:05Z|10.0.0.1|2001:db8::1|443|6|18446744073709551615|4.877|27|\
                 00:0d:3a:36:c7:83|6f1c1e2a-0000-4000-8000-000000000001|886|NULL";
    for (at, parts) in [(0, first), (1, "10.0.0.3|time_missing"), (2, "value_unreadable time_missing|140000")] {
        let line = lines.get(at).unwrap_or_else(|| panic!("{text}"));
        parts.split('|').for_each(|part| assert!(line.contains(&part), "{part} in line {at} of {text}"));
    }
    for (condition, count) in LEFT {
        let found = query(&engine, &format!("SELECT src_ip FROM there WHERE {condition}")).await;
        assert_eq!(found.row_count, *count, "{condition}");
    }
    register(&engine, &server.location(), &SourceSettings { strict: true, ..odd(&[]) });
    let fault = try_query(&engine, "SELECT dst_port FROM there").await.expect_err("70000 is no port");
    says(&fault, "row 2: the value of dst_port cannot be read", "strict");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_cannot_be_made_are_told() {
    let Some(server) = Server::start() else { return };
    let engine = engine();
    server.run(ODD);
    for (flow, origin, fact, hint) in [
        ("src_port", column("clint", None), "which the table does not have", "`Client`"),
        ("start_time", column("at", None), "is int8", "unit = \"s\""),
        ("sensor", column("noted", None), "is json", "expression"),
        ("exporter_ip", column("port", None), "is int4", "expression"),
        ("sensor", ColumnOrigin::Sql("nothing + 1".into()), "\"nothing\"", "`sensor`"),
    ] {
        refused(&engine, &server.location(), &odd(&[(flow, origin)]), fact, hint);
    }
    register(&engine, &server.location(), &odd(&[("sensor", column("client", None))]));
    let text = rows(&query(&engine, "SELECT sensor FROM there WHERE sensor = '10.0.0.1'").await);
    assert!(text.contains("10.0.0.1"), "what the server writes: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_told_and_secrets_are_not() {
    let Some(server) = Server::start() else { return };
    let engine = engine();
    server.run(TABLE);
    server.run(
        "GRANT SELECT ON flows TO reader; CREATE TABLE other (a int); GRANT SELECT ON other TO reader; \
                CREATE TABLE secret (src_ip inet)",
    );
    let location = server.location();
    let table = |name: &str| settings("postgresql", &[("table", name)], "reader", PLANTED);
    refused(&engine, "postgresql://127.0.0.1:1/flows", &of_reader(), "cannot be reached", "name and port");
    refused(
        &engine,
        &location,
        &settings("postgresql", &[("table", "flows")], "reader", "wrong"),
        "does not accept the login",
        "`user`",
    );
    refused(
        &engine,
        &location,
        &settings("postgresql", &[("table", "flows")], "reader", ""),
        "does not accept the login",
        "`secrets`",
    );
    refused(&engine, &location.replace("/flows", "/none"), &of_reader(), "there is no database `none`", "database");
    refused(&engine, &location, &table("flow"), "there is no table `flow`", "Did you mean `flows`?");
    refused(&engine, &location, &table("other"), "none of its columns is one of flows", "`columns`");
    refused(&engine, &location, &table("secret"), "does not allow it", "right to read");
    refused(&engine, &location, &settings("postgresql", &[], "reader", PLANTED), "which table", "table = ");
    refused(
        &engine,
        &format!("postgresql://reader:{PLANTED}@127.0.0.1/flows"),
        &of_reader(),
        "password in the address",
        "secrets",
    );
    refused(&engine, "postgresql://192.0.2.1:1/flows?x", &of_reader(), "means nothing here", "keys");
    let native = SourceSettings { kind: SourceKind::Log, ..of_reader() };
    refused(&engine, &location, &native, "schema = \"native\"", "`columns`");
    let authority = |path: PathBuf| {
        let mut settings = of_reader();
        settings.server.ca_file = Some(path);
        settings
    };
    refused(&engine, &location, &authority("/nowhere.pem".into()), "/nowhere.pem", "PEM");

    // Planning needs no server; reading says that it is gone.
    register(&engine, &location, &of_reader());
    drop(server);
    assert!(plan(&engine, "SELECT src_ip FROM there").await.contains("RemoteExec"));
    let fault = try_query(&engine, "SELECT src_ip FROM there").await.expect_err("the server is gone");
    says(&fault, "cannot be reached", "whether it runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_stopped_stops_the_server() {
    let Some(server) = Server::start() else { return };
    let engine = engine();
    server.run(TABLE);
    server.run("INSERT INTO flows (src_ip, bytes) SELECT '10.0.0.1', n FROM generate_series(1, 3) n; GRANT SELECT ON flows TO reader");
    let columns = [("packets".to_owned(), ColumnOrigin::Sql("(SELECT 1 FROM pg_sleep(30))::bigint".into()))];
    let slow = SourceSettings { columns: columns.into(), ..of_reader() };
    register(&engine, &server.location(), &slow);
    let running = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'flowdeck' AND state = 'active'";
    let cancel = CancellationToken::new();
    let asked = engine.query("SELECT packets FROM there", QueryOptions::default(), cancel.clone());
    let stopped = async {
        let since = Instant::now();
        while server.run(running) != "1" {
            assert!(since.elapsed() < Duration::from_secs(10), "the query does not arrive");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        cancel.cancel();
        Instant::now()
    };
    let (outcome, since) = tokio::join!(asked, stopped);
    assert!(matches!(outcome, Err(EngineError::Cancelled { .. })), "{outcome:?}");
    while server.run(running) != "0" {
        assert!(since.elapsed() < Duration::from_secs(5), "the server goes on: {}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// An authority and a certificate of it for this machine, in the server's folder.
fn certify(server: &Server) {
    let openssl = |arguments: &str| {
        let ran = Command::new("openssl").args(arguments.split(' ')).current_dir(server.folder.path()).output();
        let ran = ran.expect("openssl, which Debian's PostgreSQL brings");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    std::fs::write(server.folder.path().join("names"), "subjectAltName=IP:127.0.0.1\n").expect("a file");
    for name in ["authority", "stranger"] {
        openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"
        ));
    }
    openssl(
        "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=here -keyout server.key -out server.csr",
    );
    openssl(
        "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile names -out server.crt",
    );
    for name in ["server.key", "server.crt"] {
        let copied = std::fs::read(server.folder.path().join(name)).expect("a file");
        let path = server.folder.path().join("data").join(name);
        std::fs::write(&path, copied).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("closed");
        if is_root() {
            let given = Command::new("chown").arg("postgres").arg(&path).status();
            assert!(given.is_ok_and(|status| status.success()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_connection_is_checked() {
    let Some(server) = Server::start() else { return };
    let engine = engine();
    server.run(TABLE);
    server.run("GRANT SELECT ON flows TO reader");
    certify(&server);
    let with = |name: &str| {
        let mut settings = of_reader();
        settings.server.ca_file = Some(server.folder.path().join(name));
        settings
    };
    refused(&engine, &server.location(), &with("authority.pem"), "no secure connection", "ca_file");
    server.run("ALTER SYSTEM SET ssl = on");
    server.run("SELECT pg_reload_conf()");
    std::thread::sleep(Duration::from_millis(500));
    refused(&engine, &server.location(), &with("stranger.pem"), "no secure connection", "ca_file");
    let mut encrypted = with("authority.pem");
    let sql = "(SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid())";
    encrypted.columns = [("sensor".to_owned(), ColumnOrigin::Sql(sql.into()))].into();
    register(&engine, &server.location(), &encrypted);
    server.run("INSERT INTO flows (src_ip) VALUES ('10.0.0.1')");
    assert!(rows(&query(&engine, "SELECT sensor FROM there").await).contains("TLSv1."), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_of_sources_is_kept() {
    let Some(server) = Server::start() else { return };
    let engine = engine();
    server.run(ODD);
    register(&engine, &server.location(), &odd(&[]));
    keeps_the_contract(&engine, server).await;
}
