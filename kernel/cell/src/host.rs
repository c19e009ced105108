//! Calls into the cell host: one-way messages and requests.

use arrow_array::{
    RecordBatchReader,
    ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream},
};
use serde_json::{Map, Value};

use crate::abi::{Callback, Function, HostApi, HostReply, Message, host};

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

    fn no_kernel() -> Error {
        Error::new("there is no kernel: this code does not run in a Flowdeck cell")
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
    /// Binary parts, if they are not batches.
    pub(crate) payload: Vec<u8>,
    /// Batches that came along.
    pub(crate) batches: Option<ArrowArrayStreamReader>,
}

/// Sends a message that has no answer. Outside a cell host it goes nowhere.
pub(crate) fn send(message: &Value) {
    send_with(message, &[]);
}

/// As [`send`], with what does not fit into JSON.
pub(crate) fn send_with(message: &Value, payload: &[u8]) {
    let Some(host) = host() else { return };
    let json = message.to_string();
    // Safety: the host reads the message during the call only.
    unsafe { (host.send)(&Message::new(json.as_bytes(), payload)) }
}

/// Puts out text.
pub(crate) fn print(to_stderr: bool, text: &str) {
    if let Some(host) = host() {
        // Safety: the host reads the text during the call only.
        unsafe { (host.print)(to_stderr, text.as_ptr(), text.len()) }
    }
}

/// Sends a request and waits for the answer.
pub(crate) fn request(message: &Value) -> Result<Reply, Error> {
    request_with(message, &[])
}

/// As [`request`], with what does not fit into JSON.
pub(crate) fn request_with(message: &Value, payload: &[u8]) -> Result<Reply, Error> {
    let host = host().ok_or_else(Error::no_kernel)?;
    let json = message.to_string();
    answered(host, |reply| {
        // Safety: the host reads the message during the call only, and fills the reply before it returns.
        unsafe { (host.request)(&Message::new(json.as_bytes(), payload), reply) }
    })
}

/// As [`request`], with record batches.
pub(crate) fn request_with_batches(
    message: &Value,
    batches: Box<dyn RecordBatchReader + Send>,
) -> Result<Reply, Error> {
    let host = host().ok_or_else(Error::no_kernel)?;
    let json = message.to_string();
    let mut stream = FFI_ArrowArrayStream::new(batches);
    answered(host, |reply| {
        // Safety: as for `request_with`; the host takes the stream.
        unsafe { (host.request_with_batches)(&Message::new(json.as_bytes(), &[]), &mut stream, reply) }
    })
}

/// Gives the host a function of SQL, which is the host's from now on.
pub(crate) fn define_function(message: &Value, function: Function) -> Result<(), Error> {
    let Some(host) = host() else {
        // Safety: nobody took it.
        unsafe { (function.drop)(function.data) };
        return Err(Error::no_kernel());
    };
    let json = message.to_string();
    let define = |reply: *mut HostReply| {
        // Safety: as for `request_with`.
        unsafe { (host.define_function)(&Message::new(json.as_bytes(), &[]), function, reply) }
    };
    answered(host, define).map(drop)
}

/// What the host puts into a reply.
fn answered(host: &HostApi, ask: impl FnOnce(*mut HostReply)) -> Result<Reply, Error> {
    let mut reply = HostReply::empty();
    ask(&mut reply);
    // Safety: the host has filled the reply; its parts are copied before they are released.
    let (json, payload) = unsafe {
        let parts = (copied(reply.json, reply.json_len), copied(reply.payload, reply.payload_len));
        (host.release)(&mut reply);
        parts
    };
    let json: Map<String, Value> =
        serde_json::from_slice(&json).map_err(|_| Error::new("internal: the kernel's answer could not be read"))?;
    if let Some(error) = Error::from_reply(&json) {
        return Err(error);
    }
    let batches = match reply.batches.release.is_some() {
        true => Some(ArrowArrayStreamReader::try_new(reply.batches).map_err(|error| Error::new(error.to_string()))?),
        false => None,
    };
    Ok(Reply { json, payload, batches })
}

/// # Safety
/// `bytes` must be null or point to as many bytes as `len` says.
unsafe fn copied(bytes: *const u8, len: usize) -> Vec<u8> {
    match bytes.is_null() {
        true => Vec::new(),
        // Safety: as promised by the caller.
        false => unsafe { std::slice::from_raw_parts(bytes, len) }.to_vec(),
    }
}

/// A callback that the host has taken over: the number by which it is forgotten.
pub(crate) fn listen(message: &Value, callback: Callback) -> Result<u64, Error> {
    let host = host().ok_or_else(Error::no_kernel)?;
    let json = message.to_string();
    // Safety: the host reads the message during the call only, and the callback is the host's from now on.
    Ok(unsafe { (host.listen)(&Message::new(json.as_bytes(), &[]), callback) })
}

/// Forgets a callback.
pub(crate) fn unlisten(callback: u64) {
    if let Some(host) = host() {
        // Safety: a number that the host does not know is nothing to it.
        unsafe { (host.unlisten)(callback) }
    }
}

/// Diverts what this thread puts out to an Output widget, until the guard is dropped.
pub(crate) fn capture(widget: &str) -> Capture {
    if let Some(host) = host() {
        // Safety: the host reads the text during the call only.
        unsafe { (host.capture_begin)(widget.as_ptr(), widget.len()) }
    }
    Capture { _same_thread: std::marker::PhantomData }
}

/// Ends a capture when dropped, on the thread that began it.
pub(crate) struct Capture {
    _same_thread: std::marker::PhantomData<*const ()>,
}

impl Drop for Capture {
    fn drop(&mut self) {
        if let Some(host) = host() {
            // Safety: nothing is passed.
            unsafe { (host.capture_end)() }
        }
    }
}
