//! Text output of a cell, panics, and early returns.
//!
//! The `print!` family below replaces std's in cells: text shows at once, without waiting for a line feed, and in
//! order with everything else that the cell puts out.

use std::{
    borrow::Cow,
    ffi::c_void,
    fmt,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde_json::json;

use crate::{bridge, host};

/// `print!`, shown at once.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::write_stdout_fmt(::std::format_args!($($argument)*)) };
}

/// `println!`, shown at once.
#[macro_export]
macro_rules! println {
    () => { $crate::write_stdout("\n") };
    ($($argument:tt)*) => { $crate::write_stdout_fmt(::std::format_args!("{}\n", ::std::format_args!($($argument)*))) };
}

/// `eprint!`, in order with stdout.
#[macro_export]
macro_rules! eprint {
    ($($argument:tt)*) => { $crate::write_stderr_fmt(::std::format_args!($($argument)*)) };
}

/// `eprintln!`, in order with stdout.
#[macro_export]
macro_rules! eprintln {
    () => { $crate::write_stderr("\n") };
    ($($argument:tt)*) => { $crate::write_stderr_fmt(::std::format_args!("{}\n", ::std::format_args!($($argument)*))) };
}

/// `dbg!`, in order with stdout, with the line of the cell.
#[macro_export]
macro_rules! dbg {
    () => { $crate::write_debug(::std::file!(), ::std::line!(), "") };
    ($value:expr $(,)?) => {
        // A `match`, as temporaries of the value live until the whole statement ends.
        match $value {
            value => {
                let text = ::std::format!("{} = {:#?}", ::std::stringify!($value), &value);
                $crate::write_debug(::std::file!(), ::std::line!(), &text);
                value
            }
        }
    };
    ($($value:expr),+ $(,)?) => { ($($crate::dbg! { $value }),+,) };
}

/// Formats what `print!` is given. Here and not in the macro, as each cell would compile that anew.
#[doc(hidden)]
pub fn write_stdout_fmt(text: fmt::Arguments<'_>) {
    write_stdout(&written(text));
}

/// What [`write_stdout_fmt`] is for stderr.
#[doc(hidden)]
pub fn write_stderr_fmt(text: fmt::Arguments<'_>) {
    write_stderr(&written(text));
}

fn written(text: fmt::Arguments<'_>) -> Cow<'_, str> {
    text.as_str().map_or_else(|| Cow::Owned(text.to_string()), Cow::Borrowed)
}

/// Writes text to the cell's stdout; at once.
pub fn write_stdout(text: &str) {
    host::print(false, text);
}

/// Writes text to the cell's stderr; at once, in order with stdout.
pub fn write_stderr(text: &str) {
    host::print(true, text);
}

/// Runs a cell and tells whether it came to its end, or a panic ended it. What stands around a cell calls this: std's own
/// function for it is generic, and each cell would compile it.
#[doc(hidden)]
pub fn completed<F: FnOnce()>(cell: F) -> bool {
    let mut cell = ManuallyDrop::new(cell);
    // Not a closure that takes the cell out of an `Option`: where the compiler sees that a cell cannot go on (a write
    // through a null pointer), it would conclude that there never is one, and leave out what should be a crash.
    catches(call::<F>, (&raw mut cell).cast())
}

/// # Safety
/// `cell` points to an `F`, which is not used afterwards.
unsafe fn call<F: FnOnce()>(cell: *mut c_void) {
    // Safety: as the caller promises.
    let cell = unsafe { cell.cast::<F>().read() };
    cell();
}

fn catches(call: unsafe fn(*mut c_void), cell: *mut c_void) -> bool {
    // What a panic leaves half done is not used: the cell's variables are those of the copy before it.
    // Safety: `completed` gives the cell to its own function, once.
    catch_unwind(AssertUnwindSafe(|| unsafe { call(cell) })).is_ok()
}

/// Writes text to the cell's stderr behind the line of the cell that this place in the compiled source comes from; what
/// `dbg!` calls.
pub fn write_debug(file: &str, line: u32, text: &str) {
    let text = format!("{text}\n");
    host::send_with(&json!({"type": bridge::STREAM, "name": "stderr", "file": file, "line": line}), text.as_bytes());
}

/// Clears the output of the running cell: at once, or with `wait` when the next output arrives.
pub fn clear_output(wait: bool) {
    host::send(&json!({"type": bridge::CLEAR_OUTPUT, "wait": wait}));
}

/// Ends the cell with an error; called where `?` at the top level of a cell meets one, which is the caller's place.
#[track_caller]
pub fn return_error(message: &str) {
    let place = std::panic::Location::caller();
    let (file, line) = (place.file(), place.line());
    host::send(&json!({"type": bridge::RETURNED_ERROR, "message": message, "file": file, "line": line}));
}

/// Writes out what std's own `print!` left in its buffer.
pub(crate) fn flush() {
    use std::io::Write;
    // A closed stdout has nobody to tell.
    let _ = std::io::stdout().flush();
}

/// Sends panics to the kernel, which shows them as the cell's error instead of as text on stderr.
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("the panic carries a value that is no text");
        let (file, line) = panic.location().map_or(("", 0), |location| (location.file(), location.line()));
        let thread = std::thread::current().name().map(str::to_owned);
        host::send(&json!({"type": bridge::PANIC, "message": message, "file": file, "line": line, "thread": thread}));
    }));
}
