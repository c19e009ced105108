//! Values that a field gets from a command line, a file or a `%%parameters` cell instead of a person.
//!
//! They are read by the very rules of a field's default, and checked as what a person enters, so that a run without a page
//! understands what the form understands.

use flow_engine::{nearest_names, render};
use flowdeck::chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use toml::Value as Written;

use super::{
    definition::{Field, Kind},
    value, view,
};

/// Characters of a wrong value that an error repeats.
const SHOWN_CHARS_MAX: usize = 80;

/// What the field's widget holds once `given` is entered: the value of [`view::value_attribute`].
///
/// # Errors
/// What is wrong with the value and what the field takes, for the person who gave it.
pub fn entered(field: &Field, given: &Value) -> Result<Value, String> {
    let wrong = |fact: &str| format!("`{}` does not fit: {fact}. It takes {}", shown(given), accepted(&field.kind));
    let default = Some(written(&field.kind, given).map_err(|fact| wrong(&fact))?);
    // Of options that were looked up one that is not there is wrong here: nobody sees which is taken instead.
    let filled = Field { default, options_from: None, ..field.clone() };
    // The rules are those of a default, and so are their words.
    let input = view::input(&filled).map_err(|fact| wrong(&fact.replace("`default`", "it")))?;
    let state = |name: &str| input.state.get(name).map(|value| value.json().clone()).unwrap_or_default();
    value::read(field, &state).map_err(|fact| wrong(&fact))?;
    Ok(state(view::value_attribute(&field.kind)))
}

/// The moment that a field of the type `datetime` is given: [`entered`] has only what a clock on the wall shows of it.
pub fn moment(field: &Field, given: &Value) -> Option<DateTime<Utc>> {
    let default = Some(written(&field.kind, given).ok()?);
    view::default_moment(&Field { default, ..field.clone() })
}

/// Checks a value before the form is shown. Options that are looked up are known only then, and checked by [`entered`].
///
/// # Errors
/// As those of [`entered`].
pub fn may_fit(field: &Field, given: &Value) -> Result<(), String> {
    if field.options_from.is_none() {
        return entered(field, given).map(drop);
    }
    let items = given.as_array().filter(|_| matches!(field.kind, Kind::Multi(_)));
    match plain(given).is_some() || items.is_some_and(|items| items.iter().all(|item| plain(item).is_some())) {
        true => Ok(()),
        false => {
            Err(format!("`{}` does not fit: it is neither a text nor, for several, a list of texts", shown(given)))
        }
    }
}

/// Values of fields as they are written in TOML: moments become texts.
///
/// # Errors
/// Where the text is no TOML.
pub fn of_toml(text: &str) -> Result<Map<String, Value>, toml::de::Error> {
    let table: toml::Table = text.parse()?;
    Ok(table.into_iter().map(|(name, value)| (name, as_json(value))).collect())
}

fn as_json(value: Written) -> Value {
    match value {
        Written::String(text) => text.into(),
        Written::Integer(number) => number.into(),
        Written::Float(number) => number.into(),
        Written::Boolean(value) => value.into(),
        Written::Datetime(moment) => moment.to_string().into(),
        Written::Array(items) => items.into_iter().map(as_json).collect(),
        Written::Table(table) => Value::Object(table.into_iter().map(|(name, value)| (name, as_json(value))).collect()),
    }
}

