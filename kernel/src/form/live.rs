//! Queries that run when a button is pressed (`--on`) or a field changes (`--live`), again and again.
//!
//! Each shows an area of its own: a line that says how far it is, a Stop button, and the newest result. What a person
//! reads there is written for someone who knows neither SQL nor Rust. Visitors cannot change the text of a query, and
//! a query that runs this way may not write.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use flow_engine::{EngineError, Parameter, Progress, QueryOptions, QueryResult, render};
use flowdeck::chrono::{DateTime, SecondsFormat, Utc};
use kernel_protocol::{MimeBundle, wire::header::Header};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use widgets_comm::{WidgetError, buffers::State, registry::Event};

use super::{Wrong, reference, refused};
use crate::{
    cell::{SqlCell, Trigger},
    engine,
    exports::Interval,
    kernel::Kernel,
    plot,
    report::Report,
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

impl LiveQueries {
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
    let area = Area::open(kernel, cause, button.is_some()).await.map_err(refused)?;
    let root = area.root.clone();
    let (newest, table, listening) = (Mutex::default(), Mutex::default(), Mutex::default());
    let (kernel, retired) = (kernel.clone(), CancellationToken::new());
    let query = Arc::new(LiveQuery { kernel: kernel.clone(), cell, button, area, newest, table, retired, listening });
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
                self.on_click(button, move |cause| {
                    tokio::spawn(query.clone().run(cause.clone()));
                });
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

    /// Runs whenever the fields it mentions have changed and come to rest.
    async fn follow(self: Arc<Self>, cause: Header) {
        let mut changes = self.kernel.forms.changes();
        let mut last = self.kernel.forms.parameters(&cause, &self.cell.query).await;
        loop {
            tokio::select! {
                () = self.retired.cancelled() => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
            tokio::time::sleep(SETTLE_INTERVAL).await;
            changes.borrow_and_update();
            let values = self.kernel.forms.parameters(&cause, &self.cell.query).await;
            if last != values {
                last = values;
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

    async fn run(self: Arc<Self>, cause: Header) {
        let run = self.begin();
        match self.kernel.forms.parameters(&cause, &self.cell.query).await {
            Ok(parameters) => {
                self.set_running(&cause, true).await;
                let outcome = self.query(&cause, &parameters, &run).await;
                if self.is_newest(&run) {
                    self.show(&cause, outcome, &parameters, &run).await;
                    self.set_running(&cause, false).await;
                }
            }
            Err(wrong) => self.say(&cause, &to_fill_in(&wrong)).await,
        }
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
        let limit = self.cell.rows_max();
        let mut options = QueryOptions { limit, allow_writes: false, ..QueryOptions::default() };
        options.progress = Some(Arc::new(move |progress| {
            // Nobody listens any more when the query is over.
            let _ = tell.send(progress);
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
    ) {
        match outcome {
            Ok(result) => {
                let seconds = result.elapsed.as_secs_f64();
                let shown = self.shown(cause, result, parameters, run).await;
                self.say(cause, &format!("done in {seconds:.2} s{}", interval(parameters))).await;
                match shown {
                    Ok((bundle, table)) => {
                        self.put_out(cause, bundle).await;
                        self.replace_table(cause, table).await;
                    }
                    Err(report) => self.put_out(cause, explained(&report)).await,
                }
            }
            // What was there before stays: stopping is no reason to lose it.
            Err(report) if report.ename == "Interrupted" => self.say(cause, &report.evalue).await,
            Err(report) => {
                self.say(cause, "the query did not run").await;
                self.put_out(cause, explained(&report)).await;
                self.replace_table(cause, None).await;
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
        if let Some(wanted) = &self.cell.plot {
            let plot = plot::of(room, result, &wanted.request, run.cancel.clone()).await?;
            if let Some(picture) = wanted.save {
                plot.save(picture, Interval::of(parameters)).await?;
            }
            let bundle = match wanted.selection.is_nothing() {
                true => plot.bundle().await?,
                false => self.kernel.plots.show(cause, &self.area.root, &plot, &wanted.selection).await?,
            };
            return Ok((bundle, None));
        }
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

fn to_fill_in(wrong: &[Wrong]) -> String {
    let facts: Vec<String> = wrong.iter().map(|Wrong { label, fact }| format!("{label}: {fact}")).collect();
    format!("not run: {}", facts.join("; "))
}

fn how_far(progress: &Progress) -> String {
    let mut text = format!("{} rows", render::with_commas(progress.rows_read.into()));
    if progress.bytes_read > 0 {
        let _ = write!(text, ", {}", megabytes(progress.bytes_read));
        if progress.bytes_total > 0 {
            let _ = write!(text, " of {}", megabytes(progress.bytes_total));
        }
    }
    if progress.lookups_total > 0 {
        let _ = write!(text, ", {} of {} looked up", progress.lookups_done, progress.lookups_total);
    }
    let _ = write!(text, ", {:.1} s", progress.elapsed.as_secs_f64());
    text
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The moments that the query was given, the earliest first, in UTC: the picker may be in another zone.
fn interval(parameters: &[(String, Parameter)]) -> String {
    let moments = parameters.iter().filter_map(|(name, parameter)| match parameter {
        Parameter::Timestamp(Some(moment)) => Some((moment, name)),
        _ => None,
    });
    let moments: BTreeSet<_> = moments.collect();
    let told = |(moment, name): (&DateTime<Utc>, &String)| {
        format!("; {name} = {}", moment.to_rfc3339_opts(SecondsFormat::Secs, true))
    };
    moments.into_iter().map(told).collect()
}

/// A failure for someone who did not write the query.
fn explained(report: &Report) -> MimeBundle {
    let mut text = report.evalue.clone();
    if let Some(hint) = report.hint() {
        let _ = write!(text, "\n{hint}");
    }
    let lines: Vec<String> = text.lines().map(|line| html_escape::encode_text(line).into_owned()).collect();
    let html = format!(
        "<div style=\"border-left: 4px solid #b00020; padding: 4px 12px\"><b>This did not work.</b><br>{}</div>",
        lines.join("<br>")
    );
    let mut bundle = MimeBundle::new();
    bundle.insert("text/plain".to_owned(), Value::from(text));
    bundle.insert("text/html".to_owned(), Value::from(html));
    bundle
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_a_query_is() {
        let elapsed = Duration::from_millis(2_140);
        let progress = Progress {
            rows_read: 1_234_567,
            bytes_read: 12_300_000,
            bytes_total: 40_000_000,
            elapsed,
            ..Progress::default()
        };
        assert_eq!(how_far(&progress), "1,234,567 rows, 12.3 MB of 40.0 MB, 2.1 s");
        assert_eq!(how_far(&Progress { rows_read: 999, ..Progress::default() }), "999 rows, 0.0 s");
        let progress = Progress { rows_read: 37, lookups_done: 5, lookups_total: 37, ..Progress::default() };
        assert_eq!(how_far(&progress), "37 rows, 5 of 37 looked up, 0.0 s");
    }

    #[test]
    fn a_failure_is_escaped_and_says_what_to_do() {
        let report = Report::new("SqlError", "no table named `<b>`").with_hint("tables are flows");
        let bundle = explained(&report);
        let html = bundle["text/html"].as_str().unwrap_or_default();
        assert!(html.contains("&lt;b&gt;") && html.contains("tables are flows") && !html.contains("hint"), "{html}");
    }
}
