//! The engine from outside: files to rows, rows to files, texts that people read. One binary, since each would link
//! DataFusion.

mod addresses;
mod completion;
mod damaged;
mod errors;
mod export;
mod files;
mod folders;
mod functions;
mod integers;
mod later;
mod plain;
mod queries;
mod remote;
mod reports;
mod samples;
mod servers;
mod sources;
mod standard_views;
mod stored;
mod time_joins;
mod times;
mod web;

use std::path::PathBuf;

use flow_engine::{CancellationToken, Engine, EngineError, QueryOptions, QueryResult, render};

/// A sample file of the developers' machines; tests of it are skipped where the samples are absent.
fn sample(path: &str) -> Option<String> {
    let samples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples");
    let path = samples.join(path);
    path.exists().then(|| path.display().to_string())
}

fn engine() -> Engine {
    Engine::new().expect("an engine with defaults")
}

async fn try_query(engine: &Engine, sql: &str) -> Result<QueryResult, EngineError> {
    engine.query(sql, QueryOptions::default(), CancellationToken::new()).await
}

#[track_caller]
fn expect_rows(outcome: Result<QueryResult, EngineError>) -> QueryResult {
    outcome.unwrap_or_else(|fault| panic!("{fault}\nhint: {:?}\nlog: {}", fault.hint(), fault.for_log()))
}

async fn query(engine: &Engine, sql: &str) -> QueryResult {
    expect_rows(try_query(engine, sql).await)
}

/// The rows as text without the caption, whose time varies.
fn rows(result: &QueryResult) -> String {
    let text = render::to_text(result, 0);
    let lines: Vec<&str> = text.lines().skip(2).take_while(|line| !line.contains(" in ")).collect();
    lines.join("\n")
}
