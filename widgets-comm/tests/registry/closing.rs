//! How models end, by the kernel or by a front end.

use serde_json::{Value, json};
use widgets_comm::{CommMessage, Event, State};

use super::{check_value, closed, problems, registry, sent, sent_update};

fn ids(messages: &[CommMessage]) -> Vec<&str> {
    messages
        .iter()
        .inspect(|message| assert_eq!(message.kind.message_type(), "comm_close"))
        .map(|message| message.comm_id.as_str())
        .collect()
}

#[test]
fn what_was_made_for_a_model_ends_with_it() {
    let mut registry =
        registry(&[("l", "LayoutModel", json!({})), ("a", "IntSliderModel", json!({"layout": "IPY_MODEL_l"}))]);
    let messages = registry.close("a").expect("it is open");
    assert_eq!(ids(&messages), ["a", "a-style"]);
    assert_eq!(messages[0].content, json!({"comm_id": "a", "data": {}}));
    assert_eq!(registry.ids().collect::<Vec<_>>(), ["l"], "a layout that was given stays");
    assert_eq!(registry.close("a").expect_err("closed").to_string(), "no widget has the id `a`");
}

#[test]
fn a_layout_that_another_widget_uses_stays_open() {
    let mut registry =
        registry(&[("a", "LabelModel", json!({})), ("b", "LabelModel", json!({"layout": "IPY_MODEL_a-layout"}))]);
    let error = registry.close("a-layout").expect_err("it is in use");
    assert_eq!(error.to_string(), "the widget `a-layout` is used as layout of the widget `a`");
    assert_eq!(ids(&registry.close("a").expect("it closes")), ["a", "a-style"]);
    assert!(registry.get("a-layout", "width").is_some());
    registry.close("b").expect("it closes");
    assert_eq!(ids(&registry.close("a-layout").expect("nobody uses it now")), ["a-layout"]);
}

#[test]
fn containers_lose_a_child_that_is_closed() {
    let mut registry = registry(&[
        ("a", "LabelModel", json!({})),
        ("b", "LabelModel", json!({})),
        (
            "tab",
            "TabModel",
            json!({"children": ["IPY_MODEL_a", "IPY_MODEL_b"], "selected_index": 1, "titles": ["A", "B"]}),
        ),
    ]);
    registry.close("b").expect("it closes");
    check_value(&registry, "tab", "children", json!(["IPY_MODEL_a"]));
    let state = json!({"children": ["IPY_MODEL_a"], "selected_index": 0, "titles": ["A"]});
    assert_eq!(sent(&registry.take_updates()), [("tab", sent_update("update", state))]);
}

#[test]
fn links_end_with_what_they_tie() {
    let ends = json!({"source": ["IPY_MODEL_a", "value"], "target": ["IPY_MODEL_b", "value"]});
    let mut registry =
        registry(&[("a", "IntTextModel", json!({})), ("b", "IntTextModel", json!({})), ("link", "LinkModel", ends)]);
    registry.link(("a", "value"), ("b", "value")).expect("they are tied");
    assert_eq!(ids(&registry.close("b").expect("it closes")), ["link", "b", "b-layout", "b-style"]);
    let outcome = registry.update("a", State::new().with("value", 1)).expect("it is taken");
    assert_eq!((outcome.events.len(), outcome.problems), (1, vec![]));
}

#[test]
fn a_front_end_closes_a_model() {
    let mut registry = registry(&[("a", "LabelModel", json!({}))]);
    let outcome = registry.receive(closed("a"));
    assert_eq!(outcome.events, [Event::Closed { id: "a".into() }]);
    assert_eq!(ids(&outcome.messages), ["a-layout", "a-style"], "what it does not know yet");
    assert_eq!(registry.ids().count(), 0);
    assert_eq!(problems(&registry.receive(closed("a"))), ["no comm is open with the id `a`"]);
}

#[test]
fn a_front_end_without_widgets_closes_everything_in_any_order() {
    let mut registry =
        registry(&[("a", "LabelModel", json!({})), ("box", "BoxModel", json!({"children": ["IPY_MODEL_a"]}))]);
    let ids: Vec<String> = registry.ids().map(str::to_owned).collect();
    for id in ids {
        registry.receive(closed(&id));
    }
    assert_eq!(registry.ids().count(), 0);
    assert_eq!(registry.take_updates(), []);
}

#[test]
fn an_update_that_waits_ends_with_its_model() {
    let mut registry = registry(&[("a", "LabelModel", json!({}))]);
    registry.update("a", State::new().with("value", "x")).expect("it is taken");
    registry.close("a").expect("it closes");
    registry.open("a", "LabelModel", State::new()).expect("the id is free");
    assert_eq!(registry.take_updates(), []);
    check_value(&registry, "a", "value", Value::from(""));
}
