//! The value of a cell: makes the showing of its last expression a statement, before evcxr sees the cell.
//!
//! evcxr does so itself, by trying `evcxr_display` and, when anything at all is wrong with that attempt, `Debug`: one
//! more compilation for most values, and a variable that the expression moves costs it the better representation. Our
//! text compiles at the first attempt, as the prelude's traits find the representation (`flowdeck::value`).

use ra_ap_syntax::{
    AstNode, Edition, SourceFile, SyntaxKind,
    ast::{self, HasName},
};

/// Around the text of a cell, to parse it.
const HEAD: &str = "fn cell() {\n";
const TAIL: &str = "\n}";

/// Around the expression.
const BEFORE: &str = "(&(";
const AFTER: &str = ")).evcxr_display();";

/// Macros whose value nobody wants to see.
const WITHOUT_VALUE: &[&str] = &["print", "println", "eprint", "eprintln", "assert", "assert_eq", "assert_ne", "panic"];

/// A cell as it goes to evcxr.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewritten {
    /// The text, with the lines of the author's.
    pub text: String,
    /// Where the last expression begins and ends in the author's text, and how much stands before and behind it now, bytes.
    expression: Option<(usize, usize, usize, usize)>,
}

impl Rewritten {
    /// The text as it is.
    pub fn unchanged(code: &str) -> Rewritten {
        Rewritten { text: code.to_owned(), expression: None }
    }

    /// The place in the author's text of a place in ours. What we wrote is at the edges of the expression.
    pub fn original(&self, offset: usize) -> usize {
        let Some((start, end, before, after)) = self.expression else { return offset };
        let (is_before, is_behind) = (offset <= start, offset >= end + before + after);
        match (is_before, is_behind) {
            (true, _) => offset,
            (_, true) => offset - before - after,
            _ => offset.saturating_sub(before).clamp(start, end),
        }
    }
}

/// Rewrites a cell that ends in an expression.
pub fn rewrite(code: &str) -> Rewritten {
    let Some(last) = last_expression(code) else { return Rewritten::unchanged(code) };
    let range = last.syntax().text_range();
    let place = |size: ra_ap_syntax::TextSize| usize::from(size).checked_sub(HEAD.len());
    let (Some(start), Some(end)) = (place(range.start()), place(range.end())) else {
        return Rewritten::unchanged(code);
    };
    let (before, after) = if is_without_value(&last) { ("", ";") } else { (BEFORE, AFTER) };
    let text = format!("{}{before}{}{after}{}", &code[..start], &code[start..end], &code[end..]);
    Rewritten { text, expression: Some((start, end, before.len(), after.len())) }
}

/// Whether a cell is Rust from beginning to end: an open comment would swallow what follows it.
pub fn is_whole(code: &str) -> bool {
    let text = format!("{HEAD}{}{TAIL}", without_commands(code));
    SourceFile::parse(&text, Edition::Edition2024).errors().is_empty()
}

/// The line of a `let` that binds nothing. evcxr passes over it in silence, and rustc never sees it.
pub fn empty_let(code: &str) -> Option<usize> {
    let text = format!("{HEAD}{}{TAIL}", without_commands(code));
    let parsed = SourceFile::parse(&text, Edition::Edition2024);
    let mut bindings = parsed.tree().syntax().descendants().filter_map(ast::LetStmt::cast);
    let empty = bindings.find(|binding| binding.pat().is_none())?;
    let start = usize::from(empty.syntax().text_range().start());
    // The head is a line of its own.
    Some(text[..start].matches('\n').count())
}

fn last_expression(code: &str) -> Option<ast::Expr> {
    let parsed = SourceFile::parse(&format!("{HEAD}{}{TAIL}", without_commands(code)), Edition::Edition2024);
    // A cell that is no Rust is left to rustc's words.
    if !parsed.errors().is_empty() {
        return None;
    }
    let cell = parsed.tree().syntax().children().find_map(ast::Fn::cast).filter(|cell| cell.name().is_some())?;
    cell.body()?.stmt_list()?.tail_expr()
}

/// evcxr's commands are not Rust: their lines become blanks of the same length.
fn without_commands(code: &str) -> String {
    let blank = |line: &str| match line.trim_start().starts_with(':') {
        true => line.chars().map(|c| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) }).collect(),
        false => line.to_owned(),
    };
    code.split_inclusive('\n').map(blank).collect()
}

fn is_without_value(last: &ast::Expr) -> bool {
    match last.syntax().kind() {
        SyntaxKind::FOR_EXPR | SyntaxKind::WHILE_EXPR | SyntaxKind::BIN_EXPR => is_assignment_or_loop(last),
        SyntaxKind::MACRO_EXPR => {
            let text = last.syntax().text().to_string();
            let name =
                text.split('!').next().unwrap_or_default().trim().rsplit("::").next().unwrap_or_default().to_owned();
            WITHOUT_VALUE.contains(&name.as_str())
        }
        _ => false,
    }
}

fn is_assignment_or_loop(last: &ast::Expr) -> bool {
    match last {
        ast::Expr::BinExpr(binary) => matches!(binary.op_kind(), Some(ast::BinaryOp::Assignment { .. })),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, wanted: &str) {
        assert_eq!(rewrite(code).text, wanted);
    }

    #[test]
    fn the_last_expression_becomes_a_statement_that_shows_it() {
        check("1 + 1", "(&(1 + 1)).evcxr_display();");
        check("let x = 1;\nx // said\n", "let x = 1;\n(&(x)).evcxr_display(); // said\n");
        check(":dep rand\nif a { 1 } else { 2 }", ":dep rand\n(&(if a { 1 } else { 2 })).evcxr_display();");
        check("fallible()?", "(&(fallible()?)).evcxr_display();");
    }

    #[test]
    fn what_has_no_value_shows_none() {
        check("println!(\"{}\", 1)", "println!(\"{}\", 1);");
        check("std::println!()", "std::println!();");
        check("for i in 0..3 {}", "for i in 0..3 {};");
        check("x = 3", "x = 3;");
        check("vec![1]", "(&(vec![1])).evcxr_display();");
    }

    #[test]
    fn what_does_not_end_in_an_expression_is_left_as_it_is() {
        for code in ["", "let x = 1;", "fn f() {}", "1 +", ":vars", "struct S;", "x;"] {
            check(code, code);
        }
    }

    #[test]
    fn a_cell_that_runs_into_the_next_is_not_whole() {
        assert!(is_whole("let a = 1;\nfn f() {}\na"));
        assert!(!is_whole("/* open") && !is_whole("let s = \"open") && !is_whole("}"));
    }

    #[test]
    fn a_let_that_binds_nothing_is_found() {
        assert_eq!(empty_let("let a = 1;\nlet = 3;"), Some(2));
        assert_eq!(empty_let(":dep x\nlet;"), Some(2));
        assert_eq!(empty_let("let a = 1; if let Some(b) = c {}"), None);
    }

    #[test]
    fn places_are_those_of_the_author() {
        let code = "let a = 1;\nab + c // end";
        let rewritten = rewrite(code);
        let place = |part: &str| rewritten.original(rewritten.text.find(part).unwrap_or_default());
        assert_eq!(&code[place("let")..][..3], "let");
        assert_eq!(&code[place("ab + c")..][..2], "ab");
        assert_eq!(&code[place("c)")..][..1], "c");
        assert_eq!(place(".evcxr_display"), code.find(" //").unwrap_or_default());
        assert_eq!(&code[place("// end")..], "// end");
    }
}
