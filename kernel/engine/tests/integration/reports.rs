//! What users of other tools reported about flow data, as tests of what is right: one test a report, named for what was
//! reported, with the place of the report in its comment. Reports that tests of another room pin have none here.

mod times;
mod values;

use std::path::Path;

use flow_engine::{Engine, QueryResult};

use crate::{query, rows};

/// A file of this text, by its path.
fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

/// The values of a query, one row a line, separated by `|`.
fn values(result: &QueryResult) -> Vec<String> {
    let of_line =
        |line: &str| line.split("  ").map(str::trim).filter(|it| !it.is_empty()).collect::<Vec<_>>().join("|");
    rows(result).lines().map(of_line).collect()
}

async fn told(engine: &Engine, sql: &str) -> (Vec<String>, String) {
    let result = query(engine, sql).await;
    let notes: Vec<&str> = result.notes.iter().flat_map(flow_engine::Note::lines).collect();
    (values(&result), notes.join("\n"))
}
