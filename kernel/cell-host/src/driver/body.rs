//! The function that evcxr writes for a cell, without what the cell does not need: variables that it does not name, the
//! old value of one that it defines anew, the frame for a `?` that is not there, the store when no variable is left.
//!
//! So a cell reads the same whether it runs for the first time or again, before others or after them. A function whose
//! frame is not one of evcxr 0.22's keeps it.

use std::collections::BTreeSet;

use ra_ap_syntax::{
    AstNode, Edition, SourceFile,
    ast::{self, HasModuleItem, HasName},
};

use super::{
    awaits,
    source::{CELL_FUNCTION, Line, words},
};

/// How evcxr checks, gives out and keeps variables.
const CHECK: &str = "vars_ok &= evcxr_variable_store.check_variable::<";
const TAKE: &str = " = evcxr_variable_store.take_variable::<";
pub const PUT: &str = "evcxr_variable_store.put_variable::<";

/// A type that no variable has.
const NO_TYPE: &str = "[std::convert::Infallible; 77]";

/// The frame of a cell with variables, in front of it and behind it, and that of one without.
const CATCHES: &str = "  std::panic::AssertUnwindSafe(||{";
const CAUGHT: &[&str] = &["})) { ", "  Ok(_) => {}", "  Err(_) => {"];
const CATCHES_WITHOUT: &[&str] = &["evcxr_variable_store: *mut u8) -> *mut u8 {", "if std::panic::catch_unwind(||{"];
const CAUGHT_WITHOUT: &str = "}).is_err() {";
const TELLS_PANIC: &str = "    println!(\"EVCXR_PANIC_NOTIFICATION\");";

/// evcxr's call that catches panics stands before [`CATCHES`]. The prelude has one, which a cell need not compile.
const CATCHING: &str = "match std::panic::catch_unwind(";
const COMPLETES: &str = "if !::flowdeck::completed(||{";
const COMPLETED: &str = "}) {";

/// Stands behind the checks of variables, and at the end of the function.
const CHECKED: &str = "if !vars_ok {return evcxr_variable_store;}}";
const GIVEN_BACK: &str = "evcxr_variable_store";

/// The frame of a cell in which `?` may stand.
const QUESTION: &str = "let _ = (|| -> std::result::Result<(), EvcxrUserCodeError> {";
const ANSWERED: &str = "Ok(())})();";

/// evcxr's function, from the line that exports it.
pub struct Body {
    pub lines: Vec<Line>,
    /// Whether the store of variables is used.
    pub has_store: bool,
    /// Variables that the cell defines, with the names of their types.
    pub defines: Vec<(String, String)>,
    /// Whether the type for the error of a `?` is used.
    pub has_question: bool,
}

impl Body {
    /// What the cell needs of evcxr's lines.
    pub fn new(lines: &[Line], has_runtime: bool) -> Body {
        let mut lines = lines.to_vec();
        if let Some(name) = lines.get_mut(1) {
            name.text = format!("pub extern \"C\" fn {CELL_FUNCTION}(");
        }
        let has_store = lines.get(2).is_none_or(|line| line.text != CATCHES_WITHOUT[0]);
        let mut body = Body { lines, has_store, has_question: false, defines: Vec::new() };
        body.defines = body.defined();
        if let Some(cell) = body.cell() {
            body.leave_out_variables(&cell);
            body.leave_out_question(&cell);
            body.leave_out_store();
            body.has_question = body.place(&[QUESTION]).is_some();
            if awaits::awaits(&cell) {
                body.wait_for_cell(has_runtime);
            }
        }
        body.has_question |= body.place(&[QUESTION]).is_some();
        body.catch_in_prelude();
        sort_variables(&mut body.lines);
        body
    }

    /// evcxr keeps what is new before it looks for a panic, and the rest behind that.
    fn defined(&self) -> Vec<(String, String)> {
        let kept = self.lines.iter().take_while(|line| line.text != CAUGHT[0]);
        let new = kept.filter_map(|line| {
            let (kind, name) = variable(&line.text).filter(|(kind, _)| *kind == PUT)?;
            let rest = line.text.strip_prefix(kind)?;
            Some((name, rest.rsplit_once(">(stringify!(")?.0.to_owned()))
        });
        new.collect()
    }

    /// Makes the check of variables fail whose types were defined anew since they were kept: their name is the same, and
    /// the compiler cannot tell.
    pub fn lose(&mut self, is_lost: impl Fn(&str, &str) -> bool) {
        for line in &mut self.lines {
            let Some((_, name)) = variable(&line.text).filter(|(kind, _)| *kind == CHECK) else { continue };
            let kind =
                line.text.strip_prefix(CHECK).and_then(|rest| rest.rsplit_once(">(stringify!(")).map(|(kind, _)| kind);
            if kind.is_some_and(|kind| is_lost(&name, kind)) {
                line.text = format!("{CHECK}{NO_TYPE}>(stringify!({name}));");
            }
        }
    }

