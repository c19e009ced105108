//! Calls of cargo for dependencies: what it says meanwhile, what it says when it fails, and what it made.

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    Linked,
    manifest::{PACKAGE, RUNTIME, RUNTIME_NAME},
};
use crate::driver::progress::Progress;

/// Lines of cargo's that are told when something does not compile.
const LINES_TOLD: usize = 30;

/// In what cargo says when it lacks something that the network may have.
const OFFLINE: &str = "offline";

/// Stands before the reasons of cargo's errors, the one that explains most last.
const CAUSE: &str = "Caused by:";

/// How many of these are told.
const CAUSES_TOLD: usize = 2;

/// What cargo said.
pub struct Said {
    pub is_success: bool,
    /// Lines of its standard output.
    pub stdout: Vec<String>,
    pub stderr: String,
}

impl Said {
    /// Whether it failed for want of something that is not on this machine.
    pub fn needs_network(&self) -> bool {
        !self.is_success && self.stderr.contains(OFFLINE)
    }

    /// Its messages, where it was asked for JSON.
    pub fn messages(&self) -> Vec<Value> {
        self.stdout.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Its error in one line, without the places where we work.
    pub fn fact(&self, folder: &Path) -> String {
        let lines: Vec<&str> = self.stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let error = lines.iter().find_map(|line| line.strip_prefix("error: ")).unwrap_or("cargo failed");
        let error = error.split(" as a dependency of package").next().unwrap_or(error).trim_end_matches('.');
        let mut causes: Vec<&str> = lines.windows(2).filter(|pair| pair[0] == CAUSE).map(|pair| pair[1]).collect();
        causes.drain(..causes.len().saturating_sub(CAUSES_TOLD));
        let is_more = |line: &&&str| line.starts_with("candidate versions found") || line.contains(" but `");
        let more = lines.iter().filter(is_more).copied();
        let ours = folder.to_string_lossy();
        let parts = std::iter::once(error).chain(more).chain(causes).filter(|part| !part.contains(&*ours));
        parts.collect::<Vec<_>>().join(": ").replace(&format!("package `{PACKAGE}`"), "the notebook")
    }

    /// The last of what it said.
    pub fn last_lines(&self) -> String {
        let lines: Vec<&str> = self.stderr.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(LINES_TOLD)..].join("\n")
    }
}

/// Runs cargo.
///
/// # Errors
/// When it cannot be run.
pub fn run(mut cargo: Command, progress: &mut Progress) -> Result<Said> {
    let mut cargo = cargo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot run cargo")?;
    let stderr = BufReader::new(cargo.stderr.take().context("cargo has no standard error")?);
    let stdout = BufReader::new(cargo.stdout.take().context("cargo has no standard output")?);
    let progress = Mutex::new(progress);
    let tell =
        |tell: &dyn Fn(&mut Progress)| tell(&mut progress.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    let (stdout, stderr) = std::thread::scope(|scope| {
        let said = scope.spawn(|| {
            let lines = stderr.lines().map_while(Result::ok);
            let lines = lines.inspect(|line| tell(&|progress| note(line, progress)));
            lines.flat_map(|line| [line, "\n".to_owned()]).collect::<String>()
        });
        let lines = stdout.lines().map_while(Result::ok);
        let lines: Vec<String> = lines.inspect(|line| tell(&|progress| note_artifact(line, progress))).collect();
        (lines, said.join().unwrap_or_default())
    });
    Ok(Said { is_success: cargo.wait()?.success(), stdout, stderr })
}

/// What takes time besides compiling.
fn note(line: &str, progress: &mut Progress) {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["Updating", ..] => progress.note("asking for what is not on this machine yet …"),
        ["Downloaded", name, version, ..] => progress.note(&format!("fetched {name} {version}")),
        ["Blocking", ..] => progress.note("waiting for another kernel that compiles …"),
        _ => {}
    }
}

fn note_artifact(line: &str, progress: &mut Progress) {
    if !line.contains("compiler-artifact") {
        return;
    }
    let Ok(message) = serde_json::from_str::<Value>(line) else { return };
    let is_script = message["target"]["kind"][0] == "custom-build";
    let name = message["target"]["name"].as_str().unwrap_or_default();
    if message["reason"] == "compiler-artifact" && !is_script && name != PACKAGE.replace('-', "_") {
        progress.compiled(name, message["fresh"] == true);
    }
}

/// By what the names end of all that cargo made or used, see the kernel's `prelude::record`.
pub fn units(messages: &[Value]) -> BTreeSet<String> {
    let made = |message: &Value| {
        let files = message["filenames"].as_array().cloned().unwrap_or_default();
        files.into_iter().chain([message["out_dir"].clone()]).filter_map(|file| file.as_str().map(str::to_owned))
    };
    let ends = messages.iter().flat_map(|message| made(message).collect::<Vec<_>>());
    let words = ends.flat_map(|file| file.split(['/', '\\', '.', '-']).map(str::to_owned).collect::<Vec<_>>());
    words.filter(|word| word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit())).collect()
}

