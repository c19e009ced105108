"""Errors of Rust cells that people can act on: the line, the place in it, what to do; warnings once; no word of evcxr."""

import re

import pytest
from harness.kernel import Conversation, Kernel


def failed(kernel: Kernel, code: str) -> Conversation:
    cell = kernel.execute(code)
    assert cell.status == "error" and cell.types[-1] == "error", repr(cell)
    assert not re.search(r"evcxr|cell_lib|FlowdeckType|flowdeck_cell|cell-[0-9a-f]{6}", cell.error_text, re.IGNORECASE), (
        cell.error_text
    )
    return cell


def hint(cell: Conversation) -> str:
    """All that is said of what to do."""
    return cell.error_text.partition("\nhint: ")[2]


def number(cell: Conversation) -> int:
    return cell.content["execution_count"]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("let e_f = std::fs::File::open(\"/nonexistent\").unwrap();", 1),
        ("let e_v: Vec<i32> = vec![];\nlet e_a = e_v[5];\n5", 2),
        ("fn e_g() -> i32 {\n    1\n}\nlet e_b = { None::<i32>.unwrap() };", 4),
        ("let e_t = std::hint::black_box(5);\n\n// said\nlet e_r = e_t / (e_t - 5);", 4),
        ("let (e_p, e_q) = (1, \"x\".parse::<i32>().unwrap()); let e_z = 1;", 1),
        ("for i in 0..3 {\n    let w = vec![1];\n    println!(\"{}\", w[i]);\n}", 3),
        ("fn e_h() -> i32 {\n    let v: Vec<i32> = Vec::new();\n    v[0]\n}\nlet e_c = 1;\ne_h()", 3),
        ("// first\n\npanic!(\"x\")", 3),
        ("let e_u = 1; let e_w: i32 = \"abc\".parse().unwrap();", 1),
        ("assert_eq!(\n    1,\n    2,\n);", 1),
        ("flowdeck::task::sleep(std::time::Duration::ZERO).await;\nlet e_n: Option<u8> = None;\ne_n.unwrap()", 3),
    ],
)
def test_a_panic_names_the_line_of_the_cell(shared_kernel: Kernel, code: str, line: int) -> None:
    for _ in range(2):
        # The second time the cell is not compiled.
        assert f"the cell panicked at line {line}\n" in hint(failed(shared_kernel, code))


def test_a_panic_in_what_an_earlier_cell_defines_names_that_cell(shared_kernel: Kernel) -> None:
    defining = shared_kernel.execute(
        "fn e_third(v: &[i32]) -> i32 {\n    v[3]\n}\nlet e_boxed: Box<dyn Fn(usize) -> u8> = Box::new(|at| {\n    vec![1u8][at]\n});"
    )
    assert defining.status == "ok", repr(defining)
    cell = failed(shared_kernel, "let e_one = 1;\ne_third(&[e_one])")
    assert f"in code of cell [{number(defining)}], line 2\n" in hint(cell)
    cell = failed(shared_kernel, "\n\n\ne_boxed(7)")
    assert f"in code of cell [{number(defining)}], line 5\n" in hint(cell)


def test_a_question_mark_names_its_line(shared_kernel: Kernel) -> None:
    code = 'for w in [1, 2, 3] {\n    if w == 3 {\n        None::<u8>.ok_or("nothing here")?;\n    }\n}'
    assert "`?` ended the cell at line 3\n" in hint(failed(shared_kernel, code))
    assert "`?` ended the cell at line 2\n" in hint(failed(shared_kernel, 'let e_s = "x";\nlet e_i: i32 = e_s.parse()?;\ne_i'))


@pytest.mark.parametrize(
    ("code", "message", "marked"),
    [
        ('let e_c0 = 1;\nlet e_c1 = e_c0 + "x";', "cannot add", "+"),
        ("let e_long_name = std::convert::identity(e_undefined)\n    .first();", "cannot find value", "e_undefined"),
        ("let e_ä = String::new(); let e_m = e_ä; e_ä.len()", "moved value", "e_ä"),
        ("let (e_d, e_e) = (1, 2); let e_f: u8 = missing_thing;", "missing_thing", "missing_thing"),
        ("let e_x = 1;\nlet e_y: u8 = 256 + \"a\".len();", "mismatched", '256 + "a".len()'),
        ("let e_z = 3; e_nothing", "cannot find value `e_nothing`", "e_nothing"),
    ],
)
def test_carets_are_under_what_is_wrong(shared_kernel: Kernel, code: str, message: str, marked: str) -> None:
    text = failed(shared_kernel, code).error_text
    assert message in text, text
    (place,) = re.findall(r"--> cell:(\d+):(\d+)", text)[:1]
    line, column = int(place[0]), int(place[1])
    assert code.splitlines()[line - 1][column - 1 :].startswith(marked.split()[0]), text
    carets = next(line for line in text.splitlines() if re.match(r"^ *\| .*\^", line))
    shown = next(shown for shown in text.splitlines() if re.match(rf"^{line} +\|", shown) or shown.startswith(f"{line} |"))
    begin = carets.index("^")
    assert shown[begin:].startswith(marked.split()[0]), text


