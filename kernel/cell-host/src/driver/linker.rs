//! The linker for cells: which are there, which of them link a cell that runs, and which is the fastest.
//!
//! It is found out when the prelude is compiled (the kernel calls this program as `find-linker`) and stands beside it. rustc
//! calls the C compiler, which calls a linker: to call a linker at once spares a tenth of a trivial cell's compilation.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use libloading::{Library, Symbol};
use serde_json::{Value, json};

use super::{direct::Direct, joined};

/// The name under which this program chooses.
pub const CHOOSER: &str = "find-linker";

/// The name under which it tries an object in a process of its own: a bad one may end that.
pub const TRIER: &str = "try-object";

/// What rustc does by itself.
const DEFAULT: &str = "the toolchain's default";

/// How often each candidate links; its fastest time counts, as others may use the machine meanwhile.
const RUNS: usize = 8;

/// How much faster than the default another must be to be worth it.
const WORTH: f64 = 0.97;

/// A cell, with what may need something of the linker: destructors of threads, unwinding, calculations that are functions
/// of the system's, the prelude.
const CELL: &str = r#"
use std::{cell::RefCell, hint::black_box, panic::{catch_unwind, resume_unwind}};
thread_local! { static KEPT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) }; }
#[unsafe(no_mangle)]
pub extern "C" fn flowdeck_cell() -> u32 {
    let store = flowdeck::evcxr_store::create_variable_store();
    let caught = catch_unwind(|| if black_box(true) { resume_unwind(Box::new(1u8)) }).is_err();
    let numbers = black_box(7.5f64) % black_box(2.0) + black_box(1.0f64).sin();
    let large = black_box(u128::MAX) / black_box(3) ;
    let joined = std::thread::spawn(move || {
        KEPT.with_borrow_mut(|kept| kept.push(format!("{numbers} {large}")));
        KEPT.with_borrow(Vec::len)
    });
    u32::from(caught && !store.is_null() && joined.join().is_ok_and(|count| count == 1))
}
"#;

/// The cheapest cell: the less there is to compile, the more of the time is the linker's.
const TRIVIAL: &str = "#[unsafe(no_mangle)] pub extern \"C\" fn flowdeck_cell() -> u32 { 1 }";

/// How objects are linked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Linker {
    /// For people.
    pub name: String,
    /// Flags of rustc.
    pub arguments: Vec<String>,
    /// Whether it is called without the C compiler.
    pub is_bare: bool,
}

impl Linker {
    /// As it was written down.
    pub fn read(noted: &Value) -> Option<Linker> {
        Some(Linker {
            name: noted["name"].as_str()?.to_owned(),
            arguments: serde_json::from_value(noted["arguments"].clone()).ok()?,
            is_bare: noted["bare"].as_bool()?,
        })
    }

    /// rustc's flag for a folder in which an object looks for libraries.
    pub fn run_path(&self, folder: &Path) -> OsString {
        joined(if self.is_bare { "-Clink-arg=-rpath=" } else { "-Clink-arg=-Wl,-rpath," }, folder)
    }
}

/// Chooses, and prints what was chosen: `find-linker RUSTC HOST PRELUDE`.
///
/// # Errors
/// When there is nowhere to try it.
pub fn choose() -> Result<ExitCode> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [rustc, host, prelude] = <[OsString; 3]>::try_from(arguments).ok().context("RUSTC HOST PRELUDE")?;
    let folder = tempfile::Builder::new().prefix("flowdeck-linker-").tempdir()?;
    fs::write(folder.path().join("cell.rs"), CELL)?;
    fs::write(folder.path().join("trivial.rs"), TRIVIAL)?;
    let host = host.to_string_lossy().into_owned();
    let plain =
        Direct { rustc: rustc.into(), prelude: prelude.into(), host, opt_level: "2".to_owned(), ..Direct::default() };
    let mut times = BTreeMap::new();
    let mut best: Option<(f64, Linker)> = None;
    for linker in candidates(&plain) {
        let Some(time) = time(&plain, &linker, folder.path()) else { continue };
        let milliseconds = time.as_secs_f64() * 1000.0;
        times.insert(linker.name.clone(), milliseconds);
        // The default comes first.
        if best
            .as_ref()
            .is_none_or(|(fastest, best)| milliseconds < fastest * if best.name == DEFAULT { WORTH } else { 1.0 })
        {
            best = Some((milliseconds, linker));
        }
    }
    let linker = best.map_or_else(|| Linker { name: DEFAULT.to_owned(), ..Linker::default() }, |(_, linker)| linker);
    let chosen = json!({
        "name": linker.name, "arguments": linker.arguments, "bare": linker.is_bare, "milliseconds": times,
    });
    writeln!(std::io::stdout(), "{chosen}")?;
    Ok(ExitCode::SUCCESS)
}

