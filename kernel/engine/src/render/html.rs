//! Rows as an HTML table that looks at home in JupyterLab, light or dark, and stays readable without it.
//!
//! No `<style>` element: notebooks keep outputs, and a style of one would reach all others. Colours are JupyterLab's
//! variables; fall-backs are for front ends that have none.

use html_escape::{encode_double_quoted_attribute as attribute, encode_text};

use super::cell::{Cell, Cells, is_number};
use super::{caption, shown_rows, visible};
use crate::engine::field_type_text;
use crate::result::QueryResult;

/// Characters of one value that stand in the table.
const CELL_CHARS_MAX: usize = 80;
/// Characters of one value that the mouse brings up.
const TITLE_CHARS_MAX: usize = 2_000;
/// Cells laid out at most, whatever is asked for: browsers become slow beyond.
const CELLS_MAX: usize = 100_000;

const FRAME_STYLE: &str = "max-height:32em;overflow:auto;width:fit-content;max-width:100%;\
    border:1px solid var(--jp-border-color2,rgba(128,128,128,.35));border-radius:3px";
const TABLE_STYLE: &str = "border-collapse:separate;border-spacing:0;margin:0;\
    font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:var(--jp-code-font-size,13px);\
    font-variant-numeric:tabular-nums;line-height:1.35";
const CAPTION_STYLE: &str = "caption-side:top;text-align:left;padding:4px 8px;white-space:nowrap;\
    font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:var(--jp-ui-font-size1,13px);\
    color:var(--jp-ui-font-color2,GrayText)";
const HEAD_STYLE: &str = "position:sticky;top:0;padding:4px 8px;white-space:nowrap;vertical-align:bottom;\
    background:var(--jp-layout-color2,var(--vscode-editor-background,Canvas));\
    border-bottom:1px solid var(--jp-border-color1,rgba(128,128,128,.6))";
const TYPE_STYLE: &str = "font-weight:normal;font-size:85%;color:var(--jp-ui-font-color3,GrayText)";
const CELL_STYLE: &str = "padding:2px 8px;white-space:pre;text-align:";
const NULL_STYLE: &str = "color:var(--jp-ui-font-color3,GrayText);font-style:italic";
const NOTE_STYLE: &str = "color:var(--jp-warn-color0,#b35900);white-space:normal";

const SUMMARY_STYLE: &str = "cursor:pointer;display:list-item";
const LIST_STYLE: &str = "margin:2px 0 4px;padding-left:1.6em;color:var(--jp-ui-font-color1,CanvasText)";

