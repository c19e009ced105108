//! A message of rustc's as the author reads it: rendered on the lines of the cell, with suggestions as changes to them.
//!
//! The build driver wrote the author's places into the message: `cell` into what is in this cell, `earlier` into what is
//! in another. What is in neither, we or evcxr wrote: nobody is shown that.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use serde_json::Value;

use super::rewritten::{self, Rewritten};

/// Suggestions of one message that are rendered.
const SUGGESTIONS_MAX: usize = 3;

/// What advice begins with that is only said; the rest tells what there is.
const ADVISING: &[&str] =
    &["add", "call", "change", "consider", "convert", "if", "remove", "to", "try", "use", "wrap", "you"];

/// Lints about variables that are not used. Those of the cell itself are kept for later cells.
const UNUSED: &[&str] = &["unused_variables", "unused_assignments"];

/// A cell, as the author wrote it and as evcxr was given it.
#[derive(Clone, Copy)]
pub struct CellText<'a> {
    pub code: &'a str,
    pub compiled: &'a Rewritten,
}

impl CellText<'_> {
    /// The bytes of the author's text between two places, each a line and a column, in what evcxr was given.
    pub fn range(&self, start: (usize, usize), end: (usize, usize)) -> Option<Range<usize>> {
        let place = |(line, column)| self.compiled.original(offset(&self.compiled.text, line, column));
        let range = place(start)..place(end);
        (range.start <= range.end).then_some(range)
    }
}

/// A place in the cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    /// Bytes of the author's text; empty where we put something in.
    pub range: Range<usize>,
    pub is_primary: bool,
    label: String,
}

/// What rustc suggests.
#[derive(Debug, PartialEq)]
pub struct Suggestion {
    pub message: String,
    /// Bytes of the author's text and what to put there; none when it is only said.
    patches: Vec<(Range<usize>, String)>,
    /// Text for elsewhere, an import for instance.
    elsewhere: Vec<String>,
}

/// A message of rustc's.
#[derive(Clone, Copy)]
pub struct Diagnostic<'a> {
    json: &'a Value,
    cell: CellText<'a>,
}

