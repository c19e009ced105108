//! Frames of one message: identities, delimiter, signature, four dictionaries, buffers.
//!
//! Parsed once into a [`Message`]; nothing behind this module indexes frames. Lenient in what it takes: a dictionary
//! that is `null` or missing fields is no reason to drop a message, a wrong signature is.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{header::Header, message::Message, signature::Signer};

/// Separates the identities from the message.
const DELIMITER: &[u8] = b"<IDS|MSG>";

/// Why frames are no message.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum Malformed {
    /// No `<IDS|MSG>` frame.
    #[error("no <IDS|MSG> delimiter among {frames} frames")]
    NoDelimiter {
        /// How many frames came.
        frames: usize,
    },
    /// The message ends before its content.
    #[error("{found} frames after the delimiter, at least 5 are needed")]
    TooFewFrames {
        /// How many frames came after the delimiter.
        found: usize,
    },
    /// The signature is not that of the dictionaries.
    #[error("the signature does not fit the message: it was made with another key, or changed on its way")]
    WrongSignature,
    /// A dictionary is no JSON, or JSON that is no dictionary.
    #[error("the {part} is not a JSON dictionary: {reason}")]
    NotADictionary {
        /// Which of the four.
        part: &'static str,
        /// What the parser said.
        reason: String,
    },
}

/// A parsed message and the signature it carried, for the check against replays.
#[derive(Debug)]
pub struct Parsed {
    /// The message.
    pub message: Message,
    /// The signature as sent.
    pub signature: Bytes,
}

/// Parses and verifies the frames of one message.
///
/// # Errors
/// [`Malformed`], which says what is wrong; the message must then be ignored.
pub fn parse(frames: Vec<Bytes>, signer: &Signer) -> Result<Parsed, Malformed> {
    let Some(delimiter) = frames.iter().position(|frame| frame.as_ref() == DELIMITER) else {
        return Err(Malformed::NoDelimiter { frames: frames.len() });
    };
    let [signature, header, parent, metadata, content, buffers @ ..] = &frames[delimiter + 1..] else {
        return Err(Malformed::TooFewFrames { found: frames.len() - delimiter - 1 });
    };
    if !signer.verify(signature, &[header, parent, metadata, content]) {
        return Err(Malformed::WrongSignature);
    }
    let message = Message {
        identities: frames[..delimiter].to_vec(),
        header: Header::new(dictionary("header", header)?),
        parent_header: Header::new(dictionary("parent header", parent)?),
        metadata: dictionary("metadata", metadata)?,
        content: dictionary("content", content)?,
        buffers: buffers.to_vec(),
    };
    Ok(Parsed { message, signature: signature.clone() })
}

/// The frames of a message, signed.
pub fn build(message: &Message, signer: &Signer) -> Vec<Bytes> {
    let dictionaries =
        [message.header.fields(), message.parent_header.fields(), &message.metadata, &message.content].map(encoded);
    let signature = signer.sign(&dictionaries.each_ref().map(Vec::as_slice));
    let mut frames = Vec::with_capacity(message.identities.len() + 6 + message.buffers.len());
    frames.extend(message.identities.iter().cloned());
    frames.push(Bytes::from_static(DELIMITER));
    frames.push(Bytes::from(signature));
    frames.extend(dictionaries.map(Bytes::from));
    frames.extend(message.buffers.iter().cloned());
    frames
}

fn encoded(dictionary: &Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec(dictionary).expect("a map with text keys is always JSON")
}

fn dictionary(part: &'static str, frame: &[u8]) -> Result<Map<String, Value>, Malformed> {
    match serde_json::from_slice(frame) {
        Ok(Value::Object(fields)) => Ok(fields),
        // Some clients send null for an absent parent.
        Ok(Value::Null) => Ok(Map::new()),
        Ok(other) => Err(Malformed::NotADictionary { part, reason: format!("found {}", kind(&other)) }),
        Err(error) => Err(Malformed::NotADictionary { part, reason: error.to_string() }),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a dictionary",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn signer() -> Signer {
        Signer::new("hmac-sha256", "key").unwrap()
    }

    fn signed(parts: [&'static str; 4], buffers: &[&'static [u8]]) -> Vec<Bytes> {
        let dictionaries = parts.map(str::as_bytes);
        let mut frames = vec![Bytes::from_static(b"peer"), Bytes::from_static(DELIMITER)];
        frames.push(Bytes::from(signer().sign(&dictionaries)));
        frames.extend(dictionaries.map(Bytes::from_static));
        frames.extend(buffers.iter().map(|buffer| Bytes::from_static(buffer)));
        frames
    }

    #[test]
    fn a_message_comes_back_as_it_was_sent_with_its_buffers() {
        let frames =
            signed([r#"{"msg_id":"1","msg_type":"comm_msg","extra":[1]}"#, "{}", "{}", r#"{"a":1}"#], &[b"\0\xff"]);
        let Parsed { message, .. } = parse(frames.clone(), &signer()).unwrap();
        assert_eq!((message.header.msg_id(), message.msg_type()), ("1", "comm_msg"));
        assert_eq!(message.buffers, [Bytes::from_static(b"\0\xff")]);
        assert_eq!(build(&message, &signer()), frames);
    }

    #[test]
    fn missing_fields_and_null_parents_are_taken() {
        let Parsed { message, .. } = parse(signed(["{}", "null", "{}", "{}"], &[]), &signer()).unwrap();
        assert_eq!(message.msg_type(), "");
        assert!(message.parent_header.is_empty());
        assert!(message.flag("silent", true) && message.text("code").is_empty());
    }

    #[test]
    fn what_is_no_message_is_refused_with_a_reason() {
        let check = |frames: Vec<Bytes>, wanted: Malformed| assert_eq!(parse(frames, &signer()).unwrap_err(), wanted);
        check(vec![], Malformed::NoDelimiter { frames: 0 });
        check(vec![Bytes::from_static(b"peer")], Malformed::NoDelimiter { frames: 1 });
        let whole = signed(["{}", "{}", "{}", "{}"], &[]);
        for length in 2..whole.len() {
            check(whole[..length].to_vec(), Malformed::TooFewFrames { found: length - 2 });
        }
        let mut changed = whole.clone();
        changed[6] = Bytes::from_static(b"{\"code\":\"evil\"}");
        check(changed, Malformed::WrongSignature);
        let list = parse(signed(["{}", "{}", "{}", "[]"], &[]), &signer()).unwrap_err();
        assert!(list.to_string().contains("content is not a JSON dictionary: found a list"), "{list}");
        assert!(parse(signed(["{", "{}", "{}", "{}"], &[]), &signer()).is_err());
    }
}
