//! Any failure as a person in the notebook reads it. The only place that words errors for the notebook.
//!
//! A report has a fact (`evalue`), its details (`traceback`, shown as they are) and, where there is one, a hint. What
//! an operator needs goes to the log where the failure is met, not here.

use serde_json::{Map, Value, json};

/// A failure on its way to the front end.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The kind of failure, one word: `SqlError`, `CompileError`, `Panic`.
    pub ename: String,
    /// What happened, one sentence.
    pub evalue: String,
    /// What the front end shows; ANSI colours are allowed.
    pub traceback: Vec<String>,
}

impl Report {
    /// A failure with its fact as the only detail.
    pub fn new(ename: &str, evalue: impl Into<String>) -> Report {
        let evalue = evalue.into();
        Report { ename: ename.to_owned(), traceback: vec![format!("{RED}{ename}{RESET}: {evalue}")], evalue }
    }

    /// Adds what to do next.
    pub fn with_hint(mut self, hint: impl AsRef<str>) -> Report {
        self.traceback.push(format!("{CYAN}hint{RESET}: {}", hint.as_ref()));
        self
    }

    /// Adds what to do next, when there is something.
    pub fn with_hint_if(self, hint: Option<impl AsRef<str>>) -> Report {
        match hint {
            Some(hint) => self.with_hint(hint),
            None => self,
        }
    }

    /// Replaces the details by a rendered text, which then says the fact itself.
    pub fn with_details(mut self, details: Vec<String>) -> Report {
        self.traceback = details;
        self
    }

    /// What to do next, if it is said.
    pub fn hint(&self) -> Option<&str> {
        let mark = format!("{CYAN}hint{RESET}: ");
        self.traceback.iter().find_map(|line| line.strip_prefix(mark.as_str()))
    }

    /// The user pressed interrupt.
    pub fn interrupted(what: &str) -> Report {
        Report::new("Interrupted", what)
    }

    /// A fault of ours, told apart from a fault in the cell.
    pub fn internal(what: impl std::fmt::Display) -> Report {
        let version = env!("CARGO_PKG_VERSION");
        Report::new("InternalError", format!("{what} (Flowdeck {version})"))
            .with_hint("this is a fault in the kernel, not in your cell; please report it with the kernel's log")
    }

    /// Content of the iopub message `error`, and what an `execute_reply` adds to its status.
    pub fn content(&self) -> Map<String, Value> {
        let Value::Object(content) = json!({"ename": self.ename, "evalue": self.evalue, "traceback": self.traceback})
        else {
            unreachable!("json! of a dictionary is one")
        };
        content
    }
}

const RED: &str = "\u{1b}[1;31m";
const CYAN: &str = "\u{1b}[1;36m";
const RESET: &str = "\u{1b}[0m";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fact_and_hint_are_apart() {
        let report = Report::new("SqlError", "no table named `flow`").with_hint("did you mean `flows`?");
        assert_eq!(report.evalue, "no table named `flow`");
        assert_eq!(report.traceback.len(), 2);
        assert!(report.traceback[1].ends_with("did you mean `flows`?"));
        assert_eq!(report.content()["ename"], "SqlError");
    }
}
