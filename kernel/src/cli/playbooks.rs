//! `flowdeck playbooks`: the commands of [`crate::playbooks`] at a terminal, for a person or for cron.
//!
//! Lists go to stdout, the log to stderr. The exit code of `check` tells whether there is something to update.

use std::{
    io::{BufRead, IsTerminal},
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use playbooks::{Fault, Level, checkout::Asking};

use super::{print, say};
use crate::playbooks::{self as room, Action, Prepared, Said, Tell};

/// The exit code of a check that found something to update. 1 is an error, 2 a wrong option.
const DIFFERS: u8 = 3;

/// The exit code of what a person ended by Control-C.
const INTERRUPTED: i32 = 130;

/// Options of `flowdeck playbooks`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    action: Action,
    /// The folder of the playbooks.
    #[arg(long, global = true, default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,
    /// Remove what is listed without asking.
    #[arg(long, global = true)]
    yes: bool,
}

/// Runs the command.
///
/// # Errors
/// What went wrong, or that nobody is there who could be asked.
pub fn run(options: &Options) -> Result<ExitCode> {
    let is_terminal = std::io::stdin().is_terminal();
    let asking = if is_terminal { Asking::AtTerminal } else { Asking::Nobody };
    let tell: Tell = Arc::new(|said| match said {
        Said::Log(level, text) => say(&room::log_line(level, &room::clean(&text))),
        // A closed stdout has nobody to tell.
        Said::Text(text) => drop(print(&text)),
    });
    let (stop, is_asking) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    stop_on_interrupt(stop.clone(), is_asking.clone())?;
    let prepared = room::prepare(&options.action, &options.folder, asking, &stop, &tell).map_err(worded)?;
    let pending = match prepared {
        Prepared::Done { differs: true } => return Ok(ExitCode::from(DIFFERS)),
        Prepared::Done { differs: false } => return Ok(ExitCode::SUCCESS),
        Prepared::Asks(pending) => pending,
    };
    // An update loses nothing, so it need not ask.
    let is_removal = !matches!(options.action, Action::Update { .. });
    if is_removal && !options.yes {
        if !is_terminal {
            bail!("nobody is there to be asked\nhint: `--yes` removes what is listed without asking");
        }
        is_asking.store(true, Ordering::Relaxed);
        let is_agreed = agrees(&pending.question)?;
        is_asking.store(false, Ordering::Relaxed);
        if !is_agreed {
            tell(Said::Log(Level::Info, "nothing was removed".to_owned()));
            return Ok(ExitCode::SUCCESS);
        }
    }
    pending.act(&tell).map_err(worded)?;
    Ok(ExitCode::SUCCESS)
}

fn agrees(question: &str) -> Result<bool> {
    say(&format!("{question} [y/N]"));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Control-C ends waiting for the network or for an answer; what is being written is finished.
fn stop_on_interrupt(stop: Arc<AtomicBool>, is_asking: Arc<AtomicBool>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_err() {
            return;
        }
        if is_asking.load(Ordering::Relaxed) {
            say("nothing was removed");
            std::process::exit(INTERRUPTED);
        }
        stop.store(true, Ordering::Relaxed);
        say("stopping as soon as nothing is half done");
    });
    Ok(())
}

fn worded(fault: Fault) -> anyhow::Error {
    anyhow!("{}", room::clean(&room::worded(&fault)))
}
