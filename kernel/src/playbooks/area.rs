//! `%playbooks` in a notebook: a command at once, or at each press of a form's button, with its log below the cell.
//!
//! The author writes the command; who uses the page can press the buttons and fill in the fields that the command names,
//! and a field's value is the value of one option, whatever is in it. Before something is changed or removed the person
//! sees the list and is asked, and what was listed is what is done.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::Parser;
use flow_engine::Parameter;
use kernel_protocol::{MimeBundle, wire::header::Header};
use playbooks::{Fault, Level, checkout::Asking};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task};
use widgets_comm::{WidgetError, buffers::State, registry::Event};

use super::{Action, Pending, Prepared, Said, Tell, clean, log_line, prepare, worded};
use crate::{
    form::Wrong,
    kernel::Kernel,
    report::Report,
    widgets::{Listening, new_id},
};

/// Text that an area shows; what comes first goes first.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// As the layout of what is not to be seen.
const HIDDEN: &str = "none";

/// How the magic is written.
pub const USAGE: &str = "list | check | update [--revert] | duplicates [--remove [--edited]] | data [--playbook NAME] \
                         [--older-than AGE] [--remove]  [--on BUTTON]";

/// The words behind `%playbooks`.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, disable_help_subcommand = true)]
struct Line {
    #[command(subcommand)]
    action: Action,
}

/// A parsed magic.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Without `--on`; fields still by their names.
    words: Vec<String>,
    /// The button that runs it.
    pub button: Option<String>,
}

impl Command {
    /// Reads the words behind `%playbooks`.
    ///
    /// # Errors
    /// A report for the author.
    pub fn parse(arguments: &str) -> Result<Command, Report> {
        let words = shlex::split(arguments).ok_or_else(|| usage("a quotation mark is not closed"))?;
        let mut command = Command { words: Vec::new(), button: None };
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            if let Some(button) = word.strip_prefix("--on=") {
                command.button = Some(button.to_owned());
            } else if word == "--on" {
                command.button = Some(words.next().ok_or_else(|| usage("`--on` needs the name of a button"))?);
            } else if word.starts_with("--") && words.peek().is_some_and(|value| value.starts_with('$')) {
                // Behind `=` no value can be taken for an option.
                command.words.push(format!("{word}={}", words.next().unwrap_or_default()));
            } else if word.starts_with('$') {
                return Err(usage(&format!("`{word}` stands alone; a field is the value of an option")));
            } else {
                command.words.push(word);
            }
        }
        if command.words.is_empty() {
            return Err(usage("it is not said what to do"));
        }
        // What the author wrote is checked now, fields where they are used.
        if !command.words.iter().any(|word| word.contains("=$")) {
            command.action(&[])?;
        }
        Ok(command)
    }

    /// The action, with the values of the fields that it names.
    fn action(&self, parameters: &[(String, Parameter)]) -> Result<Action, Report> {
        let filled = |word: &String| match word.split_once("=$") {
            Some((option, field)) => {
                let parameter = parameters.iter().find(|(name, _)| name == field).map(|(_, parameter)| parameter);
                match parameter.ok_or_else(|| usage(&format!("there is no field `{field}`"))).map(text_of)? {
                    Some(value) => Ok(Some(format!("{option}={value}"))),
                    // An empty field: the option is not given.
                    None => Ok(None),
                }
            }
            None => Ok(Some(word.clone())),
        };
        let words: Vec<String> =
            self.words.iter().map(filled).filter_map(Result::transpose).collect::<Result<_, Report>>()?;
        let line = Line::try_parse_from(words).map_err(|error| {
            let text = error.to_string();
            usage(text.lines().next().unwrap_or_default().trim_start_matches("error: "))
        })?;
        Ok(line.action)
    }

    /// The fields that it names, as a text in which they stand.
    fn mentions(&self) -> String {
        self.words.join(" ")
    }
}

