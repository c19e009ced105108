//! The bound side of ZMTP 3.0 with the NULL mechanism: greeting, handshake, frames, messages.
//!
//! Source: ZeroMQ RFC 23 (ZMTP 3.0) and 37 (3.1, whose SUBSCRIBE and PING commands are understood too). Bytes only;
//! who subscribes to what is in [`super::subscribers`], who is who in [`super::router`].

use std::{io, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::listener::Connection;

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// How long a connection may take to say what it is.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Metadata of a handshake is a few short names.
const HANDSHAKE_BYTES_MAX: u64 = 4096;

/// Frames of one message. A Jupyter message has seven and its buffers.
const FRAMES_MAX: usize = 65_536;

/// Room that is made before the bytes are there: the length is only what the peer says.
const TRUSTED_BYTES: u64 = 64 * 1024;

/// What we are.
#[derive(Clone, Copy, Debug)]
pub(super) enum SocketType {
    /// iopub.
    Publisher,
    /// shell, control, stdin.
    Router,
    /// heartbeat.
    Reply,
}

/// What a peer sends after the handshake.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// A message, all frames of it.
    Message(Vec<Bytes>),
    /// A command of the protocol.
    Command(Bytes),
}

/// What a peer of ours may mean by it.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// It wants messages whose first frame begins with this topic.
    Subscribe(Bytes),
    /// It does not want them any more.
    Unsubscribe(Bytes),
    /// It wants this answer.
    Ping {
        /// The bytes to send.
        answer: Bytes,
    },
    /// Something that need not be understood.
    Other,
}

/// Greets the peer and exchanges socket types. Gives the identity that the peer wants to be known by, if it has one.
///
/// # Errors
/// `InvalidData` when the peer speaks something else, `TimedOut` when it says nothing, otherwise what the connection
/// says.
pub(super) async fn handshake(connection: &mut Connection, ours: SocketType) -> io::Result<Option<Bytes>> {
    match timeout(HANDSHAKE_TIMEOUT, greet(connection, ours)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the peer did not finish its handshake")),
    }
}

async fn greet(Connection { reader, writer }: &mut Connection, ours: SocketType) -> io::Result<Option<Bytes>> {
    writer.write_all(&greeting()).await?;
    let mut theirs = [0; 64];
    reader.read_exact(&mut theirs).await?;
    let is_zmtp_3 = theirs[0] == 0xff && theirs[9] & 1 == 1 && theirs[10] >= 3;
    let is_null = theirs[12..32].starts_with(b"NULL\0");
    if !is_zmtp_3 || !is_null {
        return Err(invalid("the peer does not speak ZMTP 3 without encryption"));
    }
    writer.write_all(&ready(ours)).await?;
    match receive(reader, HANDSHAKE_BYTES_MAX).await? {
        Incoming::Command(body) => identity(&body),
        Incoming::Message(_) => Err(invalid("the peer did not say READY")),
    }
}

/// The next thing that the peer sends, at most `bytes_max` long.
///
/// # Errors
/// What the connection says; `InvalidData` for what is longer, or no message.
pub(super) async fn receive(reader: &mut (impl AsyncRead + Unpin), bytes_max: u64) -> io::Result<Incoming> {
    let mut frames = Vec::new();
    let mut left = bytes_max;
    loop {
        let (flags, body) = read_frame(reader, left).await?;
        left -= body.len() as u64;
        match (flags & COMMAND != 0, frames.is_empty()) {
            (true, true) => return Ok(Incoming::Command(body)),
            (true, false) => return Err(invalid("a command in the middle of a message")),
            (false, _) => frames.push(body),
        }
        if flags & MORE == 0 {
            return Ok(Incoming::Message(frames));
        }
        if frames.len() == FRAMES_MAX {
            return Err(invalid("a message of too many frames"));
        }
    }
}

impl Incoming {
    /// What it means to a publisher, or to anyone for a ping.
    pub(super) fn said(&self) -> Said {
        match self {
            Incoming::Command(body) => command(body),
            Incoming::Message(frames) => match frames.as_slice() {
                [body] if body.first() == Some(&1) => Said::Subscribe(body.slice(1..)),
                [body] if body.first() == Some(&0) => Said::Unsubscribe(body.slice(1..)),
                _ => Said::Other,
            },
        }
    }
}

/// The bytes of one message.
pub(super) fn encode(frames: &[Bytes]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(frames.iter().map(|frame| frame.len() + 9).sum());
    for (index, frame) in frames.iter().enumerate() {
        let more = if index + 1 < frames.len() { MORE } else { 0 };
        put_frame(&mut bytes, more, frame);
    }
    bytes.freeze()
}

fn command(body: &Bytes) -> Said {
    if let Some(topic) = body.strip_prefix(b"\x09SUBSCRIBE") {
        return Said::Subscribe(body.slice_ref(topic));
    }
    if let Some(topic) = body.strip_prefix(b"\x06CANCEL") {
        return Said::Unsubscribe(body.slice_ref(topic));
    }
    // A ping carries two bytes of time to live, then a context that the pong repeats.
    if let Some(context) = body.strip_prefix(b"\x04PING").and_then(|ping| ping.get(2..)) {
        let mut pong = BytesMut::new();
        put_frame(&mut pong, COMMAND, &[b"\x04PONG", context].concat());
        return Said::Ping { answer: pong.freeze() };
    }
    Said::Other
}

