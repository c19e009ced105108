//! The handle of any widget: its identifier, and what works the same for all of them.
//!
//! The state lives in the kernel. Until the kernel hears of a widget its state is gathered here, so that a chain of
//! setters makes one message.
//!
//! **Invariant**: a model that another refers to is known to the kernel before the reference is sent.

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::{BuildHasher, Hasher},
    sync::{Arc, Mutex, MutexGuard},
    time::SystemTime,
};

use serde_json::{Map, Value, json};
use widgets_comm::message::reference;

use super::{
    events::{self, Callback, Change, Event, Message},
    state::{self, Content, FromState, IntoState, Received, State},
};
use crate::{
    bridge,
    display::{Displayable, MimeBundle},
    host::{self, Error},
};

/// Anything that has a model: every widget, layout, style and link.
pub trait Widget {
    /// The handle without the type.
    fn model(&self) -> &Model;
}

impl<W: Widget + ?Sized> Widget for &W {
    fn model(&self) -> &Model {
        (**self).model()
    }
}

impl Widget for Model {
    fn model(&self) -> &Model {
        self
    }
}

/// A widget without its type: what all of them can do. Every widget derefs to its model.
///
/// A clone is the same widget. A widget stays on the page until [`Model::close`], whatever becomes of its handles.
#[derive(Clone)]
pub struct Model {
    shared: Arc<Shared>,
    is_concurrent: bool,
}

struct Shared {
    id: String,
    /// As `IntSliderModel`.
    name: &'static str,
    /// What is set until the kernel hears of the widget; `None` from then on.
    pending: Mutex<Option<State>>,
}

impl Model {
    /// A widget that the kernel does not know yet.
    pub(crate) fn new(name: &'static str) -> Model {
        Model::with(identifier(), name, Some(State::new()))
    }

    /// A widget that the kernel knows.
    pub(crate) fn existing(id: &str, name: &'static str) -> Model {
        Model::with(id.to_owned(), name, None)
    }

    fn with(id: String, name: &'static str, pending: Option<State>) -> Model {
        Model { shared: Arc::new(Shared { id, name, pending: Mutex::new(pending) }), is_concurrent: false }
    }

    /// The identifier of its comm: 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// An attribute by its name in ipywidgets, as JSON. Binary values are not in it.
    ///
    /// # Errors
    /// When the widget has no such attribute or the kernel refused its state.
    pub fn get(&self, name: &str) -> Result<Value, Error> {
        self.receive(name).map(|received| received.value)
    }

    /// Sets an attribute by its name in ipywidgets, from JSON: `slider.set("max", 20)`.
    pub fn set(&self, name: &str, value: impl Into<Value>) {
        self.put(name, Content::Json(value.into()));
    }

    /// Calls a closure with every change of an attribute, whoever made it.
    ///
    /// By default closures run one after another and not while a cell runs; see `concurrent` of the widget.
    ///
    /// # Panics
    /// When the kernel refuses the widget, or the widget has no such attribute.
    #[track_caller]
    pub fn observe(&self, name: &str, mut closure: impl FnMut(Change) + Send + 'static) -> Callback {
        let listener = move |event| {
            if let Event::Change(change) = event {
                closure(change);
            }
        };
        self.observe_named(name, Box::new(listener))
    }

    /// Calls a closure with every custom message of a view.
    ///
    /// # Panics
    /// As [`Model::observe`].
    #[track_caller]
    pub fn on_message(&self, mut closure: impl FnMut(Message) + Send + 'static) -> Callback {
        let listener = move |event| {
            if let Event::Message(message) = event {
                closure(message);
            }
        };
        self.listen("message", &[], Box::new(listener))
    }

    /// Sends a custom message to the views, with binary parts beside the JSON.
    ///
    /// # Errors
    /// When the kernel refuses the widget.
    pub fn send(&self, content: impl Into<Value>, buffers: &[&[u8]]) -> Result<(), Error> {
        self.open()?;
        let lengths: Vec<usize> = buffers.iter().map(|buffer| buffer.len()).collect();
        let frame = json!({
            "type": bridge::WIDGET_CUSTOM, "widget": self.id(), "content": content.into(), "buffer_lengths": lengths,
        });
        host::send_with(&frame, &buffers.concat());
        Ok(())
    }

    /// Makes the kernel know the widget now. Showing, reading or placing it does so by itself.
    ///
    /// # Errors
    /// When the kernel refuses its state: what is wrong, and what would be right.
    pub fn open(&self) -> Result<(), Error> {
        let mut pending = self.pending();
        let Some(state) = pending.as_ref() else { return Ok(()) };
        let mut frame = Map::new();
        frame.insert("type".to_owned(), bridge::WIDGET_OPEN.into());
        frame.insert("widget".to_owned(), self.id().into());
        frame.insert("model".to_owned(), self.shared.name.into());
        let payload = state::pack(&mut frame, state.clone());
        host::request_with(&Value::Object(frame), &payload)?;
        *pending = None;
        Ok(())
    }

    /// Removes the widget from wherever it is shown. It cannot be used afterwards.
    pub fn close(&self) {
        let was_known = self.pending().take().is_none();
        if was_known {
            host::send(&json!({"type": bridge::WIDGET_CLOSE, "widget": self.id()}));
        }
    }

    /// Shows the widget; evcxr calls it when a widget is the last expression of a cell.
    ///
    /// # Panics
    /// When the kernel refuses the widget, with what it says.
    #[track_caller]
    pub fn evcxr_display(&self) {
        let display_id = identifier();
        self.show(&display_id);
    }

