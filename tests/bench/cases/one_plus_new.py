"""`1+N` in a warm kernel, another N each time and in each run: no cache of compiled cells helps."""

import random

from client import BenchKernel

NAME = "one_plus_new"
TITLE = "1+N, a cell nobody has seen"
ORDER = 50
UNIT = "ms"
LANGUAGE = "any"
REPETITIONS = 50


def measure(peers, repetitions):
    numbers = random.sample(range(10**8, 10**9), repetitions)
    for peer in peers:
        with BenchKernel(peer) as kernel:
            kernel.cell("1+1")
            yield peer, [kernel.cell(f"1+{number}") * 1000 for number in numbers]
