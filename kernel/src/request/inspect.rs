//! `inspect_request`: help on what is under the cursor. JupyterLab shows its `text/plain` beside completions.

use kernel_protocol::Message;
use serde_json::{Value, json};

use super::cursor;
use crate::{engine, help, kernel::Kernel};

/// The content of the reply.
pub async fn answer(kernel: &Kernel, request: &Message) -> Value {
    let code = request.text("code").to_owned();
    let cursor = request.integer("cursor_pos").and_then(|cursor| usize::try_from(cursor).ok());
    let byte = cursor.map_or(code.len(), |cursor| cursor::to_byte(&code, cursor));
    match text(kernel, &code, byte).await {
        Some(text) => json!({"status": "ok", "found": true, "data": {"text/plain": text}, "metadata": {}}),
        None => json!({"status": "ok", "found": false, "data": {}, "metadata": {}}),
    }
}

async fn text(kernel: &Kernel, code: &str, byte: usize) -> Option<String> {
    if code.trim_start().starts_with('%') {
        let (_, name) = cursor::name_at(code, byte);
        if let Some(text) = help::on(name) {
            return Some(text);
        }
        let body = code.find('\n').map_or(code.len(), |line| line + 1);
        let room = engine::ready().await.ok()?;
        let (sql, cursor) = (code.get(body..)?, byte.checked_sub(body)?);
        engine::open_named(room, sql, cursor).await;
        return room.engine.inspect(sql, cursor);
    }
    kernel.interpreters.rust.inspect(code, byte).await
}

/// Help on a name, wherever it is from: a magic, a table or function of SQL, a Rust name.
pub async fn on_name(kernel: &Kernel, name: &str) -> Option<String> {
    if let Some(text) = help::on(name) {
        return Some(text);
    }
    if let Ok(room) = engine::ready().await
        && let Some(text) = room.engine.inspect(name, name.len())
    {
        return Some(text);
    }
    kernel.interpreters.rust.inspect(name, name.len()).await
}
