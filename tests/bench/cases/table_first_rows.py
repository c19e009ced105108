"""A result of ten million rows in JupyterLab: from the end of the query to its first rows on the screen.

The clock runs in the page, from Shift+Enter to the first frame in which a row is seen; the time of the query itself, as
the kernel says it, is taken off. pandas has its rows from an earlier cell, so there nothing is to be taken off; it is
shown by itables, as Python notebooks do it. The notes say how many of the rows a person can get to see.
"""

import importlib.util
import re
from contextlib import ExitStack
from pathlib import Path

from cases.voila_first_button import write_kernelspec
from harness.browser import JupyterLab, NotebookPage, launch, notebook
from peers import TABLES, WIDGETS, Peer
from playwright.sync_api import Browser, expect, sync_playwright
from samples import Sample

NAME = "table_first_rows"
TITLE = "first rows of ten million on the screen, after the end of the query"
ORDER = 82
UNIT = "ms"
NEEDS = {WIDGETS, TABLES}
REPETITIONS = 5

ROWS = 10_000_000
KERNEL = "table-bench"
CELL_MS = 600_000

# The first cell of Python makes what the others show.
PREPARE = {
    "rust": "%%sql --into prepared\nSELECT 1 AS n",
    "python": "import itables, numpy, pandas\nitables.init_notebook_mode(connected=False)\n"
    "n = numpy.arange({rows}); df = pandas.DataFrame({{'n': n, 'shuffled': n * 7654321 % {rows}}})\nprint(len(df))",
}
SHOW = {
    "rust": "%%sql --limit 0\nSELECT value AS n, value * 7654321 % {rows} AS shuffled FROM generate_series(0, {rows} - 1)",
    "python": "itables.show(df)",
}
FIRST_CELL = {"rust": ".flowdeck-table td[data-row='0'] bdi", "python": "table.dataTable tbody td"}

# Runs in the page: when the key went down, and when the first row of the newest output was there.
WATCH = """
([selector, index]) => {
  const output = document.querySelector(`.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell[data-windowed-list-index='${index}']`);
  window.painted = undefined;
  document.addEventListener("keydown", (event) => { if (event.key === "Enter") window.started = performance.now(); }, true);
  const look = () => {
    if (output.querySelector(selector)?.textContent) requestAnimationFrame(() => { window.painted = performance.now() - window.started; });
    else requestAnimationFrame(look);
  };
  look();
}
"""
QUERY_MS = "() => Number(document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .flowdeck-table .fd-caption').dataset.elapsedMs)"


def measure(run):
    rows = run.sized(ROWS)
    with sync_playwright() as playwright, launch(playwright) as browser, ExitStack() as opened:
        pages = []
        for peer in run.peers:
            if peer.language == "python" and importlib.util.find_spec("itables") is None:
                continue
            pages.append((peer, opened.enter_context(_Page(browser, peer, run.folder, run.repetitions, rows))))
        for turn in range(run.repetitions):
            for peer, page in pages:
                yield peer, page.show(turn)


class _Page(ExitStack):
    """A notebook of one kernel whose second and later cells show the rows. Ends with the `with` block."""

    def __init__(self, browser: Browser, peer: Peer, folder: Path, repetitions: int, rows: int) -> None:
        super().__init__()
        self._peer, self._rows = peer, rows
        jupyter = folder / f"lab-{peer.name}"
        write_kernelspec(jupyter, KERNEL, peer)
        lab = self.enter_context(JupyterLab(env={"JUPYTER_PATH": str(jupyter)}))
        cells = [PREPARE[peer.language], *[SHOW[peer.language]] * repetitions]
        lab.add_notebook("rows.ipynb", notebook(KERNEL, *[cell.format(rows=rows) for cell in cells]))
        self._page = self.enter_context(NotebookPage(browser, lab, "rows.ipynb"))
        self._page.run(0, timeout=CELL_MS)

    def show(self, turn: int) -> Sample:
        cell = turn + 1
        self._page.page.evaluate(WATCH, [FIRST_CELL[self._peer.language], cell])
        self._page.run(cell, timeout=CELL_MS)
        painted = self._page.page.wait_for_function("window.painted", timeout=CELL_MS).json_value()
        reached = self._reached(cell)
        if self._peer.language == "rust":
            assert reached == self._rows, f"{reached} of {self._rows} rows"
            painted -= self._page.page.evaluate(QUERY_MS)
        self._page.command("notebook:clear-all-cell-outputs")
        return Sample(painted, {"rows to be seen": reached})

    def _reached(self, cell: int) -> int:
        """How many rows the table says that it shows."""
        output = self._page.output(cell)
        if self._peer.language == "rust":
            expect(output.locator(".fd-count")).to_contain_text("of")
            text = output.locator(".fd-count").inner_text()
            return int(re.search(r"of ([\d,]+)", text)[1].replace(",", ""))
        text = output.inner_text()
        shown = re.search(r"of ([\d,]+) entries", text)
        assert shown, text
        return int(shown[1].replace(",", ""))
