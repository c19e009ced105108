//! A cell as it goes to evcxr: the author's text with what we put into it, and the way back to the author's places.
//!
//! What is put in, `final_value` and `kept_variables` decide. Nothing of the author's is changed and lines stay lines.

use std::ops::Range;

use ra_ap_syntax::{
    AstNode, Edition, SourceFile, SyntaxKind, SyntaxNode,
    ast::{self, HasName},
};

use super::{final_value, kept_variables};

/// Around the text of a cell, to parse it.
const HEAD: &str = "fn cell() {\n";
const TAIL: &str = "\n}";

/// Text that we put into a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Insertion {
    /// Where, bytes of the parsed text; of the author's once it is in a [`Rewritten`].
    pub at: usize,
    /// What.
    pub text: String,
}

/// A cell as it goes to evcxr.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rewritten {
    /// The text, with the lines of the author's.
    pub text: String,
    /// In order of their places.
    insertions: Vec<Insertion>,
}

impl Rewritten {
    fn new(code: &str, mut insertions: Vec<Insertion>) -> Rewritten {
        insertions.sort_by_key(|insertion| insertion.at);
        let mut text = String::new();
        let mut done = 0;
        for insertion in &insertions {
            text.push_str(&code[done..insertion.at]);
            text.push_str(&insertion.text);
            done = insertion.at;
        }
        text.push_str(&code[done..]);
        Rewritten { text, insertions }
    }

    /// The place in the author's text of a place in ours. What we wrote is where we put it.
    pub fn original(&self, offset: usize) -> usize {
        let mut before = 0;
        for insertion in &self.insertions {
            if offset < insertion.at + before + insertion.text.len() {
                return offset.saturating_sub(before).min(insertion.at);
            }
            before += insertion.text.len();
        }
        offset - before
    }
}

/// Rewrites a cell: its value is shown, its variables are kept. A cell that is no Rust is left to rustc's words.
pub fn rewrite(code: &str) -> Rewritten {
    let mut insertions = Vec::new();
    if let Some(body) = body(code) {
        insertions = kept_variables::insertions(&body);
        insertions.extend(body.tail_expr().into_iter().flat_map(|value| final_value::insertions(&value)));
    }
    // Places before the head cannot be: all of it is inside the cell.
    insertions.iter_mut().for_each(|insertion| insertion.at = insertion.at.saturating_sub(HEAD.len()));
    Rewritten::new(code, insertions)
}

/// The same where there is no prelude: its variables are kept, its value evcxr shows in its own way.
pub fn rewrite_plain(code: &str) -> Rewritten {
    let mut insertions = body(code).map(|body| kept_variables::insertions(&body)).unwrap_or_default();
    insertions.iter_mut().for_each(|insertion| insertion.at = insertion.at.saturating_sub(HEAD.len()));
    Rewritten::new(code, insertions)
}

/// Whether the code of a cell names something; in comments and strings it does not.
pub fn names(code: &str, name: &str) -> bool {
    let parsed = parse(code);
    let tokens = parsed.tree().syntax().descendants_with_tokens().filter_map(|element| element.into_token());
    tokens.filter(|token| token.kind() == SyntaxKind::IDENT).any(|token| token.text() == name)
}

/// The crates that a cell names by `extern crate`.
pub fn extern_crates(code: &str) -> Vec<String> {
    let parsed = parse(code);
    let found = parsed.tree().syntax().descendants().filter_map(ast::ExternCrate::cast);
    found.filter_map(|named| named.name_ref()).map(|name| name.text().to_string()).collect()
}

/// Whether a cell is Rust from beginning to end: an open comment would swallow what follows it.
pub fn is_whole(code: &str) -> bool {
    parse(code).errors().is_empty()
}

/// The line of a `let` that binds nothing. evcxr passes over it in silence, and rustc never sees it.
pub fn empty_let(code: &str) -> Option<usize> {
    let parsed = parse(code);
    let mut bindings = parsed.tree().syntax().descendants().filter_map(ast::LetStmt::cast);
    let empty = bindings.find(|binding| binding.pat().is_none())?;
    let start = usize::from(empty.syntax().text_range().start());
    // The head is a line of its own.
    Some(text(code)[..start].matches('\n').count())
}

/// The line of a `return` of the cell itself. What it would leave out, evcxr takes for done.
pub fn own_return(code: &str) -> Option<usize> {
    let (list, line_of) = statements(code)?;
    let is_function = |node: &SyntaxNode| {
        let is_async = ast::BlockExpr::cast(node.clone()).is_some_and(|block| block.async_token().is_some());
        is_async || ast::ClosureExpr::can_cast(node.kind()) || ast::Fn::can_cast(node.kind())
    };
    // The outermost function is ours.
    let is_own = |found: &ast::ReturnExpr| found.syntax().ancestors().filter(is_function).count() == 1;
    let found = list.syntax().descendants().filter_map(ast::ReturnExpr::cast).find(is_own)?;
    Some(line_of(usize::from(found.syntax().text_range().start())))
}

