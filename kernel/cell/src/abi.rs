//! The narrow line between a cell's shared object and the cell host: a table of C functions.
//!
//! Each cell carries its own copy of this crate and its statics, so nothing is shared through them: the host calls
//! [`flowdeck_cell_attach`] in every object it loads and passes the table.

use std::sync::atomic::{AtomicPtr, Ordering};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;

/// Raised with every change of [`HostApi`] or of what its functions mean.
pub const ABI_VERSION: u32 = 1;

/// Name of the function that the host calls in a freshly loaded cell, before the cell runs.
pub const ATTACH_SYMBOL: &str = "flowdeck_cell_attach";

/// Name of the function that the host calls after a cell ran: writes out what `print!` left in std's buffer.
pub const FLUSH_SYMBOL: &str = "flowdeck_cell_flush";

/// What the cell host offers to cells.
#[repr(C)]
pub struct HostApi {
    /// [`ABI_VERSION`] of the host.
    pub version: u32,
    /// Sends a one-way message: a JSON dictionary of [`crate::bridge`].
    pub send: unsafe extern "C" fn(json: *const u8, json_len: usize),
    /// Sends a request and waits for its answer, written to `reply`.
    pub request: unsafe extern "C" fn(json: *const u8, json_len: usize, reply: *mut HostReply),
    /// Releases the text of a reply.
    pub release: unsafe extern "C" fn(reply: *mut HostReply),
}

/// The answer to a request. Owned by the host until [`HostApi::release`].
#[repr(C)]
pub struct HostReply {
    /// A JSON dictionary, UTF-8.
    pub json: *mut u8,
    /// Its length in bytes.
    pub json_len: usize,
    /// Record batches that belong to the answer; released by whoever imports it. Empty when there are none.
    pub batches: FFI_ArrowArrayStream,
}

static HOST: AtomicPtr<HostApi> = AtomicPtr::new(std::ptr::null_mut());

/// The host's table, or `None` outside a cell host (for instance in a unit test).
pub(crate) fn host() -> Option<&'static HostApi> {
    // Safety: the host passes a table that lives as long as its process, see `flowdeck_cell_attach`.
    unsafe { HOST.load(Ordering::Acquire).as_ref() }
}

/// Called by the host in every cell it loads.
///
/// # Safety
/// `api` must be null or point to a table that outlives the process's last cell.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flowdeck_cell_attach(api: *const HostApi) {
    HOST.store(api.cast_mut(), Ordering::Release);
    if !api.is_null() {
        crate::output::report_panics();
    }
}

/// Called by the host after a cell ran.
#[unsafe(no_mangle)]
pub extern "C" fn flowdeck_cell_flush() {
    use std::io::Write;
    // A closed stdout has nobody to tell.
    let _ = std::io::stdout().flush();
}
