//! What a model looks like where no front end draws it.

use serde_json::{Value, json};
use widgets_comm::{Registry, State};

use super::registry;

#[track_caller]
fn check(name: &str, given: Value, text: &str, html: &str) {
    check_in(Registry::new(), name, super::state(&given), text, html);
}

#[track_caller]
fn check_in(mut registry: Registry, name: &str, given: State, text: &str, html: &str) {
    registry.open("w", name, given).expect("the model opens");
    let view = registry.view("w").expect("a view");
    assert_eq!(view["text/plain"], text);
    assert_eq!(view["text/html"], html);
}

#[test]
fn a_view_names_its_model_and_has_stand_ins() {
    let registry = registry(&[("n", "IntSliderModel", json!({"value": 5, "description": "n"}))]);
    let expected = json!({
        "text/plain": "IntSlider(value=5, description='n')",
        "text/html": "<span>n</span> <b>5</b> <small>(0 – 100)</small>",
        "application/vnd.jupyter.widget-view+json": {"version_major": 2, "version_minor": 0, "model_id": "n"},
    });
    assert_eq!(Value::from(registry.view("n").expect("a view")), expected);
    let layout = Value::from(registry.view("n-layout").expect("stand-ins"));
    assert_eq!(layout["text/plain"], "Layout()");
    let registry = super::registry(&[("m", "DOMWidgetModel", json!({}))]);
    assert_eq!(registry.view("m").expect("stand-ins").len(), 2, "nothing to draw");
    assert_eq!(registry.view("z"), None);
}

#[test]
fn controls_show_their_value() {
    check(
        "CheckboxModel",
        json!({"value": true, "description": "a < b"}),
        "Checkbox(value=true, description='a < b')",
        "☑ a &lt; b",
    );
    check("TextModel", json!({"value": "it's\n<b>"}), "Text(value='it\\'s\\n<b>')", "<b>it&#39;s\n&lt;b&gt;</b>");
    check("TextareaModel", json!({"value": "a\nb"}), "Textarea(value='a\\nb')", "<pre>a\nb</pre>");
    check("PasswordModel", json!({"value": "secret"}), "Password()", "<b>••••••</b>");
    check("HTMLModel", json!({"value": "<i>as is</i>"}), "HTML(value='<i>as is</i>')", "<i>as is</i>");
    check("ButtonModel", json!({"description": "Go"}), "Button(description='Go')", "<button disabled>Go</button>");
    check("ValidModel", json!({}), "Valid(value=false)", "✘ Invalid");
    check("FloatRangeSliderModel", json!({}), "FloatRangeSlider(value=[25.0, 75.0])", "<b>25.0, 75.0</b>");
    check(
        "IntProgressModel",
        json!({"value": 3, "max": 12}),
        "IntProgress(value=3, max=12)",
        "<progress value=\"25.0\" max=\"100\"></progress> 3 of 12",
    );
    check(
        "DatePickerModel",
        json!({"value": {"year": 2026, "month": 0, "date": 31}}),
        "DatePicker(value=2026-01-31)",
        "<b>2026-01-31</b>",
    );
    check(
        "ColorPickerModel",
        json!({"value": "red"}),
        "ColorPicker(value='red')",
        "<span style=\"display:inline-block;width:1em;height:1em;background-color:red\"></span> red",
    );
    check("TagsInputModel", json!({"value": ["a", "b"]}), "TagsInput(value=['a', 'b'])", "<b>a, b</b>");
}

#[test]
fn selections_show_the_chosen_labels() {
    let labels = json!(["tcp", "udp"]);
    check(
        "DropdownModel",
        json!({"_options_labels": labels, "index": 1, "description": "p"}),
        "Dropdown(value='udp', description='p', options=['tcp', 'udp'])",
        "<span>p</span> <b>udp</b>",
    );
    check(
        "DropdownModel",
        json!({"_options_labels": labels, "index": null}),
        "Dropdown(value=None, options=['tcp', 'udp'])",
        "<b></b>",
    );
    check(
        "SelectMultipleModel",
        json!({"_options_labels": labels, "index": [0, 1]}),
        "SelectMultiple(value=['tcp', 'udp'], options=['tcp', 'udp'])",
        "<b>tcp, udp</b>",
    );
    check(
        "SelectionRangeSliderModel",
        json!({"_options_labels": labels, "index": [0, 1]}),
        "SelectionRangeSlider(value=['tcp', 'udp'], options=['tcp', 'udp'])",
        "<b>tcp – udp</b>",
    );
    let registry = registry(&[("d", "DropdownModel", json!({"_options_labels": labels}))]);
    assert_eq!(registry.chosen_labels("d"), Some(vec!["tcp"]));
}

