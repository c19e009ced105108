"""Rust cells where something around them is not as it should be: a full disk, a home that is only read, another toolchain."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import psutil
from harness import paths
from harness.kernel import Kernel, eventually, kernel_argv

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


def other_toolchain(folder: Path) -> Path:
    """The same compiler, which says that it is another."""
    folder.mkdir()
    rustc, cargo = (_which(program) for program in ("rustc", "cargo"))
    scripts = {
        "rustc": f'if [ "$1" = -vV ]; then "{rustc}" -vV | sed "s/^commit-hash.*/commit-hash: other/"; '
        f'else exec "{rustc}" "$@"; fi',
        "cargo": f'exec "{cargo}" "$@"',
        "rustup": f'case "$2" in rustc) echo "{folder}/rustc";; cargo) echo "{folder}/cargo";; *) exit 1;; esac',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(stat.S_IRWXU)
    return folder


def _which(program: str) -> str:
    rustup = shutil.which("rustup")
    if not rustup:
        return shutil.which(program) or program
    return subprocess.run([rustup, "which", program], capture_output=True, text=True, check=True).stdout.strip()


def test_another_toolchain_uses_nothing_that_the_one_before_compiled(new_kernel, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (cache / "prelude").mkdir(parents=True)
    # The preludes of the tests, one of which is this toolchain's.
    for prelude in (paths.TARGET / "test-cache" / "prelude").iterdir():
        (cache / "prelude" / prelude.name).symlink_to(prelude)
    env = {"FLOWDECK_CACHE_DIR": str(cache), "FLOWDECK_DRIVER_LOG": str(tmp_path / "log")}
    first: Kernel = new_kernel(env=env)
    run(first, CELLS)
    first.close()
    (known,) = [folder.name for folder in (cache / "cells").iterdir()]
    env["PATH"] = f"{other_toolchain(tmp_path / 'bin')}:{os.environ['PATH']}"
    # It begins to compile a prelude of its own, which takes a while: the one that is there does as well here.
    second: Kernel = new_kernel(env=env)
    locks = lambda: {lock.stem for lock in (cache / "prelude").glob("*.lock") if not lock.is_symlink()}  # noqa: E731
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


def test_a_long_session_stays_within_its_bounds(new_kernel, tmp_path: Path) -> None:
    kernel: Kernel = new_kernel(env={"TMPDIR": str(tmp_path)})
    # The same few again: what a cell leaves behind shows whether it is compiled or found.
    cells = [*CELLS.items()] + [(f"{n} + number", str(n + 5)) for n in range(12)]
    run(kernel, dict(cells))
    host = next(child for child in kernel.children() if child.name().startswith("flowdeck-cell"))
    process = psutil.Process(kernel.process.pid)
    before = host.memory_info().rss, process.memory_info().rss, host.num_fds(), process.num_fds()
    for number in range(CELLS_OF_A_DAY):
        code, shown = cells[number % len(cells)]
        cell = kernel.execute(code)
        assert cell.status == "ok" and cell.text == shown, repr(cell)
    after = host.memory_info().rss, process.memory_info().rss, host.num_fds(), process.num_fds()
    grown = [(late - early) / 2**20 for early, late in zip(before[:2], after[:2], strict=True)]
    assert grown[0] < HOST_MIB_MAX and grown[1] < KERNEL_MIB_MAX, f"cell host and kernel grew by {grown} MiB"
    assert after[2] <= before[2] + 4 and after[3] <= before[3] + 4, "descriptors are left open"
    objects = [file for file in tmp_path.rglob("*") if file.suffix == ".so"]
    size = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()) / 2**20
    assert size < OBJECTS_MIB_MAX, f"{len(objects)} objects, {size:.0f} MiB in the temporary folder"