/// A value as the value of an option; `None` for a field that is empty.
fn text_of(parameter: &Parameter) -> Option<String> {
    match parameter {
        Parameter::Text(text) => text.clone().filter(|text| !text.trim().is_empty()),
        Parameter::Integer(value) => value.map(|value| value.to_string()),
        Parameter::Float(value) => value.map(|value| value.to_string()),
        Parameter::Boolean(value) => value.map(|value| value.to_string()),
        Parameter::Interval(value) => value.map(|value| format!("{}s", value.num_seconds())),
        Parameter::Date(value) => value.map(|value| value.to_string()),
        _ => None,
    }
}

fn usage(fact: &str) -> Report {
    Report::new("UsageError", fact).with_hint(format!("usage: %playbooks {USAGE}"))
}

/// One command that waits for its button.
pub struct Area {
    kernel: Arc<Kernel>,
    command: Command,
    button: String,
    widgets: AreaWidgets,
    text: Mutex<String>,
    pending: Mutex<Option<Pending>>,
    /// Of the run that goes on.
    stop: Mutex<Arc<AtomicBool>>,
    is_running: AtomicBool,
    listening: Mutex<Vec<Listening>>,
}

/// The widgets below the cell.
struct AreaWidgets {
    root: String,
    status: String,
    stop: String,
    /// The layout of Stop, which is shown while something runs.
    stop_layout: String,
    yes: String,
    no: String,
    /// The layout of both answers, which are shown while something is asked.
    answers: String,
    output: String,
    all: Vec<String>,
}

/// Shows the area of a command and waits for its button. `key` names the cell.
///
/// # Errors
/// When the button is not there.
pub async fn start(kernel: &Arc<Kernel>, cause: &Header, key: &str, command: Command) -> Result<MimeBundle, Report> {
    let name = command.button.clone().unwrap_or_default();
    let button = kernel.forms.button(&name)?;
    let refused = |error: WidgetError| Report::internal(format!("a widget of the command: {error}"));
    let widgets = AreaWidgets::open(kernel, cause).await.map_err(refused)?;
    let root = widgets.root.clone();
    let area = Arc::new(Area {
        kernel: kernel.clone(),
        command,
        button,
        widgets,
        text: Mutex::default(),
        pending: Mutex::default(),
        stop: Mutex::default(),
        is_running: AtomicBool::new(false),
        listening: Mutex::default(),
    });
    let earlier = lock(&kernel.managed).insert(key.to_owned(), area.clone());
    if let Some(earlier) = earlier {
        earlier.retire(cause).await;
    }
    area.wait();
    kernel.widgets.view(&root).await.ok_or_else(|| Report::internal("the command's area is gone"))
}

impl Area {
    fn wait(self: &Arc<Self>) {
        self.on_click(&self.button, |area, cause| {
            task::spawn(area.clone().run(cause.clone()));
        });
        self.on_click(&self.widgets.stop, |area, _| lock(&area.stop).store(true, Ordering::Relaxed));
        self.on_click(&self.widgets.yes, |area, cause| {
            task::spawn(area.clone().answer(cause.clone(), true));
        });
        self.on_click(&self.widgets.no, |area, cause| {
            task::spawn(area.clone().answer(cause.clone(), false));
        });
    }

    fn on_click(self: &Arc<Self>, widget: &str, act: impl Fn(&Arc<Area>, &Header) + Send + Sync + 'static) {
        // Weak, or the area would keep itself.
        let area = Arc::downgrade(self);
        let hears = move |event: &Event, cause: &Header| {
            if let (Event::Click { .. }, Some(area)) = (event, area.upgrade()) {
                act(&area, cause);
            }
        };
        lock(&self.listening).push(self.kernel.widgets.listen(widget, Arc::new(hears)));
    }

    async fn retire(&self, cause: &Header) {
        lock(&self.stop).store(true, Ordering::Relaxed);
        lock(&self.pending).take();
        let listening = std::mem::take(&mut *lock(&self.listening));
        listening.iter().for_each(|listening| self.kernel.widgets.unlisten(listening));
        for widget in &self.widgets.all {
            // A front end may have closed it.
            let _ = self.kernel.widgets.close(cause, widget).await;
        }
    }

