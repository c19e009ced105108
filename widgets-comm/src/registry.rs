//! All live models, and every way in which they change.
//!
//! The registry is the owner of all widget state, whether or not a front end is connected. It sends nothing: methods
//! give messages, and the caller publishes them in that order. Changes by the kernel gather until
//! [`Registry::take_updates`], so that ten thousand steps of a progress bar can travel as one message.
//!
//! Here is what the kernel does to models. What front ends send is in `receive`, how values are taken over in `apply`,
//! what they look like without a front end in `view`.

mod apply;
mod close;
mod link;
mod receive;

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{
    buffers::{State, StateValue, split},
    check::shortened,
    error::WidgetError,
    links::Links,
    message::{CONTROL_TARGET, CommMessage, WIDGET_TARGET, reference},
    model::Model,
    models::{End, Handle, Models},
    nearest::nearest,
    output::Output,
    rules::Draft,
    selection::chosen_indices,
    spec::{Default as SpecDefault, Kind, MODELS, published::Published},
};

pub use receive::{CONTROL_COMMS_MAX, FRONT_END_MODELS_MAX, INCOMING_BUFFER_BYTES_MAX, INCOMING_BYTES_MAX};

/// An id is a UUID as a rule; a longer one than this is refused.
pub const ID_BYTES_MAX: usize = 256;

/// All live models. See the module's documentation.
#[derive(Debug, Default)]
pub struct Registry {
    pub(crate) models: Models,
    /// Models with something to tell, in order of the first change. May name one twice, or one that is closed.
    pending: Vec<Handle>,
    links: Links,
    /// Ids of the control comms that front ends hold open.
    controls: Vec<String>,
    opened_by_front_ends: HashSet<Handle>,
    is_silent: bool,
}

/// What happened to a model, for whoever wants to react.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A front end created the model.
    Opened { id: String },
    /// An attribute has another value than before, whoever set it.
    Changed { id: String, name: String, old: StateValue, new: StateValue },
    /// A Button was clicked, or one of ToggleButtons.
    Click { id: String },
    /// Return was pressed in a Text, Password or Combobox.
    Submit { id: String },
    /// Any other custom message.
    Custom { id: String, content: Value, buffers: Vec<Bytes> },
    /// A front end closed the model.
    Closed { id: String },
}

/// What follows from a message or an update.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// To publish in this order. Empty after an update by the kernel, whose message waits for `take_updates`.
    pub messages: Vec<CommMessage>,
    pub events: Vec<Event>,
    /// What was refused, to log.
    pub problems: Vec<WidgetError>,
}

impl Registry {
    pub fn new() -> Self {
        Registry::default()
    }

    /// No longer echoes what a front end sets: other pages do not follow it, and fewer messages go out. ipywidgets does so
    /// where `JUPYTER_WIDGETS_ECHO` is off.
    pub fn without_echo(mut self) -> Self {
        self.is_silent = true;
        self
    }

    /// Opens a published model, by its name on the wire (`IntSliderModel`), and the layout and style that it lacks.
    ///
    /// What `state` leaves out gets its default. Models that it refers to have to be open. After an error nothing is
    /// open that was not before.
    pub fn open(&mut self, id: &str, model_name: &str, state: State) -> Result<Vec<CommMessage>, WidgetError> {
        self.check_new_id(id)?;
        let published = Published::named(model_name).ok_or_else(|| unknown_model_name(model_name))?;
        let values = self.opening_values(published, state)?;
        let mut messages = Vec::new();
        self.insert(id, published, values, &mut messages);
        Ok(messages)
    }

    /// Opens a model of another library, such as anywidget. `state` has to name it (`_model_module`,
    /// `_model_module_version`, `_model_name`); its values are not checked.
    pub fn open_custom(&mut self, id: &str, state: State) -> Result<Vec<CommMessage>, WidgetError> {
        self.check_new_id(id)?;
        let model = Model::custom(id, state)?;
        let message = open_message(&model);
        self.models.insert(model);
        Ok(vec![message])
    }

