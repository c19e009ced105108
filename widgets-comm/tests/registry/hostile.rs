//! Front ends that are broken or mean harm: nothing panics, nothing grows without bound, nothing is stored unchecked.

use bytes::Bytes;
use serde_json::{Value, json};
use widgets_comm::{CommKind, FRONT_END_MODELS_MAX, Incoming, Registry};

use super::{check_value, data, data_with, incoming, opened, problems, registry, update};

#[track_caller]
fn check_refused(message: Incoming, expected: &str) {
    let mut registry = registry(&[("a", "IntSliderModel", json!({})), ("d", "DropdownModel", json!({}))]);
    let before = registry.state("a");
    let outcome = registry.receive(message);
    assert_eq!(problems(&outcome), [expected]);
    assert_eq!((outcome.events, registry.state("a")), (vec![], before));
}

#[test]
fn messages_without_sense_are_problems() {
    check_refused(update("z", json!({})), "no comm is open with the id `z`");
    check_refused(data("a", json!({"method": "explode"})), "a front end sent the unknown method `explode`");
    check_refused(data("a", json!("method")), "a front end sent the unknown method ``");
    check_refused(data("a", json!([1, 2])), "a front end sent the unknown method ``");
    check_refused(data("a", Value::Null), "a front end sent the unknown method ``");
    let no_state = "the message's buffers do not fit: state is not an object";
    check_refused(data("a", json!({"method": "update"})), no_state);
    check_refused(data("a", json!({"method": "update", "state": [1]})), no_state);
    let paths = json!({"method": "update", "state": {}, "buffer_paths": [["value", 3]]});
    check_refused(
        data_with("a", paths, vec![Bytes::new()]),
        "the message's buffers do not fit: buffer path [\"value\",3] leads nowhere",
    );
    let open = incoming(CommKind::Open, "n", "jupyter.widget", json!(7), json!("2.0.0"), vec![]);
    check_refused(open, "the front end speaks version `` of jupyter.widget, not 2.1.0");
}

#[test]
fn attributes_that_are_not_the_front_ends_are_refused() {
    check_refused(update("a", json!({"_model_name": "HTMLModel"})), "IntSlider._model_name cannot be changed");
    check_refused(update("a", json!({"_view_module": "evil"})), "IntSlider._view_module cannot be changed");
    check_refused(update("d", json!({"_options_labels": ["x"]})), "Dropdown._options_labels cannot be changed");
    check_refused(update("a", json!({"payload": 1})), "IntSlider has no attribute `payload`");
}

#[test]
fn options_written_by_a_front_end_are_put_right() {
    let mut registry = registry(&[("d", "DropdownModel", json!({"_options_labels": ["a"]}))]);
    let outcome = registry.receive(update("d", json!({"_options_labels": ["evil"]})));
    let right = super::sent_update("update", json!({"_options_labels": ["a"]}));
    assert_eq!(super::sent(&outcome.messages), [("d", right)]);
}

#[test]
fn sizes_are_bounded() {
    let mut registry = registry(&[("t", "TextModel", json!({}))]);
    let outcome = registry.receive(update("t", json!({"value": "x".repeat(17 << 20)})));
    let problem = problems(&outcome).join("");
    assert!(problem.starts_with("bytes of a message from the front end: 178") && problem.ends_with("16777216"));
    assert_eq!(outcome.messages, []);
    check_value(&registry, "t", "value", json!(""));
    let huge = Bytes::from(vec![0; 1 << 20]);
    let message = json!({"method": "custom", "content": {}});
    let outcome = registry.receive(data_with("t", message, vec![huge; 513]));
    assert_eq!(problems(&outcome), ["bytes of buffers from the front end: 537919488, more than 536870912"]);
    let id = "x".repeat(300);
    let outcome = registry.receive(opened(&id, "jupyter.widget.control", "1.0.0", json!({})));
    assert_eq!(problems(&outcome), ["bytes of an id: 300, more than 256"]);
}

#[test]
fn the_number_of_comms_from_front_ends_is_bounded() {
    let mut registry = Registry::new();
    let open = |id: usize| {
        let state = json!({"state": {"_model_name": "ControllerAxisModel"}});
        opened(&format!("axis{id}"), "jupyter.widget", "2.1.0", state)
    };
    for id in 0..FRONT_END_MODELS_MAX {
        assert_eq!(registry.receive(open(id)).problems, []);
    }
    let outcome = registry.receive(open(FRONT_END_MODELS_MAX));
    assert_eq!(problems(&outcome), ["widgets opened by front ends: 1001, more than 1000"]);
    registry.receive(super::closed("axis5"));
    assert_eq!(registry.receive(open(FRONT_END_MODELS_MAX)).problems, [], "there is room again");
    for id in 0..64 {
        registry.receive(opened(&format!("control{id}"), "jupyter.widget.control", "1.0.0", json!({})));
    }
    let outcome = registry.receive(opened("one more", "jupyter.widget.control", "1.0.0", json!({})));
    assert_eq!(problems(&outcome), ["open control comms: 65, more than 64"]);
}

#[test]
fn random_json_never_panics_and_never_breaks_a_type() {
    let models: Vec<(String, &str)> =
        widgets_comm::spec::MODELS.iter().map(|spec| (spec.class.to_owned(), spec.name)).collect();
    let mut registry = Registry::new();
    for (id, name) in &models {
        registry.open(id, name, widgets_comm::State::new()).expect("it opens");
    }
    let values = [
        json!(null),
        json!(true),
        json!(-7),
        json!(1e308),
        json!(0.5),
        json!(""),
        json!("any"),
        json!("IPY_MODEL_Box"),
        json!("IPY_MODEL_Layout"),
        json!([]),
        json!([0, 1]),
        json!([2, 1]),
        json!([-1, 99]),
        json!(["", "a"]),
        json!(["IPY_MODEL_Text", "value"]),
        json!(["IPY_MODEL_Box"]),
        json!({}),
        json!([{}]),
        json!([null]),
        json!({"year": 2024, "month": 1, "date": 29}),
        json!({"hours": 1, "minutes": 2, "seconds": 3, "milliseconds": 4.5}),
    ];
    let mut problems = 0;
    for (id, name) in &models {
        let spec = widgets_comm::spec::MODELS.iter().find(|spec| spec.name == *name).expect("it is published");
        for attribute in spec.attributes() {
            for value in &values {
                problems += registry.receive(update(id, json!({ attribute.name: value }))).problems.len();
                let stored = registry.get(id, attribute.name).expect("it is there");
                let is_null = stored.json().is_null() && stored.as_bytes().is_none();
                assert!(!is_null || attribute.nullable, "{id}.{} became null", attribute.name);
            }
        }
        assert!(registry.view(id).is_some());
    }
    assert!(problems > 10_000, "most of that is nonsense: {problems}");
}

#[test]
fn a_box_that_contains_itself_is_still_shown() {
    let mut registry = registry(&[("b", "VBoxModel", json!({}))]);
    registry.receive(update("b", json!({"children": ["IPY_MODEL_b", "IPY_MODEL_b", "IPY_MODEL_b"]})));
    let view = registry.view("b").expect("a view");
    assert!(view["text/html"].as_str().expect("HTML").len() < 200_000);
    registry.receive(super::closed("b"));
    assert_eq!(registry.ids().count(), 0);
}
