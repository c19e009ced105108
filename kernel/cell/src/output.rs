//! Text output of a cell, panics, and early returns.
//!
//! The `print!` family below replaces std's in cells: text shows at once, without waiting for a line feed, and in
//! order with everything else that the cell puts out.

use serde_json::json;

use crate::{bridge, host};

/// `print!`, shown at once.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::write_stdout(&::std::format!($($argument)*)) };
}

/// `println!`, shown at once.
#[macro_export]
macro_rules! println {
    () => { $crate::write_stdout("\n") };
    ($($argument:tt)*) => { $crate::write_stdout(&::std::format!("{}\n", ::std::format_args!($($argument)*))) };
}

/// `eprint!`, in order with stdout.
#[macro_export]
macro_rules! eprint {
    ($($argument:tt)*) => { $crate::write_stderr(&::std::format!($($argument)*)) };
}

/// `eprintln!`, in order with stdout.
#[macro_export]
macro_rules! eprintln {
    () => { $crate::write_stderr("\n") };
    ($($argument:tt)*) => { $crate::write_stderr(&::std::format!("{}\n", ::std::format_args!($($argument)*))) };
}

/// Writes text to the cell's stdout; what `print!` calls.
pub fn write_stdout(text: &str) {
    host::print(false, text);
}

/// Writes text to the cell's stderr; what `eprint!` calls.
pub fn write_stderr(text: &str) {
    host::print(true, text);
}

/// Clears the output of the running cell: at once, or with `wait` when the next output arrives.
pub fn clear_output(wait: bool) {
    host::send(&json!({"type": bridge::CLEAR_OUTPUT, "wait": wait}));
}

/// Ends the cell with an error; called where `?` at the top level of a cell meets one.
pub fn return_error(message: &str) {
    host::send(&json!({"type": bridge::RETURNED_ERROR, "message": message}));
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
