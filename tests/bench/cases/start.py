"""Process start to kernel_info reply: what a person waits for after opening a notebook."""

from samples import from_new_kernels, ms

NAME = "start"
TITLE = "process start to kernel_info reply"
ORDER = 10
UNIT = "ms"
NEEDS = set()
REPETITIONS = 10


def measure(run):
    return from_new_kernels(run, lambda kernel: ms(kernel.ready_s))
