"""`1+N` in a warm kernel, another N each time and in each run: no cache of compiled cells helps."""

import random

from samples import from_warm_cells

NAME = "one_plus_new"
TITLE = "1+N, a cell nobody has seen"
ORDER = 50
UNIT = "ms"
NEEDS = set()
REPETITIONS = 50


def measure(run):
    numbers = random.sample(range(10**8, 10**9), run.repetitions)
    return from_warm_cells(run, [f"1+{number}" for number in numbers])
