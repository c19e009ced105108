//! Names that the session has no more, or never got: why, and what brings them back.

use std::collections::{BTreeSet, HashMap};

use ra_ap_syntax::{AstNode, ast};

use super::{diagnostics::named, rewritten};

/// Names that are remembered.
const NAMES_MAX: usize = 10_000;

/// Why a name is not there.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lost {
    /// A cell moved it out of its variable.
    Moved(u64),
    /// Its type is another by the same name now.
    Redefined,
    /// The cell that defines it did not get there.
    Failed(u64),
    /// The process with all variables ended, or was cleared.
    Ended,
}

/// What became of a cell, as far as names depend on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// It ran, though perhaps not to its end.
    Ran,
    /// It did not compile.
    Refused,
    /// The variables of all cells are gone.
    AllGone,
}

/// Names that are not there, and why.
#[derive(Debug, Default)]
pub struct Names {
    lost: HashMap<String, Lost>,
}

impl Names {
    /// Learns from a cell with this number. `before` are the variables that there were, `after` those that there are, with
    /// the items.
    pub fn learn(&mut self, number: u64, code: &str, end: End, before: &BTreeSet<String>, after: &BTreeSet<String>) {
        if self.lost.len() > NAMES_MAX {
            self.lost.clear();
        }
        for name in defined(code) {
            self.lost.insert(name, if end == End::AllGone { Lost::Ended } else { Lost::Failed(number) });
        }
        for name in before.difference(after) {
            let why = match end {
                End::Ran => Lost::Moved(number),
                End::Refused => Lost::Redefined,
                End::AllGone => Lost::Ended,
            };
            self.lost.insert(plain(name).to_owned(), why);
        }
        for name in after {
            self.lost.remove(plain(name));
        }
    }

    /// Why a name is not there, and what brings it back; nothing when it never was.
    pub fn hint(&self, name: &str) -> Option<String> {
        Some(match self.lost.get(plain(name))? {
            Lost::Moved(cell) => format!(
                "`{name}` was moved by {}: use `{name}.clone()` or `&{name}` there, and run the cell that defines it again",
                named(*cell)
            ),
            Lost::Redefined => {
                format!(
                    "the type of `{name}` was defined anew, so its value is gone: run the cell that defines it again"
                )
            }
            Lost::Failed(cell) => {
                format!("{} defines `{name}`, but failed: correct and run that one first", named(*cell))
            }
            Lost::Ended => {
                format!("`{name}` is gone with the process of Rust cells: run the cell that defines it again")
            }
        })
    }
}

/// A name without the mark of one that is else a keyword: some write it, some do not.
fn plain(name: &str) -> &str {
    name.trim_start_matches("r#")
}

/// The variables and items that a cell defines.
fn defined(code: &str) -> Vec<String> {
    let Some((list, _)) = rewritten::statements(code) else { return Vec::new() };
    let mut names = Vec::new();
    for statement in list.statements() {
        match statement {
            ast::Stmt::LetStmt(binding) => {
                let found = binding.pat().iter().flat_map(rewritten::bound_names).collect::<Vec<_>>();
                names.extend(found.iter().map(|name| plain(name.text()).to_owned()));
            }
            ast::Stmt::Item(item) => {
                let name = item.syntax().children().find_map(ast::Name::cast);
                names.extend(name.map(|name| plain(name.text()).to_owned()));
            }
            ast::Stmt::ExprStmt(_) => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn each_loss_has_its_reason_until_the_name_is_there_again() {
        let mut names = Names::default();
        names.learn(3, "let t = s;", End::Ran, &set(&["s"]), &set(&["t"]));
        assert!(names.hint("s").is_some_and(|hint| hint.contains("moved by cell [3]")), "{names:?}");
        names.learn(4, "p.x", End::Refused, &set(&["p", "t"]), &set(&["t"]));
        assert!(names.hint("p").is_some_and(|hint| hint.contains("defined anew")), "{names:?}");
        names.learn(5, "let (a, b) = f()?;\nfn g() {}", End::Refused, &set(&["t"]), &set(&["t"]));
        assert!(["a", "b", "g"].iter().all(|name| names.hint(name).is_some_and(|hint| hint.contains("cell [5]"))));
        names.learn(5, "let r#type = f()?;", End::Refused, &set(&["t"]), &set(&["t"]));
        assert!(["type", "r#type"].iter().all(|name| names.hint(name).is_some_and(|hint| hint.contains("cell [5]"))));
        names.learn(6, "let s = 1;", End::Ran, &set(&["t"]), &set(&["s", "t"]));
        assert_eq!((names.hint("s"), names.hint("never")), (None, None));
        names.learn(7, "let z = 1;", End::AllGone, &set(&["s", "t"]), &set(&[]));
        assert!(["s", "z"].iter().all(|name| names.hint(name).is_some_and(|hint| hint.contains("process"))));
    }
}
