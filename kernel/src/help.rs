//! The magics there are: the one table that `%help`, completion and the unknown-magic error read.

/// A magic: how it is written and what it does.
pub struct Magic {
    /// With its percent signs.
    pub name: &'static str,
    /// Its arguments.
    pub usage: &'static str,
    /// What it does, one sentence.
    pub summary: &'static str,
}

const fn magic(name: &'static str, usage: &'static str, summary: &'static str) -> Magic {
    Magic { name, usage, summary }
}

/// All magics, in the order of `%help`.
pub const MAGICS: &[Magic] = &[
    magic(
        "%%sql",
        "[--into NAME] [--limit ROWS] [--on BUTTON | --live] [--fill COLUMN=FIELD]",
        "runs the query below it; --into keeps the result as a table, --on waits for a button, --live for changes, --fill \
         lets a person put a value of a column into a field of a form",
    ),
    magic(
        "%%plot",
        crate::cell::plot::USAGE,
        "draws the rows of the query below it, put together in the engine; kinds are line, bars, area, histogram, scatter, \
         heatmap, matrix, cdf and timeline, columns are chosen by what they hold unless named, --agg is sum, count, avg, \
         min or max; docs/plots.md tells each kind's columns",
    ),
    magic("%%form", "", "shows the fields below it, in TOML: limit = { type = \"int\", default = 100 }; $limit in SQL"),
    magic(
        "%%report",
        crate::cell::report::USAGE,
        "writes tables and plots with their queries, interval and sources, and the notes below it, into one file that needs \
         nothing else; docs/reports.md",
    ),
    magic(
        "%%parameters",
        "",
        "gives the fields of forms the values below it instead of their defaults, in TOML: limit = 100; docs/run.md",
    ),
    magic("%%html", "", "shows the HTML below it"),
    magic("%%markdown", "", "shows the Markdown below it"),
    magic("%%javascript", "", "runs the JavaScript below it in the page"),
    magic("%help", "", "lists the magics"),
    magic(
        "%sources",
        "[NAME] [--test] [--compare A B]",
        "lists the configured sources and the tables there are, or all about one; --test reads all rows, --compare tells \
         how the clocks of two sources differ and what one repeats or misses",
    ),
    magic("%schema", "TABLE", "lists the columns of a table"),
    magic("%explain", "QUERY", "shows how a query would be run"),
    magic(
        "%playbooks",
        crate::playbooks::area::USAGE,
        "looks after the folder of this notebook: compares with the upstream, updates, lists or removes copies and stored data; \
         --on waits for a button of a form",
    ),
    magic("%vars", "", "lists the Rust variables and their types"),
    magic("?name", "", "help on a SQL function, a table, a magic or a Rust name"),
];

/// Characters of a magic with its arguments up to which what it does is written beside it.
const USAGE_CHARS_MAX: usize = 100;

/// The help page.
pub fn page() -> String {
    let mut page = String::from(
        "A cell is Rust code, or starts with a magic.\n\
         In Rust cells: flowdeck::sql(\"…\"), flowdeck::display(value), flowdeck::input(\"…\"),\n\
         flowdeck::clear_output(wait).\n\
         In SQL: read_flows('PATH') gives the common flow schema, read_log('PATH') the file's own columns.\n\n",
    );
    let lengths = MAGICS.iter().map(|magic| magic.name.len() + magic.usage.len() + 1);
    // One with very many options does not push the others to the right.
    let width = lengths.filter(|length| *length <= USAGE_CHARS_MAX).max().unwrap_or_default();
    for Magic { name, usage, summary } in MAGICS {
        let written = format!("{name} {usage}");
        match written.len() <= width {
            true => page.push_str(&format!("  {written:width$}  {summary}\n")),
            false => page.push_str(&format!("  {written}\n  {:width$}  {summary}\n", "")),
        }
    }
    page
}

/// Help on one magic, by its name with or without percent signs.
pub fn on(name: &str) -> Option<String> {
    let wanted = name.trim_start_matches('%');
    let Magic { name, usage, summary } =
        MAGICS.iter().find(|magic| !wanted.is_empty() && magic.name.trim_start_matches(['%', '?']) == wanted)?;
    Some(format!("{name} {usage}\n\n{summary}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;

    #[test]
    fn every_magic_of_the_table_is_one_that_cells_know() {
        for Magic { name, .. } in MAGICS {
            let options = if *name == "%%plot" { " --kind line" } else { "" };
            let cell = Cell::parse(&format!("{name}{options}\nSELECT 1"));
            assert!(cell.is_ok_and(|cell| !matches!(cell, Cell::Rust(_))), "{name} is not parsed as a magic");
        }
    }

    #[test]
    fn help_names_every_magic() {
        let page = page();
        assert!(MAGICS.iter().all(|magic| page.contains(magic.name)));
        assert!(on("%%sql").is_some_and(|text| text.contains("--into")) && on("sql").is_some());
        assert!(on("nothing").is_none());
    }
}
