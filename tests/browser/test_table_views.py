"""Tables of results in a real browser: ten million rows, both ends of them, sorted, filtered, copied, exported, safe."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.browser import TIMEOUT_MS, JupyterLab, NotebookPage, Visitor, Voila, VoilaPage, notebook
from harness.kernel import KERNEL_NAME
from harness.table_view import TableView
from playwright.sync_api import Browser, expect

# A development build computes ten million rows slowly.
LONG_MS = 6 * TIMEOUT_MS

ROWS = 10_000_000
# Each number once, in an order that hides the greatest: 7,654,321 has no factor in common with the row count.
LONG = f"""%%sql
SELECT value AS n, value * 7654321 % {ROWS} AS shuffled,
  concat('10.', value / 65536 % 256, '.', value / 256 % 256, '.', value % 256) AS address
FROM generate_series(0, {ROWS - 1}) ORDER BY value"""


@pytest.fixture(scope="module")
def voila() -> Iterator[Voila]:
    with Voila(notebooks={"long.ipynb": notebook(KERNEL_NAME, LONG)}) as voila:
        yield voila


def walk_through(page: Visitor, table: TableView, name: str) -> None:
    """What an analyst does with ten million rows."""
    table.expect_rows(f"1–16 of {ROWS:,} rows")
    expect(table.cell(0, "n")).to_have_text("0")
    page.screenshot(f"{name}-first")

    table.go_to(9_999_990)
    expect(table.cell(9_999_989, "n")).to_have_text("9999989")
    expect(table.cell(9_999_995, "n")).to_have_text("9999995")
    page.screenshot(f"{name}-last")
    table.press("Control+Home")
    expect(table.cell(0, "n")).to_have_text("0")
    table.press("Control+End")
    expect(table.cell(9_999_999, "address")).to_have_text("10.152.150.127")

    # The wheel goes by rows although the scroll bar is far too short for them.
    table.press("Control+Home")
    table.wheel(240)
    table.expect_rows(f"11–26 of {ROWS:,} rows")
    expect(table.cell(10, "n")).to_have_text("10")

    table.sort("shuffled")
    table.expect_sorted("shuffled", "ascending", LONG_MS)
    table.sort("shuffled")
    table.expect_sorted("shuffled", "descending", LONG_MS)
    expect(table.cell(0, "shuffled")).to_have_text(str(ROWS - 1))
    page.screenshot(f"{name}-sorted")

    table.filter("address", "within", list="10.1.0.0/16, !10.1.2.0/24")
    table.expect_rows(f"1–16 of {65_536 - 256:,} (filtered from {ROWS:,} rows)", LONG_MS)
    expect(table.cell(0, "address")).to_have_text(re.compile(r"^10\.1\.\d+\.\d+$"))
    page.screenshot(f"{name}-filtered")


def test_ten_million_rows_in_jupyterlab(browser: Browser, lab: JupyterLab) -> None:
    lab.add_notebook("long.ipynb", notebook(KERNEL_NAME, LONG))
    with NotebookPage(browser, lab, "long.ipynb") as page:
        page.allow_clipboard()
        page.run(0, timeout=LONG_MS)
        table = TableView(page, page.output(0))
        walk_through(page, table, "table-lab")

        table.cell(0, "n").click()
        table.press("Shift+ArrowDown")
        table.press("Shift+ArrowRight")
        expect(table.root.locator(".fd-chosen")).to_have_text("4 cells selected")
        shown = [[table.cell(row, column).inner_text() for column in ("n", "shuffled")] for row in (0, 1)]
        table.press("Control+C")
        expect(table.message).to_contain_text("Copied 4 cells")
        assert page.clipboard() == "\n".join("\t".join(row) for row in shown)
        table.copy("Copy as SQL list")
        expect(table.message).to_contain_text("one column")
        table.cell(0, "address").click()
        table.press("Shift+ArrowDown")
        table.press("Control+Shift+C")
        expect(table.message).to_contain_text("Copied 2 cells")
        assert page.clipboard().startswith("10[.]1[.]")

        name, content = table.download("CSV")
        assert re.fullmatch(r"long_\d{8}T\d{6}Z\.csv", name), name
        lines = content.decode().split("\r\n")
        assert lines[0] == "n,shuffled,address" and len(lines) == 65_536 - 256 + 2
        assert lines[1].split(",")[:2] == shown[0]
        table.save("JSON lines")
        expect(table.message).to_contain_text("Saved data/long/long_", timeout=LONG_MS)
        (saved,) = (lab.root / "data" / "long").iterdir()
        assert json.loads(saved.read_text().splitlines()[0])["n"] == int(shown[0][0])
        assert table.dom_rows() < 40, "the page holds no more rows than are seen"
        page.dark()
        page.screenshot("table-lab-dark")
        table.open_menu("address")
        expect(table.popover).to_contain_text("Different values", timeout=LONG_MS)
        page.screenshot("table-lab-menu-dark", keep_pointer=True)


def test_the_page_holds_no_more_of_ten_million_rows_than_of_a_thousand(browser: Browser, lab: JupyterLab) -> None:
    cells = [LONG.replace(f"{ROWS}", "1000").replace(f"{ROWS - 1}", "999"), LONG]
    lab.add_notebook("memory.ipynb", notebook(KERNEL_NAME, *cells))
    with NotebookPage(browser, lab, "memory.ipynb") as page:
        held = []
        for cell, rows in enumerate((1_000, ROWS)):
            before = page.heap_bytes()
            page.run(cell, timeout=LONG_MS)
            table = TableView(page, page.output(cell))
            for part in range(20):
                table.go_to(1 + part * rows // 20)
            table.press("Control+End")
            expect(table.cell(rows - 1, "n")).to_have_text(str(rows - 1))
            held.append(page.heap_bytes() - before)
        # A page of rows is some kilobytes; all of them would be hundreds of megabytes.
        assert held[1] < held[0] + 4_000_000, held


def test_ten_million_rows_in_voila(browser: Browser, voila: Voila) -> None:
    with VoilaPage(browser, voila, "long.ipynb") as page:
        table = TableView(page, page.page.locator("body"))
        expect(table.root).to_be_visible(timeout=LONG_MS)
        walk_through(page, table, "table-voila")
        name, content = table.download("CSV")
        assert name.startswith("long_") and content.count(b"\r\n") == 65_536 - 256 + 1


def test_a_table_after_a_reload_and_in_a_second_tab(browser: Browser, lab: JupyterLab) -> None:
    query = "%%sql\nSELECT value AS n FROM generate_series(1, 5000) ORDER BY value"
    lab.add_notebook("tabs.ipynb", notebook(KERNEL_NAME, query))
    with NotebookPage(browser, lab, "tabs.ipynb") as page:
        page.run(0)
        table = TableView(page, page.output(0))
        table.expect_rows("1–16 of 5,000 rows")
        table.sort("n")
        table.sort("n")
        expect(table.cell(0, "n")).to_have_text("5000")
        page.save()
        page.reload()
        expect(table.cell(0, "n")).to_have_text("5000")
        with NotebookPage(browser, lab, "tabs.ipynb") as second:
            other = TableView(second, second.output(0))
            expect(other.cell(0, "n")).to_have_text("5000")
            other.go_to(3_000)
            expect(other.cell(2_999, "n")).to_have_text("2001")
            # Where one tab has scrolled to is its own business; the order is that of both.
            expect(table.cell(0, "n")).to_have_text("5000")
            other.filter("n", "between", max="10")
            other.expect_rows("1–10 of 10 (filtered from 5,000 rows)")
            table.expect_rows("1–10 of 10 (filtered from 5,000 rows)")
        table.remove_filter()
        table.expect_rows("1–16 of 5,000 rows")


def test_columns_are_moved_hidden_and_resized_and_keys_stay_in_the_table(browser: Browser, lab: JupyterLab) -> None:
    query = "%%sql\nSELECT value AS a, value % 3 AS b, 'text ' || value AS c FROM generate_series(1, 400) ORDER BY value"
    lab.add_notebook("columns.ipynb", notebook(KERNEL_NAME, query, "%%sql\nSELECT 'second' AS cell"))
    with NotebookPage(browser, lab, "columns.ipynb") as page:
        page.run(0)
        table = TableView(page, page.output(0))
        expect(table.cell(0, "a")).to_have_text("1")
        assert table.names() == ["a", "b", "c"]
        table.head("c").drag_to(table.head("a"))
        assert table.names() == ["c", "a", "b"]
        table.open_menu("b")
        expect(table.popover.locator(".fd-common")).to_have_count(3)
        expect(table.popover).to_contain_text("Different values")
        page.screenshot("table-menu", keep_pointer=True)
        table.popover.get_by_role("button", name="Hide").click()
        assert table.names() == ["c", "a"]
        table.resize("c", 80)
        # Two sort keys, by Shift and click.
        table.show_column("b")
        table.sort("b")
        table.expect_sorted("b", "ascending")
        table.sort("a", shift=True)
        table.sort("a", shift=True)
        table.expect_sorted("a", "descending")
        expect(table.cell(0, "a")).to_have_text("399")
        table.search("text 12")
        table.expect_rows("1–11 of 11 (filtered from 400 rows)")
        # Keys that mean something to a notebook mean nothing to it while they are pressed in a table.
        table.cell(0, "a").click()
        for key in ("d", "d", "x", "ArrowDown", "b", "a", "m"):
            table.press(key)
        assert page.page.locator(".jp-Notebook .jp-Cell").count() == 2
        table.press("Enter")
        expect(table.popover.locator("pre")).to_be_visible()
        page.page.keyboard.press("Escape")
        expect(table.popover).to_have_count(0)
        page.screenshot("table-columns")


def test_a_value_of_a_table_goes_into_a_form(browser: Browser, lab: JupyterLab) -> None:
    form = '%%form\nsrc = { type = "ip_list", label = "Src IP" }'
    query = "%%sql --fill address=src\nSELECT '10.0.0.' || value AS address, value AS n FROM generate_series(1, 5) ORDER BY value"
    lab.add_notebook("fill.ipynb", notebook(KERNEL_NAME, form, query))
    with NotebookPage(browser, lab, "fill.ipynb") as page:
        page.run(0)
        page.run(1)
        table = TableView(page, page.output(1))
        table.cell(2, "n").click()
        expect(table.root.locator(".fd-use")).to_have_count(0)
        table.cell(2, "address").click()
        table.root.get_by_role("button", name="→ Src IP").click()
        expect(page.output(0).locator("input")).to_have_value("10.0.0.3")
        page.screenshot("table-fill")


def test_rows_are_selected_for_a_cell_and_have_buttons(browser: Browser, lab: JupyterLab) -> None:
    query = "%%sql --selection picked\nSELECT '10.0.0.' || value AS address, value AS n FROM generate_series(1, 50) ORDER BY value"
    picked = "%%sql\nSELECT count(*) AS c, min(n) AS least, max(n) AS greatest FROM picked"
    rust = """let hosts = flowdeck::sql("SELECT '10.0.0.' || value AS address FROM generate_series(1, 50) ORDER BY value").unwrap();
