//! The Rust toolchain of this machine: where cargo and rustc are, and which version.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::workspace::original_path;

/// A usable toolchain.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// cargo itself, not rustup's proxy.
    pub cargo: PathBuf,
    /// rustc itself.
    pub rustc: PathBuf,
    /// rustup, when the toolchain is managed by it.
    pub rustup: Option<PathBuf>,
    /// What `rustc -vV` prints: identifies the compiler.
    pub version: String,
}

/// Why Rust cells cannot run here.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// Neither cargo nor rustc was found.
    #[error("no Rust toolchain was found: `{program}` is not on the PATH")]
    Missing {
        /// What was looked for.
        program: &'static str,
    },
    /// rustc is there and does not run.
    #[error("`rustc -vV` failed: {reason}")]
    Broken {
        /// What it said.
        reason: String,
    },
}

impl ToolchainError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        "Rust cells need cargo and rustc (https://rustup.rs installs them); SQL cells and forms work without"
    }
}

impl Toolchain {
    /// Finds the toolchain on the PATH, or where rustup puts it.
    ///
    /// # Errors
    /// [`ToolchainError`] when there is none that works.
    pub fn find() -> Result<Toolchain, ToolchainError> {
        let rustup = on_path("rustup");
        let real =
            |program: &str| rustup.as_deref().and_then(|rustup| which(rustup, program)).or_else(|| on_path(program));
        let cargo = real("cargo").ok_or(ToolchainError::Missing { program: "cargo" })?;
        let rustc = real("rustc").ok_or(ToolchainError::Missing { program: "rustc" })?;
        Ok(Toolchain { version: version(&rustc)?, cargo, rustc, rustup })
    }
}

impl Toolchain {
    /// The name of the target for which rustc compiles by itself.
    pub fn host(&self) -> &str {
        self.version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default()
    }
}

fn version(rustc: &Path) -> Result<String, ToolchainError> {
    let broken = |reason: String| ToolchainError::Broken { reason };
    let output = Command::new(rustc).arg("-vV").output().map_err(|error| broken(error.to_string()))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(broken(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// rustup's answer for a program of the active toolchain; its proxies would ask again at each call.
fn which(rustup: &Path, program: &str) -> Option<PathBuf> {
    let output =
        Command::new(rustup).args(["which", program]).output().ok().filter(|output| output.status.success())?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_file().then_some(path)
}

fn on_path(program: &str) -> Option<PathBuf> {
    // Our own stand-ins are on the PATH by now: they must not find themselves.
    let path = original_path();
    // JupyterHub starts kernels with a bare PATH; rustup's usual place is looked at too.
    let usual = dirs::home_dir().map(|home| home.join(".cargo/bin"));
    std::env::split_paths(&path).chain(usual).map(|folder| folder.join(program)).find(|path| path.is_file())
}
