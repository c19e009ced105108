"""Widgets of Rust cells: what a person does arrives typed in closures, and what cells do arrives on the page.

Closures write what they got into the Label `heard`, so that one cell serves many tests.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from comms import Comms
from harness.front_end import VIEW, FrontEnd
from harness.kernel import Kernel

HEARD = """use flowdeck::widgets::*;
use std::fmt::Debug;
let heard = Label::new().description("heard");
heard.open().unwrap();
fn hear<T: Debug>(heard: &Label, name: &'static str) -> impl FnMut(T) + Send + 'static {
    let heard = heard.clone();
    move |value| { heard.set_value(&format!("{name} {value:?}")); }
}
"""
VALUES = """
let slider = IntSlider::new().max(10).description("slider");
slider.on_change(hear(&heard, "slider"));
let late = IntSlider::new().description("late");
late.on_change({
    let mut hear = hear(&heard, "late");
    move |value| { flowdeck::sleep(std::time::Duration::from_millis(300)).ok(); hear(value) }
});
let observed = IntSlider::new().max(10).description("observed");
observed.observe("max", { let mut hear = hear(&heard, "max"); move |change| hear((change.old, change.new)) });
let range = FloatRangeSlider::new().description("range");
range.on_change(hear(&heard, "range"));
let picked = Dropdown::new([("TCP", 6), ("UDP", 17)]).description("picked");
picked.on_change(hear(&heard, "picked"));
let many = SelectMultiple::new(["a", "b", "c"]).description("many");
many.on_change(hear(&heard, "many"));
let days = SelectionRangeSlider::new(["mon", "tue", "wed"]).description("days");
days.on_change(hear(&heard, "days"));
let text = Text::new().description("text");
text.on_change(hear(&heard, "text"));
let check = Checkbox::new().description("check");
check.on_change(hear(&heard, "check"));
let date = DatePicker::new().description("date");
date.on_change(hear(&heard, "date"));
let moment = DatetimePicker::new().description("moment");
moment.on_change(hear(&heard, "moment"));
let time = TimePicker::new().description("time");
time.on_change(hear(&heard, "time"));
let tags = TagsInput::new();
tags.on_change(hear(&heard, "tags"));
let upload = FileUpload::new().description("upload");
upload.on_change({
    let mut hear = hear(&heard, "upload");
    move |files| {
        let sum = |bytes: &[u8]| bytes.iter().map(|byte| *byte as u64).sum::<u64>();
        hear(files.iter().map(|file| (file.name.clone(), file.size, sum(&file.bytes))).collect::<Vec<_>>())
    }
});
let number = IntSlider::new().max(10).description("number");
let words = Text::new().description("words");
let chosen = Dropdown::new(["x", "y"].map(|name| (name, 0))).description("chosen");
VBox::of((&number, &words, &chosen))
"""
EVENTS = """
let go = Button::new().description("go");
go.on_click({ let mut hear = hear(&heard, "click"); let mut clicks = 0; move |_| { clicks += 1; hear(clicks) } });
let once = Button::new().description("once");
let callback = once.on_click({
    let (mut hear, mut clicks) = (hear(&heard, "once"), 0);
    move |_| { clicks += 1; hear(clicks) }
});
let end = Button::new().description("end");
end.on_click({ let mut hear = hear(&heard, "ended"); move |_| { callback.unobserve(); hear(()) } });
let toggles = ToggleButtons::new(["x", "y"]).description("toggles");
toggles.on_click({ let mut hear = hear(&heard, "toggles"); move |widget| hear(widget.value()) });
let line = Text::new().description("line");
line.on_submit({ let mut hear = hear(&heard, "line"); move |widget| hear(widget.value()) });
let secret = Password::new().description("secret");
secret.on_submit({ let mut hear = hear(&heard, "secret"); move |widget| hear(widget.value()) });
let combo = Combobox::new().description("combo");
combo.on_submit({ let mut hear = hear(&heard, "combo"); move |widget| hear(widget.value()) });
let talker = HTML::new().description("talker");
talker.on_message({
    let (mut hear, talker) = (hear(&heard, "message"), talker.clone());
    move |message| {
        let lengths: Vec<usize> = message.buffers.iter().map(|buffer| buffer.len()).collect();
        hear((message.content.to_string(), lengths));
        let parts: Vec<&[u8]> = message.buffers.iter().map(|buffer| buffer.as_slice()).collect();
        talker.send(message.content, &parts).unwrap();
    }
});
let pad = Controller::new();
pad.observe("buttons", {
    let (mut hear, pad) = (hear(&heard, "pad"), pad.clone());
    let state = |button: &ControllerButton| (button.is_pressed(), button.value());
    move |_| hear(pad.buttons().iter().map(state).collect::<Vec<_>>())
});
"""
LINKS = """
let source = IntSlider::new().description("source").set_value(4);
let target = IntText::new().description("target");
let follower = FloatText::new().description("follower");
let kept = link(&source, "value", &target, "value");
dlink(&source, "value", &follower, "value");
let unlink = Button::new().description("unlink");
unlink.on_click({ let mut hear = hear(&heard, "unlinked"); move |_| { kept.unlink(); hear(()) } });
let in_page = jslink(&source, "max", &target, "value");
let one_way = jsdlink(&source, "min", &target, "value");
let limit = IntSlider::new().max(50).description("limit");
let protocol = Dropdown::new(["tcp", "udp"]).description("protocol");
interact((limit.clone(), protocol.clone()), |(limit, protocol)| println!("{limit} of {}", protocol.unwrap_or_default()));
"""


@pytest.fixture(scope="module")
def page(shared_kernel: Kernel) -> Iterator[FrontEnd]:
    """One kernel, two cells."""
    page = FrontEnd(shared_kernel)
    for code in (HEARD + VALUES, EVENTS + LINKS):
        cell = shared_kernel.execute(code)
        assert cell.status == "ok", cell
    yield page


def hears(page: FrontEnd, text: str) -> None:
    label = page.find("LabelModel", description="heard")
    page.until(lambda: page.value(label) == text, f"{text!r} instead of {page.value(label)!r}")


def named(page: FrontEnd, description: str) -> str:
    """The one widget with this description."""
    page.look()
    (comm,) = [comm for comm, model in page.models.items() if model.get("description") == description]
    return comm


def test_a_widget_as_the_value_of_a_cell_is_shown_with_its_fallback(page: FrontEnd) -> None:
    cell = page.kernel.execute("slider.clone()")
    shown = [m["content"]["data"] for m in cell.iopub if VIEW in m["content"].get("data", {})]
    assert shown[0][VIEW]["model_id"] == named(page, "slider")
    assert {"text/plain", "text/html"} <= set(shown[0]), "a saved notebook shows this where no widgets are"


@pytest.mark.parametrize(
    ("name", "state", "heard"),
    [
        ("slider", {"value": 7}, "slider 7"),
        ("slider", {"value": 70}, "slider 10"),
        ("observed", {"max": 20}, "max (Number(10), Number(20))"),
        ("range", {"value": [1, 2.5]}, "range (1.0, 2.5)"),
        ("picked", {"index": 1}, "picked Some(17)"),
        ("picked", {"index": None}, "picked None"),
        ("many", {"index": [2, 0]}, 'many ["c", "a"]'),
        ("many", {"index": []}, "many []"),
        ("days", {"index": [1, 2]}, 'days Some(("tue", "wed"))'),
        ("text", {"value": 'ä "quoted"\n'}, 'text "ä \\"quoted\\"\\n"'),
        ("check", {"value": True}, "check true"),
        ("date", {"value": {"year": 2024, "month": 1, "date": 29}}, "date Some(2024-02-29)"),
        ("date", {"value": None}, "date None"),
        (
            "moment",
            {"value": {"year": 2024, "month": 0, "date": 2, "hours": 3, "minutes": 4, "seconds": 5, "milliseconds": 6}},
            "moment Some(2024-01-02T03:04:05.006Z)",
        ),
        ("moment", {"value": None}, "moment None"),
        ("time", {"value": {"hours": 23, "minutes": 5, "seconds": 0, "milliseconds": 0}}, "time Some(23:05:00)"),
    ],
    ids=lambda part: str(part)[:40],
)
def test_a_change_is_heard_as_a_value_of_rust(page: FrontEnd, name: str, state: dict[str, Any], heard: str) -> None:
    page.change(named(page, name), **state)
    hears(page, heard)


def test_a_list_of_tags_is_heard(page: FrontEnd) -> None:
    page.change(page.find("TagsInputModel"), value=["web", "dns"])
    hears(page, 'tags ["web", "dns"]')


def test_a_wrong_date_is_not_heard(page: FrontEnd) -> None:
    page.change(named(page, "date"), value={"year": 2024, "month": 12, "date": 31})
    page.change(named(page, "check"), value=False)
    hears(page, "check false")


def test_uploaded_files_have_their_bytes(page: FrontEnd) -> None:
    content = bytes(range(256)) * 4
    files = [{"name": name, "type": "", "size": len(content), "last_modified": 1} for name in ("a.bin", "b.bin")]
    paths = [["value", 0, "content"], ["value", 1, "content"]]
    data = {"method": "update", "state": {"value": files}, "buffer_paths": paths}
    page.send(named(page, "upload"), data, [content, b"\x01\x02"])
    hears(page, f'upload [("a.bin", 1024, {sum(content)}), ("b.bin", 1024, 3)]')


def test_cells_read_and_write_what_the_page_has(page: FrontEnd) -> None:
    page.change(named(page, "number"), value=2)
    page.change(named(page, "words"), value="from the page")
    cell = page.kernel.execute(
        "let read = (number.value(), words.value(), chosen.index());\n"
        'number.max(99).set_value(55); words.placeholder("any"); chosen.set_options([("A", 1)]);\nread'
    )
    assert cell.text == '(2, "from the page", Some(0))', cell
    assert (page.value(named(page, "number")), page.value(named(page, "number"), "max")) == (55, 99)
    assert page.value(named(page, "words"), "placeholder") == "any"
    assert page.value(named(page, "chosen"), "_options_labels") == ["A"]


def test_what_follows_from_a_cell_comes_before_its_idle(page: FrontEnd) -> None:
    """Whoever reads until idle, as nbclient does, would lose what a callback made of the cell's change."""
    cell = page.kernel.execute("late.set_value(1);")
    hears(page, "late 1")
    cell.assert_bracketed()


# Events


def test_clicks_are_counted_by_a_closure_that_keeps_its_state(page: FrontEnd) -> None:
    for count in (1, 2, 3):
        page.click(named(page, "go"))
        hears(page, f"click {count}")


def test_a_callback_that_ended_is_not_called(page: FrontEnd) -> None:
    page.click(named(page, "once"))
    hears(page, "once 1")
    page.click(named(page, "end"))
    hears(page, "ended ()")
    page.click(named(page, "once"))
    page.click(named(page, "go"))
    page.until(lambda: page.value(named(page, "heard")).startswith("click"), "the click that came after")


@pytest.mark.parametrize(
    ("name", "event", "state", "heard"),
    [
        ("toggles", "click", {"index": 1}, 'toggles Some("y")'),
        ("line", "submit", {"value": "10.0.0.1"}, 'line "10.0.0.1"'),
        ("secret", "submit", {"value": "hush"}, 'secret "hush"'),
        ("combo", "submit", {"value": "other"}, 'combo "other"'),
    ],
)
def test_an_event_finds_the_value_that_was_sent_before_it(page: FrontEnd, name, event, state, heard) -> None:
    page.change(named(page, name), **state)
    page.send(named(page, name), {"method": "custom", "content": {"event": event}})
    hears(page, heard)


def test_custom_messages_go_both_ways_with_buffers_of_ten_megabytes(page: FrontEnd) -> None:
    buffers = [bytes(range(256)) * (10 * 4096), b"", b"end"]
    content = {"question": [1, None, "ä"]}
    page.send(named(page, "talker"), {"method": "custom", "content": content}, buffers)

    def answer() -> list[dict[str, Any]]:
        return [m for m in page.messages if m["content"]["data"].get("method") == "custom"]

    (message,) = page.until(answer, "the message back")
    assert message["content"]["data"]["content"] == content
    assert [bytes(buffer) for buffer in message["buffers"]] == buffers
    page.until(lambda: "10485760, 0, 3" in page.value(named(page, "heard")), "what the closure saw")


def test_buttons_that_a_front_end_created_are_widgets_of_rust(page: FrontEnd) -> None:
    button = Comms(page.kernel).open("ControllerButtonModel", pressed=True, value=0.75)
    page.change(page.find("ControllerModel"), buttons=[f"IPY_MODEL_{button}"])
    hears(page, "pad [(true, 0.75)]")


# Links


def test_linked_widgets_follow_each_other_until_unlinked(page: FrontEnd) -> None:
    source, target, follower = named(page, "source"), named(page, "target"), named(page, "follower")
    assert (page.value(target), page.value(follower)) == (4, 4), "the source's value goes first"
    page.change(source, value=9)
    page.until(lambda: (page.value(target), page.value(follower)) == (9, 9), "the followers")
    page.change(target, value=12)
    page.until(lambda: (page.value(source), page.value(follower)) == (12, 12), "the way back and on")
    page.change(follower, value=1.0)
    page.click(named(page, "unlink"))
    hears(page, "unlinked ()")
    page.change(source, value=20)
    page.until(lambda: page.value(follower) == 20, "the link that goes on")
    assert page.value(target) == 12, "a directional link does not go back, and the other has ended"


def test_links_in_the_page_are_models_with_both_ends(page: FrontEnd) -> None:
    source, target = (f"IPY_MODEL_{named(page, name)}" for name in ("source", "target"))
    page.find("LinkModel", source=[source, "max"], target=[target, "value"], _view_name=None)
    page.find("DirectionalLinkModel", source=[source, "min"], target=[target, "value"])


def test_interact_runs_now_and_at_each_change(page: FrontEnd) -> None:
    def shows(text: str) -> bool:
        outputs = [m["outputs"] for m in page.models.values() if m["_model_name"] == "OutputModel"]
        return any([o.get("text") for o in entries] == [text] for entries in outputs)

    page.until(lambda: shows("0 of tcp\n"), "the first run")
    page.change(named(page, "limit"), value=30)
    page.until(lambda: shows("30 of tcp\n"), "the run with another limit")
    page.change(named(page, "protocol"), index=1)
    page.until(lambda: shows("30 of udp\n"), "the run with another protocol")


# Refusals


@pytest.mark.parametrize(
    ("code", "fact"),
    [
        ("IntSlider::new().min(5).max(3)", "min is 5"),
        ('Button::new().button_style("dangr")', "dangr"),
        ('slider.observe("valeu", |_| ())', "valeu"),
        ('link(&slider, "value", &text, "nothing")', "nothing"),
        ('Dropdown::new(["a"]).set_value("b")', "b"),
    ],
)
def test_what_the_kernel_refuses_fails_the_cell_with_the_reason(page: FrontEnd, code: str, fact: str) -> None:
    cell = page.kernel.execute(code)
    assert cell.status == "error" and fact in cell.error_text, cell


def test_the_line_that_was_refused_is_told(page: FrontEnd) -> None:
    code = "let bounds = (5, 3);\nlet refused = IntSlider::new().min(bounds.0).max(bounds.1);\nrefused.value()"
    cell = page.kernel.execute(code)
    assert "min is 5" in cell.error_text and "at line 3" in cell.error_text, cell


def test_a_refused_update_is_said_below_the_cell_and_changes_nothing(page: FrontEnd) -> None:
    cell = page.kernel.execute('let before = check.value(); check.set("value", "no bool"); check.value() == before')
    assert cell.text == "true" and "widget: " in cell.stream("stderr") and "value" in cell.stream("stderr"), cell


def test_a_closed_widget_is_gone_and_says_so(page: FrontEnd) -> None:
    closed = named(page, "once")
    cell = page.kernel.execute("once.close(); once.clone()")
    closes = [m for m in cell.of_type("comm_close") if m["content"]["comm_id"] == closed]
    assert [m["content"]["data"] for m in closes] == [{}]
    assert "closed" in cell.stream("stderr") or cell.status == "error", cell
    assert closed not in Comms(page.kernel).info()


def test_state_of_everything_is_json_that_browsers_read(page: FrontEnd) -> None:
    text = json.dumps(Comms(page.kernel).states()["content"], allow_nan=False)
    assert "NaN" not in text
