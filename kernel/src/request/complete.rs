//! `complete_request`: SQL in SQL cells, magics, and rust-analyzer's answers in Rust cells.

use kernel_protocol::Message;
use serde_json::{Value, json};

use super::cursor;
use crate::{cell::plot, engine, help, kernel::Kernel};
use flow_engine::plot::{Aggregate, Kind};

/// What may be put in place of the text from `start` to `end` (byte offsets into the cell).
pub struct Offer {
    /// Where the replaced text begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// In the order of the front end's list.
    pub items: Vec<Item>,
}

/// One completion.
pub struct Item {
    /// The text to insert.
    pub text: String,
    /// The icon: `keyword`, `table`, `column`, `function`, `magic` or rust-analyzer's kind.
    pub kind: String,
    /// Type or signature.
    pub signature: String,
}

/// The content of the reply.
pub async fn answer(kernel: &Kernel, request: &Message) -> Value {
    let code = request.text("code").to_owned();
    let cursor = request.integer("cursor_pos").and_then(|cursor| usize::try_from(cursor).ok());
    let byte = cursor.map_or(code.len(), |cursor| cursor::to_byte(&code, cursor));
    let offer = offer(kernel, &code, byte).await;
    reply(&code, offer.unwrap_or(Offer { start: byte, end: byte, items: Vec::new() }))
}

async fn offer(kernel: &Kernel, code: &str, byte: usize) -> Option<Offer> {
    if let Some(body) = sql_body(code).filter(|body| byte >= *body) {
        let room = engine::ready().await.ok()?;
        engine::open_named(room, &code[body..], byte - body).await;
        return Some(sql(&room.engine, code, body, byte));
    }
    if code.trim_start().starts_with('%') {
        return Some(magics(code, byte));
    }
    kernel.interpreters.rust.complete(code, byte).await
}

/// Where the query of a SQL cell, or of a plot, begins.
fn sql_body(code: &str) -> Option<usize> {
    let magic = code.find(|c: char| !c.is_whitespace())?;
    if !["%%sql", "%%plot"].iter().any(|name| code[magic..].starts_with(name)) {
        return None;
    }
    code[magic..].find('\n').map(|line| magic + line + 1)
}

fn sql(engine: &flow_engine::Engine, code: &str, body: usize, byte: usize) -> Offer {
    let found = engine.complete(&code[body..], byte - body);
    let items = found.items.into_iter().map(|item| Item {
        text: item.text,
        kind: kind(item.kind).to_owned(),
        signature: item.detail,
    });
    Offer { start: body + found.start, end: body + found.end, items: items.collect() }
}

fn magics(code: &str, byte: usize) -> Offer {
    let start = code.find('%').unwrap_or(0).min(byte);
    let prefix = &code[start..byte];
    if let Some(written) = prefix.strip_prefix("%%plot").filter(|written| !written.is_empty()) {
        return plot_options(written, byte);
    }
    let found = help::MAGICS.iter().filter(|magic| magic.name.starts_with(prefix) && magic.name.starts_with('%'));
    let items =
        found.map(|magic| Item { text: magic.name.into(), kind: "magic".into(), signature: magic.usage.into() });
    Offer { start, end: byte, items: items.collect() }
}

/// Options of a plot, and what some of them may be.
fn plot_options(written: &str, byte: usize) -> Offer {
    let word = written.rsplit(char::is_whitespace).next().unwrap_or_default();
    let before = written[..written.len() - word.len()].split_whitespace().next_back();
    let known: Vec<&str> = match before {
        Some("--kind") => Kind::NAMES.iter().map(|(name, _)| *name).collect(),
        Some("--agg") => Aggregate::NAMES.iter().map(|(name, _)| *name).collect(),
        _ => plot::USAGE
            .split(|c: char| !(c.is_ascii_alphabetic() || c == '-'))
            .filter(|it| it.starts_with("--"))
            .collect(),
    };
    let found = known.into_iter().filter(|name| name.starts_with(word));
    let items = found.map(|name| Item { text: name.into(), kind: "magic".into(), signature: String::new() });
    Offer { start: byte - word.len(), end: byte, items: items.collect() }
}

fn reply(code: &str, offer: Offer) -> Value {
    let (start, end) = (cursor::to_code_points(code, offer.start), cursor::to_code_points(code, offer.end));
    let matches: Vec<&str> = offer.items.iter().map(|item| item.text.as_str()).collect();
    // JupyterLab reads this list by the index of the match: same length, same order.
    let types: Vec<Value> = offer
        .items
        .iter()
        .map(|Item { text, kind, signature }| {
            json!({"start": start, "end": end, "text": text, "type": kind, "signature": signature})
        })
        .collect();
    json!({
        "status": "ok",
        "matches": matches,
        "cursor_start": start,
        "cursor_end": end,
        "metadata": {"_jupyter_types_experimental": types},
    })
}

fn kind(kind: flow_engine::CompletionKind) -> &'static str {
    match kind {
        flow_engine::CompletionKind::Column => "column",
        flow_engine::CompletionKind::Table => "table",
        flow_engine::CompletionKind::Function => "function",
        flow_engine::CompletionKind::Keyword => "keyword",
    }
}
