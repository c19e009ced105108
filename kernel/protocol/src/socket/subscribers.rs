//! Who listens on iopub: a bounded queue of bytes for each, so that none is kept waiting by another.
//!
//! Invariants: a subscriber's first message is its welcome. Nothing is dropped for a subscriber that reads: whoever
//! publishes waits for the slowest of them. One that takes nothing for [`STALLED_MAX`] while its queue is full is
//! disconnected; whatever it was, it is not reading.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::{Instant, timeout, timeout_at},
};

use super::zmtp::{self, Said};

/// Bytes that wait for one subscriber; beyond it, whoever publishes waits. A larger message waits for an empty queue.
const QUEUE_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// How long a subscriber with a full queue may take nothing.
const STALLED_MAX: Duration = Duration::from_secs(5);

/// How long a connection may take to say what it is.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes handed to the transport at once.
const WRITE_BYTES: usize = 256 * 1024;

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
    queue: mpsc::UnboundedSender<Waiting>,
    room: Arc<Semaphore>,
    /// When it last took something.
    progress: watch::Receiver<Instant>,
    /// Closed to disconnect it.
    connection: Arc<watch::Sender<bool>>,
}

/// Bytes in a queue, holding the room they take.
struct Waiting {
    bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Subscribers {
    /// No subscribers yet; `welcome` makes the first message of each.
    pub(super) fn new(welcome: impl Fn(&Bytes) -> Option<Bytes> + Send + Sync + 'static) -> Subscribers {
        let shared = Shared { all: Mutex::default(), welcome: Box::new(welcome), next_id: 0.into() };
        Subscribers { shared: Arc::new(shared) }
    }

    /// Serves one connection until it closes.
    pub(super) async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        match timeout(HANDSHAKE_TIMEOUT, zmtp::handshake(&mut stream)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return tracing::debug!(%error, "no subscriber"),
            Err(_) => return tracing::debug!("a connection said nothing"),
        }
        let (mut reader, writer) = tokio::io::split(stream);
        let (queue, waiting) = mpsc::unbounded_channel();
        let (stamp, progress) = watch::channel(Instant::now());
        let (connection, mut closed) = watch::channel(false);
        let room = Arc::new(Semaphore::new(QUEUE_BYTES_MAX as usize));
        let id = self.shared.next_id.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let connection = Arc::new(connection);
        self.all().insert(id, Subscriber { topics: Vec::new(), queue, room, progress, connection });
        let writing = tokio::spawn(write(writer, waiting, stamp));
        tokio::select! {
            error = self.listen(id, &mut reader) => tracing::debug!(%error, "an iopub subscriber went away"),
            _ = closed.wait_for(|closed| *closed) => {}
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
            if !subscriber.take(bytes).await {
                tracing::warn!(subscriber = id, "an iopub subscriber that does not read was disconnected");
                self.all().remove(&id);
                // The connection's own task ends with this; it may have ended by itself.
                let _ = subscriber.connection.send(true);
            }
        }
    }

    /// Waits until everything queued has been handed to the transport, at most as long as `patience`.
    pub(super) async fn drained(&self, patience: Duration) {
        let rooms: Vec<Arc<Semaphore>> = self.all().values().map(|subscriber| subscriber.room.clone()).collect();
        let deadline = Instant::now() + patience;
        for room in rooms {
            // All room is free when nothing waits. Past the deadline the rest is given up.
            let _ = timeout_at(deadline, room.acquire_many(QUEUE_BYTES_MAX)).await;
        }
    }

    async fn listen(&self, id: u64, reader: &mut (impl AsyncRead + Unpin)) -> std::io::Error {
        loop {
            match zmtp::listen(reader).await {
                Ok(said) => self.heard(id, said),
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
                    subscriber.push(welcome, None);
                }
                subscriber.topics.push(topic);
            }
            Said::Unsubscribe(topic) => {
                if let Some(index) = subscriber.topics.iter().position(|known| *known == topic) {
                    subscriber.topics.swap_remove(index);
                }
            }
            Said::Ping { answer } => subscriber.push(answer, None),
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

    /// Queues a message once there is room; `false` when the subscriber has stalled.
    async fn take(&self, bytes: &Bytes) -> bool {
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX).clamp(1, QUEUE_BYTES_MAX);
        let asked = Instant::now();
        let room = loop {
            let last_taken = *self.progress.borrow();
            let patience = last_taken.max(asked) + STALLED_MAX;
            match timeout_at(patience, self.room.clone().acquire_many_owned(size)).await {
                Ok(Ok(room)) => break room,
                // The queue's room is never closed.
                Ok(Err(_)) => return false,
                Err(_) if *self.progress.borrow() == last_taken => return false,
                Err(_) => {}
            }
        };
        self.push(bytes.clone(), Some(room));
        true
    }

    fn push(&self, bytes: Bytes, room: Option<OwnedSemaphorePermit>) {
        // A connection that closed meanwhile needs nothing.
        let _ = self.queue.send(Waiting { bytes, _room: room });
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut waiting: mpsc::UnboundedReceiver<Waiting>,
    stamp: watch::Sender<Instant>,
) {
    while let Some(first) = waiting.recv().await {
        // Small messages that wait already go out together.
        let mut batch = vec![first];
        let mut size = batch[0].bytes.len();
        while size < WRITE_BYTES
            && let Ok(next) = waiting.try_recv()
        {
            size += next.bytes.len();
            batch.push(next);
        }
        let joined: Bytes = match batch.as_slice() {
            [single] => single.bytes.clone(),
            several => several.iter().flat_map(|waiting| waiting.bytes.iter().copied()).collect::<Vec<u8>>().into(),
        };
        for part in joined.chunks(WRITE_BYTES) {
            if writer.write_all(part).await.is_err() {
                return;
            }
            stamp.send_replace(Instant::now());
        }
    }
}
