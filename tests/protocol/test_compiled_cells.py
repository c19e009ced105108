"""Rust cells are compiled once: the same cell again, in this kernel or another, is found among the compiled ones.

The log that `FLOWDECK_DRIVER_LOG` names has a line per compilation: `compiled`, `recalled`, or `asked` for a type.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import paths
from harness.analyser import await_analyser, complete, names
from harness.kernel import Kernel
from harness.preludes import PRELUDES, current_key

# How a variable is defined without its type, how it is used, and what is shown.
KINDS = {
    "number": ("let number = 5;", "number + 1", "6"),
    "mutable": ("let mut list = Vec::new();\nlist.push(1u8);", "list.push(2); list", "[1, 2]"),
    "imported nowhere": ('let map = std::collections::BTreeMap::from([("a", 1)]);', 'map["a"]', "1"),
    "iterator": ("let chars = \"ab\".chars().rev();", "chars.collect::<String>()", '"ba"'),
    "pattern": ('let (one, mut two) = (1, "b".to_owned());', "two.push('c'); (one, two)", '(1, "bc")'),
    "struct pattern": ("struct Pair { l: u8, r: u8 }\nlet Pair { l, r: right } = Pair { l: 1, r: 2 };", "l + right", "3"),
    "let else": ("let Some(inner) = Some(4) else { panic!() };", "inner", "4"),
    "partly written": ("let squares: Vec<_> = (1..4).map(|n| n * n).collect();", "squares", "[1, 4, 9]"),
    "set later": ("let later;\nlater = 2.5;", "later", "2.5"),
    "function": ("fn twice(n: i32) -> i32 { n * 2 }\nlet function = twice;", "function(4)", "8"),
    "in a module": ("mod deep { #[derive(Debug)] pub struct Thing; }\nlet thing = deep::Thing;", "thing", "Thing"),
    "trait object": ("let boxed = Box::new(|n: i32| n + 1) as Box<dyn Fn(i32) -> i32>;", "boxed(1)", "2"),
    "shared": ("let shared = std::rc::Rc::new(std::cell::Cell::new(1));", "shared.set(3); shared.get()", "3"),
    "raw name": ("let r#type = 7;", "r#type", "7"),
    "shadowed": ('let twofold = 1; let twofold = "text";', "twofold", '"text"'),
    "of the prelude": ('let rows = flowdeck::sql("SELECT 1 AS n")?;', "rows.row_count()", "1"),
}

SCRIPT = [
    "use std::collections::HashMap;",
    "let base = 10;",
    "fn add(a: i32, b: i32) -> i32 { a + b } // the sum",
    "add(base, 1)",
    "#[derive(Debug)] struct Point { x: i32 } // in a plane",
    "impl Point { fn double(&self) -> i32 { self.x * 2 } }",
    "let point = Point { x: add(base, 2) };",
    "point.double()",
    'let mut counts: HashMap<&str, i32> = HashMap::new();\ncounts.insert("a", base);',
    "counts[\"a\"]",
    "let moved = counts;\nmoved.len()",
    '"7".parse::<i32>()? + base',
]


@contextmanager
def kernel_with(folder: Path, number: int = 0) -> Iterator[tuple[Kernel, Path]]:
    """A kernel whose compiled cells are in this folder alone, and its log of compilations."""
    cache = folder / "cache"
    if not cache.exists():
        cache.mkdir()
        (cache / "prelude").symlink_to(paths.TARGET / "test-cache" / "prelude")
    log = folder / f"driver-{number}.log"
    env = {**os.environ, "FLOWDECK_CACHE_DIR": str(cache), "FLOWDECK_DRIVER_LOG": str(log)}
    with Kernel(env=env) as kernel:
        assert kernel.execute("()").status == "ok"
        yield kernel, log


def compilations(log: Path) -> int:
    return sum(not line.startswith("recalled") for line in log.read_text().splitlines())


def run(kernel: Kernel, cells: list[str]) -> list[str]:
    shown = []
    for cell in cells:
        conversation = kernel.execute(cell)
        assert conversation.status == "ok", f"{cell}\n{conversation.error_text}"
        shown.append(conversation.text)
    return shown


@pytest.mark.parametrize(("define", "use", "shown"), KINDS.values(), ids=KINDS.keys())
def test_a_variable_is_kept_whatever_its_type(shared_kernel: Kernel, define: str, use: str, shown: str) -> None:
    assert shared_kernel.execute(define).status == "ok"
    # A cell between them: the type is not only known where it was found.
    assert shared_kernel.execute("()").status == "ok"
    assert shared_kernel.execute(use).text == shown


def test_an_import_does_not_change_what_the_type_of_a_variable_is(new_kernel) -> None:
    kernel: Kernel = new_kernel()
    run(kernel, ["let parsed = \"x\".parse::<i32>();", "use std::fmt::Result;"])
    assert run(kernel, ["parsed.is_err()"]) == ["true"]


def test_variables_are_listed_with_their_types(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let listed = vec![Some(1.5)];")
    for command in (":vars", "%vars"):
        text = shared_kernel.execute(command)
        assert "listed: Vec<Option<f64>>" in text.text + text.stream(), text


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        ("let f = |n: i32| n + 1;", "closure"),
        ("fn some() -> impl Iterator<Item = u8> { 0..3 }\nlet nameless = some();", "iterator"),
        ("let local = { #[derive(Debug)] struct Local; Local };", "Local"),
    ],
)
def test_a_type_without_a_name_is_told_before_anything_runs(shared_kernel: Kernel, cell: str, word: str) -> None:
    for _ in range(2):
        conversation = shared_kernel.execute(f'println!("ran"); {cell}')
        assert conversation.status == "error" and conversation.stream() == ""
        assert word in conversation.error_text and "FlowdeckType" not in conversation.error_text
        assert "hint:" in conversation.error_text


def test_errors_and_panics_are_placed_although_much_was_left_out(shared_kernel: Kernel) -> None:
    run(shared_kernel, [f"fn unneeded_{n}() {{}}\nlet unneeded_variable_{n} = {n};" for n in range(3)])
    for _ in range(2):
        error = shared_kernel.execute("let a = unneeded_variable_1;\nlet b: String = a + 1;\nb").error_text
        assert "(line 2)" in error and "cell:2:" in error, error
        error = shared_kernel.execute('let a = 1;\nif a == 1 { panic!("stop {a}") }').error_text
        assert "the cell panicked at line 2" in error, error


def test_what_a_cell_defines_is_checked_though_nothing_uses_it(shared_kernel: Kernel) -> None:
    error = shared_kernel.execute('fn wrong() -> u8 {\n    "text"\n}').error_text
    assert "mismatched types (line 2)" in error, error


def test_an_unchanged_cell_is_compiled_once_whatever_came_between(tmp_path: Path) -> None:
    with kernel_with(tmp_path) as (kernel, log):
        first = run(kernel, SCRIPT)
        assert first[3] == "11" and first[7] == "24" and first[-1] == "17"
        before = compilations(log)
        # What the moved variable was is gone; all else is the same again.
        again = run(kernel, SCRIPT)
        assert again == first
        # Cells that use what they define meet it the second time as something that is there.
        assert compilations(log) - before <= 2, log.read_text()
        run(kernel, SCRIPT)
        before = compilations(log)
        run(kernel, SCRIPT)
        assert compilations(log) == before, log.read_text()


def test_another_kernel_compiles_nothing_of_the_same_script(tmp_path: Path) -> None:
    with kernel_with(tmp_path) as (kernel, _):
        first = run(kernel, SCRIPT)
        failed = kernel.execute("base + undefined").error_text
    with kernel_with(tmp_path, 1) as (kernel, log):
        assert run(kernel, SCRIPT) == first
        assert kernel.execute("base + undefined").error_text == failed
        assert compilations(log) == 0, log.read_text()
        # What was recalled is the session's like anything compiled.
        assert kernel.execute("point.double() + add(base, 0)").text == "34"


def test_a_definition_that_changed_changes_what_uses_it(tmp_path: Path) -> None:
    with kernel_with(tmp_path) as (kernel, _):
        run(kernel, ["fn level() -> i32 { 1 }"])
        assert run(kernel, ["level()", "fn level() -> i32 { 2 }", "level()", "fn level() -> i32 { 1 }", "level()"]) == [
            "1",
            "",
            "2",
            "",
            "1",
        ]


@pytest.mark.parametrize("define", ["let kept = Thing { a: 1 };", "let kept: Thing = Thing { a: 1 };"])
def test_a_variable_is_never_read_as_what_its_type_became(tmp_path: Path, define: str) -> None:
    with kernel_with(tmp_path) as (kernel, _):
        run(kernel, ["#[derive(Debug)] struct Thing { a: usize }", define, "#[derive(Debug)] struct Thing { a: Box<u8> }"])
        lost = kernel.execute("kept")
        assert lost.status == "error" and "variable kept was redefined" in lost.stream("stderr"), lost
        assert run(kernel, ["let kept = Thing { a: Box::new(2) };", "kept"]) == ["", "Thing { a: 2 }"]


# An item, a variable of it, the item as something else in memory, and how the variable is used.
REDEFINED = {
    "in a module": (
        "mod parts { pub struct Part { pub a: u8 } }",
        "let kept = parts::Part { a: 1 };",
        "mod parts { pub struct Part { pub a: u64 } }",
        "kept.a",
    ),
    "trait": (
        "trait Named { fn name(&self) -> u64; }\nstruct One;\nimpl Named for One { fn name(&self) -> u64 { 1 } }",
        "let kept: Box<dyn Named> = Box::new(One);",
        "trait Named { fn first(&self) -> String; fn name(&self) -> u64; }\nstruct One;\n"
        "impl Named for One { fn first(&self) -> String { String::new() } fn name(&self) -> u64 { 1 } }",
        "kept.name()",
    ),
}


@pytest.mark.parametrize(("item", "define", "redefined", "use"), REDEFINED.values(), ids=REDEFINED.keys())
def test_no_variable_is_read_as_what_an_item_became(
    tmp_path: Path, item: str, define: str, redefined: str, use: str
) -> None:
    with kernel_with(tmp_path) as (kernel, _):
        assert run(kernel, [item, define, use])[2] == "1"
        assert kernel.execute(redefined).status == "ok"
        lost = kernel.execute(use)
        assert lost.status == "error" and "variable kept was redefined" in lost.stream("stderr"), lost
        assert run(kernel, [define, use])[1] == "1"


def test_a_cell_that_runs_again_has_its_own_statics(tmp_path: Path) -> None:
    count = "COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)"
    with kernel_with(tmp_path) as (kernel, _):
        run(kernel, ["static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);"])
        assert run(kernel, [count, count]) == ["0", "0"]


def test_spoilt_files_are_compiled_anew(tmp_path: Path) -> None:
    with kernel_with(tmp_path) as (kernel, _):
        first = run(kernel, SCRIPT[:4])
    (folder,) = (tmp_path / "cache" / "cells").iterdir()
    assert folder.stat().st_mode & 0o077 == 0, "others could read, or put code there"
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with kernel_with(tmp_path, 1) as (kernel, log):
        assert run(kernel, SCRIPT[:4]) == first
        assert compilations(log) > 0


def test_kernels_that_compile_the_same_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    with kernel_with(tmp_path) as (one, _), kernel_with(tmp_path, 1) as (other, _):
        for cell in SCRIPT:
            cells = [(kernel, kernel.send_execute(cell)) for kernel in (one, other)]
            answers = [kernel.finish(msg_id) for kernel, msg_id in cells]
            assert [answer.status for answer in answers] == ["ok", "ok"], answers
            assert answers[0].text == answers[1].text


def test_what_a_cell_reads_while_it_is_compiled_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "text"
    cell = f'include_str!("{file}")'
    with kernel_with(tmp_path) as (kernel, _):
        for text in ("one", "two"):
            file.write_text(text)
            assert kernel.execute(cell).text == f'"{text}"'


def test_types_of_other_crates_and_of_the_library_are_kept_when_cargo_compiles(tmp_path: Path) -> None:
    crate = tmp_path / "tiny"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "tiny"\nversion = "1.0.0"\nedition = "2024"\n')
    (crate / "src" / "lib.rs").write_text("#[derive(Debug, Default)]\npub struct Thing<T>(pub T);\n")
    # Without the prelude cargo has little to compile; what a developer has set for its own builds stays out.
    env = {name: value for name, value in os.environ.items() if name != "RUSTC_WORKSPACE_WRAPPER"}
    with Kernel(env={**env, "FLOWDECK_PRELUDE_SOURCE": str(tmp_path / "nowhere")}) as kernel:
        cells = [
            f':dep tiny = {{ path = "{crate}" }}\nlet thing = tiny::Thing(vec![1u8]);',
            "let backwards = (0..3).rev();",
            "assert_eq!(thing.0.len() + backwards.count(), 4);",
        ]
        run(kernel, cells)
        assert "thing: tiny::Thing<Vec<u8>>" in kernel.execute(":vars").text
        assert run(kernel, ["thing", "thing.0[0] + 1"]) == ["Thing([1])", "2"]


def test_an_ordinary_script_is_one_compilation_a_cell(tmp_path: Path) -> None:
    with kernel_with(tmp_path) as (kernel, log):
        compiled: dict[str, int] = {}
        for cell in SCRIPT:
            before = log.read_text().count("compiled ")
            run(kernel, [cell])
            compiled[cell] = log.read_text().count("compiled ") - before
        # That a variable is moved away evcxr learns from an error of rustc's, and asks again.
        assert {cell: 1 for cell in SCRIPT} | {SCRIPT[10]: 2} == compiled


def test_the_linker_was_measured_when_the_library_was_compiled() -> None:
    chosen = json.loads((PRELUDES / current_key() / "linker.json").read_text())
    assert chosen["milliseconds"][chosen["name"]] <= min(chosen["milliseconds"].values()) * 1.04, chosen


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        (":quit", "shut down the kernel"),
        (":efmt {:?}", "map_err"),
        (":linker mold", "flowdeck install"),
        (":clear_cache", "flowdeck cache"),
        (":nonsense", ":help"),
    ],
)
def test_a_command_that_would_do_damage_names_the_way_there_is(
    shared_kernel: Kernel, command: str, instead: str
) -> None:
    cell = shared_kernel.execute(f"// said first\n{command}\n1 + 1")
    assert cell.status == "error" and instead in cell.error_text, repr(cell)
    assert command.split()[0] in cell.error_text
    assert shared_kernel.execute("2 + 3").text == "5"


def test_the_commands_there_are_are_listed_and_completed(shared_kernel: Kernel) -> None:
    text = shared_kernel.execute(":help").text
    assert ":dep" in text and ":vars" in text and ":quit" not in text and ":cache" not in text
    shared_kernel.execute("let seen = 4u8;")
    assert shared_kernel.execute(":type seen").text == "seen: u8"
    await_analyser(shared_kernel)
    assert set(names(complete(shared_kernel, ":"))) <= set(re.findall(r"^(:\w+)", text, re.M))


def test_a_first_line_of_scripts_is_passed_over(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute("#!/usr/bin/env flowdeck\nlet scripted = 4;\nscripted + 1")
    assert cell.text == "5", repr(cell)
    error = shared_kernel.execute("#!/usr/bin/env flowdeck\nscripted + nothing_like_it").error_text
    assert "line 2" in error, error


def test_a_crate_that_no_line_names_is_not_fetched(shared_kernel: Kernel) -> None:
    error = shared_kernel.execute("extern crate rand;").error_text
    assert error.startswith("DependencyError") and ":dep rand" in error, error
    assert "remove the line" in shared_kernel.execute("extern crate alloc;").error_text
