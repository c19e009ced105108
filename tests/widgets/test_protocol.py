"""Widget messages as the front ends of ipywidgets expect them: brackets, versions, order, echoes, whole states."""

import uuid

import pytest
from comms import CONTROL_TARGET, WIDGET_TARGET, WIDGET_VERSION, Comms, buffers_of, method, names, told
from harness.front_end import VIEW, FrontEnd
from harness.kernel import Conversation, Kernel

FORM = '%%form\nlimit = { type = "int", label = "Limit", default = 3, min = 1 }\ngo = { type = "button" }'


@pytest.fixture(scope="module")
def comms(shared_kernel: Kernel) -> Comms:
    return Comms(shared_kernel)


@pytest.fixture(scope="module")
def form(comms: Comms) -> Conversation:
    """A cell that opens and shows widgets, quick to run."""
    cell = comms.kernel.execute(FORM)
    assert cell.status == "ok", cell
    return cell


# What the kernel opens and shows


def test_models_are_opened_with_the_version_and_a_whole_state(form: Conversation) -> None:
    opened = form.of_type("comm_open")
    assert opened
    for message in opened:
        content = message["content"]
        assert message["metadata"] == WIDGET_VERSION
        assert content["target_name"] == WIDGET_TARGET
        assert set(content["data"]) == {"state", "buffer_paths"}
        assert set(names("")) <= set(content["data"]["state"]), "front ends load the class by these names"


def test_children_come_before_their_parents(comms: Comms, form: Conversation) -> None:
    page = FrontEnd(comms.kernel)
    page.look()  # Refuses a reference to a model that is not there yet.
    opened = [message["content"]["comm_id"] for message in form.of_type("comm_open")]
    assert set(opened) <= set(page.models)
    assert form.types.index("display_data") > form.types.index("comm_open")
    shown = form.of_type("display_data")[0]["content"]["data"]
    assert shown[VIEW]["model_id"] == opened[-1], "the outermost box is opened last"


def test_a_view_is_shown_beside_what_other_readers_understand(form: Conversation) -> None:
    (display,) = form.of_type("display_data")
    data = display["content"]["data"]
    assert set(data[VIEW]) == {"version_major", "version_minor", "model_id"}
    assert (data[VIEW]["version_major"], data[VIEW]["version_minor"]) == (2, 0)
    assert "Limit" in data["text/plain"] and "Limit" in data["text/html"]


# Brackets


def test_each_comm_message_is_bracketed_by_one_busy_and_one_idle(comms: Comms) -> None:
    slider = comms.open("IntSliderModel")
    conversations = [
        comms.update(slider, {"value": 5}),
        comms.send(slider, {"method": "custom", "content": {"hello": 1}}),
        comms.send(slider, {"method": "request_state"}),
        comms.send("no such comm", {"method": "update", "state": {}}),
        comms.close(slider),
        comms.close("no such comm"),
        comms.ask("comm_info_request", {}),
    ]
    for conversation in conversations:
        # Exactly one of each is asserted by the harness, which finds them by their parent.
        for message in conversation.iopub:
            assert message["parent_header"]["msg_type"] == conversation.request["msg_type"]


def test_a_burst_of_changes_is_answered_one_by_one_and_in_order(comms: Comms) -> None:
    slider = comms.open("IntSliderModel")
    sent = [
        comms.kernel.send(
            "comm_msg",
            {"comm_id": slider, "data": {"method": "update", "state": {"value": value}, "buffer_paths": []}},
        )
        for value in range(100)
    ]
    echoes = [comms.kernel.finish(msg_id).of_type("comm_msg") for msg_id in sent[-3:]]
    assert [echo["content"]["data"]["state"] for (echo,) in echoes] == [{"value": value} for value in (97, 98, 99)]
    assert all(comms.kernel.is_idle(msg_id) for msg_id in sent)
    assert comms.values(slider)["value"] == 99


# Targets


def test_comm_info_knows_both_targets_and_filters_by_them(comms: Comms, form: Conversation) -> None:
    control = comms.open_control()
    widgets = comms.info(target_name=WIDGET_TARGET)
    assert {message["content"]["comm_id"] for message in form.of_type("comm_open")} <= set(widgets)
    assert all(info == {"target_name": WIDGET_TARGET} for info in widgets.values())
    assert comms.info(target_name=CONTROL_TARGET) == {control: {"target_name": CONTROL_TARGET}}
    assert comms.info(target_name="another") == {}
    both = {**widgets, control: {"target_name": CONTROL_TARGET}}
    assert comms.info() == both
    assert comms.info(target_name=None) == both, "a missing filter may be written as null"
    comms.close(control)
    assert comms.info() == widgets


def test_an_unknown_target_is_closed(comms: Comms) -> None:
    for target in ("evcxr-cargo-check", "", "jupyter.widgets"):
        comm = uuid.uuid4().hex
        answer = comms.open_raw({"comm_id": comm, "target_name": target, "data": {}})
        assert answer.types == ["comm_close"], answer
        assert answer.outputs[0]["content"] == {"comm_id": comm, "data": {}}
        assert comm not in comms.info()


