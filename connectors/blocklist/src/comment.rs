//! Comments of lists: which lines are some, and the date that a list says it was made on.

use chrono::{DateTime, NaiveDate};

/// What comments begin with: most lists, Spamhaus and the like, filters of browsers.
const MARKS: &[&str] = &["#", ";", "!", "//"];
/// Words beside the date of a list.
const DATE_WORDS: &[&str] = &["updated", "modified", "generated", "created", "date", "version"];
const DATE_FORMATS: &[&str] = &["%Y-%m-%d", "%Y/%m/%d", "%d %B %Y", "%d %b %Y"];
/// The longest date of these formats.
const DATE_CHARS_MAX: usize = "27 September 2024".len();

/// The text of a line that is a comment as a whole.
pub(crate) fn comment(line: &str) -> Option<&str> {
    let mark = MARKS.iter().find(|mark| line.starts_with(**mark))?;
    Some(line[mark.len()..].trim())
}

/// The date in a comment that tells when the list was made, such as `Last updated: 2024-02-05 10:31:00 UTC`.
pub(crate) fn date_of_list(comment: &str) -> Option<NaiveDate> {
    let lower = comment.to_lowercase();
    if !DATE_WORDS.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let behind = comment.split_once(':').map_or(comment, |(_, rest)| rest).trim();
    if let Ok(moment) = DateTime::parse_from_rfc2822(behind) {
        return Some(moment.to_utc().date_naive());
    }
    comment.char_indices().filter(|(_, sign)| sign.is_ascii_digit()).find_map(|(at, _)| date(&comment[at..]))
}

/// The date that a text begins with.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    let text = text.get(..DATE_CHARS_MAX).unwrap_or(text);
    DATE_FORMATS.iter().find_map(|format| NaiveDate::parse_and_remainder(text, format).ok().map(|(date, _)| date))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_lists() {
        let day = NaiveDate::from_ymd_opt(2024, 2, 5);
        for line in [
            "# Last updated: 2024-02-05 10:31:00 UTC #",
            "; Last-Modified: Mon, 05 Feb 2024 10:31:00 GMT",
            "# Date: 05 February 2024 10:31:00 (UTC)",
            "! Version: 2024/02/05",
            "#generated 2024-02-05T10:31:00Z",
        ] {
            assert_eq!(comment(line).and_then(date_of_list), day, "{line}");
        }
        for line in ["# Terms of 2024-02-05", "# Last updated: yesterday", "203.0.113.1", "# version 2", "#"] {
            assert_eq!(comment(line).and_then(date_of_list), None, "{line}");
        }
    }
}