def test_warnings_come_before_the_output_and_once(shared_kernel: Kernel) -> None:
    code = '#[must_use]\nfn e_mu() -> i32 { 1 }\nprintln!("output");\ne_mu();'
    cell = shared_kernel.execute(code)
    assert cell.status == "ok" and "cell:4:1" in cell.stream("stderr"), repr(cell)
    assert "unused return value of `e_mu` that must be used" in cell.stream("stderr")
    assert [m["content"]["name"] for m in cell.of_type("stream")] == ["stderr", "stdout"]
    assert shared_kernel.execute(code).stream("stderr") == "", "it was said"
    with Kernel() as other:
        # There the object is found among the compiled ones.
        assert "that must be used" in other.execute(code).stream("stderr")


def test_a_cell_that_ends_early_is_not_warned_of(shared_kernel: Kernel) -> None:
    for code in ["todo!()", 'let e_before = 1;\npanic!("x")', "std::panic::panic_any(5)"]:
        assert shared_kernel.execute(code).stream("stderr") == ""


def test_a_value_that_cannot_be_shown_is_marked(shared_kernel: Kernel) -> None:
    text = failed(shared_kernel, "struct Shy;\nlet s_h = Shy;\ns_h").error_text
    assert "cannot be shown" in text and "3 | s_h\n  | ^^^" in text, text


def test_an_error_here_is_told_without_what_follows_elsewhere(shared_kernel: Kernel) -> None:
    shared_kernel.execute("struct Tw { x: i32 }\ntrait TwT { fn a(&self) -> i32; }")
    for value in (1, 2):
        shared_kernel.execute(f"impl TwT for Tw {{ fn a(&self) -> i32 {{ {value} }} }}")
    text = failed(shared_kernel, "fn gen() -> u8 { 1 }").error_text
    assert "reserved keyword" in text and "conflicting" not in text, text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ('#[deprecated(note = "old")]\nfn e_old() -> i32 { 3 }\ne_old()', "use of deprecated function `e_old`: old"),
        ("fn e_forever() -> u8 {\n    e_forever()\n}", "cannot return without recursing"),
        ("fn e_inner() -> u8 {\n    let unneeded = 5;\n    return 1;\n}", "unused variable: `unneeded`"),
        ("fn e_end() -> u8 {\n    return 1;\n    println!(\"never\");\n}", "unreachable"),
    ],
)
def test_what_an_author_wants_to_know_is_warned_of(shared_kernel: Kernel, code: str, words: str) -> None:
    assert words in shared_kernel.execute(code).stream("stderr")


@pytest.mark.parametrize(
    "code",
    [
        "let e_unused = 1;\nlet e_again = e_unused; fn e_never() {}",
        "let mut e_mut = 3;",
        "macro_rules! e_macro { () => {} }\nlet E_Big = 1;",
        "for i in 0..2 { print!(\"{i}\"); }",
        "let e_maybe = Some(3);\nif let Some(n) = e_maybe { n } else { 0 }",
        "use std::collections::BTreeMap as EMap;\nstruct EUnused { x: u8 }",
        "let (e_l, e_r) = (1, String::new());\n(1 + 2)",
        "use std::io::Read;\nlet e_w: Vec<u8> = vec![];",
    ],
)
def test_ordinary_cells_are_not_warned_of(shared_kernel: Kernel, code: str) -> None:
    cell = shared_kernel.execute(code)
    assert cell.status == "ok" and cell.stream("stderr") == "", repr(cell)