/// Where a cell names the variables that it defines, bytes.
pub fn own_variables(code: &str) -> Vec<Range<usize>> {
    let Some((list, _)) = statements(code) else { return Vec::new() };
    let patterns = list.statements().filter_map(|statement| match statement {
        ast::Stmt::LetStmt(binding) => binding.pat(),
        _ => None,
    });
    patterns.flat_map(|pattern| bound_names(&pattern)).map(|name| range(name.syntax())).collect()
}

/// The names that a pattern binds, as they are written (`r#type` too).
pub fn bound_names(pattern: &ast::Pat) -> Vec<ast::Name> {
    pattern.syntax().descendants().filter_map(ast::IdentPat::cast).filter_map(|name| name.name()).collect()
}

/// Where the expression stands that a cell gives, bytes.
pub fn value(code: &str) -> Option<Range<usize>> {
    Some(range(statements(code)?.0.tail_expr()?.syntax()))
}

/// A place of the author's text in what [`statements`] gives.
pub fn parsed(place: usize) -> usize {
    place + HEAD.len()
}

/// The bytes of the author's text.
fn range(node: &SyntaxNode) -> Range<usize> {
    let place = |offset| usize::from(offset).saturating_sub(HEAD.len());
    place(node.text_range().start())..place(node.text_range().end())
}

/// What a cell that is Rust does, and the line of the cell, from 1, for a place in that.
pub fn statements(code: &str) -> Option<(ast::StmtList, impl Fn(usize) -> usize)> {
    let text = text(code);
    // The head is a line of its own.
    Some((body(code)?, move |place: usize| text[..place].matches('\n').count()))
}

fn body(code: &str) -> Option<ast::StmtList> {
    let parsed = parse(code);
    if !parsed.errors().is_empty() {
        return None;
    }
    let cell = parsed.tree().syntax().children().find_map(ast::Fn::cast).filter(|cell| cell.name().is_some())?;
    cell.body()?.stmt_list()
}

fn parse(code: &str) -> ra_ap_syntax::Parse<SourceFile> {
    SourceFile::parse(&text(code), Edition::Edition2024)
}

fn text(code: &str) -> String {
    format!("{HEAD}{}{TAIL}", without_commands(code))
}

/// evcxr's commands are not Rust: their lines become blanks of the same length.
fn without_commands(code: &str) -> String {
    let blank = |line: &str| match line.trim_start().starts_with(':') {
        true => line.chars().map(|c| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) }).collect(),
        false => line.to_owned(),
    };
    code.split_inclusive('\n').map(blank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_is_not_whole_is_known() {
        assert!(is_whole("let x = 1;\nx") && is_whole(":dep rand\n1") && is_whole("// end"));
        assert!(!is_whole("/* open") && !is_whole("let s = \"open") && !is_whole("}"));
    }

    #[test]
    fn a_name_is_found_in_code_alone() {
        assert!(
            names("let t = flowdeck::sql(\"x\")?;", "flowdeck")
                && names("println!(\"{}\", flowdeck::x());", "flowdeck")
        );
        assert!(!names("// flowdeck\nlet a = \"flowdeck\";", "flowdeck"));
    }

    #[test]
    fn without_the_prelude_a_value_is_left_to_evcxr() {
        assert_eq!(rewrite_plain("1 + 1").text, "1 + 1");
        assert!(rewrite_plain("let x = 1;\nx").text.ends_with(" = 1;\nx"));
    }

    #[test]
    fn a_let_that_binds_nothing_is_found() {
        assert_eq!(empty_let("let a = 1;\nlet = 3;"), Some(2));
        assert_eq!(empty_let(":dep x\nlet;"), Some(2));
        assert_eq!(empty_let("let a = 1; if let Some(b) = c {}"), None);
    }

    #[test]
    fn what_a_cell_defines_and_gives_has_its_place() {
        let code = "let (a, mut b) = (1, 2);\n{ let c = 3; }\na + b // end";
        let names: Vec<&str> = own_variables(code).into_iter().map(|range| &code[range]).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(value(code).map(|range| &code[range]), Some("a + b"));
        assert_eq!(value("let a = 1;"), None);
    }

    #[test]
    fn only_a_return_of_the_cell_itself_is_found() {
        assert_eq!(own_return("let a = 1;\nif a == 1 { return; }"), Some(2));
        assert_eq!(own_return("return 5"), Some(1));
        assert_eq!(own_return("fn f() { return; }\nlet g = || return 1;\nlet h = async { return 1; };"), None);
        assert_eq!(own_return("let s = \"return\"; // return"), None);
    }

    #[test]
    fn places_are_those_of_the_author() {
        let code = "let a = 1;\nlet (b, c): (u8, u8) = d;\nab + c // end";
        let rewritten = rewrite(code);
        let place = |part: &str| rewritten.original(rewritten.text.find(part).expect("it is in the text"));
        assert_eq!(&code[place("let")..][..3], "let");
        assert_eq!(&code[place("let (b")..][..6], "let (b");
        assert_eq!(&code[place("d;")..][..2], "d;");
        assert_eq!(&code[place("ab + c")..][..2], "ab");
        assert_eq!(&code[place("c)).evcxr")..][..1], "c");
        assert_eq!(place(".evcxr_display"), code.find(" //").expect("it is in the text"));
        assert_eq!(&code[place("// end")..], "// end");
        assert_eq!(rewritten.original(rewritten.text.len()), code.len());
    }
}
