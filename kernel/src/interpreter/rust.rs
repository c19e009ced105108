//! Rust cells: the handle that the rest of the kernel holds. Only this room names evcxr.
//!
//! `workspace` prepares folder and environment, `toolchain` finds rustc, `prelude` builds what cells link (`preparation` shows how far that is), `compiler`
//! is the thread that owns evcxr, `host` the line to the process in which cells run, `markers` reads its output,
//! `commands` lets pass what makes sense of evcxr's, `kept` is what stays on disk and what goes,
//! `rewritten` is a cell as evcxr gets it (`final_value` shows its value, `kept_variables` types its variables), `lost_variables` what evcxr
//! forgot with a cell that failed, `compile_error` words its errors with rustc's messages (`diagnostics`), `unkept` variables that
//! cannot be kept and `names` that are gone, `death` how a process ended, `warned` which warnings were shown, `answers` and `widget_frames` do what the host asks for, `callbacks` knows
//! which events it hears, `functions` makes closures SQL functions, `analysis` completes and explains in a process of its own.

pub mod analysis;
mod answers;
mod callbacks;
mod commands;
mod compile_error;
mod compiler;
mod current_cell;
mod death;
mod diagnostics;
mod final_value;
mod frames;
mod functions;
mod host;
pub mod kept;
mod kept_variables;
mod lost_variables;
mod markers;
mod names;
pub mod prelude;
mod preparation;
mod processes;
mod results;
mod rewritten;
pub mod toolchain;
mod unkept;
mod warned;
mod widget_frames;
mod workspace;

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock},
    time::Duration,
};

use kernel_protocol::MimeBundle;
use serde_json::Value;
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

use self::{
    analysis::Analysis,
    compiler::{Compiler, Evaluated, Task},
    current_cell::CellEnd,
    host::HostLink,
    lost_variables::Lost,
    workspace::Workspace,
};
use super::Done;
use crate::{
    form::Forms, outputs::Outputs, report::Report, request::complete::Offer, stdin::Prompt, table::Tables,
    widgets::Widgets,
};

/// How long an interrupted cell may take to end by itself before its process is killed.
const INTERRUPT_GRACE: Duration = Duration::from_millis(500);

/// The kind of failure that costs one cell.
const CELL_DIED: &str = "CellDied";

/// The kind of failure of a cell that panicked.
const PANIC: &str = "Panic";

/// The kind of failure after which all variables are gone.
const HOST_DIED: &str = "CellHostDied";

/// How long a cell may take to end once its processes are killed. Then they are again: evcxr may have gone on from
/// compiling to running, or have compiled another attempt.
const KILL_INTERVAL: Duration = Duration::from_millis(500);

/// How often that is tried.
const KILLS_MAX: usize = 20;

/// How long variables may take to be made known again after a cell that was stopped.
const BRING_BACK_MAX: Duration = Duration::from_secs(30);

/// Rust cells: compiler, cell host, and the folder they work in.
pub struct RustCells {
    workspace: Arc<Workspace>,
    compiler: Compiler,
    host: Arc<HostLink>,
    analysis: Analysis,
    forms: OnceLock<Arc<Forms>>,
    /// The variable `form` as it was defined last.
    defined_form: Mutex<Option<String>>,
}

