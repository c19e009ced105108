//! A notebook run without a page, from its parameters to OUT and files of its tables, by the kernel's own engine.
//!
//! `parameters` finds what takes each value, `notebook` is the file, `front_end` the kernel in this process, `cells` in which order
//! cells run and buttons are pressed, `template` names
//! files, `windows` cuts a long time into pieces, `progress` tells how far it is, `told` what OUT says about it, `check` what is
//! wrong before anything runs. What a cell means is decided where it is for
//! a page too, in [`crate::interpreter`] and [`crate::form`].

mod cells;
mod check;
mod files;
mod front_end;
mod notebook;
pub mod parameters;
mod progress;
mod signals;
pub mod template;
mod told;
mod windows;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use anyhow::{Context, Result, anyhow, bail};
use flow_engine::render;
use flowdeck::chrono::{DateTime, TimeDelta, Utc};
use kernel_protocol::wire::header::Header;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::{
    cells::AllCells,
    front_end::FrontEnd,
    notebook::Notebook,
    parameters::{Parameters, Sorted},
    progress::Progress,
    template::Template,
    windows::{Journal, Window},
};
use crate::{
    case_report,
    cell::report::ReportCell,
    form::definition::{Field, Kind},
    interpreter::rust::RustCells,
    report::Report,
};

/// The MIME type under which a notebook keeps the state of its widgets.
const WIDGET_STATE_MIME: &str = "application/vnd.jupyter.widget-state+json";

/// Placeholders of the ends of a window.
const FROM: &str = "from";
const TO: &str = "to";

/// What is run and what is written.
pub struct Order {
    /// The notebook; an absolute path.
    pub notebook: PathBuf,
    /// The notebook with its outputs.
    pub out: Option<Template>,
    /// Tables and the files they are written to.
    pub results: Vec<(String, Template)>,
    /// The report of the results.
    pub report: Option<(Template, ReportCell)>,
    /// Values of fields and variables.
    pub parameters: Parameters,
    /// The buttons that are pressed; all when there is none.
    pub press: Vec<String>,
    /// The time to cut into windows.
    pub time: Option<Time>,
    /// Whether windows that are done are run again.
    pub is_anew: bool,
    /// Whether nothing but failures is told.
    pub is_quiet: bool,
}

/// A long time.
pub struct Time {
    /// Its first moment.
    pub from: DateTime<Utc>,
    /// The moment behind it.
    pub to: DateTime<Utc>,
    /// The length of a window; without it there is one.
    pub step: Option<TimeDelta>,
    /// The fields that get its ends, `start,end`.
    pub fields: Option<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// Everything ran.
    Done,
    /// A cell or a query failed.
    Failed,
    /// It was stopped; the exit code that says by which signal.
    Stopped(u8),
}

/// A run that is checked as far as that goes without running it.
pub struct Run {
    order: Order,
    notebook: Notebook,
    fields: Vec<Field>,
    sorted: Sorted,
    /// One without an end when the time is not cut.
    windows: Vec<Option<Window>>,
    window_fields: Option<(String, String)>,
    journal: Option<Journal>,
}

impl Run {
    /// Checks an order: the notebook, the parameters, the names of buttons, tables and files.
    ///
    /// # Errors
    /// What is wrong with it. Nothing has run and nothing was written then.
    pub fn prepare(order: Order) -> Result<Run> {
        let mut notebook = Notebook::read(&order.notebook)?;
        let cells = notebook.code_cells();
        let fields = parameters::fields(&cells);
        let sorted = parameters::sort(&order.parameters, &cells)?;
        check::buttons(&order.press, &fields)?;
        check::tables(&order.results, &cells)?;
        let (mut windows, mut window_fields) = (vec![None], None);
        if let Some(time) = &order.time {
            let named = windows::fields(time.fields.as_deref(), &fields)?;
            if let Some(twice) = [&named.0, &named.1].into_iter().find(|name| sorted.fields.contains_key(*name)) {
                bail!("`{twice}` gets the ends of the windows\nhint: leave out -p {twice}, or --from and --to");
            }
            windows = windows::cut(time.from, time.to, time.step)?.into_iter().map(Some).collect();
            window_fields = Some(named);
        }
        if let Some(text) = &sorted.rust {
            notebook.inject("rust", text);
        }
        let mut run = Run { order, notebook, fields, sorted, windows, window_fields, journal: None };
        if run.windows.len() > 1 {
            run.order.out = run.order.out.map(|out| out.with(FROM));
            run.order.results.iter_mut().for_each(|(_, file)| *file = file.clone().with(FROM));
            run.order.report = run.order.report.map(|(file, report)| (file.with(FROM), report));
        }
        run.check_files()?;
        if run.order.time.is_some() {
            run.journal = Some(run.open_journal()?);
        }
        Ok(run)
    }

