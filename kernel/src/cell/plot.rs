//! The options of a `%%plot` cell: those of `%%sql`, and what is drawn of the result.

use std::time::Duration;

use flow_engine::plot::{Aggregate, Kind, PlotRequest};

use super::{SqlCell, Trigger, number_of};
use crate::{
    form::moment,
    plot::{Picture, select::Wanted},
    report::Report,
};

/// How it is written, for help and errors.
pub const USAGE: &str = "--kind KIND [--x COLUMN] [--y COLUMN] [--by COLUMN | --facet COLUMN] [--value COLUMN] [--end COLUMN] [--agg HOW] [--bin WIDTH] [--bins NUMBER] [--top NUMBER] [--log] [--title TEXT] [--unit TEXT] [--fill FIELD[,FIELD]] [--filter TABLE] [--save svg|png] [--into NAME] [--limit ROWS] [--on BUTTON | --live]";

/// What is drawn, and what becomes of the drawing beside being shown.
#[derive(Clone, Debug, PartialEq)]
pub struct PlotCell {
    /// What is drawn.
    pub request: PlotRequest,
    /// Writes it to a file as well.
    pub save: Option<Picture>,
    /// What a person's selection in it is for.
    pub selection: Wanted,
}

impl Default for PlotCell {
    fn default() -> PlotCell {
        PlotCell { request: PlotRequest::new(Kind::Line), save: None, selection: Wanted::default() }
    }
}

/// Parses the line of options; `body` is the query.
///
/// # Errors
/// A report for the author when an option is wrong.
pub(super) fn parse(options: &str, body: &str) -> Result<SqlCell, Report> {
    let words = shlex::split(options).ok_or_else(|| usage("a quotation mark is not closed"))?;
    let mut cell = SqlCell { query: body.trim().to_owned(), ..SqlCell::default() };
    let (mut plot, mut has_kind) = (PlotCell::default(), false);
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (option, given) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option.to_owned(), Some(value.to_owned())),
            _ => (word, None),
        };
        has_kind |= option == "--kind";
        let mut value =
            || given.clone().or_else(|| words.next()).ok_or_else(|| usage(&format!("`{option}` needs a value")));
        match option.as_str() {
            "--into" => cell.into = Some(value()?),
            "--limit" => cell.limit = Some(count("--limit", &value()?)?),
            "--on" => cell.trigger = Trigger::Click(value()?),
            "--live" => cell.trigger = Trigger::Change,
            option => plot.set(option, &mut value)?,
        }
    }
    if !has_kind {
        return Err(usage(&format!("`--kind` is missing: kinds are {}", names(Kind::NAMES))));
    }
    cell.plot = Some(Box::new(plot));
    if cell.query.is_empty() {
        return Err(Report::new("EmptyQuery", "the cell has no query")
            .with_hint("write the SQL whose rows are drawn below the `%%plot` line"));
    }
    Ok(cell)
}

impl PlotCell {
    /// Takes one option; `value` is asked for what is written behind it.
    ///
    /// # Errors
    /// A report for the author when there is no such option or its value is wrong.
    pub fn set(&mut self, option: &str, value: &mut dyn FnMut() -> Result<String, Report>) -> Result<(), Report> {
        let request = &mut self.request;
        match option {
            "--kind" => request.kind = named("kind of plot", &value()?, Kind::NAMES)?,
            "--x" => request.x = Some(value()?),
            "--y" => request.y = Some(value()?),
            "--by" | "--facet" => {
                if request.by.is_some() {
                    return Err(usage(
                        "the groups are named twice: by `--by`, in colours, or by `--facet`, side by side",
                    ));
                }
                (request.by, request.facet) = (Some(value()?), option == "--facet");
            }
            "--value" => request.value = Some(value()?),
            "--end" => request.end = Some(value()?),
            "--agg" => request.aggregate = Some(named("aggregate", &value()?, Aggregate::NAMES)?),
            "--bin" => request.bin = Some(width(&value()?)?),
            "--bins" => request.bins = Some(count("--bins", &value()?)?),
            "--top" => request.top = Some(count("--top", &value()?)?),
            "--log" => request.log = true,
            "--title" => request.title = Some(value()?),
            "--unit" => request.unit = Some(value()?),
            "--fill" => self.selection.fields = value()?.split(',').map(|field| field.trim().to_owned()).collect(),
            "--filter" => self.selection.table = Some(value()?),
            "--save" => self.save = Some(named("kind of picture", &value()?, Picture::NAMES)?),
            _ => return Err(usage(&format!("`%%plot` has no option `{option}`"))),
        }
        Ok(())
    }
}

fn named<T: Copy>(what: &str, name: &str, known: &[(&str, T)]) -> Result<T, Report> {
    let found = known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    found.ok_or_else(|| usage(&format!("there is no {what} `{name}`; there are {}", names(known))))
}

fn names<T>(known: &[(&str, T)]) -> String {
    known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn count(option: &str, text: &str) -> Result<usize, Report> {
    number_of(text).ok_or_else(|| usage(&format!("`{option}` takes a number, not `{text}`")))
}

fn width(text: &str) -> Result<Duration, Report> {
    let length = moment::duration(text).ok().and_then(|length| length.to_std().ok()).filter(|length| !length.is_zero());
    length.ok_or_else(|| usage(&format!("`--bin` takes a length of time such as 30s, 5m or 1h, not `{text}`")))
}

fn usage(fact: &str) -> Report {
    Report::new("UsageError", fact).with_hint(format!("usage: %%plot {USAGE}, the query below it"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn options_are_words_with_quotation_marks() {
        let cell =
            parse("--kind=heatmap --x start_time --by 'dst port' --bin 5m --title \"a = b\" --log --on go", "SELECT 1");
        let cell = cell.unwrap();
        let request = cell.plot.unwrap().request;
        assert_eq!((request.kind, request.log), (Kind::HeatMap, true));
        assert_eq!(request.by.as_deref(), Some("dst port"));
        assert_eq!(request.title.as_deref(), Some("a = b"));
        assert_eq!(request.bin, Some(Duration::from_secs(300)));
        assert_eq!(cell.trigger, Trigger::Click("go".into()));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_there_is() {
        for (options, fact) in [
            ("", "kinds are line, bars"),
            ("--kind pie", "there are line, bars"),
            ("--kind line --bin soon", "`soon`"),
            ("--kind line --top many", "`many`"),
            ("--kind line --title 'a", "not closed"),
            ("--kind line --agg median", "sum, count"),
            ("--kind line --colour red", "`--colour`"),
            ("--kind line --by a --facet b", "named twice"),
            ("--kind line --save gif", "there are svg, png"),
            ("--kind", "needs a value"),
        ] {
            let report = parse(options, "SELECT 1").unwrap_err();
            assert!(report.evalue.contains(fact), "{report:?}");
            assert!(report.hint().is_some_and(|hint| hint.contains("%%plot")), "{report:?}");
        }
        assert_eq!(parse("--kind line", " ").unwrap_err().ename, "EmptyQuery");
    }
}
