//! The publisher's side of ZMTP 3.0 with the NULL mechanism: greeting, handshake, frames.
//!
//! Source: ZeroMQ RFC 23 (ZMTP 3.0) and 37 (3.1, whose SUBSCRIBE and PING commands are understood too). Bytes only;
//! who subscribes to what is in [`super::subscribers`].

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// A subscriber says little: topics and pings. More than this in one frame is no subscriber.
const INCOMING_BYTES_MAX: u64 = 64 * 1024;

/// What a subscriber says.
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
    /// Something that a publisher need not understand.
    Other,
}

/// Greets the peer and exchanges socket types.
///
/// # Errors
/// `InvalidData` when the peer speaks something else, otherwise what the connection says.
pub(super) async fn handshake(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> std::io::Result<()> {
    stream.write_all(&greeting()).await?;
    let mut theirs = [0; 64];
    stream.read_exact(&mut theirs).await?;
    let is_zmtp_3 = theirs[0] == 0xff && theirs[9] & 1 == 1 && theirs[10] >= 3;
    let is_null = theirs[12..32].starts_with(b"NULL\0");
    if !is_zmtp_3 || !is_null {
        return Err(invalid("the peer does not speak ZMTP 3 without encryption"));
    }
    stream.write_all(&ready()).await?;
    let (flags, body) = read_frame(stream).await?;
    match flags & COMMAND != 0 && body.starts_with(b"\x05READY") {
        true => Ok(()),
        false => Err(invalid("the peer did not say READY")),
    }
}

/// The next thing the subscriber says.
///
/// # Errors
/// What the connection says; `InvalidData` for a frame that no subscriber sends.
pub(super) async fn listen(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Said> {
    let (flags, body) = read_frame(stream).await?;
    if flags & COMMAND != 0 {
        return Ok(command(&body));
    }
    Ok(match body.first() {
        Some(1) => Said::Subscribe(body.slice(1..)),
        Some(0) => Said::Unsubscribe(body.slice(1..)),
        _ => Said::Other,
    })
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

fn greeting() -> [u8; 64] {
    let mut greeting = [0; 64];
    (greeting[0], greeting[9], greeting[10]) = (0xff, 0x7f, 3);
    greeting[12..16].copy_from_slice(b"NULL");
    greeting
}

fn ready() -> Bytes {
    const BODY: &[u8] = b"\x05READY\x0bSocket-Type\0\0\0\x04XPUB";
    let mut bytes = BytesMut::new();
    put_frame(&mut bytes, COMMAND, BODY);
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

async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(u8, Bytes)> {
    let flags = stream.read_u8().await?;
    let length = if flags & LONG != 0 { stream.read_u64().await? } else { u64::from(stream.read_u8().await?) };
    if length > INCOMING_BYTES_MAX {
        return Err(invalid("a frame larger than a subscriber sends"));
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    Ok((flags, Bytes::from(body)))
}

fn invalid(what: &'static str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, what)
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
    async fn what_a_subscriber_says_in_either_version() {
        let said = |bytes: &'static [u8]| async move { listen(&mut &bytes[..]).await.unwrap() };
        assert_eq!(said(b"\x00\x02\x01a").await, Said::Subscribe(Bytes::from_static(b"a")));
        assert_eq!(said(b"\x00\x01\x00").await, Said::Unsubscribe(Bytes::new()));
        assert_eq!(said(b"\x04\x0b\x09SUBSCRIBEx").await, Said::Subscribe(Bytes::from_static(b"x")));
        assert_eq!(said(b"\x04\x07\x06CANCEL").await, Said::Unsubscribe(Bytes::new()));
        let answer = Bytes::from_static(b"\x04\x06\x04PONGc");
        assert_eq!(said(b"\x04\x08\x04PING\0\0c").await, Said::Ping { answer });
        assert_eq!(said(b"\x00\x00").await, Said::Other);
        assert!(listen(&mut &b"\x02\xff\xff\xff\xff\xff\xff\xff\xff"[..]).await.is_err());
        assert!(listen(&mut &b"\x00\x05ab"[..]).await.is_err());
    }

    #[tokio::test]
    async fn whoever_does_not_speak_zmtp_is_refused() {
        let (mut ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(&[b'G'; 64]).await.unwrap();
        assert!(handshake(&mut ours).await.is_err());
    }
}
