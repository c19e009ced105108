//! What a session depends on besides the prelude (`:dep`): resolved and compiled apart from its cells.
//!
//! evcxr names dependencies in the manifest of the cells' crate. Here they get a crate of their own without code, which
//! cargo builds beside the prelude: what both need is compiled once, and each crate once for all kernels. Cells are then
//! compiled by one call of rustc, and kept, as others are. Which versions were chosen stands in a lock file beside the
//! notebook, and they are chosen again.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Instant, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Settings, end_with_us, files, progress::Progress};

/// evcxr's name for a crate with one dependency, by which it asks whether there is such a one.
const TRIAL: &str = "evcxr_dummy_validate_dep";

/// Stands before dependencies in a manifest.
const SECTION: &str = "[dependencies]";

/// The dependency that every cell has.
const PRELUDE: &str = "flowdeck";

/// For a cell that awaits, see `awaits`: the author's tokio, with what a runtime needs, and under a name of ours too.
const RUNTIME: &str = "tokio";
const RUNTIME_NAME: &str = "flowdeck_tokio";
const RUNTIME_FEATURES: &[&str] = &["\"rt-multi-thread\"", "\"time\""];

/// The crate without code. Its profile is that in which the prelude is compiled, or both would be compiled twice.
const MANIFEST: &str = r#"[package]
name = "flowdeck-dependencies"
version = "0.0.0"
edition = "2024"

[lib]
path = "lib.rs"

[workspace]

[profile.release]
opt-level = 3
debug = false
strip = "debuginfo"
codegen-units = 16

[dependencies]
"#;

/// Its name in code.
const CRATE: &str = "flowdeck_dependencies";

/// Lines of cargo's that are told when it fails.
const LINES_TOLD: usize = 30;

/// What a person set for builds of their own, or evcxr for its own.
const NOT_FOR_US: &[&str] = &[
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
];

/// Dependencies, ready to be linked.
#[derive(Debug, Default)]
pub struct Linked {
    /// Names by which code knows them, and their files.
    pub externs: Vec<(String, PathBuf)>,
    /// Where rustc finds what they need outside of Rust, as it takes it.
    pub search: Vec<String>,
}

impl Linked {
    /// Whether the cell's author depends on tokio.
    pub fn has_runtime(&self) -> bool {
        self.externs.iter().any(|(name, _)| name == RUNTIME_NAME)
    }

    /// Tells apart what was compiled at different times under one name.
    pub fn stamp(&self) -> String {
        let stamps = self.externs.iter().map(|(_, file)| {
            let about = fs::metadata(file).and_then(|about| Ok((about.len(), about.modified()?)));
            let (length, modified) = about.unwrap_or((0, UNIX_EPOCH));
            format!("{length} {} ", modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos())
        });
        stamps.collect()
    }
}

/// Answers evcxr's `cargo metadata` for a manifest with dependencies: chooses their versions.
///
/// # Errors
/// When cargo cannot be run.
pub fn metadata(settings: &Settings, manifest: &str) -> Result<Output> {
    let place = Place::of(settings)?;
    let is_trial = manifest.contains(TRIAL);
    let before = (place.manifest(), fs::read(place.lock()).ok());
    let mut wanted = lines(manifest);
    if is_trial {
        // Those of before keep their versions.
        let others = lines(&before.0).into_iter().filter(|line| !wanted.iter().any(|new| name(new) == name(line)));
        wanted.extend(others.collect::<Vec<_>>());
    }
    place.write(&wanted)?;
    let arguments = ["metadata", "--format-version=1"];
    // What was fetched before is enough, and then nobody is asked.
    let mut output = place.cargo(settings, &arguments, true).output()?;
    if !output.status.success() {
        output = place.cargo(settings, &arguments, false).output()?;
    }
    if !output.status.success() {
        fs::write(place.folder.join("Cargo.toml"), before.0)?;
        if let Some(lock) = before.1 {
            fs::write(place.lock(), lock)?;
        }
    } else if !is_trial {
        place.keep_lock(settings);
    }
    Ok(output)
}

