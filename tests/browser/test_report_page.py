"""A report in a browser, on the screen and on paper: nothing is fetched, nothing runs, everything is there."""

from pathlib import Path

from harness import paths
from harness.browser import Voila, VoilaPage, notebook
from harness.headless import run
from playwright.sync_api import Browser, expect

NOTES = """The host **10.20.7.44** gave in at 10:31 and has called outside every five minutes since.

- taken off the network at 11:05
- password of the account changed
"""


def test_a_report_on_screen_and_on_paper(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text(NOTES)
    file = tmp_path / "report.html"
    playbook = paths.NOTEBOOKS / "host_card.ipynb"
    ended = run(playbook, "-p", "host=10.20.7.44", "--report", file, "--notes", tmp_path / "notes.md")
    assert ended.returncode == 0, ended.stderr
    context = browser.new_context(offline=True, java_script_enabled=False, viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    expect(page.locator("h1")).to_have_text("Host card")
    expect(page.locator(".notes")).to_contain_text("gave in at 10:31")
    expect(page.locator("table").nth(1)).to_contain_text("had passwords tried over rdp")
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    paths.ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=paths.ARTIFACTS / "report.png", full_page=True)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow == 0, "nothing stands beside the page"
    printed = page.pdf(path=paths.ARTIFACTS / "report.pdf", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    context.close()


FORM = """%%form
notes = { type = "text", label = "Notes", lines = 4 }
tell  = { type = "button", label = "Report" }"""


def test_a_visitor_takes_a_report_home(browser: Browser) -> None:
    cells = [FORM, "%%sql --into talkers\nSELECT src_ip, count(*) AS flows FROM flows GROUP BY 1 ORDER BY 2 DESC LIMIT 3", "%%report --on tell --notes notes"]
    with Voila(notebooks={"case.ipynb": notebook("flowdeck", *cells)}) as voila:
        with VoilaPage(browser, voila, "case.ipynb") as page:
            notes = page.page.locator("textarea")
            notes.fill("Seen at the border.\n\nTold the desk.")
            notes.press("Tab")
            page.button("Report").click()
            link = page.page.get_by_role("link", name="Download")
            expect(link).to_be_visible()
            page.screenshot("report-voila")
            with page.page.expect_download() as download:
                link.click()
            report = Path(download.value.path()).read_text()
            assert download.value.suggested_filename.endswith(".html")
    assert "<p>Told the desk.</p>" in report and "10.20." in report and "GROUP BY 1" in report
