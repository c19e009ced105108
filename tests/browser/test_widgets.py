"""Widgets in JupyterLab: what a person drags, presses and types arrives, and what they see is the kernel's."""

from harness.browser import TIMEOUT_MS, JupyterLab, NotebookPage, notebook
from harness.kernel import KERNEL_NAME
from playwright.sync_api import Browser, Locator, expect

RUST_MS = 2 * TIMEOUT_MS

FORM = """%%form
src   = { type = "ip_list", label = "Src IP", placeholder = "IP or CIDR, separated by commas" }
start = { type = "datetime", label = "Start time", default = "2020-01-01 00:00" }
view  = { type = "choice", label = "View", options = ["default", "extended"] }
limit = { type = "int", label = "Limit", default = 20, min = 1 }
get   = { type = "button", label = "Get IP flows" }
"""
FLOWS = """%%sql --on get --into result
SELECT start_time, src_ip, dst_ip, dst_port, bytes FROM flows
WHERE ip_in(src_ip, $src) AND start_time >= $start ORDER BY start_time LIMIT $limit"""

WIDGETS = """use flowdeck::widgets::*;
let limit = IntSlider::new().min(0).max(100).description("Limit");
let ask = Button::new().description("Ask");
let output = Output::new();
ask.on_click({
    let (limit, output) = (limit.clone(), output.clone());
    move |_| output.capture(|| {
        flowdeck::clear_output(true);
        flowdeck::display(&flowdeck::sql(&format!("SELECT {} AS picked", limit.value())).unwrap());
    })
});
VBox::of((limit.clone(), ask, output))"""


def field(page: NotebookPage, label: str) -> Locator:
    return page.page.locator(".widget-inline-hbox", has=page.page.locator(".widget-label", has_text=label)).locator("input")


def button(page: NotebookPage, label: str) -> Locator:
    return page.page.locator("button.widget-button", has_text=label)


def handle(page: NotebookPage) -> Locator:
    return page.page.locator(".widget-slider .noUi-handle")


def drag(page: NotebookPage, pixels: int) -> None:
    """Drags the slider as a hand does, in steps."""
    box = handle(page).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + pixels, y, steps=12)
    page.page.mouse.up()


def readout(page: NotebookPage) -> str:
    return page.page.locator(".widget-readout").inner_text()


def test_a_form_asks_for_flows(browser: Browser, lab: JupyterLab) -> None:
    lab.add_notebook("form.ipynb", notebook(KERNEL_NAME, FORM, FLOWS, "%%sql\nSELECT count(*) AS kept FROM result"))
    with NotebookPage(browser, lab, "form.ipynb") as page:
        page.run(0)
        page.run(1)
        expect(page.output(1)).to_contain_text("not run yet")
        button(page, "Get IP flows").click()
        expect(page.output(1).locator("tbody tr")).to_have_count(20)
        expect(page.output(1)).to_contain_text("start = 20")
        field(page, "Limit").fill("5")
        field(page, "Limit").press("Enter")
        button(page, "Get IP flows").click()
        expect(page.output(1).locator("tbody tr")).to_have_count(5)
        page.screenshot("widgets-form")
        field(page, "Src IP").fill("10.0.0.0/8, nonsense")
        field(page, "Src IP").press("Enter")
        expect(page.output(0)).to_contain_text("nonsense")
        button(page, "Get IP flows").click()
        expect(page.output(1)).to_contain_text("not run: Src IP")
        page.screenshot("widgets-form-wrong")
        page.run(2)
        expect(page.output(2).locator("tbody td")).to_have_text("5")


def test_a_slider_moves_while_a_cell_runs_and_a_button_fills_a_table(browser: Browser, lab: JupyterLab) -> None:
    pause = "flowdeck::sleep(std::time::Duration::from_secs(8)).unwrap(); limit.value()"
    lab.add_notebook("slider.ipynb", notebook(KERNEL_NAME, WIDGETS, pause))
    with NotebookPage(browser, lab, "slider.ipynb") as page:
        page.run(0, timeout=RUST_MS)
        expect(handle(page)).to_be_visible()
        page.start(1)
        expect(page.prompt(1)).to_have_text("[*]:")
        drag(page, 60)
        moved = readout(page)
        assert moved != "0"
        # The cell was running all the while; at its end it sees where the slider is.
        expect(page.output(1).locator(".jp-OutputArea-output")).to_have_text(moved, timeout=RUST_MS)
        button(page, "Ask").click()
        expect(page.output(0).locator("tbody td")).to_have_text(moved)
        page.screenshot("widgets-slider")


