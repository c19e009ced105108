"""While a cell runs: control and completion answer, Stop works, and what was there before is there after."""

import time

import pytest
from harness.kernel import Kernel

# Small against what a person calls hung, large against a busy machine with two cores.
PROMPT_S = 5

ENDLESS_SQL = (
    "%%sql\nSELECT sum(a.value % 7 + b.value % 5) AS s FROM range(1, 1000000) a CROSS JOIN range(1, 1000000) b"
)
ENDLESS_RUST = {
    "loop": 'println!("running");\nlet mut n = 0u64;\nloop { n = std::hint::black_box(n.wrapping_add(1)); }',
    "sleep": 'println!("running");\nstd::thread::sleep(std::time::Duration::from_secs(600));',
}


def test_control_and_completion_answer_while_a_rust_cell_runs(shared_kernel: Kernel) -> None:
    cell = shared_kernel.start_cell(ENDLESS_RUST["sleep"], marker="running")
    waits = []
    for _ in range(20):
        started = time.monotonic()
        shared_kernel.finish(shared_kernel.send("kernel_info_request", channel="control"), PROMPT_S)
        waits.append(time.monotonic() - started)
    # `finish` itself waits 0.1 s for late messages.
    assert sorted(waits)[10] < 0.1 + 0.2, f"kernel_info on control took {waits}"
    code = "%%sql\nSELE"
    assert shared_kernel.request("complete_request", {"code": code, "cursor_pos": len(code)}, timeout=PROMPT_S).content[
        "matches"
    ] == ["SELECT"]
    assert shared_kernel.request("comm_info_request", timeout=PROMPT_S).status == "ok"
    assert not shared_kernel.is_idle(cell), "the cell ended too early for this test"
    shared_kernel.interrupt()
    assert shared_kernel.finish(cell, PROMPT_S).status == "error"


def test_sql_is_answered_while_the_rust_side_starts(new_kernel) -> None:
    # The first cell right after the start: nothing of evcxr can be ready yet.
    kernel = new_kernel()
    started = time.monotonic()
    cell = kernel.execute("%%sql\nSELECT 21 * 2 AS answer")
    assert "42" in cell.text
    assert time.monotonic() - started < PROMPT_S
    assert kernel.execute("6 * 7").text == "42"


def test_sql_needs_no_rust_toolchain(new_kernel, tmp_path) -> None:
    nowhere = {"PATH": str(tmp_path), "HOME": str(tmp_path), "CARGO_HOME": str(tmp_path), "RUSTUP_HOME": str(tmp_path)}
    kernel = new_kernel(env=nowhere)
    assert "42" in kernel.execute("%%sql\nSELECT 21 * 2 AS answer").text
    cell = kernel.execute("6 * 7")
    assert cell.status == "error" and "hint:" in cell.error_text
    assert "42" in kernel.execute("%%sql\nSELECT 21 * 2 AS answer").text


def test_interrupt_ends_a_long_query(shared_kernel: Kernel) -> None:
    shared_kernel.execute("%%sql --into before_stop\nSELECT 8 AS n")
    cell = shared_kernel.start_cell(ENDLESS_SQL)
    time.sleep(1)
    assert not shared_kernel.is_idle(cell), "the query ended too early for this test"
    started = time.monotonic()
    assert shared_kernel.interrupt().status == "ok"
    stopped = shared_kernel.finish(cell, PROMPT_S)
    assert time.monotonic() - started < PROMPT_S
    assert stopped.status == "error" and stopped.types == ["error"]
    assert "8" in shared_kernel.execute("%%sql\nSELECT n FROM before_stop", timeout=PROMPT_S).text


@pytest.mark.parametrize("code", ENDLESS_RUST.values(), ids=ENDLESS_RUST.keys())
def test_interrupt_ends_a_rust_cell(shared_kernel: Kernel, code: str) -> None:
    shared_kernel.execute("%%sql --into before_stop\nSELECT 9 AS n")
    cell = shared_kernel.start_cell(code, marker="running")
    assert shared_kernel.interrupt().status == "ok"
    stopped = shared_kernel.finish(cell, PROMPT_S)
    assert stopped.status == "error" and stopped.types == ["stream", "error"]
    assert "9" in shared_kernel.execute("%%sql\nSELECT n FROM before_stop").text
    assert shared_kernel.execute("6 * 7").text == "42"


def test_interrupt_drops_the_queued_cells(shared_kernel: Kernel) -> None:
    running = shared_kernel.start_cell(ENDLESS_RUST["sleep"], marker="running")
    queued = shared_kernel.send_execute('println!("should not run");')
    shared_kernel.interrupt()
    assert shared_kernel.finish(running, PROMPT_S).status == "error"
    # stop_on_error: the person pressed Stop, so what waited behind is not started.
    assert "should not run" not in shared_kernel.finish(queued).stream()
