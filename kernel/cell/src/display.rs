//! Values to the front end: a MIME bundle per value, plain text always among it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use crate::{bridge, host, widgets::Model};

/// A value in several representations: MIME type to content.
pub type MimeBundle = Map<String, Value>;

/// A value that knows how to show itself.
pub trait Displayable {
    /// The value's representations. Called once per display; the front end picks the richest it can show.
    fn mime_bundle(&self) -> MimeBundle;

    /// The representations when the value is that of a cell.
    #[doc(hidden)]
    fn cell_value(&self) -> MimeBundle {
        self.mime_bundle()
    }

    /// The widget that this value is, if it is one: the kernel shows it.
    #[doc(hidden)]
    fn widget(&self) -> Option<&Model> {
        None
    }
}

/// HTML, shown as it is: escape what comes from data.
#[derive(Clone, Debug)]
pub struct Html<T: AsRef<str>>(pub T);

/// Markdown, rendered by the front end.
#[derive(Clone, Debug)]
pub struct Markdown<T: AsRef<str>>(pub T);

impl<T: AsRef<str>> Displayable for Html<T> {
    fn mime_bundle(&self) -> MimeBundle {
        bundle("text/html", self.0.as_ref())
    }
}

impl<T: AsRef<str>> Displayable for Markdown<T> {
    fn mime_bundle(&self) -> MimeBundle {
        bundle("text/markdown", self.0.as_ref())
    }
}

impl Displayable for str {
    fn mime_bundle(&self) -> MimeBundle {
        [("text/plain".to_owned(), json!(self))].into_iter().collect()
    }

    /// With quotes: the reader sees that it is a text, and its special characters.
    fn cell_value(&self) -> MimeBundle {
        [("text/plain".to_owned(), json!(format!("{self:?}")))].into_iter().collect()
    }
}

impl Displayable for String {
    fn mime_bundle(&self) -> MimeBundle {
        self.as_str().mime_bundle()
    }

    fn cell_value(&self) -> MimeBundle {
        self.as_str().cell_value()
    }
}

impl<T: Displayable + ?Sized> Displayable for &T {
    fn mime_bundle(&self) -> MimeBundle {
        (**self).mime_bundle()
    }

    fn cell_value(&self) -> MimeBundle {
        (**self).cell_value()
    }

    fn widget(&self) -> Option<&Model> {
        (**self).widget()
    }
}

impl Displayable for MimeBundle {
    fn mime_bundle(&self) -> MimeBundle {
        self.clone()
    }
}

fn bundle(mime: &str, content: &str) -> MimeBundle {
    [(mime.to_owned(), json!(content)), ("text/plain".to_owned(), json!(content))].into_iter().collect()
}

/// Shows a value and gives the identifier by which [`update_display`] replaces it.
///
/// # Panics
/// When it is a widget that the kernel refuses.
#[track_caller]
pub fn display(value: impl Displayable) -> String {
    static DISPLAYS: AtomicU64 = AtomicU64::new(0);
    // Each cell has its own counter, so the process and the address of it make the identifier unique.
    let id = format!("{}-{:p}-{}", std::process::id(), &DISPLAYS, DISPLAYS.fetch_add(1, Ordering::Relaxed));
    match value.widget() {
        Some(model) => model.show(&id),
        None => send(&value.mime_bundle(), &id, false),
    }
    id
}

/// Replaces what was shown under `display_id`, wherever it is.
pub fn update_display(display_id: &str, value: impl Displayable) {
    send(&value.mime_bundle(), display_id, true);
}

/// Shows HTML as it is: escape what comes from data.
pub fn display_html(html: &str) -> String {
    display(Html(html))
}

/// Shows Markdown.
pub fn display_markdown(markdown: &str) -> String {
    display(Markdown(markdown))
}

/// Makes a value the result of the cell.
pub(crate) fn result(data: &MimeBundle) {
    host::send(&json!({"type": bridge::RESULT, "data": data, "metadata": {}}));
}

fn send(data: &MimeBundle, display_id: &str, update: bool) {
    host::send(&json!({
        "type": bridge::DISPLAY,
        "data": data,
        "metadata": {},
        "transient": {"display_id": display_id},
        "update": update,
    }));
}
