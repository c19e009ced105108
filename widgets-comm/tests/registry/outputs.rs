//! The Output model: what is captured into it by the kernel, and what a front end writes.

use serde_json::{Value, json};
use widgets_comm::{
    Registry,
    output::{NOTICE, OUTPUT_BYTES_MAX, Output},
};

use super::{check_value, registry, sent, sent_update, update};

fn print(registry: &mut Registry, text: &str) {
    let output = Output::Stream { name: "stdout".into(), text: text.into() };
    registry.append_output("o", output).expect("it is an Output");
}

fn stream(text: &str) -> Value {
    json!({"output_type": "stream", "name": "stdout", "text": text})
}

#[test]
fn captured_output_is_gathered_into_one_update() {
    let mut registry = registry(&[("o", "OutputModel", json!({}))]);
    for number in 0..3 {
        print(&mut registry, &format!("{number}\n"));
    }
    let state = json!({"outputs": [stream("0\n1\n2\n")]});
    assert_eq!(sent(&registry.take_updates()), [("o", sent_update("update", state))]);
    check_value(&registry, "o", "outputs", json!([stream("0\n1\n2\n")]));
}

#[test]
fn clearing_waits_across_updates() {
    let mut registry = registry(&[("o", "OutputModel", json!({}))]);
    print(&mut registry, "a");
    registry.append_output("o", Output::Clear { wait: true }).expect("it is an Output");
    registry.take_updates();
    print(&mut registry, "b");
    check_value(&registry, "o", "outputs", json!([stream("b")]));
}

#[test]
fn what_a_front_end_wrote_is_appended_to() {
    let mut registry = registry(&[("o", "OutputModel", json!({}))]);
    print(&mut registry, "a");
    registry.receive(update("o", json!({"outputs": [stream("from nbclient")]})));
    print(&mut registry, "!");
    check_value(&registry, "o", "outputs", json!([stream("from nbclient!")]));
}

#[test]
fn a_list_from_a_front_end_is_bounded() {
    let mut registry = registry(&[("o", "OutputModel", json!({}))]);
    let outputs = json!([stream(&"x".repeat(OUTPUT_BYTES_MAX)), stream("end")]);
    let outcome = registry.receive(update("o", json!({"outputs": outputs})));
    let kept = &sent(&outcome.messages)[1].1["state"]["outputs"];
    assert_eq!((&kept[0]["text"], &kept[2]), (&json!(NOTICE), &stream("end")));
}

#[test]
fn only_output_models_capture() {
    let mut registry = registry(&[("l", "LabelModel", json!({}))]);
    let error = registry.append_output("l", Output::Clear { wait: false }).expect_err("no Output");
    assert_eq!(error.to_string(), "Label has no attribute `outputs`");
}
