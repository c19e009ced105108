//! Bytes that are no file, for the readers of binary data: libFuzzer makes them, guided by what they reach in our crates.
//!
//! `make fuzz` builds this with coverage and runs every reader for a while; FLOWDECK_FUZZ names the reader. Nothing is
//! asked of the rows but that there are any number of them without a panic, in bounded memory and time: what is read of good
//! and damaged files is tested beside the readers. `files` has the readers of connectors, `engine` those that need a whole
//! engine, `datagrams` what comes over the network, `seeds` what libFuzzer begins with.
#![no_main]
#![allow(clippy::unwrap_used, reason = "a failure of the machine is not to be taken for one of a reader")]

mod datagrams;
mod engine;
mod files;
mod seeds;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

/// Rows after which a file has given enough.
const ROWS_MAX: usize = 200_000;

/// Whoever is given bytes.
trait Reader: Send + Sync {
    fn read(&self, bytes: &[u8]);
}

static READER: LazyLock<Box<dyn Reader>> = LazyLock::new(|| match reader_name().as_str() {
    "collect" => Box::new(datagrams::Datagrams),
    name @ ("parquet" | "arrow" | "mmdb") => Box::new(engine::EngineReader::new(name)),
    name => Box::new(files::FileReader::new(name).unwrap_or_else(|| panic!("FLOWDECK_FUZZ={name:?} is no reader"))),
});

fn reader_name() -> String {
    std::env::var("FLOWDECK_FUZZ").unwrap_or_default()
}

/// A folder in memory where there is such a place: an input is a few kilobytes.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fuzz_target!(
    init: {
        seeds::write(&reader_name());
    },
    |bytes: &[u8]| READER.read(bytes)
);
