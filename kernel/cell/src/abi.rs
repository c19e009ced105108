//! The narrow line between a cell's shared object and the cell host: a table of C functions.
//!
//! Each cell carries its own copy of this crate and its statics, so nothing is shared through them: the host calls
//! [`flowdeck_cell_attach`] in every object it loads and passes the table.

use std::{
    ffi::c_void,
    sync::atomic::{AtomicPtr, Ordering},
};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;

/// Raised with every change of [`HostApi`] or of what its functions mean.
pub const ABI_VERSION: u32 = 3;

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
