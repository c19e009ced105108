"""Peak resident memory of the kernel and its children over a start and ten cells."""

from client import BenchKernel
from peak import Peak
from samples import Sample, from_new_kernels

NAME = "memory"
TITLE = "peak memory, start and ten cells"
ORDER = 90
UNIT = "MiB"
NEEDS = set()
REPETITIONS = 3


def measure(run):
    return from_new_kernels(run, _peak)


def _peak(kernel: BenchKernel) -> Sample:
    with Peak(kernel.memory_mib) as peak:
        for number in range(10):
            kernel.cell(f"1+{number}")
    return Sample(peak.mib)
