//! What opening a model says to front ends.

use serde_json::{Value, json};
use widgets_comm::{CommKind, Registry, State, spec::MODELS};

use super::{check_value, registry, state};

#[track_caller]
fn check_refused(name: &str, given: Value, expected: &str) {
    let mut registry = Registry::new();
    let error = registry.open("a", name, state(&given)).expect_err("the model does not open");
    assert_eq!(error.to_string(), expected);
    assert_eq!(registry.ids().count(), 0, "nothing stays behind");
}

#[test]
fn a_model_is_opened_with_its_layout_and_style_before_it() {
    let messages = Registry::new().open("s", "IntSliderModel", State::new().with("value", 7)).expect("it opens");
    let opened: Vec<(&str, &Value)> =
        messages.iter().map(|open| (open.comm_id.as_str(), &open.content["data"]["state"]["_model_name"])).collect();
    let expected = [("s-layout", "LayoutModel"), ("s-style", "SliderStyleModel"), ("s", "IntSliderModel")];
    assert_eq!(opened, expected.map(|(id, name)| (id, json!(name))).each_ref().map(|(id, name)| (*id, name)));
    let slider = &messages[2];
    assert_eq!(slider.kind.message_type(), "comm_open");
    assert_eq!(Value::from(slider.metadata.clone()), json!({"version": "2.1.0"}));
    assert_eq!(
        slider.content,
        json!({"comm_id": "s", "target_name": "jupyter.widget", "data": {"buffer_paths": [], "state": {
            "_model_module": "@jupyter-widgets/controls",
            "_model_module_version": "2.0.0",
            "_model_name": "IntSliderModel",
            "_view_module": "@jupyter-widgets/controls",
            "_view_module_version": "2.0.0",
            "_view_name": "IntSliderView",
            "_dom_classes": [], "behavior": "drag-tap", "continuous_update": true, "description": "",
            "description_allow_html": false, "disabled": false, "layout": "IPY_MODEL_s-layout", "max": 100, "min": 0,
            "orientation": "horizontal", "readout": true, "readout_format": "d", "step": 1,
            "style": "IPY_MODEL_s-style", "tabbable": null, "tooltip": null, "value": 7,
        }}})
    );
}

#[test]
fn all_models_open_with_every_attribute_of_the_specification() {
    for spec in MODELS {
        let messages = Registry::new().open("a", spec.name, State::new()).expect(spec.name);
        let open = messages.last().expect("a message");
        assert_eq!((open.kind, open.comm_id.as_str()), (CommKind::Open, "a"));
        let data = &open.content["data"];
        let binary = data["buffer_paths"].as_array().expect("paths").len();
        let sent = data["state"].as_object().expect("a state");
        assert_eq!(sent.len() + binary, spec.attributes().count() + 6, "{}", spec.name);
        for attribute in spec.attributes().filter(|attribute| sent.contains_key(attribute.name)) {
            let is_null = sent[attribute.name].is_null();
            assert!(!is_null || attribute.nullable, "{}.{} is null", spec.name, attribute.name);
        }
    }
}

#[test]
fn an_output_model_always_carries_its_outputs() {
    let messages = Registry::new().open("o", "OutputModel", State::new()).expect("it opens");
    assert_eq!(messages[1].content["data"]["state"]["outputs"], json!([]));
    assert_eq!(messages[1].content["data"]["state"]["_model_module_version"], "1.0.0");
}

#[test]
fn bytes_travel_as_buffers() {
    let given = State::new().with("format", "gif").with_bytes("value", "GIF89a");
    let messages = Registry::new().open("i", "ImageModel", given).expect("it opens");
    let data = &messages[1].content["data"];
    assert_eq!((&data["buffer_paths"], data["state"].get("value")), (&json!([["value"]]), None));
    assert_eq!(messages[1].buffers, ["GIF89a"]);
}

#[test]
fn a_layout_that_is_given_is_used() {
    let mut registry = registry(&[("l", "LayoutModel", json!({"width": "50%"}))]);
    let messages = registry.open("b", "BoxModel", State::new().with("layout", "IPY_MODEL_l")).expect("it opens");
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].content["data"]["state"]["layout"], "IPY_MODEL_l");
}

#[test]
fn what_only_ipywidgets_knows_is_done_as_there() {
    let registry = registry(&[
        ("upload", "FileUploadModel", json!({})),
        ("range", "IntRangeSliderModel", json!({"max": 10})),
        ("choice", "DropdownModel", json!({"_options_labels": ["a", "b"]})),
        ("tab", "TabModel", json!({"children": ["IPY_MODEL_range"]})),
    ]);
    check_value(&registry, "upload", "description", json!("Upload"));
    check_value(&registry, "range", "value", json!([2, 7]));
    check_value(&registry, "choice", "index", json!(0));
    check_value(&registry, "tab", "selected_index", json!(0));
    check_value(&registry, "tab", "titles", json!([""]));
}

