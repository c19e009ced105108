//! rustc's messages: read, with the types of variables among them, and passed on as cargo does it, with evcxr's lines.

use std::{collections::HashMap, io::Write, process::Output};

use anyhow::Result;
use serde_json::{Value, json};

use super::{source::Source, types};

/// What a compilation said.
#[derive(Debug, Default)]
pub struct Told {
    /// Messages about errors.
    pub errors: Vec<Value>,
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
            _ => {}
        }
    }
    told
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
        let mut error = error.clone();
        if let Some(source) = source {
            with_evcxr_lines(&mut error, source);
        }
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

fn with_evcxr_lines(value: &mut Value, source: &Source) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| with_evcxr_lines(value, source)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), field.as_u64().and_then(|line| usize::try_from(line).ok())) {
                    ("line_start" | "line_end", Some(line)) => *field = Value::from(source.evcxr_line(line)),
                    _ => with_evcxr_lines(field, source),
                }
            }
        }
        _ => {}
    }
}

/// Where evcxr prints the error of a top-level `?` on stderr, tells the kernel instead: it becomes the cell's error.
///
/// On one line, so that line numbers stay; the text is that of evcxr 0.22's `error_trait_code`.
pub fn with_reported_errors(source: &str) -> String {
    source.replacen(
        "eprintln!(\"{}\", error);\n                    println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);",
        "flowdeck::return_error(&format!(\"{}\", error));\n                    ::std::println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);",
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
