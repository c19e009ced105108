//! The iopub channel: one task owns the socket, the order of everything published, and the stream buffer.
//!
//! Invariants: stream text is coalesced by time but never overtaken by, nor overtakes, another message; nothing published
//! before a barrier is missing after it. Who gets what over the socket, and what becomes of those that do not read, is in
//! [`super::subscribers`].

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::json;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use super::{BindFailed, listener::Listener, subscribers::Subscribers, zmtp};
use crate::{
    session::Session,
    wire::{header::Header, message::Message},
};

/// How long stream text is gathered before it is published.
const STREAM_FLUSH_INTERVAL: Duration = Duration::from_millis(50);

/// Stream text of this size is published without waiting.
const STREAM_FLUSH_BYTES: usize = 64 * 1024;

/// Messages waiting for the socket; beyond it, whoever publishes waits.
const QUEUE_MESSAGES_MAX: usize = 4096;

/// How long the last messages may take to leave before the process ends.
const LINGER: Duration = Duration::from_secs(1);

/// Publishes on iopub, in order. Clones share one queue.
#[derive(Clone)]
pub struct Iopub {
    session: Arc<Session>,
    queue: mpsc::Sender<Event>,
}

enum Event {
    Publish(Box<Message>),
    Stream { parent: Header, name: &'static str, text: String },
    Flush(oneshot::Sender<()>),
    Barrier(oneshot::Sender<()>),
}

impl Iopub {
    /// Binds the channel and starts its task.
    ///
    /// # Errors
    /// [`BindFailed`] when the address is taken or not ours.
    pub async fn bind(url: &str, session: Arc<Session>) -> Result<Iopub, BindFailed> {
        let subscribers = Subscribers::new({
            let session = session.clone();
            move |topic| welcome(&session, topic)
        });
        let listener = Listener::bind("iopub", url).await?;
        tokio::spawn({
            let subscribers = subscribers.clone();
            listener.serve(move |connection| subscribers.clone().serve(connection))
        });
        Ok(Iopub::start(session, Audience::Subscribers(subscribers)))
    }

    /// The channel without a socket: each message goes to `take`, in this process. Once [`Iopub::barrier`] has passed,
    /// `take` has had all that was published before. It must not wait.
    pub fn within(session: Arc<Session>, take: impl FnMut(Message) + Send + 'static) -> Iopub {
        Iopub::start(session, Audience::Here(Box::new(take)))
    }

    fn start(session: Arc<Session>, audience: Audience) -> Iopub {
        let (queue, events) = mpsc::channel(QUEUE_MESSAGES_MAX);
        let publisher = Publisher { session: session.clone(), audience, pending: None };
        tokio::spawn(publisher.run(events));
        Iopub { session, queue }
    }

    /// Publishes a message caused by the one with the header `parent`.
    pub async fn publish(&self, parent: &Header, msg_type: &str, content: serde_json::Value) {
        self.send(self.session.caused_by(parent, msg_type, content)).await;
    }

    /// Publishes a message as it is.
    pub async fn send(&self, message: Message) {
        self.enqueue(Event::Publish(Box::new(message))).await;
    }

    /// Adds text to `stdout` or `stderr` of the cell with the header `parent`.
    pub async fn stream(&self, parent: &Header, name: &'static str, text: String) {
        if !text.is_empty() {
            self.enqueue(Event::Stream { parent: parent.clone(), name, text }).await;
        }
    }

    /// Publishes the text that is being gathered: what goes out on another channel next must not be seen before it.
    pub async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        self.enqueue(Event::Flush(done)).await;
        // As in `barrier`.
        let _ = wait.await;
    }

    /// Waits until all that was published before has been handed to the transport, but not for ever for a subscriber
    /// that does not read.
    pub async fn barrier(&self) {
        let (done, wait) = oneshot::channel();
        self.enqueue(Event::Barrier(done)).await;
        // The task lives as long as the process; if it were gone there would be nothing to wait for.
        let _ = wait.await;
    }

    async fn enqueue(&self, event: Event) {
        if self.queue.send(event).await.is_err() {
            tracing::error!("the iopub task is gone: output is lost");
        }
    }
}

/// The first message of a subscriber, JEP 65: its topic as first frame and in the content. A topic that is no text is
/// none of Jupyter's.
fn welcome(session: &Session, topic: &Bytes) -> Option<Bytes> {
    let text = std::str::from_utf8(topic).ok()?;
    let mut message = session.caused_by(&Header::default(), "iopub_welcome", json!({"subscription": text}));
    message.identities = vec![topic.clone()];
    Some(zmtp::encode(&session.frames(&message)))
}

/// Who gets what is published.
enum Audience {
    Subscribers(Subscribers),
    Here(Box<dyn FnMut(Message) + Send>),
}

struct Publisher {
    session: Arc<Session>,
    audience: Audience,
    pending: Option<PendingStream>,
}

struct PendingStream {
    parent: Header,
    name: &'static str,
    text: String,
    due: Instant,
}

impl Publisher {
    async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        loop {
            let due = self.pending.as_ref().map(|pending| pending.due);
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.handle(event).await,
                    None => break,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.flush().await,
            }
        }
        self.flush().await;
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Publish(message) => {
                self.flush().await;
                self.transmit(topic(&message), *message).await;
            }
            Event::Stream { parent, name, text } => self.gather(parent, name, text).await,
            Event::Flush(done) => {
                self.flush().await;
                let _ = done.send(());
            }
            Event::Barrier(done) => {
                self.flush().await;
                if let Audience::Subscribers(subscribers) = &self.audience {
                    subscribers.drained(LINGER).await;
                }
                // Who asked may have stopped waiting.
                let _ = done.send(());
            }
        }
    }

    async fn gather(&mut self, parent: Header, name: &'static str, text: String) {
        let continues = self
            .pending
            .as_ref()
            .is_some_and(|pending| pending.name == name && pending.parent.msg_id() == parent.msg_id());
        if !continues {
            self.flush().await;
        }
        let pending = self.pending.get_or_insert_with(|| PendingStream {
            parent,
            name,
            text: String::new(),
            due: Instant::now() + STREAM_FLUSH_INTERVAL,
        });
        pending.text.push_str(&text);
        if pending.text.len() >= STREAM_FLUSH_BYTES {
            self.flush().await;
        }
    }

    async fn flush(&mut self) {
        let Some(PendingStream { parent, name, text, .. }) = self.pending.take() else { return };
        let message = self.session.caused_by(&parent, "stream", json!({"name": name, "text": text}));
        self.transmit(Bytes::from(format!("stream.{name}")), message).await;
    }

    async fn transmit(&mut self, topic: Bytes, mut message: Message) {
        match &mut self.audience {
            Audience::Subscribers(subscribers) => {
                message.identities = vec![topic.clone()];
                let bytes = zmtp::encode(&self.session.frames(&message));
                subscribers.publish(&topic, &bytes).await;
            }
            Audience::Here(take) => take(message),
        }
    }
}

fn topic(message: &Message) -> Bytes {
    Bytes::from(format!("kernel.{}", message.msg_type()))
}
