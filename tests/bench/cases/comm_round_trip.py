"""A slider is moved: the front end's `update`, the kernel's echo, and its idle, before which the page sends no more."""

from client import BenchKernel, idle_after
from harness.front_end import FrontEnd
from peers import WIDGETS
from samples import Sample, from_warm_kernels, ms

NAME = "comm_round_trip"
TITLE = "slider moved, until idle"
ORDER = 60
UNIT = "ms"
NEEDS = {WIDGETS}
REPETITIONS = 500

WARM_UP = 20
SLIDER = {
    "rust": "use flowdeck::widgets::*;\nlet slider = IntSlider::new();\nslider.clone()",
    "python": "import ipywidgets\nslider = ipywidgets.IntSlider()\nslider",
}


def measure(run):
    return from_warm_kernels(run, lambda kernel: _Slider(kernel).move, WARM_UP)


class _Slider:
    """A slider, moved each time to another place."""

    def __init__(self, kernel: BenchKernel) -> None:
        self._kernel = kernel
        kernel.cell(SLIDER[kernel.peer.language])
        self._page = FrontEnd(kernel)
        self._slider = self._page.find("IntSliderModel")
        self._place = 0

    def move(self) -> Sample:
        self._place = self._place % 100 + 1
        msg_id = self._page.change(self._slider, value=self._place)
        elapsed = self._kernel.seconds_until(idle_after(msg_id))
        sent = self._kernel.iopub[msg_id]
        echoes = [m["content"]["data"]["state"] for m in sent if m["msg_type"] == "comm_msg"]
        assert echoes == [{"value": self._place}], f"{self._kernel.peer.name} did not echo {self._place}: {echoes}"
        return ms(elapsed)