impl<'a> Diagnostic<'a> {
    pub fn new(json: &'a Value, cell: CellText<'a>) -> Diagnostic<'a> {
        Diagnostic { json, cell }
    }

    /// rustc's code, such as `E0425` or the name of a lint.
    pub fn code(&self) -> Option<&'a str> {
        self.json["code"]["code"].as_str()
    }

    /// What it says, in the author's words.
    pub fn message(&self) -> String {
        worded(self.json["message"].as_str().unwrap_or_default())
    }

    /// Places in the cell.
    pub fn spots(&self) -> Vec<Spot> {
        spans(self.json).filter_map(|span| self.spot(span)).collect()
    }

    /// All labels, wherever they are.
    pub fn labels(&self) -> impl Iterator<Item = &'a str> {
        spans(self.json).filter_map(|span| span["label"].as_str())
    }

    /// The line of the cell that it is about, from 1.
    pub fn line(&self) -> Option<usize> {
        let spots = self.spots();
        let spot = spots.iter().find(|spot| spot.is_primary).or(spots.first())?;
        Some(self.cell.code[..spot.range.start].matches('\n').count() + 1)
    }

    /// The number of the earlier cell and the line there that it is about.
    pub fn earlier(&self) -> Option<(u64, u64)> {
        let found = spans(self.json).find_map(|span| within(span, "earlier"))?;
        Some((found["earlier"]["cell"].as_u64()?, found["earlier"]["line"].as_u64()?))
    }

    /// Whether a warning is about what the author did, and not about what we and evcxr put around it.
    pub fn is_the_authors(&self) -> bool {
        let spots = self.spots();
        let mut primary = spots.iter().filter(|spot| spot.is_primary);
        let code = self.code().unwrap_or_default();
        let own = if UNUSED.contains(&code) { rewritten::own_variables(self.cell.code) } else { Vec::new() };
        // What shows the value of a cell that has none is never reached.
        let is_shown = |spot: &Spot| {
            code == "unreachable_code" && spots.iter().any(|other| !other.is_primary && other.range == spot.range)
        };
        primary.any(|spot| !spot.range.is_empty() && !own.contains(&spot.range) && !is_shown(spot))
    }

    /// What rustc suggests.
    pub fn suggestions(&self) -> Vec<Suggestion> {
        let helps = children(self.json).filter(|child| child["level"] == "help");
        helps.filter_map(|help| self.suggestion(help)).collect()
    }

    /// The message on the author's lines; `None` when it has no place there. `title` says it in other words.
    pub fn rendered(&self, level: Level<'static>, title: &str) -> Option<String> {
        let title = match self.code() {
            Some(code) => level.primary_title(title).id(code),
            None => level.primary_title(title),
        };
        let spots = self.spots();
        let notes = self.notes();
        let mut group = Group::with_title(title);
        if !spots.is_empty() {
            let snippet = Snippet::source(self.cell.code).line_start(1).path("cell");
            group = group.element(snippet.annotations(spots.iter().chain(&notes).map(annotation)));
        } else {
            group = group.element(self.earlier_snippet()?);
        }
        let suggestions = self.suggestions();
        for suggestion in suggestions.iter().filter(|suggestion| suggestion.patches.is_empty()) {
            group = group.element(Level::HELP.message(suggestion.said()));
        }
        let mut groups = vec![group];
        let patched = suggestions.iter().filter(|suggestion| !suggestion.patches.is_empty());
        groups.extend(patched.take(SUGGESTIONS_MAX).map(|suggestion| {
            let patches = suggestion.patches.iter().map(|(range, text)| Patch::new(range.clone(), text));
            let snippet = Snippet::source(self.cell.code).line_start(1).path("cell").patches(patches);
            Level::HELP.secondary_title(&suggestion.message).element(snippet)
        }));
        Some(Renderer::styled().render(&groups))
    }

    /// rustc's notes that are about places in the cell.
    fn notes(&self) -> Vec<Spot> {
        let notes = children(self.json).filter(|child| child["level"] == "note");
        let placed = notes.flat_map(|note| {
            let message = worded(note["message"].as_str().unwrap_or_default());
            let mut spots: Vec<Spot> = spans(note).filter_map(|span| self.spot(span)).collect();
            if let Some(spot) = spots.iter_mut().find(|spot| spot.is_primary && spot.label.is_empty()) {
                spot.label = format!("note: {message}");
            }
            spots.into_iter().map(|spot| Spot { is_primary: false, ..spot }).filter(|spot| !spot.label.is_empty())
        });
        placed.collect()
    }

    fn spot(&self, span: &Value) -> Option<Spot> {
        let range = self.range(within(span, "cell")?)?;
        let label = worded(span["label"].as_str().unwrap_or_default());
        Some(Spot { range, is_primary: span["is_primary"] == true, label })
    }

    /// The bytes of the author's text that a span with a place in the cell is about.
    fn range(&self, span: &Value) -> Option<Range<usize>> {
        let number = |name: &str| span["cell"][name].as_u64().and_then(|number| usize::try_from(number).ok());
        let place = |line: &str, column: &str| Some((number(line)?, number(column)?));
        self.cell.range(place("line_start", "column_start")?, place("line_end", "column_end")?)
    }

    /// The lines of an earlier cell that rustc shows.
    fn earlier_snippet(&self) -> Option<Snippet<'a, Annotation<'a>>> {
        let spans: Vec<&Value> = spans(self.json).filter_map(|span| within(span, "earlier")).collect();
        let first = spans.iter().find(|span| span["is_primary"] == true).or(spans.first())?;
        let lines = first["text"].as_array()?;
        let text = |line: &'a Value| line["text"].as_str().unwrap_or_default();
        let line = lines.first()?;
        let column = |name: &str| {
            let characters = line[name].as_u64().and_then(|column| usize::try_from(column).ok()).unwrap_or(1);
            offset(text(line), 1, characters)
        };
        let range = column("highlight_start")..column("highlight_end").max(column("highlight_start"));
        let (cell, number) = (first["earlier"]["cell"].as_u64()?, first["earlier"]["line"].as_u64()?);
        let label = worded(first["label"].as_str().unwrap_or_default());
        let snippet = Snippet::source(text(line)).line_start(usize::try_from(number).ok()?).path(named(cell));
        Some(snippet.annotation(AnnotationKind::Primary.span(range).label(label)))
    }

    fn suggestion(&self, help: &Value) -> Option<Suggestion> {
        let message = worded(help["message"].as_str()?);
        let is_ours =
            |text: &str| ["evcxr", "vars_ok", "flowdeck_cell", "*const "].iter().any(|word| text.contains(word));
        let mut suggestion = Suggestion { message, patches: Vec::new(), elsewhere: Vec::new() };
        for span in spans(help) {
            let Some(text) = span["suggested_replacement"].as_str() else { continue };
            if is_ours(text) {
                return None;
            }
            match span["cell"].is_object().then(|| self.range(span)).flatten() {
                // Two for one place are alternatives.
                Some(range) if suggestion.patches.iter().any(|(other, _)| other.start == range.start) => {}
                Some(range) => suggestion.patches.push((range, text.to_owned())),
                None if text.starts_with("use ") || text.starts_with("#[") => {
                    suggestion.elsewhere.push(text.trim().to_owned());
                }
                // In what we or evcxr wrote.
                None => return None,
            }
        }
        suggestion.patches.sort_by_key(|(range, _)| range.start);
        Some(suggestion)
    }
}

