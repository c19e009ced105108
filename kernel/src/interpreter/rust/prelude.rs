//! The prelude as cells link it: compiled once per toolchain and source, into a cache that all kernels share.
//!
//! `flowdeck install` does it ahead of time; a kernel that finds the cache empty does it before its first Rust cell, and
//! the cell that waits for it says so. `key` names its folder, `build` compiles it, `linker` has the fastest way to link
//! cells with it found out, `record` notes what it is made of and finds it damaged.

mod build;
mod key;
pub mod linker;
pub mod record;

use std::{
    env,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use self::record::{Check, Record};
use super::toolchain::Toolchain;

/// Names the cache folder; the default is the user's.
pub const CACHE_ENV: &str = "FLOWDECK_CACHE_DIR";

/// Names the folder with the prelude's sources, for installations that keep them elsewhere.
pub const SOURCE_ENV: &str = "FLOWDECK_PRELUDE_SOURCE";

/// Where the prelude's crate is, seen from the folder of the workspace it is built in.
const CRATE_FOLDER: &str = "kernel/cell";

/// How often whoever waits for another kernel's build looks whether it is done, and whether to wait on.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

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
    /// Held while it is in use, so that nobody cleans it away; `None` where the cache can only be read.
    _in_use: Option<Arc<File>>,
}

/// Why cells have no prelude.
#[derive(Debug, thiserror::Error)]
pub enum PreludeError {
    /// The sources are not where an installation or a checkout has them.
    #[error("its sources were not found in {}", looked_in.display())]
    NoSources {
        /// Where they should be.
        looked_in: PathBuf,
    },
    /// cargo failed on them.
    #[error("it did not compile: {reason}")]
    NotBuilt {
        /// The last lines of cargo.
        reason: String,
    },
    /// The cache cannot be written.
    #[error("the cache folder {} cannot be used: {source}", folder.display())]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Whoever watched wanted no more of it.
    #[error("its compilation was stopped")]
    Stopped,
}

impl PreludeError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            PreludeError::NoSources { .. } => format!(
                "install Flowdeck whole, or name the folder that has them in {SOURCE_ENV}; then restart the kernel"
            ),
            PreludeError::NotBuilt { .. } => {
                "run `flowdeck install` where the network can be reached, as crates that are not on this machine are \
                 fetched; then restart the kernel"
                    .to_owned()
            }
            PreludeError::Cache { folder, .. } => format!(
                "let the kernel's user write to {}, or name another folder in {CACHE_ENV}; then run `flowdeck install` and \
                 restart the kernel",
                folder.display()
            ),
            PreludeError::Stopped => "run the cell again".to_owned(),
        }
    }
}

/// Hears how far a compilation of the prelude is, and may stop it.
pub trait Watcher {
    /// It begins, and may take minutes: why.
    fn begins(&self, why: &str);
    /// A crate is compiled; so many are.
    fn compiled(&self, name: &str, crates: usize, elapsed: Duration);
    /// It is done.
    fn done(&self, crates: usize, elapsed: Duration);
    /// Whether nobody wants it any more.
    fn is_stopped(&self) -> bool {
        false
    }
}

impl Prelude {
    /// The prelude for a toolchain, built now if it is not in the cache or is damaged there.
    ///
    /// # Errors
    /// [`PreludeError`] when it is not there and cannot be built.
    pub fn ensure(toolchain: &Toolchain, check: Check, watcher: &dyn Watcher) -> Result<Prelude, PreludeError> {
        let workspace = source_folder()?;
        let lock_file = workspace.join("Cargo.lock");
        let folder = cache_folder().join("prelude");
        let in_cache = |source| PreludeError::Cache { folder: folder.clone(), source };
        let key = key::key(toolchain, &workspace, &lock_file).map_err(in_cache)?;
        let built = folder.join(&key);
        let compiled_cells = cache_folder().join("cells").join(&key);
        let ready = || Prelude {
            libraries: built.join("release"),
            crate_folder: workspace.join(CRATE_FOLDER),
            lock_file: lock_file.clone(),
            compiled_cells: compiled_cells.clone(),
            _in_use: in_use(&folder, &key).map(Arc::new),
        };
        let in_place = ready();
        if is_whole(&built, check) {
            linker::ensure(toolchain, &built);
            return Ok(in_place);
        }
        drop(in_place);
        fs::create_dir_all(&folder).map_err(in_cache)?;
        // Another kernel may be building it right now: wait for it instead of doing it twice.
        let lock = File::create(folder.join(format!("{key}.lock"))).map_err(in_cache)?;
        wait_for(&lock, watcher).map_err(|error| error.map_or(PreludeError::Stopped, in_cache))?;
        if !is_whole(&built, check) {
            watcher.begins(why(&built));
            let scratch = folder.join(format!("{key}.building"));
            build::build(toolchain, &workspace, &scratch, watcher)?;
            Record::of(&scratch, toolchain).and_then(|record| record.write(&scratch)).map_err(in_cache)?;
            put_in_place(&scratch, &built, &compiled_cells).map_err(in_cache)?;
            linker::ensure(toolchain, &built);
        }
        Ok(ready())
    }

