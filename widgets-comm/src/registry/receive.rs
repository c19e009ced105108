//! What front ends send: updates, requests for state, custom messages, and comms that they open and close.
//!
//! Nothing from there is trusted: sizes are bounded, values are checked, and a message that makes no sense is a
//! problem to log, never a panic. Every attribute received is echoed before it is applied, so that other front ends
//! follow and the sender knows which of its updates have arrived.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Event, Outcome, Registry, apply::Staged};
use crate::{
    buffers::{State, StateValue, split},
    check::shortened,
    error::WidgetError,
    message::{
        CONTROL_PROTOCOL_VERSION, CONTROL_TARGET, CommKind, CommMessage, Incoming, PROTOCOL_VERSION, WIDGET_TARGET,
    },
    models::{End, Handle},
    spec::published::{NAMES, Published},
    weight::weight,
};

/// The JSON of one message from a front end, roughly in bytes.
pub const INCOMING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The buffers of one message from a front end: files that are uploaded.
pub const INCOMING_BUFFER_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Models that front ends may open: a game controller has a few dozen buttons and axes.
pub const FRONT_END_MODELS_MAX: usize = 1_000;

/// Control comms held open at once: a page load needs one for a moment.
pub const CONTROL_COMMS_MAX: usize = 64;

/// Front ends have it in every model; the specification leaves it out, and nobody counts views here.
const UNTRACKED: &str = "_view_count";

impl Registry {
    /// Answers a comm message from a front end. Publish the messages with that message as their parent.
    ///
    /// What follows for other models, over links, waits for [`take_updates`](Self::take_updates).
    pub fn receive(&mut self, message: Incoming) -> Outcome {
        let mut outcome = Outcome::default();
        let answered = check_size(&message).and_then(|()| match message.kind {
            CommKind::Open => self.receive_open(message, &mut outcome),
            CommKind::Msg => self.receive_data(message, &mut outcome),
            CommKind::Close => self.receive_close(&message.comm_id, &mut outcome),
        });
        outcome.problems.extend(answered.err());
        outcome
    }

