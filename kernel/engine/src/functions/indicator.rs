//! Addresses, names and links made harmless for reports, and back.

use super::address;
use super::arguments::{Kind, required};
use super::scalar::{Returns, ScalarFunction};
use super::text::{FunctionText, example};

/// (what is written in links, what is written instead).
const SCHEMES: &[(&str, &str)] = &[("https", "hxxps"), ("http", "hxxp"), ("ftp", "fxp")];
/// (what people write in reports, what it stands for), in lower case.
const DEFANGED: &[(&str, &str)] = &[
    ("[://]", "://"),
    ("[:]//", "://"),
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("[:]", ":"),
    ("[@]", "@"),
    ("[at]", "@"),
    ("(at)", "@"),
];

pub(super) static DEFANG: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "defang",
        syntax: "defang(text)",
        description: "An address, a domain name, a link or an e-mail address so that nothing opens it by accident.",
        examples: &[
            example("defang('http://evil.example/a.b')", "hxxp://evil[.]example/a.b"),
            example("defang('192.0.2.1')", "192[.]0[.]2[.]1"),
            example("defang('2001:db8::1')", "2001[:]db8[:][:]1"),
            example("defang('who@evil.example')", "who[@]evil[.]example"),
        ],
    },
    arguments: &[required("text", Kind::Text)],
    returns: Returns::Text,
    body: |arguments| {
        let texts = arguments.texts(0);
        arguments.build_texts(|row| Ok(texts.text(row).map(defang)))
    },
    prepare: None,
};

pub(super) static REFANG: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "refang",
        syntax: "refang(text)",
        description: "What defang made harmless as it was, also in the spellings of other reports: [.], (.), [dot], \
                      [@], [at], hxxp.",
        examples: &[
            example("refang('hxxps[://]evil(.)example[dot]org/x')", "https://evil.example.org/x"),
            example("refang(defang('2001:db8::1'))", "2001:db8::1"),
        ],
    },
    arguments: &[required("text", Kind::Text)],
    returns: Returns::Text,
    body: |arguments| {
        let texts = arguments.texts(0);
        arguments.build_texts(|row| Ok(texts.text(row).map(refang)))
    },
    prepare: None,
};

fn defang(text: &str) -> String {
    if address::parse(text).is_some_and(|address| address.is_ipv6()) || text.starts_with("::") {
        return text.replace('.', "[.]").replace(':', "[:]");
    }
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(host_end);
    let host = host.replace('.', "[.]").replace('@', "[@]");
    match scheme {
        None => format!("{host}{path}"),
        Some(scheme) => format!("{}://{host}{path}", harmless_scheme(scheme)),
    }
}

fn harmless_scheme(scheme: &str) -> String {
    let known = SCHEMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(scheme));
    known.map_or_else(|| scheme.to_string(), |(_, harmless)| (*harmless).to_string())
}

fn refang(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let begins =
            |spelling: &str| rest.get(..spelling.len()).is_some_and(|head| head.eq_ignore_ascii_case(spelling));
        if let Some((spelling, meaning)) = DEFANGED.iter().find(|(spelling, _)| begins(spelling)) {
            plain.push_str(meaning);
            rest = &rest[spelling.len()..];
        } else {
            plain.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    let Some((scheme, tail)) = plain.split_once("://") else { return plain };
    match SCHEMES.iter().find(|(_, harmless)| harmless.eq_ignore_ascii_case(scheme)) {
        Some((known, _)) => format!("{known}://{tail}"),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_defanged_comes_back() {
        for text in [
            "https://user@evil.example:8443/path.html?x=a.b#c.d",
            "evil.example",
            "10.0.0.1",
            "10.0.0.1:80",
            "::ffff:10.0.0.1",
            "fe80::1",
            "ftp://evil.example",
            "ssh://evil.example",
            "größe.example/ü",
            "",
        ] {
            assert_eq!(refang(&defang(text)), text);
        }
    }

    #[test]
    fn spellings_of_other_reports_are_read() {
        for (text, expected) in [
            ("hXXp://evil[DOT]example", "http://evil.example"),
            ("hxxps[:]//evil{.}example", "https://evil.example"),
            ("who(at)evil[.]example", "who@evil.example"),
            ("[ünï[", "[ünï["),
        ] {
            assert_eq!(refang(text), expected);
        }
    }
}
