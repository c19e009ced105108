//! The options of a `%%report` cell: what of the notebook's results goes into a report, and how it is written.

use super::{Trigger, number_of};
use crate::report::Report;

/// How it is written, for help and errors.
pub const USAGE: &str = "[--title TEXT] [--show NAME[,NAME]] [--rows NUMBER] [--format html|markdown] [--defang] [--notes FIELD] [--on BUTTON]";

/// Rows of a table in a report, unless the author says otherwise.
const ROWS_DEFAULT: usize = 50;

/// More rows are no report: they are a file of their own.
const ROWS_MAX: usize = 10_000;

/// The file of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// One page that needs nothing else.
    #[default]
    Html,
    /// Markdown with the plots in it.
    Markdown,
}

impl Form {
    /// All, by name.
    pub const NAMES: &[(&str, Form)] = &[("html", Form::Html), ("markdown", Form::Markdown)];

    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Form::Html => "html",
            Form::Markdown => "md",
        }
    }
}

/// A `%%report` cell.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportCell {
    /// Above everything; the notebook's name where the author gave none.
    pub title: Option<String>,
    /// The tables and plots, by the names of their `--into`; all when there is none.
    pub show: Vec<String>,
    /// Rows of each table.
    pub rows: usize,
    /// What file it is.
    pub form: Form,
    /// Whether addresses and names are written so that nobody follows them by accident.
    pub is_defanged: bool,
    /// The field in which a person writes notes.
    pub notes_field: Option<String>,
    /// The button that makes it; without one it is made with its cell.
    pub button: Option<String>,
    /// The author's notes, Markdown.
    pub notes: String,
}

impl Default for ReportCell {
    fn default() -> ReportCell {
        ReportCell {
            title: None,
            show: Vec::new(),
            rows: ROWS_DEFAULT,
            form: Form::default(),
            is_defanged: false,
            notes_field: None,
            button: None,
            notes: String::new(),
        }
    }
}

impl ReportCell {
    /// When it is made.
    pub fn trigger(&self) -> Trigger {
        self.button.clone().map_or(Trigger::Once, Trigger::Click)
    }
}

/// Parses the line of options; `body` is the notes.
///
/// # Errors
/// A report for the author when an option is wrong.
pub(super) fn parse(options: &str, body: &str) -> Result<ReportCell, Report> {
    let mut cell = ReportCell { notes: body.trim().to_owned(), ..ReportCell::default() };
    let words = shlex::split(options).ok_or_else(|| usage("a quotation mark is not closed"))?;
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (option, given) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option.to_owned(), Some(value.to_owned())),
            _ => (word, None),
        };
        let mut value =
            || given.clone().or_else(|| words.next()).ok_or_else(|| usage(&format!("`{option}` needs a value")));
        match option.as_str() {
            "--title" => cell.title = Some(value()?),
            "--show" => {
                let names = value()?;
                cell.show.extend(names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned));
            }
            "--rows" => {
                let text = value()?;
                let rows = number_of(&text).filter(|rows| (1..=ROWS_MAX).contains(rows));
                cell.rows =
                    rows.ok_or_else(|| usage(&format!("`--rows` takes a number from 1 to {ROWS_MAX}, not `{text}`")))?;
            }
            "--format" => {
                let text = value()?;
                let form = Form::NAMES.iter().find(|(name, _)| *name == text);
                cell.form = form
                    .ok_or_else(|| usage(&format!("there is no format `{text}`; formats are html and markdown")))?
                    .1;
            }
            "--defang" => cell.is_defanged = true,
            "--notes" => cell.notes_field = Some(value()?),
            "--on" => cell.button = Some(value()?),
            _ => return Err(usage(&format!("`%%report` has no option `{option}`"))),
        }
    }
    Ok(cell)
}

fn usage(fact: &str) -> Report {
    Report::new("UsageError", fact).with_hint(format!("usage: %%report {USAGE}, notes in Markdown below it"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn options() {
        let cell = parse(
            "--title 'A case' --show a,b --show=c --rows 10 --format markdown --defang --notes n --on go",
            "# Hi\n",
        )
        .unwrap();
        assert_eq!(cell.title.as_deref(), Some("A case"));
        assert_eq!(cell.show, ["a", "b", "c"]);
        assert_eq!((cell.rows, cell.form, cell.is_defanged), (10, Form::Markdown, true));
        assert_eq!((cell.notes_field.as_deref(), cell.trigger()), (Some("n"), Trigger::Click("go".into())));
        assert_eq!(cell.notes, "# Hi");
        for (options, fact) in [
            ("--rows none", "`none`"),
            ("--format pdf", "`pdf`"),
            ("--tables a", "no option `--tables`"),
            ("--title", "needs a value"),
        ] {
            assert!(parse(options, "").unwrap_err().evalue.contains(fact), "{options}");
        }
    }
}
