//! Callbacks of Rust cells as the kernel sees them: which events they hear, where their output goes, when they run.
//!
//! The closures are in the cell host. Of changes that come while a callback runs only the newest is kept: a slider
//! must not queue up all the places it passed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use flowdeck::bridge::{self, Frame};
use kernel_protocol::wire::header::Header;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use widgets_comm::{
    buffers::{StateValue, split},
    registry::Event,
};

use crate::{
    outputs::Outputs,
    widgets::{Listening, Widgets},
};

/// How long the end of a cell waits for the callbacks that it led to. They are told in its outputs; one that takes longer
/// goes on by itself.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends frames to the cell host that the callbacks are in.
pub type Send = Arc<dyn Fn(Frame) + std::marker::Send + Sync>;

/// All callbacks of the cell host that is alive.
#[derive(Default)]
pub struct Callbacks {
    table: Mutex<HashMap<u64, Callback>>,
    /// Notified when a callback has run.
    ends: Notify,
}

struct Callback {
    listening: Vec<(Arc<Widgets>, Listening)>,
    outputs: Outputs,
    /// Events that were sent and are not dealt with.
    in_flight: usize,
    /// Changes that wait for them, the newest of each attribute.
    waiting: Vec<Change>,
    /// What led to the newest event: its front end gets what follows.
    cause: Header,
    cancel: CancellationToken,
}

struct Change {
    widget: String,
    name: String,
    old: StateValue,
    new: StateValue,
}

/// What a callback wants to hear of a widget.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// `change`, `click`, `submit` or `message`.
    pub on: String,
    /// Attributes whose changes are told; none means all.
    pub names: Vec<String>,
}

impl Callbacks {
    /// From now on `callback` hears of `widget`.
    pub fn listen(
        self: &Arc<Self>,
        callback: u64,
        widget: &str,
        wanted: Wanted,
        outputs: Outputs,
        widgets: &Arc<Widgets>,
        send: Send,
    ) {
        let callbacks = self.clone();
        let hears = move |event: &Event, cause: &Header| callbacks.hear(callback, &wanted, event, cause, &send);
        let listening = widgets.listen(widget, Arc::new(hears));
        let mut table = self.table();
        let entry = table.entry(callback).or_insert_with(|| Callback {
            listening: Vec::new(),
            outputs,
            in_flight: 0,
            waiting: Vec::new(),
            cause: Header::default(),
            cancel: CancellationToken::new(),
        });
        entry.listening.push((widgets.clone(), listening));
    }

    /// `callback` is gone.
    pub fn forget(&self, callback: u64) {
        if let Some(callback) = self.table().remove(&callback) {
            callback.end();
        }
    }

    /// Another process goes on in the place of the cell host, with these callbacks, of which none is running.
    pub fn keep(&self, left: &[u64]) {
        let mut table = self.table();
        let gone: Vec<u64> = table.keys().copied().filter(|number| !left.contains(number)).collect();
        gone.iter().filter_map(|number| table.remove(number)).for_each(Callback::end);
        for callback in table.values_mut() {
            callback.cancel.cancel();
            callback.in_flight = 0;
            callback.waiting.clear();
        }
        drop(table);
        self.ends.notify_waiters();
    }

    /// The cell host is gone, and all callbacks with it.
    pub fn forget_all(&self) {
        self.table().drain().for_each(|(_, callback)| callback.end());
        self.ends.notify_waiters();
    }

    /// Where the output of a callback goes.
    pub fn outputs(&self, callback: u64) -> Option<Outputs> {
        self.table().get(&callback).map(|callback| callback.outputs.clone().caused_by(callback.cause.clone()))
    }

    /// What led to the event that a callback deals with.
    pub fn cause(&self, callback: u64) -> Option<Header> {
        self.table().get(&callback).map(|callback| callback.cause.clone())
    }

    /// Ends the queries and waiting calls of a callback when it is cancelled.
    pub fn cancellation(&self, callback: u64) -> Option<CancellationToken> {
        self.table().get(&callback).map(|callback| callback.cancel.clone())
    }

    /// Ends the queries and waiting calls of all callbacks that run. Says whether there were any.
    pub fn cancel_all(&self) -> bool {
        let table = self.table();
        let running = table.values().filter(|callback| callback.in_flight > 0);
        running.map(|callback| callback.cancel.cancel()).count() > 0
    }

