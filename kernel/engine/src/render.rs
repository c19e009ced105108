//! Rows for eyes: as aligned text and as an HTML table.
//!
//! Every value comes from outside and may be hostile: nothing of it reaches the reader as markup, as a terminal
//! command or as text that reorders what stands around it. `cell` turns values into text, `text` and `html` lay them
//! out. Rows for files are in [`crate::export`]; tables that can be sorted and paged are a widget's business.

use std::time::Duration;

use crate::result::QueryResult;

pub(crate) mod cell;
mod html;
mod text;
mod texts;

pub use html::to_html;
pub use text::{note_lines, to_text};
pub use texts::{Column, Texts, texts};

/// The text with everything invisible made visible: control characters as their Unicode pictures, marks that change
/// the direction of text or have no width as their code points.
pub fn visible(text: &str) -> String {
    if text.chars().all(is_plain) {
        return text.to_string();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\u{0}'..='\u{1f}' => shown.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{2426}')),
            '\u{7f}' => shown.push('\u{2421}'),
            _ if is_plain(c) => shown.push(c),
            _ => shown.push_str(&format!("⟨U+{:04X}⟩", c as u32)),
        }
    }
    shown
}

fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// How many rows to lay out; 0 asks for all.
fn shown_rows(result: &QueryResult, max_rows: usize) -> usize {
    if max_rows == 0 { result.row_count } else { result.row_count.min(max_rows) }
}

/// "359 rows in 12 ms", "first 20 of 359 rows shown in 12 ms".
fn caption(result: &QueryResult, shown: usize) -> String {
    let time = readable_duration(result.elapsed);
    if result.schema.fields().is_empty() {
        return format!("Done in {time}");
    }
    let rows = |count: usize| format!("{} {}", with_commas(count as i128), if count == 1 { "row" } else { "rows" });
    let more = if result.truncated { "; there are more" } else { "" };
    let count = if result.truncated { format!("first {}", rows(result.row_count)) } else { rows(result.row_count) };
    if shown < result.row_count {
        let shown = with_commas(shown as i128);
        return format!("first {shown} of {} shown in {time}{more}", rows(result.row_count));
    }
    format!("{count} in {time}{more}")
}

/// "in 12 ms", with what the limit of the query left out: for whoever counts the rows beside it.
pub fn time_and_more(result: &QueryResult) -> String {
    let more = if result.truncated { "; there are more" } else { "" };
    format!("in {}{more}", readable_duration(result.elapsed))
}

fn readable_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        _ if seconds < 0.001 => "under 1 ms".into(),
        _ if seconds < 1.0 => format!("{} ms", duration.as_millis()),
        _ if seconds < 10.0 => format!("{seconds:.2} s"),
        _ if seconds < 60.0 => format!("{seconds:.1} s"),
        _ => format!("{} min {} s", duration.as_secs() / 60, duration.as_secs() % 60),
    }
}

/// 1234567 is 1,234,567.
pub fn with_commas(number: i128) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, RecordBatch};

    use super::*;

    #[test]
    fn invisible_characters_are_shown() {
        let cases = [
            ("plain ünï 日本 🦀", "plain ünï 日本 🦀"),
            ("a\nb\tc", "a␊b␉c"),
            ("\u{1b}[31mred", "␛[31mred"),
            ("evil\u{202e}txt.exe", "evil⟨U+202E⟩txt.exe"),
            ("zero\u{200b}width", "zero⟨U+200B⟩width"),
            ("\u{9b}31m", "⟨U+009B⟩31m"),
            ("del\u{7f}", "del␡"),
        ];
        for (text, expected) in cases {
            assert_eq!(visible(text), expected);
        }
    }

    #[test]
    fn captions() {
        let column = Arc::new(Int32Array::from_iter_values(0..30));
        let batch = RecordBatch::try_from_iter([("n", column as _)]).expect("one column");
        let mut result = QueryResult::of_batches(batch.schema(), vec![batch]);
        result.elapsed = Duration::from_millis(12);
        assert_eq!(caption(&result, 30), "30 rows in 12 ms");
        assert_eq!(caption(&result, 20), "first 20 of 30 rows shown in 12 ms");
        result.truncated = true;
        assert_eq!(caption(&result, 30), "first 30 rows in 12 ms; there are more");
        assert_eq!(caption(&result, 20), "first 20 of 30 rows shown in 12 ms; there are more");
    }

    #[test]
    fn durations_and_counts() {
        assert_eq!(readable_duration(Duration::from_micros(10)), "under 1 ms");
        assert_eq!(readable_duration(Duration::from_millis(1234)), "1.23 s");
        assert_eq!(readable_duration(Duration::from_secs(125)), "2 min 5 s");
        assert_eq!([with_commas(-1234567), with_commas(999)], ["-1,234,567", "999"]);
    }
}