    /// Runs. `rust` has to be prepared before any thread is started.
    ///
    /// # Errors
    /// When a file cannot be written. What fails in the notebook is told and is an [`Outcome`].
    pub async fn execute(mut self, rust: RustCells) -> Result<Outcome> {
        let values = self.values(self.windows.first().copied().flatten());
        for file in self.written() {
            files::try_folder(&file.filled(&values)?)?;
        }
        let front_end = Arc::new(FrontEnd::start(rust)?);
        let stopped_by = Arc::new(AtomicU8::new(0));
        tokio::spawn(signals::heed(front_end.clone(), stopped_by.clone()));
        let progress = Progress::new(self.order.is_quiet);
        let outcome = self.all_windows(&front_end, &progress).await;
        progress.finish();
        front_end.stop();
        let outcome = outcome?;
        match stopped_by.load(Ordering::Relaxed) {
            0 => Ok(outcome),
            code => Ok(Outcome::Stopped(code)),
        }
    }

    async fn all_windows(&mut self, front_end: &FrontEnd, progress: &Progress) -> Result<Outcome> {
        let windows = self.windows.clone();
        for (number, window) in windows.iter().enumerate() {
            let is_done = |window: &Window| self.journal.as_ref().is_some_and(|journal| journal.has(*window));
            let name = window.map(|window| {
                format!(
                    "window {} of {}, from {} to {}",
                    number + 1,
                    windows.len(),
                    Window::text(window.from),
                    Window::text(window.to)
                )
            });
            if window.as_ref().is_some_and(is_done) {
                progress.tell(&format!("{}: done before", name.unwrap_or_default()));
                continue;
            }
            let outcome = self.one_window(front_end, progress, *window, &name.unwrap_or_default()).await?;
            if outcome != Outcome::Done || front_end.is_interrupted() {
                return Ok(outcome);
            }
            if let (Some(journal), Some(window)) = (&mut self.journal, window) {
                journal.add(*window)?;
            }
        }
        Ok(Outcome::Done)
    }

    async fn one_window(
        &self,
        front_end: &FrontEnd,
        progress: &Progress,
        window: Option<Window>,
        name: &str,
    ) -> Result<Outcome> {
        let started = Utc::now();
        front_end.begin_anew().await.map_err(worded)?;
        let given = self.given(window);
        front_end.kernel().forms.give(&Header::default(), given.clone()).await.map_err(worded)?;
        let mut notebook = self.notebook.clone();
        if let Some(text) = parameters::as_cell(&given, &notebook.code_cells()) {
            notebook.inject("form", &text);
        }
        let cells = notebook.code_cells();
        progress.begin(cells.len(), name);
        let mut all = AllCells::new(front_end, progress, &self.order.press, &cells);
        all.run().await;
        let is_stopped = front_end.is_interrupted();
        let has_failed = all.has_failed || (!is_stopped && self.are_results_cut(front_end, progress));
        let ended = all.ended;
        for cell in &cells {
            let ended = ended.iter().find(|ended| ended.index == cell.index);
            let outputs = match ended {
                Some(ended) => front_end.outputs(ended).await,
                None => Vec::new(),
            };
            notebook.set(cell.index, ended.map(|ended| ended.count), outputs, told::of_cell(ended));
        }
        let values = self.values(window);
        if let Some(out) = &self.order.out {
            let out = out.filled(&values)?;
            let span = (started, Utc::now());
            let mut all = self.order.parameters.clone();
            all.extend(given);
            let all = parameters::without_secrets(&all, &cells);
            let told = told::of_run(&self.order.notebook, &out, &all, span, has_failed || is_stopped);
            notebook.set_metadata("papermill", told);
            notebook.set_metadata("widgets", json!({ WIDGET_STATE_MIME: front_end.widget_state().await }));
            files::write_whole(&out, notebook.text()?.as_bytes())?;
            let what = if has_failed || is_stopped { "what there is so far is in" } else { "written:" };
            progress.tell(&format!("{what} {}", out.display()));
        }
        if !has_failed && !is_stopped {
            self.write_results(front_end, progress, &values).await?;
            self.write_report(front_end, &values).await?;
        }
        Ok(if has_failed { Outcome::Failed } else { Outcome::Done })
    }

    /// The values of fields in a window.
    fn given(&self, window: Option<Window>) -> Parameters {
        let mut given = self.sorted.fields.clone();
        if let (Some(window), Some((start, end))) = (window, &self.window_fields) {
            given.insert(start.clone(), Window::text(window.from).into());
            given.insert(end.clone(), Window::text(window.to).into());
        }
        given
    }