    /// Changes attributes of a model: all of them, or none after an error.
    ///
    /// Values are corrected as ipywidgets does (clamped to min and max, and so on), links are followed, and the
    /// front end hears of it with the next [`take_updates`](Self::take_updates).
    pub fn update(&mut self, id: &str, state: State) -> Result<Outcome, WidgetError> {
        let handle = self.handle(id)?;
        let staged = self.staged(handle, state)?;
        let mut changes = self.assign(handle, staged)?;
        let problems = self.follow_links(&mut changes);
        let events = self.events(changes);
        Ok(Outcome { messages: Vec::new(), events, problems })
    }

    /// Appends what a cell printed or displayed to the `outputs` of an Output model, within its bound.
    ///
    /// Unlike `update` it gives no event: the list is changed in place, as it may be long.
    pub fn append_output(&mut self, id: &str, output: Output) -> Result<(), WidgetError> {
        let handle = self.handle(id)?;
        let unknown = || WidgetError::UnknownModel { id: id.to_owned() };
        let model = self.models.get_mut(handle).ok_or_else(unknown)?;
        let position = model.position("outputs").ok_or_else(|| model.not_settable("outputs"))?;
        model.append_output(position, output);
        self.mark((handle, position));
        Ok(())
    }

    /// One `update` for each model that changed since the last call, with the newest values of what changed, in order
    /// of the first change.
    pub fn take_updates(&mut self) -> Vec<CommMessage> {
        let pending = std::mem::take(&mut self.pending);
        pending.into_iter().filter_map(|handle| self.take_update(handle)).collect()
    }

    /// A message of the model's own making, as `{"do": "focus"}` for the stock controls.
    pub fn custom_message(&self, id: &str, content: Value, buffers: Vec<Bytes>) -> Result<CommMessage, WidgetError> {
        self.handle(id)?;
        Ok(CommMessage::custom(id, content, buffers))
    }

    /// The value of one attribute, or which part of the question is wrong.
    pub fn read(&self, id: &str, name: &str) -> Result<&StateValue, WidgetError> {
        let handle = self.handle(id)?;
        let model = self.models.get(handle).ok_or_else(|| WidgetError::UnknownModel { id: id.to_owned() })?;
        model.value(name).ok_or_else(|| model.not_settable(name))
    }

    /// The value of one attribute.
    pub fn get(&self, id: &str, name: &str) -> Option<&StateValue> {
        self.models.find(id)?.value(name)
    }

    /// All attributes of a model.
    pub fn state(&self, id: &str) -> Option<State> {
        let model = self.models.find(id)?;
        Some(model.entries().map(|(name, value)| (name.to_owned(), value.clone())).collect())
    }

    /// The name on the wire of a model, as `IntSliderModel`.
    pub fn model_name(&self, id: &str) -> Option<&str> {
        self.models.find(id).map(|model| model.text("_model_name"))
    }

    /// The labels that a selection has chosen: none, one, or several.
    pub fn chosen_labels(&self, id: &str) -> Option<Vec<&str>> {
        let model = self.models.find(id)?;
        let labels = model.value("_options_labels")?.json().as_array()?;
        let index = model.value("index")?.json();
        Some(chosen_indices(index).filter_map(|index| labels.get(index)?.as_str()).collect())
    }