impl Suggestion {
    /// Whether it says what to do, and not only what there is.
    pub fn is_advice(&self) -> bool {
        let first = self.message.split_whitespace().next().unwrap_or_default();
        !self.patches.is_empty() || !self.elsewhere.is_empty() || ADVISING.contains(&first)
    }

    /// The suggestion in one line, with the line of the cell as it would be.
    pub fn in_short(&self, code: &str) -> String {
        let Some((first, _)) = self.patches.first() else { return self.said() };
        let start = code[..first.start].rfind('\n').map_or(0, |end| end + 1);
        let end = code[first.start..].find('\n').map_or(code.len(), |length| first.start + length);
        let mut line = code[start..end].to_owned();
        let mut patches: Vec<_> = self.patches.iter().collect();
        patches.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        for (range, text) in patches {
            let is_here = range.start >= start && range.end <= end && !text.contains('\n');
            let Some(place) = is_here.then(|| range.start - start..range.end - start) else {
                return self.message.clone();
            };
            line.replace_range(place, text);
        }
        // What is only to be taken away leaves nothing.
        if line.trim().is_empty() { self.message.clone() } else { format!("{}: `{}`", self.message, line.trim()) }
    }

    fn said(&self) -> String {
        let texts: Vec<_> = self.elsewhere.iter().filter(|text| !text.is_empty() && !text.contains('\n')).collect();
        match texts.is_empty() {
            true => self.message.clone(),
            false => {
                let texts: Vec<_> = texts.iter().take(SUGGESTIONS_MAX).map(|text| format!("`{text}`")).collect();
                format!("{}: {}", self.message, texts.join(" or "))
            }
        }
    }
}

/// How a cell is called.
pub fn named(cell: u64) -> String {
    if cell == 0 { "an earlier cell".to_owned() } else { format!("cell [{cell}]") }
}

fn annotation(spot: &Spot) -> Annotation<'_> {
    let kind = if spot.is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
    kind.span(spot.range.clone()).label(&spot.label)
}

fn spans(message: &Value) -> impl Iterator<Item = &Value> {
    message["spans"].as_array().into_iter().flatten()
}

fn children(message: &Value) -> impl Iterator<Item = &Value> {
    message["children"].as_array().into_iter().flatten()
}

/// The span itself, or the place of the macro call that led to it.
fn within<'a>(span: &'a Value, place: &str) -> Option<&'a Value> {
    let mut span = span;
    while !span[place].is_object() {
        span = &span["expansion"]["span"];
        if !span.is_object() {
            return None;
        }
    }
    Some(span)
}

