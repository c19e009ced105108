//! The prelude as cells link it: compiled once per toolchain and source, into a cache that all kernels share.
//!
//! `flowdeck install` does it ahead of time; a kernel that finds the cache empty does it before its first Rust cell.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

use super::toolchain::Toolchain;

/// Names the cache folder; the default is the user's.
pub const CACHE_ENV: &str = "FLOWDECK_CACHE_DIR";

/// Names the folder with the prelude's sources, for installations that keep them elsewhere.
pub const SOURCE_ENV: &str = "FLOWDECK_PRELUDE_SOURCE";

/// Where the prelude's crate is, seen from the folder of the workspace it is built in.
const CRATE_FOLDER: &str = "kernel/cell";

/// The prelude, compiled.
#[derive(Clone, Debug)]
pub struct Prelude {
    /// Holds `libflowdeck.rlib` and `deps`.
    pub libraries: PathBuf,
    /// The crate's folder, for rust-analyzer.
    pub crate_folder: PathBuf,
    /// The versions it was built with.
    pub lock_file: PathBuf,
}

/// Why cells have no prelude.
#[derive(Debug, thiserror::Error)]
pub enum PreludeError {
    /// The sources are not where an installation or a checkout has them.
    #[error("the sources of the Rust prelude were not found beside the program")]
    NoSources,
    /// cargo failed on them.
    #[error("the Rust prelude did not build: {reason}")]
    NotBuilt {
        /// The last lines of cargo.
        reason: String,
    },
    /// The cache cannot be written.
    #[error("the cache folder `{}` cannot be used: {source}", folder.display())]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Prelude {
    /// The prelude for a toolchain, built now if it is not in the cache. `progress` is told before that takes time.
    ///
    /// # Errors
    /// [`PreludeError`] when it is not there and cannot be built.
    pub fn ensure(toolchain: &Toolchain, progress: &dyn Fn(&str)) -> Result<Prelude, PreludeError> {
        let workspace = source_folder().ok_or(PreludeError::NoSources)?;
        let crate_folder = workspace.join(CRATE_FOLDER);
        let lock_file = workspace.join("Cargo.lock");
        let folder = cache_folder().join("prelude");
        let in_cache = |source| PreludeError::Cache { folder: folder.clone(), source };
        let key = key(toolchain, &crate_folder, &lock_file).map_err(in_cache)?;
        let built = folder.join(&key);
        let prelude = Prelude { libraries: built.join("release"), crate_folder, lock_file };
        if prelude.is_there() {
            return Ok(prelude);
        }
        fs::create_dir_all(&folder).map_err(in_cache)?;
        // Another kernel may be building it right now: wait for it instead of doing it twice.
        let lock = File::create(folder.join(format!("{key}.lock"))).map_err(in_cache)?;
        lock.lock().map_err(in_cache)?;
        if !prelude.is_there() {
            progress("compiling the Rust prelude, once for this toolchain (about a minute)");
            build(toolchain, &workspace, &folder.join(format!("{key}.building")), &built)?;
        }
        Ok(prelude)
    }

    fn is_there(&self) -> bool {
        self.libraries.join("libflowdeck.rlib").is_file()
    }
}

/// The cache folder of all kernels of this user.
pub fn cache_folder() -> PathBuf {
    match std::env::var_os(CACHE_ENV) {
        Some(folder) => PathBuf::from(folder),
        None => dirs::cache_dir().unwrap_or_else(std::env::temp_dir).join("flowdeck"),
    }
}

/// The folder of the workspace that holds the prelude: named, installed beside the program, or the checkout above it.
fn source_folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(SOURCE_ENV) {
        return Some(PathBuf::from(folder));
    }
    let program = std::env::current_exe().ok()?;
    let installed = program.parent()?.parent()?.join("share/flowdeck/prelude");
    let candidates = std::iter::once(installed.as_path()).chain(program.ancestors());
    candidates.map(Path::to_owned).find(|folder| folder.join(CRATE_FOLDER).join("Cargo.toml").is_file())
}

/// What the compiled prelude depends on: compiler, versions, sources.
fn key(toolchain: &Toolchain, crate_folder: &Path, lock_file: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash.update(&toolchain.version);
    let mut sources: Vec<PathBuf> = fs::read_dir(crate_folder.join("src"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    sources.sort();
    for file in sources.iter().chain([&crate_folder.join("Cargo.toml"), &lock_file.to_owned()]) {
        let text = fs::read(file)?;
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    Ok(hex::encode(hash.finalize())[..16].to_owned())
}

fn build(toolchain: &Toolchain, workspace: &Path, scratch: &Path, target: &Path) -> Result<(), PreludeError> {
    let run = |offline: bool| {
        let mut cargo = Command::new(&toolchain.cargo);
        cargo
            .args(["build", "--release", "--locked", "--package", "flowdeck", "--manifest-path"])
            .arg(workspace.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(scratch)
            // Flags of whoever started us would give a library that cells cannot link.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET");
        if offline {
            cargo.arg("--offline");
        }
        cargo.output()
    };
    let failed = |reason: String| PreludeError::NotBuilt { reason };
    // What was fetched when this program was built is enough on the same machine.
    let mut output = run(true).map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        output = run(false).map_err(|error| failed(error.to_string()))?;
    }
    if !output.status.success() {
        return Err(failed(last_lines(&String::from_utf8_lossy(&output.stderr))));
    }
    fs::rename(scratch, target).map_err(|source| PreludeError::Cache { folder: target.to_owned(), source })
}

fn last_lines(text: &str) -> String {
    const LINES: usize = 12;
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
