//! The registry through its public methods: what it says to front ends, and what it makes of what they say.

mod closing;
mod display;
mod gathering;
mod hostile;
mod linking;
mod opening;
mod outputs;
mod receiving;
mod restoring;

use bytes::Bytes;
use serde_json::{Value, json};
use widgets_comm::{CommKind, CommMessage, Event, Incoming, Outcome, Registry, State};

/// A registry with models in it, each an id, a name on the wire and a state.
#[track_caller]
fn registry(models: &[(&str, &str, Value)]) -> Registry {
    let mut registry = Registry::new();
    for (id, name, given) in models {
        registry.open(id, name, state(given)).expect("the model opens");
    }
    registry
}

fn state(given: &Value) -> State {
    given.as_object().expect("attributes").clone().into()
}

/// What a front end sends on an open comm.
fn data(id: &str, data: Value) -> Incoming {
    data_with(id, data, Vec::new())
}

fn data_with(id: &str, data: Value, buffers: Vec<Bytes>) -> Incoming {
    incoming(CommKind::Msg, id, "", data, json!({}), buffers)
}

fn update(id: &str, state: Value) -> Incoming {
    data(id, json!({"method": "update", "state": state, "buffer_paths": []}))
}

fn opened(id: &str, target: &str, version: &str, data: Value) -> Incoming {
    incoming(CommKind::Open, id, target, data, json!({"version": version}), Vec::new())
}

fn closed(id: &str) -> Incoming {
    incoming(CommKind::Close, id, "", json!({}), json!({}), Vec::new())
}

fn incoming(kind: CommKind, id: &str, target: &str, data: Value, metadata: Value, buffers: Vec<Bytes>) -> Incoming {
    let (comm_id, target_name) = (id.to_owned(), target.to_owned());
    Incoming { kind, comm_id, target_name, data, metadata, buffers }
}

/// Messages as they are easy to compare: the id, and the data of the content.
fn sent(messages: &[CommMessage]) -> Vec<(&str, Value)> {
    messages.iter().map(|message| (message.comm_id.as_str(), message.content["data"].clone())).collect()
}

fn sent_update(method: &str, state: Value) -> Value {
    json!({"method": method, "state": state, "buffer_paths": []})
}

fn problems(outcome: &Outcome) -> Vec<String> {
    outcome.problems.iter().map(ToString::to_string).collect()
}

fn changed(id: &str, name: &str, old: Value, new: Value) -> Event {
    Event::Changed { id: id.to_owned(), name: name.to_owned(), old: old.into(), new: new.into() }
}

#[track_caller]
fn check_value(registry: &Registry, id: &str, name: &str, expected: Value) {
    let value = registry.get(id, name).unwrap_or_else(|| panic!("{id} has {name}"));
    assert_eq!(value.json(), &expected, "{name} of {id}");
}
