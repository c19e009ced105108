//! Addresses, names and links written so that no program makes a link of them and nobody follows them by accident.

use flow_engine::render::Texts;

/// Makes a table harmless, where its values may name hosts.
pub(super) fn texts(texts: &mut Texts) {
    for row in &mut texts.rows {
        let named = row.iter_mut().zip(&texts.columns).filter(|(_, column)| column.may_name_hosts);
        named.filter_map(|(value, _)| value.as_mut()).for_each(|value| *value = text(value));
    }
}

/// Makes a text harmless, word by word: `evil[.]example`, `192[.]0[.]2[.]1`, `hxxps://…`; numbers stay as they are.
pub(super) fn text(text: &str) -> String {
    let parts_words =
        |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '[' | ']' | '(' | ')' | '<' | '>' | '`' | '"' | '\'');
    text.split_inclusive(parts_words).map(|piece| piece_of(piece, parts_words)).collect()
}

/// A word with what stands around it.
fn piece_of(piece: &str, parts_words: impl Fn(char) -> bool) -> String {
    let is_around = |c: char| parts_words(c) || matches!(c, '.' | '!' | '?');
    let tail = piece.trim_end_matches(&is_around).len();
    let (head, after) = piece.split_at(tail);
    let before = head.len() - head.trim_start_matches(is_around).len();
    let (before, word) = head.split_at(before);
    format!("{before}{}{after}", harmless(word))
}

fn harmless(word: &str) -> String {
    if word.contains(':') && word.split('/').next().is_some_and(|head| head.parse::<std::net::Ipv6Addr>().is_ok()) {
        return word.replacen(':', "[:]", 1);
    }
    let schemes = [("https://", "hxxps://"), ("http://", "hxxp://"), ("ftp://", "fxp://")];
    let scheme = schemes.into_iter().find(|(scheme, _)| word.contains(scheme));
    let written = scheme.map_or_else(|| word.to_owned(), |(scheme, safe)| word.replace(scheme, safe));
    let host = written.rsplit("://").next().unwrap_or_default().split(['/', ':', '?']).next().unwrap_or_default();
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok();
    // A name ends with letters; `1.5` and `2024-02-05T10:00:00.5Z` are numbers.
    let ends_as_name = last.starts_with("xn--") || last.chars().count() > 1 && last.chars().all(char::is_alphabetic);
    match scheme.is_some() || is_address || written.contains('@') || host.contains('.') && ends_as_name {
        true => written.replace('.', "[.]").replace('@', "[@]"),
        false => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_followed_is_harmless_and_numbers_stay() {
        for (plain, harmless) in [
            ("evil.example", "evil[.]example"),
            ("192.0.2.1", "192[.]0[.]2[.]1"),
            ("10.0.0.0/8, !10.1.2.3", "10[.]0[.]0[.]0/8, !10[.]1[.]2[.]3"),
            ("2001:db8::1", "2001[:]db8::1"),
            ("see https://evil.example/a.exe now.", "see hxxps://evil[.]example/a[.]exe now."),
            ("who@evil.example", "who[@]evil[.]example"),
            ("[a.example, b.example]", "[a[.]example, b[.]example]"),
            ("1.5 GB", "1.5 GB"),
            ("2024-02-05T10:00:00.5Z", "2024-02-05T10:00:00.5Z"),
            ("rdp", "rdp"),
            ("called 10.0.0.1.", "called 10[.]0[.]0[.]1."),
        ] {
            assert_eq!(text(plain), harmless, "{plain}");
        }
    }
}
