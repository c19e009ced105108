"""`flowdeck install --voila-preview`: JupyterLab opens a playbook as a page, without its code, and as before once it is taken back."""

import json
import subprocess
from pathlib import Path

import pytest
from harness import paths
from harness.browser import JupyterLab, Visitor
from harness.headless import FLOWDECK
from playwright.sync_api import Browser, expect

NAME = "scans.ipynb"


@pytest.mark.parametrize("is_taken_back", [False, True])
def test_a_playbook_opens_in_the_preview(browser: Browser, tmp_path: Path, is_taken_back: bool) -> None:
    # What an operator has set otherwise, in the same place.
    settings = tmp_path / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True)
    own = {"@jupyterlab/apputils-extension:themes": {"theme": "JupyterLab Dark"}}
    (settings / "overrides.json").write_text(json.dumps(own))
    for option in ["--voila-preview"] + ["--no-voila-preview"] * is_taken_back:
        command = [FLOWDECK, "install", "--prefix", tmp_path, option]
        said = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert said.returncode == 0, said.stderr
    with JupyterLab(f"--LabApp.app_settings_dir={settings}") as lab:
        lab.add_notebook(NAME, json.loads((paths.NOTEBOOKS / "detection" / NAME).read_text()))
        with Visitor(browser, lab, NAME) as visitor:
            page = visitor.page
            page.goto(f"{lab.url}lab/tree/{NAME}?reset&token={lab.token}")
            page.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
            if is_taken_back:
                expect(page.locator(".jp-NotebookPanel .jp-Cell").first).to_be_visible()
                expect(page.locator("iframe")).to_have_count(0)
                return
            # Voilà asks so for every notebook that was never trusted.
            page.get_by_role("button", name="Render anyway").click()
            preview = page.frame_locator("iframe")
            expect(preview.locator("button.widget-button", has_text="Find scans")).to_be_visible()
            expect(preview.locator("body")).not_to_contain_text("SELECT")
            expect(page.locator(".jp-NotebookPanel .jp-Cell")).to_have_count(0)
            visitor.screenshot("voila-preview")
            # Voilà's page asks for its formulas outside; they are refused, and the page does without.
            visitor.refused = [address for address in visitor.refused if "mathjax" not in address]


def test_a_persons_own_settings_are_left_alone() -> None:
    ended = subprocess.run([FLOWDECK, "install", "--voila-preview"], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and "--sys-prefix or --prefix" in ended.stderr
