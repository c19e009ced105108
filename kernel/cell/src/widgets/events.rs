//! Closures that widgets call: handed to the cell host, which runs them when the kernel tells of an event.

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde_json::{Map, Value, json};

use super::state::{self, Received};
use crate::{
    abi, bridge,
    host::{self, Error},
    output,
};

/// A registered closure. It stays registered when this handle is dropped.
#[derive(Clone, Debug)]
pub struct Callback {
    number: u64,
}

impl Callback {
    /// `listener` is called with what the kernel says to those who listen under `name`, which need not be a widget.
    pub(crate) fn on_message(
        name: &str,
        mut listener: impl FnMut(Message) + Send + 'static,
    ) -> Result<Callback, Error> {
        let frame = json!({"type": bridge::WIDGET_LISTEN, "widget": name, "on": "message"});
        let hears = move |event| {
            if let Event::Message(message) = event {
                listener(message);
            }
        };
        register(&frame, Box::new(hears))
    }

    /// The closure is not called any more, and dropped as soon as it is not running.
    pub fn unobserve(&self) {
        host::unlisten(self.number);
    }
}

/// A change of an attribute.
#[derive(Clone, Debug)]
pub struct Change {
    /// The attribute.
    pub name: String,
    /// Its value before.
    pub old: Value,
    /// Its value now. Binary values are not in it.
    pub new: Value,
    pub(crate) received: Received,
}

impl Change {
    /// The value now, if it is binary.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.received.part(&[])
    }
}

/// A custom message of a widget's view.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it says.
    pub content: Value,
    /// Its binary parts.
    pub buffers: Vec<Vec<u8>>,
}

/// What happened to a widget.
pub(crate) enum Event {
    Change(Change),
    Click,
    Submit,
    Message(Message),
}

/// A closure as the host holds it.
pub(crate) type Listener = Box<dyn FnMut(Event) + Send>;

/// Hands a closure to the host.
pub(crate) fn register(frame: &Value, listener: Listener) -> Result<Callback, Error> {
    // Boxed twice: the host keeps thin pointers only.
    let data = Box::into_raw(Box::new(listener)).cast();
    match host::listen(frame, abi::Callback { call, drop: forget, data }) {
        Ok(number) => Ok(Callback { number }),
        Err(error) => {
            // Safety: nobody took it.
            unsafe { forget(data) };
            Err(error)
        }
    }
}

unsafe extern "C" fn call(data: *mut c_void, event: *const abi::Message) -> bool {
    // Safety: the host calls with what `register` gave it, one call at a time, and a message valid during the call.
    let (listener, (json, payload)) = unsafe { (&mut *data.cast::<Listener>(), (*event).parts()) };
    // A closure that panicked is called again at the next event: it is the user's, who is told of the panic.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        if let Some(event) = Event::read(json, payload) {
            listener(event);
        }
    }));
    output::flush();
    outcome.is_err()
}

unsafe extern "C" fn forget(data: *mut c_void) {
    // Safety: the host gives back what `register` gave it, once.
    let listener = unsafe { Box::from_raw(data.cast::<Listener>()) };
    // What the closure holds may panic when it is dropped; that must not cross into the host.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(listener)));
}

impl Event {
    fn read(json: &[u8], payload: &[u8]) -> Option<Event> {
        let frame: Map<String, Value> = serde_json::from_slice(json).ok()?;
        let event = frame.get("event")?.as_object()?;
        let field = |name: &str| event.get(name).cloned().unwrap_or_default();
        let buffers = state::buffers(&frame, payload);
        Some(match event.get("kind")?.as_str()? {
            "change" => {
                let name = event.get("name")?.as_str()?.to_owned();
                let received = Received::new(&name, field("new"), event, &buffers);
                Event::Change(Change { name, old: field("old"), new: received.value.clone(), received })
            }
            "click" => Event::Click,
            "submit" => Event::Submit,
            "message" => Event::Message(Message { content: field("content"), buffers }),
            // A kernel of another version; this cell cannot know what it means.
            _ => return None,
        })
    }
}