    fn place(&self, texts: &[&str]) -> Option<usize> {
        self.lines.iter().position(|line| texts.contains(&line.text.as_str()))
    }

    /// Where the author's text begins, with evcxr's frame for a `?`.
    fn start(&self) -> Option<usize> {
        // When evcxr looks for a better message of an error it catches no panics.
        let before = self.place(&[CATCHES, CATCHES_WITHOUT[1]]).or_else(|| self.last_taken());
        Some(before.or_else(|| self.place(&[CHECKED, CATCHES_WITHOUT[0]]))? + 1)
    }

    /// Makes the author's text, and what keeps its variables, one future.
    fn wait_for_cell(&mut self, has_runtime: bool) {
        if let (Some(question), Some(answered)) = (self.place(&[QUESTION]), self.place(&[ANSWERED])) {
            return awaits::wrap_with_question(&mut self.lines, question, answered, has_runtime);
        }
        let end = self.place(&[CAUGHT[0], CAUGHT_WITHOUT]);
        let end = end.or_else(|| self.lines.iter().rposition(|line| line.text == GIVEN_BACK));
        if let (Some(start), Some(end)) = (self.start(), end)
            && start <= end
        {
            awaits::wrap(&mut self.lines, start, end, has_runtime);
        }
    }

    /// The author's text.
    fn cell(&self) -> Option<String> {
        let start = self.start()?;
        let start = start + usize::from(self.lines.get(start).is_some_and(|line| line.text == QUESTION));
        let is_end = |line: &Line| {
            line.text.starts_with(PUT)
                || [CAUGHT[0], CAUGHT_WITHOUT, ANSWERED, GIVEN_BACK].contains(&line.text.as_str())
        };
        let lines = self.lines.get(start..)?;
        let end = lines.iter().position(is_end)?;
        Some(lines[..end].iter().flat_map(|line| [line.text.as_str(), "\n"]).collect())
    }

    fn last_taken(&self) -> Option<usize> {
        self.lines.iter().rposition(|line| variable(&line.text).is_some_and(|(kind, _)| kind == TAKE))
    }

    fn leave_out_variables(&mut self, cell: &str) {
        let named: BTreeSet<&str> = words(cell).collect();
        let anew = defined_anew(cell);
        self.lines.retain(|line| {
            let Some((kind, name)) = variable(&line.text) else { return true };
            let name = name.strip_prefix("r#").unwrap_or(&name);
            named.contains(name) && (kind == PUT || !anew.contains(name))
        });
    }

    /// Calls the prelude's function that catches panics in place of std's, which each cell would compile for itself.
    fn catch_in_prelude(&mut self) {
        let starts = |line: &Line| [CATCHES, CATCHES_WITHOUT[1]].contains(&line.text.as_str());
        let tells = self.lines.iter().rposition(|line| line.text == TELLS_PANIC);
        let (Some(start), Some(tells)) = (self.lines.iter().position(starts), tells) else { return };
        let ends = |end: &[&str]| {
            tells >= end.len()
                && self.lines[tells - end.len()..tells].iter().map(|line| line.text.as_str()).eq(end.iter().copied())
        };
        let (first, end) = match self.lines[start].text == CATCHES {
            true if ends(CAUGHT) && start > 0 && self.lines[start - 1].text == CATCHING => (start - 1, CAUGHT.len()),
            false if ends(&[CAUGHT_WITHOUT]) => (start, 1),
            _ => return,
        };
        for line in &mut self.lines[first..=start] {
            line.text.clear();
        }
        for line in &mut self.lines[tells - end..tells] {
            line.text.clear();
        }
        self.lines[start].text = COMPLETES.to_owned();
        self.lines[tells - end].text = COMPLETED.to_owned();
        if let Some(close) = self.lines.get_mut(tells + 1) {
            close.text = "}".to_owned();
        }
    }

    fn leave_out_question(&mut self, cell: &str) {
        let may_return = cell.contains('?') || words(cell).any(|word| word == "return");
        let is_framed = |line: &str| self.lines.iter().filter(|other| other.text == line).count() == 1;
        if !may_return && is_framed(QUESTION) && is_framed(ANSWERED) {
            self.lines.retain(|line| line.text != QUESTION && line.text != ANSWERED);
        }
    }

