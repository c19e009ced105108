"""Cells of this kernel and of earlier ones, by the rules of ipykernel: session 0 is this one, -1 the one before.

No test here needs Rust, so their kernels have no toolchain and start at once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness.kernel import Kernel, eventually

Start = Callable[[], Kernel]


@pytest.fixture
def start(new_kernel, tmp_path: Path) -> Start:
    """Starts kernels that share a history of their own."""
    nowhere = {name: str(tmp_path) for name in ("PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME")}
    return lambda: new_kernel(env={**nowhere, "FLOWDECK_HISTORY": str(tmp_path / "new" / "history.sqlite")})


def entries(kernel: Kernel, access: str, **more: Any) -> list[Any]:
    content = {"hist_access_type": access, "output": False, "raw": True, **more}
    reply = kernel.request("history_request", content).content
    assert reply["status"] == "ok"
    return reply["history"]


def inputs(kernel: Kernel, access: str, **more: Any) -> list[str]:
    return [entry[2] for entry in entries(kernel, access, **more)]


def run(kernel: Kernel, *names: str) -> list[str]:
    """Runs a cell for each name and gives their texts."""
    codes = [f"%%sql\nSELECT 1 AS {name}" for name in names]
    for code in codes:
        assert kernel.execute(code).status == "ok"
    return codes


def run_and_end(kernel: Kernel, *names: str) -> list[str]:
    codes = run(kernel, *names)
    kernel.close()
    return codes


def test_tail_gives_the_last_cells_oldest_first(start: Start) -> None:
    kernel = start()
    codes = run(kernel, "a", "b", "c")
    assert inputs(kernel, "tail", n=2) == codes[1:]
    assert inputs(kernel, "tail", n=100) == codes
    assert [line for _, line, _ in entries(kernel, "tail", n=3)] == [1, 2, 3]


def test_output_comes_with_the_input_when_asked_for(start: Start) -> None:
    kernel = start()
    (code,) = run(kernel, "only")
    ((_, line, pair),) = entries(kernel, "tail", n=1, output=True)
    assert line == 1 and len(pair) == 2 and pair[0] == code
    assert pair[1] is None or isinstance(pair[1], str)


def test_range_ends_before_its_stop(start: Start) -> None:
    kernel = start()
    codes = run(kernel, "a", "b", "c", "d")
    assert inputs(kernel, "range", session=0, start=2, stop=4) == codes[1:3]
    assert inputs(kernel, "range", session=0, start=2, stop=None) == codes[1:]
    assert inputs(kernel, "range", session=0, start=5, stop=9) == []
    # ipykernel's default is this session.
    assert inputs(kernel, "range", start=1, stop=2) == codes[:1]


def test_search_takes_a_glob_and_gives_the_last_matches(start: Start) -> None:
    kernel = start()
    first, other, second = run(kernel, "needle_1", "haystack", "needle_2")
    run(kernel, "needle_1")
    assert inputs(kernel, "search", pattern="*needle_?") == [first, second, first]
    assert inputs(kernel, "search", pattern="*needle_1", unique=True) == [first]
    assert inputs(kernel, "search", pattern="*needle*", n=2) == [second, first]
    assert inputs(kernel, "search", pattern="*needle*", unique=True, n=1) == [first], "the last of the unique ones"
    assert inputs(kernel, "search", pattern="needle") == [], "a pattern is of the whole cell"
    assert inputs(kernel, "search", pattern="*") == [first, other, second, first]


@pytest.mark.parametrize("pattern", ["[", "[a", "**", "", "*[!", "'; DROP TABLE history; --", "*\\*", None, 5])
def test_an_odd_pattern_is_no_error(start: Start, pattern: object) -> None:
    kernel = start()
    codes = run(kernel, "a")
    content = {"hist_access_type": "search", "output": False, "raw": True, "pattern": pattern}
    assert kernel.request("history_request", content).status == "ok"
    assert inputs(kernel, "tail", n=5) == codes


def test_earlier_kernels_are_found(start: Start) -> None:
    oldest = run_and_end(start(), "oldest_1", "oldest_2")
    old = run_and_end(start(), "old_1", "old_2", "old_3")
    kernel = start()
    now = run(kernel, "now_1")
    assert inputs(kernel, "range", session=0, start=1) == now
    assert inputs(kernel, "range", session=-1, start=1) == old
    assert inputs(kernel, "range", session=-1, start=2, stop=3) == old[1:2]
    assert inputs(kernel, "range", session=-2, start=1) == oldest
    assert inputs(kernel, "range", session=-3, start=1) == []
    assert inputs(kernel, "search", pattern="*old*_2") == [oldest[1], old[1]]
    assert inputs(kernel, "tail", n=3) == [*old[1:], *now]


def test_a_kernel_that_ran_nothing_yet_has_the_history_of_earlier_ones(start: Start) -> None:
    """A console offers it with the arrow key before anything is typed."""
    codes = run_and_end(start(), "a", "b")
    kernel = start()
    assert inputs(kernel, "tail", n=10) == codes
    assert inputs(kernel, "range", session=0, start=1) == []


def test_sessions_have_numbers_that_can_be_asked_for(start: Start) -> None:
    old = run_and_end(start(), "a", "b")
    kernel = start()
    now = run(kernel, "c")
    (session, *_), *_, (own, *_) = entries(kernel, "tail", n=3)
    assert session != own
    assert inputs(kernel, "range", session=session, start=1) == old
    assert inputs(kernel, "range", session=own, start=1) == now


def test_equal_cells_of_several_kernels_are_one_when_unique(start: Start) -> None:
    run_and_end(start(), "same", "other")
    kernel = start()
    (same,) = run(kernel, "same")
    assert inputs(kernel, "search", pattern="*same").count(same) == 2
    ((_, line, found),) = entries(kernel, "search", pattern="*same", unique=True)
    assert (line, found) == (1, same)


def test_cells_of_a_kernel_that_was_killed_are_not_lost(start: Start) -> None:
    killed = start()
    codes = run(killed, "a", "b")
    # Written by a thread of its own, so not necessarily before the reply.
    assert inputs(killed, "tail", n=2) == codes
    killed.kill()
    assert inputs(start(), "range", session=-1, start=1) == codes


def test_cells_that_ran_right_before_a_shutdown_are_kept(start: Start) -> None:
    kernel = start()
    codes = [f"%%sql\nSELECT {number} AS last" for number in range(20)]
    requests = [kernel.send_execute(code) for code in codes]
    kernel.finish(requests[-1])
    kernel.close()
    assert inputs(start(), "range", session=-1, start=1) == codes


def test_two_kernels_at_once_do_not_mix(start: Start) -> None:
    one, other = start(), start()
    mine, its = [], []
    for number in range(5):
        mine += run(one, f"mine_{number}")
        its += run(other, f"its_{number}")
    assert inputs(one, "range", session=0, start=1) == mine
    assert inputs(other, "range", session=0, start=1) == its
    assert inputs(one, "search", pattern="*its_*") == its


def test_a_restart_begins_another_session(start: Start) -> None:
    kernel = start()
    codes = run(kernel, "before")
    kernel.send("shutdown_request", {"restart": True}, channel="control")
    assert eventually(lambda: kernel.process.poll() is not None, 10)
    kernel.kill()
    kernel.start()
    after = run(kernel, "after")
    assert inputs(kernel, "range", session=0, start=1) == after
    assert inputs(kernel, "range", session=-1, start=1) == codes


@pytest.mark.parametrize("broken", ["a folder", "no database", "not writable"])
def test_a_history_that_cannot_be_kept_lasts_as_long_as_the_kernel(new_kernel, tmp_path: Path, broken: str) -> None:
    file = tmp_path / "history.sqlite"
    if broken == "a folder":
        file.mkdir()
    elif broken == "no database":
        file.write_text("A note of a person, not a database. " * 100)
    else:
        file = Path("/proc/nowhere/history.sqlite")
    kernel = new_kernel(env={"FLOWDECK_HISTORY": str(file), "PATH": str(tmp_path), "RUSTUP_HOME": str(tmp_path)})
    codes = run(kernel, "a", "b")
    assert inputs(kernel, "tail", n=5) == codes
    assert broken != "no database" or file.read_text().startswith("A note of a person"), "it was overwritten"


@pytest.mark.parametrize(
    "content",
    [
        {"hist_access_type": "no_such_type"},
        {"hist_access_type": "tail", "n": -1},
        {"hist_access_type": "tail", "n": 10**30},
        {"hist_access_type": "range", "session": 10**18, "start": -5, "stop": -9},
        {"hist_access_type": "range", "session": -(10**18)},
        {"hist_access_type": "range", "session": -(2**63)},
        {"hist_access_type": "range", "session": "one", "start": "x", "stop": [1]},
        {"hist_access_type": 7},
    ],
    ids=str,
)
def test_an_odd_question_is_answered(start: Start, content: dict[str, Any]) -> None:
    kernel = start()
    assert isinstance(kernel.request("history_request", content).content["history"], list)
    codes = run(kernel, "still_here")
    assert inputs(kernel, "tail", n=1) == codes
