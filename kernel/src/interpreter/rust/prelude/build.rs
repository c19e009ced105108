//! Compiles the prelude: cargo's call, and what it says meanwhile.

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::Value;

use super::{PreludeError, Watcher};
use crate::interpreter::rust::{processes, toolchain::Toolchain};

/// Lines of cargo's that are told when it fails.
const LINES_TOLD: usize = 12;

/// In what cargo says when it lacks something that the network has.
const OFFLINE: &str = "offline";

/// What a person set for builds of their own would give a library that cells cannot link, put files elsewhere or compile
/// them otherwise.
const NOT_FOR_US: &[&str] = &[
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

/// Compiles the prelude of a workspace into a folder.
///
/// # Errors
/// When cargo fails, or was ended.
pub(super) fn build(
    toolchain: &Toolchain,
    workspace: &Path,
    target: &Path,
    watcher: &dyn Watcher,
) -> Result<(), PreludeError> {
    let started = Instant::now();
    let mut crates = 0;
    let mut compiled = |name: &str| {
        crates += 1;
        watcher.compiled(name, crates, started.elapsed());
    };
    // What was fetched when this program was built is enough on the same machine.
    let mut built = run(cargo(toolchain, workspace, target, true), &mut compiled);
    if matches!(&built, Err(Failure::Said(said)) if said.contains(OFFLINE)) && !watcher.is_stopped() {
        built = run(cargo(toolchain, workspace, target, false), &mut compiled);
    }
    match built {
        Ok(()) => watcher.done(crates, started.elapsed()),
        Err(_) if watcher.is_stopped() => return Err(PreludeError::Stopped),
        Err(Failure::Ended) => return Err(PreludeError::Stopped),
        Err(Failure::Said(said)) => return Err(PreludeError::NotBuilt { reason: last_lines(&said) }),
    }
    Ok(())
}

fn cargo(toolchain: &Toolchain, workspace: &Path, target: &Path, offline: bool) -> Command {
    let mut cargo = Command::new(&toolchain.cargo);
    cargo
        .args(["rustc", "--release", "--locked", "--package", "flowdeck", "--lib"])
        .args(["--message-format=json-render-diagnostics", "--manifest-path"])
        .arg(workspace.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        // A shared library, with what it needs in it: to link a cell with forty archives takes as long as to compile it,
        // and puts a copy of them into each. One standard library for it and for cells.
        .args(["--crate-type", "dylib"])
        .args(offline.then_some("--offline"))
        .args(["--", "-Cprefer-dynamic"]);
    for name in NOT_FOR_US {
        cargo.env_remove(name);
    }
    // It must not outlive the kernel that wanted it.
    let parent = std::process::id();
    // Safety: after the fork only system calls are made.
    unsafe {
        cargo.pre_exec(move || {
            processes::die_with(parent);
            Ok(())
        });
    }
    cargo
}

enum Failure {
    /// What it said.
    Said(String),
    /// Somebody ended it: an interrupt does.
    Ended,
}

fn run(mut cargo: Command, compiled: &mut dyn FnMut(&str)) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Said(error.to_string());
    let mut cargo = cargo.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let (stdout, stderr) = (cargo.stdout.take(), cargo.stderr.take());
    let said = std::thread::spawn(move || {
        let mut text = Vec::new();
        // What was read is told.
        let _ = stderr.map(|mut stderr| stderr.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    });
    let lines = stdout.map(|stdout| BufReader::new(stdout).lines()).into_iter().flatten();
    for message in lines.map_while(Result::ok).filter_map(|line| serde_json::from_str::<Value>(&line).ok()) {
        let is_script = message["target"]["kind"][0] == "custom-build";
        if message["reason"] == "compiler-artifact" && message["fresh"] == false && !is_script {
            compiled(message["target"]["name"].as_str().unwrap_or_default());
        }
    }
    let (status, said) = (cargo.wait().map_err(failed)?, said.join().unwrap_or_default());
    match status.success() {
        true => Ok(()),
        false if status.signal().is_some() => Err(Failure::Ended),
        false => Err(Failure::Said(said)),
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_TOLD)..].join("\n")
}
