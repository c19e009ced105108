//! The live widgets: their state, what goes to front ends about them, and who hears of what people do with them.
//!
//! State lives here and not in a cell, so reload, echoes and state requests are answered while a cell runs. Changes by
//! the kernel gather for a moment and go out as one message a model; what must be seen now is flushed.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use kernel_protocol::{Message, MimeBundle, Session, socket::iopub::Iopub, wire::header::Header};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use widgets_comm::{
    LinkId, WidgetError,
    buffers::{State, StateValue},
    message::{CommKind, CommMessage, Incoming},
    output::Output,
    registry::{Event, Outcome, Registry},
};

use crate::pace::Pace;

/// How long changes gather: people see no more than this, and a server passes on a limited number of messages.
const GATHER_INTERVAL: Duration = Duration::from_millis(25);

/// All widgets of this kernel.
pub struct Widgets {
    session: Arc<Session>,
    iopub: Iopub,
    pace: Arc<Pace>,
    /// Held while what follows from a change is published: messages go out in the order of the changes.
    registry: tokio::sync::Mutex<Registry>,
    changed: Notify,
    /// What led to the changes that gather.
    cause: Mutex<Header>,
    listeners: Mutex<HashMap<String, Vec<(u64, Hears)>>>,
    next_listener: AtomicU64,
    links: Mutex<Vec<(Ends, LinkId)>>,
}

/// What a link connects: widget and attribute, twice, and whether it goes one way.
#[derive(Debug, PartialEq)]
struct Ends([String; 4], bool);

impl Ends {
    fn new(source: (&str, &str), target: (&str, &str), is_directional: bool) -> Ends {
        Ends([source.0, source.1, target.0, target.1].map(str::to_owned), is_directional)
    }
}

/// Told of events of one model, with the header of the message that led to them. Must not wait.
pub type Hears = Arc<dyn Fn(&Event, &Header) + Send + Sync>;

/// Names a listener, to end it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listening {
    widget: String,
    number: u64,
}

/// No models yet; echoes unless `JUPYTER_WIDGETS_ECHO` says no, in the words that ipywidgets takes for it.
fn registry_of_environment() -> Registry {
    let is_off = std::env::var("JUPYTER_WIDGETS_ECHO")
        .is_ok_and(|value| ["no", "n", "false", "off", "0", "0.0"].contains(&value.to_lowercase().as_str()));
    if is_off { Registry::new().without_echo() } else { Registry::new() }
}

impl Widgets {
    /// No widgets yet.
    pub fn new(session: Arc<Session>, iopub: Iopub, pace: Arc<Pace>) -> Widgets {
        Widgets {
            session,
            iopub,
            pace,
            registry: tokio::sync::Mutex::new(registry_of_environment()),
            changed: Notify::new(),
            cause: Mutex::default(),
            listeners: Mutex::default(),
            next_listener: AtomicU64::new(1),
            links: Mutex::default(),
        }
    }

    /// Sends gathered changes, for as long as the kernel runs.
    pub async fn serve(&self) {
        loop {
            self.changed.notified().await;
            self.flush().await;
            tokio::time::sleep(GATHER_INTERVAL).await;
        }
    }

    /// Opens a published model.
    ///
    /// # Errors
    /// What is wrong with its state.
    pub async fn open(&self, cause: &Header, id: &str, model: &str, state: State) -> Result<(), WidgetError> {
        let mut registry = self.registry.lock().await;
        let messages = match model {
            "AnyModel" => registry.open_custom(id, state)?,
            _ => registry.open(id, model, state)?,
        };
        // What was changed before must not be told after a model that refers to it.
        let updates = registry.take_updates();
        self.publish(cause, updates.into_iter().chain(messages)).await;
        Ok(())
    }

    /// Changes attributes.
    ///
    /// # Errors
    /// What is wrong with the values; then nothing is changed.
    pub async fn update(&self, cause: &Header, id: &str, state: State) -> Result<(), WidgetError> {
        let outcome = self.registry.lock().await.update(id, state)?;
        *self.cause() = cause.clone();
        self.changed.notify_one();
        self.tell(&outcome, cause);
        Ok(())
    }

