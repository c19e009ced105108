//! The author's text in the pieces in which evcxr writes it into a cell's source: one for each statement or item, from the
//! beginning of a line. Imports it takes apart, a line for each name.
//!
//! By these pieces `places` finds the author's lines again. They are those of evcxr 0.22.

use std::ops::Range;

use ra_ap_syntax::{
    AstNode, Edition, SourceFile, TextSize,
    ast::{self, HasModuleItem, HasName},
};

/// What stands before a cell's text to parse it.
const HEAD: &str = "fn cell(){";

/// A piece of the author's text, from 1.
#[derive(Debug, PartialEq)]
pub struct Segment {
    /// Its lines, without what stands on the first before it.
    pub lines: Vec<String>,
    /// Which of them the statement or item itself takes; comments and blanks may stand around it.
    pub own: Range<usize>,
    /// The line on which it begins.
    pub line: usize,
    /// Characters before it on that line.
    pub column: usize,
    /// What evcxr does with it.
    pub kind: Kind,
}

/// What evcxr does with a piece.
#[derive(Debug, PartialEq)]
pub enum Kind {
    /// It stays in the cell's function.
    Statement,
    /// It comes before the function.
    Item,
    /// It is written anew, as these lines, and comes before the function.
    Imports(Vec<Import>),
}

/// An import of one name, or of all of a module.
#[derive(Debug, PartialEq)]
pub struct Import {
    /// As evcxr writes it.
    pub text: String,
    /// The place of the name in the author's text: line and column of beginning and end, the end exclusive.
    pub range: (Point, Point),
}

/// A line and a column, in characters, both from 1.
pub type Point = (usize, usize);

/// The pieces of a cell.
pub fn segments(cell: &str) -> Vec<Segment> {
    let start = start(cell);
    let code = &cell[start..];
    let parsed = SourceFile::parse(&format!("{HEAD}{code}\n}}"), Edition::Edition2024);
    let function = parsed.tree().items().next().and_then(|item| ast::Fn::cast(item.syntax().clone()));
    let Some(list) = function.and_then(|function| function.body()).and_then(|body| body.stmt_list()) else {
        return Vec::new();
    };
    let place = |offset| (usize::from(offset) + start).saturating_sub(HEAD.len()).min(cell.len());
    let mut segments = Vec::new();
    let mut begin = start;
    let mut nodes = list.syntax().children().peekable();
    while let Some(node) = nodes.next() {
        let end = nodes.peek().map_or(cell.len(), |next| place(next.text_range().start()));
        if begin >= end {
            break;
        }
        let (line, column) = point(cell, begin);
        let lines = cell[begin..end].lines().map(str::to_owned).collect();
        let line_of = |offset| cell[begin..place(offset).clamp(begin, end)].matches('\n').count();
        let own = line_of(node.text_range().start())..line_of(node.text_range().end()) + 1;
        let is_attribute = ast::Attr::can_cast(node.kind());
        let kind = match ast::Item::cast(node) {
            Some(ast::Item::Use(import)) => Kind::Imports(imports(&import, &|offset| point(cell, place(offset)))),
            None if !is_attribute => Kind::Statement,
            _ => Kind::Item,
        };
        segments.push(Segment { lines, own, line, column: column - 1, kind });
        begin = end;
    }
    segments
}

/// Where Rust begins: evcxr passes over comments and blank lines, and takes commands out.
fn start(cell: &str) -> usize {
    let is_passed = |line: &&str| {
        line.starts_with(['!'])
            || line.trim_start_matches(' ').starts_with(':')
            || line.starts_with("//")
            || line.trim().is_empty()
    };
    cell.split_inclusive('\n').take_while(is_passed).map(str::len).sum()
}

fn point(text: &str, offset: usize) -> Point {
    let before = &text[..offset];
    let line = before.rsplit('\n').next().unwrap_or(before);
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

type At<'a> = &'a dyn Fn(TextSize) -> Point;

fn imports(item: &ast::Use, at: At<'_>) -> Vec<Import> {
    let mut found = Vec::new();
    if let Some(tree) = item.use_tree() {
        leaves(&tree, &[], at, &mut found);
    }
    found
}

fn leaves(tree: &ast::UseTree, before: &[String], at: At<'_>, found: &mut Vec<Import>) {
    let mut path = before.to_vec();
    let segments = tree.path().into_iter().flat_map(|path| path.segments().collect::<Vec<_>>());
    path.extend(segments.map(|segment| segment.syntax().text().to_string()).filter(|name| name != "self"));
    if let Some(list) = tree.use_tree_list() {
        list.use_trees().for_each(|tree| leaves(&tree, &path, at, found));
        return;
    }
    let last = path.last().cloned().unwrap_or_default();
    let name = match tree.rename() {
        Some(rename) => rename.name().map_or_else(|| "_".to_owned(), |name| name.text().to_string()),
        None if tree.star_token().is_some() => {
            path.push("*".to_owned());
            "*".to_owned()
        }
        None => last.clone(),
    };
    let path = path.join("::");
    let is_renamed = tree.rename().is_some() && name != last;
    let text = if is_renamed { format!("use {path} as {name};") } else { format!("use {path};") };
    let range = tree.syntax().text_range();
    found.push(Import { text, range: (at(range.start()), at(range.end())) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_and_items_are_pieces_with_their_places() {
        let found = segments(":dep x\n// said\n\nlet a = 1; fn f() {\n}\n\n  a + 1");
        let told: Vec<_> =
            found.iter().map(|one| (one.lines[0].as_str(), one.line, one.column, one.own.clone())).collect();
        assert_eq!(told, [("let a = 1; ", 4, 0, 0..1), ("fn f() {", 4, 11, 0..2), ("a + 1", 7, 2, 0..1)]);
        assert_eq!(found.iter().map(|one| one.lines.len()).collect::<Vec<_>>(), [1, 4, 1]);
        assert_eq!((&found[0].kind, &found[1].kind), (&Kind::Statement, &Kind::Item));
        assert!(segments("// only said").is_empty());
    }

    #[test]
    fn each_import_is_a_line_with_the_place_of_its_name() {
        let found = segments("use std::{fmt::{self, Write as _}, io::*,\n  rc::Rc as R};");
        let Kind::Imports(imports) = &found[0].kind else { panic!("it is an import: {found:?}") };
        let told: Vec<_> = imports.iter().map(|import| (import.text.as_str(), import.range.0)).collect();
        let wanted = [
            ("use std::fmt;", (1, 17)),
            ("use std::fmt::Write as _;", (1, 23)),
            ("use std::io::*;", (1, 36)),
            ("use std::rc::Rc as R;", (2, 3)),
        ];
        assert_eq!(told, wanted);
    }
}
