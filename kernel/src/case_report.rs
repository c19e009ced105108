//! A report: chosen results of a notebook with their queries, interval and sources, and notes, in one file for people who
//! were not there. Not the errors of cells: those are worded in [`crate::report`].
//!
//! `notes` makes notes safe, `html` and `markdown` lay a report out, `defang` writes addresses so that nobody follows them by
//! accident, `button` waits for a press. Everything in a report but its layout comes from data or people: it is escaped where it
//! is laid out.

pub mod button;
mod defang;
mod html;
mod markdown;
mod notes;

use std::{path::PathBuf, sync::Arc};

use flow_engine::{Parameter, export, nearest_names, render};
use flowdeck::chrono::{DateTime, SecondsFormat, Utc};
use kernel_protocol::wire::header::Header;

use crate::{
    cell::report::{Form, ReportCell},
    engine::{self, EngineRoom},
    exports::{self, Interval},
    kernel::Kernel,
    report::Report,
    results::Made,
};

/// Characters of one value in a table.
const VALUE_CHARS_MAX: usize = 200;

/// A report, before it is laid out.
struct CaseReport {
    title: String,
    /// The file of the notebook.
    notebook: String,
    made_at: DateTime<Utc>,
    /// Markdown, as it was written.
    notes: String,
    sections: Vec<Section>,
    /// Sources that the queries read: name and place.
    sources: Vec<(String, String)>,
    /// Queries of tables that the shown ones were made of: name and text.
    behind: Vec<(String, String)>,
    is_defanged: bool,
}

/// One table or plot.
struct Section {
    name: String,
    title: Option<String>,
    interval: Option<Interval>,
    parameters: Vec<(String, String)>,
    query: String,
    made_at: DateTime<Utc>,
    row_count: usize,
    /// Whether the query had more rows than its limit let through.
    is_cut: bool,
    /// What is doubtful about the rows.
    remarks: Vec<String>,
    body: Body,
}

enum Body {
    Table(render::Texts),
    /// A drawing as SVG.
    Plot(String),
}

/// A report as a file.
pub struct Written {
    /// Its name without a folder.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// The time that it is about.
    pub interval: Option<Interval>,
    /// What file it is.
    pub form: Form,
}

/// Makes a report of the results there are now.
///
/// # Errors
/// When there is nothing to report on, a result is not there, or the notes' field is not.
pub async fn make(kernel: &Arc<Kernel>, cause: &Header, cell: &ReportCell) -> Result<Written, Report> {
    let room = engine::ready().await?;
    let made = chosen(kernel, &cell.show)?;
    let mut notes = cell.notes.clone();
    if let Some(field) = &cell.notes_field {
        let entered = kernel.forms.value(cause, field).await?;
        notes = format!("{notes}\n\n{}", entered.as_str().unwrap_or_default()).trim().to_owned();
    }
    let mut sections = Vec::new();
    for made in &made {
        sections.push(section(made, cell).await?);
    }
    let intervals = made.iter().filter_map(|made| Interval::of(&made.parameters));
    let interval = intervals.reduce(Interval::with);
    let behind = behind(kernel, &made);
    let queries: Vec<&str> = made.iter().chain(&behind).map(|made| made.query.as_str()).collect();
    let report = CaseReport {
        title: cell.title.clone().unwrap_or_else(|| exports::playbook().replace('_', " ")),
        notebook: exports::playbook(),
        made_at: Utc::now(),
        notes,
        sections,
        sources: sources(room, &queries),
        behind: behind.iter().map(|made| (made.name.clone(), made.query.clone())).collect(),
        is_defanged: cell.is_defanged,
    };
    let form = cell.form;
    let name = format!("{}.{}", exports::name(&exports::playbook(), report.made_at, interval), form.ending());
    // Laying out many rows is computing: not on the threads of the protocol.
    let work = move || match form {
        Form::Html => html::page(&report),
        Form::Markdown => markdown::text(&report),
    };
    let text = tokio::task::spawn_blocking(work).await.map_err(Report::internal)?;
    Ok(Written { name, text, interval, form })
}

impl Written {
    /// Writes it to a new file in the folder of exports; gives its path.
    ///
    /// # Errors
    /// When the folder or the file cannot be written.
    pub async fn save(&self) -> Result<PathBuf, Report> {
        let (text, interval, ending) = (self.text.clone(), self.interval, self.form.ending());
        let work = move || exports::save(interval, ending, |path| export::write_bytes(text.as_bytes(), path));
        let saved = tokio::task::spawn_blocking(work).await.map_err(Report::internal)?;
        saved.map_err(|fault| Report::new("ExportError", fault.to_string()))
    }
}

/// The results that are named, else all.
fn chosen(kernel: &Kernel, names: &[String]) -> Result<Vec<Arc<Made>>, Report> {
    let all = kernel.results.list();
    if all.is_empty() {
        return Err(Report::new("ReportError", "there is nothing to report on yet")
            .with_hint("run cells with --into NAME first: a report shows tables and plots by their names"));
    }
    let known = || all.iter().map(|made| made.name.as_str());
    if names.is_empty() {
        return Ok(all.clone());
    }
    let find = |name: &String| {
        kernel.results.named(name).ok_or_else(|| {
            let near = nearest_names(name, known(), 1);
            let near = near.first().map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            Report::new("ReportError", format!("there is no result `{name}`"))
                .with_hint(format!("{near}there are {}", known().collect::<Vec<_>>().join(", ")))
        })
    };
    names.iter().map(find).collect()
}

