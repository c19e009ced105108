//! Asking the person at the front end for a line.

use serde_json::{Value, json};

use crate::{bridge, host, host::Error};

/// Asks for a line of text and waits for it.
///
/// # Errors
/// When the front end cannot ask (a notebook run without a person), and [`Error::is_interrupted`] when the user pressed
/// interrupt instead of answering.
pub fn input(prompt: &str) -> Result<String, Error> {
    ask(prompt, false)
}

/// As [`input`]; what is typed is not shown.
///
/// # Errors
/// As [`input`].
pub fn password(prompt: &str) -> Result<String, Error> {
    ask(prompt, true)
}

fn ask(prompt: &str, is_password: bool) -> Result<String, Error> {
    let reply = host::request(&json!({"type": bridge::INPUT, "prompt": prompt, "password": is_password}))?;
    Ok(reply.json.get("text").and_then(Value::as_str).unwrap_or_default().to_owned())
}
