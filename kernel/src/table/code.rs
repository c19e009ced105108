//! The JavaScript and the styles of tables, and the models that carry them to the page.
//!
//! Every table carries a loader of a kilobyte; the code itself is in one model that they share, so that a page of
//! fifty tables gets it once, also after a reload.

use std::sync::LazyLock;

use serde_json::json;
use sha2::{Digest, Sha256};
use widgets_comm::buffers::State;

const LOADER: &str = include_str!("page/loader.js");

/// The parts of the module, in an order in which every class is defined before it is extended or made.
const PARTS: &[&str] = &[
    include_str!("page/dom.js"),
    include_str!("page/connection.js"),
    include_str!("page/rows.js"),
    include_str!("page/columns.js"),
    include_str!("page/selection.js"),
    include_str!("page/grid.js"),
    include_str!("page/header.js"),
    include_str!("page/menu.js"),
    include_str!("page/toolbar.js"),
    include_str!("page/main.js"),
];

const STYLE: &str = include_str!("page/table.css");

static MODULE: LazyLock<String> = LazyLock::new(|| {
    let style = json!(STYLE);
    PARTS.iter().fold(format!("const STYLE = {style};\n"), |module, part| module + part + "\n")
});

/// Names the code in the page, so that two kernels of different versions do not share it.
static VERSION: LazyLock<String> = LazyLock::new(|| hex::encode(&Sha256::digest(MODULE.as_bytes())[..8]));

/// The state of the model that carries the code. It is never shown.
pub(super) fn library() -> State {
    any_model(State::new()).with("_esm", "export default {};\n").with("_code", MODULE.as_str())
}

/// The state of a table, completed by the names that a front end looks for and the code to begin with.
pub(super) fn names(state: State, library: &str) -> State {
    any_model(state)
        .with("_anywidget_id", "flowdeck.Table")
        .with("_esm", LOADER)
        .with("_library", library)
        .with("_code_version", VERSION.as_str())
}

/// What front ends look for in a model of anywidget's. `*` as version: whichever is installed will do.
pub(crate) fn any_model(state: State) -> State {
    state
        .with("_model_module", "anywidget")
        .with("_model_module_version", "*")
        .with("_model_name", "AnyModel")
        .with("_view_module", "anywidget")
        .with("_view_module_version", "*")
        .with("_view_name", "AnyView")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_carries_little_and_the_code_makes_no_html_of_texts() {
        assert!(LOADER.len() < 2_000, "{}", LOADER.len());
        for call in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!MODULE.contains(call) && !LOADER.contains(call), "{call}");
        }
    }
}
