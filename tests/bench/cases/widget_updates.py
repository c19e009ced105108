"""A cell that moves a progress bar as fast as it can. What the page has at the end must be the last value."""

from client import BenchKernel
from harness.front_end import FrontEnd
from peers import WIDGETS
from samples import Sample, from_warm_kernels

NAME = "widget_updates"
TITLE = "progress bar set by a cell, until idle"
ORDER = 64
UNIT = "updates/s"
NEEDS = {WIDGETS}
REPETITIONS = 10

UPDATES = 10_000
# How long the last value may be on its way when the cell is over.
LATE_S = 5

BAR = {
    "rust": "use flowdeck::widgets::*;\nlet bar = IntProgress::new().max(1_000_000_000);\nbar.clone()",
    "python": "import ipywidgets\nbar = ipywidgets.IntProgress(max=1_000_000_000)\nbar",
}
# The values differ each time, so that the last one tells that this cell has set it.
LOOP = {
    "rust": "for n in {start}..={end} {{ bar.set_value(n); }}",
    "python": "for n in range({start}, {end} + 1):\n    bar.value = n",
}


def measure(run):
    return from_warm_kernels(run, lambda kernel: _Bar(kernel, run.sized(UPDATES)).fill)


class _Bar:
    """A progress bar that goes on from where it is."""

    def __init__(self, kernel: BenchKernel, updates: int) -> None:
        self._kernel = kernel
        kernel.cell(BAR[kernel.peer.language])
        self._page = FrontEnd(kernel)
        self._bar = self._page.find("IntProgressModel")
        self._updates, self._value = updates, 0

    def fill(self) -> Sample:
        start, self._value = self._value + 1, self._value + self._updates
        loop = LOOP[self._kernel.peer.language].format(start=start, end=self._value)
        elapsed, msg_id = self._kernel.cell_with_id(loop)
        self._page.until(
            lambda: self._page.value(self._bar) == self._value, f"the last of {self._updates} updates", timeout=LATE_S
        )
        messages = sum(message["msg_type"] == "comm_msg" for message in self._kernel.iopub[msg_id])
        return Sample(self._updates / elapsed, {"messages": messages})
