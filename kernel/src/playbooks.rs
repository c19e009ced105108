//! Looking after the playbooks: what `flowdeck playbooks` and `%playbooks` do, up to the point at which a person is asked.
//!
//! The crate `playbooks` does the work; here its parts become commands, with what is said on the way. `area` shows them in
//! a notebook; the command line is in [`crate::cli`].

pub mod area;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, SystemTime},
};

use clap::{ArgAction, Subcommand};
use flowdeck::chrono::Local;
use playbooks::{
    Checkout, Fault, Level, Plan,
    checkout::{Asking, Fetched},
    data::{self, Wanted},
    duplicates, list,
    removal::{self, Listed},
    update,
};

use crate::form::moment;

/// What can be done.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Action {
    /// List the playbooks with version, title and maintainers, and what is wrong with their heads.
    List,
    /// Compare with the upstream and list what an update would change.
    Check,
    /// Make the playbooks those of the upstream; what was changed here is copied aside first.
    Update {
        /// Also put back what was changed here and not upstream.
        #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true")]
        revert: bool,
    },
    /// List copies of notebooks.
    Duplicates {
        /// Remove those that are the same as their original.
        #[arg(long)]
        remove: bool,
        /// With `--remove`: also those that were edited since they were copied.
        #[arg(long, requires = "remove", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true")]
        edited: bool,
    },
    /// List what the playbooks stored in `data/`.
    Data {
        /// Only what this playbook stored.
        #[arg(long, value_name = "NAME")]
        playbook: Option<String>,
        /// Only what was written longer ago, as in 30d.
        #[arg(long, value_name = "AGE", value_parser = age)]
        older_than: Option<Duration>,
        /// Remove what is listed.
        #[arg(long)]
        remove: bool,
    },
}

/// Something that is said while a command runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// A line of the log.
    Log(Level, String),
    /// A list, or a part of one.
    Text(String),
}

/// Hears what is said.
pub type Tell = Arc<dyn Fn(Said) + Send + Sync>;

/// How far a command came by itself.
pub enum Prepared {
    /// It is done.
    Done {
        /// Whether the upstream has something else.
        differs: bool,
    },
    /// What it would do was listed; a person decides.
    Asks(Pending),
}

/// What waits for a person's word.
pub struct Pending {
    /// As in `Remove these 3 files?`.
    pub question: String,
    act: Box<Act>,
}

type Act = dyn FnOnce(&AtomicBool, &Tell) -> Result<(), Fault> + Send;

impl Pending {
    /// Does it, until `stop` is set: an update heeds that before it writes, a removal between two files.
    ///
    /// # Errors
    /// What went wrong, or that it was stopped; what was done by then has been said.
    pub fn act(self, stop: &AtomicBool, tell: &Tell) -> Result<(), Fault> {
        (self.act)(stop, tell)
    }
}

/// Does a command up to the point at which a person is asked. May take as long as the network does, unless `stop` is set.
///
/// # Errors
/// What went wrong; nothing was changed.
pub fn prepare(
    action: &Action,
    folder: &Path,
    asking: Asking,
    stop: &AtomicBool,
    tell: &Tell,
) -> Result<Prepared, Fault> {
    let done = Prepared::Done { differs: false };
    // A folder that is given may be a link; below it none is followed.
    let folder = &folder.canonicalize().map_err(|source| Fault::File { path: folder.to_owned(), source })?;
    match action {
        Action::List => {
            tell(Said::Text(list::text(&list::playbooks(folder)?)));
            Ok(done)
        }
        Action::Check => {
            let (_, _, plan) = compare(folder, asking, false, stop, tell)?;
            Ok(Prepared::Done { differs: !plan.is_up_to_date() })
        }
        Action::Update { revert } => {
            let (checkout, fetched, plan) = compare(folder, asking, *revert, stop, tell)?;
            let revert = *revert;
            match plan.is_up_to_date() {
                true => Ok(done),
                false => Ok(Prepared::Asks(Pending {
                    question: "Update the playbooks?".to_owned(),
                    act: Box::new(move |stop, tell| update(&checkout, &fetched, revert, stop, tell)),
                })),
            }
        }
        Action::Duplicates { remove, edited } => {
            let mut found = duplicates::find(folder)?;
            let count = found.len();
            if *remove && !edited {
                found.retain(|duplicate| !duplicate.is_edited);
            }
            if found.len() < count {
                let left = format!("left as they are: {}", edited_copies(count - found.len()));
                tell(Said::Log(Level::Warning, left));
            }
            tell(Said::Text(duplicates::text(&found)));
            let files: Vec<Listed> = found.into_iter().map(|duplicate| duplicate.file).collect();
            Ok(if *remove { ask(folder, files, |_| ()) } else { done })
        }
        Action::Data { playbook, older_than, remove } => {
            let wanted = Wanted { playbook: playbook.clone(), older_than: *older_than };
            let found = data::find(folder, &wanted, SystemTime::now())?;
            tell(Said::Text(data::text(&found)));
            let files = found.iter().map(|stored| stored.file.clone()).collect();
            Ok(if *remove { ask(folder, files, move |folder| data::remove_empty(folder, &found)) } else { done })
        }
    }
}

/// A line of the log, at this moment.
pub fn log_line(level: Level, text: &str) -> String {
    playbooks::line(Local::now().naive_local(), level, text)
}

