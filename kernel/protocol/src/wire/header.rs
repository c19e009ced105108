//! The header of a message, kept as it came: a reply's parent header must be a copy of it, unknown fields included.

use serde_json::{Map, Value};

/// A message header. Missing fields read as empty text, as old clients leave some out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header(Map<String, Value>);

impl Header {
    /// Wraps a header dictionary as received or made.
    pub fn new(fields: Map<String, Value>) -> Header {
        Header(fields)
    }

    /// The identifier of the message, unique per session.
    pub fn msg_id(&self) -> &str {
        self.text("msg_id")
    }

    /// The message type, for instance `execute_request`.
    pub fn msg_type(&self) -> &str {
        self.text("msg_type")
    }

    /// The session of the sender.
    pub fn session(&self) -> &str {
        self.text("session")
    }

    /// Whether nothing is known of the message: the parent of `starting` and `iopub_welcome`.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The dictionary as it goes over the wire.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.0
    }

    fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}
