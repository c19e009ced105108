//! The folder of one kernel: evcxr's crate, the bridge's socket, and links by which evcxr finds our build driver.
//!
//! Removed when the kernel ends, or by a later one if it was killed; names of the environment variables are those that the driver and evcxr read.

use std::{
    collections::HashMap,
    env,
    ffi::OsString,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::Mutex,
};

use annotate_snippets::Level;
use anyhow::{Context, Result};
use flow_engine::SessionFolder;
use flowdeck::bridge;
use serde_json::{Value, json};

use super::{
    diagnostics::{CellText, Diagnostic},
    prelude::Prelude,
    rewritten::Rewritten,
    toolchain::Toolchain,
};
use crate::exports;

/// The program that runs cells and, under other names, stands in for cargo and rustup.
const CELL_HOST: &str = "flowdeck-cell-host";

/// With what names of such folders begin.
const PREFIX: &str = "flowdeck-kernel-";

/// The name of a cell's source where cargo compiles it.
const CARGO_SOURCE: &str = "src/lib.rs";

/// The folder, and what was the PATH before we came first on it.
pub struct Workspace {
    folder: SessionFolder,
    /// The cell that was compiled last.
    announced: Mutex<Announced>,
}

/// A cell as its author wrote it, and as evcxr was given it.
#[derive(Default)]
struct Announced {
    code: String,
    compiled: Rewritten,
}

impl Workspace {
    /// Makes the folder and sets the environment of this process.
    ///
    /// Must be called while the process has one thread: others could read the environment while it changes.
    ///
    /// # Errors
    /// When the temporary folder cannot be made.
    pub fn create() -> Result<Workspace> {
        let folder = SessionFolder::make(&env::temp_dir(), PREFIX).context("cannot make a temporary folder")?;
        for name in ["cell", "analysis", "bin"] {
            fs::create_dir_all(folder.path().join(name))?;
        }
        let workspace = Workspace { folder, announced: Mutex::default() };
        workspace.set_environment();
        Ok(workspace)
    }

    fn set_environment(&self) {
        let driver = self.folder.path().join("bin");
        let path = env::var_os("PATH").unwrap_or_default();
        let mut folders = vec![driver.clone()];
        folders.extend(env::split_paths(&path));
        // Safety: called before any thread is started, see `create`.
        unsafe {
            env::set_var("EVCXR_TMPDIR", self.cell_crate());
            env::set_var(bridge::SOCKET_ENV, self.socket());
            env::set_var("FLOWDECK_DRIVER", &driver);
            if let Ok(path) = env::join_paths(folders) {
                env::set_var("PATH", path);
            }
        }
    }

