//! What front ends send about models that are open.

use bytes::Bytes;
use serde_json::{Value, json};
use widgets_comm::Event;

use super::{changed, check_value, data, data_with, problems, registry, sent, sent_update, update};

#[test]
fn every_attribute_is_echoed_before_it_is_applied() {
    let mut registry = registry(&[("a", "IntSliderModel", json!({}))]);
    let outcome = registry.receive(update("a", json!({"value": 7, "description": "n"})));
    let echo = sent_update("echo_update", json!({"value": 7, "description": "n"}));
    assert_eq!(sent(&outcome.messages), [("a", echo)]);
    let expected = [changed("a", "value", json!(0), json!(7)), changed("a", "description", json!(""), json!("n"))];
    assert_eq!(outcome.events, expected);
    assert_eq!((problems(&outcome), registry.take_updates()), (vec![], vec![]));
}

#[test]
fn a_value_that_is_there_already_is_echoed_too() {
    let mut registry = registry(&[("a", "IntSliderModel", json!({"value": 7}))]);
    let outcome = registry.receive(update("a", json!({"value": 7})));
    assert_eq!(sent(&outcome.messages), [("a", sent_update("echo_update", json!({"value": 7})))]);
    assert_eq!(outcome.events, []);
}

#[test]
fn a_corrected_value_follows_its_echo() {
    let mut registry = registry(&[("a", "IntSliderModel", json!({"value": 7}))]);
    let outcome = registry.receive(update("a", json!({"value": 900})));
    assert_eq!(
        sent(&outcome.messages),
        [("a", sent_update("echo_update", json!({"value": 900}))), ("a", sent_update("update", json!({"value": 100}))),]
    );
    assert_eq!(outcome.events, [changed("a", "value", json!(7), json!(100))]);
    // Clamped to what it was: no event, but the front end has to be put right.
    let outcome = registry.receive(update("a", json!({"value": 900})));
    assert_eq!(sent(&outcome.messages)[1], ("a", sent_update("update", json!({"value": 100}))));
    assert_eq!(outcome.events, []);
}

#[test]
fn a_refused_value_is_put_right_and_the_others_are_taken() {
    let mut registry = registry(&[("a", "IntSliderModel", json!({"value": 7}))]);
    let outcome = registry.receive(update("a", json!({"value": "x", "step": 2})));
    assert_eq!(
        sent(&outcome.messages),
        [
            ("a", sent_update("echo_update", json!({"value": "x", "step": 2}))),
            ("a", sent_update("update", json!({"value": 7}))),
        ]
    );
    assert_eq!(problems(&outcome), ["IntSlider.value: expected an integer, found the string 'x'"]);
    check_value(&registry, "a", "step", json!(2));
}

#[test]
fn values_that_break_a_rule_leave_the_free_ones() {
    let mut registry = registry(&[("d", "DropdownModel", json!({"_options_labels": ["a", "b"]}))]);
    let outcome = registry.receive(update("d", json!({"index": 5, "description": "n"})));
    assert_eq!(problems(&outcome), ["Dropdown: index is 5, but there are 2"]);
    assert_eq!(sent(&outcome.messages)[1], ("d", sent_update("update", json!({"index": 0}))));
    check_value(&registry, "d", "description", json!("n"));
}

#[test]
fn what_follows_from_a_value_is_sent_with_the_answer() {
    let mut registry = registry(&[("a", "IntSliderModel", json!({"value": 50}))]);
    let outcome = registry.receive(update("a", json!({"max": 20})));
    let messages =
        [("a", sent_update("echo_update", json!({"max": 20}))), ("a", sent_update("update", json!({"value": 20})))];
    assert_eq!(sent(&outcome.messages), messages);
}

