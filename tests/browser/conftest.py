"""One browser and one JupyterLab for the tests of a file."""

from collections.abc import Iterator

import pytest
from harness.browser import JupyterLab, launch
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab() -> Iterator[JupyterLab]:
    with JupyterLab() as lab:
        yield lab