async fn section(made: &Made, cell: &ReportCell) -> Result<Section, Report> {
    let body = match &made.plot {
        Some(plot) => Body::Plot(plot.svg().await?),
        None => {
            let mut texts = render::texts(&made.result, cell.rows, VALUE_CHARS_MAX);
            if cell.is_defanged {
                defang::texts(&mut texts);
            }
            Body::Table(texts)
        }
    };
    let safe = |text: &str| if cell.is_defanged { defang::text(text) } else { text.to_owned() };
    Ok(Section {
        name: made.name.clone(),
        title: made.plot.as_ref().and_then(|plot| plot.title()),
        interval: Interval::of(&made.parameters),
        // Moments are the interval.
        parameters: made
            .parameters
            .iter()
            .filter(|(_, value)| !matches!(value, Parameter::Timestamp(_)))
            .map(|(name, value)| (name.clone(), safe(&readable(value))))
            .collect(),
        query: made.query.clone(),
        made_at: made.at,
        row_count: made.result.row_count,
        is_cut: made.result.truncated,
        remarks: made.result.notes.iter().map(|note| note.text.clone()).collect(),
        body,
    })
}

/// Results that the given ones read, and those that these read, the first last.
fn behind(kernel: &Kernel, made: &[Arc<Made>]) -> Vec<Arc<Made>> {
    let all = kernel.results.list();
    let mut known: Vec<Arc<Made>> = made.to_vec();
    let mut place = 0;
    while place < known.len() {
        let query = known[place].query.clone();
        let new = all.iter().filter(|made| mentions(&query, &made.name));
        let new: Vec<_> = new.filter(|made| !known.iter().any(|known| known.name == made.name)).cloned().collect();
        known.extend(new);
        place += 1;
    }
    known.split_off(made.len())
}

/// The configured sources that queries name, with their places.
fn sources(room: &EngineRoom, queries: &[&str]) -> Vec<(String, String)> {
    let named = room.sources.iter().filter(|source| queries.iter().any(|query| mentions(query, &source.name)));
    named.map(|source| (source.name.clone(), source.location.clone())).collect()
}

/// Whether a word stands in a query. May find it in a comment too, which names one too many.
fn mentions(query: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    query.split(|c: char| !is_part(c)).any(|word| word.eq_ignore_ascii_case(name))
}

/// What a field held, as people write it.
fn readable(parameter: &Parameter) -> String {
    let text = match parameter {
        Parameter::Text(text) => text.clone(),
        Parameter::Integer(value) => value.map(|value| value.to_string()),
        Parameter::Float(value) => value.map(|value| value.to_string()),
        Parameter::Boolean(value) => value.map(|value| value.to_string()),
        Parameter::Date(value) => value.map(|value| value.to_string()),
        Parameter::Time(value) => value.map(|value| value.to_string()),
        Parameter::Timestamp(value) => value.map(stamp),
        Parameter::Interval(value) => value.map(|value| format!("{} s", value.as_seconds_f64())),
        Parameter::TextList(values) => Some(values.join(", ")),
        Parameter::IntegerList(values) => Some(values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    render::visible(&text.unwrap_or_default())
}

/// A moment in UTC, to the second.
fn stamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Section {
    /// What stands above it.
    fn heading(&self) -> String {
        render::visible(self.title.as_deref().unwrap_or(&self.name))
    }

    /// How many rows there are and how many are shown.
    fn rows(&self) -> String {
        let count = |count: usize| {
            format!("{} {}", render::with_commas(count as i128), if count == 1 { "row" } else { "rows" })
        };
        let cut = if self.is_cut { "; the query had more than its limit" } else { "" };
        match &self.body {
            Body::Table(texts) if texts.rows.len() < self.row_count => {
                format!("The first {} of {}{cut}", render::with_commas(texts.rows.len() as i128), count(self.row_count))
            }
            Body::Table(_) => format!("All {}{cut}", count(self.row_count)),
            Body::Plot(_) => format!("Drawn from {}{cut}", count(self.row_count)),
        }
    }

    /// The time it is about.
    fn interval(&self) -> String {
        match self.interval {
            Some(interval) => format!("{} to {} (UTC)", stamp(interval.start()), stamp(interval.end())),
            None => "no interval was asked for".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use flow_engine::render::{Column, Texts};
    use flowdeck::chrono::TimeDelta;

    use super::*;

    /// A report in which all that people or data write is hostile.
    pub(super) fn hostile(is_defanged: bool) -> CaseReport {
        let bad = "<script>alert(1)</script> [x](javascript:alert(1)) \u{202e} ```\n# not a heading\n evil.example";
        let start = DateTime::UNIX_EPOCH + TimeDelta::days(19_758);
        let parameters =
            [start, start + TimeDelta::days(1)].map(|at| ("at".to_owned(), Parameter::Timestamp(Some(at))));
        let column = Column { name: bad.into(), is_number: false, may_name_hosts: true };
        let mut texts = Texts { columns: vec![column], rows: vec![vec![Some(bad.to_owned())], vec![None]] };
        if is_defanged {
            defang::texts(&mut texts);
        }
        CaseReport {
            title: bad.into(),
            notebook: bad.into(),
            made_at: start,
            notes: bad.into(),
            sections: vec![Section {
                name: bad.into(),
                title: None,
                interval: Interval::of(&parameters),
                parameters: vec![(bad.into(), bad.into())],
                query: format!("SELECT '{bad}'"),
                made_at: start,
                row_count: 1_000,
                is_cut: false,
                remarks: vec![bad.into()],
                body: Body::Table(texts),
            }],
            sources: vec![(bad.into(), bad.into())],
            behind: vec![("made_of".into(), bad.into())],
            is_defanged,
        }
    }

    #[test]
    fn a_name_is_found_by_its_whole_word() {
        assert!(mentions("SELECT * FROM Flows f", "flows"));
        assert!(!mentions("SELECT * FROM flows_ecs", "flows"));
    }
}
