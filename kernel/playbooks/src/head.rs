//! What a notebook says about itself: the head of a playbook, in its first cell and its metadata, and what is missing.

use serde_json::Value;

/// What a notebook says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The heading of the first cell.
    pub title: Option<String>,
    /// The paragraph below it.
    pub description: Option<String>,
    /// As in `1.2.0`.
    pub version: Option<String>,
    /// Who looks after it.
    pub maintainers: Vec<String>,
    /// What a playbook should have and this one has not, or the other way round.
    pub problems: Vec<String>,
}

/// The cells of a notebook, as far as two notebooks can be the same work: their kinds and texts, without outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cells {
    pub(crate) texts: Vec<(String, String)>,
    pub(crate) has_outputs: bool,
}

/// Reads the head of a notebook.
///
/// # Errors
/// Why the text is no notebook.
pub fn read(text: &[u8]) -> Result<Head, String> {
    let notebook = parse(text)?;
    let cells = cells(&notebook)?;
    let mut head = Head::default();
    let first = cells.texts.first().filter(|(kind, _)| kind == "markdown").map(|(_, text)| text.as_str());
    let mut paragraphs = first.unwrap_or_default().split("\n\n").map(str::trim);
    head.title = paragraphs.next().and_then(|line| line.strip_prefix("# ")).map(|title| one_line(title.trim()));
    for paragraph in paragraphs {
        if let Some(version) = version(paragraph) {
            head.version = Some(version);
        } else if head.description.is_none() && !paragraph.is_empty() && !paragraph.starts_with(['#', '*']) {
            head.description = Some(one_line(paragraph));
        }
    }
    let authors = notebook["metadata"]["authors"].as_array().into_iter().flatten();
    head.maintainers = authors.filter_map(|author| author["name"].as_str()).map(one_line).collect();
    head.problems = problems(&head, &notebook, &cells);
    Ok(head)
}

/// The cells of a notebook.
///
/// # Errors
/// Why the text is no notebook.
pub(crate) fn read_cells(text: &[u8]) -> Result<Cells, String> {
    cells(&parse(text)?)
}

fn parse(text: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(text).map_err(|error| format!("it is not JSON: {error}"))
}

fn cells(notebook: &Value) -> Result<Cells, String> {
    let cells = notebook["cells"].as_array().ok_or("it has no cells, so it is no notebook of version 4")?;
    let mut read = Cells { texts: Vec::with_capacity(cells.len()), has_outputs: false };
    for cell in cells {
        let kind = cell["cell_type"].as_str().unwrap_or_default().to_owned();
        read.has_outputs |= cell["outputs"].as_array().is_some_and(|outputs| !outputs.is_empty());
        read.texts.push((kind, source(cell)));
    }
    Ok(read)
}

/// The text of a cell, which may be written as a list of lines.
fn source(cell: &Value) -> String {
    match &cell["source"] {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

/// The version in `*Version 1.2.0, maintained by …*`.
fn version(paragraph: &str) -> Option<String> {
    let rest = paragraph.trim_start_matches('*').strip_prefix("Version ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let version = rest[..end].trim_end_matches('.');
    let parts = version.split('.').filter(|part| !part.is_empty()).count();
    (parts >= 2).then(|| version.to_owned())
}

fn problems(head: &Head, notebook: &Value, cells: &Cells) -> Vec<String> {
    let mut problems = Vec::new();
    let mut miss = |is_missing: bool, what: &str| {
        if is_missing {
            problems.push(what.to_owned());
        }
    };
    miss(head.title.is_none(), "no title");
    miss(head.description.is_none(), "no description");
    miss(head.version.is_none(), "no version");
    miss(head.maintainers.is_empty(), "no maintainers");
    let page = notebook["metadata"]["title"].as_str();
    miss(head.title.is_some() && page != head.title.as_deref(), "another title in the metadata");
    miss(cells.has_outputs, "saved with outputs");
    let shown = notebook["cells"].as_array().into_iter().flatten().filter(|cell| shows_code(cell)).count();
    match shown {
        0 => {}
        1 => problems.push("1 cell shows its code".to_owned()),
        _ => problems.push(format!("{shown} cells show their code")),
    }
    problems
}

/// Whether a code cell shows its code in JupyterLab or in a page that nbconvert makes.
fn shows_code(cell: &Value) -> bool {
    let is_hidden = cell["metadata"]["jupyter"]["source_hidden"] == true;
    let tags = cell["metadata"]["tags"].as_array().into_iter().flatten();
    let is_removed = tags.filter_map(Value::as_str).any(|tag| tag == "remove_input");
    // Of a folded cell JupyterLab shows the first line: that is an empty one.
    cell["cell_type"] == "code" && !(is_hidden && is_removed && source(cell).starts_with('\n'))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn notebook(first: &str) -> Value {
        let code = json!({
            "cell_type": "code", "source": ["\n", "%%form"], "outputs": [],
            "metadata": {"jupyter": {"source_hidden": true}, "tags": ["remove_input"]},
        });
        json!({
            "cells": [{"cell_type": "markdown", "source": first, "metadata": {}}, code],
            "metadata": {"title": "Port scans", "authors": [{"name": "Flowdeck developers"}, {"name": "CSIRT"}]},
        })
    }

    #[test]
    fn the_head_of_a_playbook() {
        let text = "# Port scans\n\nWho tries\nwhat.\n\n*Version 0.1.0, maintained by the Flowdeck developers and CSIRT. Reads `flows`.*";
        let head = read(notebook(text).to_string().as_bytes()).unwrap();
        assert_eq!(head.title.as_deref(), Some("Port scans"));
        assert_eq!(head.description.as_deref(), Some("Who tries what."));
        assert_eq!(head.version.as_deref(), Some("0.1.0"));
        assert_eq!(head.maintainers, ["Flowdeck developers", "CSIRT"]);
        assert_eq!(head.problems, [""; 0]);
    }

    #[test]
    fn what_is_missing_is_said() {
        let mut bare = notebook("Port scans");
        bare["cells"][1]["outputs"] = json!([{}]);
        bare["cells"][1]["metadata"] = json!({});
        bare["metadata"] = json!({});
        let problems = read(bare.to_string().as_bytes()).unwrap().problems;
        let wanted = [
            "no title",
            "no description",
            "no version",
            "no maintainers",
            "saved with outputs",
            "1 cell shows its code",
        ];
        assert_eq!(problems, wanted);
        assert!(read(b"{}").is_err() && read(b"<html>").is_err());
    }
}
