//! The types of variables as rustc names them, and as a later cell can.
//!
//! rustc shortens what has one meaning only: `HashMap` for `std::collections::HashMap`. Later cells need not have
//! imported it. What a short name stands for is asked once, and remembered beside the compiled cells.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use super::files;

/// Names that mean the same in every cell.
const ALWAYS_KNOWN: &[&str] = &[
    "bool",
    "char",
    "str",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "dyn",
    "mut",
    "const",
    "fn",
    "for",
    "as",
    "unsafe",
    "extern",
    "Send",
    "Sync",
    "Unpin",
    "Copy",
    "Clone",
    "Fn",
    "FnMut",
    "FnOnce",
    "Iterator",
    "IntoIterator",
    "DoubleEndedIterator",
    "ExactSizeIterator",
    "Extend",
    "ToString",
    "Default",
    "PartialEq",
    "Eq",
    "PartialOrd",
    "Ord",
    "From",
    "Into",
    "AsRef",
    "AsMut",
];

/// Types whose short names an import can take away, as `use std::io::Result` does.
const PRELUDE_TYPES: &[(&str, &str)] = &[
    ("Vec", "std::vec::Vec"),
    ("String", "std::string::String"),
    ("Option", "std::option::Option"),
    ("Result", "std::result::Result"),
    ("Box", "std::boxed::Box"),
];

/// Crates that every cell can name.
const CRATES: &[&str] = &["std", "core", "flowdeck"];

/// How rustc's warning begins and goes on, around the type.
const WARNING: &str = "trivial cast: `&";
const CAST: &str = "` as `*const ";

/// What is known of a type.
#[derive(Debug, PartialEq)]
pub enum Named {
    /// Later cells can write it so.
    Known(String),
    /// They may be able to: rustc must be asked whether they can. Or it is written another way than rustc does.
    ToTry(String),
    /// It has no name. The text is for the author.
    Nameless(String),
    /// Names in it are short, and of what is not known.
    Short,
}

/// The type in the message of a cast's warning.
pub fn in_warning(message: &str) -> Option<&str> {
    message.strip_prefix(WARNING)?.split_once(CAST).map(|(name, _)| name)
}

/// Short names and what they stand for.
pub struct Names {
    file: PathBuf,
    names: HashMap<String, String>,
}

impl Names {
    /// Those that were learnt before.
    pub fn read(folder: &Path) -> Names {
        let file = folder.join("names.json");
        let names = fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Names { file, names }
    }

    /// A type as later cells write it. `items` are the names that the session's items have.
    pub fn named(&self, name: &str, items: &BTreeSet<String>) -> Named {
        if name.contains("{closure@") || name.contains("{async") {
            return Named::Nameless(without_places(name));
        }
        if let Some(function) = function_pointer(name) {
            return Named::ToTry(function.to_owned());
        }
        if name.contains(['{', '!']) || words_of(name).any(|word| word == "impl") {
            return Named::Nameless(name.to_owned());
        }
        let mut written = String::new();
        let mut is_sure = true;
        let tokens = tokens(name);
        for (index, token) in tokens.iter().enumerate() {
            let is_assigned = tokens.get(index + 1).is_some_and(|next| next.text.starts_with(" = "));
            match token.kind {
                Kind::Path if is_assigned || is_known(token.text, items) => written.push_str(token.text),
                Kind::Path => match in_prelude(token.text).or_else(|| self.names.get(token.text).map(String::as_str)) {
                    Some(whole) => written.push_str(whole),
                    None if token.text.contains("::") => {
                        is_sure = false;
                        written.push_str(token.text);
                    }
                    None => return Named::Short,
                },
                // What is kept borrows from nothing that ends.
                Kind::Lifetime => written.push_str("'static"),
                Kind::Other => written.push_str(token.text),
            }
        }
        if is_sure { Named::Known(written) } else { Named::ToTry(written) }
    }

    /// Learns from a type's short name and its whole one.
    pub fn learn(&mut self, short: &str, whole: &str) {
        let paths = |name| tokens(name).into_iter().filter(|token| token.kind == Kind::Path).map(|token| token.text);
        for (short, whole) in paths(short).zip(paths(whole)) {
            let is_of_a_crate = whole.split("::").next().is_some_and(|first| CRATES.contains(&first));
            if short != whole && is_of_a_crate && whole.ends_with(short) {
                self.names.insert(short.to_owned(), whole.to_owned());
            }
        }
        // Without it the next new variable of such a type costs one more question.
        if let Ok(text) = serde_json::to_vec(&self.names) {
            let _ = files::write_whole(&self.file, &text);
        }
    }
}

/// A name without where closures in it are.
fn without_places(name: &str) -> String {
    let mut parts = name.split('@');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| name + part.find('}').map_or("", |end| &part[end..]))
}

fn in_prelude(name: &str) -> Option<&'static str> {
    PRELUDE_TYPES.iter().find(|(short, _)| *short == name).map(|(_, whole)| *whole)
}