@pytest.mark.parametrize(
    ("target", "metadata"),
    [
        (WIDGET_TARGET, {}),
        (WIDGET_TARGET, {"version": "1.0.0"}),
        (WIDGET_TARGET, {"version": 2}),
        (CONTROL_TARGET, {}),
        (CONTROL_TARGET, {"version": "2.0.0"}),
    ],
)
def test_another_major_version_is_closed(comms: Comms, target: str, metadata: dict) -> None:
    comm = uuid.uuid4().hex
    data = {"state": names("ControllerButtonModel")}
    answer = comms.open_raw({"comm_id": comm, "target_name": target, "data": data}, metadata)
    assert answer.types == ["comm_close"] and comm not in comms.info()


def test_minor_versions_do_not_matter(comms: Comms) -> None:
    comm = uuid.uuid4().hex
    answer = comms.open_raw({"comm_id": comm, "target_name": CONTROL_TARGET, "data": {}}, {"version": "1.7.3"})
    assert answer.outputs == []
    comms.close(comm)


# Closing


def test_a_close_has_data_and_takes_along_what_was_made_for_the_model(comms: Comms) -> None:
    before = comms.info()
    slider = comms.open("IntSliderModel")
    assert len(comms.info()) == len(before) + 3, "a slider, its layout and its style"
    closed = comms.close(slider)
    assert closed.types == ["comm_close", "comm_close"]
    assert all(message["content"]["data"] == {} for message in closed.outputs), "nbclient reads data of each"
    assert slider not in {message["content"]["comm_id"] for message in closed.outputs}, "it is closed there already"
    assert comms.info() == before


# Echoes


def test_every_attribute_is_echoed_with_the_triggering_message_as_parent(comms: Comms) -> None:
    slider = comms.open("IntSliderModel")
    state = {"value": 5, "max": 50, "description": "changed", "disabled": True}
    changed = comms.update(slider, state)
    assert told(changed) == [("echo_update", state)]
    assert changed.outputs[0]["parent_header"]["msg_id"] == changed.request["header"]["msg_id"]
    assert {name: comms.values(slider)[name] for name in state} == state


def test_a_value_that_is_the_same_already_is_echoed_too(comms: Comms) -> None:
    slider = comms.open("IntSliderModel", value=5)
    assert told(comms.update(slider, {"value": 5})) == [("echo_update", {"value": 5})]


@pytest.mark.parametrize(
    ("model", "state", "wrong", "right"),
    [
        ("IntSliderModel", {"max": 10}, {"value": 50}, {"value": 10}),
        ("FloatSliderModel", {"min": 0.5, "value": 0.5}, {"value": -3.0}, {"value": 0.5}),
        ("PlayModel", {"min": 2, "value": 5}, {"value": -9}, {"value": 2}),
        ("IntRangeSliderModel", {"max": 10, "value": [2, 3]}, {"value": [2, 30]}, {"value": [2, 10]}),
    ],
)
def test_a_clamped_value_is_echoed_and_then_put_right(comms: Comms, model: str, state, wrong, right) -> None:
    comm = comms.open(model, **state)
    assert told(comms.update(comm, wrong)) == [("echo_update", wrong), ("update", right)]
    assert comms.values(comm)["value"] == right["value"]


def test_a_bound_that_moves_the_value_tells_of_the_value(comms: Comms) -> None:
    comm = comms.open("IntSliderModel", value=90)
    assert told(comms.update(comm, {"max": 50})) == [("echo_update", {"max": 50}), ("update", {"value": 50})]


@pytest.mark.parametrize(("setting", "is_echoed"), [("off", False), ("No", False), ("0", False), ("1", True)])
def test_echoes_are_off_where_the_environment_says_so(new_kernel, setting: str, is_echoed: bool) -> None:
    comms = Comms(new_kernel(env={"JUPYTER_WIDGETS_ECHO": setting}))
    slider = comms.open("IntSliderModel", max=10)
    right = [("update", {"value": 10})]
    wanted = [("echo_update", {"value": 50}), *right] if is_echoed else right
    assert told(comms.update(slider, {"value": 50})) == wanted, "what is put right is told in any case"


def test_an_output_takes_what_a_front_end_captured_for_it(comms: Comms, form: Conversation) -> None:
    """nbclient captures in its place, and the only copy that a later page gets is the kernel's."""
    cell = comms.kernel.execute("%%sql --on go\nSELECT 1")
    (output,) = [m for m in cell.of_type("comm_open") if m["content"]["data"]["state"]["_model_name"] == "OutputModel"]
    assert output["content"]["data"]["state"]["outputs"] is not None, "nbclient reads it of each Output that opens"
    captured = [{"output_type": "stream", "name": "stdout", "text": "captured\n"}]
    comm = output["content"]["comm_id"]
    assert told(comms.update(comm, {"outputs": captured})) == [("echo_update", {"outputs": captured})]
    assert comms.values(comm)["outputs"] == captured


