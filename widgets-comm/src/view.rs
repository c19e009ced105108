//! What a model looks like: the view that front ends draw, and stand-ins where nothing draws it.
//!
//! A saved notebook, a page on a forge or an exported HTML file has no widgets; there the text or the static HTML is
//! shown, with the values of the moment.

mod html;
mod text;

use serde_json::{Map, Value, json};

use crate::registry::Registry;

/// The MIME type by which front ends find the model to draw.
pub const VIEW_MIME: &str = "application/vnd.jupyter.widget-view+json";

/// Text beyond this is cut. ipywidgets cuts at the same length.
pub const TEXT_CHARS_MAX: usize = 110;

/// Data by MIME type, as in `display_data`.
pub type MimeBundle = Map<String, Value>;

impl Registry {
    /// What to display for a model. Models without a view, such as layouts, have the stand-ins only.
    pub fn view(&self, id: &str) -> Option<MimeBundle> {
        let model = self.models.find(id)?;
        let mut bundle = MimeBundle::new();
        bundle.insert("text/plain".into(), self.text_fallback(id)?.into());
        bundle.insert("text/html".into(), html::render(&self.models, model).into());
        if !model.text("_view_name").is_empty() {
            bundle.insert(VIEW_MIME.into(), json!({"version_major": 2, "version_minor": 0, "model_id": id}));
        }
        Some(bundle)
    }

    /// One line for a model, as `IntSlider(value=5, description='n')`: its value, and what differs from the defaults.
    pub fn text_fallback(&self, id: &str) -> Option<String> {
        let text = text::render(&self.models, self.models.find(id)?);
        Some(match text.char_indices().nth(TEXT_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        })
    }
}