    /// What placeholders stand for.
    fn values(&self, window: Option<Window>) -> BTreeMap<String, String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let takes_value = |field: &&Field| !matches!(field.kind, Kind::Button | Kind::File | Kind::Password);
        let defaults = self.fields.iter().filter(takes_value).map(|field| {
            let default = field.default.as_ref().map(|default| match default {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            (field.name.clone(), default.unwrap_or_default())
        });
        let mut values: BTreeMap<String, String> = defaults.collect();
        let shown = parameters::without_secrets(&self.order.parameters, &self.notebook.code_cells());
        values.extend(shown.iter().map(|(name, value)| (name.clone(), text(value))));
        let stem = self.order.notebook.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        values.insert("notebook".to_owned(), stem.unwrap_or_default());
        values.insert("now".to_owned(), Window::stamp(Utc::now()));
        if let Some(window) = window {
            values.insert(FROM.to_owned(), Window::stamp(window.from));
            values.insert(TO.to_owned(), Window::stamp(window.to));
        }
        values
    }

    /// Says before anything runs that a file cannot be named so.
    fn check_files(&self) -> Result<()> {
        let values = self.values(self.windows.first().copied().flatten());
        for (name, file) in &self.order.results {
            let file = file.filled(&values)?;
            check::format_of(name, &file)?;
        }
        if let Some((file, _)) = &self.order.report {
            file.filled(&values)?;
        }
        let Some(out) = &self.order.out else { return Ok(()) };
        let out = out.filled(&values)?;
        let is_same = std::fs::canonicalize(&out)
            .ok()
            .is_some_and(|out| std::fs::canonicalize(&self.order.notebook).ok() == Some(out));
        if is_same {
            bail!("OUT is the notebook itself\nhint: write to another file with -o");
        }
        Ok(())
    }

    /// The files that are written, the first of them beside what remembers the windows.
    fn written(&self) -> impl Iterator<Item = &Template> {
        let reports = self.order.report.iter().map(|(file, _)| file);
        self.order.out.iter().chain(self.order.results.iter().map(|(_, file)| file)).chain(reports)
    }

    fn open_journal(&self) -> Result<Journal> {
        let files: Vec<&Template> = self.written().collect();
        let first = files
            .first()
            .context("a run in windows writes nothing\nhint: name OUT with -o, or a table with --result")?;
        let mut hash = Sha256::new();
        hash.update(self.notebook.text()?);
        hash.update(Value::Object(self.order.parameters.clone()).to_string());
        hash.update(format!("{files:?} {:?} {:?} {:?}", self.order.press, self.window_fields, self.order.report));
        let place = Journal::place(&first.common());
        files::make_folder(&place)?;
        Journal::open(&place, &hex::encode(hash.finalize()), self.order.is_anew)
    }

    async fn write_report(&self, front_end: &FrontEnd, values: &BTreeMap<String, String>) -> Result<()> {
        let Some((file, report)) = &self.order.report else { return Ok(()) };
        let title = report.title.clone().or_else(|| self.notebook.title());
        let report = ReportCell { title, ..report.clone() };
        let made = case_report::make(front_end.kernel(), &Header::default(), &report).await.map_err(worded)?;
        files::write_whole(&file.filled(values)?, made.text.as_bytes())
    }

    /// Whether a table that is asked for lacks rows though nobody wanted it so; says it.
    fn are_results_cut(&self, front_end: &FrontEnd, progress: &Progress) -> bool {
        let made = self.order.results.iter().filter_map(|(name, _)| front_end.kernel().results.named(name));
        let faults = made.filter_map(|made| check::is_whole(&made.name, &made.result, made.has_limit).err());
        faults.inspect(|fault| progress.warn(&format!("error: {fault}"))).count() > 0
    }

    async fn write_results(
        &self,
        front_end: &FrontEnd,
        progress: &Progress,
        values: &BTreeMap<String, String>,
    ) -> Result<()> {
        for (name, file) in &self.order.results {
            let path = file.filled(values)?;
            let format = check::format_of(name, &path)?;
            let result = match front_end.kernel().results.named(name) {
                Some(made) => made.result.clone(),
                None => files::table(name).await?,
            };
            // Files have no room for what must be known about their rows, such as that a source rejected some.
            for note in &result.notes {
                progress.warn(&format!("note: `{name}`: {}", render::visible(&note.text)));
            }
            if result.truncated {
                progress.tell(&format!("note: `{name}`: there were more rows than its --limit"));
            }
            files::write_table(result, format, &path).await?;
        }
        Ok(())
    }
}

fn worded(report: Report) -> anyhow::Error {
    match report.hint() {
        Some(hint) => anyhow!("{}\nhint: {hint}", report.evalue),
        None => anyhow!("{}", report.evalue),
    }
}