impl RustCells {
    /// Prepares folder and environment. Must be called before any thread is started: it sets environment variables.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn prepare() -> anyhow::Result<RustCells> {
        let workspace = Arc::new(Workspace::create()?);
        let host = Arc::new(HostLink::new(workspace.clone()));
        let compiler = Compiler::new(workspace.clone());
        let analysis = Analysis::new(workspace.clone());
        let (forms, defined_form) = (OnceLock::new(), Mutex::default());
        Ok(RustCells { workspace, compiler, host, analysis, forms, defined_form })
    }

    /// Listens for cell hosts and starts evcxr in the background.
    pub fn warm_up(&self, widgets: Arc<Widgets>, forms: Arc<Forms>, tables: Arc<Tables>) {
        self.host.listen(&self.workspace.socket(), widgets, forms.clone(), tables);
        self.forms.get_or_init(|| forms);
        std::thread::spawn(workspace::remove_abandoned);
        // A dashboard's notebook may have no Rust cell at all; then nobody pays for the compiler.
        let is_voila = std::env::var("SERVER_SOFTWARE").is_ok_and(|server| server.starts_with("voila"));
        if !is_voila {
            self.compiler.start();
        }
    }

    /// The process that has the variables.
    pub fn process(&self) -> Option<u32> {
        self.host.process()
    }

    /// Ends the cell host and running compilers.
    pub fn stop(&self) {
        if let Some(process) = self.process() {
            processes::kill_tree(process, &[]);
        }
        processes::kill_descendants(&[]);
        self.workspace.remove();
    }

    /// Runs a Rust cell. One that mentions `form` finds the fields of the notebook's forms in it.
    ///
    /// # Errors
    /// Compile errors, panics, a cell host that died, an interrupt: each worded for the notebook.
    pub async fn run(
        &self,
        code: &str,
        outputs: Outputs,
        prompt: Prompt,
        cancel: CancellationToken,
    ) -> Result<Done, Report> {
        let code = &*commands::without_script_line(code);
        let preparation = self.compiler.preparation();
        let outcome = tokio::select! {
            biased;
            never = preparation.show(&outputs) => match never {},
            outcome = self.evaluate_with_form(code, outputs.clone(), prompt, cancel) => outcome,
        };
        preparation.show_now(&outputs).await;
        let may_be_gone = |report: &Report| [HOST_DIED, "Interrupted"].contains(&report.ename.as_str());
        if outcome.as_ref().is_err_and(may_be_gone) || code.contains(":clear") {
            *self.defined_form() = None;
        }
        outcome
    }

    async fn evaluate_with_form(
        &self,
        code: &str,
        outputs: Outputs,
        prompt: Prompt,
        cancel: CancellationToken,
    ) -> Result<Done, Report> {
        if let Some(definition) = self.form_to_define(code) {
            let outputs = Outputs::gathered().0;
            self.evaluate(&definition, outputs, prompt.clone(), cancel.clone()).await?;
            *self.defined_form() = Some(definition);
        }
        self.evaluate(code, outputs, prompt, cancel).await
    }

    /// The text that defines `form`, for a cell that mentions it, unless it is defined so already.
    fn form_to_define(&self, code: &str) -> Option<String> {
        let definition = code.contains("form.").then(|| self.forms.get()?.as_rust()).flatten()?;
        (self.defined_form().as_ref() != Some(&definition)).then_some(definition)
    }

    fn defined_form(&self) -> MutexGuard<'_, Option<String>> {
        self.defined_form.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    async fn evaluate(
        &self,
        code: &str,
        outputs: Outputs,
        prompt: Prompt,
        cancel: CancellationToken,
    ) -> Result<Done, Report> {
        let ended = self.evaluate_once(code, outputs, prompt.clone(), cancel.clone()).await;
        let lost = match ended.left {
            Left::AsItIs => return ended.outcome,
            Left::Failed => self.lost_variables().await,
            Left::TakenBack | Left::Killed => self.bring_back(prompt, &stop_of_what_follows(cancel)).await,
        };
        ended.outcome.map_err(|report| ended.left.explain(report, &lost))
    }

    /// Runs the text and nothing else.
    async fn evaluate_once(&self, code: &str, outputs: Outputs, prompt: Prompt, cancel: CancellationToken) -> Ended {
        let (host, cell_outputs, cell_cancel) = (self.host.clone(), outputs.clone(), cancel.clone());
        let begin = Box::new(move || host.begin(cell_outputs, prompt, cell_cancel));
        let (reply, evaluated) = oneshot::channel();
        let number = outputs.execution_count();
        self.compiler.send(Task::Evaluate { code: code.to_owned(), number, cancel: cancel.clone(), begin, reply });
        let evaluated = self.wait(evaluated, &cancel).await;
        let end = self.host.end(matches!(evaluated, Ok(Evaluated::HostDied(_)))).await;
        let left = Left::by(&end);
        if cancel.is_cancelled() {
            return Ended { outcome: Err(interrupted(evaluated, &end)), left };
        }
        if let Ok(Evaluated::Said(text, html)) = evaluated {
            return Ended { outcome: said(text, html, &outputs).await, left: Left::AsItIs };
        }
        let outcome = outcome(evaluated, end, number);
        if outcome.is_ok() {
            self.analysis.remember(code);
        }
        Ended { outcome, left }
    }

    async fn lost_variables(&self) -> Vec<Lost> {
        let (reply, lost) = oneshot::channel();
        self.compiler.send(Task::Lost { reply });
        lost.await.unwrap_or_default()
    }

    /// Makes evcxr know the variables again that the failed cell moved or defined anew: the process that goes on has them.
    /// Gives those that stay lost.
    async fn bring_back(&self, prompt: Prompt, cancel: &CancellationToken) -> Vec<Lost> {
        let mut lost = self.lost_variables().await;
        if lost.is_empty() {
            return lost;
        }
        let all: String = lost.iter().map(|lost| format!("{}\n", lost.definition)).collect();
        if self.define(&all, &prompt, cancel).await {
            return Vec::new();
        }
        // One whose type the cell defined anew cannot come back, and must not take the others with it.
        let mut gone = Vec::new();
        for lost in lost.drain(..) {
            if !self.define(&lost.definition, &prompt, cancel).await {
                gone.push(lost);
            }
        }
        gone
    }

    /// Runs a text of our own, which shows nothing. Gives whether it did.
    async fn define(&self, text: &str, prompt: &Prompt, cancel: &CancellationToken) -> bool {
        let outputs = Outputs::gathered().0;
        let ended = self.evaluate_once(text, outputs, prompt.clone(), cancel.clone()).await;
        ended
            .outcome
            .inspect_err(|report| tracing::warn!(fault = report.evalue, "a variable did not come back"))
            .is_ok()
    }

    /// Waits for the compiler's answer; after an interrupt not for long.
    async fn wait(
        &self,
        mut evaluated: oneshot::Receiver<Evaluated>,
        cancel: &CancellationToken,
    ) -> Result<Evaluated, Report> {
        let gone = |_| Report::internal("the compiler thread is gone");
        tokio::select! {
            evaluated = &mut evaluated => return evaluated.map_err(gone),
            () = cancel.cancelled() => {}
        }
        self.compiler.preparation().stop();
        if let Ok(evaluated) = timeout(INTERRUPT_GRACE, &mut evaluated).await {
            return evaluated.map_err(gone);
        }
        for _ in 0..KILLS_MAX {
            self.kill_what_runs();
            if let Ok(evaluated) = timeout(KILL_INTERVAL, &mut evaluated).await {
                return evaluated.map_err(gone);
            }
        }
        Err(Report::interrupted("the cell was given up; the compiler is still busy with it"))
    }

    /// Ends rustc or the cell, whichever runs. While rustc does, the process with the variables is left alone; and
    /// completion always.
    fn kill_what_runs(&self) {
        let mut spared: Vec<u32> = self.analysis.process().into_iter().collect();
        match self.host.running() {
            Some((process, copy)) => {
                spared.extend(copy);
                // One that went on in the place of another is not below us.
                processes::kill_tree(process, &spared);
            }
            None => spared.extend(self.host.process()),
        }
        processes::kill_descendants(&spared);
    }

    /// Ends what callbacks wait for. Says whether any ran.
    pub fn cancel_callbacks(&self) -> bool {
        self.host.cancel_callbacks()
    }

    /// Completions at a byte offset of a Rust cell.
    pub async fn complete(&self, code: &str, byte: usize) -> Option<Offer> {
        self.analysis.complete(code, byte).await
    }

    /// Help on what is at a byte offset of a Rust cell.
    pub async fn inspect(&self, code: &str, byte: usize) -> Option<String> {
        self.analysis.inspect(code, byte).await
    }

    /// The variables and their types, a line each.
    ///
    /// # Errors
    /// When there is no compiler.
    pub async fn variables(&self) -> Result<String, Report> {
        let (reply, text) = oneshot::channel();
        self.compiler.send(Task::Variables { reply });
        text.await.unwrap_or_else(|_| Err(Report::internal("the compiler thread is gone")))
    }
}