/// The identity in a READY command: pairs of a name with a length of one byte and a value with one of four.
fn identity(ready: &Bytes) -> io::Result<Option<Bytes>> {
    let mut rest: &[u8] = ready.strip_prefix(b"\x05READY").ok_or_else(|| invalid("the peer did not say READY"))?;
    let mut identity = None;
    while let Some((&length, tail)) = rest.split_first() {
        let (name, tail) = tail.split_at_checked(usize::from(length)).ok_or_else(broken_off)?;
        let (length, tail) = tail.split_first_chunk::<4>().ok_or_else(broken_off)?;
        let (value, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(broken_off)?;
        if name.eq_ignore_ascii_case(b"Identity") && !value.is_empty() {
            identity = Some(ready.slice_ref(value));
        }
        rest = tail;
    }
    match &identity {
        // RFC 23: at most 255 bytes, and a leading zero is for those that bring none.
        Some(identity) if identity.len() > 255 || identity[0] == 0 => Err(invalid("an identity that nobody may have")),
        _ => Ok(identity),
    }
}

fn greeting() -> [u8; 64] {
    let mut greeting = [0; 64];
    (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
    greeting[12..16].copy_from_slice(b"NULL");
    greeting
}

fn ready(ours: SocketType) -> Bytes {
    let name: &[u8] = match ours {
        SocketType::Publisher => b"XPUB",
        SocketType::Router => b"ROUTER",
        SocketType::Reply => b"REP",
    };
    let mut body = BytesMut::new();
    body.put_slice(b"\x05READY\x0bSocket-Type");
    body.put_u32(name.len() as u32);
    body.put_slice(name);
    let mut bytes = BytesMut::new();
    put_frame(&mut bytes, COMMAND, &body);
    bytes.freeze()
}

fn put_frame(bytes: &mut BytesMut, flags: u8, body: &[u8]) {
    match u8::try_from(body.len()) {
        Ok(length) => bytes.put_slice(&[flags, length]),
        Err(_) => {
            bytes.put_u8(flags | LONG);
            bytes.put_u64(body.len() as u64);
        }
    }
    bytes.put_slice(body);
}

async fn read_frame(reader: &mut (impl AsyncRead + Unpin), bytes_max: u64) -> io::Result<(u8, Bytes)> {
    let flags = reader.read_u8().await?;
    let length = if flags & LONG != 0 { reader.read_u64().await? } else { u64::from(reader.read_u8().await?) };
    if length > bytes_max {
        return Err(invalid("more at once than such a peer sends"));
    }
    let mut body = Vec::with_capacity(length.min(TRUSTED_BYTES) as usize);
    reader.take(length).read_to_end(&mut body).await?;
    if (body.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((flags, Bytes::from(body)))
}

fn broken_off() -> io::Error {
    invalid("metadata that breaks off")
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn frames_have_short_and_long_lengths_and_say_whether_more_follow() {
        let long = Bytes::from(vec![7; 300]);
        let bytes = encode(&[Bytes::from_static(b"ab"), long.clone()]);
        assert_eq!(&bytes[..4], b"\x01\x02ab");
        assert_eq!(&bytes[4..13], b"\x02\0\0\0\0\0\0\x01\x2c");
        assert_eq!(bytes[13..], long);
    }

    #[tokio::test]
    async fn what_is_encoded_is_received() {
        let frames = vec![Bytes::from_static(b"ab"), Bytes::new(), Bytes::from(vec![7; 100_000])];
        let bytes = encode(&frames);
        assert_eq!(receive(&mut &bytes[..], 1 << 20).await.unwrap(), Incoming::Message(frames));
        assert!(receive(&mut &bytes[..], 100_001).await.is_err(), "the bound is for all frames together");
    }

    #[tokio::test]
    async fn what_a_subscriber_says_in_either_version() {
        let receive = |bytes: &'static [u8]| async move { receive(&mut &bytes[..], 100).await };
        let said = |bytes| async move { receive(bytes).await.unwrap().said() };
        assert_eq!(said(b"\x00\x02\x01a").await, Said::Subscribe(Bytes::from_static(b"a")));
        assert_eq!(said(b"\x00\x01\x00").await, Said::Unsubscribe(Bytes::new()));
        assert_eq!(said(b"\x04\x0b\x09SUBSCRIBEx").await, Said::Subscribe(Bytes::from_static(b"x")));
        assert_eq!(said(b"\x04\x07\x06CANCEL").await, Said::Unsubscribe(Bytes::new()));
        let answer = Bytes::from_static(b"\x04\x06\x04PONGc");
        assert_eq!(said(b"\x04\x08\x04PING\0\0c").await, Said::Ping { answer });
        assert_eq!(said(b"\x00\x00").await, Said::Other);
        assert!(receive(b"\x02\xff\xff\xff\xff\xff\xff\xff\xff").await.is_err());
        assert!(receive(b"\x00\x05ab").await.is_err());
        assert!(receive(b"\x01\x01a\x04\x01b").await.is_err());
    }

    #[test]
    fn the_identity_is_found_among_the_metadata() {
        let of = |bytes: &'static [u8]| identity(&Bytes::from_static(bytes));
        assert_eq!(of(b"\x05READY").unwrap(), None);
        assert_eq!(of(b"\x05READY\x08Identity\0\0\0\0").unwrap(), None);
        let both = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x02me";
        assert_eq!(of(both).unwrap(), Some(Bytes::from_static(b"me")));
        assert!(of(b"\x05ERROR").is_err() && of(b"\x05READY\x08Identity\0\0\0\x01\0").is_err());
        assert!(of(b"\x05READY\x08Identity\xff\xff\xff\xffme").is_err() && of(b"\x05READY\xffI").is_err());
    }

    #[tokio::test]
    async fn whoever_does_not_speak_zmtp_is_refused() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(&[b'G'; 64]).await.unwrap();
        let (reader, writer) = tokio::io::split(ours);
        assert!(handshake(&mut Connection::of(reader, writer), SocketType::Router).await.is_err());
    }
}
