//! Flows at servers: the same questions to files and to servers that hold the same flows, what the servers were asked,
//! how faults read, and that servers stop with their queries.

use std::collections::BTreeMap;
use std::path::Path;

use flow_engine::{
    CancellationToken, ColumnOrigin, Engine, EngineError, QueryOptions, Registered, Secret, ServerSettings, SourceKind,
    SourceSettings, TimeUnit,
};

use flow_source::contract_tests;

use crate::{engine, query, rows, try_query};

mod clickhouse;
mod front;
mod opensearch;
mod postgresql;
mod splunk;

/// What must not be in any text.
const PLANTED: &str = "s3cr3t-of-a-test";
/// Flows of the day of which two hours are loaded into each server.
const FLOWS: u64 = 15_000;
/// The columns that the servers' tables have; the demonstration has no others.
const COLUMNS: &str = "start_time, end_time, src_ip, dst_ip, src_port, dst_port, protocol, packets, bytes, rev_packets, \
                       rev_bytes, tcp_flags, icmp_type, icmp_code, direction, uid, community_id";
/// What is asked of files and servers alike. Each has one order of rows.
const QUESTIONS: &[&str] = &[
    "SELECT count(*) AS n, sum(bytes) AS b, min(start_time) AS first, max(end_time) AS last FROM {t}",
    "SELECT src_ip, dst_ip, dst_port, start_time, bytes FROM {t} WHERE src_ip = '10.20.5.0/24' AND dst_port = 3389 \
     ORDER BY start_time, dst_ip, bytes LIMIT 50",
    "SELECT dst_port, count(*) AS n, sum(rev_bytes) AS b FROM {t} WHERE ip_in(src_ip, '10.20.0.0/16, 2001:db8::/32') \
     AND NOT ip_in(dst_ip, '10.20.0.0/16') GROUP BY dst_port ORDER BY n DESC, dst_port LIMIT 20",
    "SELECT count(*) AS n, count(DISTINCT src_ip) AS s FROM {t} WHERE start_time >= '2024-02-05T09:40:00Z' \
     AND start_time < '2024-02-05T10:05:00Z' AND protocol = 6 AND tcp_flags & 31 = 2",
    "SELECT start_time, src_ip, dst_ip, uid FROM {t} WHERE dst_port IN (22, 23, 3389, 5900) AND packets > 20 \
     AND src_ip <> '10.20.5.23' ORDER BY start_time, src_ip, dst_ip, uid LIMIT 40",
    "SELECT count(*) AS n, min(src_port) AS lowest FROM {t} WHERE src_port IS NULL OR dst_port BETWEEN 1 AND 1023",
    "SELECT protocol_name, ip_version, count(*) AS n FROM {t} WHERE icmp_type IS NOT NULL OR protocol = 17 \
     GROUP BY protocol_name, ip_version ORDER BY protocol_name, ip_version",
    "SELECT dst_ip, sum(bytes) AS b, round(sum(duration_s), 3) AS d FROM {t} WHERE bytes > 1000000 AND end_time IS NOT NULL \
     GROUP BY dst_ip ORDER BY b DESC, dst_ip LIMIT 15",
    "SELECT uid, community_id FROM {t} WHERE uid IN (SELECT uid FROM {t} WHERE uid IS NOT NULL ORDER BY uid LIMIT 5) ORDER BY uid",
    "SELECT date_bin(INTERVAL '1 hour', start_time) AS h, count(*) AS n FROM {t} WHERE NOT (dst_port = 443 OR dst_port = 53) \
     AND dst_ip > '198.51.100.0' GROUP BY h ORDER BY h",
];

/// Two hours of the demonstration, among them its incident, as the table `flows`.
async fn flows(engine: &Engine, folder: &Path) {
    let options = demo_data::DemoOptions { dir: folder.join("demo"), flows: FLOWS, seed: 7 };
    demo_data::generate(&options, &mut |_| {}).expect("a day of flows");
    let pattern = folder.join("demo/flows/*.parquet").display().to_string();
    engine.register_source("day", &pattern, SourceKind::Flows).expect("flows");
    let hours = "SELECT * FROM day WHERE start_time >= '2024-02-05T09:00:00Z' AND start_time < '2024-02-05T11:00:00Z'";
    let hours = query(engine, hours).await;
    assert!(hours.row_count > 1000, "{} flows", hours.row_count);
    engine.register_result("flows", &hours).expect("a table");
}

