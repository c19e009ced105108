"""`1+1` in a warm kernel, the same text each time: a kernel that remembers compiled cells may do so."""

from client import BenchKernel

NAME = "one_plus_one"
TITLE = "1+1, the same cell again"
ORDER = 40
UNIT = "ms"
LANGUAGE = "any"
REPETITIONS = 50


def measure(peers, repetitions):
    for peer in peers:
        with BenchKernel(peer) as kernel:
            kernel.cell("1+1")
            yield peer, [kernel.cell("1+1") * 1000 for _ in range(repetitions)]
