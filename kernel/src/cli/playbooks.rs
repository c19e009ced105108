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
        mpsc,
    },
    time::Duration,
};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use playbooks::{Fault, Level, checkout::Asking};
use tokio::signal::unix::{SignalKind, signal};

use super::{print, say};
use crate::playbooks::{self as room, Action, Prepared, Said, Tell};

/// The exit code of a check that found something to update. 1 is an error, 2 a wrong option.
const DIFFERS: u8 = 3;

/// The exit code of what a person ended by Control-C.
const INTERRUPTED: u8 = 130;

/// How long a process that ends tries to say why.
const LAST_WORD_MAX: Duration = Duration::from_millis(500);

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
    let prepared = match room::prepare(&options.action, &options.folder, asking, &stop, &tell) {
        Ok(prepared) => prepared,
        Err(fault) => return ended(&fault, &tell),
    };
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
        is_asking.store(true, Ordering::SeqCst);
        // Pressed before it was asked: the answer is known.
        if stop.load(Ordering::SeqCst) {
            return ended(&Fault::Stopped, &tell);
        }
        let is_agreed = agrees(&pending.question)?;
        is_asking.store(false, Ordering::SeqCst);
        if !is_agreed {
            tell(Said::Log(Level::Info, "nothing was removed".to_owned()));
            return Ok(ExitCode::SUCCESS);
        }
    }
    if stop.load(Ordering::SeqCst) {
        return ended(&Fault::Stopped, &tell);
    }
    pending.act(&stop, &tell).map_or_else(|fault| ended(&fault, &tell), |()| Ok(ExitCode::SUCCESS))
}

/// What a person stopped is no error, and has an exit code of its own.
fn ended(fault: &Fault, tell: &Tell) -> Result<ExitCode> {
    if !matches!(fault, Fault::Stopped | Fault::StoppedMidway) {
        return Err(worded(fault));
    }
    tell(Said::Log(Level::Warning, fault.to_string()));
    Ok(ExitCode::from(INTERRUPTED))
}

fn agrees(question: &str) -> Result<bool> {
    say(&format!("{question} [y/N]"));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Control-C ends waiting for the network or for an answer, and a removal between two files; what is being written is finished,
/// unless it is pressed again.
fn stop_on_interrupt(stop: Arc<AtomicBool>, is_asking: Arc<AtomicBool>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Listening begins here, so that no signal is lost before the thread runs or between two.
    let mut interrupts = {
        let _within = runtime.enter();
        signal(SignalKind::interrupt())?
    };
    std::thread::spawn(move || {
        while runtime.block_on(interrupts.recv()).is_some() {
            // First of all: who is about to ask looks at it after saying so.
            let is_again = stop.swap(true, Ordering::SeqCst);
            if is_asking.load(Ordering::SeqCst) {
                end_now("nothing was removed");
            }
            if is_again {
                end_now("ended at once; an update that was under way is completed by the next one");
            }
            drop(say_aside("stopping as soon as nothing is half done; Control-C again ends at once"));
        }
    });
    Ok(())
}

fn end_now(why: &'static str) -> ! {
    // Said or not: the process ends.
    let _ = say_aside(why).recv_timeout(LAST_WORD_MAX);
    std::process::exit(i32::from(INTERRUPTED))
}

/// Says something without waiting for it: a reader of the log who reads no more must not keep the next signal from being heard.
fn say_aside(line: &'static str) -> mpsc::Receiver<()> {
    let (sender, said) = mpsc::channel();
    std::thread::spawn(move || {
        say(line);
        // Nobody may be waiting.
        let _ = sender.send(());
    });
    said
}

fn worded(fault: &Fault) -> anyhow::Error {
    anyhow!("{}", room::clean(&room::worded(fault)))
}
