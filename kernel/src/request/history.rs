//! `history_request`: tail, range and search over the cells of this session and earlier ones.

use kernel_protocol::Message;
use serde_json::{Value, json};

use crate::{history::Query, kernel::Kernel};

/// The content of the reply.
pub async fn answer(kernel: &Kernel, request: &Message) -> Value {
    json!({"status": "ok", "history": kernel.history.query(query(request)).await})
}

fn query(request: &Message) -> Query {
    let count = |field: &str| request.integer(field).and_then(|value| usize::try_from(value).ok());
    let line = |field: &str| request.integer(field).and_then(|value| u64::try_from(value).ok());
    Query {
        access: request.text("hist_access_type").to_owned(),
        output: request.flag("output", false),
        n: count("n"),
        session: request.integer("session").unwrap_or(0),
        start: line("start"),
        stop: line("stop"),
        pattern: request.text("pattern").to_owned(),
        unique: request.flag("unique", false),
    }
}
