//! Tells the kernel, and with it whoever looks at the cell, how far the compilation of dependencies is.

use std::{env, os::unix::net::UnixStream, time::Duration};

use flowdeck::bridge::{self, Frame};
use serde_json::json;

/// Columns that a line fills, so that it covers a longer one before it.
const WIDTH: usize = 60;

/// What has been compiled of so many crates.
pub struct Progress {
    kernel: Option<UnixStream>,
    total: usize,
    seen: usize,
    compiled: usize,
    /// Whether the line that was written last may be written over.
    is_line_open: bool,
}

impl Progress {
    /// Nothing yet of so many.
    pub fn new(total: usize) -> Progress {
        Progress { kernel: connect(), total, seen: 0, compiled: 0, is_line_open: false }
    }

    /// So many there will be.
    pub fn expect(&mut self, total: usize) {
        self.total = total;
    }

    /// Something else that takes time.
    pub fn note(&mut self, text: &str) {
        self.say(&format!("\r{text:WIDTH$}"));
        self.is_line_open = true;
    }

    /// Nothing is written over what was said last.
    pub fn end_line(&mut self) {
        if std::mem::take(&mut self.is_line_open) {
            self.say("\n");
        }
    }

    /// One more is there. Those that were there before are not worth a line.
    pub fn compiled(&mut self, name: &str, was_there: bool) {
        self.seen = (self.seen + 1).min(self.total);
        if !was_there {
            self.compiled += 1;
            let text = format!("compiled {name} ({} of {})", self.seen, self.total);
            self.note(&text);
        }
    }

    /// That is all.
    pub fn end(&mut self, elapsed: Duration) {
        if self.compiled > 0 {
            let text = format!("compiled {} crates in {:.0} s", self.compiled, elapsed.as_secs_f64());
            self.note(&text);
        }
        self.end_line();
    }

    fn say(&mut self, text: &str) {
        if let Some(kernel) = &mut self.kernel {
            // A kernel that is gone looks at nothing.
            let _ = bridge::text(false, text).write(kernel);
        }
    }
}

fn connect() -> Option<UnixStream> {
    let mut kernel = UnixStream::connect(env::var_os(bridge::SOCKET_ENV)?).ok()?;
    let hello = json!({"type": bridge::HELLO, "role": bridge::PROGRESS_ROLE, "pid": std::process::id()});
    Frame::new(hello).write(&mut kernel).ok()?;
    Some(kernel)
}
