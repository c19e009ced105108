"""Peak resident memory of the kernel and its children over a start and ten cells."""

import threading

from client import BenchKernel
from samples import Sample, from_new_kernels

NAME = "memory"
TITLE = "peak memory, start and ten cells"
ORDER = 90
UNIT = "MiB"
NEEDS = set()
REPETITIONS = 3

SAMPLE_EVERY_S = 0.05


def measure(run):
    return from_new_kernels(run, lambda kernel: Sample(_peak_mib(kernel)))


def _peak_mib(kernel: BenchKernel) -> float:
    peaks = [kernel.memory_mib()]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLE_EVERY_S):
            peaks.append(kernel.memory_mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for number in range(10):
            kernel.cell(f"1+{number}")
    finally:
        over.set()
        watcher.join()
    return max(peaks)
