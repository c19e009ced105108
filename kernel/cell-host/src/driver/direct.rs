//! The one call of rustc by which a cell is compiled: its flags, what it links, and how.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use super::{cell::CELL_CRATE, dependencies::Linked, joined, linker::Linker};

/// Says that an object finds libraries by a path from its own folder.
pub const RELATIVE_RUN_PATH: &str = "-Crpath";

/// Flags of rustc for every cell; nearly those of evcxr's own profile, see its generated Cargo.toml.
const FLAGS: &[&str] = &[
    "--crate-name",
    CELL_CRATE,
    "--edition=2024",
    "--crate-type=cdylib",
    "--error-format=json",
    "--json=diagnostic-rendered-ansi",
    "-Cprefer-dynamic",
    "-Cdebuginfo=0",
    // They are half of an object, of which each cell leaves one on disk until the kernel ends.
    "-Cstrip=symbols",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
    "-Ccodegen-units=16",
    // Between the units of one cell it costs a fifth of the compilation, and what cells calculate is as fast without.
    "-Clto=off",
];

/// What decides over the call besides the text.
#[derive(Clone, Debug, Default)]
pub struct Direct {
    pub rustc: PathBuf,
    /// The target's name.
    pub host: String,
    /// The folder with the prelude's library.
    pub prelude: PathBuf,
    pub opt_level: String,
    /// The session's own dependencies.
    pub linked: Linked,
    /// The default where it can do nothing better.
    pub linker: Linker,
}

impl Direct {
    /// rustc with its flags, without the text and the place of what comes out.
    pub fn command(&self, emit: &str) -> Command {
        let mut command = Command::new(&self.rustc);
        command.args(FLAGS).args(self.run_path(emit));
        command.arg(format!("-Copt-level={}", self.opt_level)).arg(format!("--emit={emit}"));
        command.arg("--extern").arg(joined("flowdeck=", &library(&self.prelude)));
        command.arg("-L").arg(joined("dependency=", &self.prelude.join("deps")));
        for (name, file) in &self.linked.externs {
            command.arg("--extern").arg(joined(&format!("{name}="), file));
        }
        for path in &self.linked.search {
            command.arg("-L").arg(path);
        }
        if emit == "link" {
            command.args(&self.linker().arguments);
        }
        command
    }

    /// Called without the C compiler, a linker does not find all that other crates may want of the system.
    fn linker(&self) -> Linker {
        match self.linker.is_bare && !self.linked.externs.is_empty() {
            true => Linker::default(),
            false => self.linker.clone(),
        }
    }

    /// Where a cell finds the prelude and the standard library when it is loaded. rustc's own way is a path from the
    /// object's folder, which is another in each kernel.
    fn run_path(&self, emit: &str) -> Vec<OsString> {
        if emit != "link" {
            return Vec::new();
        }
        let linker = self.linker();
        let library = self.rustc.ancestors().nth(2);
        let library = library.map(|toolchain| toolchain.join("lib/rustlib").join(&self.host).join("lib"));
        let library = match library.filter(|library| !self.host.is_empty() && library.is_dir()) {
            Some(library) => linker.run_path(&library),
            None => RELATIVE_RUN_PATH.into(),
        };
        vec![library, linker.run_path(&self.prelude)]
    }
}

/// The prelude, in its folder.
pub fn library(prelude: &Path) -> PathBuf {
    prelude.join(format!("{}flowdeck{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(direct: &Direct) -> String {
        format!("{:?}", direct.command("link"))
    }

    #[test]
    fn a_bare_linker_is_not_for_cells_with_other_crates() {
        let linker = Linker { arguments: vec!["-Clinker=bare".to_owned()], is_bare: true, ..Linker::default() };
        let mut direct = Direct { rustc: "rustc".into(), prelude: "/p".into(), linker, ..Direct::default() };
        assert!(call(&direct).contains("-Clinker=bare") && call(&direct).contains("-Clink-arg=-rpath=/p"));
        direct.linked.externs.push(("hex".to_owned(), "/d/libhex.rlib".into()));
        assert!(!call(&direct).contains("-Clinker=bare") && call(&direct).contains("-Clink-arg=-Wl,-rpath,/p"));
        direct.linked.externs.clear();
        direct.linker.is_bare = false;
        assert!(call(&direct).contains("-Clinker=bare") && call(&direct).contains("-Clink-arg=-Wl,-rpath,/p"));
        assert!(!format!("{:?}", direct.command("metadata")).contains("link"), "what is not linked needs no linker");
    }
}
