"""What `flowdeck run` wrote, opened in JupyterLab: fields and tables as they were, before any cell has run there."""

from pathlib import Path

import nbformat
import pytest
from harness import paths
from harness.browser import JupyterLab, NotebookPage
from harness.headless import run
from nbformat.sign import NotebookNotary
from playwright.sync_api import Browser, expect

SCANNER = "10.20.5.23"


@pytest.mark.parametrize("is_trusted", [False, True])
def test_out_opens_as_it_was(browser: Browser, lab: JupyterLab, is_trusted: bool) -> None:
    name = f"{'trusted' if is_trusted else 'foreign'}.ipynb"
    out: Path = lab.root / name
    ended = run(paths.NOTEBOOKS / "detection" / "scans.ipynb", "-p", f"scanner={SCANNER}", "-p", "port=3389", "-o", out)
    assert ended.returncode == 0, ended.stderr
    if is_trusted:
        NotebookNotary().sign(nbformat.read(out, as_version=4))
    with NotebookPage(browser, lab, name) as page:
        # What one has not trusted has stand-ins: JupyterLab starts no widget of others.
        tables = page.page.locator(".jp-OutputArea .flowdeck-table" if is_trusted else ".jp-OutputArea table")
        expect(tables.first).to_contain_text(SCANNER)
        page.screenshot(f"run-{name.removesuffix('.ipynb')}")
        if is_trusted:
            row = page.page.locator(".widget-inline-hbox", has=page.page.locator(".widget-label", has_text="Scanner")).last
            row.scroll_into_view_if_needed()
            expect(row.locator("input")).to_have_value(SCANNER)
        tables.last.scroll_into_view_if_needed()
        expect(tables.last).to_contain_text("10.20.")
        page.screenshot(f"run-{name.removesuffix('.ipynb')}-answered")
