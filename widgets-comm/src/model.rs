//! One live model: its values, and which of them the front end has not been told yet.
//!
//! Published models have the attributes of their specification; custom ones (anywidget and other libraries) have the
//! keys that the kernel gave them.

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    buffers::{State, StateValue},
    check::shortened,
    error::WidgetError,
    models::Handle,
    output::{Output, Tally, append},
    spec::published::{NAMES, Published},
};

/// A custom model with more keys than this is refused.
pub const CUSTOM_KEYS_MAX: usize = 1_000;

/// The names that a custom model cannot do without: front ends load its class by them.
const CUSTOM_NAMES: [&str; 3] = ["_model_module", "_model_module_version", "_model_name"];

#[derive(Debug)]
pub(crate) struct Model {
    id: String,
    form: Form,
    values: Vec<StateValue>,
    /// Positions to tell the front end, in order of their first change.
    pending: Vec<usize>,
    /// The layout and style that were made for this model and are closed with it.
    owned: Vec<Handle>,
    /// What the outputs of an Output model do not tell by themselves. `None`: nothing appended since they were set.
    tally: Option<Tally>,
}

#[derive(Debug)]
enum Form {
    Published(&'static Published),
    Custom { names: Vec<String>, by_name: HashMap<String, usize> },
}

impl Model {
    /// `values` are in the order of the published attributes.
    pub(crate) fn published(
        id: &str,
        published: &'static Published,
        values: Vec<StateValue>,
        owned: Vec<Handle>,
    ) -> Self {
        let form = Form::Published(published);
        Model { id: id.to_owned(), form, values, pending: Vec::new(), owned, tally: None }
    }

    pub(crate) fn custom(id: &str, state: State) -> Result<Self, WidgetError> {
        let is_named = |key: &&str| state.get(key).is_some_and(|value| value.json().is_string());
        if let Some(key) = CUSTOM_NAMES.into_iter().find(|key| !is_named(key)) {
            return Err(WidgetError::MissingName { key });
        }
        let form = Form::Custom { names: Vec::new(), by_name: HashMap::new() };
        let (values, pending, owned) = (Vec::new(), Vec::new(), Vec::new());
        let mut model = Model { id: id.to_owned(), form, values, pending, owned, tally: None };
        for (name, value) in state {
            let position = model.ensure(&name)?;
            model.values[position] = value;
        }
        Ok(model)
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What people call the model: `IntSlider`.
    pub(crate) fn class(&self) -> &str {
        match &self.form {
            Form::Published(published) => published.spec.class,
            Form::Custom { .. } => self.text("_model_name"),
        }
    }

    pub(crate) fn as_published(&self) -> Option<&'static Published> {
        match self.form {
            Form::Published(published) => Some(published),
            Form::Custom { .. } => None,
        }
    }

    pub(crate) fn owned(&self) -> &[Handle] {
        &self.owned
    }

    /// Whether a reference to that class may lead here. A style may be any that has all of its attributes.
    pub(crate) fn can_stand_for(&self, class: &str) -> bool {
        let Some(published) = self.as_published() else { return true };
        let found = published.spec.class;
        if class == "Widget" || class == found {
            return true;
        }
        let are_styles = class.ends_with("Style") && found.ends_with("Style");
        let wanted = Published::of_class(class).filter(|_| are_styles);
        wanted.is_some_and(|wanted| wanted.attributes.iter().all(|spec| published.position(spec.name).is_some()))
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        match &self.form {
            Form::Published(published) => published.position(name),
            Form::Custom { by_name, .. } => by_name.get(name).copied(),
        }
    }

    /// The position of a name; a custom model gets the key when it is new.
    pub(crate) fn ensure(&mut self, name: &str) -> Result<usize, WidgetError> {
        if let Some(position) = self.position(name) {
            return Ok(position);
        }
        let (names, by_name) = match &mut self.form {
            Form::Published(published) => return Err(published.not_settable(name)),
            Form::Custom { names, by_name } => (names, by_name),
        };
        if names.len() >= CUSTOM_KEYS_MAX {
            let (found, limit) = (names.len() + 1, CUSTOM_KEYS_MAX);
            return Err(WidgetError::TooLarge { what: "the keys of a custom widget", found, limit });
        }
        names.push(name.to_owned());
        by_name.insert(name.to_owned(), self.values.len());
        self.values.push(Value::Null.into());
        Ok(self.values.len() - 1)
    }

    pub(crate) fn name_at(&self, position: usize) -> &str {
        match &self.form {
            Form::Published(published) => published.attributes[position].name,
            Form::Custom { names, .. } => &names[position],
        }
    }

    pub(crate) fn values(&self) -> &[StateValue] {
        &self.values
    }

    pub(crate) fn value_at(&self, position: usize) -> &StateValue {
        &self.values[position]
    }

    /// Any attribute, the six names included.
    pub(crate) fn value(&self, name: &str) -> Option<&StateValue> {
        if let Some(position) = self.position(name) {
            return Some(&self.values[position]);
        }
        self.as_published()?.name_value(name)
    }

    /// A string attribute, empty when there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.value(name).and_then(|value| value.json().as_str()).unwrap_or_default()
    }

    /// The whole state, the six names first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &StateValue)> {
        let names = self.as_published().map(|published| published.names.as_slice()).unwrap_or_default();
        let own = self.values.iter().enumerate().map(|(position, value)| (self.name_at(position), value));
        names.iter().map(|(name, value)| (*name, value)).chain(own)
    }

    /// Stores a value and gives the one before, or `None` when they are equal.
    pub(crate) fn replace(&mut self, position: usize, value: StateValue) -> Option<StateValue> {
        let place = &mut self.values[position];
        if *place == value {
            return None;
        }
        if value.json().is_array() {
            self.tally = None;
        }
        Some(std::mem::replace(place, value))
    }

    /// Appends to the list of outputs in place: it may be long.
    pub(crate) fn append_output(&mut self, position: usize, output: Output) {
        let Value::Array(outputs) = self.values[position].json_mut() else { return };
        let tally = self.tally.get_or_insert_with(|| Tally::of(outputs));
        append(outputs, tally, output);
    }

    /// The front end is to be told of this attribute. `true` when it is the first of the model.
    pub(crate) fn mark(&mut self, position: usize) -> bool {
        if self.pending.contains(&position) {
            return false;
        }
        self.pending.push(position);
        self.pending.len() == 1
    }

    pub(crate) fn take_pending(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.pending)
    }

    /// Whether a front end may change an attribute. It may not rename models, nor rewrite options or the code of
    /// custom widgets.
    pub(crate) fn is_front_end_writable(&self, name: &str) -> bool {
        match &self.form {
            Form::Published(_) => !NAMES.contains(&name) && name != "_options_labels",
            Form::Custom { .. } => !name.starts_with('_'),
        }
    }

    pub(crate) fn read_only(&self, name: &str) -> WidgetError {
        WidgetError::ReadOnly { model: self.class().to_owned(), attribute: shortened(name) }
    }

    /// Why an attribute that has no position cannot be set, or read.
    pub(crate) fn not_settable(&self, name: &str) -> WidgetError {
        match self.form {
            Form::Published(published) => published.not_settable(name),
            Form::Custom { .. } => {
                let (model, attribute) = (self.class().to_owned(), shortened(name));
                WidgetError::UnknownAttribute { model, attribute, nearest: None }
            }
        }
    }
}
