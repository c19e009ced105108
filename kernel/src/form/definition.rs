//! The text of a `%%form` cell: TOML, one field a key, in the order in which they are shown.

use serde::Deserialize;
use toml::{Table, Value};

use super::choices::Origin;
use crate::report::Report;

/// One field or button of a form.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name of the parameter: `$name` in SQL.
    pub name: String,
    /// What can be entered.
    pub kind: Kind,
    /// What stands beside it; the name where the author gave none.
    pub label: String,
    /// Shown in an empty text field.
    pub placeholder: String,
    /// Shown when the pointer rests on it.
    pub help: String,
    /// What it holds at first.
    pub default: Option<Value>,
    /// Whether a query may not run while it is empty.
    pub required: bool,
    /// Lines of a text that are seen at once; more than one take breaks, too.
    pub lines: u32,
    /// The table without which a button cannot be pressed.
    pub needs: Option<String>,
    /// Where its options come from, when they are not written.
    pub options_from: Option<Origin>,
}

/// What can be entered in a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Text that is not shown while typed.
    Password,
    /// Addresses and networks.
    IpList,
    /// A whole number.
    Int {
        /// The smallest, if there is one.
        min: Option<i64>,
        /// The greatest, if there is one.
        max: Option<i64>,
    },
    /// A number.
    Float {
        /// The smallest, if there is one.
        min: Option<f64>,
        /// The greatest, if there is one.
        max: Option<f64>,
    },
    /// Yes or no.
    Bool,
    /// One of several.
    Choice(Vec<String>),
    /// Any number of several.
    Multi(Vec<String>),
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A moment, entered in the display zone.
    Datetime,
    /// A length of time: `5m`, `1h 30m`.
    Duration,
    /// A file of the person's own machine.
    File,
    /// Something to press.
    Button,
}

/// The keys of a field, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    r#type: String,
    label: Option<String>,
    placeholder: Option<String>,
    help: Option<String>,
    default: Option<Value>,
    min: Option<Value>,
    max: Option<Value>,
    options: Option<Vec<Value>>,
    options_from: Option<String>,
    #[serde(default)]
    required: bool,
    lines: Option<u32>,
    needs: Option<String>,
}

/// Lines of a text that a form has room for.
const LINES_MAX: u32 = 100;

/// The types there are, as an author writes them.
const TYPES: &[&str] = &[
    "text", "password", "ip_list", "int", "float", "bool", "choice", "multi", "date", "time", "datetime", "duration",
    "file", "button",
];

/// How a field is written.
const EXAMPLE: &str = "a field is written  limit = { type = \"int\", label = \"Limit\", default = 100, min = 1 }";

/// More fields than this are not a form.
const FIELDS_MAX: usize = 200;

/// The fields of a form.
///
/// # Errors
/// A report that names the field and what is wrong with it.
pub fn parse(text: &str) -> Result<Vec<Field>, Report> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        Report::new("FormError", "the form is not written in TOML").with_hint(format!("{EXAMPLE}\n{error}"))
    })?;
    if table.is_empty() {
        return Err(Report::new("FormError", "the form has no fields").with_hint(EXAMPLE));
    }
    if table.len() > FIELDS_MAX {
        return Err(Report::new("FormError", format!("a form of {} fields; {FIELDS_MAX} are the most", table.len())));
    }
    table.into_iter().map(|(name, value)| field(name, value)).collect()
}

fn field(name: String, value: Value) -> Result<Field, Report> {
    let wrong = |fact: String| Report::new("FormError", format!("field `{name}`: {fact}"));
    if !is_parameter_name(&name) {
        return Err(wrong("its name cannot be a parameter".into()).with_hint(
            "names are letters, digits and underscores, and begin with a letter: `$name` stands for the field in SQL",
        ));
    }
    let written: Written = value.try_into().map_err(|error: toml::de::Error| {
        wrong(error.message().to_owned()).with_hint(format!("types are {}", TYPES.join(", ")))
    })?;
    let kind = kind(&written).map_err(|fact| wrong(fact).with_hint(EXAMPLE))?;
    let options_from = written.options_from.as_deref().map(Origin::parse).transpose().map_err(wrong)?;
    let label = written.label.unwrap_or_else(|| name.replace('_', " "));
    let (placeholder, help) = (written.placeholder.unwrap_or_default(), written.help.unwrap_or_default());
    let Written { default, required, needs, lines, .. } = written;
    let lines = lines.unwrap_or(1);
    Ok(Field { kind, label, placeholder, help, default, required, lines, needs, options_from, name })
}

