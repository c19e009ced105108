//! What single widgets can do beside their attributes: clicks, submissions, texts and media at once, uploaded files.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    builders::{
        Audio, Button, Combobox, FileUpload, HTML, HTMLMath, Image, Label, Password, Text, ToggleButtons, Video,
    },
    events::{Callback, Event},
    interact::HasValue,
    model::{told, typed},
    state::{FromState, Received},
};

/// A file that the user chose.
#[derive(Clone, PartialEq)]
pub struct UploadedFile {
    /// Its name, without folders. The user chose it: do not use it as a path.
    pub name: String,
    /// Its MIME type, as the browser guesses it from the name.
    pub mime: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed last, if the browser says so.
    pub last_modified: Option<DateTime<Utc>>,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for UploadedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let UploadedFile { name, mime, size, .. } = self;
        write!(f, "UploadedFile({name:?}, {mime}, {size} bytes)")
    }
}

impl FromState for Vec<UploadedFile> {
    fn from_state(received: &Received) -> Option<Self> {
        let file = |(place, file): (usize, &Value)| {
            let text = |field: &str| file.get(field)?.as_str().map(str::to_owned);
            let bytes = received.part(&[place.into(), "content".into()]).unwrap_or_default().to_vec();
            let milliseconds = file.get("last_modified").and_then(Value::as_f64);
            Some(UploadedFile {
                name: text("name")?,
                mime: text("type").unwrap_or_default(),
                size: file.get("size").and_then(Value::as_u64).unwrap_or(bytes.len() as u64),
                // Milliseconds since 1970 fit: JavaScript's dates end long before `i64` does.
                last_modified: milliseconds.and_then(|value| DateTime::from_timestamp_millis(value as i64)),
                bytes,
            })
        };
        received.value.as_array()?.iter().enumerate().map(file).collect()
    }
}

impl FileUpload {
    /// The files that were chosen, with what is in them.
    ///
    /// # Panics
    /// When the kernel refuses the widget, with what it says.
    #[track_caller]
    pub fn value(&self) -> Vec<UploadedFile> {
        self.read("value")
    }

    /// Forgets the files that were chosen.
    pub fn clear(&self) {
        self.set("value", json!([]));
    }

    /// Calls a closure with the files whenever the user chose some.
    ///
    /// # Panics
    /// When the kernel refuses the widget, with what it says.
    #[track_caller]
    pub fn on_change(&self, mut closure: impl FnMut(Vec<UploadedFile>) + Send + 'static) -> Callback {
        let listener = move |event| {
            if let Event::Change(change) = event {
                closure(told(typed("value", &change.received)));
            }
        };
        self.on_change_of("value", Box::new(listener))
    }
}

impl HasValue for FileUpload {
    type Value = Vec<UploadedFile>;

    const ATTRIBUTE: &'static str = "value";

    fn current(&self) -> Vec<UploadedFile> {
        self.value()
    }
}

/// A method that registers a closure for an event without a value; the closure gets the widget.
macro_rules! on_event {
    ($($class:ident$(<$value:ident>)? $method:ident $event:ident $on:literal $help:literal;)*) => {$(
        impl$(<$value: Send + Sync + 'static>)? $class$(<$value>)? {
            #[doc = concat!("Calls a closure with the widget at each ", $help, ".")]
            ///
            /// # Panics
            /// When the kernel refuses the widget, with what it says.
            #[track_caller]
            pub fn $method(&self, mut closure: impl FnMut(&$class$(<$value>)?) + Send + 'static) -> Callback {
                let widget = self.clone();
                let listener = move |event| {
                    if let Event::$event = event {
                        closure(&widget);
                    }
                };
                self.listen($on, &[], Box::new(listener))
            }
        }
    )*};
}

on_event! {
    Button on_click Click "click" "click";
    ToggleButtons<T> on_click Click "click" "click, also on the button that is chosen already";
    Text on_submit Submit "submit" "press of Enter";
    Password on_submit Submit "submit" "press of Enter";
    Combobox on_submit Submit "submit" "press of Enter";
}

macro_rules! of_text {
    ($($class:ident)*) => {$(
        impl $class {
            /// A fresh one with this text.
            pub fn of(text: &str) -> $class {
                $class::new().set_value(text)
            }
        }
    )*};
}
of_text! { HTML HTMLMath Label }

impl Image {
    /// A fresh one of encoded bytes; the format is told from how they begin.
    pub fn of(bytes: impl Into<Vec<u8>>) -> Image {
        let bytes = bytes.into();
        let image = Image::new().format(image_format(&bytes));
        image.set_value(bytes)
    }
}

impl Audio {
    /// A fresh one of encoded bytes: MP3, unless told otherwise by `format`.
    pub fn of(bytes: impl Into<Vec<u8>>) -> Audio {
        Audio::new().set_value(bytes)
    }
}

impl Video {
    /// A fresh one of encoded bytes: MP4, unless told otherwise by `format`.
    pub fn of(bytes: impl Into<Vec<u8>>) -> Video {
        Video::new().set_value(bytes)
    }
}

/// The part of a picture's MIME type behind `image/`.
fn image_format(bytes: &[u8]) -> &'static str {
    let is_svg = || std::str::from_utf8(bytes).is_ok_and(|text| text.trim_start().starts_with('<'));
    match bytes {
        [0xff, 0xd8, ..] => "jpeg",
        [b'G', b'I', b'F', b'8', ..] => "gif",
        [b'B', b'M', ..] => "bmp",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "webp",
        [b'<', ..] | [b' ' | b'\n' | 0xef, ..] if is_svg() => "svg+xml",
        _ => "png",
    }
}
