//! What waits to be written to one connection: a bounded queue of bytes and the task that empties it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    io::AsyncWriteExt,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use super::listener::Writer;

/// Bytes that wait for one peer; beyond it, whoever sends waits. A larger message waits for an empty queue.
const QUEUE_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// How long a peer with a full queue may take nothing.
const STALLED_MAX: Duration = Duration::from_secs(5);

/// Bytes handed to the transport at once.
const WRITE_BYTES: usize = 256 * 1024;

/// The queue of one connection. Clones share it.
#[derive(Clone)]
pub(super) struct Outbox {
    queue: mpsc::UnboundedSender<Waiting>,
    room: Arc<Semaphore>,
    /// When the peer last took something.
    progress: watch::Receiver<Instant>,
}

/// Bytes in a queue, holding the room they take.
struct Waiting {
    bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// The peer has taken nothing for as long as one may.
#[derive(Debug, PartialEq)]
pub(super) struct Stalled;

impl Outbox {
    /// An empty queue, and the task that writes it to the connection.
    pub(super) fn open(writer: Writer) -> (Outbox, JoinHandle<()>) {
        let (queue, waiting) = mpsc::unbounded_channel();
        let (stamp, progress) = watch::channel(Instant::now());
        let room = Arc::new(Semaphore::new(QUEUE_BYTES_MAX as usize));
        (Outbox { queue, room, progress }, tokio::spawn(write(writer, waiting, stamp)))
    }

    /// Queues a message once there is room.
    ///
    /// # Errors
    /// [`Stalled`] when the queue stays full; the peer should be disconnected.
    pub(super) async fn send(&self, bytes: &Bytes) -> Result<(), Stalled> {
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX).clamp(1, QUEUE_BYTES_MAX);
        let asked = Instant::now();
        let room = loop {
            let last_taken = *self.progress.borrow();
            let patience = last_taken.max(asked) + STALLED_MAX;
            match timeout_at(patience, self.room.clone().acquire_many_owned(size)).await {
                Ok(Ok(room)) => break room,
                // The queue's room is never closed.
                Ok(Err(_)) => return Err(Stalled),
                Err(_) if *self.progress.borrow() == last_taken => return Err(Stalled),
                Err(_) => {}
            }
        };
        self.enqueue(bytes.clone(), Some(room));
        Ok(())
    }

    /// Queues a few bytes at once, room or not: welcomes and pongs, of which a peer cannot ask for many unread.
    pub(super) fn send_now(&self, bytes: Bytes) {
        self.enqueue(bytes, None);
    }

    /// Waits until everything queued has been handed to the transport, at most until `deadline`.
    pub(super) async fn drained(&self, deadline: Instant) {
        // All room is free when nothing waits. Past the deadline the rest is given up.
        let _ = timeout_at(deadline, self.room.acquire_many(QUEUE_BYTES_MAX)).await;
    }

    fn enqueue(&self, bytes: Bytes, room: Option<OwnedSemaphorePermit>) {
        // A connection that closed meanwhile needs nothing.
        let _ = self.queue.send(Waiting { bytes, _room: room });
    }
}

async fn write(mut writer: Writer, mut waiting: mpsc::UnboundedReceiver<Waiting>, stamp: watch::Sender<Instant>) {
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