    async fn run(self: Arc<Self>, cause: Header) {
        if self.is_running.swap(true, Ordering::Relaxed) {
            return;
        }
        // What was asked before is not meant any more.
        lock(&self.pending).take();
        lock(&self.text).clear();
        let action = match self.kernel.forms.parameters(&cause, &self.command.mentions()).await {
            Ok(parameters) => self.command.action(&parameters).map_err(|report| report.evalue),
            Err(wrong) => Err(facts(&wrong)),
        };
        match action {
            Ok(action) => self.clone().prepare(&cause, action).await,
            Err(fact) => self.say(&cause, &format!("not run: {fact}")).await,
        }
        self.is_running.store(false, Ordering::Relaxed);
        self.kernel.widgets.flush().await;
    }

    async fn prepare(self: Arc<Self>, cause: &Header, action: Action) {
        let stop = Arc::new(AtomicBool::new(false));
        *lock(&self.stop) = stop.clone();
        self.show(cause, &self.widgets.answers, false).await;
        self.set(cause, &self.widgets.output, "outputs", json!([])).await;
        self.say(cause, "running").await;
        self.set_running(cause, true).await;
        // Nobody sits at a terminal here, and the server's own must not be asked for a password.
        let work = move |tell: &Tell| prepare(&action, Path::new("."), Asking::Nobody, &stop, tell);
        let outcome = self.clone().follow(cause, work).await;
        self.set_running(cause, false).await;
        match outcome {
            Ok(Prepared::Done { .. }) => self.say(cause, "done").await,
            Ok(Prepared::Asks(pending)) => {
                self.say(cause, &pending.question).await;
                *lock(&self.pending) = Some(pending);
                self.show(cause, &self.widgets.answers, true).await;
            }
            Err(Fault::Stopped) => self.say(cause, &Fault::Stopped.to_string()).await,
            Err(fault) => self.tell_fault(cause, &fault).await,
        }
    }

    async fn answer(self: Arc<Self>, cause: Header, is_yes: bool) {
        let pending = lock(&self.pending).take();
        let Some(pending) = pending else { return };
        self.show(&cause, &self.widgets.answers, false).await;
        if !is_yes {
            self.say(&cause, "nothing was changed").await;
            self.kernel.widgets.flush().await;
            return;
        }
        if self.is_running.swap(true, Ordering::Relaxed) {
            return;
        }
        self.set_button(&cause, false).await;
        self.say(&cause, "running").await;
        // What a person has agreed to has no button that stops it.
        match self.clone().follow(&cause, move |tell| pending.act(&AtomicBool::new(false), tell)).await {
            Ok(()) => self.say(&cause, "done").await,
            Err(fault) => self.tell_fault(&cause, &fault).await,
        }
        self.set_button(&cause, true).await;
        self.is_running.store(false, Ordering::Relaxed);
        self.kernel.widgets.flush().await;
    }

    /// Does the work on a thread that may wait, and shows what it says.
    async fn follow<T: Send + 'static>(
        self: Arc<Self>,
        cause: &Header,
        work: impl FnOnce(&Tell) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (sender, mut said) = mpsc::unbounded_channel();
        let tell: Tell = Arc::new(move |one| {
            // Nobody listens any more when the kernel ends.
            let _ = sender.send(one);
        });
        let work = task::spawn_blocking(move || work(&tell));
        while let Some(one) = said.recv().await {
            let mut text = of_said(&one);
            while let Ok(more) = said.try_recv() {
                text += &of_said(&more);
            }
            self.append(cause, &text).await;
        }
        work.await.unwrap_or_else(|error| Err(Fault::Git(format!("the command ended early: {error}"))))
    }

    async fn tell_fault(&self, cause: &Header, fault: &Fault) {
        self.append(cause, &of_said(&Said::Log(Level::Error, worded(fault)))).await;
        self.say(cause, "this did not work").await;
    }

    async fn append(&self, cause: &Header, more: &str) {
        let text = {
            let mut text = lock(&self.text);
            text.push_str(more);
            while text.len() > TEXT_BYTES_MAX {
                let line = text.find('\n').map_or(text.len(), |end| end + 1);
                text.drain(..line);
            }
            text.clone()
        };
        let outputs = json!([{"output_type": "stream", "name": "stdout", "text": text}]);
        self.set(cause, &self.widgets.output, "outputs", outputs).await;
    }

    async fn say(&self, cause: &Header, text: &str) {
        let html = format!("<span>{}</span>", html_escape::encode_text(text));
        self.set(cause, &self.widgets.status, "value", html.into()).await;
    }

    /// Shows what has this layout, or hides it.
    async fn show(&self, cause: &Header, layout: &str, is_shown: bool) {
        let display = if is_shown { Value::Null } else { HIDDEN.into() };
        self.set(cause, layout, "display", display).await;
    }

    async fn set_running(&self, cause: &Header, is_running: bool) {
        self.show(cause, &self.widgets.stop_layout, is_running).await;
        self.set_button(cause, !is_running).await;
        // The person sees at once that something happens.
        self.kernel.widgets.flush().await;
    }

    async fn set_button(&self, cause: &Header, is_on: bool) {
        self.set(cause, &self.button, "disabled", (!is_on).into()).await;
    }

    async fn set(&self, cause: &Header, widget: &str, name: &str, value: Value) {
        if let Err(error) = self.kernel.widgets.set(cause, widget, name, value).await {
            tracing::info!(%error, "a command's widget is gone");
        }
    }
}

