//! A cell host for unit tests: records what a thread sends, answers its requests, and holds its callbacks.
//!
//! One for each thread, so tests do not see each other.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use serde_json::{Map, Value, json};

use arrow_array::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};

use crate::abi::{ABI_VERSION, AbiFuture, AbiWaker, Callback, Function, HostApi, HostReply, Message};

static TABLE: HostApi = HostApi {
    version: ABI_VERSION,
    send,
    print,
    request,
    release,
    listen,
    unlisten,
    capture_begin,
    capture_end,
    define_function,
    request_with_batches,
    spawn,
    wake_after,
    task_generation,
};

/// Takes a frame with its payload. What it gives, dictionary and payload, is the answer if the frame is a request.
type Answer = Box<dyn FnMut(&Value, &[u8]) -> (Value, Vec<u8>)>;

thread_local! {
    static IS_HERE: Cell<bool> = const { Cell::new(false) };
    static HERE: RefCell<Fake> = RefCell::default();
}

#[derive(Default)]
struct Fake {
    frames: Vec<(Value, Vec<u8>)>,
    answer: Option<Answer>,
    callbacks: BTreeMap<u64, Callback>,
    captures: Vec<String>,
    functions: Vec<Function>,
    rows_sent: usize,
}

/// This thread's table, if it has one.
pub(crate) fn table() -> Option<&'static HostApi> {
    IS_HERE.get().then_some(&TABLE)
}

/// A fake host for this thread, until it is dropped.
pub(crate) struct FakeHost;

impl FakeHost {
    /// Answers every request with an empty dictionary.
    pub(crate) fn new() -> FakeHost {
        FakeHost::answering(|_| json!({}))
    }

    /// Answers every request as told.
    pub(crate) fn answering(mut answer: impl FnMut(&Value) -> Value + 'static) -> FakeHost {
        FakeHost::answering_with(move |question, _| (answer(question), Vec::new()))
    }

    /// As [`FakeHost::answering`], with payloads.
    pub(crate) fn answering_with(answer: impl FnMut(&Value, &[u8]) -> (Value, Vec<u8>) + 'static) -> FakeHost {
        IS_HERE.set(true);
        HERE.set(Fake { answer: Some(Box::new(answer)), ..Fake::default() });
        FakeHost
    }

    /// What was sent since the last call.
    pub(crate) fn frames(&self) -> Vec<Value> {
        self.frames_with_payload().into_iter().map(|(frame, _)| frame).collect()
    }

    /// What was sent since the last call, with payloads.
    pub(crate) fn frames_with_payload(&self) -> Vec<(Value, Vec<u8>)> {
        HERE.with_borrow_mut(|here| std::mem::take(&mut here.frames))
    }

    /// Runs a callback with an event; gives whether it panicked.
    pub(crate) fn fire(&self, callback: u64, event: &Value, payload: &[u8]) -> bool {
        let closure = HERE.with_borrow(|here| here.callbacks[&callback]);
        let json = event.to_string();
        // Safety: the closure is still registered, and this thread alone calls it.
        unsafe { (closure.call)(closure.data, &Message::new(json.as_bytes(), payload)) }
    }

    /// The function that was defined last.
    pub(crate) fn function(&self) -> Function {
        HERE.with_borrow(|here| *here.functions.last().expect("a function was defined"))
    }

    /// How many rows of batches were sent.
    pub(crate) fn rows_sent(&self) -> usize {
        HERE.with_borrow(|here| here.rows_sent)
    }

    /// Numbers of the callbacks that are registered.
    pub(crate) fn callbacks(&self) -> Vec<u64> {
        HERE.with_borrow(|here| here.callbacks.keys().copied().collect())
    }
}

impl Drop for FakeHost {
    fn drop(&mut self) {
        IS_HERE.set(false);
        let Fake { callbacks, functions, .. } = HERE.take();
        for function in functions {
            // Safety: each is dropped once.
            unsafe { (function.drop)(function.data) }
        }
        for closure in callbacks.into_values() {
            // Safety: each is dropped once.
            unsafe { (closure.drop)(closure.data) }
        }
    }
}

