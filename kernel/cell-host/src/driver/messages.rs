//! rustc's messages: read, with the types of variables among them, and passed on as cargo does it, with evcxr's lines and
//! the author's.

use std::{collections::HashMap, io::Write, path::Path, process::Output};

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::{
    files,
    places::Place,
    source::{SOURCE_NAME, Source},
    types,
};

/// Warnings about how code looks, or about what our text and evcxr's put around it: no author of a notebook waits for them.
const UNTOLD: &[&str] = &[
    "non_camel_case_types",
    "non_snake_case",
    "non_upper_case_globals",
    "private_bounds",
    "private_interfaces",
    "redundant_semicolons",
    "unused_braces",
    "unused_macros",
    "unused_parens",
];

/// Where evcxr expects the text of a cell.
const EVCXR_FILE: &str = "src/lib.rs";

/// What a compilation said.
#[derive(Debug, Default)]
pub struct Told {
    /// Messages about errors.
    pub errors: Vec<Value>,
    /// Warnings that a notebook's author may want to know.
    pub warnings: Vec<Value>,
    /// Types of variables, by the line that asks for them.
    pub types: HashMap<usize, String>,
    /// What is no message.
    pub others: Vec<String>,
}

/// Reads messages of rustc, or of cargo, which puts them into its own.
pub fn read(text: &[u8]) -> Told {
    let mut told = Told::default();
    for line in String::from_utf8_lossy(text).lines() {
        let Ok(mut message) = serde_json::from_str::<Value>(line) else {
            told.others.push(line.to_owned());
            continue;
        };
        if message["message"].is_object() {
            message = message["message"].take();
        }
        let line = message["spans"][0]["line_start"].as_u64().and_then(|line| usize::try_from(line).ok());
        match (message["level"].as_str(), message["message"].as_str().and_then(types::in_warning), line) {
            (Some("error"), ..) => told.errors.push(message),
            (Some("warning"), Some(name), Some(line)) => drop(told.types.insert(line, name.to_owned())),
            (Some("warning"), None, Some(_)) if is_told(&message) => told.warnings.push(message),
            _ => {}
        }
    }
    told
}

fn is_told(warning: &Value) -> bool {
    warning["code"]["code"].as_str().is_some_and(|code| !UNTOLD.contains(&code))
}

/// Whether an error is about a place in the code, and not about the linker or rustc itself.
pub fn is_about_code(error: &Value) -> bool {
    error["spans"].as_array().is_some_and(|spans| !spans.is_empty())
}

/// Passes errors on as cargo's `--message-format=json` does. With a source, its lines become evcxr's.
///
/// # Errors
/// When nobody listens.
pub fn report(errors: &[Value], source: Option<&Source>) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    for error in errors {
        let error = source.map_or_else(|| error.clone(), |source| placed(error, source));
        writeln!(stdout, "{}", json!({"reason": "compiler-message", "message": error}))?;
    }
    Ok(())
}

/// Passes on what rustc said that is not about the code, for instance that the linker is missing.
///
/// # Errors
/// When nobody listens.
pub fn report_broken(output: &Output) -> Result<()> {
    let told = read(&output.stderr);
    report(&told.errors, None)?;
    for line in told.others {
        writeln!(std::io::stderr(), "{line}")?;
    }
    Ok(())
}

/// An error of our own at a line.
pub fn error_at(line: usize, message: &str) -> Value {
    json!({
        "message": message, "code": null, "level": "error", "children": [], "rendered": message,
        "spans": [{
            "file_name": "src/lib.rs", "line_start": line, "line_end": line, "column_start": 1, "column_end": 1,
            "is_primary": true, "text": [], "label": null,
        }],
    })
}

/// The warnings about a cell's own text, as the kernel shows them.
pub fn about_cell(warnings: &[Value], source: &Source) -> Vec<Value> {
    let placed = warnings.iter().map(|warning| placed(warning, source));
    placed
        .filter(|warning| warning["spans"].as_array().is_some_and(|spans| spans.iter().any(is_primary_in_cell)))
        .collect()
}

/// Leaves warnings for the kernel, which shows them when the cell begins to run.
pub fn tell(folder: &Path, warnings: &[Value]) {
    // Without it they are not shown.
    let _ = files::write_whole(&folder.join("warnings.json"), Value::from(warnings).to_string().as_bytes());
}

fn is_primary_in_cell(span: &Value) -> bool {
    let is_in_cell = |span: &Value| span["cell"].is_object();
    let mut around = span;
    while !is_in_cell(around) && around["expansion"]["span"].is_object() {
        around = &around["expansion"]["span"];
    }
    span["is_primary"] == true && is_in_cell(around)
}

