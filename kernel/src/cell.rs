//! What kind of cell a text is: its first line, if it is a magic, and its body.
//!
//! Parsing only; what each kind does is in [`crate::interpreter`], and the list of magics in [`crate::help`].

pub mod plot;
pub mod report;

use self::{plot::PlotCell, report::ReportCell};
use crate::report::Report;

/// A cell, parsed.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing but white space.
    Empty,
    /// Rust code, evcxr's `:commands` included.
    Rust(String),
    /// `%%sql`, and `%%plot`, which draws the result.
    Sql(SqlCell),
    /// `%%form`: the TOML below it.
    Form(String),
    /// `%%parameters`: values of fields, in TOML.
    Parameters(String),
    /// `%%report`: what goes into a report, and notes.
    Report(ReportCell),
    /// `%%html`, `%%markdown` and `%%javascript`: the body under this MIME type.
    Content {
        /// The MIME type.
        mime: &'static str,
        /// The body as written.
        body: String,
    },
    /// `%name arguments`.
    LineMagic {
        /// Without the percent sign.
        name: String,
        /// The rest of the line.
        arguments: String,
    },
    /// `?name`: help on one thing.
    Help(String),
}

/// The options and text of a `%%sql` or `%%plot` cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SqlCell {
    /// The query.
    pub query: String,
    /// Registers the result as a table of this name.
    pub into: Option<String>,
    /// At most this many rows; 0 means all.
    pub limit: Option<usize>,
    /// When it runs.
    pub trigger: Trigger,
    /// Columns whose values a person may put into a field of a form: column and field.
    pub fill: Vec<(String, String)>,
    /// It only runs while this is chosen in a field of the type `choice`: field and option.
    pub when: Option<(String, String)>,
    /// The rows that a person selects in the table become a table of this name.
    pub selection: Option<String>,
    /// What is drawn of the result; `None` shows it as a table.
    pub plot: Option<Box<PlotCell>>,
}

/// Rows that a `%%sql` cell without `--limit` brings at most; the caption says when there were more.
const ROWS_MAX: usize = 10_000_000;

impl SqlCell {
    /// How many rows its query brings at most; `None` for all of them, as a plot draws all unless it is told otherwise.
    pub fn rows_max(&self) -> Option<usize> {
        self.limit.or_else(|| self.plot.is_none().then_some(ROWS_MAX))
    }
}

/// When a query runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Trigger {
    /// With its cell.
    #[default]
    Once,
    /// At each press of the form's button of this name.
    Click(String),
    /// With its cell, and again when a field that it mentions changes.
    Change,
}

impl Cell {
    /// Parses the text of a cell.
    ///
    /// # Errors
    /// A report for the author when a magic is unknown or its options are wrong.
    pub fn parse(code: &str) -> Result<Cell, Report> {
        let text = code.trim();
        if text.is_empty() {
            return Ok(Cell::Empty);
        }
        if let Some(rest) = text.strip_prefix("%%") {
            let (head, body) = rest.split_once('\n').unwrap_or((rest, ""));
            return cell_magic(head.trim(), body);
        }
        if let Some(line) = text.strip_prefix('%') {
            let (name, arguments) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            return Ok(Cell::LineMagic { name: name.to_owned(), arguments: arguments.trim().to_owned() });
        }
        if let Some(name) = text.strip_prefix('?').or_else(|| text.strip_suffix('?').filter(|name| is_name(name))) {
            return Ok(Cell::Help(name.trim().trim_matches('?').to_owned()));
        }
        Ok(Cell::Rust(code.to_owned()))
    }
}

/// `name?` is help only for a plain name: in Rust, `call()?` ends with a question mark too.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '%'))
}

fn cell_magic(head: &str, body: &str) -> Result<Cell, Report> {
    let (name, options) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
    let content = |mime| Ok(Cell::Content { mime, body: body.to_owned() });
    match name {
        "sql" => sql(options, body).map(Cell::Sql),
        "plot" => plot::parse(options, body).map(Cell::Sql),
        "report" => report::parse(options, body).map(Cell::Report),
        "form" if options.trim().is_empty() => Ok(Cell::Form(body.to_owned())),
        "form" => {
            Err(Report::new("UsageError", "`%%form` has no options").with_hint("write the fields below it, one a line"))
        }
        "parameters" if options.trim().is_empty() => Ok(Cell::Parameters(body.to_owned())),
        "parameters" => Err(Report::new("UsageError", "`%%parameters` has no options")
            .with_hint("write the values below it, one a line: limit = 100")),
        "html" => content("text/html"),
        "markdown" => content("text/markdown"),
        "javascript" | "js" => content("application/javascript"),
        _ => Err(Report::new("UnknownMagic", format!("there is no cell magic `%%{name}`"))
            .with_hint("run `%help` to see the magics there are")),
    }
}

