//! The narrow line between a cell's shared object and the cell host: a table of C functions.
//!
//! Cells share one library of this crate, or carry a copy each where they are compiled otherwise (in tests), so nothing is
//! shared through its statics: the host calls [`flowdeck_cell_attach`] with every object it loads and passes the table.

use std::{
    ffi::c_void,
    sync::{
        Arc,
        atomic::{AtomicPtr, Ordering},
    },
    task::{Wake, Waker},
};

use arrow_array::{
    ffi::{FFI_ArrowArray, FFI_ArrowSchema},
    ffi_stream::FFI_ArrowArrayStream,
};

/// Raised with every change of [`HostApi`] or of what its functions mean.
pub const ABI_VERSION: u32 = 4;

/// Name of the function that the host calls in a freshly loaded cell, before the cell runs.
pub const ATTACH_SYMBOL: &str = "flowdeck_cell_attach";

/// Name of the function that the host calls after a cell ran: writes out what `print!` left in std's buffer.
pub const FLUSH_SYMBOL: &str = "flowdeck_cell_flush";

/// What the cell host offers to cells.
#[repr(C)]
pub struct HostApi {
    /// [`ABI_VERSION`] of the host.
    pub version: u32,
    /// Sends a one-way message of [`crate::bridge`].
    pub send: unsafe extern "C" fn(message: *const Message),
    /// Puts out UTF-8 text on standard output, or on standard error. Apart from `send`, because cells print a lot.
    pub print: unsafe extern "C" fn(to_stderr: bool, text: *const u8, text_len: usize),
    /// Sends a request and waits for its answer, written to `reply`.
    pub request: unsafe extern "C" fn(message: *const Message, reply: *mut HostReply),
    /// Releases what a reply holds, but for the record batches.
    pub release: unsafe extern "C" fn(reply: *mut HostReply),
    /// Takes a callback over, and sends the message with its number in it, which is given back.
    pub listen: unsafe extern "C" fn(message: *const Message, callback: Callback) -> u64,
    /// Forgets a callback: it is dropped now, or at its end if it is running.
    pub unlisten: unsafe extern "C" fn(callback: u64),
    /// From now on what this thread puts out belongs to the Output widget with this identifier.
    pub capture_begin: unsafe extern "C" fn(widget: *const u8, widget_len: usize),
    /// Ends the innermost capture of this thread.
    pub capture_end: unsafe extern "C" fn(),
    /// Takes a function of SQL over, has the kernel define it as the message says, and waits for the answer. When that is
    /// an error the function is dropped.
    pub define_function: unsafe extern "C" fn(message: *const Message, function: Function, reply: *mut HostReply),
    /// Sends a request with record batches and waits for the answer. The batches are the host's.
    pub request_with_batches:
        unsafe extern "C" fn(message: *const Message, batches: *mut FFI_ArrowArrayStream, reply: *mut HostReply),
    /// Runs a future to its end on the runtime of all cells. Gives the number of that runtime; 0 when there is none.
    pub spawn: unsafe extern "C" fn(future: AbiFuture) -> u64,
    /// Wakes somebody after a time.
    pub wake_after: unsafe extern "C" fn(nanoseconds: u64, waker: AbiWaker),
    /// The number of the runtime of now. Tasks of another are gone.
    pub task_generation: unsafe extern "C" fn() -> u64,
}

/// A message on its way through the table. Borrowed: the callee copies what it keeps.
#[repr(C)]
pub struct Message {
    /// A JSON dictionary, UTF-8.
    pub json: *const u8,
    /// Its length in bytes.
    pub json_len: usize,
    /// What does not fit into JSON.
    pub payload: *const u8,
    /// Its length in bytes.
    pub payload_len: usize,
}

impl Message {
    /// A message that borrows both parts: it must not outlive them.
    pub fn new(json: &[u8], payload: &[u8]) -> Message {
        Message { json: json.as_ptr(), json_len: json.len(), payload: payload.as_ptr(), payload_len: payload.len() }
    }

