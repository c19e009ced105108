//! What is known of the cell that runs: where its outputs go, what it put out by evcxr's convention, how it ended.

use std::collections::VecDeque;

use flowdeck::bridge::Frame;
use kernel_protocol::{MimeBundle, wire::header::Header};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{outputs::Outputs, report::Report, stdin::Prompt};

/// Panics remembered until the cell ends: a cell may catch many.
const PANICS_MAX: usize = 64;

/// The cell that runs, or ran last: threads that it started may still write.
#[derive(Default)]
pub struct CurrentCell {
    pub outputs: Option<Outputs>,
    /// The header of the request that runs it.
    pub header: Header,
    pub prompt: Option<Prompt>,
    pub cancel: CancellationToken,
    /// The Output widget in which its callbacks show what they put out; `None` while it has none.
    pub callback_area: Option<String>,
    /// Whether it ended, and `callback_area` has been shown.
    pub is_over: bool,
    pub end: CellEnd,
    pub panics: VecDeque<Panic>,
    /// What a read of standard input will ask, and whether it is for a password.
    pub question: (String, bool),
    pub is_panicked: bool,
    /// Representations of the value that evcxr's convention gives one by one.
    pub content: MimeBundle,
}

/// What is known of a cell when it ended.
#[derive(Debug, Default)]
pub struct CellEnd {
    /// The process in which the cell began to run; `None` when it was not compiled.
    pub process: Option<u64>,
    /// The process that goes on if the cell ends its own.
    pub copy: Option<u64>,
    /// How the cell ended its process, when another goes on.
    pub death: Option<String>,
    /// Whether a panic ended it, or an interrupt, which unwinds as a panic does.
    pub is_unwound: bool,
    /// Whether the process from before the cell goes on after that.
    pub is_taken_back: bool,
    /// The panic that ended it.
    pub panic: Option<Panic>,
    /// The error that `?` met.
    pub returned_error: Option<String>,
    /// The value as text.
    pub result_text: Option<String>,
}

/// A panic in a cell.
#[derive(Clone, Debug, Default)]
pub struct Panic {
    pub message: String,
    file: String,
    line: u64,
    /// The line's text in the source that was compiled.
    source_line: Option<String>,
}

impl CurrentCell {
    /// Adds a representation; gives the earlier value when this one begins another.
    pub fn add_content(&mut self, mime: String, body: String) -> Option<MimeBundle> {
        let earlier = self.content.contains_key(&mime).then(|| std::mem::take(&mut self.content));
        self.content.insert(mime, Value::from(body));
        earlier
    }

    pub fn add_panic(&mut self, frame: &Frame) {
        let (file, line) = (frame.text("file").to_owned(), frame.number("line"));
        // The source is overwritten by the next compilation: its line is read now.
        let source_line = super::workspace::source_line(&file, line);
        let panic = Panic { message: frame.text("message").to_owned(), file, line, source_line };
        if self.panics.len() == PANICS_MAX {
            self.panics.pop_front();
        }
        self.panics.push_back(panic);
    }
}

impl Panic {
    /// The panic as the cell's error, with the cell's line where it can be told.
    pub fn report(&self, code: &str) -> Report {
        let report = Report::new(super::PANIC, &self.message);
        match self.cell_line(code) {
            Some(line) => report.with_hint(format!("the cell panicked at line {line}")),
            None if self.file.ends_with("cell_lib.rs") || self.file.is_empty() => report,
            None => report.with_hint(format!("the cell panicked in {} line {}", self.file, self.line)),
        }
    }

    /// The line of the cell that reads like the compiled one, if there is just one.
    fn cell_line(&self, code: &str) -> Option<usize> {
        let wanted = self.source_line.as_deref()?.trim();
        let is_same = |line: &str| !line.trim().is_empty() && (line.trim() == wanted || wanted.contains(line.trim()));
        let mut found = code.lines().enumerate().filter(|(_, line)| is_same(line));
        let (line, _) = found.next()?;
        found.next().is_none().then_some(line + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_panic_is_told_only_when_it_is_sure() {
        let panic = |line: &str| Panic { message: "x".into(), source_line: Some(line.into()), ..Panic::default() };
        let code = "let a = 1;\npanic!(\"x\");\nlet a = 1;";
        assert_eq!(panic("    panic!(\"x\");").cell_line(code), Some(2));
        assert_eq!(panic("let a = 1;").cell_line(code), None, "two lines read the same");
        assert_eq!(panic("elsewhere").cell_line(code), None);
    }

    #[test]
    fn a_second_value_of_one_kind_begins_another_bundle() {
        let mut cell = CurrentCell::default();
        assert!(cell.add_content("text/html".into(), "a".into()).is_none());
        assert!(cell.add_content("text/plain".into(), "a".into()).is_none());
        let earlier = cell.add_content("text/html".into(), "b".into());
        assert_eq!(earlier.map(|bundle| bundle.len()), Some(2));
        assert_eq!(cell.content.len(), 1);
    }
}
