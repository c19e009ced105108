"""What the copy that is made before each Rust cell costs while variables hold a gigabyte.

The same unchanged cell in a kernel without variables and in one with them, and a cell that writes to every page of them,
which the system then has to copy.
"""

from dataclasses import replace

from client import BenchKernel
from samples import ms

NAME = "snapshot"
TITLE = "the same Rust cell again, without variables and with a gigabyte of them"
ORDER = 62
UNIT = "ms"
NEEDS = set()
REPETITIONS = 50

BYTES = 1 << 30
# Each page is written to, so that it is there.
FILL = "let mut all = vec![1u8; {bytes}];"
CELL = "1 + 1"
# One write a page: what is measured is the system's copying, not ours.
WRITE = "for page in all.chunks_mut(4096) { page[0] = page[0].wrapping_add(1); }"


def measure(run):
    flowdeck = run.peers[0]
    full, writing = replace(flowdeck, name="with 1 GB"), replace(flowdeck, name="writes to 1 GB")
    with BenchKernel(flowdeck, first_cell=CELL) as empty, BenchKernel(flowdeck, first_cell=CELL) as kernel:
        kernel.cell(FILL.format(bytes=run.sized(BYTES)))
        kernel.cell(WRITE)
        for _ in run.turns():
            for peer, one, cell in ((flowdeck, empty, CELL), (full, kernel, CELL), (writing, kernel, WRITE)):
                for _ in range(max(1, run.repetitions // len(run.turns()))):
                    yield peer, ms(one.cell(cell))