    /// Waits until what a message led to has been dealt with, but not for long.
    pub async fn settled(&self, cause: &Header) {
        let is_busy = || {
            let table = self.table();
            table.values().any(|callback| callback.in_flight > 0 && callback.cause.msg_id() == cause.msg_id())
        };
        let settled = async {
            loop {
                // Before the look: an end that comes in between is not missed.
                let ended = self.ends.notified();
                if !is_busy() {
                    return;
                }
                ended.await;
            }
        };
        let _ = tokio::time::timeout(SETTLE_TIMEOUT, settled).await;
    }

    /// A callback has run. The next of its changes goes out.
    pub fn ended(&self, number: u64, send: &Send) {
        self.run_next(number, send);
        self.ends.notify_waiters();
    }

    fn run_next(&self, number: u64, send: &Send) {
        let mut table = self.table();
        let Some(callback) = table.get_mut(&number) else { return };
        callback.in_flight = callback.in_flight.saturating_sub(1);
        if callback.in_flight > 0 || callback.waiting.is_empty() {
            return;
        }
        let change = callback.waiting.remove(0);
        callback.begin();
        send(change.frame(number));
    }

    fn hear(&self, number: u64, wanted: &Wanted, event: &Event, cause: &Header, send: &Send) {
        let mut table = self.table();
        let Some(callback) = table.get_mut(&number) else { return };
        let frame = match (wanted.on.as_str(), event) {
            ("change", Event::Changed { id, name, old, new }) if wanted.is_named(name) => {
                let change = Change { widget: id.clone(), name: name.clone(), old: old.clone(), new: new.clone() };
                if callback.in_flight > 0 {
                    callback.cause = cause.clone();
                    return callback.wait(change);
                }
                change.frame(number)
            }
            ("click", Event::Click { id }) => event_frame(number, id, json!({"kind": "click"})),
            ("submit", Event::Submit { id }) => event_frame(number, id, json!({"kind": "submit"})),
            ("message", Event::Custom { id, content, buffers }) => {
                with_buffers(event_frame(number, id, json!({"kind": "message", "content": content})), buffers)
            }
            _ => return,
        };
        callback.cause = cause.clone();
        callback.begin();
        send(frame);
    }

    fn table(&self) -> MutexGuard<'_, HashMap<u64, Callback>> {
        self.table.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Callback {
    fn begin(&mut self) {
        if self.in_flight == 0 {
            self.cancel = CancellationToken::new();
        }
        self.in_flight += 1;
    }

    fn wait(&mut self, change: Change) {
        let is_same = |waiting: &&mut Change| waiting.widget == change.widget && waiting.name == change.name;
        match self.waiting.iter_mut().find(is_same) {
            // The callback hears of one change, from the value that it saw last.
            Some(waiting) => waiting.new = change.new,
            None => self.waiting.push(change),
        }
    }

    fn end(self) {
        self.cancel.cancel();
        for (widgets, listening) in self.listening {
            widgets.unlisten(&listening);
        }
    }
}

impl Wanted {
    fn is_named(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }
}

impl Change {
    fn frame(&self, callback: u64) -> Frame {
        let mut wire = split([(self.name.as_str(), &self.new)].into_iter());
        let event = json!({
            "kind": "change",
            "name": self.name,
            "old": self.old.json(),
            "new": wire.state.remove(&self.name),
            "buffer_paths": wire.buffer_paths,
        });
        with_buffers(event_frame(callback, &self.widget, event), &wire.buffers)
    }
}

fn event_frame(callback: u64, widget: &str, event: Value) -> Frame {
    Frame::new(json!({"type": bridge::WIDGET_EVENT, "callback": callback, "widget": widget, "event": event}))
}

/// Puts buffers behind a frame.
pub fn with_buffers(mut frame: Frame, buffers: &[Bytes]) -> Frame {
    if !buffers.is_empty() {
        let lengths: Vec<usize> = buffers.iter().map(Bytes::len).collect();
        frame.json.insert(bridge::BUFFER_LENGTHS.to_owned(), lengths.into());
        frame.payload = buffers.concat();
    }
    frame
}

/// The buffers behind a frame. What its lengths say beyond its payload is empty.
pub fn buffers(frame: &mut Frame) -> Vec<Bytes> {
    let lengths = frame.json.get(bridge::BUFFER_LENGTHS).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut payload = Bytes::from(std::mem::take(&mut frame.payload));
    let length = |value: &Value| value.as_u64().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    lengths.iter().map(|value| payload.split_to(length(value).min(payload.len()))).collect()
}
