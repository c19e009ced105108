"""JupyterLab with our kernel, looked at as a person does: what is visible after Shift+Enter. Screenshots are kept."""

import re

from harness import paths
from harness.browser import TIMEOUT_MS, JupyterLab, NotebookPage, notebook
from harness.kernel import KERNEL_NAME
from playwright.sync_api import Browser, expect

# The first Rust cell of a development build waits for evcxr.
RUST_MS = 2 * TIMEOUT_MS

ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


def test_sql_and_rust_on_a_zeek_log(browser: Browser, lab: JupyterLab) -> None:
    log = paths.zeek_conn_log()
    lab.add_notebook(
        "zeek.ipynb",
        notebook(
            KERNEL_NAME,
            f"%%sql --into talkers\nSELECT src_ip, count(*) AS flows FROM read_flows('{log}') GROUP BY src_ip ORDER BY flows DESC LIMIT 5",
            "let answer = 6 * 7;\nanswer",
            'println!("{} flows", answer);',
            "%%sql\nSELECT nonsense FROM talkers",
            'let broken: i32 = "text";',
        ),
    )
    with NotebookPage(browser, lab, "zeek.ipynb") as page:
        page.run(0)
        table = page.output(0).locator("table").first
        expect(table).to_be_visible()
        expect(table.locator("th", has_text="src_ip")).to_be_visible()
        expect(table.locator("th", has_text="flows")).to_be_visible()
        # An address reads as an address, not as sixteen bytes.
        first = table.locator("tbody tr").first
        expect(first).to_contain_text(ADDRESS)
        # The line under the table says how much there is.
        expect(page.output(0)).to_contain_text("rows")

        page.run(1, timeout=RUST_MS)
        expect(page.output(1).locator(".jp-OutputArea-output")).to_have_text("42")
        page.run(2)
        expect(page.output(2)).to_contain_text("42 flows")

        page.run(3)
        expect(page.error(3)).to_contain_text("nonsense")
        expect(page.error(3)).to_contain_text("hint:")
        page.run(4)
        expect(page.error(4)).to_contain_text("mismatched types")
        page.screenshot("jupyterlab-zeek")
        page.dark()
        expect(table).to_be_visible()
        page.screenshot("jupyterlab-zeek-dark")


def test_sql_and_rust_on_the_demo_data(browser: Browser, lab: JupyterLab) -> None:
    lab.add_notebook(
        "demo.ipynb",
        notebook(
            KERNEL_NAME,
            "%%sql\nSELECT count(*) AS flows FROM flows",
            "%%sql\nSELECT src_ip, dst_ip, count(*) AS flows FROM flows GROUP BY src_ip, dst_ip ORDER BY flows DESC LIMIT 10",
            'for n in 1..=3 { println!("line {n}"); }',
        ),
    )
    with NotebookPage(browser, lab, "demo.ipynb") as page:
        page.run(0)
        expect(page.output(0).locator("tbody td")).to_have_count(1)
        page.run(1)
        expect(page.output(1).locator("tbody tr")).to_have_count(10)
        page.run(2, timeout=RUST_MS)
        for n in (1, 2, 3):
            expect(page.output(2)).to_contain_text(f"line {n}")
        # The value of a loop is nothing, and nothing is shown for it.
        expect(page.output(2)).not_to_contain_text("()")
        page.screenshot("jupyterlab-demo")


def test_stop_button_ends_a_query_and_the_next_cell_works(browser: Browser, lab: JupyterLab) -> None:
    lab.add_notebook(
        "stop.ipynb",
        notebook(
            KERNEL_NAME,
            "%%sql\nSELECT sum(a.value % 7 + b.value % 5) AS s FROM range(1, 1000000) a CROSS JOIN range(1, 1000000) b",
            "%%sql\nSELECT 'still here' AS state",
        ),
    )
    with NotebookPage(browser, lab, "stop.ipynb") as page:
        page.start(0)
        expect(page.prompt(0)).to_have_text("[*]:")
        page.press_stop()
        expect(page.error(0)).to_be_visible()
        page.run(1)
        expect(page.output(1).locator("tbody td")).to_have_text("still here")
        page.screenshot("jupyterlab-stop")


def test_notebook_is_shown_again_after_a_reload(browser: Browser, lab: JupyterLab) -> None:
    lab.add_notebook(
        "reload.ipynb", notebook(KERNEL_NAME, "%%sql --into kept\nSELECT 7 AS n", "%%sql\nSELECT n + 1 AS m FROM kept")
    )
    with NotebookPage(browser, lab, "reload.ipynb") as page:
        page.run(0)
        page.save()
        page.reload()
        expect(page.output(0).locator("tbody td")).to_have_text("7")
        # The same kernel goes on: its tables are still there.
        page.run(1)
        expect(page.output(1).locator("tbody td")).to_have_text("8")
