//! The list of outputs of an Output model: within its bound, whoever sets it.

use super::Draft;
use crate::output::bounded;

#[derive(Debug)]
pub(crate) struct Outputs {
    outputs: usize,
}

impl Outputs {
    pub(crate) fn of(position: impl Fn(&str) -> Option<usize>) -> Option<Self> {
        Some(Outputs { outputs: position("outputs")? })
    }

    pub(crate) fn settle(&self, draft: &mut Draft) {
        if !draft.is_staged(self.outputs) {
            return;
        }
        let outputs = draft.get(self.outputs).json().as_array();
        if let Some(kept) = outputs.and_then(|outputs| bounded(outputs)) {
            draft.set(self.outputs, serde_json::Value::from(kept).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::check;
    use crate::output::{NOTICE, OUTPUT_BYTES_MAX};

    #[test]
    fn a_list_beyond_the_bound_is_cut_with_a_notice() {
        let small = json!({"output_type": "stream", "name": "stdout", "text": "a"});
        let large = json!({"output_type": "error", "evalue": "x".repeat(OUTPUT_BYTES_MAX)});
        let notice = json!({"output_type": "stream", "name": "stderr", "text": NOTICE});
        check("Output", json!({}), json!({"outputs": [small]}), Ok(json!({"outputs": [small]})));
        check("Output", json!({}), json!({"outputs": [large, small]}), Ok(json!({"outputs": [notice, small]})));
    }
}
