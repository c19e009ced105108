"""Visited domains in Voilà: the quota is told first, a person sees how far the lookups are, and stops them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import paths, visits
from harness.browser import TIMEOUT_MS, Voila, VoilaPage
from harness.services import ENVIRONMENT, KEYS, Services, services
from harness.table_view import TableView
from playwright.sync_api import Browser, expect

NAME = "visited_domains.ipynb"


@pytest.fixture
def server() -> Iterator[Services]:
    with services(per_minute=4) as running:
        yield running


@pytest.fixture
def voila(tmp_path: Path, server: Services) -> Iterator[Voila]:
    notebooks = {NAME: json.loads((paths.NOTEBOOKS / "incident_handling" / NAME).read_text())}
    environment = {"FLOWDECK_CONFIG": str(visits.write(tmp_path, server)), **ENVIRONMENT}
    with Voila(notebooks=notebooks, env=environment) as voila:
        yield voila


def test_unknown_names_are_asked_within_the_quota_and_stopped(browser: Browser, voila: Voila, server: Services) -> None:
    with VoilaPage(browser, voila, NAME) as page:
        body = page.page.locator("body")
        expect(page.button("Get domains")).to_be_enabled()
        expect(page.button("Ask VirusTotal")).to_be_disabled()
        page.field("Hosts").fill("10.1.7.1, 10.1.7.2")
        page.field("Hosts").press("Enter")
        page.button("Get domains").click()
        visited = TableView(page, body)
        expect(visited.root.locator(".fd-count")).to_contain_text("of 42 rows")
        assert visited.names()[:5] == [
            "DOMAIN", "SUBDOMAIN", "DOMAIN IN TOP 10K LIST", "DOMAIN IN TOP 1M LIST", "SUBDOMAIN IN TOP LIST",
        ]  # fmt: skip
        page.screenshot("playbook-visited-domains")
        page.button("Check the quota").click()
        for told in ("39 names, 4/min → about 9 min", "39 of the 500 left today"):
            expect(body).to_contain_text(told)
        assert server.paths == []
        page.button("Ask VirusTotal").click()
        expect(body).to_contain_text(re.compile(r"4 of 39 looked up, \d+\.\d s"), timeout=2 * TIMEOUT_MS)
        page.screenshot("playbook-visited-domains-asking")
        page.page.get_by_role("button", name="Stop").nth(2).click()
        expect(body).to_contain_text(re.compile(r"stopped after \d+\.\d s"))
        assert len(server.paths) == 4, "no more than a minute allows"
        # What was answered is kept.
        page.button("Check the quota").click()
        for told in ("35 names, 4/min → about 8 min", "35 of the 496 left today"):
            expect(body).to_contain_text(told)
        assert not [key for key in KEYS.values() if key in page.page.content()]
