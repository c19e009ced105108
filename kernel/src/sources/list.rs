//! All sources as a table, with what is wrong below those that have something.

use flow_engine::render::visible;

use super::{Look, Rows, grouped, moment_text};
use crate::{
    cli::store::bytes_text,
    engine::{EngineRoom, SourceState},
};

/// Where there is nothing to list.
pub(super) const NO_SOURCE: &str =
    "no source is configured; [sources.NAME] in flowdeck.toml names them, read_flows('PATH') reads any file";

const HEADER: [&str; 7] = ["SOURCE", "STATE", "FORMAT", "FILES", "SIZE", "ROWS", "TIMES (UTC)"];
/// Columns of numbers, which stand right.
const RIGHT: [usize; 3] = [3, 4, 5];
const UNKNOWN: &str = "–";

/// The list.
pub(super) fn text(room: &EngineRoom, looks: &[Look]) -> String {
    let mut text = String::new();
    if let Some(fault) = &room.config_fault {
        text.push_str(&format!("{}\n", fault.fact));
        text.extend(fault.hint.iter().map(|hint| format!("hint: {hint}\n")));
        return text;
    }
    if let Some(path) = &room.config_path {
        text.push_str(&format!("configuration: {}\n\n", path.display()));
    }
    if room.sources.is_empty() {
        text.push_str(&format!("{NO_SOURCE}\n"));
    } else {
        push_table(&mut text, room, looks);
    }
    let tables = room.engine.table_names();
    if !tables.is_empty() {
        text.push_str(&format!("\ntables: {}\n", tables.join(", ")));
    }
    text
}

fn push_table(text: &mut String, room: &EngineRoom, looks: &[Look]) {
    let rows: Vec<[String; 7]> = room.sources.iter().zip(looks).map(|(state, look)| row(state, look)).collect();
    let chars = |text: &str| text.chars().count();
    let width = |column: usize| {
        rows.iter().map(|row| chars(&row[column])).chain([chars(HEADER[column])]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEADER.len()).map(width).collect();
    let line = |cells: [&str; 7]| {
        let cells = cells.iter().enumerate().map(|(column, cell)| {
            let blanks = " ".repeat(widths[column] - chars(cell));
            if RIGHT.contains(&column) { format!("{blanks}{cell}") } else { format!("{cell}{blanks}") }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    text.push_str(&line(HEADER));
    for ((row, state), look) in rows.iter().zip(&room.sources).zip(looks) {
        text.push_str(&line(row.each_ref().map(String::as_str)));
        text.extend(remarks(state, look).into_iter().map(|remark| format!("    {remark}\n")));
    }
}

fn row(state: &SourceState, look: &Look) -> [String; 7] {
    let facts = look.facts();
    let times = match facts.first.zip(facts.last) {
        Some((first, last)) => format!("{} – {}", moment_text(first), moment_text(last)),
        None => UNKNOWN.to_owned(),
    };
    let rows = facts.rows.map_or_else(|| UNKNOWN.to_owned(), grouped);
    let unknown = || UNKNOWN.to_owned();
    match look {
        Look::Open(found, _) => [
            state.name.clone(),
            state_text(look).to_owned(),
            found.format.trim_start_matches("a ").trim_start_matches("an ").to_owned(),
            if found.files > 0 { grouped(found.files as u64) } else { unknown() },
            if found.files > 0 { bytes_text(found.bytes) } else { unknown() },
            rows,
            times,
        ],
        Look::Broken(_) | Look::Unopened => {
            let state_text = state_text(look).to_owned();
            [state.name.clone(), state_text, unknown(), unknown(), unknown(), unknown(), unknown()]
        }
    }
}

/// One word for how a source is.
pub(super) fn state_text(look: &Look) -> &'static str {
    match look {
        Look::Broken(_) => "broken",
        Look::Unopened => "unopened",
        Look::Open(_, Rows::Facts(_)) => "ready",
        Look::Open(_, Rows::Test(test)) if test.notes.is_empty() && test.marks.is_empty() => "good",
        Look::Open(_, Rows::Test(_)) => "readable",
        Look::Open(_, Rows::Fault(_)) => "fails",
    }
}

/// What a person should know, and do.
pub(super) fn remarks(state: &SourceState, look: &Look) -> Vec<String> {
    let mut remarks = Vec::new();
    let mut fault = |fact: String, hint: Option<String>| {
        remarks.extend(fact.lines().map(visible));
        remarks.extend(hint.map(|hint| format!("hint: {}", visible(&hint))));
    };
    match look {
        Look::Broken(error) => fault(error.fact.clone(), error.hint.clone()),
        Look::Open(found, _) => found.remarks.iter().for_each(|remark| fault(remark.clone(), None)),
        Look::Unopened => {}
    }
    match look {
        Look::Open(_, Rows::Fault(error)) => fault(error.to_string(), error.hint()),
        Look::Open(_, Rows::Test(test)) => {
            test.notes.iter().for_each(|note| {
                fault(note.text.clone(), None);
                note.details.iter().for_each(|line| fault(format!("  {line}"), None));
            });
            if !test.marks.is_empty() {
                let marks = test.marks.iter().map(|(note, count)| format!("{note} ({})", grouped(*count)));
                fault(format!("notes of flows: {}", marks.collect::<Vec<_>>().join(", ")), None);
            }
        }
        Look::Broken(_) | Look::Unopened | Look::Open(_, Rows::Facts(_)) => {}
    }
    for secret in state.secrets() {
        if let Some(error) = secret.fault {
            fault(format!("secret `{}`: {}", visible(&secret.name), error.fact), error.hint);
        }
    }
    remarks
}
