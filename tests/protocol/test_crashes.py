"""A cell can kill the process it runs in, never the kernel; and a kernel never outlives those who need it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from harness.cells import ENDLESS_LOOP, start_endless_compilation
from harness.front_end import FrontEnd
from harness.kernel import Kernel, eventually, gone, kernel_argv
from jupyter_client.connect import write_connection_file

LIMITED_MEMORY = """
unsafe extern "C" { fn setrlimit(resource: i32, limit: *const [u64; 2]) -> i32; }
fn limit_memory() { unsafe { setrlimit(9, &[4 << 30, 4 << 30]); } }
"""

BUTTON_AND_LABEL = """use flowdeck::widgets::*;
let label = Label::new();
let button = Button::new();
let mut clicks = 0;
button.on_click({ let label = label.clone(); move |_| { clicks += 1; label.set_value(&format!("{clicks} clicks")); } });
HBox::of((button, label))"""

CRASHES = {
    "segmentation fault": "unsafe { std::ptr::null_mut::<i32>().write(1) }",
    "killed from outside": (
        'std::process::Command::new("kill").arg("-9").arg(std::process::id().to_string()).status().unwrap();\n'
        "std::thread::sleep(std::time::Duration::from_secs(60));"
    ),
    "abort": "std::process::abort()",
    "exit": "std::process::exit(3)",
}


# A variable of every kind that evcxr keeps, what a cell does to it, how it is read, and its value.
KINDS = {
    "number": ("let mut number = 1u64;", "number += 1;", "number", "1"),
    "text": ('let mut text = String::from("kept");', "text.clear();", "text", '"kept"'),
    "vector": ("let mut vector = vec![1, 2];", "vector.push(3);", "vector", "[1, 2]"),
    "map": (
        'let mut map = std::collections::HashMap::from([("a".to_owned(), 1)]);', "map.clear();", 'map["a"]', "1"
    ),
    "tuple": ('let (one, two) = (1u8, "two");', "", "(one, two)", '(1, "two")'),
    "closure": ("let closure: Box<dyn Fn(i32) -> i32> = Box::new(|x| x + 1);", "", "closure(1)", "2"),
    "value of a type": (
        "#[derive(Debug)] struct Point { x: i32 }\nlet mut point = Point { x: 5 };", "point.x = 6;", "point", "Point { x: 5 }"
    ),
    "generic": (
        "#[derive(Debug)] struct Pair<T>(T, T);\nlet mut pair = Pair(1, 2);", "pair.0 = 9;", "pair", "Pair(1, 2)"
    ),
    "one of several": (
        "#[derive(Debug)] enum Kind { Tcp, Udp }\nlet mut kind = Kind::Tcp;", "kind = Kind::Udp;", "kind", "Tcp"
    ),
    "trait object": (
        "trait Shape { fn sides(&self) -> u32; }\nstruct Square;\n"
        "impl Shape for Square { fn sides(&self) -> u32 { 4 } }\nlet shape: Box<dyn Shape> = Box::new(Square);",
        "drop(shape);",
        "shape.sides()",
        "4",
    ),
    "shared": (
        "let shared = std::rc::Rc::new(std::cell::RefCell::new(vec![1]));",
        "shared.borrow_mut().push(2);",
        "shared.borrow().len()",
        "1",
    ),
    "table": ('let table = flowdeck::sql("SELECT 7 AS n")?;', "", "table.row_count()", "1"),
    "widget": ("let slider = flowdeck::widgets::IntSlider::new();\nslider.set_value(7);", "", "slider.value()", "7"),
    "moved away": ('let moved = String::from("here");', "let elsewhere = moved;", "moved", '"here"'),
    "defined anew": ("let again = 1u8;", 'let again = "other";', "again", "1"),
}

STOP = "loop { std::hint::spin_loop() }"
PANIC = 'panic!("on purpose")'
TAKE_ALL_MEMORY = (
    f"{LIMITED_MEMORY}limit_memory();\nlet mut all: Vec<Vec<u8>> = Vec::new();\nloop {{ all.push(vec![1; 64 << 20]); }}"
)
ENDS = {**CRASHES, "panic": PANIC, "interrupt": STOP, "out of memory": TAKE_ALL_MEMORY}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_variables_are_as_they_were_before_a_cell_that_failed(shared_kernel: Kernel, end: str) -> None:
    for define, _, _, _ in KINDS.values():
        assert shared_kernel.execute(define).status == "ok", define
    changes = "\n".join(change for _, change, _, _ in KINDS.values())
    cell = shared_kernel.start_cell(f'{changes}\nprintln!("before the end");\n{end}', marker="before the end")
    if end == STOP:
        shared_kernel.interrupt()
    failed = shared_kernel.finish(cell)
    assert failed.status == "error" and "as they were before this cell" in failed.error_text, repr(failed)
    assert "gone" not in failed.error_text.replace("threads that earlier cells started are gone", ""), repr(failed)
    assert "before the end" in failed.stream(), "what a cell printed before it died is not lost"
    for _, _, read, value in KINDS.values():
        assert shared_kernel.execute(read).text == value, read


def test_a_thread_that_ends_the_process_after_its_cell_is_not_blamed_on_the_next(new_kernel) -> None:
    kernel: Kernel = new_kernel()
    host = psutil.Process(int(kernel.execute("std::process::id()").text))
    kernel.execute("std::thread::spawn(|| { std::thread::sleep(std::time::Duration::from_millis(300)); std::process::abort() });")
    assert eventually(lambda: gone(host), 10)
    failed = kernel.execute("2 + 2")
    assert "ended after the last cell" in failed.error_text and "did not run" in failed.error_text, repr(failed)
    assert kernel.execute("2 + 2").text == "4"


def test_the_system_is_told_to_kill_what_runs_a_cell_first(shared_kernel: Kernel) -> None:
    running, inherited = int(shared_kernel.execute("std::process::id()").text), _order(shared_kernel.process.pid)
    cell = shared_kernel.start_cell(f'println!("running");\n{STOP}', marker="running")
    (copy,) = psutil.Process(running).children()
    orders = _order(copy.pid), _order(running)
    shared_kernel.interrupt()
    shared_kernel.finish(cell)
    assert orders[0] == inherited < orders[1]
    went_on = int(shared_kernel.execute("std::process::id()").text)
    assert went_on == copy.pid and _order(went_on) > inherited


def _order(process: int) -> int:
    return int(Path(f"/proc/{process}/oom_score_adj").read_text())


def test_a_variable_that_could_not_be_changed_cannot_be_later(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let fixed = vec![1];")
    assert shared_kernel.execute(f"let other = fixed;\n{PANIC}").status == "error"
    assert "mutable" in shared_kernel.execute("fixed.push(2);").error_text
    assert shared_kernel.execute("fixed").text == "[1]"


def test_a_panic_leaves_threads_of_earlier_cells_alone(new_kernel) -> None:
    kernel: Kernel = new_kernel()
    kernel.execute(
        "use std::sync::{Arc, atomic::{AtomicU64, Ordering}};\n"
        "let (beats, mut changed, moved) = (Arc::new(AtomicU64::new(0)), 1, vec![1]);\n"
        "{ let beats = beats.clone(); std::thread::spawn(move || loop {\n"
        "    beats.fetch_add(1, Ordering::Relaxed); std::thread::sleep(std::time::Duration::from_millis(1));\n}); }"
    )
    failed = kernel.execute(f"changed += 1;\nlet elsewhere = moved;\n{PANIC}")
    assert "kept as this cell left them; gone with it: `moved`" in failed.error_text, repr(failed)
    assert kernel.execute("changed").text == "2"
    beats = int(kernel.execute("beats.load(Ordering::Relaxed)").text)
    assert eventually(lambda: int(kernel.execute("beats.load(Ordering::Relaxed)").text) > beats, 10)


def test_clicks_and_tasks_work_after_a_panic(new_kernel) -> None:
    kernel: Kernel = new_kernel()
    page = FrontEnd(kernel)
    kernel.execute(BUTTON_AND_LABEL)
    page.look()
    label, button = page.find("LabelModel"), page.find("ButtonModel")
    assert kernel.execute("flowdeck::task::spawn(async { 6 * 7 }).await?").text == "42"
    for clicks in (1, 2):
        assert "as they were" in kernel.execute(PANIC).error_text
        page.click(button)
        page.until(lambda clicks=clicks: page.value(label) == f"{clicks} clicks", "the label", timeout=10)
        assert kernel.execute("flowdeck::task::spawn(async { 6 * 7 }).await?").text == "42"


def test_what_a_question_mark_took_with_it_is_named(shared_kernel: Kernel) -> None:
    shared_kernel.execute("let taken = vec![1];\nlet other = 2;")
    failed = shared_kernel.execute('let elsewhere = taken;\n"x".parse::<i32>()?;')
    assert "gone with it: `taken`" in failed.error_text, repr(failed)
    assert shared_kernel.execute("other").text == "2"


def test_clicks_work_after_a_cell_died(shared_kernel: Kernel) -> None:
    page = FrontEnd(shared_kernel)
    shared_kernel.execute(BUTTON_AND_LABEL)
    page.look()
    label, button = page.find("LabelModel"), page.find("ButtonModel")
    for clicks, crash in enumerate(CRASHES.values(), 1):
        assert "as they were" in shared_kernel.execute(crash).error_text
        page.click(button)
        page.until(lambda clicks=clicks: page.value(label) == f"{clicks} clicks", "the label", timeout=10)


@pytest.mark.parametrize("code", CRASHES.values(), ids=CRASHES.keys())
def test_crash_of_a_cell_is_one_error_and_the_session_goes_on(shared_kernel: Kernel, code: str) -> None:
    shared_kernel.execute("%%sql --into before_crash\nSELECT 1234 AS n")
    assert shared_kernel.execute("6 * 7").text == "42"
    cell = shared_kernel.execute(code)
    assert cell.status == "error" and len(cell.errors) == 1, repr(cell)
    assert shared_kernel.process.poll() is None
    assert "1234" in shared_kernel.execute("%%sql\nSELECT n FROM before_crash").text
    assert shared_kernel.execute("6 * 7").text == "42"


def test_shutdown_leaves_no_process(new_kernel) -> None:
    kernel: Kernel = new_kernel()
    assert kernel.execute("6 * 7").text == "42"
    children = kernel.children()
    assert children, "a Rust cell runs in a process of its own, so there should be one"
    reply = kernel.send("shutdown_request", {"restart": False}, channel="control")
    kernel.wait_for(lambda: kernel.replies[reply], 5, "shutdown_reply")
    assert kernel.replies[reply][0]["content"] == {"status": "ok", "restart": False}
    # Jupyter sends SIGTERM after half of its five seconds.
    assert kernel.process.wait(timeout=2.5) == 0
    assert eventually(lambda: all(gone(child) for child in children), 2), [
        child for child in children if not gone(child)
    ]


def test_shutdown_while_a_cell_runs(new_kernel) -> None:
    kernel: Kernel = new_kernel()
    kernel.start_cell('println!("running");\nloop { std::hint::spin_loop() }', marker="running")
    children = kernel.children()
    kernel.send("shutdown_request", {"restart": False}, channel="control")
    kernel.process.wait(timeout=5)
    assert eventually(lambda: all(gone(child) for child in children), 2), [
        child for child in children if not gone(child)
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_signals_leave_no_process(new_kernel, number: signal.Signals) -> None:
    kernel: Kernel = new_kernel()
    assert kernel.execute("6 * 7").text == "42"
    children = kernel.children()
    kernel.process.send_signal(number)
    kernel.process.wait(timeout=5)
    assert eventually(lambda: all(gone(child) for child in children), 5), [
        child for child in children if not gone(child)
    ]


def running_loop(kernel: Kernel) -> None:
    kernel.start_cell(ENDLESS_LOOP, marker="running")


def asking(kernel: Kernel) -> None:
    kernel.send_execute('flowdeck::input("?")?', allow_stdin=True)
    kernel.wait_for(lambda: kernel.stdin, 120, "a question")


def with_an_analyser(kernel: Kernel) -> None:
    kernel.execute("1")
    kernel.send("complete_request", {"code": "std::collections::BTreeM", "cursor_pos": 24})
    assert eventually(lambda: any("analyse" in child.cmdline() for child in _alive(kernel)), 60)


@pytest.mark.parametrize("state", [running_loop, start_endless_compilation, with_an_analyser])
def test_nothing_outlives_a_killed_kernel(new_kernel, state: Callable[[Kernel], object]) -> None:
    kernel: Kernel = new_kernel()
    state(kernel)
    children = _alive(kernel)
    assert children
    os.kill(kernel.process.pid, signal.SIGKILL)
    kernel.process.wait(5)
    assert eventually(lambda: all(gone(child) for child in children), 5), _names(children)


@pytest.mark.parametrize("state", [start_endless_compilation, asking, with_an_analyser])
def test_nothing_outlives_a_shutdown(new_kernel, state: Callable[[Kernel], object]) -> None:
    kernel: Kernel = new_kernel()
    state(kernel)
    children = _alive(kernel)
    kernel.send("shutdown_request", {"restart": False}, channel="control")
    # Jupyter kills after five seconds; then there would be nobody to end the children.
    assert kernel.process.wait(5) == 0
    assert eventually(lambda: all(gone(child) for child in children), 5), _names(children)


def test_cells_whose_process_ended_leave_no_process_behind(shared_kernel: Kernel) -> None:
    for _ in range(3):
        shared_kernel.execute("std::process::abort()")
    assert shared_kernel.execute("6 * 7").text == "42"
    # One that ended and was not collected is a leak too: a session of a day has many interrupts.
    ended = [child for child in shared_kernel.children() if child.status() == psutil.STATUS_ZOMBIE]
    assert len(ended) <= 1, _names(ended)


def test_a_kernel_without_files_in_its_folder_after_shutdown(new_kernel, tmp_path) -> None:
    """Temporary folders of kernels would fill a disk over the months."""
    kernel: Kernel = new_kernel(env={"TMPDIR": str(tmp_path)})
    assert kernel.execute("6 * 7").text == "42"
    assert any(tmp_path.iterdir()), "this test looks in the wrong place"
    kernel.send("shutdown_request", {"restart": False}, channel="control")
    kernel.process.wait(5)
    assert eventually(lambda: not any(tmp_path.iterdir()), 5), list(tmp_path.iterdir())


def _alive(kernel: Kernel) -> list[psutil.Process]:
    return [child for child in kernel.children() if not gone(child)]


def _names(processes: list[psutil.Process]) -> list[str]:
    return [repr(process) for process in processes]


# Stands for a Jupyter server: starts a kernel as one, says its process id, and lives until it is killed.
_LAUNCHER = """
import json, os, subprocess, sys, time
kernel = subprocess.Popen(json.loads(sys.argv[1]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL, env={**os.environ, "JPY_PARENT_PID": str(os.getpid())}, start_new_session=True)
print(kernel.pid, flush=True)
time.sleep(600)
"""


def test_kernel_ends_with_its_parent(tmp_path) -> None:
    connection_file = str(tmp_path / "connection.json")
    write_connection_file(connection_file, ip="127.0.0.1", key=b"key")
    argv = [part.replace("{connection_file}", connection_file) for part in kernel_argv()]
    launcher = subprocess.Popen(
        [sys.executable, "-c", _LAUNCHER, json.dumps(argv)], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert launcher.stdout
    kernel = psutil.Process(int(launcher.stdout.readline()))
    try:
        # Long enough to be up and to have started what it starts in the background.
        assert not eventually(lambda: gone(kernel), 3), "the kernel ended although its parent lives"
        children = kernel.children(recursive=True)
        launcher.kill()
        launcher.wait()
        assert eventually(lambda: gone(kernel), 5), "the kernel lives on without its parent"
        assert eventually(lambda: all(gone(child) for child in children), 2)
    finally:
        launcher.kill()
        launcher.wait()
        launcher.stdout.close()
        if not gone(kernel):
            kernel.kill()