    /// Both parts: the dictionary and the payload.
    ///
    /// # Safety
    /// The parts that the message was made of must still be there.
    pub unsafe fn parts(&self) -> (&[u8], &[u8]) {
        // Safety: the pointers come from slices, see `new`.
        unsafe {
            (
                std::slice::from_raw_parts(self.json, self.json_len),
                std::slice::from_raw_parts(self.payload, self.payload_len),
            )
        }
    }
}

/// The answer to a request. Owned by the host until [`HostApi::release`].
#[repr(C)]
pub struct HostReply {
    /// A JSON dictionary, UTF-8.
    pub json: *mut u8,
    /// Its length in bytes.
    pub json_len: usize,
    /// Binary parts of the answer; null when it has none or they are record batches.
    pub payload: *mut u8,
    /// Their length in bytes.
    pub payload_len: usize,
    /// Record batches that belong to the answer; released by whoever imports it. Empty when there are none.
    pub batches: FFI_ArrowArrayStream,
}

impl HostReply {
    /// A reply for the host to fill.
    pub fn empty() -> HostReply {
        HostReply {
            json: std::ptr::null_mut(),
            json_len: 0,
            payload: std::ptr::null_mut(),
            payload_len: 0,
            batches: FFI_ArrowArrayStream::empty(),
        }
    }
}

/// A closure of a cell as the host holds it. The cell's object stays loaded, so the functions stay valid.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Callback {
    /// Runs the closure; gives `true` when it panicked. Never called twice at a time.
    pub call: unsafe extern "C" fn(data: *mut c_void, event: *const Message) -> bool,
    /// Drops the closure; called once, after the last call.
    pub drop: unsafe extern "C" fn(data: *mut c_void),
    /// The closure.
    pub data: *mut c_void,
}

/// A function of SQL as the host holds it. The cell's object stays loaded, so the functions stay valid.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Function {
    /// Calls it; several threads may at a time.
    pub call: unsafe extern "C" fn(data: *const c_void, call: *mut FunctionCall),
    /// Drops it; called once, after the last call.
    pub drop: unsafe extern "C" fn(data: *mut c_void),
    /// The closures.
    pub data: *mut c_void,
}

/// What is asked of a function.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FunctionStep {
    /// Values of rows.
    Apply = 0,
    /// Take rows in; the first column is the group of each, `u32`.
    Update = 1,
    /// Take states in; the first column is the group of each, the second the state's number, `u64`.
    Merge = 2,
    /// Hand the states of the first groups over; their numbers come out, `u64`.
    State = 3,
    /// Values of the first groups, which are forgotten unless they are kept.
    Evaluate = 4,
    /// Forget all groups.
    Forget = 5,
}

/// How a call ended.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FunctionOutcome {
    /// The values are there, where any are due.
    Done = 0,
    /// The text that `fail` was given says why not.
    Failed = 1,
    /// By a panic.
    Panicked = 2,
}

/// One call of a function.
#[repr(C)]
pub struct FunctionCall {
    /// What is asked.
    pub step: FunctionStep,
    /// Which states of an aggregate.
    pub accumulator: u64,
    /// Whether states stay when their values are given.
    pub keep: bool,
    /// How many values are due.
    pub rows: usize,
    /// The columns, as one struct; released when there are none. The function takes it.
    pub arguments: FFI_ArrowArray,
    /// Their types.
    pub arguments_schema: FFI_ArrowSchema,
    /// The values, for the host to take; released when there are none.
    pub values: FFI_ArrowArray,
    /// Their type.
    pub values_schema: FFI_ArrowSchema,
    /// How it ended.
    pub outcome: FunctionOutcome,
    /// Takes the text, UTF-8, that says why a call failed.
    pub fail: unsafe extern "C" fn(context: *mut c_void, text: *const u8, text_len: usize),
    /// What `fail` is called with.
    pub context: *mut c_void,
}

