//! The parameters of a run: from the command line and from files to fields of forms and to variables of Rust cells.
//!
//! The ways to give them are papermill's; what a value means is the field's business, see [`crate::form::given`].

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use flow_engine::nearest_names;
use serde_json::{Map, Value};

use super::notebook::CodeCell;
use crate::{
    cell::Cell,
    form::{
        definition::{self, Field, Kind},
        given,
    },
};

/// Parameters by name.
pub type Parameters = Map<String, Value>;

/// Parameters in a file: YAML, JSON or TOML, as its ending says.
///
/// # Errors
/// When it cannot be read, or is no list of names and values.
pub fn of_file(path: &Path) -> Result<Parameters> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the parameters in `{shown}`"))?;
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let parsed = match ending.as_str() {
        "json" => serde_json::from_str(&text).map_err(anyhow::Error::from),
        "toml" => given::of_toml(&text).map_err(anyhow::Error::from),
        _ => of_yaml(&text),
    };
    parsed.map_err(|error| anyhow!("`{shown}` holds no parameters: {error}"))
}

/// Parameters in YAML.
///
/// # Errors
/// When it is no dictionary of names and values.
pub fn of_yaml(text: &str) -> Result<Parameters> {
    Ok(serde_yaml_ng::from_str(text)?)
}

/// `name=value`.
///
/// # Errors
/// When there is no `=`.
pub fn of_pair(text: &str) -> Result<(String, Value)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.into())),
        _ => bail!("`{text}` is no parameter\nhint: write -p name=value, or -p name value"),
    }
}

/// The fields of the notebook's forms, in order. Forms with faults are left to the run, which words them.
pub fn fields(cells: &[CodeCell]) -> Vec<Field> {
    let forms = cells.iter().filter_map(|cell| match Cell::parse(&cell.source) {
        Ok(Cell::Form(text)) => definition::parse(&text).ok(),
        _ => None,
    });
    forms.flatten().collect()
}

/// Parameters sorted by what takes them.
#[derive(Debug, Default)]
pub struct Sorted {
    /// For fields of forms.
    pub fields: Parameters,
    /// For the Rust cell with the tag `parameters`: the text of a cell that sets its variables.
    pub rust: Option<String>,
}

/// Finds what takes each parameter, and checks its value.
///
/// # Errors
/// The first parameter that nothing takes, or whose value does not fit: what it is called, what is taken.
pub fn sort(parameters: &Parameters, cells: &[CodeCell]) -> Result<Sorted> {
    let fields = fields(cells);
    let variables = variables(cells);
    let mut sorted = Sorted::default();
    let mut lines = Vec::new();
    for (name, value) in parameters {
        let takers: Vec<&Field> = fields.iter().filter(|field| field.name == *name).collect();
        for field in &takers {
            let wrong = |fact| anyhow!("parameter `{name}` ({}): {fact}", field.label);
            given::may_fit(field, value).map_err(wrong)?;
        }
        let variable = variables.iter().find(|variable| variable.name == *name);
        if let Some(variable) = variable {
            lines.push(variable.set_to(value).map_err(|fact| anyhow!("parameter `{name}`: {fact}"))?);
        }
        if !takers.is_empty() {
            sorted.fields.insert(name.clone(), value.clone());
        } else if variable.is_none() {
            return Err(unknown(name, &fields, &variables));
        }
    }
    sorted.rust = (!lines.is_empty()).then(|| format!("// Parameters\n{}", lines.join("\n")));
    Ok(sorted)
}

/// The `%%parameters` cell that tells later readers of OUT the values; those of passwords are left out.
pub fn as_cell(parameters: &Parameters, cells: &[CodeCell]) -> Option<String> {
    let shown = without_secrets(parameters, cells);
    let table: toml::Table = shown.into_iter().filter_map(|(name, value)| Some((name, as_toml(value)?))).collect();
    let text = toml::to_string(&table).ok().filter(|text| !text.is_empty())?;
    Some(format!("%%parameters\n{}", text.trim_end()))
}

