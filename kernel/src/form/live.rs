//! Queries that run when a button is pressed (`--on`) or a field changes (`--live`), again and again.
//!
//! Each shows an area of its own: a line that says how far it is, a Stop button, and the newest result. What a person
//! reads there is written for someone who knows neither SQL nor Rust. Visitors cannot change the text of a query, and
//! a query that runs this way may not write.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use flow_engine::{EngineError, Parameter, Progress, QueryOptions, QueryResult};
use kernel_protocol::{MimeBundle, wire::header::Header};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use widgets_comm::{WidgetError, buffers::State, registry::Event};

pub(crate) mod words;

use self::words::{explained, how_far, interval, to_fill_in};
use super::{Wrong, reference, refused};
use crate::{
    cell::{SqlCell, Trigger},
    engine,
    exports::Interval,
    interpreter::sql,
    kernel::Kernel,
    plot,
    report::Report,
    results::Made,
    table::{About, Shown},
    widgets::{Listening, new_id},
};

/// A person who drags or types gets the query for where they stop.
const SETTLE_INTERVAL: Duration = Duration::from_millis(250);

/// The live queries of this kernel, by the key of their cell.
#[derive(Default)]
pub struct LiveQueries {
    by_cell: Mutex<BTreeMap<String, Arc<LiveQuery>>>,
    /// Queries that run for each button, by their areas: it may be pressed again when the last of them is done.
    running: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

/// What became of one run of a live query.
#[derive(Clone, Debug)]
pub enum Ran {
    /// Its result is shown: what a display of that carries, and the line above it.
    Shown {
        /// The newest result.
        bundle: MimeBundle,
        /// How long it took, and the interval it was about.
        line: String,
    },
    /// A field is not filled in, or wrongly.
    NotFilledIn(Vec<Wrong>),
    /// It failed or was stopped.
    Failed(Report),
    /// A newer run came before its end.
    Overtaken,
    /// It is not wanted: another option is chosen than the one that it waits for.
    Aside,
}

impl LiveQueries {
    /// Runs the query of this cell as if it had been pressed for. `None` when the cell has none.
    pub async fn run(&self, cell: &str, cause: &Header) -> Option<Ran> {
        let query = lock(&self.by_cell).get(cell).cloned()?;
        Some(query.run(cause.clone()).await)
    }

    /// What became of the run of this cell's query that ended last.
    pub fn ran(&self, cell: &str) -> Option<Ran> {
        let query = lock(&self.by_cell).get(cell).cloned()?;
        lock(&query.ran).clone()
    }

    /// Stops all that run.
    pub fn stop_all(&self) {
        lock(&self.by_cell).values().for_each(|query| query.stop());
    }

    /// Notes whether the query with this area runs for the button. Gives whether any does.
    fn note_running(&self, button: &str, area: &str, is_running: bool) -> bool {
        let mut running = lock(&self.running);
        let areas = running.entry(button.to_owned()).or_default();
        match is_running {
            true => areas.insert(area.to_owned()),
            false => areas.remove(area),
        };
        let is_any = !areas.is_empty();
        if !is_any {
            running.remove(button);
        }
        is_any
    }
}

/// One query that waits to be run.
pub struct LiveQuery {
    kernel: Arc<Kernel>,
    cell: SqlCell,
    /// The button that runs it, if one does.
    button: Option<String>,
    area: Area,
    /// The newest run. An older one shows nothing any more.
    newest: Mutex<Run>,
    /// What became of the run that ended last.
    ran: Mutex<Option<Ran>>,
    /// The model of the table that is shown.
    table: Mutex<Option<String>>,
    /// Cancelled when the cell is run again.
    retired: CancellationToken,
    listening: Mutex<Vec<Listening>>,
}

#[derive(Clone, Default)]
struct Run {
    number: u64,
    cancel: CancellationToken,
}

/// The widgets below the cell.
struct Area {
    root: String,
    status: String,
    stop: String,
    output: String,
    all: Vec<String>,
}

/// Shows the area of a live query and waits for what runs it. `key` names its cell.
///
/// # Errors
/// When the button is not there.
pub async fn start(kernel: &Arc<Kernel>, cause: &Header, key: &str, cell: SqlCell) -> Result<MimeBundle, Report> {
    let button = match &cell.trigger {
        Trigger::Click(name) => Some(kernel.forms.button(name)?),
        _ => None,
    };
    if let Some((field, option)) = &cell.when {
        kernel.forms.check_option(field, option)?;
    }
    let area = Area::open(kernel, cause, button.is_some()).await.map_err(refused)?;
    let root = area.root.clone();
    let query = Arc::new(LiveQuery {
        kernel: kernel.clone(),
        cell,
        button,
        area,
        newest: Mutex::default(),
        ran: Mutex::default(),
        table: Mutex::default(),
        retired: CancellationToken::new(),
        listening: Mutex::default(),
    });
    let earlier = lock(&kernel.live.by_cell).insert(key.to_owned(), query.clone());
    if let Some(earlier) = earlier {
        earlier.retire(cause).await;
    }
    if query.button.is_none() {
        // The first result is there when the cell ends.
        query.clone().run(cause.clone()).await;
    }
    query.wait(cause.clone());
    kernel.widgets.view(&root).await.ok_or_else(|| Report::internal("the query's area is gone"))
}

impl LiveQuery {
    fn wait(self: &Arc<Self>, cause: Header) {
        let stopped = self.clone();
        self.on_click(&self.area.stop, move |_| stopped.stop());
        match &self.button {
            Some(button) => {
                let query = self.clone();
                self.on_click(button, move |cause| drop(tokio::spawn(query.clone().run(cause.clone()))));
            }
            None => {
                tokio::spawn(self.clone().follow(cause));
            }
        }
    }

