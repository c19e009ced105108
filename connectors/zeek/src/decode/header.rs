//! Zeek's header lines: separators, markers, the log's name, fields and types.
//!
//! A file may hold several header blocks (concatenated or rotated logs); each `#separator` or `#fields` line begins
//! a new one.

use super::{excerpt, value};
use crate::options::COLUMNS_MAX;
use crate::types::Kind;

/// One header block.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) separator: u8,
    pub(crate) set_separator: Vec<u8>,
    pub(crate) empty: Vec<u8>,
    pub(crate) unset: Vec<u8>,
    /// `#path`: the log's name, e.g. `conn`.
    pub(crate) path: Option<String>,
    /// Names in file order; a repeated name becomes `name_2`.
    pub(crate) fields: Vec<String>,
    types: Option<Vec<Kind>>,
}

/// A header line that cannot be followed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadHeader {
    pub(crate) found: String,
    pub(crate) expected: String,
}

impl Default for Header {
    /// Zeek's defaults, for headers that leave something out.
    fn default() -> Self {
        Self {
            separator: b'\t',
            set_separator: b",".to_vec(),
            empty: b"(empty)".to_vec(),
            unset: b"-".to_vec(),
            path: None,
            fields: Vec::new(),
            types: None,
        }
    }
}

impl Header {
    /// Takes one line that begins with `#`. `Ok(true)` when it begins a new block.
    pub(crate) fn read(&mut self, line: &[u8]) -> Result<bool, BadHeader> {
        if let Some(separator) = line.strip_prefix(b"#separator") {
            *self = Self { separator: read_separator(separator)?, ..Self::default() };
            return Ok(true);
        }
        let (name, rest) = match memchr::memchr(self.separator, line) {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &[][..]),
        };
        match name {
            b"#set_separator" => self.set_separator = value::unescape(rest),
            b"#empty_field" => self.empty = value::unescape(rest),
            b"#unset_field" => self.unset = value::unescape(rest),
            b"#path" => self.path = Some(value::text(rest).into_owned()),
            b"#fields" => {
                self.types = None;
                self.fields = self.read_fields(rest)?;
                return Ok(true);
            }
            b"#types" => self.types = Some(self.read_types(rest)?),
            _ => {}
        }
        Ok(false)
    }

    /// Names and kinds of the columns; without a `#types` line those of Zeek's own logs.
    pub(crate) fn columns(&self) -> Vec<(String, Kind)> {
        let kind = |(index, name): (usize, &String)| match &self.types {
            Some(types) => types.get(index).cloned().unwrap_or(Kind::Text),
            None => Kind::of_known_column(name).unwrap_or(Kind::Text),
        };
        self.fields.iter().enumerate().map(|(index, name)| (name.clone(), kind((index, name)))).collect()
    }

    fn read_fields(&self, rest: &[u8]) -> Result<Vec<String>, BadHeader> {
        let mut names: Vec<String> = Vec::new();
        for raw in without_trailing_empty(rest.split(|byte| *byte == self.separator).collect()) {
            if names.len() >= COLUMNS_MAX {
                let found = format!("more than {COLUMNS_MAX} names");
                return Err(BadHeader { found, expected: "a #fields line of a Zeek log".into() });
            }
            let name = value::text(raw).into_owned();
            names.push(unique(name, &names));
        }
        if names.is_empty() {
            return Err(BadHeader {
                found: "a #fields line without names".into(),
                expected: "names of columns".into(),
            });
        }
        Ok(names)
    }

    fn read_types(&self, rest: &[u8]) -> Result<Vec<Kind>, BadHeader> {
        let names = without_trailing_empty(rest.split(|byte| *byte == self.separator).collect());
        if names.len() != self.fields.len() {
            return Err(BadHeader {
                found: format!("{} types", names.len()),
                expected: format!("{} types, one for each name of the #fields line", self.fields.len()),
            });
        }
        Ok(names.into_iter().map(|name| Kind::from_zeek(&value::text(name))).collect())
    }
}

/// `#separator \x09`; the blank between may also be a tab (SuperCowPowers/zat's date issue).
fn read_separator(rest: &[u8]) -> Result<u8, BadHeader> {
    let written = match rest {
        [b' ' | b'\t', separator @ ..] => separator,
        _ => rest,
    };
    match value::unescape(written).as_slice() {
        [separator] => Ok(*separator),
        // A file that was copied through an editor may have lost its escape: a bare blank or tab.
        [] if !rest.is_empty() => Ok(b'\t'),
        other => Err(BadHeader {
            found: format!("separator `{}`", excerpt(other)),
            expected: "a separator of one character, such as \\x09".into(),
        }),
    }
}

fn without_trailing_empty(mut names: Vec<&[u8]>) -> Vec<&[u8]> {
    while names.last().is_some_and(|name| name.is_empty()) {
        names.pop();
    }
    names
}

/// `name`, or `name_2`, `name_3`… when it is taken.
fn unique(name: String, taken: &[String]) -> String {
    if !taken.contains(&name) {
        return name;
    }
    (2..)
        .map(|number| format!("{name}_{number}"))
        .find(|candidate| !taken.contains(candidate))
        .expect("numbers do not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<Header, BadHeader> {
        let mut header = Header::default();
        for line in lines {
            header.read(line.as_bytes())?;
        }
        Ok(header)
    }

    #[test]
    fn other_separators() {
        let header = read(&[
            "#separator \\x2c",
            "#set_separator,\\x3b",
            "#unset_field,",
            "#fields,a,b",
            "#types,count,set[int]",
        ])
        .expect("a header");
        assert_eq!(
            (header.separator, header.set_separator.as_slice(), header.unset.as_slice()),
            (b',', &b";"[..], &b""[..])
        );
        let counts = Kind::List(Box::new(Kind::Int));
        assert_eq!(header.columns(), [("a".into(), Kind::Count), ("b".into(), counts)]);
    }

    #[test]
    fn repeated_names_and_missing_types() {
        let header = read(&["#fields\tts\ta\ta\ta_2\ta"]).expect("a header");
        assert_eq!(header.fields, ["ts", "a", "a_2", "a_2_2", "a_3"]);
        assert_eq!(header.columns()[0].1, Kind::Time);
    }

    #[test]
    fn bad_headers_say_what_was_found() {
        let bad = read(&["#fields\ta\tb", "#types\tcount"]).expect_err("one type too few");
        assert_eq!((bad.found.as_str(), bad.expected.starts_with("2 types")), ("1 types", true));
        assert!(read(&["#separator \\x09\\x09"]).is_err());
        assert!(read(&["#fields"]).is_err());
    }
}
