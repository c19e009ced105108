//! A report as one page: no script, no network, nothing beside it; made for screens and for paper.

use std::fmt::Write;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use flow_engine::render::{self, Texts};
use html_escape::{encode_double_quoted_attribute as attribute, encode_text};

use super::{Body, CaseReport, Section, notes, stamp};

/// What it looks like.
const STYLE: &str = include_str!("report.css");

/// Characters of a value that stands on one line: a moment, an address, a word.
const SHORT_CHARS_MAX: usize = 40;

/// Whatever a reader's program would do with what came from data, the page may show and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// The page.
pub(super) fn page(report: &CaseReport) -> String {
    let title = text(&report.title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"Flowdeck {version}\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n<p class=\"about\">{notebook}, made {made_at}</p>\n",
        version = env!("CARGO_PKG_VERSION"),
        notebook = text(&report.notebook),
        made_at = stamp(report.made_at),
    );
    if !report.notes.is_empty() {
        let notes = notes::as_html(&report.notes, report.is_defanged);
        let _ = write!(page, "<section class=\"notes\">\n{notes}</section>\n");
    }
    report.sections.iter().for_each(|section| push_section(&mut page, section));
    push_sources(&mut page, report);
    push_queries(&mut page, report);
    let harmless = if report.is_defanged {
        " Addresses and names are written so that nobody follows them by accident; in queries and drawings they are as they were."
    } else {
        ""
    };
    let _ = write!(
        page,
        "<footer>Made by Flowdeck {}. All times are UTC.{harmless}</footer>\n</main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    page
}

fn push_section(page: &mut String, section: &Section) {
    let _ = write!(page, "<section>\n<h2>{}</h2>\n<dl class=\"facts\">\n", text(&section.heading()));
    let _ = writeln!(page, "<dt>Interval</dt><dd>{}</dd>", text(&section.interval()));
    let asked: Vec<String> = section
        .parameters
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    if !asked.is_empty() {
        let _ = writeln!(page, "<dt>Asked with</dt><dd>{}</dd>", text(&asked.join("; ")));
    }
    let _ = writeln!(page, "<dt>Rows</dt><dd>{}</dd>", text(&section.rows()));
    let _ = writeln!(page, "<dt>Table</dt><dd>{}, answered {}</dd>", text(&section.name), stamp(section.made_at));
    page.push_str("</dl>\n");
    for remark in &section.remarks {
        let _ = writeln!(page, "<p class=\"remark\">{}</p>", text(remark));
    }
    match &section.body {
        Body::Table(texts) => push_table(page, texts),
        // As a picture by its address: nothing in a drawing can run.
        Body::Plot(svg) => {
            let alt = format!("Plot: {}", section.heading());
            let drawing = BASE64.encode(svg);
            let _ =
                writeln!(page, "<p><img alt=\"{}\" src=\"data:image/svg+xml;base64,{drawing}\"></p>", attribute(&alt));
        }
    }
    page.push_str("</section>\n");
}

fn push_table(page: &mut String, texts: &Texts) {
    if texts.rows.is_empty() {
        page.push_str("<p>Nothing was found.</p>\n");
        return;
    }
    page.push_str("<div class=\"rows\"><table>\n<thead><tr>");
    let classes: Vec<&str> = (0..texts.columns.len()).map(|column| class(texts, column)).collect();
    for (column, class) in texts.columns.iter().zip(&classes) {
        let _ = write!(page, "<th scope=\"col\"{class}>{}</th>", text(&column.name));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in &texts.rows {
        page.push_str("<tr>");
        for (value, class) in row.iter().zip(&classes) {
            let _ = match value {
                Some(value) => write!(page, "<td{class}>{}</td>", text(value)),
                None => write!(page, "<td class=\"null\">NULL</td>"),
            };
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table></div>\n");
}

/// Numbers stand right, and values that are short are not broken.
fn class(texts: &Texts, column: usize) -> &'static str {
    let is_short =
        |row: &Vec<Option<String>>| row[column].as_ref().is_none_or(|value| value.chars().count() <= SHORT_CHARS_MAX);
    match texts.columns[column].is_number {
        true => " class=\"number\"",
        false if texts.rows.iter().all(is_short) => " class=\"short\"",
        false => "",
    }
}

fn push_sources(page: &mut String, report: &CaseReport) {
    if report.sources.is_empty() {
        return;
    }
    page.push_str("<section>\n<h2>Sources</h2>\n<dl class=\"facts\">\n");
    for (name, place) in &report.sources {
        let _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", text(name), text(place));
    }
    page.push_str("</dl>\n</section>\n");
}

fn push_queries(page: &mut String, report: &CaseReport) {
    page.push_str("<section>\n<h2>Queries</h2>\n");
    let shown = report.sections.iter().map(|section| (&section.name, &section.query));
    let behind = report.behind.iter().map(|(name, query)| (name, query));
    for (name, query) in shown.chain(behind) {
        // Line by line: the breaks are the layout of a query, everything else that is invisible is shown.
        let lines: Vec<String> = query.lines().map(text).collect();
        let _ = writeln!(page, "<h3>{}</h3>\n<pre>{}</pre>", text(name), lines.join("\n"));
    }
    page.push_str("</section>\n");
}

fn text(text: &str) -> String {
    encode_text(&render::visible(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{super::tests::hostile, *};

    #[test]
    fn nothing_of_the_data_is_markup() {
        let page = page(&hostile(false));
        for bad in ["<script", "<img src=x", "href=\"javascript", "\u{202e}"] {
            assert!(!page.contains(bad), "{bad}: {page}");
        }
        for there in [
            "&lt;script&gt;",
            "The first 2 of 1,000 rows",
            "2024-02-05T00:00:00Z to 2024-02-06T00:00:00Z (UTC)",
            "made_of",
        ] {
            assert!(page.contains(there), "{there}: {page}");
        }
        for tag in
            ["main", "section", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd", "pre", "h2", "h3", "p"]
        {
            let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }

    #[test]
    fn a_page_needs_nothing_else() {
        let page = page(&hostile(false));
        let fetched = page.match_indices("src=\"").filter(|(place, _)| !page[place + 5..].starts_with("data:"));
        assert_eq!(fetched.count(), 0);
        assert!(!page.contains("<link") && !STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
