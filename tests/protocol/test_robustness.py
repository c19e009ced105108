"""Rust cells where something around them is not as it should be: a full disk, a home that is only read, another toolchain."""

import os
from pathlib import Path

import psutil
import pytest
from harness import paths
from harness.kernel import Kernel, eventually, kernel_argv
from harness.preludes import (
    LIBRARY,
    PRELUDES,
    current_key,
    own_prelude,
    replace,
    set_linker,
    toolchain,
    without_programs,
)

CELLS = {
    "let number = 5;": "",
    "number * 2": "10",
    'let text = "a".repeat(3);': "",
    "text.len()": "3",
    "fn add(a: i32, b: i32) -> i32 { a + b }": "",
    "add(number, 1)": "6",
    "let list: Vec<i32> = (0..9).collect();": "",
    "list.iter().sum::<i32>()": "36",
}

# A session of a day. What it may cost beyond what it had after its first cells, MiB; each cell stays loaded, as variables
# and closures may point into it.
CELLS_OF_A_DAY = 500
TEXTS_OF_A_DAY = 60
HOST_MIB_MAX = 100
KERNEL_MIB_MAX = 60
OBJECTS_MIB_MAX = 200


def run(kernel: Kernel, cells: dict[str, str]) -> None:
    for code, shown in cells.items():
        cell = kernel.execute(code)
        assert cell.status == "ok" and cell.text == shown, repr(cell)


def cache_with_prelude(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "prelude").symlink_to(paths.TARGET / "test-cache" / "prelude")
    return folder


def within(script: str) -> list[str]:
    """The kernel's command line, run where `script` has changed what is mounted."""
    return ["unshare", "-rm", "sh", "-c", f'{script} && exec "$@"', "sh", *kernel_argv()]


def test_what_a_killed_kernel_leaves_on_the_disk_goes_with_the_next(new_kernel, tmp_path: Path) -> None:
    def folders() -> set[str]:
        return {path.name for path in tmp_path.glob("flowdeck-kernel-*")}

    environment = {"TMPDIR": str(tmp_path)}
    killed, living = new_kernel(env=environment), new_kernel(env=environment)
    assert len(folders()) == 2
    killed.kill()
    assert len(folders()) == 2, "a killed kernel removes nothing"
    before = folders()
    last = new_kernel(env=environment)
    assert eventually(lambda: len(folders()) == 2, 10) and len(folders() & before) == 1
    for kernel in (living, last):
        assert kernel.execute("1 + 1").text == "2"
        kernel.close()
    assert eventually(lambda: not folders(), 10)


def test_a_full_disk_costs_compilations_and_no_cell(new_kernel, tmp_path: Path) -> None:
    cells = cache_with_prelude(tmp_path / "cache") / "cells"
    cells.mkdir()
    log = tmp_path / "log"
    kernel: Kernel = new_kernel(
        argv=within(f"mount -t tmpfs -o size=64k,mode=700 none {cells}"),
        env={"FLOWDECK_CACHE_DIR": str(cells.parent), "FLOWDECK_DRIVER_LOG": str(log)},
    )
    run(kernel, CELLS)
    run(kernel, CELLS)
    assert sum(line.startswith("compiled") for line in log.read_text().splitlines()) > len(CELLS), "the disk was not full"
    assert "undefined_name" in kernel.execute("undefined_name").error_text


def test_a_home_that_is_only_read_costs_no_cell(new_kernel, tmp_path: Path) -> None:
    home = tmp_path / "home"
    cache_with_prelude(home / ".cache" / "flowdeck")
    real = Path.home()
    kernel: Kernel = new_kernel(
        argv=within(f"mount --bind {home} {home} && mount -o remount,bind,ro {home}"),
        env={
            "HOME": str(home),
            "XDG_CACHE_HOME": "",
            "FLOWDECK_CACHE_DIR": str(home / ".cache" / "flowdeck"),
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME") or str(real / ".rustup"),
            "CARGO_HOME": os.environ.get("CARGO_HOME") or str(real / ".cargo"),
        },
    )
    run(kernel, CELLS)
    run(kernel, CELLS)
    assert not (home / ".cache" / "flowdeck" / "cells").exists()