/// How a cell ended, and what that left of the variables.
struct Ended {
    outcome: Result<Done, Report>,
    left: Left,
}

/// What a cell left of the variables of earlier cells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Nothing is to be said of them.
    AsItIs,
    /// They are as the cell left them, which did not come to its end.
    Failed,
    /// They are as they were before the cell.
    TakenBack,
    /// They are too, but threads of earlier cells ended with the process.
    Killed,
}

impl Left {
    fn by(end: &CellEnd) -> Left {
        if end.death.is_some() {
            Left::Killed
        } else if end.is_taken_back {
            Left::TakenBack
        } else if end.is_unwound || end.returned_error.is_some() {
            Left::Failed
        } else {
            Left::AsItIs
        }
    }

    /// Says it in the report of the cell, with the variables that are gone.
    fn explain(self, report: Report, lost: &[Lost]) -> Report {
        let names: Vec<String> = lost.iter().map(|lost| format!("`{}`", lost.name)).collect();
        let gone = match names.as_slice() {
            [] => String::new(),
            names => format!("; gone with it: {}", names.join(", ")),
        };
        let rest = match self {
            Left::TakenBack | Left::Killed => "as they were before this cell",
            Left::AsItIs | Left::Failed => "kept as this cell left them",
        };
        let report = report.with_hint(format!("variables of earlier cells are {rest}{gone}"));
        report.with_hint_if((self == Left::Killed).then_some("threads that earlier cells started are gone"))
    }
}

