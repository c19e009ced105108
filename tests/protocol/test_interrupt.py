"""Stop works, whatever a cell is doing, and what was there before is there after."""

import time

import psutil
import pytest
from harness.cells import ENDLESS_LOOP, ENDLESS_SLEEP, ENDLESS_SQL, compilers, start_endless_compilation
from harness.kernel import Kernel, eventually, gone

# Small against what a person calls hung, large against a busy machine with two cores.
PROMPT_S = 5
STOPPED_S = 20

ENDLESS_QUERY = f"%%sql\n{ENDLESS_SQL}"


def test_interrupt_ends_a_long_query(shared_kernel: Kernel) -> None:
    shared_kernel.execute("%%sql --into before_stop\nSELECT 8 AS n")
    cell = shared_kernel.start_cell(ENDLESS_QUERY)
    time.sleep(1)
    assert not shared_kernel.is_idle(cell), "the query ended too early for this test"
    started = time.monotonic()
    assert shared_kernel.interrupt().status == "ok"
    stopped = shared_kernel.finish(cell, PROMPT_S)
    assert time.monotonic() - started < PROMPT_S
    assert stopped.status == "error" and stopped.types == ["error"]
    assert "8" in shared_kernel.execute("%%sql\nSELECT n FROM before_stop", timeout=PROMPT_S).text


@pytest.mark.parametrize("code", [ENDLESS_LOOP, ENDLESS_SLEEP], ids=["loop", "sleep"])
def test_interrupt_ends_a_rust_cell(shared_kernel: Kernel, code: str) -> None:
    shared_kernel.execute("%%sql --into before_stop\nSELECT 9 AS n")
    cell = shared_kernel.start_cell(code, marker="running")
    assert shared_kernel.interrupt().status == "ok"
    stopped = shared_kernel.finish(cell, PROMPT_S)
    assert stopped.status == "error" and stopped.types == ["stream", "error"]
    assert "9" in shared_kernel.execute("%%sql\nSELECT n FROM before_stop").text
    assert shared_kernel.execute("6 * 7").text == "42"


def test_interrupt_drops_the_queued_cells(shared_kernel: Kernel) -> None:
    running = shared_kernel.start_cell(ENDLESS_SLEEP, marker="running")
    queued = shared_kernel.send_execute('println!("should not run");')
    shared_kernel.interrupt()
    assert shared_kernel.finish(running, PROMPT_S).status == "error"
    # stop_on_error: the person pressed Stop, so what waited behind is not started.
    assert "should not run" not in shared_kernel.finish(queued).stream()


def test_variables_are_kept_over_an_interrupted_query(shared_kernel: Kernel) -> None:
    shared_kernel.execute('let kept_over_query = "kept".to_string();')
    cell = shared_kernel.start_cell(ENDLESS_QUERY)
    shared_kernel.interrupt()
    assert shared_kernel.finish(cell, STOPPED_S).status == "error"
    assert shared_kernel.execute("kept_over_query").text == '"kept"'


