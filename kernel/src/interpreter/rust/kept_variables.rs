//! The types of a cell's variables: each gets a stand-in for its type, and the compilation of the cell says what it is.
//!
//! evcxr keeps a variable by the name of its type, and asks rust-analyzer for it: that reads the standard library first
//! (seconds, hundreds of megabytes, and a component of the toolchain that few have). A type that is written, evcxr takes
//! as it is written. So we write one where the author did not: a name of ours, which our build driver replaces by `_`, and
//! from then on by the type that rustc found (`flowdeck-cell-host`, `driver::types`). The names of a pattern have no place
//! for a type, and get another `let` behind theirs.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use flowdeck::stand_in::{STAND_IN, replaced};
use ra_ap_syntax::{
    AstNode, SyntaxKind, SyntaxNode,
    ast::{self, HasName},
};

use super::rewritten::Insertion;

/// The number of the next stand-in: one for each definition of a variable.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What is put into a cell so that evcxr knows a type for each variable that it will keep.
pub fn insertions(cell: &ast::StmtList) -> Vec<Insertion> {
    let bindings = cell.statements().filter_map(|statement| match statement {
        ast::Stmt::LetStmt(binding) => Some(binding),
        _ => None,
    });
    bindings.filter_map(|binding| insertion(&binding)).collect()
}

fn insertion(binding: &ast::LetStmt) -> Option<Insertion> {
    let pattern = binding.pat()?;
    let single = match &pattern {
        ast::Pat::IdentPat(name) => Some(name.clone()),
        _ => None,
    };
    if single.is_some() && binding.ty().is_some_and(|written| is_whole(&written)) {
        return None;
    }
    let place = |node: &SyntaxNode| usize::from(node.text_range().end());
    match &single {
        // The type of what `ref` borrows from is another.
        Some(name) if binding.ty().is_none() && name.ref_token().is_none() => {
            return Some(Insertion { at: place(name.syntax()), text: format!(": {}", next()) });
        }
        // It has no value yet that another `let` could take.
        _ if binding.initializer().is_none() => return None,
        _ => {}
    }
    let names: Vec<ast::IdentPat> = match single {
        Some(name) => vec![name],
        None => pattern.syntax().descendants().filter_map(ast::IdentPat::cast).collect(),
    };
    let text: String = names.iter().filter_map(again).collect();
    (!text.is_empty()).then(|| Insertion { at: place(binding.syntax()), text })
}

/// The same variable once more, with a type.
fn again(variable: &ast::IdentPat) -> Option<String> {
    let name = variable.name()?;
    let mutable = if variable.mut_token().is_some() && variable.ref_token().is_none() { "mut " } else { "" };
    Some(format!(" let {mutable}{name}: {} = {name};", next()))
}

fn next() -> String {
    format!("{STAND_IN}{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whether no part of a written type is left open.
fn is_whole(written: &ast::Type) -> bool {
    !written.syntax().descendants().any(|node| node.kind() == SyntaxKind::INFER_TYPE)
}

/// The stand-ins in a text, replaced by the types that are known.
pub fn with_types(text: &str, types: &HashMap<String, String>) -> String {
    replaced(text, |stand_in| types.get(stand_in).map_or(stand_in, String::as_str))
}

#[cfg(test)]
mod tests {
    use super::{super::rewritten::rewrite, *};

    /// Numbers of stand-ins are written `#`.
    #[track_caller]
    fn check(code: &str, wanted: &str) {
        let types: HashMap<String, String> =
            (0..10_000).map(|number| (format!("{STAND_IN}{number}"), "#".to_owned())).collect();
        assert_eq!(with_types(&rewrite(code).text, &types), wanted);
    }

    #[test]
    fn a_variable_without_a_type_gets_a_stand_in() {
        check("let x = 1;", "let x: # = 1;");
        check("let mut x = 1;", "let mut x: # = 1;");
        check("let mut v: Vec<_> = w;\nf();", "let mut v: Vec<_> = w; let mut v: # = v;\nf();");
        check("let ref r = s;", "let ref r = s; let r: # = r;");
        check("let x;\nx = 1;", "let x: #;\nx = 1;");
    }

    #[test]
    fn each_name_of_a_pattern_gets_one() {
        check("let (a, mut b) = c;", "let (a, mut b) = c; let a: # = a; let mut b: # = b;");
        check("let P { x, y: z } = p;", "let P { x, y: z } = p; let x: # = x; let z: # = z;");
        check("let Some(x) = y else { panic!() };", "let Some(x) = y else { panic!() }; let x: # = x;");
        check("let _ = f();", "let _ = f();");
    }

    #[test]
    fn a_type_that_is_written_is_enough_and_inner_variables_are_not_kept() {
        check("let x: Vec<u8> = w;", "let x: Vec<u8> = w;");
        check("{ let x = 1; }", "(&({ let x = 1; })).evcxr_display();");
        check("fn f() { let x = 1; }", "fn f() { let x = 1; }");
        check("if let Some(x) = y {};", "if let Some(x) = y {};");
    }

    #[test]
    fn only_known_types_are_written() {
        let types = HashMap::from([(format!("{STAND_IN}1"), "u8".to_owned())]);
        let text = format!("a: {STAND_IN}1, b: {STAND_IN}12, {STAND_IN}");
        assert_eq!(with_types(&text, &types), format!("a: u8, b: {STAND_IN}12, {STAND_IN}"));
    }
}
