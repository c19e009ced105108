//! How models end: what goes with them, what keeps them, and who forgets them.
//!
//! Invariant: every reference between published models leads to a live one, or a page reload could not restore them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Registry;
use crate::{
    error::WidgetError,
    message::{CommMessage, reference},
    models::{End, Handle},
    spec::Kind,
};

impl Registry {
    /// Closes a model, with the layout and style that were made for it and the front end links that end at it.
    ///
    /// Containers lose it from their children. A layout or style that another widget uses stays open, which is an
    /// error.
    pub fn close(&mut self, id: &str) -> Result<Vec<CommMessage>, WidgetError> {
        let handle = self.handle(id)?;
        self.close_handle(handle)
    }

    pub(super) fn close_handle(&mut self, handle: Handle) -> Result<Vec<CommMessage>, WidgetError> {
        if let Some((by, position)) = self.single_user(handle, &BTreeSet::from([handle])) {
            return Err(self.in_use(handle, by, position));
        }
        // Parents first: whoever refers to a model ends before it.
        let mut closing = self.links_that_end_at(handle);
        closing.push(handle);
        let mut gone: BTreeSet<Handle> = closing.iter().copied().collect();
        let owned = self.models.get(handle).map(|model| model.owned().to_vec()).unwrap_or_default();
        for child in owned {
            if self.models.get(child).is_some() && self.single_user(child, &gone).is_none() {
                gone.insert(child);
                closing.push(child);
            }
        }
        Ok(closing.into_iter().filter_map(|handle| self.remove(handle)).collect())
    }

    fn remove(&mut self, handle: Handle) -> Option<CommMessage> {
        self.leave_containers(handle);
        self.links.forget(handle);
        self.opened_by_front_ends.remove(&handle);
        let model = self.models.remove(handle)?;
        Some(CommMessage::close(model.id()))
    }

    /// A model outside of `apart_from` that refers to this one from an attribute that holds a single model.
    fn single_user(&self, handle: Handle, apart_from: &BTreeSet<Handle>) -> Option<End> {
        let single = |(user, position): &End| matches!(self.kind(*user, *position), Some(Kind::Widget(_)));
        let users = self.models.users(handle);
        users.filter(|(user, _)| !apart_from.contains(user)).find(single)
    }

    fn links_that_end_at(&self, handle: Handle) -> Vec<Handle> {
        let is_link = |(user, position): &End| matches!(self.kind(*user, *position), Some(Kind::LinkEnd));
        let mut links: Vec<Handle> = self.models.users(handle).filter(is_link).map(|(user, _)| user).collect();
        links.dedup();
        links
    }

    fn leave_containers(&mut self, handle: Handle) {
        let Some(model) = self.models.get(handle) else { return };
        let reference = reference(model.id());
        let containers: Vec<End> = self.models.users(handle).collect();
        for (container, position) in containers {
            let Some(model) = self.models.get(container) else { continue };
            if let Some(children) = model.value_at(position).json().as_array() {
                let kept: Value = children.iter().filter(|child| *child != &reference).cloned().collect();
                // Fewer children break no rule: what points beyond them is corrected.
                let _ = self.assign(container, vec![(position, kept.into())]);
            }
        }
    }

    fn kind(&self, handle: Handle, position: usize) -> Option<Kind> {
        Some(self.models.get(handle)?.as_published()?.attributes[position].kind)
    }

    fn in_use(&self, handle: Handle, by: Handle, position: usize) -> WidgetError {
        let id = |handle| self.models.get(handle).map(|model| model.id().to_owned()).unwrap_or_default();
        let attribute = self.models.get(by).map(|model| model.name_at(position).to_owned()).unwrap_or_default();
        WidgetError::InUse { id: id(handle), by: id(by), attribute }
    }
}
