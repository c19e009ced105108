//! The thread that owns evcxr: compiles and runs cells, one after another.
//!
//! It starts in the background or with the first task. A panic of the compiler's front end is answered and costs the
//! context, never the thread.

use std::{
    collections::{BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
};

use evcxr::{CommandContext, EvalContext, EvalContextOutputs, EvalOutputs};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{
    commands::{self, Verdict},
    compile_error,
    diagnostics::CellText,
    kept,
    kept_variables::with_types,
    lost_variables::{self, Lost},
    names::{End, Names},
    prelude::{Prelude, PreludeError, Watcher, cache_folder, record::Check},
    preparation::Preparation,
    rewritten,
    toolchain::Toolchain,
    unkept,
    workspace::Workspace,
};
use crate::report::Report;

/// How the build driver's words about dependencies begin, inside those of evcxr.
const DRIVER_SAYS: &str = "flowdeck: ";

/// What every context starts with. `print!` and its family are ours: shown at once and in order. That a cell may hold a `?`
/// evcxr learns from an error of rustc's, once in a context: this one is remembered, that of a later cell would be compiled.
const FIRST_CELL: &str = "use flowdeck::{dbg, eprint, eprintln, print, println, ShowDebug as _, ShowDisplayable as _};
Ok::<(), std::fmt::Error>(())?;";

/// What every context starts with that has no prelude: a panic is told to the kernel, which reads it as one of its markers.
const FIRST_CELL_WITHOUT_PRELUDE: &str = include_str!("compiler/panics_without_prelude.cell");

/// evcxr and what it was started with.
struct Session {
    context: CommandContext,
    /// What cells link; it stays in use as long as this lives.
    _prelude: Option<Prelude>,
    /// Why there is no prelude.
    without_prelude: Option<PreludeError>,
    /// The crates that cells named by `:dep`, as code writes their names.
    declared: BTreeSet<String>,
}

/// Something for the thread to do.
pub enum Task {
    /// Run a cell.
    Evaluate {
        /// Its text.
        code: String,
        /// Its number in the front end; 0 when it has none.
        number: u64,
        /// Not even begun when this is cancelled by then.
        cancel: CancellationToken,
        /// Called right before it runs: what was put out until then is not the cell's.
        begin: Box<dyn FnOnce() + Send>,
        /// What became of it.
        reply: oneshot::Sender<Evaluated>,
    },
    /// List the variables that evcxr has forgotten since the last cell began.
    Lost {
        /// Those, with what defines them again.
        reply: oneshot::Sender<Vec<Lost>>,
    },
    /// List variables and their types.
    Variables {
        /// A line each.
        reply: oneshot::Sender<Result<String, Report>>,
    },
}

/// What became of a cell.
#[derive(Debug)]
pub enum Evaluated {
    /// It ran to its end, a panic, or a `?`.
    Ran,
    /// It was a command, which answered: as text, and as HTML where it has that.
    Said(String, Option<String>),
    /// It did not run.
    Failed(Report),
    /// Its process ended: the system's words for how.
    HostDied(String),
}

/// The thread and the line to it.
pub struct Compiler {
    tasks: Sender<Task>,
    waiting: Mutex<Option<Receiver<Task>>>,
    workspace: Arc<Workspace>,
    preparation: Arc<Preparation>,
}

impl Compiler {
    /// A compiler that is not started yet.
    pub fn new(workspace: Arc<Workspace>) -> Compiler {
        let (tasks, waiting) = channel();
        Compiler { tasks, waiting: Mutex::new(Some(waiting)), workspace, preparation: Arc::default() }
    }

    /// What the thread does before it can run cells.
    pub fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// Starts the thread, once.
    pub fn start(&self) {
        let waiting = self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        let Some(tasks) = waiting else { return };
        let (workspace, preparation) = (self.workspace.clone(), self.preparation.clone());
        let serve = move || serve(&workspace, &preparation, &tasks);
        let started = std::thread::Builder::new().name("evcxr".to_owned()).spawn(serve);
        if let Err(error) = started {
            tracing::error!(%error, "the compiler thread did not start");
        }
    }

    /// Gives the thread a task, starting it if need be. If it is gone the task's reply is dropped.
    pub fn send(&self, task: Task) {
        self.start();
        let _ = self.tasks.send(task);
    }
}

fn serve(workspace: &Workspace, preparation: &Preparation, tasks: &Receiver<Task>) {
    let mut session = guarded(|| open(workspace, preparation));
    let mut names = Names::default();
    while let Ok(task) = tasks.recv() {
        // A toolchain may have been installed, or the session lost to a panic: try again when a cell asks for it.
        if session.is_err() && matches!(&task, Task::Evaluate { cancel, .. } if !cancel.is_cancelled()) {
            session = guarded(|| open(workspace, preparation));
        }
        let ran = guarded(|| {
            run(task, &mut session, &mut names, workspace);
            Ok(())
        });
        if let Err(lost) = ran {
            session = Err(lost);
        }
    }
}

fn run(task: Task, session: &mut Result<Session, Report>, names: &mut Names, workspace: &Workspace) {
    // Whoever asked may have given up; then nobody hears the answer.
    match task {
        Task::Evaluate { code, number, cancel, begin, reply } => {
            let _ = reply.send(match session {
                _ if cancel.is_cancelled() => Evaluated::Failed(Report::interrupted("the cell was not begun")),
                Ok(session) => {
                    begin();
                    evaluate(session, &code, number, names, workspace)
                }
                Err(report) => Evaluated::Failed(report.clone()),
            });
        }
        Task::Lost { reply } => {
            let lost = session.as_ref().map(|session| lost_since(&session.context, workspace));
            let _ = reply.send(lost.unwrap_or_default());
        }
        Task::Variables { reply } => {
            let variables =
                session.as_ref().map(|session| with_types(&variables(&session.context), &workspace.types()));
            let _ = reply.send(variables.map_err(Report::clone));
        }
    }
}

/// Runs what may panic inside evcxr or rust-analyzer.
fn guarded<T>(work: impl FnOnce() -> Result<T, Report>) -> Result<T, Report> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("without a message");
        tracing::error!(panic = text, "the Rust compiler front end panicked");
        Err(Report::internal(format!("the Rust front end failed: {text}")))
    })
}

