//! The values of controls in static HTML.

use serde_json::Value;

use super::escape::escaped;
use crate::{check::is_color, model::Model, selection::chosen_indices, view::text::moment_text};

/// The HTML of a model that shows a value; `None` for models that are not seen, such as styles and links.
pub(super) fn html(model: &Model) -> Option<String> {
    Some(match model.class() {
        "HTML" | "HTMLMath" => model.text("value").to_owned(),
        "Textarea" => format!("<pre>{}</pre>", escaped(model.text("value"))),
        "Password" => if model.text("value").is_empty() { "" } else { "<b>••••••</b>" }.to_owned(),
        "Button" => format!("<button disabled>{}</button>", escaped(model.text("description"))),
        "Checkbox" => format!("{} {}", tick(model), escaped(model.text("description"))),
        "ToggleButton" => format!("<button disabled>{} {}</button>", tick(model), escaped(model.text("description"))),
        "Valid" if json(model, "value") == &Value::Bool(true) => "✔".to_owned(),
        "Valid" => format!("✘ {}", escaped(model.text("readout"))),
        "IntProgress" | "FloatProgress" => progress(model),
        "ColorPicker" => color(model.text("value")),
        "ColorsInput" => {
            items(model).map(|item| color(item.as_str().unwrap_or_default())).collect::<Vec<_>>().join(" ")
        }
        "Output" => items_of(model, "outputs").map(output).collect(),
        "IntSlider" | "FloatSlider" | "BoundedIntText" | "BoundedFloatText" | "Play" => bounded(model),
        _ if model.value("_options_labels").is_some() => bold(&chosen(model)),
        _ if model.as_published()?.position("value").is_some() => bold(&plain(json(model, "value"))),
        _ => return None,
    })
}

fn json<'a>(model: &'a Model, name: &str) -> &'a Value {
    model.value(name).map_or(&Value::Null, |value| value.json())
}

fn items<'a>(model: &'a Model) -> impl Iterator<Item = &'a Value> + use<'a> {
    items_of(model, "value")
}

fn items_of<'a>(model: &'a Model, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    json(model, name).as_array().into_iter().flatten()
}

fn bold(text: &str) -> String {
    format!("<b>{}</b>", escaped(text))
}

fn tick(model: &Model) -> &'static str {
    if json(model, "value") == &Value::Bool(true) { "☑" } else { "☐" }
}

fn bounded(model: &Model) -> String {
    format!("{} <small>({} – {})</small>", bold(&plain(json(model, "value"))), json(model, "min"), json(model, "max"))
}

fn progress(model: &Model) -> String {
    let number = |name| json(model, name).as_f64().unwrap_or_default();
    let (min, max) = (number("min"), number("max"));
    let (done, all) = (number("value") - min, max - min);
    let percent = if all > 0.0 { (100.0 * done / all).clamp(0.0, 100.0) } else { 0.0 };
    let numbers = format!("{} of {}", plain(json(model, "value")), plain(json(model, "max")));
    format!("<progress value=\"{percent:.1}\" max=\"100\"></progress> {}", escaped(&numbers))
}

fn color(color: &str) -> String {
    let swatch = if is_color(color) {
        format!(
            "<span style=\"display:inline-block;width:1em;height:1em;background-color:{}\"></span> ",
            escaped(color)
        )
    } else {
        String::new()
    };
    format!("{swatch}{}", escaped(color))
}

fn chosen(model: &Model) -> String {
    let labels = json(model, "_options_labels").as_array().map(Vec::as_slice).unwrap_or_default();
    let index = json(model, "index");
    let chosen: Vec<&str> = chosen_indices(index).filter_map(|index| labels.get(index)?.as_str()).collect();
    let is_range = model.class() == "SelectionRangeSlider";
    chosen.join(if is_range { " – " } else { ", " })
}

/// A value as people write it. A list of two numbers is a range or two tags; both read well with a comma.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(_) => moment_text(value).unwrap_or_default(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// One captured output. Displays are shown as their text: what a front end wrote into the list is not trusted.
fn output(output: &Value) -> String {
    let text = match output["output_type"].as_str().unwrap_or_default() {
        "stream" => joined(&output["text"]),
        "error" => format!("{}: {}", joined(&output["ename"]), joined(&output["evalue"])),
        _ => joined(&output["data"]["text/plain"]),
    };
    format!("<pre>{}</pre>", escaped(&text))
}

/// Notebooks may hold a text as a list of lines.
fn joined(text: &Value) -> String {
    match text {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => text.as_str().unwrap_or_default().to_owned(),
    }
}
