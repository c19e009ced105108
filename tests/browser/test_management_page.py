"""notebooks/management.ipynb in Voilà on a real clone: check, update, copies, stored data, by a person with a mouse."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import paths
from harness.browser import Voila, VoilaPage
from harness.repository import Upstream, git, playbook
from playwright.sync_api import Browser, expect

NAME = "management.ipynb"


@pytest.fixture
def voila() -> Iterator[Voila]:
    notebook = json.loads((paths.NOTEBOOKS / NAME).read_text())
    with Voila(notebooks={NAME: notebook, "scans.ipynb": json.loads(playbook("Scans"))}) as voila:
        yield voila


@pytest.fixture
def upstream(voila: Voila, tmp_path: Path) -> Upstream:
    """Of the folder that Voilà shows, which becomes its clone."""
    files = {name: (voila.root / name).read_text() for name in (NAME, "scans.ipynb")}
    upstream = Upstream(tmp_path / "upstream", files)
    git(voila.root, "init", "-q", "-b", "main")
    git(voila.root, "remote", "add", "origin", str(upstream.folder))
    git(voila.root, "fetch", "-q")
    git(voila.root, "reset", "-q", "--hard", "origin/main")
    git(voila.root, "branch", "-q", "--set-upstream-to=origin/main")
    return upstream


def test_a_folder_is_looked_after(browser: Browser, voila: Voila, upstream: Upstream) -> None:
    folder = voila.root
    with VoilaPage(browser, voila, NAME) as page:
        body, log = page.page.locator("body"), page.page.locator(".jp-OutputArea-output pre")
        expect(page.button("Check for updates")).to_be_enabled()
        for plumbing in ("%playbooks", "%%form", "--on"):
            expect(body).not_to_contain_text(plumbing)
        expect(page.button("Yes").locator("visible=true")).to_have_count(0)
        page.button("Check for updates").click()
        expect(log.first).to_contain_text("[INFO]: up to date")

        upstream.publish({"scans.ipynb": playbook("Scans", "1.1.0"), "beacons.ipynb": playbook("Beacons")})
        (folder / "scans.ipynb").write_text("mine")
        page.button("Check for updates").click()
        expect(log.first).to_contain_text("changed  scans.ipynb  1.0.0 -> 1.1.0")
        page.screenshot("management-check")

        page.button("Update").last.click()
        expect(body).to_contain_text("Update the playbooks?")
        assert (folder / "scans.ipynb").read_text() == "mine"
        page.screenshot("management-asks")
        page.button("Yes").locator("visible=true").click()
        expect(body).to_contain_text("open notebooks must be reloaded")
        page.screenshot("management-updated")
        assert git(folder, "rev-parse", "HEAD") == upstream.head
        (kept,) = (folder / "local-changes").glob("2*")
        assert (kept / "scans.ipynb").read_text() == "mine"

        (folder / "scans-Copy1.ipynb").write_text(playbook("Scans", "1.1.0"))
        page.button("Remove duplicates").click()
        expect(body).to_contain_text("scans-Copy1.ipynb (same as scans.ipynb)")
        page.button("No").locator("visible=true").click()
        expect(body).to_contain_text("nothing was changed")
        assert (folder / "scans-Copy1.ipynb").exists()
        page.button("Remove duplicates").click()
        page.button("Yes").locator("visible=true").click()
        expect(body).to_contain_text("removed scans-Copy1.ipynb")
        assert not (folder / "scans-Copy1.ipynb").exists()

        old = folder / "data" / "scans" / "old.csv"
        old.parent.mkdir(parents=True)
        old.write_text("1\n")
        os.utime(old, (time.time() - 40 * 86400,) * 2)
        page.button("List data").click()
        expect(body).to_contain_text("40 days data/scans/old.csv")
        page.button("Remove data").click()
        page.button("Yes").locator("visible=true").click()
        expect(body).to_contain_text("1 file removed, 2 bytes freed")
        assert not old.exists()
        page.button("Remove data").scroll_into_view_if_needed()
        page.screenshot("management-data")
        page.button("List playbooks").click()
        expect(body).to_contain_text("Looking after the playbooks  Flowdeck developers")