fn sql(options: &str, body: &str) -> Result<SqlCell, Report> {
    let mut cell = SqlCell { query: body.trim().to_owned(), ..SqlCell::default() };
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (word, None),
        };
        let mut value = || value.or_else(|| words.next()).ok_or_else(|| usage(&format!("`{option}` needs a value")));
        match option {
            "--into" => cell.into = Some(value()?.to_owned()),
            "--limit" => cell.limit = Some(number(value()?)?),
            "--fill" => cell.fill.push(column_and_field(value()?)?),
            "--when" => cell.when = Some(field_and_option(value()?)?),
            "--selection" => cell.selection = Some(value()?.to_owned()),
            "--on" => cell.trigger = Trigger::Click(value()?.to_owned()),
            "--live" => cell.trigger = Trigger::Change,
            _ => return Err(usage(&format!("`%%sql` has no option `{option}`"))),
        }
    }
    if cell.when.is_some() && cell.trigger == Trigger::Once {
        return Err(usage("`--when` is for queries that run again: with `--on` or `--live`"));
    }
    if cell.query.is_empty() {
        return Err(
            Report::new("EmptyQuery", "the cell has no query").with_hint("write the SQL below the `%%sql` line")
        );
    }
    Ok(cell)
}

fn column_and_field(text: &str) -> Result<(String, String), Report> {
    match text.split_once('=') {
        Some((column, field)) if !column.is_empty() && !field.is_empty() => Ok((column.to_owned(), field.to_owned())),
        _ => Err(usage(&format!("`--fill` takes a column and a field of a form, `--fill src_ip=src`, not `{text}`"))),
    }
}

fn field_and_option(text: &str) -> Result<(String, String), Report> {
    match text.split_once('=') {
        Some((field, option)) if !field.is_empty() && !option.is_empty() => Ok((field.to_owned(), option.to_owned())),
        _ => Err(usage(&format!(
            "`--when` takes a field and what is chosen in it, `--when view=extended`, not `{text}`"
        ))),
    }
}

fn number(text: &str) -> Result<usize, Report> {
    number_of(text).ok_or_else(|| usage(&format!("`--limit` takes a number of rows, not `{text}`")))
}

/// A number in which `_` may part digits.
fn number_of(text: &str) -> Option<usize> {
    text.replace('_', "").parse().ok()
}

fn usage(fact: &str) -> Report {
    Report::new("UsageError", fact).with_hint(
        "usage: %%sql [--into NAME] [--limit ROWS] [--on BUTTON | --live] [--when FIELD=OPTION] [--fill COLUMN=FIELD] [--selection NAME], the query below it",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(code: &str, wanted: Cell) {
        assert_eq!(Cell::parse(code).unwrap(), wanted);
    }

    #[test]
    fn kinds_of_cells() {
        check(" \n", Cell::Empty);
        check("let x = 1;", Cell::Rust("let x = 1;".into()));
        check("1 % 2", Cell::Rust("1 % 2".into()));
        check(":vars", Cell::Rust(":vars".into()));
        check("fallible()?", Cell::Rust("fallible()?".into()));
        check("%%html\n<b>hi</b>", Cell::Content { mime: "text/html", body: "<b>hi</b>".into() });
        check("%%parameters\nlimit = 1", Cell::Parameters("limit = 1".into()));
        check("%schema flows", Cell::LineMagic { name: "schema".into(), arguments: "flows".into() });
        check("?read_flows", Cell::Help("read_flows".into()));
        check("read_flows?", Cell::Help("read_flows".into()));
    }

    #[test]
    fn options_of_sql_cells() {
        let query = "SELECT 1".to_owned();
        check("%%sql\nSELECT 1", Cell::Sql(SqlCell { query: query.clone(), ..SqlCell::default() }));
        check(
            "%%sql --live\nSELECT 1",
            Cell::Sql(SqlCell { query: query.clone(), trigger: Trigger::Change, ..SqlCell::default() }),
        );
        let trigger = Trigger::Click("get".into());
        check("%%sql --on get\nSELECT 1", Cell::Sql(SqlCell { query: query.clone(), trigger, ..SqlCell::default() }));
        let wanted = SqlCell { query, into: Some("top".into()), limit: Some(10_000), ..SqlCell::default() };
        check("%%sql --into top --limit 10_000\n\nSELECT 1\n", Cell::Sql(wanted.clone()));
        check("%%sql --limit=10000 --into=top\nSELECT 1", Cell::Sql(wanted));
        let Cell::Sql(cell) = Cell::parse("%%sql --on get --when view=extended\nSELECT 1").unwrap() else {
            panic!("not SQL")
        };
        assert_eq!(cell.when, Some(("view".to_owned(), "extended".to_owned())));
        let written = "%%sql --fill src_ip=src --fill=a=c --selection picked\nSELECT 1";
        let Cell::Sql(cell) = Cell::parse(written).unwrap() else { panic!("not SQL") };
        assert_eq!(cell.selection.as_deref(), Some("picked"));
        assert_eq!(cell.fill, [("src_ip", "src"), ("a", "c")].map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn wrong_options_say_what_is_right() {
        for (code, fact) in [
            ("%%sql --limt 3\nSELECT 1", "`--limt`"),
            ("%%sql --limit three\nSELECT 1", "`three`"),
            ("%%sql --into\n", "needs a value"),
            ("%%sql --fill src_ip\nSELECT 1", "`--fill src_ip=src`"),
            ("%%sql --when view=a\nSELECT 1", "`--on` or `--live`"),
            ("%%sql --on get --when view\nSELECT 1", "`--when view=extended`"),
            ("%%sql\n  ", "no query"),
            ("%%sqll\nSELECT 1", "`%%sqll`"),
        ] {
            let report = Cell::parse(code).unwrap_err();
            assert!(report.evalue.contains(fact), "{report:?}");
            assert!(report.traceback.iter().any(|line| line.contains("hint")), "{report:?}");
        }
    }
}
