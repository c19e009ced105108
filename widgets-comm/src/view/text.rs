//! A model as one line of text.

use serde_json::Value;

use crate::{
    message::referenced,
    model::Model,
    models::Models,
    moments::{Date, Datetime, Time},
    selection::chosen_indices,
    spec::{AttributeSpec, Kind},
    view::TEXT_CHARS_MAX,
};

/// Models inside models are written out to this depth.
const DEPTH_MAX: usize = 4;

/// So many models are written out in one line: it is cut anyway.
const MODELS_MAX: usize = 20;

/// Longer lists are cut, for the same reason.
const ITEMS_MAX: usize = 20;

pub(super) fn render(models: &Models, model: &Model) -> String {
    Line { models, models_left: MODELS_MAX }.model(model, 0)
}

struct Line<'a> {
    models: &'a Models,
    models_left: usize,
}

impl Line<'_> {
    fn model(&mut self, model: &Model, depth: usize) -> String {
        let Some(published) = model.as_published() else { return format!("{}()", model.class()) };
        if depth > DEPTH_MAX || self.models_left == 0 {
            return format!("{}(…)", model.class());
        }
        self.models_left -= 1;
        let mut arguments: Vec<(&str, String)> = Vec::new();
        for (position, attribute) in published.attributes.iter().enumerate() {
            let is_default = model.value_at(position) == &published.defaults[position];
            arguments.extend(self.argument(model, attribute, is_default, depth));
        }
        arguments.sort_by_key(|(name, _)| (*name != "value", *name));
        let arguments: Vec<String> = arguments.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}({})", published.spec.class, arguments.join(", "))
    }

    /// An attribute as it is shown. The value always is, defaults are not, and a password never is.
    fn argument(
        &mut self,
        model: &Model,
        attribute: &AttributeSpec,
        is_default: bool,
        depth: usize,
    ) -> Option<(&'static str, String)> {
        let value = model.value(attribute.name)?;
        match attribute.name {
            "value" if model.class() == "Password" => None,
            "value" => Some((
                "value",
                match value.as_bytes() {
                    Some(bytes) => format!("{} bytes", bytes.len()),
                    None => self.json(attribute.kind, value.json(), depth),
                },
            )),
            "_options_labels" => Some(("options", self.json(attribute.kind, value.json(), depth))),
            "index" if model.value("_options_labels").is_some() => Some(("value", chosen(model))),
            "layout" | "style" => {
                let text = self.json(attribute.kind, value.json(), depth);
                (!text.ends_with("()")).then_some((attribute.name, text))
            }
            name if is_default || name.starts_with('_') => None,
            name => Some((name, self.json(attribute.kind, value.json(), depth))),
        }
    }

    fn json(&mut self, kind: Kind, value: &Value, depth: usize) -> String {
        match (kind, value) {
            (Kind::Widget(_), _) => self.reference(value, depth),
            (Kind::List(item) | Kind::UntoldList(item) | Kind::Pair(item), Value::Array(items)) => {
                let mut texts: Vec<String> =
                    items.iter().take(ITEMS_MAX).map(|value| self.json(*item, value, depth)).collect();
                if items.len() > ITEMS_MAX {
                    texts.push("…".into());
                }
                format!("[{}]", texts.join(", "))
            }
            (_, Value::Null) => "None".into(),
            (_, Value::String(text)) => quoted(text),
            (_, Value::Object(_)) => moment_text(value).unwrap_or_else(|| "{…}".into()),
            _ => value.to_string(),
        }
    }

    fn reference(&mut self, value: &Value, depth: usize) -> String {
        let model = referenced(value).and_then(|id| self.models.find(id));
        model.map_or_else(|| "None".into(), |model| self.model(model, depth + 1))
    }
}

/// The chosen labels of a selection, in place of their indices.
fn chosen(model: &Model) -> String {
    let list = |name| model.value(name).map_or(&Value::Null, |value| value.json());
    let (labels, index) = (list("_options_labels"), list("index"));
    let label = |index: usize| labels.get(index).and_then(Value::as_str).map_or_else(|| "None".into(), quoted);
    let mut chosen = chosen_indices(index).take(ITEMS_MAX).map(label);
    if index.is_array() {
        return format!("[{}]", chosen.collect::<Vec<_>>().join(", "));
    }
    chosen.next().unwrap_or_else(|| "None".into())
}

/// A date or time as people write it.
pub(super) fn moment_text(value: &Value) -> Option<String> {
    let date = || Date::from_json(value).map(|date| date.to_string());
    let time = || Time::from_json(value).map(|time| time.to_string());
    Datetime::from_json(value).map(|datetime| datetime.to_string()).or_else(date).or_else(time)
}

fn quoted(text: &str) -> String {
    let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
}
