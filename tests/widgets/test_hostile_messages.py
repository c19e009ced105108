"""Comm messages that are broken or mean harm: each is answered, nothing changes, and the kernel lives."""

import json
import uuid

import pytest
from comms import CONTROL_TARGET, CONTROL_VERSION, WIDGET_TARGET, WIDGET_VERSION, Comms, names, told
from harness.kernel import Kernel

UPDATE = {"method": "update", "buffer_paths": []}


@pytest.fixture(scope="module")
def comms(shared_kernel: Kernel) -> Comms:
    return Comms(shared_kernel)


@pytest.fixture(scope="module")
def slider(comms: Comms) -> str:
    return comms.open("IntSliderModel", value=7)


def refused(comms: Comms, comm: str, data: object, buffers: list[bytes] | None = None) -> None:
    """Bracketed as ever, and all as it was before. What the front end has wrong may be put right by an update."""
    before = comms.state(comm)
    answer = comms.send(comm, data, buffers)
    assert set(answer.types) <= {"comm_msg"}, answer
    for _, state in told(answer)[1:]:
        assert state.items() <= before[0].items(), "an update says what the kernel has"
    assert comms.state(comm) == before


@pytest.mark.parametrize(
    "data",
    [
        None,
        7,
        "update",
        [1, 2],
        {},
        {"method": None},
        {"method": 3, "state": {"value": 1}},
        {"method": ["update"], "state": {"value": 1}},
        {"method": "explode"},
        {"method": "update_states", "states": {}},
        {"method": "echo_update", "state": {"value": 1}},
        {"method": "request_states"},
        UPDATE,
        {**UPDATE, "state": None},
        {**UPDATE, "state": [["value", 1]]},
        {**UPDATE, "state": "value"},
    ],
    ids=lambda data: json.dumps(data)[:40],
)
def test_data_without_sense_changes_nothing(comms: Comms, slider: str, data: object) -> None:
    refused(comms, slider, data)


@pytest.mark.parametrize(
    "state",
    [
        {"value": "5"},
        {"value": None},
        {"value": 1.5},
        {"value": [5]},
        {"value": {"value": 5}},
        {"value": True},
        {"value": 2**64},
        {"value": -(2**70)},
        {"value": 1e300},
        {"min": 1000},
        {"disabled": 1},
        {"description": 5},
        {"orientation": "diagonal"},
        {"behavior": None},
        {"layout": "IPY_MODEL_nothing"},
        {"layout": 5},
        {"layout": None},
        {"style": "no reference"},
        {"_dom_classes": "one"},
        {"_dom_classes": [1]},
        {"_dom_classes": None},
    ],
    ids=lambda state: json.dumps(state)[:40],
)
def test_values_of_a_wrong_type_change_nothing(comms: Comms, slider: str, state: dict) -> None:
    refused(comms, slider, {**UPDATE, "state": state})


@pytest.mark.parametrize(
    "state",
    [
        {"_model_name": "HTMLModel"},
        {"_model_module": "evil"},
        {"_model_module_version": "1.0.0"},
        {"_view_name": None},
        {"_view_module": "evil"},
        {"nothing": 1},
        {"": 1},
        {"__proto__": {"value": 1}},
        {"constructor": 1},
        {"outputs": []},
        {"x" * 100_000: 1},
    ],
    ids=lambda state: json.dumps(state)[:40],
)
def test_names_and_unknown_attributes_cannot_be_written(comms: Comms, slider: str, state: dict) -> None:
    refused(comms, slider, {**UPDATE, "state": state})


@pytest.mark.parametrize(
    ("state", "paths"),
    [
        ({}, "value"),
        ({}, {"0": ["value"]}),
        ({}, 5),
        ({}, [[]]),
        ({}, ["value"]),
        ({}, [[None]]),
        ({}, [[0]]),
        ({}, [["value", -1]]),
        ({}, [["value", 0.5]]),
        ({}, [["value", 2**64]]),
        ({}, [["value", 0, "content"]]),
        ({}, [["value"], ["value"]]),
        ({"value": 3}, [["value"]]),
        ({"value": [None]}, [["value", 0], ["value", 0]]),
        ({}, [["value"] * 100_000]),
        ({}, [["x" * 1_000_000]]),
        ({}, [["value"]] * 10_000),
        ({}, [["value"]]),
    ],
    ids=lambda part: json.dumps(part)[:40],
)
def test_buffers_that_do_not_fit_change_nothing(comms: Comms, slider: str, state: dict, paths: object) -> None:
    refused(comms, slider, {"method": "update", "state": state, "buffer_paths": paths}, [b"x"])


def test_a_path_without_its_buffer_changes_nothing(comms: Comms) -> None:
    image = comms.open("ImageModel")
    comms.update(image, {}, [["value"]], [b"right"])
    refused(comms, image, {"method": "update", "state": {}, "buffer_paths": [["value"]]}, [])
    refused(comms, image, {"method": "update", "state": {"value": "text"}, "buffer_paths": []})
    assert comms.state(image)[1] == {'["value"]': b"right"}


def test_what_is_right_in_a_message_is_taken_and_what_is_wrong_is_put_right(comms: Comms) -> None:
    slider = comms.open("IntSliderModel")
    answer = comms.update(slider, {"value": 8, "max": "many", "nothing": 1, "_model_name": "HTMLModel"})
    (kind, echo), *corrections = told(answer)
    assert kind == "echo_update" and echo == {"value": 8, "max": "many"}, "only what front ends may write"
    assert corrections == [("update", {"max": 100})]
    assert comms.values(slider)["value"] == 8


