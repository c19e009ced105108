//! Comm messages, as they come from a front end and as they go to one.
//!
//! Only their form. What a message means to a model is decided in `registry`.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{
    buffers::{StateValue, WireState, split},
    error::WidgetError,
};

/// The comm target of all models.
pub const WIDGET_TARGET: &str = "jupyter.widget";

/// The comm target by which a front end asks for all models at once.
pub const CONTROL_TARGET: &str = "jupyter.widget.control";

/// The version of the widget messaging protocol. Front ends refuse a model whose `comm_open` does not tell it.
pub const PROTOCOL_VERSION: &str = "2.1.0";

/// The version of the protocol on the control target.
pub const CONTROL_PROTOCOL_VERSION: &str = "1.0.0";

/// What a reference to a model begins with; the model's id follows.
pub const REFERENCE_PREFIX: &str = "IPY_MODEL_";

/// Which of the three comm messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommKind {
    Open,
    Msg,
    Close,
}

impl CommKind {
    /// The `msg_type` in the header of the Jupyter message.
    pub fn message_type(self) -> &'static str {
        match self {
            CommKind::Open => "comm_open",
            CommKind::Msg => "comm_msg",
            CommKind::Close => "comm_close",
        }
    }
}

/// A message to publish. `content` is the content of the Jupyter message; it always has `data`.
#[derive(Clone, Debug, PartialEq)]
pub struct CommMessage {
    pub kind: CommKind,
    pub comm_id: String,
    pub content: Value,
    pub metadata: Map<String, Value>,
    pub buffers: Vec<Bytes>,
}

impl CommMessage {
    pub(crate) fn open(comm_id: &str, wire: WireState) -> Self {
        let content = json!({
            "comm_id": comm_id,
            "target_name": WIDGET_TARGET,
            "data": {"state": wire.state, "buffer_paths": wire.buffer_paths},
        });
        let metadata = Map::from_iter([("version".to_owned(), PROTOCOL_VERSION.into())]);
        CommMessage { kind: CommKind::Open, comm_id: comm_id.to_owned(), content, metadata, buffers: wire.buffers }
    }

    /// `method` is `update` or `echo_update`.
    pub(crate) fn update<'a>(
        comm_id: &str,
        method: &str,
        entries: impl Iterator<Item = (&'a str, &'a StateValue)>,
    ) -> Self {
        let wire = split(entries);
        let data = json!({"method": method, "state": wire.state, "buffer_paths": wire.buffer_paths});
        CommMessage::data(comm_id, data, wire.buffers)
    }

    pub(crate) fn custom(comm_id: &str, content: Value, buffers: Vec<Bytes>) -> Self {
        CommMessage::data(comm_id, json!({"method": "custom", "content": content}), buffers)
    }

    pub(crate) fn data(comm_id: &str, data: Value, buffers: Vec<Bytes>) -> Self {
        let content = json!({"comm_id": comm_id, "data": data});
        CommMessage { kind: CommKind::Msg, comm_id: comm_id.to_owned(), content, metadata: Map::new(), buffers }
    }

    pub(crate) fn close(comm_id: &str) -> Self {
        let content = json!({"comm_id": comm_id, "data": {}});
        let (kind, metadata, buffers) = (CommKind::Close, Map::new(), Vec::new());
        CommMessage { kind, comm_id: comm_id.to_owned(), content, metadata, buffers }
    }
}

/// A comm message from a front end. Nothing in it is trusted.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    pub kind: CommKind,
    pub comm_id: String,
    /// Only `Open` has one.
    pub target_name: String,
    pub data: Value,
    pub metadata: Value,
    pub buffers: Vec<Bytes>,
}

impl Incoming {
    /// Reads the content of a Jupyter message.
    pub fn parse(
        kind: CommKind,
        mut content: Value,
        metadata: Value,
        buffers: Vec<Bytes>,
    ) -> Result<Self, WidgetError> {
        let malformed = |fault| WidgetError::MalformedMessage { message_type: kind.message_type(), fault };
        let comm_id = content["comm_id"].as_str().ok_or(malformed("comm_id is not a string"))?.to_owned();
        let target_name = match kind {
            CommKind::Open => content["target_name"].as_str().ok_or(malformed("target_name is not a string"))?,
            CommKind::Msg | CommKind::Close => "",
        };
        let target_name = target_name.to_owned();
        let data = content.get_mut("data").map(Value::take).unwrap_or_default();
        Ok(Incoming { kind, comm_id, target_name, data, metadata, buffers })
    }
}

/// The text of a reference to a model.
pub fn reference(id: &str) -> String {
    format!("{REFERENCE_PREFIX}{id}")
}

/// The model's id in a reference.
pub fn referenced(value: &Value) -> Option<&str> {
    value.as_str()?.strip_prefix(REFERENCE_PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_carries_data_because_nbclient_reads_it() {
        assert_eq!(CommMessage::close("a").content, json!({"comm_id": "a", "data": {}}));
    }

    #[test]
    fn content_from_a_front_end_is_read_without_trust() {
        let parse = |kind, content| Incoming::parse(kind, content, json!({}), Vec::new());
        let open = json!({"comm_id": "a", "target_name": "jupyter.widget", "data": {"state": {}}});
        let open = parse(CommKind::Open, open).expect("well formed");
        assert_eq!((open.target_name.as_str(), open.data), ("jupyter.widget", json!({"state": {}})));
        let closed = parse(CommKind::Close, json!({"comm_id": "a"})).expect("data may be missing");
        assert_eq!(closed.data, Value::Null);
        let error = parse(CommKind::Msg, json!([1])).expect_err("no comm_id");
        assert_eq!(error.to_string(), "malformed comm_msg: comm_id is not a string");
        let error = parse(CommKind::Open, json!({"comm_id": "a"})).expect_err("no target");
        assert_eq!(error.to_string(), "malformed comm_open: target_name is not a string");
    }
}
