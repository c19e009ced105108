//! rustc's messages as the author reads them: rustc's rendering, on the lines of the cell, as one report.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use evcxr::CompilationError;

use super::rewritten::Rewritten;
use crate::report::Report;

/// Errors of one cell that are rendered; the rest is counted.
const ERRORS_SHOWN_MAX: usize = 10;

/// The errors of a cell as one report. `compiled` is what evcxr was given for it.
pub fn report(errors: &[CompilationError], code: &str, compiled: &Rewritten) -> Report {
    let Some(first) = errors.first() else {
        return Report::new("CompileError", "the cell did not compile, and rustc did not say why");
    };
    let place = first.primary_spanned_message().and_then(|message| message.span).map(|span| span.start_line);
    let fact = fact(first);
    let mut evalue = place.map_or_else(|| fact.clone(), |line| format!("{fact} (line {line})"));
    if errors.len() > 1 {
        evalue.push_str(&format!(" and {} more", errors.len() - 1));
    }
    let mut details: Vec<String> =
        errors.iter().take(ERRORS_SHOWN_MAX).map(|error| rendered(error, code, compiled)).collect();
    if errors.len() > ERRORS_SHOWN_MAX {
        details.push(format!("… and {} more errors", errors.len() - ERRORS_SHOWN_MAX));
    }
    let hint = errors.iter().find_map(hint);
    Report::new("CompileError", evalue).with_details(details).with_hint_if(hint)
}

/// rustc's message, but for the method by which we show a value: the author did not write that.
fn fact(error: &CompilationError) -> String {
    let message = error.message();
    match is_about_showing(&message) {
        true => "the value of this cell cannot be shown: its type has neither `Debug` nor `Displayable`".to_owned(),
        false => message,
    }
}

fn is_about_showing(message: &str) -> bool {
    message.contains("`evcxr_display`")
}

/// Advice that rustc cannot give, as it does not know that the text is a cell.
fn hint(error: &CompilationError) -> Option<String> {
    if let Some(hint) = error.evcxr_extra_hint() {
        return Some(hint.to_owned());
    }
    if is_about_showing(&error.message()) {
        return Some("add `#[derive(Debug)]` to the type, or end the cell with a semicolon".to_owned());
    }
    let hint = match error.code()? {
        "E0384" | "E0596" => "a variable of an earlier cell becomes mutable by `let mut x = x;`",
        "E0425" | "E0433" => {
            "names of cells that were not run, or that failed, are not known; run the cell that defines it"
        }
        "E0432" => "add a crate with `:dep name = \"version\"` before its first use",
        "E0282" | "E0283" => "variables are kept between cells, so their type must be known: write `let x: Type = …`",
        "E0308" => {
            "the value is of another type than is wanted there: change the type, or convert the value (`.into()`, `as`)"
        }
        _ => return error.help().into_iter().next(),
    };
    Some(hint.to_owned())
}

fn rendered(error: &CompilationError, code: &str, compiled: &Rewritten) -> String {
    let message = fact(error);
    let mut title = Level::ERROR.primary_title(&message);
    if let Some(code) = error.code() {
        title = title.id(code);
    }
    let mut snippet = Snippet::source(code).line_start(1).path("cell");
    let mut is_placed = false;
    for spanned in error.spanned_messages().iter().chain(error.help_spanned()) {
        let Some(span) = spanned.span else { continue };
        let place = |line, column| compiled.original(offset(&compiled.text, line, column));
        let range = place(span.start_line, span.start_column)..place(span.end_line, span.end_column);
        if range.start > range.end {
            continue;
        }
        is_placed = true;
        let kind = if spanned.is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        snippet = snippet.annotation(kind.span(range).label(&spanned.label));
    }
    let help = if is_about_showing(&error.message()) { Vec::new() } else { error.help() };
    let mut group = annotate_snippets::Group::with_title(title);
    if is_placed {
        group = group.element(snippet);
    }
    for text in &help {
        group = group.element(Level::HELP.message(text));
    }
    let text = Renderer::styled().render(&[group]);
    // Errors in generated code have no place in the cell: rustc's own rendering is better than none.
    if is_placed { text } else { fallback(error, text) }
}

fn fallback(error: &CompilationError, text: String) -> String {
    let rustc = error.rendered();
    if rustc.is_empty() { text } else { rustc }
}

/// The byte offset of a line and column, both counted from 1, the column in characters.
fn offset(code: &str, line: usize, column: usize) -> usize {
    let start: usize = code.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = code.get(start..).unwrap_or_default();
    let text = rest.split('\n').next().unwrap_or_default();
    start + text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(offset, _)| offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_characters_in_a_line_and_stay_inside_the_text() {
        let code = "let ä = 1;\nö + x";
        assert_eq!(&code[offset(code, 2, 5)..], "x");
        assert_eq!(offset(code, 1, 99), "let ä = 1;".len());
        assert_eq!(offset(code, 9, 1), code.len());
    }
}