/// The dependencies of a manifest, compiled now if they are not yet.
///
/// # Errors
/// What cargo says.
pub fn ensure(settings: &Settings, manifest: &str) -> Result<Linked> {
    let place = Place::of(settings)?;
    let target = settings.prelude.as_deref().and_then(Path::parent).context("there is no prelude")?;
    let wanted = lines(manifest);
    if lines(&place.manifest()) != with_runtime(&wanted) || !place.lock().exists() {
        place.write(&wanted)?;
    }
    let lock = fs::read_to_string(place.lock()).unwrap_or_default();
    let record = target.join("dependencies").join(format!("{}.json", key(settings, &wanted, &lock)));
    // The sources of a path may change at any time; cargo looks.
    let is_fixed = !wanted.iter().any(|line| line.contains("path"));
    if let Some(linked) = read(&record).filter(|_| is_fixed) {
        return Ok(linked);
    }
    let linked = build(settings, &place, target)?;
    place.keep_lock(settings);
    let parent = record.parent().map(fs::create_dir_all);
    let text = json!({"externs": linked.externs, "search": linked.search}).to_string();
    // Without it the next kernel asks cargo again.
    if parent.is_some_and(|made| made.is_ok()) {
        let _ = files::write_whole(&record, text.as_bytes());
    }
    Ok(linked)
}

/// Whether the manifest is of cells or a trial for them, and names more than the prelude.
pub fn has_some(manifest: &str) -> bool {
    manifest.contains(TRIAL) || !lines(manifest).is_empty()
}

/// The folder of the crate without code.
struct Place {
    folder: PathBuf,
}

impl Place {
    /// The folder of this kernel, with a lock file to begin with: the notebook's, or the versions of the prelude.
    fn of(settings: &Settings) -> Result<Place> {
        let place = Place { folder: settings.folder.join("dependencies") };
        if !place.folder.exists() {
            fs::create_dir_all(&place.folder)?;
            fs::write(place.folder.join("lib.rs"), "")?;
            let locks = [settings.notebook_lock.as_ref(), settings.prelude_lock.as_ref()];
            let first = locks.into_iter().flatten().find(|lock| lock.is_file());
            first.map(|lock| fs::copy(lock, place.lock())).transpose()?;
        }
        Ok(place)
    }

    fn lock(&self) -> PathBuf {
        self.folder.join("Cargo.lock")
    }

    fn manifest(&self) -> String {
        fs::read_to_string(self.folder.join("Cargo.toml")).unwrap_or_else(|_| MANIFEST.to_owned())
    }

    fn write(&self, wanted: &[String]) -> Result<()> {
        let text: String = with_runtime(wanted).iter().map(|line| format!("{line}\n")).collect();
        Ok(fs::write(self.folder.join("Cargo.toml"), format!("{MANIFEST}{text}"))?)
    }

    fn cargo(&self, settings: &Settings, arguments: &[&str], offline: bool) -> Command {
        let mut cargo = Command::new(&settings.cargo);
        end_with_us(&mut cargo);
        for name in NOT_FOR_US {
            cargo.env_remove(name);
        }
        // Not in the cells' folder, whose settings are evcxr's.
        cargo.args(arguments).current_dir(&self.folder).env("RUSTC", &settings.rustc).stdin(Stdio::null());
        if offline {
            cargo.arg("--offline");
        }
        cargo
    }

    /// The versions that were chosen, for the next time. A folder that cannot be written to costs nothing but that.
    fn keep_lock(&self, settings: &Settings) {
        let (Some(file), Ok(lock)) = (&settings.notebook_lock, fs::read(self.lock())) else { return };
        if fs::read(file).ok().as_ref() != Some(&lock) {
            let _ = files::write_whole(file, &lock);
        }
    }
}

