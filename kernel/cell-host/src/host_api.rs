//! What cells may call in the host: the functions behind [`flowdeck::abi::HostApi`].

use std::{
    io::Cursor,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

use arrow_array::{
    RecordBatchReader,
    ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream},
};
use arrow_ipc::{reader::StreamReader, writer::StreamWriter};
use flowdeck::{
    abi::{ABI_VERSION, Callback, Function, HostApi, HostReply, Message},
    bridge::{self, Frame},
};
use serde_json::{Value, json};

use crate::{
    callbacks::{Callbacks, Lane, Line},
    connection, context,
    functions::Functions,
    snapshot::Running,
    tasks, threads,
    turn::Turn,
};

/// Keeps cells and default callbacks apart.
pub static TURN: LazyLock<Turn> = LazyLock::new(Turn::default);

static CALLBACKS: LazyLock<Arc<Callbacks>> = LazyLock::new(|| Arc::new(Callbacks::new(Box::new(ToKernel), &TURN)));

static FUNCTIONS: LazyLock<Functions> = LazyLock::new(Functions::default);

/// The name of the thread that runs cells.
const CELLS_THREAD: &str = "main";

/// What evcxr's frame of a cell prints when a panic ended the cell.
pub const PANIC_NOTIFICATION: &str = "EVCXR_PANIC_NOTIFICATION";

/// Whether a panic ended the cell that runs.
static HAS_PANICKED: AtomicBool = AtomicBool::new(false);

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
    spawn: tasks::spawn,
    wake_after: tasks::wake_after,
    task_generation: tasks::generation,
};

/// What belongs to the output of a cell: text that it wrote past us (a C library, a child process) comes before it.
const IN_ORDER: &[&str] =
    &[bridge::DISPLAY, bridge::RESULT, bridge::CLEAR_OUTPUT, bridge::WIDGET_DISPLAY, bridge::RETURNED_ERROR];

/// The table that cells are given.
pub fn table() -> *const HostApi {
    &TABLE
}

/// The callbacks of cells.
pub fn callbacks() -> &'static Arc<Callbacks> {
    &CALLBACKS
}

/// The functions of SQL that cells have defined.
pub fn functions() -> &'static Functions {
    &FUNCTIONS
}

/// Holds all that other threads may hold at any moment, for a copy of this process in which they are not.
pub fn with_all_locks<T>(work: impl FnOnce() -> T) -> T {
    TURN.with_lock(|| {
        callbacks().with_locks(|| functions().with_lock(|| tasks::with_lock(|| connection::with_locks(work))))
    })
}

/// A cell begins: it has not panicked.
pub fn begin_cell() {
    HAS_PANICKED.store(false, Ordering::Relaxed);
}

/// After a cell: if a panic ended it and nothing else goes on in this process, this process ends, and the copy from before
/// the cell goes on. Threads and callbacks are not in the copy, so with any of them what the cell changed stays.
pub fn take_back_if_panicked(copy: &Running) {
    let is_alone = || callbacks().are_done() && tasks::are_done() && threads::are_ours();
    if HAS_PANICKED.load(Ordering::Relaxed) && is_alone() {
        with_all_locks(|| copy.panicked());
    }
}

struct ToKernel;

impl Line for ToKernel {
    fn send(&self, frame: &Frame) {
        connection::send(frame);
    }

    fn sync(&self) {
        connection::sync();
    }
}

unsafe extern "C" fn send(message: *const Message) {
    // Safety: the caller passes a message that is valid during the call.
    let Some(mut frame) = frame(unsafe { &*message }) else { return };
    if frame.kind() == bridge::PANIC {
        // The library that cells share has a standard library of its own, for which the thread that runs them has no name.
        if std::thread::current().name() == Some(CELLS_THREAD) {
            frame.json.insert("thread".to_owned(), Value::from(CELLS_THREAD));
        }
        match context::keep_panic(frame) {
            Some(of_a_cell) => frame = of_a_cell,
            None => return,
        }
    }
    if IN_ORDER.contains(&frame.kind()) {
        connection::sync();
    }
    if frame.kind() == bridge::STREAM {
        context::note_print();
    }
    connection::send(&frame);
}

unsafe extern "C" fn print(to_stderr: bool, text: *const u8, text_len: usize) {
    // Safety: the caller passes a valid slice.
    let text = String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(text, text_len) });
    let mut frame = bridge::text(to_stderr, &text);
    context::mark(&mut frame.json);
    if text.trim_end() == PANIC_NOTIFICATION {
        HAS_PANICKED.store(true, Ordering::Relaxed);
    }
    context::note_print();
    connection::send(&frame);
}

unsafe extern "C" fn request(message: *const Message, reply: *mut HostReply) {
    // Safety: the caller passes a valid message and a reply to fill.
    let (message, reply) = unsafe { (&*message, &mut *reply) };
    let Some(question) = frame(message) else {
        reply.put(&Value::Object(unreadable().json));
        return;
    };
    let is_query = question.kind() == bridge::SQL;
    let answer = connection::request(question);
    match (answer.payload.is_empty(), is_query) {
        (true, _) => {}
        (false, false) => (reply.payload, reply.payload_len) = given_away(answer.payload),
        (false, true) => match batches(answer.payload) {
            Ok(stream) => reply.batches = stream,
            Err(error) => {
                reply.put(&json!({"error": format!("internal: the rows could not be read: {error}")}));
                return;
            }
        },
    }
    reply.put(&Value::Object(answer.json));
}

