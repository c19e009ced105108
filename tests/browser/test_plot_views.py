"""Plots in a real browser: drawn by Vega in JupyterLab and Voilà, by the stand-in elsewhere; no name is run."""

import json
import re
from collections.abc import Iterator

import pytest
from harness import paths
from harness.browser import TIMEOUT_MS, JupyterLab, NotebookPage, Voila, VoilaPage, notebook
from harness.kernel import KERNEL_NAME
from harness.table_view import TableView
from playwright.sync_api import Browser, Locator, Page, expect

# A development build puts rows together slowly.
LONG_MS = 3 * TIMEOUT_MS

LINE = """%%plot --kind line --title "Traffic of the campus"
SELECT start_time, bytes, protocol_name(protocol) AS protocol FROM flows"""
BARS = """%%plot --kind bars --by protocol --top 12
SELECT src_ip, bytes, protocol_name(protocol) AS protocol FROM flows"""
HEAT_MAP = """%%plot --kind heatmap --log
SELECT start_time, dst_port, bytes FROM flows"""
OTHERS = {
    "area": "%%plot --kind area\nSELECT start_time, bytes, protocol_name(protocol) AS protocol FROM flows",
    "histogram": "%%plot --kind histogram --log\nSELECT bytes FROM flows",
    "scatter": "%%plot --kind scatter --log\nSELECT packets, bytes FROM flows",
    "points": "%%plot --kind scatter --log --by protocol\nSELECT packets, bytes, protocol_name(protocol) AS protocol FROM flows LIMIT 500",
    "matrix": "%%plot --kind matrix --log --top 12\nSELECT src_ip, dst_ip, bytes FROM flows",
    "sankey": "%%plot --kind sankey --value bytes --top 8\nSELECT src_ip, dst_ip, bytes FROM flows",
    "facet-line": "%%plot --kind line --facet protocol\nSELECT start_time, bytes, protocol_name(protocol) AS protocol FROM flows",
    "facet-bars": "%%plot --kind bars --facet protocol --top 6\nSELECT dst_port::text AS port, bytes, protocol_name(protocol) AS protocol FROM flows",
    "cdf": "%%plot --kind cdf --log\nSELECT bytes, protocol_name(protocol) AS protocol FROM flows",
    "timeline": "%%plot --kind timeline --top 12\nSELECT start_time, end_time, src_ip FROM flows LIMIT 800",
}
SELECT_FORM = """%%form
start = { type = "datetime", label = "Start" }
end   = { type = "datetime", label = "End" }
src   = { type = "ip_list", label = "Src IP" }
"""
SELECT_TABLE = "%%sql --into recent\nSELECT start_time, src_ip, bytes FROM flows ORDER BY start_time"
SELECT_RANGE = "%%plot --kind line --fill start,end --filter recent\nSELECT start_time, bytes FROM flows"
SELECT_NAME = "%%plot --kind bars --top 10 --fill src --filter recent\nSELECT src_ip, bytes FROM flows"
FORM = """%%form
least = { type = "int", label = "At least", default = 1000000 }
draw  = { type = "button", label = "Draw" }
"""
FORM_PLOT = "%%plot --kind timeline --on draw\nSELECT start_time, end_time, src_ip FROM flows WHERE bytes >= $least"
# What JavaScript, HTML, Vega's expressions and its tooltip might take for theirs.
HOSTILE = """<img src=x onerror="window.broken=1"><script>window.broken=2</script>\\\\" + (window.broken=3) + \\\\"${window.broken=4}"""
HOSTILE_CELL = f"""%%plot --kind bars --by image --title '{HOSTILE.replace("'", "")}'
SELECT s AS "{HOSTILE.replace('"', '""')}", n, 'http://192.0.2.1/picture.png' AS image
FROM (VALUES ('<img src=x onerror="window.broken=5">', 3), ('</text><script>window.broken=6</script>', 2), (repeat('long ', 1000), 1)) AS v(s, n)"""


def drawing(output: Locator) -> Locator:
    return output.locator(".vega-embed svg.marks")


