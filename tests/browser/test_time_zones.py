"""A browser whose clock is in another zone than the data: what is picked, asked for and shown stays the same moment."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.browser import Voila, VoilaPage, notebook
from harness.kernel import KERNEL_NAME
from playwright.sync_api import Browser, expect

FORM = """%%form
start = { type = "datetime", label = "Start", default = "2024-07-01 09:00" }
end   = { type = "datetime", label = "End", default = "2024-07-01T12:00:00Z" }
get   = { type = "button", label = "Get" }
"""
QUERY = "%%sql --on get\nSELECT $start AS from_time, $end AS to_time, TIMESTAMPTZ '2024-07-01T09:30:00Z' AS seen"
PLOT = "%%plot --kind line\nSELECT to_timestamp(1719817200 + value * 600)::timestamptz AS at, value AS n FROM generate_series(0, 36)"


@pytest.fixture(scope="module")
def voila(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Voila]:
    config: Path = tmp_path_factory.mktemp("zones") / "flowdeck.toml"
    config.write_text('[display]\ntime_zone = "Europe/Prague"\n')
    notebooks = {"zones.ipynb": notebook(KERNEL_NAME, FORM, QUERY, PLOT)}
    with Voila(notebooks=notebooks, env={"FLOWDECK_CONFIG": str(config)}) as voila:
        yield voila


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland"])
def test_the_zone_of_the_browser_changes_nothing(browser: Browser, voila: Voila, zone: str) -> None:
    with VoilaPage(browser, voila, "zones.ipynb", zone) as page:
        body = page.page.locator("body")
        # Of the field, which says its zone: as it is then, not today.
        expect(body).to_contain_text("Start (UTC+02:00)")
        expect(page.field("Start").first).to_have_value("2024-07-01T09:00")
        expect(page.field("End").first).to_have_value("2024-07-01T14:00")
        page.button("Get").click()
        # What was asked for, in UTC; and the rows.
        expect(body).to_contain_text("start = 2024-07-01T07:00:00Z; end = 2024-07-01T12:00:00Z")
        row = page.page.locator("tbody tr").first
        for moment in ("07:00:00", "12:00:00", "09:30:00"):
            expect(row).to_contain_text(moment)
        page.field("Start").first.fill("2024-07-01T10:00")
        page.field("Start").first.press("Tab")
        page.button("Get").click()
        expect(body).to_contain_text("start = 2024-07-01T08:00:00Z; end = 2024-07-01T12:00:00Z")
        # 07:00 to 13:00 UTC is what a drawing's axis says.
        drawing = page.page.locator(".vega-embed svg.marks")
        expect(drawing).to_contain_text("at (UTC)")
        # The first labels of its axis stand one behind the other.
        expect(drawing).to_contain_text("07:0007:3008:00")
        page.screenshot(f"time-zones-{zone.split('/')[0].lower()}")