    /// Shows a view of the widget.
    #[track_caller]
    pub(crate) fn show(&self, display_id: &str) {
        told(self.open());
        host::send(&json!({"type": bridge::WIDGET_DISPLAY, "widget": self.id(), "display_id": display_id}));
    }

    /// The same widget; its closures that are registered from now on do not wait for others.
    pub(crate) fn made_concurrent(&self) -> Model {
        Model { shared: self.shared.clone(), is_concurrent: true }
    }

    /// Sets an attribute.
    pub(crate) fn put(&self, name: &str, content: Content) {
        self.put_all(vec![(name.to_owned(), content)]);
    }

    /// Sets several attributes in one message.
    pub(crate) fn put_all(&self, state: State) {
        let mut pending = self.pending();
        let Some(gathered) = pending.as_mut() else {
            let mut frame = Map::new();
            frame.insert("type".to_owned(), bridge::WIDGET_UPDATE.into());
            frame.insert("widget".to_owned(), self.id().into());
            let payload = state::pack(&mut frame, state);
            host::send_with(&Value::Object(frame), &payload);
            return;
        };
        gathered.retain(|(name, _)| state.iter().all(|(new, _)| new != name));
        gathered.extend(state);
    }

    /// Sets an attribute to a list of other models.
    #[track_caller]
    pub(crate) fn put_models(&self, name: &str, models: &[Model]) {
        // Not `map`: a panic would name the closure, not the caller.
        let mut references = Vec::new();
        for model in models {
            references.push(model.reference());
        }
        self.put(name, references.into_state());
    }

    /// How other models refer to this one.
    #[track_caller]
    pub(crate) fn reference(&self) -> Value {
        told(self.open());
        reference(self.id()).into()
    }

    /// Reads an attribute.
    #[track_caller]
    pub(crate) fn read<T: FromState>(&self, name: &str) -> T {
        told(self.receive(name).and_then(|received| typed(name, &received)))
    }

    /// Asks the kernel for an attribute.
    pub(crate) fn receive(&self, name: &str) -> Result<Received, Error> {
        self.open()?;
        let reply = host::request(&json!({"type": bridge::WIDGET_GET, "widget": self.id(), "names": [name]}))?;
        let value = reply.json.get("state").and_then(|state| state.get(name)).cloned().unwrap_or_default();
        Ok(Received::new(name, value, &reply.json, &state::buffers(&reply.json, &reply.payload)))
    }

    /// Registers a closure for changes of an attribute that a person named: a wrong name would never be heard of again.
    #[track_caller]
    fn observe_named(&self, name: &str, listener: events::Listener) -> Callback {
        told(self.check(name));
        self.on_change_of(name, listener)
    }

    /// Whether the kernel knows the attribute.
    pub(crate) fn check(&self, name: &str) -> Result<(), Error> {
        self.receive(name).map(drop)
    }

    /// Registers a closure for changes of an attribute.
    #[track_caller]
    pub(crate) fn on_change_of(&self, name: &str, listener: events::Listener) -> Callback {
        self.listen("change", &[name], listener)
    }

    /// Registers a closure for a kind of event.
    #[track_caller]
    pub(crate) fn listen(&self, on: &str, names: &[&str], listener: events::Listener) -> Callback {
        told(self.open());
        let frame = json!({
            "type": bridge::WIDGET_LISTEN, "widget": self.id(), "on": on, "names": names,
            "concurrent": self.is_concurrent,
        });
        told(events::register(&frame, listener))
    }

    fn pending(&self) -> MutexGuard<'_, Option<State>> {
        // It holds whole attributes only: a panic elsewhere leaves nothing half done.
        self.shared.pending.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.shared.name.trim_end_matches("Model"), self.id())
    }
}

impl Displayable for Model {
    /// A view of the widget, for bundles that hold more. Alone it is shown by the kernel, which adds what saved
    /// notebooks show.
    fn mime_bundle(&self) -> MimeBundle {
        told(self.open());
        let view = json!({"version_major": 2, "version_minor": 0, "model_id": self.id()});
        let bundle = [
            ("application/vnd.jupyter.widget-view+json".to_owned(), view),
            ("text/plain".to_owned(), format!("{self:?}").into()),
        ];
        bundle.into_iter().collect()
    }

    fn widget(&self) -> Option<&Model> {
        Some(self)
    }
}

/// The value of the attribute `name` as a Rust type.
pub(crate) fn typed<T: FromState>(name: &str, received: &Received) -> Result<T, Error> {
    T::from_state(received).ok_or_else(|| {
        let wanted = std::any::type_name::<T>();
        Error::new(format!("internal: the kernel says `{name}` is {}, which is no {wanted}", received.value))
    })
}

/// The value, or a panic with the kernel's words: a cell that goes on would show something else than was asked for.
#[track_caller]
pub(crate) fn told<T>(outcome: Result<T, Error>) -> T {
    // Not in a closure: the panic is told at the line of whoever called.
    match outcome {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// 32 hexadecimal digits that nobody else has.
pub(crate) fn identifier() -> String {
    let half = || {
        // std's keys are random for each thread and differ from call to call; process and time keep a copy of this
        // process (after a fork) from going on with the same ones.
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        hasher.write_u128(since_epoch.as_nanos());
        hasher.finish()
    };
    format!("{:016x}{:016x}", half(), half())
}