/// A future of a cell as the host holds it. The cell's object stays loaded, so the functions stay valid.
#[repr(C)]
pub struct AbiFuture {
    /// Polls it; gives whether it is over. Takes the waker.
    pub poll: unsafe extern "C" fn(data: *mut c_void, waker: AbiWaker) -> bool,
    /// Drops it; called once, after the last poll.
    pub drop: unsafe extern "C" fn(data: *mut c_void),
    /// The future.
    pub data: *mut c_void,
}

/// A waker on its way between a cell and the host: each may have a standard library of its own.
#[repr(C)]
pub struct AbiWaker {
    wake: unsafe extern "C" fn(data: *const c_void),
    clone: unsafe extern "C" fn(data: *const c_void) -> AbiWaker,
    drop: unsafe extern "C" fn(data: *const c_void),
    data: *const c_void,
}

// Safety: it is made of a `Waker`, which is both.
unsafe impl Send for AbiWaker {}
unsafe impl Sync for AbiWaker {}

impl AbiWaker {
    /// The same waker for the other side.
    pub fn of(waker: &Waker) -> AbiWaker {
        unsafe extern "C" fn wake(data: *const c_void) {
            // Safety: made by `of`, and not dropped yet.
            unsafe { &*data.cast::<Waker>() }.wake_by_ref();
        }
        unsafe extern "C" fn clone(data: *const c_void) -> AbiWaker {
            // Safety: as above.
            AbiWaker::of(unsafe { &*data.cast::<Waker>() })
        }
        unsafe extern "C" fn drop_waker(data: *const c_void) {
            // Safety: as above; this is called once.
            drop(unsafe { Box::from_raw(data.cast_mut().cast::<Waker>()) });
        }
        AbiWaker { wake, clone, drop: drop_waker, data: Box::into_raw(Box::new(waker.clone())).cast_const().cast() }
    }

    /// The waker on this side.
    pub fn into_waker(self) -> Waker {
        struct OfOtherSide(AbiWaker);

        impl Wake for OfOtherSide {
            fn wake(self: Arc<Self>) {
                self.wake_by_ref();
            }

            fn wake_by_ref(self: &Arc<Self>) {
                // Safety: it is dropped with the last reference.
                unsafe { (self.0.wake)(self.0.data) }
            }
        }

        Waker::from(Arc::new(OfOtherSide(self)))
    }
}

impl Clone for AbiWaker {
    fn clone(&self) -> AbiWaker {
        // Safety: it is not dropped yet.
        unsafe { (self.clone)(self.data) }
    }
}

impl Drop for AbiWaker {
    fn drop(&mut self) {
        // Safety: once, as this owns it.
        unsafe { (self.drop)(self.data) }
    }
}

static HOST: AtomicPtr<HostApi> = AtomicPtr::new(std::ptr::null_mut());

/// The host's table, or `None` outside a cell host (for instance in a unit test).
pub(crate) fn host() -> Option<&'static HostApi> {
    #[cfg(test)]
    if let Some(host) = crate::fake_host::table() {
        return Some(host);
    }
    // Safety: the host passes a table that lives as long as its process, see `flowdeck_cell_attach`.
    unsafe { HOST.load(Ordering::Acquire).as_ref() }
}

/// Called by the host in every cell it loads. A host with another version of the table stays unknown.
///
/// # Safety
/// `api` must be null or point to a table that outlives the process's last cell.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flowdeck_cell_attach(api: *const HostApi) {
    // Safety: as promised by the caller; the version comes first in every table.
    let is_ours = unsafe { api.as_ref() }.is_some_and(|api| api.version == ABI_VERSION);
    HOST.store(if is_ours { api.cast_mut() } else { std::ptr::null_mut() }, Ordering::Release);
    if is_ours {
        crate::output::report_panics();
    }
}

/// Called by the host after a cell ran.
#[unsafe(no_mangle)]
pub extern "C" fn flowdeck_cell_flush() {
    crate::output::flush();
}
