//! `is_complete_request`: may the console run this, or does it wait for more?
//!
//! Rust is parsed for real (rust-analyzer's parser, which evcxr brings along). A text whose brackets are open or whose
//! only errors are at its end is incomplete; with an error earlier it is invalid.

use kernel_protocol::Message;
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind};
use serde_json::{Value, json};

/// One step of indentation.
const INDENT: &str = "    ";

/// How the parser words a text, character or comment without its end.
const UNTERMINATED: &str = "Missing trailing";

/// The content of the reply.
pub fn answer(request: &Message) -> Value {
    let code = request.text("code");
    match judge(code) {
        Judgement::Incomplete => json!({"status": "incomplete", "indent": indent(code)}),
        Judgement::Complete => json!({"status": "complete"}),
        Judgement::Invalid => json!({"status": "invalid"}),
    }
}

#[derive(Debug, PartialEq)]
enum Judgement {
    Complete,
    Incomplete,
    Invalid,
}

fn judge(code: &str) -> Judgement {
    let text = code.trim_end();
    if let Some(magic) = text.trim_start().strip_prefix("%%") {
        // A cell magic wants a body and ends with an empty line.
        let is_ended = magic.contains('\n') && code.ends_with('\n');
        return if is_ended { Judgement::Complete } else { Judgement::Incomplete };
    }
    // `#!/` is a line as scripts begin with, which Rust cells pass over.
    if text.trim_start().starts_with(['%', '?', ':']) || text.starts_with("#!/") {
        return Judgement::Complete;
    }
    match open_brackets(text) {
        0 => {}
        1.. => return Judgement::Incomplete,
        // One that closes more than it opened would close the function around it below.
        _ => return Judgement::Invalid,
    }
    const HEAD: &str = "fn cell() {\n";
    let parsed = SourceFile::parse(&format!("{HEAD}{text}\n}}"), Edition::Edition2024);
    let end = HEAD.len() + text.len();
    let errors = parsed.errors();
    if errors.iter().any(|error| error.to_string().contains(UNTERMINATED)) {
        return Judgement::Incomplete;
    }
    match errors.iter().map(|error| usize::from(error.range().start())).min() {
        None => Judgement::Complete,
        Some(first) if first >= end => Judgement::Incomplete,
        Some(_) => Judgement::Invalid,
    }
}

fn open_brackets(text: &str) -> i64 {
    let parsed = SourceFile::parse(text, Edition::Edition2024);
    let mut open = 0;
    for token in parsed.syntax_node().descendants_with_tokens().filter_map(|element| element.into_token()) {
        match token.kind() {
            SyntaxKind::L_CURLY | SyntaxKind::L_PAREN | SyntaxKind::L_BRACK => open += 1,
            SyntaxKind::R_CURLY | SyntaxKind::R_PAREN | SyntaxKind::R_BRACK => open -= 1,
            _ => {}
        }
    }
    open
}

fn indent(code: &str) -> String {
    INDENT.repeat(usize::try_from(open_brackets(code)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_incomplete_and_invalid_texts() {
        use Judgement::{Complete, Incomplete, Invalid};
        for (code, wanted) in [
            ("let x = 1;", Complete),
            ("fn f() {}", Complete),
            ("1 + 1", Complete),
            ("", Complete),
            ("%help", Complete),
            (":dep rand", Complete),
            ("%%sql\nSELECT 1\n", Complete),
            ("%%sql", Incomplete),
            ("%%sql\nSELECT 1", Incomplete),
            ("fn f() {", Incomplete),
            ("let x = vec![", Incomplete),
            ("let x =", Incomplete),
            ("let s = \"open", Incomplete),
            ("/* open", Incomplete),
            ("let s = \"{\";", Complete),
            ("fn fn", Invalid),
            ("let = ;", Invalid),
            ("let x = );", Invalid),
            ("}", Invalid),
            ("fn f() {} }", Invalid),
        ] {
            assert_eq!(judge(code), wanted, "{code:?}");
        }
    }

    #[test]
    fn the_next_line_is_indented_by_the_open_brackets() {
        assert_eq!(indent("fn f() {\n    if x {"), INDENT.repeat(2));
        assert_eq!(indent("let x ="), "");
    }
}
