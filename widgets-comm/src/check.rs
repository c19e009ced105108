//! Whether a value is one that its attribute may have, and its normal form.
//!
//! One attribute by itself. What attributes of one model demand of each other is in `rules`.

use serde_json::{Number, Value};

use crate::{
    buffers::StateValue,
    message::referenced,
    models::Models,
    moments::{Date, Datetime, Time},
    spec::{AttributeSpec, Kind},
};

/// A colour is the content of a CSS property, not the place for more.
const COLOR_BYTES_MAX: usize = 128;

/// So much of a refused value is shown.
const SHOWN_CHARS_MAX: usize = 40;

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ValueFault {
    #[error("expected {expected}, found {found}")]
    WrongType { expected: String, found: String },
    #[error("{found} is not one of {allowed}")]
    NotAllowed { found: String, allowed: String },
    #[error("no widget has the id `{id}`")]
    NoSuchModel { id: String },
    #[error("the widget `{id}` is a {found}, not a {expected}")]
    WrongModel { id: String, found: String, expected: &'static str },
    #[error("the widget `{id}` has no attribute `{attribute}`")]
    NoSuchAttribute { id: String, attribute: String },
}

/// The value as it is stored: 5.0 as an integer is 5, 5 as a float is 5.0, choices are spelt as published.
pub(crate) fn check(spec: &AttributeSpec, value: &StateValue, models: &Models) -> Result<StateValue, ValueFault> {
    if let Kind::Bytes = spec.kind {
        return value.as_bytes().map(|_| value.clone()).ok_or_else(|| wrong_type(spec.kind, value.json()));
    }
    let may_hold_buffers = matches!(spec.kind, Kind::Object | Kind::Any | Kind::List(Kind::Object));
    if !value.buffers().is_empty() && !may_hold_buffers {
        return Err(ValueFault::WrongType { expected: expected(spec.kind), found: "binary data".into() });
    }
    if spec.nullable && value.json().is_null() {
        return Ok(value.clone());
    }
    let normal = normal_form(spec.kind, value.json(), models)?;
    Ok(normal.map_or_else(|| value.clone(), StateValue::from))
}

/// The normal form where it differs from the value.
fn normal_form(kind: Kind, value: &Value, models: &Models) -> Result<Option<Value>, ValueFault> {
    let is_fine = match kind {
        Kind::Any => true,
        Kind::String => value.is_string(),
        Kind::Bool => value.is_boolean(),
        Kind::Object => value.is_object(),
        Kind::Color => value.as_str().is_some_and(is_color),
        Kind::Date => Date::from_json(value).is_some(),
        Kind::Datetime | Kind::NaiveDatetime => Datetime::from_json(value).is_some(),
        Kind::Time => Time::from_json(value).is_some(),
        Kind::Bytes => false,
        Kind::Int if value.is_i64() => true,
        Kind::Float if value.is_f64() => true,
        Kind::Int => return integral(value).map(Some).ok_or_else(|| wrong_type(kind, value)),
        Kind::Float => return float(value).map(Some).ok_or_else(|| wrong_type(kind, value)),
        Kind::Choice(allowed) => return choice(kind, allowed, value),
        Kind::Widget(class) => return check_reference(kind, class, value, models).map(|()| None),
        Kind::LinkEnd => return check_link_end(value, models).map(|()| None),
        Kind::List(item) | Kind::UntoldList(item) => return list(kind, *item, value, models),
        Kind::Pair(item) if value.as_array().is_some_and(|pair| pair.len() == 2) => {
            return list(kind, *item, value, models);
        }
        Kind::Pair(_) => false,
        Kind::OrAny(_) if value == "any" => true,
        Kind::OrAny(other) => {
            return normal_form(*other, value, models).map_err(|_| wrong_type(kind, value));
        }
    };
    if is_fine { Ok(None) } else { Err(wrong_type(kind, value)) }
}

/// A float without a fraction, as the integer it is. JavaScript knows no difference.
fn integral(value: &Value) -> Option<Value> {
    let float = value.as_f64()?;
    // Beyond 2^53 a float no longer tells which integer it was.
    let is_exact = float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0;
    is_exact.then(|| (float as i64).into())
}

fn float(value: &Value) -> Option<Value> {
    Number::from_f64(value.as_f64()?).map(Value::Number)
}

fn choice(kind: Kind, allowed: &[&str], value: &Value) -> Result<Option<Value>, ValueFault> {
    let text = value.as_str().ok_or_else(|| wrong_type(kind, value))?;
    if allowed.contains(&text) {
        return Ok(None);
    }
    let spelt = allowed.iter().find(|allowed| allowed.eq_ignore_ascii_case(text));
    let quoted = || allowed.iter().map(|allowed| format!("'{allowed}'")).collect::<Vec<_>>().join(", ");
    spelt
        .map(|spelt| Some((*spelt).into()))
        .ok_or_else(|| ValueFault::NotAllowed { found: describe(value), allowed: quoted() })
}

fn list(kind: Kind, item: Kind, value: &Value, models: &Models) -> Result<Option<Value>, ValueFault> {
    let items = value.as_array().ok_or_else(|| wrong_type(kind, value))?;
    let mut normal: Option<Vec<Value>> = None;
    for (index, value) in items.iter().enumerate() {
        if let Some(value) = normal_form(item, value, models)? {
            normal.get_or_insert_with(|| items.clone())[index] = value;
        }
    }
    Ok(normal.map(Value::Array))
}

fn check_reference(kind: Kind, class: &'static str, value: &Value, models: &Models) -> Result<(), ValueFault> {
    let id = referenced(value).ok_or_else(|| wrong_type(kind, value))?;
    let model = models.find(id).ok_or_else(|| ValueFault::NoSuchModel { id: shortened(id) })?;
    if model.can_stand_for(class) {
        return Ok(());
    }
    Err(ValueFault::WrongModel { id: shortened(id), found: model.class().to_owned(), expected: class })
}

fn check_link_end(value: &Value, models: &Models) -> Result<(), ValueFault> {
    let wrong = || wrong_type(Kind::LinkEnd, value);
    let (widget, attribute) = match value.as_array().ok_or_else(wrong)?.as_slice() {
        [] => return Ok(()),
        [widget, attribute] => (widget, attribute.as_str().ok_or_else(wrong)?),
        _ => return Err(wrong()),
    };
    check_reference(Kind::Widget("Widget"), "Widget", widget, models)?;
    let id = referenced(widget).ok_or_else(wrong)?;
    let has_attribute = models.find(id).is_some_and(|model| model.position(attribute).is_some());
    if has_attribute {
        return Ok(());
    }
    Err(ValueFault::NoSuchAttribute { id: shortened(id), attribute: shortened(attribute) })
}

/// Names, `#rrggbb`, `rgb(…)` and `var(--…)`: nothing that could leave a CSS property.
pub(crate) fn is_color(text: &str) -> bool {
    let is_plain = |letter: char| letter.is_alphanumeric() || " #(),.%/-_".contains(letter);
    !text.is_empty() && text.len() <= COLOR_BYTES_MAX && text.chars().all(is_plain)
}

fn wrong_type(kind: Kind, value: &Value) -> ValueFault {
    ValueFault::WrongType { expected: expected(kind), found: describe(value) }
}

fn expected(kind: Kind) -> String {
    match kind {
        Kind::String => "a string".into(),
        Kind::Int => "an integer".into(),
        Kind::Float => "a number".into(),
        Kind::Bool => "true or false".into(),
        Kind::Bytes => "binary data".into(),
        Kind::Color => "a CSS color".into(),
        Kind::Date => "a date".into(),
        Kind::Datetime | Kind::NaiveDatetime => "a date and time".into(),
        Kind::Time => "a time".into(),
        Kind::Object => "an object".into(),
        Kind::Any => "any value".into(),
        Kind::LinkEnd => "a widget and the name of its attribute".into(),
        Kind::Choice(allowed) => format!("one of {}", allowed.join(", ")),
        Kind::Widget("Widget") => "a widget".into(),
        Kind::Widget(class) => format!("a {class}"),
        Kind::List(item) | Kind::UntoldList(item) => format!("a list, each item {}", expected(*item)),
        Kind::Pair(item) => format!("a list of two, each {}", expected(*item)),
        Kind::OrAny(other) => format!("{} or 'any'", expected(*other)),
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string '{}'", shortened(text)),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".into(),
    }
}

/// Text from a front end, short enough for a message.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec::Default;

    fn checked(kind: Kind, value: Value) -> Result<Value, String> {
        let spec = AttributeSpec { name: "a", kind, nullable: false, default: Default::Null, help: "" };
        let value = check(&spec, &value.into(), &Models::default());
        value.map(|value| value.json().clone()).map_err(|fault| fault.to_string())
    }

    #[track_caller]
    fn check_kept(kind: Kind, value: Value) {
        assert_eq!(checked(kind, value.clone()), Ok(value));
    }

    #[track_caller]
    fn check_normal(kind: Kind, value: Value, expected: Value) {
        let normal = checked(kind, value).expect("a fitting value");
        // Numbers of JSON compare by kind: 5 is not 5.0.
        assert_eq!(normal, expected);
    }

    #[track_caller]
    fn check_refused(kind: Kind, value: Value, expected: &str) {
        assert_eq!(checked(kind, value), Err(expected.to_owned()));
    }

    #[test]
    fn numbers_take_the_form_of_their_attribute() {
        check_kept(Kind::Int, json!(-5));
        check_normal(Kind::Int, json!(5.0), json!(5));
        check_normal(Kind::Float, json!(5), json!(5.0));
        check_normal(Kind::Pair(&Kind::Float), json!([1, 2.5]), json!([1.0, 2.5]));
        check_normal(Kind::OrAny(&Kind::Float), json!(60), json!(60.0));
        check_kept(Kind::OrAny(&Kind::Int), json!("any"));
        check_refused(Kind::Int, json!(5.5), "expected an integer, found the number 5.5");
        check_refused(Kind::Int, json!(1e300), "expected an integer, found the number 1e+300");
        check_refused(Kind::Int, json!(true), "expected an integer, found true");
        check_refused(Kind::Float, json!("5"), "expected a number, found the string '5'");
        check_refused(Kind::OrAny(&Kind::Int), json!("all"), "expected an integer or 'any', found the string 'all'");
    }

    #[test]
    fn choices_are_found_whatever_their_case() {
        let kind = Kind::Choice(&["horizontal", "vertical"]);
        check_kept(kind, json!("vertical"));
        check_normal(kind, json!("Vertical"), json!("vertical"));
        check_refused(kind, json!("diagonal"), "the string 'diagonal' is not one of 'horizontal', 'vertical'");
        check_refused(kind, json!(1), "expected one of horizontal, vertical, found the number 1");
    }

    #[test]
    fn lists_are_checked_item_by_item() {
        check_kept(Kind::List(&Kind::String), json!(["a", "b"]));
        check_kept(Kind::Pair(&Kind::Int), json!([1, 2]));
        check_refused(Kind::List(&Kind::String), json!(["a", 1]), "expected a string, found the number 1");
        check_refused(
            Kind::List(&Kind::String),
            json!("a"),
            "expected a list, each item a string, found the string 'a'",
        );
        check_refused(
            Kind::Pair(&Kind::Int),
            json!([1, 2, 3]),
            "expected a list of two, each an integer, found a list of 3",
        );
    }

    #[test]
    fn colors_cannot_leave_their_property() {
        for color in ["red", "#a80", "rgba(1, 2, 3, 50%)", "var(--jp-brand-color1)"] {
            check_kept(Kind::Color, json!(color));
        }
        check_refused(Kind::Color, json!("red;"), "expected a CSS color, found the string 'red;'");
        check_refused(
            Kind::Color,
            json!("a".repeat(200)),
            &format!("expected a CSS color, found the string '{}…'", "a".repeat(40)),
        );
    }

    #[test]
    fn only_binary_attributes_hold_bytes() {
        let spec = |kind| AttributeSpec { name: "a", kind, nullable: true, default: Default::Null, help: "" };
        let bytes = StateValue::bytes("ab");
        assert_eq!(check(&spec(Kind::Bytes), &bytes, &Models::default()), Ok(bytes.clone()));
        let refused = check(&spec(Kind::String), &bytes, &Models::default()).expect_err("no bytes");
        assert_eq!(refused.to_string(), "expected a string, found binary data");
        let refused = check(&spec(Kind::Bytes), &json!("ab").into(), &Models::default()).expect_err("no text");
        assert_eq!(refused.to_string(), "expected binary data, found the string 'ab'");
    }

    #[test]
    fn references_lead_to_models_that_exist() {
        check_refused(Kind::Widget("Layout"), json!("IPY_MODEL_x"), "no widget has the id `x`");
        check_refused(Kind::Widget("Layout"), json!("x"), "expected a Layout, found the string 'x'");
        check_kept(Kind::LinkEnd, json!([]));
        check_refused(Kind::LinkEnd, json!(["IPY_MODEL_x", "value"]), "no widget has the id `x`");
        check_refused(
            Kind::LinkEnd,
            json!(["IPY_MODEL_x"]),
            "expected a widget and the name of its attribute, found a list of 1",
        );
    }
}
