//! How cells are linked with a prelude: found out once by the cell host (`driver::linker`), and noted beside it.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::interpreter::rust::{toolchain::Toolchain, workspace};

/// The file's name, in the prelude's folder.
const FILE: &str = "linker.json";

/// The name under which the cell host chooses.
const CHOOSER: &str = "find-linker";

/// What was chosen; null where nothing was.
pub(super) fn read(built: &Path) -> Value {
    fs::read(built.join(FILE)).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// What was chosen, for people; `None` where nothing was.
pub fn name(built: &Path) -> Option<String> {
    read(built)["name"].as_str().map(str::to_owned)
}

/// Chooses, unless that was done. It costs seconds, once; without it cells are linked in rustc's own way.
pub(super) fn ensure(toolchain: &Toolchain, built: &Path) {
    if built.join(FILE).exists() {
        return;
    }
    let Ok(host) = workspace::cell_host() else { return };
    let mut chooser = Command::new(host);
    chooser.arg0(CHOOSER).arg(&toolchain.rustc).arg(toolchain.host()).arg(built.join("release"));
    let chosen = chooser.stdin(Stdio::null()).stderr(Stdio::null()).output();
    let chosen = chosen.ok().filter(|chosen| chosen.status.success()).map(|chosen| chosen.stdout);
    let named = chosen.as_deref().and_then(|chosen| serde_json::from_slice::<Value>(chosen).ok());
    let Some(named) = named.filter(|named| named["name"].is_string()) else { return };
    tracing::info!(linker = %named["name"], "the linker for Rust cells was chosen");
    // Without it the next kernel chooses again.
    if let Err(error) = fs::write(built.join(FILE), named.to_string()) {
        tracing::warn!(%error, "the choice of the linker was not kept");
    }
}