/// Records a frame; gives what the test answers.
fn record(message: *const Message) -> (Value, Vec<u8>) {
    // Safety: the caller holds the message during the call.
    let (json, payload) = unsafe { (*message).parts() };
    let mut frame: Map<String, Value> = serde_json::from_slice(json).expect("a dictionary");
    HERE.with_borrow_mut(|here| {
        if let Some(widget) = here.captures.last() {
            frame.insert("output".to_owned(), json!(widget));
        }
        here.frames.push((Value::Object(frame.clone()), payload.to_vec()));
    });
    // Not borrowed while it answers: an answer may look at what was sent.
    let mut answer = HERE.with_borrow_mut(|here| here.answer.take()).expect("answers send nothing");
    let answered = answer(&Value::Object(frame), payload);
    HERE.with_borrow_mut(|here| here.answer = Some(answer));
    answered
}

unsafe extern "C" fn send(message: *const Message) {
    record(message);
}

unsafe extern "C" fn print(to_stderr: bool, text: *const u8, text_len: usize) {
    // Safety: the caller passes a valid slice.
    let text = String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(text, text_len) });
    let name = if to_stderr { "stderr" } else { "stdout" };
    record(&Message::new(json!({"type": "stream", "name": name, "text": text}).to_string().as_bytes(), &[]));
}

unsafe extern "C" fn request(message: *const Message, reply: *mut HostReply) {
    let (json, payload) = record(message);
    let given_away = |bytes: Vec<u8>| {
        let bytes = bytes.into_boxed_slice();
        (bytes.len(), Box::into_raw(bytes).cast())
    };
    // Safety: the caller passes a reply to fill.
    unsafe {
        ((*reply).json_len, (*reply).json) = given_away(json.to_string().into_bytes());
        if !payload.is_empty() {
            ((*reply).payload_len, (*reply).payload) = given_away(payload);
        }
    }
}

unsafe extern "C" fn release(reply: *mut HostReply) {
    // Safety: `request` filled it.
    unsafe {
        for (bytes, len) in [((*reply).json, (*reply).json_len), ((*reply).payload, (*reply).payload_len)] {
            if !bytes.is_null() {
                drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(bytes, len)));
            }
        }
    }
}

unsafe extern "C" fn listen(message: *const Message, callback: Callback) -> u64 {
    record(message);
    HERE.with_borrow_mut(|here| {
        let number = here.callbacks.len() as u64 + 1;
        here.callbacks.insert(number, callback);
        number
    })
}

unsafe extern "C" fn unlisten(callback: u64) {
    let closure = HERE.with_borrow_mut(|here| here.callbacks.remove(&callback));
    if let Some(closure) = closure {
        // Safety: it is no longer registered.
        unsafe { (closure.drop)(closure.data) }
    }
}

unsafe extern "C" fn define_function(message: *const Message, function: Function, reply: *mut HostReply) {
    HERE.with_borrow_mut(|here| here.functions.push(function));
    // Safety: passed on as it came.
    unsafe { request(message, reply) }
}

unsafe extern "C" fn request_with_batches(
    message: *const Message,
    batches: *mut FFI_ArrowArrayStream,
    reply: *mut HostReply,
) {
    // Safety: the caller gives the stream away.
    let batches = unsafe { ArrowArrayStreamReader::from_raw(batches) }.expect("a stream");
    let rows = batches.map(|batch| batch.expect("a batch").num_rows()).sum();
    HERE.with_borrow_mut(|here| here.rows_sent = rows);
    // Safety: passed on as it came.
    unsafe { request(message, reply) }
}

unsafe extern "C" fn spawn(_: AbiFuture) -> u64 {
    panic!("tests of tasks need no host")
}

unsafe extern "C" fn wake_after(_: u64, waker: AbiWaker) {
    waker.into_waker().wake();
}

unsafe extern "C" fn task_generation() -> u64 {
    0
}

unsafe extern "C" fn capture_begin(widget: *const u8, widget_len: usize) {
    // Safety: the caller passes a valid slice.
    let widget = unsafe { std::slice::from_raw_parts(widget, widget_len) };
    HERE.with_borrow_mut(|here| here.captures.push(String::from_utf8_lossy(widget).into_owned()));
}

unsafe extern "C" fn capture_end() {
    HERE.with_borrow_mut(|here| here.captures.pop());
}
