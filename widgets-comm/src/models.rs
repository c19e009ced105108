//! The live models, by id and in the order in which they were opened, and who refers to whom.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::{buffers::StateValue, message::referenced, model::Model};

/// Names a model inside the registry. Never used twice, so nothing that outlives a model can reach its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Handle(u64);

/// An attribute of a live model, by position.
pub(crate) type End = (Handle, usize);

/// Invariant: `users` tells exactly the attributes of published models whose values refer to a live model.
#[derive(Debug, Default)]
pub(crate) struct Models {
    by_id: HashMap<String, Handle>,
    in_order: BTreeMap<Handle, Model>,
    users: HashMap<Handle, BTreeSet<End>>,
    next: u64,
}

impl Models {
    pub(crate) fn insert(&mut self, model: Model) -> Handle {
        let handle = Handle(self.next);
        self.next += 1;
        self.by_id.insert(model.id().to_owned(), handle);
        for (position, value) in references(&model) {
            self.note((handle, position), value.json());
        }
        self.in_order.insert(handle, model);
        handle
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Option<Model> {
        let model = self.in_order.remove(&handle)?;
        self.by_id.remove(model.id());
        self.users.remove(&handle);
        for (position, value) in references(&model) {
            self.forget((handle, position), value.json());
        }
        Some(model)
    }

    /// Stores a value and gives the one before, or `None` when they are equal.
    pub(crate) fn replace(&mut self, end: End, value: StateValue) -> Option<StateValue> {
        let model = self.in_order.get_mut(&end.0)?;
        let old = model.replace(end.1, value.clone())?;
        if model.as_published().is_some_and(|published| published.references.contains(&end.1)) {
            self.forget(end, old.json());
            self.note(end, value.json());
        }
        Some(old)
    }

    pub(crate) fn handle(&self, id: &str) -> Option<Handle> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Model> {
        self.get(self.handle(id)?)
    }

    pub(crate) fn get(&self, handle: Handle) -> Option<&Model> {
        self.in_order.get(&handle)
    }

    pub(crate) fn get_mut(&mut self, handle: Handle) -> Option<&mut Model> {
        self.in_order.get_mut(&handle)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Handle, &Model)> {
        self.in_order.iter().map(|(handle, model)| (*handle, model))
    }

    /// The attributes that refer to a model.
    pub(crate) fn users(&self, handle: Handle) -> impl Iterator<Item = End> {
        self.users.get(&handle).into_iter().flatten().copied()
    }

    fn note(&mut self, end: End, value: &Value) {
        for handle in self.handles_in(value) {
            self.users.entry(handle).or_default().insert(end);
        }
    }

    fn forget(&mut self, end: End, value: &Value) {
        for handle in self.handles_in(value) {
            if let Some(users) = self.users.get_mut(&handle) {
                users.remove(&end);
            }
        }
    }

    fn handles_in(&self, value: &Value) -> Vec<Handle> {
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        items.iter().filter_map(|item| self.handle(referenced(item)?)).collect()
    }
}

/// The values of a published model that refer to others.
fn references(model: &Model) -> impl Iterator<Item = (usize, &StateValue)> {
    let positions = model.as_published().map(|published| published.references.as_slice()).unwrap_or_default();
    positions.iter().map(|position| (*position, model.value_at(*position)))
}
