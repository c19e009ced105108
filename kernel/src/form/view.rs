//! How a field looks: which widget it is, and what that holds at first.

use flowdeck::chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::{Value, json};
use toml::Value as Written;
use widgets_comm::buffers::State;

use super::{
    definition::{Field, Kind},
    moment,
};
use crate::config::Config;

/// Room for labels, so that fields stand below each other.
const LABEL_WIDTH: &str = "130px";

/// Width of a field with its label.
const FIELD_WIDTH: &str = "460px";

/// The default of a list of addresses that stands for the configuration's own networks.
const INTERNAL: &str = "internal";

/// The default of a field whose options are looked up that stands for all of them.
const ALL: &str = "all";

/// A widget to open: the name of its model, and its state.
#[derive(Debug)]
pub struct Input {
    /// As on the wire, `IntTextModel`.
    pub model: &'static str,
    /// What it holds at first, without layout and style.
    pub state: State,
}

/// The attribute that a person changes.
pub fn value_attribute(kind: &Kind) -> &'static str {
    match kind {
        Kind::Choice(_) | Kind::Multi(_) => "index",
        _ => "value",
    }
}

/// The layout of a field.
pub fn layout(kind: &Kind) -> State {
    match kind {
        Kind::Button => State::new().with("width", "auto").with("min_width", "110px"),
        // A message beside it must not make it narrower.
        _ => State::new().with("width", FIELD_WIDTH).with("flex", "0 0 auto"),
    }
}

/// The style of a field, where its widget has a label: the model's name and its state.
pub fn style(kind: &Kind) -> Option<(&'static str, State)> {
    let model = match kind {
        Kind::Button | Kind::File => return None,
        Kind::Text | Kind::Password | Kind::IpList | Kind::Duration => "TextStyleModel",
        Kind::Bool => "CheckboxStyleModel",
        _ => "DescriptionStyleModel",
    };
    Some((model, State::new().with("description_width", LABEL_WIDTH)))
}

/// The widget of a field with its default.
///
/// # Errors
/// What is wrong with the default, for the author.
pub fn input(field: &Field) -> Result<Input, String> {
    let (model, own) = model(field)?;
    let mut state = State::new().with("description", label(field));
    if let Some(tooltip) = tooltip(field) {
        state = state.with("tooltip", tooltip);
    }
    let takes_placeholder = matches!(field.kind, Kind::Text | Kind::Password | Kind::IpList | Kind::Duration);
    if takes_placeholder && !field.placeholder.is_empty() {
        state = state.with("placeholder", field.placeholder.clone());
    }
    for (name, value) in own {
        state = state.with(name, value);
    }
    Ok(Input { model, state })
}

fn label(field: &Field) -> String {
    match field.kind {
        // Its distance from UTC may be another in half a year.
        Kind::Datetime => {
            let distance = moment::distance(default_moment(field).unwrap_or_else(Utc::now));
            format!("{} ({distance})", field.label)
        }
        _ => field.label.clone(),
    }
}