def test_uploaded_files_are_taken_and_not_echoed(comms: Comms) -> None:
    upload = comms.open("FileUploadModel")
    file = {"name": "a.txt", "type": "text/plain", "size": 3, "last_modified": 1700000000000}
    changed = comms.update(upload, {"value": [file], "error": ""}, [["value", 0, "content"]], [b"abc"])
    assert told(changed) == [("echo_update", {"error": ""})]
    state, buffers = comms.state(upload)
    assert state["value"] == [file] and buffers == {'["value", 0, "content"]': b"abc"}


def test_what_only_front_ends_write_is_kept_for_the_next_page(comms: Comms) -> None:
    controller = comms.open("ControllerModel")
    pad = {"connected": True, "name": "Pad", "mapping": "standard", "timestamp": 12.5}
    assert told(comms.update(controller, pad)) == [("echo_update", pad)]
    assert pad.items() <= comms.values(controller).items()


# Whole states


def test_request_state_is_answered_by_one_full_update(comms: Comms) -> None:
    slider = comms.open("IntSliderModel", value=7)
    answer = comms.send(slider, {"method": "request_state"})
    ((kind, state),) = told(answer)
    assert kind == "update" and answer.outputs[0]["content"]["comm_id"] == slider
    assert state["value"] == 7 and names("IntSliderModel").items() <= state.items()
    assert {"min", "max", "step", "layout", "style", "orientation", "continuous_update"} <= set(state)
    assert answer.outputs[0]["parent_header"]["msg_id"] == answer.request["header"]["msg_id"]


def test_request_states_has_all_models_in_the_shape_that_the_widget_manager_reads(comms: Comms) -> None:
    image = comms.open("ImageModel")
    comms.update(image, {"format": "png"}, [["value"]], [b"\x89PNG"])
    upload = comms.open("FileUploadModel")
    file = {"name": "a", "type": "", "size": 2, "last_modified": 0}
    comms.update(upload, {"value": [file]}, [["value", 0, "content"]], [b"xy"])
    answer = comms.states()
    data = answer["content"]["data"]
    assert (set(data), data["method"]) == ({"method", "states", "buffer_paths"}, "update_states")
    assert set(data["states"]) == set(comms.info(target_name=WIDGET_TARGET))
    for state in data["states"].values():
        assert set(state) == {"model_name", "model_module", "model_module_version", "state"}
        assert state["model_name"] == state["state"]["_model_name"]
    buffers = buffers_of(answer)
    assert buffers[f'["{image}", "state", "value"]'] == b"\x89PNG"
    assert buffers[f'["{upload}", "state", "value", 0, "content"]'] == b"xy"
    assert "value" not in data["states"][image]["state"], "a binary attribute is only in the buffers"
    assert data["states"][upload]["state"]["value"] == [file]


def test_without_models_the_answer_has_the_same_shape(new_kernel) -> None:
    fresh = Comms(new_kernel())
    data = fresh.states()["content"]["data"]
    assert data == {"method": "update_states", "states": {}, "buffer_paths": []}


# Models that front ends create


def test_a_front_end_creates_the_buttons_and_axes_of_a_controller(comms: Comms) -> None:
    controller = comms.open("ControllerModel")
    created = {}
    unused = {"layout": None, "tabbable": None, "tooltip": None, "_dom_classes": [], "_view_count": None}
    pressed = {"pressed": True, "value": 1.0}
    for model, value in (("ControllerButtonModel", pressed), ("ControllerAxisModel", {"value": -0.5})):
        created[model] = comms.open(model)
        # What the page sends next: all attributes, those it does not use as null.
        comms.update(created[model], {**names(model), **value, **unused})
        assert value.items() <= comms.values(created[model]).items()
    button, axis = (f"IPY_MODEL_{comm}" for comm in created.values())
    comms.update(controller, {"buttons": [button], "axes": [axis]})
    state = comms.values(controller)
    assert (state["buttons"], state["axes"]) == ([button], [axis])
    assert set(created.values()) <= set(comms.info(target_name=WIDGET_TARGET))


def test_the_model_that_a_front_end_created_is_not_opened_again(comms: Comms) -> None:
    comm = uuid.uuid4().hex
    data = {"state": names("ControllerAxisModel")}
    answer = comms.open_raw({"comm_id": comm, "target_name": WIDGET_TARGET, "data": data})
    opened = [message["content"]["comm_id"] for message in answer.of_type("comm_open")]
    assert comm not in opened and len(opened) == 1, "only the layout that was made for it"


# Buffers


def test_ten_megabytes_come_back_as_they_went(comms: Comms) -> None:
    content = bytes(range(256)) * (10 * 4096)
    image = comms.open("ImageModel")
    changed = comms.update(image, {}, [["value"]], [content])
    assert [method(message) for message in changed.outputs] == ["echo_update"]
    assert buffers_of(changed.outputs[0]) == {'["value"]': content}
    assert comms.state(image)[1] == {'["value"]': content}
    assert buffers_of(comms.states())[f'["{image}", "state", "value"]'] == content
    comms.close(image)


def test_a_custom_message_is_taken_with_buffers(comms: Comms) -> None:
    slider = comms.open("IntSliderModel")
    answer = comms.send(slider, {"method": "custom", "content": {"event": "anything"}}, [b"a", b""])
    assert answer.outputs == []
