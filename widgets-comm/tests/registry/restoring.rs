//! How a page that was reloaded finds its models, and how front ends open comms of their own.

use bytes::Bytes;
use serde_json::{Value, json};
use widgets_comm::{Event, Registry, State};

use super::{check_value, closed, data, opened, problems, registry, sent, update};

fn control(registry: &mut Registry) -> Value {
    let opened = registry.receive(opened("c", "jupyter.widget.control", "1.0.0", json!({})));
    assert_eq!((opened.messages, opened.problems), (vec![], vec![]));
    let outcome = registry.receive(data("c", json!({"method": "request_states"})));
    let [message] = &outcome.messages[..] else { panic!("one message, not {outcome:?}") };
    assert_eq!((message.kind.message_type(), message.comm_id.as_str()), ("comm_msg", "c"));
    message.content["data"].clone()
}

#[test]
fn request_states_gives_all_models_at_once() {
    let mut registry = registry(&[("l", "LayoutModel", json!({})), ("s", "SliderStyleModel", json!({}))]);
    let states = control(&mut registry);
    let style = json!({
        "model_name": "SliderStyleModel",
        "model_module": "@jupyter-widgets/controls",
        "model_module_version": "2.0.0",
        "state": {
            "_model_module": "@jupyter-widgets/controls", "_model_module_version": "2.0.0",
            "_model_name": "SliderStyleModel", "_view_module": "@jupyter-widgets/base",
            "_view_module_version": "2.0.0", "_view_name": "StyleView",
            "description_width": "", "handle_color": null,
        },
    });
    assert_eq!((&states["method"], &states["buffer_paths"]), (&json!("update_states"), &json!([])));
    assert_eq!(states["states"]["s"], style);
    let ids: Vec<&String> = states["states"].as_object().expect("states").keys().collect();
    assert_eq!(ids, ["l", "s"], "in the order in which they were opened");
}

#[test]
fn buffers_of_all_models_are_found_by_id_and_the_word_state() {
    let mut registry = Registry::new();
    registry.open("i", "ImageModel", State::new().with_bytes("value", "png")).expect("it opens");
    let given = json!({"_model_module": "m", "_model_module_version": "*", "_model_name": "M", "table": {}});
    let paths = json!([["table", "column"]]);
    let state = State::from_wire(given, &paths, &[Bytes::from_static(b"ab")]).expect("buffers fit");
    registry.open_custom("w", state).expect("it opens");
    registry.receive(opened("c", "jupyter.widget.control", "1.0.0", json!({})));
    let outcome = registry.receive(data("c", json!({"method": "request_states"})));
    let data = &outcome.messages[0].content["data"];
    assert_eq!(data["buffer_paths"], json!([["i", "state", "value"], ["w", "state", "table", "column"]]));
    assert_eq!(outcome.messages[0].buffers, ["png", "ab"]);
    assert_eq!(data["states"]["i"]["state"].get("value"), None);
    assert_eq!(data["states"]["w"]["state"]["table"], json!({}));
}

#[test]
fn the_states_of_no_model_have_paths_too() {
    let states = control(&mut Registry::new());
    assert_eq!(states, json!({"method": "update_states", "states": {}, "buffer_paths": []}));
}

#[test]
fn a_control_comm_ends_when_the_front_end_closes_it() {
    let mut registry = Registry::new();
    control(&mut registry);
    assert_eq!(registry.receive(data("c", json!({"method": "update"}))).problems.len(), 1);
    let outcome = registry.receive(closed("c"));
    assert_eq!((outcome.events, outcome.problems), (vec![], vec![]));
    let outcome = registry.receive(data("c", json!({"method": "request_states"})));
    assert_eq!(problems(&outcome), ["no comm is open with the id `c`"]);
}

#[test]
fn request_state_is_answered_with_everything() {
    let mut registry = registry(&[("s", "DescriptionStyleModel", json!({"description_width": "3em"}))]);
    registry.update("s", State::new().with("description_width", "4em")).expect("it is taken");
    let outcome = registry.receive(data("s", json!({"method": "request_state"})));
    let state = json!({
        "_model_module": "@jupyter-widgets/controls", "_model_module_version": "2.0.0",
        "_model_name": "DescriptionStyleModel", "_view_module": "@jupyter-widgets/base",
        "_view_module_version": "2.0.0", "_view_name": "StyleView", "description_width": "4em",
    });
    assert_eq!(sent(&outcome.messages), [("s", super::sent_update("update", state))]);
    assert_eq!(registry.take_updates(), [], "that was told along");
}

