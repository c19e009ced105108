"""A table of a result as a person sees it in the browser: cells by row and column, heads, menus, files."""

from pathlib import Path

from harness.browser import TIMEOUT_MS, Visitor
from playwright.sync_api import Locator, expect


class TableView:
    """The first table below `place`."""

    def __init__(self, page: Visitor, place: Locator) -> None:
        self.page = page
        self.root = place.locator(".flowdeck-table").first
        self.grid = self.root.locator("table[role=grid]")
        self.message = self.root.locator(".fd-message")
        self.popover = self.root.locator(".fd-popover")

    def names(self) -> list[str]:
        """The columns from left to right."""
        return self.grid.locator("thead .fd-name > bdi").all_inner_texts()

    def head(self, column: str) -> Locator:
        name = self.root.page.get_by_text(column, exact=True)
        return self.grid.locator("thead th.fd-head").filter(has=self.root.page.locator(".fd-name > bdi").and_(name))

    def cell(self, row: int, column: str) -> Locator:
        """The cell in this row of the view, counted from 0, if it is on the screen."""
        index = self.head(column).get_attribute("data-column")
        return self.grid.locator(f"td[data-row='{row}'][data-column='{index}']")

    def expect_rows(self, text: str, timeout: float = TIMEOUT_MS) -> None:
        expect(self.root.locator(".fd-count")).to_have_text(text, timeout=timeout)

    def expect_sorted(self, column: str, order: str, timeout: float = TIMEOUT_MS) -> None:
        expect(self.head(column)).to_have_attribute("aria-sort", order, timeout=timeout)

    def sort(self, column: str, shift: bool = False) -> None:
        before = self.head(column).get_attribute("aria-sort")
        self.head(column).locator(".fd-name").click(modifiers=["Shift"] if shift else [])
        expect(self.head(column)).not_to_have_attribute("aria-sort", str(before), timeout=6 * TIMEOUT_MS)

    def go_to(self, row: int) -> None:
        """Types a row's number, counted from 1 as people do."""
        field = self.root.get_by_label("Go to row")
        field.fill(f"{row:,}")
        field.press("Enter")

    def press(self, key: str) -> None:
        self.grid.press(key)

    def wheel(self, pixels: int) -> None:
        self.grid.locator("tbody tr").nth(3).hover()
        self.root.page.mouse.wheel(0, pixels)

    def open_menu(self, column: str) -> None:
        self.head(column).locator(".fd-menu").click()
        expect(self.popover).to_be_visible()

    def filter(self, column: str, condition: str, **fields: str) -> None:
        self.open_menu(column)
        self.popover.locator("select").select_option(condition)
        for name, text in fields.items():
            self.popover.locator(f"input[name={name}]").fill(text)
        self.popover.get_by_role("button", name="Filter").click()

    def remove_filter(self) -> None:
        self.root.locator(".fd-chip button").first.click()

    def search(self, text: str) -> None:
        self.root.get_by_label("Search in all columns").fill(text)

    def copy(self, label: str) -> None:
        self.root.get_by_role("button", name="Copy", exact=True).click()
        self.popover.get_by_role("button", name=label, exact=True).click()

    def show_column(self, column: str) -> None:
        self.root.get_by_role("button", name="Columns", exact=True).click()
        self.popover.get_by_label(column, exact=True).check()
        self.root.page.keyboard.press("Escape")

    def resize(self, column: str, pixels: int) -> None:
        """Drags the edge of a column's head, and looks that it came along."""
        head = self.head(column)
        before = head.bounding_box()
        grip = head.locator(".fd-grip").bounding_box()
        assert before and grip
        x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
        mouse = self.root.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + pixels, y, steps=5)
        mouse.up()
        after = self.head(column).bounding_box()
        assert after and abs(after["width"] - before["width"] - pixels) < 3, (before, after)

    def download(self, label: str) -> tuple[str, bytes]:
        """The name and the content of an export that the browser stores."""
        self._export(label)
        with self.root.page.expect_download() as download:
            self.popover.get_by_role("button", name="Download").click()
        path: Path = download.value.path()
        return download.value.suggested_filename, path.read_bytes()

    def save(self, label: str) -> None:
        self._export(label)
        self.popover.get_by_role("button", name="Save").click()

    def _export(self, label: str) -> None:
        self.root.get_by_role("button", name="Export", exact=True).click()
        self.popover.get_by_label("Format").select_option(label=label)

    def dom_rows(self) -> int:
        """How many rows the page holds, whatever the table's length."""
        return self.grid.locator("tbody tr").count()
