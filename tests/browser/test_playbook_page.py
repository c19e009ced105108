"""A playbook in Voilà, as the person on duty uses it: fill in, click, wait, read, go on from a row to the next step."""

import json
from collections.abc import Iterator

import pytest
from harness import paths
from harness.browser import Voila, VoilaPage
from harness.table_view import TableView
from playwright.sync_api import Browser, expect

NAME = "scans.ipynb"


@pytest.fixture(scope="module")
def voila() -> Iterator[Voila]:
    with Voila(notebooks={NAME: json.loads((paths.NOTEBOOKS / "detection" / NAME).read_text())}) as voila:
        yield voila


def test_a_scan_is_found_and_followed(browser: Browser, voila: Voila) -> None:
    truth = json.loads((paths.DEMO_DATA / "ground-truth.json").read_text())
    scan = next(incident for incident in truth["incidents"] if incident["kind"] == "horizontal_scan")
    harmless = next(benign for benign in truth["benign"] if benign["kind"] == "vulnerability_scanner")
    with VoilaPage(browser, voila, NAME) as page:
        expect(page.button("Find scans")).to_be_enabled()
        expect(page.page).to_have_title("Port scans")
        for plumbing in ("SELECT", "%%sql", "%%form"):
            expect(page.page.locator("body")).not_to_contain_text(plumbing)
        expect(page.button("List hosts that answered")).to_be_disabled()

        page.field("Known scanners").fill(", ".join(harmless["sources"]))
        page.field("Known scanners").press("Enter")
        page.button("Find scans").click()
        scans = TableView(page, page.page.locator("body"))
        scans.expect_rows("1–2 of 2 rows")
        ports = sorted(scan["ports"], key=lambda port: -port["targets"])
        for row, port in enumerate(ports):
            expect(scans.cell(row, "src_ip")).to_have_text(scan["attacker"])
            expect(scans.cell(row, "dst_port")).to_have_text(str(port["port"]))
            expect(scans.cell(row, "targets")).to_have_text(str(port["targets"]))
        page.screenshot("playbook-scans")

        scans.cell(0, "src_ip").click()
        scans.root.get_by_role("button", name="→ Scanner").click()
        scans.cell(0, "dst_port").click()
        scans.root.get_by_role("button", name="→ Port").click()
        page.button("List hosts that answered").click()
        # Below the two tables of the first button.
        answered = TableView(page, page.page.locator(".flowdeck-table").nth(2).locator(".."))
        hosts = ports[0]["answered_hosts"]
        answered.expect_rows(f"1–{len(hosts)} of {len(hosts)} rows")
        assert sorted(answered.cell(row, "dst_ip").inner_text() for row in range(len(hosts))) == sorted(hosts)
        answered.root.scroll_into_view_if_needed()
        page.screenshot("playbook-scans-answered")