impl AreaWidgets {
    async fn open(kernel: &Kernel, cause: &Header) -> Result<AreaWidgets, WidgetError> {
        let mut open = Open { kernel, cause, all: Vec::new() };
        let status = open.open("HTMLModel", State::new()).await?;
        let narrow = || State::new().with("width", "auto").with("flex", "0 0 auto");
        let stop_layout = open.open("LayoutModel", narrow().with("display", HIDDEN)).await?;
        let stop = open.button("Stop", "", "stop", &stop_layout).await?;
        let layout = open.open("LayoutModel", narrow()).await?;
        let yes = open.button("Yes", "danger", "check", &layout).await?;
        let no = open.button("No", "", "times", &layout).await?;
        let answers = open.open("LayoutModel", State::new().with("display", HIDDEN)).await?;
        let row = State::new().with("children", json!([reference(&yes), reference(&no)]));
        let choice = open.open("HBoxModel", row.with("layout", reference(&answers))).await?;
        let row = State::new().with("children", json!([reference(&stop), reference(&status), reference(&choice)]));
        let row = open.open("HBoxModel", row).await?;
        let output = open.open("OutputModel", State::new()).await?;
        let root = State::new().with("children", json!([reference(&row), reference(&output)]));
        let root = open.open("VBoxModel", root).await?;
        Ok(AreaWidgets { root, status, stop, stop_layout, yes, no, answers, output, all: open.all })
    }
}

/// Opens widgets one after the other.
struct Open<'a> {
    kernel: &'a Kernel,
    cause: &'a Header,
    all: Vec<String>,
}

impl Open<'_> {
    async fn button(&mut self, label: &str, style: &str, icon: &str, layout: &str) -> Result<String, WidgetError> {
        let state = State::new().with("description", label).with("icon", icon).with("button_style", style);
        self.open("ButtonModel", state.with("layout", reference(layout))).await
    }

    async fn open(&mut self, model: &str, state: State) -> Result<String, WidgetError> {
        let id = new_id();
        self.kernel.widgets.open(self.cause, &id, model, state).await?;
        self.all.push(id.clone());
        Ok(id)
    }
}

/// Runs a command at once, in the cell that has it.
///
/// # Errors
/// A report for the person who ran it.
pub async fn run_once(kernel: &Arc<Kernel>, command: &Command, job: &crate::interpreter::Job) -> Result<(), Report> {
    let cause = job.prompt.header();
    let parameters = kernel.forms.parameters(cause, &command.mentions()).await;
    let parameters = parameters.map_err(|wrong| Report::new("FormError", facts(&wrong)))?;
    let action = command.action(&parameters)?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let prepared =
        told(job, &stop, move |tell| prepare(&action, Path::new("."), Asking::Nobody, &stopped, tell)).await?;
    let Prepared::Asks(pending) = prepared else { return Ok(()) };
    let answer = job.prompt.ask(&format!("{} [y/N] ", pending.question), false).await?;
    if !matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        job.outputs.stream("stdout", "nothing was changed\n".to_owned()).await;
        return Ok(());
    }
    let stopped = stop.clone();
    told(job, &stop, move |tell| pending.act(&stopped, tell)).await
}