fn open(workspace: &Workspace, preparation: &Preparation) -> Result<Session, Report> {
    preparation.begin();
    let toolchain =
        Toolchain::find().map_err(|error| Report::new("NoRustToolchain", error.to_string()).with_hint(error.hint()))?;
    let mut opened = open_with(workspace, preparation, &toolchain, Check::Sizes);
    if opened.as_ref().is_err_and(|error| error.ename == "InternalError") && !preparation.is_stopped() {
        // Files of the prelude may be damaged in a way that only shows when they are used.
        tracing::warn!("Rust cells did not start: the prelude is looked at closely");
        opened = open_with(workspace, preparation, &toolchain, Check::Sums);
    }
    opened.inspect(|_| {
        tracing::info!("Rust cells are ready");
        let tidy = move || kept::tidy_daily(&cache_folder(), Prelude::key_of(&toolchain).as_deref());
        // Without the thread somebody else does it, another day.
        let _ = std::thread::Builder::new().name("tidy".to_owned()).spawn(tidy);
    })
}

fn open_with(
    workspace: &Workspace,
    preparation: &Preparation,
    toolchain: &Toolchain,
    check: Check,
) -> Result<Session, Report> {
    let (prelude, without_prelude) = match Prelude::ensure(toolchain, check, preparation) {
        Ok(prelude) => (Some(prelude), None),
        Err(PreludeError::Stopped) => {
            return Err(Report::interrupted("the compilation of Flowdeck's library was stopped"));
        }
        Err(error) => (None, Some(error)),
    };
    if let Some(error) = &without_prelude {
        tracing::error!(%error, "Rust cells run without the prelude");
        preparation.warn(format!(
            "Rust cells run without Flowdeck's library (`flowdeck::…`, tables, widgets, tasks), in evcxr's slower way: {error}\n\
             hint: {}\n",
            error.hint()
        ));
    }
    let internal = |error: anyhow::Error| Report::internal(format!("{error:#}"));
    let host = workspace.install_driver(toolchain, prelude.as_ref()).map_err(internal)?;
    let context = context(Command::new(host), &workspace.cell_crate(), prelude.as_ref());
    let context = context.map_err(|error| not_started(&error.to_string()))?;
    Ok(Session { context, _prelude: prelude, without_prelude, declared: BTreeSet::new() })
}

