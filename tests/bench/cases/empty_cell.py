"""An empty cell: what the protocol and the kernel's own bookkeeping cost."""

from samples import from_warm_cells

NAME = "empty_cell"
TITLE = "empty cell, round trip"
ORDER = 20
UNIT = "ms"
NEEDS = set()
REPETITIONS = 200


def measure(run):
    return from_warm_cells(run, [""] * run.repetitions)
