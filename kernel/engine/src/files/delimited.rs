//! CSV and its relatives: which character separates the fields, and whether the first line names them.

use super::describe::as_text;

/// Separators in the order in which a tie is decided.
const SEPARATORS: &[u8] = b",\t;|";
/// Lines looked at.
const LINES_MAX: usize = 20;

/// How one delimited file is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Delimited {
    pub(crate) separator: u8,
    pub(crate) has_header: bool,
    /// The header as written: files that share it share one schema. Empty without a header.
    pub(crate) header: String,
    pub(crate) column_count: usize,
}

/// The dialect of `head`, or `None` when its lines do not look like rows of one table.
///
/// `is_whole` tells that the file ends where `head` does; otherwise the last line may be cut and is not counted.
/// One column is accepted only when the name claims CSV: any text is a table of one column.
pub(crate) fn sniff(head: &[u8], is_whole: bool, name_claims_it: bool) -> Option<Delimited> {
    let lines = complete_lines(as_text(head)?, is_whole);
    let first = *lines.first()?;
    // Some rows of a table may be bad.
    let most = if name_claims_it { agreeing(&lines, lines.len() / 2 + 1) } else { None };
    let (column_count, separator) = match agreeing(&lines, lines.len()).or(most) {
        Some(found) => found,
        None if name_claims_it && is_plausible_alone(&lines) => most_fields(first),
        None => return None,
    };
    let has_header = is_header(first, separator);
    let header = if has_header { first.to_string() } else { String::new() };
    Some(Delimited { separator, has_header, header, column_count })
}

/// The separator, and the number of columns, in which so many lines agree with the first.
fn agreeing(lines: &[&str], needed: usize) -> Option<(usize, u8)> {
    let first = *lines.first()?;
    let counted = SEPARATORS.iter().filter_map(|separator| {
        let column_count = field_count(first, *separator);
        let fits =
            |line: &str| field_count(without_empty_end(line, *separator, column_count), *separator) == column_count;
        let agree = lines.iter().filter(|line| fits(line)).count();
        (column_count > 1 && agree >= needed && lines.len() > 1).then_some((column_count, *separator))
    });
    counted.fold(None, |best: Option<(usize, u8)>, next| match best {
        Some(best) if best.0 >= next.0 => Some(best),
        _ => Some(next),
    })
}

/// The header's names, for messages.
pub(crate) fn names_of(header: &str, separator: u8) -> Vec<String> {
    header.split(char::from(separator)).map(|name| name.trim().trim_matches('"').to_string()).collect()
}

fn complete_lines(text: &str, is_whole: bool) -> Vec<&str> {
    let text = if is_whole { text } else { text.rfind('\n').map_or(text, |end| &text[..end]) };
    let mut lines = Vec::new();
    let (mut start, mut end) = (0, 0);
    let mut is_open = false;
    for line in text.split_inclusive('\n') {
        end += line.len();
        is_open = look_over(line.as_bytes(), |byte| SEPARATORS.contains(&byte), is_open).0;
        if !is_open {
            lines.push(text[start..end].trim_end_matches(['\n', '\r']));
            start = end;
        }
        if lines.len() == LINES_MAX {
            break;
        }
    }
    without_blank(lines)
}

fn without_blank(lines: Vec<&str>) -> Vec<&str> {
    lines.into_iter().filter(|line| !line.trim().is_empty()).collect()
}

/// Values of a record without its line end.
pub(super) fn field_count(record: &str, separator: u8) -> usize {
    look_over(record.as_bytes(), |byte| byte == separator, false).1 + 1
}

/// Whether a value in quotes goes on behind a text, and how many separators stand outside of quotes. As Arrow reads it, a
/// quote is one only where a value begins, and two of them within quotes are one that is meant.
pub(super) fn look_over(text: &[u8], is_separator: impl Fn(u8) -> bool, is_open_before: bool) -> (bool, usize) {
    let (mut is_open, mut begins, mut separators) = (is_open_before, !is_open_before, 0);
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (is_open, byte) {
            (true, b'"') if bytes.peek() == Some(&b'"') => drop(bytes.next()),
            (true, b'"') => is_open = false,
            (true, _) => continue,
            (false, b'"') if begins => is_open = true,
            (false, byte) => separators += usize::from(is_separator(byte)),
        }
        begins = !is_open && is_separator(byte);
    }
    (is_open, separators)
}