#[test]
fn containers_show_their_children() {
    let children =
        || registry(&[("a", "LabelModel", json!({"value": "A"})), ("b", "LabelModel", json!({"value": "B"}))]);
    let both = json!({"children": ["IPY_MODEL_a", "IPY_MODEL_b"]});
    let texts = "children=[Label(value='A'), Label(value='B')]";
    check_in(
        children(),
        "VBoxModel",
        super::state(&both),
        &format!("VBox({texts})"),
        "<div style=\"display:flex;flex-flow:column wrap;gap:4px 12px\"><div><b>A</b></div><div><b>B</b></div></div>",
    );
    let mut titled = both.clone();
    titled["titles"] = json!(["<1>", "2"]);
    check_in(
        children(),
        "TabModel",
        super::state(&titled),
        &format!("Tab({texts}, selected_index=0, titles=['<1>', '2'])"),
        "<details open><summary>&lt;1&gt;</summary><b>A</b></details><details><summary>2</summary><b>B</b></details>",
    );
    let mut second = both;
    second["selected_index"] = json!(1);
    check_in(
        children(),
        "StackModel",
        super::state(&second),
        &format!("Stack({texts}, selected_index=1, titles=['', ''])"),
        "<b>B</b>",
    );
}

#[test]
fn small_pictures_are_embedded_and_everything_else_is_named() {
    let image = |format: &str, bytes: Vec<u8>| State::new().with("format", format).with_bytes("value", bytes);
    let mut registry = Registry::new();
    let mut html = |id: &str, state: State| {
        registry.open(id, "ImageModel", state).expect("it opens");
        registry.view(id).expect("a view")["text/html"].as_str().expect("HTML").to_owned()
    };
    assert_eq!(html("png", image("png", b"abc".to_vec())), "<img src=\"data:image/png;base64,YWJj\" alt=\"\">");
    let sized = image("jpg", b"abc".to_vec()).with("width", "4\"");
    assert_eq!(html("size", sized), "<img src=\"data:image/jpeg;base64,YWJj\" width=\"4&quot;\" alt=\"\">");
    assert_eq!(html("large", image("png", vec![0; 300_000])), "<em>picture (png), 300000 bytes</em>");
    let url = html("url", image("url", b"https://example.org/a.png".to_vec()));
    assert_eq!(url, "<img src=\"https://example.org/a.png\" alt=\"\">");
    let script = html("script", image("url", b"javascript:alert(1)".to_vec()));
    assert_eq!(script, "<em>picture (url), 19 bytes</em>");
    check_in(
        Registry::new(),
        "AudioModel",
        State::new().with_bytes("value", "abc"),
        "Audio(value=3 bytes)",
        "<em>sound (mp3), 3 bytes</em>",
    );
}

#[test]
fn captured_output_is_shown_as_text() {
    let outputs = json!([
        {"output_type": "stream", "name": "stdout", "text": "<a>\n"},
        {"output_type": "display_data", "data": {"text/html": "<script>", "text/plain": "plain"}},
        {"output_type": "error", "ename": "E", "evalue": "v"},
    ]);
    let mut registry = Registry::new();
    registry.open("o", "OutputModel", State::new().with("outputs", outputs)).expect("it opens");
    let view = registry.view("o").expect("a view");
    assert_eq!(view["text/html"], "<pre>&lt;a&gt;\n</pre><pre>plain</pre><pre>E: v</pre>");
}

#[test]
fn what_differs_in_layout_and_style_is_told() {
    let registry = registry(&[("l", "LayoutModel", json!({"width": "9em"}))]);
    check_in(
        registry,
        "LabelModel",
        State::new().with("layout", "IPY_MODEL_l"),
        "Label(value='', layout=Layout(width='9em'))",
        "<b></b>",
    );
    let registry = super::registry(&[("l", "LayoutModel", json!({"display": "none"}))]);
    check_in(
        registry,
        "LabelModel",
        State::new().with("layout", "IPY_MODEL_l").with("value", "x"),
        "Label(value='x', layout=Layout(display='none'))",
        "",
    );
}

#[test]
fn long_texts_are_cut() {
    let registry = registry(&[("l", "LabelModel", json!({"value": "ä".repeat(500)}))]);
    let text = registry.text_fallback("l").expect("a text");
    assert_eq!((text.chars().count(), text.ends_with('…')), (111, true));
}