fn is_parameter_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn kind(written: &Written) -> Result<Kind, String> {
    let kind = match written.r#type.as_str() {
        "text" => Kind::Text,
        "password" => Kind::Password,
        "ip_list" => Kind::IpList,
        "int" => Kind::Int { min: integer("min", &written.min)?, max: integer("max", &written.max)? },
        "float" => Kind::Float { min: number("min", &written.min)?, max: number("max", &written.max)? },
        "bool" => Kind::Bool,
        "choice" => Kind::Choice(options(written)?),
        "multi" => Kind::Multi(options(written)?),
        "date" => Kind::Date,
        "time" => Kind::Time,
        "datetime" => Kind::Datetime,
        "duration" => Kind::Duration,
        "file" => Kind::File,
        "button" => Kind::Button,
        other => return Err(format!("there is no type `{other}`; types are {}", TYPES.join(", "))),
    };
    let is_number = matches!(kind, Kind::Int { .. } | Kind::Float { .. });
    if !is_number && (written.min.is_some() || written.max.is_some()) {
        return Err(format!("`min` and `max` are for numbers, not for the type `{}`", written.r#type));
    }
    match written.lines {
        Some(_) if kind != Kind::Text => {
            return Err(format!("`lines` is for texts, not for the type `{}`", written.r#type));
        }
        Some(lines) if !(1..=LINES_MAX).contains(&lines) => return Err(format!("`lines` is from 1 to {LINES_MAX}")),
        _ => {}
    }
    if kind != Kind::Button && written.needs.is_some() {
        return Err(format!("`needs` is for buttons, not for the type `{}`", written.r#type));
    }
    let has_options = written.options.is_some() || written.options_from.is_some();
    if !matches!(kind, Kind::Choice(_) | Kind::Multi(_)) && has_options {
        return Err(format!("`options` are for the types choice and multi, not for `{}`", written.r#type));
    }
    Ok(kind)
}

fn integer(key: &str, value: &Option<Value>) -> Result<Option<i64>, String> {
    match value {
        None => Ok(None),
        Some(Value::Integer(value)) => Ok(Some(*value)),
        Some(other) => Err(format!("`{key}` must be a whole number, not {other}")),
    }
}

fn number(key: &str, value: &Option<Value>) -> Result<Option<f64>, String> {
    match value {
        None => Ok(None),
        Some(Value::Integer(value)) => Ok(Some(*value as f64)),
        Some(Value::Float(value)) => Ok(Some(*value)),
        Some(other) => Err(format!("`{key}` must be a number, not {other}")),
    }
}

fn options(written: &Written) -> Result<Vec<String>, String> {
    let options = written.options.as_deref().unwrap_or_default();
    match (options.is_empty(), written.options_from.is_some()) {
        // They are looked up when the form is shown.
        (true, true) => return Ok(Vec::new()),
        (true, false) => {
            return Err(format!("the type `{}` needs `options`, a list of texts, or `options_from`", written.r#type));
        }
        (false, true) => return Err("`options` and `options_from` exclude each other".into()),
        (false, false) => {}
    }
    let text = |option: &Value| match option {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        other => Err(format!("an option must be a text, not {other}")),
    };
    options.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fields_come_in_the_order_in_which_they_are_written() {
        let fields = parse(
            "src = { type = \"ip_list\", label = \"Src IP\", placeholder = \"IP or CIDR\" }\n\
             limit = { type = \"int\", default = 40000, min = 1 }\n\
             get = { type = \"button\", label = \"Get IP flows\" }\n\
             channel = { type = \"multi\", options = [\"A\", \"B\"] }",
        )
        .unwrap();
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["src", "limit", "get", "channel"]);
        assert_eq!((fields[0].label.as_str(), &fields[0].kind), ("Src IP", &Kind::IpList));
        assert_eq!(fields[1].kind, Kind::Int { min: Some(1), max: None });
        assert_eq!(fields[1].label, "limit");
        assert_eq!(fields[3].kind, Kind::Multi(vec!["A".into(), "B".into()]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, fact) in [
            ("limit = ", "not written in TOML"),
            ("", "no fields"),
            ("limit = { type = \"integer\" }", "no type `integer`"),
            ("limit = { type = \"int\", minimum = 1 }", "minimum"),
            ("limit = { type = \"int\", min = \"one\" }", "`min` must be a whole number"),
            ("limit = { type = \"text\", min = 1 }", "for numbers"),
            ("limit = { label = \"Limit\" }", "type"),
            ("channel = { type = \"choice\" }", "needs `options`"),
            ("\"a b\" = { type = \"int\" }", "cannot be a parameter"),
            ("limit = 3", "field `limit`"),
            ("limit = { type = \"int\", lines = 3 }", "for texts"),
            ("notes = { type = \"text\", lines = 0 }", "from 1 to"),
            ("limit = { type = \"int\", needs = \"result\" }", "for buttons"),
            ("limit = { type = \"int\", options_from = \"sources\" }", "for the types choice and multi"),
            ("c = { type = \"multi\", options_from = \"sauces\" }", "`options_from` is"),
            ("c = { type = \"multi\", options = [\"a\"], options_from = \"sources\" }", "exclude each other"),
        ] {
            let report = parse(text).unwrap_err();
            assert!(report.evalue.contains(fact), "{text}: {report:?}");
        }
    }
}