#[test]
fn names_may_be_repeated_but_not_changed() {
    let named = State::new().with("_model_name", "LabelModel").with("_view_name", "LabelView");
    assert!(Registry::new().open("l", "LabelModel", named).is_ok());
    check_refused("LabelModel", json!({"_view_name": "HTMLView"}), "Label._view_name cannot be changed");
}

#[test]
fn what_a_model_does_not_have_is_refused_with_the_nearest_name() {
    let nearest = "no widget model is named `IntSliderModell`; the nearest is `IntSliderModel`";
    check_refused("IntSliderModell", json!({}), nearest);
    check_refused("Plot3DModel", json!({}), "no widget model is named `Plot3DModel`");
    let unknown = "IntSlider has no attribute `maximum`";
    check_refused("IntSliderModel", json!({"maximum": 5}), unknown);
    let nearest = "IntSlider has no attribute `descripton`; the nearest is `description`";
    check_refused("IntSliderModel", json!({"descripton": "n"}), nearest);
}

#[test]
fn wrong_values_are_refused() {
    check_refused(
        "IntSliderModel",
        json!({"value": "five"}),
        "IntSlider.value: expected an integer, found the string 'five'",
    );
    check_refused("IntSliderModel", json!({"min": 5, "max": 1}), "IntSlider: min is 5, above max, which is 1");
    check_refused(
        "ButtonModel",
        json!({"button_style": "blue"}),
        "Button.button_style: the string 'blue' is not one of 'primary', 'success', 'info', 'warning', 'danger', ''",
    );
    check_refused("HBoxModel", json!({"children": ["IPY_MODEL_x"]}), "HBox.children: no widget has the id `x`");
}

#[test]
fn references_lead_to_models_of_the_right_class() {
    let mut registry = registry(&[
        ("label", "LabelModel", json!({})),
        ("style", "TextStyleModel", json!({})),
        ("slim", "DescriptionStyleModel", json!({})),
    ]);
    let mut open = |given: Value| registry.open("t", "TextModel", state(&given)).map(|_| ());
    let error = open(json!({"layout": "IPY_MODEL_label"})).expect_err("a label is no layout");
    assert_eq!(error.to_string(), "Text.layout: the widget `label` is a Label, not a Layout");
    let error = open(json!({"style": "IPY_MODEL_slim"})).expect_err("that style lacks attributes");
    assert_eq!(error.to_string(), "Text.style: the widget `slim` is a DescriptionStyle, not a TextStyle");
    assert_eq!(open(json!({"style": "IPY_MODEL_style"})), Ok(()));
    // A style that has more than is asked for does.
    assert!(registry.open("d", "DropdownModel", State::new().with("style", "IPY_MODEL_style")).is_ok());
}

#[test]
fn a_front_end_link_ends_at_attributes_that_exist() {
    let mut registry = registry(&[("a", "IntSliderModel", json!({})), ("b", "IntTextModel", json!({}))]);
    let ends = |name| json!({"source": ["IPY_MODEL_a", "value"], "target": ["IPY_MODEL_b", name]});
    let error = registry.open("l", "LinkModel", state(&ends("valeu"))).expect_err("no such attribute");
    assert_eq!(error.to_string(), "Link.target: the widget `b` has no attribute `valeu`");
    let messages = registry.open("l", "LinkModel", state(&ends("value"))).expect("it opens");
    assert_eq!((messages.len(), &messages[0].content["data"]["state"]["_view_name"]), (1, &Value::Null));
}

#[test]
fn ids_are_used_once() {
    let mut registry = registry(&[("a", "LabelModel", json!({}))]);
    let error = registry.open("a", "LabelModel", State::new()).expect_err("taken");
    assert_eq!(error.to_string(), "a widget with the id `a` is open already");
    let long = "x".repeat(257);
    let error = registry.open(&long, "LabelModel", State::new()).expect_err("too long");
    assert_eq!(error.to_string(), "bytes of an id: 257, more than 256");
    registry.open("b-layout", "LabelModel", State::new()).expect("it opens");
    let messages = registry.open("b", "LabelModel", State::new()).expect("it opens");
    assert_eq!(messages[0].comm_id, "b-layout-2", "the layout takes a free id");
}

#[test]
fn custom_models_bring_their_own_keys() {
    let mut registry = Registry::new();
    let names = json!({"_model_module": "anywidget", "_model_module_version": "*", "_model_name": "AnyModel",
        "_view_module": "anywidget", "_view_name": "AnyView", "_esm": "export default {}", "rows": {"a": [1]}});
    let messages = registry.open_custom("w", state(&names)).expect("it opens");
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].content["data"], json!({"state": names, "buffer_paths": []}));
    registry.update("w", State::new().with("fresh", 1)).expect("new keys are fine");
    check_value(&registry, "w", "fresh", json!(1));

    let nameless = state(&json!({"_model_module": "anywidget", "_model_module_version": "*"}));
    let error = registry.open_custom("v", nameless).expect_err("no name");
    assert_eq!(error.to_string(), "a custom widget needs a string in `_model_name`");
}
