"""A report in a browser, on the screen and on paper: nothing is fetched, nothing runs, everything is there."""

from pathlib import Path

from harness import paths
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
