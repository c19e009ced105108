//! `%sources` and `flowdeck sources`: what is configured, whether it can be read, and how two sources agree.
//!
//! Only words are made here: what is known of a source is the engine's. `list` is the table of all, `detail` one of them,
//! `comparison` two.

mod comparison;
mod detail;
mod list;

use chrono::{DateTime, Utc};
use clap::{Args, Parser};
use flow_engine::{
    CancellationToken, EngineError, Registered,
    source::{ComparisonWindow, SourceFacts, SourceTest},
};
use futures::future::join_all;

use crate::{
    cli::utc_time,
    engine::{self, EngineRoom, Fault, SourceState, State},
    report::Report,
};

/// What is asked about sources.
#[derive(Args, Clone, Debug, Default)]
pub struct Request {
    /// One source, with all that is known about it; all of them without it.
    name: Option<String>,
    /// Read all rows, and say what was left out and which columns have values.
    #[arg(long)]
    test: bool,
    /// Compare two sources of flows that saw the same traffic: clocks, repeated flows, gaps.
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["name", "test"])]
    compare: Option<Vec<String>>,
    /// Compare flows that begin then or later (UTC unless it says otherwise): 2024-02-05, 2024-02-05T10:00, …
    #[arg(long, value_name = "TIME", value_parser = utc_time, requires = "compare")]
    from: Option<DateTime<Utc>>,
    /// Compare flows that begin before then.
    #[arg(long, value_name = "TIME", value_parser = utc_time, requires = "compare")]
    to: Option<DateTime<Utc>>,
    /// Whether a list of all opens those that nothing has needed yet.
    #[arg(skip)]
    opens_all: bool,
}

impl Request {
    /// The same for who watches over sources: a list opens all of them.
    #[must_use]
    pub fn opening_all(self) -> Request {
        Request { opens_all: true, ..self }
    }
}

/// The words of a magic as a command line.
#[derive(Parser)]
#[command(name = "%sources", disable_help_flag = true, disable_version_flag = true)]
struct Line {
    #[command(flatten)]
    request: Request,
}

/// The answer, and whether all that was asked for could be read.
#[derive(Debug)]
pub struct Answer {
    /// For a person.
    pub text: String,
    /// Whether nothing is wrong.
    pub is_well: bool,
}

/// Answers `%sources ARGUMENTS`.
///
/// # Errors
/// What is wrong with the arguments, or with a comparison.
pub async fn answer(arguments: &str, cancel: CancellationToken) -> Result<String, Report> {
    let words =
        shlex::split(arguments).ok_or_else(|| Report::new("MagicError", "a quote in the arguments is not closed"))?;
    let line = Line::try_parse_from(std::iter::once("%sources".to_owned()).chain(words));
    let line = line.map_err(|error| {
        let text = error.render().to_string();
        let fact = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Report::new("MagicError", fact)
            .with_hint("usage: %sources [NAME] [--test], %sources --compare A B [--from TIME] [--to TIME]")
    })?;
    Ok(about(&line.request, cancel).await?.text)
}

/// Answers a request.
///
/// # Errors
/// When a source is asked for that is not configured, and what a comparison fails with.
pub async fn about(request: &Request, cancel: CancellationToken) -> Result<Answer, Report> {
    let room = engine::ready().await?;
    if let Some([a, b]) = request.compare.as_deref() {
        return compare(room, a, b, request, cancel).await;
    }
    match &request.name {
        Some(name) => one(room, name, request.test, cancel).await,
        None => all(room, request, cancel).await,
    }
}

async fn compare(
    room: &EngineRoom,
    a: &str,
    b: &str,
    request: &Request,
    cancel: CancellationToken,
) -> Result<Answer, Report> {
    let window = ComparisonWindow { from: request.from, to: request.to };
    if window.from.zip(window.to).is_some_and(|(from, to)| from >= to) {
        return Err(Report::new("MagicError", "--from is not before --to"));
    }
    let found = room.engine.compare_sources(a, b, window, cancel).await.map_err(|error| room.report(&error))?;
    let configured = |name: &str| room.sources.iter().find(|state| state.name == name);
    let offset_of = |name: &str| configured(name).map_or_else(Default::default, |state| state.source.clock_offset.0);
    Ok(Answer { text: comparison::text(&found, window, offset_of(b)), is_well: true })
}

