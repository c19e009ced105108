//! Values that the kernel keeps equal.

use serde_json::{Value, json};
use widgets_comm::{Registry, State};

use super::{changed, check_value, problems, registry, sent, sent_update, update};

fn numbers() -> Registry {
    registry(&[
        ("a", "IntSliderModel", json!({"value": 5})),
        ("b", "IntTextModel", json!({})),
        ("c", "FloatTextModel", json!({})),
    ])
}

fn set(registry: &mut Registry, id: &str, name: &str, value: Value) {
    registry.update(id, State::new().with(name, value)).expect("the update is taken");
}

#[test]
fn the_target_takes_the_value_of_the_source_at_once() {
    let mut registry = numbers();
    let (_, outcome) = registry.link(("a", "value"), ("b", "value")).expect("they are tied");
    assert_eq!(outcome.events, [changed("b", "value", json!(0), json!(5))]);
    assert_eq!(sent(&registry.take_updates()), [("b", sent_update("update", json!({"value": 5})))]);
}

#[test]
fn both_ends_follow_each_other_whoever_sets_them() {
    let mut registry = numbers();
    registry.link(("a", "value"), ("b", "value")).expect("they are tied");
    registry.take_updates();
    set(&mut registry, "b", "value", json!(8));
    check_value(&registry, "a", "value", json!(8));
    registry.take_updates();
    let outcome = registry.receive(update("a", json!({"value": 9})));
    assert_eq!(outcome.events, [changed("a", "value", json!(8), json!(9)), changed("b", "value", json!(8), json!(9))]);
    assert_eq!(sent(&outcome.messages), [("a", sent_update("echo_update", json!({"value": 9})))]);
    assert_eq!(sent(&registry.take_updates()), [("b", sent_update("update", json!({"value": 9})))]);
}

#[test]
fn a_directed_link_goes_one_way() {
    let mut registry = numbers();
    registry.dlink(("a", "value"), ("b", "value")).expect("they are tied");
    set(&mut registry, "b", "value", json!(1));
    check_value(&registry, "a", "value", json!(5));
    set(&mut registry, "a", "value", json!(6));
    check_value(&registry, "b", "value", json!(6));
}

#[test]
fn a_corrected_value_comes_back() {
    let mut registry = numbers();
    registry.link(("b", "value"), ("a", "value")).expect("they are tied");
    for _ in 0..2 {
        set(&mut registry, "b", "value", json!(900));
        check_value(&registry, "a", "value", json!(100));
        check_value(&registry, "b", "value", json!(100));
    }
    registry.take_updates();
    let outcome = registry.receive(update("b", json!({"value": 900})));
    let messages =
        [("b", sent_update("echo_update", json!({"value": 900}))), ("b", sent_update("update", json!({"value": 100})))];
    assert_eq!(sent(&outcome.messages), messages);
}

#[test]
fn rings_and_other_number_types_come_to_rest() {
    let mut registry = numbers();
    registry.link(("a", "value"), ("b", "value")).expect("they are tied");
    registry.link(("b", "value"), ("c", "value")).expect("they are tied");
    registry.link(("c", "value"), ("a", "value")).expect("they are tied");
    set(&mut registry, "b", "value", json!(42));
    for (id, value) in [("a", json!(42)), ("b", json!(42)), ("c", json!(42.0))] {
        check_value(&registry, id, "value", value);
    }
}

#[test]
fn ends_that_never_agree_come_to_rest_too() {
    let mut registry = registry(&[
        ("low", "IntSliderModel", json!({"max": 10})),
        ("high", "IntSliderModel", json!({"min": 20, "value": 20})),
    ]);
    registry.link(("low", "value"), ("high", "value")).expect("they are tied");
    set(&mut registry, "low", "value", json!(7));
    check_value(&registry, "low", "value", json!(10));
    check_value(&registry, "high", "value", json!(20));
}

#[test]
fn a_value_that_the_other_end_refuses_is_a_problem() {
    let mut registry = numbers();
    registry.dlink(("c", "value"), ("b", "value")).expect("they are tied");
    let outcome = registry.update("c", State::new().with("value", 1.5)).expect("it is taken");
    let expected = "the link to `value` of `b` broke off: IntText.value: expected an integer, found the number 1.5";
    assert_eq!(problems(&outcome), [expected]);
    let error = registry.link(("c", "value"), ("b", "description")).expect_err("a number is no text");
    assert_eq!(error.to_string(), "IntText.description: expected a string, found the number 1.5");
}

#[test]
fn links_need_ends_that_exist_and_end_when_told() {
    let mut registry = numbers();
    let mut refused = |source, target| registry.link(source, target).expect_err("no such end").to_string();
    assert_eq!(refused(("z", "value"), ("b", "value")), "no widget has the id `z`");
    let nearest = "IntText has no attribute `valu`; the nearest is `value`";
    assert_eq!(refused(("a", "value"), ("b", "valu")), nearest);
    let itself = "a link needs two different attributes, not `value` of `a` twice";
    assert_eq!(refused(("a", "value"), ("a", "value")), itself);
    let (link, _) = registry.link(("a", "value"), ("b", "value")).expect("they are tied");
    registry.unlink(link);
    set(&mut registry, "a", "value", json!(77));
    check_value(&registry, "b", "value", json!(5));
}