    fn leave_out_store(&mut self) {
        let is_used = self.lines.iter().any(|line| variable(&line.text).is_some());
        let place = |text: &str| self.lines.iter().position(|line| line.text == text);
        let (Some(start), Some(end)) = (place(CATCHES), place(CAUGHT[0])) else { return };
        let is_whole =
            self.lines[end..].iter().map(|line| line.text.as_str()).take(4).eq([CAUGHT, &[TELLS_PANIC]].concat());
        let behind = self.lines.get(end + 4).is_some_and(|line| line.text == "}}");
        let is_plain = self.lines.get(start + 1).is_none_or(|line| line.text != QUESTION);
        if is_used || !is_whole || !behind || !is_plain || !self.has_store {
            return;
        }
        let at = |text: &str, line: &Line| Line { text: text.to_owned(), number: line.number };
        let mut lines: Vec<Line> = self.lines[..2].to_vec();
        lines.extend(CATCHES_WITHOUT.iter().map(|text| at(text, &self.lines[start])));
        lines.extend_from_slice(&self.lines[start + 1..end]);
        lines.push(at(CAUGHT_WITHOUT, &self.lines[end]));
        lines.push(self.lines[end + 3].clone());
        lines.push(at("}", &self.lines[end + 4]));
        lines.extend_from_slice(&self.lines[end + 5..]);
        (self.lines, self.has_store) = (lines, false);
    }
}

/// evcxr's order is that of a hash map.
fn sort_variables(lines: &mut [Line]) {
    let kind = |line: &Line| variable(&line.text).map(|(kind, _)| kind);
    for run in lines.chunk_by_mut(|one, next| kind(one) == kind(next)) {
        if run.first().is_some_and(|line| kind(line).is_some()) {
            run.sort_by_cached_key(|line| variable(&line.text).map(|(_, name)| name));
        }
    }
}

/// The variable of a line with which evcxr checks, gives out or keeps one, and which of these it does.
pub fn variable(line: &str) -> Option<(&'static str, String)> {
    let kind = if line.starts_with(CHECK) {
        CHECK
    } else if line.starts_with("let ") && line.contains(TAKE) {
        TAKE
    } else if line.starts_with(PUT) {
        PUT
    } else {
        return None;
    };
    let name = line.rsplit_once("stringify!(")?.1.split(')').next()?;
    Some((kind, name.to_owned()))
}

/// Variables that a cell defines before it uses what they were.
fn defined_anew(cell: &str) -> BTreeSet<String> {
    let parsed = SourceFile::parse(&format!("fn f() {{\n{cell}\n}}"), Edition::Edition2024);
    let function = parsed.tree().items().find_map(|item| ast::Fn::cast(item.syntax().clone()));
    let list = function.and_then(|function| function.body()).and_then(|body| body.stmt_list());
    let (mut anew, mut named) = (BTreeSet::new(), BTreeSet::new());
    if !parsed.errors().is_empty() {
        return anew;
    }
    for statement in list.iter().flat_map(|list| list.statements()) {
        let all: Vec<String> = words(&statement.syntax().text().to_string()).map(str::to_owned).collect();
        if let ast::Stmt::LetStmt(binding) = &statement {
            let value = binding.initializer().map(|value| value.syntax().text().to_string()).unwrap_or_default();
            let other = binding.let_else().map(|other| other.syntax().text().to_string()).unwrap_or_default();
            let used: BTreeSet<&str> = words(&value).chain(words(&other)).collect();
            let names = binding.pat().into_iter().flat_map(|pattern| {
                pattern.syntax().descendants().filter_map(ast::IdentPat::cast).filter_map(|name| name.name())
            });
            let new = names.map(|name| name.text().trim_start_matches("r#").to_owned());
            anew.extend(new.filter(|name| !named.contains(name) && !used.contains(name.as_str())));
        }
        named.extend(all);
    }
    anew
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anew(cell: &str) -> Vec<String> {
        defined_anew(cell).into_iter().collect()
    }

    #[test]
    fn only_what_is_not_used_before_is_defined_anew() {
        assert_eq!(anew("let x = 1;\nlet y = x;"), ["x", "y"]);
        assert!(anew("let x = x + 1;").is_empty());
        assert!(anew("f(&x);\nlet x = 1;").is_empty());
        assert!(anew("println!(\"{x}\");\nlet x = 1;").is_empty(), "named inside a string");
        assert!(anew("let y = 1; {").iter().all(|name| name != "y"), "what cannot be read is not judged");
        assert!(anew("let Some(x) = f() else { panic!(\"{x}\") };").is_empty());
    }

    #[test]
    fn lines_about_variables_are_known() {
        let line = "let mut v = evcxr_variable_store.take_variable::<Vec<(u8, String)>>(stringify!(v));";
        assert_eq!(variable(line), Some((TAKE, "v".to_owned())));
        let line = "evcxr_variable_store.put_variable::<u8>(stringify!(a), a);";
        assert_eq!(variable(line), Some((PUT, "a".to_owned())));
        assert_eq!(variable("let x = 1;"), None);
    }
}