fn not_started(error: &str) -> Report {
    match is_about_linker(error) {
        true => without_linker(error),
        false => Report::internal(format!("evcxr did not start: {error}")),
    }
}

fn is_about_linker(error: &str) -> bool {
    error.contains("linker") && error.contains("not found")
}

fn without_linker(error: &str) -> Report {
    let fact = error.lines().find(|line| is_about_linker(line)).unwrap_or(error).trim();
    Report::new("NoRustToolchain", fact).with_hint(
        "rustc needs a C compiler to link cells: install one (Debian: build-essential), then run the cell again",
    )
}

/// What the build driver says about dependencies: one line about what they are, or many of a compilation.
fn dependency_error(words: &str) -> Report {
    let words = words.trim();
    let fact = match words.lines().count() {
        0 | 1 => words.to_owned(),
        _ => format!("what the notebook depends on could not be compiled:\n{words}"),
    };
    let hint = match () {
        () if fact.contains("no matching package") => {
            "look at the crate's name; what is not on this machine yet is fetched over the network"
        }
        () if fact.contains("failed to select a version") => "ask for another version in `:dep`, or for any: \"*\"",
        () => "correct `:dep`; a version that is not on this machine yet is fetched over the network",
    };
    Report::new("DependencyError", fact).with_hint(hint)
}

/// A context with the prelude, in the folder that `EVCXR_TMPDIR` names.
///
/// # Errors
/// What evcxr says.
pub fn context(child: Command, folder: &Path, prelude: Option<&Prelude>) -> Result<CommandContext, evcxr::Error> {
    if let Some(prelude) = prelude {
        // The versions are decided: cargo must neither ask the registry nor choose others.
        if let Err(error) = std::fs::copy(&prelude.lock_file, folder.join("Cargo.lock")) {
            tracing::warn!(%error, "the prelude's lock file was not copied");
        }
    }
    let (context, outputs) = EvalContext::with_subprocess_command(child)?;
    forward(outputs);
    let mut context = CommandContext::with_eval_context(context);
    match prelude {
        Some(prelude) => {
            let path = prelude.crate_folder.to_string_lossy().into_owned();
            context.execute(&format!(":dep flowdeck = {{ path = {path:?} }}\n{FIRST_CELL}"))?
        }
        None => context.execute(FIRST_CELL_WITHOUT_PRELUDE)?,
    };
    Ok(context)
}

/// evcxr's own view of the host's output: our host writes elsewhere, so only its last words come here.
fn forward(outputs: EvalContextOutputs) {
    for (name, lines) in [("stdout", outputs.stdout), ("stderr", outputs.stderr)] {
        let forwarding = std::thread::Builder::new().name(format!("evcxr {name}"));
        let started = forwarding.spawn(move || lines.iter().for_each(|line| tracing::warn!(name, line, "cell host")));
        if let Err(error) = started {
            tracing::warn!(%error, "the cell host's own words will not be logged");
        }
    }
}

fn variable_names(context: &CommandContext) -> BTreeSet<String> {
    context.variables_and_types().map(|(name, _)| name.to_owned()).collect()
}

/// Remembers what the cell took away or did not give.
fn learn(
    names: &mut Names,
    context: &CommandContext,
    (code, number): (&str, u64),
    before: &BTreeSet<String>,
    executed: &Result<EvalOutputs, evcxr::Error>,
) {
    let end = match executed {
        Err(evcxr::Error::SubprocessTerminated(_)) => End::AllGone,
        _ if is_cleared(code) => End::AllGone,
        Err(_) => End::Refused,
        Ok(_) => End::Ran,
    };
    let mut after = variable_names(context);
    after.extend(context.defined_item_names().map(str::to_owned));
    names.learn(number, code, end, before, &after);
}