    /// A comm that is not taken has to be closed, or the front end waits for it.
    fn receive_open(&mut self, message: Incoming, outcome: &mut Outcome) -> Result<(), WidgetError> {
        let id = message.comm_id.clone();
        let opened = match message.target_name.as_str() {
            WIDGET_TARGET => self.open_for_front_end(message, outcome),
            CONTROL_TARGET => self.open_control(message),
            target => Err(WidgetError::UnknownTarget { target: shortened(target) }),
        };
        match opened {
            // The comm of that id is another one, which lives on.
            Err(error @ WidgetError::DuplicateId { .. }) => Err(error),
            Err(error) => {
                outcome.messages.push(CommMessage::close(&id));
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    fn open_for_front_end(&mut self, mut message: Incoming, outcome: &mut Outcome) -> Result<(), WidgetError> {
        check_version(&message, WIDGET_TARGET, PROTOCOL_VERSION)?;
        self.check_new_id(&message.comm_id)?;
        if self.opened_by_front_ends.len() >= FRONT_END_MODELS_MAX {
            let (found, limit) = (self.opened_by_front_ends.len() + 1, FRONT_END_MODELS_MAX);
            return Err(WidgetError::TooLarge { what: "widgets opened by front ends", found, limit });
        }
        let state = state_of(&mut message)?;
        let name = state.get("_model_name").and_then(|name| name.json().as_str()).unwrap_or_default().to_owned();
        let published = Published::named(&name).ok_or_else(|| super::unknown_model_name(&name))?;
        // The front end's model may have attributes that are not synchronised; Jupyter sends them along.
        let known = |name: &str| published.position(name).is_some() || NAMES.contains(&name);
        let given = |value: &StateValue| !value.json().is_null() || !value.buffers().is_empty();
        let state = state.into_iter().filter(|(name, value)| known(name) && given(value)).collect();
        let values = self.opening_values(published, state)?;
        let mut messages = Vec::new();
        let handle = self.insert(&message.comm_id, published, values, &mut messages);
        self.opened_by_front_ends.insert(handle);
        // The front end has the model already, but not the layout that was made for it.
        messages.pop();
        outcome.messages.extend(messages);
        outcome.events.push(Event::Opened { id: message.comm_id });
        Ok(())
    }

    fn open_control(&mut self, message: Incoming) -> Result<(), WidgetError> {
        check_version(&message, CONTROL_TARGET, CONTROL_PROTOCOL_VERSION)?;
        self.check_new_id(&message.comm_id)?;
        if self.controls.len() >= CONTROL_COMMS_MAX {
            let (found, limit) = (self.controls.len() + 1, CONTROL_COMMS_MAX);
            return Err(WidgetError::TooLarge { what: "open control comms", found, limit });
        }
        self.controls.push(message.comm_id);
        Ok(())
    }

    fn receive_close(&mut self, id: &str, outcome: &mut Outcome) -> Result<(), WidgetError> {
        if let Some(position) = self.controls.iter().position(|control| control == id) {
            self.controls.remove(position);
            return Ok(());
        }
        let handle = self.known_comm(id)?;
        let closed = self.close_handle(handle)?;
        // The front end knows that this one is closed, but not what went with it.
        outcome.messages.extend(closed.into_iter().filter(|message| message.comm_id != id));
        outcome.events.push(Event::Closed { id: id.to_owned() });
        Ok(())
    }

    fn receive_data(&mut self, mut message: Incoming, outcome: &mut Outcome) -> Result<(), WidgetError> {
        let method = message.data["method"].as_str().unwrap_or_default().to_owned();
        if self.controls.contains(&message.comm_id) {
            return match method.as_str() {
                "request_states" => {
                    outcome.messages.push(self.all_states(&message.comm_id));
                    Ok(())
                }
                _ => Err(WidgetError::UnknownMethod { method: shortened(&method) }),
            };
        }
        let handle = self.known_comm(&message.comm_id)?;
        match method.as_str() {
            "update" => {
                let state = state_of(&mut message)?;
                self.receive_update(handle, state, outcome);
            }
            "request_state" => outcome.messages.extend(self.whole_state(handle)),
            "custom" => outcome.events.extend(self.receive_custom(handle, message)),
            _ => return Err(WidgetError::UnknownMethod { method: shortened(&method) }),
        }
        Ok(())
    }

    fn receive_update(&mut self, handle: Handle, state: State, outcome: &mut Outcome) {
        let mut wrong: Vec<End> = Vec::new();
        let accepted = self.accepted(handle, state, &mut wrong, &mut outcome.problems);
        outcome.messages.extend(self.echo(handle, &accepted));
        let mut known = Staged::new();
        for (position, value) in accepted {
            match self.checked_from_front_end(handle, position, &value) {
                Ok(value) => known.push((position, value)),
                Err(problem) => {
                    outcome.problems.push(problem);
                    wrong.push((handle, position));
                }
            }
        }
        let settled = self.settled_in_part(handle, &known, &mut outcome.problems);
        let mut changes = self.store(handle, settled);
        // The front end has its own values already; it hears of those that became others.
        let became = |end: End| self.models.get(end.0).map(|model| model.value_at(end.1).clone());
        let corrected = known.iter().filter(|(position, value)| became((handle, *position)).as_ref() != Some(value));
        wrong.extend(corrected.map(|(position, _)| (handle, *position)));
        let is_known = |end: &End| known.iter().any(|(position, _)| *position == end.1);
        wrong.extend(changes.iter().map(|change| change.end).filter(|end| !is_known(end)));
        wrong.into_iter().for_each(|end| self.mark(end));
        outcome.problems.extend(self.follow_links(&mut changes));
        outcome.messages.extend(self.take_update(handle));
        outcome.events.extend(self.events(changes));
    }

    /// The attributes that the front end may write. The others are problems, unless they change nothing; those that
    /// the model has are wrong in the front end now.
    fn accepted(&self, handle: Handle, state: State, wrong: &mut Vec<End>, problems: &mut Vec<WidgetError>) -> Staged {
        let mut accepted = Staged::new();
        let Some(model) = self.models.get(handle) else { return accepted };
        for (name, value) in state {
            match model.position(&name) {
                Some(position) if model.is_front_end_writable(&name) => accepted.push((position, value)),
                _ if model.value(&name) == Some(&value) || name == UNTRACKED => {}
                Some(position) => {
                    wrong.push((handle, position));
                    problems.push(model.read_only(&name));
                }
                None => problems.push(model.not_settable(&name)),
            }
        }
        accepted
    }

    fn echo(&self, handle: Handle, accepted: &Staged) -> Option<CommMessage> {
        let model = self.models.get(handle).filter(|_| !self.is_silent)?;
        // Uploaded files are not sent back; ipywidgets makes the same exception.
        let is_echoed = |name: &str| !(model.class() == "FileUpload" && name == "value");
        let entries = accepted.iter().map(|(position, value)| (model.name_at(*position), value));
        let mut entries = entries.filter(|(name, _)| is_echoed(name)).peekable();
        entries.peek()?;
        Some(CommMessage::update(model.id(), "echo_update", entries))
    }

    fn checked_from_front_end(
        &self,
        handle: Handle,
        position: usize,
        value: &StateValue,
    ) -> Result<StateValue, WidgetError> {
        match self.models.get(handle).and_then(|model| model.as_published()) {
            Some(published) => self.checked(published, position, value),
            None => Ok(value.clone()),
        }
    }

    /// Where the rule refuses the values that it concerns, the others are still good.
    fn settled_in_part(&self, handle: Handle, staged: &Staged, problems: &mut Vec<WidgetError>) -> Staged {
        let fault = match self.settled(handle, staged.clone()) {
            Ok(settled) => return settled,
            Err(fault) => fault,
        };
        problems.push(self.broken_rule(handle, fault));
        let rule = self.models.get(handle).and_then(|model| model.as_published()).map(|published| &published.rule);
        let is_free = |position: usize| rule.is_none_or(|rule| !rule.concerns(position));
        staged.iter().filter(|(position, _)| is_free(*position)).cloned().collect()
    }

    fn receive_custom(&self, handle: Handle, mut message: Incoming) -> Option<Event> {
        let class = self.models.get(handle)?.class();
        let (id, content) = (message.comm_id, taken(&mut message.data, "content"));
        let is_event = |name| content == json!({"event": name});
        Some(match class {
            "Button" | "ToggleButtons" if is_event("click") => Event::Click { id },
            "Text" | "Password" | "Combobox" if is_event("submit") => Event::Submit { id },
            _ => Event::Custom { id, content, buffers: message.buffers },
        })
    }

    fn whole_state(&mut self, handle: Handle) -> Option<CommMessage> {
        let model = self.models.get_mut(handle)?;
        model.take_pending();
        Some(CommMessage::update(model.id(), "update", model.entries()))
    }

    /// The documentation of the protocol differs; this is what the widget manager reads.
    fn all_states(&self, control: &str) -> CommMessage {
        let mut states = Map::new();
        let mut buffer_paths: Vec<Value> = Vec::new();
        let mut buffers: Vec<Bytes> = Vec::new();
        for (_, model) in self.models.iter() {
            let wire = split(model.entries());
            for path in &wire.buffer_paths {
                let way = [Value::from(model.id()), "state".into()];
                buffer_paths.push(way.into_iter().chain(path.as_array().into_iter().flatten().cloned()).collect());
            }
            buffers.extend(wire.buffers);
            let state = json!({
                "model_name": model.text("_model_name"),
                "model_module": model.text("_model_module"),
                "model_module_version": model.text("_model_module_version"),
                "state": wire.state,
            });
            states.insert(model.id().to_owned(), state);
        }
        let data = json!({"method": "update_states", "states": states, "buffer_paths": buffer_paths});
        CommMessage::data(control, data, buffers)
    }

    fn known_comm(&self, id: &str) -> Result<Handle, WidgetError> {
        self.models.handle(id).ok_or_else(|| WidgetError::UnknownComm { id: shortened(id) })
    }
}

fn check_size(message: &Incoming) -> Result<(), WidgetError> {
    let bytes = weight(&message.data);
    if bytes > INCOMING_BYTES_MAX {
        let what = "bytes of a message from the front end";
        return Err(WidgetError::TooLarge { what, found: bytes, limit: INCOMING_BYTES_MAX });
    }
    let buffer_bytes = message.buffers.iter().map(Bytes::len).sum();
    if buffer_bytes > INCOMING_BUFFER_BYTES_MAX {
        let what = "bytes of buffers from the front end";
        return Err(WidgetError::TooLarge { what, found: buffer_bytes, limit: INCOMING_BUFFER_BYTES_MAX });
    }
    Ok(())
}

/// Only the major version counts.
fn check_version(message: &Incoming, target: &'static str, supported: &'static str) -> Result<(), WidgetError> {
    let found = message.metadata["version"].as_str().unwrap_or_default();
    if found.split('.').next() == supported.split('.').next() {
        return Ok(());
    }
    Err(WidgetError::IncompatibleVersion { target, found: shortened(found), supported })
}

fn state_of(message: &mut Incoming) -> Result<State, WidgetError> {
    let state = taken(&mut message.data, "state");
    Ok(State::from_wire(state, &message.data["buffer_paths"], &message.buffers)?)
}

/// Unlike indexing for a change, this takes any JSON.
fn taken(data: &mut Value, key: &str) -> Value {
    data.get_mut(key).map(Value::take).unwrap_or_default()
}