/// A command such as `:vars` answered.
async fn said(text: String, html: Option<String>, outputs: &Outputs) -> Result<Done, Report> {
    let mut bundle = MimeBundle::new();
    bundle.insert("text/plain".to_owned(), Value::from(text.as_str()));
    if let Some(html) = html {
        bundle.insert("text/html".to_owned(), Value::from(html));
    }
    outputs.result(bundle).await;
    Ok(Done { result_text: Some(text), ..Done::default() })
}

/// What stops the work that a cell leaves behind: Stop, where it has not been used for the cell itself; else time.
fn stop_of_what_follows(cell: CancellationToken) -> CancellationToken {
    if !cell.is_cancelled() {
        return cell;
    }
    let stop = CancellationToken::new();
    let late = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(BRING_BACK_MAX).await;
        late.cancel();
    });
    stop
}

fn outcome(evaluated: Result<Evaluated, Report>, end: CellEnd, number: u64) -> Result<Done, Report> {
    match evaluated? {
        Evaluated::Ran if end.death.is_some() => Err(died_alone(&end.death.unwrap_or_default())),
        Evaluated::Ran => match (end.panic, end.returned_error) {
            (Some(panic), _) => Err(panic.report(number)),
            (None, Some((message, place))) => {
                let place = place.words(number).unwrap_or_else(|| "here".to_owned());
                Err(Report::new("Error", message).with_hint(format!("`?` ended the cell {place}")))
            }
            (None, None) => Ok(Done { result_text: end.result_text, ..Done::default() }),
        },
        Evaluated::Said(..) => Ok(Done::default()),
        Evaluated::Failed(report) => Err(report),
        Evaluated::HostDied(status) => Err(died(&status, end.process.is_some())),
    }
}

/// The cell's process ended in the middle of it, and its copy goes on.
fn died_alone(how: &str) -> Report {
    Report::new(CELL_DIED, format!("the cell ended the process in which it ran: {how}"))
}

/// The process of the cells ended: in the middle of this one, or before it began.
fn died(status: &str, has_begun: bool) -> Report {
    let when = match has_begun {
        true => "in this cell",
        false => "after the last cell, in a thread or callback of one, so this cell did not run",
    };
    Report::new(HOST_DIED, format!("the process that runs Rust cells ended {when}: {status}")).with_hint(
        "Rust variables are lost, and so are callbacks of widgets; tables, SQL results and the session are kept. Run the \
         cells that define them again",
    )
}

fn interrupted(evaluated: Result<Evaluated, Report>, end: &CellEnd) -> Report {
    match evaluated {
        Ok(Evaluated::HostDied(_)) => Report::interrupted("the cell was stopped by ending its process").with_hint(
            "Rust variables are lost, and so are callbacks of widgets; tables, SQL results and the session are kept",
        ),
        Ok(Evaluated::Ran) if end.death.is_some() => Report::interrupted("the cell was stopped by ending its process"),
        Ok(Evaluated::Ran) if end.process.is_some() => match Left::by(end) {
            Left::AsItIs => Report::interrupted("the cell ended at the interrupt; variables are kept"),
            _ => Report::interrupted("the cell ended at the interrupt"),
        },
        Ok(_) => Report::interrupted("the cell was stopped before it ran; variables are kept"),
        Err(report) => report,
    }
}
