//! Channels on which peers are known by identity: shell, control and stdin.
//!
//! Invariants: of two connections under one identity the younger is the peer, whatever becomes of the elder; a peer that
//! does not read is disconnected and keeps nobody waiting but itself; a bad message ends nothing but itself.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    BindFailed,
    listener::{Connection, Listener, Reader},
    outbox::Outbox,
    zmtp::{self, Incoming, Said, SocketType},
};
use crate::{session::Session, wire::message::Message};

/// Messages that were read and wait to be handled; beyond it, peers wait.
const QUEUE_MESSAGES_MAX: usize = 64;

/// One message with its buffers. Uploads are a few hundred megabytes at most; more is no message.
const MESSAGE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The receiving half of a channel.
pub struct Receiver {
    channel: &'static str,
    session: Arc<Session>,
    messages: mpsc::Receiver<Vec<Bytes>>,
}

/// The sending half of a channel; clones send to the same peers.
#[derive(Clone)]
pub struct Sender {
    channel: &'static str,
    session: Arc<Session>,
    peers: Arc<Peers>,
}

/// Binds a channel and gives its two halves.
///
/// # Errors
/// [`BindFailed`] when the address is taken or not ours.
pub async fn bind(channel: &'static str, url: &str, session: Arc<Session>) -> Result<(Sender, Receiver), BindFailed> {
    let listener = Listener::bind(channel, url).await?;
    let (queue, messages) = mpsc::channel(QUEUE_MESSAGES_MAX);
    let peers = Arc::new(Peers { channel, queue, connected: Mutex::default(), next_number: AtomicU32::new(1) });
    tokio::spawn({
        let peers = peers.clone();
        listener.serve(move |connection| peers.clone().serve(connection))
    });
    Ok((Sender { channel, session: session.clone(), peers }, Receiver { channel, session, messages }))
}

/// The sending half of a channel that has no socket and so no peers: what is sent is dropped.
pub fn unconnected(channel: &'static str, session: Arc<Session>) -> Sender {
    let (queue, _) = mpsc::channel(1);
    let peers = Peers { channel, queue, connected: Mutex::default(), next_number: AtomicU32::new(1) };
    Sender { channel, session, peers: Arc::new(peers) }
}

impl Receiver {
    /// The next message that is well formed and rightly signed.
    pub async fn receive(&mut self) -> Message {
        loop {
            let Some(frames) = self.messages.recv().await else { return std::future::pending().await };
            match self.session.receive(frames) {
                Ok(message) => return message,
                Err(refused) => tracing::warn!(channel = self.channel, %refused, "message ignored"),
            }
        }
    }
}

impl Sender {
    /// Sends a message to the peer that its identities name. A peer that is gone is no error: it went on its own.
    pub async fn send(&self, message: &Message) {
        let frames = self.session.frames(message);
        let Some((identity, frames)) = frames.split_first() else { return };
        let Some(peer) = self.peers.connected().get(identity).cloned() else {
            return tracing::debug!(channel = self.channel, msg_type = message.msg_type(), "the peer is gone");
        };
        if peer.outbox.send(&zmtp::encode(frames)).await.is_err() {
            tracing::warn!(channel = self.channel, "a client that does not read was disconnected");
            peer.disconnect();
        }
    }

    /// Waits until everything queued has been handed to the transport, at most as long as `patience`.
    pub async fn drained(&self, patience: Duration) {
        let outboxes: Vec<Outbox> = self.peers.connected().values().map(|peer| peer.outbox.clone()).collect();
        let deadline = Instant::now() + patience;
        for outbox in outboxes {
            outbox.drained(deadline).await;
        }
    }
}

struct Peers {
    channel: &'static str,
    queue: mpsc::Sender<Vec<Bytes>>,
    connected: Mutex<HashMap<Bytes, Peer>>,
    next_number: AtomicU32,
}

#[derive(Clone)]
struct Peer {
    /// Tells connections under one identity apart.
    number: u32,
    outbox: Outbox,
    /// Set to disconnect it.
    closed: Arc<watch::Sender<bool>>,
}

impl Peer {
    fn disconnect(&self) {
        // The connection may have ended by itself.
        let _ = self.closed.send(true);
    }
}

impl Peers {
    /// Serves one connection until it closes or another takes its identity over.
    async fn serve(self: Arc<Self>, mut connection: Connection) {
        let identity = match zmtp::handshake(&mut connection, SocketType::Router).await {
            Ok(identity) => identity,
            Err(error) => return tracing::debug!(channel = self.channel, %error, "no client"),
        };
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let identity = identity.unwrap_or_else(|| anonymous(number));
        let (outbox, writing) = Outbox::open(connection.writer);
        let (closed, mut is_closed) = watch::channel(false);
        let peer = Peer { number, outbox: outbox.clone(), closed: Arc::new(closed) };
        if let Some(elder) = self.connected().insert(identity.clone(), peer) {
            elder.disconnect();
        }
        tokio::select! {
            error = self.listen(&identity, &mut connection.reader, &outbox) => {
                tracing::debug!(channel = self.channel, %error, "a client went away");
            }
            _ = is_closed.wait_for(|closed| *closed) => {}
        }
        let mut connected = self.connected();
        if connected.get(&identity).is_some_and(|peer| peer.number == number) {
            connected.remove(&identity);
        }
        drop(connected);
        writing.abort();
    }

    async fn listen(&self, identity: &Bytes, reader: &mut Reader, outbox: &Outbox) -> std::io::Error {
        loop {
            match zmtp::receive(reader, MESSAGE_BYTES_MAX).await {
                Ok(Incoming::Message(mut frames)) => {
                    frames.insert(0, identity.clone());
                    // The receiving half lives as long as the process.
                    let _ = self.queue.send(frames).await;
                }
                Ok(command) => {
                    if let Said::Ping { answer } = command.said() {
                        outbox.send_now(answer);
                    }
                }
                Err(error) => return error,
            }
        }
    }

    fn connected(&self) -> MutexGuard<'_, HashMap<Bytes, Peer>> {
        // A panic while it was held left whole entries behind.
        self.connected.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The identity of a peer that brings none: five bytes, of which the first is never that of a peer's own.
fn anonymous(number: u32) -> Bytes {
    let mut identity = BytesMut::with_capacity(5);
    identity.put_u8(0);
    identity.put_u32(number);
    identity.freeze()
}
