"""Widgets while a Rust cell runs, when it is stopped, and after its process died."""

from collections.abc import Iterator

import psutil
import pytest
from comms import WIDGET_TARGET, Comms, told
from harness.front_end import FrontEnd
from harness.kernel import Conversation, Kernel

SETUP = """use flowdeck::widgets::*;
use std::time::Duration;
let slider = IntSlider::new().max(10).description("slider");
let label = Label::new().description("label");
let stop = Button::new().description("Stop");
stop.concurrent().on_click(|_| flowdeck::cancel());
let plain = Button::new().description("plain");
plain.on_click({
    let (label, mut clicks) = (label.clone(), 0);
    move |_| { clicks += 1; label.set_value(&format!("click {clicks}")); }
});
let follow = IntSlider::new().max(10_000).description("follow");
follow.on_change({ let label = label.clone(); move |value| { label.set_value(&format!("follow {value}")); } });
let slow = Button::new().description("slow");
slow.on_click({
    let label = label.clone();
    move |_| {
        label.set_value("slow begins");
        let ended = flowdeck::sleep(Duration::from_secs(3600)).unwrap_err();
        label.set_value(&format!("slow ends: {}", ended.is_interrupted()));
    }
});
let bar = IntProgress::new().max(10_000).description("bar");
VBox::of((&slider, &label, &stop, &plain, &slow, &follow, &bar))
"""
SLEEP = """println!("running");
let ended = flowdeck::sleep(Duration::from_secs(3600)).unwrap_err();
println!("{} at {}", ended.is_interrupted(), slider.value());"""
LONG_QUERY = """SELECT sum(a.value * b.value) AS s
FROM generate_series(1, 100000000) a CROSS JOIN generate_series(1, 1000) b"""


@pytest.fixture(scope="module")
def page(shared_kernel: Kernel) -> Iterator[FrontEnd]:
    page = FrontEnd(shared_kernel)
    cell = shared_kernel.execute(SETUP)
    assert cell.status == "ok", cell
    yield page


@pytest.fixture
def comms(page: FrontEnd) -> Comms:
    return Comms(page.kernel)


def named(page: FrontEnd, description: str) -> str:
    page.look()
    (comm,) = [comm for comm, model in page.models.items() if model.get("description") == description]
    return comm


def stopped(page: FrontEnd, cell: str) -> Conversation:
    """Presses Stop while a cell runs, and waits for its end."""
    assert not page.kernel.is_idle(cell)
    page.click(named(page, "Stop"))
    return page.kernel.finish(cell, timeout=30)


def test_all_messages_are_answered_while_a_cell_runs(page: FrontEnd, comms: Comms) -> None:
    slider = named(page, "slider")
    cell = page.kernel.start_cell(SLEEP, marker="running")
    assert told(comms.update(slider, {"value": 3})) == [("echo_update", {"value": 3})]
    assert told(comms.update(slider, {"value": 30})) == [("echo_update", {"value": 30}), ("update", {"value": 10})]
    assert comms.values(slider)["value"] == 10
    assert slider in comms.info(target_name=WIDGET_TARGET)
    assert comms.states()["content"]["data"]["states"][slider]["state"]["value"] == 10
    comms.close(comms.open("ControllerAxisModel"))
    ended = stopped(page, cell)
    assert ended.stream() == "running\ntrue at 10\n", "the cell sees what the page changed meanwhile"


def test_a_click_waits_for_the_cell_unless_it_is_concurrent(page: FrontEnd) -> None:
    label = named(page, "label")
    before = page.value(label)
    cell = page.kernel.start_cell(SLEEP, marker="running")
    page.click(named(page, "plain"))
    ended = stopped(page, cell)
    assert ended.status == "error" and "Interrupted" in ended.error_text, ended
    page.until(lambda: page.value(label) != before and "click" in page.value(label), "the click that waited")
    (said,) = [m for m in ended.iopub if m["msg_type"] == "stream" and "true at" in m["content"]["text"]]
    answer = [m for m in page.messages if m["content"]["comm_id"] == label][-1]
    assert answer["received"] >= said["received"], "the callback ran when the cell's code was over"


def test_stop_ends_a_query_of_a_running_cell(page: FrontEnd) -> None:
    query = f'let ended = flowdeck::sql("{LONG_QUERY}").map(drop).unwrap_err();'
    code = f'println!("running");\n{query}\nprintln!("{{}}", ended.is_interrupted());'
    ended = stopped(page, page.kernel.start_cell(code, marker="running"))
    assert ended.stream() == "running\ntrue\n", ended
    assert page.kernel.execute("slider.value()").status == "ok", "the variables are kept"


@pytest.mark.parametrize("way", ["Stop", "interrupt"])
def test_a_callback_that_takes_long_is_stopped(page: FrontEnd, way: str) -> None:
    label = named(page, "label")
    page.click(named(page, "slow"))
    page.until(lambda: page.value(label) == "slow begins", "the callback to run")
    if way == "Stop":
        page.click(named(page, "Stop"))
    else:
        assert page.kernel.interrupt().status == "ok"
    page.until(lambda: page.value(label) == "slow ends: true", "its end")


