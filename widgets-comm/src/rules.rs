//! What the attributes of one model demand of each other: values within bounds, indices within options.
//!
//! A rule looks at a draft, the values as they would be, corrects what has an obvious correction and refuses the rest.
//! It sees one model. Whether a value has the right type was decided before, in `check`.

mod bounds;
mod outputs;
mod pages;
mod selection;
mod tags;

use crate::buffers::StateValue;

use self::{bounds::Bounds, outputs::Outputs, pages::Pages, selection::Selection, tags::Tags};

/// Why a draft cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RuleFault {
    #[error("min is {min}, above max, which is {max}")]
    MinAboveMax { min: String, max: String },
    #[error("the lower value {lower} is above the upper value {upper}")]
    LowerAboveUpper { lower: String, upper: String },
    #[error("{attribute} is {index}, but there are {count}")]
    IndexOutOfRange { attribute: &'static str, index: i64, count: usize },
    #[error("a tag cannot be blank")]
    BlankTag,
    #[error("the tag {tag} is not one of allowed_tags")]
    TagNotAllowed { tag: String },
    #[error("the tag {tag} is outside of min and max")]
    TagOutOfBounds { tag: String },
}

/// The rule of a model, made for the positions of its attributes.
#[derive(Debug)]
pub(crate) enum Rule {
    Free,
    Bounds(Bounds),
    Outputs(Outputs),
    Selection(Selection),
    Pages(Pages),
    Tags(Tags),
}

/// The values of a model as they would be: those it has, and those that are about to replace some of them.
pub(crate) struct Draft<'a> {
    current: &'a [StateValue],
    staged: Vec<(usize, StateValue)>,
    /// The model is being opened: what is not staged was not given.
    is_opening: bool,
}

impl Rule {
    /// `position` finds an attribute of that class.
    pub(crate) fn of(class: &str, position: impl Fn(&str) -> Option<usize>) -> Rule {
        let rule = match class {
            "TagsInput" | "ColorsInput" | "IntsInput" | "FloatsInput" => Tags::of(position).map(Rule::Tags),
            "Output" => Outputs::of(position).map(Rule::Outputs),
            "Accordion" | "Stack" | "Tab" => Pages::of(class, position).map(Rule::Pages),
            _ if position("_options_labels").is_some() => Selection::of(class, position).map(Rule::Selection),
            _ => Bounds::of(class, position).map(Rule::Bounds),
        };
        rule.unwrap_or(Rule::Free)
    }

    /// Corrects the draft, or says why it cannot be.
    pub(crate) fn settle(&self, draft: &mut Draft) -> Result<(), RuleFault> {
        match self {
            Rule::Free => Ok(()),
            Rule::Bounds(bounds) => bounds.settle(draft),
            Rule::Outputs(outputs) => {
                outputs.settle(draft);
                Ok(())
            }
            Rule::Selection(selection) => selection.settle(draft),
            Rule::Pages(pages) => pages.settle(draft),
            Rule::Tags(tags) => tags.settle(draft),
        }
    }

    /// Whether the rule may refuse this attribute.
    pub(crate) fn concerns(&self, position: usize) -> bool {
        match self {
            Rule::Free | Rule::Outputs(_) => false,
            Rule::Bounds(bounds) => bounds.concerns(position),
            Rule::Selection(selection) => selection.concerns(position),
            Rule::Pages(pages) => pages.concerns(position),
            Rule::Tags(tags) => tags.concerns(position),
        }
    }
}

impl<'a> Draft<'a> {
    pub(crate) fn new(current: &'a [StateValue], staged: Vec<(usize, StateValue)>, is_opening: bool) -> Self {
        Draft { current, staged, is_opening }
    }

    pub(crate) fn into_staged(self) -> Vec<(usize, StateValue)> {
        self.staged
    }

    fn get(&self, position: usize) -> &StateValue {
        self.staged_value(position).unwrap_or(&self.current[position])
    }

    fn is_staged(&self, position: usize) -> bool {
        self.staged_value(position).is_some()
    }

    /// Whether the attribute will have another value than it has.
    fn changes(&self, position: usize) -> bool {
        self.staged_value(position).is_some_and(|staged| *staged != self.current[position])
    }

    fn staged_value(&self, position: usize) -> Option<&StateValue> {
        self.staged.iter().find(|(staged, _)| *staged == position).map(|(_, value)| value)
    }

    fn set(&mut self, position: usize, value: StateValue) {
        match self.staged.iter_mut().find(|(staged, _)| *staged == position) {
            Some((_, staged)) => *staged = value,
            None => self.staged.push((position, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::spec::published::Published;

    /// Opens a model of the class, sets attributes afterwards, and shows what the draft became.
    #[track_caller]
    pub(super) fn check(class: &str, opened: Value, set: Value, expected: Result<Value, &str>) {
        let published = Published::of_class(class).expect("published");
        let stage = |values: &Value| -> Vec<(usize, StateValue)> {
            let values = values.as_object().expect("attributes");
            values.iter().map(|(name, value)| (published.position(name).expect(name), value.clone().into())).collect()
        };
        let mut current = published.defaults.clone();
        let mut draft = Draft::new(&current, stage(&opened), true);
        let settled = published.rule.settle(&mut draft);
        let mut staged = draft.into_staged();
        let mut outcome = settled;
        if outcome.is_ok() && !set.is_null() {
            for (position, value) in staged {
                current[position] = value;
            }
            let mut draft = Draft::new(&current, stage(&set), false);
            outcome = published.rule.settle(&mut draft);
            staged = draft.into_staged();
        }
        let found = outcome.map(|()| {
            let named = |(position, value): (usize, StateValue)| {
                (published.attributes[position].name.to_owned(), value.json().clone())
            };
            Value::Object(staged.into_iter().map(named).collect())
        });
        assert_eq!(found.map_err(|fault| fault.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn a_model_without_a_rule_takes_what_it_gets() {
        check("Text", json!({"value": "a"}), json!({"value": ""}), Ok(json!({"value": ""})));
    }
}