def test_three_kinds_in_jupyterlab(browser: Browser, lab: JupyterLab) -> None:
    lab.add_notebook("plots.ipynb", notebook(KERNEL_NAME, LINE, BARS, HEAT_MAP))
    with NotebookPage(browser, lab, "plots.ipynb") as page:
        page.run(0, timeout=LONG_MS)
        line = drawing(page.output(0))
        expect(line).to_contain_text("Traffic of the campus")
        expect(line).to_contain_text("50,000 rows")
        expect(line).to_contain_text("start_time (UTC)")
        expect(line).to_contain_text("sum of bytes (B)")
        assert line.locator("g.mark-line.role-mark path, g.mark-line path").count() >= 2, "a line for each protocol"
        page.screenshot("plot-lab-line")
        assert line.locator("g.mark-symbol.role-mark path[opacity='0']").count() > 100, "they only show the tooltip"
        point = line.locator("g.mark-symbol.role-mark path").nth(20)
        point.hover(force=True)
        tip = page.page.locator("#vg-tooltip-element.visible")
        expect(tip).to_contain_text("start_time (UTC)")
        expect(tip).to_contain_text("protocol")
        page.screenshot("plot-lab-tooltip", keep_pointer=True)

        page.run(1, timeout=LONG_MS)
        bars = drawing(page.output(1))
        expect(bars).to_contain_text("the 12 greatest values of src_ip")
        expect(bars).to_contain_text("other")
        assert bars.locator("g.mark-rect.role-mark path").count() >= 13
        page.screenshot("plot-lab-bars")

        page.run(2, timeout=LONG_MS)
        heat = drawing(page.output(2))
        expect(heat).to_contain_text("dst_port")
        assert heat.locator("g.mark-rect.role-mark path").count() > 100
        page.screenshot("plot-lab-heatmap")
        expect(page.output(2).locator(".vega-embed details")).to_be_attached()
        assert "Vega Editor" not in page.output(2).locator(".vega-embed").inner_html()
        page.save()
    saved = json.loads((lab.root / "plots.ipynb").read_text())
    # JupyterLab adds an empty cell below the last one.
    for cell in saved["cells"][:3]:
        (output,) = cell["outputs"]
        assert {"image/svg+xml", "text/plain", "application/vnd.vegalite.v5+json"} <= set(output["data"])


def test_the_other_kinds_and_their_stand_ins(browser: Browser, lab: JupyterLab) -> None:
    lab.add_notebook("kinds.ipynb", notebook(KERNEL_NAME, *OTHERS.values()))
    with NotebookPage(browser, lab, "kinds.ipynb") as page:
        for index, name in enumerate(OTHERS):
            page.run(index, timeout=LONG_MS)
            expect(drawing(page.output(index))).to_contain_text("rows")
            drawing(page.output(index)).scroll_into_view_if_needed()
            page.screenshot(f"plot-lab-{name}")
        page.save()
    saved = json.loads((lab.root / "kinds.ipynb").read_text())
    drawings = ["".join(cell["outputs"][0]["data"]["image/svg+xml"]) for cell in saved["cells"][: len(OTHERS)]]
    plain = browser.new_page(viewport={"width": 800, "height": 2_600})
    plain.set_content("".join(f"<div>{drawing}</div>" for drawing in drawings))
    assert plain.locator("svg").count() == len(OTHERS)
    plain.screenshot(path=paths.ARTIFACTS / "plot-stand-ins.png", full_page=True)
    plain.close()


def drag_across(page: Page, drawn: Locator, start: float, end: float) -> None:
    """Drags from one share of the drawing's width to another."""
    box = drawn.locator("g.role-frame > g > path.background, path.background").first.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + (start + end) / 2 * box["width"], middle)
    page.mouse.move(box["x"] + end * box["width"], middle)
    page.mouse.up()


