"""How cases take their samples: from kernels that have just started, or in turns from ones that are warm."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from client import BenchKernel
from peers import Peer
from run import Run


@dataclass(frozen=True)
class Sample:
    """One measured value in the case's unit, and what else is worth a number: {"lines lost": 0}."""

    value: float
    notes: Mapping[str, float] = field(default_factory=dict)


Samples = Iterator[tuple[Peer, Sample]]


def ms(seconds: float) -> Sample:
    return Sample(seconds * 1000)


def from_new_kernels(run: Run, take: Callable[[BenchKernel], Sample], first_cell: str | None = None) -> Samples:
    """One sample each of kernels that have just started."""
    for _ in range(run.repetitions):
        for peer in run.peers:
            with BenchKernel(peer, first_cell) as kernel:
                yield peer, take(kernel)


def from_warm_kernels(
    run: Run, prepare: Callable[[BenchKernel], Callable[[], Sample]], warm_up: int = 0
) -> Samples:
    """What `prepare` makes of a kernel takes a sample whenever it is called; the first ones do not count."""
    takers = [(peer, prepare(run.warm.of(peer))) for peer in run.peers]
    for _, take in takers:
        for _ in range(warm_up):
            take()
    for count in run.turns():
        for peer, take in takers:
            for _ in range(count):
                yield peer, take()


def from_warm_cells(run: Run, cells: Sequence[str]) -> Samples:
    """Round trips of these cells, one after the other in a kernel that has run one."""

    def prepare(kernel: BenchKernel) -> Callable[[], Sample]:
        todo = iter(cells)
        return lambda: ms(kernel.cell(next(todo)))

    return from_warm_kernels(run, prepare)
