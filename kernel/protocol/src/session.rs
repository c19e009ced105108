//! Who we are in this run: session identifier and key. Every outgoing message is made here, from its cause.

use std::{collections::HashSet, collections::VecDeque, sync::Mutex};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::wire::{
    frames::{self, Malformed},
    header::Header,
    message::Message,
    signature::{Signer, UnknownScheme},
};

/// The version of the message specification that we speak.
pub const PROTOCOL_VERSION: &str = "5.5";

/// How many signatures are remembered to refuse replayed messages; jupyter_client keeps as many.
const DIGEST_HISTORY_MAX: usize = 65_536;

/// A Jupyter session: the run of one kernel process.
pub struct Session {
    id: String,
    signer: Signer,
    seen: Mutex<DigestHistory>,
}

/// Why a received message is ignored.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The frames are no message.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The same signed message came before.
    #[error("the message came a second time with the same signature")]
    Duplicate,
}

impl Session {
    /// A new session with the scheme and key of the connection file.
    ///
    /// # Errors
    /// [`UnknownScheme`] when the scheme is none that we know.
    pub fn new(signature_scheme: &str, key: &str) -> Result<Session, UnknownScheme> {
        Ok(Session {
            id: uuid::Uuid::new_v4().to_string(),
            signer: Signer::new(signature_scheme, key)?,
            seen: Mutex::default(),
        })
    }

    /// The identifier of this session, new in every process.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Parses and checks a received message.
    ///
    /// # Errors
    /// [`Refused`] when it is malformed, wrongly signed or a replay.
    pub fn receive(&self, frames: Vec<Bytes>) -> Result<Message, Refused> {
        let parsed = frames::parse(frames, &self.signer)?;
        if self.signer.is_signing() && !self.remember(&parsed.signature) {
            return Err(Refused::Duplicate);
        }
        Ok(parsed.message)
    }

    /// The signed frames of a message.
    pub fn frames(&self, message: &Message) -> Vec<Bytes> {
        frames::build(message, &self.signer)
    }

    /// A reply to `request`, routed back to who asked.
    pub fn reply(&self, request: &Message, msg_type: &str, content: Value) -> Message {
        let mut message = self.caused_by(&request.header, msg_type, content);
        message.identities.clone_from(&request.identities);
        message
    }

    /// A message caused by the one with the header `parent`. On iopub its topic is set by the socket.
    pub fn caused_by(&self, parent: &Header, msg_type: &str, content: Value) -> Message {
        Message {
            identities: Vec::new(),
            header: self.header(msg_type),
            parent_header: parent.clone(),
            metadata: Map::new(),
            content: dictionary(content),
            buffers: Vec::new(),
        }
    }

    fn header(&self, msg_type: &str) -> Header {
        Header::new(dictionary(json!({
            "msg_id": uuid::Uuid::new_v4().to_string(),
            "session": self.id,
            "username": "kernel",
            "date": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
            "msg_type": msg_type,
            "version": PROTOCOL_VERSION,
        })))
    }

    fn remember(&self, signature: &Bytes) -> bool {
        // A poisoned lock only means that another thread panicked between two plain insertions.
        self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(signature)
    }
}

fn dictionary(content: Value) -> Map<String, Value> {
    match content {
        Value::Object(fields) => fields,
        other => unreachable!("message content is made by us as a dictionary, not {other}"),
    }
}

#[derive(Default)]
struct DigestHistory {
    known: HashSet<Bytes>,
    in_order: VecDeque<Bytes>,
}

impl DigestHistory {
    /// Whether the digest is new.
    fn insert(&mut self, digest: &Bytes) -> bool {
        if !self.known.insert(digest.clone()) {
            return false;
        }
        self.in_order.push_back(digest.clone());
        if self.in_order.len() > DIGEST_HISTORY_MAX
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_reply_goes_back_to_who_asked_with_the_header_as_it_came() {
        let session = Session::new("hmac-sha256", "key").unwrap();
        let mut request = session.caused_by(&Header::default(), "kernel_info_request", json!({}));
        request.identities = vec![Bytes::from_static(b"peer")];
        let reply = session.reply(&request, "kernel_info_reply", json!({"status": "ok"}));
        assert_eq!((&reply.parent_header, &reply.identities), (&request.header, &request.identities));
    }

    #[test]
    fn a_replayed_message_is_refused_and_an_unsigned_one_is_not() {
        for (key, replay_is_taken) in [("key", false), ("", true)] {
            let session = Session::new("hmac-sha256", key).unwrap();
            let frames = session.frames(&session.caused_by(&Header::default(), "comm_msg", json!({})));
            assert!(session.receive(frames.clone()).is_ok());
            assert_eq!(session.receive(frames).is_ok(), replay_is_taken);
        }
    }
}
