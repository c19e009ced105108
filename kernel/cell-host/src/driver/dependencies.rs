//! What a session depends on besides the prelude (`:dep`): resolved and compiled apart from its cells.
//!
//! evcxr names dependencies in the manifest of the cells' crate. Here they get a crate of their own without code, which
//! cargo builds beside the prelude: what both need is compiled once, and each crate once for all kernels. Cells are then
//! compiled by one call of rustc, and kept, as others are. Which versions were chosen stands in a lock file beside the
//! notebook, and they are chosen again.

mod cargo;
mod manifest;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use self::manifest::has_some;
use self::{
    cargo::Said,
    manifest::{MANIFEST, RUNTIME_NAME, TRIAL, lines, name, with_runtime},
};
use super::{Settings, end_with_us, files, progress::Progress};

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
#[derive(Clone, Debug, Default)]
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
/// When cargo cannot be run, or what is asked for cannot be had: cargo's error.
pub fn metadata(settings: &Settings, manifest: &str) -> Result<String> {
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
    let mut progress = Progress::new(0);
    let said = place.metadata(settings, &mut progress)?;
    progress.end_line();
    if !said.is_success {
        fs::write(place.folder.join("Cargo.toml"), before.0)?;
        if let Some(lock) = before.1 {
            fs::write(place.lock(), lock)?;
        }
        bail!("{}", said.fact(&place.folder));
    }
    if !is_trial {
        place.keep_lock(settings);
    }
    Ok(said.stdout.join("\n"))
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
    let (linked, units) = build(settings, &place, target)?;
    place.keep_lock(settings);
    let parent = record.parent().map(fs::create_dir_all);
    let text =
        json!({"externs": linked.externs, "search": linked.search, "units": units, "wanted": wanted}).to_string();
    // Without it the next kernel asks cargo again.
    if parent.is_some_and(|made| made.is_ok()) {
        let _ = files::write_whole(&record, text.as_bytes());
    }
    Ok(linked)
}

fn build(settings: &Settings, place: &Place, target: &Path) -> Result<(Linked, BTreeSet<String>)> {
    let (started, mut progress) = (Instant::now(), Progress::new(0));
    let metadata = place.metadata(settings, &mut progress)?;
    if !metadata.is_success {
        bail!("{}", metadata.fact(&place.folder));
    }
    let metadata: Value = serde_json::from_str(&metadata.stdout.join("\n")).context("cargo's answer cannot be read")?;
    progress.expect(metadata["packages"].as_array().map_or(0, Vec::len).saturating_sub(1));
    let target = target.to_string_lossy();
    let arguments = ["build", "--release", "--message-format=json-render-diagnostics", "--target-dir", &target];
    // All that it needs has been fetched to answer the first question.
    let said = cargo::run(place.cargo(settings, &arguments, true), &mut progress)?;
    progress.end(started.elapsed());
    if !said.is_success {
        bail!("{}", said.last_lines());
    }
    let messages = said.messages();
    Ok((cargo::linked(&metadata, &messages)?, cargo::units(&messages)))
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

    /// Chooses versions. What was fetched before is enough, and then nobody is asked.
    fn metadata(&self, settings: &Settings, progress: &mut Progress) -> Result<Said> {
        let arguments = ["metadata", "--format-version=1"];
        let said = cargo::run(self.cargo(settings, &arguments, true), progress)?;
        match said.needs_network() {
            true => cargo::run(self.cargo(settings, &arguments, false), progress),
            false => Ok(said),
        }
    }

    /// The versions that were chosen, for the next time. A folder that cannot be written to costs nothing but that.
    fn keep_lock(&self, settings: &Settings) {
        let (Some(file), Ok(lock)) = (&settings.notebook_lock, fs::read(self.lock())) else { return };
        if fs::read(file).ok().as_ref() != Some(&lock) {
            let _ = files::write_whole(file, &lock);
        }
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
    let file = record;
    let record: Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    let linked = Linked {
        externs: serde_json::from_value(record["externs"].clone()).ok()?,
        search: serde_json::from_value(record["search"].clone()).ok()?,
    };
    // It is used now. Who may not write there still reads.
    let _ = File::options().append(true).open(file).and_then(|file| file.set_modified(SystemTime::now()));
    // A part may have been cleaned away.
    linked.externs.iter().all(|(_, file)| file.is_file()).then_some(linked)
}
