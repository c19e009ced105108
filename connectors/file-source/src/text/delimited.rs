//! Values between separators, with or without quotes around them.

/// Finds the values of a line. A separator of a space stands for any number of blanks. Quotes around a value are left
/// out; a quote within quotes is not undone.
pub fn cut<'a>(line: &'a str, separator: u8, values: &mut Vec<&'a str>) {
    values.clear();
    if separator == b' ' {
        values.extend(line.split_ascii_whitespace());
        return;
    }
    let mut rest = line;
    loop {
        let (value, next) = next_value(rest, separator);
        values.push(value.trim());
        match next {
            Some(next) => rest = next,
            None => return,
        }
    }
}

fn next_value(text: &str, separator: u8) -> (&str, Option<&str>) {
    let bytes = text.as_bytes();
    let quoted = text.strip_prefix('"').and_then(|inner| closing_quote(inner, separator).map(|end| (inner, end)));
    if let Some((inner, end)) = quoted {
        let after = &inner[end + 1..];
        return (&inner[..end], after.get(1..));
    }
    match memchr::memchr(separator, bytes) {
        Some(end) => (&text[..end], Some(&text[end + 1..])),
        None => (text, None),
    }
}

/// A quote before a separator or the end of the line.
fn closing_quote(text: &str, separator: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'"', bytes).find(|end| bytes.get(end + 1).is_none_or(|next| *next == separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, separator: u8, expected: &[&str]) {
        let mut values = Vec::new();
        cut(line, separator, &mut values);
        assert_eq!(values, expected);
    }

    #[test]
    fn separators_blanks_and_quotes() {
        check("a,b,,c", b',', &["a", "b", "", "c"]);
        check("a, b ,", b',', &["a", "b", ""]);
        check("2 123  eni-1", b' ', &["2", "123", "eni-1"]);
        check(r#""a,b",c,"d""#, b',', &["a,b", "c", "d"]);
        check(r#""a"b,c"#, b',', &[r#""a"b"#, "c"]);
        check("", b',', &[""]);
    }
}
