//! How values are taken over: checked, settled by the model's rule, stored.

use super::{Event, Registry};
use crate::{
    buffers::{State, StateValue},
    check::check,
    error::WidgetError,
    models::{End, Handle},
    rules::{Draft, RuleFault},
    spec::published::Published,
};

/// Values about to replace those of a model, by position.
pub(super) type Staged = Vec<(usize, StateValue)>;

/// An attribute that has another value than before.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) end: End,
    old: StateValue,
    new: StateValue,
}

impl Registry {
    /// Checks an update by the kernel. A custom model gets the keys that are new.
    pub(super) fn staged(&mut self, handle: Handle, state: State) -> Result<Staged, WidgetError> {
        let mut staged = Staged::new();
        for (name, value) in state {
            let Some(model) = self.models.get_mut(handle) else { break };
            match model.as_published() {
                Some(published) => {
                    let position = published.position(&name).ok_or_else(|| published.not_settable(&name))?;
                    staged.push((position, self.checked(published, position, &value)?));
                }
                None => staged.push((model.ensure(&name)?, value)),
            }
        }
        Ok(staged)
    }

    /// The value in its normal form.
    pub(super) fn checked(
        &self,
        published: &Published,
        position: usize,
        value: &StateValue,
    ) -> Result<StateValue, WidgetError> {
        let attribute = published.attributes[position];
        check(attribute, value, &self.models).map_err(|fault| WidgetError::BadValue {
            model: published.spec.class.to_owned(),
            attribute: attribute.name.to_owned(),
            fault,
        })
    }

    /// What the values become under the model's rule. The staged values come first, in their order.
    pub(super) fn settled(&self, handle: Handle, staged: Staged) -> Result<Staged, RuleFault> {
        let Some(model) = self.models.get(handle) else { return Ok(Staged::new()) };
        let Some(published) = model.as_published() else { return Ok(staged) };
        let mut draft = Draft::new(model.values(), staged, false);
        published.rule.settle(&mut draft)?;
        Ok(draft.into_staged())
    }

    /// Takes checked values over, to be told to the front end.
    pub(super) fn assign(&mut self, handle: Handle, staged: Staged) -> Result<Vec<Change>, WidgetError> {
        let settled = self.settled(handle, staged).map_err(|fault| self.broken_rule(handle, fault))?;
        let changes = self.store(handle, settled);
        for change in &changes {
            self.mark(change.end);
        }
        Ok(changes)
    }

    /// Stores values as they are. Equal values are no change.
    pub(super) fn store(&mut self, handle: Handle, settled: Staged) -> Vec<Change> {
        let replace = |(position, new): (usize, StateValue)| {
            let old = self.models.replace((handle, position), new.clone())?;
            Some(Change { end: (handle, position), old, new })
        };
        settled.into_iter().filter_map(replace).collect()
    }

    pub(super) fn events(&self, changes: Vec<Change>) -> Vec<Event> {
        let event = |change: Change| {
            let model = self.models.get(change.end.0)?;
            let (id, name) = (model.id().to_owned(), model.name_at(change.end.1).to_owned());
            Some(Event::Changed { id, name, old: change.old, new: change.new })
        };
        changes.into_iter().filter_map(event).collect()
    }

    pub(super) fn broken_rule(&self, handle: Handle, fault: RuleFault) -> WidgetError {
        let model = self.models.get(handle).map(|model| model.class().to_owned()).unwrap_or_default();
        WidgetError::BrokenRule { model, fault }
    }
}
