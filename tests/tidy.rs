//! The house rules that a machine can check: who may import whom, module docs, sizes, the map, forbidden calls.
//!
//! A rule that is broken on purpose is changed here, in the open, with its reason.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::MetadataCommand;

/// What each crate may import of the workspace. Everything not listed is forbidden.
const LAYERS: &[(&str, &[&str])] = &[
    ("kernel-protocol", &[]),
    ("widgets-comm", &[]),
    ("flow-source", &[]),
    ("file-source", &["connector-test-support", "flow-source"]),
    // Of files only how values are written as text.
    ("remote-source", &["file-source", "flow-source"]),
    ("enrichment", &["flow-source"]),
    ("connector-abuseipdb", &["enrichment"]),
    ("connector-argus", &["connector-test-support", "file-source", "flow-source"]),
    ("connector-blocklist", &["flow-source", "list-file"]),
    ("connector-clickhouse", &["flow-source", "remote-source"]),
    ("connector-cloud-flow-logs", &["connector-test-support", "file-source", "flow-source"]),
    ("connector-eve", &["connector-test-support", "file-source", "flow-source"]),
    ("connector-flowmon", &["connector-test-support", "flow-source", "remote-source"]),
    ("connector-greynoise", &["enrichment"]),
    ("connector-ipfixcol2", &["connector-test-support", "file-source", "flow-source"]),
    ("connector-misp", &["enrichment"]),
    ("connector-netflow", &["connector-test-support", "file-source", "flow-source", "packet-file"]),
    ("connector-nfcapd", &["connector-test-support", "file-source", "flow-source"]),
    ("connector-nfdump-text", &["connector-test-support", "file-source", "flow-source"]),
    ("connector-opensearch", &["flow-source", "remote-source"]),
    ("connector-pcap", &["connector-test-support", "file-source", "flow-source", "packet-file"]),
    ("connector-postgresql", &["flow-source", "remote-source"]),
    ("connector-rdap", &["enrichment"]),
    ("list-file", &["flow-source"]),
    ("connector-splunk", &["remote-source"]),
    ("packet-file", &[]),
    // Helpers of tests: for dev-dependencies alone.
    ("connector-test-support", &["flow-source"]),
    ("connector-toplist", &["list-file"]),
    ("connector-virustotal", &["enrichment"]),
    ("connector-zeek", &["connector-test-support", "file-source", "flow-source"]),
    ("demo-data", &["flow-source"]),
    (
        "flow-engine",
        &[
            "connector-abuseipdb",
            "connector-argus",
            "connector-blocklist",
            "connector-clickhouse",
            "connector-cloud-flow-logs",
            "connector-eve",
            "connector-flowmon",
            "connector-greynoise",
            "connector-ipfixcol2",
            "connector-misp",
            "connector-netflow",
            "connector-nfcapd",
            "connector-nfdump-text",
            "connector-opensearch",
            "connector-pcap",
            "connector-postgresql",
            "connector-rdap",
            "connector-splunk",
            "connector-toplist",
            "connector-virustotal",
            "connector-zeek",
            // For the tests alone: the flows that servers are loaded with.
            "demo-data",
            "enrichment",
            "file-source",
            "flow-source",
            "list-file",
            "remote-source",
        ],
    ),
    ("flowdeck-derive", &[]),
    ("flowdeck", &["flowdeck-derive", "widgets-comm"]),
    ("flowdeck-cell-host", &["flowdeck"]),
    // `flowdeck` for the bridge's frames, which both ends share.
    ("flowdeck-kernel", &["demo-data", "flow-engine", "flowdeck", "kernel-protocol", "playbooks", "widgets-comm"]),
    ("playbooks", &[]),
    (
        "fuzz",
        &[
            "connector-netflow",
            "connector-nfcapd",
            "connector-pcap",
            "connector-test-support",
            "connector-zeek",
            "flow-engine",
            "flow-source",
        ],
    ),
    ("tests", &["flowdeck-kernel"]),
];

/// Crates that only one room may name: (crate, the files or folders that may).
const ONLY_IN: &[(&str, &[&str])] = &[
    (
        "evcxr",
        &[
            "kernel/src/interpreter/rust/compiler.rs",
            "kernel/src/interpreter/rust/compile_error.rs",
            "kernel/src/interpreter/rust/analysis/worker.rs",
        ],
    ),
    ("datafusion", &["kernel/engine/", "connectors/"]),
    ("gix", &["kernel/playbooks/"]),
];

/// A file longer than this is two files.
const FILE_LINES_MAX: usize = 500;