/// A message with evcxr's lines and columns in place of ours. Beside them, those of the author: `cell` in the cell that is
/// compiled, `earlier` for the number of an earlier one and the line there. Texts name the author's lines too.
pub fn placed(message: &Value, source: &Source) -> Value {
    match message {
        Value::String(text) => Value::from(with_cell_lines(text, source)),
        Value::Array(values) => values.iter().map(|value| placed(value, source)).collect(),
        Value::Object(fields) => {
            let mut placed: Map<String, Value> =
                fields.iter().map(|(name, field)| (name.clone(), placed(field, source))).collect();
            if fields.contains_key("line_start") && is_ours(&message["file_name"], source) {
                place(&mut placed, source);
            }
            Value::Object(placed)
        }
        other => other.clone(),
    }
}

/// cargo's own messages name the file that evcxr wrote.
fn is_ours(file: &Value, source: &Source) -> bool {
    file.as_str().is_some_and(|file| file == source.name || file == EVCXR_FILE)
}

fn place(span: &mut Map<String, Value>, source: &Source) {
    let number = |span: &Map<String, Value>, name: &str| {
        span.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
    };
    let (first, last) = (number(span, "line_start"), number(span, "line_end"));
    let start = source.evcxr_column(first, number(span, "column_start"));
    let end = source.evcxr_column(last, number(span, "column_end"));
    let cell = match (source.place(first), source.place(last)) {
        (Some(Place::Here { line: from, column }), Some(Place::Here { line: to, column: last_column })) => {
            Some(((*from, start + column), (*to, end + last_column)))
        }
        (Some(Place::Rewritten(from, to)), _) => Some((*from, *to)),
        _ => None,
    };
    if let Some(((line_start, column_start), (line_end, column_end))) = cell {
        let cell = json!({
            "line_start": line_start, "column_start": column_start, "line_end": line_end, "column_end": column_end,
        });
        span.insert("cell".to_owned(), cell);
    } else if let Some(Place::Earlier { cell, line }) = source.place(first) {
        span.insert("earlier".to_owned(), json!({"cell": cell, "line": line}));
    }
    let evcxrs = [
        ("file_name", Value::from(EVCXR_FILE)),
        ("line_start", Value::from(source.evcxr_line(first))),
        ("line_end", Value::from(source.evcxr_line(last))),
        ("column_start", Value::from(start)),
        ("column_end", Value::from(end)),
    ];
    span.extend(evcxrs.map(|(name, value)| (name.to_owned(), value)));
}

/// A text in which the author's lines stand for places in our source: types of closures name them.
fn with_cell_lines(text: &str, source: &Source) -> String {
    let mut written = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(source.name.as_str()).filter(|_| source.name.starts_with(SOURCE_NAME)) {
        let (before, found) = rest.split_at(start);
        let after = &found[source.name.len()..];
        let length = after.find(|c: char| !c.is_ascii_digit() && c != ':' && c != ' ').unwrap_or(after.len());
        let line = after[..length].split(':').nth(1).and_then(|line| line.trim().parse().ok());
        let place = line.and_then(|line: usize| source.places.cell_and_line(source.evcxr_line(line)));
        written.push_str(before);
        written.push_str(&place.map_or_else(|| "cell".to_owned(), |(_, line)| format!("line {line}")));
        rest = &after[length..];
    }
    written + rest
}

/// Where evcxr prints the error of a top-level `?` on stderr, tells the kernel instead, with the place of the `?`: it
/// becomes the cell's error.
///
/// On the same lines, so that line numbers stay; the text is that of evcxr 0.22's `error_trait_code`.
pub fn with_reported_errors(source: &str) -> String {
    source.replacen(
        "fn from(error: T) -> Self {\n                    eprintln!(\"{}\", error);\n                    println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);",
        "#[track_caller] fn from(error: T) -> Self {\n                    flowdeck::return_error(&format!(\"{}\", error));\n                    ::std::println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);",
        1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_question_mark_is_reported_on_the_same_line() {
        let generated = "fn from(error: T) -> Self {\n                    eprintln!(\"{}\", error);\n                    println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);\n  }";
        let changed = with_reported_errors(generated);
        assert!(changed.contains("flowdeck::return_error(&format!(\"{}\", error));"), "{changed}");
        assert!(changed.contains("#[track_caller] fn from"), "{changed}");
        assert_eq!(generated.lines().count(), changed.lines().count());
        assert_eq!(with_reported_errors("fn main() {}"), "fn main() {}");
    }

    #[test]
    fn types_and_errors_are_told_apart_from_rustc_and_from_cargo() {
        let warning =
            json!({"level": "warning", "message": "trivial cast: `&u8` as `*const u8`", "spans": [{"line_start": 7}]});
        let error = json!({"level": "error", "message": "no", "spans": [{"line_start": 2}]});
        let text = format!("{warning}\nnot JSON\n{}\n", json!({"reason": "compiler-message", "message": error}));
        let told = read(text.as_bytes());
        assert_eq!(told.types, HashMap::from([(7, "u8".to_owned())]));
        assert_eq!((told.errors.len(), told.others), (1, vec!["not JSON".to_owned()]));
        assert!(is_about_code(&told.errors[0]) && !is_about_code(&json!({"spans": []})));
    }
}