@pytest.mark.parametrize(
    ("code", "fact", "fix"),
    [
        ("let k_add = |x: i32, y: i32| x + y;", "is a closure", None),
        ("fn k_mk() -> impl Fn(i32) -> i32 { move |x| x * 2 }\nlet k_f = k_mk();", "`impl Fn(i32) -> i32`", None),
        ("let k_i = vec![1, 2, 3].into_iter().filter(|x| *x > 1);", "an iterator", None),
        ("let k_fut = async { 1 + 1 };", "a future", None),
        ("let k_s = String::from(\"abc\");\nlet k_r = &k_s;", "it borrows", "k_s.clone()"),
        ("let k_t = String::from(\"abc\");\nlet k_p = &k_t[1..];", "it borrows", "k_t[1..].to_owned()"),
        ("let k_v = vec![1, 2];\nlet k_it = k_v.iter();", "it borrows", ".collect::<Vec<_>>()"),
        ("let k_b: &str = &String::from(\"abc\");", "temporary value", 'let k_b = String::from("abc");'),
        ("let k_m = std::sync::Mutex::new(5);\nlet k_g = k_m.lock().unwrap();", "it borrows", "guard"),
    ],
)
def test_what_cannot_be_kept_says_so_with_the_fix(shared_kernel: Kernel, code: str, fact: str, fix: str | None) -> None:
    cell = failed(shared_kernel, code)
    assert fact in cell.error_text, cell.error_text
    assert "cannot be kept for later cells" in cell.error_text or "temporary" in fact, cell.error_text
    assert "braces" in hint(cell) and (fix is None or fix in hint(cell)), cell.error_text
    assert f"line {len(code.splitlines())}" in cell.error_text, cell.error_text
    if fix is None:
        # What is advised works as it stands.
        better = re.findall(r"`(let .*;)`", hint(cell))[0]
        lines = code.splitlines()
        again = shared_kernel.execute("\n".join([*lines[:-1], better]))
        assert again.status == "ok", repr(again)


