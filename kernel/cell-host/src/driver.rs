//! Stands in for `rustup` and `cargo` when evcxr compiles a cell: one direct rustc call with the prelude.
//!
//! evcxr asks `rustup which cargo` and then calls `cargo build` and `cargo check` in its crate's folder. A cell whose
//! only dependency is the prelude needs neither cargo's resolver nor a build of the prelude: it is compiled by one
//! rustc call against the library that was built at installation. Everything else goes to the real programs unchanged.

use std::{
    env,
    ffi::OsString,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::connection;

/// Names the folder of our stand-ins; the kernel wrote their settings there.
const DRIVER: &str = "FLOWDECK_DRIVER";

/// Set by evcxr: the rustc to use, and the file in which it expects the path of the compiled object.
const RUSTC: &str = "RUSTC";
const OBJECT_PATH_FILE: &str = "EVCXR_EXECUTION_SO_PATH";

/// cargo's exit code for code that does not compile.
const COMPILE_ERROR: u8 = 101;

/// evcxr's name for the crate of a cell.
const CELL_CRATE: &str = "ctx";

/// What the kernel found when it started.
struct Settings {
    folder: PathBuf,
    cargo: PathBuf,
    rustup: Option<PathBuf>,
    /// The folder with `libflowdeck.rlib` and, in `deps`, what it needs.
    prelude: Option<PathBuf>,
}

impl Settings {
    fn read() -> Result<Settings> {
        let folder = PathBuf::from(env::var_os(DRIVER).with_context(|| format!("{DRIVER} is not set"))?);
        let file = folder.join("driver.json");
        let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let settings: Value = serde_json::from_slice(&text)?;
        let path = |name: &str| settings[name].as_str().map(PathBuf::from);
        let cargo = path("cargo").context("the settings name no cargo")?;
        Ok(Settings { folder, cargo, rustup: path("rustup"), prelude: path("prelude") })
    }
}

/// Answers evcxr's `rustup which cargo` with ourselves; anything else is rustup's.
///
/// # Errors
/// When the real rustup cannot be run.
pub fn rustup() -> Result<ExitCode> {
    let settings = Settings::read()?;
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if arguments == ["which", "cargo"] {
        writeln!(std::io::stdout(), "{}", settings.folder.join("cargo").display())?;
        return Ok(ExitCode::SUCCESS);
    }
    match &settings.rustup {
        Some(rustup) => pass_on(rustup, &arguments),
        // Without rustup evcxr looks on the PATH by itself.
        None => Ok(ExitCode::FAILURE),
    }
}

/// Compiles a cell, or hands the call to the real cargo.
///
/// # Errors
/// When neither rustc nor cargo can be run.
pub fn cargo() -> Result<ExitCode> {
    connection::die_with_parent();
    let settings = Settings::read()?;
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let emit = match arguments.iter().find_map(|argument| argument.to_str().filter(|text| !text.starts_with('-'))) {
        Some("build") => "link",
        Some("check") => "metadata",
        _ => return pass_on(&settings.cargo, &arguments),
    };
    match Cell::here(&settings) {
        Some(cell) => cell.compile(emit),
        None => pass_on(&settings.cargo, &arguments),
    }
}

/// A cell in evcxr's crate folder that we can compile ourselves.
struct Cell {
    rustc: OsString,
    prelude: PathBuf,
    opt_level: String,
}

impl Cell {
    /// The cell in the current folder, or `None` when it needs the real cargo: other dependencies, no prelude.
    fn here(settings: &Settings) -> Option<Cell> {
        let manifest = fs::read_to_string("Cargo.toml").ok()?;
        let dependencies = manifest.split_once("[dependencies]")?.1;
        let only_prelude = dependencies.lines().all(|line| line.trim().is_empty() || line.starts_with("flowdeck ="));
        let opt_level = manifest.lines().find_map(|line| line.strip_prefix("opt-level = "))?.trim_matches('"');
        let prelude = settings.prelude.clone()?;
        let usable = only_prelude && manifest.contains("name = \"ctx\"") && prelude.join("libflowdeck.rlib").exists();
        usable.then_some(Cell { rustc: env::var_os(RUSTC)?, opt_level: opt_level.to_owned(), prelude })
    }

    fn compile(&self, emit: &str) -> Result<ExitCode> {
        let folder = env::current_dir()?.join("target/cell");
        fs::create_dir_all(&folder)?;
        // evcxr takes errors as the cell's when they are in a file whose name ends like this.
        let source = Path::new("src/cell_lib.rs");
        let text = fs::read_to_string("src/lib.rs").context("evcxr wrote no source")?;
        fs::write(source, with_reported_errors(&text))?;
        let output = self.rustc(source, &folder, emit).output().context("cannot run rustc")?;
        report(&output)?;
        if !output.status.success() {
            return Ok(ExitCode::from(COMPILE_ERROR));
        }
        if let (Some(file), "link") = (env::var_os(OBJECT_PATH_FILE), emit) {
            let object = folder.join(format!("{}{CELL_CRATE}{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX));
            fs::write(file, object.to_string_lossy().as_bytes())?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The flags are those of evcxr's own profile, see its generated Cargo.toml.
    fn rustc(&self, source: &Path, folder: &Path, emit: &str) -> Command {
        let mut command = Command::new(&self.rustc);
        end_with_us(&mut command);
        command
            .args(["--crate-name", CELL_CRATE, "--edition=2024", "--crate-type=cdylib", "--error-format=json"])
            .args(["--json=diagnostic-rendered-ansi", "-Cprefer-dynamic", "-Crpath", "-Cdebuginfo=0"])
            .args(["-Cdebug-assertions=on", "-Coverflow-checks=on", "-Ccodegen-units=16"])
            .arg(format!("-Copt-level={}", self.opt_level))
            .arg(format!("--emit={emit}"))
            .arg("--out-dir")
            .arg(folder)
            .arg("--extern")
            .arg(joined("flowdeck=", &self.prelude.join("libflowdeck.rlib")))
            .arg("-L")
            .arg(joined("dependency=", &self.prelude.join("deps")))
            .arg(source);
        command
    }
}

fn joined(prefix: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(prefix);
    argument.push(path);
    argument
}

/// Where evcxr prints the error of a top-level `?` on stderr, tells the kernel instead: it becomes the cell's error.
///
/// On one line, so that line numbers stay; the text is that of evcxr 0.22's `error_trait_code`.
fn with_reported_errors(source: &str) -> String {
    source.replacen(
        "eprintln!(\"{}\", error);\n                    println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);",
        "flowdeck::return_error(&format!(\"{}\", error));\n                    ::std::println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);",
        1,
    )
}

/// Passes rustc's diagnostics on as cargo's `--message-format=json` does.
fn report(output: &Output) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        match serde_json::from_str::<Value>(line) {
            Ok(message) => writeln!(stdout, "{}", json!({"reason": "compiler-message", "message": message}))?,
            // rustc itself failed, for instance the linker is missing.
            Err(_) => writeln!(std::io::stderr(), "{line}")?,
        }
    }
    Ok(())
}

fn pass_on(program: &Path, arguments: &[OsString]) -> Result<ExitCode> {
    let status =
        Command::new(program).args(arguments).status().with_context(|| format!("cannot run {}", program.display()))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_question_mark_is_reported_on_the_same_line() {
        let generated = "fn from(error: T) -> Self {\n                    eprintln!(\"{}\", error);\n                    println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);\n  }";
        let changed = with_reported_errors(generated);
        assert!(changed.contains("flowdeck::return_error(&format!(\"{}\", error));"), "{changed}");
        assert_eq!(generated.lines().count(), changed.lines().count());
        assert_eq!(with_reported_errors("fn main() {}"), "fn main() {}");
    }
}