/// What the author says of a field, and of a moment its zone: a label has no room for the name.
fn tooltip(field: &Field) -> Option<String> {
    let zone = moment::zone_name().filter(|_| matches!(field.kind, Kind::Datetime));
    let zone = zone.map(|name| format!("a clock in {name}"));
    let parts: Vec<String> = Some(field.help.clone()).filter(|help| !help.is_empty()).into_iter().chain(zone).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

type Own = Vec<(&'static str, Value)>;

fn model(field: &Field) -> Result<(&'static str, Own), String> {
    let default = field.default.as_ref();
    Ok(match &field.kind {
        Kind::Text if field.lines > 1 => {
            let mut state = text_state(default, false)?;
            state.push(("rows", field.lines.into()));
            ("TextareaModel", state)
        }
        Kind::Text => ("TextModel", text_state(default, false)?),
        Kind::Password => ("PasswordModel", text_state(default, false)?),
        Kind::IpList if default.and_then(Written::as_str) == Some(INTERNAL) => {
            ("TextModel", vec![("value", Config::in_force().internal_networks().into())])
        }
        Kind::IpList | Kind::Duration => ("TextModel", text_state(default, true)?),
        Kind::Int { min, max } => int(default, *min, *max)?,
        Kind::Float { min, max } => float(default, *min, *max)?,
        Kind::Bool => ("CheckboxModel", vec![("value", boolean(default)?.into()), ("indent", true.into())]),
        // What is configured decides, so a default that is not there is no fault of the author.
        Kind::Choice(options) if field.options_from.is_some() => {
            let index = default.and_then(|default| place(options, default).ok());
            ("DropdownModel", options_state(options, index.or((!options.is_empty()).then_some(0)).into()))
        }
        Kind::Multi(options) if field.options_from.is_some() => {
            let chosen = default.map_or_else(Vec::new, |default| found_of(options, default));
            ("SelectMultipleModel", multi_state(options, chosen))
        }
        Kind::Choice(options) => ("DropdownModel", choice(options, default)?),
        Kind::Multi(options) => ("SelectMultipleModel", multi(options, default)?),
        Kind::Date => ("DatePickerModel", vec![("value", date(default)?)]),
        Kind::Time => ("TimeModel", vec![("value", time(default)?)]),
        Kind::Datetime => ("NaiveDatetimeModel", vec![("value", datetime(default)?)]),
        Kind::File => ("FileUploadModel", Vec::new()),
        Kind::Button => ("ButtonModel", vec![("button_style", "primary".into())]),
    })
}

fn text_state(default: Option<&Written>, is_list: bool) -> Result<Own, String> {
    let text = match default {
        None => String::new(),
        Some(Written::String(text)) => text.clone(),
        Some(Written::Array(items)) if is_list => {
            let texts: Option<Vec<&str>> = items.iter().map(Written::as_str).collect();
            texts.ok_or("`default` must be a text or a list of texts")?.join(", ")
        }
        Some(other) => return Err(format!("`default` must be a text, not {other}")),
    };
    Ok(vec![("value", text.into())])
}

fn int(default: Option<&Written>, min: Option<i64>, max: Option<i64>) -> Result<(&'static str, Own), String> {
    let value = match default {
        None => min.unwrap_or(0).max(0),
        Some(Written::Integer(value)) => *value,
        Some(other) => return Err(format!("`default` must be a whole number, not {other}")),
    };
    if min.is_none() && max.is_none() {
        return Ok(("IntTextModel", vec![("value", value.into())]));
    }
    // JavaScript counts exactly up to 2^53.
    let (min, max) = (min.unwrap_or(-(1 << 53)), max.unwrap_or(1 << 53));
    in_range(value, min, max)?;
    Ok(("BoundedIntTextModel", vec![("min", min.into()), ("max", max.into()), ("value", value.into())]))
}

fn float(default: Option<&Written>, min: Option<f64>, max: Option<f64>) -> Result<(&'static str, Own), String> {
    let value = match default {
        None => min.unwrap_or(0.0).max(0.0),
        Some(Written::Integer(value)) => *value as f64,
        Some(Written::Float(value)) => *value,
        Some(other) => return Err(format!("`default` must be a number, not {other}")),
    };
    if min.is_none() && max.is_none() {
        return Ok(("FloatTextModel", vec![("value", value.into())]));
    }
    let (min, max) = (min.unwrap_or(-1e300), max.unwrap_or(1e300));
    in_range(value, min, max)?;
    Ok(("BoundedFloatTextModel", vec![("min", min.into()), ("max", max.into()), ("value", value.into())]))
}

fn in_range<T: PartialOrd + std::fmt::Display>(value: T, min: T, max: T) -> Result<(), String> {
    match value >= min && value <= max {
        true => Ok(()),
        false => Err(format!("`default` is {value}, which is not between {min} and {max}")),
    }
}

fn boolean(default: Option<&Written>) -> Result<bool, String> {
    match default {
        None => Ok(false),
        Some(Written::Boolean(value)) => Ok(*value),
        Some(other) => Err(format!("`default` must be true or false, not {other}")),
    }
}

fn choice(options: &[String], default: Option<&Written>) -> Result<Own, String> {
    let index = default.map_or(Ok(0), |default| place(options, default))?;
    Ok(options_state(options, index.into()))
}

fn options_state(options: &[String], index: Value) -> Own {
    vec![("_options_labels", options.into()), ("index", index)]
}

fn multi(options: &[String], default: Option<&Written>) -> Result<Own, String> {
    let chosen = match default {
        None => Vec::new(),
        Some(Written::Array(defaults)) => defaults.iter().map(|one| place(options, one)).collect::<Result<_, _>>()?,
        Some(one) => vec![place(options, one)?],
    };
    Ok(multi_state(options, chosen))
}

fn multi_state(options: &[String], chosen: Vec<usize>) -> Own {
    const ROWS_SHOWN_MIN: usize = 3;
    const ROWS_SHOWN_MAX: usize = 8;
    let rows = options.len().clamp(ROWS_SHOWN_MIN, ROWS_SHOWN_MAX);
    [options_state(options, chosen.into()), vec![("rows", rows.into())]].concat()
}

/// Those of a default that there are.
fn found_of(options: &[String], default: &Written) -> Vec<usize> {
    match default {
        Written::String(text) if text == ALL => (0..options.len()).collect(),
        Written::Array(defaults) => defaults.iter().filter_map(|one| place(options, one).ok()).collect(),
        one => place(options, one).into_iter().collect(),
    }
}

/// Other options for a field that is shown; nothing of them is chosen, but the first of a choice.
pub fn other_options(field: &Field) -> State {
    let own = match &field.kind {
        Kind::Choice(options) => options_state(options, (!options.is_empty()).then_some(0).into()),
        Kind::Multi(options) => multi_state(options, found_of(options, field.default.as_ref().unwrap_or(&NOTHING))),
        _ => Vec::new(),
    };
    own.into_iter().fold(State::new(), |state, (name, value)| state.with(name, value))
}

/// No default.
const NOTHING: Written = Written::Array(Vec::new());

fn place(options: &[String], default: &Written) -> Result<usize, String> {
    let wanted = match default {
        Written::String(text) => text.clone(),
        other => other.to_string(),
    };
    let place = options.iter().position(|option| *option == wanted);
    place.ok_or_else(|| format!("`default` is `{wanted}`, which is none of the options {}", options.join(", ")))
}

/// A moment in the words of TOML or ours.
fn written_moment(default: &Written) -> Result<String, String> {
    match default {
        Written::String(text) if text == "today" => Ok("now".to_owned()),
        Written::String(text) => Ok(text.clone()),
        Written::Datetime(moment) => Ok(moment.to_string()),
        other => Err(format!("`default` must be a time such as \"now-5m\", not {other}")),
    }
}

fn date(default: Option<&Written>) -> Result<Value, String> {
    let Some(default) = default else { return Ok(Value::Null) };
    let local = moment::to_local(moment::parse(&written_moment(default)?, Utc::now())?);
    Ok(date_json(local.date()))
}

fn time(default: Option<&Written>) -> Result<Value, String> {
    let Some(default) = default else { return Ok(Value::Null) };
    let text = written_moment(default)?;
    let written = ["%H:%M:%S", "%H:%M"].iter().find_map(|format| NaiveTime::parse_from_str(&text, format).ok());
    match written {
        Some(time) => Ok(time_json(time)),
        None => Ok(time_json(moment::to_local(moment::parse(&text, Utc::now())?).time())),
    }
}

fn datetime(default: Option<&Written>) -> Result<Value, String> {
    let Some(default) = default else { return Ok(Value::Null) };
    Ok(datetime_json(moment::parse(&written_moment(default)?, Utc::now())?))
}

/// The moment that a field of the type `datetime` has as default.
pub fn default_moment(field: &Field) -> Option<DateTime<Utc>> {
    let default = field.default.as_ref().filter(|_| field.kind == Kind::Datetime)?;
    moment::parse(&written_moment(default).ok()?, Utc::now()).ok()
}

/// A moment as a picker has it: what a clock on the wall shows.
pub fn datetime_json(moment: DateTime<Utc>) -> Value {
    let local = moment::to_local(moment);
    let (Value::Object(mut fields), Value::Object(time)) = (date_json(local.date()), time_json(local.time())) else {
        unreachable!("both are dictionaries")
    };
    fields.extend(time);
    Value::Object(fields)
}

/// A day as a picker has it.
pub fn date_json(date: NaiveDate) -> Value {
    use flowdeck::chrono::Datelike;
    json!({"year": date.year(), "month": date.month0(), "date": date.day()})
}

/// Whole seconds: nobody picks milliseconds.
fn time_json(time: NaiveTime) -> Value {
    use flowdeck::chrono::Timelike;
    json!({"hours": time.hour(), "minutes": time.minute(), "seconds": time.second(), "milliseconds": 0})
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::form::definition::parse;
    use widgets_comm::registry::Registry;

    #[track_caller]
    fn field(text: &str) -> Field {
        parse(&format!("f = {{ {text} }}")).unwrap().remove(0)
    }

    #[test]
    fn every_type_of_field_is_a_model_that_can_be_opened() {
        for text in [
            "type = \"text\", default = \"x\", placeholder = \"p\", help = \"h\"",
            "type = \"text\", lines = 5, default = \"a\\nb\"",
            "type = \"password\"",
            "type = \"ip_list\", default = [\"10.0.0.1\", \"10.1.0.0/16\"]",
            "type = \"int\"",
            "type = \"int\", min = 1, default = 40000",
            "type = \"float\", default = 0.5",
            "type = \"float\", max = 1",
            "type = \"bool\", default = true",
            "type = \"choice\", options = [\"a\", \"b\"], default = \"b\"",
            "type = \"multi\", options = [\"a\", \"b\"], default = [\"a\"]",
            "type = \"date\", default = \"today\"",
            "type = \"date\", default = 2026-11-25",
            "type = \"time\", default = \"10:36\"",
            "type = \"datetime\", default = \"now-5m\"",
            "type = \"duration\", default = \"5m\"",
            "type = \"file\"",
            "type = \"button\", label = \"Go\"",
        ] {
            let input = input(&field(text)).unwrap();
            let mut registry = Registry::new();
            registry.open("id", input.model, input.state).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn options_that_are_looked_up_have_defaults_as_far_as_they_are_there() {
        let index = |text: &str, options: &[&str]| {
            let mut field = field(text);
            let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
            match &mut field.kind {
                Kind::Choice(known) | Kind::Multi(known) => *known = options,
                other => panic!("{other:?}"),
            }
            let state = input(&field).unwrap().state;
            state.get("index").map(|value| value.json().clone()).unwrap_or_default()
        };
        let choice = "type = \"choice\", options_from = \"sources\", default = \"flows\"";
        assert_eq!(index(choice, &["a", "flows"]), json!(1));
        assert_eq!(index(choice, &["a", "b"]), json!(0));
        assert_eq!(index(choice, &[]), json!(null));
        let multi = "type = \"multi\", options_from = \"blocklists\", default = \"all\"";
        assert_eq!(index(multi, &["a", "b"]), json!([0, 1]));
        assert_eq!(
            index("type = \"multi\", options_from = \"blocklists\", default = [\"b\", \"c\"]", &["a", "b"]),
            json!([1])
        );
    }

    #[test]
    fn a_default_that_does_not_fit_is_named() {
        for (text, fact) in [
            ("type = \"int\", default = \"x\"", "whole number"),
            ("type = \"int\", min = 5, default = 1", "between"),
            ("type = \"bool\", default = 1", "true or false"),
            ("type = \"choice\", options = [\"a\"], default = \"c\"", "none of the options"),
            ("type = \"datetime\", default = \"yesterday\"", "no time"),
        ] {
            let error = input(&field(text)).unwrap_err();
            assert!(error.contains(fact), "{text}: {error}");
        }
    }
}