/// rustc's words without names that only we and evcxr know.
pub fn worded(text: &str) -> String {
    let text = text.replace("`evcxr_variable_store`", "<end of input>").replace("flowdeck_cell::{closure#0}::", "");
    text.replace("{async block@", "{async block at ").replace("{closure@", "{closure at ")
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
    use serde_json::json;

    use super::{super::rewritten::rewrite, *};

    #[test]
    fn offsets_count_characters_in_a_line_and_stay_inside_the_text() {
        let code = "let ä = 1;\nö + x";
        assert_eq!(&code[offset(code, 2, 5)..], "x");
        assert_eq!(offset(code, 1, 99), "let ä = 1;".len());
        assert_eq!(offset(code, 9, 1), code.len());
    }

    fn place(columns: Range<usize>) -> Value {
        json!({"line_start": 1, "line_end": 1, "column_start": columns.start, "column_end": columns.end})
    }

    #[test]
    fn places_are_those_of_the_author_also_behind_what_we_put_in() {
        let code = "let long_name = missing;";
        let compiled = rewrite(code);
        let start = compiled.text.find("missing").expect("it is there") + 1;
        let span = json!({"is_primary": true, "label": "not found", "cell": place(start..start + 7)});
        let json = json!({"message": "cannot find value `missing`", "code": {"code": "E0425"}, "spans": [span]});
        let diagnostic = Diagnostic::new(&json, CellText { code, compiled: &compiled });
        assert_eq!((&code[diagnostic.spots()[0].range.clone()], diagnostic.line()), ("missing", Some(1)));
        let text = diagnostic.rendered(Level::ERROR, &diagnostic.message()).expect("it has a place");
        assert!(text.contains("cell") && text.contains(":1:17"), "{text}");
        let nowhere = json!({"message": "x", "spans": [{"line_start": 1}]});
        assert_eq!(Diagnostic::new(&nowhere, CellText { code, compiled: &compiled }).rendered(Level::ERROR, "x"), None);
    }

    #[test]
    fn a_macro_that_the_cell_calls_leads_to_the_call() {
        let code = "call!()";
        let compiled = rewrite("let x: u8 = 1;");
        let around = json!({"cell": place(1..5)});
        let json = json!({"spans": [{"label": "wrong", "is_primary": true, "expansion": {"span": around}}]});
        let spots = Diagnostic::new(&json, CellText { code, compiled: &compiled }).spots();
        assert_eq!((spots[0].range.clone(), spots[0].label.as_str(), spots[0].is_primary), (0..4, "wrong", true));
    }

    #[test]
    fn what_is_warned_of_is_the_authors() {
        let code = "let a: u8 = 1;\n{ let b = 2; }\nf();";
        let compiled = rewrite(code);
        let warns = |lint: &str, line: u64, columns: Range<u64>, other: bool| {
            let place =
                json!({"line_start": line, "line_end": line, "column_start": columns.start, "column_end": columns.end});
            let mut spans = vec![json!({"is_primary": true, "cell": place})];
            if other {
                spans.push(json!({"is_primary": false, "cell": place}));
            }
            let json = json!({"code": {"code": lint}, "spans": spans});
            Diagnostic::new(&json, CellText { code, compiled: &compiled }).is_the_authors()
        };
        assert!(!warns("unused_variables", 1, 5..6, false) && warns("unused_variables", 2, 7..8, false));
        assert!(!warns("unreachable_code", 3, 1..4, true) && warns("unreachable_code", 3, 1..4, false));
        assert!(!warns("any", 3, 4..4, false) && warns("any", 1, 5..6, false));
    }

    #[test]
    fn a_suggestion_is_the_line_as_it_would_be() {
        let code = "let a: u8 = 1;\nf(a);";
        let compiled = rewrite(code);
        let at = json!({"line_start": 2, "line_end": 2, "column_start": 3, "column_end": 3});
        let help = |text: &str, place: Value| json!({"level": "help", "message": "borrow it", "spans": [{"suggested_replacement": text, "cell": place}]});
        let json = json!({"spans": [], "children": [
            help("&", at), help("use std::f;\n", Value::Null), help("evcxr_variable_store", Value::Null),
            {"level": "help", "message": "only said", "spans": []},
        ]});
        let suggestions = Diagnostic::new(&json, CellText { code, compiled: &compiled }).suggestions();
        let told: Vec<_> = suggestions.iter().map(|suggestion| suggestion.in_short(code)).collect();
        assert_eq!(told, ["borrow it: `f(&a);`", "borrow it: `use std::f;`", "only said"]);
    }
}
