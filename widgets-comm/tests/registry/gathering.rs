//! How changes by the kernel are checked and gathered into few messages.

use serde_json::{Value, json};
use widgets_comm::{Registry, State};

use super::{changed, check_value, registry, sent, sent_update, state};

#[track_caller]
fn set(registry: &mut Registry, id: &str, given: Value) -> Vec<widgets_comm::Event> {
    let outcome = registry.update(id, state(&given)).expect("the update is taken");
    assert!(outcome.messages.is_empty() && outcome.problems.is_empty());
    outcome.events
}

#[test]
fn only_what_changed_is_sent_with_its_newest_value_in_order_of_the_first_change() {
    let mut registry = registry(&[("a", "IntSliderModel", json!({})), ("b", "LabelModel", json!({}))]);
    set(&mut registry, "b", json!({"value": "x"}));
    set(&mut registry, "a", json!({"value": 1}));
    set(&mut registry, "b", json!({"description": "d"}));
    set(&mut registry, "b", json!({"value": "y"}));
    let updates = registry.take_updates();
    assert_eq!(
        sent(&updates),
        [
            ("b", sent_update("update", json!({"value": "y", "description": "d"}))),
            ("a", sent_update("update", json!({"value": 1}))),
        ]
    );
    assert_eq!(registry.take_updates(), []);
}

#[test]
fn an_equal_value_is_no_change() {
    let mut registry = registry(&[("a", "FloatSliderModel", json!({"value": 5}))]);
    assert_eq!(set(&mut registry, "a", json!({"value": 5.0, "min": 0})), []);
    assert_eq!(registry.take_updates(), []);
}

#[test]
fn values_are_corrected_and_the_correction_is_sent() {
    let mut registry = registry(&[("a", "IntSliderModel", json!({"value": 50}))]);
    let events = set(&mut registry, "a", json!({"max": 10}));
    assert_eq!(events, [changed("a", "max", json!(100), json!(10)), changed("a", "value", json!(50), json!(10))]);
    assert_eq!(sent(&registry.take_updates()), [("a", sent_update("update", json!({"max": 10, "value": 10})))]);
    set(&mut registry, "a", json!({"value": 99}));
    assert_eq!(registry.take_updates(), [], "clamped to what it was");
}

#[test]
fn an_update_is_taken_as_a_whole_or_not_at_all() {
    let mut registry = registry(&[("a", "IntSliderModel", json!({}))]);
    let error = registry.update("a", state(&json!({"value": 5, "step": null}))).expect_err("null is no step");
    assert_eq!(error.to_string(), "IntSlider.step: expected an integer, found null");
    let error = registry.update("a", state(&json!({"value": 5, "min": 500}))).expect_err("min above max");
    assert_eq!(error.to_string(), "IntSlider: min is 500, above max, which is 100");
    let error = registry.update("a", state(&json!({"_model_name": "X"}))).expect_err("names stay");
    assert_eq!(error.to_string(), "IntSlider._model_name cannot be changed");
    check_value(&registry, "a", "value", json!(0));
    assert_eq!(registry.take_updates(), []);
    let error = registry.update("z", State::new()).expect_err("nobody has that id");
    assert_eq!(error.to_string(), "no widget has the id `z`");
}

#[test]
fn buffers_are_split_out_of_updates() {
    let mut registry = registry(&[("i", "ImageModel", json!({}))]);
    registry.update("i", State::new().with_bytes("value", "new").with("format", "gif")).expect("it is taken");
    let updates = registry.take_updates();
    let data = json!({"method": "update", "state": {"format": "gif"}, "buffer_paths": [["value"]]});
    assert_eq!(sent(&updates), [("i", data)]);
    assert_eq!(updates[0].buffers, ["new"]);
}

#[test]
fn ten_thousand_steps_travel_as_one_message() {
    let mut registry = registry(&[("p", "IntProgressModel", json!({"max": 10_000}))]);
    for step in 1..=10_000 {
        registry.update("p", State::new().with("value", step)).expect("it is taken");
    }
    assert_eq!(sent(&registry.take_updates()), [("p", sent_update("update", json!({"value": 10_000})))]);
}

#[test]
fn random_updates_leave_models_that_keep_their_rules() {
    let mut registry = registry(&[("a", "IntSliderModel", json!({})), ("r", "IntRangeSliderModel", json!({}))]);
    let mut seed = 7_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) % 400) as i64 - 200
    };
    let mut refused = 0;
    for _ in 0..20_000 {
        let name = ["value", "min", "max"][random().unsigned_abs() as usize % 3];
        let (id, value) = match (name, random() % 2) {
            (name, 0) => ("a", json!({ name: random() })),
            ("value", _) => ("r", json!({"value": [random(), random()]})),
            (name, _) => ("r", json!({ name: random() })),
        };
        refused += usize::from(registry.update(id, state(&value)).is_err());
        let number = |id, name| registry.get(id, name).and_then(|value| value.json().as_i64()).expect("a number");
        let (min, value, max) = (number("a", "min"), number("a", "value"), number("a", "max"));
        assert!(min <= value && value <= max, "{min} {value} {max}");
        let range = registry.get("r", "value").expect("a range").json().clone();
        let (lower, upper) = (range[0].as_i64().expect("a number"), range[1].as_i64().expect("a number"));
        assert!(number("r", "min") <= lower && lower <= upper && upper <= number("r", "max"), "{range}");
    }
    assert!((1_000..19_000).contains(&refused), "some are refused and some are not: {refused}");
}

#[test]
fn custom_messages_are_made_for_open_models() {
    let registry = registry(&[("t", "TextModel", json!({}))]);
    let message = registry.custom_message("t", json!({"do": "focus"}), Vec::new()).expect("it is open");
    assert_eq!(message.content, json!({"comm_id": "t", "data": {"method": "custom", "content": {"do": "focus"}}}));
    assert!(registry.custom_message("z", json!({}), Vec::new()).is_err());
}
