//! Variables that cannot be kept between cells: why, and what to write instead.
//!
//! A variable is kept by the name of its type, and outlives its cell: a type without a name and a value that borrows
//! cannot be. evcxr says which variable; its words and its advice are not for authors who do not know of it.

use ra_ap_syntax::{
    AstNode,
    ast::{self, HasName},
};

use super::{diagnostics::worded, rewritten};
use crate::report::Report;

/// evcxr's words, around the variable and its type.
const NAMELESS: [&str; 3] = ["The variable `", "` has type `", "` which cannot be persisted."];
const CLOSURE: [&str; 2] = ["The variable `", "` is a closure, which cannot be persisted."];
const BORROWS: [&str; 2] = ["The variable `", "` contains a reference with a non-static lifetime"];

/// What stands for a closure in the name of a type.
const CLOSURES: &str = "{closure";

/// Types of the standard library that are iterators.
const ITERATORS: &[&str] = &[
    "Chain<",
    "Cloned<",
    "Copied<",
    "Cycle<",
    "Enumerate<",
    "Filter<",
    "FilterMap<",
    "FlatMap<",
    "Flatten<",
    "FromFn<",
    "Fuse<",
    "Inspect<",
    "Map<",
    "MapWhile<",
    "Peekable<",
    "Rev<",
    "Scan<",
    "Skip<",
    "SkipWhile<",
    "StepBy<",
    "Successors<",
    "Take<",
    "TakeWhile<",
    "Zip<",
];

/// Methods that give an iterator which borrows, those that give one thing of many, and those that give a guard.
const ITERATING: &[&str] = &[
    "iter",
    "iter_mut",
    "chars",
    "char_indices",
    "bytes",
    "lines",
    "split",
    "split_whitespace",
    "windows",
    "chunks",
    "keys",
    "values",
    "drain",
];
const CHOOSING: &[&str] =
    &["find", "first", "get", "last", "max", "max_by_key", "min", "min_by_key", "next", "nth", "peek"];
const GUARDING: &[&str] = &["lock", "read", "write", "borrow", "borrow_mut"];

