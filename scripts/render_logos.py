"""Renders kernelspec/logo-svg.svg to the two PNG sizes that Jupyter asks for.

Run it with the tests' Python after changing the drawing: `.venv/bin/python scripts/render_logos.py`.
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from harness.browser import launch  # noqa: E402  (the tests' folder is on the path only now)

KERNELSPEC = ROOT / "kernelspec"


def main() -> None:
    drawing = (KERNELSPEC / "logo-svg.svg").read_text()
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for size in (32, 64):
            page = browser.new_page(viewport={"width": size, "height": size})
            page.set_content(
                f"<style>body {{ margin: 0 }} svg {{ display: block; width: {size}px; height: {size}px }}</style>{drawing}"
            )
            page.screenshot(path=KERNELSPEC / f"logo-{size}x{size}.png", omit_background=True)
        browser.close()


if __name__ == "__main__":
    main()