/// Dependencies of a manifest as evcxr writes them, one on a line, sorted, without the prelude.
fn lines(manifest: &str) -> Vec<String> {
    let section = manifest.split_once(SECTION).map_or("", |(_, section)| section);
    let all = section.lines().map(str::trim).filter(|line| line.contains('='));
    let mut lines: Vec<String> = all.filter(|line| name(line) != PRELUDE).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn name(line: &str) -> &str {
    line.split('=').next().unwrap_or_default().trim()
}

/// The same with the features of tokio that a runtime needs.
fn with_runtime(wanted: &[String]) -> Vec<String> {
    let of_runtime = |line: &String| match name(line) == RUNTIME {
        true => with_features(line, RUNTIME_FEATURES),
        false => line.clone(),
    };
    wanted.iter().map(of_runtime).collect()
}

fn with_features(line: &str, features: &[&str]) -> String {
    let missing: Vec<&str> = features.iter().copied().filter(|feature| !line.contains(feature)).collect();
    let Some((name, config)) = line.split_once('=').filter(|_| !missing.is_empty()) else { return line.to_owned() };
    let (config, features) = (config.trim(), missing.join(", "));
    if config.starts_with('"') {
        return format!("{} = {{ version = {config}, features = [{features}] }}", name.trim());
    }
    match config.find("features").and_then(|place| Some(place + config[place..].find('[')? + 1)) {
        Some(place) => format!("{} = {}{features}, {}", name.trim(), &config[..place], &config[place..]),
        None => format!("{} = {}", name.trim(), config.replacen('{', &format!("{{ features = [{features}],"), 1)),
    }
}

fn key(settings: &Settings, wanted: &[String], lock: &str) -> String {
    let mut hash = Sha256::new();
    for text in [settings.version.as_str(), &wanted.join("\n"), lock] {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    hex::encode(hash.finalize())[..32].to_owned()
}

fn read(record: &Path) -> Option<Linked> {
    let record: Value = serde_json::from_slice(&fs::read(record).ok()?).ok()?;
    let linked = Linked {
        externs: serde_json::from_value(record["externs"].clone()).ok()?,
        search: serde_json::from_value(record["search"].clone()).ok()?,
    };
    // A part may have been cleaned away.
    linked.externs.iter().all(|(_, file)| file.is_file()).then_some(linked)
}

fn build(settings: &Settings, place: &Place, target: &Path) -> Result<Linked> {
    let started = Instant::now();
    let metadata = place.cargo(settings, &["metadata", "--format-version=1"], true).output()?;
    let metadata = match metadata.status.success() {
        true => metadata,
        false => place.cargo(settings, &["metadata", "--format-version=1"], false).output()?,
    };
    if !metadata.status.success() {
        bail!("{}", last_lines(&String::from_utf8_lossy(&metadata.stderr)));
    }
    let metadata: Value = serde_json::from_slice(&metadata.stdout).context("cargo's answer cannot be read")?;
    let mut progress = Progress::new(metadata["packages"].as_array().map_or(0, Vec::len).saturating_sub(1));
    let target = target.to_string_lossy();
    let arguments = ["build", "--release", "--message-format=json-render-diagnostics", "--target-dir", &target];
    let built = run(place.cargo(settings, &arguments, true), &mut progress);
    let built = built.or_else(|_| run(place.cargo(settings, &arguments, false), &mut progress));
    progress.end(started.elapsed());
    linked(&metadata, &built?)
}

/// Runs cargo; gives its messages.
fn run(mut cargo: Command, progress: &mut Progress) -> Result<Vec<Value>> {
    let mut cargo = cargo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("cannot run cargo")?;
    let mut stderr = cargo.stderr.take().context("cargo has no standard error")?;
    let said = std::thread::spawn(move || {
        let mut text = Vec::new();
        // What was read is told.
        let _ = stderr.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let stdout = cargo.stdout.take().context("cargo has no standard output")?;
    let mut messages = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line?) else { continue };
        if message["reason"] == "compiler-artifact" {
            let name = message["target"]["name"].as_str().unwrap_or_default();
            if name != CRATE {
                progress.compiled(name, message["fresh"] == true);
            }
        }
        messages.push(message);
    }
    let (status, said) = (cargo.wait()?, said.join().unwrap_or_default());
    if !status.success() {
        bail!("{}", last_lines(&said));
    }
    Ok(messages)
}

/// The files of the dependencies that cells name.
fn linked(metadata: &Value, messages: &[Value]) -> Result<Linked> {
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

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LINES_TOLD)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_as_evcxr_writes_them() {
        let manifest =
            "[package]\nname = \"ctx\"\n\n[dependencies]\nrand = \"0.9\"\nflowdeck = { path = \"/x\" }\nansi = \"1\"\n";
        assert_eq!(lines(manifest), ["ansi = \"1\"", "rand = \"0.9\""]);
        assert!(has_some(manifest) && !has_some("[dependencies]\nflowdeck = { path = \"/x\" }\n"));
        let trial = format!("    [package]\n    name = \"{TRIAL}\"\n    [dependencies]\n    rand = \"0.9\"\n    ");
        assert_eq!(lines(&trial), ["rand = \"0.9\""]);
    }

    #[test]
    fn tokio_gets_what_a_runtime_needs_and_once() {
        let with = |line: &str| with_runtime(&with_runtime(&[line.to_owned()])).concat();
        assert_eq!(with("tokio = \"1\""), "tokio = { version = \"1\", features = [\"rt-multi-thread\", \"time\"] }");
        assert_eq!(
            with("tokio = { version = \"1\", features = [\"time\", \"net\"] }"),
            "tokio = { version = \"1\", features = [\"rt-multi-thread\", \"time\", \"net\"] }"
        );
        assert_eq!(
            with("tokio = { version = \"1\" }"),
            "tokio = { features = [\"rt-multi-thread\", \"time\"], version = \"1\" }"
        );
        assert_eq!(with("rand = \"1\""), "rand = \"1\"");
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