    fn on_click(&self, widget: &str, act: impl Fn(&Header) + Send + Sync + 'static) {
        let hears = move |event: &Event, cause: &Header| {
            if matches!(event, Event::Click { .. }) {
                act(cause);
            }
        };
        lock(&self.listening).push(self.kernel.widgets.listen(widget, Arc::new(hears)));
    }

    /// What it depends on: the option that it may wait for, and the fields that it mentions.
    async fn inputs(&self, cause: &Header) -> (Option<String>, Result<Vec<(String, Parameter)>, Vec<Wrong>>) {
        let chosen = match &self.cell.when {
            Some((field, _)) => self.kernel.forms.chosen(field).await,
            None => None,
        };
        (chosen, self.kernel.forms.parameters(cause, &self.cell.query).await)
    }

    /// Runs whenever what it depends on has changed and come to rest.
    async fn follow(self: Arc<Self>, cause: Header) {
        let mut changes = self.kernel.forms.changes();
        let mut last = self.inputs(&cause).await;
        loop {
            tokio::select! {
                () = self.retired.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
            tokio::time::sleep(SETTLE_INTERVAL).await;
            changes.borrow_and_update();
            let inputs = self.inputs(&cause).await;
            if last != inputs {
                last = inputs;
                tokio::spawn(self.clone().run(cause.clone()));
            }
        }
    }

    fn stop(&self) {
        lock(&self.newest).cancel.cancel();
    }

    async fn retire(&self, cause: &Header) {
        self.retired.cancel();
        self.stop();
        let listening = std::mem::take(&mut *lock(&self.listening));
        listening.iter().for_each(|listening| self.kernel.widgets.unlisten(listening));
        self.replace_table(cause, None).await;
        for widget in &self.area.all {
            // A front end may have closed it.
            let _ = self.kernel.widgets.close(cause, widget).await;
        }
    }

    async fn run(self: Arc<Self>, cause: Header) -> Ran {
        let run = self.begin();
        if let Some((field, option)) = &self.cell.when
            && self.kernel.forms.chosen(field).await.as_ref() != Some(option)
        {
            if !self.is_newest(&run) {
                return Ran::Overtaken;
            }
            self.step_aside(&cause, field, option).await;
            *lock(&self.ran) = Some(Ran::Aside);
            return Ran::Aside;
        }
        let mut ran = Ran::Overtaken;
        match self.kernel.forms.parameters(&cause, &self.cell.query).await {
            // A newer run has told what runs.
            _ if !self.is_newest(&run) => {}
            Ok(parameters) => {
                self.set_running(&cause, true).await;
                let outcome = self.query(&cause, &parameters, &run).await;
                if self.is_newest(&run) {
                    ran = self.show(&cause, outcome, &parameters, &run).await;
                    self.set_running(&cause, false).await;
                }
            }
            Err(wrong) => {
                // The run before was stopped for this one.
                self.set_running(&cause, false).await;
                self.say(&cause, &to_fill_in(&wrong)).await;
                ran = Ran::NotFilledIn(wrong);
            }
        }
        self.kernel.widgets.flush().await;
        if !matches!(ran, Ran::Overtaken) {
            *lock(&self.ran) = Some(ran.clone());
        }
        ran
    }

    /// Another query shows what is wanted now.
    async fn step_aside(&self, cause: &Header, field: &str, option: &str) {
        // The run before was stopped for this one.
        self.set_running(cause, false).await;
        let label = self.kernel.forms.label(field).unwrap_or_else(|| field.to_owned());
        self.say(cause, &format!("for {label} = {option}")).await;
        self.set(cause, &self.area.output, "outputs", json!([])).await;
        self.replace_table(cause, None).await;
        self.kernel.widgets.flush().await;
    }

    /// From now on the run before this one shows nothing any more.
    fn begin(&self) -> Run {
        let mut newest = lock(&self.newest);
        newest.cancel.cancel();
        *newest = Run { number: newest.number + 1, cancel: CancellationToken::new() };
        newest.clone()
    }

    fn is_newest(&self, run: &Run) -> bool {
        lock(&self.newest).number == run.number
    }

    async fn query(
        &self,
        cause: &Header,
        parameters: &[(String, Parameter)],
        run: &Run,
    ) -> Result<QueryResult, Report> {
        let room = engine::ready().await?;
        let (tell, mut progress) = watch::channel(Progress::default());
        let watched = sql::watched(&self.kernel);
        let limit = self.cell.rows_max();
        let mut options = QueryOptions { limit, allow_writes: false, ..QueryOptions::default() };
        options.progress = Some(Arc::new(move |progress| {
            // Nobody listens any more when the query is over.
            let _ = tell.send(progress);
            watched.iter().for_each(|watched| watched(progress));
        }));
        for (name, parameter) in parameters {
            options = options.with_parameter(name, parameter.clone());
        }
        let query = room.engine.query(&self.cell.query, options, run.cancel.clone());
        tokio::pin!(query);
        let outcome = loop {
            tokio::select! {
                outcome = &mut query => break outcome,
                Ok(()) = progress.changed() => {
                    let progress = *progress.borrow_and_update();
                    if self.is_newest(run) {
                        self.say(cause, &how_far(&progress)).await;
                    }
                }
            }
        };
        let result = outcome.map_err(|error| self.worded(room, &error))?;
        if let Some(name) = &self.cell.into {
            room.engine.register_result(name, &result).map_err(|error| room.report(&error))?;
            self.kernel.forms.table_is_there(cause, name).await;
        }
        Ok(result)
    }

    fn worded(&self, room: &engine::EngineRoom, error: &EngineError) -> Report {
        match error {
            EngineError::Cancelled { after } => {
                Report::interrupted(&format!("stopped after {:.1} s", after.as_secs_f64()))
            }
            error => room.report(error),
        }
    }

    async fn show(
        &self,
        cause: &Header,
        outcome: Result<QueryResult, Report>,
        parameters: &[(String, Parameter)],
        run: &Run,
    ) -> Ran {
        match outcome {
            Ok(result) => {
                let line = format!("done in {:.2} s{}", result.elapsed.as_secs_f64(), interval(parameters));
                let shown = self.shown(cause, result, parameters, run).await;
                self.say(cause, &line).await;
                match shown {
                    Ok((bundle, table)) => {
                        self.put_out(cause, bundle.clone()).await;
                        self.replace_table(cause, table).await;
                        Ran::Shown { bundle, line }
                    }
                    Err(report) => {
                        self.put_out(cause, explained(&report)).await;
                        Ran::Failed(report)
                    }
                }
            }
            // What was there before stays: stopping is no reason to lose it.
            Err(report) if report.ename == "Interrupted" => {
                self.say(cause, &report.evalue).await;
                Ran::Failed(report)
            }
            Err(report) => {
                self.say(cause, "the query did not run").await;
                self.put_out(cause, explained(&report)).await;
                self.replace_table(cause, None).await;
                Ran::Failed(report)
            }
        }
    }

    /// The result as a table, with the model of that table, or as a drawing.
    async fn shown(
        &self,
        cause: &Header,
        result: QueryResult,
        parameters: &[(String, Parameter)],
        run: &Run,
    ) -> Result<(MimeBundle, Option<String>), Report> {
        let room = engine::ready().await?;
        let remember = |plot| {
            let made = Made::of(&self.cell, self.kernel.forms.without_secrets(parameters), &result, plot);
            made.into_iter().for_each(|made| self.kernel.results.add(made));
        };
        if let Some(wanted) = &self.cell.plot {
            let plot = plot::of(room, result.clone(), &wanted.request, run.cancel.clone()).await?;
            remember(Some(&plot));
            if let Some(picture) = wanted.save {
                plot.save(picture, Interval::of(parameters)).await?;
            }
            let bundle = match wanted.selection.is_nothing() {
                true => plot.bundle().await?,
                false => self.kernel.plots.show(cause, &self.area.root, &plot, &wanted.selection).await?,
            };
            return Ok((bundle, None));
        }
        remember(None);
        let about = About {
            name: self.cell.into.clone(),
            interval: Interval::of(parameters),
            fill: self.cell.fill.clone(),
            selection: self.cell.selection.clone(),
            ..About::default()
        };
        let Shown { widget, bundle } = self.kernel.tables.show(room, cause, result, about).await?;
        Ok((bundle, Some(widget)))
    }

    /// The table before goes when nothing shows it any more.
    async fn replace_table(&self, cause: &Header, table: Option<String>) {
        let earlier = std::mem::replace(&mut *lock(&self.table), table);
        if let Some(earlier) = earlier {
            self.kernel.widgets.flush().await;
            self.kernel.tables.close(cause, &earlier).await;
        }
    }

    async fn put_out(&self, cause: &Header, bundle: MimeBundle) {
        let outputs = json!([{"output_type": "display_data", "data": bundle, "metadata": {}}]);
        self.set(cause, &self.area.output, "outputs", outputs).await;
    }

    async fn say(&self, cause: &Header, text: &str) {
        let html = format!("<span>{}</span>", html_escape::encode_text(text));
        self.set(cause, &self.area.status, "value", html.into()).await;
    }

    async fn set_running(&self, cause: &Header, is_running: bool) {
        if let Some(button) = &self.button {
            let is_any = self.kernel.live.note_running(button, &self.area.root, is_running);
            self.set(cause, button, "disabled", is_any.into()).await;
        }
        self.set(cause, &self.area.stop, "disabled", (!is_running).into()).await;
        // The person sees at once that something happens.
        self.kernel.widgets.flush().await;
    }

    async fn set(&self, cause: &Header, widget: &str, name: &str, value: Value) {
        if let Err(error) = self.kernel.widgets.set(cause, widget, name, value).await {
            tracing::info!(%error, "a live query's widget is gone");
        }
    }
}

impl Area {
    async fn open(kernel: &Kernel, cause: &Header, waits_for_click: bool) -> Result<Area, WidgetError> {
        let mut all = Vec::new();
        let waiting = if waits_for_click { "not run yet" } else { "" };
        let status = State::new().with("value", waiting);
        let status = open(kernel, cause, &mut all, "HTMLModel", status).await?;
        let layout = State::new().with("width", "auto").with("flex", "0 0 auto");
        let layout = open(kernel, cause, &mut all, "LayoutModel", layout).await?;
        let stop = State::new().with("description", "Stop").with("disabled", true).with("icon", "stop");
        let stop = stop.with("layout", reference(&layout));
        let stop = open(kernel, cause, &mut all, "ButtonModel", stop).await?;
        let output = open(kernel, cause, &mut all, "OutputModel", State::new()).await?;
        let row = State::new().with("children", json!([reference(&stop), reference(&status)]));
        let row = open(kernel, cause, &mut all, "HBoxModel", row).await?;
        let root = State::new().with("children", json!([reference(&row), reference(&output)]));
        let root = open(kernel, cause, &mut all, "VBoxModel", root).await?;
        Ok(Area { root, status, stop, output, all })
    }
}

async fn open(
    kernel: &Kernel,
    cause: &Header,
    all: &mut Vec<String>,
    model: &str,
    state: State,
) -> Result<String, WidgetError> {
    let id = new_id();
    kernel.widgets.open(cause, &id, model, state).await?;
    all.push(id.clone());
    Ok(id)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
