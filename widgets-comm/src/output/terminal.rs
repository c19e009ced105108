//! Text as a terminal would show it: a carriage return goes back to the start of the line, to write over it.
//!
//! The same as JupyterLab makes of a stream, done here so that a progress bar does not grow without end.

/// Writes more text after what is written.
pub(super) fn write(written: &mut String, more: &str) {
    // A carriage return at the end is kept: the next text decides whether a line feed follows.
    if !more.contains('\r') && !written.ends_with('\r') {
        written.push_str(more);
        return;
    }
    let line_start = written.rfind('\n').map_or(0, |end| end + 1);
    let open_line = written.split_off(line_start);
    let text = open_line + more;
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let is_last = lines.peek().is_none();
        written.push_str(&overwritten(line.trim_end_matches('\r')));
        if !is_last {
            written.push('\n');
        } else if line.ends_with('\r') {
            written.push('\r');
        }
    }
}

/// Each part after a carriage return replaces the start of what was there.
fn overwritten(line: &str) -> String {
    let mut parts = line.split('\r');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |below, part| {
        let rest = below.char_indices().nth(part.chars().count()).map_or("", |(start, _)| &below[start..]);
        format!("{part}{rest}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parts: &[&str], expected: &str) {
        let mut written = String::new();
        for part in parts {
            write(&mut written, part);
        }
        assert_eq!(written, expected);
    }

    #[test]
    fn a_carriage_return_goes_back_to_the_start_of_its_line() {
        check(&["log\n", "10%", "\r50%", "\r100%", "\ndone"], "log\n100%\ndone");
        check(&["abc\rx"], "xbc");
        check(&["äöü\rx"], "xöü");
        check(&["a\rb\nc\rd\n"], "b\nd\n");
    }

    #[test]
    fn a_line_may_end_with_both() {
        check(&["a\r\nb"], "a\nb");
        check(&["a\r", "\nb"], "a\nb");
        check(&["a\r\r\n"], "a\n");
    }

    #[test]
    fn a_carriage_return_at_the_end_waits_for_what_follows() {
        check(&["abc\r"], "abc\r");
        check(&["abc\r", "x"], "xbc");
        check(&["10%\r", "20%\r", "30%\r"], "30%\r");
    }
}