    /// The socket on which the kernel listens for cell hosts.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("bridge")
    }

    /// evcxr's crate.
    pub fn cell_crate(&self) -> PathBuf {
        self.folder.path().join("cell")
    }

    /// What evcxr wrote for the cell that was compiled last.
    pub fn evcxr_source(&self) -> PathBuf {
        self.cell_crate().join("src/lib.rs")
    }

    /// The crate of the process that completes and explains.
    pub fn analysis_crate(&self) -> PathBuf {
        self.folder.path().join("analysis")
    }

    /// Puts our driver where evcxr looks for cargo and rustup, and tells it what it stands in for.
    ///
    /// # Errors
    /// When the cell host is not beside this program or links cannot be made.
    pub fn install_driver(&self, toolchain: &Toolchain, prelude: Option<&Prelude>) -> Result<PathBuf> {
        let host = cell_host()?;
        let settings = json!({
            "cargo": toolchain.cargo,
            "rustc": toolchain.rustc,
            "rustup": toolchain.rustup,
            "version": toolchain.version,
            "prelude": prelude.map(|prelude| &prelude.libraries),
            "compiled": prelude.map(|prelude| &prelude.compiled_cells),
            "prelude_lock": prelude.map(|prelude| &prelude.lock_file),
            "notebook_lock": exports::beside_notebook("cargo.lock"),
            "linker": prelude.map(Prelude::linker),
            "cell": self.cell_crate(),
        });
        fs::write(self.folder.path().join("bin/driver.json"), settings.to_string())?;
        for name in ["cargo", "rustc", "rustc-with-whole-names", "rustup"] {
            replace_link(&host, &self.folder.path().join("bin").join(name)).context("cannot link the build driver")?;
        }
        Ok(host)
    }

    /// Tells the driver which cell is compiled next: it leaves out items that this does not need, and finds its lines.
    pub fn announce(&self, number: u64, code: &str, compiled: &Rewritten) {
        let folder = self.folder.path().join("bin");
        let file = folder.join("cell.txt");
        let written = fs::write(folder.join("cell-number.txt"), number.to_string())
            .and_then(|()| fs::write(&file, &compiled.text));
        if let Err(error) = written {
            tracing::warn!(%error, "cells are compiled with all items");
            // An old text would be worse than none.
            let _ = fs::remove_file(file);
        }
        let announced = Announced { code: code.to_owned(), compiled: compiled.clone() };
        *self.announced.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = announced;
    }

    /// rustc's warnings about the cell that begins to run, as its author reads them. The second time there are none.
    pub fn take_warnings(&self) -> Vec<String> {
        let file = self.folder.path().join("bin/warnings.json");
        let warnings: Vec<Value> =
            fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        if warnings.is_empty() {
            return Vec::new();
        }
        // A file that stays would be shown with the next cell.
        let _ = fs::remove_file(file);
        let announced = self.announced.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let cell = CellText { code: &announced.code, compiled: &announced.compiled };
        let rendered = warnings.iter().filter_map(|warning| {
            let warning = Diagnostic::new(warning, cell);
            warning.is_the_authors().then(|| warning.rendered(Level::WARNING, &warning.message())).flatten()
        });
        rendered.collect()
    }

    /// What the driver found the stand-ins for types of variables to be.
    pub fn types(&self) -> HashMap<String, String> {
        let text = fs::read(self.folder.path().join("bin/types.json")).unwrap_or_default();
        let types: HashMap<String, String> = serde_json::from_slice(&text).unwrap_or_default();
        types.into_iter().map(|(stand_in, name)| (stand_in, as_people_write(name))).collect()
    }

    /// Removes the folder. Later calls do nothing.
    pub fn remove(&self) {
        if let Err(error) = self.folder.remove() {
            tracing::warn!(%error, "the kernel's temporary folder was not removed");
        }
    }
}

/// Removes the folders of kernels that were killed.
pub fn remove_abandoned() {
    SessionFolder::remove_abandoned(&env::temp_dir(), PREFIX);
}

/// A type without the paths of what every program has by its short name.
fn as_people_write(name: String) -> String {
    let paths =
        ["std::vec::Vec", "std::string::String", "std::option::Option", "std::result::Result", "std::boxed::Box"];
    paths.iter().fold(name, |name, path| name.replace(path, path.rsplit("::").next().unwrap_or(path)))
}

/// The PATH without our driver: for finding the real programs.
pub fn original_path() -> OsString {
    let driver = env::var_os("FLOWDECK_DRIVER").map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).filter(|folder| Some(folder) != driver.as_ref());
    env::join_paths(folders).unwrap_or_default()
}

/// The cell and line, both from 1, that a line of a compiled source comes from, by the source's name in a panic. The cell
/// is 0 when it has no number; `None` when it is another crate's file, or was written by no author.
pub fn place(file: &str, line: u64) -> Option<(u64, u64)> {
    // What a panic says comes from the cell.
    let is_ours = file == CARGO_SOURCE
        || file.strip_prefix("cell-").is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let name = if file == CARGO_SOURCE { "lib.rs" } else { file };
    let folder = env::var_os("FLOWDECK_DRIVER").filter(|_| is_ours).map(PathBuf::from)?;
    let text = fs::read(folder.join("places").join(format!("{name}.json"))).ok()?;
    let table: Vec<Option<(u64, u64)>> = serde_json::from_slice(&text).ok()?;
    *table.get(usize::try_from(line.checked_sub(1)?).ok()?)?
}

/// Whether a panic names a source of ours, and not another crate's file.
pub fn is_a_cells(file: &str) -> bool {
    file.is_empty() || file == CARGO_SOURCE || file.starts_with("cell-")
}

/// The program beside this one that runs cells.
///
/// # Errors
/// When it is missing.
pub fn cell_host() -> Result<PathBuf> {
    let program = env::current_exe().context("cannot find this program's own file")?;
    let host = program.with_file_name(format!("{CELL_HOST}{}", env::consts::EXE_SUFFIX));
    match host.is_file() {
        true => Ok(host),
        false => anyhow::bail!("`{}` is missing beside the kernel; install both", host.display()),
    }
}

fn replace_link(target: &Path, link: &Path) -> io::Result<()> {
    match fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    symlink(target, link)
}