/// Does the work on a thread that may wait; what it says is printed by the cell.
async fn told<T: Send + 'static>(
    job: &crate::interpreter::Job,
    stop: &AtomicBool,
    work: impl FnOnce(&Tell) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Report> {
    let (sender, mut said) = mpsc::unbounded_channel();
    let tell: Tell = Arc::new(move |one| {
        // Nobody listens any more when the kernel ends.
        let _ = sender.send(one);
    });
    let work = task::spawn_blocking(move || work(&tell));
    loop {
        tokio::select! {
            one = said.recv() => match one {
                Some(one) => job.outputs.stream("stdout", of_said(&one)).await,
                None => break,
            },
            () = job.cancel.cancelled(), if !stop.load(Ordering::Relaxed) => stop.store(true, Ordering::Relaxed),
        }
    }
    match work.await.map_err(Report::internal)? {
        Ok(done) => Ok(done),
        Err(fault @ (Fault::Stopped | Fault::StoppedMidway)) => Err(Report::interrupted(&fault.to_string())),
        Err(fault) => Err(Report::new("PlaybooksError", clean(&fault.to_string())).with_hint_if(fault.hint())),
    }
}

fn of_said(said: &Said) -> String {
    match said {
        Said::Log(level, text) => format!("{}\n", log_line(*level, &clean(text))),
        Said::Text(text) => clean(text),
    }
}

fn facts(wrong: &[Wrong]) -> String {
    let facts: Vec<String> = wrong.iter().map(|Wrong { label, fact }| format!("{label}: {fact}")).collect();
    facts.join("; ")
}

fn reference(id: &str) -> String {
    widgets_comm::message::reference(id)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_command_with_its_button() {
        let command = Command::parse("data --remove --older-than 30d --on clean").unwrap();
        assert_eq!(command.button.as_deref(), Some("clean"));
        let days = Some(Duration::from_secs(30 * 24 * 3600));
        let wanted = Action::Data { playbook: None, older_than: days, remove: true };
        assert_eq!(command.action(&[]).unwrap(), wanted);
        assert_eq!(Command::parse("check").unwrap(), Command { words: vec!["check".into()], button: None });
    }

    #[test]
    fn a_field_is_the_value_of_one_option_whatever_is_in_it() {
        let command = Command::parse("data --playbook $name --older-than=$age --on list").unwrap();
        let text = |text: &str| Parameter::Text(Some(text.to_owned()));
        let filled = |name: Parameter| command.action(&[("name".into(), name), ("age".into(), text("1d"))]).unwrap();
        for hostile in ["--remove", "scans --remove", "$age"] {
            let Action::Data { playbook, remove, .. } = filled(text(hostile)) else { panic!("another action") };
            assert_eq!((playbook.as_deref(), remove), (Some(hostile), false));
        }
        let Action::Data { playbook, .. } = filled(text(" ")) else { panic!("another action") };
        assert_eq!(playbook, None);
    }

    #[test]
    fn switches_of_a_form() {
        let command = Command::parse("duplicates --remove --edited=$edited --on go").unwrap();
        for (value, edited) in [(true, true), (false, false)] {
            let action = command.action(&[("edited".into(), Parameter::Boolean(Some(value)))]).unwrap();
            assert_eq!(action, Action::Duplicates { remove: true, edited });
        }
    }

    #[test]
    fn what_is_wrong_is_said_to_the_author() {
        for (text, fact) in [
            ("", "not said what to do"),
            ("--on go", "not said what to do"),
            ("chek", "unrecognized subcommand 'chek'"),
            ("check --folder /etc", "unexpected argument '--folder'"),
            ("check --on", "`--on` needs"),
            ("data --older-than soon", "soon"),
            ("data $x", "stands alone"),
            ("duplicates --edited", "required arguments"),
        ] {
            let report = Command::parse(text).unwrap_err();
            assert!(report.evalue.contains(fact), "{text}: {report:?}");
            assert!(report.hint().is_some_and(|hint| hint.contains("%playbooks list")), "{report:?}");
        }
    }
}