/// The files of the dependencies that cells name.
pub fn linked(metadata: &Value, messages: &[Value]) -> Result<Linked> {
    let root = &metadata["resolve"]["root"];
    let nodes = metadata["resolve"]["nodes"].as_array().context("cargo resolved nothing")?;
    let node = nodes.iter().find(|node| node["id"] == *root).context("cargo does not know the crate")?;
    let mut linked = Linked::default();
    for dependency in node["deps"].as_array().into_iter().flatten() {
        let of_it = messages.iter().filter(|message| message["package_id"] == dependency["pkg"]);
        let file = of_it.filter_map(library).next_back();
        let (Some(name), Some(file)) = (dependency["name"].as_str(), file) else { continue };
        if name == RUNTIME {
            linked.externs.push((RUNTIME_NAME.to_owned(), file.clone()));
        }
        linked.externs.push((name.to_owned(), file));
    }
    let scripts = messages.iter().filter(|message| message["reason"] == "build-script-executed");
    for path in scripts.flat_map(|script| script["linked_paths"].as_array().into_iter().flatten()) {
        linked.search.extend(path.as_str().map(str::to_owned));
    }
    Ok(linked)
}

/// The library of a message about something compiled.
fn library(message: &Value) -> Option<PathBuf> {
    let kinds = message["target"]["kind"].as_array()?;
    let is_library =
        kinds.iter().any(|kind| ["lib", "rlib", "dylib", "proc-macro"].contains(&kind.as_str().unwrap_or("")));
    let files = message["filenames"].as_array().filter(|_| is_library)?.iter().filter_map(Value::as_str);
    let wanted = |file: &&str| [".rlib", env::consts::DLL_SUFFIX].iter().any(|ending| file.ends_with(ending));
    files.filter(wanted).map(PathBuf::from).next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fact(stderr: &str) -> String {
        let said = Said { is_success: false, stdout: Vec::new(), stderr: stderr.to_owned() };
        said.fact(Path::new("/tmp/flowdeck-x/bin/dependencies"))
    }

    #[test]
    fn an_error_is_one_line_without_the_places_where_we_work() {
        assert_eq!(
            fact(
                "    Updating an index\nerror: no matching package named `nosuch` found\nlocation searched: an index\n\
                 required by package `flowdeck-dependencies v0.0.0 (/tmp/flowdeck-x/bin/dependencies)`\n"
            ),
            "no matching package named `nosuch` found"
        );
        assert_eq!(
            fact(
                "error: failed to get `own` as a dependency of package `flowdeck-dependencies v0.0.0 (/tmp/flowdeck-x)`\n\n\
                 Caused by:\n  Unable to update /home/me/own\n\nCaused by:\n  failed to read `/home/me/own/Cargo.toml`\n\n\
                 Caused by:\n  No such file or directory (os error 2)\n"
            ),
            "failed to get `own`: failed to read `/home/me/own/Cargo.toml`: No such file or directory (os error 2)"
        );
        assert_eq!(
            fact(
                "error: failed to select a version for the requirement `rand = \"^999\"`\n\
                 candidate versions found which didn't match: 0.9.2, 0.9.1\nlocation searched: an index\n"
            ),
            "failed to select a version for the requirement `rand = \"^999\"`: candidate versions found which didn't match: 0.9.2, 0.9.1"
        );
        assert_eq!(
            fact(
                "error: failed to parse manifest at `/tmp/flowdeck-x/bin/dependencies/Cargo.toml`\n\n\
                 Caused by:\n  dependency (x) specified without a version\n"
            ),
            "dependency (x) specified without a version"
        );
    }

    #[test]
    fn only_what_may_be_elsewhere_is_looked_for_there() {
        let said = |stderr: &str| Said { is_success: false, stdout: Vec::new(), stderr: stderr.to_owned() };
        assert!(said("As a reminder, you're using offline mode (--offline)").needs_network());
        assert!(!said("error: failed to read `/x/Cargo.toml`").needs_network());
    }

    #[test]
    fn units_are_found_in_all_that_was_made() {
        let messages = [
            json!({"filenames": ["/t/release/deps/libhex-0123456789abcdef.rlib", "/t/libhex.rlib"]}),
            json!({"out_dir": "/t/release/build/zstd-sys-fedcba9876543210/out"}),
        ];
        assert_eq!(units(&messages), BTreeSet::from(["0123456789abcdef".to_owned(), "fedcba9876543210".to_owned()]));
    }

    #[test]
    fn libraries_are_found_under_the_names_that_code_uses() {
        let metadata = json!({"resolve": {"root": "r", "nodes": [{"id": "r", "deps": [
            {"name": "other_name", "pkg": "a"}, {"name": "makro", "pkg": "b"}]}]}});
        let messages = [
            json!({"reason": "compiler-artifact", "package_id": "a", "target": {"kind": ["custom-build"]}, "filenames": ["/t/build"]}),
            json!({"reason": "build-script-executed", "package_id": "a", "linked_paths": ["native=/t/out"]}),
            json!({"reason": "compiler-artifact", "package_id": "a", "target": {"kind": ["lib"]}, "filenames": ["/t/liba.rlib", "/t/liba.rmeta"]}),
            json!({"reason": "compiler-artifact", "package_id": "b", "target": {"kind": ["proc-macro"]},
                "filenames": [format!("/t/libb{}", env::consts::DLL_SUFFIX)]}),
        ];
        let linked = linked(&metadata, &messages).expect("all is there");
        assert_eq!(linked.externs[0], ("other_name".to_owned(), PathBuf::from("/t/liba.rlib")));
        assert_eq!(
            (linked.externs[1].0.as_str(), linked.search.as_slice()),
            ("makro", &["native=/t/out".to_owned()][..])
        );
    }
}
