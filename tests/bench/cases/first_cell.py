"""The first `1+1` of a new kernel, from the start of the process: everything that is put off until then shows here."""

from samples import from_new_kernels, ms

NAME = "first_cell"
TITLE = "process start to the reply to a first 1+1"
ORDER = 30
UNIT = "ms"
NEEDS = set()
REPETITIONS = 5


def measure(run):
    return from_new_kernels(run, lambda kernel: ms(kernel.first_reply_s), first_cell="1+1")
