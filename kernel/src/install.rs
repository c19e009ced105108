//! `flowdeck install`: puts the kernelspec where Jupyter looks, and compiles the prelude that Rust cells link.

mod voila_preview;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{
    cli::say,
    interpreter::rust::{
        prelude::{Prelude, Watcher, record::Check},
        toolchain::Toolchain,
    },
};

/// Options of `flowdeck install`; without one the kernel is installed for the user.
#[derive(Args)]
pub struct Options {
    /// For the current user (the default).
    #[arg(long, conflicts_with_all = ["sys_prefix", "prefix"])]
    user: bool,
    /// Into the Python environment whose `python3` is first on the PATH.
    #[arg(long, conflicts_with = "prefix")]
    sys_prefix: bool,
    /// Below this folder, in share/jupyter/kernels.
    #[arg(long)]
    prefix: Option<PathBuf>,
    /// Let the JupyterLab of that environment open notebooks in Voilà's preview instead of showing their code.
    #[arg(long, conflicts_with_all = ["user", "no_voila_preview"])]
    voila_preview: bool,
    /// Take `--voila-preview` back.
    #[arg(long, conflicts_with = "user")]
    no_voila_preview: bool,
}

/// The kernelspec's files; data only, see kernelspec/.
const FILES: &[(&str, &[u8])] = &[
    ("logo-32x32.png", include_bytes!("../../kernelspec/logo-32x32.png")),
    ("logo-64x64.png", include_bytes!("../../kernelspec/logo-64x64.png")),
    ("logo-svg.svg", include_bytes!("../../kernelspec/logo-svg.svg")),
];
const KERNEL_JSON: &str = include_str!("../../kernelspec/kernel.json");

/// Installs the kernelspec and prepares Rust cells.
///
/// # Errors
/// When the folder cannot be written. A machine without Rust is no error: SQL cells and forms work there.
pub fn run(options: &Options) -> Result<()> {
    let is_about_preview = options.voila_preview || options.no_voila_preview;
    let lab = prefix(options)?.filter(|_| is_about_preview);
    if is_about_preview && lab.is_none() {
        bail!(
            "whose JupyterLab?\nhint: name its environment with --sys-prefix or --prefix; settings of a person are left alone"
        );
    }
    let folder = folder(options)?.join("flowdeck");
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    write(&folder, &program).with_context(|| format!("cannot write {}", folder.display()))?;
    say(&format!("kernelspec written to {}", folder.display()));
    if let Some(lab) = lab {
        let lines = if options.voila_preview { voila_preview::set(&lab) } else { voila_preview::unset(&lab) };
        lines?.iter().for_each(|line| say(line));
    }
    match Toolchain::find() {
        Ok(toolchain) => match Prelude::ensure(&toolchain, Check::Sums, &Told) {
            Ok(_) => say("Rust cells are prepared"),
            Err(error) => say(&format!(
                "warning: Rust cells run without Flowdeck's library (`flowdeck::…`) until this is mended: {error}\nhint: {}",
                error.hint()
            )),
        },
        Err(error) => say(&format!("note: {error}\nhint: {}", error.hint())),
    }
    Ok(())
}

/// Says on the command line how far the prelude is.
struct Told;

impl Watcher for Told {
    fn begins(&self, why: &str) {
        say(&format!("compiling the library of Rust cells, which takes a minute or two: {why}"));
    }

    fn compiled(&self, _: &str, _: usize, _: Duration) {}

    fn done(&self, crates: usize, elapsed: Duration) {
        say(&format!("compiled {crates} crates in {} s", elapsed.as_secs()));
    }
}

fn folder(options: &Options) -> Result<PathBuf> {
    let kernels = Path::new("share/jupyter/kernels");
    if let Some(prefix) = prefix(options)? {
        return Ok(prefix.join(kernels));
    }
    if let Some(data) = std::env::var_os("JUPYTER_DATA_DIR") {
        return Ok(PathBuf::from(data).join("kernels"));
    }
    let home = dirs::home_dir().context("the user has no home folder; name one with --prefix")?;
    // Where Jupyter looks for a user's kernels.
    let data = if cfg!(target_os = "macos") { "Library/Jupyter/kernels" } else { ".local/share/jupyter/kernels" };
    Ok(home.join(data))
}

/// The environment that is named; `None` for the user.
fn prefix(options: &Options) -> Result<Option<PathBuf>> {
    if let Some(prefix) = &options.prefix {
        return Ok(Some(std::path::absolute(prefix)?));
    }
    if !options.sys_prefix {
        return Ok(None);
    }
    let output = Command::new("python3").args(["-c", "import sys; print(sys.prefix)"]).output();
    let output = output.context("cannot ask python3 for its prefix")?;
    Ok(Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())))
}

fn write(folder: &Path, program: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (name, bytes) in FILES {
        fs::write(folder.join(name), bytes)?;
    }
    fs::write(folder.join("kernel.json"), kernel_json(program)?)?;
    Ok(())
}

fn kernel_json(program: &Path) -> Result<String> {
    let mut spec: serde_json::Value = serde_json::from_str(KERNEL_JSON)?;
    let program = program.to_str().context("the program's path is not UTF-8, which a kernelspec needs")?;
    spec["argv"][0] = program.into();
    Ok(serde_json::to_string_pretty(&spec)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_kernelspec_names_the_program_and_keeps_jupyters_placeholder() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            user: false,
            sys_prefix: false,
            prefix: Some(folder.path().to_owned()),
            voila_preview: false,
            no_voila_preview: false,
        };
        let kernels = super::folder(&options).unwrap();
        write(&kernels.join("flowdeck"), Path::new("/opt/flow deck/flowdeck")).unwrap();
        let text = fs::read_to_string(kernels.join("flowdeck/kernel.json")).unwrap();
        let spec: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(spec["argv"][0], "/opt/flow deck/flowdeck");
        assert_eq!(spec["argv"].as_array().unwrap().last().unwrap(), "{connection_file}");
        assert_eq!((&spec["interrupt_mode"], &spec["display_name"]), (&"message".into(), &"Rust (Flowdeck)".into()));
    }
}