    /// The ids of all live models, in the order in which they were opened.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|(_, model)| model.id())
    }

    /// The `comms` of a `comm_info_reply`: all comms, or those of one target.
    pub fn comm_info(&self, target: Option<&str>) -> Map<String, Value> {
        let models = self.ids().map(|id| (id, WIDGET_TARGET));
        let controls = self.controls.iter().map(|id| (id.as_str(), CONTROL_TARGET));
        let wanted = models.chain(controls).filter(|(_, found)| target.is_none_or(|target| target == *found));
        wanted.map(|(id, target)| (id.to_owned(), json!({"target_name": target}))).collect()
    }

    fn handle(&self, id: &str) -> Result<Handle, WidgetError> {
        self.models.handle(id).ok_or_else(|| WidgetError::UnknownModel { id: shortened(id) })
    }

    fn check_new_id(&self, id: &str) -> Result<(), WidgetError> {
        if id.len() > ID_BYTES_MAX {
            return Err(WidgetError::TooLarge { what: "bytes of an id", found: id.len(), limit: ID_BYTES_MAX });
        }
        if self.models.handle(id).is_some() || self.controls.iter().any(|control| control == id) {
            return Err(WidgetError::DuplicateId { id: id.to_owned() });
        }
        Ok(())
    }

    fn free_id(&self, wanted: &str) -> String {
        let numbered = (2_u64..).map(|number| format!("{wanted}-{number}"));
        let mut candidates = std::iter::once(wanted.to_owned()).chain(numbered);
        candidates.find(|id| self.models.handle(id).is_none()).unwrap_or_default()
    }

    /// The values of a model that is being opened; `null` where a layout or style is to be made.
    fn opening_values(&self, published: &'static Published, state: State) -> Result<Vec<StateValue>, WidgetError> {
        let mut staged = Vec::new();
        for (name, value) in state {
            match published.position(&name) {
                Some(position) => staged.push((position, self.checked(published, position, &value)?)),
                // Naming the model once more is fine, naming another is not.
                None if published.name_value(&name) == Some(&value) => {}
                None => return Err(published.not_settable(&name)),
            }
        }
        let mut values = published.defaults.clone();
        let mut draft = Draft::new(&values, staged, true);
        let broken = |fault| WidgetError::BrokenRule { model: published.spec.class.to_owned(), fault };
        published.rule.settle(&mut draft).map_err(broken)?;
        for (position, value) in draft.into_staged() {
            values[position] = value;
        }
        Ok(values)
    }

    /// Makes the layout and style that a model lacks, then the model: children come before their parents.
    fn insert(
        &mut self,
        id: &str,
        published: &'static Published,
        mut values: Vec<StateValue>,
        messages: &mut Vec<CommMessage>,
    ) -> Handle {
        let mut owned = Vec::new();
        for (position, attribute) in published.attributes.iter().enumerate() {
            let Kind::Widget(class) = attribute.kind else { continue };
            if attribute.default != SpecDefault::NewModel || !values[position].json().is_null() {
                continue;
            }
            if let Some(child) = Published::of_class(class) {
                let child_id = self.free_id(&format!("{id}-{}", attribute.name));
                owned.push(self.insert(&child_id, child, child.defaults.clone(), messages));
                values[position] = Value::from(reference(&child_id)).into();
            }
        }
        let model = Model::published(id, published, values, owned);
        messages.push(open_message(&model));
        self.models.insert(model)
    }

    /// The front end is to be told of this attribute.
    fn mark(&mut self, (handle, position): End) {
        if self.models.get_mut(handle).is_some_and(|model| model.mark(position)) {
            self.pending.push(handle);
        }
    }

    fn take_update(&mut self, handle: Handle) -> Option<CommMessage> {
        let model = self.models.get_mut(handle)?;
        let positions = model.take_pending();
        if positions.is_empty() {
            return None;
        }
        let entries = positions.iter().map(|position| (model.name_at(*position), model.value_at(*position)));
        Some(CommMessage::update(model.id(), "update", entries))
    }
}

fn open_message(model: &Model) -> CommMessage {
    CommMessage::open(model.id(), split(model.entries()))
}

fn unknown_model_name(name: &str) -> WidgetError {
    // All names end alike, which would make any two of them near.
    let own_part = name.strip_suffix("Model").unwrap_or(name);
    let nearest = nearest(name, own_part, MODELS.iter().map(|spec| spec.name));
    WidgetError::UnknownModelName { name: shortened(name), nearest }
}
