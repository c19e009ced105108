//! Standard input twice: evcxr's instructions, and the lines that a cell reads with `std::io::stdin`.
//!
//! evcxr's pipe is kept aside. What a cell reads from descriptor 0 is asked of the person at the front end: the
//! dynamic linker finds our `read` before the C library's. Child processes of cells, and cells on systems that bind
//! symbols another way, find an empty standard input.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    sync::{Mutex, OnceLock},
};

use anyhow::{Context, Result};

/// evcxr's pipe.
static INSTRUCTIONS: OnceLock<Mutex<File>> = OnceLock::new();

/// Keeps evcxr's pipe aside and makes descriptor 0 an empty file.
///
/// # Errors
/// When there is no descriptor left.
pub fn set_aside() -> Result<()> {
    let empty = File::open("/dev/null").context("cannot open an empty standard input")?;
    // Safety: both descriptors are open, and nobody else has read from 0 yet.
    let pipe = unsafe {
        let copy = libc::fcntl(libc::STDIN_FILENO, libc::F_DUPFD_CLOEXEC, 3);
        if copy < 0 || libc::dup2(empty.as_raw_fd(), libc::STDIN_FILENO) < 0 {
            return Err(io::Error::last_os_error()).context("cannot keep evcxr's pipe");
        }
        OwnedFd::from_raw_fd(copy)
    };
    INSTRUCTIONS.get_or_init(|| Mutex::new(File::from(pipe)));
    Ok(())
}

/// One line of evcxr's, read byte by byte: a process forked from this one must not own half of the next.
///
/// # Errors
/// What the pipe says.
pub fn instruction() -> Result<Option<String>> {
    use io::Read;
    let pipe = INSTRUCTIONS.get().context("standard input was not set aside")?;
    let mut pipe = pipe.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match pipe.read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) if byte[0] == b'\n' => return Ok(Some(String::from_utf8(line)?)),
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(target_os = "linux")]
mod of_cells {
    use std::{
        collections::VecDeque,
        ffi::c_void,
        sync::{Mutex, MutexGuard},
    };

    use flowdeck::bridge::{self, Frame};
    use serde_json::{Value, json};

    use crate::connection;

    /// Typed and not yet read.
    static TYPED: Mutex<VecDeque<u8>> = Mutex::new(VecDeque::new());

    /// What a front end sends for the end of the input (control-D).
    const END_OF_INPUT: &str = "\u{4}";

    /// Comes before the C library's function of this name: a read of descriptor 0 asks the front end.
    ///
    /// # Safety
    /// As read(2).
    #[unsafe(no_mangle)]
    unsafe extern "C" fn read(descriptor: libc::c_int, buffer: *mut c_void, count: libc::size_t) -> libc::ssize_t {
        if descriptor != libc::STDIN_FILENO || !connection::is_open() {
            // Safety: passed on as it came.
            return unsafe { libc::syscall(libc::SYS_read, descriptor, buffer, count) as libc::ssize_t };
        }
        if count == 0 {
            return 0;
        }
        match take(count) {
            Ok(bytes) => {
                // Safety: no more than `count` bytes are taken.
                unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast(), bytes.len()) };
                bytes.len() as libc::ssize_t
            }
            Err(reason) => {
                let text = format!("standard input: {reason}\n");
                connection::send(&bridge::text(true, &text));
                // Safety: the address is that of this thread's error number.
                unsafe { *libc::__errno_location() = libc::EIO };
                -1
            }
        }
    }

    /// At most `count` bytes of what was typed; asks when there is none. Nothing is the end of the input.
    fn take(count: usize) -> Result<Vec<u8>, String> {
        if typed().is_empty() {
            // The question comes after all that the cell wrote.
            connection::sync();
            let answer = connection::request(Frame::new(json!({"type": bridge::INPUT})));
            if let Some(reason) = answer.json.get("error").and_then(Value::as_str) {
                return Err(reason.to_owned());
            }
            let line = answer.text("text");
            if line == END_OF_INPUT {
                return Ok(Vec::new());
            }
            let mut typed = typed();
            typed.extend(line.as_bytes());
            typed.push_back(b'\n');
        }
        let mut typed = typed();
        let count = count.min(typed.len());
        Ok(typed.drain(..count).collect())
    }

    fn typed() -> MutexGuard<'static, VecDeque<u8>> {
        TYPED.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