/// The parameters without those that people type unseen.
pub fn without_secrets(parameters: &Parameters, cells: &[CodeCell]) -> Parameters {
    let fields = fields(cells);
    let is_secret = |name: &str| fields.iter().any(|field| field.name == name && matches!(field.kind, Kind::Password));
    parameters.iter().filter(|(name, _)| !is_secret(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn as_toml(value: Value) -> Option<toml::Value> {
    Some(match value {
        Value::String(text) => text.into(),
        Value::Bool(value) => value.into(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64()?.into(),
        },
        Value::Array(items) => toml::Value::Array(items.into_iter().map(as_toml).collect::<Option<_>>()?),
        Value::Null | Value::Object(_) => return None,
    })
}

fn unknown(name: &str, fields: &[Field], variables: &[Variable]) -> anyhow::Error {
    let takes_value = |field: &&Field| !matches!(field.kind, Kind::Button | Kind::File);
    let of_forms = fields.iter().filter(takes_value).map(|field| field.name.as_str());
    let mut known: Vec<&str> = of_forms.chain(variables.iter().map(|variable| variable.name.as_str())).collect();
    known.dedup();
    let hint = match (nearest_names(name, known.iter().copied(), 1).first(), known.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`? Fields are {}", known.join(", ")),
        (None, false) => format!("fields are {}", known.join(", ")),
        (None, true) => "it has neither a form nor a Rust cell with the tag `parameters`".to_owned(),
    };
    anyhow!("the notebook has no field `{name}`\nhint: {hint}")
}

/// A variable of the Rust cell with the tag `parameters`.
#[derive(Debug, PartialEq)]
struct Variable {
    name: String,
    /// Its type, where the author wrote it.
    kind: Option<String>,
    /// Whether the author made a text that owns itself.
    is_owned: bool,
}

fn variables(cells: &[CodeCell]) -> Vec<Variable> {
    let cell = cells.iter().find(|cell| cell.has_parameters);
    let code = cell.and_then(|cell| match Cell::parse(&cell.source) {
        Ok(Cell::Rust(code)) => Some(code),
        _ => None,
    });
    code.unwrap_or_default().lines().filter_map(variable).collect()
}

/// `let name: Type = value;`, one a line.
fn variable(line: &str) -> Option<Variable> {
    let rest = line.trim().strip_prefix("let ")?.trim_start();
    let rest = rest.strip_prefix("mut ").unwrap_or(rest).trim_start();
    let (left, value) = rest.split_once('=')?;
    let (name, kind) = match left.split_once(':') {
        Some((name, kind)) => (name.trim(), Some(kind.trim().to_owned())),
        None => (left.trim(), None),
    };
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let makes_owned = ["to_owned()", "to_string()", "String::from", ".into()", "format!"];
    let is_owned = kind.as_deref() == Some("String") || makes_owned.iter().any(|way| value.contains(way));
    is_name.then(|| Variable { name: name.to_owned(), kind, is_owned })
}

impl Variable {
    fn set_to(&self, value: &Value) -> Result<String, String> {
        let kind = self.kind.as_ref().map(|kind| format!(": {kind}")).unwrap_or_default();
        Ok(format!("let {}{kind} = {};", self.name, self.literal(value)?))
    }

    /// A value in Rust. Texts of a command line that look like numbers or truth values are such, as in papermill, unless the
    /// author made a text.
    fn literal(&self, value: &Value) -> Result<String, String> {
        let is_text = self.is_owned || self.kind.as_deref().is_some_and(|kind| kind.contains("str"));
        Ok(match value {
            Value::String(text) if !is_text && text.parse::<i64>().is_ok() => text.clone(),
            Value::String(text) if !is_text && text.parse::<f64>().is_ok_and(f64::is_finite) => {
                format!("{:?}", text.parse::<f64>().unwrap_or_default())
            }
            Value::String(text) if !is_text && ["true", "false"].contains(&text.to_ascii_lowercase().as_str()) => {
                text.to_ascii_lowercase()
            }
            Value::String(text) if self.is_owned => format!("{text:?}.to_owned()"),
            Value::String(text) => format!("{text:?}"),
            Value::Number(number) if is_text => format!("{:?}.to_owned()", number.to_string()),
            Value::Number(number) => match number.as_i64() {
                Some(number) => number.to_string(),
                None => format!("{:?}", number.as_f64().unwrap_or_default()),
            },
            Value::Bool(value) => value.to_string(),
            Value::Array(items) => {
                let items: Result<Vec<String>, String> = items.iter().map(|item| self.literal(item)).collect();
                format!("vec![{}]", items?.join(", "))
            }
            Value::Null | Value::Object(_) => return Err("it takes a text, a number, true, false or a list".into()),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn cell(source: &str, has_parameters: bool) -> CodeCell {
        CodeCell { index: 0, id: "a".into(), source: source.into(), has_parameters, may_fail: false }
    }

    fn given(value: Value) -> Parameters {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn parameters_go_to_fields_and_variables() {
        let form = "%%form\nsrc = { type = \"ip_list\" }\nkey = { type = \"password\" }\ngo = { type = \"button\" }";
        let rust = "let limit = 10;\nlet mut name: String = \"a\".into();\nlet word = \"b\";\nlet share: f64 = 0.5;\nprintln!(\"x\");";
        let cells = [cell(form, false), cell(rust, true)];
        let all =
            given(json!({"src": "10.0.0.1", "key": "k", "limit": "20", "name": "7", "word": "a\"b", "share": 1.0}));
        let sorted = sort(&all, &cells).unwrap();
        assert_eq!(Value::Object(sorted.fields.clone()), json!({"src": "10.0.0.1", "key": "k"}));
        let expected = "// Parameters\nlet limit = 20;\nlet name: String = \"7\".to_owned();\nlet word = \"a\\\"b\";\nlet share: f64 = 1.0;";
        assert_eq!(sorted.rust.as_deref(), Some(expected));
        assert_eq!(as_cell(&sorted.fields, &cells).as_deref(), Some("%%parameters\nsrc = \"10.0.0.1\""));
    }

    #[test]
    fn a_wrong_parameter_is_named_with_what_would_be_right() {
        let cells = [cell(
            "%%form\nsrc_ip = { type = \"ip_list\", label = \"Src IP\" }\nlimit = { type = \"int\", min = 1 }",
            false,
        )];
        for (parameters, said) in [
            (json!({"srcip": "10.0.0.1"}), "did you mean `src_ip`"),
            (json!({"zzz": 1}), "fields are src_ip, limit"),
            (json!({"limit": "many"}), "parameter `limit` (limit): `many` does not fit"),
            (json!({"src_ip": "10.0.0.1.1"}), "parameter `src_ip` (Src IP)"),
        ] {
            let error = sort(&given(parameters.clone()), &cells).unwrap_err().to_string();
            assert!(error.contains(said), "{parameters}: {error}");
        }
    }

    #[test]
    fn files_and_pairs() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("p.yaml", "hosts: [10.0.0.1, 10.0.0.2]\nday: 2024-02-05\nlimit: 5\n"),
            ("p.json", "{\"hosts\": [\"10.0.0.1\", \"10.0.0.2\"], \"day\": \"2024-02-05\", \"limit\": 5}"),
            ("p.toml", "hosts = [\"10.0.0.1\", \"10.0.0.2\"]\nday = 2024-02-05\nlimit = 5\n"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            let expected = json!({"hosts": ["10.0.0.1", "10.0.0.2"], "day": "2024-02-05", "limit": 5});
            assert_eq!(Value::Object(of_file(&path).unwrap()), expected, "{name}");
        }
        assert!(of_yaml("- a\n- b").is_err() && of_yaml("just text").is_err());
        assert_eq!(of_pair("a=b=c").unwrap(), ("a".to_owned(), json!("b=c")));
        assert!(of_pair("=b").is_err() && of_pair("ab").is_err());
    }
}
