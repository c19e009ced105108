"""Caches of tests with a prelude of their own, which they may damage, and toolchains that are not quite the usual one."""

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

from . import paths

PRELUDES = paths.TARGET / "test-cache" / "prelude"
LIBRARY = "release/libflowdeck.so"


def own_prelude(cache: Path) -> Path:
    """A cache with a prelude whose files are links to the tests' one: replace them, do not write into them."""
    key = current_key()
    (cache / "prelude").mkdir(parents=True)
    subprocess.run(["cp", "-al", PRELUDES / key, cache / "prelude" / key], check=True)
    return cache / "prelude" / key


def current_key() -> str:
    """The prelude that kernels use now: it was used last."""
    return max(PRELUDES.glob("*.used"), key=lambda used: used.stat().st_mtime).stem


def replace(file: Path, content: bytes) -> None:
    """Writes a file anew, so that others that are linked to it stay as they are."""
    file.unlink()
    file.write_bytes(content)


def set_linker(prelude: Path, *arguments: str) -> None:
    replace(prelude / "linker.json", json.dumps({"name": "of a test", "arguments": arguments, "bare": False}).encode())


def toolchain(folder: Path, *, cargo: str | None = None, is_another: bool = False) -> dict[str, str]:
    """An environment with the same compiler, which may say that it is another; `cargo` is a script in its place."""
    folder.mkdir()
    real_rustc, real_cargo = (real_program(program) for program in ("rustc", "cargo"))
    rustc = f'exec "{real_rustc}" "$@"'
    if is_another:
        other = f'"{real_rustc}" -vV | sed "s/^commit-hash.*/commit-hash: other/"'
        rustc = f'if [ "$1" = -vV ]; then {other}; else {rustc}; fi'
    scripts = {
        "rustc": rustc,
        "cargo": f'{cargo or ""}\nexec "{real_cargo}" "$@"',
        "rustup": f'case "$2" in rustc) echo "{folder}/rustc";; cargo) echo "{folder}/cargo";; *) exit 1;; esac',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(stat.S_IRWXU)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def real_program(program: str) -> str:
    rustup = shutil.which("rustup")
    if not rustup:
        return shutil.which(program) or program
    return subprocess.run([rustup, "which", program], capture_output=True, text=True, check=True).stdout.strip()


def without_programs(folder: Path, *beginnings: str) -> dict[str, str]:
    """An environment whose PATH lacks all programs whose names begin so."""
    folder.mkdir()
    for place in map(Path, os.environ["PATH"].split(":")):
        for program in place.iterdir() if place.is_dir() else ():
            if not program.name.startswith(beginnings) and not (folder / program.name).is_symlink():
                (folder / program.name).symlink_to(program)
    return {"PATH": str(folder)}
