"""`1+1` in a warm kernel, the same text each time: a kernel that remembers compiled cells may do so."""

from samples import from_warm_cells

NAME = "one_plus_one"
TITLE = "1+1, the same cell again"
ORDER = 40
UNIT = "ms"
NEEDS = set()
REPETITIONS = 50


def measure(run):
    return from_warm_cells(run, ["1+1"] * run.repetitions)
