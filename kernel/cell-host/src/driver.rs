//! Stands in for `rustup`, `cargo` and `rustc` when evcxr compiles a cell: at most one call of rustc, with the prelude.
//!
//! evcxr asks `rustup which cargo` and then calls `cargo build` and `cargo check` in its crate's folder. `cell` compiles
//! what it wrote there: `source`, `body` (with `awaits`) and `items` (with `implementations`) make a text of it that is
//! the same whenever the cell needs the same, `places` (with `segments`) finds the author's lines in that, `compiled` keeps
//! what it was compiled to, `types` and `typing` tell the types of variables, `messages` what rustc said. `direct` is the call of rustc, `linker` chooses
//! how it links, `stock` is for cells without a prelude. `dependencies` compiles what `:dep` names and says how far that is (`progress`). `answers` is for the questions of evcxr's rust-analyzer. Everything else goes to the real programs unchanged.

mod answers;
mod awaits;
mod body;
mod cell;
mod compiled;
mod dependencies;
mod direct;
mod files;
mod implementations;
mod items;
pub mod linker;
mod messages;
mod places;
mod progress;
mod segments;
mod source;
mod stock;
mod types;
mod typing;

use std::{
    env,
    ffi::OsString,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Instant,
};

use anyhow::{Context, Result};
use serde_json::Value;

pub use self::source::CELL_FUNCTION;
use self::{answers::Answer, cell::Cell, linker::Linker};
use crate::connection;

/// Names the folder of our stand-ins; the kernel wrote their settings there.
const DRIVER: &str = "FLOWDECK_DRIVER";

/// Set by evcxr: the rustc to use, and the file in which it expects the path of the compiled object.
const RUSTC: &str = "RUSTC";
const OBJECT_PATH_FILE: &str = "EVCXR_EXECUTION_SO_PATH";

/// cargo's exit code for code that does not compile.
const COMPILE_ERROR: u8 = 101;

/// Names a file to which each compilation is noted: whether it was needed, and the milliseconds it took.
const LOG: &str = "FLOWDECK_DRIVER_LOG";

/// What the kernel found when it started.
pub struct Settings {
    folder: PathBuf,
    cargo: PathBuf,
    rustc: PathBuf,
    rustup: Option<PathBuf>,
    /// What `rustc -vV` says.
    version: String,
    /// The folder with the prelude's library and, in `deps`, what that was made of.
    prelude: Option<PathBuf>,
    /// The folder for compiled cells.
    compiled: Option<PathBuf>,
    /// The versions that the prelude was compiled with.
    prelude_lock: Option<PathBuf>,
    /// For the versions of the notebook's own dependencies; `None` when no notebook is known.
    notebook_lock: Option<PathBuf>,
    /// How cells are linked; `None` is rustc's own way.
    linker: Option<Linker>,
    /// The folder of evcxr's crate in which cells are compiled; there are others for analysis.
    cell: PathBuf,
}

impl Settings {
    fn read() -> Result<Settings> {
        let folder = PathBuf::from(env::var_os(DRIVER).with_context(|| format!("{DRIVER} is not set"))?);
        let file = folder.join("driver.json");
        let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let settings: Value = serde_json::from_slice(&text)?;
        let path = |name: &str| settings[name].as_str().map(PathBuf::from);
        let needed = |name: &str| path(name).with_context(|| format!("the settings name no {name}"));
        Ok(Settings {
            cargo: needed("cargo")?,
            rustc: needed("rustc")?,
            cell: needed("cell")?,
            rustup: path("rustup"),
            version: settings["version"].as_str().unwrap_or_default().to_owned(),
            prelude: path("prelude"),
            compiled: path("compiled"),
            prelude_lock: path("prelude_lock"),
            notebook_lock: path("notebook_lock"),
            linker: Linker::read(&settings["linker"]),
            folder,
        })
    }

    /// The name of the target for which rustc compiles by itself.
    fn host(&self) -> &str {
        self.version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default()
    }

    /// Whether we are called for the crate in which cells are compiled.
    fn is_for_cells(&self) -> bool {
        let real = |folder: &Path| folder.canonicalize().ok();
        env::current_dir().is_ok_and(|here| real(&here).is_some() && real(&here) == real(&self.cell))
    }
}

