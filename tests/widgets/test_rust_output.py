"""What Rust code puts out lands where it was captured: in the Output, below the cell, or in the callbacks' area."""

import re
from typing import Any

import pytest
from harness.front_end import VIEW, FrontEnd
from harness.kernel import Conversation, Kernel

SETUP = """use flowdeck::widgets::*;
fn area(name: &str) -> Output { Output::new().dom_classes([name]) }
"""
CAPTURES = SETUP + """
let (outer, inner, own, table, cleared, waiting, replaced) = (
    area("outer"), area("inner"), area("own"), area("table"), area("cleared"), area("waiting"), area("replaced"));
println!("below before");
outer.capture(|| {
    println!("outer before");
    inner.capture(|| println!("inner"));
    eprintln!("outer error");
    println!("outer after");
    std::thread::spawn(|| println!("another thread")).join().unwrap();
});
println!("below after");
let in_thread = own.clone();
std::thread::spawn(move || in_thread.capture(|| println!("captured in a thread"))).join().unwrap();
table.capture(|| {
    flowdeck::display(&flowdeck::sql("SELECT 41 + 1 AS answer").unwrap());
    flowdeck::display_html("<b>bold</b>");
});
table.append_display(&IntSlider::new().set_value(33));
cleared.append_stdout("old");
cleared.clear(false);
waiting.append_stdout("kept until then");
waiting.clear(true);
replaced.append_stdout("old");
replaced.clear(true);
replaced.append_stderr("new");
let updated = area("updated");
updated.capture(|| {
    let place = flowdeck::display_html("first");
    flowdeck::display_html("other");
    flowdeck::update_display(&place, flowdeck::Html("second"));
});
let from_callback = area("from-callback");
let capture = Button::new().description("capture");
let mut clicks = 0;
capture.on_click({
    let from_callback = from_callback.clone();
    move |_| from_callback.capture(|| {
        clicks += 1;
        println!("captured click {clicks}");
        if clicks == 2 { panic!("captured panic") }
        flowdeck::display(&flowdeck::sql("SELECT 7 AS seven").unwrap());
    })
});
let bad = Button::new().description("bad");
let mut presses = 0;
bad.on_click(move |_| {
    presses += 1;
    if presses == 1 { panic!("first press") }
    println!("press {presses}");
});
let thread = Button::new().description("thread");
let from_thread = area("from-thread");
thread.on_click({
    let from_thread = from_thread.clone();
    move |_| { let own = from_thread.clone(); std::thread::spawn(move || own.capture(|| println!("later"))); }
});
"""


@pytest.fixture(scope="module")
def page(shared_kernel: Kernel) -> FrontEnd:
    return FrontEnd(shared_kernel)


@pytest.fixture(scope="module")
def cell(page: FrontEnd) -> Conversation:
    cell = page.kernel.execute(CAPTURES)
    assert cell.status == "ok", cell
    return cell


def outputs(page: FrontEnd, name: str) -> list[dict[str, Any]]:
    return page.value(page.find("OutputModel", _dom_classes=[name]), "outputs")


def texts(page: FrontEnd, name: str) -> list[tuple[str, str]]:
    """What an area shows, as pairs of kind and text."""
    shown = []
    for output in outputs(page, name):
        kind = output["output_type"]
        if kind == "stream":
            shown.append((output["name"], output["text"]))
        elif kind == "error":
            shown.append((kind, output["evalue"]))
        else:
            shown.append((kind, output["data"]["text/plain"]))
    return shown


def callback_area(page: FrontEnd, cell: Conversation) -> str:
    """The Output that is shown below a cell for what its callbacks put out."""
    views = [m["content"]["data"][VIEW]["model_id"] for m in cell.of_type("display_data") if VIEW in m["content"]["data"]]
    (area,) = [view for view in views if page.models[view]["_model_name"] == "OutputModel"]
    return area


def press(page: FrontEnd, name: str) -> None:
    page.click(page.find("ButtonModel", description=name))


def test_captures_may_be_nested(page: FrontEnd, cell: Conversation) -> None:
    expected = [("stdout", "outer before\n"), ("stderr", "outer error\n"), ("stdout", "outer after\n")]
    assert texts(page, "outer") == expected
    assert texts(page, "inner") == [("stdout", "inner\n")]


def test_what_is_not_captured_is_below_the_cell(page: FrontEnd, cell: Conversation) -> None:
    assert cell.stream().splitlines() == ["below before", "another thread", "below after"]
    assert cell.stream("stderr") == ""