def test_another_toolchain_uses_nothing_that_the_one_before_compiled(new_kernel, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    known = own_prelude(cache).name
    env = {"FLOWDECK_CACHE_DIR": str(cache), "FLOWDECK_DRIVER_LOG": str(tmp_path / "log")}
    first: Kernel = new_kernel(env=env)
    run(first, CELLS)
    first.close()
    assert [folder.name for folder in (cache / "cells").iterdir()] == [known]
    env |= toolchain(tmp_path / "bin", is_another=True)
    # It begins to compile a prelude of its own, which takes a while: the one that is there does as well here.
    second: Kernel = new_kernel(env=env)
    locks = lambda: {lock.stem for lock in (cache / "prelude").glob("*.lock")}  # noqa: E731
    assert eventually(locks, 20), "a prelude for the other toolchain is compiled"
    second.kill()
    (key,) = locks()
    assert key != known
    (cache / "prelude" / key).symlink_to(cache / "prelude" / known)
    (tmp_path / "log").unlink()
    third: Kernel = new_kernel(env=env)
    run(third, CELLS)
    lines = (tmp_path / "log").read_text().splitlines()
    assert sum(line.startswith("compiled") for line in lines) >= len(CELLS), lines
    assert {folder.name for folder in (cache / "cells").iterdir()} == {known, key}


def test_a_prelude_that_must_be_compiled_is_told_and_can_be_stopped(new_kernel, tmp_path: Path) -> None:
    own_prelude(tmp_path / "cache")
    env = {"FLOWDECK_CACHE_DIR": str(tmp_path / "cache")} | toolchain(tmp_path / "bin", is_another=True)
    kernel: Kernel = new_kernel(env=env)
    for _ in range(2):
        cell = kernel.start_cell("1 + 1", marker="compiling Flowdeck's library", seconds=30)
        kernel.wait_for(lambda: "(crate " in str(kernel.iopub[cell]), 60, "a line of progress")  # noqa: B023
        kernel.interrupt()
        stopped = kernel.finish(cell, 20)
        assert stopped.errors[0]["content"]["ename"] == "Interrupted", repr(stopped)
        assert "none was compiled for this toolchain" in stopped.stream(), repr(stopped)
        cargo = [child for child in kernel.children() if child.name() in ("cargo", "rustc")]
        assert eventually(lambda: not any(child.is_running() for child in cargo), 5), cargo  # noqa: B023


@pytest.mark.parametrize("damage", ["half of it", "other bytes"])
def test_a_damaged_prelude_is_compiled_anew_once_and_told(new_kernel, tmp_path: Path, damage: str) -> None:
    prelude = own_prelude(tmp_path / "cache")
    whole = (prelude / LIBRARY).read_bytes()
    half = len(whole) // 2
    # Without what cells were compiled with it: they begin with a call of rustc, which reads the library.
    replace(prelude / LIBRARY, whole[:half] if damage == "half of it" else bytes(len(whole)))
    # The real compilation takes minutes; what is tested is what the kernel does around it.
    calls = tmp_path / "calls"
    cargo = f"""
if [ "$1" = rustc ]; then
    echo called >> {calls}
    while [ "$1" != --target-dir ]; do shift; done
    cp -al {PRELUDES / current_key()} "$2"
    rm -f "$2/prelude.json" "$2/linker.json"
    echo '{{"reason":"compiler-artifact","fresh":false,"target":{{"name":"flowdeck","kind":["dylib"]}}}}'
    exit
fi"""
    env = {"FLOWDECK_CACHE_DIR": str(tmp_path / "cache")} | toolchain(tmp_path / "bin", cargo=cargo)
    kernel: Kernel = new_kernel(env=env)
    cell = kernel.execute("1 + 1")
    assert cell.text == "2", repr(cell)
    assert "are damaged" in cell.stream() and "compiled Flowdeck's library, 1 crates" in cell.stream(), repr(cell)
    run(kernel, CELLS)
    assert (prelude / LIBRARY).read_bytes() == whole
    kernel.close()
    again: Kernel = new_kernel(env=env)
    assert again.execute("2 + 2").stream() == ""
    assert calls.read_text().split() == ["called"]


def test_without_the_prelude_cells_run_by_evcxrs_own_way_and_say_so(new_kernel, tmp_path: Path) -> None:
    kernel: Kernel = new_kernel(env={"FLOWDECK_PRELUDE_SOURCE": str(tmp_path / "nowhere")})
    first = kernel.execute("1 + 1")
    assert first.text == "2", repr(first)
    said = first.stream("stderr")
    assert "without Flowdeck's library" in said and "nowhere" in said and "hint: " in said, said
    cells = {**CELLS, 'println!("text");': "", "Some(number)": "Some(5)"}
    for code, shown in cells.items():
        cell = kernel.execute(code)
        assert (cell.status, cell.text, cell.stream("stderr")) == ("ok", shown, ""), repr(cell)
    panicked = kernel.execute('let a = 1;\npanic!("stop {a}\\nhere");')
    assert panicked.status == "error" and "Panic: stop 1\nhere" in panicked.error_text, repr(panicked)
    assert "line 2" in panicked.error_text and panicked.stream("stderr") == "", repr(panicked)
    failed = kernel.execute('"x".parse::<i32>()?')
    assert failed.status == "error" and "invalid digit" in failed.error_text, repr(failed)
    named = kernel.execute('flowdeck::sql("SELECT 1")?')
    assert "nowhere" in named.error_text and "FLOWDECK_PRELUDE_SOURCE" in named.error_text, repr(named)
    assert kernel.execute("undefined_name").error_text.startswith("CompileError")
    kernel.execute(":clear")
    assert "again" in kernel.execute('panic!("again")').error_text
    assert kernel.execute("%%sql\nSELECT 1 AS n").status == "ok"


def test_a_linker_that_fails_is_given_up_for_rustcs_own(new_kernel, tmp_path: Path) -> None:
    set_linker(own_prelude(tmp_path / "cache"), "-Clinker=/nowhere/ld")
    log = tmp_path / "log"
    kernel: Kernel = new_kernel(env={"FLOWDECK_CACHE_DIR": str(tmp_path / "cache"), "FLOWDECK_DRIVER_LOG": str(log)})
    run(kernel, CELLS)
    assert log.read_text().count("linker failed") == 1, log.read_text()


def test_without_a_c_compiler_the_error_says_what_to_install(new_kernel, tmp_path: Path) -> None:
    set_linker(own_prelude(tmp_path / "cache"))
    env = {"FLOWDECK_CACHE_DIR": str(tmp_path / "cache")}
    first: Kernel = new_kernel(env=env)
    assert first.execute("40 + 2").text == "42"
    first.close()
    # What a kernel begins with is found among the compiled ones: it starts, and a cell fails.
    without = without_programs(tmp_path / "bin", "cc", "gcc", "clang", "ld", "c99", "c89", "x86_64-", "aarch64-")
    second: Kernel = new_kernel(env={**env, **without})
    assert second.execute("40 + 2").text == "42"
    error = second.execute("40 + 3").error_text
    assert "linker `cc` not found" in error and "build-essential" in error and "/tmp" not in error, error


def test_a_long_session_stays_within_its_bounds(new_kernel, tmp_path: Path) -> None:
    kernel: Kernel = new_kernel(env={"TMPDIR": str(tmp_path)})
    run(kernel, CELLS)
    host = next(child for child in kernel.children() if child.name().startswith("flowdeck-cell"))
    process = psutil.Process(kernel.process.pid)
    before = host.memory_info().rss, process.memory_info().rss, host.num_fds(), process.num_fds()
    for number in range(CELLS_OF_A_DAY):
        # What a cell leaves behind shows whether it is compiled or found; each of a day's cells anew takes minutes.
        term = number % TEXTS_OF_A_DAY
        cell = kernel.execute(f"number + {term}")
        assert cell.status == "ok" and cell.text == str(term + 5), repr(cell)
    after = host.memory_info().rss, process.memory_info().rss, host.num_fds(), process.num_fds()
    grown = [(late - early) / 2**20 for early, late in zip(before[:2], after[:2], strict=True)]
    assert grown[0] < HOST_MIB_MAX and grown[1] < KERNEL_MIB_MAX, f"cell host and kernel grew by {grown} MiB"
    assert after[2] <= before[2] + 4 and after[3] <= before[3] + 4, "descriptors are left open"
    objects = [file for file in tmp_path.rglob("*") if file.suffix == ".so"]
    size = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) / 2**20
    assert size < OBJECTS_MIB_MAX, f"{len(objects)} objects, {size:.0f} MiB in the temporary folder"
