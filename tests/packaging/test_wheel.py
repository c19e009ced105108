"""The wheel, installed with pip into an environment of its own on a machine without Rust: a person needs nothing else."""

import json
import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import paths
from harness.browser import Voila, VoilaPage, launch
from harness.table_view import TableView
from playwright.sync_api import expect, sync_playwright

PLAYBOOK = "scans.ipynb"
REQUIREMENTS = paths.ROOT / "tests"


class Environment:
    """A virtual environment with the wheel and Voilà in it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        # No toolchain, no kernelspec of the tests, nothing of this checkout.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWDECK_", "CARGO", "RUST", "JUPYTER"))}
        self.env = kept | {"PATH": "/usr/bin:/bin", "HOME": str(home), "JUPYTER_PREFER_ENV_PATH": "1"}

    def run(self, *command: str | Path) -> str:
        ended = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=300)
        assert ended.returncode == 0, f"{command}: {ended.stdout}\n{ended.stderr}"
        return ended.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    wheels = list(paths.TEST_WHEELS.glob("flowdeck-*.whl"))
    assert len(wheels) == 1, "`make test-python` builds one wheel before the tests"
    folder = tmp_path_factory.mktemp("wheel")
    venv.create(folder / "env", with_pip=True)
    environment = Environment(folder / "env", folder)
    # pip is the registry's ordinary client, and needs what this machine set for it.
    pip = [environment.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    lock = REQUIREMENTS / "requirements-lock.txt"
    ended = subprocess.run([*pip, "-c", lock, wheels[0], "voila"], capture_output=True, text=True, timeout=500)
    assert ended.returncode == 0, ended.stderr
    return environment


def test_the_kernel_is_there_and_no_rust(installed: Environment) -> None:
    specs = json.loads(installed.run(installed.python, "-m", "jupyter", "kernelspec", "list", "--json"))["kernelspecs"]
    assert specs["flowdeck"]["spec"]["display_name"] == "Rust (Flowdeck)"
    assert Path(specs["flowdeck"]["resource_dir"]).is_relative_to(installed.folder)
    assert subprocess.run(["/bin/sh", "-c", "command -v rustc cargo"], env=installed.env).returncode != 0
    version = installed.run(installed.python, "-m", "flowdeck", "--version")
    assert version == installed.run(installed.folder / "bin" / "flowdeck", "--version") != ""


def test_what_rust_cells_are_linked_with_can_be_built_where_there_is_rust(installed: Environment) -> None:
    """The sources in the wheel are a workspace of their own, at the versions that were tested."""
    share = installed.folder / "share" / "flowdeck"
    manifest = share / "prelude" / "Cargo.toml"
    host = re.search(r"^host: (.*)$", subprocess.check_output(["rustc", "-vV"], text=True), re.MULTILINE)
    assert host
    said = subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", host[1], "--manifest-path", manifest],
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    members = {package["name"] for package in json.loads(said.stdout)["packages"] if not package["source"]}
    assert members == {"flowdeck", "flowdeck-derive", "widgets-comm"}
    assert (installed.folder / "bin" / "flowdeck-cell-host").stat().st_mode & 0o111


@pytest.fixture(scope="module")
def voila(installed: Environment) -> Iterator[Voila]:
    source = installed.folder / "share" / "flowdeck" / "notebooks" / "detection" / PLAYBOOK
    data = installed.folder.parent / "demo"
    installed.run(installed.python, "-m", "flowdeck", "demo-data", str(data), "--flows", "20000", "--seed", "7")
    # A whole environment: what the tests set for their own Jupyter is taken away by empty values.
    env = {name: "" for name in os.environ if name not in installed.env and name.startswith(("FLOWDECK_", "JUPYTER"))}
    env |= installed.env | {"FLOWDECK_CONFIG": str(data / "flowdeck.toml"), "JUPYTER_RUNTIME_DIR": str(data / "runtime")}
    with Voila(notebooks={PLAYBOOK: json.loads(source.read_text())}, env=env, python=installed.python) as voila:
        yield voila


def test_a_playbook_runs_in_voila(installed: Environment, voila: Voila) -> None:
    truth = json.loads((installed.folder.parent / "demo" / "ground-truth.json").read_text())
    scan = next(incident for incident in truth["incidents"] if incident["kind"] == "horizontal_scan")
    with sync_playwright() as playwright:
        browser = launch(playwright)
        with VoilaPage(browser, voila, PLAYBOOK) as page:
            expect(page.button("Find scans")).to_be_enabled()
            page.button("Find scans").click()
            scans = TableView(page, page.page.locator("body"))
            expect(scans.cell(0, "src_ip")).to_have_text(scan["attacker"])
            page.screenshot("wheel-playbook")
        browser.close()
    # The kernel that ran is the wheel's.
    assert sys.prefix not in voila.log()
