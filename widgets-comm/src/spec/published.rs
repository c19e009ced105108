//! The published models ready for use: attributes sorted and found by name, defaults as values.

use std::{collections::HashMap, sync::LazyLock};

use serde_json::{Value, json};

use super::{AttributeSpec, Default, Kind, MODELS, ModelSpec};
use crate::{buffers::StateValue, check::shortened, error::WidgetError, nearest::nearest, rules::Rule};

/// The attributes that name model and view. Front ends send them along; nobody may change them.
pub(crate) const NAMES: [&str; 6] =
    ["_model_module", "_model_module_version", "_model_name", "_view_module", "_view_module_version", "_view_name"];

/// A published model. The position of an attribute is its place in `attributes`, which is sorted by name.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) spec: &'static ModelSpec,
    pub(crate) attributes: Vec<&'static AttributeSpec>,
    /// One for each attribute; `null` where a fresh model is the default.
    pub(crate) defaults: Vec<StateValue>,
    /// The values of the six names.
    pub(crate) names: Vec<(&'static str, StateValue)>,
    /// Positions of the attributes that refer to other models.
    pub(crate) references: Vec<usize>,
    pub(crate) rule: Rule,
}

impl Published {
    /// The model of this name on the wire, as `IntSliderModel`.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        PUBLISHED.get(name)
    }

    /// The model of this class, as `IntSlider`.
    pub(crate) fn of_class(class: &str) -> Option<&'static Self> {
        MODELS.iter().find(|spec| spec.class == class).and_then(|spec| Published::named(spec.name))
    }

    pub(crate) fn position(&self, attribute: &str) -> Option<usize> {
        self.attributes.binary_search_by_key(&attribute, |attribute| attribute.name).ok()
    }

    /// The value of one of the six names.
    pub(crate) fn name_value(&self, name: &str) -> Option<&StateValue> {
        self.names.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Why an attribute that has no position cannot be set.
    pub(crate) fn not_settable(&self, name: &str) -> WidgetError {
        let model = self.spec.class.to_owned();
        if self.name_value(name).is_some() {
            return WidgetError::ReadOnly { model, attribute: name.to_owned() };
        }
        let nearest = nearest(name, name, self.attributes.iter().map(|attribute| attribute.name));
        WidgetError::UnknownAttribute { model, attribute: shortened(name), nearest }
    }

    fn new(spec: &'static ModelSpec) -> Self {
        let mut attributes: Vec<&AttributeSpec> = spec.attributes().collect();
        attributes.sort_by_key(|attribute| attribute.name);
        let defaults = attributes.iter().map(|attribute| opening_default(spec.class, attribute)).collect();
        let refers = |kind| matches!(kind, Kind::Widget(_) | Kind::List(Kind::Widget(_)) | Kind::LinkEnd);
        let references = (0..attributes.len()).filter(|position| refers(attributes[*position].kind)).collect();
        let rule = Rule::of(spec.class, |name| attributes.iter().position(|attribute| attribute.name == name));
        Published { spec, defaults, names: names(spec), references, rule, attributes }
    }
}

static PUBLISHED: LazyLock<HashMap<&'static str, Published>> =
    LazyLock::new(|| MODELS.iter().map(|spec| (spec.name, Published::new(spec))).collect());

fn names(spec: &ModelSpec) -> Vec<(&'static str, StateValue)> {
    let values = [
        Value::from(spec.module.name()),
        spec.module.version().into(),
        spec.name.into(),
        spec.view_module.name().into(),
        spec.view_module.version().into(),
        spec.view_name.into(),
    ];
    NAMES.into_iter().zip(values.map(StateValue::from)).collect()
}

/// What a model is opened with. ipywidgets labels the FileUpload, which the specification does not tell.
fn opening_default(class: &str, attribute: &AttributeSpec) -> StateValue {
    match (class, attribute.name) {
        ("FileUpload", "description") => Value::from("Upload").into(),
        _ => default_value(attribute.default),
    }
}

fn default_value(default: Default) -> StateValue {
    let json = match default {
        Default::Null | Default::NewModel => Value::Null,
        Default::Bool(value) => value.into(),
        Default::Int(value) => value.into(),
        Default::Float(value) => value.into(),
        Default::String(value) => value.into(),
        Default::EmptyList => json!([]),
        Default::IntPair(lower, upper) => json!([lower, upper]),
        Default::FloatPair(lower, upper) => json!([lower, upper]),
        Default::Bytes => return StateValue::bytes(Vec::new()),
    };
    json.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_is_found_by_its_name() {
        let slider = Published::named("IntSliderModel").expect("published");
        assert_eq!(slider.spec.class, "IntSlider");
        for (position, attribute) in slider.attributes.iter().enumerate() {
            assert_eq!(slider.position(attribute.name), Some(position));
        }
        assert_eq!(slider.position("_model_name"), None);
        assert!(Published::named("IntSlider").is_none());
    }

    #[test]
    fn raw_identifiers_lose_their_mark() {
        assert!(Published::of_class("Audio").expect("published").position("loop").is_some());
    }
}
