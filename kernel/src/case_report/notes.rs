//! Notes in Markdown: HTML in them is text, links lead to web pages alone, and nothing is fetched.

use flow_engine::{export::markdown_text, render};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use super::defang;

/// Links go nowhere else.
const SCHEMES: [&str; 2] = ["https://", "http://"];

/// Headings of notes stand below those of the report.
const HEADING_LEVELS_DOWN: usize = 2;

fn parser(notes: &str) -> Parser<'_> {
    Parser::new_ext(notes, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS)
}

/// Notes whose invisible characters are seen. Breaks and indents are Markdown.
fn seen(notes: &str) -> String {
    let lines = notes.lines().map(|line| render::visible(&line.replace('\t', "    ")));
    lines.collect::<Vec<_>>().join("\n")
}

/// Notes as HTML.
pub(super) fn as_html(notes: &str, is_defanged: bool) -> String {
    let notes = &seen(notes);
    let mut open_links: Vec<bool> = Vec::new();
    let events = parser(notes).filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Link { dest_url, link_type, title, id }) => {
            let is_kept = is_web(&dest_url) && !is_defanged;
            open_links.push(is_kept);
            is_kept.then_some(Event::Start(Tag::Link { link_type, dest_url, title, id }))
        }
        Event::End(TagEnd::Link) => open_links.pop().unwrap_or(false).then_some(Event::End(TagEnd::Link)),
        // What a picture shows stands in its text; it would have to be fetched.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::Start(Tag::Heading { level, id, classes, attrs }) => {
            let level = lower(level);
            Some(Event::Start(Tag::Heading { level, id, classes, attrs }))
        }
        Event::End(TagEnd::Heading(level)) => Some(Event::End(TagEnd::Heading(lower(level)))),
        Event::Text(text) if is_defanged => Some(Event::Text(CowStr::from(defang::text(&text)))),
        Event::Code(text) if is_defanged => Some(Event::Code(CowStr::from(defang::text(&text)))),
        event => Some(event),
    });
    let mut page = String::new();
    html::push_html(&mut page, events);
    page
}

/// Notes as Markdown for other readers: as they were written, but for HTML, pictures and links that lead elsewhere.
pub(super) fn as_markdown(notes: &str, is_defanged: bool) -> String {
    let notes = &seen(notes);
    let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    let (mut taken_until, mut is_code) = (0, false);
    for (event, range) in parser(notes).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => is_code = true,
            Event::End(TagEnd::CodeBlock) => is_code = false,
            _ => {}
        }
        if range.start < taken_until {
            continue;
        }
        let edit = match &event {
            // All of it: behind a tag stands what was no markup as long as the tag was one.
            Event::Html(text) | Event::InlineHtml(text) => {
                Some(text.split('\n').map(markdown_text).collect::<Vec<_>>().join("\n"))
            }
            Event::Start(Tag::Link { dest_url, .. }) if is_defanged || !is_web(dest_url) => {
                Some(harmless(&notes[range.clone()], is_defanged))
            }
            Event::Start(Tag::Image { .. }) => Some(harmless(&notes[range.clone()], is_defanged)),
            Event::Text(text) if is_defanged => {
                let safe = defang::text(text);
                let is_changed = safe != **text;
                // The text is without its escapes; in code there are none.
                is_changed.then(|| if is_code { safe } else { markdown_text(&safe) })
            }
            Event::Code(_) if is_defanged => Some(defang::text(&notes[range.clone()])),
            _ => None,
        };
        if let Some(text) = edit {
            taken_until = range.end;
            edits.push((range, text));
        }
    }
    let mut edited = notes.to_owned();
    edits.into_iter().rev().for_each(|(range, text)| edited.replace_range(range, &text));
    edited
}

/// A link or picture as the text it was written as.
fn harmless(written: &str, is_defanged: bool) -> String {
    if is_defanged { markdown_text(&defang::text(written)) } else { markdown_text(written) }
}

fn is_web(url: &str) -> bool {
    SCHEMES.iter().any(|scheme| url.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)))
}

fn lower(level: pulldown_cmark::HeadingLevel) -> pulldown_cmark::HeadingLevel {
    let lowered = level as usize + HEADING_LEVELS_DOWN;
    pulldown_cmark::HeadingLevel::try_from(lowered).unwrap_or(pulldown_cmark::HeadingLevel::H6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "# Case\n\n<script>alert(1)</script>\n\nA <b onclick=x>word</b>, [a](javascript:alert(1)), [b](https://docs.example/x), \
                           ![c](https://tracker.example/p.png), <https://docs.example>\n\n| a | b |\n|---|---|\n| 1 | evil.example |";

    #[test]
    fn nothing_in_notes_runs_or_fetches() {
        let page = as_html(HOSTILE, false);
        for bad in ["<script", "<b ", "javascript:", "<img", "tracker"] {
            assert!(!page.contains(bad), "{bad}: {page}");
        }
        assert!(page.contains("<h3>Case</h3>") && page.contains("&lt;script&gt;") && page.contains("<table>"));
        assert!(page.contains("<a href=\"https://docs.example/x\">b</a>"));
        let text = as_markdown(HOSTILE, false);
        assert!(!text.contains("<script") && !text.contains("](javascript:") && !text.contains("![c]"), "{text}");
        assert!(text.starts_with("# Case") && text.contains("[b](https://docs.example/x)"), "{text}");
    }

    #[test]
    fn what_was_escaped_stays_so() {
        let notes = "\\<b> a.example\n\n`b.example` <i>[x](javascript:x)</i>\n\n```\nc.example\n```";
        let text = as_markdown(notes, true);
        assert!(!text.contains("<b>") && !text.contains("](javascript"), "{text}");
        assert!(text.contains("`b[.]example`") && text.contains("\nc[.]example\n"), "{text}");
        let block = as_markdown("<div>[x](javascript:x)", false);
        assert!(!block.contains("](javascript"), "{block}");
    }

    #[test]
    fn defanged_notes_have_no_links() {
        let page = as_html(HOSTILE, true);
        assert!(!page.contains("<a ") && page.contains("evil[.]example"), "{page}");
        let text = as_markdown(HOSTILE, true);
        assert!(!text.contains("](https://") && text.contains("evil\\[.\\]example"), "{text}");
    }
}