#[test]
fn comm_info_lists_the_comms_of_one_target_only() {
    let mut registry = registry(&[("a", "LayoutModel", json!({}))]);
    control(&mut registry);
    let info = |target| Value::from(registry.comm_info(target));
    assert_eq!(info(Some("jupyter.widget")), json!({"a": {"target_name": "jupyter.widget"}}));
    assert_eq!(info(Some("jupyter.widget.control")), json!({"c": {"target_name": "jupyter.widget.control"}}));
    assert_eq!(info(Some("other")), json!({}));
    assert_eq!(info(None).as_object().expect("comms").len(), 2);
}

#[test]
fn a_front_end_opens_the_parts_of_a_controller() {
    let mut registry = registry(&[("pad", "ControllerModel", json!({}))]);
    let state = json!({
        "_model_module": "@jupyter-widgets/controls", "_model_module_version": "2.0.0",
        "_model_name": "ControllerButtonModel", "_view_module": "@jupyter-widgets/controls",
        "_view_module_version": "2.0.0", "_view_name": "ControllerButtonView", "_view_count": null,
        "layout": null,
    });
    let data = json!({"state": state, "buffer_paths": []});
    let outcome = registry.receive(opened("b0", "jupyter.widget", "2.1.0", data));
    assert_eq!(problems(&outcome), [""; 0]);
    assert_eq!(outcome.events, [Event::Opened { id: "b0".into() }]);
    let opened: Vec<&str> = outcome.messages.iter().map(|message| message.comm_id.as_str()).collect();
    assert_eq!(opened, ["b0-layout"], "the front end has the button, but not its layout");

    // Its first update tells the whole state, names and all.
    let full = json!({"_model_name": "ControllerButtonModel", "_view_count": null, "pressed": true, "value": 1});
    let outcome = registry.receive(update("b0", full));
    assert_eq!(problems(&outcome), [""; 0]);
    check_value(&registry, "b0", "value", json!(1.0));
    let outcome = registry.receive(update("pad", json!({"buttons": ["IPY_MODEL_b0"], "connected": true})));
    assert_eq!(problems(&outcome), [""; 0]);
    let wrong = registry.receive(update("pad", json!({"axes": ["IPY_MODEL_b0"]})));
    assert_eq!(problems(&wrong), ["Controller.axes: the widget `b0` is a ControllerButton, not a ControllerAxis"]);
}

#[test]
fn a_comm_that_is_not_taken_is_closed() {
    let mut registry = registry(&[("a", "LabelModel", json!({}))]);
    let mut refused = |target, version, state: Value| {
        let outcome = registry.receive(opened("n", target, version, json!({"state": state})));
        assert_eq!(outcome.messages.len(), 1);
        assert_eq!(outcome.messages[0].kind.message_type(), "comm_close");
        assert_eq!(outcome.messages[0].content, json!({"comm_id": "n", "data": {}}));
        problems(&outcome).join("; ")
    };
    assert_eq!(refused("evcxr-cargo-check", "", json!({})), "no comm target is named `evcxr-cargo-check`");
    let version = "the front end speaks version `1.0.0` of jupyter.widget, not 2.1.0";
    assert_eq!(refused("jupyter.widget", "1.0.0", json!({"_model_name": "LabelModel"})), version);
    let version = "the front end speaks version `` of jupyter.widget.control, not 1.0.0";
    assert_eq!(refused("jupyter.widget.control", "", json!({})), version);
    let unknown = "no widget model is named `AnyModel`";
    assert_eq!(refused("jupyter.widget", "2.0.0", json!({"_model_name": "AnyModel"})), unknown);
    assert_eq!(
        refused("jupyter.widget", "2.0.0", json!([])),
        "the message's buffers do not fit: state is not an object"
    );
    // The comm that has the id is not harmed.
    let state = json!({"state": {"_model_name": "LabelModel"}});
    let outcome = registry.receive(opened("a", "jupyter.widget", "2.1.0", state));
    assert_eq!(
        (problems(&outcome), outcome.messages),
        (vec!["a widget with the id `a` is open already".into()], vec![])
    );
}
