//! Indices within options: Dropdown, Select, RadioButtons, ToggleButtons and their kin.
//!
//! Other options begin with a fresh choice, as the front end's labels no longer mean what they meant.

use serde_json::{Value, json};

use super::{Draft, RuleFault};

#[derive(Debug)]
pub(crate) struct Selection {
    labels: usize,
    index: usize,
    form: Form,
}

#[derive(Debug, PartialEq)]
enum Form {
    /// One option or none.
    Optional,
    /// One option.
    One,
    /// Any number of options.
    Several,
    /// The first and the last of a range.
    Range,
}

impl Selection {
    pub(crate) fn of(class: &str, position: impl Fn(&str) -> Option<usize>) -> Option<Self> {
        let form = match class {
            "SelectionSlider" => Form::One,
            "SelectMultiple" => Form::Several,
            "SelectionRangeSlider" => Form::Range,
            _ => Form::Optional,
        };
        Some(Selection { labels: position("_options_labels")?, index: position("index")?, form })
    }

    pub(crate) fn concerns(&self, position: usize) -> bool {
        [self.labels, self.index].contains(&position)
    }

    pub(crate) fn settle(&self, draft: &mut Draft) -> Result<(), RuleFault> {
        let count = draft.get(self.labels).json().as_array().map_or(0, Vec::len);
        if draft.is_staged(self.index) {
            return self.check(draft.get(self.index).json(), count);
        }
        // None chosen stays none chosen, unless nobody had a say in it yet.
        let chose_none = draft.get(self.index).json().is_null() && !draft.is_opening;
        if draft.changes(self.labels) && !chose_none {
            draft.set(self.index, self.fresh(count).into());
        }
        Ok(())
    }

    fn check(&self, index: &Value, count: usize) -> Result<(), RuleFault> {
        let indices = match index {
            Value::Array(indices) => indices.as_slice(),
            Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        // These two always have a choice: without options it is 0, which is what their default says.
        let needs_a_choice = matches!(self.form, Form::One | Form::Range);
        let count = if needs_a_choice { count.max(1) } else { count };
        let is_inside = |index: &i64| usize::try_from(*index).is_ok_and(|index| index < count);
        match indices.iter().filter_map(Value::as_i64).find(|index| !is_inside(index)) {
            Some(index) => Err(RuleFault::IndexOutOfRange { attribute: "index", index, count }),
            None => Ok(()),
        }
    }

    fn fresh(&self, count: usize) -> Value {
        match self.form {
            Form::Optional if count == 0 => Value::Null,
            Form::Optional | Form::One => 0.into(),
            Form::Several => json!([]),
            Form::Range => json!([0, 0]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::check, *};

    #[test]
    fn the_first_option_is_chosen_unless_the_cell_says_otherwise() {
        let labels = json!(["a", "b"]);
        let opened = json!({"_options_labels": labels, "index": 0});
        check("Dropdown", json!({"_options_labels": labels}), Value::Null, Ok(opened));
        let none = json!({"_options_labels": labels, "index": null});
        check("Dropdown", none.clone(), Value::Null, Ok(none));
        check("Dropdown", json!({}), Value::Null, Ok(json!({})));
        let several = json!({"_options_labels": labels, "index": []});
        check("SelectMultiple", json!({"_options_labels": labels}), Value::Null, Ok(several));
    }

    #[test]
    fn an_index_is_within_the_options() {
        let opened = json!({"_options_labels": ["a", "b"]});
        check("Select", opened.clone(), json!({"index": 1}), Ok(json!({"index": 1})));
        check("Select", opened.clone(), json!({"index": null}), Ok(json!({"index": null})));
        check("Select", opened.clone(), json!({"index": 2}), Err("index is 2, but there are 2"));
        check("Select", opened.clone(), json!({"index": -1}), Err("index is -1, but there are 2"));
        check("SelectMultiple", opened.clone(), json!({"index": [0, 5]}), Err("index is 5, but there are 2"));
        check("SelectionRangeSlider", opened, json!({"index": [0, 2]}), Err("index is 2, but there are 2"));
    }

    #[test]
    fn other_options_begin_with_a_fresh_choice() {
        let opened = json!({"_options_labels": ["a", "b"], "index": 1});
        let other = json!({"_options_labels": ["c"], "index": 0});
        check("RadioButtons", opened.clone(), json!({"_options_labels": ["c"]}), Ok(other));
        let none = json!({"_options_labels": [], "index": null});
        check("RadioButtons", opened.clone(), json!({"_options_labels": []}), Ok(none));
        let both = json!({"_options_labels": ["c", "d", "e"], "index": 2});
        check("RadioButtons", opened, both.clone(), Ok(both));
        let chose_none = json!({"_options_labels": ["a"], "index": null});
        let still_none = json!({"_options_labels": ["b"]});
        check("RadioButtons", chose_none, still_none.clone(), Ok(still_none));
    }

    #[test]
    fn the_same_options_keep_the_choice() {
        let opened = json!({"_options_labels": ["a", "b"], "index": 1});
        let same = json!({"_options_labels": ["a", "b"]});
        check("RadioButtons", opened, same.clone(), Ok(same));
    }

    #[test]
    fn sliders_of_options_always_have_a_choice() {
        check("SelectionSlider", json!({"index": 0}), Value::Null, Ok(json!({"index": 0})));
        check("SelectionSlider", json!({"index": 1}), Value::Null, Err("index is 1, but there are 1"));
        let range = json!({"_options_labels": ["a"], "index": [0, 0]});
        check("SelectionRangeSlider", json!({"_options_labels": ["a"]}), Value::Null, Ok(range));
    }
}
