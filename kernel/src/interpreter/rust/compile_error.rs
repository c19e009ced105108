//! The errors of a cell that does not compile, as one report: rustc's words on the lines of the cell, and what to do.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use evcxr::CompilationError;

use super::{
    diagnostics::{CellText, Diagnostic, named, worded},
    names::Names,
    rewritten, unkept,
};
use crate::report::Report;

/// Errors of one cell that are rendered; the rest is counted.
const ERRORS_SHOWN_MAX: usize = 10;

/// evcxr's name for the error of a `?`, where it is seen that a cell is a function.
const QUESTION_ERROR: &str = "EvcxrUserCodeError";

/// What to do in place of a `return`.
pub const WITHOUT_RETURN: &str =
    "what a cell gives is its last expression, without `return`; put what is not always wanted into `if` or a function";

/// An error of the cell: rustc's, or evcxr's about a place in the cell.
struct CellError<'a> {
    error: &'a CompilationError,
    rustcs: Option<Diagnostic<'a>>,
    cell: CellText<'a>,
}

/// The errors of a cell as one report. `names` knows why names are not there.
pub fn report(errors: &[CompilationError], cell: CellText<'_>, names: &Names) -> Report {
    let mut errors: Vec<CellError<'_>> = errors.iter().map(|error| CellError::new(error, cell)).collect();
    if errors.iter().any(|error| error.line().is_some()) {
        // What earlier cells define did compile: it fails for what is wrong here.
        errors.retain(|error| error.line().is_some());
    }
    let Some(first) = errors.first() else {
        return Report::new("CompileError", "the cell did not compile, and rustc did not say why");
    };
    let fact = first.fact();
    let mut evalue = match (first.line(), first.rustcs.and_then(|error| error.earlier())) {
        (Some(line), _) => format!("{fact} (line {line})"),
        (None, Some((cell, line))) => format!("{fact} ({}, line {line})", named(cell)),
        (None, None) => fact,
    };
    if errors.len() > 1 {
        evalue.push_str(&format!(" and {} more", errors.len() - 1));
    }
    let mut details: Vec<String> = errors.iter().take(ERRORS_SHOWN_MAX).map(CellError::rendered).collect();
    if errors.len() > ERRORS_SHOWN_MAX {
        details.push(format!("… and {} more errors", errors.len() - ERRORS_SHOWN_MAX));
    }
    let hint = errors.iter().find_map(|error| error.hint(names));
    Report::new("CompileError", evalue).with_details(details).with_hint_if(hint)
}