    /// Changes one attribute to a JSON value.
    ///
    /// # Errors
    /// As [`Widgets::update`].
    pub async fn set(&self, cause: &Header, id: &str, name: &str, value: impl Into<Value>) -> Result<(), WidgetError> {
        self.update(cause, id, State::new().with(name, value)).await
    }

    /// Sends a message of the model's own making to its views.
    ///
    /// # Errors
    /// When there is no such model.
    pub async fn send(&self, cause: &Header, id: &str, content: Value, buffers: Vec<Bytes>) -> Result<(), WidgetError> {
        let mut registry = self.registry.lock().await;
        let updates = registry.take_updates();
        let message = registry.custom_message(id, content, buffers)?;
        self.publish(cause, updates.into_iter().chain([message])).await;
        Ok(())
    }

    /// Removes a model and its views.
    ///
    /// # Errors
    /// When there is no such model.
    pub async fn close(&self, cause: &Header, id: &str) -> Result<(), WidgetError> {
        let mut registry = self.registry.lock().await;
        let messages = registry.close(id)?;
        self.publish(cause, messages).await;
        drop(registry);
        self.listeners().remove(id);
        Ok(())
    }

    /// Keeps the target equal to the source, and back unless `is_directional`.
    ///
    /// # Errors
    /// When one of them is not there.
    pub async fn link(
        &self,
        cause: &Header,
        source: (&str, &str),
        target: (&str, &str),
        is_directional: bool,
    ) -> Result<(), WidgetError> {
        let mut registry = self.registry.lock().await;
        let (link, outcome) = match is_directional {
            true => registry.dlink(source, target)?,
            false => registry.link(source, target)?,
        };
        drop(registry);
        self.links().push((Ends::new(source, target, is_directional), link));
        *self.cause() = cause.clone();
        self.changed.notify_one();
        self.tell(&outcome, cause);
        Ok(())
    }

    /// Ends a link that was made with the same ends.
    pub async fn unlink(&self, source: (&str, &str), target: (&str, &str), is_directional: bool) {
        let wanted = Ends::new(source, target, is_directional);
        let mut registry = self.registry.lock().await;
        self.links().retain(|(ends, link)| {
            let is_it = *ends == wanted;
            if is_it {
                registry.unlink(*link);
            }
            !is_it
        });
    }

    /// The value of an attribute.
    pub async fn get(&self, id: &str, name: &str) -> Option<StateValue> {
        self.registry.lock().await.get(id, name).cloned()
    }

    /// The value of an attribute that a cell named.
    ///
    /// # Errors
    /// When there is no such model, or it has no such attribute.
    pub async fn read(&self, id: &str, name: &str) -> Result<StateValue, WidgetError> {
        self.registry.lock().await.read(id, name).cloned()
    }

    /// What a display of the model carries: the reference for front ends, and what it shows where there is none.
    pub async fn view(&self, id: &str) -> Option<MimeBundle> {
        self.registry.lock().await.view(id)
    }

    /// Whether it is a model of ipywidgets, whose stand-ins tell its state.
    pub async fn is_published(&self, id: &str) -> bool {
        self.registry.lock().await.model_name(id).is_some_and(|name| name != "AnyModel")
    }

    /// All models as a notebook keeps them, under the MIME type of widget states. Passwords are left out.
    pub async fn saved(&self) -> Value {
        let registry = self.registry.lock().await;
        let saved = registry.ids().filter_map(|id| Some((id.to_owned(), saved_model(registry.state(id)?))));
        json!({"version_major": 2, "version_minor": 0, "state": saved.collect::<Map<_, _>>()})
    }

    /// Adds what was put out to an Output widget.
    pub async fn append_output(&self, cause: &Header, id: &str, output: Output) {
        let appended = self.registry.lock().await.append_output(id, output);
        match appended {
            Ok(()) => {
                *self.cause() = cause.clone();
                self.changed.notify_one();
            }
            Err(error) => tracing::info!(%error, "output for a widget that is gone"),
        }
    }

    /// Sends the changes that gathered.
    pub async fn flush(&self) {
        let mut registry = self.registry.lock().await;
        let updates = registry.take_updates();
        if !updates.is_empty() {
            let cause = self.cause().clone();
            self.publish(&cause, updates).await;
        }
    }