def test_options_belong_to_the_kernel(comms: Comms) -> None:
    dropdown = comms.open("DropdownModel", _options_labels=["a", "b"], index=0)
    for index in (2, -1, "a", 0.5):
        refused(comms, dropdown, {**UPDATE, "state": {"index": index}})
    refused(comms, dropdown, {**UPDATE, "state": {"_options_labels": ["<script>"]}})


# Identifiers and targets


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"comm_id": None},
        {"comm_id": 5},
        {"comm_id": ["a"]},
        {"comm_id": "", "data": {"method": "request_state"}},
        {"comm_id": "x" * 1_000_000, "data": {"method": "update", "state": {}}},
        {"comm_id": "unknown", "data": {"method": "request_state"}},
    ],
    ids=lambda content: json.dumps(content)[:40],
)
@pytest.mark.parametrize("kind", ["comm_msg", "comm_close"])
def test_a_message_for_no_comm_is_ignored(comms: Comms, slider: str, kind: str, content: dict) -> None:
    before = comms.info()
    assert comms.ask(kind, content).outputs == []
    assert comms.info() == before and comms.values(slider)["value"] == 7


@pytest.mark.parametrize(
    ("data", "metadata"),
    [
        (None, WIDGET_VERSION),
        ({}, WIDGET_VERSION),
        ({"state": None}, WIDGET_VERSION),
        ({"state": {}}, WIDGET_VERSION),
        ({"state": {"_model_name": 5}}, WIDGET_VERSION),
        ({"state": {"_model_name": "EvilModel"}}, WIDGET_VERSION),
        ({"state": {**names("ControllerAxisModel"), "_model_module": "evil"}}, WIDGET_VERSION),
        ({"state": {**names("ControllerAxisModel"), "value": "text"}}, WIDGET_VERSION),
        ({"state": {**names("ControllerAxisModel"), "layout": "IPY_MODEL_nothing"}}, WIDGET_VERSION),
        ({"state": names("ControllerAxisModel"), "buffer_paths": 5}, WIDGET_VERSION),
        ({"state": names("ControllerAxisModel")}, {"version": None}),
        ({"state": names("ControllerAxisModel")}, {"version": ["2.1.0"]}),
    ],
    ids=lambda part: json.dumps(part)[:60],
)
def test_a_model_that_cannot_be_is_closed(comms: Comms, data: object, metadata: dict) -> None:
    before = comms.info()
    comm = uuid.uuid4().hex
    answer = comms.open_raw({"comm_id": comm, "target_name": WIDGET_TARGET, "data": data}, metadata)
    assert answer.types == ["comm_close"] and answer.outputs[0]["content"] == {"comm_id": comm, "data": {}}
    assert comms.info() == before


@pytest.mark.parametrize("target", [None, 5, ["jupyter.widget"]], ids=json.dumps)
def test_an_open_without_a_target_opens_nothing(comms: Comms, target: object) -> None:
    before = comms.info()
    answer = comms.open_raw({"comm_id": "nameless", "target_name": target, "data": {"state": names("ControllerAxisModel")}})
    assert set(answer.types) <= {"comm_close"} and comms.info() == before


def test_an_id_that_is_taken_keeps_its_model(comms: Comms, slider: str) -> None:
    before = comms.state(slider)
    for target, metadata in ((WIDGET_TARGET, WIDGET_VERSION), (CONTROL_TARGET, CONTROL_VERSION)):
        data = {"state": names("ControllerAxisModel")}
        answer = comms.open_raw({"comm_id": slider, "target_name": target, "data": data}, metadata)
        assert answer.outputs == [], "a close would take the living model from the page"
        assert comms.state(slider) == before


def test_a_control_comm_answers_nothing_else(comms: Comms) -> None:
    control = comms.open_control()
    for data in (None, {}, {"method": "request_state"}, {"method": "update", "state": {"value": 1}}, {"method": 5}):
        assert comms.send(control, data).outputs == []
    comms.close(control)


def test_models_that_contain_themselves_do_not_hang_the_kernel(comms: Comms) -> None:
    box = comms.open("VBoxModel")
    comms.update(box, {"children": [f"IPY_MODEL_{box}"] * 3})
    assert len(comms.values(box)["children"]) in (0, 3)
    comms.states()
    comms.close(box)
    assert box not in comms.info()


def test_nesting_without_end_does_not_end_the_kernel(comms: Comms, slider: str) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    header = json.loads(json.dumps(comms.kernel.session.msg_header("comm_msg"), default=str))
    content = f'{{"comm_id": "{slider}", "data": {{"method": "update", "state": {{"value": {deep}}}}}}}'
    parts = [json.dumps(header).encode(), b"{}", b"{}", content.encode()]
    comms.kernel.send_frames([b"<IDS|MSG>", comms.kernel.session.sign(parts), *parts])
    assert comms.values(slider)["value"] == 7


def test_more_text_than_a_message_may_have_is_refused(comms: Comms) -> None:
    text = comms.open("TextModel")
    assert comms.update(text, {"value": "x" * (17 << 20)}).outputs == []
    assert comms.values(text)["value"] == ""
