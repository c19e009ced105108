//! A model as static HTML, with the values of the moment.
//!
//! Everything is escaped, except the value of HTML widgets: that is HTML by the author's intent. What cannot be shown
//! standing still (sounds, films, controllers) is named. The page is bounded in size and in depth, as children may
//! be shared or, from a hostile front end, contain themselves.

mod escape;
mod media;
mod values;

use serde_json::Value;

use crate::{message::referenced, model::Model, models::Models};

use self::escape::escaped;

/// Boxes in boxes beyond this depth are left out.
const DEPTH_MAX: usize = 16;

/// A page shows so many models at most.
const MODELS_MAX: usize = 1_000;

/// A page that has grown beyond this takes no further model, and no single control is longer.
const HTML_BYTES_MAX: usize = 1024 * 1024;

pub(super) fn render(models: &Models, model: &Model) -> String {
    let mut page = Page { models, html: String::new(), models_left: MODELS_MAX };
    page.widget(model, 0);
    page.html
}

struct Page<'a> {
    models: &'a Models,
    html: String,
    models_left: usize,
}

impl Page<'_> {
    fn widget(&mut self, model: &Model, depth: usize) {
        if self.models_left == 0 || depth > DEPTH_MAX || self.html.len() > HTML_BYTES_MAX {
            self.html.push('…');
            return;
        }
        self.models_left -= 1;
        if self.is_hidden(model) {
            return;
        }
        match model.class() {
            "Box" | "HBox" | "GridBox" => self.container(model, "row", depth),
            "VBox" => self.container(model, "column", depth),
            "Tab" | "Accordion" => self.pages(model, depth),
            "Stack" => self.shown_page(model, depth),
            _ => self.control(model),
        }
    }

    fn container(&mut self, model: &Model, direction: &str, depth: usize) {
        self.html.push_str(&format!("<div style=\"display:flex;flex-flow:{direction} wrap;gap:4px 12px\">"));
        for child in children(self.models, model) {
            self.html.push_str("<div>");
            self.widget(child, depth + 1);
            self.html.push_str("</div>");
        }
        self.html.push_str("</div>");
    }

    fn pages(&mut self, model: &Model, depth: usize) {
        let titles = model.value("titles").and_then(|titles| titles.json().as_array());
        let selected = selected_page(model);
        for (index, child) in children(self.models, model).enumerate() {
            let title = titles.and_then(|titles| titles.get(index)?.as_str()).unwrap_or_default();
            let open = if selected == Some(index) { " open" } else { "" };
            self.html.push_str(&format!("<details{open}><summary>{}</summary>", escaped(title)));
            self.widget(child, depth + 1);
            self.html.push_str("</details>");
        }
    }

    fn shown_page(&mut self, model: &Model, depth: usize) {
        let selected = selected_page(model);
        if let Some(child) = selected.and_then(|index| children(self.models, model).nth(index)) {
            self.widget(child, depth + 1);
        }
    }

    fn control(&mut self, model: &Model) {
        let shown = media::html(model).or_else(|| values::html(model));
        let body =
            shown.unwrap_or_else(|| format!("<code>{}</code>", escaped(&super::text::render(self.models, model))));
        let body = if body.len() > HTML_BYTES_MAX { format!("<em>{} bytes, not shown</em>", body.len()) } else { body };
        let description = model.text("description");
        let names_itself = matches!(model.class(), "Button" | "ToggleButton" | "Checkbox" | "FileUpload");
        if description.is_empty() || names_itself {
            self.html.push_str(&body);
        } else {
            self.html.push_str(&format!("<span>{}</span> {body}", escaped(description)));
        }
    }

    fn is_hidden(&self, model: &Model) -> bool {
        let layout = model.value("layout").and_then(|layout| self.models.find(referenced(layout.json())?));
        layout.is_some_and(|layout| layout.text("display") == "none" || layout.text("visibility") == "hidden")
    }
}

fn children<'a>(models: &'a Models, model: &'a Model) -> impl Iterator<Item = &'a Model> + use<'a> {
    let children = model.value("children").and_then(|children| children.json().as_array());
    children.into_iter().flatten().filter_map(move |child| models.find(referenced(child)?))
}

fn selected_page(model: &Model) -> Option<usize> {
    model.value("selected_index").map(|index| index.json()).and_then(Value::as_u64)?.try_into().ok()
}
