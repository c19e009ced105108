//! `.await` at the top level of a cell: its function waits for the author's text as one future.
//!
//! evcxr would find out by an error of rustc, add tokio to the session's dependencies and compile every later cell with it.
//! Here only a cell that awaits is changed, before rustc sees it, so that error never comes.

use ra_ap_syntax::{
    AstNode, Edition, SourceFile, SyntaxNode,
    ast::{self},
};

use super::source::Line;

/// What waits, in front of the text and behind it.
const WAITS: &str = "flowdeck::task::block_on(async {";
const WAITED: &str = "});";

/// The same in a cell with `?`, in place of evcxr's frame.
const WAITS_WITH_QUESTION: &str =
    "let _: std::result::Result<(), EvcxrUserCodeError> = flowdeck::task::block_on(async {";
const WAITED_WITH_QUESTION: &str = "Ok(())});";

/// Comes before either where the cell's author depends on tokio: its futures must know a runtime. Each object has a tokio
/// of its own, whose threads know no other's runtime, so each has a runtime too. It stays, and so do its tasks.
const ENTERS: &str = "static FLOWDECK_RUNTIME: std::sync::OnceLock<flowdeck_tokio::runtime::Runtime> = std::sync::OnceLock::new(); \
    let _flowdeck_runtime = FLOWDECK_RUNTIME.get_or_init(|| flowdeck_tokio::runtime::Builder::new_multi_thread().enable_all()\
    .build().expect(\"the system gives no threads\")).enter(); ";

/// Whether a cell awaits something outside of functions, closures and blocks that are asynchronous themselves.
pub fn awaits(cell: &str) -> bool {
    if !cell.contains("await") {
        return false;
    }
    let parsed = SourceFile::parse(&format!("fn f() {{\n{cell}\n}}"), Edition::Edition2024);
    let awaits = parsed.syntax_node().descendants().filter_map(ast::AwaitExpr::cast);
    awaits.into_iter().any(|found| is_of_the_cell(found.syntax()))
}

fn is_of_the_cell(found: &SyntaxNode) -> bool {
    // The outermost function is ours.
    let is_within = |node: &SyntaxNode| {
        let is_async_block = ast::BlockExpr::cast(node.clone()).is_some_and(|block| block.async_token().is_some());
        is_async_block || ast::ClosureExpr::can_cast(node.kind()) || ast::Fn::can_cast(node.kind())
    };
    found.ancestors().filter(is_within).count() == 1
}

/// Makes the lines from `start` to `end` one future that is waited for, on tokio's runtime if there is one.
pub fn wrap(lines: &mut Vec<Line>, start: usize, end: usize, has_runtime: bool) {
    let at = |place: usize| lines.get(place).or(lines.last()).map_or(1, |line| line.number);
    let (first, last) = (at(start), at(end.saturating_sub(1)));
    lines.insert(end, Line { text: WAITED.to_owned(), number: last });
    lines.insert(start, Line { text: format!("{}{WAITS}", entering(has_runtime)), number: first });
}

/// The same where evcxr's frame for a `?` is at these lines.
pub fn wrap_with_question(lines: &mut [Line], question: usize, answered: usize, has_runtime: bool) {
    lines[question].text = format!("{}{WAITS_WITH_QUESTION}", entering(has_runtime));
    lines[answered].text = WAITED_WITH_QUESTION.to_owned();
}

fn entering(has_runtime: bool) -> &'static str {
    if has_runtime { ENTERS } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_cell_itself_awaits_counts() {
        assert!(
            awaits("let x = f().await;")
                && awaits("f().await?;\nlet y = 1;")
                && awaits("if g().await { 1 } else { 2 };")
        );
        assert!(awaits("for x in y { x.await; }") && awaits("println!(\"{}\", 1); (async { 1 }).await;"));
        assert!(!awaits("async fn f() { g().await }") && !awaits("let t = spawn(async { g().await });"));
        assert!(!awaits("let c = async || g().await;") && !awaits("let await_it = 1; // .await"));
        assert!(!awaits("let s = \".await\";"));
    }
}
