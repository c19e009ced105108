"""Text of a cell: at once, in order, complete, and with an end where a cell writes without one."""

import re

import pytest
from harness.cells import waits_for
from harness.kernel import Conversation, Kernel

MIB = 1024 * 1024
# What a cell may write as text before the rest is left out.
STREAM_BYTES_MAX = 64 * MIB


LINES = {
    "println!": 'println!("line {n}");',
    "println! and flush": 'println!("line {n}"); std::io::stdout().flush()?;',
    "std::println! and flush": 'std::println!("line {n}"); std::io::stdout().flush()?;',
    "writeln!": 'writeln!(std::io::stdout(), "line {n}")?; std::io::stdout().flush()?;',
    "std::eprintln!": 'std::eprintln!("line {n}");',
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_two_thousand_flushed_lines_are_complete_and_in_order(shared_kernel: Kernel, line: str) -> None:
    cell = shared_kernel.execute(f"use std::io::Write;\nfor n in 0..2000 {{ {line} }}")
    assert cell.status == "ok", repr(cell)
    name = "stderr" if "eprint" in line else "stdout"
    assert cell.stream(name).splitlines() == [f"line {n}" for n in range(2000)]
    # Jupyter Server stops forwarding above 1,000 messages a second.
    assert len(cell.of_type("stream")) < 500


def test_text_without_a_line_feed_shows_before_the_cell_ends(shared_kernel: Kernel, tmp_path) -> None:
    go_on = tmp_path / "go-on"
    code = f'print!("half a line");\n{waits_for(go_on)}\nprintln!(" and the rest");'
    cell = shared_kernel.start_cell(code, marker="half a line")
    assert not shared_kernel.is_idle(cell)
    go_on.touch()
    assert shared_kernel.finish(cell).stream() == "half a line and the rest\n"


def test_progress_with_carriage_returns_shows_step_by_step(shared_kernel: Kernel, tmp_path) -> None:
    steps = [tmp_path / f"step-{n}" for n in range(3)]
    code = "\n".join(f'print!("\\r{n + 1} of 3");\n{waits_for(step)}' for n, step in enumerate(steps))
    cell = shared_kernel.send_execute(code)
    for n, step in enumerate(steps):
        shared_kernel.wait_for(lambda: f"\r{n + 1} of 3" in _so_far(shared_kernel, cell), 60, f"step {n + 1}")
        assert f"{n + 2} of 3" not in _so_far(shared_kernel, cell)
        assert not shared_kernel.is_idle(cell)
        step.touch()
    assert shared_kernel.finish(cell).stream() == "\r1 of 3\r2 of 3\r3 of 3"


def test_text_of_stderr_shows_before_the_cell_ends(shared_kernel: Kernel, tmp_path) -> None:
    go_on = tmp_path / "go-on"
    cell = shared_kernel.send_execute(f'eprint!("warning");\n{waits_for(go_on)}')
    shared_kernel.wait_for(lambda: "warning" in _so_far(shared_kernel, cell, "stderr"), 60, "text on stderr")
    assert not shared_kernel.is_idle(cell)
    go_on.touch()
    assert shared_kernel.finish(cell).stream("stderr") == "warning"


def test_text_and_displays_keep_their_order(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(
        "for n in 0..20 {\n"
        '    print!("out {n} ");\n    flowdeck::display_html(&format!("<b>{n}</b>"));\n    eprint!("err {n} ");\n}'
    )
    shown = [m["content"].get("text") or m["content"]["data"]["text/html"] for m in cell.outputs]
    assert shown == [part for n in range(20) for part in (f"out {n} ", f"<b>{n}</b>", f"err {n} ")]


def test_text_that_is_no_utf_8_does_no_harm(shared_kernel: Kernel) -> None:
    cell = shared_kernel.execute(
        "use std::io::Write;\n"
        'std::io::stdout().write_all(b"before \\xff\\xfe after\\n")?;\nstd::io::stdout().flush()?;'
    )
    assert re.fullmatch("before .+ after\n", cell.stream())


def test_characters_of_several_bytes_are_never_cut(shared_kernel: Kernel) -> None:
    # More than any buffer on the way; its size is no multiple of three or four.
    cell = shared_kernel.execute(
        'let text = "🦀€ß".repeat(50_000);\nstd::println!("{text}");\nprintln!("{text}");'
    )
    assert sorted(cell.stream().splitlines()) == ["🦀€ß" * 50_000] * 2


@pytest.mark.parametrize("macro", ["println!", "std::println!"])
def test_a_flood_of_text_is_cut_off_with_a_notice(shared_kernel: Kernel, macro: str) -> None:
    """A browser that gets hundreds of megabytes dies; the cell goes on without being shown."""
    length, lines = 1_000, 80_000
    cell = shared_kernel.execute(
        f'let line = "x".repeat({length - 1});\nfor _ in 0..{lines} {{ {macro}("{{line}}"); }}\n"done"'
    )
    assert cell.status == "ok" and cell.text == '"done"'
    assert length * lines > STREAM_BYTES_MAX + MIB, "no flood"
    received = sum(len(m["content"]["text"]) for m in cell.of_type("stream"))
    assert received < STREAM_BYTES_MAX + MIB, f"{received / MIB:.1f} MiB of text came"
    # What came before the limit came whole.
    assert received > STREAM_BYTES_MAX - MIB
    notices = [m for m in cell.of_type("stream") if "truncated" in m["content"]["text"]]
    assert len(notices) == 1, "one notice says that the rest is not shown"
    # The limit is a cell's, not the session's.
    assert shared_kernel.execute('println!("shown again");').stream() == "shown again\n"


def _so_far(kernel: Kernel, cell: str, name: str = "stdout") -> str:
    return Conversation(kernel.requests[cell], kernel.replies[cell], kernel.iopub[cell]).stream(name)
