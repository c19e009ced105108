"""`.await` at the top level of cells, and tasks that go on when their cell has ended."""

import time

import pytest
from harness.kernel import Kernel

PROMPT_S = 5

USE = "use flowdeck::task::{sleep, spawn, spawn_blocking};\nuse std::time::Duration;"


@pytest.fixture(scope="module")
def kernel(shared_kernel: Kernel) -> Kernel:
    assert shared_kernel.execute(USE).status == "ok"
    return shared_kernel


def shown(kernel: Kernel, code: str) -> str:
    cell = kernel.execute(code)
    assert cell.status == "ok", f"{code}\n{cell.error_text}"
    return cell.text


def test_a_cell_awaits_and_keeps_its_variables(kernel: Kernel) -> None:
    shown(kernel, "async fn twice(n: u64) -> u64 { sleep(Duration::from_millis(20)).await; n * 2 }")
    shown(kernel, "let awaited = twice(20).await;\nlet list = vec![twice(1).await, 3];")
    assert shown(kernel, "awaited + 2") == "42"
    assert shown(kernel, "list") == "[2, 3]"
    assert shown(kernel, "twice(awaited).await") == "80"
    assert shown(kernel, "let mut sum = 0;\nfor n in 0..3 { sum += twice(n).await; }\nsum") == "6"


def test_a_question_mark_behind_an_await_ends_the_cell_with_the_error(kernel: Kernel) -> None:
    shown(kernel, 'async fn number(text: &str) -> Result<i32, std::num::ParseIntError> { text.parse() }')
    assert shown(kernel, 'let parsed = number("12").await?;\nparsed') == "12"
    cell = kernel.execute('let lost = number("x").await?;')
    assert cell.status == "error" and "invalid digit" in cell.error_text, repr(cell)
    assert shown(kernel, "parsed") == "12"


def test_tasks_live_on_between_cells_and_run_beside_each_other(kernel: Kernel) -> None:
    shown(
        kernel,
        "let count = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));\n"
        "let counted = count.clone();\n"
        "let task = spawn(async move { for _ in 0..5 { sleep(Duration::from_millis(50)).await;\n"
        "    counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed); } 7 });",
    )
    assert shown(kernel, "task.await?") == "7"
    assert shown(kernel, "count.load(std::sync::atomic::Ordering::Relaxed)") == "5"
    naps = "let naps: Vec<_> = (0..20).map(|_| spawn(sleep(Duration::from_millis(500)))).collect();\n"
    started = time.monotonic()
    shown(kernel, naps + "for nap in naps { nap.await?; }")
    assert time.monotonic() - started < 5


def test_queries_run_at_the_same_time(kernel: Kernel) -> None:
    cell = (
        'let one = spawn_blocking(|| flowdeck::sql("SELECT 20 AS n"));\n'
        'let two = spawn_blocking(|| flowdeck::sql("SELECT 22 AS n"));\n'
        "one.await??.column::<i64>(\"n\")?[0] + two.await??.column::<i64>(\"n\")?[0]"
    )
    assert shown(kernel, cell) == "42"


def test_a_panic_in_a_task_is_an_error_where_it_is_awaited(kernel: Kernel) -> None:
    cell = kernel.execute('let failed = spawn(async { if true { panic!("in a task") } });\nfailed.await?;')
    assert cell.status == "error" and "the task panicked: in a task" in cell.error_text, repr(cell)
    cell = kernel.execute('sleep(Duration::from_millis(1)).await;\npanic!("after an await")')
    assert "after an await" in cell.error_text


def test_stop_ends_a_cell_that_awaits_and_variables_are_kept(kernel: Kernel) -> None:
    shown(kernel, "let kept_over_await = 5;")
    process = shown(kernel, "std::process::id()")
    cell = kernel.start_cell('println!("running");\nsleep(Duration::from_secs(600)).await;', marker="running")
    kernel.interrupt()
    stopped = kernel.finish(cell, PROMPT_S)
    assert stopped.status == "error" and stopped.types == ["stream", "error"], repr(stopped)
    assert shown(kernel, "kept_over_await") == "5"
    assert shown(kernel, "std::process::id()") == process, "it ended by itself: nothing was killed"


def test_tasks_are_gone_with_the_process_and_that_is_said(kernel: Kernel) -> None:
    shown(kernel, "let lost = spawn(async { sleep(Duration::from_secs(600)).await; 1 });")
    assert "as they were before this cell" in kernel.execute("std::process::abort()").error_text
    cell = kernel.execute("lost.await?")
    assert cell.status == "error" and "the task is gone" in cell.error_text, repr(cell)
    assert shown(kernel, "spawn(async { 3 }).await?") == "3"