/// The words for a variable without a name for its type, if evcxr says that there is one.
pub fn nameless(text: &str, code: &str) -> Option<Report> {
    if let Some((name, _)) = between(text, CLOSURE[0], CLOSURE[1]) {
        return Some(report(name, CLOSURES, code));
    }
    let (name, rest) = between(text, NAMELESS[0], NAMELESS[1])?;
    let (kind, _) = rest.split_once(NAMELESS[2])?;
    Some(report(name, kind, code))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<(&'a str, &'a str)> {
    text.strip_prefix(before)?.split_once(after)
}

fn report(name: &str, kind: &str, code: &str) -> Report {
    let binding = binding(name, code);
    let place = binding.as_ref().map(|binding| format!(" (line {})", binding.line)).unwrap_or_default();
    let value = binding.as_ref().and_then(|binding| binding.value.clone());
    let (what, fix) = fix(name, &worded(kind), value.as_ref());
    let fact = format!("`{name}` cannot be kept for later cells: {what}{place}");
    Report::new("CompileError", fact)
        .with_hint(format!("{fix}, or put braces `{{ … }}` around what needs no later cell"))
}

/// What a type without a name is, and what to write instead.
fn fix(name: &str, kind: &str, value: Option<&ast::Expr>) -> (String, String) {
    let text = value.map(|value| one_line(&value.syntax().text().to_string()));
    let value_or = |other: &str| text.clone().unwrap_or_else(|| other.to_owned());
    let is_future = kind.starts_with("{async") || kind.contains("Future<");
    let is_iterator = kind.contains("Iterator<") || ITERATORS.iter().any(|start| last_segment(kind).starts_with(start));
    if is_future {
        let fix = format!("wait for it: `let {name} = {}.await;`", value_or("…"));
        return ("it is a future, whose type has no name".to_owned(), fix);
    }
    if is_iterator {
        let fix = format!("collect what it gives: `let {name} = {}.collect::<Vec<_>>();`", value_or("…"));
        return ("it is an iterator, whose type has no name".to_owned(), fix);
    }
    if kind.starts_with(CLOSURES) {
        let signature = value.and_then(signature).unwrap_or_else(|| "Fn(…) -> …".to_owned());
        let fix = format!("box it: `let {name}: Box<dyn {signature}> = Box::new({});`", value_or("|…| …"));
        return ("it is a closure, whose type has no name".to_owned(), fix);
    }
    if let Some(traits) = kind.strip_prefix("impl ") {
        let fix = format!("box it: `let {name}: Box<dyn {traits}> = Box::new({});`", value_or("…"));
        return (format!("its type `{kind}` has no name"), fix);
    }
    let fix = if kind.contains(CLOSURES) {
        "box the closure in it (`Box<dyn Fn(…) -> …>`) and write the type of the variable".to_owned()
    } else {
        "define its type outside of blocks, macros and functions, or write the type of the variable".to_owned()
    };
    (format!("its type `{kind}` has no name that later cells can write"), fix)
}

/// `Filter<…>` of `std::iter::Filter<…>`.
fn last_segment(kind: &str) -> &str {
    let head = kind.split('<').next().unwrap_or(kind);
    head.rfind("::").map_or(kind, |start| &kind[start + 2..])
}

/// The trait of a closure, as far as its text tells. rustc finds what is `_`.
fn signature(value: &ast::Expr) -> Option<String> {
    let ast::Expr::ClosureExpr(closure) = value else { return None };
    let parameters = closure.param_list().map(|list| list.params().collect::<Vec<_>>()).unwrap_or_default();
    let types = parameters.iter().map(|parameter| match parameter.ty() {
        Some(kind) => kind.syntax().text().to_string(),
        None => "_".to_owned(),
    });
    let types = types.collect::<Vec<_>>().join(", ");
    let returns = closure
        .ret_type()
        .and_then(|kind| kind.ty())
        .map_or_else(|| "_".to_owned(), |kind| kind.syntax().text().to_string());
    Some(format!("Fn({types}) -> {returns}"))
}

/// The words for a variable that borrows, if evcxr says that there is one: fact and hint.
pub fn borrows(text: &str, code: &str) -> Option<(String, String)> {
    let (name, _) = between(text, BORROWS[0], BORROWS[1])?;
    let value = binding(name, code).and_then(|binding| binding.value);
    let fact = format!("`{name}` cannot be kept for later cells: it borrows from what ends with this cell");
    Some((fact, borrow_fix(name, value.as_ref())))
}

/// What to write instead of a variable that borrows.
fn borrow_fix(name: &str, value: Option<&ast::Expr>) -> String {
    let text = value.map(|value| one_line(&value.syntax().text().to_string())).unwrap_or_else(|| "…".to_owned());
    let methods: Vec<String> = value
        .map(|value| value.syntax().descendants().filter_map(ast::MethodCallExpr::cast))
        .into_iter()
        .flatten()
        .filter_map(|call| Some(call.name_ref()?.text().to_string()))
        .collect();
    let calls = |names: &[&str]| methods.iter().any(|method| names.contains(&method.as_str()));
    let rest = "put braces `{ … }` around what needs no later cell";
    if calls(GUARDING) {
        return format!("keep what it guards, and ask for the guard in each cell that needs it; or {rest}");
    }
    if calls(ITERATING) {
        return format!(
            "collect what it gives: `let {name} = {text}.map(|one| one.to_owned()).collect::<Vec<_>>();`, or {rest}"
        );
    }
    let owned = match value {
        Some(ast::Expr::RefExpr(reference)) => match reference.expr() {
            Some(inner @ (ast::Expr::PathExpr(_) | ast::Expr::FieldExpr(_))) => {
                Some(format!("{}.clone()", inner.syntax().text()))
            }
            Some(inner @ ast::Expr::IndexExpr(_)) => Some(format!("{}.to_owned()", inner.syntax().text())),
            inner => inner.map(|inner| inner.syntax().text().to_string()),
        },
        Some(ast::Expr::MethodCallExpr(_)) if calls(CHOOSING) => Some(format!("{text}.cloned()")),
        Some(ast::Expr::MethodCallExpr(_)) => Some(format!("{text}.to_owned()")),
        _ => None,
    };
    match owned {
        Some(owned) => {
            format!("keep a value of its own: `let {name} = {owned};`, borrow in the cell that needs it, or {rest}")
        }
        None => format!(
            "give it values of its own, such as `String` for `&str`, borrow in the cell that needs it, or {rest}"
        ),
    }
}

/// What to write instead of the `let` of the cell itself at this place, which borrows.
pub fn borrows_at(place: usize, code: &str) -> Option<String> {
    let (list, _) = rewritten::statements(code)?;
    let place = rewritten::parsed(place);
    let found = list.statements().find(|statement| {
        let range = statement.syntax().text_range();
        usize::from(range.start()) <= place && place < usize::from(range.end())
    });
    let Some(ast::Stmt::LetStmt(binding)) = found else { return None };
    let ast::Pat::IdentPat(name) = binding.pat()? else { return None };
    Some(borrow_fix(name.name()?.text(), binding.initializer().as_ref()))
}

/// A `let` of the cell itself.
struct Binding {
    line: usize,
    value: Option<ast::Expr>,
}

fn binding(name: &str, code: &str) -> Option<Binding> {
    let (list, line_of) = rewritten::statements(code)?;
    let bindings = list.statements().filter_map(|statement| match statement {
        ast::Stmt::LetStmt(binding) => Some(binding),
        _ => None,
    });
    let is_of = |binding: &ast::LetStmt| {
        binding.pat().is_some_and(|pattern| rewritten::bound_names(&pattern).iter().any(|found| found.text() == name))
    };
    let binding = bindings.filter(is_of).last()?;
    let is_single = matches!(binding.pat(), Some(ast::Pat::IdentPat(_)));
    let value = binding.initializer().filter(|_| is_single);
    Some(Binding { line: line_of(usize::from(binding.syntax().text_range().start())), value })
}

fn one_line(text: &str) -> String {
    let joined = |line: &str| if line.starts_with('.') { line.to_owned() } else { format!(" {line}") };
    text.lines().map(|line| joined(line.trim())).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &str, code: &str, fact: &str, hint: &str) {
        let text = format!("The variable `f` has type `{kind}` which cannot be persisted.\nYou might …");
        let report = nameless(&text, code).expect("evcxr says so");
        assert!(report.evalue.contains(fact), "{}", report.evalue);
        let said = report.hint().expect("there is a way out").to_owned();
        assert!(said.contains(hint) && !said.contains("evcxr") && said.contains("braces"), "{said}");
    }

    #[test]
    fn each_kind_has_its_fix() {
        let boxed = "`let f: Box<dyn Fn(i32, _) -> _> = Box::new(|x: i32, y| x + y);`";
        check("{closure}", "\nlet f = |x: i32, y| x + y;", "a closure, whose type has no name (line 2)", boxed);
        check(
            "impl Fn(i32) -> i32",
            "let f = mk();",
            "`impl Fn(i32) -> i32`",
            "Box<dyn Fn(i32) -> i32> = Box::new(mk());`",
        );
        let collected = "`let f = v.into_iter().filter(|x| *x > 1).collect::<Vec<_>>();`";
        let code = "let f = v.into_iter()\n    .filter(|x| *x > 1);";
        check("std::iter::Filter<std::vec::IntoIter<i32>, {closure}>", code, "an iterator", collected);
        check("impl Iterator<Item = u8>", "let f = g();", "an iterator", "`let f = g().collect::<Vec<_>>();`");
        check("{async block at line 1}", "let f = async { 1 };", "a future", "`let f = async { 1 }.await;`");
        check("impl Future<Output = i32>", "let f = g();", "a future", "`let f = g().await;`");
        check("Mk", "m!();", "`Mk`", "define its type outside");
    }

    #[test]
    fn what_borrows_gets_a_value_of_its_own() {
        let text = "The variable `r` contains a reference with a non-static lifetime so\ncan't be persisted. …";
        let hint = |code: &str| borrows(text, code).expect("evcxr says so").1;
        assert!(hint("let r = &v;").contains("`let r = v.clone();`"));
        assert!(hint("let r = &text[1..];").contains("`let r = text[1..].to_owned();`"));
        assert!(hint("let r = m.lock().unwrap();").contains("guard"));
        assert!(hint("let r = v.iter();").contains("collect::<Vec<_>>()"));
        assert!(hint("let r = v.get(0);").contains("`let r = v.get(0).cloned();`"));
        assert!(hint("let r = &host.name;").contains("`let r = host.name.clone();`"));
        assert!(hint("let r = &String::new();").contains("`let r = String::new();`"));
        assert!(hint("let r = W { s: &o };").contains("values of its own"));
        assert_eq!(borrows("else", "let r = 1;"), None);
        let code = "let a = 1;\nlet r = &String::new();";
        let place = code.find("String").expect("it is there");
        assert!(borrows_at(place, code).is_some_and(|hint| hint.contains("`let r = String::new();`")));
        assert_eq!(borrows_at(place, "let a = 1;"), None);
    }
}
