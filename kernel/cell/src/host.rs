//! Calls into the cell host: one-way messages and requests.

use arrow_array::{ffi_stream::ArrowArrayStreamReader, ffi_stream::FFI_ArrowArrayStream};
use serde_json::{Map, Value};

use crate::abi::{HostReply, host};

/// Why a call into the kernel failed.
#[derive(Clone, PartialEq)]
pub struct Error {
    message: String,
    hint: Option<String>,
    interrupted: bool,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Error {
        Error { message: message.into(), hint: None, interrupted: false }
    }

    /// Whether the call ended because the user pressed interrupt.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// What to do next, when the kernel knows.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    fn from_reply(reply: &Map<String, Value>) -> Option<Error> {
        let message = reply.get("error")?.as_str()?.to_owned();
        let hint = reply.get("hint").and_then(Value::as_str).map(str::to_owned);
        let interrupted = reply.get("interrupted").and_then(Value::as_bool).unwrap_or(false);
        Some(Error { message, hint, interrupted })
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Error {
    /// The same text as `Display`: `unwrap()` in a cell shows it to a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

/// An answer of the kernel.
pub(crate) struct Reply {
    pub(crate) json: Map<String, Value>,
    /// Batches that came along.
    pub(crate) batches: Option<ArrowArrayStreamReader>,
}

/// Sends a message that has no answer. Outside a cell host it goes nowhere.
pub(crate) fn send(message: &Value) {
    let Some(host) = host() else { return };
    let json = message.to_string();
    // Safety: the host reads the text during the call only.
    unsafe { (host.send)(json.as_ptr(), json.len()) }
}

/// Sends a request and waits for the answer.
pub(crate) fn request(message: &Value) -> Result<Reply, Error> {
    let host = host().ok_or_else(|| Error::new("there is no kernel: this code does not run in a Flowdeck cell"))?;
    let json = message.to_string();
    let mut reply = HostReply { json: std::ptr::null_mut(), json_len: 0, batches: FFI_ArrowArrayStream::empty() };
    // Safety: the host fills the reply before it returns; its text is copied before it is released.
    let text = unsafe {
        (host.request)(json.as_ptr(), json.len(), &mut reply);
        let text = match reply.json.is_null() {
            true => Vec::new(),
            false => std::slice::from_raw_parts(reply.json, reply.json_len).to_vec(),
        };
        (host.release)(&mut reply);
        text
    };
    let json: Map<String, Value> =
        serde_json::from_slice(&text).map_err(|_| Error::new("internal: the kernel's answer could not be read"))?;
    if let Some(error) = Error::from_reply(&json) {
        return Err(error);
    }
    let batches = match reply.batches.release.is_some() {
        true => Some(ArrowArrayStreamReader::try_new(reply.batches).map_err(|error| Error::new(error.to_string()))?),
        false => None,
    };
    Ok(Reply { json, batches })
}
