//! Lists of tags: none is blank, each is allowed, numbers lie within their bounds.
//!
//! Only new values are judged: narrower bounds leave the tags that are there.

use serde_json::Value;

use super::{Draft, RuleFault};

#[derive(Debug)]
pub(crate) struct Tags {
    value: usize,
    allowed: usize,
    bounds: Option<(usize, usize)>,
}

impl Tags {
    pub(crate) fn of(position: impl Fn(&str) -> Option<usize>) -> Option<Self> {
        let bounds = position("min").zip(position("max"));
        Some(Tags { value: position("value")?, allowed: position("allowed_tags")?, bounds })
    }

    pub(crate) fn concerns(&self, position: usize) -> bool {
        position == self.value
    }

    pub(crate) fn settle(&self, draft: &mut Draft) -> Result<(), RuleFault> {
        if !draft.is_staged(self.value) {
            return Ok(());
        }
        let allowed = draft.get(self.allowed).json().as_array().map(Vec::as_slice).unwrap_or_default();
        let bound = |position: usize| draft.get(position).json().as_f64();
        let (min, max) = self.bounds.map_or((None, None), |(min, max)| (bound(min), bound(max)));
        for tag in draft.get(self.value).json().as_array().into_iter().flatten() {
            if tag == "" {
                return Err(RuleFault::BlankTag);
            }
            if !allowed.is_empty() && !allowed.iter().any(|allowed| is_same(allowed, tag)) {
                return Err(RuleFault::TagNotAllowed { tag: tag.to_string() });
            }
            let number = tag.as_f64().unwrap_or_default();
            if min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max) {
                return Err(RuleFault::TagOutOfBounds { tag: tag.to_string() });
            }
        }
        Ok(())
    }
}

/// Allowed tags have no type of their own: 5 allows 5.0.
fn is_same(allowed: &Value, tag: &Value) -> bool {
    allowed == tag || allowed.as_f64().is_some_and(|allowed| Some(allowed) == tag.as_f64())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::check;

    #[test]
    fn tags_are_allowed_and_not_blank() {
        let opened = json!({"allowed_tags": ["a", "b"]});
        check("TagsInput", opened.clone(), json!({"value": ["b"]}), Ok(json!({"value": ["b"]})));
        check("TagsInput", opened, json!({"value": ["c"]}), Err("the tag \"c\" is not one of allowed_tags"));
        check("TagsInput", json!({}), json!({"value": ["a", ""]}), Err("a tag cannot be blank"));
        check("FloatsInput", json!({"allowed_tags": [5]}), json!({"value": [5.0]}), Ok(json!({"value": [5.0]})));
    }

    #[test]
    fn numbers_lie_within_bounds_that_are_given() {
        let opened = json!({"min": 1, "max": null});
        check("IntsInput", opened.clone(), json!({"value": [1, 900]}), Ok(json!({"value": [1, 900]})));
        check("IntsInput", opened.clone(), json!({"value": [0]}), Err("the tag 0 is outside of min and max"));
        check("IntsInput", opened, json!({"min": 5, "max": 6}), Ok(json!({"min": 5, "max": 6})));
    }
}
