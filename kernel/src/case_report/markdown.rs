//! A report as Markdown, for wikis and tickets. Plots are in it as pictures by their addresses.

use std::fmt::Write;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use flow_engine::{
    export::markdown_text,
    render::{self, Texts},
};

use super::{Body, CaseReport, Section, notes, stamp};

/// The text.
pub(super) fn text(report: &CaseReport) -> String {
    let mut text = format!(
        "# {}\n\n*{}, made {}. All times are UTC.*\n",
        markdown_text(&report.title),
        markdown_text(&report.notebook),
        stamp(report.made_at)
    );
    if !report.notes.is_empty() {
        let _ = write!(text, "\n{}\n", notes::as_markdown(&report.notes, report.is_defanged));
    }
    report.sections.iter().for_each(|section| push_section(&mut text, section));
    if !report.sources.is_empty() {
        text.push_str("\n## Sources\n\n");
        for (name, place) in &report.sources {
            let _ = writeln!(text, "- {}: {}", markdown_text(name), markdown_text(place));
        }
    }
    text.push_str("\n## Queries\n");
    let shown = report.sections.iter().map(|section| (&section.name, &section.query));
    let behind = report.behind.iter().map(|(name, query)| (name, query));
    for (name, query) in shown.chain(behind) {
        let _ = write!(text, "\n{}\n\n{}", markdown_text(name), code(query));
    }
    let _ = write!(text, "\n---\n\nMade by Flowdeck {}.\n", env!("CARGO_PKG_VERSION"));
    text
}

fn push_section(text: &mut String, section: &Section) {
    let _ = write!(text, "\n## {}\n\n", markdown_text(&section.heading()));
    let _ = writeln!(text, "- Interval: {}", markdown_text(&section.interval()));
    for (name, value) in section.parameters.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "- {} = {}", markdown_text(name), markdown_text(value));
    }
    let _ = writeln!(
        text,
        "- {}; table {}, answered {}",
        section.rows(),
        markdown_text(&section.name),
        stamp(section.made_at)
    );
    for remark in &section.remarks {
        let _ = writeln!(text, "- {}", markdown_text(remark));
    }
    text.push('\n');
    match &section.body {
        Body::Table(texts) => push_table(text, texts),
        Body::Plot(svg) => {
            let heading = markdown_text(&section.heading());
            let _ = writeln!(text, "![{heading}](data:image/svg+xml;base64,{})", BASE64.encode(svg));
        }
    }
}

fn push_table(text: &mut String, texts: &Texts) {
    if texts.rows.is_empty() {
        text.push_str("Nothing was found.\n");
        return;
    }
    let names: Vec<String> = texts.columns.iter().map(|column| markdown_text(&column.name)).collect();
    let rules: Vec<&str> = texts.columns.iter().map(|column| if column.is_number { "---:" } else { "---" }).collect();
    let _ = writeln!(text, "| {} |\n| {} |", names.join(" | "), rules.join(" | "));
    for row in &texts.rows {
        let values: Vec<String> =
            row.iter().map(|value| value.as_deref().map(markdown_text).unwrap_or_default()).collect();
        let _ = writeln!(text, "| {} |", values.join(" | "));
    }
}

/// A fenced block; its fence is longer than any in the text.
fn code(query: &str) -> String {
    let longest = query.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let lines: Vec<String> = query.lines().map(render::visible).collect();
    format!("{fence}sql\n{}\n{fence}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::hostile, *};

    #[test]
    fn nothing_of_the_data_is_markup() {
        let text = text(&hostile(true));
        // What stands in a fence is no markup.
        let before = text.split("## Queries").next().unwrap_or_default();
        for bad in ["<script", "](javascript"] {
            assert!(!before.contains(bad), "{bad}: {text}");
        }
        assert!(!text.contains('\u{202e}'), "{text}");
        assert!(text.contains("````sql\n"), "the fence is longer than that of the query: {text}");
        assert!(text.contains("evil\\[.\\]example"), "{text}");
    }
}
