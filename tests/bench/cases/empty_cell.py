"""An empty cell: what the protocol and the kernel's own bookkeeping cost."""

from client import BenchKernel

NAME = "empty_cell"
TITLE = "empty cell, round trip"
ORDER = 20
UNIT = "ms"
LANGUAGE = "any"
REPETITIONS = 200


def measure(peers, repetitions):
    for peer in peers:
        with BenchKernel(peer) as kernel:
            kernel.cell("1+1")
            yield peer, [kernel.cell("") * 1000 for _ in range(repetitions)]