/// Loads an object and runs its cell: `try-object FILE`.
///
/// # Errors
/// When it cannot be loaded.
pub fn try_object() -> Result<ExitCode> {
    let file = env::args_os().nth(1).context("FILE")?;
    // Safety: it was compiled from `CELL`.
    let is_right = unsafe {
        let object = Library::new(file)?;
        let cell: Symbol<extern "C" fn() -> u32> = object.get(super::CELL_FUNCTION.as_bytes())?;
        let is_right = cell() == 1;
        // Threads of it may still end.
        std::mem::forget(object);
        is_right
    };
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The time of the fastest run, if what comes out runs.
fn time(plain: &Direct, linker: &Linker, folder: &Path) -> Option<Duration> {
    let direct = Direct { linker: linker.clone(), ..plain.clone() };
    let object = folder.join("cell.object");
    let link = |source: &str| {
        // An object must not change where one is that was loaded.
        let _ = fs::remove_file(&object);
        let started = Instant::now();
        let done =
            direct.command("link").arg("-o").arg(&object).arg(folder.join(source)).stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success()).then(|| started.elapsed())
    };
    link("cell.rs")?;
    let runs = Command::new(env::current_exe().ok()?).arg0(TRIER).arg(&object).stderr(Stdio::null()).status();
    if !runs.is_ok_and(|status| status.success()) {
        return None;
    }
    (0..RUNS).filter_map(|_| link("trivial.rs")).min()
}

/// What could link here, the default first.
fn candidates(plain: &Direct) -> Vec<Linker> {
    let mut found = vec![Linker { name: DEFAULT.to_owned(), ..Linker::default() }];
    // Elsewhere the system's own is the one that is sure to work.
    if cfg!(target_os = "linux") {
        let by_compiler = |(program, name): &(&str, &str)| {
            on_path(program).then(|| Linker {
                name: format!("{name}, through the C compiler"),
                arguments: vec![format!("-Clink-arg=-fuse-ld={name}")],
                is_bare: false,
            })
        };
        found.extend([("mold", "mold"), ("ld.lld", "lld")].iter().filter_map(by_compiler));
        found.extend(bare_lld(plain));
    }
    found
}

/// The toolchain's own lld, called at once.
fn bare_lld(plain: &Direct) -> Option<Linker> {
    let toolchain = plain.rustc.ancestors().nth(2)?;
    let program = toolchain.join("lib/rustlib").join(&plain.host).join("bin/rust-lld");
    let mut folders: Vec<PathBuf> =
        ["libc.so", "libgcc_s.so"].iter().filter_map(|library| folder_of(library)).collect();
    folders.dedup();
    if !program.is_file() || folders.is_empty() {
        return None;
    }
    let mut arguments = vec!["-Clinker-flavor=ld.lld".to_owned(), format!("-Clinker={}", program.to_str()?)];
    for folder in folders {
        arguments.push(format!("-Clink-arg=-L{}", folder.to_str()?));
    }
    Some(Linker { name: "rust-lld, called at once".to_owned(), arguments, is_bare: true })
}

/// Where the C compiler finds a library.
fn folder_of(library: &str) -> Option<PathBuf> {
    let told = Command::new("cc").arg(format!("-print-file-name={library}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(told.stdout).ok()?.trim());
    // It repeats the name where it finds nothing.
    path.is_absolute().then(|| path.parent()?.canonicalize().ok()).flatten()
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_is_read_again_and_nonsense_is_not() {
        let noted = json!({"name": "x", "arguments": ["-Cx"], "bare": true, "milliseconds": {"x": 1.5}});
        let linker = Linker { name: "x".to_owned(), arguments: vec!["-Cx".to_owned()], is_bare: true };
        assert_eq!(Linker::read(&noted), Some(linker));
        assert_eq!(Linker::read(&json!({"name": "x", "arguments": 5, "bare": true})), None);
        assert_eq!(Linker::read(&Value::Null), None);
    }

    #[test]
    fn the_default_is_a_candidate_everywhere() {
        let found = candidates(&Direct::default());
        assert_eq!(found[0], Linker { name: DEFAULT.to_owned(), ..Linker::default() });
    }
}