def test_interrupt_ends_a_query_of_a_rust_cell_and_variables_are_kept(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let kept_over_sql = 4;")
    cell = shared_kernel.start_cell(f'println!("running");\nflowdeck::sql("{ENDLESS_SQL}")?', marker="running")
    shared_kernel.interrupt()
    stopped = shared_kernel.finish(cell, STOPPED_S)
    assert stopped.status == "error" and len(stopped.errors) == 1, repr(stopped)
    assert shared_kernel.execute("kept_over_sql").text == "4"


def test_interrupt_ends_a_compilation_and_variables_are_kept(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let kept_over_rustc = 5;")
    cell = start_endless_compilation(shared_kernel)
    running = [psutil.Process(pid) for pid in compilers(shared_kernel)]
    assert shared_kernel.interrupt().status == "ok"
    stopped = shared_kernel.finish(cell, STOPPED_S)
    assert stopped.status == "error" and stopped.types == ["error"], repr(stopped)
    assert eventually(lambda: all(gone(process) for process in running), PROMPT_S), "rustc goes on"
    assert shared_kernel.execute("kept_over_rustc").text == "5"


def test_interrupt_ends_a_child_program_of_a_cell(new_kernel) -> None:
    # A new one: the host that went on in the place of another is not below its kernel, where this test looks.
    kernel: Kernel = new_kernel()
    code = 'println!("running");\nstd::process::Command::new("sleep").arg("600").status()?;'
    cell = kernel.start_cell(code, marker="running")
    assert eventually(lambda: sleepers(kernel), PROMPT_S)
    started = sleepers(kernel)
    kernel.interrupt()
    assert kernel.finish(cell, STOPPED_S).status == "error"
    assert eventually(lambda: all(gone(process) for process in started), PROMPT_S), "the child program goes on"


def test_interrupt_ends_a_cell_that_writes_without_end(shared_kernel: Kernel) -> None:
    cell = shared_kernel.start_cell('loop { println!("again and again"); }', marker="again")
    shared_kernel.interrupt(STOPPED_S)
    assert shared_kernel.finish(cell, STOPPED_S).status == "error"
    # What was under way belonged to that cell.
    assert shared_kernel.execute('println!("new");').stream() == "new\n"


def test_variables_are_kept_over_a_cell_whose_process_had_to_be_ended(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let mut kept_over_a_loop = vec![1, 2];")
    for _ in range(3):
        cell = shared_kernel.start_cell(f"kept_over_a_loop.push(3);\n{ENDLESS_LOOP}", marker="running")
        shared_kernel.interrupt()
        told = shared_kernel.finish(cell, STOPPED_S).error_text
        assert "as they were before this cell" in told and "hint:" in told
    assert shared_kernel.execute("kept_over_a_loop").text == "[1, 2]"


def test_interrupt_ends_a_user_expression(shared_kernel: Kernel) -> None:
    cell = shared_kernel.start_cell("let before = 1;", user_expressions={"endless": "loop {}"})
    # The cell itself has ended by now, or will.
    time.sleep(1)
    assert not shared_kernel.is_idle(cell)
    shared_kernel.interrupt()
    shared_kernel.finish(cell, STOPPED_S)
    assert shared_kernel.execute("6 * 7").text == "42"


def test_interrupt_when_idle_keeps_the_process_of_the_cells(shared_kernel: Kernel) -> None:
    """Clients interrupt before every shutdown and restart."""
    shared_kernel.execute("let kept_when_idle = 6;")
    before = shared_kernel.execute("std::process::id()").text
    for _ in range(5):
        assert shared_kernel.interrupt().status == "ok"
    assert shared_kernel.execute("std::process::id()").text == before
    assert shared_kernel.execute("kept_when_idle").text == "6"


def test_an_interrupt_at_any_moment_ends_or_spares_the_cell(shared_kernel: Kernel) -> None:
    """Whether it comes before, in or after the cell: one reply, one idle, and the next cell runs."""
    for pause_ms in range(0, 20):
        cell = shared_kernel.send_execute(f"%%sql\nSELECT {pause_ms} AS n")
        time.sleep(pause_ms / 1000)
        shared_kernel.interrupt()
        ended = shared_kernel.finish(cell, STOPPED_S)
        assert len(ended.errors) == (ended.status == "error"), repr(ended)
    assert "77" in shared_kernel.execute("%%sql\nSELECT 77 AS n").text


def test_many_interrupts_of_one_cell_are_one(shared_kernel: Kernel) -> None:
    cell = shared_kernel.start_cell(ENDLESS_SLEEP, marker="running")
    interrupts = [shared_kernel.send("interrupt_request", channel="control") for _ in range(10)]
    for msg_id in interrupts:
        assert shared_kernel.finish(msg_id, PROMPT_S).status == "ok"
    assert len(shared_kernel.finish(cell, STOPPED_S).errors) == 1
    assert shared_kernel.execute("6 * 7").text == "42"


def sleepers(kernel: Kernel) -> list[psutil.Process]:
    return [child for child in kernel.children() if child.name() == "sleep"]
