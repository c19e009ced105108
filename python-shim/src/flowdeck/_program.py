"""Where the program `flowdeck` is."""

import os
import shutil
import sysconfig
from pathlib import Path

ENVIRONMENT_VARIABLE = "FLOWDECK_BIN"
_PROGRAM = "flowdeck.exe" if os.name == "nt" else "flowdeck"


class BinaryNotFound(FileNotFoundError):
    """No `flowdeck` binary where this package looks for one; the text says where that was."""


def binary() -> Path:
    """The binary: `FLOWDECK_BIN`, what this package was installed with, then the `PATH`, then the checkout around it."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        path = Path(named).expanduser()
        # A name given on purpose is never replaced by another binary: that would hide the mistake.
        if not _is_program(path):
            raise BinaryNotFound(f"{ENVIRONMENT_VARIABLE} names `{named}`, which is no program")
        return path.resolve()

    candidates = [*_installed(), *_on_path(), *_in_checkout()]
    for path in candidates:
        if _is_program(path):
            return path.resolve()
    looked_in = ", ".join(["the PATH", *map(str, candidates)])
    raise BinaryNotFound(
        f"no `{_PROGRAM}` found (looked in {looked_in})\n"
        f"hint: install the wheel again, build the program with `make release`, or set {ENVIRONMENT_VARIABLE} to its path"
    )


def _installed() -> list[Path]:
    """Beside the `python` of an environment, or where `pip install --user` puts programs."""
    schemes = [sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")]
    return [Path(sysconfig.get_path("scripts", scheme)) / _PROGRAM for scheme in schemes]


def _on_path() -> list[Path]:
    found = shutil.which(_PROGRAM)
    return [Path(found)] if found else []


def _in_checkout() -> list[Path]:
    root = Path(__file__).resolve().parents[3]
    if not (root / "kernelspec" / "kernel.json").is_file():
        return []
    target = Path(os.environ.get("CARGO_TARGET_DIR") or "target")
    return [root / target / profile / _PROGRAM for profile in ("release", "debug")]


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