fn evaluate(session: &mut Session, code: &str, number: u64, names: &mut Names, workspace: &Workspace) -> Evaluated {
    match commands::look(code, &session.declared) {
        Verdict::Passes => {}
        Verdict::Helped(text) => return Evaluated::Said(text, None),
        Verdict::Refused(report) => return Evaluated::Failed(report),
    }
    let has_prelude = session.without_prelude.is_none();
    if let Some(why) = session.without_prelude.as_ref().filter(|_| rewritten::names(code, "flowdeck")) {
        let report = Report::new("NoFlowdeckLibrary", format!("Rust cells have no `flowdeck`: {why}"));
        return Evaluated::Failed(report.with_hint(why.hint()));
    }
    if let Some(line) = rewritten::empty_let(code) {
        let report = Report::new("CompileError", format!("expected a pattern after `let` (line {line})"));
        return Evaluated::Failed(report.with_hint("write `let name = value;`"));
    }
    if let Some(line) = rewritten::own_return(code) {
        let report = Report::new("CompileError", format!("a cell cannot be left by `return` (line {line})"));
        return Evaluated::Failed(report.with_hint(compile_error::WITHOUT_RETURN));
    }
    let compiled = if has_prelude { rewritten::rewrite(code) } else { rewritten::rewrite_plain(code) };
    workspace.announce(number, code, &compiled);
    let context = &mut session.context;
    let before = variable_names(context);
    let executed = context.execute(&compiled.text);
    learn(names, context, (code, number), &before, &executed);
    if executed.is_ok() {
        session.declared.extend(commands::declared(code));
    }
    if is_cleared(code) {
        session.declared.clear();
        // The prelude goes with everything else, and comes back.
        let first = if has_prelude { FIRST_CELL } else { FIRST_CELL_WITHOUT_PRELUDE };
        if let Err(error) = context.execute(first) {
            tracing::warn!(%error, "the prelude's names are gone after :clear");
        }
    }
    match executed {
        Ok(outputs) => match outputs.get("text/plain").filter(|text| !text.trim().is_empty()) {
            // Commands such as `:vars` answer here; values of cells come over the bridge.
            Some(text) => {
                let types = workspace.types();
                let html = outputs.get("text/html").map(|html| with_types(html, &escaped(&types)));
                Evaluated::Said(with_types(text, &types), html)
            }
            None => Evaluated::Ran,
        },
        Err(evcxr::Error::CompilationErrors(errors)) => {
            let first = errors.first().map(evcxr::CompilationError::message).unwrap_or_default();
            if let Some(words) = first.strip_prefix(DRIVER_SAYS) {
                return Evaluated::Failed(dependency_error(words));
            }
            if is_about_linker(&first) {
                return Evaluated::Failed(without_linker(&first));
            }
            Evaluated::Failed(compile_error::report(&errors, CellText { code, compiled: &compiled }, names))
        }
        Err(evcxr::Error::SubprocessTerminated(status)) => Evaluated::HostDied(last_line(&status)),
        Err(error) => Evaluated::Failed(explained(&with_types(&error.to_string(), &workspace.types()), code)),
    }
}

fn escaped(types: &HashMap<String, String>) -> HashMap<String, String> {
    types.iter().map(|(stand_in, name)| (stand_in.clone(), html_escape::encode_text(name).into_owned())).collect()
}

fn is_cleared(code: &str) -> bool {
    code.lines().any(|line| line.trim() == ":clear")
}

/// evcxr words its own errors with the advice below the fact.
fn explained(text: &str, code: &str) -> Report {
    if let Some((_, words)) = text.split_once(&format!("\n{DRIVER_SAYS}")) {
        return dependency_error(words.split("\nSTDOUT:").next().unwrap_or_default());
    }
    if is_about_linker(text) {
        return without_linker(text);
    }
    if let Some(report) = unkept::nameless(text, code) {
        return report;
    }
    let (fact, advice) = text.split_once('\n').unwrap_or((text, ""));
    let advice = advice.trim();
    Report::new("CompileError", fact).with_hint_if((!advice.is_empty()).then_some(advice))
}

fn lost_since(context: &CommandContext, workspace: &Workspace) -> Vec<Lost> {
    let known = context.variables_and_types().map(|(name, _)| name.to_owned()).collect();
    match std::fs::read_to_string(workspace.evcxr_source()) {
        Ok(source) => lost_variables::lost(&source, &known),
        Err(error) => {
            tracing::warn!(%error, "variables that the cell moved are lost");
            Vec::new()
        }
    }
}

fn last_line(status: &str) -> String {
    let line = status.lines().last().unwrap_or_default();
    line.trim_start_matches("Subprocess terminated with status: ").to_owned()
}

fn variables(context: &CommandContext) -> String {
    let mut lines: Vec<String> =
        context.variables_and_types().map(|(name, kind)| format!("{name}: {kind}\n")).collect();
    lines.sort();
    if lines.is_empty() { "no variables yet\n".to_owned() } else { lines.concat() }
}