def test_a_selection_fills_a_form_and_filters_a_table(browser: Browser, lab: JupyterLab) -> None:
    lab.add_notebook("select.ipynb", notebook(KERNEL_NAME, SELECT_FORM, SELECT_TABLE, SELECT_RANGE, SELECT_NAME))
    with NotebookPage(browser, lab, "select.ipynb") as page:
        for cell in range(3):
            page.run(cell, timeout=LONG_MS)
        form, table, plot = page.output(0), TableView(page, page.output(1)), page.output(2)
        start = form.locator("input").first
        expect(start).to_have_value("")
        drawn = drawing(plot)
        expect(drawn).to_be_visible(timeout=LONG_MS)
        drawn.scroll_into_view_if_needed()
        drag_across(page.page, drawn, 0.25, 0.5)
        expect(plot.get_by_role("status")).to_contain_text("Selected 20", timeout=LONG_MS)
        expect(plot.get_by_role("status")).to_contain_text("of its rows")
        page.screenshot("plot-lab-selected")
        expect(start).not_to_have_value("")
        expect(table.root).to_contain_text("filtered from 50,000 rows")
        table.root.scroll_into_view_if_needed()
        page.screenshot("plot-lab-selected-table")
        box = drawn.bounding_box()
        assert box
        page.page.mouse.dblclick(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
        expect(table.root).not_to_contain_text("filtered", timeout=LONG_MS)
        # A page that was loaded again draws it again, with a field of its own.
        page.save()
        page.page.reload()
        expect(drawing(plot)).to_be_visible(timeout=LONG_MS)
        expect(plot.get_by_role("status")).to_contain_text("Drag across")
        drawing(plot).scroll_into_view_if_needed()
        page.page.wait_for_timeout(1_000)
        drag_across(page.page, drawing(plot), 0.6, 0.7)
        expect(plot.get_by_role("status")).to_contain_text("Selected 20", timeout=LONG_MS)
        page.run(3, timeout=LONG_MS)
        bars = drawing(page.output(3))
        bars.locator("g.mark-rect.role-mark path").first.click(force=True)
        expect(page.output(3).get_by_role("status")).to_contain_text("Src IP is 10.", timeout=LONG_MS)
        expect(form.locator("input").last).to_have_value(re.compile(r"10\.[0-9.]+"))


def test_hostile_names_are_drawn_and_nothing_runs(browser: Browser, lab: JupyterLab) -> None:
    lab.add_notebook("hostile.ipynb", notebook(KERNEL_NAME, HOSTILE_CELL))
    with NotebookPage(browser, lab, "hostile.ipynb") as page:
        page.run(0)
        bars = drawing(page.output(0))
        expect(bars).to_contain_text("<script>window.broken=2</script>")
        expect(bars).to_contain_text("</text><script>window.broken=6</script>")
        bars.locator("g.mark-rect.role-mark path").first.hover(force=True)
        tip = page.page.locator("#vg-tooltip-element.visible")
        expect(tip).to_contain_text("http://192.0.2.1/picture.png")
        assert tip.locator("img").count() == 0, "an address is no picture"
        page.screenshot("plot-lab-hostile", keep_pointer=True)
        assert page.page.evaluate("window.broken") is None
        # The stand-in, as a page that takes it for part of itself.
        page.save()
    saved = json.loads((lab.root / "hostile.ipynb").read_text())
    stand_in = "".join(saved["cells"][0]["outputs"][0]["data"]["image/svg+xml"])
    plain = browser.new_page()
    plain.set_content(stand_in)
    assert plain.locator("svg text", has_text="<img src=x").count() >= 1
    assert plain.evaluate("window.broken") is None
    assert plain.locator("script, img").count() == 0
    plain.close()


@pytest.fixture(scope="module")
def voila() -> Iterator[Voila]:
    notebooks = {
        "plot.ipynb": notebook(KERNEL_NAME, LINE, BARS),
        "form.ipynb": notebook(KERNEL_NAME, FORM, FORM_PLOT),
        "select.ipynb": notebook(KERNEL_NAME, SELECT_FORM, SELECT_TABLE, SELECT_RANGE),
    }
    with Voila(notebooks=notebooks) as voila:
        yield voila


def test_plots_in_voila(browser: Browser, voila: Voila) -> None:
    with VoilaPage(browser, voila, "plot.ipynb") as page:
        expect(page.page.locator(".vega-embed svg.marks")).to_have_count(2, timeout=LONG_MS)
        expect(page.page.locator(".vega-embed details")).to_have_count(2)
        page.page.locator(".vega-embed svg.marks g.mark-rect.role-mark path").first.hover(force=True)
        expect(page.page.locator("#vg-tooltip-element.visible")).to_contain_text("10.20.1.40")
        page.screenshot("plot-voila", keep_pointer=True)
        expect(page.page.locator("body")).not_to_contain_text("Error")


def test_a_visitor_draws_what_was_entered(browser: Browser, voila: Voila) -> None:
    with VoilaPage(browser, voila, "form.ipynb") as page:
        page.button("Draw").click()
        drawn = page.page.locator(".vega-embed svg.marks")
        expect(drawn).to_contain_text("src_ip by start_time (UTC)", timeout=LONG_MS)
        before = drawn.text_content()
        page.field("At least").fill("10000000")
        page.field("At least").press("Enter")
        page.button("Draw").click()
        expect(drawn).not_to_have_text(before or "", timeout=LONG_MS)
        expect(drawn).to_have_count(1)
        expect(page.page.locator("body")).to_contain_text("done in")
        page.screenshot("plot-voila-form")
        expect(page.page.locator("body")).not_to_contain_text("Error")


def test_a_visitor_selects_in_a_plot(browser: Browser, voila: Voila) -> None:
    with VoilaPage(browser, voila, "select.ipynb") as page:
        drawn = page.page.locator(".vega-embed svg.marks")
        expect(drawn).to_be_visible(timeout=LONG_MS)
        drawn.scroll_into_view_if_needed()
        drag_across(page.page, drawn, 0.25, 0.5)
        expect(page.page.get_by_role("status").filter(has_text="Selected 20")).to_be_visible(timeout=LONG_MS)
        expect(page.page.locator(".flowdeck-table")).to_contain_text("filtered from 50,000 rows")
        page.screenshot("plot-voila-selected")
