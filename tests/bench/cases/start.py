"""Process start to kernel_info reply: what a person waits for after opening a notebook."""

from client import BenchKernel

NAME = "start"
TITLE = "process start to kernel_info reply"
ORDER = 10
UNIT = "ms"
LANGUAGE = "any"
REPETITIONS = 10


def measure(peers, repetitions):
    for _ in range(repetitions):
        for peer in peers:
            with BenchKernel(peer) as kernel:
                yield peer, [kernel.ready_s * 1000]