/// A function longer than this is two functions.
const FUNCTION_LINES_MAX: usize = 70;

/// Calls that have no place in the product.
const FORBIDDEN: &[&str] = &["todo!(", "unimplemented!(", "dbg!("];

#[test]
fn imports_follow_the_layers() {
    let metadata =
        MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().expect("cargo metadata");
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let listed: BTreeSet<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(ours, listed, "every crate of the workspace has its line in LAYERS");
    for package in &metadata.packages {
        let (_, allowed) = LAYERS.iter().find(|(name, _)| *name == package.name.as_str()).expect("listed, see above");
        let used =
            package.dependencies.iter().map(|dependency| dependency.name.as_str()).filter(|name| ours.contains(name));
        let wrong: Vec<&str> = used.filter(|name| !allowed.contains(name) && *name != package.name.as_str()).collect();
        assert!(wrong.is_empty(), "{} must not import {wrong:?}", package.name);
    }
}

#[test]
fn dependencies_come_from_the_workspace() {
    for manifest in files_named(&root(), "Cargo.toml") {
        if manifest.parent() == Some(root().as_path()) {
            continue;
        }
        let text = read(&manifest);
        let mut in_dependencies = false;
        for line in text.lines() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
            } else if in_dependencies && !line.trim().is_empty() && !line.trim_start().starts_with(['#', '"', ']']) {
                let is_shared = line.contains("workspace = true");
                assert!(is_shared, "{}: `{line}` is not pinned in the workspace", manifest.display());
            }
        }
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    for file in rust_files() {
        let text = read(&file);
        assert!(text.starts_with("//!"), "{} does not open with what it is for", file.display());
    }
}

#[test]
fn files_and_functions_have_a_size_to_read() {
    for file in rust_files() {
        let text = read(&file);
        let product = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines = product.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines: two rooms in one?", file.display());
        for (line, length) in functions(product) {
            assert!(length <= FUNCTION_LINES_MAX, "{}:{line}: a function of {length} lines", file.display());
        }
    }
}

#[test]
fn only_the_room_of_a_crate_names_it() {
    for (name, rooms) in ONLY_IN {
        let path = format!("{name}::");
        for file in rust_files() {
            let place = relative(&file);
            if rooms.iter().any(|room| place.starts_with(room)) || place.starts_with("tests/") {
                continue;
            }
            let code = read(&file);
            let named =
                code.lines().filter(|line| !line.trim_start().starts_with("//")).find(|line| line.contains(&path));
            assert!(named.is_none(), "{place} names {name}: {named:?}");
        }
    }
}

#[test]
fn nothing_unfinished_is_left() {
    for file in rust_files().into_iter().filter(|file| !relative(file).starts_with("tests/")) {
        for (number, line) in read(&file).lines().enumerate() {
            let found = FORBIDDEN.iter().find(|call| line.contains(**call));
            assert!(found.is_none(), "{}:{}: {found:?}", file.display(), number + 1);
        }
    }
}

#[test]
fn the_map_names_every_crate() {
    let map = read(&root().join("ARCHITECTURE.md"));
    for (name, _) in LAYERS {
        assert!(map.contains(&format!("`{name}`")), "ARCHITECTURE.md does not mention `{name}`");
    }
}

/// First line and length of each function. A function ends at the first line that closes with its own indentation.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_function = ["fn ", "pub fn ", "async fn ", "pub async fn ", "pub(crate) fn ", "pub(crate) async fn "]
            .iter()
            .any(|head| code.starts_with(head));
        if !is_function || code.ends_with('}') || code.ends_with(';') {
            continue;
        }
        let closing = format!("{}}}", &line[..line.len() - code.len()]);
        if let Some(length) = lines[start..].iter().position(|line| *line == closing) {
            found.push((start + 1, length + 1));
        }
    }
    found
}

fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(&root(), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path.to_owned());
        }
    });
    assert!(files.len() > 20, "the sources were not found");
    files
}

fn files_named(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    walk(folder, &mut |path| {
        if path.file_name().is_some_and(|file| file == name) {
            files.push(path.to_owned());
        }
    });
    files
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    const BUILT: &[&str] =
        &["target", ".venv", ".git", "node_modules", "demo-data-out", "test-artifacts", "flowdeck.data"];
    for entry in fs::read_dir(folder).expect("a folder of the project").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            // The demo data in the root is output; the crate of that name is in kernel/.
            let is_output = name == "demo-data" && folder == root();
            if !is_output && !BUILT.iter().any(|built| name == *built) {
                walk(&path, visit);
            }
        } else {
            visit(&path);
        }
    }
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace").to_owned()
}
