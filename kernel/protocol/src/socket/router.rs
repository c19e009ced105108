//! Channels on which peers are known by identity: shell, control and stdin.
//!
//! Receiving never ends on a bad message or a peer that vanished: both are logged and survived.

use std::{sync::Arc, time::Duration};

use zeromq::{RouterRecvHalf, RouterSendHalf, RouterSocket, Socket, SocketRecv, SocketSend, ZmqMessage};

use super::BindFailed;
use crate::{session::Session, wire::message::Message};

/// A pause after a failed receive, so that a broken peer cannot keep a core busy.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// The receiving half of a channel.
pub struct Receiver {
    channel: &'static str,
    session: Arc<Session>,
    socket: RouterRecvHalf,
}

/// The sending half of a channel; clones send to the same peers.
#[derive(Clone)]
pub struct Sender {
    channel: &'static str,
    session: Arc<Session>,
    socket: RouterSendHalf,
}

/// Binds a channel and gives its two halves.
///
/// # Errors
/// [`BindFailed`] when the address is taken or not ours.
pub async fn bind(channel: &'static str, url: &str, session: Arc<Session>) -> Result<(Sender, Receiver), BindFailed> {
    let mut socket = RouterSocket::new();
    socket.bind(url).await.map_err(|error| BindFailed { channel, url: url.to_owned(), reason: error.to_string() })?;
    let (send, receive) = socket.split();
    let sender = Sender { channel, session: session.clone(), socket: send };
    Ok((sender, Receiver { channel, session, socket: receive }))
}

impl Receiver {
    /// The next message that is well formed and rightly signed.
    pub async fn receive(&mut self) -> Message {
        loop {
            match self.socket.recv().await {
                Ok(frames) => match self.session.receive(frames.into_vec()) {
                    Ok(message) => return message,
                    Err(refused) => tracing::warn!(channel = self.channel, %refused, "message ignored"),
                },
                Err(error) => {
                    tracing::debug!(channel = self.channel, %error, "nothing received");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }
}

impl Sender {
    /// Sends a message to the peer that its identities name. A peer that is gone is no error: it went on its own.
    pub async fn send(&mut self, message: &Message) {
        let frames = self.session.frames(message);
        let sent = match ZmqMessage::try_from(frames) {
            Ok(frames) => self.socket.send(frames).await,
            Err(_) => return,
        };
        if let Err(error) = sent {
            tracing::debug!(channel = self.channel, %error, msg_type = message.msg_type(), "the peer is gone");
        }
    }
}
