//! The constants in the format of the published specification, to compare with it.

use serde_json::{Map, Value, json};

use super::{AttributeSpec, Default, Kind, MODELS, ModelSpec, Module};

/// All models as the published `jupyterwidgetmodels` file lists them: same order, same keys.
pub fn spec_json() -> Value {
    MODELS.iter().map(model_json).collect()
}

fn model_json(model: &ModelSpec) -> Value {
    let mut attributes: Vec<AttributeSpec> = model.attributes().copied().chain(names(model)).collect();
    attributes.sort_by_key(|attribute| attribute.name);
    json!({
        "attributes": attributes.iter().map(attribute_json).collect::<Value>(),
        "model": {"module": model.module.name(), "name": model.name, "version": model.module.version()},
        "view": {
            "module": model.view_module.name(),
            "name": model.view_name,
            "version": model.view_module.version(),
        },
    })
}

/// The six attributes that name model and view. Only the base classes' own definitions carry a help text.
fn names(model: &ModelSpec) -> [AttributeSpec; 6] {
    let base_help = |help| if model.module == Module::Base { help } else { "" };
    let text = |name, value, help| {
        let default = Default::String(value);
        AttributeSpec { name, kind: Kind::String, nullable: false, default, help }
    };
    let mut names = [
        text("_model_module", model.module.name(), base_help("The namespace for the model.")),
        text(
            "_model_module_version",
            model.module.version(),
            base_help("A semver requirement for namespace version containing the model."),
        ),
        text("_model_name", model.name, ""),
        text("_view_module", model.view_module.name(), ""),
        text("_view_module_version", model.view_module.version(), ""),
        text("_view_name", model.view_name.unwrap_or_default(), ""),
    ];
    if model.view_name.is_none() {
        names[5].nullable = true;
        names[5].default = Default::Null;
        names[5].help = "Name of the view.";
    }
    names
}

fn attribute_json(attribute: &AttributeSpec) -> Value {
    let mut json = kind_json(attribute.kind);
    if attribute.nullable {
        json.insert("allow_none".into(), true.into());
    }
    json.insert("default".into(), default_json(attribute.default));
    json.insert("help".into(), attribute.help.into());
    json.insert("name".into(), attribute.name.into());
    json.sort_keys();
    json.into()
}

fn kind_json(kind: Kind) -> Map<String, Value> {
    let mut json = Map::new();
    json.insert("type".into(), type_json(kind));
    match kind {
        Kind::Choice(allowed) => {
            json.insert("enum".into(), allowed.into());
        }
        Kind::Widget(class) => {
            json.insert("widget".into(), published_class(class).into());
        }
        Kind::List(item) => {
            json.insert("items".into(), kind_json(*item).into());
        }
        Kind::OrAny(other) => {
            json.insert("union_attributes".into(), json!([kind_json(*other), {"type": "string", "enum": ["any"]}]));
        }
        _ => {}
    }
    json
}

fn type_json(kind: Kind) -> Value {
    match kind {
        Kind::String | Kind::Color | Kind::Choice(_) => "string".into(),
        Kind::Int => "int".into(),
        Kind::Float => "float".into(),
        Kind::Bool => "bool".into(),
        Kind::Bytes => "bytes".into(),
        Kind::Date => "Date".into(),
        Kind::Datetime | Kind::NaiveDatetime => "Datetime".into(),
        Kind::Time => "Time".into(),
        Kind::Object | Kind::Any => "object".into(),
        Kind::Widget(_) => "reference".into(),
        Kind::LinkEnd | Kind::List(_) | Kind::UntoldList(_) | Kind::Pair(_) => "array".into(),
        Kind::OrAny(other) => json!([type_json(*other), "string"]),
    }
}

/// The specification names the parts of a controller by their Python classes.
fn published_class(class: &'static str) -> &'static str {
    match class {
        "ControllerAxis" => "Axis",
        "ControllerButton" => "Button",
        other => other,
    }
}

fn default_json(default: Default) -> Value {
    match default {
        Default::Null => Value::Null,
        Default::Bool(value) => value.into(),
        Default::Int(value) => value.into(),
        Default::Float(value) => value.into(),
        Default::String(value) => value.into(),
        Default::EmptyList => json!([]),
        Default::IntPair(lower, upper) => json!([lower, upper]),
        Default::FloatPair(lower, upper) => json!([lower, upper]),
        Default::Bytes => "b''".into(),
        Default::NewModel => "reference to new instance".into(),
    }
}
