//! What is wrong with a configuration: the file, the line, the key, and the key that was meant.
//!
//! The lines of the file are never repeated: a secret may stand in them where it should not.

use std::path::{Path, PathBuf};

use flow_engine::nearest_names;

/// Keys or values named in one hint at most.
const NAMES_LISTED_MAX: usize = 16;

/// Why the configuration cannot be used. `Display` is the fact, [`hint`](Self::hint) the advice.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("cannot read the configuration `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("the configuration `{}` is wrong in line {line}, column {column}: {fact}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong there.
        fact: String,
        /// What to write instead.
        hint: Option<String>,
    },
}

impl ConfigError {
    /// From what the parser says of the text.
    pub(super) fn malformed(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        let (fact, hint) = worded(error.message());
        ConfigError::Malformed { path: path.to_owned(), line, column, fact, hint }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            ConfigError::Unreadable { .. } => {
                Some(format!("Check the path; {} names the file, and without it is searched for", super::CONFIG_ENV))
            }
            ConfigError::Malformed { hint, .. } => hint.clone(),
        }
    }
}

/// Line and column, from 1, of a byte of the text.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Of "unknown field `x`, expected one of `a`, `b`" the fact and, with the nearest name, the hint.
fn worded(message: &str) -> (String, Option<String>) {
    let Some((fact, expected)) = message.split_once(", expected ").filter(|_| message.starts_with("unknown ")) else {
        return (without_value(message.trim_end()), None);
    };
    let fact = fact.replacen("unknown field", "unknown key", 1).replacen("unknown variant", "unknown value", 1);
    let wanted = quoted(&fact).next().unwrap_or_default();
    let known: Vec<&str> = quoted(expected).collect();
    let mut hint = match nearest_names(wanted, known.iter().copied(), 1).first() {
        Some(nearest) => format!("did you mean `{nearest}`? "),
        None => String::new(),
    };
    let listed = known.iter().take(NAMES_LISTED_MAX).copied().collect::<Vec<_>>().join(", ");
    let more = if known.len() > NAMES_LISTED_MAX { ", …" } else { "" };
    if !listed.is_empty() {
        hint.push_str(&format!("possible here: {listed}{more}"));
    }
    (fact, (!hint.is_empty()).then_some(hint))
}

/// Of "invalid type: string "x", expected y" the text is left out: it may be a secret that was written in a wrong place.
fn without_value(message: &str) -> String {
    let what = ["invalid type: string ", "invalid value: string "].into_iter().find(|what| message.starts_with(what));
    match (what, message.rfind(", expected ")) {
        (Some(_), Some(end)) => format!("this is a text{}", &message[end..]),
        _ => message.to_owned(),
    }
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Config;

    #[track_caller]
    fn check(text: &str, line: usize, fact: &str, hint: &str) {
        let error = toml::from_str::<Config>(text).unwrap_err();
        let error = ConfigError::malformed(Path::new("flowdeck.toml"), text, &error);
        let shown = error.to_string();
        assert!(shown.contains("flowdeck.toml") && shown.contains(&format!("line {line}, ")), "{shown}");
        assert!(shown.contains(fact), "{shown}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{:?}", error.hint());
    }

    #[test]
    fn errors_name_line_key_and_what_was_meant() {
        check("[sources.flows]\nlocatoin = \"x\"\n", 2, "unknown key `locatoin`", "did you mean `location`?");
        check("[source.flows]\nlocation = \"x\"\n", 1, "unknown key `source`", "did you mean `sources`?");
        check("[sources.a]\nlocation = \"x\"\nconnector = \"zek\"\n", 3, "connector `zek`", "did you mean `zeek`?");
        check("[sources.a]\nlocation = \"x\"\nschema = \"flow\"\n", 3, "value `flow`", "did you mean `flows`?");
        check(
            "[sources.a]\nlocation = \"x\"\ntime_zone = \"Europe/Prag\"\n",
            3,
            "time zone `Europe/Prag`",
            "did you mean `Europe/Prague`?",
        );
        check(
            "[sources.a]\nlocation = \"x\"\n[sources.a.columns]\nsrcip = \"sa\"\n",
            4,
            "column `srcip`",
            "did you mean `src_ip`?",
        );
        check(
            "[sources.a]\nlocation = \"x\"\ncolumns = { start_time = { column = \"t\", unti = \"s\" } }\n",
            3,
            "unti",
            "unit",
        );
        check("[sources.a]\nlocation = \"x\"\nclock_offset = \"2 parsecs\"\n", 3, "2 parsecs", "");
        check("[sources.a]\nschema = \"flows\"\n", 1, "missing field `location`", "");
        check("[networks]\ninternal = [\"10.0.0.0/8\", \"10.0.0.300\"]\n", 2, "10.0.0.300", "");
        check("[blocklists.\"a, b\"]\nfile = \"x\"\n", 1, "letters, digits", "");
        check("[sources.a\nlocation = \"x\"\n", 1, "unclosed table", "");
    }

    #[test]
    fn a_secret_in_a_wrong_place_is_not_repeated() {
        const PLANTED: &str = "s3cr3t-of-a-test";
        for text in [
            format!("[sources.a]\nlocation = \"x\"\nsecrets = {{ token = \"{PLANTED}\" }}\n"),
            format!("[sources.a]\nlocation = \"x\"\nsecrets = {{ token = {{ evn = \"{PLANTED}\" }} }}\n"),
            format!("[sources.a]\nlocation = \"x\"\nsecrets = {{ token = {{ env = \"{PLANTED}\" }} }}\n"),
            format!("[sources.a]\nlocation = \"x\"\ntoken = \"{PLANTED}\"\n"),
            format!("[sources.a]\nlocation = \"x\"\nsecrets = \"{PLANTED}\"\n"),
            format!("[sources.a]\nlocation = \"x\"\nsecrets = {{ token = \"{PLANTED} }}\n"),
        ] {
            let error = toml::from_str::<Config>(&text).unwrap_err();
            let error = ConfigError::malformed(Path::new("flowdeck.toml"), &text, &error);
            let shown = format!("{error} {:?} {error:?}", error.hint());
            assert!(!shown.contains(PLANTED), "{shown}");
        }
    }
}