def test_ten_thousand_changes_are_few_messages_and_the_right_value(page: FrontEnd) -> None:
    bar = named(page, "bar")
    cell = page.kernel.execute("for step in 1..=10_000 { bar.set_value(step); }")
    assert cell.status == "ok", cell
    updates = [m["content"]["data"]["state"]["value"] for m in cell.of_type("comm_msg") if m["content"]["comm_id"] == bar]
    assert updates[-1] == 10_000 and updates == sorted(updates), "the last one comes before idle"
    assert len(updates) < 1000, "a server passes on 1000 messages a second"


def test_a_slider_that_moves_fast_is_followed_to_where_it_stops(page: FrontEnd) -> None:
    follow, label = named(page, "follow"), named(page, "label")
    for value in range(500):
        page.change(follow, value=value)
    page.until(lambda: page.value(label) == "follow 499", "the last place")


def test_progress_ends_at_the_right_value(page: FrontEnd) -> None:
    cell = page.kernel.execute("let mut sum = 0; for item in flowdeck::progress(1..=1000) { sum += item; } sum")
    assert cell.text.endswith("500500"), cell
    bar = page.find("IntProgressModel", max=1000)
    assert (page.value(bar), page.value(bar, "bar_style")) == (1000, "success")
    assert any(m["value"].startswith("1000/1000") for m in page.models.values() if m["_model_name"] == "LabelModel")


def test_an_interrupted_progress_keeps_the_variables(page: FrontEnd) -> None:
    code = (
        'println!("running");\nlet mut steps = 0u64;\n'
        "for _ in flowdeck::progress(0..1_000_000) { steps += 1; std::thread::sleep(Duration::from_millis(2)); }\n"
        'println!("behind the loop");'
    )
    cell = page.kernel.start_cell(code, marker="running")
    assert page.kernel.interrupt().status == "ok"
    ended = page.kernel.finish(cell, timeout=30)
    assert "progress: interrupted after" in ended.stream("stderr") and "behind the loop" in ended.stream(), ended
    assert page.value(page.find("IntProgressModel", max=1_000_000), "bar_style") == "danger"
    assert page.kernel.execute("steps > 0 && steps < 1_000_000").text == "true"


def test_callbacks_go_on_when_a_cell_ends_its_process(page: FrontEnd, comms: Comms) -> None:
    label = named(page, "label")
    died = page.kernel.execute("std::process::abort()")
    assert "as they were" in died.error_text, died
    assert told(comms.update(named(page, "slider"), {"value": 4})) == [("echo_update", {"value": 4})]
    before = page.value(label)
    page.click(named(page, "plain"))
    page.until(lambda: page.value(label) != before, "the click in the process that goes on")


# The last tests: all processes of the cells die, and with them all that the others made


@pytest.fixture(scope="module")
def lost(page: FrontEnd) -> Conversation:
    """The cell in which the process of the page's cells was killed together with its copy."""
    process = psutil.Process(int(page.kernel.execute("std::process::id()").text))
    cell = page.kernel.start_cell(SLEEP, marker="running")
    for one in [*process.children(), process]:
        one.kill()
    return page.kernel.finish(cell, timeout=30)


def test_callbacks_end_with_their_process_and_widgets_stay(page: FrontEnd, comms: Comms, lost: Conversation) -> None:
    before = page.value(named(page, "label"))
    assert "CellHostDied" in lost.error_text and "variables are lost" in lost.error_text
    assert told(comms.update(named(page, "slider"), {"value": 5})) == [("echo_update", {"value": 5})]
    assert comms.values(named(page, "slider"))["value"] == 5, "the state is the kernel's"
    comms.send(named(page, "plain"), {"method": "custom", "content": {"event": "click"}})
    again = page.kernel.execute(
        'use flowdeck::widgets::*;\nlet again = Button::new().description("again");\n'
        'again.on_click(|button| { button.icon("check"); });'
    )
    assert again.status == "ok", again
    page.click(named(page, "again"))
    page.click(named(page, "again"))
    page.until(lambda: page.value(named(page, "again"), "icon") == "check", "a callback of the new process")
    assert comms.values(named(page, "label"))["value"] == before, "the old callback was forgotten"


def test_whoever_clicks_in_vain_is_told_why(page: FrontEnd, lost: Conversation) -> None:
    """A button that does nothing leaves a person guessing: the cell that died or the callbacks' area has to say it."""

    def is_said() -> bool:
        areas = [str(m["outputs"]) for m in page.models.values() if m["_model_name"] == "OutputModel"]
        return any(word in text for text in [lost.error_text, *areas] for word in ("callback", "widget", "button"))

    page.click(named(page, "plain"))
    page.until(is_said, "a word about callbacks that are gone", timeout=3)
