//! The prelude as cells link it: compiled once per toolchain and source, into a cache that all kernels share.
//!
//! `flowdeck install` does it ahead of time; a kernel that finds the cache empty does it before its first Rust cell.

use std::{
    env,
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

/// The crates of the workspace that the prelude consists of.
const SOURCE_FOLDERS: &[&str] = &[CRATE_FOLDER, "kernel/cell-derive", "widgets-comm"];

/// Changed with how the prelude is compiled.
const FORM: &str = "shared library";

/// The prelude, compiled.
#[derive(Clone, Debug)]
pub struct Prelude {
    /// Holds the prelude's library and, in `deps`, what it was made of.
    pub libraries: PathBuf,
    /// The crate's folder, for rust-analyzer.
    pub crate_folder: PathBuf,
    /// The versions it was built with.
    pub lock_file: PathBuf,
    /// For cells that were compiled with it.
    pub compiled_cells: PathBuf,
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
        let key = key(toolchain, &workspace, &lock_file).map_err(in_cache)?;
        let built = folder.join(&key);
        let compiled_cells = cache_folder().join("cells").join(&key);
        let prelude = Prelude { libraries: built.join("release"), crate_folder, lock_file, compiled_cells };
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

    /// The name of the folders of this toolchain's prelude and cells; `None` where there are no sources to name them by.
    pub fn key_of(toolchain: &Toolchain) -> Option<String> {
        let workspace = source_folder()?;
        key(toolchain, &workspace, &workspace.join("Cargo.lock")).ok()
    }

    fn is_there(&self) -> bool {
        let library = format!("{}flowdeck{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
        self.libraries.join(library).is_file()
    }
}

/// The cache folder of all kernels of this user.
pub fn cache_folder() -> PathBuf {
    match env::var_os(CACHE_ENV) {
        Some(folder) => PathBuf::from(folder),
        None => dirs::cache_dir().unwrap_or_else(env::temp_dir).join("flowdeck"),
    }
}

/// The folder of the workspace that holds the prelude: named, installed beside the program, or the checkout above it.
fn source_folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os(SOURCE_ENV) {
        return Some(PathBuf::from(folder));
    }
    let program = env::current_exe().ok()?;
    let installed = program.parent()?.parent()?.join("share/flowdeck/prelude");
    let candidates = std::iter::once(installed.as_path()).chain(program.ancestors());
    candidates.map(Path::to_owned).find(|folder| folder.join(CRATE_FOLDER).join("Cargo.toml").is_file())
}

/// What the compiled prelude depends on: compiler, versions, sources.
fn key(toolchain: &Toolchain, workspace: &Path, lock_file: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash.update(FORM);
    hash.update(&toolchain.version);
    let mut files = Vec::new();
    for folder in SOURCE_FOLDERS {
        let folder = workspace.join(folder);
        files.push(folder.join("Cargo.toml"));
        find_files(&folder.join("src"), &mut files)?;
    }
    files.sort();
    let texts = files.iter().map(fs::read).chain([Ok(locked_versions(&fs::read_to_string(lock_file)?).into_bytes())]);
    for text in texts {
        let text = text?;
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    Ok(hex::encode(hash.finalize())[..16].to_owned())
}

fn find_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => find_files(&entry.path(), files)?,
            false => files.push(entry.path()),
        }
    }
    Ok(())
}

/// What the lock file says of the prelude and its dependencies: other crates of the workspace may change theirs.
fn locked_versions(lock_file: &str) -> String {
    let lock: toml::Table = lock_file.parse().unwrap_or_default();
    let packages: Vec<&toml::Table> = lock
        .get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_table)
        .collect();
    let text = |package: &toml::Table, field: &str| {
        package.get(field).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    let mut wanted = vec!["flowdeck".to_owned()];
    let mut lines = Vec::new();
    while let Some(name) = wanted.pop() {
        // A dependency is a name, or a name and a version where there are several.
        let (name, version) = name.split_once(' ').unwrap_or((&name, ""));
        let is_it =
            |package: &&&toml::Table| text(package, "name") == name && text(package, "version").starts_with(version);
        let Some(package) = packages.iter().find(is_it) else { continue };
        let line = format!("{name} {} {}", text(package, "version"), text(package, "checksum"));
        if !lines.contains(&line) {
            let dependencies = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
            wanted.extend(dependencies.filter_map(toml::Value::as_str).map(str::to_owned));
            lines.push(line);
        }
    }
    lines.sort();
    lines.join("\n")
}

fn build(toolchain: &Toolchain, workspace: &Path, scratch: &Path, target: &Path) -> Result<(), PreludeError> {
    let run = |offline: bool| {
        let mut cargo = Command::new(&toolchain.cargo);
        cargo
            .args(["rustc", "--release", "--locked", "--package", "flowdeck", "--lib", "--manifest-path"])
            .arg(workspace.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(scratch)
            // A shared library, with what it needs in it: to link a cell with forty archives takes as long as to compile it,
            // and puts a copy of them into each. One standard library for it and for cells.
            .args(["--crate-type", "dylib"])
            // Flags of whoever started us would give a library that cells cannot link.
            // What a person set for builds of their own would put files elsewhere or compile them otherwise.
            .env_remove("CARGO_BUILD_BUILD_DIR")
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET");
        if offline {
            cargo.arg("--offline");
        }
        cargo.args(["--", "-Cprefer-dynamic"]).output()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_versions_that_the_prelude_is_built_with_count() {
        let lock = |engine: &str, json: &str| {
            format!(
                "[[package]]\nname = \"flowdeck\"\nversion = \"1\"\ndependencies = [\"json 2\"]\n\
                 [[package]]\nname = \"json\"\nversion = \"1\"\n\
                 [[package]]\nname = \"json\"\nversion = \"2{json}\"\ndependencies = [\"flowdeck\"]\n\
                 [[package]]\nname = \"engine\"\nversion = \"{engine}\"\n"
            )
        };
        assert_eq!(locked_versions(&lock("1", ".0")), "flowdeck 1 \njson 2.0 ");
        assert_eq!(locked_versions(&lock("2", ".0")), locked_versions(&lock("1", ".0")));
        assert_ne!(locked_versions(&lock("1", ".1")), locked_versions(&lock("1", ".0")));
    }
}