/// What a field takes, for people who do not see the form.
pub fn accepted(kind: &Kind) -> String {
    let range = |min: Option<String>, max: Option<String>| match (min, max) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Some(min), None) => format!(" of at least {min}"),
        (None, Some(max)) => format!(" of at most {max}"),
        (None, None) => String::new(),
    };
    let text = |number: &Option<f64>| number.map(|number| number.to_string());
    let whole = |number: &Option<i64>| number.map(|number| number.to_string());
    match kind {
        Kind::Text | Kind::Password => "any text".into(),
        Kind::IpList => "addresses and networks, separated by commas, as in `10.0.0.1, 10.1.0.0/16, !10.1.2.3`".into(),
        Kind::Int { min, max } => format!("a whole number{}", range(whole(min), whole(max))),
        Kind::Float { min, max } => format!("a number{}", range(text(min), text(max))),
        Kind::Bool => "true or false".into(),
        Kind::Choice(options) => format!("one of {}", options.join(", ")),
        Kind::Multi(options) => format!("any of {}, separated by commas", options.join(", ")),
        Kind::Date => "a day, as in `2026-11-25`, or `today`".into(),
        Kind::Time => "a time of day, as in `10:36`".into(),
        Kind::Datetime => "a moment, as in `2026-11-25T10:36:00Z`, `2026-11-25 10:36`, `now` or `now-5m`".into(),
        Kind::Duration => "a length of time, as in `30s`, `5m` or `1h 30m`".into(),
        Kind::File => "a file that a person chooses on a page".into(),
        Kind::Button => "no value: it is pressed".into(),
    }
}

/// The value as an author would have written it as default.
fn written(kind: &Kind, given: &Value) -> Result<Written, String> {
    let text = plain(given);
    let needs_text = || text.clone().ok_or_else(|| "it is neither a text nor a number".to_owned());
    Ok(match kind {
        Kind::Int { .. } => Written::Integer(whole(given).ok_or("it is no whole number")?),
        Kind::Float { .. } => Written::Float(number(given).ok_or("it is no number")?),
        Kind::Bool => Written::Boolean(truth(given).ok_or("it is neither true nor false")?),
        Kind::Choice(options) => {
            let text = needs_text()?;
            Written::String(one_of(options, &text)?)
        }
        Kind::Multi(options) => several_of(options, given)?,
        Kind::IpList => match given {
            Value::Array(items) => {
                let texts: Option<Vec<String>> = items.iter().map(plain).collect();
                Written::String(texts.ok_or("it is no list of texts")?.join(", "))
            }
            _ => Written::String(needs_text()?),
        },
        Kind::Text | Kind::Password | Kind::Date | Kind::Time | Kind::Datetime | Kind::Duration => {
            Written::String(needs_text()?)
        }
        Kind::File => return Err("a file cannot be given so; read it by its path in a query instead".into()),
        Kind::Button => return Err("a button has no value".into()),
    })
}

fn one_of(options: &[String], text: &str) -> Result<String, String> {
    let exact = options.iter().find(|option| *option == text);
    let alike = || options.iter().find(|option| option.eq_ignore_ascii_case(text));
    exact.or_else(alike).cloned().ok_or_else(|| {
        match nearest_names(text, options.iter().map(String::as_str), 1).first() {
            Some(near) => format!("`{}` is none of the options; did you mean `{near}`?", shorten(text)),
            None => format!("`{}` is none of the options", shorten(text)),
        }
    })
}

/// A list, or a text in which commas part the options; one that has a comma itself is given as a list or alone.
fn several_of(options: &[String], given: &Value) -> Result<Written, String> {
    let texts: Vec<String> = match given {
        Value::Array(items) => items.iter().filter_map(plain).collect(),
        other => {
            let text = plain(other).ok_or("it is no list of texts")?;
            match options.contains(&text) {
                true => vec![text],
                false => text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect(),
            }
        }
    };
    let chosen: Result<Vec<Written>, String> =
        texts.iter().map(|text| one_of(options, text).map(Written::String)).collect();
    Ok(Written::Array(chosen?))
}