def test_a_borrowed_variable_of_an_earlier_cell_cannot_be_kept_either(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let k_owner = vec![1, 2, 3];")
    cell = failed(shared_kernel, "let k_borrowed = &k_owner;")
    assert "k_owner.clone()" in hint(cell) and "cannot be kept" in cell.error_text, cell.error_text
    assert shared_kernel.execute("k_owner.len()").text == "3"


def test_a_name_that_is_gone_says_why(shared_kernel: Kernel) -> None:
    shared_kernel.execute('let n_s = String::from("a");\nlet n_v = vec![1];')
    moving = shared_kernel.execute("let n_t = n_s;\ndrop(n_v);")
    for name in ("n_s", "n_v"):
        assert f"`{name}` was moved by cell [{number(moving)}]" in hint(failed(shared_kernel, f"{name}.len()"))
    shared_kernel.execute("struct NP { x: i32 }\nlet n_p = NP { x: 1 };")
    shared_kernel.execute("struct NP { x: i32, y: i32 }")
    assert "defined anew" in hint(failed(shared_kernel, "n_p.x"))
    assert "defined anew" in hint(failed(shared_kernel, "n_p.x"))
    failing = failed(shared_kernel, 'let n_q: i32 = "x".parse()?;')
    assert f"cell [{number(failing)}] defines `n_q`, but failed" in hint(failed(shared_kernel, "n_q"))
    assert "not run" in hint(failed(shared_kernel, "n_never_heard_of"))


@pytest.mark.parametrize(
    ("code", "name", "line"),
    [
        ("1;\nuse rayon_missing::prelude::*;", "rayon_missing", 2),
        ("use rand_missing::{Rng,\n    seq::SliceRandom};", "rand_missing", 1),
        ('let n_d = json_missing::json!({"a": 1});', "json_missing", 1),
    ],
)
def test_a_missing_crate_is_added_with_dep(shared_kernel: Kernel, code: str, name: str, line: int) -> None:
    cell = failed(shared_kernel, code)
    assert f":dep {name} = " in hint(cell) and f"--> cell:{line}:" in cell.error_text, cell.error_text


def test_what_rustc_suggests_is_the_hint(shared_kernel: Kernel) -> None:
    assert "use std::collections::HashMap;" in hint(failed(shared_kernel, "let h_m: u8 = HashMap::new();"))
    cell = failed(shared_kernel, "fn h_f(v: &Vec<u8>) -> usize { v.len() }\nlet h_v = vec![1u8];\nh_f(h_v)")
    assert "`h_f(&h_v)`" in hint(cell), cell.error_text


def test_an_edited_implementation_replaces_the_earlier_one(shared_kernel: Kernel) -> None:
    shared_kernel.execute("struct IP { x: i32 }\ntrait ISh { fn a(&self) -> i32; }\nlet i_p = IP { x: 1 };")
    first = "impl IP {\n    fn get(&self) -> i32 { self.x }\n    fn both(&self) -> i32 { self.get() * 2 }\n}"
    shared_kernel.execute(first)
    assert shared_kernel.execute("i_p.both()").text == "2"
    for value in (100, 200):
        edited = shared_kernel.execute(f"impl IP {{ fn get(&self) -> i32 {{ self.x + {value} }} }}")
        assert edited.status == "ok", repr(edited)
        assert shared_kernel.execute("(i_p.get(), i_p.both())").text == f"({1 + value}, {2 + 2 * value})"
        edited = shared_kernel.execute(f"impl ISh for IP {{\n    fn a(&self) -> i32 {{ {value} }}\n}}")
        assert edited.status == "ok" and shared_kernel.execute("i_p.a()").text == str(value), repr(edited)
    # The first again: it counts as the latest.
    assert shared_kernel.execute(first).status == "ok"
    assert shared_kernel.execute("i_p.get()").text == "1"
    cell = failed(shared_kernel, "impl IP { fn twice(&self) {} fn twice(&self) {} }")
    assert "duplicate definitions" in cell.error_text


def test_what_no_longer_fits_an_earlier_cell_names_it(shared_kernel: Kernel) -> None:
    shared_kernel.execute("struct IQ { x: i32 }")
    defining = shared_kernel.execute("\nimpl IQ {\n    fn get(&self) -> i32 { self.x }\n}")
    cell = failed(shared_kernel, "struct IQ { z: i32 }")
    assert f"cell [{number(defining)}]" in hint(cell) and "self.x" in cell.error_text, cell.error_text
    assert f"cell [{number(defining)}]:3:" in cell.error_text, cell.error_text


def test_debug_output_has_the_line_and_order(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute('println!("before");\nlet d_x = 2;\nlet d_y = dbg!(d_x * 3) + 1;\ndbg!();\ndbg!(d_x, d_y);')
    assert cell.status == "ok", repr(cell)
    lines = ["[line 3] d_x * 3 = 6", "[line 4]", "[line 5] d_x = 2", "[line 5] d_y = 7"]
    assert cell.stream("stderr").splitlines() == lines
    assert [m["content"]["name"] for m in cell.of_type("stream")] == ["stdout", "stderr"]


def test_a_thread_that_panics_is_named_with_its_line(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute('let p_j = std::thread::spawn(|| {\n    panic!("boom")\n});\np_j.join().is_err()')
    assert cell.text == "true" and "a thread panicked (at line 2): boom" in cell.stream("stderr"), repr(cell)


def test_a_panic_that_was_caught_is_the_cells(shared_kernel: Kernel) -> None:
    # Also in the process that goes on after a cell that panicked.
    for _ in range(2):
        cell = shared_kernel.execute('\nlet p_c = std::panic::catch_unwind(|| panic!("caught")).is_err();\np_c')
        assert cell.text == "true" and cell.stream("stderr") == "a panic was caught (at line 2): caught\n", repr(cell)
        failed(shared_kernel, 'panic!("on purpose")')


def test_what_is_missing_in_a_crate_is_no_cells(shared_kernel: Kernel) -> None:
    assert "cell" not in hint(failed(shared_kernel, "flowdeck::no_such_function()"))
    assert ".await" in hint(failed(shared_kernel, "async { 5 }"))


@pytest.mark.parametrize("code", ["let r_a = 1;\nreturn 5", "let r_b = 1;\nif r_b == 1 { return; }"])
def test_cells_are_not_functions_to_return_from(shared_kernel: Kernel, code: str) -> None:
    cell = failed(shared_kernel, code)
    assert "last expression" in hint(cell) and "(line 2)" in cell.error_text, cell.error_text


def test_a_variable_of_an_earlier_cell_is_made_mutable(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let m_v = vec![1];")
    assert "let mut x = x;" in hint(failed(shared_kernel, "m_v.push(2);"))
    assert "`let mut m_w = vec![1];`" in hint(failed(shared_kernel, "let m_w = vec![1];\nm_w.push(2);"))


def test_a_type_that_is_not_known_is_asked_for_in_the_cell(shared_kernel: Kernel) -> None:
    cell = failed(shared_kernel, "let t_v = Vec::new();")
    assert "cell:1:" in cell.error_text and "*const" not in cell.error_text, cell.error_text
    assert "let x: Type" in hint(cell)