    /// How cells are linked with it, for the build driver; null is rustc's own way.
    pub fn linker(&self) -> Value {
        self.libraries.parent().map(linker::read).unwrap_or_default()
    }

    /// The name of the folders of this toolchain's prelude and cells; `None` where there are no sources to name them by.
    pub fn key_of(toolchain: &Toolchain) -> Option<String> {
        let workspace = source_folder().ok()?;
        key::key(toolchain, &workspace, &workspace.join("Cargo.lock")).ok()
    }
}

fn library_name() -> String {
    format!("{}flowdeck{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX)
}

fn is_whole(built: &Path, check: Check) -> bool {
    built.join("release").join(library_name()).is_file()
        && Record::read(built).is_some_and(|record| record.holds(built, check))
}

fn why(built: &Path) -> &'static str {
    match built.exists() {
        true => "the files of the one that was compiled before are damaged",
        false => "none was compiled for this toolchain and this version yet; `flowdeck install` does it ahead of time",
    }
}

/// Marks the prelude as used now, for as long as what is given lives.
fn in_use(folder: &Path, key: &str) -> Option<File> {
    let file = File::options().create(true).append(true).open(folder.join(format!("{key}.used"))).ok()?;
    // Who may not write there still reads; then nobody may clean there either.
    let _ = file.set_modified(SystemTime::now());
    file.lock_shared().ok()?;
    Some(file)
}

/// Waits for the lock. An error without a cause: it was stopped.
fn wait_for(lock: &File, watcher: &dyn Watcher) -> Result<(), Option<io::Error>> {
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(Some(error)),
            Err(TryLockError::WouldBlock) if watcher.is_stopped() => return Err(None),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK_INTERVAL),
        }
    }
}

/// Gives a compiled prelude its name. One that was there is damaged, and so may be what was compiled with it.
fn put_in_place(scratch: &Path, built: &Path, compiled_cells: &Path) -> io::Result<()> {
    let old = built.with_extension("damaged");
    // Left by a kernel that ended before it had removed it all.
    let _ = fs::remove_dir_all(&old);
    let is_replaced = fs::rename(built, &old).is_ok();
    fs::rename(scratch, built)?;
    if is_replaced {
        // What is left of it goes with the next cleaning.
        let _ = fs::remove_dir_all(old);
        let _ = fs::remove_dir_all(compiled_cells);
    }
    Ok(())
}

/// The cache folder of all kernels of this user.
pub fn cache_folder() -> PathBuf {
    match env::var_os(CACHE_ENV) {
        Some(folder) => PathBuf::from(folder),
        None => dirs::cache_dir().unwrap_or_else(env::temp_dir).join("flowdeck"),
    }
}

/// The folder of the workspace that holds the prelude: named, installed beside the program, or the checkout above it.
fn source_folder() -> Result<PathBuf, PreludeError> {
    let has_it = |folder: &Path| folder.join(CRATE_FOLDER).join("Cargo.toml").is_file();
    if let Some(named) = env::var_os(SOURCE_ENV).map(PathBuf::from) {
        return if has_it(&named) { Ok(named) } else { Err(PreludeError::NoSources { looked_in: named }) };
    }
    let program = env::current_exe().unwrap_or_default();
    let installed = program.ancestors().nth(2).unwrap_or(Path::new("/")).join("share/flowdeck/prelude");
    let candidates = std::iter::once(installed.as_path()).chain(program.ancestors());
    let found = candidates.map(Path::to_owned).find(|folder| has_it(folder));
    found.ok_or(PreludeError::NoSources { looked_in: installed })
}

#[cfg(test)]
mod tests;