def test_a_thread_captures_for_itself(page: FrontEnd, cell: Conversation) -> None:
    assert texts(page, "own") == [("stdout", "captured in a thread\n")]


def test_displays_and_widgets_are_captured(page: FrontEnd, cell: Conversation) -> None:
    table, html, slider = outputs(page, "table")
    assert [output["output_type"] for output in (table, html, slider)] == ["display_data"] * 3
    assert "42" in table["data"]["text/html"] and html["data"]["text/html"] == "<b>bold</b>"
    assert page.models[slider["data"][VIEW]["model_id"]]["value"] == 33


def test_a_captured_display_is_updated_in_its_place(page: FrontEnd, cell: Conversation) -> None:
    assert [output["data"]["text/html"] for output in outputs(page, "updated")] == ["second", "other"]


def test_an_area_is_cleared_at_once_or_when_the_next_output_comes(page: FrontEnd, cell: Conversation) -> None:
    assert texts(page, "cleared") == []
    assert texts(page, "waiting") == [("stdout", "kept until then")]
    assert texts(page, "replaced") == [("stderr", "new")]


def test_the_page_hears_of_captured_output_before_the_cell_is_over(page: FrontEnd, cell: Conversation) -> None:
    outer = page.find("OutputModel", _dom_classes=["outer"])
    told = [m for m in cell.of_type("comm_msg") if m["content"]["comm_id"] == outer]
    assert told[-1]["content"]["data"]["state"]["outputs"] == page.models[outer]["outputs"]


def test_a_panic_ends_the_capture_and_the_cell(page: FrontEnd, cell: Conversation) -> None:
    code = 'broken.capture(|| { println!("before"); if true { panic!("boom inside") } });'
    failed = page.kernel.execute(f'let broken = area("broken");\n{code}')
    assert failed.status == "error" and "boom inside" in failed.error_text, failed
    assert texts(page, "broken")[0] == ("stdout", "before\n")
    assert page.kernel.execute('println!("below again");').stream() == "below again\n"


def test_an_error_of_sql_inside_is_readable_text(page: FrontEnd, cell: Conversation) -> None:
    query = 'if let Err(error) = flowdeck::sql("SELECT * FROM no_such_table") { eprintln!("{error}") }'
    cell = page.kernel.execute(f'let refused = area("refused");\nrefused.capture(|| {query});')
    assert cell.status == "ok", cell
    ((name, text),) = texts(page, "refused")
    assert name == "stderr" and "no_such_table" in text and "\x1b" not in text


def test_a_callback_captures_and_its_panic_is_shown_where_it_captured(page: FrontEnd, cell: Conversation) -> None:
    press(page, "capture")
    page.until(lambda: len(outputs(page, "from-callback")) == 2, "text and table of the first click")
    (kind, text), (shown, table) = texts(page, "from-callback")
    assert (kind, text, shown) == ("stdout", "captured click 1\n", "display_data") and "7" in table
    press(page, "capture")
    page.until(lambda: ("error", "captured panic") in texts(page, "from-callback"), "the panic in the area")
    press(page, "capture")
    page.until(lambda: ("stdout", "captured click 3\n") in texts(page, "from-callback"), "the click after the panic")


def test_a_panic_of_a_callback_is_shown_below_its_cell_and_the_next_click_works(page: FrontEnd, cell: Conversation) -> None:
    area = callback_area(page, cell)
    press(page, "bad")
    (error,) = page.until(lambda: page.value(area, "outputs"), "the panic")
    assert (error["output_type"], error["ename"], error["evalue"]) == ("error", "Panic", "first press")
    assert "runs again at the next event" in re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error["traceback"]))
    press(page, "bad")
    page.until(lambda: len(page.value(area, "outputs")) == 2, "the next press")
    assert page.value(area, "outputs")[1] == {"output_type": "stream", "name": "stdout", "text": "press 2\n"}


def test_a_thread_that_a_callback_started_captures_after_its_end(page: FrontEnd, cell: Conversation) -> None:
    press(page, "thread")
    page.until(lambda: texts(page, "from-thread") == [("stdout", "later\n")], "the output of the thread")


def test_output_of_a_callback_is_caused_by_its_event(page: FrontEnd, cell: Conversation) -> None:
    """As in ipykernel: whoever reads the cell's messages has read them all at its idle."""
    area = callback_area(page, cell)
    before = str(page.value(area, "outputs"))
    click = page.click(page.find("ButtonModel", description="bad"))
    page.until(lambda: str(page.value(area, "outputs")) != before, "the output")
    told = [m for m in page.messages if m["content"]["comm_id"] == area][-1]
    assert told["parent_header"]["msg_id"] == click