/// Text, or what a command line writes as one.
fn plain(given: &Value) -> Option<String> {
    match given {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn whole(given: &Value) -> Option<i64> {
    match given {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().replace('_', "").parse().ok(),
        _ => None,
    }
}

fn number(given: &Value) -> Option<f64> {
    let number = match given {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().replace('_', "").parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

fn truth(given: &Value) -> Option<bool> {
    match given {
        Value::Bool(value) => Some(*value),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => None,
        },
        Value::Number(number) => number.as_i64().filter(|number| [0, 1].contains(number)).map(|number| number == 1),
        _ => None,
    }
}

/// A value in an error: visible, and not longer than a line.
fn shown(given: &Value) -> String {
    shorten(&plain(given).unwrap_or_else(|| given.to_string()))
}

fn shorten(text: &str) -> String {
    let visible = render::visible(text);
    match visible.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &visible[..end]),
        None => visible,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::form::definition::parse;

    fn field(text: &str) -> Field {
        parse(&format!("f = {{ {text} }}")).unwrap().remove(0)
    }

    #[track_caller]
    fn check(kind: &str, given: Value, entered_value: Value) {
        assert_eq!(entered(&field(kind), &given).unwrap(), entered_value, "{kind} {given}");
    }

    #[test]
    fn texts_of_a_command_line_and_values_of_a_file_are_the_same() {
        for given in [json!("40_000"), json!(40000), json!("40000")] {
            check("type = \"int\", min = 1", given, json!(40000));
        }
        check("type = \"float\"", json!("0.5"), json!(0.5));
        check("type = \"float\"", json!(2), json!(2.0));
        for given in [json!("yes"), json!(true), json!("True"), json!(1)] {
            check("type = \"bool\"", given, json!(true));
        }
        let options = "type = \"multi\", options = [\"a\", \"b\", \"c, d\"]";
        check(options, json!("b, a"), json!([1, 0]));
        check(options, json!(["c, d"]), json!([2]));
        check(options, json!("c, d"), json!([2]));
        check("type = \"choice\", options = [\"SSH\", \"RDP\"]", json!("rdp"), json!(1));
        check("type = \"ip_list\"", json!(["10.0.0.1", "10.1.0.0/16"]), json!("10.0.0.1, 10.1.0.0/16"));
        check("type = \"duration\"", json!("1h 30m"), json!("1h 30m"));
        check("type = \"text\"", json!(443), json!("443"));
        check("type = \"date\"", json!("2026-11-25"), json!({"year": 2026, "month": 10, "date": 25}));
        check("type = \"time\"", json!("10:36"), json!({"hours": 10, "minutes": 36, "seconds": 0, "milliseconds": 0}));
    }

    #[test]
    fn options_that_are_looked_up_are_checked_when_they_are_known() {
        let choice = field("type = \"choice\", options_from = \"sources\"");
        let multi = field("type = \"multi\", options_from = \"blocklists\"");
        for given in [json!("flows"), json!(7)] {
            assert_eq!(may_fit(&choice, &given), Ok(()), "{given}");
        }
        assert_eq!(may_fit(&multi, &json!(["a", "b"])), Ok(()));
        for (field, given) in [(&choice, json!(["flows"])), (&choice, json!(null)), (&multi, json!([{"a": 1}]))] {
            assert!(may_fit(field, &given).is_err_and(|fact| fact.contains("neither a text")), "{given}");
        }
        let mut known = choice;
        known.kind = Kind::Choice(vec!["flows".into()]);
        assert_eq!(entered(&known, &json!("flows")), Ok(json!(0)));
        assert!(entered(&known, &json!("flow")).is_err_and(|fact| fact.contains("did you mean `flows`")));
    }

    #[test]
    fn what_does_not_fit_says_what_would() {
        for (kind, given, said) in [
            ("type = \"int\", min = 1, max = 9", json!("ten"), "a whole number from 1 to 9"),
            ("type = \"int\", min = 1", json!(0), "a whole number of at least 1"),
            ("type = \"int\"", json!(1.5), "no whole number"),
            ("type = \"float\"", json!("NaN"), "no number"),
            ("type = \"bool\"", json!("maybe"), "true or false"),
            ("type = \"choice\", options = [\"SSH\", \"RDP\"]", json!("SSSH"), "did you mean `SSH`"),
            ("type = \"ip_list\"", json!("10.0.0.300"), "addresses and networks"),
            ("type = \"datetime\"", json!("yesterday"), "now-5m"),
            ("type = \"duration\"", json!("5 parsecs"), "30s"),
            ("type = \"text\", required = true", json!(" "), "fill in"),
            ("type = \"file\"", json!("a.txt"), "by its path"),
            ("type = \"text\"", json!({"a": 1}), "neither a text nor a number"),
        ] {
            let error = entered(&field(kind), &given).unwrap_err();
            assert!(error.contains(said) && !error.contains("`default`"), "{kind} {given}: {error}");
        }
    }
}
