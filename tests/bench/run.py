"""What a case gets to work with: the peers that can do it, how much to do, kernels and data."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from client import BenchKernel
from peers import Peer

# A case is done in this many turns, in each of which every peer has its share of the repetitions.
TURNS = 5

# What `flowdeck demo-data` writes if it is not told.
FLOWS = 200_000

# By how much less `--quick` does of everything.
QUICK_DIVISOR = 10


class WarmKernels:
    """One kernel per peer, which has run a cell. They end with the `with` block."""

    def __init__(self) -> None:
        self._kernels: dict[str, BenchKernel] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for kernel in self._kernels.values():
            kernel.close()

    def of(self, peer: Peer) -> BenchKernel:
        if peer.name not in self._kernels:
            self._kernels[peer.name] = BenchKernel(peer, first_cell="1+1")
        return self._kernels[peer.name]


@dataclass(frozen=True)
class Run:
    """One case's share of a benchmark run."""

    peers: Sequence[Peer]
    repetitions: int
    quick: bool
    folder: Path
    warm: WarmKernels

    def turns(self) -> list[int]:
        """How many samples of each peer to take in each turn."""
        return shares(self.repetitions, TURNS)

    def sized(self, size: int) -> int:
        """How much of something a sample is made of: less of it with `--quick`."""
        return size // QUICK_DIVISOR if self.quick else size

    def demo_data(self) -> Path:
        """A folder with demo data of `sized(FLOWS)` flows, written once for all cases."""
        data = self.folder / "demo-data"
        if not data.exists():
            flowdeck = next((peer for peer in self.peers if peer.name == "flowdeck"), None)
            assert flowdeck, "the demo data comes from flowdeck, which is not there"
            argv = [flowdeck.program, "demo-data", str(data), "--flows", str(self.sized(FLOWS))]
            subprocess.run(argv, env=flowdeck.environment(), stdin=subprocess.DEVNULL, capture_output=True, check=True)
        return data


def shares(total: int, parts: int) -> list[int]:
    """`total` in at most `parts` parts which differ by one at most, none of them zero."""
    sizes = [total // parts + (part < total % parts) for part in range(parts)]
    return [size for size in sizes if size]
