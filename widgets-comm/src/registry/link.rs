//! Links that the kernel keeps: made, ended, and followed whenever an end changes.

use super::{Outcome, Registry, apply::Change};
use crate::{
    error::WidgetError,
    links::{LINK_STEPS_MAX, LinkId},
    models::End,
};

impl Registry {
    /// Keeps two attributes equal from now on, each an id and a name. The target takes the source's value at once.
    pub fn link(&mut self, source: (&str, &str), target: (&str, &str)) -> Result<(LinkId, Outcome), WidgetError> {
        self.tie(source, target, true)
    }

    /// Like [`link`](Self::link), but only the target follows.
    pub fn dlink(&mut self, source: (&str, &str), target: (&str, &str)) -> Result<(LinkId, Outcome), WidgetError> {
        self.tie(source, target, false)
    }

    /// Ends a link. One that ended with its models is no error.
    pub fn unlink(&mut self, link: LinkId) {
        self.links.untie(link);
    }

    fn tie(
        &mut self,
        source: (&str, &str),
        target: (&str, &str),
        is_mutual: bool,
    ) -> Result<(LinkId, Outcome), WidgetError> {
        if source == target {
            let (id, attribute) = (source.0.to_owned(), source.1.to_owned());
            return Err(WidgetError::LinkToItself { id, attribute });
        }
        let (source, target) = (self.end(source)?, self.end(target)?);
        let mut changes = self.carry(source, target)?;
        if is_mutual {
            changes.extend(self.carry(target, source)?);
        }
        let link = self.links.tie(source, target, is_mutual);
        let problems = self.follow_links(&mut changes);
        let events = self.events(changes);
        Ok((link, Outcome { messages: Vec::new(), events, problems }))
    }

    fn end(&self, (id, attribute): (&str, &str)) -> Result<End, WidgetError> {
        let handle = self.handle(id)?;
        let unknown = || WidgetError::UnknownModel { id: id.to_owned() };
        let model = self.models.get(handle).ok_or_else(unknown)?;
        let position = model.position(attribute).ok_or_else(|| model.not_settable(attribute))?;
        Ok((handle, position))
    }

    /// Carries changes along links, and the changes that follow from these. What a link's end refuses is a problem.
    pub(super) fn follow_links(&mut self, changes: &mut Vec<Change>) -> Vec<WidgetError> {
        let mut problems = Vec::new();
        let mut next = 0;
        while next < changes.len() && next < LINK_STEPS_MAX {
            let source = changes[next].end;
            next += 1;
            for (target, is_mutual) in self.links.from(source) {
                match self.carry(source, target) {
                    Ok(more) => changes.extend(more),
                    Err(reason) => problems.push(self.link_refused(target, reason)),
                }
                // The target may have corrected the value without changing its own: then the source has to follow.
                if is_mutual && let Ok(more) = self.carry(target, source) {
                    changes.extend(more);
                }
            }
        }
        problems
    }

    fn carry(&mut self, source: End, target: End) -> Result<Vec<Change>, WidgetError> {
        let value = self.models.get(source.0).map(|model| model.value_at(source.1).clone());
        let (Some(value), Some(model)) = (value, self.models.get(target.0)) else { return Ok(Vec::new()) };
        let value = match model.as_published() {
            Some(published) => self.checked(published, target.1, &value)?,
            None => value,
        };
        self.assign(target.0, vec![(target.1, value)])
    }

    fn link_refused(&self, target: End, reason: WidgetError) -> WidgetError {
        let named = self.models.get(target.0).map(|model| (model.id().to_owned(), model.name_at(target.1).to_owned()));
        let (id, attribute) = named.unwrap_or_default();
        WidgetError::LinkRefused { id, attribute, reason: Box::new(reason) }
    }
}
