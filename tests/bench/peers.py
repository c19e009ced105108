"""Who is measured: how each kernel is started, and what its cells can do."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

# What a case may need beside cells: widgets, tables read from files, and pages of them from the
# kernel, and tables read from nfcapd files.
WIDGETS = "widgets"
TABLES = "tables"
PAGES = "pages"
NFCAPD = "nfcapd"

# What Python reads tables with.
_PANDAS = ("pandas", "pyarrow")


@dataclass(frozen=True)
class Peer:
    """One kernel. `argv` holds Jupyter's `{connection_file}`; `features` are those above that it has."""

    name: str
    version: str
    language: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    features: frozenset[str] = frozenset()

    @property
    def program(self) -> str:
        """What runs this peer's language without a front end: `flowdeck`, `python`."""
        return self.argv[0]

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.env}


def find_peers(target: Path) -> tuple[list[Peer], list[str]]:
    """The kernels that are there, Flowdeck first, and one line for each that is not or not wholly."""
    peers, missing = [], []
    flowdeck = target / "release" / "flowdeck"
    if flowdeck.is_file():
        # The cache is the benchmark's own, and `make bench` has filled it as an installation does.
        env = {"FLOWDECK_CACHE_DIR": str(target / "bench-cache")}
        argv = [str(flowdeck), "kernel", "-f", "{connection_file}"]
        features = frozenset({WIDGETS, TABLES, PAGES, NFCAPD})
        peers.append(Peer("flowdeck", _version_of(flowdeck), "rust", argv, env, features))
    else:
        missing.append("flowdeck (no release build; `make release`)")

    features = {WIDGETS}
    if absent := [module for module in _PANDAS if importlib.util.find_spec(module) is None]:
        missing.append(f"ipykernel with tables (no {' and '.join(absent)}; `make bench` installs them)")
    else:
        features.add(TABLES)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    peers.append(Peer("ipykernel", version("ipykernel"), "python", argv, features=frozenset(features)))

    evcxr = target / "bench-tools" / "bin" / "evcxr_jupyter"
    if evcxr.is_file():
        argv = [str(evcxr), "--control_file", "{connection_file}"]
        peers.append(Peer("evcxr_jupyter", _version_of(evcxr), "rust", argv))
    else:
        missing.append("evcxr_jupyter (could not be built, see above; or `make bench` was not used)")
    return peers, missing


def able(peers: Sequence[Peer], needs: set[str]) -> list[Peer]:
    """Those that have all of these features."""
    return [peer for peer in peers if needs <= peer.features]


def _version_of(program: Path) -> str:
    answer = subprocess.run(
        [program, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30, check=False
    )
    words = answer.stdout.split()
    return words[-1] if answer.returncode == 0 and words else "unknown"
