//! Implementations that are written again: of two with the same head the later one counts.
//!
//! evcxr knows no name of an implementation and keeps each that ever compiled. An edited one would be there twice, which
//! rustc refuses.

use std::ops::Range;

use ra_ap_syntax::{
    AstNode, SyntaxNode,
    ast::{self, HasGenericParams, HasName},
};

/// An implementation.
#[derive(Debug)]
pub struct Implementation {
    /// What it is for, in words that are the same however it is laid out.
    head: String,
    is_of_trait: bool,
    /// What it defines, with the place in the item's text.
    members: Vec<(String, Range<usize>)>,
}

impl Implementation {
    /// Of an item whose first line begins at `start` of the text that was parsed.
    pub fn new(item: &ast::Impl, start: usize) -> Implementation {
        let parts = [
            item.generic_param_list().map(|part| part.syntax().clone()),
            item.trait_().map(|part| part.syntax().clone()),
            item.self_ty().map(|part| part.syntax().clone()),
            item.where_clause().map(|part| part.syntax().clone()),
        ];
        let head = parts.iter().map(|part| part.as_ref().map(plain).unwrap_or_default());
        let range = |node: &SyntaxNode| {
            let range = node.text_range();
            usize::from(range.start()) - start..usize::from(range.end()) - start
        };
        let members = item.assoc_item_list().into_iter().flat_map(|list| list.assoc_items());
        let members = members.filter_map(|member| {
            let name = match &member {
                ast::AssocItem::Fn(item) => item.name(),
                ast::AssocItem::Const(item) => item.name(),
                ast::AssocItem::TypeAlias(item) => item.name(),
                ast::AssocItem::MacroCall(_) => None,
            };
            Some((name?.text().to_string(), range(member.syntax())))
        });
        Implementation {
            head: head.collect::<Vec<_>>().join("|"),
            is_of_trait: item.trait_().is_some(),
            members: members.collect(),
        }
    }
}

/// The tokens, without what stands between them.
fn plain(node: &SyntaxNode) -> String {
    let tokens = node.descendants_with_tokens().filter_map(|part| part.into_token());
    let words = tokens.filter(|token| !token.kind().is_trivia()).map(|token| token.text().to_owned());
    words.collect::<Vec<_>>().join(" ")
}

/// The text of an implementation without what later ones define anew, on as many lines. `None`: all of it counts.
pub fn superseded(one: &Implementation, order: u64, all: &[(u64, &Implementation)], text: &str) -> Option<String> {
    let later: Vec<&Implementation> =
        all.iter().filter(|(other, found)| *other > order && found.head == one.head).map(|(_, found)| *found).collect();
    if later.is_empty() {
        return None;
    }
    if one.is_of_trait {
        return Some(blank(text, 0..text.len()));
    }
    let is_anew = |name: &str| later.iter().any(|found| found.members.iter().any(|(other, _)| other == name));
    let mut left = text.to_owned();
    for (_, range) in one.members.iter().filter(|(name, _)| is_anew(name)) {
        left = blank(&left, range.clone());
    }
    (left != text).then_some(left)
}

fn blank(text: &str, range: Range<usize>) -> String {
    let Some((before, rest)) = text.split_at_checked(range.start) else { return text.to_owned() };
    let Some((gone, after)) = rest.split_at_checked(range.end - range.start) else { return text.to_owned() };
    // A blank for each byte: places behind it stay.
    let blanks: String = gone.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    format!("{before}{blanks}{after}")
}

#[cfg(test)]
mod tests {
    use ra_ap_syntax::{Edition, SourceFile, ast::HasModuleItem};

    use super::*;

    fn implementation(text: &str) -> Implementation {
        let parsed = SourceFile::parse(text, Edition::Edition2024);
        match parsed.tree().items().next() {
            Some(ast::Item::Impl(item)) => Implementation::new(&item, 0),
            other => panic!("{other:?} is no implementation"),
        }
    }

    #[track_caller]
    fn check(first: &str, second: &str, left: Option<&str>) {
        let (one, two) = (implementation(first), implementation(second));
        let all = [(1, &one), (2, &two)];
        assert_eq!(superseded(&one, 1, &all, first).as_deref().map(str::trim), left);
        assert_eq!(superseded(&two, 2, &all, second), None, "the later one stays as it is");
    }

    #[test]
    fn that_of_a_trait_goes_and_one_without_loses_what_is_defined_anew() {
        check("impl A for B { fn f() {} }", "impl A for  B{\nfn f() { 1; } }", Some(""));
        check("impl B { fn ä() {} fn g() {} }", "impl B { fn ä() { 2; } }", Some("impl B {            fn g() {} }"));
        check("impl B { fn g() {} }", "impl B { fn f() {} }", None);
        check("impl A for B {}", "impl A for C {}", None);
        check("impl<T> B<T> { fn f() {} }", "impl<T: Copy> B<T> { fn f() {} }", None);
    }

    #[test]
    fn lines_stay_lines_and_two_of_one_cell_are_rustcs_to_judge() {
        let text = "impl B {\n  fn f() {\n  }\n  fn g() {}\n}\n";
        let (one, two) = (implementation(text), implementation("impl B { fn f() {} }"));
        let left = superseded(&one, 1, &[(2, &two)], text).expect("`f` is there anew");
        assert_eq!((left.lines().count(), left.contains("fn f"), left.contains("fn g")), (5, false, true));
        assert_eq!(superseded(&one, 2, &[(2, &two)], text), None);
    }
}
