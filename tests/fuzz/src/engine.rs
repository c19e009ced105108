//! Files that are read by others' crates behind checks of ours: Parquet and Arrow as tables, databases in MaxMind's format
//! as functions.

use std::panic;
use std::path::PathBuf;
use std::process;

use flow_engine::{CancellationToken, Engine, EngineError, EngineOptions, LookupFiles, QueryOptions};
use tokio::runtime::Runtime;

use crate::{ROWS_MAX, Reader};

/// Crates whose panics the engine turns into errors, which is what the analyst then gets.
const CAUGHT: &[&str] = &["/arrow", "/parquet", "/datafusion", "/flatbuffers"];
const MEMORY_BYTES: u64 = 512 * 1024 * 1024;
/// Addresses that are in MaxMind's databases for tests, and others.
const LOOKUPS: &str = "SELECT geo_country(ip), geo_city(ip), asn(ip), as_org(ip) FROM (VALUES ('81.2.69.160'), \
                       ('2001:218::1'), ('1.128.0.1'), ('89.160.20.112'), ('255.255.255.255'), ('::1')) AS v(ip)";

/// An engine, and the one file that is written again and again.
pub(crate) struct EngineReader {
    engine: Engine,
    is_database: bool,
    file: PathBuf,
    _folder: tempfile::TempDir,
    runtime: Runtime,
}

impl EngineReader {
    pub(crate) fn new(name: &str) -> Self {
        tolerate_what_is_caught();
        let folder = crate::folder();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let file = folder.path().join("input");
        Self { engine: engine(None), is_database: name == "mmdb", file, _folder: folder, runtime }
    }

    fn query(&self, engine: &Engine, sql: &str) -> Result<usize, EngineError> {
        let options = QueryOptions { limit: Some(ROWS_MAX), ..QueryOptions::default() };
        let result = self.runtime.block_on(engine.query(sql, options, CancellationToken::new()))?;
        Ok(result.row_count)
    }
}

impl Reader for EngineReader {
    fn read(&self, bytes: &[u8]) {
        std::fs::write(&self.file, bytes).unwrap();
        if self.is_database {
            // A database is read once an engine.
            let _ = self.query(&engine(Some(self.file.clone())), LOOKUPS);
            return;
        }
        for function in ["read_log", "read_flows"] {
            let _ = self.query(&self.engine, &format!("SELECT * FROM {function}('{}')", self.file.display()));
        }
    }
}

fn engine(database: Option<PathBuf>) -> Engine {
    let lookup_files =
        LookupFiles { location_database: database.clone(), as_database: database, ..LookupFiles::default() };
    let options = EngineOptions {
        lookup_files,
        thread_count: Some(1),
        memory_limit_bytes: Some(MEMORY_BYTES),
        ..EngineOptions::default()
    };
    Engine::with_options(options).unwrap()
}

/// A panic of ours ends the process, as libFuzzer wants it; one of theirs unwinds to where the engine catches it.
fn tolerate_what_is_caught() {
    let abort = panic::take_hook();
    panic::set_hook(Box::new(move |information| {
        let place = information.location().map(|location| location.file().to_owned()).unwrap_or_default();
        let is_caught = place.contains("/registry/") && CAUGHT.iter().any(|name| place.contains(name));
        if !is_caught {
            abort(information);
            process::abort();
        }
    }));
}
