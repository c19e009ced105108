"""A cell that prints many lines. Each has a number, so that one that does not arrive is missed."""

from client import BenchKernel
from samples import Sample, from_warm_kernels

NAME = "stream_throughput"
TITLE = "lines of 80 bytes printed by a cell, until idle"
ORDER = 66
UNIT = "lines/s"
NEEDS = set()
REPETITIONS = 5

LINES = 100_000
# With the number, a space and the line's end 80 bytes.
FILLER = "x" * 72
PRINT = {
    "rust": 'for n in 0..{lines} {{ println!("{{n:06}} {filler}"); }}',
    "python": 'for n in range({lines}):\n    print(f"{{n:06}} {filler}")',
}


def measure(run):
    lines = run.sized(LINES)
    return from_warm_kernels(run, lambda kernel: lambda: _print(kernel, lines))


def _print(kernel: BenchKernel, lines: int) -> Sample:
    elapsed, msg_id = kernel.cell_with_id(PRINT[kernel.peer.language].format(lines=lines, filler=FILLER))
    in_time = _numbers(kernel, msg_id)
    kernel.drain()
    arrived = _numbers(kernel, msg_id)
    # The next cell's lines are counted without these, and they take memory.
    kernel.iopub.pop(msg_id)
    notes = {"lines lost": len(set(range(lines)) - set(arrived)), "lines after idle": len(arrived) - len(in_time)}
    return Sample(lines / elapsed, notes)


def _numbers(kernel: BenchKernel, msg_id: str) -> list[int]:
    """The numbers of the whole lines that have arrived."""
    text = "".join(m["content"]["text"] for m in kernel.iopub[msg_id] if m["msg_type"] == "stream")
    return line_numbers(text)


def line_numbers(text: str) -> list[int]:
    whole = [line for line in text.split("\n")[:-1] if len(line) == 79 and line.endswith(FILLER)]
    return [int(line[:6]) for line in whole if line[:6].isdigit()]
