"""Completion and help in Rust cells: while a cell runs or compiles, beyond the basic plane, and after a crash."""

import pytest
from harness.analyser import ANSWER_S, analyser, await_analyser, complete, inspect, names
from harness.cells import start_endless_compilation, waits_for
from harness.kernel import Kernel

FLOWS = "let flows_by_port: Vec<u16> = vec![443, 80];"


@pytest.fixture(scope="module")
def kernel(shared_kernel: Kernel) -> Kernel:
    """A kernel whose analyser has been asked once, and knows a variable."""
    shared_kernel.execute(FLOWS)
    await_analyser(shared_kernel)
    return shared_kernel


# While something else goes on


def test_rust_is_completed_and_explained_while_a_cell_runs(kernel: Kernel, tmp_path) -> None:
    go_on = tmp_path / "go-on"
    cell = kernel.start_cell(f'println!("running");\n{waits_for(go_on)}', marker="running")
    assert "flows_by_port" in names(complete(kernel, "flows_by_"))
    assert "BTreeMap" in names(complete(kernel, "std::collections::BTreeM"))
    assert "String" in inspect(kernel, "String::from")["data"]["text/plain"]
    assert not kernel.is_idle(cell), "the cell ended too early for this test"
    go_on.touch()
    assert kernel.finish(cell).status == "ok"


def test_rust_is_completed_while_a_cell_compiles(kernel: Kernel) -> None:
    cell = start_endless_compilation(kernel)
    assert "flows_by_port" in names(complete(kernel, "flows_by_"))
    assert not kernel.is_idle(cell), "the compilation ended too early for this test"
    kernel.interrupt()
    assert kernel.finish(cell).status == "error"


def test_an_interrupted_cell_leaves_the_analyser_alone(kernel: Kernel) -> None:
    await_analyser(kernel)
    before = analyser(kernel)
    cell = kernel.start_cell('println!("running");\nloop { std::hint::spin_loop(); }', marker="running")
    kernel.interrupt()
    kernel.finish(cell)
    assert analyser(kernel) == before
    assert "BTreeMap" in names(complete(kernel, "std::collections::BTreeM"))


def test_what_earlier_cells_define_is_completed_and_explained(kernel: Kernel) -> None:
    kernel.execute("/// Octets of one direction.\nfn octets_of_half(flow: u64) -> u64 { flow / 2 }")
    kernel.execute("struct HalfFlow { octets_sent: u64 }\nlet half = HalfFlow { octets_sent: 7 };")
    assert "octets_of_half" in names(complete(kernel, "octets_of_"))
    assert "octets_sent" in names(complete(kernel, "half.octets_"))
    assert "Octets of one direction" in inspect(kernel, "octets_of_half")["data"]["text/plain"]
    assert "HalfFlow" in inspect(kernel, "half")["data"]["text/plain"]


def test_what_a_failed_cell_defines_is_not_offered(kernel: Kernel) -> None:
    assert kernel.execute("let never_defined: i32 = true;").status == "error"
    assert "never_defined" not in names(complete(kernel, "never_def"))


@pytest.mark.parametrize("code", [":vars", "%%sql\nSELECT 1", "%%html\n<b>", "%help", "// comment", "/* c */", "{}"])
def test_a_cell_of_another_kind_does_not_break_later_completion(kernel: Kernel, code: str) -> None:
    assert kernel.execute(code).status == "ok"
    kernel.execute("let after_it = 1u8;")
    assert "after_it" in names(complete(kernel, "after_"))
    assert "checked_add" in names(complete(kernel, "after_it.checked_a"))


# Positions


@pytest.mark.parametrize("before", ["", "// 🦀 ünï\n", 'let crab = "🦀🇦🇹é";\n', 'let x = 1; /* 𝒳 */ '])
def test_completion_counts_code_points(kernel: Kernel, before: str) -> None:
    code = f"{before}std::collections::BTreeM"
    after = f"{code}; // 🦀"
    reply = complete(kernel, after, len(code))
    assert (reply["cursor_start"], reply["cursor_end"]) == (len(code) - len("BTreeM"), len(code))
    assert "BTreeMap" in names(reply)