/// The pointer's type for that of a function itself, which rustc names but nobody else can.
fn function_pointer(name: &str) -> Option<&str> {
    let starts = ["fn(", "unsafe fn(", "for<", "extern "];
    let (pointer, function) = name.split_once(" {")?;
    let is_whole = function.ends_with('}') && !pointer.contains(['{', '}']) && !function.contains('{');
    (is_whole && starts.iter().any(|start| name.starts_with(start))).then_some(pointer)
}

fn is_known(path: &str, items: &BTreeSet<String>) -> bool {
    match path.split_once("::") {
        Some((first, _)) => CRATES.contains(&first),
        None => ALWAYS_KNOWN.contains(&path) || items.contains(path) || path.starts_with(|c: char| c.is_ascii_digit()),
    }
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    super::source::words(text)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Path,
    Lifetime,
    Other,
}

#[derive(Debug)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
}

/// A type in pieces: paths, lifetimes, and what is between them.
fn tokens(name: &str) -> Vec<Token<'_>> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = if first == '\'' {
            let length = rest[1..].find(|c| !is_name(c)).map_or(rest.len(), |length| length + 1);
            (Kind::Lifetime, length)
        } else if is_name(first) {
            (Kind::Path, path_length(rest))
        } else {
            (Kind::Other, rest.find(|c| is_name(c) || c == '\'').unwrap_or(rest.len()))
        };
        let (text, behind) = rest.split_at(length);
        tokens.push(Token { kind, text });
        rest = behind;
    }
    tokens
}

fn path_length(text: &str) -> usize {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut length = 0;
    loop {
        let segment = text[length..].find(|c| !is_name(c)).unwrap_or(text.len() - length);
        length += segment;
        let goes_on = text[length..].strip_prefix("::").is_some_and(|rest| rest.starts_with(is_name));
        if !goes_on {
            return length;
        }
        length += "::".len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(known: &[(&str, &str)]) -> Names {
        let names = known.iter().map(|(short, whole)| ((*short).to_owned(), (*whole).to_owned())).collect();
        Names { file: std::env::temp_dir().join("flowdeck-no-such-folder/names.json"), names }
    }

    #[track_caller]
    fn check(name: &str, wanted: Named) {
        let items = ["Point".to_owned(), "shapes".to_owned()].into();
        assert_eq!(names(&[("HashMap", "std::collections::HashMap")]).named(name, &items), wanted, "{name}");
    }

    fn known(text: &str) -> Named {
        Named::Known(text.to_owned())
    }

    #[test]
    fn what_every_cell_can_write_is_known() {
        for name in ["i32", "&str", "(u8, f64, [Point; 3])", "std::ops::Range<i32>", "()"] {
            check(name, known(name));
        }
        check("Vec<Option<Point>>", known("std::vec::Vec<std::option::Option<Point>>"));
        check("HashMap<String, u8>", known("std::collections::HashMap<std::string::String, u8>"));
        check("Box<dyn Fn(i32) -> i32 + Send>", known("std::boxed::Box<dyn Fn(i32) -> i32 + Send>"));
        check("Box<dyn Iterator<Item = u32>>", known("std::boxed::Box<dyn Iterator<Item = u32>>"));
        check("W<'_>", Named::Short);
        check("std::str::Split<'_, char>", known("std::str::Split<'static, char>"));
    }

    #[test]
    fn what_is_not_sure_is_tried_or_asked() {
        check("Rc<u8>", Named::Short);
        check("shapes::Circle", Named::ToTry("shapes::Circle".to_owned()));
        check("fn(i32) -> i32 {double}", Named::ToTry("fn(i32) -> i32".to_owned()));
    }

    #[test]
    fn what_has_no_name_is_told_as_such() {
        check("{closure@src/cell_lib.rs:9:1: 9:4}", Named::Nameless("{closure}".to_owned()));
        let filter = "Filter<IntoIter<i32>, {closure@cell-1:9:1: 9:4}>";
        check(filter, Named::Nameless("Filter<IntoIter<i32>, {closure}>".to_owned()));
        check("{async block@cell-1:9:1: 9:4}", Named::Nameless("{async block}".to_owned()));
        check("impl Iterator<Item = u32>", Named::Nameless("impl Iterator<Item = u32>".to_owned()));
        let local = "flowdeck_cell::{closure#0}::Local";
        check(local, Named::Nameless(local.to_owned()));
    }

    #[test]
    fn short_names_are_learnt_from_whole_ones() {
        let mut names = names(&[]);
        names.learn("Rc<RefCell<Deep>>", "std::rc::Rc<std::cell::RefCell<inner::Deep>>");
        assert_eq!(names.names.len(), 2, "what is not of a crate may mean something else tomorrow");
        assert_eq!(names.named("Rc<i32>", &BTreeSet::new()), known("std::rc::Rc<i32>"));
    }

    #[test]
    fn the_type_is_taken_out_of_the_warning() {
        assert_eq!(in_warning("trivial cast: `&Vec<u64>` as `*const Vec<u64>`"), Some("Vec<u64>"));
        assert_eq!(in_warning("unused variable: `x`"), None);
    }
}