unsafe extern "C" fn define_function(message: *const Message, function: Function, reply: *mut HostReply) {
    // Safety: the caller passes a valid message and a reply to fill.
    let (message, reply) = unsafe { (&*message, &mut *reply) };
    let answer = match frame(message) {
        Some(frame) => FUNCTIONS.define(frame, function),
        None => {
            // Safety: nobody took it.
            unsafe { (function.drop)(function.data) };
            unreadable()
        }
    };
    reply.put(&Value::Object(answer.json));
}

unsafe extern "C" fn request_with_batches(
    message: *const Message,
    batches: *mut FFI_ArrowArrayStream,
    reply: *mut HostReply,
) {
    // Safety: the caller passes a valid message, a stream that is ours now, and a reply to fill.
    let (message, batches, reply) = unsafe { (&*message, ArrowArrayStreamReader::from_raw(batches), &mut *reply) };
    let answer = match (frame(message), batches.and_then(ipc)) {
        (Some(frame), Ok(payload)) => connection::request(Frame { payload, ..frame }),
        (None, _) => unreadable(),
        (_, Err(error)) => Frame::new(json!({"error": format!("internal: the rows could not be sent: {error}")})),
    };
    reply.put(&Value::Object(answer.json));
}

fn unreadable() -> Frame {
    Frame::new(json!({"error": "internal: the cell sent a request that is no dictionary"}))
}

fn ipc(batches: ArrowArrayStreamReader) -> Result<Vec<u8>, arrow_schema::ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches.schema())?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.into_inner()
}

unsafe extern "C" fn release(reply: *mut HostReply) {
    // Safety: the caller passes a reply that `request` filled.
    unsafe {
        let reply = &mut *reply;
        taken_back(&mut reply.json, reply.json_len);
        taken_back(&mut reply.payload, reply.payload_len);
    }
}

unsafe extern "C" fn listen(message: *const Message, callback: Callback) -> u64 {
    // Safety: the caller passes a message that is valid during the call.
    let frame = frame(unsafe { &*message });
    let is_concurrent = frame.as_ref().is_some_and(|frame| frame.json.get("concurrent") == Some(&Value::Bool(true)));
    let number = CALLBACKS.register(callback, if is_concurrent { Lane::Concurrent } else { Lane::Default });
    if let Some(mut frame) = frame {
        frame.json.insert(bridge::CALLBACK.to_owned(), Value::from(number));
        connection::send(&frame);
    }
    number
}

unsafe extern "C" fn unlisten(callback: u64) {
    if CALLBACKS.forget(callback) {
        connection::send(&Frame::new(json!({"type": bridge::WIDGET_UNLISTEN, "callback": callback})));
    }
}

unsafe extern "C" fn capture_begin(widget: *const u8, widget_len: usize) {
    // Safety: the caller passes a valid slice.
    let widget = unsafe { std::slice::from_raw_parts(widget, widget_len) };
    context::begin_capture(String::from_utf8_lossy(widget).into_owned());
}

unsafe extern "C" fn capture_end() {
    context::end_capture();
}

/// The frame of a message, with where it comes from.
fn frame(message: &Message) -> Option<Frame> {
    // Safety: whoever called us holds the parts during the call.
    let (json, payload) = unsafe { message.parts() };
    let mut json = bridge::dictionary(json).ok()?;
    context::mark(&mut json);
    Some(Frame { json, payload: payload.to_vec() })
}

fn batches(ipc: Vec<u8>) -> Result<FFI_ArrowArrayStream, arrow_schema::ArrowError> {
    let reader = StreamReader::try_new(Cursor::new(ipc), None)?;
    let reader: Box<dyn RecordBatchReader + Send> = Box::new(reader);
    Ok(FFI_ArrowArrayStream::new(reader))
}

/// Gives a reply its dictionary.
trait Put {
    fn put(&mut self, json: &Value);
}

impl Put for HostReply {
    fn put(&mut self, json: &Value) {
        (self.json, self.json_len) = given_away(json.to_string().into_bytes());
    }
}

/// Bytes as a cell sees them until it gives them back.
fn given_away(bytes: Vec<u8>) -> (*mut u8, usize) {
    let bytes = bytes.into_boxed_slice();
    let len = bytes.len();
    (Box::into_raw(bytes).cast(), len)
}

/// # Safety
/// `bytes` must be null or from [`given_away`] with this length.
unsafe fn taken_back(bytes: &mut *mut u8, len: usize) {
    let bytes = std::mem::replace(bytes, std::ptr::null_mut());
    if !bytes.is_null() {
        // Safety: as promised by the caller; they are given back once, as null is left behind.
        drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(bytes, len)) });
    }
}