@pytest.mark.parametrize("before", ["", "// 🦀 ünï\n", 'let crab = "🦀🇦🇹é"; '])
def test_help_counts_code_points(kernel: Kernel, before: str) -> None:
    code = f"{before}let v: Vec<u8> = Vec::with_capacity(3); // 🦀"
    cursor = code.index("with_capacity") + len("with_cap")
    assert "capacity" in inspect(kernel, code, cursor)["data"]["text/plain"]
    assert not inspect(kernel, code, code.index("//") + 2)["found"]


def test_names_beyond_ascii_are_completed(kernel: Kernel) -> None:
    kernel.execute("let größe_der_flüsse = 3;")
    reply = complete(kernel, "größe_d")
    assert "größe_der_flüsse" in reply["matches"]
    assert (reply["cursor_start"], reply["cursor_end"]) == (0, len("größe_d"))


def test_types_are_in_the_order_of_the_matches(kernel: Kernel) -> None:
    """JupyterLab reads the list by index and inserts `text`: a label there would end up in the cell."""
    reply = complete(kernel, "flows_by_port.le")
    typed = reply["metadata"]["_jupyter_types_experimental"]
    assert [entry["text"] for entry in typed] == reply["matches"]
    assert all(entry["type"] and "signature" in entry for entry in typed)
    assert all((entry["start"], entry["end"]) == (reply["cursor_start"], reply["cursor_end"]) for entry in typed)


# What is typed is rarely Rust yet, and analysers panic on it

UNFINISHED = [
    "",
    "let a = std::",
    "#[derive]",
    "#[derive(",
    "let x = vec![1, 2",
    "fn f(",
    "}}}}",
    "((((",
    "'",
    '"🦀',
    "r#\"",
    "/*",
    "\\",
    "macro_rules! m { ($x:",
    "impl<T> for",
    "match x { Some(y) =>",
    "let _ = |a, b|",
    "1.",
    "x.0.0.",
    "\0",
    "a\r\nb.",
    "::<",
    "std::fmt::Write::wr",
    "println!(\"{",
    "async move { ",
    "use ",
    "use flowdeck::{sq",
]


def test_unfinished_text_is_completed_and_explained_or_not_but_always_answered(kernel: Kernel) -> None:
    for code in UNFINISHED:
        for cursor in {0, len(code) // 2, len(code)}:
            reply = complete(kernel, code, cursor)
            assert 0 <= reply["cursor_start"] <= reply["cursor_end"] <= len(code), repr(code)
            inspect(kernel, code, cursor)
    assert "BTreeMap" in names(complete(kernel, "std::collections::BTreeM"))


@pytest.mark.parametrize("code", [code for code in UNFINISHED if code.strip("\0") and code != "use "])
def test_running_unfinished_text_does_not_silence_the_kernel(kernel: Kernel, code: str) -> None:
    kernel.execute(FLOWS)
    # evcxr's analyser panicked on `let a = std::` (evcxr#422) and `#[derive]` (evcxr#426), and its kernel hung.
    cell = kernel.execute(code)
    assert len(cell.errors) == (cell.status == "error"), repr(cell)
    assert kernel.execute("6 * 7").text == "42"
    assert kernel.execute("flows_by_port.len()").text == "2", "variables were lost"


def test_a_killed_analyser_is_replaced_and_costs_no_variable(kernel: Kernel) -> None:
    kernel.execute(FLOWS)
    analyser(kernel).kill()
    await_analyser(kernel)
    assert "flows_by_port" in names(complete(kernel, "flows_by_"))
    assert kernel.execute("flows_by_port.len()").text == "2"


def test_an_analyser_that_hangs_keeps_nothing_else_waiting(kernel: Kernel) -> None:
    kernel.execute(FLOWS)
    await_analyser(kernel)
    process = analyser(kernel)
    process.suspend()
    try:
        waiting = kernel.send("complete_request", {"code": "flows_by_", "cursor_pos": 9})
        assert kernel.request("kernel_info_request", timeout=10).status == "ok"
        assert kernel.execute("flows_by_port.len()").text == "2"
        assert "count" in names(complete(kernel, "%%sql\nSELECT coun"))
        assert not kernel.replies[waiting]
    finally:
        process.resume()
    assert "flows_by_port" in names(kernel.finish(waiting, ANSWER_S).content)