/// The first `max_rows` rows (0 asks for all) as a table with a caption that counts them.
pub fn to_html(result: &QueryResult, max_rows: usize) -> String {
    let columns = result.schema.fields().len();
    let shown = shown_rows(result, max_rows).min(CELLS_MAX / columns.max(1));
    let mut html = String::new();
    if columns == 0 {
        html.push_str(&format!("<div class=\"flowdeck-result\" style=\"{CAPTION_STYLE}\">"));
        push_caption(&mut html, result, shown);
        html.push_str("</div>");
        return html;
    }
    html.push_str(&format!("<div class=\"flowdeck-result\" style=\"{FRAME_STYLE}\">"));
    html.push_str(&format!("<table class=\"flowdeck-table\" style=\"{TABLE_STYLE}\">"));
    html.push_str(&format!("<caption style=\"{CAPTION_STYLE}\">"));
    push_caption(&mut html, result, shown);
    html.push_str("</caption>\n<thead><tr>");
    for field in result.schema.fields() {
        let align = alignment(is_number(field.data_type()));
        let name = encode_text(&visible(field.name())).into_owned();
        let kind = encode_text(&visible(&field_type_text(field))).into_owned();
        html.push_str(&format!(
            "<th scope=\"col\" style=\"{HEAD_STYLE};text-align:{align}\">{name}<br><span class=\"flowdeck-type\" \
             style=\"{TYPE_STYLE}\">{kind}</span></th>"
        ));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    push_rows(&mut html, result, shown);
    html.push_str("</tbody></table></div>");
    html
}

fn push_caption(html: &mut String, result: &QueryResult, shown: usize) {
    html.push_str(&encode_text(&caption(result, shown)));
    for note in &result.notes {
        let text = visible(&note.text);
        let text = encode_text(&text);
        if note.details.is_empty() {
            html.push_str(&format!("<div class=\"flowdeck-note\" style=\"{NOTE_STYLE}\">{text}</div>"));
            continue;
        }
        html.push_str(&format!(
            "<details class=\"flowdeck-note\" style=\"{NOTE_STYLE}\"><summary style=\"{SUMMARY_STYLE}\">{text}</summary>\
             <ul style=\"{LIST_STYLE}\">"
        ));
        for line in &note.details {
            html.push_str(&format!("<li>{}</li>", encode_text(&visible(line))));
        }
        html.push_str("</ul></details>");
    }
}

fn push_rows(html: &mut String, result: &QueryResult, shown: usize) {
    let aligned: Vec<&str> =
        result.schema.fields().iter().map(|field| alignment(is_number(field.data_type()))).collect();
    let mut left = shown;
    for batch in &result.batches {
        let cells = Cells::of(batch);
        let row_count = batch.num_rows().min(left);
        left -= row_count;
        for row in 0..row_count {
            html.push_str("<tr>");
            for (column, align) in aligned.iter().enumerate() {
                push_cell(html, &cells.get(column, row, TITLE_CHARS_MAX), align);
            }
            html.push_str("</tr>\n");
        }
    }
}

fn push_cell(html: &mut String, cell: &Cell, align: &str) {
    let (text, is_cut) = match cell {
        Cell::Null => {
            html.push_str(&format!(
                "<td style=\"{CELL_STYLE}{align}\"><span class=\"flowdeck-null\" style=\"{NULL_STYLE}\">NULL</span></td>"
            ));
            return;
        }
        Cell::Text { text, is_cut } => (visible(text), *is_cut),
    };
    let short: String = text.chars().take(CELL_CHARS_MAX).collect();
    if short.len() == text.len() && !is_cut {
        html.push_str(&format!("<td style=\"{CELL_STYLE}{align}\">{}</td>", encode_text(&text)));
        return;
    }
    let dots = if is_cut { "…" } else { "" };
    html.push_str(&format!(
        "<td style=\"{CELL_STYLE}{align}\" title=\"{}{dots}\">{}…</td>",
        attribute(&text),
        encode_text(&short)
    ));
}

fn alignment(is_number: bool) -> &'static str {
    if is_number { "right" } else { "left" }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};

    use super::*;
    use crate::notes::Note;

    fn of_texts(name: &str, texts: Vec<Option<&str>>) -> QueryResult {
        let column: ArrayRef = Arc::new(StringArray::from(texts));
        let batch = RecordBatch::try_from_iter([(name, column)]).expect("one column");
        QueryResult::of_batches(batch.schema(), vec![batch])
    }

    #[test]
    fn nothing_of_the_data_is_markup() {
        let hostile = "<script>alert('1')</script>\"><img src=x onerror=alert(1)>";
        let long = format!("{hostile}{}", "y".repeat(300));
        let mut result = of_texts(hostile, vec![Some(hostile), Some(&long), Some("a\u{202e}b\u{1b}[31m")]);
        result.notes.push(Note { text: hostile.to_string(), details: vec![hostile.to_string(); 2] });
        let html = to_html(&result, 20);
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("<img"), "{html}");
        assert!(!html.contains(['\u{202e}', '\u{1b}']), "{html}");
        let title = html.split("title=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a title");
        assert!(title.starts_with("&lt;script"), "{title}");
        assert!(title.contains("yyy"), "the attribute ends where it should: {title}");
    }

    #[test]
    fn null_is_not_the_text_null() {
        let html = to_html(&of_texts("t", vec![None, Some("NULL")]), 20);
        assert_eq!(html.matches("flowdeck-null").count(), 1);
        assert_eq!(html.matches("NULL").count(), 2);
    }

    #[test]
    fn numbers_stand_right_and_are_exact() {
        let column: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
        let batch = RecordBatch::try_from_iter([("n", column)]).expect("one column");
        let html = to_html(&QueryResult::of_batches(batch.schema(), vec![batch]), 20);
        assert!(html.contains("text-align:right\">18446744073709551615</td>"), "{html}");
    }

    #[test]
    fn tags_are_balanced_and_rows_bounded() {
        let html = to_html(&of_texts("t", vec![Some("x"); 50]), 10);
        for tag in ["div", "table", "caption", "thead", "tbody", "tr", "th", "td", "span"] {
            let opened = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        assert_eq!(html.matches("<td").count(), 10);
        assert!(html.contains("first 10 of 50 rows shown"));
    }
}