#[test]
fn uploaded_files_are_taken_but_not_echoed() {
    let mut registry = registry(&[("u", "FileUploadModel", json!({}))]);
    let file = json!({"name": "a.pcap", "type": "", "size": 2, "last_modified": 1_752_000_000_000_i64});
    let message = json!({"method": "update", "state": {"value": [file], "error": ""},
        "buffer_paths": [["value", 0, "content"]]});
    let outcome = registry.receive(data_with("u", message, vec![Bytes::from_static(b"ab")]));
    assert_eq!(sent(&outcome.messages), [("u", sent_update("echo_update", json!({"error": ""})))]);
    let value = registry.get("u", "value").expect("a value");
    assert_eq!((value.json(), &value.buffers()[0].1[..]), (&json!([file]), b"ab".as_slice()));

    let only_files = json!({"method": "update", "state": {"value": []}, "buffer_paths": []});
    let outcome = registry.receive(data("u", only_files));
    assert_eq!((outcome.messages, outcome.events.len()), (vec![], 1));
}

#[test]
fn echoes_carry_the_buffers_they_answer() {
    let mut registry = registry(&[("i", "ImageModel", json!({}))]);
    let message = json!({"method": "update", "state": {}, "buffer_paths": [["value"]]});
    let outcome = registry.receive(data_with("i", message, vec![Bytes::from_static(b"ab")]));
    let echo = json!({"method": "echo_update", "state": {}, "buffer_paths": [["value"]]});
    assert_eq!(sent(&outcome.messages), [("i", echo)]);
    assert_eq!(outcome.messages[0].buffers, ["ab"]);
}

#[test]
fn an_update_that_waits_and_one_that_arrives_end_with_the_same_value() {
    let mut registry = registry(&[("a", "IntSliderModel", json!({}))]);
    registry.update("a", widgets_comm::State::new().with("value", 3).with("max", 50)).expect("it is taken");
    let outcome = registry.receive(update("a", json!({"value": 9})));
    let messages = [
        ("a", sent_update("echo_update", json!({"value": 9}))),
        ("a", sent_update("update", json!({"value": 9, "max": 50}))),
    ];
    assert_eq!(sent(&outcome.messages), messages);
    assert_eq!(registry.take_updates(), []);
}

#[test]
fn clicks_and_submits_are_events() {
    let mut registry = registry(&[
        ("b", "ButtonModel", json!({})),
        ("t", "TextModel", json!({})),
        ("p", "PasswordModel", json!({})),
        ("s", "IntSliderModel", json!({})),
    ]);
    let mut custom =
        |id: &str, content: Value| registry.receive(data(id, json!({"method": "custom", "content": content}))).events;
    assert_eq!(custom("b", json!({"event": "click"})), [Event::Click { id: "b".into() }]);
    assert_eq!(custom("t", json!({"event": "submit"})), [Event::Submit { id: "t".into() }]);
    assert_eq!(custom("p", json!({"event": "submit"})), [Event::Submit { id: "p".into() }]);
    let other = Event::Custom { id: "s".into(), content: json!({"event": "click"}), buffers: vec![] };
    assert_eq!(custom("s", json!({"event": "click"})), [other]);
    let other = Event::Custom { id: "b".into(), content: json!([1]), buffers: vec![] };
    assert_eq!(custom("b", json!([1])), [other]);
}

#[test]
fn custom_models_take_known_keys_but_not_code() {
    let mut registry = registry(&[]);
    let given = json!({"_model_module": "anywidget", "_model_module_version": "*", "_model_name": "AnyModel",
        "_esm": "export default {}", "rows": [1]});
    registry.open_custom("w", super::state(&given)).expect("it opens");
    let outcome = registry.receive(update("w", json!({"rows": [1, 2], "_esm": "steal()", "fresh": 1})));
    assert_eq!(problems(&outcome), ["AnyModel._esm cannot be changed", "AnyModel has no attribute `fresh`"]);
    assert_eq!(
        sent(&outcome.messages),
        [
            ("w", sent_update("echo_update", json!({"rows": [1, 2]}))),
            ("w", sent_update("update", json!({"_esm": "export default {}"}))),
        ]
    );
    check_value(&registry, "w", "rows", json!([1, 2]));
}
