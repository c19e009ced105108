"""A dashboard is opened: from navigation to a button that can be clicked.

A form with a query behind its button, in Voilà as an operator starts it, in headless Chromium. Both notebooks are in
notebooks/ and show the same flows of the same Parquet files. The browser has the page's own files in its cache; the
kernel is a new one each time.
"""

import json
from contextlib import ExitStack
from pathlib import Path

from harness.browser import Voila, VoilaPage, launch
from peers import TABLES, WIDGETS, Peer
from playwright.sync_api import Browser, expect, sync_playwright
from samples import Sample

NAME = "voila_first_button"
TITLE = "Voilà, navigation to the first usable button"
ORDER = 80
UNIT = "ms"
NEEDS = {WIDGETS, TABLES}
REPETITIONS = 10

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
# The button, and the limit in the form.
LABEL = "Get IP flows"
LIMIT = 100

# Runs in the page before anything else, and looks at every frame. The clock is the navigation's own.
WATCH = """
const look = () => {
  const button = document.querySelector("button.widget-button");
  if (button && !button.disabled && button.offsetParent) window.firstButtonMs = performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


def measure(run):
    data = run.demo_data()
    with sync_playwright() as playwright, launch(playwright) as browser, ExitStack() as opened:
        dashboards = []
        for peer in run.peers:
            dashboard = opened.enter_context(_Dashboard(browser, peer, run.folder, data))
            dashboard.check()
            dashboards.append((peer, dashboard))
        for _ in range(run.repetitions):
            for peer, dashboard in dashboards:
                yield peer, dashboard.first_button()


class _Dashboard(ExitStack):
    """A server with one notebook, and a page on it. They end with the `with` block."""

    def __init__(self, browser: Browser, peer: Peer, folder: Path, data: Path) -> None:
        super().__init__()
        self._peer = peer
        jupyter = folder / f"jupyter-{peer.name}"
        notebook = json.loads((NOTEBOOKS / f"form_{peer.language}.ipynb").read_text())
        write_kernelspec(jupyter, notebook["metadata"]["kernelspec"]["name"], peer)
        env = {
            "JUPYTER_PATH": str(jupyter),
            "FLOWDECK_CONFIG": str(data / "flowdeck.toml"),
            "FLOWDECK_BENCH_FLOWS": str(data / "flows"),
        }
        voila = self.enter_context(Voila(notebooks={"form.ipynb": notebook}, env=env))
        self._page = self.enter_context(VoilaPage(browser, voila, "form.ipynb"))
        self._page.page.add_init_script(WATCH)

    def check(self) -> None:
        """The button is the form's, and a click on it shows flows."""
        self._page.button(LABEL).click()
        # Ours draws the rows that are seen, and says how many there are.
        rows = self._page.page.locator(f"[role=grid][aria-rowcount='{LIMIT + 1}'] tbody tr, table:not([role=grid]) tbody tr")
        expect(rows.first).to_be_visible()
        if self._peer.language == "python":
            expect(rows).to_have_count(LIMIT)

    def first_button(self) -> Sample:
        self._page.reload()
        return Sample(self._page.page.wait_for_function("window.firstButtonMs").json_value())


def write_kernelspec(folder: Path, name: str, peer: Peer) -> None:
    """Makes a peer known to Jupyter under the name that a notebook has for it, just as it is measured elsewhere."""
    spec = folder / "kernels" / name / "kernel.json"
    spec.parent.mkdir(parents=True)
    content = {"argv": peer.argv, "env": peer.env, "display_name": peer.name, "language": peer.language}
    spec.write_text(json.dumps(content))
