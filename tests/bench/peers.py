"""Who is measured: how each kernel is started, and which language its cells are in."""

import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True)
class Peer:
    """One kernel. `argv` holds Jupyter's `{connection_file}`."""

    name: str
    version: str
    language: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)


def find_peers(target: Path) -> tuple[list[Peer], list[str]]:
    """The kernels that are there, Flowdeck first, and one line for each that is not."""
    peers, missing = [], []
    flowdeck = target / "release" / "flowdeck"
    if flowdeck.is_file():
        # The cache is the benchmark's own, and `make bench` has filled it as an installation does.
        env = {"FLOWDECK_CACHE_DIR": str(target / "bench-cache")}
        peers.append(
            Peer(
                "flowdeck", _version_of(flowdeck), "rust", [str(flowdeck), "kernel", "-f", "{connection_file}"], env=env
            )
        )
    else:
        missing.append("flowdeck (no release build; `make release`)")

    peers.append(
        Peer(
            "ipykernel",
            version("ipykernel"),
            "python",
            [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        )
    )

    evcxr = target / "bench-tools" / "bin" / "evcxr_jupyter"
    if evcxr.is_file():
        peers.append(
            Peer("evcxr_jupyter", _version_of(evcxr), "rust", [str(evcxr), "--control_file", "{connection_file}"])
        )
    else:
        missing.append("evcxr_jupyter (could not be built, see above; or `make bench` was not used)")
    return peers, missing


def _version_of(program: Path) -> str:
    answer = subprocess.run(
        [program, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30, check=False
    )
    words = answer.stdout.split()
    return words[-1] if answer.returncode == 0 and words else "unknown"
