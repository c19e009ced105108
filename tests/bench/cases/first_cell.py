"""The first `1+1` of a new kernel, from the start of the process: everything that is put off until then shows here."""

from client import BenchKernel

NAME = "first_cell"
TITLE = "process start to the reply to a first 1+1"
ORDER = 30
UNIT = "ms"
LANGUAGE = "any"
REPETITIONS = 5


def measure(peers, repetitions):
    for _ in range(repetitions):
        for peer in peers:
            with BenchKernel(peer, first_cell="1+1") as kernel:
                yield peer, [kernel.first_reply_s * 1000]