    /// Takes a comm message of a front end: answers it and tells who listens.
    pub async fn receive(&self, request: &Message) {
        let kind = match request.msg_type() {
            "comm_open" => CommKind::Open,
            "comm_close" => CommKind::Close,
            _ => CommKind::Msg,
        };
        let (content, metadata) = (Value::Object(request.content.clone()), Value::Object(request.metadata.clone()));
        let outcome = match Incoming::parse(kind, content, metadata, request.buffers.clone()) {
            Ok(incoming) => {
                let mut registry = self.registry.lock().await;
                let mut outcome = registry.receive(incoming);
                let messages = std::mem::take(&mut outcome.messages);
                self.publish(&request.header, messages).await;
                outcome
            }
            Err(error) => Outcome { problems: vec![error], ..Outcome::default() },
        };
        self.tell(&outcome, &request.header);
        // What followed for other models, over links.
        *self.cause() = request.header.clone();
        self.changed.notify_one();
    }

    /// The open comms of a target, or all.
    pub async fn comm_info(&self, target: Option<&str>) -> Map<String, Value> {
        self.registry.lock().await.comm_info(target)
    }

    /// From now on `hears` is told of events of a model.
    pub fn listen(&self, id: &str, hears: Hears) -> Listening {
        let number = self.next_listener.fetch_add(1, Ordering::Relaxed);
        self.listeners().entry(id.to_owned()).or_default().push((number, hears));
        Listening { widget: id.to_owned(), number }
    }

    /// Ends a listener.
    pub fn unlisten(&self, listening: &Listening) {
        if let Some(listeners) = self.listeners().get_mut(&listening.widget) {
            listeners.retain(|(number, _)| *number != listening.number);
        }
    }

    fn tell(&self, outcome: &Outcome, cause: &Header) {
        for problem in &outcome.problems {
            tracing::warn!(%problem, "a widget message was refused");
        }
        outcome.events.iter().for_each(|event| self.announce(event, cause));
    }

    /// Tells whoever listens of an event, also of one that comes from no model of the registry.
    pub fn announce(&self, event: &Event, cause: &Header) {
        // Who is told may listen or end listening: not under the lock.
        let hears: Vec<Hears> = match self.listeners().get(widget_of(event)) {
            Some(listeners) => listeners.iter().map(|(_, hears)| hears.clone()).collect(),
            None => return,
        };
        hears.iter().for_each(|hears| hears(event, cause));
    }

    async fn publish(&self, cause: &Header, messages: impl IntoIterator<Item = CommMessage>) {
        for CommMessage { kind, content, metadata, buffers, .. } in messages {
            self.pace.wait(0).await;
            let mut message = self.session.caused_by(cause, kind.message_type(), content);
            message.metadata = metadata;
            message.buffers = buffers;
            self.iopub.send(message).await;
        }
    }

    fn cause(&self) -> MutexGuard<'_, Header> {
        self.cause.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn links(&self) -> MutexGuard<'_, Vec<(Ends, LinkId)>> {
        self.links.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn listeners(&self) -> MutexGuard<'_, HashMap<String, Vec<(u64, Hears)>>> {
        self.listeners.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn saved_model(state: State) -> Value {
    let mut wire = state.into_wire();
    if wire.state.get("_model_name").is_some_and(|name| name == "PasswordModel") {
        wire.state.insert("value".to_owned(), "".into());
    }
    let name = |name: &str| wire.state.get(name).cloned().unwrap_or_default();
    let mut model = json!({
        "model_name": name("_model_name"),
        "model_module": name("_model_module"),
        "model_module_version": name("_model_module_version"),
        "state": wire.state,
    });
    if !wire.buffers.is_empty() {
        let buffers = wire.buffer_paths.iter().zip(&wire.buffers);
        let buffers =
            buffers.map(|(path, bytes)| json!({"encoding": "base64", "path": path, "data": BASE64.encode(bytes)}));
        model["buffers"] = buffers.collect();
    }
    model
}

fn widget_of(event: &Event) -> &str {
    match event {
        Event::Opened { id }
        | Event::Changed { id, .. }
        | Event::Click { id }
        | Event::Submit { id }
        | Event::Custom { id, .. }
        | Event::Closed { id } => id,
    }
}

/// A new model's id: 32 lower-case hexadecimal digits, as ipywidgets has them.
pub fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
