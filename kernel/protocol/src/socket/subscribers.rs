//! Who listens on iopub: a queue for each, so that none is kept waiting by another.
//!
//! Invariants: a subscriber's first message is its welcome. Nothing is dropped for a subscriber that reads: whoever
//! publishes waits for the slowest of them. One that takes nothing for some seconds while its queue is full is
//! disconnected; whatever it was, it is not reading.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::watch, time::Instant};

use super::{
    listener::{Connection, Reader},
    outbox::Outbox,
    zmtp::{self, Said, SocketType},
};

/// A subscriber says little: topics and pings. More than this at once is no subscriber.
const INCOMING_BYTES_MAX: u64 = 64 * 1024;

/// The subscribers. Clones share them.
#[derive(Clone)]
pub(super) struct Subscribers {
    shared: Arc<Shared>,
}

/// Makes the welcome for a topic; none for a topic that is not ours.
type Welcome = dyn Fn(&Bytes) -> Option<Bytes> + Send + Sync;

struct Shared {
    all: Mutex<BTreeMap<u64, Subscriber>>,
    welcome: Box<Welcome>,
    next_id: std::sync::atomic::AtomicU64,
}

#[derive(Clone)]
struct Subscriber {
    topics: Vec<Bytes>,
    outbox: Outbox,
    /// Set to disconnect it.
    closed: Arc<watch::Sender<bool>>,
}

impl Subscribers {
    /// No subscribers yet; `welcome` makes the first message of each.
    pub(super) fn new(welcome: impl Fn(&Bytes) -> Option<Bytes> + Send + Sync + 'static) -> Subscribers {
        let shared = Shared { all: Mutex::default(), welcome: Box::new(welcome), next_id: 0.into() };
        Subscribers { shared: Arc::new(shared) }
    }

    /// Serves one connection until it closes.
    pub(super) async fn serve(self, mut connection: Connection) {
        if let Err(error) = zmtp::handshake(&mut connection, SocketType::Publisher).await {
            return tracing::debug!(%error, "no subscriber");
        }
        let (outbox, writing) = Outbox::open(connection.writer);
        let (closed, mut is_closed) = watch::channel(false);
        let id = self.shared.next_id.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.all().insert(id, Subscriber { topics: Vec::new(), outbox, closed: Arc::new(closed) });
        tokio::select! {
            error = self.listen(id, &mut connection.reader) => tracing::debug!(%error, "an iopub subscriber went away"),
            _ = is_closed.wait_for(|closed| *closed) => {}
        }
        self.all().remove(&id);
        writing.abort();
    }

    /// Queues a message for everyone whose topics it matches, waiting for those whose queues are full.
    pub(super) async fn publish(&self, topic: &[u8], bytes: &Bytes) {
        let wanting: Vec<(u64, Subscriber)> = self
            .all()
            .iter()
            .filter(|(_, subscriber)| subscriber.wants(topic))
            .map(|(id, subscriber)| (*id, subscriber.clone()))
            .collect();
        for (id, subscriber) in wanting {
            if subscriber.outbox.send(bytes).await.is_err() {
                tracing::warn!(subscriber = id, "an iopub subscriber that does not read was disconnected");
                self.all().remove(&id);
                // The connection's own task ends with this; it may have ended by itself.
                let _ = subscriber.closed.send(true);
            }
        }
    }

    /// Waits until everything queued has been handed to the transport, at most as long as `patience`.
    pub(super) async fn drained(&self, patience: Duration) {
        let outboxes: Vec<Outbox> = self.all().values().map(|subscriber| subscriber.outbox.clone()).collect();
        let deadline = Instant::now() + patience;
        for outbox in outboxes {
            outbox.drained(deadline).await;
        }
    }

    async fn listen(&self, id: u64, reader: &mut Reader) -> std::io::Error {
        loop {
            match zmtp::receive(reader, INCOMING_BYTES_MAX).await {
                Ok(incoming) => self.heard(id, incoming.said()),
                Err(error) => return error,
            }
        }
    }

    /// Under one lock: nothing can be published between a subscription and its welcome.
    fn heard(&self, id: u64, said: Said) {
        let mut all = self.all();
        let Some(subscriber) = all.get_mut(&id) else { return };
        match said {
            Said::Subscribe(topic) => {
                if let Some(welcome) = (self.shared.welcome)(&topic) {
                    subscriber.outbox.send_now(welcome);
                }
                subscriber.topics.push(topic);
            }
            Said::Unsubscribe(topic) => {
                if let Some(index) = subscriber.topics.iter().position(|known| *known == topic) {
                    subscriber.topics.swap_remove(index);
                }
            }
            Said::Ping { answer } => subscriber.outbox.send_now(answer),
            Said::Other => {}
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Subscriber>> {
        // A panic while it was held left whole entries behind.
        self.shared.all.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Subscriber {
    fn wants(&self, topic: &[u8]) -> bool {
        self.topics.iter().any(|wanted| topic.starts_with(wanted))
    }
}