/// Answers evcxr's `rustup which cargo` with ourselves, and spares it the wait for rustc's; anything else is rustup's.
///
/// # Errors
/// When the real rustup cannot be run.
pub fn rustup() -> Result<ExitCode> {
    let settings = Settings::read()?;
    let arguments = arguments();
    let program = match arguments.as_slice() {
        [which, program] if which == "which" && program == "cargo" => settings.folder.join("cargo"),
        [which, program] if which == "which" && program == "rustc" => settings.rustc,
        _ => {
            return match &settings.rustup {
                Some(rustup) => pass_on(rustup, &arguments),
                // Without rustup evcxr looks on the PATH by itself.
                None => Ok(ExitCode::FAILURE),
            };
        }
    };
    writeln!(std::io::stdout(), "{}", program.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Answers for rustc what rust-analyzer asks about cells; anything else is rustc's.
///
/// # Errors
/// When the real rustc cannot be run.
pub fn rustc() -> Result<ExitCode> {
    let settings = Settings::read()?;
    let arguments = arguments();
    let answer = settings.is_for_cells().then(|| answers::of_rustc(&arguments, &settings.version)).flatten();
    answer.map_or_else(|| pass_on(&settings.rustc, &arguments), given)
}

/// Calls rustc as cargo wants it, but so that types are named whole.
///
/// # Errors
/// When rustc cannot be run.
pub fn rustc_with_whole_names() -> Result<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    let mut rustc = Command::new(arguments.next().context("cargo named no rustc")?);
    exit_code(cell::with_whole_names(rustc.args(arguments)))
}

/// Compiles a cell, or hands the call to the real cargo.
///
/// # Errors
/// When neither rustc nor cargo can be run.
pub fn cargo() -> Result<ExitCode> {
    connection::die_with_parent();
    let settings = Settings::read()?;
    let arguments = arguments();
    let command = arguments.iter().find_map(|argument| argument.to_str().filter(|text| !text.starts_with('-')));
    let emit = match command {
        Some("build") => "link",
        Some("check") => "metadata",
        _ if settings.is_for_cells() => {
            let manifest = fs::read_to_string("Cargo.toml").unwrap_or_default();
            let only_prelude = cell::depends_on_prelude_only(&manifest);
            let is_analyser = arguments.iter().any(|argument| argument == "--manifest-path");
            if command == Some("metadata") && !is_analyser && dependencies::has_some(&manifest) {
                return match dependencies::metadata(&settings, &manifest) {
                    Ok(metadata) => given(Answer::Says(metadata)),
                    Err(error) => refused(&error),
                };
            }
            let folder = env::current_dir()?;
            let answer = answers::of_cargo(&arguments, &folder, only_prelude);
            return answer.map_or_else(|| pass_on(&settings.cargo, &arguments), given);
        }
        _ => return pass_on(&settings.cargo, &arguments),
    };
    match Cell::here(&settings, arguments.clone()) {
        Ok(Some(cell)) => cell.compile(emit),
        Err(error) => refused(&error),
        Ok(None) => pass_on(&settings.cargo, &arguments),
    }
}

fn arguments() -> Vec<OsString> {
    env::args_os().skip(1).collect()
}

fn given(answer: Answer) -> Result<ExitCode> {
    match answer {
        Answer::Says(text) => {
            writeln!(std::io::stdout(), "{text}")?;
            Ok(ExitCode::SUCCESS)
        }
        Answer::Fails => Ok(ExitCode::FAILURE),
    }
}

/// Says why it cannot be done. By the first word the kernel knows it for ours.
fn refused(error: &anyhow::Error) -> Result<ExitCode> {
    writeln!(std::io::stderr(), "flowdeck: {error:#}")?;
    Ok(ExitCode::from(COMPILE_ERROR))
}

/// Notes what was done and how long it took, for whoever asked for that.
fn log(what: &str, started: Instant) {
    let Some(file) = env::var_os(LOG) else { return };
    // A log that cannot be written stops nobody.
    if let Ok(mut file) = fs::File::options().create(true).append(true).open(file) {
        let _ = writeln!(file, "{what} {:.1}", started.elapsed().as_secs_f64() * 1000.0);
    }
}

fn joined(prefix: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(prefix);
    argument.push(path);
    argument
}

fn pass_on(program: &Path, arguments: &[OsString]) -> Result<ExitCode> {
    exit_code(Command::new(program).args(arguments))
}

fn exit_code(command: &mut Command) -> Result<ExitCode> {
    let status = command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// A compilation must not outlive the kernel that wanted it.
fn end_with_us(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // Safety: after the fork only a system call is made.
    unsafe {
        command.pre_exec(|| {
            connection::die_with_parent();
            Ok(())
        });
    }
}
