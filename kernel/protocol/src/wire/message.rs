//! A message of the protocol, parsed once, and the reply and output made from it.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::header::Header;

/// A value in several representations: MIME type to content.
pub type MimeBundle = Map<String, Value>;

/// The channel on which a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Requests that may take their time.
    Shell,
    /// Requests that must be answered while a cell runs.
    Control,
}

/// A message with its routing identities.
#[derive(Clone, Debug)]
pub struct Message {
    /// Routing frames before the delimiter: peer identities, or the topic on iopub.
    pub identities: Vec<Bytes>,
    /// Header of this message.
    pub header: Header,
    /// Header of the message that caused this one, empty when there is none.
    pub parent_header: Header,
    /// Anything about the message that is not its content.
    pub metadata: Map<String, Value>,
    /// The content; always a dictionary.
    pub content: Map<String, Value>,
    /// Raw buffers; not covered by the signature.
    pub buffers: Vec<Bytes>,
}

impl Message {
    /// The message type, for instance `execute_request`.
    pub fn msg_type(&self) -> &str {
        self.header.msg_type()
    }

    /// A field of the content as text, empty when it is missing or of another type.
    pub fn text(&self, field: &str) -> &str {
        self.content.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field of the content as a truth value, or `default` when it is missing or of another type.
    pub fn flag(&self, field: &str, default: bool) -> bool {
        self.content.get(field).and_then(Value::as_bool).unwrap_or(default)
    }

    /// A field of the content as an integer.
    pub fn integer(&self, field: &str) -> Option<i64> {
        self.content.get(field).and_then(Value::as_i64)
    }
}
