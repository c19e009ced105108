"""A click on a button whose callback sets a label: from the click to the label's `update`."""

from client import BenchKernel, idle_after, update_of
from harness.front_end import FrontEnd
from peers import WIDGETS
from samples import Sample, from_warm_kernels, ms

NAME = "click_to_label"
TITLE = "button clicked, until its callback's label"
ORDER = 62
UNIT = "ms"
NEEDS = {WIDGETS}
REPETITIONS = 500

WARM_UP = 20
BUTTON = {
    "rust": """use flowdeck::widgets::*;
let label = Label::new();
let button = Button::new();
let mut clicks = 0;
button.on_click({ let label = label.clone(); move |_| { clicks += 1; label.set_value(&format!("{clicks} clicks")); } });
HBox::of((button, label))""",
    "python": """import ipywidgets
label, button, clicks = ipywidgets.Label(), ipywidgets.Button(), 0
def clicked(_):
    global clicks
    clicks += 1
    label.value = f"{clicks} clicks"
button.on_click(clicked)
ipywidgets.HBox([button, label])""",
}


def measure(run):
    return from_warm_kernels(run, lambda kernel: _Button(kernel).click, WARM_UP)


class _Button:
    """A button and its label."""

    def __init__(self, kernel: BenchKernel) -> None:
        self._kernel = kernel
        kernel.cell(BUTTON[kernel.peer.language])
        self._page = FrontEnd(kernel)
        self._button, self._label = self._page.find("ButtonModel"), self._page.find("LabelModel")
        self._clicks = 0

    def click(self) -> Sample:
        self._clicks += 1
        msg_id = self._page.click(self._button)
        elapsed = self._kernel.seconds_until(update_of(self._label, "value", f"{self._clicks} clicks"))
        # The next click meets a kernel at rest.
        if not self._kernel.is_idle(msg_id):
            self._kernel.seconds_until(idle_after(msg_id))
        return ms(elapsed)
