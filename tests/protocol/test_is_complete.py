"""is_complete_request: what a console asks at every return key."""

import pytest
from harness.kernel import Kernel

STEP = "    "

COMPLETE = [
    "",
    "let x = 1;",
    "1 + 1",
    "fn f() {}",
    "fn f() {\n    1\n}",
    'let s = "{ ( [";',
    "let c = '{';",
    "// { open in a comment",
    "/* { */",
    'let s = r#"a " b"#;',
    "x?",
    ":vars",
    "%help",
    "?flowdeck",
    "%%sql\nSELECT 1\n",
    'let s = "🦀";',
    "#[derive(Debug)]\nstruct A;",
    "match x {\n    _ => 1,\n}",
    "let f = |a: u8| a < 3;",
]

INCOMPLETE = {
    "fn f() {": STEP,
    "fn f() {\n    if x {": STEP * 2,
    "fn f() {\n    g(|y| {\n        vec![": STEP * 4,
    "fn foo(": STEP,
    "let x = vec![": STEP,
    "let x =": "",
    'let s = "open': "",
    "/* open": "",
    "match x {\n    Some(y) => {": STEP * 2,
    "if x {\n    1\n} else {": STEP,
    "impl A {\n    fn f() {}": STEP,
    "#[derive(Debug)]": "",
    "x.map(|y|": STEP,
    "%%sql\nSELECT 1": "",
    "%%html": "",
}

INVALID = ["fn fn", "let = ;", "let x = );", "}", "fn f() {} }", "fn f() { ) }", "struct {}"]


@pytest.mark.parametrize("code", COMPLETE)
def test_complete(shared_kernel: Kernel, code: str) -> None:
    assert shared_kernel.request("is_complete_request", {"code": code}).content == {"status": "complete"}


@pytest.mark.parametrize(("code", "indent"), INCOMPLETE.items())
def test_incomplete_with_the_indentation_of_the_next_line(shared_kernel: Kernel, code: str, indent: str) -> None:
    reply = shared_kernel.request("is_complete_request", {"code": code}).content
    assert reply == {"status": "incomplete", "indent": indent}


@pytest.mark.parametrize("code", INVALID)
def test_invalid(shared_kernel: Kernel, code: str) -> None:
    assert shared_kernel.request("is_complete_request", {"code": code}).content == {"status": "invalid"}


@pytest.mark.parametrize("code", ["\0", "((((" * 500, "'" * 99, "\\", "🦀", "r#####", "a\r\nb", "\u2028", "<" * 2000])
def test_odd_text_is_answered(shared_kernel: Kernel, code: str) -> None:
    reply = shared_kernel.request("is_complete_request", {"code": code}, timeout=30).content
    assert reply["status"] in ("complete", "incomplete", "invalid", "unknown")