hosts.on_row("Look up", |row| println!("looking for {}", row.get::<String>("address").unwrap())).unwrap();
hosts"""
    lab.add_notebook("select-rows.ipynb", notebook(KERNEL_NAME, query, picked, rust))
    with NotebookPage(browser, lab, "select-rows.ipynb") as page:
        page.run(0)
        table = TableView(page, page.output(0))
        table.cell(2, "n").click()
        table.cell(5, "n").click(modifiers=["Shift"])
        expect(table.root).to_contain_text("4 rows in picked")
        page.screenshot("table-selected")
        page.run(1)
        result = TableView(page, page.output(1))
        expect(result.cell(0, "c")).to_have_text("4")
        expect(result.cell(0, "least")).to_have_text("3")
        expect(result.cell(0, "greatest")).to_have_text("6")
        page.run(2, timeout=3 * TIMEOUT_MS)
        hosts = TableView(page, page.output(2))
        hosts.cell(3, "address").click()
        hosts.root.get_by_role("button", name="Look up").click()
        expect(page.output(2)).to_contain_text("looking for 10.0.0.4")
        page.screenshot("table-actions")


HOSTILE = [
    "<script>window.hacked=1</script>",
    "<img src=x onerror='window.hacked=1'>",
    "\"><svg onload=window.hacked=1>",
    "[click](javascript:window.hacked=1)",
    "javascript:window.hacked=1",
    "<iframe srcdoc='<script>parent.hacked=1</script>'>",
    "\u001b[31mred\u001b[0m \u001b]0;title\u0007",
    "invoice\u202efdp.exe",
    "=HYPERLINK(\"http://evil.example\",\"x\")",
    "@SUM(1+1)",
    "{{constructor.constructor('window.hacked=1')()}}",
    "$(window.hacked=1) `window.hacked=1` ${window.hacked=1}",
    "</td></tr></table><h1 id=broke-out>out</h1>",
    "\u0000\ufeff\u200b\u2066zero width",
    "x" * 100_000,
    "🦀" * 500 + "\u0301" * 500,
    "NULL",
]


def test_nothing_of_the_data_is_run_or_breaks_out(browser: Browser, lab: JupyterLab, tmp_path: Path) -> None:
    data = tmp_path / "hostile.jsonl"
    data.write_text("".join(json.dumps({"<b onclick=window.hacked=1>name": text, "n": n}) + "\n" for n, text in enumerate(HOSTILE)))
    broken = tmp_path / "<img src=x onerror=window.hacked=1>.csv"
    broken.write_bytes(b"name,n\n<script>window.hacked=1</script>,1\n\xff\xfe<img src=x onerror=window.hacked=1>,2\n")
    query = f"%%sql\nSELECT * FROM read_log('{data}') ORDER BY n"
    wrong = "%%sql\nSELECT \"<img src=x onerror=window.hacked=1>\" FROM flows"
    invalid = f"%%sql\nSELECT * FROM read_log('{broken}')"
    lab.add_notebook("hostile.ipynb", notebook(KERNEL_NAME, query, wrong, invalid))
    with NotebookPage(browser, lab, "hostile.ipynb") as page:
        page.run(0)
        table = TableView(page, page.output(0))
        first = table.names()[0]
        for row, text in enumerate(HOSTILE[:6]):
            expect(table.cell(row, first)).to_have_text(text)
        expect(table.cell(6, first)).to_contain_text("␛[31mred")
        expect(table.cell(7, first)).to_have_text("invoice⟨U+202E⟩fdp.exe")
        page.screenshot("table-hostile")
        table.filter(first, "contains", text="<script>window.hacked=1")
        expect(table.root.locator(".fd-chip")).to_contain_text("<script>")
        table.expect_rows("1–1 of 1 (filtered from 17 rows)")
        table.filter(first, "matches", pattern="<img src=x onerror=window.hacked=1>(")
        expect(table.message).to_contain_text("<img src=x onerror")
        table.open_menu(first)
        expect(table.popover).to_contain_text("Different values")
        page.page.keyboard.press("Escape")
        table.remove_filter()
        table.cell(1, first).click()
        table.press("Enter")
        expect(table.popover.locator("pre")).to_have_text(HOSTILE[1])
        page.page.keyboard.press("Escape")
        _, content = table.download("CSV")
        assert b"\"'=HYPERLINK" in content and b"\"'@SUM" in content
        page.run(1)
        expect(page.error(1)).to_contain_text("<img src=x")
        # Text that is no UTF-8, in a file whose name is markup: shown or refused, but not run.
        page.run(2)
        expect(page.output(2)).to_contain_text("<img src=x")
        page.save()
        saved = json.loads((lab.root / "hostile.ipynb").read_text())
        html = "".join(saved["cells"][0]["outputs"][0]["data"]["text/html"])
        assert "<script" not in html and "<img" not in html and "\u202e" not in html
        # The stand-in of the saved notebook, in a page of its own.
        stand_in = page.page.context.new_page()
        stand_in.set_content(html)
        assert stand_in.evaluate("window.hacked") is None and stand_in.locator("#broke-out").count() == 0
        stand_in.close()
        assert page.page.evaluate("window.hacked") is None
        assert page.page.locator("#broke-out").count() == 0
        assert table.root.locator("img, iframe, svg, script, a").count() == 0


def test_what_was_left_out_opens_to_the_first_ten(browser: Browser, lab: JupyterLab, tmp_path: Path) -> None:
    log = tmp_path / "conn.log"
    header = "#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\n#types\ttime\taddr\taddr\n"
    bad = "".join(f"170000000{number % 10}.0\t<b>10.0.0.{number}</b>\n" for number in range(12))
    log.write_text(header + "1700000000.0\t10.0.0.1\t10.0.0.2\n" * 3 + bad)
    lab.add_notebook("left.ipynb", notebook(KERNEL_NAME, f"%%sql\nSELECT * FROM read_log('{log}')"))
    with NotebookPage(browser, lab, "left.ipynb") as page:
        page.run(0)
        note = page.output(0).locator(".fd-note")
        expect(note.locator("summary")).to_contain_text("12 rows rejected; first: ")
        expect(note.locator("li").first).to_be_hidden()
        note.locator("summary").click()
        expect(note.locator("li")).to_have_count(10)
        expect(note.locator("li").nth(9)).to_contain_text("conn.log, line 17: 2 fields, expected 3")
        page.screenshot("table-left-out")
        page.dark()
        page.screenshot("table-left-out-dark")
