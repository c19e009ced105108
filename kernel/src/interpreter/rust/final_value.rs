//! The value of a cell: makes the showing of its last expression a statement, before evcxr sees the cell.
//!
//! evcxr does so itself, by trying `evcxr_display` and, when anything at all is wrong with that attempt, `Debug`: one
//! more compilation for most values, and a variable that the expression moves costs it the better representation. Our
//! text compiles at the first attempt, as the prelude's traits find the representation (`flowdeck::value`).

use ra_ap_syntax::{AstNode, SyntaxKind, ast};

use super::rewritten::Insertion;

/// Around the expression.
const BEFORE: &str = "(&(";
const AFTER: &str = ")).evcxr_display();";

/// Macros whose value nobody wants to see.
const WITHOUT_VALUE: &[&str] = &["print", "println", "eprint", "eprintln", "assert", "assert_eq", "assert_ne", "panic"];

/// What is put into a cell so that its last expression is shown.
pub fn insertions(value: &ast::Expr) -> Vec<Insertion> {
    let range = value.syntax().text_range();
    let (before, after) = if is_without_value(value) { ("", ";") } else { (BEFORE, AFTER) };
    let place = |at, text: &str| Insertion { at: usize::from(at), text: text.to_owned() };
    vec![place(range.start(), before), place(range.end(), after)]
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
    use super::super::rewritten::rewrite;

    #[track_caller]
    fn check(code: &str, wanted: &str) {
        assert_eq!(rewrite(code).text, wanted);
    }

    #[test]
    fn the_last_expression_becomes_a_statement_that_shows_it() {
        check("1 + 1", "(&(1 + 1)).evcxr_display();");
        check("let x: u8 = 1;\nx // said\n", "let x: u8 = 1;\n(&(x)).evcxr_display(); // said\n");
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
        for code in ["", "let x: u8 = 1;", "fn f() {}", "1 +", ":vars", "struct S;", "x;"] {
            check(code, code);
        }
    }
}
