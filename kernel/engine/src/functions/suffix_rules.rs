//! The public suffix list: where in a name the part begins that somebody registered.
//!
//! Compiled in; a newer list may be read from a file. Names come in normalised, see [`super::domain`].

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use psl::{Psl, Type};

use super::fault::FunctionFault;

/// Which rules count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sections {
    /// Also suffixes below which a company lets others register, such as `github.io`.
    All,
    /// Only those of registries.
    Icann,
}

#[derive(Debug)]
pub(super) struct SuffixRules {
    path: Option<PathBuf>,
    from_file: OnceLock<Result<publicsuffix::List, FunctionFault>>,
}

impl SuffixRules {
    pub(super) fn new(path: Option<PathBuf>) -> SuffixRules {
        SuffixRules { path, from_file: OnceLock::new() }
    }

    /// The public suffix of a normalised name.
    pub(super) fn suffix<'a>(&self, name: &'a str, sections: Sections) -> Result<Option<&'a str>, FunctionFault> {
        let Some((mut suffix, mut kind)) = self.longest(name)? else { return Ok(None) };
        // The longest suffix is a company's: the registry's is a shorter end of it.
        while sections == Sections::Icann && kind == Some(Type::Private) {
            let Some((_, shorter)) = suffix.split_once('.') else { break };
            let Some(found) = self.longest(shorter)? else { break };
            (suffix, kind) = found;
        }
        Ok(Some(suffix))
    }

    fn longest<'a>(&self, name: &'a str) -> Result<Option<(&'a str, Option<Type>)>, FunctionFault> {
        let found = match &self.path {
            None => psl::List.suffix(name.as_bytes()),
            Some(path) => {
                self.from_file.get_or_init(|| read(path)).as_ref().map_err(Clone::clone)?.suffix(name.as_bytes())
            }
        };
        Ok(found.and_then(|suffix| Some((std::str::from_utf8(suffix.as_bytes()).ok()?, suffix.typ()))))
    }
}

fn read(path: &Path) -> Result<publicsuffix::List, FunctionFault> {
    let unusable = |reason: String| FunctionFault::File { what: "public suffix list", path: path.into(), reason };
    let text = std::fs::read_to_string(path).map_err(|fault| unusable(fault.to_string()))?;
    let text: String = text.lines().map(|line| in_ascii(line) + "\n").collect();
    text.parse().map_err(|fault: publicsuffix::Error| unusable(fault.to_string()))
}

/// Names come in their xn-- form, so rules must have it too.
fn in_ascii(line: &str) -> String {
    if line.starts_with("//") || line.is_ascii() {
        return line.to_string();
    }
    let (exception, rule) = line.strip_prefix('!').map_or(("", line), |rule| ("!", rule));
    idna::domain_to_ascii(rule).map_or_else(|_| line.to_string(), |rule| format!("{exception}{rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_differ() {
        let rules = SuffixRules::new(None);
        for (name, all, icann) in [
            ("www.example.co.uk", "co.uk", "co.uk"),
            ("www.example.uk.com", "uk.com", "com"),
            ("me.github.io", "github.io", "io"),
            ("a.b.s3.dualstack.eu-west-1.amazonaws.com", "s3.dualstack.eu-west-1.amazonaws.com", "com"),
            ("host.local", "local", "local"),
            ("a.b.ck", "b.ck", "b.ck"),
            ("www.ck", "ck", "ck"),
        ] {
            assert_eq!(rules.suffix(name, Sections::All).expect("compiled in"), Some(all), "{name}");
            assert_eq!(rules.suffix(name, Sections::Icann).expect("compiled in"), Some(icann), "{name}");
        }
    }

    #[test]
    fn a_file_replaces_the_list() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("list.dat");
        let list = "// ===BEGIN ICANN DOMAINS===\ntest\nco.test\n公司.test\n// ===END ICANN DOMAINS===\n\
                    // ===BEGIN PRIVATE DOMAINS===\nhosting.test\n// ===END PRIVATE DOMAINS===\n";
        std::fs::write(&path, list).expect("a file");
        let rules = SuffixRules::new(Some(path));
        let suffix = |name, sections| rules.suffix(name, sections).expect("a list").map(str::to_string);
        assert_eq!(suffix("a.b.co.test", Sections::All).as_deref(), Some("co.test"));
        assert_eq!(suffix("a.hosting.test", Sections::All).as_deref(), Some("hosting.test"));
        assert_eq!(suffix("a.hosting.test", Sections::Icann).as_deref(), Some("test"));
        assert_eq!(suffix("a.xn--55qx5d.test", Sections::All).as_deref(), Some("xn--55qx5d.test"));
        assert_eq!(suffix("www.example.com", Sections::All).as_deref(), Some("com"));
    }

    #[test]
    fn an_unusable_file_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = SuffixRules::new(Some(folder.path().join("missing.dat")));
        let fault = missing.suffix("example.com", Sections::All).expect_err("no file");
        assert!(fault.to_string().contains("missing.dat"), "{fault}");
        let empty = folder.path().join("empty.dat");
        std::fs::write(&empty, "// nothing\n").expect("a file");
        let fault = SuffixRules::new(Some(empty)).suffix("example.com", Sections::All).expect_err("no rules");
        assert!(fault.to_string().ends_with("the provided list is not valid"), "{fault}");
    }
}
