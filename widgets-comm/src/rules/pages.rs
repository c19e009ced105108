//! Pages of Accordion, Tab and Stack: one title for each child, and a selected page that exists.

use serde_json::Value;

use super::{Draft, RuleFault};

#[derive(Debug)]
pub(crate) struct Pages {
    children: usize,
    titles: usize,
    selected: usize,
    /// A Tab always shows a page when it has one.
    always_shows_one: bool,
}

impl Pages {
    pub(crate) fn of(class: &str, position: impl Fn(&str) -> Option<usize>) -> Option<Self> {
        let (children, titles) = (position("children")?, position("titles")?);
        Some(Pages { children, titles, selected: position("selected_index")?, always_shows_one: class == "Tab" })
    }

    pub(crate) fn concerns(&self, position: usize) -> bool {
        [self.children, self.titles, self.selected].contains(&position)
    }

    pub(crate) fn settle(&self, draft: &mut Draft) -> Result<(), RuleFault> {
        let count = draft.get(self.children).json().as_array().map_or(0, Vec::len);
        let selected = draft.get(self.selected).json().as_i64();
        let is_inside = |index: i64| usize::try_from(index).is_ok_and(|index| index < count);
        if draft.is_staged(self.selected) {
            if let Some(index) = selected.filter(|index| !is_inside(*index)) {
                return Err(RuleFault::IndexOutOfRange { attribute: "selected_index", index, count });
            }
        } else if draft.changes(self.children) {
            let settled = match selected {
                None if self.always_shows_one && count > 0 => Value::from(0),
                Some(index) if !is_inside(index) && self.always_shows_one && count > 0 => (count - 1).into(),
                Some(index) if !is_inside(index) => Value::Null,
                unchanged => unchanged.into(),
            };
            draft.set(self.selected, settled.into());
        }
        self.settle_titles(draft, count);
        Ok(())
    }

    fn settle_titles(&self, draft: &mut Draft, count: usize) {
        let titles = draft.get(self.titles).json().as_array().map(Vec::as_slice).unwrap_or_default();
        if titles.len() == count {
            return;
        }
        let blank = std::iter::repeat_with(|| Value::from(""));
        let settled: Value = titles.iter().cloned().chain(blank).take(count).collect();
        draft.set(self.titles, settled.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::tests::check, *};

    #[test]
    fn there_is_a_title_for_each_child() {
        let opened = json!({"children": ["IPY_MODEL_a", "IPY_MODEL_b"], "titles": ["A"], "selected_index": null});
        let settled = json!({"children": ["IPY_MODEL_a", "IPY_MODEL_b"], "titles": ["A", ""], "selected_index": null});
        check("Accordion", opened.clone(), Value::Null, Ok(settled));
        check("Accordion", opened.clone(), json!({"titles": ["X", "Y", "Z"]}), Ok(json!({"titles": ["X", "Y"]})));
        let emptied = json!({"children": [], "titles": [], "selected_index": null});
        check("Accordion", opened, json!({"children": []}), Ok(emptied));
    }

    #[test]
    fn a_tab_shows_a_page_whenever_it_has_one() {
        let two = json!({"children": ["IPY_MODEL_a", "IPY_MODEL_b"], "titles": ["", ""]});
        let opened = json!({"children": ["IPY_MODEL_a", "IPY_MODEL_b"], "titles": ["", ""], "selected_index": 0});
        check("Tab", two.clone(), Value::Null, Ok(opened.clone()));
        let last = json!({"children": ["IPY_MODEL_a"], "titles": [""], "selected_index": 0});
        let mut second = opened;
        second["selected_index"] = 1.into();
        check("Tab", second.clone(), json!({"children": ["IPY_MODEL_a"]}), Ok(last));
        check(
            "Stack",
            second,
            json!({"children": ["IPY_MODEL_a"]}),
            Ok(json!({
                "children": ["IPY_MODEL_a"], "titles": [""], "selected_index": null
            })),
        );
    }

    #[test]
    fn a_page_that_is_not_there_cannot_be_selected() {
        let opened = json!({"children": ["IPY_MODEL_a"]});
        check("Tab", opened.clone(), json!({"selected_index": 1}), Err("selected_index is 1, but there are 1"));
        check("Tab", opened.clone(), json!({"selected_index": -1}), Err("selected_index is -1, but there are 1"));
        check("Tab", opened, json!({"selected_index": null}), Ok(json!({"selected_index": null})));
    }
}