async fn one(room: &EngineRoom, name: &str, test: bool, cancel: CancellationToken) -> Result<Answer, Report> {
    let state =
        room.sources.iter().find(|state| state.name.eq_ignore_ascii_case(name)).ok_or_else(|| unknown(room, name))?;
    open(room, [state], &cancel).await?;
    let look = look(room, state, test, cancel).await?;
    Ok(Answer { text: detail::text(room, state, &look), is_well: look.is_well() })
}

async fn all(room: &EngineRoom, request: &Request, cancel: CancellationToken) -> Result<Answer, Report> {
    if request.test || request.opens_all {
        open(room, &room.sources, &cancel).await?;
    }
    let mut looks = Vec::with_capacity(room.sources.len());
    for state in &room.sources {
        looks.push(look(room, state, request.test, cancel.clone()).await?);
    }
    let is_well = room.config_fault.is_none() && looks.iter().all(Look::is_well);
    Ok(Answer { text: list::text(room, &looks), is_well })
}

/// Opens sources beside each other, so that one whose server does not answer costs the others nothing. What goes wrong is
/// known of them then.
async fn open(
    room: &EngineRoom,
    sources: impl IntoIterator<Item = &SourceState>,
    cancel: &CancellationToken,
) -> Result<(), Report> {
    let tables = sources.into_iter().filter(|state| state.is_remote()).filter_map(SourceState::table);
    let opened = join_all(tables.map(|table| room.engine.open_source(table, cancel))).await;
    let stopped = opened.into_iter().find_map(|opened| opened.err().filter(EngineError::is_cancelled));
    stopped.map_or(Ok(()), |error| Err(room.report(&error)))
}

/// How a source is.
enum Look {
    /// There is no table.
    Broken(Fault),
    /// Nothing has needed it yet.
    Unopened,
    /// There is one.
    Open(Registered, Rows),
}

/// What is known of a source's rows.
enum Rows {
    /// What its files say of themselves.
    Facts(SourceFacts),
    /// What reading it showed.
    Test(SourceTest),
    /// Why it cannot be read.
    Fault(EngineError),
}

impl Look {
    fn is_well(&self) -> bool {
        !matches!(self, Look::Broken(_) | Look::Open(_, Rows::Fault(_)))
    }

    fn facts(&self) -> SourceFacts {
        match self {
            Look::Open(_, Rows::Facts(facts)) => *facts,
            Look::Open(_, Rows::Test(test)) => test.facts,
            Look::Broken(_) | Look::Unopened | Look::Open(_, Rows::Fault(_)) => SourceFacts::default(),
        }
    }
}

async fn look(room: &EngineRoom, state: &SourceState, test: bool, cancel: CancellationToken) -> Result<Look, Report> {
    let registered = match state.state(&room.engine) {
        State::Open(registered) => registered,
        State::Unopened => return Ok(Look::Unopened),
        State::Broken(fault) => return Ok(Look::Broken(fault)),
    };
    let rows = match test {
        false => Rows::Facts(room.engine.source_facts(&registered.table).await),
        true => match room.engine.test_source(&registered.table, cancel).await {
            Ok(test) => Rows::Test(test),
            Err(error) if error.is_cancelled() => return Err(room.report(&error)),
            Err(error) => Rows::Fault(error),
        },
    };
    Ok(Look::Open(registered, rows))
}

fn unknown(room: &EngineRoom, name: &str) -> Report {
    let names = room.sources.iter().map(|state| state.name.as_str());
    let nearest = flow_engine::nearest_names(name, names.clone(), 1);
    let hint = match (nearest.first(), &room.config_fault) {
        (_, Some(fault)) => fault.to_string(),
        (Some(nearest), None) => format!("did you mean `{nearest}`?"),
        (None, None) if room.sources.is_empty() => list::NO_SOURCE.to_owned(),
        (None, None) => format!("sources are: {}", names.collect::<Vec<_>>().join(", ")),
    };
    Report::new("UnknownSource", format!("no source `{}` is configured", flow_engine::render::visible(name)))
        .with_hint(hint)
}

/// A moment for a table: to the second, in UTC.
fn moment_text(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A count for people.
fn grouped(count: u64) -> String {
    flow_engine::render::with_commas(count.into())
}