/// What a query of the flows gives, as JSON lines.
async fn write_json(engine: &Engine, path: &Path, sql: &str) {
    let flows = query(engine, sql).await;
    let mut file = std::fs::File::create(path).expect("a file");
    flow_engine::export::write(&flows, flow_engine::Format::Json, &mut file).expect("JSON lines");
}

/// The flows as CSV with a header, times in microseconds.
async fn write_csv(engine: &Engine, path: &Path, columns: &str) {
    let flows = query(engine, &format!("SELECT {columns} FROM flows")).await;
    let mut file = std::fs::File::create(path).expect("a file");
    flow_engine::export::write(&flows, flow_engine::Format::Csv, &mut file).expect("CSV");
}

/// Asks everything of the files and of `table`.
async fn both_agree(engine: &Engine, table: &str) {
    for question in QUESTIONS {
        let of = |name: &str| question.replace("{t}", name);
        let (files, server) = (query(engine, &of("flows")).await, query(engine, &of(table)).await);
        assert_eq!(rows(&files), rows(&server), "{question}");
        assert!(files.row_count > 0, "nothing is compared by {question}");
    }
}

fn settings(connector: &str, options: &[(&str, &str)], user: &str, password: &str) -> SourceSettings {
    let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let secrets: BTreeMap<String, Secret> = match password {
        "" => BTreeMap::new(),
        password => [("password".to_owned(), Secret::new(password))].into(),
    };
    SourceSettings {
        connector: Some(connector.to_owned()),
        server: ServerSettings {
            options,
            user: Some(user.to_owned()).filter(|user| !user.is_empty()),
            secrets,
            ..ServerSettings::default()
        },
        ..SourceSettings::default()
    }
}

fn column(name: &str, unit: Option<TimeUnit>) -> ColumnOrigin {
    ColumnOrigin::Column { name: name.to_owned(), unit }
}

#[track_caller]
fn register(engine: &Engine, location: &str, settings: &SourceSettings) -> Registered {
    let registered = engine.register_source_with("there", location, settings);
    registered.unwrap_or_else(|fault| panic!("{fault}; {:?}", fault.hint()))
}

/// That opening fails with these words in what is said and in the hint, and without the planted secret anywhere.
#[track_caller]
fn refused(engine: &Engine, location: &str, settings: &SourceSettings, fact: &str, hint: &str) {
    let fault = engine.register_source_with("refused", location, settings).expect_err(fact);
    says(&fault, fact, hint);
}

#[track_caller]
fn says(fault: &EngineError, fact: &str, hint: &str) {
    let all = format!("{fault} {:?} {fault:?} {}", fault.hint(), fault.for_log());
    assert!(!all.contains(PLANTED), "{all}");
    assert!(fault.to_string().contains(fact), "{fault}");
    assert!(fault.hint().unwrap_or_default().contains(hint), "{:?}", fault.hint());
}

/// The plan of a query, for what is asked of the server.
async fn plan(engine: &Engine, sql: &str) -> String {
    let explained = query(engine, &format!("EXPLAIN FORMAT INDENT {sql}")).await;
    let text = arrow::util::pretty::pretty_format_batches(&explained.batches).expect("a table");
    text.to_string()
}

/// What every source must do, of the table `there`; in the end without its server.
async fn keeps_the_contract<S>(engine: &Engine, server: S) {
    let (state, table) = (engine.context().state(), engine.context().table_provider("there").await.expect("a table"));
    contract_tests::check_table(&state, table.as_ref()).await;
    contract_tests::check_drop(&state, table.as_ref()).await;
    contract_tests::check_lazy(&state, table.as_ref(), || drop(server)).await;
}
