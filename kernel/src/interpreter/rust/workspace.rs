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
};

use anyhow::{Context, Result};
use flow_engine::SessionFolder;
use flowdeck::bridge;
use serde_json::json;

use super::{prelude::Prelude, toolchain::Toolchain};
use crate::exports;

/// The program that runs cells and, under other names, stands in for cargo and rustup.
const CELL_HOST: &str = "flowdeck-cell-host";

/// With what names of such folders begin.
const PREFIX: &str = "flowdeck-kernel-";

/// The folder, and what was the PATH before we came first on it.
pub struct Workspace {
    folder: SessionFolder,
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
        let workspace = Workspace { folder };
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
            "cell": self.cell_crate(),
        });
        fs::write(self.folder.path().join("bin/driver.json"), settings.to_string())?;
        for name in ["cargo", "rustc", "rustc-with-whole-names", "rustup"] {
            replace_link(&host, &self.folder.path().join("bin").join(name)).context("cannot link the build driver")?;
        }
        Ok(host)
    }

    /// Tells the driver the text of the cell that is compiled next: it leaves out items that this does not need.
    pub fn announce(&self, cell: &str) {
        let file = self.folder.path().join("bin/cell.txt");
        if let Err(error) = fs::write(&file, cell) {
            tracing::warn!(%error, "cells are compiled with all items");
            // An old text would be worse than none.
            let _ = fs::remove_file(file);
        }
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

/// A line of the source that a cell was compiled from, by its name there; `None` when it is another crate's file.
pub fn source_line(file: &str, line: u64) -> Option<String> {
    if !file.ends_with("cell_lib.rs") && !file.ends_with("src/lib.rs") {
        return None;
    }
    let folder = PathBuf::from(env::var_os("EVCXR_TMPDIR")?);
    let text = fs::read_to_string(folder.join(file)).ok()?;
    let index = usize::try_from(line.checked_sub(1)?).ok()?;
    text.lines().nth(index).map(str::to_owned)
}

fn cell_host() -> Result<PathBuf> {
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
