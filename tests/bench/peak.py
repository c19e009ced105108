"""Peak memory, found by looking often: what the system itself remembers of a child includes its parent's."""

import threading
from collections.abc import Callable
from typing import Self

import psutil

SAMPLE_EVERY_S = 0.05


class Peak:
    """Looks while the `with` block runs; `mib` is the most that was seen."""

    def __init__(self, look: Callable[[], float]) -> None:
        self._look = look
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self.mib = look()

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_EVERY_S):
            self.mib = max(self.mib, self._look())


def resident_mib(*processes: psutil.Process) -> float:
    """Resident memory, shared pages counted once per process; a process that has ended has none."""
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20