impl<'a> CellError<'a> {
    fn new(error: &'a CompilationError, cell: CellText<'a>) -> CellError<'a> {
        let rustcs = error.json.is_object().then(|| Diagnostic::new(&error.json, cell));
        CellError { error, rustcs, cell }
    }

    fn message(&self) -> String {
        self.rustcs.map_or_else(|| worded(&self.error.message()), |error| error.message())
    }

    /// The message, but where it is about what the author did not write.
    fn fact(&self) -> String {
        let message = self.message();
        if is_about_showing(&message) {
            return "the value of this cell cannot be shown: its type has neither `Debug` nor `Displayable`".to_owned();
        }
        if self.is_about_returning() {
            return "a cell cannot be left by `return`".to_owned();
        }
        unkept::borrows(&message, self.cell.code).map_or(message, |(fact, _)| fact)
    }

    fn is_about_returning(&self) -> bool {
        let is_ours = |text: &str| text.contains(QUESTION_ERROR);
        let is_named = is_ours(&self.message()) || self.rustcs.is_some_and(|error| error.labels().any(is_ours));
        is_named && ["E0308", "E0069"].contains(&self.error.code().unwrap_or_default())
    }

    fn line(&self) -> Option<usize> {
        match self.rustcs {
            Some(error) => error.line(),
            None => self.error.primary_spanned_message().and_then(|message| message.span).map(|span| span.start_line),
        }
    }

    fn rendered(&self) -> String {
        let fact = self.fact();
        let is_in_own_words = fact != self.message();
        let Some(error) = self.rustcs else { return self.evcxrs(&fact) };
        // Labels and suggestions are about what is ours too.
        let shown = if is_in_own_words { None } else { error.rendered(Level::ERROR, &fact) };
        shown.unwrap_or_else(|| self.in_own_words(&fact, &error))
    }

    /// Only the place, with a message of ours.
    fn in_own_words(&self, fact: &str, error: &Diagnostic<'_>) -> String {
        let title = Level::ERROR.primary_title(fact);
        let title = match error.code() {
            Some(code) => title.id(code),
            None => title,
        };
        let mut group = Group::with_title(title);
        let spot = error.spots().into_iter().find(|spot| spot.is_primary).map(|spot| spot.range);
        // What shows the value has no place of the author's.
        let value = rewritten::value(self.cell.code).filter(|_| is_about_showing(&self.message()));
        if let Some(range) = value.or(spot) {
            let snippet = Snippet::source(self.cell.code).line_start(1).path("cell");
            group = group.element(snippet.annotation(AnnotationKind::Primary.span(range)));
        }
        Renderer::styled().render(&[group])
    }

    /// An error of evcxr's about a place, such as one in a command.
    fn evcxrs(&self, fact: &str) -> String {
        let mut group = Group::with_title(Level::ERROR.primary_title(fact));
        let mut snippet = Snippet::source(self.cell.code).line_start(1).path("cell");
        let mut is_placed = false;
        for spanned in self.error.spanned_messages() {
            let Some(span) = spanned.span else { continue };
            let range = self.cell.range((span.start_line, span.start_column), (span.end_line, span.end_column));
            let Some(range) = range else { continue };
            is_placed = true;
            snippet = snippet.annotation(AnnotationKind::Primary.span(range).label(&spanned.label));
        }
        if is_placed {
            group = group.element(snippet);
        }
        Renderer::styled().render(&[group])
    }

    /// Advice that rustc cannot give, as it does not know that the text is a cell; else rustc's.
    fn hint(&self, names: &Names) -> Option<String> {
        let message = self.message();
        if is_about_showing(&message) && (message.contains("{async") || message.contains("Future<")) {
            return Some("a future has no value before it is waited for: end the cell with `.await`".to_owned());
        }
        if is_about_showing(&message) {
            return Some("add `#[derive(Debug)]` to the type, or end the cell with a semicolon".to_owned());
        }
        if self.is_about_returning() {
            return Some(WITHOUT_RETURN.to_owned());
        }
        if let Some((_, hint)) = unkept::borrows(&message, self.cell.code) {
            return Some(hint);
        }
        let error = self.rustcs?;
        let suggested = || {
            let suggestions = error.suggestions();
            Some(suggestions.iter().find(|suggestion| suggestion.is_advice())?.in_short(self.cell.code))
        };
        let is_earlier = self.line().is_none();
        match error.code() {
            Some("E0592" | "E0119") => Some(
                "an `impl` replaces the one of an earlier cell only if all before its braces reads the same: write it so, or \
                 define the type anew together with its `impl`s in one cell"
                    .to_owned(),
            ),
            _ if is_earlier => {
                let cell = error.earlier().map_or_else(|| "an earlier cell".to_owned(), |(cell, _)| named(cell));
                Some(format!(
                    "what {cell} defines does not fit what is defined now: write both in one cell, or correct that one and \
                     run it again"
                ))
            }
            Some("E0384" | "E0596") => {
                suggested().or_else(|| Some("a variable of an earlier cell becomes mutable by `let mut x = x;`".to_owned()))
            }
            Some("E0597" | "E0716") => {
                let start = error.spots().into_iter().find(|spot| spot.is_primary).map(|spot| spot.range.start);
                start.and_then(|start| unkept::borrows_at(start, self.cell.code)).or_else(suggested)
            }
            Some("E0282" | "E0283") => {
                Some("variables are kept between cells, so their type must be known: write `let x: Type = …`".to_owned())
            }
            Some("E0308") => suggested().or_else(|| {
                let words = "the value is of another type than is wanted there: change the type, or convert the value (`.into()`, `as`)";
                Some(words.to_owned())
            }),
            Some("E0425" | "E0432" | "E0433" | "E0412" | "E0422" | "E0531") => {
                let words = "names of cells that were not run are not known: run the cell that defines it";
                // Another crate's or module's names come from no cell.
                let of_cells = message.ends_with("in this scope").then(|| words.to_owned());
                missing(&error, names).or_else(suggested).or(of_cells)
            }
            None if message.starts_with("cannot find macro") => missing(&error, names).or_else(suggested),
            _ => suggested(),
        }
    }
}

fn is_about_showing(message: &str) -> bool {
    message.contains("`evcxr_display`")
}

/// What brings a name, if that is known.
fn missing(error: &Diagnostic<'_>, names: &Names) -> Option<String> {
    let message = error.message();
    let name = message.split('`').nth(1)?;
    let unlinked = error.labels().find_map(|label| label.split_once("unlinked crate `")?.1.split('`').next());
    match unlinked {
        Some(name) => Some(names.hint(name).unwrap_or_else(|| {
            format!("a crate is added by `:dep {name} = \"version\"` before its first use, in a line of its own")
        })),
        None => names.hint(name),
    }
}
