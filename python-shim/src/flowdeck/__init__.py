"""Finds the `flowdeck` binary. The kernel, the engine and the widgets are in that binary, not in here."""

import os
import shutil
from pathlib import Path

__all__ = ["BinaryNotFound", "binary"]

ENVIRONMENT_VARIABLE = "FLOWDECK_BIN"
_PROGRAM = "flowdeck.exe" if os.name == "nt" else "flowdeck"


class BinaryNotFound(FileNotFoundError):
    """No `flowdeck` binary where this package looks for one; the text says where that was."""


def binary() -> Path:
    """The binary: `FLOWDECK_BIN`, then the `PATH`, then the checkout this package was installed from."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        path = Path(named).expanduser()
        # A name given on purpose is never replaced by another binary: that would hide the mistake.
        if not _is_program(path):
            raise BinaryNotFound(f"{ENVIRONMENT_VARIABLE} names `{named}`, which is no program")
        return path.resolve()

    on_path = shutil.which(_PROGRAM)
    if on_path:
        return Path(on_path).resolve()

    built = _in_checkout()
    for path in built:
        if _is_program(path):
            return path

    looked_in = ", ".join(["the PATH", *map(str, built)])
    raise BinaryNotFound(
        f"no `{_PROGRAM}` found (looked in {looked_in})\n"
        f"hint: build it with `make release`, or set {ENVIRONMENT_VARIABLE} to its path"
    )


def _in_checkout() -> list[Path]:
    root = Path(__file__).resolve().parents[3]
    if not (root / "kernelspec" / "kernel.json").is_file():
        return []
    target = Path(os.environ.get("CARGO_TARGET_DIR") or "target")
    return [root / target / profile / _PROGRAM for profile in ("release", "debug")]


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