/// Fact and hint of a fault in one text.
pub fn worded(fault: &Fault) -> String {
    match fault.hint() {
        Some(hint) => format!("{fault}\nhint: {hint}"),
        None => fault.to_string(),
    }
}

fn compare(
    folder: &Path,
    asking: Asking,
    revert: bool,
    stop: &AtomicBool,
    tell: &Tell,
) -> Result<(Checkout, Fetched, Plan), Fault> {
    let log = |level, text: &str| tell(Said::Log(level, text.to_owned()));
    let checkout = Checkout::open(folder, asking)?;
    let root = checkout.root().display();
    log(Level::Info, &format!("{root}, {}, is compared with {}", checkout.branch(), checkout.upstream()));
    let fetched = checkout.fetch(stop)?;
    let plan = Plan::new(&checkout, &fetched, revert)?;
    tell(Said::Text(plan.text()));
    if plan.commits > 0 {
        log(Level::Warning, &format!("commits that are only here: {}; an update keeps them in a branch", plan.commits));
    }
    if plan.is_rewritten {
        log(Level::Warning, "the upstream's history was written anew");
    }
    let said = match (plan.is_up_to_date(), plan.files()) {
        (true, _) => "up to date".to_owned(),
        (false, 0) => "the upstream has a newer commit with the same files".to_owned(),
        (false, files) => format!("an update changes {}", data::files_text(files)),
    };
    log(Level::Info, &said);
    Ok((checkout, fetched, plan))
}

fn update(checkout: &Checkout, fetched: &Fetched, revert: bool, stop: &AtomicBool, tell: &Tell) -> Result<(), Fault> {
    let log = |level, text: &str| tell(Said::Log(level, text.to_owned()));
    let updated = update::run(checkout, fetched, revert, stop, &log)?;
    if updated.files > 0 {
        log(
            Level::Info,
            "open notebooks must be reloaded: File > Reload Notebook from Disk in JupyterLab, the page again in Voilà",
        );
    }
    Ok(())
}

fn ask(folder: &Path, files: Vec<Listed>, after: impl FnOnce(&PathBuf) + Send + 'static) -> Prepared {
    if files.is_empty() {
        return Prepared::Done { differs: false };
    }
    let bytes = data::bytes_text(files.iter().map(Listed::bytes).sum());
    let question = match files.len() {
        1 => format!("Remove this file ({bytes})? It cannot be brought back."),
        count => format!("Remove these {count} files ({bytes})? They cannot be brought back."),
    };
    let folder = folder.to_owned();
    let act = move |stop: &AtomicBool, tell: &Tell| {
        let log = |level, text: &str| tell(Said::Log(level, text.to_owned()));
        let removed = removal::remove(&folder, &files, stop, &log);
        after(&folder);
        log(
            Level::Info,
            &format!("{} removed, {} freed", data::files_text(removed.files), data::bytes_text(removed.bytes)),
        );
        if removed.left > 0 {
            log(Level::Warning, &format!("not removed: {}", data::files_text(removed.left)));
        }
        if removed.is_stopped { Err(Fault::StoppedMidway) } else { Ok(()) }
    };
    Prepared::Asks(Pending { question, act: Box::new(act) })
}

fn edited_copies(count: usize) -> String {
    if count == 1 { "1 edited copy".to_owned() } else { format!("{count} edited copies") }
}

fn age(text: &str) -> Result<Duration, String> {
    moment::duration(text)?.to_std().map_err(|_| format!("`{text}` is no age; write 30d or 12h"))
}

/// Text without what could move a terminal's cursor: servers say things too.
pub fn clean(text: &str) -> String {
    let shown = |c: char| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_server_says_cannot_write_over_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\nc");
    }

    #[test]
    fn a_fault_comes_with_what_to_do() {
        let text = worded(&Fault::NoUpstream("/srv/playbooks".into()));
        assert!(text.starts_with("the repository /srv/playbooks has no upstream\nhint: "), "{text}");
    }

    #[test]
    fn lists_need_no_repository_and_a_removal_asks() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.ipynb", "a-Copy1.ipynb"] {
            std::fs::write(folder.path().join(name), r##"{"cells": [{"cell_type": "markdown", "source": "# A"}]}"##)
                .unwrap();
        }
        let said = Arc::new(std::sync::Mutex::new(Vec::new()));
        let tell: Tell = {
            let said = said.clone();
            Arc::new(move |one| said.lock().unwrap().push(one))
        };
        let action = Action::Duplicates { remove: true, edited: false };
        let stop = AtomicBool::new(false);
        let Prepared::Asks(pending) = prepare(&action, folder.path(), Asking::Nobody, &stop, &tell).unwrap() else {
            panic!("removes without asking")
        };
        assert!(pending.question.starts_with("Remove this file ("), "{}", pending.question);
        assert!(folder.path().join("a-Copy1.ipynb").exists());
        pending.act(&stop, &tell).unwrap();
        assert!(!folder.path().join("a-Copy1.ipynb").exists() && folder.path().join("a.ipynb").exists());
        let said = said.lock().unwrap();
        assert_eq!(said[0], Said::Text("a-Copy1.ipynb  (same as a.ipynb)\n".to_owned()));
        assert_eq!(said[1], Said::Log(Level::Info, "removed a-Copy1.ipynb".to_owned()));
    }
}
