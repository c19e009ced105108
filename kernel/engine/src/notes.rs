//! What is doubtful about the data behind a result: a line each, with the first of many below it.
//!
//! Connectors tell it through the quality reports of a plan ([`flow_source::QualityReport`]); what is known before
//! anything is read, such as a file of a set that cannot be opened, goes into the [`QueryNotes`] of the query. How it
//! looks is decided where it is shown.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::catalog::Session;
use datafusion::physical_plan::ExecutionPlan;
use flow_source::{QualityReport, quality_of_plan};

/// Something to know about the data behind a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is, in one line: where there are many of a kind, their number and the first.
    pub text: String,
    /// The first of many, one a line; empty where `text` says it all.
    pub details: Vec<String>,
}

impl Note {
    /// The line and those below it.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.text.as_str()).chain(self.details.iter().map(String::as_str))
    }

    /// The same with every line changed.
    pub(crate) fn map(self, change: impl Fn(String) -> String) -> Note {
        Note { text: change(self.text), details: self.details.into_iter().map(change).collect() }
    }

    /// `what` with the first of `kept`, and all of `kept` below where it has more than one.
    fn of_many<T: Display>(what: &str, kept: &[T]) -> Note {
        let first = kept.first().map(|first| format!("; first: {first}")).unwrap_or_default();
        let details = if kept.len() > 1 { kept.iter().map(T::to_string).collect() } else { Vec::new() };
        Note { text: format!("{what}{first}"), details }
    }
}

impl From<String> for Note {
    fn from(text: String) -> Note {
        Note { text, details: Vec::new() }
    }
}

/// What becomes known about one query's data while it is planned. Clones are the same notes.
#[derive(Debug, Clone, Default)]
pub(crate) struct QueryNotes(Arc<Mutex<Vec<Note>>>);

impl QueryNotes {
    /// Adds it to the notes of the session's query, if it has some.
    pub(crate) fn add(state: &dyn Session, note: Note) {
        if let Some(notes) = state.config().get_extension::<QueryNotes>() {
            notes.push(note);
        }
    }

    pub(crate) fn push(&self, note: Note) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    /// These, and what the sources of a plan report.
    pub(crate) fn with_those_of(&self, plan: &dyn ExecutionPlan) -> Vec<Note> {
        let mut all: Vec<Note> = Vec::new();
        let planned = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let read = quality_of_plan(plan).into_iter().flat_map(|quality| of_report(&quality));
        for note in planned.into_iter().chain(read) {
            if !all.contains(&note) {
                all.push(note);
            }
        }
        all
    }
}

/// Files of a set that are not read, the first of them each with a sentence that names it.
pub(crate) fn of_files_left_out(count: u64, reasons: &[String]) -> Note {
    match reasons {
        [only] if count == 1 => format!("1 file is not read: {only}").into(),
        _ => {
            let kept = reasons.len().min(flow_source::REASONS_KEPT_MAX);
            Note::of_many(&format!("{count} files are not read"), &reasons[..kept])
        }
    }
}

fn of_report(quality: &QualityReport) -> Vec<Note> {
    let mut notes = Vec::new();
    match quality.rows_rejected() {
        0 => {}
        1 => notes.push(Note::of_many("1 row rejected", &quality.rejections())),
        rows => notes.push(Note::of_many(&format!("{rows} rows rejected"), &quality.rejections())),
    }
    match quality.breakages().as_slice() {
        [] => {}
        [only] => notes.push(only.to_string().into()),
        kept => notes.push(Note::of_many(&format!("{} files break off", quality.files_broken()), kept)),
    }
    match quality.files_left_out().as_slice() {
        [] => {}
        kept => notes.push(of_files_left_out(quality.files_not_read(), kept)),
    }
    notes.extend(quality.notes().into_iter().map(Note::from));
    notes
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use flow_source::Place;

    use super::*;

    #[test]
    fn of_many_the_first_is_told_and_the_first_ten_are_kept() {
        let report = QualityReport::default();
        for line in 1..=12 {
            report.reject(Path::new("conn.log"), Place::Line(line), || format!("reason {line}"));
        }
        let notes = of_report(&report);
        assert_eq!(notes[0].text, "12 rows rejected; first: conn.log, line 1: reason 1");
        assert_eq!(notes[0].details.len(), 10);
        assert_eq!(notes[0].details[9], "conn.log, line 10: reason 10");
        let report = QualityReport::default();
        report.reject(Path::new("a.nf"), Place::Byte(276), || "cut".into());
        assert_eq!(of_report(&report), [Note::from("1 row rejected; first: a.nf, byte 276: cut".to_owned())]);
        let report = QualityReport::default();
        (1..=15).for_each(|number| {
            let name = format!("{number}.log");
            report.leave_out_file(Path::new(&name), format!("`{name}` is no log"));
        });
        let notes = of_report(&report);
        assert_eq!(notes[0].text, "15 files are not read; first: `1.log` is no log");
        assert_eq!(notes[0].details.len(), 10);
    }
}
