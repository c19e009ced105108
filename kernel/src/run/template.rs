//! Names of files with placeholders: `scans_{src}_{from}.csv`, as papermill has them.
//!
//! What stands for a placeholder comes from parameters: it can neither leave the folder nor hide in it.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Result, anyhow, bail};
use flow_engine::nearest_names;

/// Characters of one value in a name.
const VALUE_CHARS_MAX: usize = 60;

/// Stands for a value without a character that may be in a name.
const NOTHING: &str = "any";

/// A path with placeholders in braces; `{{` and `}}` are braces.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Value(String),
}

impl Template {
    /// Reads a path.
    ///
    /// # Errors
    /// When a brace stands alone.
    pub fn parse(text: &str) -> Result<Template> {
        let alone = |brace: char| {
            anyhow!(
                "`{brace}` stands alone in `{text}`\nhint: write {{NAME}} for the value of a field, and `{brace}{brace}` for the brace itself"
            )
        };
        let (mut parts, mut plain) = (Vec::new(), String::new());
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '{' | '}' if letters.peek() == Some(&letter) => plain.extend(letters.next()),
                '{' => {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                    let name: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
                    // `take_while` eats the closing brace; without one it has eaten the rest.
                    if !text.contains(&format!("{{{name}}}")) {
                        return Err(alone('{'));
                    }
                    parts.push(Part::Value(name));
                }
                '}' => return Err(alone('}')),
                letter => plain.push(letter),
            }
        }
        parts.push(Part::Text(plain));
        Ok(Template(parts))
    }

    /// Whether this placeholder is in it.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Value(value) if value == name))
    }

    /// The path with values for its placeholders.
    ///
    /// # Errors
    /// When there is no value of a name.
    pub fn filled(&self, values: &BTreeMap<String, String>) -> Result<PathBuf> {
        let mut path = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Value(name) => match values.get(name) {
                    Some(value) => path.push_str(&tame(value)),
                    None => {
                        let known: Vec<&str> = values.keys().map(String::as_str).collect();
                        let near = nearest_names(name, known.iter().copied(), 1);
                        let near = near.first().map(|near| format!("did you mean `{{{near}}}`? "));
                        bail!(
                            "there is no value for `{{{name}}}`\nhint: {}placeholders are {}",
                            near.unwrap_or_default(),
                            known.join(", ")
                        );
                    }
                },
            }
        }
        Ok(PathBuf::from(path))
    }

    /// This template with one more placeholder in front of the ending, unless it has it.
    #[must_use]
    pub fn with(mut self, name: &str) -> Template {
        if self.has(name) {
            return self;
        }
        let Some(Part::Text(last)) = self.0.pop() else { unreachable!("a template ends with a text") };
        let begin = last.rfind('/').map_or(0, |slash| slash + 1);
        // The name of a hidden file begins with a dot; behind a value every dot is one within the name.
        let is_ending = |dot: &usize| *dot > 0 || (begin == 0 && !self.0.is_empty());
        let ending = last[begin..].rfind('.').filter(is_ending);
        let (head, tail) = last.split_at(ending.map_or(last.len(), |dot| begin + dot));
        self.0.push(Part::Text(format!("{head}_")));
        self.0.push(Part::Value(name.to_owned()));
        self.0.push(Part::Text(tail.to_owned()));
        self
    }

    /// The path with the names of its placeholders instead of values: one for all runs.
    pub fn common(&self) -> PathBuf {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Value(name) => name.as_str(),
        });
        parts.collect::<String>().into()
    }
}

/// A value as a part of a file's name.
fn tame(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let tame: String = value.chars().map(|c| if is_plain(c) { c } else { '_' }).take(VALUE_CHARS_MAX).collect();
    let hidden = tame.len() - tame.trim_start_matches('.').len();
    let tame = format!("{}{}", "_".repeat(hidden), &tame[hidden..]);
    let is_empty = tame.chars().all(|c| matches!(c, '.' | '_'));
    if is_empty { NOTHING.to_owned() } else { tame }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn values() -> BTreeMap<String, String> {
        let pairs = [
            ("src", "10.0.0.0/8, ::1"),
            ("from", "20240205T000000Z"),
            ("bad", "../../etc"),
            ("none", ""),
            ("dot", ".x"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[track_caller]
    fn check(text: &str, path: &str) {
        assert_eq!(Template::parse(text).unwrap().filled(&values()).unwrap(), PathBuf::from(path));
    }

    #[test]
    fn values_stand_in_names() {
        check("out/{src}.ipynb", "out/10.0.0.0_8____1.ipynb");
        check("a{{b}}.csv", "a{b}.csv");
        check("{bad}/{none}.csv", "___.._etc/any.csv");
        check("{dot}/{dot}.csv", "_x/_x.csv");
        check("plain.csv", "plain.csv");
    }

    #[test]
    fn a_window_has_a_name_of_its_own() {
        for (text, path) in [
            ("a.b/out.csv", "a.b/out_20240205T000000Z.csv"),
            ("{from}.csv", "20240205T000000Z.csv"),
            ("out", "out_20240205T000000Z"),
            ("a.b/out", "a.b/out_20240205T000000Z"),
            ("a/.out", "a/.out_20240205T000000Z"),
            ("{dot}.csv", "_x_20240205T000000Z.csv"),
            ("scans_{dot}.csv", "scans__x_20240205T000000Z.csv"),
            ("out_{dot}.ipynb", "out__x_20240205T000000Z.ipynb"),
            ("{dot}/.csv", "_x/.csv_20240205T000000Z"),
            ("{dot}.tar.csv", "_x.tar_20240205T000000Z.csv"),
        ] {
            let template = Template::parse(text).unwrap().with("from");
            assert_eq!(template.filled(&values()).unwrap(), PathBuf::from(path), "{text}");
        }
        assert_eq!(Template::parse("a/x_{from}.csv").unwrap().common(), PathBuf::from("a/x_from.csv"));
    }

    #[test]
    fn what_has_no_value_is_named() {
        for (text, said) in
            [("{srcc}.csv", "did you mean `{src}`"), ("{x.csv", "stands alone"), ("x}.csv", "stands alone")]
        {
            let error = Template::parse(text).and_then(|template| template.filled(&values())).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