def test_all_is_there_after_a_reload_during_a_running_cell(browser: Browser, lab: JupyterLab) -> None:
    pause = "flowdeck::sleep(std::time::Duration::from_secs(25)).unwrap(); limit.value()"
    lab.add_notebook("reload-widgets.ipynb", notebook(KERNEL_NAME, WIDGETS, pause))
    with NotebookPage(browser, lab, "reload-widgets.ipynb") as page:
        page.run(0, timeout=RUST_MS)
        drag(page, 60)
        button(page, "Ask").click()
        picked = page.output(0).locator("tbody td")
        expect(picked).to_be_visible()
        moved = readout(page)
        page.save()
        page.start(1)
        expect(page.prompt(1)).to_have_text("[*]:")
        page.reload("busy")
        expect(page.page.locator(".widget-readout")).to_have_text(moved)
        expect(picked).to_have_text(moved)
        drag(page, 30)
        assert readout(page) != moved, "and it can be moved"
        # All the requests of the page have been answered by now, and the cell still runs.
        page.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook-ExecutionIndicator[data-status=busy]").wait_for()
        page.screenshot("widgets-reload")


def test_two_tabs_stay_in_step(browser: Browser, lab: JupyterLab) -> None:
    lab.add_notebook("tabs.ipynb", notebook(KERNEL_NAME, '%%form\nn = { type = "int", label = "Number" }\nt = { type = "text", label = "Text" }'))
    with NotebookPage(browser, lab, "tabs.ipynb") as first:
        first.run(0)
        first.save()
        with NotebookPage(browser, lab, "tabs.ipynb") as second:
            field(first, "Text").fill("from the first")
            field(first, "Text").press("Enter")
            expect(field(second, "Text")).to_have_value("from the first")
            field(second, "Number").fill("12")
            field(second, "Number").press("Enter")
            expect(field(first, "Number")).to_have_value("12")


def test_a_file_is_uploaded_and_its_bytes_are_read(browser: Browser, lab: JupyterLab) -> None:
    upload = 'use flowdeck::widgets::*;\nlet upload = FileUpload::new().description("List");\nupload.clone()'
    read = "let files = upload.value();\nformat!(\"{} {}\", files[0].name, files[0].bytes.iter().map(|byte| *byte as u64).sum::<u64>())"
    lab.add_notebook("upload.ipynb", notebook(KERNEL_NAME, upload, read))
    content = bytes(range(256)) * 4096
    with NotebookPage(browser, lab, "upload.ipynb") as page:
        page.run(0, timeout=RUST_MS)
        with page.page.expect_file_chooser() as chooser:
            page.page.locator("button.widget-upload").click()
        chooser.value.set_files({"name": "list.bin", "mimeType": "application/octet-stream", "buffer": content})
        expect(page.page.locator("button", has_text="List (1)")).to_be_visible()
        page.run(1, timeout=RUST_MS)
        expect(page.output(1)).to_contain_text(f"list.bin {sum(content)}")


def test_ten_thousand_steps_of_progress_end_at_the_right_value(browser: Browser, lab: JupyterLab) -> None:
    steps = (
        "use flowdeck::widgets::*;\nlet bar = IntProgress::new().max(10_000);\nlet label = Label::new();\n"
        'flowdeck::display(&HBox::of((bar.clone(), label.clone())));\n'
        "for step in 1..=10_000 { bar.set_value(step); label.set_value(&format!(\"{step} steps\")); }"
    )
    lab.add_notebook("progress.ipynb", notebook(KERNEL_NAME, steps))
    with NotebookPage(browser, lab, "progress.ipynb") as page:
        page.run(0, timeout=RUST_MS)
        expect(page.output(0)).to_contain_text("10000 steps")
        width = page.page.locator(".widget-hprogress .progress-bar").first.get_attribute("style")
        assert width and "100%" in width
        page.screenshot("widgets-progress")


def test_a_panic_in_a_callback_is_shown_and_the_next_click_works(browser: Browser, lab: JupyterLab) -> None:
    cell = (
        "use flowdeck::widgets::*;\nlet go = Button::new().description(\"Go\");\nlet mut count = 0;\n"
        'go.on_click(move |_| { count += 1; if count == 1 { panic!("first click") } println!("click {count}"); });\ngo.clone()'
    )
    lab.add_notebook("panic.ipynb", notebook(KERNEL_NAME, cell))
    with NotebookPage(browser, lab, "panic.ipynb") as page:
        page.run(0, timeout=RUST_MS)
        button(page, "Go").click()
        expect(page.output(0)).to_contain_text("first click")
        button(page, "Go").click()
        expect(page.output(0)).to_contain_text("click 2")
        page.screenshot("widgets-panic")