/// A record without empty values behind its last column: some programs write a separator behind each value.
pub(super) fn without_empty_end(record: &str, separator: u8, column_count: usize) -> &str {
    let separator_at_end = |text: &str| text.as_bytes().last() == Some(&separator);
    if !separator_at_end(record) {
        return record;
    }
    let mut kept = record;
    for _ in column_count..field_count(record, separator) {
        if !separator_at_end(kept) {
            break;
        }
        kept = &kept[..kept.len() - 1];
    }
    kept
}

fn most_fields(line: &str) -> (usize, u8) {
    let counted = SEPARATORS.iter().map(|separator| (field_count(line, *separator), *separator));
    counted.rev().max_by_key(|(count, _)| *count).unwrap_or((1, b','))
}

/// Text whose lines disagree on every separator can be a table only if it is one line or one column of words.
fn is_plausible_alone(lines: &[&str]) -> bool {
    lines.len() == 1 || lines.iter().all(|line| SEPARATORS.iter().all(|separator| field_count(line, *separator) == 1))
}

/// A header names things: no field is a number or an address. One may have no name, as the row numbers that pandas writes.
fn is_header(line: &str, separator: u8) -> bool {
    let names = names_of(line, separator);
    let unnamed = names.iter().filter(|name| name.is_empty()).count();
    unnamed <= 1
        && unnamed < names.len()
        && names.iter().all(|name| name.parse::<f64>().is_err() && name.parse::<std::net::IpAddr>().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(u8, bool, usize)>) {
        let found = sniff(text.as_bytes(), true, false);
        assert_eq!(found.map(|it| (it.separator, it.has_header, it.column_count)), expected, "{text:?}");
    }

    #[test]
    fn dialects() {
        check("a,b\n1,2\n", Some((b',', true, 2)));
        check("a;b;c\r\n1,0;2,0;3\r\n", Some((b';', true, 3)));
        check("a\tb\n1\t2\n", Some((b'\t', true, 2)));
        check("1,google.com\n2,youtube.com\n", Some((b',', false, 2)));
        check(",start,src\n0,1,10.0.0.1\n", Some((b',', true, 3)));
        check(",,src\n0,1,x\n", Some((b',', false, 3)));
        check("name,note\nx,\"one, two\nthree\"\n", Some((b',', true, 2)));
        check("id,size,name\n1,5\" disk,x\n2,6\" disk,y\n3,\"7\"\" disk\",z\n", Some((b',', true, 3)));
        check("a,b\n1,2,\n3,4,,\n5,6\n", Some((b',', true, 2)));
        check("Dear all,\nplease find attached\n", None);
        check("{\"a\":1}\n{\"a\":2}\n", None);
        check("\u{feff}a,b\n1,2", Some((b',', true, 2)));
    }

    #[test]
    fn a_bad_row_does_not_hide_a_table_whose_name_claims_it() {
        let found = sniff(b"a;b;c\n1;2;3\n4;5\n7;8;9\n", true, true).expect("a table");
        assert_eq!((found.separator, found.has_header, found.column_count), (b';', true, 3));
        assert!(sniff(b"a;b;c\n1;2\n4;5\n7;8;9\n", true, true).is_none(), "too few agree");
        assert!(sniff(b"a;b;c\n1;2;3\n4;5\n7;8;9\n", true, false).is_none(), "nobody claims it");
    }

    #[test]
    fn empty_values_behind_the_last_column_are_left_out() {
        for (record, kept) in [
            ("1,2", "1,2"),
            ("1,", "1,"),
            ("1,2,", "1,2"),
            ("1,2,,,", "1,2"),
            (",,", ","),
            ("1,2,3,", "1,2,3"),
            ("", ""),
        ] {
            assert_eq!(without_empty_end(record, b',', 2), kept, "{record}");
        }
        assert_eq!(without_empty_end("1,\"2,", b',', 2), "1,\"2,", "within quotes it is part of the value");
    }

    #[test]
    fn a_single_column_needs_the_name() {
        assert!(sniff(b"ip\n10.0.0.1\n", true, false).is_none());
        assert!(sniff(b"ip\n10.0.0.1\n", true, true).is_some());
    }

    #[test]
    fn a_cut_last_line_is_not_counted() {
        assert!(sniff(b"a,b\n1,2\n3", false, false).is_some());
    }
}
