//! `flowdeck cache`: what the program keeps between kernels for Rust cells, what it is for, and how to be rid of it.

use std::path::Path;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use clap::Args;

use super::{print, say, store::bytes_text};
use crate::interpreter::rust::{
    kept::{self, BYTES_MAX, CELLS_BYTES_MAX, Kept, UNUSED_DAYS_MAX},
    prelude::{Prelude, cache_folder},
    toolchain::Toolchain,
};

/// Options of `flowdeck cache`.
#[derive(Args)]
pub struct Options {
    /// Say what each thing is for, when it goes by itself, and why a cell is compiled again.
    #[arg(long, conflicts_with = "clean")]
    explain: bool,
    /// Remove what no toolchain and version of now uses.
    #[arg(long)]
    clean: bool,
    /// With `--clean`: remove what is used as well, except by kernels that run. The next Rust cell compiles it again.
    #[arg(long, requires = "clean")]
    all: bool,
}

/// Shows, explains or cleans.
///
/// # Errors
/// When the folder cannot be read, or something in it cannot be removed.
pub fn run(options: &Options) -> Result<()> {
    let folder = cache_folder();
    let current = Toolchain::find().ok().and_then(|toolchain| Prelude::key_of(&toolchain));
    let kept = kept::find(&folder, current.as_deref()).with_context(|| format!("cannot read {}", folder.display()))?;
    match options {
        Options { clean: true, all, .. } => clean(&kept, *all),
        Options { explain: true, .. } => print(&format!("{}\n{}", listed(&folder, &kept), explained())),
        _ => print(&listed(&folder, &kept)),
    }
}

fn listed(folder: &Path, kept: &[Kept]) -> String {
    let mut text = format!("cache: {}\n\n", folder.display());
    if kept.is_empty() {
        return text + "nothing is kept; `flowdeck install` compiles the prelude of Rust cells into it\n";
    }
    text += &format!("{:<15} {:<16} {:>10}  {:<16}  {:<24}  OF\n", "WHAT", "KEY", "SIZE", "LAST USED (UTC)", "STATE");
    for one in kept {
        let used = DateTime::<Utc>::from(one.used).format("%Y-%m-%d %H:%M");
        let (what, size, state) = (one.what.name(), bytes_text(one.bytes), state(one));
        text += &format!("{what:<15} {:<16} {size:>10}  {used}  {state:<24}  {}\n", one.key, one.about);
    }
    let total = bytes_text(kept.iter().map(|one| one.bytes).sum());
    text += &format!(
        "\n{total} of at most {}; what was not used for {UNUSED_DAYS_MAX} days goes by itself\n",
        bytes_text(BYTES_MAX)
    );
    let unused: u64 = kept.iter().filter(|one| goes(one, false)).map(|one| one.bytes).sum();
    if unused > 0 {
        text += &format!("`flowdeck cache --clean` frees {}\n", bytes_text(unused));
    }
    text + "`flowdeck cache --explain` says what all of this is for\n"
}

fn state(one: &Kept) -> &'static str {
    match (one.is_current, one.is_in_use) {
        (true, true) => "of this version, in use",
        (true, false) => "of this version",
        (false, true) => "of another, in use",
        (false, false) => "of another",
    }
}

fn explained() -> String {
    format!(
        "prelude         Flowdeck's library (`flowdeck::…`) as Rust cells link it. `flowdeck install` compiles it; where the
                toolchain or Flowdeck is another since, the first kernel does, once, and the cell that waits says so.
compiled cells  Each Rust cell as it was compiled, or what is wrong with it: the same cell is not compiled again, in
                this kernel or the next. At most {cells} a key; what was not used for longest goes.
crates of :dep  What cells named by `:dep`, compiled once for all kernels. Crates that several need count with each.
unfinished      What a compilation that was ended left behind. It goes by itself.

A key stands for one toolchain and one version of Flowdeck; the column OF says which. A prelude in use by a kernel is never
removed, crates not within a day of their last use; cells and crates are compiled again when they are asked for. The rest
goes by itself, looked after once a day by a kernel that starts: what was not used for {UNUSED_DAYS_MAX} days, and
what was not used for longest when all of it is more than {all}. FLOWDECK_CACHE_DIR names another folder.

A cell is compiled again when
  - its text is another, or a type, function, import or the type of a variable that it names is another,
  - the toolchain, Flowdeck, the linker, `:opt` or what `:dep` names is another, or a crate named by a path changed,
  - it reads files or the environment while it is compiled (include!, include_str!, env!, option_env!): then always,
  - it was not used for so long that it is gone, its file is damaged, or the disk was full or read-only.
FLOWDECK_DRIVER_LOG=FILE in the environment of a kernel notes each cell there: compiled or recalled, and the milliseconds.
",
        cells = bytes_text(CELLS_BYTES_MAX),
        all = bytes_text(BYTES_MAX),
    )
}

fn goes(one: &Kept, with_current: bool) -> bool {
    !one.is_in_use && (with_current || !one.is_current)
}

fn clean(kept: &[Kept], with_current: bool) -> Result<()> {
    let mut freed = 0;
    for one in kept.iter().filter(|one| goes(one, with_current)) {
        let place = one.place.display();
        // Somebody may have begun to use it just now.
        if one.remove().with_context(|| format!("cannot remove {place}"))? {
            freed += one.bytes;
        }
    }
    say(&format!("freed {}", bytes_text(freed)));
    let in_use: u64 =
        kept.iter().filter(|one| one.is_in_use && (with_current || !one.is_current)).map(|one| one.bytes).sum();
    if in_use > 0 {
        say(&format!("{} may be in use by kernels that run, and stay", bytes_text(in_use)));
    }
    Ok(())
}
